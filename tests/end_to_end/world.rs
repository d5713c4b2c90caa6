//! A world for one test: the four functions in this process, the sandbox, the embedded table, and a clock that
//! only moves when it is told to. Dropping a world in which a fake was asked something that it does not know fails the
//! test.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use autofix::config::{Environment, names};
use autofix::journal::Journal;
use autofix::messages::{DISMISS, REASON_FIELD};
use autofix::outbound::Outbound;
use autofix::secrets::Secrets;
use autofix_local::movable_clock::MovableClock;
use autofix_local::one_process::{OneProcess, Surroundings};
use autofix_local::sandbox::github::{PullRequest, Settings};
use autofix_local::sandbox::killer::Killer;
use autofix_local::sandbox::secrets_manager::{self, SecretsManager};
use autofix_local::sandbox::slack::OpenView;
use autofix_local::sandbox::{API_TOKEN, Sandbox, WayBack};
use autofix_local::table::EmbeddedTable;
use autofix_local::table_proxy::TableProxy;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt;

// What nearly every story needs of the sandbox.
pub use autofix_local::sandbox::SlackWay;
pub use autofix_local::sandbox::github::{CheckRun, Conclusion, Heads, PullState};
pub use autofix_local::sandbox::sentry::{Hook, SandboxEvent, SignedWebhook};
pub use autofix_local::sandbox::service::Fault;
pub use autofix_local::sandbox::slack::{APPROVER_ID, BYSTANDER_ID, Message, SECOND_APPROVER_ID, SignedForm};
pub use autofix_local::scenario::Scenario;

/// The journal's file in a world's folder.
const JOURNAL: &str = "journal.jsonl";
pub const REPO: &str = "acme/bookshop";
/// Names the address of another implementation of DynamoDB, which the worlds then share.
const ENGINE: &str = "AUTOFIX_TEST_ENGINE";
/// Names the folder of the worlds, in place of the system's for temporary files.
const FOLDER: &str = "AUTOFIX_TEST_FOLDER";
/// When every test begins.
const START: &str = "2026-11-22T10:00:00Z";
/// Deliveries of the stream after which a world that still has work is called restless.
const ROUNDS: usize = 50;

pub struct World {
    pub sandbox: Sandbox,
    pub process: OneProcess,
    pub clock: MovableClock,
    /// Where the secrets are, in a world that does not have them in its environment.
    pub secrets: Option<SecretsManager>,
    environment: Environment,
    journal: Journal,
    leftovers: Leftovers,
}

/// Cleans up after a world, and fails the test over what a fake was asked and did not understand.
struct Leftovers {
    sandbox: Sandbox,
    secrets: Option<SecretsManager>,
    folder: PathBuf,
}

/// What a world was at some moment: the services, the table, and the time.
pub struct Point {
    sandbox: WayBack,
    table: PathBuf,
    now: Timestamp,
}

/// An answer of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub link: Option<String>,
    pub body: Value,
}

impl Answer {
    pub fn attempt_id(&self) -> String {
        self.body["fix_attempt_id"].as_str().unwrap_or_else(|| panic!("no attempt in {self:?}")).to_owned()
    }

    pub fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }
}

/// What is different in a world.
pub struct Builder {
    slack: SlackWay,
    settings: Environment,
    has_secrets_manager: bool,
}

impl Builder {
    pub fn slack(mut self, way: SlackWay) -> Builder {
        self.slack = way;
        self
    }

    /// Other settings; what is named here wins, and an empty value unsets what the sandbox would set.
    pub fn settings(mut self, settings: &[(&str, &str)]) -> Builder {
        self.settings = settings.iter().copied().collect();
        self
    }

    /// The secrets are in Secrets Manager and not in the environment.
    pub fn secrets_manager(mut self) -> Builder {
        self.has_secrets_manager = true;
        self
    }

    pub async fn start(self) -> World {
        World::start(self, memory().await).await
    }

