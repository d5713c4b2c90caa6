//! Webhooks over HTTP, signed as Sentry signs them, at several concurrencies: new issues as long as the hour has room,
//! new issues that the full hour turns away, and a storm of events of one issue that an attempt has already.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use autofix::attempt::{AttemptId, Status};
use axum::http::Request;
use serde_json::Value;
use tokio::task::JoinSet;

use super::Part;
use super::memory::Memory;
use super::report::{Intake, Row};
use autofix_sandbox::scenario::Scenario;
use autofix_sandbox::sentry::{Hook, SignedWebhook};

const CONCURRENCIES: [usize; 3] = [1, 16, 64];
/// Issues of the measured webhooks are counted from here.
const FIRST_ISSUE: u64 = 6_000_000_000;
/// Faults told one by one; the rest are counted.
const TOLD_FAULTS: usize = 10;

/// Sends so many webhooks in all.
pub(super) async fn measure(part: &Part, webhooks: usize) -> anyhow::Result<Intake> {
    let mut sender = Sender::new(part)?;
    sender.warm_up().await?;
    let before = Memory::now();
    let mut rows = Vec::new();
    let mut faults = Vec::new();
    if !part.json {
        Row::say_header();
    }
    for (round, concurrency) in CONCURRENCIES.into_iter().enumerate() {
        let of_round = share(webhooks, CONCURRENCIES.len(), round);
        let new = of_round.div_ceil(2);
        let started = new.min(part.per_hour);
        part.clock.next_hour();
        for (kind, count) in
            [(Kind::Started, started), (Kind::TurnedAway, new - started), (Kind::Duplicate, of_round - new)]
        {
            if count > 0 {
                let row = sender.send(kind, count, concurrency).await?;
                if !part.json {
                    row.say();
                }
                rows.push(row);
            }
        }
    }
    sender.check_the_table().await?;
    faults.append(&mut sender.faults.told);
    if sender.faults.more > 0 {
        faults.push(format!("and {} more like these", sender.faults.more));
    }
    Ok(Intake { webhooks, rows, before, after: Memory::now(), faults })
}

/// The part of `all` that falls to one of `parts`, so that nothing is left over.
fn share(all: usize, parts: usize, index: usize) -> usize {
    all * (index + 1) / parts - all * index / parts
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Started,
    TurnedAway,
    Duplicate,
}

impl Kind {
    fn shown(self) -> &'static str {
        match self {
            Kind::Started => "new issues",
            Kind::TurnedAway => "new, the hour is full",
            Kind::Duplicate => "one issue, again",
        }
    }

    /// The endpoint's answer.
    fn expected(self) -> (u16, &'static str) {
        match self {
            Kind::Started => (202, "Processing started"),
            Kind::TurnedAway => (200, "Recorded; the hourly limit is reached"),
            Kind::Duplicate => (200, "This issue is already being handled"),
        }
    }
}

struct Sender<'p> {
    part: &'p Part,
    client: reqwest::Client,
    url: String,
    alert: Arc<Alert>,
    /// Issues made so far.
    issues: usize,
    /// Attempts that the endpoint said it started, or recorded.
    started: HashSet<AttemptId>,
    turned_away: HashSet<AttemptId>,
    faults: Faults,
}

#[derive(Default)]
struct Faults {
    told: Vec<String>,
    more: usize,
}

impl Faults {
    fn add(&mut self, fault: String) {
        if self.told.len() < TOLD_FAULTS { self.told.push(fault) } else { self.more += 1 }
    }
}

/// An answer and how long it took.
struct Answer {
    took: Duration,
    status: u16,
    body: Value,
}

