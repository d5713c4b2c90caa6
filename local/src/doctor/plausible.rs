//! Whether a secret looks like one, without asking anybody: pasted whole, and into the right setting. No
//! sentence has the secret in it.

use autofix::config::names;
use url::{Host, Url};

/// Shorter ones can be guessed, and no service hands them out.
const SHORTEST: usize = 16;
/// How the credentials begin that people have at hand in the same minutes.
const OF_OTHERS: [(&str, &str); 9] = [
    ("sntry", "a token of Sentry"),
    ("xox", "a token of Slack"),
    ("xapp-", "a token of Slack"),
    ("https://", "an address"),
    ("sk-ant-", "a key of Anthropic"),
    ("github_pat_", "a token of GitHub"),
    ("gh", "a token of GitHub"),
    ("-----BEGIN", "a private key"),
    ("AKIA", "a key of AWS"),
];

/// What is wrong with a secret of the name; `None` where nothing is to be seen.
pub(crate) fn doubt_about(name: &str, secret: &str) -> Option<String> {
    match name {
        names::GITHUB_APP_PRIVATE_KEY => private_key(secret),
        names::SLACK_WEBHOOK_URL => address(secret),
        names::SLACK_BOT_TOKEN if ["xoxb-", "xoxe.xoxb-"].iter().any(|start| secret.starts_with(start)) => {
            pasted_whole(secret)
        }
        names::SLACK_BOT_TOKEN => Some("a bot's token begins with `xoxb-`".to_owned()),
        names::ANTHROPIC_API_KEY if secret.starts_with("sk-ant-") => pasted_whole(secret),
        names::SENTRY_AUTH_TOKEN if secret.starts_with("sntry") => pasted_whole(secret),
        names::GITHUB_TOKEN if is_githubs(secret) => pasted_whole(secret),
        _ => doubt(secret),
    }
}

/// Of a secret that no service gives a beginning to.
pub(super) fn doubt(secret: &str) -> Option<String> {
    let begins = |beginning: &str| match beginning {
        "gh" => is_githubs(secret),
        beginning => secret.starts_with(beginning),
    };
    match OF_OTHERS.iter().find(|(beginning, _)| begins(beginning)) {
        Some((_, what)) => Some(format!("it looks like {what}")),
        None => pasted_whole(secret),
    }
}

/// `gh` alone could begin a random text; GitHub's go on with a letter and `_`.
fn is_githubs(secret: &str) -> bool {
    secret.starts_with("github_pat_") || (secret.starts_with("gh") && secret.as_bytes().get(3) == Some(&b'_'))
}

fn pasted_whole(secret: &str) -> Option<String> {
    if secret.chars().any(|char| char.is_whitespace() || char.is_control()) {
        return Some("it has a space or a line break in it".to_owned());
    }
    if !secret.is_ascii() {
        return Some("it has characters in it that no such secret has".to_owned());
    }
    let length = secret.chars().count();
    let characters = if length == 1 { "character" } else { "characters" };
    (length < SHORTEST).then(|| format!("it has only {length} {characters}"))
}

fn private_key(secret: &str) -> Option<String> {
    let text = secret.trim();
    let is_whole = text.starts_with("-----BEGIN") && text.ends_with("PRIVATE KEY-----");
    (!is_whole).then(|| "it is no private key in PEM form (`-----BEGIN … PRIVATE KEY-----`)".to_owned())
}

/// Over HTTPS, or plain HTTP on this machine.
fn address(secret: &str) -> Option<String> {
    let url = Url::parse(secret).ok();
    let is_good = url.as_ref().is_some_and(|url| match url.host() {
        None => false,
        Some(Host::Domain(_)) => url.scheme() == "https",
        Some(Host::Ipv4(ip)) => url.scheme() == "https" || ip.is_loopback(),
        Some(Host::Ipv6(ip)) => url.scheme() == "https" || ip.is_loopback(),
    });
    (!is_good).then(|| "it is no address such as `https://hooks.slack.com/services/…`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn what_was_pasted_into_the_wrong_place_is_noticed() {
        for good in [RANDOM, "ghost-of-a-chance-to-guess-this"] {
            assert_eq!(doubt(good), None, "{good}");
        }
        for bad in
            ["short", "0123456789abcdef 0123456789abcdef", "sntryu_0123456789abcdef", "ghp_0123456789abcdef"]
        {
            assert!(doubt(bad).is_some_and(|doubt| !doubt.contains(bad)), "{bad}");
        }
    }

    #[test]
    fn each_secret_is_known_by_its_own_beginning() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n";
        let all = [
            (names::ANTHROPIC_API_KEY, "sk-ant-0123456789abcdef"),
            (names::GITHUB_TOKEN, "github_pat_0123456789abcdef"),
            (names::GITHUB_APP_PRIVATE_KEY, key),
            (names::SLACK_WEBHOOK_URL, "https://hooks.slack.com/services/T0/B0/abc"),
            (names::SLACK_BOT_TOKEN, "xoxb-0123456789abcdef"),
            (names::SENTRY_AUTH_TOKEN, "sntryu_0123456789abcdef"),
        ];
        for (name, _) in all {
            for (other, secret) in all {
                assert_eq!(doubt_about(name, secret).is_none(), name == other, "{other} as {name}");
            }
        }
        // Older tokens and other servers' have no beginning.
        for name in [names::ANTHROPIC_API_KEY, names::GITHUB_TOKEN, names::SENTRY_AUTH_TOKEN] {
            assert_eq!(doubt_about(name, RANDOM), None, "{name}");
        }
    }
}
