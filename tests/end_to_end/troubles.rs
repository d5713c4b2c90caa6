//! What goes wrong around an attempt: models that decline, budgets, checks, people who are quicker.

use autofix::messages::DEPLOY;
use autofix_local::sandbox::SlackWay;
use autofix_local::sandbox::claude::{Script, Turn};
use autofix_local::sandbox::github::{CheckRun, Conclusion, Heads};
use autofix_local::sandbox::sentry::Hook;
use autofix_local::sandbox::service::Fault;
use autofix_local::scenario::Scenario;
use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{REPO, World};

#[tokio::test]
async fn claude_that_declines_leaves_it_to_people() {
    let analysis =
        |turns: Vec<Turn>| Script::new("test", "address_lines").conversation("report_analysis", turns);
    for (script, code) in [
        (analysis(vec![Turn::refusal("cyber", "cannot help")]), "claude_refused"),
        (analysis(vec![Turn::text("I think…"), Turn::text("Still thinking…")]), "claude_refused"),
        (
            analysis(vec![
                Turn::text("long").but_stopped("max_tokens"),
                Turn::text("long").but_stopped("max_tokens"),
            ]),
            "claude_refused",
        ),
        (analysis(vec![Turn::tool("list_files", json!({ "folder": "", "glob": "" })); 8]), "stuck_in_loop"),
    ] {
        let world = World::new().await;
        world.sandbox.claude.add_script(script);
        let id = world.alert(Scenario::Fix).await.attempt_id();
        world.settle().await;
        let attempt = world.attempt(&id).await;
        assert_eq!(
            (attempt["status"].as_str(), attempt["reason"]["code"].as_str()),
            (Some("skipped"), Some(code))
        );
        assert!(world.shown(&world.card()).contains("Manual Review Required"));
        assert!(world.fix_branches().is_empty());
    }
}

#[tokio::test]
async fn evidence_that_is_not_in_the_code_is_asked_for_once_more_and_then_refused() {
    let world = World::new().await;
    let report = Turn::tool("report_analysis", invented_analysis());
    let script =
        Script::new("test", "address_lines").conversation("report_analysis", vec![report.clone(), report]);
    world.sandbox.claude.add_script(script);
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "evidence_false");
}

fn invented_analysis() -> Value {
    json!({
        "error_type": "AttributeError", "error_message": "m", "root_cause": "r",
        "file_path": "backend/bookshop/labels.py", "line_number": 34, "function_name": "address_lines",
        "confidence": 1.0, "can_auto_fix": true, "explanation": "e", "complexity": "minimal",
        "security_implications": "none", "blast_radius": "isolated", "recommendation": "r",
        "classification": "code_fix", "categories": [],
        "evidence": [{ "file": "backend/bookshop/labels.py", "line": 34, "quote": "this line was never written by anyone" }],
    })
}

#[tokio::test]
async fn an_attempt_that_costs_too_much_stops_with_a_card() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_MAX_COST_USD", "0.01")]).await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "budget_spent");
    assert!(world.shown(&world.card()).contains("AUTOFIX_MAX_COST_USD"));
}

#[tokio::test]
async fn a_price_of_ones_own_is_charged() {
    let dear = r#"{"input":400,"output":2000,"cache_write":500,"cache_read":20}"#;
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_MODEL_PRICE", dear)]).await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "budget_spent");
}

#[tokio::test]
async fn a_day_that_costs_too_much_stops_every_attempt_until_tomorrow() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_DAILY_COST_USD", "0.06")]).await;
    world.until_armed().await;
    let event = Scenario::Fix.event(world.clock.now());
    let id = world.report(&event.as_other_fault(2), Hook::EventAlertTriggered).await.attempt_id();
    world.settle().await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["reason"]["code"], "daily_budget_spent");
    assert!(attempt["reason"]["detail"].as_str().unwrap().contains("AUTOFIX_DAILY_COST_USD"));
    assert!(world.shown(&world.card_of(&id)).contains("AUTOFIX_DAILY_COST_USD"));
    world.clock.advance(SignedDuration::from_hours(24));
    let id = world.report(&event.as_other_fault(3), Hook::EventAlertTriggered).await.attempt_id();
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");
}

