//! The sandbox as a place, as a browser asks for it: an error is thrown there, its card has buttons that work, and what
//! others wrote stays text.

mod aftermath;
mod visitor;

use autofix::attempt::DismissalReason;
use autofix::messages::{DEPLOY, DISMISS, REASON_FIELD};
use autofix_local::sandbox::slack::{BOT_TOKEN, CHANNEL_ID};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::page::html::{self, checked, shown};
use crate::world::{Hook, PullState, REPO, Scenario, World, assert_says};
use visitor::{HOST, LINKS, OWN, Visitor, press_forms};

const ATTACK: &str = "</pre></textarea>\"'><script>alert(1)</script><img src=x onerror=alert(1)>";

#[tokio::test]
async fn an_error_thrown_on_the_page_becomes_a_card_and_a_press_there_merges_its_fix() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    let empty = shown(&visitor.page().await);
    assert!(empty.contains("No card yet. Choose an error above."), "{empty}");
    assert!(empty.contains("No pull request yet."), "{empty}");

    visitor.throws(Scenario::Fix).await;
    world.settle().await;
    let page = visitor.page().await;
    let seen = shown(&page);
    assert_says(
        &seen,
        &[
            "AttributeError: 'NoneType' object has no attribute 'strip' unresolved bookshop · 1 event",
            "Your decision (waiting)",
            "Ready to deploy · AttributeError in address_lines",
            "Sentry reported “AttributeError: 'NoneType' object has no attribute 'strip'” to AutoFix: 1 accepted.",
            "🔧 AutoFix: CTO Review Complete - Ready to Deploy",
            "🚀 Deploy Live",
            "#1 open",
        ],
    );
    // The link on the card leads to the pull request, whose change has its difference set apart.
    assert!(page.contains("<a href=\"#pull-1\""), "{page}");
    assert!(page.contains("id=\"pull-1\"") && page.contains("id=\"diff-1-1\""), "{page}");
    assert!(page.contains("<mark>(") && page.contains("<ins>") && page.contains("<del>"), "{page}");

    let forms = press_forms(&page, DEPLOY);
    assert_eq!(forms.len(), 1, "{forms:?}");
    visitor.presses(&forms[0]).await;
    world.settle().await;
    let pull = world.pull_request(1);
    assert!(matches!(pull.state, PullState::Merged { .. }), "{pull:?}");
    let page = visitor.page().await;
    let seen = shown(&page);
    assert_says(&seen, &["#1 merged", "✅ AutoFix", "You pressed “🚀 Deploy Live”: AutoFix answered 200."]);
    assert!(press_forms(&page, DEPLOY).is_empty() && press_forms(&page, DISMISS).is_empty());

    // Somebody whose page is old presses once more: nothing is sent.
    let interactions = world.sandbox.slack.messages();
    visitor.presses(&forms[0]).await;
    world.settle().await;
    assert_eq!(world.sandbox.slack.messages(), interactions);
    let seen = shown(&visitor.page().await);
    assert!(seen.contains("The card no longer has this button."), "{seen}");
}

#[tokio::test]
async fn a_dismissal_asks_for_its_reason_in_a_dialog_and_closes_the_pull_request() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    visitor.throws(Scenario::Fix).await;
    world.settle().await;
    let form = press_forms(&visitor.page().await, DISMISS).remove(0);
    visitor.presses(&form).await;
    let page = visitor.page().await;
    let tags = checked(&page, LINKS);
    let inputs = tags.iter().filter(|tag| tag.name == "input");
    let view = inputs.clone().find(|tag| tag.attribute("name") == Some("view")).unwrap();
    let view = view.attribute("value").unwrap();
    let reason = DismissalReason::WillFixMyself.as_str();
    let field = format!("field-{REASON_FIELD}");
    let offered = |tag: &&html::Tag| {
        tag.attribute("name") == Some(field.as_str()) && tag.attribute("value") == Some(reason)
    };
    assert!(inputs.clone().any(|tag| offered(&tag)), "{page}");

    // Nothing chosen: Slack does not send it, and it stays open.
    visitor.presses_in_dialog(&format!("view={view}&do=send")).await;
    let page = visitor.page().await;
    assert!(shown(&page).contains("Slack did not send the dialog"), "{page}");
    assert!(page.contains(&format!("value=\"{view}\"")), "{page}");

    visitor.presses_in_dialog(&format!("view={view}&do=send&{field}={reason}")).await;
    world.settle().await;
    let page = visitor.page().await;
    let seen = shown(&page);
    assert_says(&seen, &["You sent the dialog: AutoFix answered 200.", "❌ AutoFix dismissed", "#1 closed"]);
    assert!(!page.contains("class=\"dialog\""), "{page}");
    assert_eq!(world.pull_request(1).state, PullState::Closed);
}

