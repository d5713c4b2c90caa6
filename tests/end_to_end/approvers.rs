//! Who may decide: people, groups of people, workspaces and organisations, and two people where one is not enough.

use autofix::messages::DEPLOY;
use autofix_local::sandbox::slack::GROUP_ID;
use axum::http::Method;
use serde_json::{Value, json};

use crate::world::{
    APPROVER_ID, BYSTANDER_ID, Fault, REPO, SECOND_APPROVER_ID, SignedForm, SlackWay, World, assert_says,
    mins,
};

const LOOK_UP: &str = "/api/usergroups.users.list";

async fn with_group() -> World {
    let world = World::with(&[("AUTOFIX_SLACK_APPROVERS", GROUP_ID)]).await;
    world.sandbox.slack.set_group(GROUP_ID, &[APPROVER_ID]);
    world
}

/// A world in which a merge takes two people for a fix that is not isolated: another file of the bookshop uses the
/// function that the fix changes, which the analysis calls isolated all the same.
pub async fn for_two(way: SlackWay, settings: &[(&str, &str)]) -> World {
    let asked = [&[("AUTOFIX_APPROVALS", "2")], settings].concat();
    let world = World::builder().slack(way).settings(&asked).start().await;
    let invoices =
        b"from bookshop.labels import address_lines\n\n\ndef head(order):\n    return address_lines(order)\n";
    let commit = world.sandbox.github.commit(REPO, "main");
    commit.file("backend/bookshop/invoices.py", invoices, "Write invoices").unwrap();
    world
}

#[tokio::test]
async fn members_of_a_group_may_decide_and_are_looked_up_once_in_a_while() {
    let world = with_group().await;
    let (id, card) = world.until_armed().await;
    for _ in 0..3 {
        world.press_as(&card, DEPLOY, BYSTANDER_ID).await;
        assert_says(&world.told(), &["not on the list"]);
    }
    assert_eq!(world.sandbox.slack.service().count(Method::POST, LOOK_UP), 1);
    // Who joins the group may decide as soon as it is looked up again.
    world.sandbox.slack.set_group(GROUP_ID, &[APPROVER_ID, BYSTANDER_ID]);
    world.press_as(&card, DEPLOY, BYSTANDER_ID).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    world.clock.advance(mins(6));
    world.decide_as(&card, DEPLOY, BYSTANDER_ID).await;
    assert_eq!(world.status(&id).await, "deployed");
    assert_eq!(world.attempt(&id).await["approved_by"], BYSTANDER_ID);
}

#[tokio::test]
async fn who_belongs_to_a_group_that_cannot_be_read_is_nobody() {
    let world = with_group().await;
    let (id, card) = world.until_armed().await;
    world.sandbox.slack.revoke_scope("usergroups:read");
    world.press(&card, DEPLOY).await;
    assert_says(&world.told(), &["needs the scope `usergroups:read`"]);

    let other = World::with(&[("AUTOFIX_SLACK_APPROVERS", "S0NOBODY")]).await;
    let (other_id, other_card) = other.until_armed().await;
    other.press(&other_card, DEPLOY).await;
    assert_says(&other.told(), &["`S0NOBODY`, which Slack does not know"]);
    for (world, id) in [(world, id), (other, other_id)] {
        world.settle().await;
        assert_eq!(world.status(&id).await, "awaiting_approval");
    }
}

#[tokio::test]
async fn an_outage_of_slack_is_bridged_for_an_hour_and_no_longer() {
    let world = with_group().await;
    let (id, card) = world.until_armed().await;
    world.press_as(&card, DEPLOY, BYSTANDER_ID).await;
    world.sandbox.slack.service().fail_times(2, Method::POST, LOOK_UP, Fault::status(503));
    world.clock.advance(mins(61));
    world.press(&card, DEPLOY).await;
    assert_says(&world.told(), &["Nothing was decided; please try again"]);
    // Seen again, then an outage: what was seen holds.
    world.sandbox.slack.service().clear_faults();
    world.press_as(&card, DEPLOY, BYSTANDER_ID).await;
    world.sandbox.slack.service().fail_next(Method::POST, LOOK_UP, Fault::status(503));
    world.clock.advance(mins(30));
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "deployed");
}

#[tokio::test]
async fn two_approvals_are_given_by_two_people() {
    let world = for_two(SlackWay::Bot, &[]).await;
    let (id, card) = world.until_armed().await;
    let shown = world.shown(&card);
    let asks = "2 different people have to press Deploy Live: 1 other file uses `address_lines`";
    assert!(shown.contains(asks) && shown.contains("🟡 moderate"), "{shown}");
    assert_eq!(world.attempt(&id).await["error_analysis"]["blast_radius"], "isolated", "says the analysis");
    world.decide(&card, DEPLOY).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    assert_eq!(world.attempt(&id).await["approvals"], json!([APPROVER_ID]));
    let card = world.card();
    let shown = world.shown(&card);
    assert!(shown.contains("1 of 2 approvals, by @ann") && shown.contains("🚀 Deploy Live"), "{shown}");
    world.decide(&card, DEPLOY).await;
    assert_says(&world.told(), &["You approved this fix already; 1 more"]);
    assert_eq!(world.status(&id).await, "awaiting_approval");
    world.decide_as(&card, DEPLOY, SECOND_APPROVER_ID).await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "deployed");
    assert_eq!(attempt["approvals"], json!([APPROVER_ID, SECOND_APPROVER_ID]));
    assert_says(&world.shown_card(), &["approved by @ann and @ben"]);
    let message = world.newest_message();
    for approver in [APPROVER_ID, SECOND_APPROVER_ID] {
        assert!(message.contains(&format!("Approved-By: Slack user {approver}")), "{}", message);
    }
}

