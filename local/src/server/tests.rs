use std::time::Duration;

use axum::routing::post;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::*;

fn endpoints() -> Router {
    let echo = |body: axum::body::Bytes| async move { format!("{} bytes", body.len()) };
    Router::new().route("/", post(echo).get(|| async { "hello" }))
}

/// A connection to the server, whose time is the test's.
fn connect() -> DuplexStream {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let limits = Limits::default();
    tokio::spawn(connection(server, guarded(endpoints(), limits), limits));
    client
}

/// Everything until the server ends the connection, and how many seconds after the beginning that is.
async fn all(mut client: DuplexStream, begun: Instant) -> (String, u64) {
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await; // a reset is an end as well
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed().as_secs())
}

/// Sends the text at once, and then a byte each second for as long as the server listens.
async fn drip(text: &str, byte: &[u8]) -> (String, u64) {
    let begun = Instant::now();
    let client = connect();
    let (mut reader, mut writer) = tokio::io::split(client);
    writer.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let mut second = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            read = reader.read_buf(&mut answer) => if !matches!(read, Ok(1..)) { break },
            _ = second.tick() => if writer.write_all(byte).await.is_err() { break },
        }
    }
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed().as_secs())
}

/// A request after which the server ends the connection by itself.
async fn once(request: &str) -> String {
    let mut client = connect();
    let _ = client.write_all(request.as_bytes()).await; // it may refuse before all is written
    all(client, Instant::now()).await.0
}

/// A request after which the client says no more.
async fn broken_off(request: &str) -> String {
    let mut client = connect();
    client.write_all(request.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    all(client, Instant::now()).await.0
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_waited_for_ten_seconds() {
    for start in ["", "P", "POST / HTTP/1.1\r\nhost: x\r\nx-a: "] {
        let (answer, seconds) = drip(start, b"a").await;
        assert_eq!(seconds, 10, "{start:?}");
        assert!(!answer.contains("200 OK"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_more_is_let_go() {
    let begun = Instant::now();
    assert_eq!(all(connect(), begun).await.1, 10, "after the connection");
    let begun = Instant::now();
    let mut client = connect();
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let (answer, seconds) = all(client, begun).await;
    assert!(answer.ends_with("hello"), "{answer}");
    assert_eq!(seconds, 10, "after an answer");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_byte_by_byte_is_waited_for_twenty_seconds() {
    for framing in ["content-length: 1000\r\n\r\n", "transfer-encoding: chunked\r\n\r\n1;"] {
        let (answer, seconds) = drip(&format!("POST / HTTP/1.1\r\nhost: x\r\n{framing}"), b"a").await;
        assert_eq!(seconds, 20, "{framing}");
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(answer.ends_with(r#"{"detail":"The body took too long"}"#), "{answer}");
    }
}

#[tokio::test]
async fn heads_have_a_size_and_a_number_of_headers() {
    let request = |headers: &str| format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n");
    assert!(once(&request("")).await.starts_with("HTTP/1.1 200 "));
    let many: String = (0..HEADERS).map(|n| format!("x-{n}: a\r\n")).collect();
    assert!(once(&request(&many)).await.starts_with("HTTP/1.1 431 "));
    let same = "sentry-hook-signature: a\r\n".repeat(HEADERS);
    assert!(once(&request(&same)).await.starts_with("HTTP/1.1 431 "));
    let long = format!("x-a: {}\r\n", "a".repeat(4 * HEAD_BYTES));
    let answer = once(&request(&long)).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(4 * HEAD_BYTES));
    let answer = once(&path).await;
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.starts_with("HTTP/1.1 414 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_lies_about_its_length_is_not_taken_for_more_or_less() {
    let post = |framing: &str, body: &str| {
        format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{framing}\r\n\r\n{body}")
    };
    // What follows the promised length is no part of the body, and no request either.
    let answer = once(&post("content-length: 3", "abcdef\r\n\r\n")).await;
    assert!(answer.contains("3 bytes") && answer.matches("HTTP/1.1 200").count() == 1, "{answer}");
    let answer = broken_off(&post("content-length: 9", "abc")).await;
    assert!(!answer.contains("200 OK"), "a body that broke off: {answer}");
    for lie in ["content-length: -1", "content-length: 1, 2", "content-length: 3\r\ncontent-length: 4"] {
        assert!(once(&post(lie, "abc")).await.starts_with("HTTP/1.1 400 "), "{lie}");
    }
    let both = once(&post("content-length: 3\r\ntransfer-encoding: chunked", "1\r\nx\r\n0\r\n\r\n")).await;
    assert!(!both.contains("3 bytes"), "two lengths, and the chunks are what counts: {both}");
    let garbage = once(&post("transfer-encoding: chunked", "zz\r\nabc")).await;
    assert!(garbage.starts_with("HTTP/1.1 400 "), "{garbage}");
}

#[tokio::test]
async fn who_waits_for_a_connection_gets_it_when_another_one_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { connections: 2, head_time: Duration::from_millis(100), ..Limits::default() };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, endpoints(), limits, async {
        let _ = stopped.await;
    }));
    let silent = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    drop(silent);
    stop.send(()).unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_the_server_from_stopping() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (begun, mut asked) = tokio::sync::mpsc::channel::<()>(1);
    let endless = Router::new().route(
        "/",
        post(move || async move {
            begun.send(()).await.unwrap();
            std::future::pending::<()>().await
        }),
    );
    let limits = Limits { farewell: Duration::from_millis(50), ..Limits::default() };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, endless, limits, async {
        let _ = stopped.await;
    }));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    asked.recv().await.unwrap();
    stop.send(()).unwrap();
    server.await.unwrap();
}
