//! Before anything is paid for: an event with a stack trace, the fault that no other attempt has, and the commit that
//! everything is about.
//!
//! One fault, one answer: the attempt takes its incident's fault, or finds the attempt that has it and joins that one, waits
//! for it, or ends with its answer.

use autofix::attempt::{
    Attempt, Event, Fact, FaultAnswer, FaultStatus, JoinedIssue, LONGEST_OUTAGE, SameFault, Subject,
    WaitsFor, fault_status,
};
use autofix::fault::fault_key;
use autofix::incident::Incident;
use autofix::journal::Service;
use autofix::messages;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::redaction::redact_incident;
use autofix::store::{Fault, FaultHolder, StoreError, Versioned};
use jiff::{SignedDuration, Timestamp};

use crate::context::Context;
use crate::happened::{Early, Happened, Joining, Stepped};
use crate::steps::{case_at, incident};

/// Between two looks at an attempt that is finding out. It has its own limits, so most waits are a matter of minutes.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// Longer than an attempt waits for a service that is down, with the pause after its last try.
const PATIENCE: SignedDuration = SignedDuration::from_hours(LONGEST_OUTAGE.as_hours() + 1);
/// An attempt that ends for another one's want of patience may be tried again after this time.
const UNDECIDED_REST: SignedDuration = SignedDuration::from_hours(1);
/// Races for a fault that changes hands; each has a winner that is at work then.
const ROUNDS: usize = 8;

pub(super) async fn prepare(context: &Context<'_>, attempt: &Attempt) -> Stepped {
    let incident = incident::readable(context, attempt).await?;
    let subject = Subject::of(&redact_incident(&incident));
    if subject != attempt.subject {
        return Ok(Fact::Subject(Box::new(subject)).into());
    }
    claim_fault(context, attempt, &incident).await?;
    let repo = &attempt.target.repo;
    let branch = case_at::base_branch(context, attempt).await?;
    let head = context.worker.github.branch_head(repo, &branch).await?;
    let base_sha = head.ok_or_else(|| {
        ServiceError::new(Service::Github, ErrorKind::NotFound, format!("the branch `{branch}` of `{repo}`"))
    })?;
    Ok(Happened::from(Event::AnalysisStarted { base_sha: Some(base_sha) }))
}

/// Takes the fault, or ends the step with what the status of another attempt asks for.
async fn claim_fault(context: &Context<'_>, attempt: &Attempt, incident: &Incident) -> Result<(), Early> {
    let key = fault_key(incident);
    let fault = Fault { repo: &attempt.target.repo, key: &key };
    for _ in 0..ROUNDS {
        let (store, now) = (context.store(), context.now());
        let holder = match store.claim_fault(fault, attempt.id, now).await? {
            FaultHolder::Ours => return Ok(()),
            FaultHolder::Other(holder) => holder,
        };
        let Some(other) = store.attempt(holder).await? else {
            // Attempts are kept for half a year; the fault of one that is gone is free.
            let _ = store.take_over_fault(fault, holder, attempt.id, now).await?;
            continue;
        };
        match fault_status(&other.attempt, attempt, now) {
            FaultStatus::Free => {}
            FaultStatus::Deciding => return Err(wait_for(attempt, &other.attempt, now).into()),
            // The card says of joined issues that the fix is for them, too: only where it changes the line that they crashed in.
            FaultStatus::Open => {
                return match other.attempt.state.fix().map(|fix| fix.changes_crash_line_of(incident)) {
                    Some(true) => Err(join(attempt, other, now)),
                    Some(false) | None => Ok(()),
                };
            }
            FaultStatus::Ended { answer, until } => {
                if answer != FaultAnswer::LeftToPeople || !is_merged(context, &other.attempt).await? {
                    let reason = messages::same_fault_ended(&other.attempt, answer, until);
                    let same_fault = Box::new(SameFault::of(&other.attempt, until));
                    return Err(Event::SameFaultKnown { same_fault, reason }.into());
                }
            }
        }
        remember(attempt, &other.attempt)?;
        let _ = store.take_over_fault(fault, holder, attempt.id, now).await?;
    }
    Err(StoreError::Unavailable("the fault changes hands too fast".to_owned()).into())
}

/// Keeps which attempt proposed a fix before, for the analysis to know. Saved before the fault changes hands: after that
/// nobody would find it.
fn remember(attempt: &Attempt, other: &Attempt) -> Result<(), Early> {
    match other.state.fix().map(|_| other.id).or(other.earlier) {
        Some(earlier) if attempt.earlier != Some(earlier) => {
            Err(Event::Learned(Fact::Earlier(earlier)).into())
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether people have merged what was left to them. Then the fault may be looked at again; what is open or closed is
/// theirs.
async fn is_merged(context: &Context<'_>, other: &Attempt) -> Result<bool, ServiceError> {
    let Some(left) = other.state.pull_request() else { return Ok(false) };
    match context.worker.github.pull_request(&other.target.repo, left.number).await {
        Ok(current) => Ok(current.merged),
        Err(ServiceError { kind: ErrorKind::NotFound, .. }) => Ok(false), // moved or deleted: nothing was merged
        Err(error) => Err(error),
    }
}

/// Waits, by the clock, until the other attempt knows more; not for ever.
fn wait_for(attempt: &Attempt, other: &Attempt, now: Timestamp) -> Event {
    let since = attempt.wait.as_ref().map_or(now, |wait| wait.since);
    if now.duration_since(since) < PATIENCE {
        return Event::Waits { what: WaitsFor::Attempt { id: other.id }, look_at: now + LOOK_AGAIN };
    }
    let reason = messages::same_fault_undecided(other);
    let same_fault = Box::new(SameFault::of(other, now + UNDECIDED_REST));
    Event::SameFaultKnown { same_fault, reason }
}

/// Ends this attempt and adds its issue to the other one.
fn join(attempt: &Attempt, other: Versioned, now: Timestamp) -> Early {
    let subject = &attempt.subject;
    let issue = JoinedIssue {
        attempt: attempt.id,
        sentry_issue_id: subject.sentry_issue_id.clone(),
        sentry_url: subject.sentry_url.clone(),
        title: subject.title.clone(),
        at: now,
    };
    let same_fault = Box::new(SameFault::joined(&other.attempt, now));
    let reason = messages::same_fault_joined(&other.attempt);
    let event = Event::SameFaultKnown { same_fault, reason };
    Early::Happened(Happened::Joined(Box::new(Joining { event, other, issue })))
}
