//! The card: posted once and updated in place with a bot token; with an incoming webhook one message
//! for each state that deserves one. Everything else about Slack is in `autofix::slack`.

use autofix::access::{self, AccessKeys};
use autofix::attempt::{AttemptId, CardMessage, Status};
use autofix::config::names;
use autofix::journal::Service;
use autofix::messages::{self, Buttons, Card, WayOn};
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::slack::{MessageRef, Way};
use autofix::store::{Listing, ListingFilter, Saved, StoreError};
use jiff::SignedDuration;
use serde_json::json;
use tracing::{info, warn};

use crate::desk::{Desk, Stopped};
use crate::{Worker, trouble};

/// How long Slack lets a click's `response_url` be used; a minute less, to be sure.
const RESPONSE_URL_LIFE: SignedDuration = SignedDuration::from_mins(29);
/// A post that was sent shows in the channel within this time, or never: twice the time that we wait for the answer.
const POST_ARRIVES_WITHIN: SignedDuration = SignedDuration::from_secs(30);
/// A run of the clock that takes longer than this to tell the digest is dead: more than a post takes to arrive.
const DIGEST_TAKES: SignedDuration = SignedDuration::from_secs(60);
/// Attempts looked through for the digest's examples.
const EXAMPLES: usize = 10;

/// Brings the card up to what people should see.
pub(crate) async fn show_card(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let revision = desk.attempt.card.wanted;
    let way_on = way_on(desk.worker, desk.attempt.id).await;
    let message = if desk.worker_keeps_dying() {
        show(desk, &messages::plain_card(&desk.attempt, &way_on)).await?
    } else {
        match show(desk, &messages::card(&desk.attempt, &way_on)).await {
            Err(Stopped::Service(error @ ServiceError { kind: ErrorKind::Refused { .. }, .. })) => {
                warn!(error = %error, "Slack refuses the card; showing the plain one");
                show(desk, &messages::plain_card(&desk.attempt, &way_on)).await?
            }
            shown => shown?,
        }
    };
    if message.is_some() {
        desk.attempt.card.message = message.clone();
    }
    note(desk).await?;
    desk.attempt.card_shown(revision, message.clone());
    match desk.save().await {
        // Someone wrote in between, and the attempt was read again: what is shown stays shown.
        Err(Stopped::Changed) => {
            desk.attempt.card_shown(revision, message);
            desk.save().await
        }
        saved => saved,
    }
}

async fn show(desk: &mut Desk<'_>, card: &Card) -> Result<Option<CardMessage>, Stopped> {
    match desk.worker.slack.way().await? {
        Way::Bot => by_bot(desk, card).await.map(Some),
        Way::Webhook => by_webhook(desk, card).await,
        Way::Nowhere => {
            warn!("No Slack is configured: the card of this attempt is in the API only");
            Ok(None)
        }
    }
}

/// Without a signing secret no click could be trusted, so the card has none to offer, and a dialog needs a bot token;
/// without an address and a token nobody could open the details.
async fn way_on(worker: &Worker, id: AttemptId) -> WayOn {
    let buttons = match (worker.secrets.get(names::SLACK_SIGNING_SECRET).await, worker.slack.way().await) {
        (Ok(Some(_)), Ok(Way::Bot)) => Buttons::WithDialogs,
        (Ok(Some(_)), _) => Buttons::Shown,
        (Ok(None) | Err(_), _) => Buttons::LinksOnly,
    };
    WayOn { buttons, details: details(worker, id).await, approvals: worker.config.approvals }
}

async fn details(worker: &Worker, id: AttemptId) -> Option<String> {
    let base = worker.config.public_url.as_ref()?;
    let token = worker.secrets.get(names::API_TOKEN).await.ok()??;
    let seal = AccessKeys::of(&token).link(id, worker.clock.now());
    if seal.is_none() {
        let least = access::MIN_TOKEN_CHARS;
        warn!("Cards have no link to their details: `AUTOFIX_API_TOKEN` has less than {least} characters");
    }
    Some(access::link_address(base, &worker.config.common.prefix, id, &seal?))
}

/// Tells in the card's thread what the card itself cannot. What Slack refuses for good is left out: the card stands.
async fn note(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let Some(note) = messages::thread_note(&desk.attempt) else { return Ok(()) };
    let Some(place) = known_place(desk) else { return Ok(()) };
    if desk.attempt.card.notes.contains(&note.key) {
        return Ok(());
    }
    let slack = &desk.worker.slack;
    let key = format!("{} {}", desk.attempt.id, note.key);
    // After a crash between the reply and the note in the table the reply is there already.
    if !slack.has_reply(&place, &key).await? {
        match slack.reply(&place, &note.card, &key).await {
            Err(error) if !error.may_pass() => {
                warn!(error = %error, "Slack refuses a note in the card's thread; leaving it out");
            }
            replied => replied?,
        }
    }
    desk.attempt.card.noted(note.key);
    Ok(())
}

