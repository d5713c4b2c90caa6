//! What comes first: the size, then the signature over the bytes as they came, then everything else. Who has no secret
//! learns nothing from an answer but that.

use std::io::Write;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use flate2::write::GzEncoder;

use super::{SENTRY, SLACK, nothing_happened};
use crate::world::{Answer, Hook, Scenario, SignedForm, SignedWebhook, World};

/// Bodies that each fail at another place of the reading, if they are read.
fn bodies() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b"{".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{\"action\":\"created\"}".to_vec(),
        "[".repeat(200_000).into_bytes(),
        b"payload=%7B".to_vec(),
        b"payload={}&payload={}".to_vec(),
        b"no form at all".to_vec(),
        vec![b'a'; autofix::endpoint::BODY_LIMIT],
    ]
}

#[tokio::test]
async fn who_cannot_sign_gets_one_answer_whatever_the_body() {
    let world = World::new().await;
    let other = world.sandbox.sentry.webhook(&Scenario::Fix.event(world.clock.now()), Hook::IssueCreated);
    let of_another_body = other.header("sentry-hook-signature").unwrap().to_owned();
    let zeros = "0".repeat(64);
    let texts = ["", "x", "ü", &zeros, &of_another_body].map(|text| Some(text.as_bytes()));
    let signatures = texts.into_iter().chain([None, Some(&b"\xff\xfe\xfd"[..])]);
    let mut answers: Vec<Answer> = Vec::new();
    for body in bodies() {
        for signature in signatures.clone() {
            for resource in [None, Some("issue")] {
                let mut request = Request::post(SENTRY);
                if let Some(signature) = signature {
                    request = request.header("sentry-hook-signature", signature);
                }
                if let Some(resource) = resource {
                    request = request.header("sentry-hook-resource", resource);
                }
                answers.push(world.ask(request.body(Body::from(body.clone())).unwrap()).await);
            }
        }
    }
    assert_eq!(answers[0].status, StatusCode::UNAUTHORIZED);
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answers differ: {answers:#?}");
    nothing_happened(&world).await;
}

#[tokio::test]
async fn who_cannot_sign_a_click_gets_one_answer_whatever_the_form() {
    let world = World::new().await;
    let now = world.clock.now().as_second();
    let other = SignedForm::sign_body("payload={}".to_owned(), now).signature.replace("v0=", "v0=0");
    let zeros = format!("v0={}", "0".repeat(64));
    let mut answers: Vec<Answer> = Vec::new();
    for body in bodies() {
        for signature in [None, Some(""), Some("v0="), Some("v1=00"), Some(&*zeros), Some(&*other)] {
            for time in [None, Some(now.to_string()), Some("never".to_owned()), Some(i64::MIN.to_string())] {
                let mut request = Request::post(SLACK);
                if let Some(signature) = signature {
                    request = request.header("x-slack-signature", signature);
                }
                if let Some(time) = &time {
                    request = request.header("x-slack-request-timestamp", time);
                }
                answers.push(world.ask(request.body(Body::from(body.clone())).unwrap()).await);
            }
        }
    }
    assert_eq!(answers[0].status, StatusCode::UNAUTHORIZED);
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answers differ: {answers:#?}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read_for_its_signature() {
    let world = World::new().await;
    let body = vec![b'a'; autofix::endpoint::BODY_LIMIT + 1];
    let signed = SignedWebhook::of_bytes("issue", body.clone());
    assert_eq!(world.ask(signed.posted_to(SENTRY)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    for endpoint in [SENTRY, SLACK] {
        let request = Request::post(endpoint).body(Body::from(body.clone())).unwrap();
        assert_eq!(world.ask(request).await.status, StatusCode::PAYLOAD_TOO_LARGE, "{endpoint}");
    }
    nothing_happened(&world).await;
}

#[tokio::test]
async fn what_is_compressed_is_taken_for_the_bytes_that_it_is() {
    let world = World::new().await;
    let plain = world.sandbox.sentry.webhook(&Scenario::Fix.event(world.clock.now()), Hook::ErrorCreated);
    let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&plain.body).unwrap();
    let packed = packed.finish().unwrap();
    let encoded = |mut request: Request<Body>| {
        request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        request
    };
    // Signed as it came, it is no JSON; signed as what it would become, it is not signed.
    let of_the_packed = SignedWebhook::of_bytes("error", packed.clone());
    assert_eq!(world.ask(encoded(of_the_packed.posted_to(SENTRY))).await.status, StatusCode::BAD_REQUEST);
    let mut of_the_plain = plain.clone();
    of_the_plain.body = packed;
    assert_eq!(world.ask(encoded(of_the_plain.posted_to(SENTRY))).await.status, StatusCode::UNAUTHORIZED);
    nothing_happened(&world).await;
}
