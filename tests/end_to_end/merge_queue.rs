//! Merges that GitHub does in its own time: by the merge queue of the base branch, or by auto-merge once the rules are met.

use autofix::messages::DEPLOY;
use autofix_local::sandbox::github::Settings;
use axum::http::Method;

use crate::world::{Fault, Message, PullState, REPO, World, assert_says, hours, mins};

/// An approved fix that GitHub merges later.
struct Queued {
    world: World,
    id: String,
    /// The commit that was on the card.
    head: String,
}

impl Queued {
    /// Approved in a repository that is set up like this when the click comes.
    async fn after_a_click(set_up: impl FnOnce(&mut Settings)) -> Queued {
        let world = World::new().await;
        let (id, card) = world.until_armed().await;
        world.sandbox.github.configure(REPO, set_up).unwrap();
        let head = world.pull_request(1).head_sha;
        let queued = Queued { world, id, head };
        queued.press(&card).await;
        queued
    }

    async fn in_a_queue() -> Queued {
        Queued::after_a_click(|settings| settings.merge_queue = true).await
    }

    async fn for_a_review() -> Queued {
        Queued::after_a_click(|settings| {
            settings.allow_auto_merge = true;
            settings.merges_refused = Some("At least 1 approving review is required".to_owned());
        })
        .await
    }

    async fn press(&self, card: &Message) {
        self.world.decide(card, DEPLOY).await;
    }

    /// The rule is met; where auto-merge is on, that merges.
    fn reviewed(&self) {
        self.world.configure(|settings| settings.merges_refused = None);
    }

    fn pushed(&self) -> String {
        let branch = self.world.pull_request(1).head_branch;
        let push = self.world.sandbox.github.commit(REPO, &branch);
        push.file("backend/NOTES.md", b"Mine\n", "A note").unwrap()
    }

    fn stage(&self) -> PullState {
        self.world.pull_request(1).state
    }

    fn shown(&self) -> String {
        self.world.shown_card()
    }

    async fn minutes(&self, minutes: i64) {
        self.world.after(mins(minutes)).await;
    }

    async fn waits(&self) {
        assert_eq!(self.world.status(&self.id).await, "approved", "{}", self.shown());
        let shown = self.shown();
        assert!(shown.contains("GitHub merges it in its own time (merge queue or auto-merge)"), "{shown}");
        assert!(shown.contains("Approved by @ann") && !shown.contains("[ 🚀"), "{shown}");
        assert_eq!(self.stage(), PullState::Open);
    }

    async fn is_deployed(&self) {
        let attempt = self.world.attempt(&self.id).await;
        assert_eq!(attempt["status"], "deployed", "{}", self.shown());
        assert_eq!(attempt["head_sha"], self.head.as_str());
        let shown = self.shown();
        assert!(shown.contains("AutoFix merged") && shown.contains("AutoFix watches the error"), "{shown}");
        assert!(shown.contains("approved by @ann"), "{shown}");
    }

    async fn has_failed_saying(&self, sentence: &str) {
        let attempt = self.world.attempt(&self.id).await;
        assert_eq!(
            (&attempt["status"], &attempt["reason"]["code"]),
            (&"failed".into(), &"branch_moved".into())
        );
        assert_says(&self.shown(), &[sentence]);
    }
}

#[tokio::test]
async fn a_click_puts_the_fix_into_the_merge_queue_and_the_watch_begins_when_that_has_merged_it() {
    let queued = Queued::in_a_queue().await;
    let github = &queued.world.sandbox.github;
    queued.waits().await;
    queued.minutes(5).await;
    queued.waits().await;
    assert_eq!(github.service().count(Method::PUT, "/merge"), 0, "the queue is the only way in");
    github.run_merge_queue(REPO).unwrap();
    queued.minutes(2).await;
    queued.is_deployed().await;
    let PullState::Merged { sha } = queued.stage() else { panic!("{:?}", queued.stage()) };
    let shown = queued.shown();
    assert!(shown.contains(&sha[..10]), "the commit that the queue made: {shown}");
    queued.world.after(hours(25)).await;
    assert_eq!(queued.world.status(&queued.id).await, "verified");
    assert_eq!(queued.world.cards().len(), 1);
}

#[tokio::test]
async fn what_the_queue_throws_out_is_told_and_can_be_tried_again() {
    let queued = Queued::in_a_queue().await;
    let github = &queued.world.sandbox.github;
    github.drop_from_queue(REPO, 1).unwrap();
    queued.minutes(2).await;
    assert_eq!(queued.world.status(&queued.id).await, "awaiting_approval");
    let shown = queued.shown();
    assert!(shown.contains("took it out of the merge queue"), "{shown}");
    assert!(shown.contains("[ 🔁 Try again ]") && shown.contains("[ ❌ Dismiss ]"), "{shown}");
    assert!(queued.world.notes()[0].contains("@ann"), "{:?}", queued.world.notes());
    queued.press(&queued.world.card()).await;
    queued.waits().await;
    github.run_merge_queue(REPO).unwrap();
    queued.minutes(2).await;
    queued.is_deployed().await;
}

