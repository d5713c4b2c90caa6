//! A fake of AWS Secrets Manager: one secret with its versions, read over the service's real wire format
//! (JSON 1.1, `GetSecretValue` and `PutSecretValue`). It wants a request that is signed for the service by a known access key, but
//! proves no signature. Whatever else the service can do is refused, never ignored.

use std::sync::{Arc, Mutex};

use anyhow::Context;
use autofix::clock::Clock;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::service::{Service, lock};

/// For `AUTOFIX_SECRET_ARN`.
pub const ARN: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:autofix-sandbox-AbCdEf";
const NAME: &str = "autofix-sandbox";
const REGION: &str = "us-east-1";
const ACCESS_KEY: &str = "sandboxsecretsmanager";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const CURRENT: &str = "AWSCURRENT";
/// Bytes that a secret may have.
const SECRET_LIMIT: usize = 65_536;

type Shared = Arc<Mutex<Kept>>;

/// A running fake. Clones are handles to the same one.
#[derive(Clone)]
pub struct SecretsManager {
    service: Service,
    kept: Shared,
}

struct Kept {
    clock: Clock,
    /// Oldest first: the last one is the current version.
    versions: Vec<Version>,
}

struct Version {
    id: String,
    text: String,
    made_at: Timestamp,
}

impl SecretsManager {
    /// Starts one whose secret is `{}`.
    pub async fn start_with(clock: Clock) -> anyhow::Result<SecretsManager> {
        let first = Version { id: version_id(0), text: "{}".to_owned(), made_at: clock.now() };
        let kept: Shared = Arc::new(Mutex::new(Kept { clock, versions: vec![first] }));
        let router = Router::new().route("/", post(answer)).with_state(Arc::clone(&kept));
        let service = Service::start(router).await.context("start the sandbox's Secrets Manager")?;
        Ok(SecretsManager { service, kept })
    }

    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Puts a new version in which this value is another one; everything else stays.
    pub fn put(&self, name: &str, value: &str) {
        let mut kept = lock(&self.kept);
        let last = kept.versions.last().and_then(|version| serde_json::from_str(&version.text).ok());
        let mut values: Map<String, Value> = last.unwrap_or_default();
        values.insert(name.to_owned(), json!(value));
        let id = version_id(kept.versions.len());
        kept.add(id, Value::Object(values).to_string());
    }

    /// Puts a new version with this text, JSON or not.
    pub fn put_text(&self, text: &str) {
        let mut kept = lock(&self.kept);
        let id = version_id(kept.versions.len());
        kept.add(id, text.to_owned());
    }

    /// The variables with which any AWS SDK finds it.
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.service.url()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", ACCESS_KEY.to_owned()),
        ]
    }

    /// A client of it, as `autofix::secrets` wants one.
    pub fn client(&self) -> Client {
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.service.url())
            .region(Region::from_static(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY, ACCESS_KEY, None, None, "sandbox"))
            .http_client(autofix::aws::http::plain());
        Client::from_conf(config.build())
    }
}

impl Kept {
    fn add(&mut self, id: String, text: String) {
        let made_at = self.clock.now();
        self.versions.push(Version { id, text, made_at });
    }
}

async fn answer(State(kept): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let scope = format!("/{REGION}/secretsmanager/aws4_request");
    let signed = text("authorization");
    if !signed.starts_with(&format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/")) || !signed.contains(&scope)
    {
        let message = "The security token included in the request is invalid.";
        return *refused("UnrecognizedClientException", message);
    }
    if text("content-type") != CONTENT_TYPE {
        return *refused("SerializationException", "the body is not JSON 1.1");
    }
    let done = match text("x-amz-target") {
        "secretsmanager.GetSecretValue" => {
            read(&body).and_then(|wanted| get_secret_value(&lock(&kept), &wanted))
        }
        "secretsmanager.PutSecretValue" => {
            read(&body).and_then(|new| put_secret_value(&mut lock(&kept), new))
        }
        _ => Err(Box::new(StatusCode::NOT_IMPLEMENTED.into_response())), // Secrets Manager knows it, perhaps; this does not
    };
    done.map_or_else(|refused| *refused, |body| json_1_1(StatusCode::OK, &body))
}

/// What is answered, or the refusal; boxed, since it is large and rare.
type Outcome = Result<Value, Box<Response>>;

/// A request with a key that AutoFix has no use for is not understood.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    serde_json::from_slice(body).map_err(|_| Box::new(StatusCode::NOT_IMPLEMENTED.into_response()))
}

/// Of the current version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
}

fn get_secret_value(kept: &Kept, wanted: &GetSecretValue) -> Outcome {
    check_id(&wanted.secret_id)?;
    let version = &kept.versions[kept.versions.len() - 1]; // the first version is there from the start
    Ok(json!({
        "ARN": ARN, "Name": NAME, "VersionId": version.id, "VersionStages": [CURRENT],
        "SecretString": version.text,
        "CreatedDate": version.made_at.as_millisecond() as f64 / 1000.0,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct PutSecretValue {
    secret_id: String,
    secret_string: String,
    client_request_token: String,
}

/// A version with a token that is known already is the same version, as long as its text is.
fn put_secret_value(kept: &mut Kept, new: PutSecretValue) -> Outcome {
    let PutSecretValue { secret_id, secret_string: text, client_request_token: token } = new;
    check_id(&secret_id)?;
    if !(32..=64).contains(&token.len()) || text.len() > SECRET_LIMIT {
        let message = "a token has 32 to 64 characters, a secret at most 65536 bytes";
        return Err(refused("ValidationException", message));
    }
    match kept.versions.iter().find(|version| version.id == token) {
        Some(version) if version.text != text => {
            let message = "The token was used for another secret value.";
            return Err(refused("ResourceExistsException", message));
        }
        Some(_) => {}
        None => kept.add(token.clone(), text),
    }
    Ok(json!({ "ARN": ARN, "Name": NAME, "VersionId": token, "VersionStages": [CURRENT] }))
}

fn check_id(id: &str) -> Result<(), Box<Response>> {
    let missing = "Secrets Manager can't find the specified secret.";
    if matches!(id, ARN | NAME) { Ok(()) } else { Err(refused("ResourceNotFoundException", missing)) }
}

/// Versions are named by UUIDs.
fn version_id(number: usize) -> String {
    format!("5ec2e700-0000-4000-8000-{number:012}")
}

fn refused(kind: &str, message: &str) -> Box<Response> {
    Box::new(json_1_1(StatusCode::BAD_REQUEST, &json!({"__type": kind, "message": message})))
}

fn json_1_1(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn versions_are_kept_and_what_is_not_known_is_refused() {
        let manager = SecretsManager::start_with(Clock::system()).await.unwrap();
        let client = manager.client();
        let current = || async { client.get_secret_value().secret_id(ARN).send().await.unwrap() };
        assert_eq!(current().await.secret_string(), Some("{}"));
        manager.put("A", "1");
        manager.put("B", "2");
        let found = current().await;
        assert_eq!(found.secret_string(), Some(r#"{"A":"1","B":"2"}"#));
        assert_eq!(found.version_stages(), ["AWSCURRENT"]);
        let error = client.get_secret_value().secret_id("another").send().await.unwrap_err();
        assert!(error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()));
        assert!(client.list_secrets().send().await.is_err());
        let staged = client.get_secret_value().secret_id(NAME).version_stage("AWSPREVIOUS");
        assert!(staged.send().await.is_err());
        assert_eq!(manager.service().unknown().len(), 2, "{:?}", manager.service().unknown());
    }
}
