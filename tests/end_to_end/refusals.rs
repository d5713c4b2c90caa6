//! Events and repositories that give nothing to fix end with a reason and a card, never in silence.

use serde_json::json;

use crate::bookshop::{FAULTY, LABELS, ORDERS};
use crate::world::{Hook, Scenario, World, assert_says, secs};

async fn ends(world: &World, id: &str, status: &str, code: &str) {
    world.settle().await;
    let attempt = world.ended(id, status, code).await;
    assert!(!attempt["reason"]["detail"].as_str().unwrap().is_empty());
    let shown = world.shown_card();
    assert!(shown.contains(&format!("`{code}`")) && !shown.contains("Deploy Live"), "{shown}");
    assert!(world.fix_branches().is_empty());
}

#[tokio::test]
async fn an_issue_without_a_token_to_fetch_its_event_says_what_is_missing() {
    let world = World::with(&[("SENTRY_AUTH_TOKEN", "")]).await;
    let id = world.handle_report(&Scenario::Fix.event(world.clock.now()), Hook::IssueCreated).await;
    world.after(secs(100)).await;
    ends(&world, &id, "skipped", "no_stack_trace").await;
    assert_says(&world.shown_card(), &["SENTRY_AUTH_TOKEN"]);
}

#[tokio::test]
async fn an_event_without_frames_is_left_to_people() {
    let world = World::with(&[("SENTRY_AUTH_TOKEN", "")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    let mut body = world.body(&event, Hook::ErrorCreated);
    body["data"]["error"]["exception"] =
        json!({ "values": [{ "type": "X", "value": null, "stacktrace": null }] });
    let answer = world.deliver("error", &body).await;
    ends(&world, &answer.attempt_id(), "skipped", "no_stack_trace").await;
}

#[tokio::test]
async fn a_repository_that_is_not_there_names_the_setting() {
    let world = World::with(&[("AUTOFIX_GITHUB_REPO", "acme/nowhere")]).await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    ends(&world, &id, "failed", "repository_not_found").await;
    assert_says(&world.shown_card(), &["AUTOFIX_GITHUB_REPO"]);
}

#[tokio::test]
async fn a_stack_trace_that_fits_no_file_is_left_to_people() {
    let world = World::with(&[("AUTOFIX_GITHUB_PATH", "frontend")]).await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    ends(&world, &id, "skipped", "no_app_frame").await;
}

#[tokio::test]
async fn the_repositorys_own_file_makes_the_rules_stricter() {
    for (text, code) in [
        ("autofix: {enabled: false}", "disabled_by_repository"),
        ("autofix: {cto_analysis: {min_confidence: 0.99}}", "low_confidence"),
        ("autofix: {cto_analysis: {min_confidence: high}}", "repository_file_unreadable"),
        ("autofix: [", "repository_file_unreadable"),
        ("autofix: {github: {repo: acme/another}}", "repository_file_unreadable"),
        ("autofix: {github: {path: frontend}}", "repository_file_unreadable"),
    ] {
        let world = World::new().await;
        world.push("main", ".orchestrator/autofix.yaml", text, "Settings");
        let id = world.alert(Scenario::Fix).await.attempt_id();
        ends(&world, &id, "skipped", code).await;
    }
}

#[tokio::test]
async fn code_that_has_changed_since_the_release_is_analysed_and_never_changed() {
    let world = World::new().await;
    world.edit(LABELS, "Rewrite", |text| text.replace(FAULTY, "    addition = second_line(address)"));
    let id = world.handle(Scenario::Fix).await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "skipped");
    assert!(world.fix_branches().is_empty());
    world.after(secs(60)).await;
    assert_eq!(world.sandbox.slack.messages().len(), 1);
}

#[tokio::test]
async fn a_crash_line_that_has_changed_since_the_release_is_said_to_be_fixed() {
    let world = World::new().await;
    let released = world.main();
    world.edit(LABELS, "Repair it by hand", |text| {
        let text = text.replace("address.get(\"line2\", \"\").strip()", "second_line(address)");
        text.replace("    return shorten(", "    return shortened(").replace("[fit(line)", "[fitted(line)")
    });
    for (file, old, new) in [
        (ORDERS, "return render_label(parcel)", "return render_labels(parcel)"),
        ("backend/bookshop/main.py", "return orders.label_for(order)", "return orders.labels_for(order)"),
    ] {
        world.edit(file, "Rename", |text| text.replace(old, new));
    }
    let event = Scenario::Fix.event(world.clock.now());
    let mut body = world.body(&event, Hook::ErrorCreated);
    body["data"]["error"]["release"] = json!(format!("bookshop@{released}"));
    let id = world.deliver("error", &body).await.attempt_id();
    ends(&world, &id, "skipped", "already_fixed").await;
    assert_eq!(world.sandbox.claude.turns_answered(), 0, "nothing is paid for what code can tell");
}
