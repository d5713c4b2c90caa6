//! The loop: an attempt is read, does its next step, and what happened is applied and saved. Nothing else changes or saves
//! an attempt, gives leases back, or decides what a failed step means.

mod retry;

use std::time::Duration;

use autofix::attempt::{Attempt, AttemptId, CardEvent, Event, Next, Refusal, Step};
use autofix::metrics::Measured;
use autofix::outbound::ServiceError;
use autofix::reason::{Reason, ReasonCode};
use autofix::store::{Lease, Leased, Leasing, Saved, StoreError};
use jiff::Timestamp;
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::context::{Context, MAX_TRIES};
use crate::happened::Stopped;
use crate::happened::{Early, Happened, Joining};
use crate::wake::{Answer, ItemFailure, Wake};
use crate::worker::{Invocation, Worker, time_left};
use crate::{clock, steps};
use retry::AfterFailure;

/// Attempts that one run of the clock takes from a partition of the index. The next run is a minute away.
const CLOCK_BATCH: i32 = 25;
/// Another attempt is begun with this much time at least.
const LEAST_TIME: Duration = Duration::from_secs(30);
/// Steps in one go. An attempt has fewer than twenty; more would be a loop.
const MAX_STEPS: usize = 60;

impl Worker {
    /// Does what the event asks for. Records of the stream that could not be worked on are named in the answer, so
    /// that they are delivered again.
    ///
    /// # Errors
    /// When the table does not tell the clock what is due: the invocation has failed, and alarms count that.
    pub async fn handle(&self, wake: Wake, invocation: &Invocation) -> Result<Answer, StoreError> {
        match wake {
            Wake::Records(records) => {
                let mut failures = Vec::new();
                for record in records {
                    let Some(id) = record.attempt else { continue };
                    let owner = format!("stream:{}", record.event_id);
                    if let Err(error) = self.work_on(id, &owner, invocation).await {
                        error!(attempt.id = %id, error = %error, "Left attempt {id} to be delivered again");
                        failures.push(ItemFailure { item_identifier: record.sequence_number });
                        break; // everything from here on is delivered again
                    }
                }
                Ok(Answer { batch_item_failures: failures })
            }
            // Boxed, here and below: rustc follows nested futures only so deep.
            Wake::Clock => Box::pin(self.tick(invocation)).await.map(|()| Answer::default()),
        }
    }

    /// Wakes every attempt whose time has come, then does what belongs to no attempt.
    async fn tick(&self, invocation: &Invocation) -> Result<(), StoreError> {
        let now = self.clock.now();
        if let Err(error) = self.store.gather_turned_away(now).await {
            error!(error = %error, "Left what was turned away to the next run of the clock");
        }
        let due = self.store.due(now, CLOCK_BATCH).await?;
        let waited = due.oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs());
        self.measure(&Measured::Queue { age_seconds: waited.max(0) });
        let owner = format!("clock:{}", invocation.request_id);
        for id in due.attempts {
            if time_left(invocation.deadline, &self.clock) < LEAST_TIME {
                info!("Left the rest of what is due to the next run of the clock");
                break;
            }
            if let Err(error) = self.work_on(id, &owner, invocation).await {
                error!(attempt.id = %id, error = %error, "Left attempt {id} to the next run of the clock");
            }
        }
        clock::run(self).await
    }

    async fn work_on(&self, id: AttemptId, owner: &str, invocation: &Invocation) -> Result<(), StoreError> {
        let span = info_span!("attempt", attempt.id = %id);
        let worked = Box::pin(work(self, id, owner, invocation.deadline)).instrument(span).await?;
        match worked {
            Worked::Settled => {}
            Worked::Busy => info!(attempt.id = %id, "Attempt {id} is in other hands"),
            Worked::LostLease => info!(attempt.id = %id, "Lost the lease of attempt {id}"),
            Worked::Missing => warn!(attempt.id = %id, "There is no attempt {id}"),
        }
        Ok(())
    }
}

/// How working on an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worked {
    /// It waits or has ended, and the lease is given back.
    Settled,
    Busy,
    LostLease,
    Missing,
}

/// Works on one attempt until it waits, has ended, or the time is up.
///
/// # Errors
/// When the table cannot be reached: nothing is lost, the wake-up has to come again.
async fn work(
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
    let context = Context { worker, deadline, tries: lease.tries(), post_begins: false };
    match (Run { context, lease, attempt }).work().await {
        Ok(()) => Ok(Worked::Settled),
        Err(Stopped::Store(error)) => Err(error),
        Err(_) => Ok(Worked::LostLease), // everything else ends a step and not the run
    }
}

