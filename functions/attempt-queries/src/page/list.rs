//! The list of attempts, newest first: what needs a person first to choose from, then what AutoFix does by itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use autofix::attempt::{Attempt, AttemptId, Status};
use autofix::cleaning;
use autofix::messages::{self, Group, Judgement};
use autofix::redaction::Redacted;
use autofix::store::{Listing, ListingFilter, UnusedWebhook};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::refusal::{Next, Refusal};
use super::shell::{Here, Shell, Viewer, html};
use super::text::{Prose, line, sentence};
use super::times::{Time, age};
use crate::Queries;

/// Attempts on one page.
const PAGE: usize = 100;
/// Webhooks that started nothing, on the page.
const MAX_UNUSED: usize = 20;
const SEARCH_CHARS: usize = 100;
const PROJECT_CHARS: usize = 100;
const REASON_CHARS: usize = 160;
const HOST_CHARS: usize = 200;

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
    tabs: Vec<Tab>,
    /// Whether there are more attempts than were counted.
    is_counted_in_part: bool,
    status: String,
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
    /// Where this page is, as the browser says.
    host: Redacted,
    /// Names of secrets that nobody has filled in yet.
    empty_secrets: Vec<&'static str>,
}

/// A group of attempts to choose, and how many are in it.
struct Tab {
    id: &'static str,
    label: &'static str,
    count: usize,
    address: String,
    is_here: bool,
}

/// A webhook that started nothing.
struct Unused {
    resource: Redacted,
    why: Redacted,
    size: u64,
    age: Time,
}

struct Row {
    id: AttemptId,
    status: Status,
    group: &'static str,
    label: &'static str,
    why: Option<Prose>,
    project: Redacted,
    kind: Redacted,
    message: Redacted,
    place: Option<Place>,
    risk: Option<Judgement>,
    confidence: Option<Judgement>,
    pull_request: Option<PullRequestLink>,
    age: Time,
    cost: Option<String>,
}

/// File and line. A long path may be broken behind its folders, not within a name.
struct Place {
    folders: Vec<Redacted>,
    file: Redacted,
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
        // What the tabs count is not what one of them shows.
        let all = ListingFilter { project: listing.filter.project.clone(), ..ListingFilter::default() };
        let counted = Listing { filter: all, limit: PAGE, before: None, now };
        let counted = match counted.filter == listing.filter && listing.before.is_none() {
            true => found.clone(),
            false => self.store.list(&counted).await?,
        };
        let rows: Vec<Row> = found.attempts.iter().map(|attempt| self.row(attempt, now)).collect();
        let prefix = &self.config.common.prefix;
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let page = ListPage {
            shell: self.shell("Attempts", Viewer::Owner, Here::List),
            tabs: question.tabs(prefix, &counted.attempts),
            is_counted_in_part: counted.next.is_some(),
            status: question.status.clone(),
            projects: self.projects(&counted.attempts),
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
            host: line(host, HOST_CHARS),
            empty_secrets: self.empty_secrets().await?,
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
        let risk = judged.as_ref().map(messages::risk);
        let confidence = judged.map(|[_, _, _, confidence]| confidence);
        let reason = attempt.state.problem().or_else(|| attempt.state.reasons().first());
        Row {
            id: attempt.id,
            status: attempt.status(),
            group: Group::of(attempt.status()).as_str(),
            label: messages::headline(attempt).label,
            why: reason.map(|reason| sentence(&reason.detail, REASON_CHARS)),
            project: line(&subject.project, PROJECT_CHARS),
            kind: line(subject.error_type.as_deref().unwrap_or("Error"), 100),
            message: line(subject.error_message.as_deref().unwrap_or(&subject.title), 160),
            place: messages::place(attempt).map(|place| Place::of(&line(&place, 160))),
            risk,
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

impl Place {
    fn of(place: &Redacted) -> Place {
        let text = place.as_str();
        let mut folders = Vec::new();
        let mut from = 0;
        for (slash, _) in text.match_indices('/') {
            folders.push(place.part(from..slash + 1));
            from = slash + 1;
        }
        Place { folders, file: place.part(from..text.len()) }
    }
}

impl Question {
    fn listing(&self, now: Timestamp) -> Result<Listing, Refusal> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let statuses = given(&self.status).map(|word| statuses(&word)).unwrap_or(Some(Vec::new()));
        let before = given(&self.before).map(|before| AttemptId::parse(&before)).transpose();
        Ok(Listing {
            filter: ListingFilter {
                statuses: statuses.ok_or(Refusal::BadRequest("There is no such status."))?,
                project: given(&cleaning::one_line(&self.project, PROJECT_CHARS)),
                search: given(&cleaning::one_line(&self.q, SEARCH_CHARS)),
            },
            limit: PAGE,
            before: before.map_err(|_| Refusal::BadRequest("There is no such page."))?,
            now,
        })
    }

    fn tabs(&self, prefix: &str, attempts: &[Attempt]) -> Vec<Tab> {
        let address = |status: &str| {
            let other = Question { status: status.to_owned(), ..self.clone() };
            other.address(prefix, "")
        };
        let groups = Group::ALL.iter().map(|&group| Tab {
            id: group.as_str(),
            label: group.label(),
            count: attempts.iter().filter(|attempt| Group::of(attempt.status()) == group).count(),
            address: address(group.as_str()),
            is_here: self.status == group.as_str(),
        });
        let all = Tab {
            id: "all",
            label: "All",
            count: attempts.len(),
            address: address(""),
            is_here: self.status.is_empty(),
        };
        groups.chain([all]).collect()
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

/// The statuses of a group, or the one status that is named.
fn statuses(word: &str) -> Option<Vec<Status>> {
    let group = word.parse::<Group>().ok();
    group.map(Group::statuses).or_else(|| Some(vec![word.parse().ok()?]))
}

fn news(rows: &[Row]) -> String {
    match rows.first() {
        Some(row) => format!("Newest attempt: {} in {}, {}.", row.kind, row.project, row.label),
        None => "There are no attempts.".to_owned(),
    }
}
