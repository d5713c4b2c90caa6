use autofix::clock::Clock;
use autofix::github::documents::{MERGE_STATE, REPOSITORY_NAME, REVERT_STATE, UPDATE_REFS};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs1KeyDer;
use rustls::pki_types::pem::PemObject;

use super::super::{APP_ID, APP_PRIVATE_KEY, Holder, Level, Permission, TOKEN};
use super::*;

const NOW: i64 = 1_795_000_000;

async fn fixture(name: &str) -> Fixture {
    Fixture::new(name, Clock::new(|| Timestamp::from_second(NOW).unwrap())).await
}

#[tokio::test]
async fn a_request_must_name_its_agent_and_a_version_that_exists() {
    let at = fixture("agent").await;
    let url = format!("{}/repos/{REPOSITORY}", at.github.url());
    assert_eq!(read(at.http.get(&url).bearer_auth(TOKEN)).await.status, 403);
    let versioned = |version| {
        let named = at.http.get(&url).bearer_auth(TOKEN).header("user-agent", "autofix-tests");
        read(named.header("x-github-api-version", version))
    };
    assert_eq!(versioned("2022-11-28").await.status, 200);
    assert_eq!(versioned("2026-03-10").await.status, 200);
    assert_eq!(versioned("2025-01-01").await.status, 400);
}

#[tokio::test]
async fn a_key_that_autofix_has_no_use_for_is_refused() {
    let at = fixture("keys").await;
    at.pull_request("fix", "hi").await;
    let cases = [
        (Method::POST, "/pulls", json!({ "title": "t", "head": "fix", "base": "main", "labels": [] })),
        (Method::POST, "/git/refs", json!({ "ref": "refs/heads/x", "sha": "0", "force": true })),
        (Method::POST, "/git/trees", json!({ "tree": [{ "path": "a", "mode": "100644", "text": "" }] })),
        (Method::PATCH, "/pulls/1", json!({ "draft": false })),
        (Method::PUT, "/pulls/1/merge", json!({ "method": "squash" })),
        (Method::PUT, "/pulls/1/merge", json!({ "merge_method": "fast" })),
        (Method::POST, "/pulls", json!({ "title": "t", "head": "fix" })),
    ];
    for (method, path, body) in cases {
        let refused = at.send(method, path, body.clone()).await;
        assert_eq!(refused.status, 422, "{path} {body}: {}", refused.json);
    }
}

#[tokio::test]
async fn what_is_not_understood_is_remembered() {
    let at = fixture("unknown").await;
    assert_eq!(at.get("/pulls/1/reviewers").await.status, 501);
    assert_eq!(at.get("/pulls?author=ada").await.status, 501);
    let unknown = at.github.service().unknown();
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert!(unknown[1].ends_with("/pulls?author=ada"), "{unknown:?}");
}

async fn ask(at: &Fixture, query: &str, variables: Value) -> Got {
    let request = at.http.post(format!("{}/graphql", at.github.url()));
    let request = request.bearer_auth(CLASSIC_TOKEN).header("user-agent", "autofix-tests");
    read(request.json(&json!({ "query": query, "variables": variables }))).await
}

#[tokio::test]
async fn a_document_that_autofix_does_not_send_is_not_understood() {
    let at = fixture("documents").await;
    at.pull_request("fix", "hi").await;
    let names = json!({ "owner": "acme", "name": "bookshop" });
    assert_eq!(ask(&at, REPOSITORY_NAME, names.clone()).await.status, 200);
    for query in [
        "",
        "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id } }",
        &REPOSITORY_NAME.replace("nameWithOwner", "colour"),
        &format!("{REPOSITORY_NAME} {UPDATE_REFS}"),
    ] {
        assert_eq!(ask(&at, query, names.clone()).await.status, 501, "{query}");
    }
    for variables in
        [json!({}), json!({ "owner": "acme" }), json!({ "owner": "acme", "name": "x", "more": 1 })]
    {
        assert_eq!(ask(&at, REPOSITORY_NAME, variables.clone()).await.status, 501, "{variables}");
    }
    let input = json!({ "input": { "repositoryId": "R_1", "refUpdates": [], "atomic": true } });
    assert_eq!(ask(&at, UPDATE_REFS, input).await.status, 501);
    assert_eq!(at.github.service().unknown().len(), 8);

    let first = json!({ "owner": "acme", "name": "bookshop", "number": 1 });
    let answer = ask(&at, REVERT_STATE, first).await.json;
    let pull = answer["data"]["repository"]["pullRequest"].as_object().unwrap();
    assert_eq!(pull.keys().collect::<Vec<_>>(), ["headRefName", "id"], "what the document names");
}

#[tokio::test]
async fn graphql_errors_come_with_status_200_and_their_kind() {
    let at = fixture("graphql-errors").await;
    let variables = json!({ "owner": "acme", "name": "bookshop", "number": 9 });
    let missing = ask(&at, MERGE_STATE, variables).await;
    assert_eq!((missing.status, &missing.json["errors"][0]["type"]), (200, &json!("NOT_FOUND")));
    let id = at.get("").await.json["node_id"].clone();
    at.github.grant(Holder::ClassicToken, Permission::Contents, Some(Level::Read));
    let refused = ask(&at, UPDATE_REFS, json!({ "input": { "repositoryId": id, "refUpdates": [] } })).await;
    assert_eq!(refused.json["errors"][0]["type"], "FORBIDDEN");
}

/// What the App would sign with these claims.
fn signed(claims: &Value) -> String {
    let key = PrivatePkcs1KeyDer::from_pem_slice(APP_PRIVATE_KEY.as_bytes()).unwrap();
    let key = RsaKeyPair::from_der(key.secret_pkcs1_der()).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn an_app_is_believed_only_with_its_own_signature_and_for_ten_minutes_at_most() {
    let at = fixture("app-jwt").await;
    let ask = async |path: &str, bearer: &str| {
        let request = at.http.get(format!("{}/{path}", at.github.url()));
        read(request.bearer_auth(bearer).header("user-agent", "autofix-tests")).await
    };
    let claims = |iat: i64, exp: i64, iss: &str| json!({ "iat": NOW + iat, "exp": NOW + exp, "iss": iss });
    let good = signed(&claims(-60, 540, APP_ID));
    assert_eq!(ask("app/installations", &good).await.json[0]["account"]["login"], "acme");
    for (bad, status) in [
        (signed(&claims(-60, 601, APP_ID)), 401),
        (signed(&claims(-60, 0, APP_ID)), 401),
        (signed(&claims(1, 540, APP_ID)), 401),
        (signed(&claims(-60, 540, "7")), 404),
        (signed(&json!({ "iat": NOW, "exp": NOW + 60, "iss": APP_ID, "aud": "x" })), 401),
        (format!("{}AA", &good[..good.len() - 2]), 401),
        (TOKEN.to_owned(), 401),
    ] {
        assert_eq!(ask("app/installations", &bad).await.status, status, "{bad}");
    }
    // What an App signs opens nothing else.
    assert_eq!(ask("repos/acme/bookshop", &good).await.status, 401);
}
