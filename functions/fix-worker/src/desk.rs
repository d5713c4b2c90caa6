//! The loop: one attempt on the desk, its lease in hand. Steps return what happened; only this file
//! saves, gives leases back, and decides what a failed step means.

use autofix::attempt::{
    Attempt, AttemptId, Cleanup, Event, Next, Refusal, Status, Step, StepFailure, Telling,
};
use autofix::incident::Incident;
use autofix::metrics::Measured;
use autofix::outbound::ServiceError;
use autofix::reason::{Reason, ReasonCode};
use autofix::store::{Lease, Leased, Leasing, Saved, Store, StoreError};
use autofix::usage::Usage;
use jiff::Timestamp;
use tracing::{debug, error, info, warn};

use crate::analyst::{Analyst, Ledger};
use crate::{
    Worker, analyze, announce, checks, head, merge, pull_request, repair, roll_back, trouble, watch,
};

/// Steps in one go. An attempt has fewer than ten; more would be a loop.
const MAX_STEPS: usize = 40;
/// Workers that may die over one attempt before it ends.
const MAX_TRIES: i64 = 6;
/// Failures of a card after which a person should look: that long no restart of Slack's takes.
const CARD_IN_TROUBLE: u32 = 3;

/// How working on an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worked {
    /// It waits or has ended.
    Settled,
    /// Someone decided while the lease was given back: there is more to do, and the lease is still ours.
    ChangedMeanwhile,
    Busy,
    LostLease,
    Missing,
}

/// The attempt, as the steps see it.
pub(crate) struct Desk<'w> {
    pub worker: &'w Worker,
    pub attempt: Attempt,
    pub lease: Lease,
    /// When the invocation ends.
    pub deadline: Timestamp,
}

/// Why a step stopped before it was done.
#[derive(Debug)]
pub enum Stopped {
    /// Someone else changed the attempt; it has been read again, and its next step may be another one.
    Changed,
    LostLease,
    /// A service failed.
    Service(ServiceError),
    /// Another worker may be posting the card, or may have posted it: only after this time can be told.
    CardUncertain {
        until: Timestamp,
    },
    /// The invocation has no time left; the next one goes on.
    OutOfTime,
    Store(StoreError),
    /// A step made an event that cannot happen in the state that it was chosen for: a fault of ours.
    Violation(Violation),
}

/// A violation of our own state machine.
#[derive(Debug)]
pub struct Violation {
    pub state: Status,
    /// The event, without its data.
    pub event: String,
    pub refusal: Refusal,
}

impl Stopped {
    pub(crate) fn violation(attempt: &Attempt, event: &str, refusal: Refusal) -> Stopped {
        Stopped::Violation(Violation { state: attempt.status(), event: event.to_owned(), refusal })
    }
}

impl From<ServiceError> for Stopped {
    fn from(error: ServiceError) -> Stopped {
        Stopped::Service(error)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Stopped {
        Stopped::Store(error)
    }
}

/// Works on one attempt until it waits, has ended, or the time is up.
///
/// # Errors
/// When the table cannot be reached: nothing is lost, the wake-up has to come again.
pub(crate) async fn work(
    worker: &Worker,
    id: AttemptId,
    owner: &str,
    deadline: Timestamp,
) -> Result<Worked, StoreError> {
    let leasing = Leasing { owner, now: worker.clock.now(), until: deadline };
    let (lease, attempt) = match worker.store.lease(id, leasing).await? {
        Leased::Taken(lease, attempt) => (lease, *attempt),
        Leased::Busy => return Ok(Worked::Busy),
        Leased::Missing => return Ok(Worked::Missing),
    };
    let mut desk = Desk { worker, attempt, lease, deadline };
    if desk.worker_keeps_dying() {
        desk.give_up_after_crashes().await?;
    }
    for _ in 0..MAX_STEPS {
        let step = match desk.attempt.next_step(worker.clock.now()) {
            Next::Do(step) => step,
            waits => {
                let due = match waits {
                    Next::WaitUntil(time) => Some(time),
                    Next::Do(_) | Next::Ended => None,
                };
                match desk.release(due).await? {
                    Worked::ChangedMeanwhile => continue,
                    worked => return Ok(worked),
                }
            }
        };
        debug!(step = ?step, "Doing the next step");
        let began = worker.clock.now();
        let done = desk.run(step).await;
        let milliseconds =
            i64::try_from(worker.clock.now().duration_since(began).as_millis()).unwrap_or(i64::MAX);
        worker.measure(&Measured::Step { step: format!("{step:?}"), milliseconds });
        let done = match done {
            Err(Stopped::Service(error)) => desk.service_failed(step, &error).await,
            done => done,
        };
        let done = match done {
            Err(Stopped::Violation(violation)) => desk.violated(step, &violation).await,
            done => done,
        };
        match done {
            Ok(()) | Err(Stopped::Changed) => {}
            Err(Stopped::LostLease) => return Ok(Worked::LostLease),
            Err(Stopped::CardUncertain { until }) => desk.attempt.card_uncertain(until),
            Err(Stopped::OutOfTime) => break,
            Err(Stopped::Store(error)) => return Err(error),
            // Neither giving up nor ending asks a service or applies a second event.
            Err(Stopped::Service(_) | Stopped::Violation(_)) => break,
        }
    }
    // Out of time, or out of steps: due at once, so that the clock goes on. A decision that comes in between is
    // read and saved with the lease given back.
    loop {
        match desk.release(Some(worker.clock.now())).await? {
            Worked::ChangedMeanwhile => {}
            worked => return Ok(worked),
        }
    }
}

impl Desk<'_> {
    async fn run(&mut self, step: Step) -> Result<(), Stopped> {
        // Boxed: together with everything that they wait for, the steps would not fit on a small stack.
        match step {
            Step::Analyze => Box::pin(analyze::analyze(self)).await,
            Step::OpenPullRequest => Box::pin(pull_request::open(self)).await,
            Step::ListIssues => Box::pin(pull_request::list_issues(self)).await,
            Step::LookAtChecks => Box::pin(checks::look(self)).await,
            Step::Merge => Box::pin(merge::merge(self)).await,
            Step::CleanUp => Box::pin(pull_request::clean_up(self)).await,
            Step::ShowCard => Box::pin(announce::show_card(self)).await,
            Step::Repair => Box::pin(repair::repair(self)).await,
            Step::MoveHead => Box::pin(head::move_head(self)).await,
            Step::Watch => Box::pin(watch::watch(self)).await,
            Step::LookForRevert => Box::pin(roll_back::look_for_revert(self)).await,
            Step::TellSentry => Box::pin(watch::tell_sentry(self)).await,
            Step::RollBack => Box::pin(roll_back::roll_back(self)).await,
        }
    }