#[tokio::test]
async fn attempts_at_work_at_once_overdraw_the_day_by_the_turn_each_has_in_flight_at_most() {
    const AT_ONCE: u64 = 6;
    // One turn costs more than the day has.
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_DAILY_COST_USD", "0.01")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    let mut ids = Vec::new();
    for number in 1..=AT_ONCE {
        let other = event.as_other_fault(u32::try_from(number).unwrap());
        ids.push(world.report(&other, Hook::EventAlertTriggered).await.attempt_id());
    }
    world.settle().await;
    let mut turns = 0;
    for id in &ids {
        let attempt = world.attempt(id).await;
        assert_eq!(attempt["reason"]["code"], "daily_budget_spent", "{attempt}");
        turns += attempt["usage"]["turns"].as_u64().unwrap();
    }
    assert!((1..=AT_ONCE).contains(&turns), "{turns} turns");
    assert_eq!(world.sandbox.claude.turns_answered() as u64, turns, "what was paid is what was counted");
}

#[tokio::test]
async fn red_checks_keep_the_button_off_until_they_are_green() {
    let world = World::new().await;
    let set = |heads, conclusion| {
        world.sandbox.github.set_checks(REPO, heads, &[CheckRun::ended("pytest", conclusion)]).unwrap();
    };
    set(Heads::Every, Conclusion::Failure);
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "pr_created");
    let shown = world.shown(&world.card());
    assert!(shown.contains("pytest") && !shown.contains("Deploy Live"), "{shown}");
    set(Heads::Commit(world.sandbox.github.pull_request(REPO, 1).unwrap().head_sha), Conclusion::Success);
    world.after(SignedDuration::from_secs(60)).await;
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");
    assert!(world.shown(&world.card()).contains("Deploy Live"));
}

#[tokio::test]
async fn a_repository_without_checks_is_armed_after_a_grace_period_and_says_so() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_CHECKS_SETTLE_SECONDS", "120")]).await;
    world.sandbox.github.set_checks(REPO, Heads::Every, &[]).unwrap();
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "pr_created");
    for _ in 0..8 {
        world.after(SignedDuration::from_secs(20)).await;
    }
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");
    assert!(world.shown(&world.card()).contains("No checks ran"));
}

#[tokio::test]
async fn what_people_decide_on_github_is_noticed() {
    let world = World::new().await;
    world.sandbox.github.set_checks(REPO, Heads::Every, &[CheckRun::running("pytest")]).unwrap();
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    world.sandbox.github.close_pull_request(REPO, 1).unwrap();
    world.after(SignedDuration::from_secs(60)).await;
    assert_eq!(world.attempt(&id).await["status"], "rejected");
    assert!(
        world.shown(&world.card()).contains("Dismissed by someone on GitHub"),
        "{}",
        world.shown(&world.card())
    );

    let world = World::new().await;
    let (id, _) = world.until_armed().await;
    world.sandbox.github.merge_pull_request(REPO, 1).unwrap();
    world.after(SignedDuration::from_mins(61)).await;
    assert_eq!(world.attempt(&id).await["status"], "deployed");
    assert!(world.shown(&world.card()).contains("Merged by someone on GitHub"));
}