#[tokio::test]
async fn a_fault_for_people_arrives_without_buttons_and_a_storm_is_counted() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    visitor.throws(Scenario::Security).await;
    world.settle().await;
    let page = visitor.page().await;
    let seen = shown(&page);
    assert!(seen.contains("🔍 AutoFix: Manual Review Required"), "{seen}");
    assert!(seen.contains("No pull request yet."), "{seen}");
    assert!(press_forms(&page, DEPLOY).is_empty());

    visitor.throws(Scenario::Storm).await;
    world.settle().await;
    let seen = shown(&visitor.page().await);
    assert!(seen.contains("to AutoFix: 1 accepted, 99 recognised as known."), "{seen}");
    visitor.throws(Scenario::Storm).await;
    let seen = shown(&visitor.page().await);
    assert!(seen.contains("to AutoFix: 100 recognised as known."), "{seen}");
    assert!(seen.contains("so there is no second card."), "{seen}");
    assert_eq!(world.open_pull_requests(), 1);
}

#[tokio::test]
async fn every_scenario_becomes_a_card_of_its_own_after_all_others() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    for (number, scenario) in Scenario::ALL.into_iter().rev().enumerate() {
        visitor.throws(scenario).await;
        world.settle().await;
        let cards = world.cards();
        assert_eq!(cards.len(), number + 1, "{scenario:?}");
        for form in press_forms(&visitor.page().await, DEPLOY) {
            visitor.presses(&form).await;
            world.settle().await;
        }
    }
    let pulls = world.pull_requests();
    let merged = pulls.iter().filter(|pull| matches!(pull.state, PullState::Merged { .. }));
    assert_eq!(merged.count(), 3, "all but the one for people: {pulls:?}");
}

