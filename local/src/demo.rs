//! `autofix demo`: the whole loop on this machine, with nothing to configure. A small real project breaks,
//! Sentry reports it, and one sees the analysis, the card, the click and the merge.

mod choice;
mod regression;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use autofix::attempt::{Attempt, AttemptId, DismissalReason, Status};
use autofix::clock::Clock;
use autofix::config::Environment;
use autofix::journal::Journal;
use autofix::messages::{DEPLOY, DISMISS, REASON_FIELD};
use autofix::outbound::Outbound;
use autofix::secrets::Secrets;

use crate::demo_project::REPOSITORY;
use crate::movable_clock::SkippingClock;
use crate::one_process::{OneProcess, Surroundings};
use crate::sandbox::sentry::{Hook, SandboxEvent};
use crate::sandbox::slack::{APPROVER_ID, Message, SignedForm};
use crate::sandbox::{API_TOKEN, Sandbox, SlackWay};
use crate::sandbox_page::{self, Log, SandboxPage, skips};
use crate::scenario::Scenario;
use crate::serve::told_to_stop;
use crate::table::EmbeddedTable;
use crate::terminal::say;
use choice::Choice;

/// How long one part of the story may take before something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at the attempt.
const LOOK: Duration = Duration::from_millis(20);
/// Where the endpoints are, as the settings have it where they say nothing.
const PREFIX: &str = "/autofix";

/// What `demo` was asked to do.
#[derive(Debug)]
pub struct Options {
    pub scenario: Scenario,
    pub click: Click,
    pub page: Page,
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

/// How long the sandbox's page is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    AsLongAsTheStory,
    /// Until the program is told to stop (Ctrl-C or SIGTERM).
    Stays,
}

/// Plays one scenario.
///
/// # Errors
/// When the story did not end as it should: the exit code tells.
pub async fn demo(options: Options) -> anyhow::Result<()> {
    let page = options.page;
    let story = Story::begin(options).await?;
    let played = story.play().await;
    match page {
        Page::Stays => story.stay(&played).await,
        Page::AsLongAsTheStory => say!("The page ended with the story; `--stay` keeps it open."),
    }
    played
}

/// One scenario with the services, the functions and the page on which it plays.
pub struct Story {
    options: Options,
    sandbox: Sandbox,
    process: Arc<OneProcess>,
    page: Arc<SandboxPage>,
    repository: PathBuf,
    address: String,
    clock: Clock,
    time: SkippingClock,
    begun: Instant,
    /// Lines of each timeline that were printed; the first one is Sentry's report, which the story tells itself.
    told: Mutex<BTreeMap<AttemptId, usize>>,
    /// Each card as it was printed last.
    cards: Mutex<BTreeMap<AttemptId, String>>,
}

