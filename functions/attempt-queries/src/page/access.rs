//! Who is looking: the cookie of a session, a bearer token, or the seal of a link.

use autofix::access::AccessKeys;
use autofix::attempt::AttemptId;
use autofix::config::names;
use autofix::endpoint;
use autofix::secrets::Secret;
use axum::http::{HeaderMap, header};
use tracing::error;

use super::refusal::{Next, Refusal};
use super::shell::Viewer;
use crate::Queries;

/// The cookie of a session.
pub(super) const COOKIE: &str = "autofix_session";

impl Queries {
    /// Whoever has the API token may look at everything.
    pub(super) async fn owner(&self, headers: &HeaderMap, next: Next) -> Result<(), Refusal> {
        let token = self.token().await?;
        if self.is_owner(headers, &token) { Ok(()) } else { Err(Refusal::LogIn { next }) }
    }

    /// A seal opens one attempt. Whether there is such an attempt is not looked at before that.
    pub(super) async fn viewer(
        &self,
        headers: &HeaderMap,
        id: AttemptId,
        seal: Option<&str>,
    ) -> Result<Viewer, Refusal> {
        let token = self.token().await?;
        if self.is_owner(headers, &token) {
            return Ok(Viewer::Owner);
        }
        let now = self.clock.now();
        if seal.is_some_and(|seal| AccessKeys::of(&token).is_link(id, seal, now)) {
            return Ok(Viewer::Guest);
        }
        Err(Refusal::LogIn { next: Next::Attempt(id) })
    }

    pub(super) async fn token(&self) -> Result<Secret, Refusal> {
        let unavailable = |error| {
            error!(error = %error, "Cannot check who is looking");
            Refusal::Unavailable
        };
        if let Some(token) = self.secrets.get(names::API_TOKEN).await.map_err(unavailable)? {
            return Ok(token);
        }
        // Somebody may have filled it in since.
        self.secrets.renew().await.map_err(unavailable)?;
        self.secrets.get(names::API_TOKEN).await.map_err(unavailable)?.ok_or(Refusal::NoToken)
    }

    fn is_owner(&self, headers: &HeaderMap, token: &Secret) -> bool {
        let keys = AccessKeys::of(token);
        let now = self.clock.now();
        endpoint::check_bearer(headers, Some(token)).is_ok()
            || cookies(headers).any(|(name, value)| name == COOKIE && keys.is_session(value, now))
    }
}

/// Every cookie of a request. A host that shares its domain may set others of our name; one of them must not hide ours.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='))
}
