//! Looks for issues whose webhook never came, and lets them in as the webhook would have. Idempotent: an issue that
//! anybody ever had, an attempt or Sentry's own agent, is left alone, whatever became of it.

use autofix::attempt::Attempt;
use autofix::config::CatchUpConfig;
use autofix::outbound::ServiceError;
use autofix::redaction::redact_incident;
use autofix::sentry::ListedIssue;
use autofix::store::{Admission, NewAttempt, Occasion, Saved, StoreError};
use jiff::SignedDuration;
use tracing::{error, info, warn};

use crate::worker::Worker;

/// Pages of a hundred issues that one run reads. The next run is a minute away.
const MAX_PAGES: usize = 3;
/// How far back an issue was seen last that has become frequent: somewhat more than the time between two runs.
const LOOK_BACK: SignedDuration = SignedDuration::from_mins(15);

/// Looks, where the time has come. Sentry's failure leaves the search where it was; only the table's is an error.
pub(crate) async fn run(worker: &Worker) -> Result<(), StoreError> {
    let Some(config) = &worker.config.catch_up else { return Ok(()) };
    match worker.sentry.is_configured().await {
        Ok(true) => {}
        Ok(false) => return Ok(()),
        Err(error) => {
            tell(&error);
            return Ok(()); // the next run of the clock looks
        }
    }
    let now = worker.clock.now();
    let Some(mut held) = worker.store.take_catch_up(now).await? else { return Ok(()) };
    let (mut failed, mut pages) = (None, 0);
    let mut left = held.search.begin(now);
    while let Some(stretch) = left
        && pages < MAX_PAGES
    {
        let found = match worker.sentry.new_issues(&config.organization, stretch).await {
            Ok(found) => found,
            Err(error) => {
                failed = Some(error);
                break;
            }
        };
        for issue in found.issues {
            let_in(worker, config, issue).await?;
        }
        left = held.search.page_read(found.page);
        pages += 1;
    }
    if let (None, Some(times)) = (&failed, worker.config.bars.fewest_events()) {
        let since = held.search.next_at.min(now) - LOOK_BACK;
        match worker.sentry.frequent_issues(&config.organization, times, since).await {
            Ok(issues) => let_in_frequent(worker, config, issues).await?,
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        None => held.search.run_ended(now),
        Some(error) => {
            tell(&error);
            let asked = error.retry_after.unwrap_or_default();
            held.search.run_failed(now, SignedDuration::try_from(asked).unwrap_or(SignedDuration::ZERO));
        }
    }
    if worker.store.save_catch_up(held).await? == Saved::Conflict {
        warn!("Another worker took over the search for lost webhooks");
    }
    Ok(())
}

fn tell(error: &ServiceError) {
    match error.may_pass() {
        true => warn!(error = %error, "Sentry did not list its new issues; asked again later"),
        false => error!(
            error = %error,
            "Sentry does not list its new issues, so lost webhooks stay lost. Check `SENTRY_ORG`, and what `SENTRY_AUTH_TOKEN` may do (event:read)"
        ),
    }
}

/// Issues that were below `AUTOFIX_MIN_EVENTS` when they were reported, and have been seen more often since.
async fn let_in_frequent(
    worker: &Worker,
    config: &CatchUpConfig,
    issues: Vec<ListedIssue>,
) -> Result<(), StoreError> {
    for issue in issues {
        if worker.store.was_below_the_bar(&issue.incident.issue_id).await? {
            let_in(worker, config, issue).await?;
        }
    }
    Ok(())
}

/// What `sentry-intake` does with a webhook, for an issue that nobody ever had.
async fn let_in(worker: &Worker, config: &CatchUpConfig, issue: ListedIssue) -> Result<(), StoreError> {
    let ListedIssue { incident, times_seen } = issue;
    let Some(target) = config.projects.target(&incident.project) else { return Ok(()) };
    if worker.store.claim(&incident.issue_id).await?.is_some() {
        return Ok(());
    }
    let incident = redact_incident(&incident);
    let now = worker.clock.now();
    let bar = worker.config.bars.of(&incident.project);
    if bar.refuses(&incident).is_some() {
        return Ok(());
    }
    let seen = worker.store.times_seen(&incident, times_seen, bar.min_events, now).await?;
    if bar.wants_more_events(seen).is_some() {
        return Ok(());
    }
    let mut attempt = Attempt::of(&incident, target, now);
    attempt.note(now, "Found by asking Sentry: no webhook had told of this issue");
    let new = NewAttempt {
        attempt: &attempt,
        incident: &incident,
        occasion: Occasion::Reported,
        max_per_hour: worker.config.max_attempts_per_hour,
    };
    match worker.store.admit(new, now).await? {
        Admission::Started(id) => {
            info!(attempt.id = %id, issue = incident.issue_id, "Started attempt {id} for an issue whose webhook never came");
        }
        Admission::TurnedAway(id) => {
            info!(attempt.id = %id, issue = incident.issue_id, "Turned attempt {id} away: the hour is full");
        }
        // The webhook came in this moment.
        Admission::Duplicate(_)
        | Admission::Completed(_)
        | Admission::Rests(_)
        | Admission::HourFull
        | Admission::LeftToSentry => {}
    }
    Ok(())
}
