//! A part of a pull request's body between two marks, which is written again while people edit the rest.

use crate::redaction::Redacted;

/// The body with this part in place of the one between the marks, or at its end if people have removed that.
pub(super) fn with_part(body: &str, begin_mark: &str, end_mark: &str, part: &Redacted) -> String {
    let place = body.find(begin_mark).and_then(|begin| {
        let end = body.get(begin..)?.find(end_mark)?;
        Some((body.get(..begin)?, body.get(begin + end + end_mark.len()..)?))
    });
    match place {
        Some((before, after)) => format!("{before}{part}{after}"),
        None => format!("{}\n\n{part}\n", body.trim_end()),
    }
}
