//! Where a plan is played: the sandbox, the table behind its endpoint, a clock that nobody waits for, and the process that
//! dies and is started again.

use std::path::{Path, PathBuf};

use anyhow::Context;
use autofix::attempt::{Attempt, DismissalReason, Next};
use autofix::config::Environment;
use autofix::messages::{DEPLOY, DISMISS, REASON_FIELD};
use autofix::outbound::Outbound;
use autofix::reason::ReasonCode;
use autofix::store::{Listing, ListingFilter, Store};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use tower::ServiceExt;

use super::plan::{Copy, Doubled, Happening, Of, Order};
use crate::shop::Fault;
use autofix_local::movable_clock::MovableClock;
use autofix_local::one_process::OneProcess;
use autofix_local::table::EmbeddedTable;
use autofix_local::table_proxy::TableProxy;
use autofix_sandbox::demo_project::{FIRST_COMMIT, REPOSITORY};
use autofix_sandbox::github::{CheckRun, Conclusion, Heads};
use autofix_sandbox::killer::Killer;
use autofix_sandbox::sentry::{Hook, SandboxEvent, SignedWebhook};
use autofix_sandbox::service::Service;
use autofix_sandbox::slack::{APPROVER_ID, Message, SignedForm};
use autofix_sandbox::{Sandbox, SlackWay};

/// When every run begins.
const START: &str = "2026-11-22T10:00:00Z";
/// Attempts that may start in an hour: few, so that some are turned away.
pub(super) const PER_HOUR: usize = 4;
/// Pull requests that may be open at once.
pub(super) const OPEN: usize = 2;
/// Rounds of quiet in which everything has to come to its end. A round is a minute at least.
const QUIET_ROUNDS: usize = 400;
/// The longest sleep of a quiet round.
const LONG: SignedDuration = SignedDuration::from_mins(30);
/// The clock looks at outages every minute.
const OUTAGE_LOOK: SignedDuration = SignedDuration::from_mins(1);
/// Between two looks whether the digest was told.
const DIGEST_LOOK: SignedDuration = SignedDuration::from_mins(10);

/// A stage with one process on it.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    /// Sees the table past its endpoint.
    pub(super) store: Store,
    pub(super) clock: MovableClock,
    pub(super) counts: Counts,
    /// Attempts of webhooks that were accepted.
    pub(super) accepted: Vec<String>,
    process: OneProcess,
    proxy: TableProxy,
    killer: Killer,
    environment: Environment,
    folder: PathBuf,
}

/// What was done to the process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) deaths: usize,
    /// Requests that were planned to fail.
    pub(super) failures: usize,
    /// Of those, requests to Claude and to the table: each may lose a turn that was paid.
    pub(super) failures_of_turns: usize,
}

impl Stage {
    /// A stage with a shop that has these faults.
    ///
    /// # Errors
    /// If no loopback port or folder can be had.
    pub(super) async fn open(folder: &Path, faults: &[Fault]) -> anyhow::Result<Stage> {
        std::fs::create_dir_all(folder).with_context(|| format!("make the folder `{}`", folder.display()))?;
        let clock = MovableClock::at(START.parse().context("read the time at which runs begin")?);
        let sandbox = Sandbox::start(folder, clock.clock()).await?;
        let files: Vec<(String, String)> = faults.iter().map(Fault::file).collect();
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        sandbox.github.add_repository(REPOSITORY, &files, FIRST_COMMIT)?;
        let green = CheckRun::ended("tests", Conclusion::Success);
        sandbox.github.set_checks(REPOSITORY, Heads::Every, &[green])?;
        sandbox.sentry.link_repository(REPOSITORY);
        faults.iter().for_each(|fault| sandbox.claude.add_script(fault.script()));
        let settings = [
            ("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", PER_HOUR.to_string()),
            ("AUTOFIX_MAX_OPEN_PULL_REQUESTS", OPEN.to_string()),
            ("AUTOFIX_WATCH_HOURS", "1".to_owned()),
        ];
        let environment =
            settings.into_iter().collect::<Environment>().over(sandbox.environment(SlackWay::Bot));
        let table = EmbeddedTable::memory().await?;
        let store = Store::new(table.client(), "autofix");
        let (table, proxy) = table.behind_a_proxy().await?;
        let killer = Killer::default();
        proxy.watched_by(&killer);
        sandbox.watched_by(&killer);
        let process = start(table, &environment, &clock).await?;
        Ok(Stage {
            sandbox,
            store,
            clock,
            counts: Counts::default(),
            accepted: Vec::new(),
            process,
            proxy,
            killer,
            environment,
            folder: folder.to_owned(),
        })
    }

