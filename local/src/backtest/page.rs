//! The report as one HTML file: no script, nothing from elsewhere, everything escaped. It may be sent to other people, so
//! every text in it is redacted.

use anyhow::Context;
use askama::Template;
use attempt_queries::page::COLOURS;
use autofix::cleaning;
use autofix::reason::Reason;
use autofix::redaction::{Redacted, redact};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use url::Url;

use super::results::CaseResult;
use super::summary::{Summary, Threshold};
use autofix::attempt::Closeness;

const STYLE: &str = include_str!("../../assets/backtest.css");
const MAX_LINE_CHARS: usize = 600;
const MAX_DIFF_CHARS: usize = 40_000;

/// What the page is made of.
pub struct Report<'a> {
    pub summary: &'a Summary,
    pub results: &'a [&'a CaseResult],
    /// Name and sentence.
    pub not_compared: Vec<(&'a str, &'a str)>,
    pub stopped: Option<&'a str>,
}

impl Report<'_> {
    pub fn render(&self) -> anyhow::Result<String> {
        let style = [COLOURS, STYLE].concat();
        let page = Page {
            style_hash: STANDARD.encode(Sha256::digest(&style)),
            style,
            stopped: self.stopped.map(line),
            numbers: numbers(self.summary),
            cases: self.results.iter().enumerate().map(|(index, result)| case(index, result)).collect(),
            not_compared: self.not_compared.iter().map(|(name, why)| (line(name), line(why))).collect(),
            thresholds: self
                .summary
                .thresholds
                .iter()
                .map(|one| threshold(one, self.results.len()))
                .collect(),
            rules: self
                .summary
                .rules
                .iter()
                .map(|rule| RuleRow {
                    code: rule.code.as_str(),
                    meaning: prose(rule.code.meaning()),
                    cases: rule.cases,
                    alone: rule.alone,
                    alone_same_change: rule.alone_same_change,
                })
                .collect(),
        };
        page.render().context("make the page")
    }
}

#[derive(Template)]
#[template(path = "backtest/report.html")]
struct Page {
    style: String,
    /// SHA-256 of the style, for the policy that allows nothing else.
    style_hash: String,
    stopped: Option<Redacted>,
    numbers: [Number; 4],
    cases: Vec<CaseView>,
    not_compared: Vec<(Redacted, Redacted)>,
    thresholds: Vec<ThresholdRow>,
    rules: Vec<RuleRow>,
}

struct Number {
    value: String,
    label: &'static str,
    detail: String,
}

struct CaseView {
    id: String,
    name: Redacted,
    title: Redacted,
    link: Option<String>,
    commit: Option<String>,
    opened: bool,
    closeness: Option<Closeness>,
    reasons: Vec<ReasonRow>,
    notes: Vec<Redacted>,
    facts: String,
    people: Vec<DiffLine>,
    proposed: Vec<DiffLine>,
}

struct ReasonRow {
    code: &'static str,
    detail: Vec<Run>,
}

/// A part of a sentence.
struct Run {
    is_code: bool,
    text: Redacted,
}

struct DiffLine {
    /// `add`, `del`, `at` (where a part begins), `file` or `same`.
    class: &'static str,
    text: Redacted,
}

struct ThresholdRow {
    min_confidence: String,
    is_set: bool,
    would_open: usize,
    same_change: usize,
    unknown: usize,
    /// Of a bar 100 wide: the same change, other changes, unknown.
    bar: [(usize, usize); 3],
}

struct RuleRow {
    code: &'static str,
    meaning: Vec<Run>,
    cases: usize,
    alone: usize,
    alone_same_change: usize,
}

fn numbers(summary: &Summary) -> [Number; 4] {
    let share = |part: usize, whole: usize| match (part * 100).checked_div(whole) {
        Some(percent) => format!("{percent} %"),
        None => "–".to_owned(),
    };
    let Summary { compared, would_open, same_change, same_lines, same_file, other_file, .. } = summary;
    [
        Number {
            value: compared.to_string(),
            label: "fixes compared",
            detail: match summary.not_compared {
                0 => "every case that was found".to_owned(),
                1 => "1 more could not be compared".to_owned(),
                count => format!("{count} more could not be compared"),
            },
        },
        Number {
            value: would_open.to_string(),
            label: "would have become a pull request",
            detail: format!("{} of those compared", share(*would_open, *compared)),
        },
        Number {
            value: same_change.to_string(),
            label: "of them with the same change as people's",
            detail: format!(
                "{same_lines} more at the same lines, {same_file} in the same file, {other_file} in another one"
            ),
        },
        Number {
            value: format!("${:.2}", summary.cost_usd),
            label: "paid to Claude",
            detail: format!(
                "median ${:.4} and {:.0} s for a case",
                summary.median_cost_usd, summary.median_seconds
            ),
        },
    ]
}

fn case(index: usize, result: &CaseResult) -> CaseView {
    let confidence = match result.confidence {
        Some(confidence) => format!("confidence {confidence:.2}"),
        None => "confidence unknown".to_owned(),
    };
    CaseView {
        id: format!("case-{}", index + 1),
        name: line(&result.name),
        title: line(&result.title),
        link: result.url.as_deref().and_then(link),
        commit: result
            .fix
            .as_deref()
            .map(|sha| sha.chars().filter(char::is_ascii_hexdigit).take(10).collect()),
        opened: result.would_open,
        closeness: result.closeness,
        reasons: result.reasons.iter().map(reason).collect(),
        notes: result.notes.iter().map(|note| line(note)).collect(),
        facts: format!(
            "{confidence}, {} wanted · ${:.4} · {} turns · {:.0} s",
            format_args!("{:.2}", result.min_confidence),
            result.usage.cost_usd,
            result.usage.turns,
            result.seconds
        ),
        people: diff_lines(&result.peoples_diff),
        proposed: diff_lines(result.proposed_diff.as_deref().unwrap_or_default()),
    }
}