#[tokio::test]
async fn what_the_queue_threw_out_can_be_dismissed() {
    let queued = Queued::in_a_queue().await;
    queued.world.sandbox.github.drop_from_queue(REPO, 1).unwrap();
    queued.minutes(2).await;
    queued.world.dismiss(&queued.world.card()).await;
    assert_eq!(queued.world.status(&queued.id).await, "rejected");
    assert_eq!(queued.stage(), PullState::Closed);
}

#[tokio::test]
async fn a_queue_that_takes_too_long_is_left_to_people() {
    let queued = Queued::in_a_queue().await;
    for _ in 0..7 {
        queued.minutes(60).await;
    }
    let shown = queued.shown();
    assert!(shown.contains("within six hours") && shown.contains("[ 🔁 Try again ]"), "{shown}");
    // It is in the queue all the same: a merge after that is noticed.
    queued.world.sandbox.github.run_merge_queue(REPO).unwrap();
    queued.minutes(61).await;
    assert_eq!(queued.world.status(&queued.id).await, "deployed");
}

#[tokio::test]
async fn a_push_while_the_queue_has_the_fix_is_not_merged() {
    let queued = Queued::in_a_queue().await;
    queued.pushed();
    queued.minutes(2).await;
    queued.has_failed_saying("Someone pushed to the branch").await;
    queued.world.sandbox.github.run_merge_queue(REPO).unwrap();
    assert_eq!(queued.stage(), PullState::Open);
}

#[tokio::test]
async fn where_a_rule_is_not_met_yet_auto_merge_is_switched_on_for_the_commit_on_the_card() {
    let queued = Queued::for_a_review().await;
    queued.waits().await;
    queued.minutes(5).await;
    queued.waits().await;
    let enabled = queued.world.journal();
    let enabled = enabled.lines().find(|line| line.contains("EnablePullRequestAutoMergeInput")).unwrap();
    assert!(enabled.contains("expectedHeadOid") && enabled.contains(&queued.head), "{enabled}");
    queued.reviewed();
    queued.minutes(2).await;
    queued.is_deployed().await;
    let message = queued.world.newest_message();
    assert!(message.contains("Approved-By: Slack user"), "{}", message);
}

#[tokio::test]
async fn auto_merge_is_taken_back_when_a_person_pushes() {
    let queued = Queued::for_a_review().await;
    queued.pushed();
    queued.minutes(2).await;
    queued.has_failed_saying("Someone pushed to the branch").await;
    queued.reviewed();
    assert_eq!(queued.stage(), PullState::Open, "nothing merges it any more");
}

#[tokio::test]
async fn a_push_that_github_merges_before_it_is_seen_is_never_called_the_fix() {
    let queued = Queued::for_a_review().await;
    queued.pushed();
    queued.reviewed();
    assert!(matches!(queued.stage(), PullState::Merged { .. }));
    queued.minutes(2).await;
    queued.has_failed_saying("what is on the base is not what was reviewed here").await;
    assert!(!queued.shown().contains("AutoFix watches"), "{}", queued.shown());
}

#[tokio::test]
async fn auto_merge_that_a_person_switched_off_is_told_and_can_be_tried_again() {
    let queued = Queued::for_a_review().await;
    queued.world.sandbox.github.drop_from_queue(REPO, 1).unwrap();
    queued.minutes(2).await;
    let shown = queued.shown();
    assert!(shown.contains("switched auto-merge off") && shown.contains("[ 🔁 Try again ]"), "{shown}");
    queued.press(&queued.world.card()).await;
    queued.waits().await;
    queued.reviewed();
    queued.minutes(2).await;
    queued.is_deployed().await;
}

#[tokio::test]
async fn a_lost_answer_of_the_queue_puts_the_fix_there_once() {
    for lost in 0..2 {
        let world = World::new().await;
        let (id, card) = world.until_armed().await;
        let github = &world.sandbox.github;
        github.configure(REPO, |settings| settings.merge_queue = true).unwrap();
        let head = github.pull_request(REPO, 1).unwrap().head_sha;
        github.service().fail_times(lost, Method::POST, "/graphql", Fault::status(502));
        github.service().fail_next(Method::POST, "/graphql", Fault::BreakAfter);
        let queued = Queued { world, id, head };
        queued.press(&card).await;
        for _ in 0..3 {
            queued.minutes(10).await;
        }
        queued.waits().await;
        queued.world.sandbox.github.run_merge_queue(REPO).unwrap();
        queued.minutes(10).await;
        queued.is_deployed().await;
    }
}