#[tokio::test]
async fn a_push_after_the_card_means_no_merge_and_no_second_proposal() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let branch = &world.fix_branches()[0];
    world
        .sandbox
        .github
        .commit(REPO, branch)
        .file("backend/README.md", b"changed", "A person pushes")
        .unwrap();
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "branch_moved");
    assert_eq!(world.sandbox.github.service().count(Method::PUT, "/merge"), 0, "seen before asking");
    assert!(world.shown(&world.card()).contains("Someone pushed"));
    world.clock.advance(SignedDuration::from_hours(24 * 30));
    let event = Scenario::Fix.event(world.clock.now());
    let again = world.report(&event.again(9, world.clock.now()), Hook::ErrorCreated).await;
    assert_eq!(again.attempt_id(), id);
    assert_eq!(world.sandbox.github.pull_requests(REPO).unwrap().len(), 1);
}

#[tokio::test]
async fn checks_that_start_late_are_waited_for() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_CHECKS_SETTLE_SECONDS", "120")]).await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "pr_created", "one quick green check is not all of them");
    let head = world.sandbox.github.pull_request(REPO, 1).unwrap().head_sha;
    let runs = [CheckRun::ended("cla", Conclusion::Success), CheckRun::ended("pytest", Conclusion::Failure)];
    world.sandbox.github.set_checks(REPO, Heads::Commit(head), &runs).unwrap();
    world.after(SignedDuration::from_secs(60)).await;
    let shown = world.shown(&world.card());
    assert!(shown.contains("pytest") && !shown.contains("Deploy Live"), "{shown}");
}

#[tokio::test]
async fn checks_that_turn_red_after_the_card_stop_the_merge_and_the_button() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let head = world.sandbox.github.pull_request(REPO, 1).unwrap().head_sha;
    let red = [CheckRun::ended("nightly", Conclusion::Failure)];
    world.sandbox.github.set_checks(REPO, Heads::Commit(head.clone()), &red).unwrap();
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "awaiting_approval");
    assert_eq!(world.sandbox.github.service().count(Method::PUT, "/merge"), 0);
    assert!(world.shown(&world.card()).contains("nightly"), "{}", world.shown(&world.card()));
    world.after(SignedDuration::from_mins(61)).await;
    assert_eq!(world.attempt(&id).await["status"], "pr_created");
    assert!(!world.shown(&world.card()).contains("Deploy Live"));
}

#[tokio::test]
async fn checks_that_never_end_end_the_attempt_after_a_day() {
    for (way, run, code) in [
        (SlackWay::Bot, CheckRun::running("pytest"), "checks_unfinished"),
        (SlackWay::Webhook, CheckRun::running("pytest"), "checks_unfinished"),
        (SlackWay::Bot, CheckRun::ended("pytest", Conclusion::Failure), "checks_failed"),
    ] {
        let world = World::with(way, &[]).await;
        world.sandbox.github.set_checks(REPO, Heads::Every, &[run]).unwrap();
        let id = world.alert(Scenario::Fix).await.attempt_id();
        world.settle().await;
        for _ in 0..4 {
            world.after(SignedDuration::from_hours(7)).await;
        }
        let attempt = world.attempt(&id).await;
        assert_eq!(
            (attempt["status"].as_str(), attempt["reason"]["code"].as_str()),
            (Some("failed"), Some(code))
        );
        assert!(world.shown(&world.card()).contains("stays open for you"));
        assert_eq!(world.sandbox.github.open_pull_requests(REPO).unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_dismissal_never_deletes_what_a_colleague_pushed() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let branch = world.fix_branches().remove(0);
    world
        .sandbox
        .github
        .commit(REPO, &branch)
        .file("backend/README.md", b"mine", "A colleague's work")
        .unwrap();
    world.dismiss(&card).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "rejected");
    assert_eq!(world.fix_branches(), [branch]);
}

#[tokio::test]
async fn a_click_that_finds_github_down_is_merged_when_it_is_back() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.sandbox.github.service().fail_next(Method::PUT, "/merge", Fault::status(503));
    world.press(&card, DEPLOY).await;
    world.settle().await;
    assert_eq!(world.attempt(&id).await["status"], "approved");
    world.after(SignedDuration::from_secs(90)).await;
    assert_eq!(world.attempt(&id).await["status"], "deployed");
}