    /// Lets something happen. The process may die over it; then another one is there.
    pub(super) async fn play(mut self, happening: &Happening, faults: &[Fault]) -> anyhow::Result<Stage> {
        match happening {
            Happening::Death(moment) => {
                self.killer.set(*moment);
                return Ok(self);
            }
            Happening::Restart => return self.start_again(Leases::Broken).await,
            Happening::Trouble { of, method, path, fault, requests } => {
                self.counts.failures += requests;
                if matches!(of, Of::Claude | Of::Table) {
                    self.counts.failures_of_turns += requests;
                }
                for _ in 0..*requests {
                    self.service(*of).fail_next(method.clone(), path, fault.clone());
                }
                return Ok(self);
            }
            Happening::Time { minutes } => self.clock.advance(SignedDuration::from_mins(*minutes)),
            Happening::Report { .. } | Happening::Click { .. } | Happening::Deliver { .. } => {}
        }
        let killer = self.killer.clone();
        let done = tokio::select! {
            biased;
            () = killer.strikes() => None,
            done = self.act(happening, faults) => Some(done?),
        };
        match done {
            Some(accepted) => {
                self.accepted.extend(accepted);
                Ok(self)
            }
            None => {
                self.counts.deaths += 1;
                self.start_again(Leases::AsTheyWere).await
            }
        }
    }

    /// What was accepted, where something was reported.
    async fn act(&self, happening: &Happening, faults: &[Fault]) -> anyhow::Result<Vec<String>> {
        match happening {
            Happening::Report { fault, hook, copy } => {
                return self.report(&faults[*fault].event(self.clock.now()), *hook, *copy).await;
            }
            Happening::Click { card, button, times } => self.press_some(*card, button, *times).await?,
            Happening::Deliver { order, doubled } => self.deliver(*order, *doubled).await,
            Happening::Time { .. } => {
                self.process.tick().await;
                self.deliver(Order::AsItCame, Doubled::No).await;
            }
            Happening::Trouble { .. } | Happening::Death(_) | Happening::Restart => {}
        }
        Ok(Vec::new())
    }

    async fn report(&self, event: &SandboxEvent, hook: Hook, copy: Copy) -> anyhow::Result<Vec<String>> {
        let (event, times) = match copy {
            Copy::First => (event.clone(), 1),
            Copy::Repeated(times) => (event.clone(), times),
            Copy::Again(number) => (event.again(number, self.clock.now()), 1),
            Copy::OtherIssue(number) => (event.as_other_issue(number), 1),
        };
        self.sandbox.sentry.throw(&event);
        let webhook = self.sandbox.sentry.webhook(&event, hook);
        let mut accepted = Vec::new();
        let mut left = times;
        while left > 0 {
            // By twos, so that they meet.
            let (one, other) = tokio::join!(self.post(&webhook), self.post_if(left > 1, &webhook));
            accepted.extend(one?.into_iter().chain(other?));
            left = left.saturating_sub(2);
        }
        Ok(accepted)
    }

    async fn post_if(&self, wanted: bool, webhook: &SignedWebhook) -> anyhow::Result<Option<String>> {
        if wanted { self.post(webhook).await } else { Ok(None) }
    }

