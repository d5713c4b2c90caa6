//! Whether a secret that no service can be asked about looks like one: pasted whole, and into the right
//! setting.

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

/// What is wrong with it; `None` where nothing is to be seen. The secret itself is not in the sentence.
pub(super) fn doubt(secret: &str) -> Option<String> {
    if secret.chars().any(char::is_whitespace) {
        return Some("it has a space or a line break in it".to_owned());
    }
    let is_others = |(beginning, _): &&(&str, &str)| {
        // `gh` alone could begin a random text; GitHub's go on with a letter and `_`.
        secret.starts_with(beginning) && (*beginning != "gh" || secret.as_bytes().get(3) == Some(&b'_'))
    };
    if let Some((_, what)) = OF_OTHERS.iter().find(is_others) {
        return Some(format!("it looks like {what}"));
    }
    let length = secret.chars().count();
    (length < SHORTEST).then(|| format!("it has only {length} characters"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pasted_into_the_wrong_place_is_noticed() {
        for good in ["0123456789abcdef0123456789abcdef", "ghost-of-a-chance-to-guess-this"] {
            assert_eq!(doubt(good), None, "{good}");
        }
        for bad in
            ["short", "0123456789abcdef 0123456789abcdef", "sntryu_0123456789abcdef", "ghp_0123456789abcdef"]
        {
            assert!(doubt(bad).is_some_and(|doubt| !doubt.contains(bad)), "{bad}");
        }
    }
}
