//! A world for one test: the four functions in this process, the sandbox, the embedded table, and a clock that
//! only moves when it is told to. Dropping a world that did not settle, or in which a stand-in was asked
//! something that it does not know, fails the test.

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
use autofix_local::sandbox::killer::Killer;
use autofix_local::sandbox::secrets_manager::{self, SecretsManager};
use autofix_local::sandbox::sentry::{Hook, SandboxEvent, SignedWebhook};
use autofix_local::sandbox::slack::{APPROVER_ID, Message, OpenView, SignedForm};
use autofix_local::sandbox::{API_TOKEN, Sandbox, SlackWay, WayBack};
use autofix_local::scenario::Scenario;
use autofix_local::table::EmbeddedTable;
use autofix_local::table_proxy::TableProxy;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tower::ServiceExt;

/// The journal's file in a world's folder.
const JOURNAL: &str = "journal.jsonl";
pub const REPO: &str = "acme/bookshop";
/// Names the address of another implementation of DynamoDB, which the worlds then share.
const ENGINE: &str = "AUTOFIX_TEST_ENGINE";
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

/// Cleans up after a world, and fails the test over what a stand-in was asked and did not understand.
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

impl World {
    /// A world with a bot token and the bookshop, whose checks pass.
    pub async fn new() -> World {
        World::with(SlackWay::Bot, &[]).await
    }

    /// A world with other settings; what is named here wins.
    pub async fn with(way: SlackWay, settings: &[(&str, &str)]) -> World {
        World::make(way, settings, Secretly::Environment, memory().await).await
    }

    /// A world whose secrets are in Secrets Manager; what is named here is there in place of the right one.
    pub async fn with_secrets_manager(way: SlackWay, secrets: &[(&str, &str)]) -> World {
        World::make(way, secrets, Secretly::Manager, memory().await).await
    }

    /// As [`World::new`], with a killer that counts calls to the services and writes to the table.
    pub async fn with_killer() -> (World, Killer) {
        World::with_killer_and(&[]).await
    }

    /// As [`World::with_killer`], with other settings.
    pub async fn with_killer_and(settings: &[(&str, &str)]) -> (World, Killer) {
        let (table, proxy) = memory().await.behind_a_proxy().await.unwrap();
        let world = World::make(SlackWay::Bot, settings, Secretly::Environment, table).await;
        let killer = Killer::default();
        proxy.watched_by(&killer);
        world.sandbox.watched_by(&killer);
        (world, killer)
    }

    /// As [`World::new`], with a proxy before the table, for what goes wrong there.
    pub async fn with_table_proxy() -> (World, TableProxy) {
        World::with_settings_and_table_proxy(&[]).await
    }

    /// As [`World::with_table_proxy`], with other settings.
    pub async fn with_settings_and_table_proxy(settings: &[(&str, &str)]) -> (World, TableProxy) {
        let (table, proxy) = memory().await.behind_a_proxy().await.unwrap();
        (World::make(SlackWay::Bot, settings, Secretly::Environment, table).await, proxy)
    }

    async fn make(
        way: SlackWay,
        settings: &[(&str, &str)],
        secretly: Secretly,
        table: EmbeddedTable,
    ) -> World {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        let number = WORLDS.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("autofix-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let clock = clock();
        let sandbox = Sandbox::start(&folder, clock.clock()).await.unwrap();
        sandbox.add_demo_project().unwrap();
        let mut environment: Environment = settings.iter().copied().collect();
        if std::env::var_os(ENGINE).is_some() {
            let own = format!("autofix-{}-{number}", std::process::id());
            environment = environment.over([("AUTOFIX_TABLE".to_owned(), own)].into_iter().collect());
        }
        // An empty value unsets what the sandbox would set.
        let unset: Vec<&str> =
            settings.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| *name).collect();
        let base =
            sandbox.environment(way).pairs().into_iter().filter(|(name, _)| !unset.contains(&name.as_str()));
        let mut environment = environment.over(base.collect());
        let mut secrets = None;
        if secretly == Secretly::Manager {
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
        let process = start((table, outbound), &environment, (&clock, secrets.as_ref())).await;
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
        let parts = (process.into_table(), outbound);
        let process = start(parts, &environment, (&clock, secrets.as_ref())).await;
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

    pub async fn deliver_webhook(&self, webhook: SignedWebhook) -> Answer {
        let mut request = Request::post("/autofix/webhooks/sentry");
        for (name, value) in &webhook.headers {
            request = request.header(name, value);
        }
        self.ask(request.body(Body::from(webhook.body)).unwrap()).await
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

    /// An approver presses a button of the card.
    pub async fn press(&self, card: &Message, action: &str) -> Answer {
        self.press_as(card, action, APPROVER_ID).await
    }

    pub async fn press_as(&self, card: &Message, action: &str, user: &str) -> Answer {
        let now = self.clock.now().as_second();
        self.click(self.sandbox.slack.press(card, action, user, now).unwrap()).await
    }

    /// An approver dismisses: the button, then the dialog that asks why.
    pub async fn dismiss(&self, card: &Message) {
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
        let request = Request::post("/autofix/slack/interact")
            .header("content-type", form.content_type)
            .header("x-slack-request-timestamp", form.timestamp)
            .header("x-slack-signature", form.signature);
        self.ask(request.body(Body::from(form.body)).unwrap()).await
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
        let id = self.alert(Scenario::Fix).await.attempt_id();
        self.settle().await;
        assert_eq!(self.attempt(&id).await["status"], "awaiting_approval");
        (id, self.card())
    }
}

/// Where a world's secrets are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secretly {
    Environment,
    Manager,
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
    (table, outbound): (EmbeddedTable, Outbound),
    environment: &Environment,
    (clock, manager): (&MovableClock, Option<&SecretsManager>),
) -> OneProcess {
    let secrets = match manager {
        None => Secrets::from_environment(environment.clone(), clock.clock()),
        Some(manager) => {
            let arn = secrets_manager::ARN.to_owned();
            Secrets::from_secrets_manager(manager.client(), arn, environment.clone(), clock.clock())
        }
    };
    let surroundings = Surroundings { environment, clock: clock.clock(), outbound };
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
            assert!(unknown.is_empty(), "the stand-ins did not understand: {unknown:#?}");
        }
    }
}
