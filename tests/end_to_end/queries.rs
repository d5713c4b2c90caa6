//! Reading attempts: the shape that clients know, pages, filters, and who may read.

use autofix::config::names;
use autofix_local::sandbox::API_TOKEN;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::world::{Hook, Scenario, World, hours, secs};

#[tokio::test]
async fn an_attempt_has_the_names_that_clients_of_the_python_version_know() {
    let world = World::new().await;
    let (id, _) = world.until_armed().await;
    let attempt = world.attempt(&id).await;
    let own = "id status project_name github_repo sentry_event_id error_analysis proposed_fixes \
                  slack_message_ts slack_channel pr_url pr_number failure_reason created_at approved_at \
                  completed_at reason sentry_issue_id sentry_url head_sha base_sha approved_by usage \
                  timeline occurrences";
    let of_analysis = "error_type error_message root_cause file_path line_number function_name confidence \
                  can_auto_fix explanation complexity security_implications blast_radius recommendation";
    let of_fix = "file_path original_code fixed_code explanation confidence";
    for (value, names) in
        [(&attempt, own), (&attempt["error_analysis"], of_analysis), (&attempt["proposed_fixes"][0], of_fix)]
    {
        for name in names.split(' ') {
            assert!(value.as_object().unwrap().contains_key(name), "`{name}` is missing in {value}");
        }
    }
    for name in of_analysis.split(' ') {
        assert!(!attempt["error_analysis"][name].is_null(), "`error_analysis.{name}` has no value");
    }
    assert_eq!(attempt["created_at"], "2026-11-22T10:00:00Z");
    assert_eq!(attempt["pr_number"], 1);
}

#[tokio::test]
async fn the_list_is_newest_first_in_pages_and_filtered() {
    let world = World::with(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "100")]).await;
    let event = Scenario::Security.event(world.clock.now());
    let mut ids = Vec::new();
    for number in 1..=7 {
        world.clock.advance(secs(1));
        ids.insert(
            0,
            world.report(&event.as_other_issue(number), Hook::EventAlertTriggered).await.attempt_id(),
        );
    }
    let mut seen = Vec::new();
    let mut path = "attempts?limit=3&project=bookshop".to_owned();
    loop {
        let page = world.get(&path).await;
        let attempts = page.body.as_array().unwrap().clone();
        assert!(attempts.len() <= 3);
        seen.extend(attempts.iter().map(|attempt| attempt["id"].as_str().unwrap().to_owned()));
        let Some(link) = page.link else { break };
        assert!(link.ends_with("; rel=\"next\""), "{link}");
        path = link.split(['<', '>']).nth(1).unwrap().strip_prefix("/autofix/").unwrap().to_owned();
    }
    assert_eq!(seen, ids);
    assert_eq!(world.get("attempts?project=another").await.body, json!([]));
    assert_eq!(world.get("attempts?status=pending").await.body.as_array().unwrap().len(), 7);
    world.settle().await;
    assert_eq!(world.get("attempts?status=pending").await.body, json!([]));
}

#[tokio::test]
async fn attempts_of_earlier_months_are_listed_too() {
    let world = World::new().await;
    let old = world.handle(Scenario::Security).await;
    world.clock.advance(hours(24 * 45));
    let new = world.handle(Scenario::Fix).await;
    let list = world.get("attempts").await.body;
    assert_eq!([&list[0]["id"], &list[1]["id"]], [&json!(new), &json!(old)]);
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_with_the_way_to_ask() {
    let world = World::new().await;
    for (path, expected) in [
        ("attempts?limit=0", "from 1 to 100"),
        ("attempts?limit=101", "from 1 to 100"),
        ("attempts?limit=many", "from 1 to 100"),
        ("attempts?status=open", "awaiting_approval"),
        ("attempts?before=x", "id of an attempt"),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(answer.detail().contains(expected), "{path}: {}", answer.detail());
    }
    for id in ["x", "../status", "01a202b2-c500-7c7c-8e66-d0fb14e3c2d4", "%00"] {
        assert_eq!(
            world.get(&format!("attempts/{}", id.replace('/', "%2F"))).await.status,
            StatusCode::NOT_FOUND,
            "{id}"
        );
    }
}

#[tokio::test]
async fn nothing_but_being_alive_is_told_without_the_token() {
    let world = World::new().await;
    world.handle(Scenario::Security).await;
    let wrong = world.get_with("status", "wrong").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let open = world.ask(Request::get("/autofix/status").body(Body::empty()).unwrap()).await;
    assert_eq!(open.body, json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }));
    let full = world.get("status").await.body;
    assert_eq!(full["repositories"], json!(["acme/bookshop"]));
    assert_eq!(full["counts"], json!({ "skipped": 1 }));
    assert_eq!(full["empty_secrets"], json!([]), "in one process none is called empty");
}

#[tokio::test]
async fn without_a_configured_token_nobody_may_read() {
    let world = World::with(&[("AUTOFIX_API_TOKEN", "")]).await;
    assert_eq!(world.get("attempts").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    let world = World::new().await;
    let id = world.handle(Scenario::Security).await;
    for path in ["status", "attempts", &format!("attempts/{id}")] {
        let without = world.get(path).await;
        assert_eq!(without.status, StatusCode::OK, "{path}");
        assert_eq!(world.get(&format!("{path}/")).await, without, "{path}");
    }
    let closed = world.ask(Request::get("/autofix/attempts/").body(Body::empty()).unwrap()).await;
    assert_eq!(closed.status, StatusCode::UNAUTHORIZED);
    let listed = world.get("attempts/?status=skipped&limit=1").await;
    assert_eq!(listed.body[0]["id"], json!(id));
}

#[tokio::test]
async fn a_deployment_whose_secret_is_empty_says_what_to_fill_in_until_someone_can_log_in() {
    let everything = names::SECRETS.map(|name| (name, ""));
    let world = World::builder().settings(&everything).secrets_manager().start().await;
    let status = async |world: &World| {
        world.ask(Request::get("/autofix/status").body(Body::empty()).unwrap()).await.body
    };
    let all = [
        names::ANTHROPIC_API_KEY,
        names::GITHUB_TOKEN,
        names::SENTRY_WEBHOOK_SECRET,
        names::SLACK_BOT_TOKEN,
        names::SLACK_SIGNING_SECRET,
        names::API_TOKEN,
    ];
    let open = status(&world).await;
    assert_eq!((&open["status"], &open["empty_secrets"]), (&json!("ok"), &json!(all)));
    // An incoming webhook and a GitHub App do as well.
    let secrets = world.secrets.as_ref().unwrap();
    secrets.put(names::SLACK_WEBHOOK_URL, "https://hooks.slack.com/services/T0/B0/abc");
    secrets.put(names::GITHUB_APP_PRIVATE_KEY, "key");
    world.clock.advance(secs(11));
    let rest = [all[0], all[2], all[4], all[5]];
    assert_eq!(status(&world).await["empty_secrets"], json!(rest));
    // With the token, only who has it sees the rest.
    secrets.put(names::API_TOKEN, API_TOKEN);
    world.clock.advance(secs(11));
    status(&world).await;
    assert_eq!(status(&world).await["empty_secrets"], json!(null));
    world.clock.advance(secs(11));
    assert_eq!(world.get("status").await.body["empty_secrets"], json!(rest[..3]));
}
