//! Comments that silence a checker instead of mending what it found.

use std::sync::LazyLock;

use regex::Regex;

use super::reviewed::{Finding, Reviewed, newly, places};
use crate::diff::ChangedLine;
use autofix_domain::reason::{Reason, ReasonCode};

static SILENCERS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)\#\s*(?: type:\s*ignore | noqa | pylint:\s*disable | pyright: | mypy: | nosec
                | pragma:\s*no\s*cover | fmt:\s*off )
        | (?://|/\*)\s*(?: eslint-disable | tslint:disable | nolint | nosemgrep | biome-ignore
                | istanbul\s+ignore )
        | @ts-(?:ignore|nocheck|expect-error)
        | \#!?\[\s*(?:allow|expect)\b | @SuppressWarnings\b | rubocop:\s*(?:disable|todo)
        | @phpstan-ignore | @psalm-suppress | phpcs:\s*(?:ignore|disable)
        | \bas\s+any\b | \bas\s+unknown\s+as\b | \bcast\(\s*Any\b | \#\s*nosemgrep | NOSONAR",
    )
    .expect("the pattern is constant and tested")
});

pub(super) fn warning_silenced(file: &Reviewed<'_>) -> Option<Reason> {
    let found = |lines: Vec<&ChangedLine>| -> Vec<Finding> {
        lines
            .into_iter()
            .flat_map(|line| {
                SILENCERS
                    .find_iter(&line.text)
                    .map(|hit| Finding::new(hit.as_str().to_lowercase(), line.number))
            })
            .collect()
    };
    let added = newly(found(file.removed_lines().collect()), found(file.added_lines().collect()));
    (!added.is_empty()).then(|| {
        let detail = format!("The fix silences a checker: {}. Mend what the checker found.", places(&added));
        Reason::new(ReasonCode::WarningSilenced, detail)
    })
}
