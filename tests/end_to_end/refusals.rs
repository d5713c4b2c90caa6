//! Events and repositories that give nothing to fix end with a reason and a card, never in silence.

use autofix_local::sandbox::SlackWay;
use autofix_local::sandbox::sentry::Hook;
use autofix_local::scenario::Scenario;
use jiff::SignedDuration;
use serde_json::json;

use crate::world::{REPO, World};

async fn ends(world: &World, id: &str, status: &str, code: &str) {
    world.settle().await;
    let attempt = world.attempt(id).await;
    assert_eq!((attempt["status"].as_str(), attempt["reason"]["code"].as_str()), (Some(status), Some(code)));
    assert!(!attempt["reason"]["detail"].as_str().unwrap().is_empty());
    let shown = world.shown(&world.card());
    assert!(shown.contains(&format!("`{code}`")), "{shown}");
    assert!(!shown.contains("Deploy Live"), "{shown}");
    assert!(world.fix_branches().is_empty());
}

#[tokio::test]
async fn an_issue_without_a_token_to_fetch_its_event_says_what_is_missing() {
    let world = World::with(SlackWay::Bot, &[("SENTRY_AUTH_TOKEN", "")]).await;
    let id = world.report(&Scenario::Fix.event(world.clock.now()), Hook::IssueCreated).await.attempt_id();
    world.settle().await;
    world.after(SignedDuration::from_secs(100)).await;
    ends(&world, &id, "skipped", "no_stack_trace").await;
    assert!(world.shown(&world.card()).contains("SENTRY_AUTH_TOKEN"));
}

#[tokio::test]
async fn an_event_without_frames_is_left_to_people() {
    let world = World::with(SlackWay::Bot, &[("SENTRY_AUTH_TOKEN", "")]).await;
    let event = Scenario::Fix.event(world.clock.now());
    let webhook = world.sandbox.sentry.webhook(&event, Hook::ErrorCreated);
    let mut body: serde_json::Value = serde_json::from_slice(&webhook.body).unwrap();
    body["data"]["error"]["exception"] =
        json!({ "values": [{ "type": "X", "value": null, "stacktrace": null }] });
    let answer = world.deliver_webhook(world.sandbox.sentry.sign("error", &body)).await;
    ends(&world, &answer.attempt_id(), "skipped", "no_stack_trace").await;
}

#[tokio::test]
async fn a_repository_that_is_not_there_names_the_setting() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_GITHUB_REPO", "acme/nowhere")]).await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    ends(&world, &id, "failed", "repository_not_found").await;
    assert!(world.shown(&world.card()).contains("AUTOFIX_GITHUB_REPO"));
}

#[tokio::test]
async fn a_stack_trace_that_fits_no_file_is_left_to_people() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_GITHUB_PATH", "frontend")]).await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    ends(&world, &id, "skipped", "no_app_frame").await;
}

#[tokio::test]
async fn a_tarball_that_cannot_be_read_fails_with_a_card() {
    for archive in [b"not a gzip".to_vec(), Vec::new(), vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]] {
        let world = World::new().await;
        world.sandbox.github.configure(REPO, |settings| settings.archive = Some(archive.clone())).unwrap();
        let id = world.alert(Scenario::Fix).await.attempt_id();
        ends(&world, &id, "failed", "snapshot_unreadable").await;
    }
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
        let file = world.sandbox.github.commit(REPO, "main");
        file.file(".orchestrator/autofix.yaml", text.as_bytes(), "Settings").unwrap();
        let id = world.alert(Scenario::Fix).await.attempt_id();
        ends(&world, &id, "skipped", code).await;
    }
}

#[tokio::test]
async fn code_that_has_changed_since_the_release_is_analysed_and_never_changed() {
    let world = World::new().await;
    let path = "backend/bookshop/labels.py";
    let text = world.sandbox.github.file_at(REPO, "main", path).unwrap().unwrap();
    let text = String::from_utf8(text)
        .unwrap()
        .replace("addition = address.get(\"line2\", \"\").strip()", "addition = second_line(address)");
    world.sandbox.github.commit(REPO, "main").file(path, text.as_bytes(), "Rewrite").unwrap();
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "skipped");
    assert!(world.fix_branches().is_empty());
    world.after(SignedDuration::from_secs(60)).await;
    assert_eq!(world.sandbox.slack.messages().len(), 1);
}

#[tokio::test]
async fn a_crash_line_that_has_changed_since_the_release_is_said_to_be_fixed() {
    let world = World::new().await;
    let released = world.sandbox.github.sha_of(REPO, "main").unwrap().unwrap();
    let path = "backend/bookshop/labels.py";
    let text = String::from_utf8(world.sandbox.github.file_at(REPO, "main", path).unwrap().unwrap()).unwrap();
    let text = text.replace("address.get(\"line2\", \"\").strip()", "second_line(address)");
    let text = text
        .replace("    return shorten(", "    return shortened(")
        .replace("lines = [fit(line)", "lines = [fitted(line)");
    world.sandbox.github.commit(REPO, "main").file(path, text.as_bytes(), "Repair it by hand").unwrap();
    for (file, old, new) in [
        ("backend/bookshop/orders.py", "return render_label(parcel)", "return render_labels(parcel)"),
        ("backend/bookshop/main.py", "return orders.label_for(order)", "return orders.labels_for(order)"),
    ] {
        let text =
            String::from_utf8(world.sandbox.github.file_at(REPO, "main", file).unwrap().unwrap()).unwrap();
        world
            .sandbox
            .github
            .commit(REPO, "main")
            .file(file, text.replace(old, new).as_bytes(), "Rename")
            .unwrap();
    }
    let event = Scenario::Fix.event(world.clock.now());
    let webhook = world.sandbox.sentry.webhook(&event, Hook::ErrorCreated);
    let mut body: serde_json::Value = serde_json::from_slice(&webhook.body).unwrap();
    body["data"]["error"]["release"] = json!(format!("bookshop@{released}"));
    let id = world.deliver_webhook(world.sandbox.sentry.sign("error", &body)).await.attempt_id();
    ends(&world, &id, "skipped", "already_fixed").await;
    assert_eq!(world.sandbox.claude.turns_answered(), 0, "nothing is paid for what code can tell");
}
