use autofix::clock::Clock;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs1KeyDer;
use rustls::pki_types::pem::PemObject;

use super::super::{APP_ID, APP_LOGIN, APP_PRIVATE_KEY};
use super::*;

const NOW: i64 = 1_795_000_000;

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

fn still() -> Clock {
    Clock::new(|| Timestamp::from_second(NOW).unwrap())
}

async fn ask(at: &Fixture, method: Method, path: &str, bearer: &str) -> Got {
    let request = at.http.request(method, format!("{}/{path}", at.github.url()));
    read(request.bearer_auth(bearer).header("user-agent", "autofix-tests")).await
}

#[tokio::test]
async fn an_app_is_believed_only_with_its_own_signature_and_for_ten_minutes_at_most() {
    let at = Fixture::with_clock("app-jwt", still()).await;
    let claims = |iat: i64, exp: i64, iss: &str| json!({ "iat": NOW + iat, "exp": NOW + exp, "iss": iss });
    let good = signed(&claims(-60, 540, APP_ID));
    assert_eq!(ask(&at, Method::GET, "app/installations", &good).await.json[0]["account"]["login"], "acme");
    for (bad, status) in [
        (signed(&claims(-60, 601, APP_ID)), 401),
        (signed(&claims(-60, 0, APP_ID)), 401),
        (signed(&claims(1, 540, APP_ID)), 401),
        (signed(&claims(-60, 540, "7")), 404),
        (signed(&json!({ "iat": NOW, "exp": NOW + 60, "iss": APP_ID, "aud": "x" })), 401),
        (format!("{}AA", &good[..good.len() - 2]), 401),
        (TOKEN.to_owned(), 401),
    ] {
        assert_eq!(ask(&at, Method::GET, "app", &bad).await.status, status, "{bad}");
    }
    // What an App signs opens nothing else.
    assert_eq!(ask(&at, Method::GET, "repos/acme/bookshop", &good).await.status, 401);
}

#[tokio::test]
async fn an_installations_token_sees_the_repositories_it_was_made_for() {
    let at = Fixture::with_clock("app-token", still()).await;
    at.github.add_repository("acme/other", &[("README.md", b"#")], "Begin").unwrap();
    at.github.add_repository("acme/hidden", &[("README.md", b"#")], "Begin").unwrap();
    at.github.configure("acme/hidden", |settings| settings.app_installed = false).unwrap();
    let jwt = signed(&json!({ "iat": NOW, "exp": NOW + 60, "iss": APP_ID }));
    assert_eq!(ask(&at, Method::GET, "repos/acme/hidden/installation", &jwt).await.status, 404);
    let installation = ask(&at, Method::GET, "repos/acme/bookshop/installation", &jwt).await.json;
    let url = format!("{}/app/installations/{}/access_tokens", at.github.url(), installation["id"]);
    let token = |body: Value| {
        let request = at.http.post(&url).bearer_auth(&jwt).header("user-agent", "autofix-tests");
        read(request.json(&body))
    };
    assert_eq!(token(json!({ "repositories": ["hidden"] })).await.status, 422);
    assert_eq!(token(json!({ "repos": ["bookshop"] })).await.status, 422);
    let made = token(json!({ "repositories": ["bookshop"] })).await.json;
    assert_eq!(made["permissions"]["checks"], "read");
    assert_eq!(made["permissions"]["workflows"], Value::Null);
    let bearer = made["token"].as_str().unwrap();
    for (path, status) in [("repos/acme/bookshop", 200), ("repos/acme/other", 404), ("app", 401)] {
        assert_eq!(ask(&at, Method::GET, path, bearer).await.status, status, "{path}");
    }
    assert_eq!(ask(&at, Method::GET, "user", bearer).await.json["login"], APP_LOGIN);
    at.github.revoke_app_tokens();
    assert_eq!(ask(&at, Method::GET, "repos/acme/bookshop", bearer).await.status, 401);
}