    /// The attempt that a webhook was accepted for.
    async fn post(&self, webhook: &SignedWebhook) -> anyhow::Result<Option<String>> {
        let answer = self.ask(webhook.posted_to("/autofix/webhooks/sentry")).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::ACCEPTED => {}
            StatusCode::SERVICE_UNAVAILABLE => return Ok(None), // nothing was accepted
            status => anyhow::bail!("the endpoint answered a webhook with {status}"),
        }
        let body = axum::body::to_bytes(answer.into_body(), 100_000).await?;
        let body: serde_json::Value = serde_json::from_slice(&body)?;
        Ok(body["fix_attempt_id"].as_str().map(str::to_owned))
    }

    async fn ask(&self, request: Request) -> anyhow::Result<Response> {
        self.process.endpoints().oneshot(request).await.context("ask an endpoint")
    }

    /// Presses a button of one of the cards that have it.
    async fn press_some(&self, card: usize, button: &str, times: usize) -> anyhow::Result<()> {
        let now = self.clock.now().as_second();
        let press = |message: &Message| self.sandbox.slack.press(message, button, APPROVER_ID, now).ok();
        let forms: Vec<SignedForm> = self.sandbox.slack.messages().iter().filter_map(press).collect();
        if forms.is_empty() {
            return Ok(());
        }
        let form = &forms[card % forms.len()];
        let second = async { if times > 1 { self.click(form).await } else { Ok(()) } };
        let (first, second) = tokio::join!(self.click(form), second);
        first.and(second)?;
        // A dismissal counts when its dialog is sent; a fault may have kept it from opening.
        for dialog in self.sandbox.slack.views() {
            let reason = [(REASON_FIELD, DismissalReason::TooRisky.as_str())];
            self.click(&self.sandbox.slack.submit_view(&dialog, &reason, now)?).await?;
            self.sandbox.slack.view_answered(&dialog, &serde_json::Value::Null)?;
        }
        Ok(())
    }

    async fn click(&self, form: &SignedForm) -> anyhow::Result<()> {
        let answer = self.ask(form.posted_to("/autofix/slack/interact")).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => Ok(()),
            status => anyhow::bail!("the endpoint answered a click with {status}"),
        }
    }

    /// Delivers what the stream has, by twos at once. A stream that cannot be read is read later.
    async fn deliver(&self, order: Order, doubled: Doubled) {
        while let Ok(mut records) = self.process.records().await
            && !records.is_empty()
        {
            if order == Order::Reversed {
                records.reverse();
            }
            for pair in records.chunks(2) {
                let deliver = |number: usize| async move {
                    let Some(record) = pair.get(number) else { return };
                    let again = async {
                        if doubled == Doubled::Yes {
                            let _ = self.process.deliver_record(record.clone()).await;
                        }
                    };
                    // A record that is not taken is the clock's business, as on AWS.
                    let _ = tokio::join!(self.process.deliver_record(record.clone()), again);
                };
                tokio::join!(deliver(0), deliver(1));
            }
        }
    }

    /// Nothing fails any more, people decide about every card, and time passes until nothing is left to do.
    pub(super) async fn come_to_rest(&self) -> anyhow::Result<()> {
        self.killer.spare();
        for of in [Of::Claude, Of::Github, Of::Sentry, Of::Slack, Of::Table] {
            self.service(of).clear_faults();
        }
        self.sandbox.github.downloads().clear_faults();
        for round in 0..QUIET_ROUNDS {
            self.process.tick().await;
            self.deliver(Order::AsItCame, Doubled::No).await;
            self.press_some(round, if round % 2 == 0 { DEPLOY } else { DISMISS }, 1).await?;
            self.deliver(Order::AsItCame, Doubled::No).await;
            match self.next_move().await? {
                Some(at) => {
                    let sleep = at.duration_since(self.clock.now());
                    self.clock.advance(sleep.clamp(SignedDuration::from_mins(1), LONG));
                }
                None => return Ok(()),
            }
        }
        Ok(()) // what is not at rest is found by whoever looks at the end
    }

    /// When somebody has something to do again; `None` where nobody has.
    async fn next_move(&self) -> anyhow::Result<Option<Timestamp>> {
        let now = self.clock.now();
        let attempts = self.attempts().await?;
        let moves = attempts.iter().filter_map(|attempt| match attempt.next_step(now) {
            Next::Do(_) => Some(now),
            Next::WaitUntil(time) => Some(time),
            Next::Ended => None,
        });
        let all_told = told_in_digests(&self.sandbox) == turned_away(&attempts);
        let digest = (!all_told).then(|| now + DIGEST_LOOK);
        let is_outage = !self.store.outages().await?.is_empty();
        let outages = is_outage.then(|| now + OUTAGE_LOOK);
        Ok(moves.chain(digest).chain(outages).min())
    }

    /// Every attempt there is, newest first.
    pub(super) async fn attempts(&self) -> anyhow::Result<Vec<Attempt>> {
        let mut all = Vec::new();
        let mut before = None;
        loop {
            let filter = ListingFilter::default();
            let listing = Listing { filter, limit: 100, before, now: self.clock.now() };
            let page = self.store.list(&listing).await?;
            all.extend(page.attempts);
            before = page.next;
            if before.is_none() {
                return Ok(all);
            }
        }
    }

    fn service(&self, of: Of) -> &Service {
        match of {
            Of::Claude => self.sandbox.claude.service(),
            Of::Github => self.sandbox.github.service(),
            Of::Sentry => self.sandbox.sentry.service(),
            Of::Slack => self.sandbox.slack.service(),
            Of::Table => self.proxy.service(),
        }
    }

    /// The process is gone, and another one starts on the same table.
    async fn start_again(self, leases: Leases) -> anyhow::Result<Stage> {
        self.killer.spare();
        self.proxy.service().clear_faults(); // a process that cannot reach its table does not start
        let process = start(self.process.into_table(), &self.environment, &self.clock).await?;
        if leases == Leases::Broken {
            process.break_leases().await?;
        }
        Ok(Stage { process, ..self })
    }

    /// Gives the folder back to the system.
    pub(super) fn close(self) {
        let _ = std::fs::remove_dir_all(self.folder);
    }
}

