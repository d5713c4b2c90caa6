//! Who may look at the web page: whoever has the API token, for some hours after the login form, and whoever
//! holds a signed link to one attempt.
//!
//! Sessions and links are signatures under keys derived from the API token. Nothing has to be kept, and a new token ends
//! every session and every link at once. A signature opens only what it names: a link is for one attempt, until one time.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::attempt::AttemptId;
use crate::secrets::Secret;

/// How long a login lasts: a working day.
pub const SESSION: SignedDuration = SignedDuration::from_hours(12);
/// How long a link on a card can be followed, counted from the day on which the card is shown.
pub const LINK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A link's signature is seen by a whole channel, and tells a right guess of the token from a wrong one. Tokens
/// below this length could be guessed that way, so they sign no links.
pub const MIN_TOKEN_CHARS: usize = 16;

/// Bytes of a signature: half of the hash is far more than can be guessed, and keeps a link short.
const SIGNATURE_BYTES: usize = 16;

/// The keys that one API token gives.
pub struct AccessKeys {
    sessions: Key,
    /// `None` where the token is too short to be seen through a signature.
    links: Option<Key>,
}

/// The proof in a link: until when it holds (epoch seconds), and the signature. In text, `until.signature`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal(String);

impl std::fmt::Display for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the page of one attempt is, below the deployment's address.
pub fn attempt_path(prefix: &str, attempt: AttemptId) -> String {
    format!("{prefix}/view/{attempt}")
}

/// The whole address of a sealed link: `base` is the deployment's, without the prefix.
pub fn link_address(base: &url::Url, prefix: &str, attempt: AttemptId, seal: &Seal) -> String {
    let base = base.as_str().trim_end_matches('/');
    format!("{base}{}?seal={seal}", attempt_path(prefix, attempt))
}

impl AccessKeys {
    pub fn of(token: &Secret) -> AccessKeys {
        let long_enough = token.expose().chars().count() >= MIN_TOKEN_CHARS;
        AccessKeys {
            sessions: Key::derived(token, "autofix: sessions of the page"),
            links: long_enough.then(|| Key::derived(token, "autofix: links to one attempt")),
        }
    }

    /// The value of a session's cookie: it holds for [`SESSION`] from now.
    pub fn session(&self, now: Timestamp) -> String {
        self.sessions.sealed("session", now + SESSION)
    }

    pub fn is_session(&self, value: &str, now: Timestamp) -> bool {
        self.sessions.opens("session", value, now)
    }

    /// The seal of a link to one attempt; `None` where the token is too short. It changes once a day, so that a card
    /// that is shown twice is the same card.
    pub fn link(&self, attempt: AttemptId, now: Timestamp) -> Option<Seal> {
        let day = now.to_zoned(TimeZone::UTC).start_of_day().map_or(now, |day| day.timestamp());
        let until = day + SignedDuration::from_hours(24) + LINK;
        Some(Seal(self.links.as_ref()?.sealed(&attempt.to_string(), until)))
    }

    pub fn is_link(&self, attempt: AttemptId, seal: &str, now: Timestamp) -> bool {
        self.links.as_ref().is_some_and(|key| key.opens(&attempt.to_string(), seal, now))
    }
}

/// Whether this is the API token, in a time that tells nothing about the right one: not how much of it was right, and
/// not how long it is.
pub fn is_token(given: &str, token: &Secret) -> bool {
    let digest = |text: &str| mac(b"autofix: compare tokens", text).finalize().into_bytes();
    bool::from(digest(given)[..].ct_eq(&digest(token.expose())[..]))
}

struct Key([u8; 32]);

impl Key {
    fn derived(token: &Secret, purpose: &str) -> Key {
        Key(mac(token.expose().as_bytes(), purpose).finalize().into_bytes().into())
    }

