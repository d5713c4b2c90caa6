//! The way back: a fix that did not hold is taken back by a click, and the fault is looked at again with what was tried
//! in mind.

use autofix::messages::{ROLL_BACK, TRY_AGAIN};
use axum::http::Method;
use serde_json::Value;

use crate::approvers::for_two;
use crate::bookshop::{ANOTHER, LABELS};
use crate::repairs::answers_with;
use crate::watch::{Deployed, deployed_in};
use crate::world::{
    APPROVER_ID, BYSTANDER_ID, CheckRun, Conclusion, Fault, Heads, Hook, PullState, REPO, SECOND_APPROVER_ID,
    SlackWay, World, assert_says, mins,
};

/// A fix that was live for an hour when the error came back in its release.
pub async fn came_back_in(world: World) -> Deployed {
    let deployed = deployed_in(world).await;
    deployed.world.sandbox.github.add_deployment(REPO, &deployed.merge_sha, &["success"]).unwrap();
    deployed.hours(1).await;
    deployed.happens_in(1, &format!("bookshop@{}", deployed.merge_sha));
    deployed.world.after(mins(30)).await;
    assert_eq!(deployed.status().await, "regressed", "{}", deployed.shown());
    deployed
}

pub async fn came_back() -> Deployed {
    came_back_in(World::new().await).await
}

impl Deployed {
    pub async fn press_roll_back(&self) {
        let card = self.world.cards().pop().unwrap();
        self.world.decide(&card, ROLL_BACK).await;
    }

    pub fn labels(&self, revision: &str) -> String {
        self.world.text_at(revision, LABELS)
    }

    /// The fix is not on `main` any more, and the attempt says so.
    pub async fn is_rolled_back(&self) {
        assert_eq!(self.status().await, "rolled_back", "{}", self.world.shown(&self.world.cards()[0]));
        assert_eq!(self.labels("main"), self.labels(&self.before_sha));
    }

    /// The error is reported once more, in this release; the attempt that has it.
    pub async fn reported_in(&self, release: &str, number: u32) -> String {
        let event = self.event.again(number, self.world.clock.now()).in_release(release);
        self.world.handle_report(&event, Hook::ErrorCreated).await
    }

    /// What Claude was told at the start of the conversations that end with this tool and contain `part`.
    pub fn told(&self, tool: &str, part: &str) -> Vec<String> {
        let had = self.world.sandbox.claude.conversations();
        let of_tool = had.into_iter().filter(|had| had.result_tool.as_deref() == Some(tool));
        of_tool.map(|had| had.first_message).filter(|first| first.contains(part)).collect()
    }
}

#[tokio::test]
async fn a_fix_with_which_the_error_came_back_after_an_hour_is_rolled_back_by_a_click() {
    let deployed = came_back().await;
    let world = &deployed.world;
    let shown = deployed.shown();
    assert!(shown.contains("The error came back") && shown.contains("[ ↩️ Roll back ]"), "{shown}");
    assert!(shown.contains(&format!("in release `bookshop@{}`", deployed.merge_sha)), "{shown}");
    assert!(world.notes()[0].contains("@ann"), "the approver is called: {:?}", world.notes());
    assert_eq!(world.sandbox.sentry.status(&deployed.event.issue_id), Some("unresolved"));
    deployed.press_roll_back().await;
    deployed.is_rolled_back().await;
    let revert = world.pull_request(2);
    assert!(matches!(revert.state, PullState::Merged { .. }), "{revert:?}");
    assert!(revert.title.starts_with("Revert \""), "{}", revert.title);
    let message = world.newest_message();
    assert!(message.contains(&format!("Rolled-Back-By: Slack user {APPROVER_ID}")), "{}", message);
    let shown = deployed.shown();
    assert!(shown.contains("AutoFix rolled back") && shown.contains("Rolled back by @ann with revert #2"));
    assert!(!shown.contains("↩️ Roll back ]") && shown.contains("💡 Try again with a hint"), "{shown}");
    assert_eq!(world.cards().len(), 1, "one card an attempt");
    assert_eq!(world.notes().len(), 1, "what the card says is not said twice: {:?}", world.notes());
}

#[tokio::test]
async fn with_an_incoming_webhook_the_error_that_came_back_is_a_message_with_the_button() {
    let deployed = came_back_in(World::builder().slack(SlackWay::Webhook).start().await).await;
    let last = deployed.world.cards().pop().unwrap();
    assert_says(&deployed.world.shown(&last), &["[ ↩️ Roll back ]"]);
    deployed.press_roll_back().await;
    deployed.is_rolled_back().await;
}

