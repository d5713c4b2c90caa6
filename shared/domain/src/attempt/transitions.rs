//! The transitions: which event leads from which state to which. What is not here is refused.
//!
//! A proof is beside the states: see [`Attempt::proof_goes_on`] for its stages.

use jiff::{SignedDuration, Timestamp};

use super::event::{Event, Fact, ProofEvent, Refusal, refusal};
use super::merged::{CameBack, Deployment, Merged, Reverted, RollBack, Rollout, Telling};
use super::offer::{Checks, FailedCheck, NextHeadKind, Offer, Repair, short_sha};
use super::people::{Approval, Approvals, Decision, Dismissal, Retried};
use super::proof::{NotProved, NotProvedCode, Proof, ProofStage};
use super::shadow::Shadow;
use super::state::{Cleanup, Queued, State};
use super::{Attempt, Clicked, Joined, JoinedIssue, Next, Trouble, Wait, WaitsFor};
use crate::cleaning;
use crate::reason::{Reason, ReasonCode};
use crate::usage::Usage;

/// Characters kept of a joined issue's title.
const MAX_TITLE_CHARS: usize = 200;
/// After a merge that GitHub refused, people need some time; until then the sentence about it stays on the card.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// Analyses that start anew because the base moved under the fix.
const MAX_RESTARTS: u32 = 1;

