//! Hosts and URLs that a fix adds: the simplest way out for data.

use std::sync::LazyLock;

use regex::Regex;

use super::reviewed::{Finding, Reviewed, newly, places};
use crate::names::has;
use crate::syntax::references::dotted_path;
use crate::syntax::{Parsed, Walk, first_line};
use autofix_domain::reason::{Reason, ReasonCode};

static URL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b[a-z][a-z0-9+.-]{1,15}://([^/\s'"`?#\\]*)|^["'`]//([a-z0-9.-]+\.[a-z]{2,})"#)
        .expect("the pattern is constant and tested")
});

/// A literal that is a host and nothing else, with endings that are not also attribute names.
static HOST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?ix)^[a-z]{0,2}["'`]\s*( localhost | \d{1,3}(?:\.\d{1,3}){3}
        | (?:[a-z0-9-]+\.)+(?: com|net|org|io|dev|co|ai|cloud|biz|xyz|ru|cn|tk|eu|de|uk|site|online|onion
          |internal|local ) )
        (?: :\d+ )? (?: /\S* )?\s*["'`]$"#,
    )
    .expect("the pattern is constant and tested")
});

/// Calls that only look at a URL's text.
const TEXT_CALLS: &str = "\
    startswith startsWith endswith removeprefix replace strip lstrip split partition TrimPrefix \
    HasPrefix includes";

pub(super) fn host_added(file: &Reviewed<'_>) -> Option<Reason> {
    let added = match &file.sides {
        Some(sides) => {
            let mut added = hosts(sides.after.parsed, &sides.after.walk);
            if !added.is_empty() {
                let known = hosts(sides.before.parsed, sides.before.whole());
                added.retain(|host| known.iter().all(|one| one.key != host.key));
            }
            added
        }
        None => newly(
            file.removed_lines().flat_map(|line| hosts_in(&line.text, line.number)).collect(),
            file.added_lines().flat_map(|line| hosts_in(&line.text, line.number)).collect(),
        ),
    };
    (!added.is_empty()).then(|| {
        let detail =
            format!("The fix adds an address to talk to: {}. New hosts need a person.", places(&added));
        Reason::new(ReasonCode::NetworkHostAdded, detail)
    })
}

/// Hosts in string literals.
fn hosts(parsed: &Parsed<'_>, walk: &Walk<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    walk.visit(|node, position| {
        let is_literal = matches!(
            position.kind,
            "string"
                | "template_string"
                | "interpreted_string_literal"
                | "raw_string_literal"
                | "jsx_text"
                | "string_literal"
                | "encapsed_string"
                | "heredoc_body"
                | "nowdoc_body"
        );
        // A string that stands alone is documentation; what is imported has a rule of its own.
        let is_used =
            !matches!(position.parent_kind, "expression_statement" | "import_spec" | "import_statement");
        if !is_literal || !is_used {
            return;
        }
        let mut of_literal = hosts_in(literal(parsed.text_of(node)), first_line(node));
        let call =
            position.ancestors.iter().rev().nth(1).and_then(|call| call.child_by_field_name("function"));
        if let Some(function) = call {
            let path = dotted_path(parsed, function);
            if has(TEXT_CALLS, path.rsplit('.').next().unwrap_or_default()) {
                of_literal.retain(|host| !host.key.is_empty());
            }
        }
        found.extend(of_literal);
    });
    found
}

/// A literal from its quotes on: Rust's `r#"…"#` has more around them.
fn literal(text: &str) -> &str {
    if text.starts_with("r#") { text.trim_start_matches(['r', '#']).trim_end_matches('#') } else { text }
}

fn hosts_in(text: &str, line: u32) -> Vec<Finding> {
    let of_urls =
        URL.captures_iter(text).map(|hit| hit.get(1).or(hit.get(2)).map_or("", |host| host.as_str()));
    let alone = HOST.captures(text.trim()).and_then(|hit| hit.get(1)).map(|host| host.as_str());
    of_urls
        .chain(alone)
        .map(|host| {
            let host = host.rsplit('@').next().unwrap_or(host).to_lowercase();
            let key = host.split(':').next().unwrap_or_default().to_owned();
            let shown = if key.is_empty() { "a URL made at run time".to_owned() } else { key.clone() };
            Finding { key, shown, line }
        })
        .collect()
}
