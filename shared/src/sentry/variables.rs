//! A frame's variables as text: each value as its language writes it, so that its type can be told.
//!
//! SDKs for Python send the `repr` of everything but lists and mappings as a JSON string: `"None"` and `"3"` are no
//! texts there, and `"'3'"` is one. SDKs for other languages send JSON. What Sentry cut out is `[Filtered]` in both.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::Leaf;
use crate::cleaning::one_line;
use crate::incident::{MAX_FRAME_VARIABLE_BYTES, MAX_NAME_CHARS, MAX_VARIABLE_CHARS, MAX_VARIABLES};
use crate::redaction::{filtered, redact};

/// Characters kept of a text that is a variable of its own, and of one inside of a list or mapping: there the other
/// elements tell more than the end of a long one.
const MAX_TEXT_CHARS: usize = 1_000;
const MAX_INNER_TEXT_CHARS: usize = 120;
/// Bytes of a longer text that are looked through for secrets before it is cut: half a secret is not known for one.
const REDACTED_BYTES: usize = 4 * MAX_TEXT_CHARS;
/// Elements of a list, and keys of a mapping, that are shown. SDKs send ten of each.
const MAX_ELEMENTS: usize = 40;
/// How deep lists and mappings are shown. SDKs send five levels.
const MAX_DEPTH: usize = 6;
/// Keys that some elements of a list lack, and such elements, that are named.
const MAX_LACKING: usize = 3;
/// Characters shown of such a key.
const MAX_KEY_CHARS: usize = 60;

/// How an event's variables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// A string is what the language would print for the value.
    Repr,
    /// A string is a string.
    Json,
}

impl Spelling {
    /// By the event's platform. Ruby's SDK mixes both.
    pub(super) fn of(platform: Option<&str>) -> Spelling {
        match platform {
            None | Some("python" | "ruby") => Spelling::Repr,
            Some(_) => Spelling::Json,
        }
    }
}

/// The variables of a frame within their bounds, those first that come first. Python's own (`__name__`) are left out.
pub(super) fn variables(vars: Leaf<'_>, spelling: Spelling) -> Vec<(String, String)> {
    let mut room = MAX_FRAME_VARIABLE_BYTES;
    let mut kept = Vec::new();
    for (name, value) in vars.fields().into_iter().take(MAX_VARIABLES) {
        let name = name.text().unwrap_or_default();
        if name.starts_with("__") && name.ends_with("__") {
            continue;
        }
        let name = one_line(&name, MAX_NAME_CHARS);
        let value = written(value, spelling);
        let Some(left) = room.checked_sub(name.len() + value.len()) else { continue };
        room = left;
        kept.push((name, value));
    }
    kept
}

/// One value as text, at most [`MAX_VARIABLE_CHARS`] characters.
fn written(value: Leaf<'_>, spelling: Spelling) -> String {
    let mut writer = Writer { out: String::new(), spelling };
    writer.value(value, 0);
    one_line(&writer.out, MAX_VARIABLE_CHARS)
}

struct Writer {
    out: String,
    spelling: Spelling,
}

impl Writer {
    fn value(&mut self, value: Leaf<'_>, depth: usize) {
        if depth >= MAX_DEPTH && (value.is_list() || value.is_object()) {
            self.out.push('…');
        } else if value.is_list() {
            self.list(&value.list(), depth);
        } else if value.is_object() {
            self.mapping(value.fields(), depth);
        } else {
            let text = self.scalar(value, depth);
            self.out.push_str(&text);
        }
    }