    fn sealed(&self, what: &str, until: Timestamp) -> String {
        let until = until.as_second().to_string();
        let signature = mac(&self.0, &signed_text(what, &until)).finalize().into_bytes();
        format!("{until}.{}", hex::encode(&signature[..SIGNATURE_BYTES]))
    }

    fn opens(&self, what: &str, seal: &str, now: Timestamp) -> bool {
        let Some((until, signature)) = seal.split_once('.') else { return false };
        let mut bytes = [0_u8; SIGNATURE_BYTES];
        if hex::decode_to_slice(signature, &mut bytes).is_err() {
            return false;
        }
        let signed = mac(&self.0, &signed_text(what, until)).verify_truncated_left(&bytes).is_ok();
        signed && until.parse().is_ok_and(|until: i64| now.as_second() < until)
    }
}

fn signed_text(what: &str, until: &str) -> String {
    format!("{what}\n{until}")
}

fn mac(key: &[u8], text: &str) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a token of some length";

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn keys(token: &str) -> AccessKeys {
        AccessKeys::of(&Secret::new(token))
    }

    #[test]
    fn a_session_holds_for_twelve_hours_under_its_own_token() {
        let now = at("2026-11-22T10:00:00Z");
        let session = keys(TOKEN).session(now);
        assert!(keys(TOKEN).is_session(&session, now));
        assert!(keys(TOKEN).is_session(&session, at("2026-11-22T21:59:59Z")));
        assert!(!keys(TOKEN).is_session(&session, at("2026-11-22T22:00:00Z")));
        assert!(!keys("another token, rotated").is_session(&session, now));
    }

    #[test]
    fn a_signature_that_was_touched_opens_nothing() {
        let now = at("2026-11-22T10:00:00Z");
        let session = keys(TOKEN).session(now);
        let (until, signature) = session.split_once('.').unwrap();
        let later = until.parse::<i64>().unwrap() + 1;
        for forged in [
            format!("{later}.{signature}"),
            format!("+{until}.{signature}"),
            format!("{until}.{}", &signature[..30]),
            format!("{until}.{signature}00"),
            format!("{until}."),
            format!(".{signature}"),
            until.to_owned(),
            String::new(),
        ] {
            assert!(!keys(TOKEN).is_session(&forged, now), "{forged}");
        }
    }

    #[test]
    fn a_link_opens_one_attempt_for_a_week_and_is_no_session() {
        let now = at("2026-11-22T10:00:00Z");
        let (one, other) = (AttemptId::new(now), AttemptId::new(now));
        let seal = keys(TOKEN).link(one, now).unwrap().to_string();
        assert!(keys(TOKEN).is_link(one, &seal, now));
        assert!(keys(TOKEN).is_link(one, &seal, at("2026-11-29T23:59:59Z")));
        assert!(!keys(TOKEN).is_link(one, &seal, at("2026-11-30T00:00:00Z")));
        assert!(!keys(TOKEN).is_link(other, &seal, now));
        assert!(!keys(TOKEN).is_session(&seal, now));
        assert!(!keys(TOKEN).is_link(one, &keys(TOKEN).session(now), now));
        let evening = keys(TOKEN).link(one, at("2026-11-22T23:00:00Z")).unwrap();
        assert_eq!(evening.to_string(), seal, "the same card shown twice is the same card");
    }

    #[test]
    fn a_token_that_could_be_guessed_signs_no_links() {
        let now = at("2026-11-22T10:00:00Z");
        assert_eq!(keys("fifteen letters").link(AttemptId::new(now), now), None);
        assert!(keys("sixteen letters!").link(AttemptId::new(now), now).is_some());
    }

    #[test]
    fn only_the_token_is_the_token() {
        let token = Secret::new(TOKEN);
        assert!(is_token(TOKEN, &token));
        for wrong in
            ["", "a token of some length\0", "a token of some lengtH", "a token of some length ", "a token"]
        {
            assert!(!is_token(wrong, &token), "{wrong:?}");
        }
    }
}
