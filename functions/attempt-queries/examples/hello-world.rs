//! The floor for `.ci/cold-starts`: the least function that `lambda_http` can make, with nothing of AutoFix in it.

use lambda_http::{Error, Request, Response, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(|_: Request| async { Ok::<_, Error>(Response::new("hello".to_owned())) })).await
}
