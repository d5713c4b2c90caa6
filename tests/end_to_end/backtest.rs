//! `autofix backtest`: errors that people have fixed, and what AutoFix would have done about them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use autofix::analysis::diff::{FileChange, unified};
use autofix::outbound::Outbound;
use autofix_local::analyze::Means;
use autofix_local::backtest::{Options, SentryProject, Source, backtest};
use autofix_local::demo_project;
use axum::http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::bookshop::{LABELS, source_of};
use crate::world::{Hook, REPO, Scenario, SlackWay, World, hours};

const FAULTY: &str = r#"address.get("line2", "").strip()"#;
const REPAIRED: &str = r#"(address.get("line2") or "").strip()"#;
const AUTH: &str = "backend/bookshop/auth.py";

/// A folder for the cases and the results of one test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir_all(folder.path().join("cases")).unwrap();
        Folder(folder)
    }

    fn cases(&self) -> PathBuf {
        self.0.path().join("cases")
    }

    fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    /// A case of the bookshop.
    fn case(&self, name: &str, event: &[u8], fix: &str) -> PathBuf {
        let case = self.cases().join(name);
        for (path, bytes) in demo_project::files() {
            let path = case.join("before").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        std::fs::write(case.join("event.json"), event).unwrap();
        std::fs::write(case.join("fix.diff"), fix).unwrap();
        case
    }

    fn report(&self) -> String {
        std::fs::read_to_string(self.out().join("report.html")).unwrap()
    }

    /// What is kept of each case, by its name.
    fn results(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.out().join("results.jsonl")).unwrap();
        let mut results: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        results.sort_by_key(|result| result["name"].to_string());
        results
    }
}

/// People's change of a file of the bookshop.
fn fix(path: &str, from: &str, to: &str) -> String {
    let before = source_of(path).unwrap();
    assert!(before.contains(from), "{path} has no {from}");
    unified(&FileChange {
        path: path.to_owned(),
        before: before.to_owned(),
        after: before.replacen(from, to, 1),
    })
}

fn event(world: &World, scenario: Scenario) -> Vec<u8> {
    let event = scenario.event(world.clock.now());
    world.sandbox.sentry.webhook(&event, Hook::EventAlertTriggered).body
}

async fn run(
    world: &World,
    folder: &Folder,
    source: Source,
    max_cost_usd: f64,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let options = Options { source, out: folder.out(), max_cost_usd, json: false, stop: Arc::clone(stop) };
    let means = Means {
        environment: world.sandbox.environment(SlackWay::Bot),
        clock: world.clock.clock(),
        outbound: Outbound::new(None).unwrap(),
    };
    backtest(&options, &means).await
}

async fn run_folders(world: &World, folder: &Folder) -> anyhow::Result<()> {
    run(world, folder, Source::Folders(folder.cases()), 10.0, &Arc::default()).await
}

fn asked(world: &World) -> usize {
    world.sandbox.claude.service().count(Method::POST, "/v1/messages")
}

/// The page without its style, so that a change of colours changes no test.
fn without_style(page: &str) -> String {
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    let (head, policy) = before.split_once("sha256-").unwrap();
    format!("{head}sha256-…{}{after}", policy.split_once('\'').unwrap().1)
}

