//! The card of an outage: posted when a circuit opens, brought up to date when it closes. With an incoming webhook the end
//! is a second message, since the first cannot be changed.

use autofix::attempt::CardMessage;
use autofix::circuit::Outage;
use autofix::journal::Service;
use autofix::messages::{self, Card};
use autofix::outbound::ServiceError;
use autofix::slack::{MessageRef, Way};
use autofix::store::{Saved, StoreError, VersionedCircuit};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::circuit::{self, MayAsk};
use crate::{Worker, trouble};

/// While one run of the clock shows the card, another one leaves it alone. A post takes seconds.
const SHOWING_TAKES: SignedDuration = SignedDuration::from_mins(2);

/// Shows the card of a service's outage, where one is owed. Slack's failure postpones it; only the table's is an error.
pub(crate) async fn show(worker: &Worker, service: Service) -> Result<(), StoreError> {
    let now = worker.clock.now();
    let is_due = |found: &VersionedCircuit| found.circuit.card_due().is_some_and(|due| due <= now);
    let found = worker.store.circuit(service).await?;
    let Some(outage) = found.circuit.outage.as_ref().filter(|_| is_due(&found)) else { return Ok(()) };
    if let MayAsk::NotBefore(until) = circuit::may_ask(worker, Service::Slack).await? {
        return change(worker, service, outage.since, |outage| outage.card.put_off(until)).await;
    }
    // Read after that: to ask may have meant to take the trial, which for Slack's own outage is a write to this circuit.
    let before = worker.store.circuit(service).await?;
    let mut taken = before.circuit.clone();
    let Some(outage) = taken.outage.as_mut().filter(|_| is_due(&before)) else { return Ok(()) };
    let tried = outage.card.post_tried_at.replace(now);
    outage.card.put_off(now + SHOWING_TAKES);
    let (outage, revision) = (outage.clone(), outage.card.revision());
    if worker.store.save_circuit(service, &before, &taken).await? == Saved::Conflict {
        return Ok(()); // someone else shows it, or it is over: the clock comes back
    }
    let mut told = outage.clone();
    if service == Service::Slack {
        // Whoever reads of Slack's outage reads it in Slack, so that it is over.
        told.ended_at.get_or_insert(now);
    }
    let key = format!("outage {service} {}", outage.since);
    let shown = post(worker, (&messages::outage(service, &told), &key), (&outage, tried)).await;
    circuit::note(worker).await?;
    change(worker, service, outage.since, |current| match &shown {
        // The post itself was the end of Slack's outage, and told it.
        Ok(message) if service == Service::Slack => {
            current.card.shown(current.card.revision(), message.clone())
        }
        Ok(message) => current.card.shown(revision, message.clone()),
        Err(error) => {
            warn!(error = %error, "Slack did not take the card of an outage; it stays owed");
            current.card.refused(trouble::again_at(error, current.card.failures(), now));
        }
    })
    .await
}

/// Changes the outage that began at `since`, unless another one has taken its place.
async fn change(
    worker: &Worker,
    service: Service,
    since: Timestamp,
    change: impl Fn(&mut Outage),
) -> Result<(), StoreError> {
    let changed = worker.store.change_circuit(service, |circuit| {
        if let Some(outage) = circuit.outage.as_mut().filter(|outage| outage.since == since) {
            change(outage);
        }
    });
    changed.await.map(|_| ())
}

async fn post(
    worker: &Worker,
    (card, key): (&Card, &str),
    (outage, tried): (&Outage, Option<Timestamp>),
) -> Result<Option<CardMessage>, ServiceError> {
    let slack = &worker.slack;
    let channel = match (slack.way().await?, &worker.config.notices_channel) {
        (Way::Bot, Some(channel)) => channel,
        (Way::Webhook, _) => {
            slack.post_by_webhook(card).await?;
            return Ok(None);
        }
        (Way::Bot, None) | (Way::Nowhere, _) => {
            warn!("No Slack channel is configured: the outage is in the log only");
            return Ok(None);
        }
    };
    let known =
        outage.card.message.as_ref().and_then(|message| {
            Some(MessageRef { channel: message.channel.clone()?, ts: message.ts.clone()? })
        });
    let known = match (known, tried) {
        (Some(place), _) => Some(place),
        (None, Some(_)) => slack.find(channel, key).await?,
        (None, None) => None,
    };
    if let Some(place) = known {
        match slack.update(&place, card, key).await {
            Ok(()) => return Ok(Some(message_at(place))),
            Err(ServiceError::NotFound(_)) => {
                info!("The card of an outage is gone from Slack; posting it again")
            }
            Err(error) => return Err(error),
        }
    }
    slack.post(channel, card, key).await.map(|place| Some(message_at(place)))
}

fn message_at(place: MessageRef) -> CardMessage {
    CardMessage { channel: Some(place.channel), ts: Some(place.ts) }
}