    /// Worker after worker died over what the attempt does next.
    pub(crate) fn worker_keeps_dying(&self) -> bool {
        self.lease.tries() > MAX_TRIES
    }

    /// What Sentry reported, in the organisation of the settings where it names none.
    pub(crate) async fn incident(&self) -> Result<Option<Incident>, StoreError> {
        let incident = self.store().incident(self.attempt.id).await?;
        let known = |incident: Incident| Incident {
            organization: incident.organization.or_else(|| self.worker.config.sentry_org.clone()),
            ..incident
        };
        Ok(incident.map(known))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.worker.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.worker.clock.now()
    }

    /// Something happened: changes the attempt and saves it, keeping the lease.
    pub(crate) async fn happened(&mut self, event: Event) -> Result<(), Stopped> {
        let (now, before) = (self.now(), self.attempt.status());
        let name = event.name();
        if let Err(refusal) = self.attempt.apply(event, now) {
            return Err(Stopped::violation(&self.attempt, &name, refusal));
        }
        info!(status = %self.attempt.status(), "Attempt is `{}`", self.attempt.status());
        self.lease.work_goes_on();
        self.save().await?;
        if self.attempt.status() != before {
            self.worker.measure(&Measured::Attempt { status: self.attempt.status().as_str() });
        }
        Ok(())
    }

    /// Saves the attempt as it is, keeping the lease.
    pub(crate) async fn save(&mut self) -> Result<(), Stopped> {
        let now = self.now();
        match self.worker.store.save(&mut self.lease, &self.attempt, now).await? {
            Saved::Yes => Ok(()),
            Saved::Conflict => Err(self.read_again().await?),
        }
    }

    pub(crate) async fn read_again(&mut self) -> Result<Stopped, StoreError> {
        Ok(match self.worker.store.reload(&mut self.lease).await? {
            Some(attempt) => {
                self.attempt = attempt;
                Stopped::Changed
            }
            None => Stopped::LostLease,
        })
    }

