//! Sentry's fake: issues and their events, the part of the REST API that AutoFix uses, and the
//! signed webhooks, which the caller sends. An event has one model and is shown in Sentry's two
//! dialects, so what a webhook says and what the API answers cannot differ.

mod event;
mod issues;
mod rest;
mod rest_dialect;
mod search;
mod webhook;
mod webhook_dialect;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use autofix::clock::Clock;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::WayBack;
use crate::service::{Service, lock, way_back};
pub use event::{Breadcrumb, Project, Request, SandboxEvent, SandboxException, SandboxFrame, SourceLines};
pub use issues::Comment;
use issues::{Issue, Issues, Release, Served};
pub use webhook::{Hook, SignedWebhook};

pub const AUTH_TOKEN: &str = "sntrys_sandbox_auth_token";
/// The internal integration's client secret, which signs webhooks.
pub const CLIENT_SECRET: &str = "sandbox-sentry-client-secret";
pub const ORGANIZATION: &str = "acme";
/// The integration's installation, which every webhook names.
pub const INSTALLATION: &str = "7a485448-a9e2-4c85-8a3c-4f44175783c9";

/// The repository that release commits are said to be in.
const REPOSITORY: &str = crate::demo_project::REPOSITORY;

type Shared = Arc<Mutex<Issues>>;

/// An issue in the list of issues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueOverview {
    pub id: String,
    /// Of the latest event.
    pub title: String,
    /// `unresolved`, `resolved` or `ignored`.
    pub status: &'static str,
    /// How often it happened.
    pub events: usize,
    /// Oldest first.
    pub comments: Vec<String>,
    /// Where its page is.
    pub address: String,
}

/// A running fake. Clones are handles to the same one.
#[derive(Clone)]
pub struct Sentry {
    service: Service,
    issues: Shared,
}

impl Sentry {
    /// Starts a fake whose times follow `clock`.
    pub(super) async fn start_at(address: SocketAddr, clock: Clock) -> anyhow::Result<Sentry> {
        let issues: Shared = Arc::new(Mutex::new(Issues::new(clock)));
        let page = "/organizations/{organization}/issues/{id}/";
        let pages = Router::new()
            .route(page, get(issue_page))
            .route(&format!("{page}events/{{event}}/"), get(issue_page))
            .with_state(Arc::clone(&issues));
        let router = rest::routes(Arc::clone(&issues)).merge(pages);
        let service = Service::start_at(router, address).await.context("start the sandbox's Sentry")?;
        lock(&issues).base = service.url();
        Ok(Sentry { service, issues })
    }

    pub fn service(&self) -> &Service {
        &self.service
    }

    /// For `SENTRY_URL`.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Makes it again what it is now.
    pub(super) fn way_back(&self) -> WayBack {
        way_back(&self.issues)
    }

    /// The event arrives at Sentry: as a new issue, or as one more event of its issue. A resolved issue is
    /// unresolved by it.
    pub fn throw(&self, event: &SandboxEvent) {
        lock(&self.issues).take_in(event.clone());
    }

    /// The webhook that tells of this event. Each call is a delivery of its own. An event that was never
    /// thrown is reported as a new issue, which the REST API then does not know: a forged report.
    pub fn webhook(&self, event: &SandboxEvent, hook: Hook) -> SignedWebhook {
        let (resource, body) = {
            let issues = lock(&self.issues);
            let issue =
                issues.by_id.get(&event.issue_id).cloned().unwrap_or_else(|| Issue::new(event.clone()));
            webhook::content(hook, event, &issue, &issues.base)
        };
        self.sign(resource, &body)
    }

    /// Any other body as a webhook, signed.
    pub fn sign(&self, resource: &str, body: &Value) -> SignedWebhook {
        let mut issues = lock(&self.issues);
        issues.webhooks_made += 1;
        let delivery = webhook::Delivery { number: issues.webhooks_made, at: issues.clock.now().as_second() };
        SignedWebhook::sign(resource, body, &delivery)
    }

    /// `unresolved`, `resolved` or `ignored`; `None` for an issue that is not known.
    pub fn status(&self, issue_id: &str) -> Option<&'static str> {
        lock(&self.issues).by_id.get(issue_id).map(|issue| issue.status)
    }

    /// What resolving said about it (`inCommit`, `inNextRelease`, …).
    pub fn status_details(&self, issue_id: &str) -> Option<Value> {
        lock(&self.issues).by_id.get(issue_id).map(|issue| issue.status_details.clone())
    }

    /// The comments of an issue, oldest first.
    pub fn comments(&self, issue_id: &str) -> Vec<Comment> {
        lock(&self.issues).by_id.get(issue_id).map(|issue| issue.comments.clone()).unwrap_or_default()
    }

    /// Tells Sentry of a release with its commits, newest first.
    pub fn add_release(&self, version: &str, commits: &[&str]) {
        let mut issues = lock(&self.issues);
        let commits = commits.iter().map(|sha| (*sha).to_owned()).collect();
        let created_at = issues.releases.get(version).map_or(issues.clock.now(), |known| known.created_at);
        issues.releases.insert(version.to_owned(), Release { created_at, commits });
    }

    /// A project served so many requests of a transaction at once, and its SDK traced them.
    pub fn serve(&self, event: &SandboxEvent, requests: u64, at: Timestamp) {
        let served = Served {
            project: event.project.slug.clone(),
            transaction: event.transaction.clone(),
            at,
            requests,
        };
        lock(&self.issues).served.push(served);
    }

    /// Takes a scope (`event:write`, …) from the token.
    pub fn revoke_scope(&self, scope: &str) {
        lock(&self.issues).scopes.remove(scope);
    }

    /// People resolve, archive or reopen an issue: `resolved`, `ignored`, `unresolved`.
    pub fn set_status(&self, issue_id: &str, status: &'static str) {
        if let Some(issue) = lock(&self.issues).by_id.get_mut(issue_id) {
            (issue.status, issue.substatus) = (status, None);
        }
    }

    /// People resolve an issue by a commit of a repository (`owner/name`), as `Fixes SHOP-1` in its message does.
    pub fn resolve_in_commit(&self, issue_id: &str, sha: &str, repository: &str) {
        if let Some(issue) = lock(&self.issues).by_id.get_mut(issue_id) {
            (issue.status, issue.substatus) = ("resolved", None);
            issue.status_details = json!({"inCommit": {"commit": sha, "repository": repository}});
        }
    }

    /// People delete an issue.
    pub fn delete(&self, issue_id: &str) {
        lock(&self.issues).by_id.remove(issue_id);
    }

    /// Every issue as it is in the list of issues, by its number.
    pub fn overview(&self) -> Vec<IssueOverview> {
        let issues = lock(&self.issues);
        let all = issues.by_id.iter().map(|(id, issue)| IssueOverview {
            id: id.clone(),
            title: issue.last().title(),
            status: issue.status,
            events: issue.events.len(),
            comments: issue.comments.iter().map(|comment| comment.text.clone()).collect(),
            address: format!("{}/organizations/{ORGANIZATION}/issues/{id}/", issues.base),
        });
        all.collect()
    }

    /// Connects a repository (`owner/name`), so that issues can be resolved by its commits.
    pub fn link_repository(&self, name: &str) {
        lock(&self.issues).repositories.insert(name.to_owned());
    }
}

async fn issue_page(
    State(issues): State<Shared>,
    Path(path): Path<HashMap<String, String>>,
) -> Result<String, StatusCode> {
    let issues = lock(&issues);
    let issue = issues.by_id.get(&path["id"]).filter(|_| path["organization"] == ORGANIZATION);
    issue.map(Issue::page).ok_or(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests;
