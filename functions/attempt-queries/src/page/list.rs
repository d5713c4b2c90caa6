//! The list of attempts, newest first, with filters and a search.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use autofix::attempt::{Attempt, AttemptId, Status};
use autofix::cleaning;
use autofix::messages::{self, Judgement};
use autofix::redaction::Redacted;
use autofix::store::{Listing, ListingFilter, UnusedWebhook};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::refusal::{Next, Refusal};
use super::shell::{Here, Shell, Viewer, html};
use super::text::line;
use super::times::{Time, age};
use crate::Queries;

/// Attempts on one page.
const PAGE: usize = 100;
/// Webhooks that started nothing, on the page.
const MAX_UNUSED: usize = 20;
const SEARCH_CHARS: usize = 100;
const PROJECT_CHARS: usize = 100;

/// What was asked for. A field of the form that was left empty comes as an empty text.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Question {
    status: String,
    project: String,
    q: String,
    before: String,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    shell: Shell,
    statuses: Vec<Choice>,
    projects: Vec<String>,
    project: String,
    search: String,
    is_filtered: bool,
    rows: Vec<Row>,
    /// Address of this very page.
    here: String,
    older: Option<String>,
    /// Whether this is not the newest page.
    is_older: bool,
    /// Said aloud when it has changed.
    news: String,
    /// On the newest page only.
    unused: Vec<Unused>,
}

/// A webhook that started nothing.
struct Unused {
    resource: Redacted,
    why: Redacted,
    size: u64,
    age: Time,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

struct Row {
    id: AttemptId,
    status: Status,
    status_label: &'static str,
    reason: Option<&'static str>,
    project: Redacted,
    kind: Redacted,
    message: Redacted,
    place: Option<Redacted>,
    risks: Vec<Judgement>,
    confidence: Option<Judgement>,
    pull_request: Option<PullRequestLink>,
    age: Time,
    cost: Option<String>,
}

pub(super) struct PullRequestLink {
    pub number: u64,
    /// `None` where its address is not one of the configured GitHub.
    pub address: Option<String>,
}

pub(super) async fn show(
    State(queries): State<Arc<Queries>>,
    headers: HeaderMap,
    question: Result<Query<Question>, QueryRejection>,
) -> Response {
    let page = match question {
        Ok(Query(question)) => queries.list_page(&headers, &question).await,
        Err(_) => Err(Refusal::BadRequest("This address cannot be read.")),
    };
    queries.answer(page)
}

impl Queries {
    async fn list_page(&self, headers: &HeaderMap, question: &Question) -> Result<Response, Refusal> {
        self.owner(headers, Next::List).await?;
        let now = self.clock.now();
        let listing = question.listing(now)?;
        let found = self.store.list(&listing).await?;
        let rows: Vec<Row> = found.attempts.iter().map(|attempt| self.row(attempt, now)).collect();
        let prefix = &self.config.common.prefix;
        let page = ListPage {
            shell: self.shell("Attempts", Viewer::Owner, Here::List),
            statuses: choices(listing.filter.status),
            projects: self.projects(&found.attempts),
            project: listing.filter.project.clone().unwrap_or_default(),
            search: listing.filter.search.clone().unwrap_or_default(),
            is_filtered: listing.filter != ListingFilter::default(),
            here: question.address(prefix, &question.before),
            older: found.next.map(|next| question.address(prefix, &next.to_string())),
            is_older: listing.before.is_some(),
            news: news(&rows),
            unused: match listing.before.is_none() && listing.filter == ListingFilter::default() {
                true => self.unused(now).await?,
                false => Vec::new(),
            },
            rows,
        };
        Ok(html(StatusCode::OK, &page))
    }

    async fn unused(&self, now: Timestamp) -> Result<Vec<Unused>, Refusal> {
        let found = self.store.unused_webhooks(MAX_UNUSED).await?;
        let shown = |webhook: UnusedWebhook| Unused {
            resource: line(&webhook.resource, 40),
            why: line(&webhook.why, 300),
            size: webhook.size,
            age: age(webhook.at, now),
        };
        Ok(found.into_iter().map(shown).collect())
    }

    fn row(&self, attempt: &Attempt, now: Timestamp) -> Row {
        let subject = &attempt.subject;
        let fix = attempt.state.fix();
        let judged = attempt.analysis.as_ref().map(|analysis| messages::judgements(analysis, fix));
        let (risks, confidence) = match judged {
            Some([complexity, security, radius, confidence]) => {
                (vec![complexity, security, radius], Some(confidence))
            }
            None => (Vec::new(), None),
        };
        Row {
            id: attempt.id,
            status: attempt.status(),
            status_label: messages::status_label(attempt.status()),
            reason: attempt.state.reasons().first().map(|reason| reason.code.as_str()),
            project: line(&subject.project, PROJECT_CHARS),
            kind: line(subject.error_type.as_deref().unwrap_or("Error"), 100),
            message: line(subject.error_message.as_deref().unwrap_or(&subject.title), 160),
            place: messages::place(attempt).map(|place| line(&place, 160)),
            risks,
            confidence,
            pull_request: attempt.state.pull_request().map(|one| self.pull_request_link(one)),
            age: age(attempt.created_at, now),
            cost: (attempt.usage.turns > 0).then(|| format!("${:.2}", attempt.usage.cost_usd)),
        }
    }

    /// Projects to choose from: those of the settings, and those that are seen.
    fn projects(&self, attempts: &[Attempt]) -> Vec<String> {
        let seen = attempts.iter().map(|attempt| attempt.subject.project.as_str());
        let all: BTreeSet<&str> = self.config.projects.slugs().chain(seen).collect();
        all.into_iter()
            .filter(|slug| !slug.is_empty())
            .map(|slug| line(slug, PROJECT_CHARS).to_string())
            .collect()
    }
}

impl Question {
    fn listing(&self, now: Timestamp) -> Result<Listing, Refusal> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let status = given(&self.status).map(|status| status.parse()).transpose();
        let before = given(&self.before).map(|before| AttemptId::parse(&before)).transpose();
        Ok(Listing {
            filter: ListingFilter {
                status: status.map_err(|_| Refusal::BadRequest("There is no such status."))?,
                project: given(&cleaning::one_line(&self.project, PROJECT_CHARS)),
                search: given(&cleaning::one_line(&self.q, SEARCH_CHARS)),
            },
            limit: PAGE,
            before: before.map_err(|_| Refusal::BadRequest("There is no such page."))?,
            now,
        })
    }

    /// The address of the list with the same filters.
    fn address(&self, prefix: &str, before: &str) -> String {
        let mut query = Serializer::new(String::new());
        let fields = [
            ("status", self.status.as_str()),
            ("project", &self.project),
            ("q", &self.q),
            ("before", before),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        let query = query.finish();
        if query.is_empty() { format!("{prefix}/") } else { format!("{prefix}/?{query}") }
    }
}

fn choices(chosen: Option<Status>) -> Vec<Choice> {
    let choice = |status: &Status| Choice {
        value: status.as_str(),
        label: messages::status_label(*status),
        is_chosen: chosen == Some(*status),
    };
    Status::ALL.iter().map(choice).collect()
}

fn news(rows: &[Row]) -> String {
    match rows.first() {
        Some(row) => format!("Newest attempt: {} in {}, {}.", row.kind, row.project, row.status_label),
        None => "There are no attempts.".to_owned(),
    }
}
