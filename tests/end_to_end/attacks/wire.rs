//! Bytes on a socket, against the server of `autofix serve` in front of the real endpoints.

use std::time::Duration;

use autofix::endpoint::BODY_LIMIT;
use autofix_local::sandbox::sentry::SignedWebhook;
use autofix_local::server::{Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{SENTRY, nothing_happened};
use crate::world::{Hook, Scenario, World};

/// The server of a world's endpoints, until it is dropped.
struct Server {
    address: std::net::SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(world: &World, limits: Limits) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve(listener, world.process.endpoints(), limits, std::future::pending()));
        Server { address, task }
    }

    async fn ask(&self, bytes: &[u8]) -> String {
        ask(self.address, bytes.to_vec()).await
    }
}

/// Sends the bytes and reads until the server ends the connection.
async fn ask(address: std::net::SocketAddr, bytes: Vec<u8>) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = socket.split();
    let mut answer = Vec::new();
    // Who refuses early does not read to the end: then writing fails, and the answer is there all the same.
    let (_, _) = tokio::join!(writer.write_all(&bytes), reader.read_to_end(&mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn head(webhook: &SignedWebhook, framing: &str) -> String {
    let mut head = format!("POST {SENTRY} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{framing}\r\n");
    for (name, value) in
        webhook.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
    {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

fn chunks(body: &[u8], size: usize) -> Vec<u8> {
    let mut sent = Vec::new();
    for chunk in body.chunks(size) {
        sent.extend(format!("{:x};a=b\r\n", chunk.len()).into_bytes());
        sent.extend([chunk, b"\r\n"].concat());
    }
    sent.extend(b"0\r\nx-trailer: 1\r\n\r\n");
    sent
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_off_at_the_limit() {
    let world = World::new().await;
    let server = Server::start(&world, Limits::default()).await;
    let webhook = SignedWebhook::of_bytes("issue", vec![b'a'; BODY_LIMIT + 1]);
    let head = head(&webhook, "transfer-encoding: chunked");
    let answer = server.ask(&[head.as_bytes(), &chunks(&webhook.body, 60_000)].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    nothing_happened(&world).await;
}

#[tokio::test]
async fn a_declared_length_beyond_the_limit_is_refused_before_a_byte_of_it_comes() {
    let world = World::new().await;
    let server = Server::start(&world, Limits::default()).await;
    let head = format!(
        "POST {SENTRY} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        BODY_LIMIT + 1
    );
    let answer = server.ask(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("larger than"), "{answer}");
    let absurd = format!("POST {SENTRY} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", u64::MAX);
    let answer = server.ask(absurd.as_bytes()).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    nothing_happened(&world).await;
}

#[tokio::test]
async fn a_webhook_in_small_pieces_is_a_webhook() {
    let world = World::new().await;
    let server = Server::start(&world, Limits::default()).await;
    let event = Scenario::Fix.event(world.clock.now());
    world.sandbox.sentry.throw(&event);
    let webhook = world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
    let head = head(&webhook, "transfer-encoding: chunked");
    let answer = server.ask(&[head.as_bytes(), &chunks(&webhook.body, 7)].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    world.settle().await;
}

#[tokio::test]
async fn who_sends_slowly_is_sent_away_and_others_are_served() {
    let world = World::new().await;
    let limits = Limits { body_time: Duration::from_millis(150), connections: 4, ..Limits::default() };
    let server = Server::start(&world, limits).await;
    let webhook = world.sandbox.sentry.webhook(&Scenario::Fix.event(world.clock.now()), Hook::IssueCreated);
    let unfinished = head(&webhook, &format!("content-length: {}", webhook.body.len() + 1)).into_bytes();
    let unfinished = [unfinished, webhook.body.clone()].concat();
    let mut slow = tokio::task::JoinSet::new();
    for _ in 0..8 {
        slow.spawn(ask(server.address, unfinished.clone()));
    }
    let alive = server.ask(b"GET /autofix/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(alive.starts_with("HTTP/1.1 200 "), "{alive}");
    while let Some(answer) = slow.join_next().await {
        let answer = answer.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    nothing_happened(&world).await;
}

#[tokio::test]
async fn what_is_no_request_of_ours_is_refused_in_some_form_and_never_a_fault() {
    let world = World::new().await;
    let server = Server::start(&world, Limits::default()).await;
    let requests: [&[u8]; 12] = [
        b"\r\n\r\n\r\n\x00\x01\x02\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /autofix/status\r\n\r\n",
        b"GET /autofix/status HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /autofix/../autofix/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        b"GET /autofix/attempts HTTP/1.1\r\nhost : x\r\n\r\n",
        b"GET /autofix/attempts HTTP/1.1\r\nx: a\r\n b\r\nhost: x\r\nconnection: close\r\n\r\n",
    ];
    for request in requests {
        let mut sent = request.to_vec();
        // Whoever waits for more than this gets it, and then the end.
        sent.extend(b"\r\n\r\n");
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        let _ = socket.write_all(&sent).await;
        let _ = socket.shutdown().await;
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let refused =
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4");
        assert!(refused, "{:?}: {answer}", String::from_utf8_lossy(request));
    }
    // One request hidden in the body of another: it has a token of its own, or none.
    let hidden = "GET /autofix/attempts HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let outer = format!(
        "POST {SENTRY} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
    );
    let answer = server.ask(outer.as_bytes()).await;
    assert!(!answer.contains(" 200 "), "{answer}");
    nothing_happened(&world).await;
}
