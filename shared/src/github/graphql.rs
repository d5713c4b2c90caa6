//! GraphQL, for what REST cannot do. Its errors come with status 200 in a list; they are turned into
//! the same meanings as those of REST.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::answers::{malformed, shaped, successful};
use super::{Github, Identity, documents, named};
use crate::cleaning::one_line;
use crate::outbound::{Auth, Call, Effect, ErrorKind, ServiceError};
use crate::service::Service;

/// GraphQL's own way to say that the hour's points are spent names no time; the limit is by the hour.
const LIMIT_WAIT: Duration = Duration::from_secs(10 * 60);

impl Github {
    /// Asks or changes something; `data` of the answer.
    ///
    /// # Errors
    /// By the kind of the first error. A mutation that GitHub does not do is `Refused` with 422 and its sentence.
    pub(super) async fn graphql(
        &self,
        repo: &str,
        query: &'static str,
        variables: Value,
    ) -> Result<Value, ServiceError> {
        let call = self.graphql_call(query, variables);
        self.ask(repo, call, |answer| read(successful(answer)?.json())).await
    }

    /// What a repository is called now, if GitHub tells.
    pub(super) async fn name_now(&self, repo: &str) -> Option<String> {
        let mut call = self.graphql_call(documents::REPOSITORY_NAME, named(repo));
        call.auth = match &self.identity {
            Identity::Token(token) => Auth::Bearer(token.clone()),
            Identity::App(app) => Auth::Issued(self.owners_token(app, repo).await.ok()?),
        };
        let data = self.outbound.ask(&call, |answer| read(successful(answer)?.json())).await.ok()?;
        data["repository"]["nameWithOwner"].as_str().map(|name| one_line(name, 200))
    }

    fn graphql_call(&self, query: &'static str, variables: Value) -> Call {
        let mut call = self.call_at(Method::POST, &[], &[]);
        call.url = graphql_address(&self.base);
        call.body = Some(json!({ "query": query, "variables": variables }));
        call.effect = if query.starts_with("mutation") { Effect::Once } else { Effect::None };
        call
    }
}

/// What GraphQL answers.
#[derive(Deserialize)]
struct WireAnswer {
    data: Option<Map<String, Value>>,
    #[serde(default)]
    errors: Vec<WireError>,
}

#[derive(Deserialize)]
struct WireError {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    message: String,
}

fn read(body: Value) -> Result<Value, ServiceError> {
    let WireAnswer { data, errors } = shaped(body)?;
    let Some(error) = errors.into_iter().next() else {
        return data.map(Value::Object).ok_or_else(|| malformed("`data` is missing"));
    };
    let said = one_line(&error.message, 300);
    let kind = match error.kind.as_deref() {
        Some("NOT_FOUND") => ErrorKind::NotFound,
        Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => ErrorKind::Unauthorized,
        Some("RATE_LIMITED" | "RATE_LIMIT") => ErrorKind::RateLimited,
        Some("SERVICE_UNAVAILABLE" | "INTERNAL") => ErrorKind::Unavailable,
        // GitHub's sentence for a fault or a timeout of its own comes without a kind.
        None if said.starts_with("Something went wrong") => ErrorKind::Unavailable,
        _ => ErrorKind::Refused { status: 422 },
    };
    let wait = Some(LIMIT_WAIT).filter(|_| kind == ErrorKind::RateLimited);
    Err(ServiceError::new(Service::Github, kind, format!("GitHub answered: {said}")).after(wait))
}

/// Enterprise Server has REST at `/api/v3` and GraphQL beside it; everywhere else it is below the same host.
fn graphql_address(base: &Url) -> Url {
    let mut address = base.clone();
    let path = base.path().trim_end_matches('/');
    let path = match path.strip_suffix("/v3") {
        Some(above) => format!("{above}/graphql"),
        None => format!("{path}/graphql"),
    };
    address.set_path(&path);
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_beside_the_rest_api() {
        for (base, address) in [
            ("https://api.github.com", "https://api.github.com/graphql"),
            ("https://github.acme.example/api/v3", "https://github.acme.example/api/graphql"),
            ("https://github.acme.example/api/v3/", "https://github.acme.example/api/graphql"),
            ("https://api.acme.ghe.com", "https://api.acme.ghe.com/graphql"),
            ("http://127.0.0.1:4000", "http://127.0.0.1:4000/graphql"),
        ] {
            assert_eq!(graphql_address(&Url::parse(base).unwrap()).as_str(), address);
        }
    }

    #[test]
    fn an_error_means_what_its_kind_says() {
        let kind = |body: Value| read(body).unwrap_err().kind;
        let of = |error: Value| kind(json!({ "data": { "x": null }, "errors": [error] }));
        for (name, expected) in [
            ("NOT_FOUND", ErrorKind::NotFound),
            ("FORBIDDEN", ErrorKind::Unauthorized),
            ("RATE_LIMITED", ErrorKind::RateLimited),
            ("UNPROCESSABLE", ErrorKind::Refused { status: 422 }),
        ] {
            assert_eq!(of(json!({ "type": name, "message": "no" })), expected);
        }
        let broken = json!({ "message": "Something went wrong while executing your query." });
        assert_eq!(of(broken), ErrorKind::Unavailable);
        assert_eq!(kind(json!({ "message": "x" })), ErrorKind::Malformed);
    }
}
