//! Many attempts through the worker to their end: webhook, analysis, pull request, card, click, merge, and the watch
//! until the error has stayed away. At the end each webhook that was accepted has an attempt with an outcome, and a
//! card in Slack that shows it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use anyhow::{Context, bail};
use autofix::attempt::{Attempt, AttemptId, DismissalReason, Status};
use autofix::messages::{DEPLOY, DISMISS, REASON_FIELD};
use axum::http::Request;
use jiff::SignedDuration;

use super::Part;
use super::memory::Memory;
use super::report::Attempts;
use crate::shop::{Fault, Kind};
use autofix_sandbox::demo_project::{FIRST_COMMIT, REPOSITORY};
use autofix_sandbox::github::{CheckRun, Conclusion, Heads, PullState};
use autofix_sandbox::sentry::Hook;
use autofix_sandbox::slack::{APPROVER_ID, Message, SignedForm};

/// Attempts under way at once: what a worker of Lambda's size and a team's Slack may see on a bad day.
const WAVE: usize = 25;
/// Runs of the clock in which nothing happened, after which a wave is given up.
const PATIENCE: usize = 60;
/// Runs of the clock, half an hour apart, after which every watch is over.
const WATCHES: usize = 200;
/// Between two lines that say how far it is.
const SAY_EVERY: usize = 250;

/// What is to become of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Deployed,
    Dismissed,
    /// Claude says that a person has to look.
    ManualReview,
}

/// Eight of ten are deployed, one is dismissed, one is left to people.
fn faults(count: usize) -> anyhow::Result<Vec<(Fault, Fate)>> {
    let fault = |number: u32| match number % 10 {
        3 => (Fault::new(number, Kind::Fixable), Fate::Dismissed),
        7 => (Fault::new(number, Kind::ForPeople), Fate::ManualReview),
        _ => (Fault::new(number, Kind::Fixable), Fate::Deployed),
    };
    Ok((0..u32::try_from(count).context("count the attempts")?).map(fault).collect())
}

/// Drives so many attempts to their end.
pub(super) async fn measure(part: &Part, attempts: usize) -> anyhow::Result<Attempts> {
    let faults = faults(attempts)?;
    let files: Vec<(String, String)> = faults.iter().map(|(fault, _)| fault.file()).collect();
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
    part.sandbox.github.add_repository(REPOSITORY, &files, FIRST_COMMIT)?;
    let green = CheckRun::ended("tests", Conclusion::Success);
    part.sandbox.github.set_checks(REPOSITORY, Heads::Every, &[green])?;
    // GitHub's 5,000 an hour would be used up by some hundred attempts, and waiting for the next hour is not measured here.
    part.sandbox.github.set_hourly_requests(u64::MAX);
    part.sandbox.sentry.link_repository(REPOSITORY);

    let mut driver = Driver::new(part)?;
    let before = Memory::now();
    let begun = Instant::now();
    let mut started_this_hour = 0;
    for (number, wave) in faults.chunks(WAVE).enumerate() {
        if started_this_hour + wave.len() > part.per_hour {
            part.clock.next_hour();
            started_this_hour = 0;
        }
        started_this_hour += wave.len();
        driver.wave(wave).await?;
        let done = number * WAVE + wave.len();
        if !part.json && done.is_multiple_of(SAY_EVERY) {
            println!("{done:>6} attempts answered after {:.1} s", begun.elapsed().as_secs_f64());
        }
    }
    driver.watch().await?;
    let seconds = begun.elapsed().as_secs_f64();
    driver.report(seconds, before).await
}

struct Driver<'p> {
    part: &'p Part,
    client: reqwest::Client,
    fates: BTreeMap<AttemptId, Fate>,
    /// Cards whose button was pressed, by their time stamps.
    pressed: HashSet<String>,
    faults: Vec<String>,
}

