//! What goes wrong around an attempt: models that decline, budgets, checks, people who are quicker.

use autofix::messages::DEPLOY;
use autofix_local::sandbox::claude::{Script, Turn};
use serde_json::json;

use crate::bookshop::{LABELS, analysis};
use crate::world::{
    CheckRun, Conclusion, Heads, Hook, REPO, Scenario, SlackWay, World, assert_says, hours, mins, secs,
};

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
        let id = world.handle(Scenario::Fix).await;
        world.ended(&id, "skipped", code).await;
        assert_says(&world.shown_card(), &["Manual Review Required"]);
        assert!(world.fix_branches().is_empty());
    }
}

#[tokio::test]
async fn evidence_that_is_not_in_the_code_is_asked_for_once_more_and_then_refused() {
    let world = World::new().await;
    let invented = json!({ "file": LABELS, "line": 34, "quote": "this line was never written by anyone" });
    let report = Turn::tool("report_analysis", analysis(LABELS, &[invented]));
    let script =
        Script::new("test", "address_lines").conversation("report_analysis", vec![report.clone(), report]);
    world.sandbox.claude.add_script(script);
    let id = world.handle(Scenario::Fix).await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "evidence_false");
}

#[tokio::test]
async fn an_attempt_that_costs_too_much_stops_with_a_card() {
    let world = World::with(&[("AUTOFIX_MAX_COST_USD", "0.01")]).await;
    let id = world.handle(Scenario::Fix).await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "budget_spent");
    assert_says(&world.shown_card(), &["AUTOFIX_MAX_COST_USD"]);
}

#[tokio::test]
async fn a_price_of_ones_own_is_charged() {
    let dear = r#"{"input":400,"output":2000,"cache_write":500,"cache_read":20}"#;
    let world = World::with(&[("AUTOFIX_MODEL_PRICE", dear)]).await;
    let id = world.handle(Scenario::Fix).await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "budget_spent");
}

#[tokio::test]
async fn a_day_that_costs_too_much_stops_every_attempt_until_tomorrow() {
    let world = World::with(&[("AUTOFIX_DAILY_COST_USD", "0.06")]).await;
    world.until_armed().await;
    let event = Scenario::Fix.event(world.clock.now());
    let id = world.handle_report(&event.as_other_fault(2), Hook::EventAlertTriggered).await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["reason"]["code"], "daily_budget_spent");
    assert!(attempt["reason"]["detail"].as_str().unwrap().contains("AUTOFIX_DAILY_COST_USD"));
    assert_says(&world.shown(&world.card_of(&id)), &["AUTOFIX_DAILY_COST_USD"]);
    world.clock.advance(hours(24));
    let id = world.handle_report(&event.as_other_fault(3), Hook::EventAlertTriggered).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
}

#[tokio::test]
async fn attempts_at_work_at_once_overdraw_the_day_by_the_turn_each_has_in_flight_at_most() {
    const AT_ONCE: u64 = 6;
    // One turn costs more than the day has.
    let world = World::with(&[("AUTOFIX_DAILY_COST_USD", "0.01")]).await;
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
async fn a_repository_without_checks_is_armed_after_a_grace_period_and_says_so() {
    let world = World::with(&[("AUTOFIX_CHECKS_SETTLE_SECONDS", "120")]).await;
    world.set_checks(Heads::Every, &[]);
    let id = world.handle(Scenario::Fix).await;
    assert_eq!(world.status(&id).await, "pr_created");
    world.ticks(8, secs(20)).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    assert_says(&world.shown_card(), &["No checks ran"]);
}

#[tokio::test]
async fn what_people_decide_on_github_is_noticed() {
    let world = World::new().await;
    world.set_checks(Heads::Every, &[CheckRun::running("pytest")]);
    let id = world.handle(Scenario::Fix).await;
    world.sandbox.github.close_pull_request(REPO, 1).unwrap();
    world.after(secs(60)).await;
    assert_eq!(world.status(&id).await, "rejected");
    assert_says(&world.shown_card(), &["Dismissed by someone on GitHub"]);

    let world = World::new().await;
    let (id, _) = world.until_armed().await;
    world.sandbox.github.merge_pull_request(REPO, 1).unwrap();
    world.after(mins(61)).await;
    assert_eq!(world.status(&id).await, "deployed");
    assert_says(&world.shown_card(), &["Merged by someone on GitHub"]);
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
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.attempt(&id).await["reason"]["code"], "branch_moved");
    assert_eq!(world.merges(), 0, "seen before asking");
    assert_says(&world.shown_card(), &["Someone pushed"]);
    world.clock.advance(hours(24 * 30));
    let event = Scenario::Fix.event(world.clock.now());
    let again = world.report(&event.again(9, world.clock.now()), Hook::ErrorCreated).await;
    assert_eq!(again.attempt_id(), id);
    assert_eq!(world.pull_requests().len(), 1);
}

#[tokio::test]
async fn checks_that_start_late_are_waited_for() {
    let world = World::with(&[("AUTOFIX_CHECKS_SETTLE_SECONDS", "120")]).await;
    let id = world.handle(Scenario::Fix).await;
    assert_eq!(world.status(&id).await, "pr_created", "one quick green check is not all of them");
    let head = world.pull_request(1).head_sha;
    let runs = [CheckRun::ended("cla", Conclusion::Success), CheckRun::ended("pytest", Conclusion::Failure)];
    world.set_checks(Heads::Commit(head), &runs);
    world.after(secs(60)).await;
    let shown = world.shown_card();
    assert!(shown.contains("pytest") && !shown.contains("Deploy Live"), "{shown}");
}

#[tokio::test]
async fn checks_that_turn_red_after_the_card_stop_the_merge_and_the_button() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    let head = world.pull_request(1).head_sha;
    let red = [CheckRun::ended("nightly", Conclusion::Failure)];
    world.set_checks(Heads::Commit(head.clone()), &red);
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    assert_eq!(world.merges(), 0);
    assert_says(&world.shown_card(), &["nightly"]);
    world.after(mins(61)).await;
    assert_eq!(world.status(&id).await, "pr_created");
    assert!(!world.shown_card().contains("Deploy Live"));
}

#[tokio::test]
async fn checks_that_never_end_end_the_attempt_after_a_day() {
    for (way, run, code) in [
        (SlackWay::Bot, CheckRun::running("pytest"), "checks_unfinished"),
        (SlackWay::Webhook, CheckRun::running("pytest"), "checks_unfinished"),
        (SlackWay::Bot, CheckRun::ended("pytest", Conclusion::Failure), "checks_failed"),
    ] {
        let world = World::builder().slack(way).start().await;
        world.set_checks(Heads::Every, &[run]);
        let id = world.handle(Scenario::Fix).await;
        world.ticks(4, hours(7)).await;
        world.ended(&id, "failed", code).await;
        assert_says(&world.shown_card(), &["stays open for you"]);
        assert_eq!(world.open_pull_requests(), 1);
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
    assert_eq!(world.status(&id).await, "rejected");
    assert_eq!(world.fix_branches(), [branch]);
}
