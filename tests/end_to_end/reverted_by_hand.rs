//! A merged fix that a person takes back on GitHub: noticed while it is watched, after the error came back, and when
//! somebody presses the button all the same.

use axum::http::Method;

use crate::bookshop::{ANOTHER, LABELS};
use crate::repairs::answers_with;
use crate::roll_back::came_back;
use crate::watch::{Deployed, deployed_in};
use crate::world::{Fault, REPO, World, assert_says, mins};

/// Where the commits of a file are listed.
const COMMITS: &str = "/repos/acme/bookshop/commits";

async fn deployed() -> Deployed {
    deployed_in(World::new().await).await
}

impl Deployed {
    /// A person reverts what was merged; the commit's SHA.
    fn reverted(&self) -> String {
        self.world.sandbox.github.revert(REPO, &self.merge_sha).unwrap()
    }

    /// A person puts the file back as it was, and says so in these words.
    fn restored(&self, message: &str) -> String {
        let before = self.labels(&self.before_sha);
        self.world.sandbox.github.commit(REPO, "main").file(LABELS, before.as_bytes(), message).unwrap()
    }

    /// A person did it, the card says so, and AutoFix opened nothing of its own.
    async fn is_reverted_by_hand(&self, with: &str) {
        self.is_rolled_back().await;
        let shown = self.shown();
        let sentence = format!("Reverted by a person on GitHub{with}: there is nothing left to roll back.");
        assert!(shown.contains(&sentence) && !shown.contains("[ ↩️ Roll back ]"), "{shown}");
        assert_eq!(self.world.pull_requests().len(), 1, "no second revert");
        let timeline = self.world.attempt(&self.id).await["timeline"].to_string();
        assert!(timeline.contains("reverted by a person on GitHub"), "{timeline}");
        assert_eq!(self.world.cards().len(), 1);
    }

    fn looks_for_commits(&self) -> usize {
        self.world.sandbox.github.service().count(Method::GET, COMMITS)
    }
}

fn with(sha: &str) -> String {
    format!(" with `{}`", &sha[..10])
}

#[tokio::test]
async fn a_fix_that_a_person_reverts_while_it_is_watched_is_rolled_back() {
    let deployed = deployed().await;
    let revert = deployed.reverted();
    deployed.hours(1).await;
    deployed.is_reverted_by_hand(&with(&revert)).await;
    deployed.hours(25).await;
    deployed.is_reverted_by_hand(&with(&revert)).await;
    let sentry = &deployed.world.sandbox.sentry;
    assert_eq!(sentry.status(&deployed.event.issue_id), Some("unresolved"), "nothing was verified");
}

#[tokio::test]
async fn a_revert_by_a_pull_request_of_a_person_is_known_by_githubs_words() {
    let deployed = deployed().await;
    let revert = deployed.restored("Revert \"Labels\" (#2)\n\nReverts acme/bookshop#1");
    deployed.hours(1).await;
    deployed.is_reverted_by_hand(&with(&revert)).await;
}

#[tokio::test]
async fn a_revert_after_the_error_came_back_is_noticed_without_a_click() {
    let deployed = came_back().await;
    let revert = deployed.reverted();
    deployed.world.after(mins(31)).await;
    deployed.is_reverted_by_hand(&with(&revert)).await;
    assert_says(&deployed.shown(), &["The error came back"]);
}

#[tokio::test]
async fn a_click_on_roll_back_after_a_revert_by_hand_reverts_nothing_more() {
    let deployed = came_back().await;
    let revert = deployed.reverted();
    deployed.press_roll_back().await;
    deployed.is_reverted_by_hand(&with(&revert)).await;
}

#[tokio::test]
async fn a_click_on_roll_back_after_the_file_was_put_back_by_hand_reverts_nothing_more() {
    let deployed = came_back().await;
    deployed.restored("Labels as they were");
    deployed.press_roll_back().await;
    deployed.is_reverted_by_hand("").await;
}

#[tokio::test]
async fn a_revert_that_was_reverted_leaves_the_fix_in_place() {
    let deployed = deployed().await;
    let revert = deployed.reverted();
    deployed.world.sandbox.github.revert(REPO, &revert).unwrap();
    deployed.hours(1).await;
    assert_eq!(deployed.status().await, "deployed");
    deployed.hours(24).await;
    assert_eq!(deployed.status().await, "verified", "{}", deployed.shown());
}

#[tokio::test]
async fn words_about_a_revert_in_a_commit_that_leaves_the_file_alone_mean_nothing() {
    let deployed = deployed().await;
    let message = format!("Notes\n\nThis reverts commit {}.", deployed.merge_sha);
    deployed.world.sandbox.github.commit(REPO, "main").file("NOTES.md", b"1\n", &message).unwrap();
    deployed.restored("Revert \"Labels\"\n\nThis reverts commit 0123456789abcdef0123456789abcdef01234567.");
    deployed.hours(1).await;
    assert_eq!(deployed.status().await, "deployed", "{}", deployed.shown());
}

#[tokio::test]
async fn whoever_may_not_list_commits_watches_all_the_same() {
    let deployed = deployed().await;
    let github = deployed.world.sandbox.github.service();
    github.fail_times(40, Method::GET, COMMITS, Fault::status(404));
    for _ in 0..26 {
        deployed.hours(1).await;
    }
    github.clear_faults();
    assert_eq!(deployed.status().await, "verified", "{}", deployed.shown());
}

#[tokio::test]
async fn nobody_looks_for_a_revert_for_longer_than_the_watch() {
    let deployed = came_back().await;
    let before = deployed.looks_for_commits();
    deployed.world.ticks(60, mins(30)).await;
    let looks = deployed.looks_for_commits() - before;
    assert!((40..=50).contains(&looks), "{looks} requests in 30 hours");
    assert_eq!(deployed.status().await, "regressed");
    deployed.press_roll_back().await;
    deployed.is_rolled_back().await;
}

#[tokio::test]
async fn the_next_analysis_is_told_of_a_fix_that_a_person_took_back() {
    let deployed = deployed().await;
    let revert = deployed.reverted();
    deployed.hours(1).await;
    deployed.is_rolled_back().await;
    deployed.world.clock.advance(mins(61));
    answers_with(&deployed.world, "again", "took it back", ANOTHER);
    let second = deployed.reported_in(&format!("bookshop@{revert}"), 3).await;
    assert_ne!(second, deployed.id);
    assert_eq!(deployed.told("report_analysis", "and a person took it back").len(), 1);
    assert_eq!(deployed.world.status(&second).await, "awaiting_approval");
}
