//! Which names stand for secrets, and which values are none although their name says so.

use crate::words::word_list;

/// What a name promises about its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// `password`, `client_secret`, `API_KEY`: whatever stands there is secret.
    Secret,
    /// `token`, `signature`: a secret, or a word of a parser.
    Perhaps,
    Authorization,
    Cookie,
}

const SECRETS: &[&str] = word_list![
    password passwort passwd passphrase passcode pwd secret secrets apikey apisecret credential
    credentials authtoken accesstoken refreshtoken idtoken sessiontoken bearertoken otp cvv cvc ssn
    mnemonic accesskey privatekey secretkey connectionstring
];
/// Endings of names written without a break, such as `dbpassword`.
const SECRET_ENDINGS: &[&str] = &["password", "passwd", "secret", "apikey", "passphrase"];
/// Make a following `key` a secret one.
pub(super) const OF_KEYS: &[&str] = word_list![
    api access secret private signing encryption master account service auth shared storage webhook
    session hmac jwt license deploy
];
/// Make a following `token` a secret one.
const OF_TOKENS: &[&str] = word_list![
    access refresh auth id bearer api bot csrf xsrf reset session security verification app user
    secret personal deploy device push
];
const PERHAPS: &[&str] =
    &["token", "jwt", "signature", "sig", "sessionid", "csrftoken", "xsrf", "csrf", "dsn"];
/// Parts behind the telling one that change nothing: `password_hash`, `API_KEY_2`.
const QUALIFIERS: &[&str] = word_list![
    hash hashed digest value plain plaintext raw b64 base64 hex old new current confirm confirmation
    again repeat header env prod production live dev
];
/// Values that tell something without being secret.
const INNOCENT_WORDS: &[&str] = word_list![
    none null nil true false undefined string str bytes int bool object any text required optional
    missing empty self bearer basic header query body nan
];
const INNOCENT_SIGNS: &[&str] =
    &["", "0", "[filtered]", "[removed]", "[redacted]", "b''", "''", "\"\"", "{}", "[]", "()", "..."];

/// Whether a variable, header or field of this name holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    promise(name).is_some()
}

/// What stands in place of a variable's value that has to go because of its name: which type it had, since a `None` or
/// a number where a text should be explains many an error. `None` where the value may stay.
pub fn filtered(name: &str, value: &str) -> Option<&'static str> {
    hides(name, value).then(|| match value.as_bytes() {
        [b'\'' | b'"', ..] => "<filtered str>",
        [b'b', b'\'' | b'"', ..] => "<filtered bytes>",
        [b'[', ..] => "<filtered list>",
        [b'(', ..] => "<filtered tuple>",
        [b'{', ..] if value.contains(':') => "<filtered dict>",
        [b'{', ..] => "<filtered set>",
        _ if value.parse::<i128>().is_ok() => "<filtered int>",
        _ if value.parse::<f64>().is_ok() => "<filtered float>",
        _ => "<filtered>",
    })
}

/// Whether a variable's value has to go because of its name. What says only that there is nothing,
/// or which kind of object, stays: `password = None` explains many an error.
pub(super) fn hides(name: &str, value: &str) -> bool {
    promise(name).is_some_and(|promise| {
        let object = promise == Promise::Perhaps && value.starts_with('<') && value.contains(" object at 0x");
        !is_placeholder(value) && !object
    })
}

/// What a name promises, in any way of writing it: `dbPassword`, `X-Api-Key`, `AWS_SECRET_ACCESS_KEY`.
pub(super) fn promise(name: &str) -> Option<Promise> {
    let parts = parts(name);
    let mut parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    while parts.len() > 1 && parts.last().is_some_and(|last| QUALIFIERS.contains(last) || is_number(last)) {
        parts.pop();
    }
    let last = parts.last()?.trim_end_matches(|c: char| c.is_ascii_digit());
    let before = parts.len().checked_sub(2).map(|at| parts[at]);
    let before_is = |list: &[&str]| before.is_some_and(|before| list.contains(&before));
    if matches!(last, "authorization") {
        return Some(Promise::Authorization);
    }
    if matches!(last, "cookie" | "cookies") {
        return Some(Promise::Cookie);
    }
    let secret = SECRETS.contains(&last)
        || SECRET_ENDINGS.iter().any(|ending| last.ends_with(ending))
        || (last == "key" && before_is(OF_KEYS))
        || (last == "token" && before_is(OF_TOKENS))
        || (last == "string" && before == Some("connection"))
        || (last == "code" && before == Some("security"));
    let perhaps = PERHAPS.contains(&last) || (last == "id" && before == Some("session"));
    if secret { Some(Promise::Secret) } else { perhaps.then_some(Promise::Perhaps) }
}

/// Lower-case words of a name: split at anything but letters and digits, and at humps.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut previous = ' ';
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_alphanumeric() {
            let hump = c.is_ascii_uppercase()
                && (previous.is_ascii_lowercase()
                    || previous.is_ascii_digit()
                    || (previous.is_ascii_uppercase() && chars.peek().is_some_and(char::is_ascii_lowercase)));
            if hump || !previous.is_ascii_alphanumeric() {
                parts.push(String::new());
            }
            if let Some(part) = parts.last_mut() {
                part.push(c.to_ascii_lowercase());
            }
        }
        previous = c;
    }
    parts
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a value stands for something else: a template's variable, a mask, a type, nothing.
pub(super) fn is_placeholder(value: &str) -> bool {
    /// Longer values are never looked at as placeholders.
    const MAX_LENGTH: usize = 80;
    let value = value.trim();
    if value.len() > MAX_LENGTH {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    let between = |start: &str, end: &str| {
        value.strip_prefix(start).and_then(|rest| rest.strip_suffix(end)).is_some_and(|inner| {
            inner.chars().all(|c| {
                c.is_ascii_alphanumeric()
                    || matches!(c, '_' | '.' | '-' | ' ' | ':' | '{' | '}' | '$' | '(' | ')' | '!')
            })
        })
    };
    INNOCENT_WORDS.contains(&lower.as_str())
        || INNOCENT_SIGNS.contains(&lower.as_str())
        || super::is_marker(value)
        || value.chars().all(|c| matches!(c, '*' | '•' | '.' | '…' | 'x' | 'X' | '?' | '-' | '_'))
        || between("{", "}")
        || between("${", "}")
        || between("<", ">")
        || matches!(value, "%s" | "%r" | "%d")
        || (value.starts_with("%(") && value.ends_with(")s"))
        || value.strip_prefix('$').is_some_and(is_identifier)
        || value.starts_with("SecretStr('*")
        || value.starts_with("SecretBytes(b'*")
}

/// Whether a value is itself the name of a secret (`"password"`, `user_password`): a field's name,
/// or another variable.
pub(super) fn names_a_secret(value: &str) -> bool {
    let name = value.strip_suffix('s').filter(|name| promise(name).is_some()).unwrap_or(value);
    let has_inner_digit =
        name.trim_end_matches(|c: char| c.is_ascii_digit()).bytes().any(|byte| byte.is_ascii_digit());
    name.len() <= 40 && !has_inner_digit && name.split('-').all(is_identifier) && promise(name).is_some()
}

/// Letters, digits and underscores, and no digit first.
pub(super) fn is_identifier(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}
