//! What Sentry reported, with a stack trace: from the webhook, or from Sentry's API while a second webhook may still bring it;
//! and the Sentry issues that an attempt is about.

use autofix::attempt::{Attempt, Event, Occasion, WaitsFor};
use autofix::incident::Incident;
use autofix::reason::{Reason, ReasonCode};
use autofix::redaction::redact_incident;
use autofix::sentry::IssueRef;
use autofix::store::StoreError;
use jiff::SignedDuration;

use crate::context::Context;
use crate::happened::Early;

/// Sentry announces an issue before its event can be read; after this time it is not there.
const EVENT_READABLE_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// Sentry sends the webhooks of an issue and of its alert rules within a minute of each other.
const SECOND_WEBHOOK_WITHIN: SignedDuration = SignedDuration::from_secs(90);
/// Between two looks for the event. A webhook that brings it wakes the attempt sooner.
const LOOK_FOR_EVENT: SignedDuration = SignedDuration::from_secs(20);

/// The incident, if it is worth an attempt. Without a stack trace the attempt waits for one, or ends.
pub(super) async fn readable(context: &Context<'_>, attempt: &Attempt) -> Result<Incident, Early> {
    let Some(incident) = context.incident(attempt).await? else {
        let sentence = "What Sentry reported is no longer in the table.";
        let reason = Reason::new(ReasonCode::SentryUnavailable, sentence);
        return Err(Event::Failed { reason }.into());
    };
    let incident = match incident.has_stack_trace() {
        true => incident,
        false => with_stack_trace(context, attempt, incident).await?,
    };
    check_bar(context, attempt, &incident)?;
    Ok(incident)
}

/// Ends the attempt if the event is below the bar, which the webhook may not have said. What a person started is not.
fn check_bar(context: &Context<'_>, attempt: &Attempt, incident: &Incident) -> Result<(), Early> {
    if attempt.occasion == Occasion::ByHand {
        return Ok(());
    }
    match context.worker.config.bars.of(&incident.project).refuses(incident) {
        None => Ok(()),
        Some(why) => {
            let sentence = format!("AutoFix did not look at this error: {why}.");
            Err(Event::skipped(Reason::new(ReasonCode::BelowTheBar, sentence)).into())
        }
    }
}

async fn with_stack_trace(
    context: &Context<'_>,
    attempt: &Attempt,
    incident: Incident,
) -> Result<Incident, Early> {
    let sentry = &context.worker.sentry;
    let missing = match (sentry.is_configured().await?, &incident.organization) {
        (true, Some(_)) => match sentry.fetch_event(&incident).await? {
            Some(fuller) => {
                let fuller = redact_incident(&fuller);
                if fuller.has_stack_trace() {
                    context.store().save_incident(attempt.id, &fuller, context.now()).await?;
                    return Ok(fuller);
                }
                // Not saved: a webhook may have brought the stack trace in this moment.
                check_bar(context, attempt, &fuller)?;
                Missing::InTheEvent
            }
            None => Missing::Event,
        },
        (true, None) => Missing::Organization,
        (false, _) if incident.event_id.is_some() => Missing::InTheEvent,
        (false, _) => Missing::Token,
    };
    let now = context.now();
    Err(match now.duration_since(attempt.created_at) < missing.timeout() {
        true => Event::Waits { what: WaitsFor::StackTrace, look_at: now + LOOK_FOR_EVENT }.into(),
        false => Event::skipped(Reason::new(ReasonCode::NoStackTrace, missing.sentence())).into(),
    })
}

/// Why there is no stack trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// Sentry shows the event, and it has none.
    InTheEvent,
    /// Sentry does not show the event.
    Event,
    Organization,
    Token,
}

impl Missing {
    /// How long after the first webhook a second one, or the event, may still come.
    fn timeout(self) -> SignedDuration {
        match self {
            Missing::InTheEvent => SignedDuration::ZERO,
            Missing::Event => EVENT_READABLE_AFTER,
            Missing::Organization | Missing::Token => SECOND_WEBHOOK_WITHIN,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Missing::InTheEvent => {
                "The event has no stack trace, so there is no code to look at. For messages, the SDK's option \
                 `attach_stacktrace` adds one."
            }
            Missing::Event => {
                "Sentry does not show the event of this issue, and no webhook brought its stack trace. Check which \
                 organisation `SENTRY_AUTH_TOKEN` is for."
            }
            Missing::Organization => {
                "The webhook names no organisation, so the event cannot be fetched, and no other webhook brought its stack \
                 trace. Set `SENTRY_ORG`."
            }
            Missing::Token => {
                "The webhook carries no stack trace, and no other webhook brought it. Set `SENTRY_AUTH_TOKEN`, so that \
                 AutoFix can fetch the event, or add an alert rule that notifies the integration: its webhook has it."
            }
        }
    }
}

/// The issue of the attempt itself.
pub(super) async fn own_issue(
    context: &Context<'_>,
    attempt: &Attempt,
) -> Result<Option<IssueRef>, StoreError> {
    if let Some(issue) = attempt.subject.sentry_url.as_deref().and_then(IssueRef::of_link) {
        return Ok(Some(issue));
    }
    Ok(issue_with_incident(context, attempt).await?.map(|(issue, _)| issue))
}

/// The same, with what Sentry reported.
pub(super) async fn issue_with_incident(
    context: &Context<'_>,
    attempt: &Attempt,
) -> Result<Option<(IssueRef, Incident)>, StoreError> {
    let incident = context.incident(attempt).await?;
    Ok(incident.and_then(|incident| Some((IssueRef::of(&incident)?, incident))))
}

/// The issues of the same fault that the fix is for as well, as far as they have an address.
pub(super) fn joined_issues(attempt: &Attempt) -> Vec<IssueRef> {
    let issues = attempt.joined.issues.iter();
    issues.filter_map(|joined| IssueRef::of_link(joined.sentry_url.as_deref()?)).collect()
}
