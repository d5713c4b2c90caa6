//! Signatures of Sentry's and Slack's requests, checked over the raw bytes, in constant time, before
//! anything is parsed.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use crate::secrets::Secret;

/// Slack's window against replay, seconds, both into the past and into the future.
const SLACK_WINDOW_SECONDS: i64 = 300;

/// The request is not proven to come from whom it says. Deliberately without details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not match")]
pub struct NotSigned;

/// Checks `Sentry-Hook-Signature`: hex HMAC-SHA256 of the raw body, keyed by the integration's client secret.
pub fn check_sentry(secret: &Secret, header: Option<&[u8]>, body: &[u8]) -> Result<(), NotSigned> {
    check(secret, &[body], header.ok_or(NotSigned)?)
}

/// What the key of the legacy WebHooks plugin's address is derived for.
const PLUGIN_ADDRESS: &[u8] = b"autofix: address of the legacy WebHooks plugin";
/// Bytes of that key: nobody guesses 128 bits, and an address should not be longer than it must.
const PLUGIN_KEY_BYTES: usize = 16;

/// The last part of the address for Sentry's legacy WebHooks plugin, which cannot sign: 32 hex digits, derived from the
/// webhook secret, so that it changes with it and is one secret less to keep. `None` for an empty secret.
pub fn plugin_key(secret: &Secret) -> Option<String> {
    let key = plugin_mac(secret)?.finalize().into_bytes();
    Some(hex::encode(&key[..PLUGIN_KEY_BYTES]))
}

/// Checks the last part of the plugin's address, in constant time.
pub fn check_plugin_key(secret: &Secret, key: &str) -> Result<(), NotSigned> {
    let mut given = [0_u8; PLUGIN_KEY_BYTES];
    hex::decode_to_slice(key, &mut given).map_err(|_| NotSigned)?;
    plugin_mac(secret).ok_or(NotSigned)?.verify_truncated_left(&given).map_err(|_| NotSigned)
}

fn plugin_mac(secret: &Secret) -> Option<Hmac<Sha256>> {
    let secret = Some(secret.expose().as_bytes()).filter(|secret| !secret.is_empty())?;
    Some(Hmac::<Sha256>::new_from_slice(secret).ok()?.chain_update(PLUGIN_ADDRESS))
}

/// Checks `X-Slack-Signature`: `v0=` and the hex HMAC-SHA256 of `v0:{timestamp}:{body}`, not older than five minutes.
pub fn check_slack(
    secret: &Secret,
    headers: SlackHeaders<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), NotSigned> {
    let timestamp = headers.timestamp.ok_or(NotSigned)?;
    let seconds: i64 =
        std::str::from_utf8(timestamp).ok().and_then(|text| text.parse().ok()).ok_or(NotSigned)?;
    if now.as_second().abs_diff(seconds) > SLACK_WINDOW_SECONDS.unsigned_abs() {
        return Err(NotSigned);
    }
    let signature = headers.signature.and_then(|header| header.strip_prefix(b"v0=")).ok_or(NotSigned)?;
    check(secret, &[b"v0:", timestamp, b":", body], signature)
}

/// The two headers of a Slack request.
#[derive(Clone, Copy, Debug)]
pub struct SlackHeaders<'a> {
    pub timestamp: Option<&'a [u8]>,
    pub signature: Option<&'a [u8]>,
}

fn check(secret: &Secret, parts: &[&[u8]], hex_signature: &[u8]) -> Result<(), NotSigned> {
    if secret.expose().is_empty() {
        return Err(NotSigned);
    }
    let mut signature = [0_u8; 32];
    hex::decode_to_slice(hex_signature, &mut signature).map_err(|_| NotSigned)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).map_err(|_| NotSigned)?;
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(&signature).map_err(|_| NotSigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentrys_signature_is_over_the_bytes_as_they_came() {
        let secret = Secret::new("client-secret");
        let body =
            br#"{"action":"triggered","data":{"event":{"title":"Gr\u00f6\u00dfe <b> & \u2018q\u2019"}}}"#;
        let good = "d22d00790de4088065571f5646880b5a37520fc904ecef8ab1564b10e8d70aec";
        assert_eq!(check_sentry(&secret, Some(good.as_bytes()), body), Ok(()));
        // The same JSON written another way has another signature, as Sentry's own snippets would compute it.
        for other in [
            "96d192d2df4ed912213d31855d38b7b255de51266f486d23da0db27f4ea64679",
            "82f5c980940516b6a6ef4ffe1dd4e840107d893bedeb5168db461af3d964f38c",
            "",
            "d22d",
            "zz2d00790de4088065571f5646880b5a37520fc904ecef8ab1564b10e8d70aec",
            "sha256=d22d00790de4088065571f5646880b5a37520fc904ecef8ab1564b10e8d70aec",
        ] {
            assert_eq!(check_sentry(&secret, Some(other.as_bytes()), body), Err(NotSigned), "{other}");
        }
        assert_eq!(check_sentry(&secret, Some(b"\xff\xfe"), body), Err(NotSigned));
        assert_eq!(check_sentry(&secret, None, body), Err(NotSigned));
        assert_eq!(check_sentry(&Secret::new(""), Some(good.as_bytes()), body), Err(NotSigned));
    }

    #[test]
    fn the_plugins_address_is_known_only_to_who_knows_the_secret() {
        let secret = Secret::new("client-secret");
        let key = plugin_key(&secret).unwrap();
        assert_eq!(key.len(), 32);
        assert_eq!(check_plugin_key(&secret, &key), Ok(()));
        assert_ne!(plugin_key(&Secret::new("another")), Some(key.clone()));
        for bad in ["", "00", &key[..30], &format!("{key}00"), "zz", &"0".repeat(32)] {
            assert_eq!(check_plugin_key(&secret, bad), Err(NotSigned), "{bad}");
        }
        assert_eq!(plugin_key(&Secret::new("")), None);
        assert_eq!(check_plugin_key(&Secret::new(""), &key), Err(NotSigned));
    }

    #[test]
    fn slacks_worked_example_holds_for_five_minutes() {
        let secret = Secret::new("8f742231b10e8888abcd99yyyzzz85a5");
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let headers = SlackHeaders {
            timestamp: Some(b"1531420618"),
            signature: Some(b"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
        };
        let at = |seconds| Timestamp::from_second(1_531_420_618_i64 + seconds).unwrap();
        assert_eq!(check_slack(&secret, headers, body, at(0)), Ok(()));
        assert_eq!(check_slack(&secret, headers, body, at(300)), Ok(()));
        assert_eq!(check_slack(&secret, headers, body, at(301)), Err(NotSigned));
        assert_eq!(check_slack(&secret, headers, body, at(-301)), Err(NotSigned));
        assert_eq!(check_slack(&secret, headers, b"token=other", at(0)), Err(NotSigned));
        for timestamp in [&b""[..], b"x", b"9223372036854775808", b"-9223372036854775808"] {
            let headers = SlackHeaders { timestamp: Some(timestamp), ..headers };
            assert_eq!(check_slack(&secret, headers, body, at(0)), Err(NotSigned));
        }
    }
}