/// How many attempts the hourly limit turned away.
pub(super) fn turned_away(attempts: &[Attempt]) -> usize {
    attempts.iter().filter(|attempt| was_turned_away(attempt)).count()
}

pub(super) fn was_turned_away(attempt: &Attempt) -> bool {
    attempt.state.reasons().iter().any(|reason| reason.code == ReasonCode::HourlyLimit)
}

/// The sum of what the digests in the channel say.
pub(super) fn told_in_digests(sandbox: &Sandbox) -> usize {
    let messages = sandbox.slack.messages();
    let digests =
        messages.iter().filter(|message| key_of(message).is_some_and(|key| key.starts_with("digest ")));
    let number = |message: &Message| {
        let digits =
            message.text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit);
        digits.collect::<String>().parse::<usize>().unwrap_or_default()
    };
    digests.map(number).sum()
}

/// By what a message of AutoFix is found again: an attempt's id, or a digest's name.
pub(super) fn key_of(message: &Message) -> Option<&str> {
    message.metadata.as_ref()?["event_payload"]["key"].as_str()
}

/// What becomes of the leases of a process that is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leases {
    AsTheyWere,
    Broken,
}

async fn start(
    table: EmbeddedTable,
    environment: &Environment,
    clock: &MovableClock,
) -> anyhow::Result<OneProcess> {
    OneProcess::new(table, environment, clock.clock(), Outbound::new(None)?).await
}
