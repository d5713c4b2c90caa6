//! `autofix demo`: the whole loop on this machine, with nothing to configure. A small real project breaks,
//! Sentry reports it, and one sees the analysis, the card, the click and the merge.

mod regression;

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use autofix::attempt::{Attempt, AttemptId, DismissalReason, Status};
use autofix::clock::Clock;
use autofix::journal::Journal;
use autofix::messages::{DEPLOY, DISMISS, REASON_FIELD};
use autofix::outbound::Outbound;
use serde_json::Value;

use crate::demo_project::REPOSITORY;
use crate::movable_clock::LeapingClock;
use crate::one_process::OneProcess;
use crate::sample_event::SampleEvent;
use crate::sandbox::sentry::{Hook, SignedWebhook};
use crate::sandbox::slack::{APPROVER_ID, Message, SignedForm};
use crate::sandbox::{Sandbox, SlackWay};
use crate::scenario::Scenario;
use crate::table::EmbeddedTable;
use crate::terminal::say;

/// How long one part of the story may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at the attempt.
const LOOK: Duration = Duration::from_millis(20);

/// What `demo` was asked to do.
#[derive(Debug)]
pub struct Options {
    pub scenario: Scenario,
    pub click: Click,
    /// Where the git repository goes; a new folder in the system's temporary one by default.
    pub folder: Option<PathBuf>,
    pub journal: Option<Journal>,
}

/// Who presses the button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Click {
    ByItself,
    Ask,
}