impl Story {
    /// Starts everything. Nothing is broken yet.
    pub async fn begin(options: Options) -> anyhow::Result<Story> {
        let time = SkippingClock::default();
        let clock = time.clock();
        let folder = options.folder.clone().unwrap_or_else(|| new_folder(&clock));
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("make the folder `{}`", folder.display()))?;
        let sandbox = Sandbox::start(&folder, clock.clone()).await?;
        let repository = sandbox.add_demo_project()?;
        let table = EmbeddedTable::memory().await?;
        let environment = sandbox.environment(SlackWay::Bot);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let here: Environment = [("AUTOFIX_PUBLIC_URL", address.clone())].into_iter().collect();
        let here = here.over(sandbox.with_proofs()?);
        let outbound = Outbound::new(options.journal.clone())?;
        let environment = here.over(environment);
        let secrets = Secrets::from_environment(environment.clone(), clock.clone());
        let surroundings = Surroundings {
            environment: &environment,
            clock: clock.clone(),
            outbound,
            sandbox_page: Some(sandbox_page::PATH),
        };
        let process = Arc::new(OneProcess::with_secrets(table, secrets, surroundings).await?);
        let let_pass = skips(time.clone(), Arc::clone(&process));
        let page = Arc::new(SandboxPage {
            sandbox: sandbox.clone(),
            clock: clock.clone(),
            endpoints: process.endpoints(),
            prefix: PREFIX.to_owned(),
            store: process.store().clone(),
            let_pass,
            log: Log::default(),
        });
        let endpoints = process.endpoints().merge(sandbox_page::routes(Arc::clone(&page)));
        tokio::spawn(async move { axum::serve(listener, endpoints).await });
        let running = Arc::clone(&process);
        tokio::spawn(async move { running.run().await });
        let (begun, told, cards) = (Instant::now(), Mutex::default(), Mutex::default());
        Ok(Story { options, sandbox, process, page, repository, address, clock, time, begun, told, cards })
    }

    /// The sandbox's page, on which one can watch.
    pub fn page(&self) -> String {
        format!("{}{}", self.address, sandbox_page::PATH)
    }

    /// Plays it to its end.
    ///
    /// # Errors
    /// When it did not end as it should.
    pub async fn play(&self) -> anyhow::Result<()> {
        let scenario = self.options.scenario;
        say!("AutoFix demo `{}`: {}.", scenario.name(), scenario.description());
        say!(
            "Sentry, GitHub and Slack are fakes on this machine, and Claude is scripted: it says here what a"
        );
        say!("model would say. Everything else is what runs in production.");
        if self.options.page == Page::Stays {
            say!("Watch it in a browser, too:");
            say!("  {}", self.page());
        }
        say!("");
        self.step(&format!("created the project `{REPOSITORY}`, a real git repository with a bug"));
        let event = scenario.event(self.clock.now());
        let id = self.report(&event, Hook::EventAlertTriggered, scenario.deliveries()).await?;
        let attempt = self
            .follow(id, |status| !matches!(status, Status::Pending | Status::Analyzing | Status::PrCreated))
            .await?;
        self.settled_card(&attempt).await?;
        match (scenario, attempt.status()) {
            (Scenario::Security, Status::Skipped) => self.end_refused(),
            (Scenario::Fix | Scenario::Storm, Status::AwaitingApproval) => {
                self.decide(id).await?;
                self.goodbye();
                Ok(())
            }
            (Scenario::Regression, Status::AwaitingApproval) => {
                self.decide(id).await?;
                self.comes_back(id).await?;
                self.goodbye();
                Ok(())
            }
            (_, status) => bail!("the attempt ended as `{status}`, which this story does not foresee"),
        }
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
        let text = self.sandbox.slack.render(&message);
        let before = {
            let mut cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
            cards.insert(attempt.id, text.clone())
        };
        self.step(match before {
            None => "the card in Slack:",
            Some(_) => "the card in Slack is changed:",
        });
        say!("");
        for line in new_lines(&before.unwrap_or_default(), &text) {
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

    async fn decide(&self, id: AttemptId) -> anyhow::Result<()> {
        let now = || self.clock.now().as_second();
        let slack = &self.sandbox.slack;
        match self.choose(id).await? {
            Choice::Deploy => {
                self.interact(slack.press(&self.card(id)?, DEPLOY, APPROVER_ID, now())?).await?;
            }
            Choice::Dismiss => {
                self.interact(slack.press(&self.card(id)?, DISMISS, APPROVER_ID, now())?).await?;
                let dialog = slack.views().pop().context("no dialog asks for the reason")?;
                let values = [(REASON_FIELD, DismissalReason::WillFixMyself.as_str())];
                self.interact(slack.submit_view(&dialog, &values, now())?).await?;
            }
            Choice::MadeOnThePage => self.step("you decided on the page"),
        }
        let ended = |status| matches!(status, Status::Deployed | Status::Rejected | Status::Failed);
        let attempt = self.follow(id, ended).await?;
        self.settled_card(&attempt).await?;
        if attempt.status() == Status::Rejected {
            self.goodbye();
            bail!("dismissed: nothing was deployed");
        }
        self.check_merge(&attempt)
    }

    /// Sentry reports the error: as often as the scenario says, all at once.
    async fn report(&self, event: &SandboxEvent, hook: Hook, times: usize) -> anyhow::Result<AttemptId> {
        self.sandbox.sentry.throw(event);
        let mut answers = self.page.report(event, hook, times).await?;
        self.step(&format!(
            "Sentry's signed webhook: {} accepted, {} recognised as duplicates",
            answers.accepted, answers.known
        ));
        let id = answers.attempts.pop_first().context("the endpoint named no attempt")?;
        if answers.accepted != 1 || answers.accepted + answers.known != times || !answers.attempts.is_empty()
        {
            bail!("one error should become one attempt, and the endpoint answered: {answers}");
        }
        Ok(AttemptId::parse(&id)?)
    }

    /// Somebody clicks, or sends a dialog.
    async fn interact(&self, form: SignedForm) -> anyhow::Result<()> {
        let (status, _) = self.page.interact(form).await?;
        if !status.is_success() {
            bail!("the endpoint answered the click with {status}");
        }
        Ok(())
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

    /// The page stays; the errors on it can be thrown, and everything works as before.
    async fn stay(&self, played: &anyhow::Result<()>) {
        if let Err(error) = played {
            say!("\nThe story ended here: {error:#}.");
        }
        say!(
            "\nThe page stays until you press Ctrl-C. Break something there, and press the buttons on its card:"
        );
        say!("  {}", self.page());
        say!("  Log in at Attempts with the development token: {API_TOKEN}");
        told_to_stop().await;
    }

    async fn attempt(&self, id: AttemptId) -> anyhow::Result<Attempt> {
        let found = self.process.store().attempt(id).await?;
        Ok(found.context("the attempt is not in the table")?.attempt)
    }

    fn step(&self, what: &str) {
        say!("[{:>6.2} s] {what}", self.begun.elapsed().as_secs_f64());
    }
}

/// The lines that were not there before, with `…` in place of those that were.
fn new_lines<'a>(before: &str, now: &'a str) -> Vec<&'a str> {
    let known: BTreeSet<&str> = before.lines().collect();
    let mut shown = Vec::new();
    for line in now.lines() {
        match known.contains(line) {
            false => shown.push(line),
            true if shown.last() == Some(&"…") => {}
            true => shown.push("…"),
        }
    }
    shown
}

fn new_folder(clock: &Clock) -> PathBuf {
    std::env::temp_dir().join(format!("autofix-demo-{}", clock.now().as_millisecond()))
}

/// The path as a shell takes it.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains(' ') { format!("'{text}'") } else { text }
}

#[cfg(test)]
mod tests {
    use super::new_lines;

    #[test]
    fn a_card_that_changes_is_printed_where_it_changed() {
        assert_eq!(new_lines("", "a\n\nb"), ["a", "", "b"]);
        assert_eq!(new_lines("a\nb\n\nc\nd", "a\nb\n\nnew\nd"), ["…", "new", "…"]);
        assert_eq!(new_lines("a\nb", "a\nb"), ["…"]);
    }
}
