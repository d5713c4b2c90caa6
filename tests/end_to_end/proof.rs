//! A fix is proved by the repository's own CI, or people read why it is not.

use autofix::messages::{DEPLOY, DISMISS};
use autofix_local::demo_project;
use autofix_local::sandbox::claude::{Script, Turn};
use autofix_local::sandbox::github::Checkout;
use autofix_local::scenario::{LABELS_TEST, LABELS_TEST_CODE};
use serde_json::{Value, json};

use crate::bookshop::LABELS;
use crate::world::{CheckRun, Conclusion, REPO, Scenario, World, assert_says, mins, secs};

const NAME: &str = "test_a_second_line_that_is_none_is_left_out";

/// A world that proves fixes with this CI.
async fn with_ci(
    settings: &[(&str, &str)],
    ci: impl Fn(&Checkout<'_>) -> Vec<CheckRun> + Send + Sync + 'static,
) -> World {
    let tried = [&[("AUTOFIX_PROOF", "try")], settings].concat(); // what comes later wins
    let world = World::with(&tried).await;
    world.sandbox.github.set_ci(REPO, ci).unwrap();
    world
}

fn green() -> Vec<CheckRun> {
    vec![CheckRun::ended("tests", Conclusion::Success)]
}

fn red(log: impl Into<Vec<u8>>) -> Vec<CheckRun> {
    vec![CheckRun::ended("tests", Conclusion::Failure).with_log(log)]
}

/// What this says, for commits that have the test; anything else is green.
fn for_the_test(
    say: impl Fn(&Checkout<'_>) -> Vec<CheckRun> + Send + Sync + 'static,
) -> impl Fn(&Checkout<'_>) -> Vec<CheckRun> + Send + Sync + 'static {
    move |commit| if commit.text(LABELS_TEST).is_some() { say(commit) } else { green() }
}

fn has_fix(commit: &Checkout<'_>) -> bool {
    commit.text(LABELS).unwrap().contains("or \"\").strip()")
}

/// The report, and everything until nobody has anything to do for a while.
async fn play(world: &World) -> String {
    let id = world.handle(Scenario::Fix).await;
    world.ticks(4, mins(1)).await;
    id
}

fn commits(world: &World) -> Vec<String> {
    let branch = world.fix_branches().remove(0);
    let log = world.sandbox.github.log(REPO, &branch).unwrap();
    let main = world.sandbox.github.log(REPO, "main").unwrap().len();
    let own = log.len() - main;
    log.into_iter().take(own).map(|(_, message)| message.lines().next().unwrap().to_owned()).collect()
}

fn test_on_branch(world: &World) -> bool {
    let branch = world.fix_branches().remove(0);
    world.sandbox.github.file_at(REPO, &branch, LABELS_TEST).unwrap().is_some()
}

async fn proof(world: &World, id: &str) -> Value {
    world.attempt(id).await["proof"].clone()
}

/// The fix is armed, without the test, and the card says why in this sentence.
async fn check_not_proved(world: &World, code: &str, sentence: &str) {
    let id = play(world).await;
    let attempt = world.attempt(&id).await;
    let shown = world.shown_card();
    assert_eq!(attempt["status"], "awaiting_approval", "{shown}");
    assert_eq!(attempt["proof"]["is"], "not_proved", "{shown}");
    assert_eq!(attempt["proof"]["why_not"]["code"], code, "{shown}");
    assert!(shown.contains("🧪 Not proved") && shown.contains(sentence), "no `{sentence}` in\n{shown}");
    assert!(shown.contains("Deploy Live"), "{shown}");
    assert!(!test_on_branch(world));
    assert_eq!(commits(world), ["AutoFix: AttributeError in address_lines"]);
    let body = world.pull_request(1).body;
    assert!(body.contains("Not proved") && !body.contains("Mary Somerville"), "{body}");
}

#[tokio::test]
async fn a_fix_is_proved_by_a_test_that_fails_without_it_and_passes_with_it() {
    let world = with_ci(&[("AUTOFIX_PROOF", "require")], demo_project::ci).await;
    let id = play(&world).await;
    let shown = world.shown_card();
    assert_eq!(world.status(&id).await, "awaiting_approval", "{shown}");
    assert!(shown.contains("🧪 Proved") && shown.contains("min of CI"), "{shown}");
    assert!(shown.contains("Regression test") && shown.contains(LABELS_TEST), "{shown}");
    let first = "AutoFix: AttributeError in address_lines";
    assert_eq!(commits(&world), [first.to_owned(), format!("{first}: regression test")]);
    let found = proof(&world, &id).await;
    assert_eq!((&found["is"], &found["mode"]), (&json!("proved"), &json!("require")));
    assert_eq!(found["test"]["code"], LABELS_TEST_CODE);
    let runs = found["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    let pull = world.pull_request(1);
    assert_eq!(runs[1]["head_sha"], pull.head_sha);
    assert!(pull.body.contains("🧪 Proved") && pull.body.contains(NAME), "{}", pull.body);
    // The fix stays the change of one file.
    assert_eq!(world.attempt(&id).await["proposed_fixes"].as_array().unwrap().len(), 1);
    world.decide(&world.card(), DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
    assert!(world.sandbox.github.file_at(REPO, "main", LABELS_TEST).unwrap().is_some());
    let shown = world.shown_card();
    assert!(shown.contains("🧪 Proved"), "{shown}");
}

#[tokio::test]
async fn without_a_proof_that_is_required_there_is_no_deploy_button_and_no_click_counts() {
    let world = with_ci(&[("AUTOFIX_PROOF", "require")], |_| green()).await;
    let id = play(&world).await;
    let shown = world.shown_card();
    assert_eq!(world.status(&id).await, "awaiting_approval", "{shown}");
    assert!(shown.contains("AutoFix: the fix is not proved"), "{shown}");
    assert!(shown.contains("No Deploy button") && !shown.contains("Deploy Live"), "{shown}");
    assert!(shown.contains("Dismiss"), "{shown}");
    let mut forged = world.card();
    for block in forged.blocks.iter_mut() {
        for element in block["elements"].as_array_mut().into_iter().flatten() {
            if element["action_id"] == DISMISS {
                element["action_id"] = json!(DEPLOY);
            }
        }
    }
    world.decide(&forged, DEPLOY).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
}

#[tokio::test]
async fn switched_off_for_all_or_for_a_project_nothing_is_asked_and_nothing_is_different() {
    let projects = r#"{"bookshop": {"repo": "acme/bookshop", "path": "backend", "proof": "off"}}"#;
    for off in [("AUTOFIX_PROOF", "off"), ("AUTOFIX_PROJECTS", projects)] {
        let world = with_ci(&[off], demo_project::ci).await;
        let id = play(&world).await;
        assert_eq!(proof(&world, &id).await, Value::Null);
        assert_eq!(commits(&world).len(), 1);
        assert!(!world.shown_card().contains("🧪"));
        let asked = world.sandbox.claude.conversations();
        assert!(asked.iter().all(|one| one.result_tool.as_deref() != Some("write_test")));
    }
}

#[tokio::test]
async fn a_test_that_passes_without_the_fix_comes_off_the_branch() {
    let world = with_ci(&[], |_| green()).await;
    check_not_proved(&world, "not_reproduced", "passes without the fix").await;
}

#[tokio::test]
async fn a_test_that_meets_another_error_comes_off_the_branch() {
    let log = |commit: &Checkout<'_>| {
        let log = demo_project::failing_test(commit).unwrap_or_default();
        red(log.replace("AttributeError", "TypeError"))
    };
    let world = with_ci(&[], for_the_test(log)).await;
    check_not_proved(&world, "test_wrong", "fails with `TypeError` in place of `AttributeError`").await;
}

#[tokio::test]
async fn a_test_that_fails_with_the_fix_too_comes_off_the_branch() {
    let ci = for_the_test(|commit| match demo_project::failing_test(commit) {
        Some(log) => red(log),
        None => red(format!(
            "____ {NAME} ____\nE   AssertionError: assert 4 == 5\ntests/x.py:9: AssertionError\n"
        )),
    });
    let world = with_ci(&[], ci).await;
    check_not_proved(&world, "test_wrong", "With the fix, the regression test").await;
}

#[tokio::test]
async fn a_runner_that_hides_the_exception_proves_nothing() {
    let ci = for_the_test(|commit| match has_fix(commit) {
        true => green(),
        false => red(format!("..F\nFAILED tests/x.py::{NAME}\n1 failed\n")),
    });
    let world = with_ci(&[], ci).await;
    check_not_proved(&world, "not_reproduced", "does not show with which error").await;
}

#[tokio::test]
async fn a_check_that_fails_for_another_reason_proves_nothing() {
    let ci = for_the_test(|commit| match has_fix(commit) {
        true => green(),
        false => red("ruff check\nFound 3 errors.\n##[error]Process completed with exit code 1.\n"),
    });
    let world = with_ci(&[], ci).await;
    check_not_proved(&world, "not_reproduced", "not by the regression test").await;
}

#[tokio::test]
async fn a_check_that_is_red_on_the_base_anyway_does_not_count() {
    let ci = |commit: &Checkout<'_>| {
        let lint = CheckRun::ended("lint", Conclusion::Failure).with_log("3 errors");
        let mut checks = demo_project::ci(commit);
        checks.push(lint);
        checks
    };
    let world = with_ci(&[], ci).await;
    let base = world.main();
    let lint = CheckRun::ended("lint", Conclusion::Failure);
    let heads = autofix_local::sandbox::github::Heads::Commit(base);
    world.set_checks(heads, &[lint]);
    let id = play(&world).await;
    // The test failed as it should; that `lint` is red with the fix, too, is for people.
    assert_eq!(commits(&world).len(), 2, "{}", world.shown_card());
    assert_eq!(proof(&world, &id).await["is"], "with_fix");
}

#[tokio::test]
async fn a_ci_that_never_ends_is_waited_for_as_long_as_the_settings_say() {
    let ci = for_the_test(|_| vec![CheckRun::running("tests")]);
    let world = with_ci(&[("AUTOFIX_PROOF_MINUTES", "10")], ci).await;
    let id = world.handle(Scenario::Fix).await;
    world.after(mins(4)).await;
    let shown = world.shown_card();
    assert!(shown.contains("🧪 Being proved") && shown.contains("at most 10 min"), "{shown}");
    assert!(!shown.contains("Deploy Live"), "{shown}");
    world.ticks(5, mins(2)).await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "awaiting_approval", "{}", world.shown_card());
    assert_eq!(attempt["proof"]["why_not"]["code"], "ci_too_slow");
    assert_says(&world.shown_card(), &["CI did not end within 10 minutes"]);
    assert!(!test_on_branch(&world));
}

#[tokio::test]
async fn a_second_run_that_never_ends_is_not_waited_for_either() {
    let ci = for_the_test(|commit| match demo_project::failing_test(commit) {
        Some(log) => red(log),
        None => vec![CheckRun::running("tests")],
    });
    let world = with_ci(&[("AUTOFIX_PROOF_MINUTES", "3")], ci).await;
    let id = play(&world).await;
    world.after(mins(1)).await;
    assert_eq!(proof(&world, &id).await["why_not"]["code"], "ci_too_slow");
    assert_eq!(world.status(&id).await, "awaiting_approval");
    assert!(!test_on_branch(&world));
}

#[tokio::test]
async fn a_log_of_a_hundred_megabytes_is_read_at_its_end() {
    let ci = for_the_test(|commit| match demo_project::failing_test(commit) {
        Some(log) => {
            let mut huge = b"2026-11-22T10:00:00.1234567Z \x1b[32mok\x1b[0m token=ghp_abcdefghijklmnopqrstuvwxyz0123456789\n"
                .repeat(1_100_000);
            huge.extend(log.bytes());
            red(huge)
        }
        None => green(),
    });
    let world = with_ci(&[], ci).await;
    let id = play(&world).await;
    assert_eq!(proof(&world, &id).await["is"], "proved", "{}", world.shown_card());
    assert!(!world.attempt(&id).await.to_string().contains("ghp_"));
    assert!(!world.shown_card().contains("ghp_"));
}

#[tokio::test]
async fn what_a_log_says_in_place_of_an_error_stays_out_of_the_card() {
    let secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    let ci = for_the_test(move |commit| match has_fix(commit) {
        true => green(),
        false => red(format!("____ {NAME} ____\nE   {secret}Error: <!channel> \x1b[31m{secret}\n")),
    });
    let world = with_ci(&[], ci).await;
    let id = play(&world).await;
    assert_eq!(proof(&world, &id).await["is"], "not_proved");
    let everything = format!("{} {}", world.attempt(&id).await, world.shown_card());
    assert!(!everything.contains(secret) && !everything.contains("<!channel>"), "{everything}");
}

#[tokio::test]
async fn a_repository_without_ci_for_pull_requests_gets_no_test() {
    let world = with_ci(&[], |_| Vec::new()).await;
    let id = play(&world).await;
    let shown = world.shown_card();
    assert_eq!(proof(&world, &id).await["why_not"]["code"], "no_ci", "{shown}");
    assert!(!test_on_branch(&world));
    assert_eq!(commits(&world).len(), 1);
}

/// In the conversation about the test, Claude hands in this.
fn writes(world: &World, path: &str, code: &str) {
    let test = json!({ "file_path": path, "code": code, "explanation": "because" });
    let turns = (0..4).map(|_| Turn::tool("write_test", test.clone())).collect();
    world
        .sandbox
        .claude
        .add_script(Script::new("test", "Write the regression test").conversation("write_test", turns));
}

#[tokio::test]
async fn a_test_that_breaks_the_rules_is_never_pushed() {
    let world = with_ci(&[], demo_project::ci).await;
    let code = LABELS_TEST_CODE.replace("def test", "import subprocess\n\n\ndef test");
    writes(&world, LABELS_TEST, &code);
    let id = play(&world).await;
    let found = proof(&world, &id).await;
    assert_eq!(found["why_not"]["code"], "no_test");
    let shown = world.shown_card();
    assert!(shown.contains("No test kept to the rules") && shown.contains("Deploy Live"), "{shown}");
    assert_eq!(commits(&world).len(), 1);
    assert!(!test_on_branch(&world));
}

#[tokio::test]
async fn a_function_at_the_end_of_a_test_file_proves_as_well_and_comes_off_again() {
    let added =
        "def test_no_second_line():\n    assert len(address_lines({**ADDRESS, \"line2\": None})) == 4\n";
    let path = "backend/tests/test_labels.py";
    for proves in [true, false] {
        let world = with_ci(&[], move |commit| if proves { demo_project::ci(commit) } else { green() }).await;
        let before = world.sandbox.github.file_at(REPO, "main", path).unwrap().unwrap();
        writes(&world, path, added);
        let id = play(&world).await;
        let after = world.sandbox.github.file_at(REPO, &world.fix_branches()[0], path).unwrap().unwrap();
        let before = String::from_utf8(before).unwrap();
        let is = proof(&world, &id).await;
        if proves {
            assert_eq!(
                String::from_utf8(after).unwrap(),
                format!("{}\n\n\n{added}", before.trim_end()),
                "{is}"
            );
            assert_eq!(is["is"], "proved", "{is}");
        } else {
            assert_eq!(String::from_utf8(after).unwrap(), before);
            assert_eq!(is["is"], "not_proved");
        }
    }
}

/// CI that runs on for the test without the fix until this file is on the branch.
fn slow_ci(commit: &Checkout<'_>) -> Vec<CheckRun> {
    if commit.text(LABELS_TEST).is_some() && !has_fix(commit) {
        return vec![CheckRun::running("tests")];
    }
    demo_project::ci(commit)
}

#[tokio::test]
async fn a_person_who_pushes_in_between_keeps_the_branch() {
    let world = with_ci(&[], slow_ci).await;
    let id = world.handle(Scenario::Fix).await;
    let branch = world.fix_branches().remove(0);
    let pushed = world.sandbox.github.commit(REPO, &branch).by("ada").file("x.txt", b"x", "Mine").unwrap();
    world.after(mins(1)).await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "failed");
    let shown = world.shown_card();
    assert!(shown.contains("Someone pushed to the branch while CI ran the regression test"), "{shown}");
    assert_eq!(world.sandbox.github.sha_of(REPO, &branch).unwrap(), Some(pushed));
}

#[tokio::test]
async fn a_person_who_merges_the_test_alone_is_told_that_the_fix_is_not_there() {
    let world = with_ci(&[], slow_ci).await;
    let id = world.handle(Scenario::Fix).await;
    world.sandbox.github.merge_pull_request(REPO, 1).unwrap();
    world.after(mins(1)).await;
    assert_eq!(world.status(&id).await, "failed");
    let shown = world.shown_card();
    assert!(shown.contains("while only the regression test was in it"), "{shown}");
}

#[tokio::test]
async fn a_dismissal_while_the_test_runs_closes_the_pull_request() {
    let world = with_ci(&[], slow_ci).await;
    let id = world.handle(Scenario::Fix).await;
    world.dismiss(&world.card()).await;
    assert_eq!(world.status(&id).await, "rejected");
    assert!(world.fix_branches().is_empty());
}

#[tokio::test]
async fn where_commits_may_not_be_replaced_another_one_takes_the_test_back() {
    for comments in [false, true] {
        let world =
            with_ci(&[("AUTOFIX_PROOF_MINUTES", "2")], for_the_test(|_| vec![CheckRun::running("tests")]))
                .await;
        world.configure(|settings| settings.force_pushes_refused = !comments);
        let id = world.handle(Scenario::Fix).await;
        if comments {
            world.clock.advance(secs(5));
            world.sandbox.github.comment(REPO, 1, "ada", "What is this?").unwrap();
        }
        world.ticks(4, mins(1)).await;
        let shown = world.shown_card();
        assert_eq!(world.status(&id).await, "awaiting_approval", "{shown}");
        let first = "AutoFix: AttributeError in address_lines";
        assert_eq!(commits(&world), [first.to_owned(), format!("{first}: regression test")], "{shown}");
        assert!(!test_on_branch(&world), "{shown}");
        world.decide(&world.card(), DEPLOY).await;
        assert_eq!(world.status(&id).await, "deployed");
        assert!(world.sandbox.github.file_at(REPO, "main", LABELS_TEST).unwrap().is_none());
    }
}

#[tokio::test]
async fn on_a_base_that_moved_the_proof_begins_again() {
    let world = with_ci(&[], demo_project::ci).await;
    let id = play(&world).await;
    assert_eq!(proof(&world, &id).await["is"], "proved");
    world.edit(LABELS, "Say what it is", |text| {
        format!(
            "# Labels.
{text}"
        )
    });
    world.decide(&world.card(), DEPLOY).await;
    world.ticks(4, mins(1)).await;
    let shown = world.shown_card();
    assert_eq!(world.status(&id).await, "awaiting_approval", "{shown}");
    assert!(shown.contains("🧪 Proved"), "{shown}");
    let found = proof(&world, &id).await;
    let pull = world.pull_request(1);
    assert_eq!(found["runs"][1]["head_sha"], pull.head_sha);
    assert_eq!(commits(&world).len(), 2);
}
