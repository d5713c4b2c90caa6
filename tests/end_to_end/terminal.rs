//! What the commands that talk to a running AutoFix print.

use autofix::attempt::Status;
use autofix::config::{Environment, names};
use autofix_local::arguments::AttemptsArgs;
use autofix_local::client::Server;
use autofix_local::terminal::explained;
use autofix_local::waiting;
use serde_json::Value;

use crate::world::{Hook, Scenario, World, hours, serve};

async fn server(world: &World, settings: &[(&str, &str)]) -> Server {
    let url = serve(world.process.endpoints()).await;
    Server { url, environment: Environment::from_iter(settings.iter().copied()) }
}

fn newest(status: Option<Status>) -> AttemptsArgs {
    AttemptsArgs { id: None, status, project: None, limit: 20, json: false, url: String::new() }
}

#[tokio::test]
async fn attempts_are_a_table_with_a_header_and_ages_or_json() {
    let world = World::new().await;
    let server = server(&world, &[]).await;
    let shown = async |wanted: &AttemptsArgs| server.attempts_shown(wanted, world.clock.now()).await.unwrap();
    assert_eq!(shown(&newest(None)).await, "No attempts yet.");
    let event = Scenario::Security.event(world.clock.now());
    let first = world.handle_report(&event, Hook::EventAlertTriggered).await;
    world.clock.advance(hours(3));
    let second = world.handle(Scenario::Fix).await;
    let table = shown(&newest(None)).await;
    let table = table.replace(&first, "FIRST-ID").replace(&second, "SECOND-ID");
    let words: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0].join(" "), "ID STATUS AGE PROJECT ERROR PLACE PULL REQUEST OR REASON", "{table}");
    assert_eq!(words.len(), 3, "{table}");
    assert_eq!(words[1][..5].join(" "), "SECOND-ID awaiting_approval 0 s bookshop", "{table}");
    assert_eq!(words[2][..5].join(" "), "FIRST-ID skipped 3 h bookshop", "{table}");
    let starts: Vec<_> = table.lines().map(|line| &line[..line.len().min(3)]).collect();
    assert_eq!(starts, ["ID ", "SEC", "FIR"], "{table}");
    let filtered = shown(&newest(Some(Status::Skipped))).await;
    assert!(filtered.contains(&first) && !filtered.contains(&second), "{filtered}");
    assert_eq!(shown(&newest(Some(Status::Deployed))).await, "No attempt matches.");
    let json: Value =
        serde_json::from_str(&shown(&AttemptsArgs { json: true, ..newest(None) }).await).unwrap();
    assert_eq!(json[1]["id"], first);
    let one: Value =
        serde_json::from_str(&shown(&AttemptsArgs { id: Some(second.clone()), ..newest(None) }).await)
            .unwrap();
    assert_eq!(one["id"], second);
}

#[tokio::test]
async fn an_error_says_what_to_do_and_nothing_for_programmers() {
    let world = World::new().await;
    let wrong = server(&world, &[(names::API_TOKEN, "another token of some length")]).await;
    let list = newest(None);
    let refused = wrong.attempts_shown(&list, world.clock.now()).await.unwrap_err();
    let refused = explained(&refused).replace(&wrong.url, "URL");
    assert_eq!(
        refused,
        "URL asks for its API token, and it does not accept your `AUTOFIX_API_TOKEN`. Set it (environment or `.env`) to \
         the one that this AutoFix has"
    );
    let nobody = Server { url: "http://127.0.0.1:1".to_owned(), environment: Environment::default() };
    let unreachable = nobody.attempts_shown(&list, world.clock.now()).await.unwrap_err();
    assert_eq!(
        explained(&unreachable),
        "can't reach `http://127.0.0.1:1/autofix/attempts?limit=20` (is `autofix serve` running?): cannot connect"
    );
    let missing = std::fs::read("/nowhere/at/all").unwrap_err();
    assert_eq!(explained(&missing.into()), "No such file or directory");
}

#[tokio::test]
async fn status_is_good_only_if_nothing_is_missing() {
    let world = World::new().await;
    let works = server(&world, &[]).await.status().await.unwrap();
    assert_eq!(
        (works.is_ready, &*works.sentence),
        (true, concat!("AutoFix ", env!("CARGO_PKG_VERSION"), " works."))
    );
    let everything = names::SECRETS.map(|name| (name, ""));
    let world = World::builder().settings(&everything).secrets_manager().start().await;
    let empty = server(&world, &[]).await.status().await.unwrap();
    assert!(!empty.is_ready && empty.sentence.contains("still empty: `ANTHROPIC_API_KEY`, "), "{empty:?}");
    let folder = std::env::temp_dir().join("autofix-nowhere");
    let url = serve(waiting::routes(&folder, "/autofix")).await;
    let waits = Server { url, environment: Environment::default() }.status().await.unwrap();
    assert!(!waits.is_ready && waits.sentence.contains(" waits for `ANTHROPIC_API_KEY`"), "{waits:?}");
}
