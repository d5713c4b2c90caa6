//! GraphQL, for what REST cannot do. Its errors come with status 200 in a list; they are turned into
//! the same meanings as those of REST.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::answers::{successful, text};
use super::{Github, Identity, documents};
use crate::cleaning::one_line;
use crate::outbound::{Auth, Call, Effect, ServiceError};

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
        let (owner, name) = repo.split_once('/')?;
        let mut call = self.graphql_call(documents::REPOSITORY_NAME, json!({ "owner": owner, "name": name }));
        call.auth = match &self.identity {
            Identity::Token(token) => Auth::Bearer(token.clone()),
            Identity::App(app) => Auth::Issued(self.owners_token(app, repo).await.ok()?),
        };
        let data = self.outbound.ask(&call, |answer| read(successful(answer)?.json())).await.ok()?;
        text(&data["repository"], "nameWithOwner").ok().map(|name| one_line(&name, 200))
    }

    fn graphql_call(&self, query: &'static str, variables: Value) -> Call {
        let mut call = self.call_at(Method::POST, &[], &[]);
        call.url = graphql_address(&self.base);
        call.body = Some(json!({ "query": query, "variables": variables }));
        call.effect = if query.starts_with("mutation") { Effect::Once } else { Effect::None };
        call
    }
}

fn read(mut body: Value) -> Result<Value, ServiceError> {
    let Some(error) = body["errors"].get(0) else {
        return match body["data"].take() {
            Value::Object(data) => Ok(Value::Object(data)),
            _ => Err(ServiceError::Malformed("`data` is missing".to_owned())),
        };
    };
    let said = one_line(error["message"].as_str().unwrap_or("no message"), 300);
    let message = format!("GitHub answered: {said}");
    Err(match error["type"].as_str() {
        Some("NOT_FOUND") => ServiceError::NotFound(message),
        Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => ServiceError::Unauthorized(message),
        Some("RATE_LIMITED" | "RATE_LIMIT") => {
            ServiceError::RateLimited { message, retry_after: Some(LIMIT_WAIT) }
        }
        Some("SERVICE_UNAVAILABLE" | "INTERNAL") => ServiceError::Unavailable { message, retry_after: None },
        // GitHub's sentence for a fault or a timeout of its own comes without a kind.
        None if said.starts_with("Something went wrong") => {
            ServiceError::Unavailable { message, retry_after: None }
        }
        _ => ServiceError::Refused { status: 422, message },
    })
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
        let kind = |error: Value| read(json!({ "data": { "x": null }, "errors": [error] })).unwrap_err();
        let error = |name: &str| kind(json!({ "type": name, "message": "no" }));
        assert!(matches!(error("NOT_FOUND"), ServiceError::NotFound(_)));
        assert!(matches!(error("FORBIDDEN"), ServiceError::Unauthorized(_)));
        assert!(matches!(error("RATE_LIMITED"), ServiceError::RateLimited { .. }));
        assert!(matches!(error("UNPROCESSABLE"), ServiceError::Refused { status: 422, .. }));
        let broken = kind(json!({ "message": "Something went wrong while executing your query." }));
        assert!(matches!(broken, ServiceError::Unavailable { .. }));
        assert!(matches!(read(json!({ "message": "x" })), Err(ServiceError::Malformed(_))));
    }
}
