//! The transitions after an error came back: the way back by a click, and by a person on GitHub.

use jiff::Timestamp;

use super::event::refusal;
use super::merged::{CameBack, Merged, Reverted, RollBack, Watch};
use super::sentences::short;
use super::state::{Decision, State};
use super::{Attempt, Event, Refusal};

impl Attempt {
    pub(super) fn after_it_came_back(
        &mut self,
        (merged, came_back): (Merged, CameBack),
        (roll_back, look): (RollBack, Option<Watch>),
        event: Event,
        now: Timestamp,
    ) -> Result<State, Refusal> {
        let (roll_back, look) = match (roll_back, event) {
            (_, Event::TakenBackOnGithub { commit }) => {
                return Ok(self.taken_back_on_github((merged, Some(came_back)), commit, now));
            }
            (RollBack::Opened { decision, revert, .. }, Event::RolledBack) => {
                self.show(now, "The fix was rolled back");
                let revert = Reverted::ByPullRequest { pull_request: revert };
                return Ok(State::RolledBack { merged, came_back: Some(came_back), revert, decision });
            }
            (offered @ (RollBack::Offered | RollBack::Refused { .. }), Event::StillThere { look }) => {
                (offered, look)
            }
            (RollBack::Offered | RollBack::Refused { .. }, Event::RollBackApproved { decision }) => {
                self.clicked(&decision);
                self.show(now, format!("Roll back approved by {}", decision.by));
                (RollBack::Approved { decision }, look)
            }
            (RollBack::Approved { .. } | RollBack::Opened { .. }, Event::RollBackRefused { reason }) => {
                self.show(now, format!("Not rolled back: {}", reason.detail));
                (RollBack::Refused { reason }, look)
            }
            (
                RollBack::Approved { decision } | RollBack::Opened { decision, .. },
                Event::RevertOpened { revert, look_at },
            ) => {
                self.show(now, format!("Revert #{} opened", revert.number));
                (RollBack::Opened { decision, revert, look_at }, look)
            }
            (_, event) => return Err(refusal(&self.state, &event)),
        };
        Ok(State::Regressed { merged, came_back, roll_back, look })
    }

    pub(super) fn taken_back_on_github(
        &mut self,
        (merged, came_back): (Merged, Option<CameBack>),
        commit: Option<String>,
        now: Timestamp,
    ) -> State {
        let with = commit.as_deref().map_or(String::new(), |sha| format!(", with {}", short(sha)));
        self.show(now, format!("The fix was reverted by a person on GitHub{with}"));
        let revert = Reverted::ByHand { commit };
        State::RolledBack { merged, came_back, revert, decision: Decision::on_github(now) }
    }
}