async fn by_bot(desk: &mut Desk<'_>, card: &Card) -> Result<CardMessage, Stopped> {
    let slack = &desk.worker.slack;
    let key = desk.attempt.id.to_string();
    if let Some(place) = known_place(desk) {
        match slack.update(&place, card, &key).await {
            Ok(()) => return Ok(message_at(place)),
            Err(ServiceError { kind: ErrorKind::NotFound, message: why, .. }) => {
                warn!(why, "The card is gone from Slack; posting it again")
            }
            Err(error) => return Err(error.into()),
        }
    }
    let channel =
        desk.attempt.target.slack_channel.clone().or_else(|| desk.worker.config.slack_channel.clone());
    let channel = channel.ok_or_else(|| {
        ServiceError::new(
            Service::Slack,
            ErrorKind::Unauthorized,
            "`AUTOFIX_SLACK_CHANNEL` is not set".to_owned(),
        )
    })?;
    if let Some(tried_at) = desk.attempt.card.post_tried_at {
        let arrived = tried_at + POST_ARRIVES_WITHIN;
        if desk.now() < arrived {
            return Err(Stopped::CardUncertain { until: arrived });
        }
        if let Some(place) = slack.find(&channel, &key).await? {
            info!("Found the card that was posted before");
            slack.update(&place, card, &key).await?;
            return Ok(message_at(place));
        }
    }
    // Remembered before the post: whoever comes after a crash has to look for the card first.
    desk.attempt.card.post_tried_at = Some(desk.now());
    desk.save().await?;
    let place = desk.worker.slack.post(&channel, card, &key).await?;
    Ok(message_at(place))
}

/// An incoming webhook cannot update: a clicked card is replaced through its `response_url` while that lives, and
/// otherwise a new message is posted for each occasion that deserves one, once.
async fn by_webhook(desk: &mut Desk<'_>, card: &Card) -> Result<Option<CardMessage>, Stopped> {
    let slack = &desk.worker.slack;
    // An issue that joined is an occasion of its own.
    let joined = desk.attempt.joined.count();
    let occasion = messages::occasion(&desk.attempt).map(|occasion| format!("{occasion} {joined}"));
    if let Some(clicked) = &desk.attempt.card.clicked
        && let Ok(url) = url::Url::parse(&clicked.response_url)
        && desk.now().duration_since(clicked.at) < RESPONSE_URL_LIFE
    {
        let mut body = card.to_json();
        body["replace_original"] = json!(true);
        match slack.respond(&url, body).await {
            Ok(()) => {
                desk.attempt.card.told = occasion.or(desk.attempt.card.told.take());
                return Ok(None);
            }
            Err(error) => warn!(error = %error, "Could not replace the clicked card; posting a new message"),
        }
    }
    if occasion.is_none() || occasion == desk.attempt.card.told {
        return Ok(None);
    }
    slack.post_by_webhook(card).await?;
    desk.attempt.card.told = occasion;
    Ok(Some(CardMessage { channel: None, ts: None }))
}

fn known_place(desk: &Desk<'_>) -> Option<MessageRef> {
    place_of(desk.attempt.card.message.as_ref()?)
}

/// Where a message is that can be changed.
pub(crate) fn place_of(message: &CardMessage) -> Option<MessageRef> {
    Some(MessageRef { channel: message.channel.clone()?, ts: message.ts.clone()? })
}

pub(crate) fn message_at(place: MessageRef) -> CardMessage {
    CardMessage { channel: Some(place.channel), ts: Some(place.ts) }
}

/// Tells what the hourly limit turned away. Slack's failure postpones it; only the table's is an error.
pub(crate) async fn tell_digest(worker: &Worker) -> Result<(), StoreError> {
    let now = worker.clock.now();
    let Some(digest) = worker.store.digest().await? else { return Ok(()) };
    if digest.turned_away == 0 || digest.due_at.is_none_or(|due| due > now) {
        return Ok(());
    }
    // Another run of the clock may be at it; or one died over it, and the next one looks for its card first.
    if worker.store.take_digest(&digest, now + DIGEST_TAKES).await? == Saved::Conflict {
        return Ok(());
    }
    let filter = ListingFilter { statuses: vec![Status::Skipped], ..ListingFilter::default() };
    let page = worker.store.list(&Listing { filter, limit: EXAMPLES * 2, before: None, now }).await?;
    let turned_away = |attempt: &autofix::attempt::Attempt| {
        let reasons = attempt.state.reasons();
        attempt.created_at >= digest.since
            && reasons.iter().any(|reason| reason.code == autofix::reason::ReasonCode::HourlyLimit)
    };
    let examples: Vec<_> = page.attempts.into_iter().filter(turned_away).take(EXAMPLES).collect();
    let card = messages::digest(digest.turned_away, &examples, worker.config.max_attempts_per_hour);
    match post_digest(worker, &card, &format!("digest {}", digest.since)).await {
        Ok(()) => worker.store.digest_told(&digest, now).await,
        Err(error) => {
            warn!(error = %error, "Slack did not take the digest; it stays owed");
            worker.store.digest_postponed(trouble::again_at(&error, 1, now)).await
        }
    }
}

async fn post_digest(worker: &Worker, card: &Card, key: &str) -> Result<(), ServiceError> {
    match (worker.slack.way().await?, &worker.config.notices_channel) {
        (Way::Bot, Some(channel)) => {
            // After a crash between the post and the note in the table the card is there already; more may have been
            // turned away since.
            match worker.slack.find(channel, key).await? {
                Some(place) => worker.slack.update(&place, card, key).await,
                None => worker.slack.post(channel, card, key).await.map(|_| ()),
            }
        }
        (Way::Webhook, _) => worker.slack.post_by_webhook(card).await,
        (Way::Bot, None) | (Way::Nowhere, _) => {
            warn!("No Slack channel is configured: the digest is in the API only");
            Ok(())
        }
    }
}