#[tokio::test]
async fn cases_are_compared_with_what_people_did_and_a_bad_one_costs_only_a_sentence() {
    let world = World::new().await;
    let folder = Folder::new();
    let labels = event(&world, Scenario::Fix);
    folder.case("labels", &labels, &fix(LABELS, FAULTY, REPAIRED));
    folder.case(
        "labels-otherwise",
        &labels,
        &fix(LABELS, FAULTY, r#"str(address.get("line2") or "").strip()"#),
    );
    let tokens = event(&world, Scenario::Security);
    folder.case("tokens", &tokens, &fix(AUTH, r#"claims["sub"]"#, r#"claims.get("sub", "")"#));
    let no_trace = br#"{"event_id":"000000000000000000000001e2cc3615","message":"it broke"}"#;
    folder.case("no-stack-trace", no_trace, &fix(LABELS, FAULTY, REPAIRED));
    folder.case("unreadable-event", b"{\"event_id\": ", &fix(LABELS, FAULTY, REPAIRED));
    folder.case("outside", &labels, &fix(LABELS, FAULTY, REPAIRED).replace(LABELS, "../../labels.py"));
    folder.case("no-diff", &labels, "Please fix the labels.\n");
    let linked = folder.case("linked-event", &labels, &fix(LABELS, FAULTY, REPAIRED));
    std::fs::remove_file(linked.join("event.json")).unwrap();
    std::os::unix::fs::symlink("../labels/event.json", linked.join("event.json")).unwrap();
    std::os::unix::fs::symlink("labels", folder.cases().join("linked-case")).unwrap();
    run_folders(&world, &folder).await.unwrap();

    let found: Vec<_> = folder
        .results()
        .iter()
        .map(|result| {
            let code = result["reasons"][0]["code"].as_str().unwrap_or("-").to_owned();
            let closeness = result["closeness"].as_str().unwrap_or("-").to_owned();
            (result["name"].as_str().unwrap().to_owned(), result["would_open"] == true, code, closeness)
        })
        .collect();
    let expected = [
        ("labels", true, "-", "same_change"),
        ("labels-otherwise", true, "-", "same_lines"),
        ("no-stack-trace", false, "no_stack_trace", "-"),
        ("tokens", false, "needs_human", "-"),
    ];
    let expected =
        expected.map(|(name, open, code, close)| (name.to_owned(), open, code.to_owned(), close.to_owned()));
    assert_eq!(found, expected);
    insta::assert_snapshot!("backtest_report", without_style(&folder.report()));
    for service in
        [world.sandbox.github.service(), world.sandbox.slack.service(), world.sandbox.sentry.service()]
    {
        assert!(service.received().is_empty(), "nobody else is asked or told anything");
    }
    let mut left: Vec<_> =
        std::fs::read_dir(folder.out()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["report.html", "results.jsonl"]);
}

#[tokio::test]
async fn what_is_paid_for_is_not_asked_again_whether_a_case_has_ended_or_was_stopped() {
    let world = World::new().await;
    let folder = Folder::new();
    folder.case("labels", &event(&world, Scenario::Fix), &fix(LABELS, FAULTY, REPAIRED));
    let stop = Arc::new(AtomicBool::new(false));
    let at_first_answer = async {
        while asked(&world) == 0 {
            tokio::task::yield_now().await;
        }
        stop.store(true, Ordering::SeqCst);
    };
    let source = Source::Folders(folder.cases());
    let (stopped, ()) = tokio::join!(run(&world, &folder, source, 10.0, &stop), at_first_answer);
    let error = stopped.unwrap_err().to_string();
    assert!(error.contains("none of the 1 cases"), "{error}");
    assert!(folder.report().contains("The next run continues from here."));
    let before = asked(&world);
    assert!(before >= 1, "a turn was under way");
    run_folders(&world, &folder).await.unwrap();
    let whole = asked(&world);
    // Another folder pays for all of it.
    let other = Folder::new();
    other.case("labels", &event(&world, Scenario::Fix), &fix(LABELS, FAULTY, REPAIRED));
    run_folders(&world, &other).await.unwrap();
    assert_eq!(asked(&world) - whole, whole, "no turn was paid for twice");
    let turns = |folder: &Folder| folder.results()[0]["usage"]["turns"].clone();
    assert_eq!(turns(&folder), turns(&other), "and the turns before the stop are counted");
    run_folders(&world, &folder).await.unwrap();
    assert_eq!(asked(&world), 2 * whole, "a case with a result is not asked about");
}

#[tokio::test]
async fn the_most_that_it_may_cost_ends_a_run_and_a_higher_one_goes_on() {
    let world = World::new().await;
    let folder = Folder::new();
    folder.case("labels", &event(&world, Scenario::Fix), &fix(LABELS, FAULTY, REPAIRED));
    folder.case("labels-again", &event(&world, Scenario::Fix), &fix(LABELS, FAULTY, REPAIRED));
    let with = |max_cost_usd| {
        let source = Source::Folders(folder.cases());
        let (world, folder) = (&world, &folder);
        async move { run(world, folder, source, max_cost_usd, &Arc::default()).await }
    };
    with(0.0).await.unwrap_err();
    assert_eq!(asked(&world), 0);
    with(10.0).await.unwrap();
    let one = folder.results()[0]["usage"]["cost_usd"].as_f64().unwrap();
    assert!(one > 0.0);
    std::fs::remove_dir_all(folder.out()).unwrap();
    with(one * 1.01).await.unwrap();
    let names = |folder: &Folder| -> Vec<String> {
        folder.results().iter().map(|result| result["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&folder), ["labels"], "the second case has no result rather than a wrong one");
    assert!(folder.report().contains("`--max-cost` is reached"), "{}", folder.report());
    with(10.0).await.unwrap();
    assert_eq!(names(&folder), ["labels", "labels-again"]);
}

#[tokio::test]
async fn a_service_that_fails_leaves_no_result_so_the_next_run_asks_again() {
    let world = World::new().await;
    let folder = Folder::new();
    folder.case("labels", &event(&world, Scenario::Fix), &fix(LABELS, FAULTY, REPAIRED));
    let options = Options {
        source: Source::Folders(folder.cases()),
        out: folder.out(),
        max_cost_usd: 10.0,
        json: true,
        stop: Arc::default(),
    };
    let theirs = world.sandbox.environment(SlackWay::Bot).pairs();
    let theirs = theirs.into_iter().filter(|(name, _)| name != "ANTHROPIC_API_KEY").collect();
    let wrong: autofix::config::Environment = [("ANTHROPIC_API_KEY", "sk-ant-wrong")].into_iter().collect();
    let means = Means {
        environment: wrong.over(theirs),
        clock: world.clock.clock(),
        outbound: Outbound::new(None).unwrap(),
    };
    backtest(&options, &means).await.unwrap_err();
    assert!(folder.results().is_empty());
    assert!(folder.report().contains("Stopped:"), "{}", folder.report());
    run_folders(&world, &folder).await.unwrap();
    assert_eq!(folder.results().len(), 1);
}

#[tokio::test]
async fn resolved_errors_are_found_by_sentrys_commit_or_by_the_message_of_one() {
    let world = World::new().await;
    let folder = Folder::new();
    let sentry = &world.sandbox.sentry;
    let hour = hours(1);
    let first = Scenario::Fix.event(world.clock.now());
    let named = first.as_other_issue(1);
    let unnamed = first.as_other_issue(2);
    let rewritten = first.as_other_issue(3);
    for event in [&first, &named, &unnamed, &rewritten] {
        sentry.throw(event);
    }
    world.clock.advance(hour);
    let repaired = source_of(LABELS).unwrap().replacen(FAULTY, REPAIRED, 1);
    let message = format!("Read an empty line as none (BOOKSHOP-{})", named.issue_id);
    let sha = world.sandbox.github.commit(REPO, "main").file(LABELS, repaired.as_bytes(), &message).unwrap();
    // After the fix, while it was not live yet: nobody could have seen this one before it.
    world.clock.advance(hour);
    let later = first.again(9, world.clock.now());
    sentry.throw(&later);
    let late = Scenario::Security.event(world.clock.now());
    sentry.throw(&late);
    sentry.resolve_in_commit(&first.issue_id, &sha, REPO);
    sentry.resolve_in_commit(&late.issue_id, &sha, REPO);
    sentry.resolve_in_commit(&rewritten.issue_id, &"9".repeat(40), REPO);
    sentry.set_status(&named.issue_id, "resolved");
    sentry.set_status(&unnamed.issue_id, "resolved");
    let project = |project: &str| {
        Source::Sentry(SentryProject {
            organization: Some("acme".to_owned()),
            project: project.to_owned(),
            repo: world.repository(),
            limit: 50,
        })
    };
    run(&world, &folder, project("bookshop"), 10.0, &Arc::default()).await.unwrap();
    let name = |id: &str| format!("BOOKSHOP-{id}");
    let found: Vec<_> = folder
        .results()
        .iter()
        .map(|result| {
            let note = result["notes"][0].as_str().unwrap_or_default().to_owned();
            (
                result["name"].as_str().unwrap().to_owned(),
                result["closeness"].as_str().unwrap().to_owned(),
                note,
            )
        })
        .collect();
    let by_name = format!("The commit was found by the name `{}` in its message.", name(&named.issue_id));
    assert_eq!(
        found,
        [
            (name(&first.issue_id), "same_change".to_owned(), String::new()),
            (name(&named.issue_id), "same_change".to_owned(), by_name),
        ]
    );
    let page = folder.report();
    for words in [
        format!("no commit of this clone names `{}`", name(&unnamed.issue_id)),
        "The fix `9999999999` is not in this clone.".to_owned(),
        "Sentry has no event of this issue from the 90 days before its fix".to_owned(),
    ] {
        assert!(page.contains(&words), "{words}: {page}");
    }
    let fetched: Vec<String> =
        sentry.service().received().iter().map(|request| request.path.clone()).collect();
    assert!(fetched.iter().any(|path| path.contains(&first.event_id)), "{fetched:?}");
    assert!(!fetched.iter().any(|path| path.contains(&later.event_id)), "{fetched:?}");
    assert!(world.sandbox.slack.service().received().is_empty());
    assert!(world.sandbox.github.service().received().is_empty());
    let error = run(&world, &folder, project("nothing"), 10.0, &Arc::default()).await.unwrap_err();
    assert!(error.to_string().contains("no resolved errors of the project `nothing`"), "{error:#}");
}

#[tokio::test]
async fn a_folder_without_cases_is_told_before_anything_is_written() {
    let world = World::new().await;
    let folder = Folder::new();
    let error = run_folders(&world, &folder).await.unwrap_err().to_string();
    assert!(error.contains("has no folder with a case"), "{error}");
    assert!(!Path::new(&folder.out()).exists());
}