#[tokio::test]
async fn no_other_site_can_throw_or_press_and_under_no_other_name_is_the_page_shown() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    let (_, card) = world.until_armed().await;
    let events = |world: &World| world.sandbox.sentry.overview()[0].events;
    assert_eq!(events(&world), 1);
    let before = world.clock.now();
    let press = format!("ts={}&action={DEPLOY}", card.ts);
    for headers in [
        &[("host", HOST), ("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
        &[("host", HOST), ("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:4000")],
        &[("host", HOST), ("origin", "https://evil.example")],
        &[("host", HOST), ("origin", "null")],
        &[("host", HOST)],
        &[("host", "evil.example"), ("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")],
        &[("sec-fetch-site", "same-origin")],
    ] {
        for (path, form) in [
            ("/sandbox/throw", "scenario=fix"),
            ("/sandbox/press", press.as_str()),
            ("/sandbox/go-on", "step=pass-day"),
        ] {
            let answer = visitor.send(path, form, headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
        }
    }
    world.settle().await;
    assert_eq!((events(&world), world.clock.now()), (1, before));
    assert_eq!(world.card(), card);

    let foreign = Request::get("/sandbox").header("host", "evil.example").body(Body::empty()).unwrap();
    let answer = visitor.ask(foreign).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(!answer.text.contains("AttributeError"), "{}", answer.text);
}

#[tokio::test]
async fn a_form_that_makes_no_sense_does_nothing() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    for form in ["", "scenario=", "scenario=flood", "scenario=<script>"] {
        let answer = visitor.send("/sandbox/throw", form, OWN).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{form}");
        assert!(!answer.text.contains("<script>"), "{}", answer.text);
    }
    for form in ["", "step=", "step=go-back", "step=<script>"] {
        let answer = visitor.send("/sandbox/go-on", form, OWN).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{form}");
    }
    let large = format!("scenario=fix&x={}", "x".repeat(10_000));
    let answer = visitor.send("/sandbox/throw", &large, OWN).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    visitor.presses("ts=1.2&action=autofix_deploy").await;
    assert!(world.sandbox.sentry.overview().is_empty());
    assert!(world.sandbox.slack.messages().is_empty());
}

#[tokio::test]
async fn what_others_wrote_is_text_on_every_part_of_the_page() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    let mut event = Scenario::Fix.event(world.clock.now());
    event.exceptions[0].value = ATTACK.to_owned();
    event.transaction = ATTACK.to_owned();
    world.report(&event, Hook::EventAlertTriggered).await;
    world.settle().await;

    // A card of another app, and people's commits, in which nobody has escaped anything.
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let confirm = json!({"title": plain("</p><b>"), "text": {"type": "mrkdwn", "text": ATTACK},
                         "confirm": plain("<i>yes"), "deny": plain("no")});
    let button = |action: &str| json!({"type": "button", "action_id": action, "text": plain("</button><b>")});
    let mut asking = button("\"><b x=\"");
    asking["confirm"] = confirm;
    let mut leading = button("link");
    leading["url"] = json!("https://x.test/\"><script>alert(1)</script>");
    let blocks = json!([
        {"type": "header", "text": plain(ATTACK)},
        {"type": "section", "text": {"type": "mrkdwn", "text": format!("*{ATTACK}* `{ATTACK}` ```{ATTACK}```")},
         "fields": [{"type": "mrkdwn", "text": format!("<javascript:alert(1)|{ATTACK}> <https://x.test/{ATTACK}|x>")}]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": ATTACK}]},
        {"type": "actions", "elements": [button("a"), asking, leading]},
    ]);
    let answer = reqwest::Client::new()
        .post(format!("{}/chat.postMessage", world.sandbox.slack.url()))
        .bearer_auth(BOT_TOKEN)
        .json(&json!({"channel": CHANNEL_ID, "text": ATTACK, "blocks": blocks}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["ok"], true);
    let github = &world.sandbox.github;
    github.commit(REPO, "main").file("backend/notes.txt", ATTACK.as_bytes(), ATTACK).unwrap();
    let branch = github.open_pull_requests(REPO).unwrap()[0].head_branch.clone();
    let path = "backend/\"><script>alert(1)<.txt";
    github.commit(REPO, &branch).file(path, ATTACK.as_bytes(), ATTACK).unwrap();

    let page = visitor.page().await;
    let seen = shown(&page);
    assert!(
        !page.contains("<script>alert") && !page.contains("<img") && !page.contains("javascript:"),
        "{page}"
    );
    assert!(seen.contains("<script>alert(1)</script>"), "as text it is there: {seen}");
    assert!(seen.contains(path), "{seen}");

    let form = press_forms(&page, "a");
    assert_eq!(form.len(), 1, "{form:?}");
    visitor.presses(&form[0]).await;
    let seen = shown(&visitor.page().await);
    assert!(seen.contains("You pressed “</button><b>”: AutoFix answered 200."), "{seen}");
}

#[tokio::test]
async fn the_page_may_load_nothing_from_elsewhere_and_its_style_is_there() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    let answer = visitor.get("/sandbox").await;
    let policy = answer.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    let style = visitor.get("/sandbox/sandbox.css").await;
    assert_eq!((style.status, style.header("content-type")), (StatusCode::OK, "text/css; charset=utf-8"));
    assert!(style.text.contains(".card"));
}
