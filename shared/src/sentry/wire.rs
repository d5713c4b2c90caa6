//! Reads Sentry's JSON forgivingly: a field of the wrong type counts as absent, and takes nothing
//! else with it. An event is assembled from what SDKs of every age and language send, so a frame
//! with a string for a line number loses its line, not the event.
//!
//! One pass over the text, borrowing from it. Leaves are kept as they stood and looked at only when
//! asked for, so numbers out of range and broken surrogate pairs harm nobody. What is not asked for
//! is skipped without recursion, however deep it is nested.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::cleaning::one_line;
use crate::incident::{MAX_MESSAGE_CHARS, MAX_NAME_CHARS};

/// Elements kept of a list, the last ones, and fields of an object, the first ones. Sentry keeps fewer of everything
/// that AutoFix reads.
const MAX_ELEMENTS: usize = 1_000;

/// A value as it stands in the text; absent where the field is missing.
#[derive(Clone, Copy, Default)]
pub(super) struct Leaf<'a>(Option<&'a RawValue>);

/// An object; `None` where the value is something else. (Only a number out of range in its place is
/// not forgiven: it cannot be skipped as one.)
#[derive(Default)]
pub(super) struct Object<T>(pub(super) Option<T>);

/// A list, without the elements that are not of the right type; empty where the value is none.
#[derive(Default)]
pub(super) struct List<T>(pub(super) Vec<T>);

/// A list, given as one or as `{"values": […]}`.
#[derive(Default)]
pub(super) struct Values<T>(pub(super) Vec<T>);

/// An object's fields.
#[derive(Default)]
struct Fields<'a>(Vec<(Leaf<'a>, Leaf<'a>)>);