/// Plays one scenario.
///
/// # Errors
/// When the story did not end as it should: the exit code tells.
pub async fn demo(options: Options) -> anyhow::Result<()> {
    let time = LeapingClock::default();
    let clock = time.clock();
    let folder = options.folder.clone().unwrap_or_else(|| new_folder(&clock));
    std::fs::create_dir_all(&folder).with_context(|| format!("make the folder `{}`", folder.display()))?;
    let sandbox = Sandbox::start(&folder, clock.clone()).await?;
    let repository = sandbox.add_demo_project()?;
    let table = EmbeddedTable::memory().await?;
    let environment = sandbox.environment(SlackWay::Bot);
    let process = Arc::new(
        OneProcess::new(table, &environment, clock.clone(), Outbound::new(options.journal.clone())?).await?,
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let doors = process.doors();
    tokio::spawn(async move { axum::serve(listener, doors).await });
    let running = Arc::clone(&process);
    tokio::spawn(async move { running.run().await });
    let (begun, told) = (Instant::now(), Mutex::default());
    Story { options, sandbox, process, repository, address, clock, time, begun, told }.play().await
}

struct Story {
    options: Options,
    sandbox: Sandbox,
    process: Arc<OneProcess>,
    repository: PathBuf,
    address: String,
    clock: Clock,
    time: LeapingClock,
    begun: Instant,
    /// Lines of each timeline that were printed; the first one is Sentry's report, which the story tells itself.
    told: Mutex<BTreeMap<AttemptId, usize>>,
}

impl Story {
    async fn play(&self) -> anyhow::Result<()> {
        let scenario = self.options.scenario;
        say!("AutoFix demo `{}`: {}.", scenario.name(), scenario.description());
        say!(
            "Sentry, GitHub and Slack are stand-ins on this machine, and Claude is scripted: it says here what a"
        );
        say!("model would say. Everything else is what runs in production.\n");
        self.step(&format!("created the project `{REPOSITORY}`, a real git repository with a bug"));
        let id = self.report(scenario).await?;
        let attempt = self
            .follow(id, |status| !matches!(status, Status::Pending | Status::Analyzing | Status::PrCreated))
            .await?;
        self.settled_card(&attempt).await?;
        match (scenario, attempt.status()) {
            (Scenario::Security, Status::Skipped) => self.end_refused(),
            (Scenario::Fix | Scenario::Storm, Status::AwaitingApproval) => {
                self.decide(id, &attempt).await?;
                self.goodbye();
                Ok(())
            }
            (Scenario::Regression, Status::AwaitingApproval) => {
                self.decide(id, &attempt).await?;
                self.comes_back(id).await?;
                self.goodbye();
                Ok(())
            }
            (_, status) => bail!("the attempt ended as `{status}`, which this story does not foresee"),
        }
    }

    /// Sentry reports the error: as often as the scenario says, all at once.
    async fn report(&self, scenario: Scenario) -> anyhow::Result<AttemptId> {
        let event = scenario.event(self.clock.now());
        self.sandbox.sentry.throw(&event);
        let mut deliveries = tokio::task::JoinSet::new();
        for _ in 0..scenario.deliveries() {
            let webhook = match scenario {
                Scenario::Fix => sample_webhook()?,
                Scenario::Security | Scenario::Storm | Scenario::Regression => {
                    self.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered)
                }
            };
            let url = format!("{}/autofix/webhooks/sentry", self.address);
            deliveries.spawn(async move { post_webhook(&url, webhook).await });
        }
        let mut ids = std::collections::BTreeSet::new();
        let (mut accepted, mut duplicates) = (0, 0);
        while let Some(answer) = deliveries.join_next().await {
            let (status, body) = answer??;
            match status {
                202 => accepted += 1,
                200 => duplicates += 1,
                other => bail!("the door answered {other}: {body}"),
            }
            ids.extend(body["fix_attempt_id"].as_str().map(str::to_owned));
        }
        self.step(&format!(
            "Sentry's signed webhook: {accepted} accepted, {duplicates} recognised as duplicates"
        ));
        let id = ids.pop_first().context("the door named no attempt")?;
        if accepted != 1 || !ids.is_empty() {
            bail!("one error became more than one attempt");
        }
        Ok(AttemptId::parse(&id)?)
    }

    /// Prints the timeline as it grows, until the status is one to stop at.
    async fn follow(&self, id: AttemptId, enough: impl Fn(Status) -> bool) -> anyhow::Result<Attempt> {
        let since = Instant::now();
        loop {
            let attempt = self.attempt(id).await?;
            self.tell(&attempt);
            if enough(attempt.status()) {
                return Ok(attempt);
            }
            if since.elapsed() > PATIENCE {
                bail!("the attempt is still `{}` after {} seconds", attempt.status(), PATIENCE.as_secs());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Prints what is new in a timeline.
    fn tell(&self, attempt: &Attempt) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let told = told.entry(attempt.id).or_insert(1);
        for moment in attempt.timeline.iter().skip(*told) {
            self.step(&moment.what);
        }
        *told = (*told).max(attempt.timeline.len());
    }

    /// Waits for the card to show the attempt as it is, and prints it.
    async fn settled_card(&self, attempt: &Attempt) -> anyhow::Result<Message> {
        let since = Instant::now();
        loop {
            let now = self.attempt(attempt.id).await?;
            if now.card.shown >= now.card.wanted && now.card.wanted > 0 {
                break;
            }
            if since.elapsed() > PATIENCE {
                bail!("no card came");
            }
            tokio::time::sleep(LOOK).await;
        }
        let message = self.card(attempt.id)?;
        self.step("the card in Slack:");
        say!("");
        for line in self.sandbox.slack.render(&message).lines() {
            say!("    │ {line}");
        }
        say!("");
        Ok(message)
    }

    /// The only card of an attempt.
    fn card(&self, id: AttemptId) -> anyhow::Result<Message> {
        let mut cards = self.sandbox.slack.messages();
        cards.retain(|message| {
            message.thread_ts.is_none() && self.sandbox.slack.render(message).contains(&id.to_string())
        });
        if cards.len() != 1 {
            bail!("there should be one card, and there are {}", cards.len());
        }
        Ok(cards.remove(0))
    }

    fn end_refused(&self) -> anyhow::Result<()> {
        let open = self.sandbox.github.open_pull_requests(REPOSITORY)?;
        if !open.is_empty() {
            bail!("there is a pull request, and there must be none");
        }
        self.step("no pull request was opened: a person has to look at this one");
        self.goodbye();
        Ok(())
    }

    async fn decide(&self, id: AttemptId, attempt: &Attempt) -> anyhow::Result<()> {
        if let Some(fix) = attempt.state.fix() {
            say!("{}", fix.diff);
        }
        let action = self.choose()?;
        let card = self.card(id)?;
        let now = self.clock.now().as_second();
        self.interact(self.sandbox.slack.press(&card, action, APPROVER_ID, now)?).await?;
        if action == DISMISS {
            let dialog = self.sandbox.slack.views().pop().context("no dialog asks for the reason")?;
            let values = [(REASON_FIELD, DismissalReason::WillFixMyself.as_str())];
            self.interact(self.sandbox.slack.submit_view(&dialog, &values, now)?).await?;
            let attempt = self.follow(id, |status| status == Status::Rejected).await?;
            self.settled_card(&attempt).await?;
            self.goodbye();
            bail!("dismissed: nothing was deployed");
        }
        let attempt = self.follow(id, |status| matches!(status, Status::Deployed | Status::Failed)).await?;
        self.settled_card(&attempt).await?;
        self.check_merge(&attempt)
    }

    /// Posts what Slack would post to the door.
    async fn interact(&self, form: SignedForm) -> anyhow::Result<()> {
        let url = format!("{}/autofix/slack/interact", self.address);
        let answer = reqwest::Client::new()
            .post(url)
            .header("content-type", form.content_type)
            .header("x-slack-request-timestamp", &form.timestamp)
            .header("x-slack-signature", &form.signature)
            .body(form.body)
            .send()
            .await?;
        if !answer.status().is_success() {
            bail!("the door answered the click with {}", answer.status());
        }
        Ok(())
    }

    fn choose(&self) -> anyhow::Result<&'static str> {
        if self.options.click == Click::ByItself || !std::io::stdin().is_terminal() {
            self.step("clicking 🚀 Deploy Live");
            return Ok(DEPLOY);
        }
        write!(std::io::stdout(), "Press Enter for 🚀 Deploy Live, or type d and Enter for ❌ Dismiss: ")?;
        std::io::stdout().flush()?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Ok(if line.trim().eq_ignore_ascii_case("d") { DISMISS } else { DEPLOY })
    }

    /// Looks into the repository itself: the merge has to be in its history.
    fn check_merge(&self, attempt: &Attempt) -> anyhow::Result<()> {
        let log = self.sandbox.github.log(REPOSITORY, "main")?;
        let trailer = format!("AutoFix-Attempt: {}", attempt.id);
        let Some((sha, message)) = log.into_iter().find(|(_, message)| message.contains(&trailer)) else {
            bail!("the attempt is `{}`, and the merge is not in the history of `main`", attempt.status());
        };
        self.step(&format!(
            "merged into `main` as {}: {}",
            &sha[..10.min(sha.len())],
            message.lines().next().unwrap_or_default()
        ));
        Ok(())
    }

    fn goodbye(&self) {
        say!("\nThe git repository stays here; look at it with");
        say!("    git -C {} log --stat", shown(&self.repository));
    }

    async fn attempt(&self, id: AttemptId) -> anyhow::Result<Attempt> {
        let found = self.process.store().attempt(id).await?;
        Ok(found.context("the attempt is not in the table")?.attempt)
    }

    fn step(&self, what: &str) {
        say!("[{:>6.2} s] {what}", self.begun.elapsed().as_secs_f64());
    }
}

/// The sample event of the repository, as Sentry would send it.
fn sample_webhook() -> anyhow::Result<SignedWebhook> {
    let event = SampleEvent::parse(include_str!("../../events/sentry-event-alert.json"))?;
    Ok(SignedWebhook { headers: event.headers(), body: event.body().to_vec() })
}

async fn post_webhook(url: &str, webhook: SignedWebhook) -> anyhow::Result<(u16, Value)> {
    let mut request = reqwest::Client::new().post(url).body(webhook.body);
    for (name, value) in webhook.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.context("post the webhook")?;
    let status = answer.status().as_u16();
    Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
}

fn new_folder(clock: &Clock) -> PathBuf {
    std::env::temp_dir().join(format!("autofix-demo-{}", clock.now().as_millisecond()))
}

/// The path as a shell takes it.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains(' ') { format!("'{text}'") } else { text }
}
