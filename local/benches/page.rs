//! The web page over a table with 10,000 attempts: `cargo bench --workspace --bench page`.
//!
//! Two attempts are made by the real worker through the endpoints, a fix with its pull request and a refusal; their items are
//! copied under other ids over the half year for which attempts are kept, with the scoreboard's sums of two years. The
//! query behind the list's first page is measured alone, too: what a page takes above it is ours. The embedded table
//! stands for DynamoDB and answers over loopback. A proxy before it sees that nothing but `Query` and `GetItem` is asked.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement stops where its set-up fails")]

use std::collections::HashMap;

use autofix::attempt::AttemptId;
use autofix::outbound::Outbound;
use autofix::scoreboard::{Counter, Week};
use autofix_local::movable_clock::MovableClock;
use autofix_local::one_process::OneProcess;
use autofix_local::sandbox::sentry::Hook;
use autofix_local::sandbox::{API_TOKEN, Sandbox, SlackWay};
use autofix_local::scenario::Scenario;
use autofix_local::table::EmbeddedTable;
use autofix_local::table_proxy::TableProxy;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};
use tower::ServiceExt;

type Item = HashMap<String, AttributeValue>;

const ATTEMPTS: usize = 10_000;
/// The last of them reach back half a year; the newest month has some 1,200.
const BETWEEN: SignedDuration = SignedDuration::from_mins(25);
/// Weeks and projects with sums.
const WEEKS: u32 = 104;
const PROJECTS: usize = 5;
/// DynamoDB's limit for one batch.
const BATCH: usize = 25;
const TABLE: &str = "autofix";

struct Filled {
    endpoints: Router,
    client: Client,
    now: Timestamp,
    /// The two that the worker made.
    fixed: AttemptId,
    refused: AttemptId,
    _process: OneProcess,
    _sandbox: Sandbox,
}