    /// With a killer that counts calls to the services and writes to the table.
    pub async fn start_with_killer(self) -> (World, Killer) {
        let (world, proxy) = self.start_with_table_proxy().await;
        let killer = Killer::default();
        proxy.watched_by(&killer);
        world.sandbox.watched_by(&killer);
        (world, killer)
    }

    /// With a proxy before the table, for what goes wrong there.
    pub async fn start_with_table_proxy(self) -> (World, TableProxy) {
        let (table, proxy) = memory().await.behind_a_proxy().await.unwrap();
        (World::start(self, table).await, proxy)
    }
}

impl World {
    /// A world with a bot token and the bookshop, whose checks pass.
    pub async fn new() -> World {
        World::with(&[]).await
    }

    /// A world with other settings.
    pub async fn with(settings: &[(&str, &str)]) -> World {
        World::builder().settings(settings).start().await
    }

    pub fn builder() -> Builder {
        Builder { slack: SlackWay::Bot, settings: Environment::default(), has_secrets_manager: false }
    }

    async fn start(builder: Builder, table: EmbeddedTable) -> World {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        let number = WORLDS.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::var_os(FOLDER).map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = folder.join(format!("autofix-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let clock = clock();
        let sandbox = Sandbox::start(&folder, clock.clock()).await.unwrap();
        sandbox.add_demo_project().unwrap();
        let Builder { slack, settings, has_secrets_manager } = builder;
        // An empty value unsets what the sandbox would set.
        let own = settings.pairs();
        let is_unset = |name: &String| own.iter().any(|(known, value)| known == name && value.is_empty());
        let base = sandbox.environment(slack).pairs().into_iter().filter(|(name, _)| !is_unset(name));
        let mut environment = settings.over(base.collect());
        if std::env::var_os(ENGINE).is_some() {
            let own = format!("autofix-{}-{number}", std::process::id());
            environment = Environment::from_iter([("AUTOFIX_TABLE", own)]).over(environment);
        }
        let mut secrets = None;
        if has_secrets_manager {
            let manager = SecretsManager::start_with(clock.clock()).await.unwrap();
            let (secret, plain): (Vec<_>, Vec<_>) = environment
                .pairs()
                .into_iter()
                .partition(|(name, _)| names::SECRETS.contains(&name.as_str()));
            secret.iter().for_each(|(name, value)| manager.put(name, value));
            environment = plain.into_iter().collect();
            secrets = Some(manager);
        }
        let leftovers = Leftovers { sandbox: sandbox.clone(), secrets: secrets.clone(), folder };
        let journal = Journal::create(&leftovers.folder.join(JOURNAL)).unwrap();
        let outbound = Outbound::new(Some(journal.clone())).unwrap();
        let process = start(table, outbound, &environment, &clock, secrets.as_ref()).await;
        World { sandbox, process, clock, secrets, environment, journal, leftovers }
    }

    /// The settings with which the process started.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The process dies and another one starts on the same table, which it has for itself.
    pub async fn restart(self) -> World {
        let world = self.die().await;
        world.process.break_leases().await.unwrap();
        world
    }

    /// The process dies and another one starts on the same table; the leases are as the dead one left them.
    pub async fn die(self) -> World {
        let World { sandbox, process, clock, secrets, environment, journal, leftovers } = self;
        let outbound = Outbound::new(Some(journal.clone())).unwrap();
        let table = process.into_table();
        let process = start(table, outbound, &environment, &clock, secrets.as_ref()).await;
        World { sandbox, process, clock, secrets, environment, journal, leftovers }
    }

    /// Remembers what there is now outside of the process.
    pub fn point(&self) -> Point {
        static POINTS: AtomicU64 = AtomicU64::new(0);
        let number = POINTS.fetch_add(1, Ordering::SeqCst);
        let folder = self.leftovers.points().join(number.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let table = folder.join("table");
        self.process.table().copy_to(&table).unwrap();
        let sandbox = self.sandbox.way_back(&folder.join("git")).unwrap();
        Point { sandbox, table, now: self.clock.now() }
    }

    /// The process dies, everything else is again what it was at that point, and another process starts.
    pub async fn back_to(self, point: &Point) -> World {
        self.process.table().become_copy(&point.table).unwrap();
        (point.sandbox)().unwrap();
        self.clock.advance(point.now.duration_since(self.clock.now()));
        self.die().await
    }

    /// Sentry sees the event and reports it; the answer of the endpoint.
    pub async fn report(&self, event: &SandboxEvent, hook: Hook) -> Answer {
        self.sandbox.sentry.throw(event);
        self.deliver_webhook(self.sandbox.sentry.webhook(event, hook)).await
    }

    /// The alert of a scenario.
    pub async fn alert(&self, scenario: Scenario) -> Answer {
        self.report(&scenario.event(self.clock.now()), Hook::EventAlertTriggered).await
    }

    /// The alert of a scenario and all work on it; the attempt.
    pub async fn handle(&self, scenario: Scenario) -> String {
        self.handle_report(&scenario.event(self.clock.now()), Hook::EventAlertTriggered).await
    }

    /// A report and all work on it; the attempt.
    pub async fn handle_report(&self, event: &SandboxEvent, hook: Hook) -> String {
        let id = self.report(event, hook).await.attempt_id();
        self.settle().await;
        id
    }

    pub async fn deliver_webhook(&self, webhook: SignedWebhook) -> Answer {
        self.ask(webhook.posted_to("/autofix/webhooks/sentry")).await
    }

    /// What Sentry sends about an event, as JSON to be changed.
    pub fn body(&self, event: &SandboxEvent, hook: Hook) -> Value {
        serde_json::from_slice(&self.sandbox.sentry.webhook(event, hook).body).unwrap()
    }

    /// The alert about the label error, changed.
    pub fn alert_body(&self, change: impl FnOnce(&mut Value)) -> Value {
        let mut body = self.body(&Scenario::Fix.event(self.clock.now()), Hook::EventAlertTriggered);
        change(&mut body["data"]["event"]);
        body
    }

    /// Any body, signed.
    pub async fn deliver(&self, resource: &str, body: &Value) -> Answer {
        self.deliver_webhook(self.sandbox.sentry.sign(resource, body)).await
    }

    /// Sentry says that its own agent has opened a pull request for an issue.
    pub async fn sentrys_agent_opens(&self, issue_id: &str) -> Answer {
        let pull = json!({ "pr_number": 7, "pr_url": "https://github.com/acme/bookshop/pull/7", "pr_id": 1 });
        let body = json!({
            "action": "pr_created",
            "actor": { "id": "sentry", "name": "Sentry", "type": "application" },
            "installation": { "uuid": "00000000-0000-0000-0000-000000000000" },
            "data": {
                "run_id": 1,
                "group_id": issue_id.parse::<u64>().unwrap(),
                "pull_requests": [{ "pull_request": pull, "repo_name": "bookshop", "provider": "github" }],
            },
        });
        self.deliver("seer", &body).await
    }

    /// Any request to the endpoints.
    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let answer = self.process.endpoints().oneshot(request).await.unwrap();
        let status = answer.status();
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let body = axum::body::to_bytes(answer.into_body(), 10_000_000).await.unwrap();
        Answer { status, link, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    /// A read with the API token.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, API_TOKEN).await
    }

    /// A read with any token.
    pub async fn get_with(&self, path: &str, token: &str) -> Answer {
        let request =
            Request::get(format!("/autofix/{path}")).header("authorization", format!("Bearer {token}"));
        self.ask(request.body(Body::empty()).unwrap()).await
    }

    pub async fn attempt(&self, id: &str) -> Value {
        let answer = self.get(&format!("attempts/{id}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    }

    pub async fn status(&self, id: &str) -> String {
        self.attempt(id).await["status"].as_str().unwrap().to_owned()
    }

    /// The newest attempts.
    pub async fn attempts(&self) -> Vec<Value> {
        let answer = self.get("attempts?limit=100").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body.as_array().unwrap().clone()
    }

    /// The attempt, which has this status for this reason.
    pub async fn ended(&self, id: &str, status: &str, code: &str) -> Value {
        let attempt = self.attempt(id).await;
        let found = (attempt["status"].as_str(), attempt["reason"]["code"].as_str());
        assert_eq!(found, (Some(status), Some(code)), "{attempt:#}");
        attempt
    }

    /// An approver presses a button of the card.
    pub async fn press(&self, card: &Message, action: &str) -> Answer {
        self.press_as(card, action, APPROVER_ID).await
    }

    pub async fn press_as(&self, card: &Message, action: &str, user: &str) -> Answer {
        let now = self.clock.now().as_second();
        self.click(self.sandbox.slack.press(card, action, user, now).unwrap()).await
    }

    /// An approver presses a button of the card, and everything settles.
    pub async fn decide(&self, card: &Message, action: &str) {
        self.decide_as(card, action, APPROVER_ID).await;
    }

    pub async fn decide_as(&self, card: &Message, action: &str, user: &str) {
        assert_eq!(self.press_as(card, action, user).await.status, StatusCode::OK);
        self.settle().await;
    }

    /// An approver dismisses, and everything settles.
    pub async fn dismiss(&self, card: &Message) {
        self.press_dismiss(card).await;
        self.settle().await;
    }

    /// An approver dismisses: the button, then the dialog that asks why.
    pub async fn press_dismiss(&self, card: &Message) {
        self.press(card, DISMISS).await;
        let elements = card.blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
        let button = elements.into_iter().find(|element| element["action_id"] == DISMISS).unwrap();
        let dialogs = self.sandbox.slack.views().into_iter();
        let dialog = dialogs.rev().find(|open| open.view["private_metadata"] == button["value"]).unwrap();
        let (_, shown) = self.submit(&dialog, &[(REASON_FIELD, "wrong_fix")]).await;
        assert_eq!(shown, None, "the dialog closes");
    }

    /// The only dialog that is open.
    pub fn dialog(&self) -> OpenView {
        let mut dialogs = self.sandbox.slack.views();
        assert_eq!(dialogs.len(), 1, "{dialogs:#?}");
        dialogs.remove(0)
    }

    /// A person sends a dialog; the answer of the endpoint, and what they see then: nothing where it closes.
    pub async fn submit(&self, dialog: &OpenView, values: &[(&str, &str)]) -> (Answer, Option<String>) {
        let now = self.clock.now().as_second();
        let form = self.sandbox.slack.submit_view(dialog, values, now).unwrap();
        let answer = self.click(form).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let shown = self.sandbox.slack.view_answered(dialog, &answer.body).unwrap();
        (answer, shown)
    }

    pub async fn click(&self, form: SignedForm) -> Answer {
        self.ask(form.posted_to("/autofix/slack/interact")).await
    }

    /// Delivers the stream until it has nothing more.
    pub async fn settle(&self) {
        for _ in 0..ROUNDS {
            if self.process.deliver().await.unwrap() == 0 {
                return;
            }
        }
        panic!("the stream still has work after {ROUNDS} rounds");
    }

    /// Time passes, the clock runs once, and everything settles.
    pub async fn after(&self, time: SignedDuration) {
        self.clock.advance(time);
        self.process.tick().await;
        self.settle().await;
    }

    /// So many runs of the clock, this time apart, each with everything that then settles.
    pub async fn ticks(&self, times: usize, time: SignedDuration) {
        for _ in 0..times {
            self.after(time).await;
        }
    }

    /// The cards in all channels, without what stands in their threads.
    pub fn cards(&self) -> Vec<Message> {
        let messages = self.sandbox.slack.messages().into_iter();
        messages.filter(|message| message.thread_ts.is_none() && !self.is_about_outage(message)).collect()
    }

    /// What the channel shows about outages, one text a message.
    pub fn outage_notices(&self) -> Vec<String> {
        let messages = self.sandbox.slack.messages();
        messages
            .iter()
            .filter(|message| self.is_about_outage(message))
            .map(|message| self.shown(message))
            .collect()
    }

    fn is_about_outage(&self, message: &Message) -> bool {
        let shown = self.shown(message);
        shown.contains("does not answer\n") || shown.contains(" any longer\n")
    }

    /// What stands in the threads of cards, as a person sees it.
    pub fn notes(&self) -> Vec<String> {
        let messages = self.sandbox.slack.messages();
        let notes = messages.iter().filter(|message| message.thread_ts.is_some());
        notes.map(|message| self.sandbox.slack.render(message)).collect()
    }

    /// The only card there is.
    pub fn card(&self) -> Message {
        let mut messages = self.cards();
        assert_eq!(
            messages.len(),
            1,
            "{:#?}",
            messages.iter().map(|m| self.sandbox.slack.render(m)).collect::<Vec<_>>()
        );
        messages.remove(0)
    }

    /// The card of an attempt.
    pub fn card_of(&self, id: &str) -> Message {
        let cards = self.sandbox.slack.messages();
        let mut own = cards.into_iter().filter(|card| self.shown(card).contains(&format!("Attempt `{id}`")));
        let card = own.next().unwrap_or_else(|| panic!("no card of attempt {id}"));
        assert!(own.next().is_none(), "two cards of attempt {id}");
        card
    }

    /// A card as a person sees it.
    pub fn shown(&self, card: &Message) -> String {
        self.sandbox.slack.render(card)
    }

    /// The only card, as a person sees it.
    pub fn shown_card(&self) -> String {
        self.shown(&self.card())
    }

    /// What the people who clicked were told last, which only they see.
    pub fn told(&self) -> String {
        self.sandbox.slack.ephemerals().pop().map(|told| told.text).unwrap_or_default()
    }

    /// How often somebody asked GitHub to merge.
    pub fn merges(&self) -> usize {
        self.sandbox.github.service().count(Method::PUT, "/merge")
    }

    /// A file of the bookshop.
    pub fn text_at(&self, revision: &str, path: &str) -> String {
        String::from_utf8(self.sandbox.github.file_at(REPO, revision, path).unwrap().unwrap()).unwrap()
    }

    /// Somebody commits a file to the bookshop; the commit.
    pub fn push(&self, branch: &str, path: &str, text: &str, message: &str) -> String {
        self.sandbox.github.commit(REPO, branch).file(path, text.as_bytes(), message).unwrap()
    }

    /// Somebody changes a file on `main`; the commit.
    pub fn edit(&self, path: &str, message: &str, change: impl FnOnce(&str) -> String) -> String {
        let before = self.text_at("main", path);
        let after = change(&before);
        assert_ne!(after, before, "nothing changes in {path}");
        self.push("main", path, &after, message)
    }

    /// The commit at the head of `main`.
    pub fn main(&self) -> String {
        self.sandbox.github.sha_of(REPO, "main").unwrap().unwrap()
    }

    /// What the newest commit of `main` says.
    pub fn newest_message(&self) -> String {
        self.sandbox.github.log(REPO, "main").unwrap().remove(0).1
    }

    pub fn set_checks(&self, heads: Heads, checks: &[CheckRun]) {
        self.sandbox.github.set_checks(REPO, heads, checks).unwrap();
    }

    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        self.sandbox.github.configure(REPO, change).unwrap();
    }

    /// What GitHub says to every merge; `None` lets them through.
    pub fn refuse_merges(&self, message: Option<&str>) {
        self.configure(|settings| settings.merges_refused = message.map(str::to_owned));
    }

    pub fn pull_request(&self, number: u64) -> PullRequest {
        self.sandbox.github.pull_request(REPO, number).unwrap()
    }

    pub fn pull_requests(&self) -> Vec<PullRequest> {
        self.sandbox.github.pull_requests(REPO).unwrap()
    }

    pub fn open_pull_requests(&self) -> usize {
        self.sandbox.github.open_pull_requests(REPO).unwrap().len()
    }

    /// The bookshop's bare repository on disk.
    pub fn repository(&self) -> PathBuf {
        self.leftovers.folder.join(format!("{REPO}.git"))
    }

    /// The journal of what went out, as `--journal` writes it.
    pub fn journal(&self) -> String {
        std::fs::read_to_string(self.leftovers.folder.join(JOURNAL)).unwrap()
    }

    /// Every item of the table.
    pub async fn items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let client = self.process.table().client();
        let table = self.environment.get("AUTOFIX_TABLE").unwrap_or("autofix");
        let mut pages = client.scan().table_name(table).into_paginator().items().send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.unwrap());
        }
        items
    }

    /// Every branch but `main`.
    pub fn fix_branches(&self) -> Vec<String> {
        let branches = self.sandbox.github.branches(REPO).unwrap();
        branches.into_iter().filter(|branch| branch != "main").collect()
    }

    /// From the alert to the armed card.
    pub async fn until_armed(&self) -> (String, Message) {
        let id = self.handle(Scenario::Fix).await;
        assert_eq!(self.status(&id).await, "awaiting_approval");
        (id, self.card())
    }
}

/// Serves on a port of this machine for as long as the test runs; the address.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

pub const fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

pub const fn mins(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub const fn secs(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// The lines of a text that have this part.
pub fn lines_with(text: &str, part: &str) -> String {
    text.lines().filter(|line| line.contains(part)).collect::<Vec<_>>().join("\n")
}

/// Fails over the first of these parts that the text lacks.
#[track_caller]
pub fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

/// The clock with which every test begins.
pub fn clock() -> MovableClock {
    MovableClock::at(START.parse().unwrap())
}

async fn memory() -> EmbeddedTable {
    let table = EmbeddedTable::memory().await.unwrap();
    match std::env::var_os(ENGINE) {
        Some(address) => table.by_another_engine(address.to_str().unwrap().parse().unwrap()),
        None => table,
    }
}

async fn start(
    table: EmbeddedTable,
    outbound: Outbound,
    environment: &Environment,
    clock: &MovableClock,
    manager: Option<&SecretsManager>,
) -> OneProcess {
    let secrets = match manager {
        None => Secrets::from_environment(environment.clone(), clock.clock()),
        Some(manager) => {
            let arn = secrets_manager::ARN.to_owned();
            Secrets::from_secrets_manager(manager.client(), arn, environment.clone(), clock.clock())
        }
    };
    let surroundings = Surroundings { environment, clock: clock.clock(), outbound, sandbox_page: None };
    OneProcess::with_secrets(table, secrets, surroundings).await.unwrap()
}

impl Leftovers {
    /// With `AUTOFIX_TEST_JOURNALS` set to a folder, what a world sent is kept there, for other tools to judge.
    fn keep_journal(&self) -> std::io::Result<()> {
        let Some(kept) = std::env::var_os("AUTOFIX_TEST_JOURNALS") else { return Ok(()) };
        std::fs::create_dir_all(&kept)?;
        let name = self.folder.with_extension("jsonl");
        let kept = PathBuf::from(kept).join(name.file_name().expect("a world's folder has a name"));
        std::fs::copy(self.folder.join(JOURNAL), kept).map(drop)
    }

    /// Beside the repositories, which are put back from here.
    fn points(&self) -> PathBuf {
        self.folder.with_extension("points")
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        let kept = self.keep_journal();
        let _ = std::fs::remove_dir_all(&self.folder);
        let _ = std::fs::remove_dir_all(self.points());
        let mut unknown = self.sandbox.unknown();
        unknown.extend(self.secrets.iter().flat_map(|secrets| secrets.service().unknown()));
        if !std::thread::panicking() {
            kept.unwrap();
            assert!(unknown.is_empty(), "the fakes did not understand: {unknown:#?}");
        }
    }
}
