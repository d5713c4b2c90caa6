//! The bodies that Sentry sends, as JSON, also of what is nearly JSON. Sentry has sent bodies with raw control characters in strings
//! (getsentry/sentry#68691), and SDKs and proxies add byte order marks, `NaN` and stray backslashes. A report that comes
//! once must not be lost for one of them.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Why a body is no webhook of Sentry's. The text never repeats what the body said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("The body is not JSON.")]
    NotJson,
    #[error("The body is not what Sentry sends: {what}.")]
    Shape { what: &'static str },
}

/// Reads a body, and once more repaired where it is no JSON.
pub(super) fn read_leniently<T>(
    body: &[u8],
    read: impl Fn(&[u8]) -> Result<T, WebhookError>,
) -> Result<T, WebhookError> {
    match read(body) {
        Err(WebhookError::NotJson) => read(repaired(body).as_bytes()),
        read => read,
    }
}

pub(super) const fn shape(what: &'static str) -> WebhookError {
    WebhookError::Shape { what }
}

/// Parses a whole body. A failure is told apart: text that is not JSON at all, or JSON that cannot
/// be Sentry's (a field given twice, a number no computer holds where an object belongs).
pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, WebhookError> {
    let text = std::str::from_utf8(body).map_err(|_| WebhookError::NotJson)?;
    serde_json::from_str(text).map_err(|_| match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => shape("a field is given twice or holds an impossible number"),
        Err(_) => WebhookError::NotJson,
    })
}

/// The text with everything repaired that can be repaired without a guess; the rest stays as it is.
fn repaired(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut rest = text.trim_start_matches('\u{feff}').trim_matches(|c: char| c == '\0' || c.is_whitespace());
    let mut out = String::with_capacity(rest.len() + 16);
    let mut in_string = false;
    while let Some(next) = rest.chars().next() {
        let mut length = next.len_utf8();
        match next {
            '"' => {
                in_string = !in_string;
                out.push('"');
            }
            '\\' if in_string => {
                length = escape_length(rest);
                // A backslash that escapes nothing is itself.
                out.push_str(if length == 1 { "\\\\" } else { &rest[..length] });
            }
            control if in_string && u32::from(control) < 0x20 => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            control if control.is_control() && !in_string => out.push(' '),
            _ if in_string => out.push(next),
            _ => {
                let number =
                    ["NaN", "-Infinity", "Infinity"].iter().find(|number| rest.starts_with(**number));
                match number {
                    Some(number) => {
                        length = number.len();
                        out.push_str("null");
                    }
                    None => out.push(next),
                }
            }
        }
        rest = &rest[length..];
    }
    out
}

/// Bytes of the escape that the text begins with; 1 where the backslash escapes nothing.
fn escape_length(text: &str) -> usize {
    match text.as_bytes() {
        [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
        [_, b'u', digits @ ..] if digits.len() >= 4 && digits[..4].iter().all(u8::is_ascii_hexdigit) => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::repaired;

    #[test]
    fn what_is_nearly_json_becomes_json() {
        let cases: [(&[u8], Value); 8] = [
            (b"\xef\xbb\xbf{\"a\": 1}", json!({ "a": 1 })),
            (b"{\"a\": \"two\nlines\x01\"}", json!({ "a": "two\nlines\u{1}" })),
            (b"{\"a\": [NaN, Infinity, -Infinity, -1]}", json!({ "a": [null, null, null, -1] })),
            (b"{\"a\": \"NaN is \\\"NaN\\\"\"}", json!({ "a": "NaN is \"NaN\"" })),
            (br#"{"a": "C:\dir\u00e4\uXYZ\\"}"#, json!({ "a": "C:\\dir\u{e4}\\uXYZ\\" })),
            (b"{\"a\": \"\xff\"}\0\0", json!({ "a": "\u{fffd}" })),
            (b"{\"a\":\x0b 1}", json!({ "a": 1 })),
            (b"{\"a\": \"\xc3\xa4\"}", json!({ "a": "\u{e4}" })),
        ];
        for (body, expected) in cases {
            let read: Value = serde_json::from_str(&repaired(body)).expect("JSON");
            assert_eq!(read, expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn what_is_no_json_stays_none_and_json_stays_as_it_is() {
        for body in ["", "{", "{\"a\": \"", "a=b", "{\"a\": \"b\\"] {
            assert!(serde_json::from_str::<Value>(&repaired(body.as_bytes())).is_err(), "{body}");
        }
        let sound = r#"{"a": "\"\\\u0000 NaN", "b": [1.5e3, null]}"#;
        assert_eq!(repaired(sound.as_bytes()), sound);
    }
}
