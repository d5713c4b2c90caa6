//! What the token may do. Sentry tells it nowhere, so each scope is tried: by a read, or by a write to an
//! issue that does not exist. Sentry looks at the scope first (403) and for the issue afterwards (404), so
//! that nothing changes either way.
//!
//! Source: docs.sentry.io, "Permissions & Scopes"; the endpoints' own pages.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::rest::Sentry;
use super::watch::{Span, within};
use crate::outbound::{ErrorKind, IfThere, ServiceError};
use crate::words::word_enum;

word_enum! {
    /// A scope of Sentry's that AutoFix uses.
    pub enum Scope {
        /// To read events, and to find errors whose webhook was lost.
        EventRead = "event:read",
        /// To comment on an issue and to resolve it.
        EventWrite = "event:write",
        /// To learn which commit a release was built from.
        ProjectRead = "project:read",
        /// To learn how many requests were served since a deploy.
        OrgRead = "org:read",
    }
}

/// Issues are numbered from 1.
const NO_ISSUE: &str = "0";
/// A release that nobody makes.
const NO_RELEASE: &str = "autofix-only-asks";

impl Sentry {
    /// Whether the token has a scope in an organisation.
    ///
    /// # Errors
    /// `CredentialRefused` for a token that is not good at all. `NotFound`, for [`Scope::EventRead`] only, where the
    /// token does not see the organisation.
    pub async fn has_scope(
        &self,
        organization: &str,
        scope: Scope,
        now: Timestamp,
    ) -> Result<bool, ServiceError> {
        let tried = match scope {
            Scope::EventRead => {
                let query = [("query", "is:unresolved".to_owned()), ("limit", "1".to_owned())];
                self.get(organization, &["issues"], &query).await
            }
            Scope::EventWrite => {
                self.write(Method::PUT, organization, &["issues", NO_ISSUE], json!({})).await
            }
            Scope::ProjectRead => self.get(organization, &["releases", NO_RELEASE], &[]).await,
            Scope::OrgRead => {
                let mut query = within(Span { from: now - SignedDuration::from_mins(1), until: now });
                query.extend([
                    ("dataset", "spans".to_owned()),
                    ("field", "count()".to_owned()),
                    ("query", "is_transaction:true project:\"autofix\" transaction:\"autofix\"".to_owned()),
                ]);
                self.get(organization, &["events"], &query).await
            }
        };
        match (tried, scope) {
            (Ok(_), _) => Ok(true),
            (Err(ServiceError { kind: ErrorKind::Unauthorized, .. }), _) => Ok(false),
            (Err(error @ ServiceError { kind: ErrorKind::NotFound, .. }), Scope::EventRead) => Err(error),
            // The scope was enough to be told that there is no such thing.
            (Err(ServiceError { kind: ErrorKind::NotFound | ErrorKind::Refused { .. }, .. }), _) => Ok(true),
            (Err(error), _) => Err(error),
        }
    }

    /// Whether the token sees a project, by its slug. Needs `project:read`.
    pub async fn sees_project(&self, organization: &str, slug: &str) -> Result<bool, ServiceError> {
        Ok(self.project(organization, slug).await.if_there()?.is_some())
    }
}