/// A struct of leaves: fields of an object that are looked at one by one. `field = "name"` is what the JSON calls it.
macro_rules! leaves {
    ($(#[$meta:meta])* $access:vis struct $name:ident {
        $($(#[$note:meta])* $field:ident $(= $wire:literal)?),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Default, ::serde::Deserialize)]
        #[serde(default, bound(deserialize = "'de: 'a"))]
        $access struct $name<'a> {
            $($(#[$note])* $(#[serde(rename = $wire)])? pub(super) $field: $crate::sentry::wire::Leaf<'a>,)*
        }
    };
}
pub(super) use leaves;

impl<T: Default> Object<T> {
    /// All absent where the value is no object.
    pub(super) fn or_default(self) -> T {
        self.0.unwrap_or_default()
    }
}

impl<'a> Leaf<'a> {
    /// A string, or a number or a truth value as it was written.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        let raw = self.0?.get();
        match raw.as_bytes().first()? {
            b'"' => unquoted(raw),
            b'n' | b'{' | b'[' => None,
            _ => Some(Cow::Borrowed(raw)),
        }
    }

    /// A string that is not blank, or a number.
    pub(super) fn words(self) -> Option<Cow<'a, str>> {
        self.text().filter(|text| !text.trim().is_empty())
    }

    /// A string as it is, anything else as JSON; nothing for a missing field.
    pub(super) fn shown(self) -> Option<Cow<'a, str>> {
        self.text().or_else(|| Some(Cow::Borrowed(self.0?.get())))
    }

    /// As [`Leaf::shown`], and nothing for `null`.
    pub(super) fn shown_unless_null(self) -> Cow<'a, str> {
        self.shown().filter(|shown| shown != "null").unwrap_or_default()
    }

    /// The text as a cleaned, capped name; `None` if nothing is left of it.
    pub(super) fn name(self) -> Option<String> {
        self.line(MAX_NAME_CHARS)
    }

    /// The text as a cleaned line of what somebody said; `None` if nothing is left of it.
    pub(super) fn message(self) -> Option<String> {
        self.line(MAX_MESSAGE_CHARS)
    }

    fn line(self, max_chars: usize) -> Option<String> {
        self.text().map(|text| one_line(&text, max_chars)).filter(|line| !line.is_empty())
    }

    /// A whole number, or a string of one.
    pub(super) fn whole(self) -> Option<u64> {
        let text = self.text()?;
        let float = || text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && (0.0..9e15).contains(n));
        text.trim().parse().ok().or_else(|| float().map(|n| n as u64))
    }

    pub(super) fn flag(self) -> Option<bool> {
        self.text()?.parse().ok()
    }

    /// What the value holds as `T`; its default where it is of another shape.
    pub(super) fn read<T: Deserialize<'a> + Default>(self) -> T {
        self.0.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// The object's fields as `T`; `None` where the value is no object, or gives a field twice.
    pub(super) fn object<T: Deserialize<'a>>(self) -> Option<T> {
        self.0.filter(|_| self.is_object()).and_then(|raw| serde_json::from_str(raw.get()).ok())
    }

    /// The elements of a list.
    pub(super) fn list(self) -> Vec<Leaf<'a>> {
        self.read::<List<Leaf<'a>>>().0
    }

    /// The object's fields in their order, whatever their names.
    pub(super) fn fields(self) -> Vec<(Leaf<'a>, Leaf<'a>)> {
        self.read::<Fields<'a>>().0
    }

    /// Names with their values: `[["a", 1]]`, `[{"key": "a", "value": 1}]` or `{"a": 1}`.
    pub(super) fn pairs(self) -> Vec<(Leaf<'a>, Leaf<'a>)> {
        leaves! {
            struct Named { key, value }
        }
        let pair = |pair: Leaf<'a>| match pair.list()[..] {
            [] => pair.object().map_or_else(Default::default, |Named { key, value }| (key, value)),
            [key] => (key, Leaf::default()),
            [key, value, ..] => (key, value),
        };
        if self.is_object() { self.fields() } else { self.list().into_iter().map(pair).collect() }
    }

    /// The value that [`Leaf::pairs`] has for this name.
    pub(super) fn tag(self, name: &str) -> Option<Leaf<'a>> {
        let mut pairs = self.pairs().into_iter();
        pairs.find(|(key, _)| key.text().as_deref() == Some(name)).map(|(_, value)| value)
    }

    pub(super) fn is_string(self) -> bool {
        self.0.is_some_and(|raw| raw.get().starts_with('"'))
    }

    pub(super) fn is_object(self) -> bool {
        self.0.is_some_and(|raw| raw.get().starts_with('{'))
    }

    pub(super) fn is_list(self) -> bool {
        self.0.is_some_and(|raw| raw.get().starts_with('['))
    }
}

/// The content of a JSON string. Half of a surrogate pair becomes U+FFFD.
fn unquoted(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = String;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }
        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
            Ok(match String::from_utf8_lossy(bytes) {
                Cow::Borrowed(text) => text.to_owned(),
                // Half of a pair comes as three bytes that are no UTF-8.
                Cow::Owned(text) => text.replace("\u{fffd}\u{fffd}\u{fffd}", "\u{fffd}"),
            })
        }
    }
    serde_json::Deserializer::from_str(raw).deserialize_bytes(Bytes).ok().map(Cow::Owned)
}

impl<'de: 'a, 'a> Deserialize<'de> for Leaf<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&'a RawValue>::deserialize(deserializer).map(|raw| Leaf(Some(raw)))
    }
}

/// What is read from an object, from a list, or from both. Any other value is skipped, and counts as absent.
trait Lenient<'de>: Default {
    fn of_object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn of_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }
    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_u64<E>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_str<E>(self, _: &str) -> Result<T, E> {
        Ok(T::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::of_object(object)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::of_list(list)
    }
}

impl<'de, T: Deserialize<'de> + Default> Lenient<'de> for Object<T> {
    fn of_object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|found| Object(Some(found)))
    }
}

impl<'de, T: Deserialize<'de> + Default> Lenient<'de> for List<T> {
    fn of_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut kept = VecDeque::new();
        while let Some(element) = list.next_element()? {
            if kept.len() == MAX_ELEMENTS {
                kept.pop_front();
            }
            kept.push_back(element);
        }
        Ok(List(kept.into()))
    }
}

