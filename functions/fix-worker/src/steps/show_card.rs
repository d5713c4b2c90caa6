//! The card: posted once and updated in place with a bot token; with an incoming webhook one message
//! for each state that deserves one. Everything else about Slack is in `autofix::slack`.

use autofix::access::{self, AccessKeys};
use autofix::attempt::{Attempt, AttemptId, CardEvent, CardMessage, Event};
use autofix::config::names;
use autofix::journal::Service;
use autofix::messages::{self, Buttons, Card, WayOn};
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::slack::{Connection, MessageRef};
use jiff::SignedDuration;
use serde_json::json;
use tracing::{info, warn};

use crate::context::Context;
use crate::happened::Stopped;
use crate::happened::{Early, Stepped};
use crate::worker::Worker;

/// How long Slack lets a click's `response_url` be used; a minute less, to be sure.
const RESPONSE_URL_LIFE: SignedDuration = SignedDuration::from_mins(29);
/// A post that was sent shows in the channel within this time, or never: twice the time that we wait for the answer.
const POST_ARRIVES_WITHIN: SignedDuration = SignedDuration::from_secs(30);

pub(super) async fn show_card(context: &Context<'_>, attempt: &Attempt) -> Stepped {
    let way_on = way_on(context.worker, attempt.id).await;
    let plain = || messages::plain_card(attempt, &way_on);
    let shown = if context.worker_keeps_dying() {
        show(context, attempt, &plain()).await?
    } else {
        match show(context, attempt, &messages::card(attempt, &way_on)).await {
            Err(Early::Stopped(Stopped::Service(
                error @ ServiceError { kind: ErrorKind::Refused { .. }, .. },
            ))) => {
                warn!(error = %error, "Slack refuses the card; showing the plain one");
                show(context, attempt, &plain()).await?
            }
            shown => shown?,
        }
    };
    let place = shown.message.as_ref().or(attempt.card.message.as_ref()).and_then(MessageRef::of);
    let note = match place {
        Some(place) => note(context, attempt, &place).await?,
        None => None,
    };
    let Shown { message, told } = shown;
    Ok(Event::Card(CardEvent::Shown { revision: attempt.card.wanted, message, told, note }).into())
}

/// What was shown.
#[derive(Default)]
struct Shown {
    /// Where it stands, if that is new.
    message: Option<CardMessage>,
    /// The occasion that was told, where each has its own message.
    told: Option<String>,
}

async fn show(context: &Context<'_>, attempt: &Attempt, card: &Card) -> Result<Shown, Early> {
    match context.worker.slack.connection().await? {
        Connection::Bot => by_bot(context, attempt, card).await,
        Connection::Webhook => Ok(by_webhook(context, attempt, card).await?),
        Connection::Missing => {
            warn!("No Slack is configured: the card of this attempt is in the API only");
            Ok(Shown::default())
        }
    }
}

/// Without a signing secret no click could be trusted, so the card has none to offer, and a dialog needs a bot token;
/// without an address and a token nobody could open the details.
async fn way_on(worker: &Worker, id: AttemptId) -> WayOn {
    let buttons =
        match (worker.secrets.get(names::SLACK_SIGNING_SECRET).await, worker.slack.connection().await) {
            (Ok(Some(_)), Ok(Connection::Bot)) => Buttons::WithDialogs,
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

/// Tells in the card's thread what the card itself cannot, and gives back the note's key. What Slack refuses for good is left
/// out: the card stands.
async fn note(
    context: &Context<'_>,
    attempt: &Attempt,
    place: &MessageRef,
) -> Result<Option<String>, ServiceError> {
    let Some(note) = messages::thread_note(attempt) else { return Ok(None) };
    if attempt.card.notes.contains(&note.key) {
        return Ok(None);
    }
    let slack = &context.worker.slack;
    let key = format!("{} {}", attempt.id, note.key);
    // After a crash between the reply and the note in the table the reply is there already.
    if !slack.has_reply(place, &key).await? {
        match slack.reply(place, &note.card, &key).await {
            Err(error) if !error.may_pass() => {
                warn!(error = %error, "Slack refuses a note in the card's thread; leaving it out");
            }
            replied => replied?,
        }
    }
    Ok(Some(note.key))
}

async fn by_bot(context: &Context<'_>, attempt: &Attempt, card: &Card) -> Result<Shown, Early> {
    let slack = &context.worker.slack;
    let key = attempt.id.to_string();
    let at = |place: MessageRef| Shown { message: Some(place.into()), told: None };
    if let Some(place) = attempt.card.message.as_ref().and_then(MessageRef::of) {
        match slack.update(&place, card, &key).await {
            Ok(()) => return Ok(at(place)),
            Err(ServiceError { kind: ErrorKind::NotFound, message: why, .. }) => {
                warn!(why, "The card is gone from Slack; posting it again")
            }
            Err(error) => return Err(error.into()),
        }
    }
    let settings = &context.worker.config.slack_channel;
    let channel = attempt.target.slack_channel.as_ref().or(settings.as_ref()).ok_or_else(|| {
        ServiceError::new(
            Service::Slack,
            ErrorKind::Unauthorized,
            "`AUTOFIX_SLACK_CHANNEL` is not set".to_owned(),
        )
    })?;
    if context.post_begins {
        return Ok(at(slack.post(channel, card, &key).await?));
    }
    if let Some(tried_at) = attempt.card.post_tried_at {
        let until = tried_at + POST_ARRIVES_WITHIN;
        if context.now() < until {
            return Err(Event::Card(CardEvent::Uncertain { until }).into());
        }
        if let Some(place) = slack.find(channel, &key).await? {
            info!("Found the card that was posted before");
            slack.update(&place, card, &key).await?;
            return Ok(at(place));
        }
    }
    // Saved before the post: whoever comes after a crash has to look for the card first.
    Err(Event::Card(CardEvent::PostBegins { at: context.now() }).into())
}

/// An incoming webhook cannot update: a clicked card is replaced through its `response_url` while that lives, and
/// otherwise a new message is posted for each occasion that deserves one, once.
async fn by_webhook(context: &Context<'_>, attempt: &Attempt, card: &Card) -> Result<Shown, ServiceError> {
    let slack = &context.worker.slack;
    // An issue that joined is an occasion of its own.
    let joined = attempt.joined.count();
    let occasion = messages::occasion(attempt).map(|occasion| format!("{occasion} {joined}"));
    if let Some(clicked) = &attempt.card.clicked
        && let Ok(url) = url::Url::parse(&clicked.response_url)
        && context.now().duration_since(clicked.at) < RESPONSE_URL_LIFE
    {
        let mut body = card.to_json();
        body["replace_original"] = json!(true);
        match slack.respond(&url, body).await {
            Ok(()) => return Ok(Shown { message: None, told: occasion }),
            Err(error) => warn!(error = %error, "Could not replace the clicked card; posting a new message"),
        }
    }
    if occasion.is_none() || occasion == attempt.card.told {
        return Ok(Shown::default());
    }
    slack.post_by_webhook(card).await?;
    Ok(Shown { message: Some(CardMessage { channel: None, ts: None }), told: occasion })
}