/// One attempt in work, its lease in hand.
struct Run<'w> {
    context: Context<'w>,
    lease: Lease,
    attempt: Attempt,
}

/// Whether there is more to do in this run.
enum GoOn {
    Yes,
    /// The attempt waits until then, or has ended.
    Settled(Option<Timestamp>),
    /// What is next has to be done in another run.
    OutOfTime,
}

impl Run<'_> {
    async fn work(mut self) -> Result<(), Stopped> {
        if self.context.worker_keeps_dying() {
            self.give_up_after_crashes().await?;
        }
        for _ in 0..MAX_STEPS {
            let due = match self.next_step().await? {
                GoOn::Yes => continue,
                GoOn::Settled(due) => due,
                GoOn::OutOfTime => break,
            };
            if self.release(due).await? {
                return Ok(());
            }
        }
        // Due at once, so that the clock continues. A decision that comes in between is read and saved with the lease given back.
        while !self.release(Some(self.context.now())).await? {}
        Ok(())
    }

    /// Does the next step, and applies and saves what happened.
    async fn next_step(&mut self) -> Result<GoOn, Stopped> {
        let began = self.context.now();
        let step = match self.attempt.next_step(began) {
            Next::Do(step) => step,
            Next::WaitUntil(time) => return Ok(GoOn::Settled(Some(time))),
            Next::Ended => return Ok(GoOn::Settled(None)),
        };
        debug!(step = step.name(), "Doing the next step");
        let stepped = Box::pin(steps::run(&self.context, &mut self.lease, &self.attempt, step)).await;
        let milliseconds =
            i64::try_from(self.context.now().duration_since(began).as_millis()).unwrap_or(i64::MAX);
        self.context.worker.measure(&Measured::Step { step: step.name(), milliseconds });
        self.context.post_begins = false;
        let happened = match stepped {
            Ok(happened) | Err(Early::Happened(happened)) => happened,
            Err(Early::Stopped(Stopped::Service(error))) => {
                match retry::after_failure(&self.attempt, step, &error, self.context.now()) {
                    AfterFailure::GiveUp(events) => {
                        warn!(error = %error, step = step.name(), "Gave a step up");
                        self.met(&error).await?;
                        Happened::Events(events)
                    }
                    AfterFailure::Again(at) => {
                        let is_card = step == Step::ShowCard;
                        self.met(&error).await?;
                        self.postpone(is_card, &error, at);
                        return Ok(GoOn::Yes);
                    }
                }
            }
            Err(Early::Stopped(Stopped::OutOfTime)) => return Ok(GoOn::OutOfTime),
            Err(Early::Stopped(Stopped::Changed)) => {
                self.read_again().await?;
                return Ok(GoOn::Yes);
            }
            Err(Early::Stopped(stopped)) => return Err(stopped),
        };
        self.keep(happened).await?;
        Ok(GoOn::Yes)
    }

    /// Applies what happened and saves it. What someone else changed meanwhile is read, and counts.
    async fn keep(&mut self, happened: Happened) -> Result<(), Stopped> {
        let events = match happened {
            Happened::Joined(joining) => return self.join(*joining).await,
            Happened::Events(events) if events.is_empty() => return Ok(()),
            Happened::Events(events) => events,
        };
        let before = self.attempt.status();
        // What is in Slack is there, whoever wrote in between.
        let shown =
            events.iter().find(|event| matches!(event, Event::Card(CardEvent::Shown { .. }))).cloned();
        let post_begins = matches!(&events[..], [Event::Card(CardEvent::PostBegins { .. })]);
        if events.iter().any(|event| !matches!(event, Event::Card(_))) {
            self.work_goes_on();
        }
        self.apply(events);
        if self.save().await? {
            self.context.post_begins = post_begins;
            let status = self.attempt.status();
            if status != before {
                info!(status = %status, "Attempt is `{status}`");
                self.context.worker.measure(&Measured::Attempt { status: status.as_str() });
            }
        } else if let Some(shown) = shown {
            self.apply(vec![shown]);
            self.save().await?;
        }
        Ok(())
    }

    fn work_goes_on(&mut self) {
        self.lease.work_goes_on();
        self.context.tries = self.lease.tries();
    }

    /// Applies events. One that does not fit the state that its step was chosen for is a fault of ours, which trying again
    /// would only repeat, so it ends the attempt.
    fn apply(&mut self, events: Vec<Event>) {
        for event in events {
            let name = event.name();
            if let Err(refusal) = self.attempt.apply(event, self.context.now()) {
                self.abort(&name, &refusal);
                return;
            }
        }
    }

    fn abort(&mut self, event: &str, refusal: &Refusal) {
        let state = self.attempt.status();
        error!(
            state = %state, event, refusal = %refusal,
            "`{event}` cannot happen to an attempt that is `{state}`: a fault of AutoFix, which ends the attempt"
        );
        let sentence = format!(
            "AutoFix met a fault of its own (`{event}` while `{state}`). Please report it with the attempt's id."
        );
        self.attempt.abort(Reason::new(ReasonCode::InternalError, sentence), self.context.now());
    }

    /// Saves the attempt as it is, keeping the lease; where someone else wrote in between it is read again instead.
    async fn save(&mut self) -> Result<bool, Stopped> {
        match self.context.store().save(&mut self.lease, &self.attempt, self.context.now()).await? {
            Saved::Yes => Ok(true),
            Saved::Conflict => self.read_again().await.map(|()| false),
        }
    }

    /// Ends this attempt and adds its issue to another one, in one transaction.
    async fn join(&mut self, joining: Joining) -> Result<(), Stopped> {
        let Joining { event, other, issue } = joining;
        let now = self.context.now();
        let (name, mut joined, mut with_issue) = (event.name(), self.attempt.clone(), other.attempt.clone());
        let applied =
            joined.apply(event, now).and_then(|()| with_issue.apply(Event::IssueJoined { issue }, now));
        if let Err(refusal) = applied {
            self.work_goes_on();
            self.abort(&name, &refusal);
            return self.save().await.map(drop);
        }
        match self.context.store().join(&mut self.lease, &joined, &other, &with_issue, now).await? {
            Saved::Yes => {
                info!("Joined attempt {}: the same fault", other.attempt.id);
                self.context.worker.measure(&Measured::Attempt { status: joined.status().as_str() });
                self.attempt = joined;
                Ok(())
            }
            // One of the two was changed meanwhile: the step is done again.
            Saved::Conflict => self.read_again().await,
        }
    }

    async fn read_again(&mut self) -> Result<(), Stopped> {
        match self.context.store().reload(&mut self.lease).await? {
            Some(attempt) => {
                self.attempt = attempt;
                Ok(())
            }
            None => Err(Stopped::LostLease),
        }
    }

    /// Gives the lease back. A person who decided in the meantime wins: then it is still ours, and there is more to do.
    async fn release(&mut self, due: Option<Timestamp>) -> Result<bool, Stopped> {
        match self.context.store().release(&self.lease, &self.attempt, due, self.context.now()).await? {
            Saved::Yes => Ok(true),
            Saved::Conflict => self.read_again().await.map(|()| false),
        }
    }

    /// Remembers who waits for a service that is down.
    async fn met(&self, error: &ServiceError) -> Result<(), StoreError> {
        let Some(service) = error.outage_of() else { return Ok(()) };
        let now = self.context.now();
        self.context.store().met_outage(service, self.attempt.id, &error.to_string(), now).await
    }

    /// The step, or the card, is tried again after a pause.
    fn postpone(&mut self, is_card: bool, error: &ServiceError, at: Timestamp) {
        if !is_card {
            warn!(error = %error, "A step failed; again at {at}");
            self.attempt.step_failed(retry::failure(error, at), self.context.now());
            return;
        }
        self.attempt.card_postponed(at);
        let failures = self.attempt.card.failures;
        if failures < retry::CARD_IN_TROUBLE {
            warn!(error = %error, "Slack did not take the card; it stays owed until {at}");
            return;
        }
        error!(error = %error, "Slack did not take the card {failures} times; people do not see it");
        self.context.worker.measure(&Measured::CardFailures);
    }

    /// Workers died over this attempt again and again: whatever it does next is given up.
    async fn give_up_after_crashes(&mut self) -> Result<(), Stopped> {
        // Without a step it has ended: only its card can be what they died over, and a plain one is shown.
        let Next::Do(step) = self.attempt.next_work(self.context.now()) else { return Ok(()) };
        let sentence = format!("The worker stopped {MAX_TRIES} times while it worked on this; see its logs.");
        let reason = Reason::new(ReasonCode::RetriesUsedUp, sentence);
        warn!(reason = reason.detail, step = step.name(), "Gave a step up");
        let events = retry::give_up(&self.attempt, step, reason);
        self.keep(Happened::Events(events)).await
    }
}