#[tokio::test]
async fn a_double_click_on_roll_back_reverts_once_and_the_second_is_told() {
    let deployed = came_back().await;
    let (world, card) = (&deployed.world, deployed.world.card());
    tokio::join!(world.press(&card, ROLL_BACK), world.press_as(&card, ROLL_BACK, SECOND_APPROVER_ID));
    world.settle().await;
    deployed.is_rolled_back().await;
    assert_eq!(world.pull_requests().len(), 2, "the fix and one revert");
    assert_eq!(world.merges(), 2);
    let told = world.told();
    assert!(told.contains("is already rolling this fix back"), "{told}");
    world.decide(&card, ROLL_BACK).await;
    let told = world.told();
    assert!(told.contains("rolled_back"), "{told}");
    assert_eq!(world.pull_requests().len(), 2);
}

#[tokio::test]
async fn only_who_may_decide_may_roll_back() {
    let world = World::with(&[("AUTOFIX_SLACK_APPROVERS", APPROVER_ID)]).await;
    let deployed = came_back_in(world).await;
    let world = &deployed.world;
    world.decide_as(&world.card(), ROLL_BACK, BYSTANDER_ID).await;
    let told = world.told();
    assert!(told.contains("not on the list"), "{told}");
    assert_eq!(deployed.status().await, "regressed");
    assert_eq!(world.pull_requests().len(), 1);
}

#[tokio::test]
async fn rolling_back_takes_one_approver_where_a_merge_takes_two() {
    let deployed = came_back_in(for_two(SlackWay::Bot, &[]).await).await;
    let approvals = serde_json::json!([APPROVER_ID, SECOND_APPROVER_ID]);
    assert_eq!(deployed.world.attempt(&deployed.id).await["approvals"], approvals);
    deployed.press_roll_back().await;
    deployed.is_rolled_back().await;
}

#[tokio::test]
async fn where_github_cannot_revert_a_commit_of_ours_does() {
    let deployed = came_back().await;
    let github = &deployed.world.sandbox.github;
    github.configure(REPO, |settings| settings.reverts_refused = Some("Unknown field".to_owned())).unwrap();
    deployed.press_roll_back().await;
    deployed.is_rolled_back().await;
    let revert = github.pull_request(REPO, 2).unwrap();
    assert!(revert.head_branch.ends_with("-revert"), "{}", revert.head_branch);
}

#[tokio::test]
async fn a_file_that_was_changed_since_is_left_to_people_until_it_can_be_reverted() {
    let deployed = came_back().await;
    let world = &deployed.world;
    let fixed = deployed.labels("main");
    let changed = fixed.lines().map(|line| match line.contains("addition =") {
        true => "    addition = second_line(address)\n".to_owned(),
        false => format!("{line}\n"),
    });
    let changed: String = changed.collect();
    let put = |text: &str, message| {
        world.sandbox.github.commit(REPO, "main").file(LABELS, text.as_bytes(), message).unwrap()
    };
    put(&changed, "A colleague changes the same line");
    deployed.press_roll_back().await;
    assert_eq!(deployed.status().await, "regressed");
    let shown = deployed.shown();
    assert!(shown.contains("It was not rolled back") && shown.contains("a person has to decide"), "{shown}");
    assert!(shown.contains("[ ↩️ Roll back ]"), "{shown}");
    assert!(world.notes().last().unwrap().contains("It was not rolled back"), "{:?}", world.notes());
    assert_eq!(deployed.labels("main"), changed, "nothing was touched");
    put(&fixed, "The colleague takes it back");
    deployed.press_roll_back().await;
    deployed.is_rolled_back().await;
}

#[tokio::test]
async fn a_revert_that_github_does_not_let_us_merge_waits_and_then_says_why() {
    let deployed = came_back().await;
    let world = &deployed.world;
    deployed.world.refuse_merges(Some("At least 1 approving review is required"));
    deployed.press_roll_back().await;
    assert_eq!(deployed.status().await, "regressed");
    let shown = deployed.shown();
    assert!(shown.contains("rolling back") && shown.contains("revert #2"), "{shown}");
    assert!(!shown.contains("[ ↩️ Roll back ]"), "{shown}");
    world.ticks(5, mins(30)).await;
    let shown = deployed.shown();
    assert!(shown.contains("The revert #2 is open") && shown.contains("approving review"), "{shown}");
    deployed.world.refuse_merges(None);
    deployed.press_roll_back().await;
    deployed.is_rolled_back().await;
    assert_eq!(world.pull_requests().len(), 2, "the same revert");
}

#[tokio::test]
async fn a_revert_whose_required_checks_run_is_merged_when_they_are_green() {
    let deployed = came_back().await;
    let github = &deployed.world.sandbox.github;
    github.configure(REPO, |settings| settings.required_checks = vec!["pytest".to_owned()]).unwrap();
    github.set_checks(REPO, Heads::Every, &[CheckRun::running("pytest")]).unwrap();
    deployed.press_roll_back().await;
    assert_eq!(deployed.status().await, "regressed");
    let head = github.pull_request(REPO, 2).unwrap().head_sha;
    let green = [CheckRun::ended("pytest", Conclusion::Success)];
    github.set_checks(REPO, Heads::Commit(head), &green).unwrap();
    deployed.world.after(mins(2)).await;
    deployed.is_rolled_back().await;
}