impl<'p> Sender<'p> {
    fn new(part: &'p Part) -> anyhow::Result<Sender<'p>> {
        Ok(Sender {
            part,
            client: reqwest::Client::builder().build().context("make a client")?,
            url: part.endpoint("webhooks/sentry"),
            alert: Arc::new(Alert::new(part)?),
            issues: 0,
            started: HashSet::new(),
            turned_away: HashSet::new(),
            faults: Faults::default(),
        })
    }

    /// Uses each path once, so that memory before and after can be compared.
    async fn warm_up(&mut self) -> anyhow::Result<()> {
        self.send(Kind::Started, 1, 1).await?;
        self.send(Kind::Duplicate, 64, 64).await.map(|_| ())
    }

    async fn send(&mut self, kind: Kind, count: usize, concurrency: usize) -> anyhow::Result<Row> {
        let first = self.issues;
        if kind != Kind::Duplicate {
            self.issues += count;
        }
        let next = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        let begun = Instant::now();
        for _ in 0..concurrency {
            let (client, url, alert) = (self.client.clone(), self.url.clone(), Arc::clone(&self.alert));
            let next = Arc::clone(&next);
            tasks.spawn(async move {
                let mut answers = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return Ok::<_, anyhow::Error>(answers);
                    }
                    let webhook = match kind {
                        Kind::Duplicate => alert.webhook(0, first + number + 1),
                        Kind::Started | Kind::TurnedAway => alert.webhook(first + number, 0),
                    };
                    answers.push(post(&client, &url, webhook).await?);
                }
            });
        }
        let mut answers = Vec::with_capacity(count);
        while let Some(ended) = tasks.join_next().await {
            answers.extend(ended.context("a sender ended by a panic")??);
        }
        let took = begun.elapsed();
        for answer in &answers {
            self.note(kind, answer);
        }
        Ok(Row::of(kind.shown(), concurrency, answers.into_iter().map(|answer| answer.took).collect(), took))
    }

    fn note(&mut self, kind: Kind, answer: &Answer) {
        let message = answer.body["message"].as_str().unwrap_or_default();
        let id = answer.body["fix_attempt_id"].as_str().and_then(|id| AttemptId::parse(id).ok());
        let as_expected = (answer.status, message) == kind.expected();
        let (Some(id), true) = (id, as_expected) else {
            let detail = answer.body["detail"].as_str().unwrap_or(message);
            return self.faults.add(format!("{}: answered {} `{detail}`", kind.shown(), answer.status));
        };
        let fresh = match kind {
            Kind::Started => self.started.insert(id),
            Kind::TurnedAway => self.turned_away.insert(id),
            Kind::Duplicate => !self.started.contains(&id), // anything else would be an attempt of its own
        };
        if fresh == (kind == Kind::Duplicate) {
            self.faults.add(format!("{}: attempt {id} was named wrongly", kind.shown()));
        }
    }

    /// What was answered has to stand in the table.
    async fn check_the_table(&mut self) -> anyhow::Result<()> {
        let store = self.part.process.store();
        for (ids, status) in [(&self.started, Status::Pending), (&self.turned_away, Status::Skipped)] {
            for id in ids {
                match store.attempt(*id).await.context("read an attempt")? {
                    Some(found) if found.attempt.status() == status => {}
                    Some(found) => {
                        self.faults
                            .add(format!("attempt {id} is `{}`, not `{status}`", found.attempt.status()));
                    }
                    None => self.faults.add(format!("attempt {id} was accepted and is not in the table")),
                }
            }
        }
        Ok(())
    }
}

async fn post(client: &reqwest::Client, url: &str, webhook: SignedWebhook) -> anyhow::Result<Answer> {
    let request: Request<reqwest::Body> = webhook.posted_to(url);
    let begun = Instant::now();
    let answer = client.execute(request.try_into()?).await.context("post a webhook")?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.context("read the endpoint's answer")?;
    Ok(Answer { took: begun.elapsed(), status, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// The alert of the demo's fix, in which the ids are replaced.
struct Alert {
    body: String,
    issue_id: String,
    event_id: String,
}

impl Alert {
    fn new(part: &Part) -> anyhow::Result<Alert> {
        let event = Scenario::Fix.event(part.clock.clock().now());
        let body = part.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered).body;
        let body = String::from_utf8(body).context("read the alert as text")?;
        Ok(Alert { body, issue_id: event.issue_id, event_id: event.event_id })
    }

    /// The alert of an event of an issue, both counted from 0.
    fn webhook(&self, issue: usize, event: usize) -> SignedWebhook {
        let issue_id = FIRST_ISSUE + issue as u64;
        let body = self.body.replace(&self.issue_id, &issue_id.to_string());
        let body = body.replace(&self.event_id, &format!("{issue_id:016x}{event:016x}"));
        SignedWebhook::of_bytes("event_alert", body.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_leave_nothing_over() {
        for all in [0, 1, 2, 3, 100, 100_001] {
            assert_eq!((0..3).map(|index| share(all, 3, index)).sum::<usize>(), all);
        }
    }
}