    fn list(&mut self, elements: &[Leaf<'_>], depth: usize) {
        if let Some(lacking) = lacking(elements) {
            self.out.push_str(&lacking);
        }
        self.out.push('[');
        for (index, element) in elements.iter().enumerate() {
            if !self.separated(index) {
                break;
            }
            self.value(*element, depth + 1);
        }
        self.out.push(']');
    }

    fn mapping(&mut self, fields: Vec<(Leaf<'_>, Leaf<'_>)>, depth: usize) {
        self.out.push('{');
        for (index, (key, value)) in fields.into_iter().take(MAX_ELEMENTS).enumerate() {
            if !self.separated(index) {
                break;
            }
            let key = key.text().unwrap_or_default();
            self.out.push_str(&quoted(&one_line(&key, MAX_NAME_CHARS)));
            self.out.push_str(": ");
            let start = self.out.len();
            self.value(value, depth + 1);
            // By its key alone: what is written without quotes looks like code to whoever reads the whole text.
            if let Some(filtered) = filtered(&key, &self.out[start..]) {
                self.out.truncate(start);
                self.out.push_str(filtered);
            }
        }
        self.out.push('}');
    }

    /// Makes room for the next element; false where there is none left.
    fn separated(&mut self, index: usize) -> bool {
        let fits = index < MAX_ELEMENTS && self.out.len() < MAX_VARIABLE_CHARS;
        if index > 0 {
            self.out.push_str(", ");
        }
        if !fits {
            self.out.push('…');
        }
        fits
    }

    fn scalar(&self, value: Leaf<'_>, depth: usize) -> String {
        let max_chars = if depth == 0 { MAX_TEXT_CHARS } else { MAX_INNER_TEXT_CHARS };
        let shown = value.shown().unwrap_or_default();
        match (self.spelling, value.is_string()) {
            (Spelling::Repr, false) if shown == "null" => "None".to_owned(),
            (_, false) => one_line(&shown, max_chars),
            (_, true) if matches!(&*shown, "[Filtered]" | "'[Filtered]'") => "<filtered>".to_owned(),
            (Spelling::Repr, true) if depth == 0 || is_written_value(&shown) => shortened(&shown, max_chars),
            (_, true) => quoted(&shortened(&shown, max_chars)),
        }
    }
}

/// The text, or of a long one the beginning without secrets, closed by the quote that it begins with.
fn shortened(text: &str, max_chars: usize) -> String {
    if text.len() <= max_chars {
        return one_line(text, max_chars);
    }
    let looked_at = &text[..text.floor_char_boundary(REDACTED_BYTES)];
    let mut short = one_line(redact(looked_at).as_str(), max_chars);
    if let Some(quote) = opening_quote(text) {
        short.push(quote);
    }
    short
}

/// The quote that a text begins with, of which the end is cut off here or was by the SDK.
fn opening_quote(text: &str) -> Option<char> {
    text.strip_prefix('b').unwrap_or(text).chars().next().filter(|first| matches!(first, '\'' | '"'))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether a text is what Python writes for a value that is no text, or for one in quotes.
fn is_written_value(text: &str) -> bool {
    let is_quoted = text.len() > 1 && opening_quote(text).is_some_and(|quote| text.ends_with(quote));
    let is_call = || {
        let name = text.split('(').next().unwrap_or_default();
        let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        text.ends_with(')') && name.starts_with(char::is_alphabetic) && name.chars().all(is_path)
    };
    matches!(text, "None" | "True" | "False")
        || is_quoted
        || text.parse::<f64>().is_ok()
        || (text.starts_with('<') && text.ends_with('>'))
        || is_call()
}

/// Which elements of a list of mappings lack a key that most of them have, such as `([1] lacks "price") `.
fn lacking(elements: &[Leaf<'_>]) -> Option<String> {
    let shown = elements.iter().enumerate().take(MAX_ELEMENTS);
    let mappings: Vec<_> = shown.filter(|(_, element)| element.is_object()).collect();
    let mut holders: BTreeMap<_, BTreeSet<usize>> = BTreeMap::new();
    for (index, mapping) in &mappings {
        for (key, _) in mapping.fields().into_iter().take(MAX_ELEMENTS) {
            holders.entry(key.text().unwrap_or_default()).or_default().insert(*index);
        }
    }
    let most_have =
        |holders: &BTreeSet<usize>| holders.len() < mappings.len() && holders.len() * 2 >= mappings.len();
    let missed = holders.into_iter().filter(|(_, holders)| most_have(holders)).take(MAX_LACKING);
    let found: Vec<String> = missed
        .map(|(key, holders)| {
            let without: Vec<String> = mappings
                .iter()
                .filter(|(index, _)| !holders.contains(index))
                .map(|(index, _)| format!("[{index}]"))
                .collect();
            let more = if without.len() > MAX_LACKING { ", …" } else { "" };
            let named = without[..without.len().min(MAX_LACKING)].join(", ");
            let verb = if without.len() == 1 { "lacks" } else { "lack" };
            format!("{named}{more} {verb} {}", quoted(&one_line(&key, MAX_KEY_CHARS)))
        })
        .collect();
    (!found.is_empty()).then(|| format!("({}) ", found.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(spelling: Spelling, json: &str, expected: &str) {
        let leaf: Leaf<'_> = serde_json::from_str(json).expect("JSON");
        assert_eq!(written(leaf, spelling), expected, "{json}");
    }

    #[test]
    fn values_of_python_are_written_as_python_writes_them() {
        let check = |json, expected| check(Spelling::Repr, json, expected);
        check(r#""None""#, "None");
        check("null", "None");
        check(r#""3""#, "3");
        check(r#""'3'""#, "'3'");
        check(
            r#"{"a": "None", "b": "3", "c": "'3'", "d": null}"#,
            r#"{"a": None, "b": 3, "c": '3', "d": None}"#,
        );
        check(
            r#"["Decimal('9.90')", "<Order object at 0x7f>", "b'x'"]"#,
            "[Decimal('9.90'), <Order object at 0x7f>, b'x']",
        );
        check(
            r#"{"colour": "Colour.RED", "at": "datetime.date(2026, 1, 2)"}"#,
            r#"{"colour": "Colour.RED", "at": datetime.date(2026, 1, 2)}"#,
        );
    }

    #[test]
    fn values_of_other_languages_keep_what_json_says_of_them() {
        let check = |json, expected| check(Spelling::Json, json, expected);
        check(r#""3""#, r#""3""#);
        check("3", "3");
        check("null", "null");
        check(r#"{"id":"17","n":[1,null,"<undefined>"]}"#, r#"{"id": "17", "n": [1, null, "<undefined>"]}"#);
    }

    #[test]
    fn the_element_that_lacks_a_key_is_named() {
        check(
            Spelling::Repr,
            r#"[{"sku": "'a'", "n": "1"}, {"sku": "'b'"}, {"sku": "'c'", "n": "3"}]"#,
            r#"([1] lacks "n") [{"sku": 'a', "n": 1}, {"sku": 'b'}, {"sku": 'c', "n": 3}]"#,
        );
        check(
            Spelling::Json,
            r#"{"items": [{"a": 1, "b": 2}, {"b": 2}, {"a": 1}, {"a": 1, "b": 2}]}"#,
            r#"{"items": ([1] lacks "a"; [2] lacks "b") [{"a": 1, "b": 2}, {"b": 2}, {"a": 1}, {"a": 1, "b": 2}]}"#,
        );
        check(
            Spelling::Json,
            r#"[{"a": 1}, {"b": 1}, 5]"#,
            r#"([1] lacks "a"; [0] lacks "b") [{"a": 1}, {"b": 1}, 5]"#,
        );
        check(Spelling::Json, r#"[{"a": 1}, {"b": 1}, {"c": 1}]"#, r#"[{"a": 1}, {"b": 1}, {"c": 1}]"#);
    }

    #[test]
    fn what_is_filtered_tells_its_type_where_that_is_known() {
        let check = |json, expected| check(Spelling::Repr, json, expected);
        check(r#""[Filtered]""#, "<filtered>");
        check(
            r#"{"password": "'hunter2'", "api_key": "b'hunter2'", "otp": "123456", "secret": "hunter2", "token": "None"}"#,
            r#"{"password": <filtered str>, "api_key": <filtered bytes>, "otp": <filtered int>, "secret": <filtered str>, "token": None}"#,
        );
        check(
            r#"{"credentials": {"user": "'x'"}, "secrets": ["'x'"]}"#,
            r#"{"credentials": <filtered dict>, "secrets": <filtered list>}"#,
        );
    }

    #[test]
    fn a_long_text_is_cut_behind_its_secrets_and_leaves_room_for_the_others() {
        let address = format!("'postgres://shop:{}@db/shop?{}'", "hunter2-".repeat(12), "x".repeat(400));
        let json = serde_json::json!({"address": address, "n": "None"}).to_string();
        let leaf: Leaf<'_> = serde_json::from_str(&json).expect("JSON");
        let text = written(leaf, Spelling::Repr);
        assert!(
            text.starts_with(r#"{"address": 'postgres://shop:[redacted:url-password]@db/shop?xx"#),
            "{text}"
        );
        assert!(text.ends_with(r#"x…', "n": None}"#), "{text}");
    }

    #[test]
    fn what_is_written_stays_within_its_bounds() {
        let list = format!("[{}]", vec![r#"{"a": "'x'"}"#; 5_000].join(","));
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let wide: Vec<String> = (0..300).map(|n| format!(r#""v{n}": "'{}'""#, "y".repeat(3_000))).collect();
        let frame = format!(r#"{{"list": {list}, "deep": {deep}, "__name__": "'m'", {}}}"#, wide.join(","));
        let kept = variables(serde_json::from_str(&frame).expect("JSON"), Spelling::Repr);
        assert_eq!(kept[0].1.matches("'x'").count(), MAX_ELEMENTS);
        assert!(kept[0].1.ends_with(", …]"), "{}", kept[0].1);
        assert_eq!(kept[1].1, "[[[[[[…]]]]]]");
        assert!(
            kept.iter()
                .all(|(name, value)| !name.starts_with("__") && value.chars().count() <= MAX_VARIABLE_CHARS)
        );
        let bytes: usize = kept.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(kept.len() > 5 && bytes <= MAX_FRAME_VARIABLE_BYTES, "{} {bytes}", kept.len());
    }
}