#[tokio::test]
async fn one_approval_is_enough_for_an_isolated_fix_and_where_nobody_asks_for_two() {
    let isolated = World::with(&[("AUTOFIX_APPROVALS", "2")]).await;
    let not_asked = for_two(SlackWay::Bot, &[("AUTOFIX_APPROVALS", "1")]).await;
    for world in [isolated, not_asked] {
        let (id, card) = world.until_armed().await;
        assert!(!world.shown(&card).contains("different people"), "{}", world.shown(&card));
        world.decide(&card, DEPLOY).await;
        assert_eq!(world.status(&id).await, "deployed");
    }
}

#[tokio::test]
async fn code_that_begins_to_use_the_fix_asks_for_another_approval_after_the_rebase() {
    let world = World::with(&[("AUTOFIX_APPROVALS", "2")]).await;
    let (id, card) = world.until_armed().await;
    let github = &world.sandbox.github;
    let uses = b"from bookshop.labels import address_lines\n\nprint(address_lines({}))\n";
    github.commit(REPO, "main").file("jobs/print_all.py", uses, "Print all labels").unwrap();
    github.configure(REPO, |settings| settings.checks_must_be_up_to_date = true).unwrap();
    world.decide(&card, DEPLOY).await;
    world.after(mins(5)).await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    let shown = world.shown_card();
    assert!(shown.contains("2 different people") && shown.contains("🔴 wide"), "{shown}");
    world.press(&world.card(), DEPLOY).await;
    world.decide_as(&world.card(), DEPLOY, SECOND_APPROVER_ID).await;
    assert_eq!(world.status(&id).await, "deployed");
}

#[tokio::test]
async fn two_approvals_at_once_are_two_and_merge_once() {
    let world = for_two(SlackWay::Bot, &[]).await;
    let (id, card) = world.until_armed().await;
    tokio::join!(world.press(&card, DEPLOY), world.press_as(&card, DEPLOY, SECOND_APPROVER_ID));
    world.settle().await;
    assert_eq!(world.status(&id).await, "deployed");
    assert_eq!(world.merges(), 1);
}

#[tokio::test]
async fn an_approval_by_incoming_webhook_stands_on_the_clicked_card() {
    let world = for_two(SlackWay::Webhook, &[]).await;
    let (id, card) = world.until_armed().await;
    world.decide(&card, DEPLOY).await;
    let card = world.card();
    assert_says(&world.shown(&card), &["1 of 2 approvals"]);
    world.decide_as(&card, DEPLOY, SECOND_APPROVER_ID).await;
    assert_eq!(world.status(&id).await, "deployed");
    assert_says(&world.shown_card(), &["AutoFix merged"]);
}

#[tokio::test]
async fn a_setting_that_nobody_could_fulfil_or_that_names_no_one_is_refused_at_start() {
    use autofix::config::{Environment, InteractionsConfig};
    let wrong = Environment::from_iter([
        ("AUTOFIX_APPROVALS", "2"),
        ("AUTOFIX_SLACK_APPROVERS", "U0ANNA, @ben"),
        ("AUTOFIX_SLACK_TEAM_ID", "acme"),
    ]);
    let problems = InteractionsConfig::from_env(&wrong).unwrap_err().0;
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[tokio::test]
async fn an_app_of_a_whole_organisation_belongs_to_the_organisation() {
    let world = World::with(&[("AUTOFIX_SLACK_TEAM_ID", "E0ACMEORG")]).await;
    let (id, card) = world.until_armed().await;
    let now = world.clock.now().as_second();
    let press = |enterprise: Value| {
        let mut payload = world.sandbox.slack.press_payload(&card, DEPLOY, APPROVER_ID, now).unwrap();
        payload["team"] = Value::Null;
        payload["is_enterprise_install"] = json!(true);
        payload["enterprise"] = enterprise;
        world.click(SignedForm::sign(&payload, now))
    };
    press(json!({ "id": "E0OTHERORG", "name": "Other" })).await;
    assert_says(&world.told(), &["own workspace"]);
    press(Value::Null).await;
    world.settle().await;
    assert_eq!(world.status(&id).await, "awaiting_approval");
    press(json!({ "id": "E0ACMEORG", "name": "Acme" })).await;
    world.settle().await;
    assert_eq!(world.status(&id).await, "deployed");
}