impl Attempt {
    /// Applies an event, or says why it cannot happen now and changes nothing.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Result<(), Refusal> {
        let event = match event {
            Event::Card(event) => {
                self.card.apply(event);
                return Ok(());
            }
            Event::Learned(fact) => {
                self.learn(fact, now);
                return Ok(());
            }
            event => event,
        };
        let mut changed = self.clone();
        let goes_on = matches!(event, Event::Waits { .. } | Event::IssueJoined { .. });
        changed.state = changed.next_state(event, now)?;
        if !goes_on {
            changed.trouble = Trouble::default();
            changed.wait = None;
        }
        if changed.status().is_end() && !self.status().is_end() {
            changed.completed_at = Some(now);
        }
        *self = changed;
        Ok(())
    }

    fn learn(&mut self, fact: Fact, now: Timestamp) {
        match fact {
            Fact::Note(what) => self.note(now, what),
            Fact::Subject(subject) => self.subject = *subject,
            Fact::Usage(usage) => self.usage = usage,
            Fact::TestAuthor(usage) => {
                if let Some(proof) = &mut self.proof {
                    proof.author = usage;
                }
            }
            Fact::Owner(owner) => self.owner = owner,
            Fact::Earlier(earlier) => self.earlier = Some(earlier),
            Fact::Shadow(shadow) => {
                if let Some(sentence) = shadow.sentence() {
                    self.show(now, sentence);
                }
                self.shadow = Some(shadow);
                self.trouble = Trouble::default();
            }
            Fact::Presented => {
                if let Some(offer) = self.state.offer_mut() {
                    offer.presented = true;
                }
            }
            Fact::Review(review) => {
                let offer = self.state.offer_mut().filter(|offer| offer.review != *review);
                if let Some(offer) = offer {
                    offer.review = *review;
                    self.card.wanted += 1;
                }
            }
            Fact::IssuesListed { count } => {
                self.joined.listed = self.joined.listed.max(count);
                self.trouble = Trouble::default();
            }
        }
    }

    /// Whether the analysis may start anew because the base moved.
    pub fn may_start_over(&self) -> bool {
        self.restarts < MAX_RESTARTS
    }

    /// Ends what the attempt does by itself, because of a fault of AutoFix: whatever state it is in, it must not meet that
    /// fault again. What people have decided and what was merged stays.
    pub fn abort(&mut self, reason: Reason, now: Timestamp) {
        let deployment = self.state.merged().and_then(|merged| merged.deployment.clone());
        self.joined.listed = self.joined.count();
        self.wait = None;
        self.shadow = self.shadow.take().filter(|shadow| !matches!(shadow, Shadow::LookedFor { .. }));
        let ends = [
            Event::Failed { reason: reason.clone() },
            Event::CleanedUp { outcome: Cleanup::LeftOpen },
            Event::Watched { merge_sha: None, deployment, watch: None },
            Event::SentryTold { outcome: Telling::Refused },
            Event::RollBackRefused { reason },
            Event::StillThere { look: None },
        ];
        for event in ends {
            if self.next_work(now) == Next::Ended {
                break;
            }
            let _ = self.apply(event, now); // the one that fits the state is accepted
        }
    }

    fn next_state(&mut self, event: Event, now: Timestamp) -> Result<State, Refusal> {
        if let Event::TriedAgain { retried } = event {
            return self.tried_again(retried, now);
        }
        if let Event::Proof(event) = event {
            return self.proof_goes_on(event, now);
        }
        match self.state.clone() {
            state @ (State::Pending
            | State::Analyzing { .. }
            | State::Proposed { .. }
            | State::Withdrawing { .. }) => self.before_the_pull_request(state, event, now),
            state @ (State::PrCreated { .. }
            | State::AwaitingApproval { .. }
            | State::Approved { .. }
            | State::Rejected { .. }) => self.with_the_pull_request(state, event, now),
            state @ (State::Deployed { .. }
            | State::Verified { .. }
            | State::Regressed { .. }
            | State::RolledBack { .. }) => self.after_the_merge(state, event, now),
            state @ (State::Failed { .. } | State::Skipped { .. }) => Err(refusal(&state, &event)),
        }
    }

    fn before_the_pull_request(
        &mut self,
        state: State,
        event: Event,
        now: Timestamp,
    ) -> Result<State, Refusal> {
        Ok(match (state, event) {
            (State::Pending, Event::AnalysisStarted { base_sha }) => {
                self.note(now, "Analysis started");
                State::Analyzing { base_sha }
            }
            (State::Analyzing { base_sha: None }, Event::AnalysisStarted { base_sha }) => {
                State::Analyzing { base_sha }
            }
            (State::Analyzing { base_sha }, Event::CauseFound { analysis }) => {
                // A worker that died after this comes to the same analysis once more.
                if self.analysis.as_ref() != Some(&*analysis) {
                    self.note(now, "Root cause found");
                }
                self.analysis = Some(*analysis);
                State::Analyzing { base_sha }
            }
            (State::Analyzing { .. }, Event::FixProposed { fix }) => {
                self.note(now, "A fix passed every gate");
                State::Proposed { fix: *fix, slot_taken: false }
            }
            (
                State::Pending | State::Analyzing { .. } | State::Proposed { slot_taken: false, .. },
                Event::Skipped { reasons, fix },
            ) => {
                if let Some(first) = reasons.first() {
                    self.note(now, format!("No pull request: {}", first.code));
                }
                // What is not worth an attempt is not worth a card.
                let is_quiet = reasons.iter().all(|reason| reason.code == ReasonCode::BelowTheBar);
                self.card.wanted += u32::from(!is_quiet);
                State::Skipped { reasons, fix: fix.map(|fix| *fix) }
            }
            (
                state @ (State::Analyzing { .. } | State::Proposed { slot_taken: false, .. }),
                Event::Waits { what, look_at },
            ) => {
                self.begin_waiting(what, look_at, now);
                state
            }
            (state @ (State::Pending | State::Analyzing { .. }), Event::StackTraceReceived) => {
                self.note(now, "A second webhook brought the stack trace");
                state
            }
            (State::Analyzing { .. }, Event::SameFaultKnown { same_fault, reason }) => {
                self.note(now, format!("The same fault as attempt {}", same_fault.attempt));
                // What joins another attempt is told on that attempt's card.
                self.card.wanted += u32::from(reason.code != ReasonCode::SameFaultJoined);
                self.same_fault = Some(*same_fault);
                State::Skipped { reasons: vec![reason], fix: None }
            }
            (state @ State::Proposed { .. }, Event::IssueJoined { issue }) => {
                self.take_in(issue, now);
                state
            }
            (State::Proposed { fix, slot_taken: false }, Event::SlotTaken) => {
                State::Proposed { fix, slot_taken: true }
            }
            (State::Proposed { fix, .. }, Event::PullRequestOpened { pull_request }) => {
                self.show(now, format!("Pull request #{} opened", pull_request.number));
                self.joined.listed = 0; // whether a pull request that was found lists them is not known
                self.pull_request_at.get_or_insert(now);
                // The first pull request of a proof has the test alone.
                if let Some(proof) = &mut self.proof
                    && let ProofStage::Written { test } = &proof.stage
                {
                    proof.stage = ProofStage::WithoutFix { test: test.clone() };
                }
                State::PrCreated { offer: Offer::opened(fix, pull_request, now) }
            }
            (State::Withdrawing { offer }, Event::CleanedUp { .. }) => {
                self.note(now, format!("Pull request #{} closed; starting again", offer.pull_request.number));
                self.analysis = None;
                State::Analyzing { base_sha: None }
            }
            (State::Withdrawing { offer }, Event::MergedOnGithub { watch }) => {
                State::Deployed { merged: self.merged(offer, Decision::on_github(now), now), watch }
            }
            // A proposed fix that does not wait may be on GitHub already, with the answer under way: it can no longer
            // stand down in silence.
            (State::Proposed { fix, .. }, Event::SentryAgentTookOver { reason }) if self.wait.is_some() => {
                self.show(now, "Sentry's agent took over");
                State::Skipped { reasons: vec![reason], fix: Some(fix) }
            }
            (State::Pending | State::Analyzing { .. }, Event::SentryAgentTookOver { reason }) => {
                self.show(now, "Sentry's agent took over");
                State::Skipped { reasons: vec![reason], fix: None }
            }
            (state, Event::Failed { reason }) => self.failed(&state, reason, now),
            (state, event) => return Err(refusal(&state, &event)),
        })
    }

    fn with_the_pull_request(
        &mut self,
        state: State,
        event: Event,
        now: Timestamp,
    ) -> Result<State, Refusal> {
        Ok(match (state, event) {
            // While the head moves, what the checks of the old one say does not count.
            (
                State::PrCreated { offer } | State::AwaitingApproval { offer, .. },
                Event::ChecksSeen { checks, look_at },
            ) if offer.next.is_none() && self.test_without_fix().is_none() => {
                self.checks_seen(offer, checks, look_at, now)
            }
            (
                state @ (State::PrCreated { .. } | State::AwaitingApproval { .. }),
                Event::IssueJoined { issue },
            ) => {
                self.take_in(issue, now);
                state
            }
            (State::PrCreated { mut offer }, Event::HandedOver { why }) => {
                self.show(now, format!("Left to people: {why}"));
                offer.handed_over = Some(why);
                State::PrCreated { offer }
            }
            (
                State::PrCreated { mut offer }
                | State::AwaitingApproval { mut offer, .. }
                | State::Approved { mut offer, .. },
                Event::NextHead { next, notice },
            ) => {
                self.show(now, notice.clone());
                self.proof_moves(&next.kind);
                self.approved_at = None;
                offer.notice = Some(notice);
                offer.next = Some(next);
                offer.approvals = Approvals::default(); // they were for another commit
                offer.checks = Checks::Running;
                offer.look_at = now;
                State::PrCreated { offer }
            }
            (State::PrCreated { mut offer }, Event::HeadMoved { head_sha }) => {
                let Some(next) = offer.next.take() else {
                    let state = State::PrCreated { offer };
                    return Err(refusal(&state, &Event::HeadMoved { head_sha }));
                };
                self.show(now, format!("The pull request's head is {}", short_sha(&head_sha)));
                let before_sha = std::mem::replace(&mut offer.pull_request.head_sha, head_sha);
                match next.kind {
                    NextHeadKind::Repair { failed } => {
                        offer.repairs.push(Repair { at: now, failed, before_sha });
                    }
                    NextHeadKind::Rebase | NextHeadKind::Test => offer.rebases += 1,
                    NextHeadKind::FixOnTest | NextHeadKind::WithoutTest => {}
                }
                State::PrCreated { offer: Offer { fix: next.fix, since: now, look_at: now, ..offer } }
            }
            (
                State::PrCreated { offer }
                | State::AwaitingApproval { offer, .. }
                | State::Approved { offer, .. },
                Event::StartedOver { why },
            ) if self.may_start_over() => {
                self.show(now, why);
                self.restarts += 1;
                self.proof = None;
                self.earlier_usage = self.usage;
                self.approved_at = None;
                State::Withdrawing { offer }
            }
            (State::AwaitingApproval { .. }, Event::Approved { .. }) if self.lacks_required_proof() => {
                return Err(Refusal::NotProved);
            }
            // One more approval of the head; the last one that is needed approves the merge. After a merge that GitHub
            // refused the approvals stand: any of the same people may have it tried again.
            (State::AwaitingApproval { mut offer, problem }, Event::Approved { decision, needed }) => {
                let approvals = &mut offer.approvals;
                approvals.needed = needed.max(1);
                if !approvals.has(&decision.by) {
                    approvals.given.push(Approval { by: decision.by.clone(), at: now });
                } else if !approvals.are_enough() {
                    return Err(Refusal::ApprovedByYou { missing: approvals.missing() });
                }
                self.clicked(&decision);
                if approvals.are_enough() {
                    self.show(now, format!("Approved by {}", decision.by));
                    self.approved_at = Some(now);
                    State::Approved { offer, decision, queued: None }
                } else {
                    let given = approvals.given.len();
                    self.show(now, format!("Approved by {}, {given} of {needed}", decision.by));
                    State::AwaitingApproval { offer, problem }
                }
            }
            (
                State::PrCreated { offer } | State::AwaitingApproval { offer, .. },
                Event::Dismissed { decision, dismissal },
            ) => {
                self.clicked(&decision);
                self.show(now, dismissal_sentence(&decision, dismissal.as_ref()));
                rejected(offer, decision, Cleanup::Owed, dismissal)
            }
            // Dismissed at once because the dialog seemed not to open, and then it did: the reason is added.
            (
                State::Rejected { fix, pull_request, decision, cleanup, dismissal: None },
                Event::Dismissed { decision: same, dismissal: dismissal @ Some(_) },
            ) if same.by == decision.by && self.retried.is_none() => {
                self.show(now, dismissal_sentence(&decision, dismissal.as_ref()));
                State::Rejected { fix, pull_request, decision, cleanup, dismissal }
            }
            (
                State::PrCreated { offer }
                | State::AwaitingApproval { offer, .. }
                | State::Approved { offer, .. },
                Event::MergedOnGithub { watch },
            ) => State::Deployed { merged: self.merged(offer, Decision::on_github(now), now), watch },
            (
                State::PrCreated { offer }
                | State::AwaitingApproval { offer, .. }
                | State::Approved { offer, .. },
                Event::ClosedOnGithub,
            ) => {
                self.show(now, format!("Pull request #{} was closed on GitHub", offer.pull_request.number));
                rejected(offer, Decision::on_github(now), Cleanup::Done, None)
            }
            (
                State::Rejected { fix, pull_request, decision, cleanup: Cleanup::Owed, dismissal },
                Event::CleanedUp { outcome },
            ) => {
                self.show(
                    now,
                    format!("Pull request #{}: {}", pull_request.number, cleanup_sentence(outcome)),
                );
                State::Rejected { fix, pull_request, decision, cleanup: outcome, dismissal }
            }
            (State::Approved { offer, decision, queued }, Event::MergeQueued { how, look_at }) => {
                if queued.is_none() {
                    self.show(now, how);
                }
                let since = queued.map_or(now, |queued| queued.since);
                State::Approved { offer, decision, queued: Some(Queued { since, look_at }) }
            }
            (State::Approved { offer, decision, .. }, Event::Merged { merge_sha, watch }) => {
                let mut merged = self.merged(offer, decision, now);
                merged.merge_sha = merge_sha;
                State::Deployed { merged, watch }
            }
            (State::Approved { mut offer, .. }, Event::MergeRefused { reason }) => {
                self.show(now, format!("Not merged: {}", reason.detail));
                self.approved_at = None;
                offer.look_at = now + LOOK_AGAIN;
                State::AwaitingApproval { offer, problem: Some(reason) }
            }
            (
                state @ (State::PrCreated { .. } | State::AwaitingApproval { .. } | State::Approved { .. }),
                Event::Failed { reason },
            ) => self.failed(&state, reason, now),
            (state, event) => return Err(refusal(&state, &event)),
        })
    }

    fn after_the_merge(&mut self, state: State, event: Event, now: Timestamp) -> Result<State, Refusal> {
        Ok(match (state, event) {
            (
                State::Deployed { mut merged, watch: Some(_) },
                Event::Watched { merge_sha, deployment, watch },
            ) => {
                if deployment != merged.deployment {
                    self.show(now, deployment_sentence(deployment.as_ref()));
                }
                if watch.is_none() {
                    self.show(now, "No longer watched");
                }
                merged.merge_sha = merge_sha.or(merged.merge_sha);
                merged.deployment = deployment;
                State::Deployed { merged, watch }
            }
            (State::Deployed { merged, watch: Some(_) }, Event::StayedQuiet) => {
                self.show(now, "The error has not come back");
                State::Verified { merged, sentry: Telling::Owed }
            }
            (State::Verified { merged, sentry: Telling::Owed }, Event::SentryTold { outcome }) => {
                if outcome == Telling::Refused {
                    self.show(now, "Sentry could not be told");
                } else {
                    self.show(now, "The Sentry issue is resolved");
                }
                State::Verified { merged, sentry: outcome }
            }
            (State::Deployed { merged, watch: Some(_) }, Event::CameBack { came_back, look }) => {
                self.show(now, "The error came back");
                State::Regressed { merged, came_back, roll_back: RollBack::Offered, look }
            }
            (State::Deployed { merged, watch: Some(_) }, Event::TakenBackOnGithub { commit }) => {
                self.taken_back_on_github(merged, None, commit, now)
            }
            (State::Regressed { merged, came_back, .. }, Event::TakenBackOnGithub { commit }) => {
                self.taken_back_on_github(merged, Some(came_back), commit, now)
            }
            (
                State::Regressed {
                    merged,
                    came_back,
                    roll_back: RollBack::Opened { decision, revert, .. },
                    ..
                },
                Event::RolledBack,
            ) => {
                self.show(now, "The fix was rolled back");
                let revert = Reverted::ByPullRequest { pull_request: revert };
                State::RolledBack { merged, came_back: Some(came_back), revert, decision }
            }
            (State::Regressed { merged, came_back, roll_back, look }, event) => {
                let (roll_back, look) = match (roll_back, event) {
                    (
                        offered @ (RollBack::Offered | RollBack::Refused { .. }),
                        Event::StillThere { look },
                    ) => (offered, look),
                    (RollBack::Offered | RollBack::Refused { .. }, Event::RollBackApproved { decision }) => {
                        self.clicked(&decision);
                        self.show(now, format!("Roll back approved by {}", decision.by));
                        (RollBack::Approved { decision }, look)
                    }
                    (
                        RollBack::Approved { .. } | RollBack::Opened { .. },
                        Event::RollBackRefused { reason },
                    ) => {
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
                State::Regressed { merged, came_back, roll_back, look }
            }
            (state, event) => return Err(refusal(&state, &event)),
        })
    }

    fn checks_seen(&mut self, mut offer: Offer, checks: Checks, look_at: Timestamp, now: Timestamp) -> State {
        let changed = checks != offer.checks;
        if changed {
            self.show(now, checks_sentence(&checks));
        }
        self.checks = Some(checks.clone());
        offer.checks = checks;
        offer.look_at = look_at;
        match offer.checks {
            Checks::Running | Checks::Red { .. } => {
                offer.approvals = Approvals::default(); // they were for what the card showed
                State::PrCreated { offer }
            }
            Checks::Green { .. } | Checks::None => {
                let problem = self.state.problem().filter(|_| !changed).cloned();
                State::AwaitingApproval { offer, problem }
            }
        }
    }

    fn merged(&mut self, offer: Offer, decision: Decision, now: Timestamp) -> Merged {
        let number = offer.pull_request.number;
        self.show(
            now,
            match decision.by.as_str() {
                Decision::ON_GITHUB => format!("Pull request #{number} was merged on GitHub"),
                _ => format!("Pull request #{number} merged"),
            },
        );
        Merged {
            fix: offer.fix,
            pull_request: offer.pull_request,
            approved_by: offer.approvals.given.into_iter().map(|approval| approval.by).collect(),
            decision,
            merge_sha: None,
            at: now,
            deployment: None,
        }
    }

    fn failed(&mut self, state: &State, reason: Reason, now: Timestamp) -> State {
        self.show(now, format!("Failed: {}", reason.detail));
        State::Failed { reason, fix: state.fix().cloned(), pull_request: state.pull_request().cloned() }
    }

    fn taken_back_on_github(
        &mut self,
        merged: Merged,
        came_back: Option<CameBack>,
        commit: Option<String>,
        now: Timestamp,
    ) -> State {
        let with = commit.as_deref().map_or(String::new(), |sha| format!(", with {}", short_sha(sha)));
        self.show(now, format!("The fix was reverted by a person on GitHub{with}"));
        let revert = Reverted::ByHand { commit };
        State::RolledBack { merged, came_back, revert, decision: Decision::on_github(now) }
    }

    /// Another try was started. An open pull request that nobody took over makes room for it.
    fn tried_again(&mut self, retried: Retried, now: Timestamp) -> Result<State, Refusal> {
        if let Some(earlier) = &self.retried {
            return Err(Refusal::AlreadyTriedAgain { by: earlier.by.clone() });
        }
        if !self.can_be_tried_again() {
            return Err(refusal(&self.state, &Event::TriedAgain { retried }));
        }
        self.show(
            now,
            match &retried.by {
                Some(by) => format!("Tried again by {by}"),
                None => format!("Sentry brought the stack trace: attempt {} looks at it", retried.into),
            },
        );
        let by = retried.by.clone();
        self.retried = Some(retried);
        Ok(match (self.state.clone(), by) {
            (State::Failed { fix: Some(fix), pull_request: Some(pull_request), .. }, Some(by)) => {
                let decision = Decision { by, at: now, response_url: None };
                State::Rejected { fix, pull_request, decision, cleanup: Cleanup::Owed, dismissal: None }
            }
            (state, _) => state,
        })
    }

    /// Begins to wait, or continues. People learn of it when it begins.
    fn begin_waiting(&mut self, what: WaitsFor, look_at: Timestamp, now: Timestamp) {
        self.trouble = Trouble::default();
        let since = self.wait.as_ref().filter(|wait| wait.what.goes_on(what)).map(|wait| wait.since);
        self.wait = Some(Wait { what, since: since.unwrap_or(now), look_at });
        if since.is_some() {
            return;
        }
        match what {
            WaitsFor::Slot { limit } => {
                let sentence = format!("Waits: the repository has {limit} open pull requests of AutoFix");
                self.note(now, sentence);
                self.card.wanted += 1;
            }
            // A matter of minutes, with nothing to tell before its end.
            WaitsFor::StackTrace => self.note(now, "Waits for the stack trace"),
            WaitsFor::Attempt { id } => self.note(now, format!("Waits for attempt {id}: the same fault")),
        }
    }

    /// Takes an issue in. One that is known already changes nothing, which makes a repeat harmless.
    fn take_in(&mut self, issue: JoinedIssue, now: Timestamp) {
        let own = self.subject.sentry_issue_id == issue.sentry_issue_id;
        let known = |known: &JoinedIssue| known.sentry_issue_id == issue.sentry_issue_id;
        if own || self.joined.issues.iter().any(known) {
            return;
        }
        if self.joined.issues.len() < Joined::MAX {
            self.note(now, format!("Sentry issue {} is the same fault", issue.sentry_issue_id));
            let title = cleaning::one_line(&issue.title, MAX_TITLE_CHARS);
            self.joined.issues.push(JoinedIssue { title, ..issue });
        } else {
            self.joined.more = self.joined.more.saturating_add(1);
        }
        self.card.wanted += 1;
    }

    /// What changes in the proof changes no state.
    fn proof_goes_on(&mut self, event: ProofEvent, now: Timestamp) -> Result<State, Refusal> {
        let mut state = self.state.clone();
        let stage = match (self.proof.as_ref().map(|proof| proof.stage.clone()), event, &mut state) {
            (_, ProofEvent::Wanted { mode, minutes }, State::Proposed { slot_taken: false, .. }) => {
                self.proof =
                    Some(Proof { mode, minutes, author: Usage::default(), stage: ProofStage::Wanted });
                return Ok(state);
            }
            (
                Some(ProofStage::Wanted),
                ProofEvent::TestWritten { test },
                State::Proposed { slot_taken: true, .. },
            ) => {
                self.note(now, format!("Wrote the regression test `{}`", test.name));
                ProofStage::Written { test: *test }
            }
            (
                Some(stage @ ProofStage::WithoutFix { .. }),
                ProofEvent::StillRuns { look_at },
                State::PrCreated { offer },
            ) if offer.next.is_none() => {
                offer.look_at = look_at;
                stage
            }
            (
                Some(ProofStage::WithoutFix { test }),
                ProofEvent::FailedWithoutFix { run },
                State::PrCreated { offer },
            ) if offer.next.is_none() => {
                self.note(now, format!("The test fails without the fix: {}", run.check));
                ProofStage::WithFix { test, failed: run }
            }
            (
                Some(ProofStage::WithFix { test, failed }),
                ProofEvent::PassedWithFix { run },
                State::PrCreated { .. } | State::AwaitingApproval { .. },
            ) => {
                self.show(now, "Proved: the test fails without the fix and passes with it");
                ProofStage::Proved { test, failed, passed: run }
            }
            (
                Some(
                    ProofStage::Wanted
                    | ProofStage::Written { .. }
                    | ProofStage::WithoutFix { .. }
                    | ProofStage::WithFix { .. },
                ),
                ProofEvent::NotProved { why },
                State::Proposed { slot_taken: true, .. }
                | State::PrCreated { .. }
                | State::AwaitingApproval { .. }
                | State::Approved { .. },
            ) => {
                self.show(now, format!("Not proved: {}", why.sentence));
                ProofStage::NotProved { why, test: self.proof.as_ref().and_then(Proof::test).cloned() }
            }
            (_, event, state) => return Err(refusal(state, &Event::Proof(event))),
        };
        if let Some(proof) = &mut self.proof {
            proof.stage = stage;
        }
        Ok(state)
    }

    /// Another commit is to become the head: what it means for the proof of the present one.
    fn proof_moves(&mut self, kind: &NextHeadKind) {
        let Some(proof) = &mut self.proof else { return };
        proof.stage = match (proof.stage.clone(), kind) {
            // The other fix has to pass the same test.
            (ProofStage::Proved { test, failed, .. }, NextHeadKind::Repair { .. }) => {
                ProofStage::WithFix { test, failed }
            }
            (ProofStage::WithFix { test, .. } | ProofStage::Proved { test, .. }, NextHeadKind::Rebase) => {
                let sentence = "The base branch moved, and the test was not run again there.";
                let why = NotProved::new(NotProvedCode::BaseMoved, sentence);
                ProofStage::NotProved { why, test: Some(test) }
            }
            (ProofStage::WithFix { test, .. } | ProofStage::Proved { test, .. }, NextHeadKind::Test) => {
                ProofStage::WithoutFix { test }
            }
            (stage, _) => stage,
        };
    }

    /// Where there is no bot token, the card that was clicked can be changed for a while.
    fn clicked(&mut self, decision: &Decision) {
        if let Some(response_url) = decision.response_url.clone() {
            self.card.clicked = Some(Clicked { response_url, at: decision.at });
        }
    }

    /// A change that people should see: noted, and the card is owed.
    fn show(&mut self, now: Timestamp, what: impl Into<String>) {
        self.note(now, what);
        self.card.wanted += 1;
    }
}

fn rejected(offer: Offer, decision: Decision, cleanup: Cleanup, dismissal: Option<Dismissal>) -> State {
    let Offer { fix, pull_request, .. } = offer;
    State::Rejected { fix, pull_request, decision, cleanup, dismissal }
}

fn dismissal_sentence(decision: &Decision, dismissal: Option<&Dismissal>) -> String {
    match dismissal {
        Some(dismissal) => format!("Dismissed by {}: {}", decision.by, dismissal.reason),
        None => format!("Dismissed by {}", decision.by),
    }
}

fn deployment_sentence(deployment: Option<&Deployment>) -> String {
    match deployment {
        None => "No deployment is reported any more".to_owned(),
        Some(deployment) => match deployment.rollout {
            Rollout::UnderWay => format!("Being deployed to {}", deployment.environment),
            Rollout::Live => format!("Live on {}", deployment.environment),
            Rollout::Failed => format!("The deployment to {} failed", deployment.environment),
        },
    }
}

fn cleanup_sentence(outcome: Cleanup) -> &'static str {
    match outcome {
        Cleanup::Owed | Cleanup::Done => "closed",
        Cleanup::LeftOpen => "could not be closed",
        Cleanup::TooLate => "was merged on GitHub before it could be closed",
    }
}

fn checks_sentence(checks: &Checks) -> String {
    match checks {
        Checks::Running => "Checks are running".to_owned(),
        Checks::Red { failed } => format!("Checks failed: {}", names(failed)),
        Checks::Green { passed: 1 } => "1 check passed".to_owned(),
        Checks::Green { passed } => format!("{passed} checks passed"),
        Checks::None => "No checks ran".to_owned(),
    }
}

fn names(failed: &[FailedCheck]) -> String {
    failed.iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ")
}
