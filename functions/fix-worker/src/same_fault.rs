//! One fault, one answer: before anything is paid for, the attempt takes its incident's fault, or finds the attempt that has
//! it and joins that one, waits for it, or ends with its answer.

use autofix::attempt::{
    Answer, Attempt, Event, JoinedIssue, LONGEST_OUTAGE, SameFault, Standing, WaitsFor, standing,
};
use autofix::fault::fault_key;
use autofix::incident::Incident;
use autofix::messages;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::store::{Fault, FaultHolder, Saved, StoreError, Versioned};
use jiff::SignedDuration;
use tracing::info;

use crate::desk::{Desk, Stopped};

/// Between two looks at an attempt that is finding out. It has its own limits, so most waits are a matter of minutes.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);
/// Longer than an attempt waits for a service that is down, with the pause after its last try.
const PATIENCE: SignedDuration = SignedDuration::from_hours(LONGEST_OUTAGE.as_hours() + 1);
/// An attempt that ends for another one's want of patience may be tried again after this time.
const UNDECIDED_REST: SignedDuration = SignedDuration::from_hours(1);
/// Races for a fault that changes hands; each has a winner that is at work then.
const ROUNDS: usize = 8;

/// Whose the fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Ours to look at. The analysis sees the fixes that are open in the same file.
    Ours,
    /// The attempt has ended or waits; what there is to do is done.
    Another,
}

/// Takes the fault, or does what another attempt's standing asks for.
pub(crate) async fn claim(desk: &mut Desk<'_>, incident: &Incident) -> Result<Whose, Stopped> {
    let key = fault_key(incident);
    let repo = desk.attempt.target.repo.clone();
    let fault = Fault { repo: &repo, key: &key };
    let me = desk.attempt.id;
    for _ in 0..ROUNDS {
        let (store, now) = (desk.store(), desk.now());
        let holder = match store.claim_fault(fault, me, now).await? {
            FaultHolder::Ours => return Ok(Whose::Ours),
            FaultHolder::Other(holder) => holder,
        };
        let other = store.attempt(holder).await?;
        let standing = other.as_ref().map(|other| standing(&other.attempt, &desk.attempt, now));
        let (Some(other), Some(standing)) = (other, standing) else {
            // Attempts are kept for half a year; the fault of one that is gone is free.
            let _ = store.take_over_fault(fault, holder, me, now).await?;
            continue;
        };
        match standing {
            Standing::Free => {
                remember(desk, &other.attempt).await?;
                let _ = desk.store().take_over_fault(fault, holder, me, now).await?;
                continue;
            }
            Standing::Deciding => wait_for(desk, &other.attempt).await?,
            // The card says of joined issues that the fix is for them, too: only where it changes the line that they crashed in.
            Standing::Open => {
                match other.attempt.state.fix().map(|fix| fix.changes_crash_line_of(incident)) {
                    Some(true) => join(desk, &other).await?,
                    Some(false) | None => return Ok(Whose::Ours),
                }
            }
            Standing::Ended { answer: Answer::LeftToPeople, .. }
                if is_merged(desk, &other.attempt).await? =>
            {
                remember(desk, &other.attempt).await?;
                let _ = desk.store().take_over_fault(fault, holder, me, now).await?;
                continue;
            }
            Standing::Ended { answer, until } => {
                let reason = messages::same_fault_ended(&other.attempt, answer, until);
                let same_fault = Box::new(SameFault::of(&other.attempt, until));
                desk.happened(Event::SameFaultKnown { same_fault, reason }).await?;
            }
        }
        return Ok(Whose::Another);
    }
    let message = "the fault changes hands too fast".to_owned();
    Err(Stopped::Store(StoreError::Unavailable(message)))
}

/// Keeps which attempt proposed a fix before, for the analysis to know. Saved before the fault changes hands: after that
/// nobody would find it.
async fn remember(desk: &mut Desk<'_>, other: &Attempt) -> Result<(), Stopped> {
    let earlier = other.state.fix().map(|_| other.id).or(other.earlier);
    if earlier.is_none() || desk.attempt.earlier == earlier {
        return Ok(());
    }
    desk.attempt.earlier = earlier;
    desk.save().await
}

/// Whether people have merged what was left to them. Then the fault may be looked at again; what is open or closed is
/// theirs.
async fn is_merged(desk: &Desk<'_>, other: &Attempt) -> Result<bool, Stopped> {
    let Some(left) = other.state.pull_request() else { return Ok(false) };
    match desk.worker.github.pull_request(&other.target.repo, left.number).await {
        Ok(current) => Ok(current.merged),
        Err(ServiceError { kind: ErrorKind::NotFound, .. }) => Ok(false), // moved or deleted: nothing was merged
        Err(error) => Err(error.into()),
    }
}

/// Waits, by the clock, until the other attempt knows more; not for ever.
async fn wait_for(desk: &mut Desk<'_>, other: &Attempt) -> Result<(), Stopped> {
    let now = desk.now();
    let since = desk.attempt.wait.as_ref().map_or(now, |wait| wait.since);
    if now.duration_since(since) < PATIENCE {
        let what = WaitsFor::Attempt { id: other.id };
        return desk.happened(Event::Waits { what, look_at: now + LOOK_AGAIN }).await;
    }
    let reason = messages::same_fault_undecided(other);
    let same_fault = Box::new(SameFault::of(other, now + UNDECIDED_REST));
    desk.happened(Event::SameFaultKnown { same_fault, reason }).await
}

/// Ends this attempt and adds its issue to the other one, in one transaction.
async fn join(desk: &mut Desk<'_>, other: &Versioned) -> Result<(), Stopped> {
    let now = desk.now();
    let subject = &desk.attempt.subject;
    let issue = JoinedIssue {
        attempt: desk.attempt.id,
        sentry_issue_id: subject.sentry_issue_id.clone(),
        sentry_url: subject.sentry_url.clone(),
        title: subject.title.clone(),
        at: now,
    };
    let mut with_issue = other.attempt.clone();
    let mut joining = desk.attempt.clone();
    let same_fault = Box::new(SameFault::joined(&other.attempt, now));
    let reason = messages::same_fault_joined(&other.attempt);
    with_issue
        .apply(Event::IssueJoined { issue }, now)
        .map_err(|refusal| Stopped::violation(&other.attempt, "IssueJoined", refusal))?;
    joining
        .apply(Event::SameFaultKnown { same_fault, reason }, now)
        .map_err(|refusal| Stopped::violation(&desk.attempt, "SameFaultKnown", refusal))?;
    let saved = desk.worker.store.join(&mut desk.lease, &joining, (other, &with_issue), now).await?;
    if saved == Saved::Conflict {
        // One of the two was changed meanwhile: both are read again, and this step is done again.
        return Err(desk.read_again().await?);
    }
    info!("Joined attempt {}: the same fault", other.attempt.id);
    desk.attempt = joining;
    Ok(())
}