impl<'p> Driver<'p> {
    fn new(part: &'p Part) -> anyhow::Result<Driver<'p>> {
        Ok(Driver {
            part,
            client: reqwest::Client::builder().build().context("make a client")?,
            fates: BTreeMap::new(),
            pressed: HashSet::new(),
            faults: Vec::new(),
        })
    }

    /// Reports these faults, and works until each of them has its outcome and its card.
    async fn wave(&mut self, wave: &[(Fault, Fate)]) -> anyhow::Result<()> {
        let mut open = BTreeSet::new();
        for (fault, fate) in wave {
            self.part.sandbox.claude.add_script(fault.script());
            if let Some(id) = self.report_fault(fault).await? {
                if self.fates.insert(id, *fate).is_some() {
                    bail!("the endpoint gave two issues the attempt {id}");
                }
                open.insert(id);
            }
        }
        let mut idle = 0;
        while !open.is_empty() {
            let delivered = self.part.process.deliver().await?;
            let pressed = self.press_buttons().await?;
            for id in open.clone() {
                if self.attempt(id).await?.is_some_and(|attempt| is_over(&attempt)) {
                    open.remove(&id);
                }
            }
            if delivered + pressed > 0 {
                idle = 0;
                continue;
            }
            idle += 1;
            if idle > PATIENCE {
                self.faults.push(format!(
                    "{} attempts never ended, one of them {:?}",
                    open.len(),
                    open.first()
                ));
                return Ok(());
            }
            self.part.clock.advance(SignedDuration::from_secs(61));
            self.part.process.tick().await;
        }
        Ok(())
    }

    /// Lets time pass until nothing is looked after any more.
    async fn watch(&mut self) -> anyhow::Result<()> {
        let mut live: BTreeSet<AttemptId> = self.fates.keys().copied().collect();
        for _ in 0..WATCHES {
            for id in live.clone() {
                if self.attempt(id).await?.is_none_or(|attempt| !attempt.state.is_live() && is_over(&attempt))
                {
                    live.remove(&id);
                }
            }
            if live.is_empty() {
                return Ok(());
            }
            self.part.clock.advance(SignedDuration::from_mins(30));
            self.part.process.tick().await;
            while self.part.process.deliver().await? > 0 {}
        }
        self.faults.push(format!(
            "{} attempts are watched for ever, one of them {:?}",
            live.len(),
            live.first()
        ));
        Ok(())
    }

    async fn report_fault(&mut self, fault: &Fault) -> anyhow::Result<Option<AttemptId>> {
        let event = fault.event(self.part.clock.clock().now());
        self.part.sandbox.sentry.throw(&event);
        let webhook = self.part.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
        let request: Request<reqwest::Body> = webhook.posted_to(&self.part.endpoint("webhooks/sentry"));
        let answer = self.client.execute(request.try_into()?).await.context("post a webhook")?;
        let status = answer.status().as_u16();
        let body: serde_json::Value = answer.json().await.context("read the endpoint's answer")?;
        match body["fix_attempt_id"].as_str().and_then(|id| AttemptId::parse(id).ok()) {
            Some(id) if status == 202 => Ok(Some(id)),
            _ => {
                self.faults.push(format!("the endpoint answered {status}: {body}"));
                Ok(None)
            }
        }
    }

    /// Presses each new button as its attempt's fate wants. Returns how many.
    async fn press_buttons(&mut self) -> anyhow::Result<usize> {
        let mut pressed = 0;
        for card in self.part.sandbox.slack.messages() {
            let Some(id) = button_of(&card).filter(|_| !self.pressed.contains(&card.ts)) else { continue };
            let action = match self.fates.get(&id) {
                Some(Fate::Deployed) => DEPLOY,
                Some(Fate::Dismissed) => DISMISS,
                Some(Fate::ManualReview) | None => {
                    self.faults.push(format!("the card of {id} has a Deploy button and must have none"));
                    self.pressed.insert(card.ts);
                    continue;
                }
            };
            let now = self.part.clock.clock().now().as_second();
            let form = self.part.sandbox.slack.press(&card, action, APPROVER_ID, now)?;
            self.interact(form, id).await?;
            // A dismissal counts when its dialog is sent.
            if action == DISMISS
                && let Some(dialog) = self.part.sandbox.slack.views().pop()
            {
                let reason = [(REASON_FIELD, DismissalReason::WrongFix.as_str())];
                let form = self.part.sandbox.slack.submit_view(&dialog, &reason, now)?;
                self.interact(form, id).await?;
            }
            self.pressed.insert(card.ts);
            pressed += 1;
        }
        Ok(pressed)
    }

    /// Posts to the endpoint what Slack would post.
    async fn interact(&mut self, form: SignedForm, id: AttemptId) -> anyhow::Result<()> {
        let request: Request<reqwest::Body> = form.posted_to(&self.part.endpoint("slack/interact"));
        let answer = self.client.execute(request.try_into()?).await.context("press a button")?;
        if !answer.status().is_success() {
            self.faults.push(format!("the endpoint answered a click on {id} with {}", answer.status()));
        }
        Ok(())
    }

    async fn attempt(&self, id: AttemptId) -> anyhow::Result<Option<Attempt>> {
        let found = self.part.process.store().attempt(id).await.context("read an attempt")?;
        Ok(found.map(|found| found.attempt))
    }

    /// Looks at everything once more, from the table, GitHub and Slack.
    async fn report(mut self, seconds: f64, before: Memory) -> anyhow::Result<Attempts> {
        let messages = self.part.sandbox.slack.messages();
        let timestamps: HashSet<&str> = messages.iter().map(|message| message.ts.as_str()).collect();
        let mut ended = BTreeMap::new();
        let mut cards = HashSet::new();
        for (id, fate) in &self.fates {
            let Some(attempt) = self.attempt(*id).await? else {
                self.faults.push(format!("attempt {id} was accepted and is gone"));
                continue;
            };
            *ended.entry(attempt.status().to_string()).or_insert(0) += 1;
            if !is_as_fated(*fate, attempt.status()) {
                let reasons: Vec<String> =
                    attempt.state.reasons().iter().map(|reason| reason.code.to_string()).collect();
                self.faults.push(format!("attempt {id} ended as `{}`: {reasons:?}", attempt.status()));
            }
            let ts = attempt.card.message.as_ref().and_then(|message| message.ts.as_deref());
            match ts.filter(|ts| timestamps.contains(ts)) {
                Some(ts) if attempt.card.shown >= attempt.card.wanted && cards.insert(ts.to_owned()) => {}
                _ => self.faults.push(format!("attempt {id} has no card of its own that shows its end")),
            }
        }
        if messages.len() != self.fates.len() {
            self.faults.push(format!(
                "{} attempts have {} messages in Slack",
                self.fates.len(),
                messages.len()
            ));
        }
        let pulls = self.part.sandbox.github.pull_requests(REPOSITORY)?;
        let merged = pulls.iter().filter(|pull| matches!(pull.state, PullState::Merged { .. })).count();
        let wanted = |fate: Fate| self.fates.values().filter(|found| **found == fate).count();
        let (deployed, dismissed) = (wanted(Fate::Deployed), wanted(Fate::Dismissed));
        if (merged, pulls.len()) != (deployed, deployed + dismissed) {
            self.faults.push(format!(
                "{merged} of {} pull requests were merged, and it should be {deployed} of {}",
                pulls.len(),
                deployed + dismissed
            ));
        }
        self.faults.extend(self.part.sandbox.unknown());
        Ok(Attempts {
            attempts: self.fates.len(),
            seconds,
            ended,
            cards: cards.len(),
            pull_requests: pulls.len(),
            model_turns: self.part.sandbox.claude.turns_answered(),
            before,
            after: Memory::now(),
            faults: self.faults,
        })
    }
}

/// The attempt that a card's Deploy button is about; `None` for a card without one.
fn button_of(card: &Message) -> Option<AttemptId> {
    let elements = card.blocks.iter().flat_map(|block| block["elements"].as_array().into_iter().flatten());
    let button = elements.into_iter().find(|element| element["action_id"] == DEPLOY)?;
    AttemptId::parse(button["value"].as_str()?.split(':').next()?).ok()
}

/// Whether it has its outcome, and the card shows it.
fn is_over(attempt: &Attempt) -> bool {
    let outcome = match attempt.status() {
        Status::Pending
        | Status::Analyzing
        | Status::PrCreated
        | Status::AwaitingApproval
        | Status::Approved => false,
        Status::Deployed
        | Status::Rejected
        | Status::Skipped
        | Status::Failed
        | Status::Verified
        | Status::Regressed
        | Status::RolledBack => true,
    };
    outcome && attempt.card.wanted > 0 && attempt.card.shown >= attempt.card.wanted
}

fn is_as_fated(fate: Fate, status: Status) -> bool {
    match fate {
        Fate::Deployed => status == Status::Verified,
        Fate::Dismissed => status == Status::Rejected,
        Fate::ManualReview => status == Status::Skipped,
    }
}
