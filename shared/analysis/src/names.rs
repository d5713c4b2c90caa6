//! Names as programs write them: the words that they are made of, and lists of words with a meaning. A list is one text,
//! its words parted by whitespace.

use std::sync::LazyLock;

use regex::Regex;

/// Calls that report an error at once.
const CAPTURES: &str = "\
    capture_exception captureException capture_message captureMessage CaptureException \
    CaptureMessage";
/// Calls that write a line somewhere.
const PRINTS: &str = "\
    print println eprintln puts printStackTrace error_log var_dump";
/// Names of limits in time and of repetitions.
static WAITING_NAME: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)timeout | retr(?:y|ies) | max_?attempts? | backoff | deadline | pool_?size
        | max_?(?:overflow|connections) | recursion_?limit",
    )
    .expect("the pattern is constant and tested")
});

/// The words of a name in lower case, split at punctuation, underscores and capitals.
pub(crate) fn split_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous_is_lower = false;
    for character in text.chars() {
        if !character.is_alphanumeric() || (character.is_uppercase() && previous_is_lower) {
            words.push(String::new());
        }
        if character.is_alphanumeric() {
            let word = words.last_mut().expect("the list starts with one word and only grows");
            word.extend(character.to_lowercase());
        }
        previous_is_lower = character.is_lowercase() || character.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a list has a word.
pub(crate) fn has(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == word)
}

/// The word of the list that a path is, or that it begins with up to a dot or slash.
pub(crate) fn first_above<'l>(list: &'l str, path: &str) -> Option<&'l str> {
    list.split_ascii_whitespace().find(|one| {
        path.strip_prefix(one).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    })
}

/// Whether a path is a word of the list, or begins with one up to a dot or slash.
pub(crate) fn is_below(list: &str, path: &str) -> bool {
    first_above(list, path).is_some()
}

/// Severity of a call that reports something; `None` for every other call.
pub(crate) fn severity(path: &str) -> Option<u8> {
    let (object, method) = path.rsplit_once('.').unwrap_or(("", path));
    if has(CAPTURES, method) {
        return Some(3);
    }
    let object = object.rsplit('.').next().unwrap_or(object);
    let named = object.to_lowercase();
    let is_log = split_words(object).iter().any(|word| {
        matches!(word.as_str(), "log" | "logs" | "logger" | "logging" | "logrus" | "slog" | "syslog")
    });
    let reports = matches!(named.as_str(), "console" | "sentry" | "sentry_sdk" | "zap" | "tracing");
    // An audit log is a record that somebody relies on.
    if !(is_log || reports) || named.contains("audit") {
        return None;
    }
    let method = method.to_lowercase();
    let level =
        ["context", "ln", "f"].iter().find_map(|suffix| method.strip_suffix(suffix)).unwrap_or(&method);
    match level {
        "critical" | "fatal" | "panic" => Some(4),
        "error" | "exception" => Some(3),
        "warning" | "warn" => Some(2),
        "info" | "log" | "print" | "notice" | "debug" | "trace" | "success" => Some(1),
        _ => None,
    }
}

/// Whether a call only writes a log line or reports an error.
pub(crate) fn is_log_call(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or(path);
    severity(path).is_some()
        || has(PRINTS, last)
        // Rust's macros are often imported without their crate.
        || matches!(path, "error" | "warn" | "info" | "debug")
}

/// Whether a name is of a limit in time or of repetitions: what is waited for is judged here.
pub(crate) fn is_about_waiting(name: &str) -> bool {
    WAITING_NAME.is_match(name)
}
