//! Attempt ids: UUIDv7, so that they sort by time, with a short form for branch names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttemptId(Uuid);

/// The text is not the id of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an attempt id")]
pub struct NotAnAttemptId;

impl AttemptId {
    /// A new id for an attempt that starts at `now`.
    pub fn new(now: Timestamp) -> AttemptId {
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        AttemptId(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds)))
    }

    /// Only the canonical lower-case form with hyphens is an id: one attempt, one spelling.
    pub fn parse(text: &str) -> Result<AttemptId, NotAnAttemptId> {
        let uuid = Uuid::try_parse(text).map_err(|_| NotAnAttemptId)?;
        if uuid.get_version_num() != 7 || uuid.hyphenated().to_string() != text {
            return Err(NotAnAttemptId);
        }
        Ok(AttemptId(uuid))
    }

    /// When the id was made, to the millisecond.
    pub fn created_at(&self) -> Timestamp {
        let milliseconds = self.0.as_u128() >> 80;
        i64::try_from(milliseconds)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Twelve hex digits, the random end of the id.
    pub fn short(&self) -> String {
        let text = self.0.simple().to_string();
        text[20..].to_owned()
    }

    /// The branch of this attempt's fix.
    pub fn branch(&self) -> String {
        format!("autofix/{}", self.short())
    }
}

impl std::fmt::Display for AttemptId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl std::fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AttemptId({self})")
    }
}

impl TryFrom<String> for AttemptId {
    type Error = NotAnAttemptId;
    fn try_from(text: String) -> Result<AttemptId, NotAnAttemptId> {
        AttemptId::parse(&text)
    }
}

impl From<AttemptId> for String {
    fn from(id: AttemptId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_of_a_version_7_uuid_is_an_id() {
        let id = AttemptId::new("2026-11-22T10:00:00Z".parse().unwrap());
        assert_eq!(AttemptId::parse(&id.to_string()), Ok(id));
        assert_eq!(id.short().len(), 12);
        for text in [
            "",
            "x",
            &id.to_string().to_uppercase(),
            &id.to_string().replace('-', ""),
            &format!("{{{id}}}"),
            "7ca573c0-f481-4912-aaa9-bdc77d1a7d51",
        ] {
            assert_eq!(AttemptId::parse(text), Err(NotAnAttemptId), "{text}");
        }
    }
}
