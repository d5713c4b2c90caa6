//! One of each: secrets of every kind, and personal data.

/// A secret in the words in which it turns up.
pub(super) struct Planted {
    pub kind: &'static str,
    pub text: String,
    /// What must not be said: the secret, or each part of it that is one by itself.
    pub secrets: Vec<String>,
}

/// Letters and digits without meaning.
fn noise(length: usize) -> String {
    "q7Rk2Vx9Tn4Zb8Wc3Jd6Hf5Ly1Mg0Ps".chars().cycle().take(length).collect()
}

fn planted(kind: &'static str, before: &str, secret: &str, after: &str) -> Planted {
    Planted { kind, text: format!("{before}{secret}{after}"), secrets: vec![secret.to_owned()] }
}

/// A token whose form gives it away.
fn token(kind: &'static str, prefix: &str, length: usize) -> Planted {
    planted(kind, "sent ", &format!("{prefix}{}", noise(length)), " along")
}

pub(super) fn corpus() -> Vec<Planted> {
    let upper = noise(16).to_uppercase();
    let jwt =
        format!("ey{}.ey{}.{}", format_args!("J{}", noise(30)), format_args!("J{}", noise(40)), noise(43));
    let card = ["4242", "4242", "4242", "4242"];
    let iban = ["DE89", "3704", "0044", "0532", "0130", "00"];
    let phone = ["+49", "30", "901820", "17"];
    let dashes = "-".repeat(5);
    let key = [noise(40), noise(31)];
    let address = ["ada.lovelace", "analytical-engine.org"].join("@");
    vec![
        token("an Anthropic key", "sk-ant-api03-", 80),
        token("a GitHub token", "ghp_", 36),
        token("a GitHub app's token", "ghs_", 36),
        token("a fine-grained GitHub token", "github_pat_", 60),
        token("a Slack token", "xoxb-", 50),
        token("a Slack webhook", "https://hooks.slack.com/services/T000/B000/", 24),
        planted("an AWS key", "as ", &format!("AKIA{upper}"), ""),
        planted("an AWS secret", "AWS_SECRET_ACCESS_KEY=", &noise(40), ""),
        token("a Stripe key", "sk_live_", 24),
        token("a Google key", "AIza", 35),
        token("a Sentry token", "sntrys_", 40),
        planted("a JSON web token", "claims of ", &jwt, ""),
        Planted {
            kind: "a private key",
            text: format!(
                "{dashes}BEGIN PRIVATE KEY{dashes}\n{}\n{}\n{dashes}END PRIVATE KEY{dashes}",
                key[0], key[1]
            ),
            secrets: key.into(),
        },
        planted("a password in an address", "postgresql://shop:", "Vx9Tn4Zb8Wc3", "@db.internal:5432/shop"),
        planted("a bearer", "Authorization: Bearer ", &noise(24), ""),
        planted("a basic authorization", "authorization: Basic ", "c2hvcDpWeDlUbjRaYjhXYzM=", ""),
        planted("a cookie", "Cookie: session=", &noise(24), "; theme=dark"),
        planted("a password by name", "password=", "trout-Lake-9931", ""),
        planted("a password in JSON", "{\"password\": \"", "trout Lake 9932", "\"}"),
        planted("a key by name", "api_key: \"", &noise(22), "\""),
        planted("an e-mail address", "mail to ", &address, " failed"),
        planted("a card", "paid with ", &card.join(" "), ""),
        planted("a card in one piece", "paid with ", &card.concat(), " twice"),
        planted("a bank account", "from ", &iban.join(" "), ""),
        planted("a bank account in one piece", "from ", &iban.concat(), ""),
        planted("a telephone number", "call ", &phone.join(" "), ""),
    ]
}