    /// The means to investigate this attempt's case. `spent` is what was paid before the conversations that come;
    /// theirs is counted anew from the checkpoints.
    pub(crate) fn analyst(&mut self, spent: Usage) -> Analyst<'_> {
        let config = &self.worker.config;
        Analyst {
            claude: &self.worker.claude,
            clock: &self.worker.clock,
            deadline: self.deadline,
            max_cost_usd: config.max_cost_usd,
            usage: spent,
            metrics: self.worker.metrics.clone(),
            ledger: Ledger::Table {
                store: &self.worker.store,
                lease: &mut self.lease,
                daily_cost_usd: config.daily_cost_usd,
            },
        }
    }

    /// Gives the lease back. A person who decided in the meantime wins: the attempt stays due and is worked on again.
    async fn release(&mut self, due: Option<Timestamp>) -> Result<Worked, StoreError> {
        let now = self.now();
        match self.worker.store.release(&self.lease, &self.attempt, due, now).await? {
            Saved::Yes => Ok(Worked::Settled),
            Saved::Conflict => match self.read_again().await? {
                Stopped::Changed => Ok(Worked::ChangedMeanwhile),
                _ => Ok(Worked::LostLease), // `read_again` tells nothing else
            },
        }
    }

    /// A service failed: later again, or never.
    async fn service_failed(&mut self, step: Step, error: &ServiceError) -> Result<(), Stopped> {
        let now = self.now();
        if let Some(service) = error.outage_of() {
            self.store().met_outage(service, self.attempt.id, &error.to_string(), now).await?;
        }
        let trouble = &self.attempt.trouble;
        let too_long = step != Step::ShowCard
            && (trouble.lasts_too_long(error.outage_of(), now)
                || trouble::asked_too_often(error, trouble.failures));
        match trouble::ends_the_attempt(step, error) {
            Some(reason) => self.give_up(step, reason).await,
            None if too_long => {
                self.give_up(step, trouble::failed_too_long(error, self.attempt.trouble.failures)).await
            }
            None => {
                self.postpone(step, error);
                Ok(())
            }
        }
    }

    /// An event did not fit the state that its step was chosen for: a fault of ours, which trying again would only repeat.
    async fn violated(&mut self, step: Step, violation: &Violation) -> Result<(), Stopped> {
        let Violation { state, event, refusal } = violation;
        error!(
            step = ?step, state = %state, event, refusal = %refusal,
            "`{event}` cannot happen to an attempt that is `{state}`: a fault of AutoFix, which ends the attempt"
        );
        self.lease.work_goes_on();
        let sentence = format!(
            "AutoFix met a fault of its own (`{event}` while `{state}`). Please report it with the attempt's id."
        );
        self.attempt.abort(Reason::new(ReasonCode::InternalError, sentence), self.now());
        self.save().await
    }

    /// The step, or the card, is tried again after a pause.
    fn postpone(&mut self, step: Step, error: &ServiceError) {
        let now = self.now();
        if step != Step::ShowCard {
            let until = trouble::again_at(error, self.attempt.trouble.failures, now);
            warn!(error = %error, step = ?step, "A step failed; again at {until}");
            let why = error.to_string();
            let failure = StepFailure { why, outage_of: error.outage_of(), again_at: until };
            self.attempt.step_failed(failure, now);
            return;
        }
        let until = trouble::again_at(error, self.attempt.card.failures, now);
        self.attempt.card_postponed(until);
        let failures = self.attempt.card.failures;
        if failures < CARD_IN_TROUBLE {
            warn!(error = %error, "Slack did not take the card; it stays owed until {until}");
            return;
        }
        error!(error = %error, "Slack did not take the card {failures} times; people do not see it");
        self.worker.measure(&Measured::CardFailures);
    }

    /// The step is never tried again; what that means for the attempt is told on its card.
    async fn give_up(&mut self, step: Step, reason: Reason) -> Result<(), Stopped> {
        warn!(reason = reason.detail, step = ?step, "Gave a step up");
        self.lease.work_goes_on();
        let now = self.now();
        let event = match step {
            Step::Merge => Event::MergeRefused { reason },
            // The dismissal stands; what is left on GitHub is said on the card.
            Step::CleanUp => {
                self.attempt.note(now, format!("Could not close the pull request: {}", reason.detail));
                Event::CleanedUp { outcome: Cleanup::LeftOpen }
            }
            // The card names the issues; that the pull request does not is no reason to give it up.
            Step::ListIssues => {
                self.attempt.note(now, format!("Could not list the issues that joined: {}", reason.detail));
                self.attempt.issues_listed(self.attempt.joined.count());
                return self.save().await;
            }
            Step::Watch => self.watched_no_longer(),
            Step::LookForRevert => Event::StillThere { look: None },
            Step::TellSentry => Event::SentryTold { outcome: Telling::Refused },
            Step::RollBack => Event::RollBackRefused { reason },
            Step::Analyze | Step::OpenPullRequest | Step::LookAtChecks | Step::Repair | Step::MoveHead => {
                Event::Failed { reason }
            }
            Step::ShowCard => return Ok(()), // a card stays owed
        };
        self.happened(event).await
    }

    /// The watch ends; what was seen of the deploy stays.
    fn watched_no_longer(&self) -> Event {
        let deployment = self.attempt.state.merged().and_then(|merged| merged.deployment.clone());
        Event::Watched { merge_sha: None, deployment, watch: None }
    }

    /// Workers died over this attempt again and again: whatever it does next is given up.
    async fn give_up_after_crashes(&mut self) -> Result<(), StoreError> {
        // Without a step it has ended: only its card can be what they died over, and a plain one is shown.
        let Next::Do(step) = self.attempt.next_work(self.now()) else { return Ok(()) };
        let sentence = format!("The worker stopped {MAX_TRIES} times while it worked on this; see its logs.");
        match self.give_up(step, Reason::new(ReasonCode::RetriesUsedUp, sentence)).await {
            Err(Stopped::Store(error)) => Err(error),
            _ => Ok(()), // changed or lost: whoever did that goes on with it
        }
    }
}
