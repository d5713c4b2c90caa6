//! Addresses: tricks with paths and methods, and guessing attempts without the token.

use autofix_local::sandbox::API_TOKEN;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};

use crate::world::{Answer, Scenario, World};

#[tokio::test]
async fn an_address_is_an_endpoints_in_one_spelling_only_but_for_a_slash_at_its_end() {
    let world = World::new().await;
    let id = world.handle(Scenario::Security).await;
    let spelled = [
        "/autofix//status".to_owned(),
        "//autofix/status".to_owned(),
        "/autofix/status//".to_owned(),
        "/autofix/./status".to_owned(),
        "/autofix/attempts/../status".to_owned(),
        "/autofix/attempts/%2e%2e/status".to_owned(),
        "/autofix/%2e%2e/autofix/status".to_owned(),
        "/autofix%2Fstatus".to_owned(),
        "/autofix/status%00".to_owned(),
        "/autofix/status%20".to_owned(),
        "/autofix/status;a=b".to_owned(),
        "/AUTOFIX/STATUS".to_owned(),
        "/status".to_owned(),
        "/autofix/attempts//".to_owned(),
        format!("/autofix/attempts%2F{id}"),
        format!("/autofix/attempts//{id}"),
        format!("/autofix/attempts/{id}//"),
        format!("/autofix/attempts/{id}%2F"),
        format!("/autofix/attempts/{id}%00"),
        format!("/autofix/attempts/{id}/../{id}"),
        format!("/autofix/attempts/{}", id.to_uppercase()),
        format!("/autofix/attempts/{}", id.replace('-', "")),
        "/autofix/attempts/%ff%fe".to_owned(),
        "/autofix/attempts/..%2Fstatus".to_owned(),
        "/autofix/attempts/ATTEMPT%23x".to_owned(),
        "/".to_owned(),
        "/autofix/nothing".to_owned(),
    ];
    for path in spelled {
        let request = Request::get(&path).header("authorization", format!("Bearer {API_TOKEN}"));
        let answer = world.ask(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.detail().is_empty(), "{path}: the answer is not in our form");
    }
    // A question mark begins the query, and AutoFix reads only the names that docs/api.md has.
    for path in ["/autofix/status?", "/autofix/status?/../attempts", "/autofix/status?token=x"] {
        let answer = world.ask(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.body["counts"].is_null()), (StatusCode::OK, true), "{path}");
    }
}

#[tokio::test]
async fn an_endpoint_knows_its_own_methods_only() {
    let world = World::new().await;
    let endpoints = ["webhooks/sentry", "slack/interact", "status", "attempts", "attempts/x"];
    for endpoint in endpoints {
        let own: &[&str] = match endpoint {
            "webhooks/sentry" | "slack/interact" => &["POST"],
            "attempts" => &["GET", "HEAD", "POST"],
            _ => &["GET", "HEAD"], // HEAD is GET without the body
        };
        for method in
            ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"]
        {
            let request = Request::builder()
                .method(Method::from_bytes(method.as_bytes()).unwrap())
                .uri(format!("/autofix/{endpoint}"))
                .header("x-http-method-override", own[0]);
            let answer = world.ask(request.body(Body::empty()).unwrap()).await;
            let refused = answer.status == StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(refused, !own.contains(&method), "{method} {endpoint}: {answer:?}");
            assert!(!refused || method == "HEAD" || !answer.detail().is_empty(), "{method} {endpoint}");
        }
    }
}

#[tokio::test]
async fn who_guesses_attempts_learns_nothing() {
    let world = World::new().await;
    let known = world.handle(Scenario::Security).await;
    let unknown = "01a202b2-c500-7c7c-8e66-d0fb14e3c2d4";
    let paths = [
        format!("attempts/{known}"),
        format!("attempts/{unknown}"),
        "attempts/x".to_owned(),
        "attempts/%ff".to_owned(),
        "attempts".to_owned(),
        "attempts?limit=0".to_owned(),
        "attempts?limit=1&limit=2".to_owned(),
        "attempts?%ff".to_owned(),
        format!("attempts?before={known}"),
    ];
    let almost = format!("Bearer {}", &API_TOKEN[..API_TOKEN.len() - 1]);
    let more = format!("Bearer {API_TOKEN}x");
    let basic = format!("Basic {API_TOKEN}");
    let bare = format!("Bearer{API_TOKEN}");
    let tokens = [None, Some(""), Some("Bearer"), Some(&*almost), Some(&*more), Some(&*basic), Some(&*bare)];
    let mut answers: Vec<Answer> = Vec::new();
    for path in &paths {
        for token in tokens {
            let mut request = Request::get(format!("/autofix/{path}"));
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            answers.push(world.ask(request.body(Body::empty()).unwrap()).await);
        }
        let in_query =
            format!("/autofix/{path}{}token={API_TOKEN}", if path.contains('?') { '&' } else { '?' });
        answers.push(world.ask(Request::get(in_query).body(Body::empty()).unwrap()).await);
    }
    assert_eq!(answers[0].status, StatusCode::UNAUTHORIZED);
    answers.dedup();
    assert_eq!(answers.len(), 1, "the answers differ: {answers:#?}");

    // With the token, an id that never was and a text that is none are the same.
    let with_token = [world.get(&format!("attempts/{unknown}")).await, world.get("attempts/x").await];
    assert_eq!(with_token[0], with_token[1]);
    assert_eq!(world.get(&format!("attempts/{known}")).await.status, StatusCode::OK);
}
