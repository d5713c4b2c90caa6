//! Sentry's issue search, as far as AutoFix uses it: `is:unresolved issue.category:error firstSeen:-24h`.

use jiff::{SignedDuration, Timestamp};

use super::issues::Issue;

/// A term that this search does not know.
#[derive(Debug, PartialEq)]
pub(super) struct UnknownTerm;

/// Whether the issue has everything that `query` asks for, at the time `now`.
pub(super) fn matches(issue: &Issue, query: &str, now: Timestamp) -> Result<bool, UnknownTerm> {
    let mut all = true;
    for term in query.split_whitespace() {
        all &= match term.split_once(':').ok_or(UnknownTerm)? {
            ("is", "unresolved") => issue.status == "unresolved",
            ("is", "resolved") => issue.status == "resolved",
            ("is", "ignored" | "archived") => issue.status == "ignored",
            ("is", substatus @ ("new" | "ongoing" | "regressed")) => issue.substatus == Some(substatus),
            ("issue.category" | "level", wanted) => wanted == "error",
            ("project" | "project.name", slug) => issue.last().project.slug == slug,
            ("firstSeen", when) => is_when(issue.first().at, when, now)?,
            ("lastSeen", when) => is_when(issue.last().at, when, now)?,
            ("timesSeen", count) => is_number(issue.events.len() as u64, count)?,
            ("age", when) => is_when(issue.first().at, when, now)?,
            _ => return Err(UnknownTerm),
        };
    }
    Ok(all)
}

/// `-24h`: within the last 24 hours; `+24h`: longer ago; `>…`, `>=…`, `<…`, `<=…`: after or before an RFC 3339 time.
fn is_when(at: Timestamp, when: &str, now: Timestamp) -> Result<bool, UnknownTerm> {
    for (sign, holds) in [
        (">=", Timestamp::ge as fn(&Timestamp, &Timestamp) -> bool),
        ("<=", Timestamp::le),
        (">", Timestamp::gt),
        ("<", Timestamp::lt),
    ] {
        if let Some(time) = when.strip_prefix(sign) {
            return time.parse().map(|time| holds(&at, &time)).or(Err(UnknownTerm));
        }
    }
    match when.split_at_checked(1) {
        Some(("-", period)) => Ok(now.duration_since(at) <= duration(period).ok_or(UnknownTerm)?),
        Some(("+", period)) => Ok(now.duration_since(at) > duration(period).ok_or(UnknownTerm)?),
        _ => Err(UnknownTerm),
    }
}

/// `7`, `>7` or `>=7`.
fn is_number(count: u64, wanted: &str) -> Result<bool, UnknownTerm> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| UnknownTerm);
    if let Some(least) = wanted.strip_prefix(">=") {
        return Ok(count >= number(least)?);
    }
    match wanted.strip_prefix('>') {
        Some(below) => Ok(count > number(below)?),
        None => Ok(count == number(wanted)?),
    }
}

/// `30m`, `24h`, `14d`, `2w`.
pub(super) fn duration(period: &str) -> Option<SignedDuration> {
    let (number, unit) = period.split_at_checked(period.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    Some(SignedDuration::from_secs(number.parse::<u32>().ok().map(i64::from)? * seconds))
}
