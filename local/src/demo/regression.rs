//! The rest of the story where the repair does not hold: the deploy, the error that comes back after an hour, the way
//! back, and the next analysis, which knows what was tried. The hours in between are skipped.

use anyhow::{Context, bail};
use autofix::attempt::{AttemptId, Status};
use autofix::messages::ROLL_BACK;
use jiff::SignedDuration;

use super::Story;
use crate::demo_project::REPOSITORY;
use crate::sandbox::sentry::Hook;
use crate::sandbox::slack::APPROVER_ID;
use crate::scenario::Scenario;

impl Story {
    /// From the merge to the roll-back and what comes after it.
    pub(super) async fn comes_back(&self, id: AttemptId) -> anyhow::Result<()> {
        let merged = self.head_of_main()?;
        self.sandbox.github.add_deployment(REPOSITORY, &merged, &["in_progress", "success"])?;
        self.step("the platform tells GitHub that the merge is live on `production`");
        self.skip(SignedDuration::from_mins(61), "an hour passes").await;
        let release = format!("bookshop@{merged}");
        let event = Scenario::Regression.event(self.clock.now()).again(1, self.clock.now());
        self.sandbox.sentry.throw(&event.in_release(&release));
        self.step("Sentry sees the error again, in the release with the fix");
        self.skip(SignedDuration::from_mins(31), "the watch looks again").await;
        let attempt = self.follow(id, |status| status == Status::Regressed).await?;
        let card = self.settled_card(&attempt).await?;
        self.step("clicking ↩️ Roll back, and confirming it");
        let now = self.clock.now().as_second();
        self.interact(self.sandbox.slack.press(&card, ROLL_BACK, APPROVER_ID, now)?).await?;
        let attempt = self.follow(id, |status| status == Status::RolledBack).await?;
        self.settled_card(&attempt).await?;
        let fix = attempt.state.fix().context("the attempt has no fix")?;
        self.check_roll_back(&fix.base_sha, &merged)?;
        self.next_analysis(id).await
    }

    async fn skip(&self, over: SignedDuration, what: &str) {
        self.step(&format!("… {what} …"));
        self.time.skip(over);
        self.process.tick().await;
    }

    fn head_of_main(&self) -> anyhow::Result<String> {
        self.sandbox.github.sha_of(REPOSITORY, "main")?.context("the repository has no `main`")
    }

    /// Looks into the repository itself: the file has to be as it was before the fix.
    fn check_roll_back(&self, before: &str, merged: &str) -> anyhow::Result<()> {
        let file = Scenario::Regression.file();
        let text = |revision: &str| self.sandbox.github.file_at(REPOSITORY, revision, file);
        let head = self.head_of_main()?;
        if text("main")? != text(before)? || text("main")? == text(merged)? {
            bail!("the attempt is rolled back, and `{file}` on `main` is not as it was before the fix");
        }
        self.step(&format!(
            "`{file}` on `main` is as it was before the fix, since {}",
            &head[..10.min(head.len())]
        ));
        Ok(())
    }

    /// The error continues in the reverted code: it is looked at again, and the same change is not proposed twice.
    async fn next_analysis(&self, first: AttemptId) -> anyhow::Result<()> {
        self.skip(SignedDuration::from_mins(61), "another hour passes").await;
        let release = format!("bookshop@{}", self.head_of_main()?);
        let event =
            Scenario::Regression.event(self.clock.now()).again(2, self.clock.now()).in_release(&release);
        let id = self.report(&event, Hook::ErrorCreated, 1).await?;
        if id == first {
            bail!("the error continues, and no new attempt was started");
        }
        self.step("Sentry reports the error in the reverted code: a new attempt");
        let attempt = self.follow(id, |status| status == Status::Skipped).await?;
        self.settled_card(&attempt).await?;
        let had = self.sandbox.claude.conversations();
        if !had.iter().any(|one| one.first_message.contains("It was rolled back since")) {
            bail!("the new analysis was not told what was tried before");
        }
        self.step("its analysis was told what was tried and why it failed; the script in Claude's place proposes the same");
        self.step("change all the same, and AutoFix does not open it again");
        Ok(())
    }
}