impl<'de, T: Deserialize<'de> + Default> Lenient<'de> for Values<T> {
    fn of_object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        #[derive(Deserialize)]
        #[serde(bound(deserialize = "T: Deserialize<'de> + Default"))]
        struct Named<T> {
            #[serde(default)]
            values: List<T>,
        }
        Named::deserialize(MapAccessDeserializer::new(object)).map(|named| Values(named.values.0))
    }

    fn of_list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        List::of_list(list).map(|list| Values(list.0))
    }
}

impl<'de: 'a, 'a> Lenient<'de> for Fields<'a> {
    fn of_object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        let mut kept = Vec::new();
        while let Some(field) = object.next_entry()? {
            if kept.len() < MAX_ELEMENTS {
                kept.push(field);
            }
        }
        Ok(Fields(kept))
    }
}

macro_rules! read_leniently {
    ($([$($generics:tt)*] $name:ty;)*) => {
        $(impl<'de, $($generics)*> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Reader(PhantomData))
            }
        })*
    };
}

read_leniently! {
    [T: Deserialize<'de> + Default] Object<T>;
    [T: Deserialize<'de> + Default] List<T>;
    [T: Deserialize<'de> + Default] Values<T>;
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaf(json: &str) -> Leaf<'_> {
        serde_json::from_str(json).expect("JSON")
    }

    #[test]
    fn a_leaf_is_read_as_what_is_asked_for_or_not_at_all() {
        assert_eq!(leaf(r#""a\u00e4\n""#).text().as_deref(), Some("aä\n"));
        assert_eq!(leaf(r#""half \ud83d pair""#).text().as_deref(), Some("half \u{fffd} pair"));
        assert_eq!(leaf("1e999").whole(), None);
        assert_eq!(leaf(r#""41""#).whole(), Some(41));
        assert_eq!(leaf("41.0").whole(), Some(41));
        assert_eq!(leaf("-1").whole(), None);
        assert_eq!(leaf("99999999999999999999999").whole(), None);
        assert_eq!(leaf("true").flag(), Some(true));
        assert_eq!(leaf("null").text(), None);
        assert_eq!(leaf(r#"{"a": [1]}"#).shown().as_deref(), Some(r#"{"a": [1]}"#));
    }

    proptest! {
        #[test]
        fn a_string_is_read_as_it_was_written(text in any::<String>(), ascii in any::<bool>()) {
            let mut json = serde_json::Value::from(text.as_str()).to_string();
            if ascii {
                let units = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect();
                json = json.chars().map(|c| if c.is_ascii() { c.to_string() } else { units(c) }).collect();
            }
            let read = leaf(&json).text();
            prop_assert_eq!(read.as_deref(), Some(text.as_str()));
        }
    }

    #[test]
    fn a_value_of_another_type_is_absent_and_its_neighbours_stay() {
        let shown = |json| -> Vec<_> {
            let text = |leaf: Leaf<'_>| leaf.text().map(String::from);
            leaf(json).pairs().into_iter().map(|(key, value)| (text(key), text(value))).collect()
        };
        let some = |text: &str| Some(text.to_owned());
        let none = (None, None);
        assert_eq!(
            shown(r#"[["a", "b", {}], {"key": "c", "value": 1}, 5, null, "x", []]"#),
            [(some("a"), some("b")), (some("c"), some("1")), none.clone(), none.clone(), none.clone(), none]
        );
        assert_eq!(shown(r#"{"a": "b", "c": {}}"#), [(some("a"), some("b")), (some("c"), None)]);
        assert_eq!(shown("7"), []);
        for list in [r#"["x", "y"]"#, r#"{"type": 1, "values": ["x", "y"]}"#] {
            let values: Values<Leaf<'_>> = leaf(list).read();
            assert_eq!(values.0[1].text().as_deref(), Some("y"), "{list}");
        }
        for none in ["null", "7", r#"{"values": 5}"#, "{}"] {
            assert!(leaf(none).read::<Values<Leaf<'_>>>().0.is_empty(), "{none}");
        }
    }
}
