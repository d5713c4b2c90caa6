//! Reads Sentry's JSON forgivingly: a field of the wrong type counts as absent, and takes nothing
//! else with it. An event is assembled from what SDKs of every age and language send, so a frame
//! with a string for a line number loses its line, not the event.
//!
//! One pass over the text, borrowing from it. Leaves are kept as they stood and looked at only when
//! asked for, so numbers out of range and broken surrogate pairs harm nobody. What is not asked for
//! is skipped without recursion, however deep it is nested.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Elements kept of a list: the last ones. Sentry keeps fewer of everything that AutoFix reads.
const MAX_ELEMENTS: usize = 1_000;

/// A value as it stands in the text; absent where the field is missing.
#[derive(Clone, Copy, Default)]
pub(super) struct Leaf<'a>(Option<&'a RawValue>);

/// An object; all absent where the value is something else. (Only a number out of range in its place is
/// not forgiven: it cannot be skipped as one.)
#[derive(Default)]
pub(super) struct Object<T>(pub(super) T);

/// An object, told apart from what is none.
pub(super) struct Found<T>(pub(super) Option<T>);

/// A list, without the elements that are not of the right type; empty where the value is none.
pub(super) struct List<T>(pub(super) Vec<T>);

/// A list, given as one or as `{"values": […]}`.
pub(super) struct Values<T>(pub(super) Vec<T>);

/// Names with their values: `[["a", 1]]`, `[{"key": "a", "value": 1}]` or `{"a": 1}`.
#[derive(Default)]
pub(super) struct Pairs<'a>(pub(super) Vec<Pair<'a>>);

/// Two leaves: `[a, b]` or `{"key": a, "value": b}`.
#[derive(Clone, Copy, Default)]
pub(super) struct Pair<'a>(pub(super) Leaf<'a>, pub(super) Leaf<'a>);

/// An object's first `N` fields in their order, whatever their names.
pub(super) struct Fields<'a, const N: usize>(pub(super) Vec<(String, Leaf<'a>)>);

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

/// The visits of a value that is neither an object nor a list: it counts as absent.
macro_rules! scalars_are_absent {
    ($absent:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($absent)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($absent)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($absent)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($absent)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($absent)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($absent)
        }
    };
}

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_object<'de, A: MapAccess<'de>>(mut object: A) -> Result<(), A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Found::deserialize(deserializer).map(|Found(found)| Object(found.unwrap_or_default()))
    }
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Found(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Found<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Found<T>;
            scalars_are_absent!(Found(None));
            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Found<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(object)).map(|found| Found(Some(found)))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Found<T>, A::Error> {
                skip_list(list).map(|()| Found(None))
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        List(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = List<T>;
            scalars_are_absent!(List(Vec::new()));
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
                let mut kept = std::collections::VecDeque::new();
                while let Some(element) = list.next_element()? {
                    if kept.len() == MAX_ELEMENTS {
                        kept.pop_front();
                    }
                    kept.push_back(element);
                }
                Ok(List(kept.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<List<T>, A::Error> {
                skip_object(object).map(|()| List(Vec::new()))
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Values(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Values<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(bound(deserialize = "T: Deserialize<'de>"))]
        struct Named<T> {
            #[serde(default)]
            values: List<T>,
        }
        struct Reader<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = Values<T>;
            scalars_are_absent!(Values(Vec::new()));
            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Values<T>, A::Error> {
                Named::deserialize(MapAccessDeserializer::new(object)).map(|named| Values(named.values.0))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Values<T>, A::Error> {
                List::deserialize(SeqAccessDeserializer::new(list)).map(|list| Values(list.0))
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Reader<'a> {
            type Value = Pairs<'a>;
            scalars_are_absent!(Pairs::default());
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Pairs<'a>, A::Error> {
                List::deserialize(SeqAccessDeserializer::new(list)).map(|list| Pairs(list.0))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Pairs<'a>, A::Error> {
                let mut pairs = Vec::new();
                while pairs.len() < MAX_ELEMENTS {
                    match object.next_entry()? {
                        Some((name, value)) => pairs.push(Pair(name, value)),
                        None => return Ok(Pairs(pairs)),
                    }
                }
                skip_object(object).map(|()| Pairs(pairs))
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Pair<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Named<'a> {
            #[serde(borrow)]
            key: Leaf<'a>,
            #[serde(borrow)]
            value: Leaf<'a>,
        }
        struct Reader<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Reader<'a> {
            type Value = Pair<'a>;
            scalars_are_absent!(Pair::default());
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pair<'a>, A::Error> {
                let key = list.next_element()?.unwrap_or_default();
                let value = list.next_element()?.unwrap_or_default();
                skip_list(list).map(|()| Pair(key, value))
            }
            fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Pair<'a>, A::Error> {
                let named = Named::deserialize(MapAccessDeserializer::new(object))?;
                Ok(Pair(named.key, named.value))
            }
        }
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

impl<const N: usize> Default for Fields<'_, N> {
    fn default() -> Self {
        Fields(Vec::new())
    }
}

impl<'de: 'a, 'a, const N: usize> Deserialize<'de> for Fields<'a, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<'a, const N: usize>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a, const N: usize> Visitor<'de> for Reader<'a, N> {
            type Value = Fields<'a, N>;
            scalars_are_absent!(Fields(Vec::new()));
            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields<'a, N>, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < N {
                    match object.next_entry()? {
                        Some(field) => kept.push(field),
                        None => return Ok(Fields(kept)),
                    }
                }
                skip_object(object).map(|()| Fields(kept))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Fields<'a, N>, A::Error> {
                skip_list(list).map(|()| Fields(Vec::new()))
            }
        }
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
        type Both<'a> = List<Pair<'a>>;
        let tags: Both<'_> = leaf(r#"[["a", "b", {}], {"key": "c", "value": 1}, 5, null, "x", []]"#).read();
        let shown: Vec<_> = tags.0.iter().map(|tag| (tag.0.text(), tag.1.text())).collect();
        assert_eq!(shown[0], (Some("a".into()), Some("b".into())));
        assert_eq!(shown[1], (Some("c".into()), Some("1".into())));
        assert_eq!((shown.len(), &shown[2]), (6, &(None, None)));
        assert!(leaf(r#"{"a": 1}"#).read::<Both<'_>>().0.is_empty());
        let of_map: Pairs<'_> = leaf(r#"{"a": "b", "c": {}}"#).read();
        let shown: Vec<_> = of_map.0.iter().map(|tag| (tag.0.text(), tag.1.text())).collect();
        assert_eq!(shown, [(Some("a".into()), Some("b".into())), (Some("c".into()), None)]);
        for list in [r#"["x", "y"]"#, r#"{"type": 1, "values": ["x", "y"]}"#] {
            let values: Values<Leaf<'_>> = leaf(list).read();
            assert_eq!(values.0[1].text().as_deref(), Some("y"), "{list}");
        }
        for none in ["null", "7", r#"{"values": 5}"#, "{}"] {
            assert!(leaf(none).read::<Values<Leaf<'_>>>().0.is_empty(), "{none}");
        }
        let fields: Fields<'_, 2> = leaf(r#"{"x": 1, "y": {"z": 2}, "more": [[]]}"#).read();
        assert_eq!(fields.0.len(), 2);
        assert_eq!(fields.0[1].1.shown().as_deref(), Some(r#"{"z": 2}"#));
    }
}
