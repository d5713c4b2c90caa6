//! The sample events of `events/`: API Gateway requests whose signatures are valid for the development
//! secrets. They can be signed again, since Slack's signatures are good for five minutes only.

use std::path::Path;

use anyhow::{Context, bail};
use autofix::config::{Environment, names};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::sandbox::{API_TOKEN, sentry, slack};

/// A request to one of the endpoints.
#[derive(Clone, Debug)]
pub struct SampleEvent {
    event: Value,
    body: Vec<u8>,
}

impl SampleEvent {
    /// Reads an event file.
    pub fn open(path: &Path) -> anyhow::Result<SampleEvent> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read `{}`", path.display()))?;
        SampleEvent::parse(&text)
            .with_context(|| format!("`{}` is not an event for an endpoint", path.display()))
    }

    pub fn parse(text: &str) -> anyhow::Result<SampleEvent> {
        let event: Value = serde_json::from_str(text).context("read it as JSON")?;
        if event["version"] != "2.0" || !event["rawPath"].is_string() {
            bail!("it is not an API Gateway request of version 2.0");
        }
        let body = event["body"].as_str().unwrap_or_default();
        let body = match event["isBase64Encoded"] == true {
            true => STANDARD.decode(body).context("decode the body")?,
            false => body.as_bytes().to_vec(),
        };
        Ok(SampleEvent { event, body })
    }

    /// Moves it to another prefix of the endpoints; the files are written for `/autofix`.
    pub fn move_to(&mut self, prefix: &str) {
        let path = self.event["rawPath"].as_str().unwrap_or_default();
        if let Some(rest) = path.strip_prefix("/autofix") {
            self.event["rawPath"] = json!(format!("{prefix}{rest}"));
        }
    }

    /// Makes a click or a dialog one about this attempt, whose card shows this commit. It has to be signed after that.
    pub fn click_on(&mut self, attempt: &str, head_sha: &str) -> anyhow::Result<()> {
        let form: Vec<(String, String)> = url::form_urlencoded::parse(&self.body).into_owned().collect();
        let payload = form.iter().find(|(name, _)| name == "payload").context("the event is not a click")?;
        let mut payload: Value = serde_json::from_str(&payload.1).context("read the click")?;
        let about = match payload["view"].is_object() {
            true => &mut payload["view"]["private_metadata"],
            false => &mut payload["actions"][0]["value"],
        };
        // What is about a fix names its commit; what is about an attempt does not.
        let is_fix = about.as_str().is_some_and(|value| value.contains(':'));
        *about = json!(if is_fix { format!("{attempt}:{head_sha}") } else { attempt.to_owned() });
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        self.body = form.append_pair("payload", &payload.to_string()).finish().into_bytes();
        self.event["body"] = json!(STANDARD.encode(&self.body));
        self.event["isBase64Encoded"] = json!(true);
        Ok(())
    }

    /// The secret that proves this event; `None` if nothing does.
    pub fn signed_with(&self) -> Option<&'static str> {
        if self.header("sentry-hook-resource").is_some() {
            Some(names::SENTRY_WEBHOOK_SECRET)
        } else if self.header("x-slack-signature").is_some() {
            Some(names::SLACK_SIGNING_SECRET)
        } else {
            None
        }
    }

    /// Signs it with the secrets of `environment`, where it sets them, else with the development ones.
    pub fn sign(&mut self, environment: &Environment, now: Timestamp) -> anyhow::Result<()> {
        let secret = |name, development: &str| environment.get(name).unwrap_or(development).to_owned();
        let seconds = now.as_second().to_string();
        if self.header("sentry-hook-resource").is_some() {
            let key = secret(names::SENTRY_WEBHOOK_SECRET, sentry::CLIENT_SECRET);
            let signature = hmac(&key, &[&self.body])?;
            self.set_header("sentry-hook-signature", signature);
            self.set_header("sentry-hook-timestamp", seconds);
        } else if self.header("x-slack-signature").is_some() {
            let key = secret(names::SLACK_SIGNING_SECRET, slack::SIGNING_SECRET);
            let signature = hmac(&key, &[b"v0:", seconds.as_bytes(), b":", &self.body])?;
            self.set_header("x-slack-signature", format!("v0={signature}"));
            self.set_header("x-slack-request-timestamp", seconds);
        } else if self.header("authorization").is_some() {
            let token = secret(names::API_TOKEN, API_TOKEN);
            self.set_header("authorization", format!("Bearer {token}"));
        }
        Ok(())
    }

    /// The event as `sam local invoke` takes it.
    pub fn to_json(&self) -> &Value {
        &self.event
    }

    pub fn method(&self) -> &str {
        self.event["requestContext"]["http"]["method"].as_str().unwrap_or("GET")
    }

    /// Path and query.
    pub fn path(&self) -> String {
        let path = self.event["rawPath"].as_str().unwrap_or("/");
        match self.event["rawQueryString"].as_str().filter(|query| !query.is_empty()) {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }

    /// The headers that a client sends; those of the gateway and of one connection are left out.
    pub fn headers(&self) -> Vec<(String, String)> {
        let all = self.event["headers"].as_object();
        let kept = all.into_iter().flatten().filter(|(name, _)| {
            !name.starts_with("x-forwarded-")
                && !name.starts_with("x-amzn-")
                && *name != "host"
                && *name != "content-length"
        });
        kept.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.event["headers"][name].as_str()
    }

    fn set_header(&mut self, name: &str, value: String) {
        self.event["headers"][name] = json!(value);
    }
}

fn hmac(key: &str, parts: &[&[u8]]) -> anyhow::Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).context("use the secret as a key")?;
    for part in parts {
        mac.update(part);
    }
    Ok(hex::encode(mac.finalize().into_bytes()))
}