#[tokio::test]
async fn answers_that_are_lost_while_rolling_back_double_nothing() {
    for (method, path) in [(Method::POST, "/graphql"), (Method::PUT, "/merge")] {
        for nth in 0..3 {
            let deployed = came_back().await;
            let github = &deployed.world.sandbox.github;
            github.service().fail_times(nth, method.clone(), path, Fault::status(502));
            github.service().fail_next(method.clone(), path, Fault::BreakAfter);
            deployed.press_roll_back().await;
            deployed.world.ticks(4, mins(10)).await;
            deployed.is_rolled_back().await;
            assert_eq!(github.pull_requests(REPO).unwrap().len(), 2, "{method} {path} {nth}");
        }
    }
}

#[tokio::test]
async fn after_a_roll_back_the_fault_is_looked_at_again_and_told_what_was_tried() {
    let deployed = came_back().await;
    let world = &deployed.world;
    deployed.press_roll_back().await;
    let reverted = format!("bookshop@{}", world.main());
    assert_eq!(deployed.reported_in(&reverted, 2).await, deployed.id, "the revert has yet to be deployed");
    world.clock.advance(mins(61));
    answers_with(world, "again", "The error came back at", ANOTHER);
    let second = deployed.reported_in(&reverted, 3).await;
    assert_ne!(second, deployed.id);
    assert_eq!(
        world.attempt(&second).await["status"],
        "awaiting_approval",
        "{}",
        world.attempt(&second).await
    );
    for tool in ["report_analysis", "propose_fix"] {
        let told = deployed.told(tool, "It was rolled back since");
        assert_eq!(told.len(), 1, "{tool}");
        assert!(told[0].contains("+    addition = (address.get"), "what was tried: {}", told[0]);
        assert!(told[0].contains(&deployed.merge_sha), "and the release in which it failed");
    }
    assert_eq!(deployed.status().await, "rolled_back");
    assert_eq!(world.cards().len(), 2);
}

#[tokio::test]
async fn a_fix_that_did_not_hold_is_not_proposed_again() {
    let deployed = came_back().await;
    deployed.press_roll_back().await;
    deployed.world.clock.advance(mins(61));
    let second = deployed.reported_in("bookshop@later", 2).await;
    let attempt = deployed.world.ended(&second, "skipped", "tried_before").await;
    assert!(attempt["reason"]["detail"].as_str().unwrap().contains("pull request #1"), "{attempt}");
    assert!(deployed.world.sandbox.github.open_pull_requests(REPO).unwrap().is_empty());
}

#[tokio::test]
async fn a_hint_after_a_roll_back_starts_another_try_at_once() {
    let deployed = came_back().await;
    let world = &deployed.world;
    deployed.press_roll_back().await;
    answers_with(world, "again", "The error came back at", ANOTHER);
    world.press(&world.card(), TRY_AGAIN).await;
    world.submit(&world.dialog(), &[("hint", "Imported orders have no second line at all")]).await;
    world.settle().await;
    let second = world.attempt(&deployed.id).await["retried_as"].as_str().unwrap().to_owned();
    assert_eq!(world.status(&second).await, "awaiting_approval");
    assert_eq!(deployed.status().await, "rolled_back");
}

#[tokio::test]
async fn without_a_roll_back_the_next_analysis_knows_that_the_change_is_still_there() {
    let deployed = came_back().await;
    let world = &deployed.world;
    let release = format!("bookshop@{}", deployed.merge_sha);
    assert_eq!(deployed.reported_in(&release, 2).await, deployed.id, "people have an hour to roll back");
    world.clock.advance(mins(61));
    let second = deployed.reported_in(&release, 3).await;
    assert_ne!(second, deployed.id);
    assert_eq!(deployed.told("report_analysis", "the change is still in the code").len(), 1);
    assert_eq!(deployed.status().await, "regressed");
}

#[tokio::test]
async fn nobody_looks_at_the_fault_while_it_is_being_rolled_back() {
    let deployed = came_back().await;
    let world = &deployed.world;
    deployed.world.refuse_merges(Some("Not now"));
    deployed.press_roll_back().await;
    let other = deployed.event.as_other_issue(7);
    let second = world.handle_report(&other, Hook::EventAlertTriggered).await;
    let attempt = world.attempt(&second).await;
    assert_eq!(attempt["status"], "analyzing", "{attempt:#}");
    assert!(attempt["timeline"].to_string().contains("Waits for attempt"), "{attempt:#}");
    assert_eq!(world.cards().len(), 1, "nothing to tell yet");
    deployed.world.refuse_merges(None);
    world.ticks(8, mins(10)).await;
    deployed.is_rolled_back().await;
    let attempt = world.attempt(&second).await;
    assert_eq!(attempt["reason"]["code"], "tried_before", "it was told: {attempt:#}");
    let told: Vec<String> = deployed.told("report_analysis", "It was rolled back since");
    assert_eq!(told.len(), 1, "{}", Value::from(told.len()));
}