fn reason(reason: &Reason) -> ReasonRow {
    ReasonRow { code: reason.code.as_str(), detail: prose(&reason.detail) }
}

fn threshold(one: &Threshold, cases: usize) -> ThresholdRow {
    let share = |count: usize| (count * 100).checked_div(cases).unwrap_or(0);
    let (same, known, all) =
        (share(one.same_change), share(one.would_open), share(one.would_open + one.unknown));
    ThresholdRow {
        min_confidence: format!("{:.2}", one.min_confidence),
        is_set: one.is_set,
        would_open: one.would_open,
        same_change: one.same_change,
        unknown: one.unknown,
        bar: [(0, same), (same, known - same), (known, all - known)],
    }
}

/// An address on the web; anything else leads nowhere.
fn link(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none())
        .then(|| url.to_string())
}

fn line(text: &str) -> Redacted {
    redact(&cleaning::one_line(text, MAX_LINE_CHARS * 2)).capped(MAX_LINE_CHARS)
}

/// A sentence whose code stands between backticks.
fn prose(text: &str) -> Vec<Run> {
    let text = line(text);
    let mut runs = Vec::new();
    let mut at = 0;
    for (index, part) in text.as_str().split('`').enumerate() {
        let range = at..at + part.len();
        at = range.end + 1;
        if !range.is_empty() {
            runs.push(Run { is_code: index % 2 == 1, text: text.part(range) });
        }
    }
    runs
}

fn diff_lines(diff: &str) -> Vec<DiffLine> {
    let shown = redact(&cleaning::multi_line(diff, MAX_DIFF_CHARS * 2)).capped(MAX_DIFF_CHARS);
    let mut lines = Vec::new();
    // From `diff --git` to the first `@@`.
    let mut in_head = true;
    for text in shown.lines() {
        let all = text.as_str();
        let (class, from) = if let Some((_, path)) =
            all.strip_prefix("diff --git ").and_then(|both| both.split_once(" b/"))
        {
            in_head = true;
            ("file", all.len() - path.len())
        } else if all.starts_with("@@") {
            in_head = false;
            ("at", 0)
        } else if in_head {
            continue;
        } else {
            let sign = all.bytes().next();
            (
                match sign {
                    Some(b'+') => "add",
                    Some(b'-') => "del",
                    _ => "same",
                },
                0,
            )
        };
        lines.push(DiffLine { class, text: text.part(from..all.len()) });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::results::example;
    use super::*;

    #[test]
    fn a_diff_is_shown_by_file_with_a_class_for_each_line() {
        let diff = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n--- b\n+c\n";
        let shown = diff_lines(diff);
        let shown: Vec<_> = shown.iter().map(|line| (line.class, line.text.as_str())).collect();
        let expected =
            [("file", "x.py"), ("at", "@@ -1,2 +1,2 @@"), ("same", " a"), ("del", "--- b"), ("add", "+c")];
        assert_eq!(shown, expected);
        assert!(diff_lines("").is_empty());
    }

    #[test]
    fn whatever_a_result_says_becomes_text_and_no_secret_is_shown() {
        let hostile = "</style><script>alert(1)</script><img src=x onerror=alert(1)>";
        let result = CaseResult {
            name: hostile.to_owned(),
            title: format!("{hostile} password = \"hunter2-and-more\""),
            url: Some("javascript:alert(1)".to_owned()),
            fix: Some(hostile.to_owned()),
            notes: vec![hostile.to_owned()],
            reasons: vec![Reason::new(autofix::reason::ReasonCode::NeedsHuman, format!("`{hostile}`"))],
            peoples_diff: format!("diff --git a/{hostile} b/{hostile}\n@@ -1 +1 @@\n-{hostile}\n"),
            proposed_diff: Some(format!(
                "diff --git a/a b/a\n@@ -1 +1 @@\n+password = \"hunter2-and-more\"{hostile}\n"
            )),
            would_open: false,
            ..example("hostile")
        };
        let results = [&result];
        let summary = Summary::of(&results, 1);
        let report = Report {
            summary: &summary,
            results: &results,
            not_compared: vec![(hostile, hostile)],
            stopped: Some(hostile),
        };
        let page = report.render().expect("a page");
        assert!(
            !page.contains("<script") && !page.contains("<img") && !page.contains("javascript:"),
            "{page}"
        );
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(!page.contains("hunter2"), "{page}");
        assert!(page.contains("&#60;script&#62;"));
    }

    #[test]
    fn the_page_allows_itself_nothing_but_its_own_style() {
        let summary = Summary::of(&[], 0);
        let report = Report { summary: &summary, results: &[], not_compared: Vec::new(), stopped: None };
        let page = report.render().expect("a page");
        let inside = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
        let hash = STANDARD.encode(Sha256::digest(inside.expect("a style").0));
        assert!(page.contains(&format!("default-src 'none'; style-src 'sha256-{hash}'")), "{page}");
        for forbidden in ["style=", "src=", "@import", "url(", "<link", "http:", "https:"] {
            assert!(!page.contains(forbidden), "{forbidden}: {page}");
        }
    }
}
