//! The file of a regression test: with the test in it, and as it was.

use autofix::attempt::{Attempt, RegressionTest, TestPlace};
use autofix::outbound::ServiceError;
use sha2::{Digest, Sha256};

use crate::context::Context;

/// The file with the test in it, on a base. `None` where the file is another one there than the one that was read.
pub(super) async fn with_the_test(
    context: &Context<'_>,
    attempt: &Attempt,
    test: &RegressionTest,
    base_sha: &str,
) -> Result<Option<String>, ServiceError> {
    let file = context.worker.github.file(&attempt.target.repo, &test.file_path, base_sha).await?;
    Ok(match (&test.place, file) {
        (TestPlace::NewFile, None) => Some(test.code.clone()),
        (TestPlace::EndOfFile { before_sha256 }, Some(bytes))
            if hex::encode(Sha256::digest(&bytes)) == *before_sha256 =>
        {
            String::from_utf8(bytes).ok().map(|before| format!("{}\n\n\n{}", before.trim_end(), test.code))
        }
        (TestPlace::NewFile, Some(_)) | (TestPlace::EndOfFile { .. }, _) => None,
    })
}

/// The file as it is without the test. `None`: there is none.
pub(super) async fn without_the_test(
    context: &Context<'_>,
    attempt: &Attempt,
    test: &RegressionTest,
    base_sha: &str,
) -> Result<Option<String>, ServiceError> {
    let file = context.worker.github.file(&attempt.target.repo, &test.file_path, base_sha).await?;
    Ok(file.and_then(|bytes| String::from_utf8(bytes).ok()))
}
