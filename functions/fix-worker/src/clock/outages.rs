//! Tells people of a service that does not answer: one notice for an outage, kept up to date until no attempt waits for it.

use autofix::attempt::CardMessage;
use autofix::journal::Service;
use autofix::messages::{self, OutageNotice, OutageStage};
use autofix::metrics::Measured;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::slack::{Connection, MessageRef};
use autofix::store::{Outage, Saved, StoreError};
use jiff::SignedDuration;
use tracing::{info, warn};

use crate::worker::Worker;

/// Attempts that wait for less time than this get over it without people.
const TELL_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// While one run of the clock posts the notice, another one leaves it alone. A post takes seconds.
const TELLING_TAKES: SignedDuration = SignedDuration::from_mins(2);

/// Looks at every outage. Slack's failure leaves the notice to the next run of the clock; only the table's is an error.
pub(crate) async fn look(worker: &Worker) -> Result<(), StoreError> {
    let now = worker.clock.now();
    for outage in worker.store.outages().await? {
        if now.duration_since(outage.since) < TELL_AFTER {
            continue;
        }
        let waiting = waiting(worker, &outage).await?;
        worker.measure(&Measured::Waiting { service: outage.service.as_str(), attempts: waiting });
        let is_slacks = outage.service == Service::Slack;
        // Nobody reads in Slack that Slack is down, so its notice comes when it is over.
        let lasted = outage.last_at.duration_since(outage.since) >= TELL_AFTER;
        let stage = match (waiting, outage.told) {
            (0, None) if !(is_slacks && lasted) => None,
            (0, _) => Some(OutageStage::Over { at: now }),
            (waiting, told) if is_slacks || told == Some(waiting) => continue,
            (waiting, _) => Some(OutageStage::Waiting(waiting)),
        };
        if let Some(stage) = stage {
            if worker.store.take_outage(&outage, now + TELLING_TAKES, now).await? == Saved::Conflict {
                continue;
            }
            let message = match tell(worker, &outage, stage).await {
                Ok(message) => message,
                Err(error) => {
                    warn!(error = %error, "Slack did not take the notice of an outage; the clock tries again");
                    continue;
                }
            };
            worker.store.outage_told(&outage, waiting, message.as_ref()).await?;
        }
        if waiting == 0 {
            info!(service = %outage.service, "No attempt waits for {} any longer", outage.service.name());
            worker.store.outage_over(&outage).await?;
        }
    }
    Ok(())
}

/// How many attempts still wait.
async fn waiting(worker: &Worker, outage: &Outage) -> Result<u32, StoreError> {
    let mut waiting = 0;
    for id in &outage.met_by {
        let found = worker.store.attempt(*id).await?;
        waiting += u32::from(found.is_some_and(|found| found.attempt.waits_for(outage.service)));
    }
    Ok(waiting)
}

/// Brings the notice up to this stage; where it is then.
async fn tell(
    worker: &Worker,
    outage: &Outage,
    stage: OutageStage,
) -> Result<Option<CardMessage>, ServiceError> {
    let Outage { service, since, why, .. } = outage;
    let card = messages::outage(&OutageNotice { service: *service, since: *since, why, stage });
    let slack = &worker.slack;
    let channel = match (slack.connection().await?, &worker.config.notices_channel) {
        (Connection::Bot, Some(channel)) => channel,
        (Connection::Webhook, _) => {
            // Such a message cannot be changed, so that the number in it stays the first one.
            let is_update = outage.told.is_some() && matches!(stage, OutageStage::Waiting(_));
            return if is_update { Ok(None) } else { slack.post_by_webhook(&card).await.map(|()| None) };
        }
        (Connection::Bot, None) | (Connection::Missing, _) => {
            warn!("No Slack channel is configured: the outage is in the log only");
            return Ok(None);
        }
    };
    let key = format!("outage {service} {since}");
    let place = match outage.message.as_ref().and_then(MessageRef::of) {
        Some(place) => Some(place),
        None => slack.find(channel, &key).await?,
    };
    if let Some(place) = place {
        match slack.update(&place, &card, &key).await {
            Err(ServiceError { kind: ErrorKind::NotFound, .. }) => {}
            updated => return updated.map(|()| Some(place.into())),
        }
    }
    slack.post(channel, &card, &key).await.map(|place| Some(place.into()))
}
