//! Sentry's issue search, as far as AutoFix uses it: `is:unresolved issue.category:error firstSeen:>=2026-11-20T10:00:00Z`.

use jiff::Timestamp;

use super::issues::Issue;

/// A term that this search does not know.
#[derive(Debug, PartialEq)]
pub(super) struct UnknownTerm;

/// Whether the issue has everything that `query` asks for.
pub(super) fn matches(issue: &Issue, query: &str) -> Result<bool, UnknownTerm> {
    let mut all = true;
    for term in query.split_whitespace() {
        all &= match term.split_once(':').ok_or(UnknownTerm)? {
            ("is", status @ ("unresolved" | "resolved")) => issue.status == status,
            ("issue.category", wanted) => wanted == "error",
            ("project", slug) => issue.last().project.slug == slug,
            ("firstSeen", when) => is_when(issue.first().at, when)?,
            ("lastSeen", when) => is_when(issue.last().at, when)?,
            ("timesSeen", count) => {
                let least = count.strip_prefix(">=").and_then(|least| least.parse().ok());
                issue.events.len() >= least.ok_or(UnknownTerm)?
            }
            _ => return Err(UnknownTerm),
        };
    }
    Ok(all)
}

/// `>=…` or `<=…` with an RFC 3339 time.
fn is_when(at: Timestamp, when: &str) -> Result<bool, UnknownTerm> {
    let time = |text: &str| text.parse::<Timestamp>().map_err(|_| UnknownTerm);
    match (when.strip_prefix(">="), when.strip_prefix("<=")) {
        (Some(from), _) => Ok(at >= time(from)?),
        (_, Some(until)) => Ok(at <= time(until)?),
        _ => Err(UnknownTerm),
    }
}