impl Filled {
    async fn new() -> (Filled, TableProxy) {
        let clock = MovableClock::at("2026-11-22T10:00:00Z".parse().unwrap());
        let now = clock.now();
        let folder = std::env::temp_dir().join(format!("autofix-page-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let sandbox = Sandbox::start(&folder, clock.clock()).await.unwrap();
        sandbox.add_demo_project().unwrap();
        let table = EmbeddedTable::memory().await.unwrap();
        let client = table.client();
        let (table, proxy) = table.behind_a_proxy().await.unwrap();
        let environment = sandbox.environment(SlackWay::Bot);
        let outbound = Outbound::new(None).unwrap();
        let process = OneProcess::new(table, &environment, clock.clock(), outbound).await.unwrap();
        let endpoints = process.endpoints();
        for scenario in [Scenario::Fix, Scenario::Security] {
            let event = scenario.event(clock.now());
            sandbox.sentry.throw(&event);
            let webhook = sandbox.sentry.webhook(&event, Hook::EventAlertTriggered);
            let request = webhook.posted_to::<Body>("/autofix/webhooks/sentry");
            let answer = endpoints.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
            while process.deliver().await.unwrap() > 0 {}
        }
        std::fs::remove_dir_all(&folder).unwrap();
        let all = client.scan().table_name(TABLE).send().await.unwrap().items.unwrap();
        let models: Vec<Item> = all.iter().filter(|item| sort_key(item) == "ATTEMPT").cloned().collect();
        assert_eq!(models.len(), 2);
        let attempts = (1..=ATTEMPTS).map(|number| {
            let at = now - BETWEEN * i32::try_from(number).unwrap();
            copied(&models[number % 2], AttemptId::new(at))
        });
        let weeks = (2..WEEKS).flat_map(|week| (0..PROJECTS).map(move |project| (week, project)));
        let sums = weeks.map(|(week, project)| kept_sums(Week::of(now).earlier(week), project));
        fill(&client, attempts.chain(sums)).await;
        let bytes: usize = models.iter().map(|model| model["attempt"].as_s().unwrap().len()).sum();
        println!("{ATTEMPTS} attempts of {} bytes on average", bytes / models.len());
        let id_of = |status: &str| {
            let model = models.iter().find(|model| model["status"] == text(status)).unwrap();
            AttemptId::parse(model["list_key"].as_s().unwrap()).unwrap()
        };
        let (fixed, refused) = (id_of("awaiting_approval"), id_of("skipped"));
        (Filled { endpoints, client, now, fixed, refused, _process: process, _sandbox: sandbox }, proxy)
    }

    /// A page, which has to have this in it. Returns its size in bytes.
    async fn page(&self, path: &str, expected: &str) -> usize {
        let request = Request::get(path).header("authorization", format!("Bearer {API_TOKEN}"));
        let answer = self.endpoints.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 10_000_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains(expected), "no `{expected}` at {path}");
        body.len()
    }

    /// The query of the list's first page, and nothing else.
    async fn query(&self) -> usize {
        let month = self.now.to_string()[..7].to_owned();
        let query = self.client.query().table_name(TABLE).index_name("listing").scan_index_forward(false);
        let query = query.key_condition_expression("list_bucket = :month").limit(100);
        query.expression_attribute_values(":month", text(&month)).send().await.unwrap().items().len()
    }
}

async fn fill(client: &Client, items: impl Iterator<Item = Item>) {
    let put = |item| PutRequest::builder().set_item(Some(item)).build().unwrap();
    let writes: Vec<_> = items.map(|item| WriteRequest::builder().put_request(put(item)).build()).collect();
    for batch in writes.chunks(BATCH) {
        let written = client.batch_write_item().request_items(TABLE, batch.to_vec()).send().await.unwrap();
        assert!(written.unprocessed_items.unwrap_or_default().is_empty());
    }
}

/// The item of another attempt that is like this one, and that nobody works on.
fn copied(model: &Item, id: AttemptId) -> Item {
    let (old, new) = (model["list_key"].as_s().unwrap(), id.to_string());
    let at = id.created_at();
    let mut attempt: serde_json::Value = serde_json::from_str(model["attempt"].as_s().unwrap()).unwrap();
    attempt["created_at"] = serde_json::json!(at);
    let mut item = model.clone();
    item.insert("attempt".to_owned(), text(&attempt.to_string().replace(old, &new)));
    item.insert("pk".to_owned(), text(&format!("ATTEMPT#{new}")));
    item.insert("list_key".to_owned(), text(&new));
    item.insert("list_bucket".to_owned(), text(&at.to_string()[..7]));
    item.insert("search".to_owned(), text(&model["search"].as_s().unwrap().replace(old, &new)));
    for name in ["work", "due_at", "due_shard"] {
        item.remove(name);
    }
    item
}

/// The sums of a week and project, as the clock keeps them.
fn kept_sums(week: Week, project: usize) -> Item {
    let project = format!("project-{project}");
    let mut item = Item::from([
        ("pk".to_owned(), text("SCOREBOARD")),
        ("sk".to_owned(), text(&format!("{week}#fixes#{project}"))),
        ("week".to_owned(), text(&week.to_string())),
        ("project".to_owned(), text(&project)),
    ]);
    for counter in Counter::ALL {
        item.insert(counter.as_str().to_owned(), AttributeValue::N("17".to_owned()));
    }
    item
}

fn sort_key(item: &Item) -> &str {
    item["sk"].as_s().unwrap()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

/// Only reads by key: no page may read through the table.
fn only_by_key(proxy: &TableProxy, before: usize) {
    for request in proxy.service().received().iter().skip(before) {
        let operation = request.path.rsplit('.').next().unwrap();
        assert!(["Query", "GetItem"].contains(&operation), "a page asked for `{operation}`");
    }
}

fn page(criterion: &mut Criterion) {
    autofix::outbound::install_tls();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (filled, proxy) = runtime.block_on(Filled::new());
    let mut group = criterion.benchmark_group("page of 10,000 attempts");
    group.sample_size(20);
    group.bench_function("the list's query alone", |bencher| {
        bencher.iter(|| assert_eq!(runtime.block_on(filled.query()), 100));
    });
    let before = proxy.service().received().len();
    let pages = pages(&filled);
    for (name, path, expected) in &pages {
        println!("{name}: {} bytes", runtime.block_on(filled.page(path, expected)));
    }
    only_by_key(&proxy, before);
    proxy.service().forget_requests();
    for (name, path, expected) in &pages {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| runtime.block_on(filled.page(path, expected)));
        });
    }
    group.finish();
}

/// What is measured, where it is, and what has to be on it.
fn pages(filled: &Filled) -> Vec<(&'static str, String, &'static str)> {
    let list = |question: &str| format!("/autofix/?{question}");
    let view = |id| format!("/autofix/view/{id}");
    vec![
        ("list", "/autofix/".to_owned(), "id=\"older\""),
        ("list, second page", list(&format!("before={}", filled.refused)), "id=\"older\""),
        ("list, by status", list("status=skipped"), "id=\"older\""),
        ("list, by status and project", list("status=skipped&project=bookshop"), "id=\"older\""),
        ("list, searched, half of all match", list("q=labels.py"), "id=\"older\""),
        ("list, searched, nothing matches", list("q=nothing+like+this"), "id=\"no-attempts\""),
        ("one attempt with a fix", view(filled.fixed), "id=\"change\""),
        ("one attempt that was refused", view(filled.refused), "id=\"gates\""),
        ("scoreboard of 12 weeks", "/autofix/scoreboard".to_owned(), "id=\"week-table\""),
    ]
}

criterion_group!(benches, page);
criterion_main!(benches);
