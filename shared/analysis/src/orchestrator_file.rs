//! The repository's own settings for AutoFix: `.orchestrator/autofix.yaml` on the default branch.
//!
//! The stricter of file and deployment wins, so the file can only ever hold AutoFix back. A file
//! that cannot be read is never guessed at: it stops the attempt, with the sentence given here. The
//! top of the file belongs to Orchestrator and may hold anything, and so may most of `autofix`. Among the limits in
//! `cto_analysis` an unknown key is an error, since a misspelt limit would otherwise be no limit.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use crate::policy::{Enabled, PolicySettings};
use autofix_domain::cleaning::one_line;
use autofix_domain::report::Category;

/// Where the file stands in the repository.
pub const ORCHESTRATOR_FILE: &str = ".orchestrator/autofix.yaml";
/// Largest file that is read, bytes. A real one has a few hundred.
pub const MAX_FILE_BYTES: usize = 64 * 1024;
/// Characters shown of what is wrong with the file.
const DETAIL_CHARS: usize = 300;

/// What the file says. What it leaves out is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OrchestratorFile {
    pub enabled: Option<Enabled>,
    /// `owner/repo` that the file means.
    pub github_repo: Option<String>,
    /// Folder of the project in the repository.
    pub github_path: Option<String>,
    /// 0 to 1.
    pub min_confidence: Option<f64>,
    pub blocked_categories: BTreeSet<Category>,
}

/// The file as it is written.
#[derive(Deserialize, Default)]
struct Document {
    autofix: Option<Section>,
}

#[derive(Deserialize, Default)]
struct Section {
    enabled: Option<bool>,
    github: Option<Place>,
    cto_analysis: Option<Limits>,
}

#[derive(Deserialize, Default)]
struct Place {
    repo: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Limits {
    min_confidence: Option<f64>,
    blocked_categories: Option<BTreeSet<Category>>,
}

/// Why the file cannot be used: a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{ORCHESTRATOR_FILE}` cannot be used: {0}")]
pub struct UnreadableFile(String);

/// An anchor or alias at the beginning of a value.
static ANCHOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?mx)^\s* (?: [-?]\s+ )* (?: [\w."'-]+\s*:\s+ )? (?: ![\w!/:.,-]*\s+ )? [&*][\w-]
        | [\[{,]\s* (?: [\w."'-]+\s*:\s+ )? [&*][\w-] | <<\s*:"#,
    )
    .expect("the pattern is constant and tested")
});

/// Reads the file.
///
/// # Errors
/// For a file that is too large, is not UTF-8 or YAML, uses anchors (which can grow without bound),
/// or has a value of the wrong kind.
pub fn parse(bytes: &[u8]) -> Result<OrchestratorFile, UnreadableFile> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(unreadable(format!("it has {} bytes; at most {MAX_FILE_BYTES} are read.", bytes.len())));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text."))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if ANCHOR.is_match(text) {
        return Err(unreadable("it uses YAML anchors or aliases; write the values out."));
    }
    let document: Option<Document> = serde_yaml_ng::from_str(text).map_err(|error| {
        let detail = one_line(&error.to_string(), DETAIL_CHARS).replace('`', "'");
        unreadable(format!("{detail}."))
    })?;
    let section = document.and_then(|document| document.autofix).unwrap_or_default();
    let github = section.github.unwrap_or_default();
    let limits = section.cto_analysis.unwrap_or_default();
    if limits.min_confidence.is_some_and(|confidence| !(0.0..=1.0).contains(&confidence)) {
        return Err(unreadable("`autofix.cto_analysis.min_confidence` must be from 0 to 1."));
    }
    Ok(OrchestratorFile {
        enabled: section.enabled.map(|enabled| if enabled { Enabled::Yes } else { Enabled::No }),
        github_repo: github.repo,
        github_path: github.path,
        min_confidence: limits.min_confidence,
        blocked_categories: limits.blocked_categories.unwrap_or_default(),
    })
}

/// The stricter of the deployment's settings and the file's.
pub fn stricter(settings: &PolicySettings, file: &OrchestratorFile) -> PolicySettings {
    let enabled = match (settings.enabled, file.enabled) {
        (Enabled::No, _) | (_, Some(Enabled::No)) => Enabled::No,
        (Enabled::Yes, Some(Enabled::Yes) | None) => Enabled::Yes,
    };
    let min_confidence = match file.min_confidence {
        // Comparing this way round keeps a deployment's senseless threshold, which refuses all.
        Some(wanted) if wanted > settings.min_confidence => wanted,
        Some(_) | None => settings.min_confidence,
    };
    let blocked_categories = settings.blocked_categories.union(&file.blocked_categories).copied().collect();
    PolicySettings { enabled, min_confidence, blocked_categories }
}

fn unreadable(detail: impl Into<String>) -> UnreadableFile {
    UnreadableFile(detail.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> OrchestratorFile {
        parse(text.as_bytes()).expect("the file is right")
    }

    #[track_caller]
    fn refused(text: &str, because: &str) {
        let sentence = parse(text.as_bytes()).expect_err("the file is wrong").to_string();
        assert!(sentence.contains(because), "{sentence}");
        assert!(sentence.starts_with("`.orchestrator/autofix.yaml` cannot be used: "), "{sentence}");
    }

    #[test]
    fn the_documented_file_is_read() {
        let file = read(
            "project: bookshop\nagents: [a, {b: c}]\nautofix:\n  enabled: true\n  \
             github: {repo: acme/bookshop, path: backend}\n  \
             cto_analysis:\n    min_confidence: 0.9\n    blocked_categories: [security, database, payments]\n",
        );
        assert_eq!(
            file,
            OrchestratorFile {
                enabled: Some(Enabled::Yes),
                github_repo: Some("acme/bookshop".into()),
                github_path: Some("backend".into()),
                min_confidence: Some(0.9),
                blocked_categories: BTreeSet::from([
                    Category::Security,
                    Category::Database,
                    Category::Payments
                ]),
            }
        );
    }

    #[test]
    fn an_empty_file_or_section_says_nothing() {
        for text in [
            "",
            "# only a comment\n",
            "other: 1\n",
            "autofix:\n",
            "autofix: {}\n",
            "autofix: {github: , cto_analysis: }\n",
            "\u{feff}autofix:\n",
        ] {
            assert_eq!(read(text), OrchestratorFile::default(), "{text:?}");
        }
    }

    #[test]
    fn unknown_keys_mean_nothing_but_unknown_limits_are_refused() {
        let file = read("autofix: {enabled: false, slack: {channel: x}, github: {branch: dev}, 7: 8}\n");
        assert_eq!(file, OrchestratorFile { enabled: Some(Enabled::No), ..OrchestratorFile::default() });
        refused("autofix: {cto_analysis: {min_confidense: 0.95}}\n", "unknown field 'min_confidense'");
    }

    #[test]
    fn values_of_the_wrong_kind_are_refused() {
        refused("- a\n", "invalid type: sequence");
        refused("autofix: on please\n", "autofix: invalid type: string");
        refused(
            "autofix: {enabled: 'yes'}\n",
            "autofix.enabled: invalid type: string \"yes\", expected a boolean",
        );
        refused("autofix: {github: [a]}\n", "autofix.github: invalid type: sequence");
        refused(
            "autofix: {github: {repo: [7]}}\n",
            "autofix.github.repo: invalid type: sequence, expected a string",
        );
        refused(
            "autofix: {cto_analysis: {min_confidence: high}}\n",
            "autofix.cto_analysis.min_confidence: invalid",
        );
        refused(
            "autofix: {cto_analysis: {min_confidence: '0.9'}}\n",
            "autofix.cto_analysis.min_confidence: invalid",
        );
        for number in ["80", "-0.1", ".nan", ".inf", "1.01"] {
            refused(
                &format!("autofix: {{cto_analysis: {{min_confidence: {number}}}}}\n"),
                "must be from 0 to 1",
            );
        }
        let blocked =
            |categories: &str| format!("autofix: {{cto_analysis: {{blocked_categories: {categories}}}}}\n");
        refused(&blocked("security"), "invalid type: string \"security\", expected a sequence");
        for unknown in ["everything", "Security"] {
            refused(&blocked(&format!("[security, {unknown}]")), &format!("unknown variant '{unknown}'"));
            refused(&blocked(&format!("[{unknown}]")), "expected one of 'security', 'database'");
        }
    }

    #[test]
    fn what_is_not_plain_yaml_is_refused() {
        refused("autofix: [unclosed\n", "line");
        refused("autofix: {enabled: true}\nautofix: {enabled: false}\n", "duplicate");
        refused("a: 1\n---\nautofix: {enabled: true}\n", "more than one document");
        refused(&format!("# {}\n", "x".repeat(MAX_FILE_BYTES)), "at most 65536 are read");
        assert!(
            parse(b"autofix: {github: {repo: \"\xff\"}}")
                .expect_err("not UTF-8")
                .to_string()
                .contains("UTF-8")
        );
        assert!(parse("[".repeat(60_000).as_bytes()).is_err());
    }

    #[test]
    fn anchors_are_refused_before_they_can_grow() {
        refused("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "anchors");
        refused("autofix: {enabled: &on true}\n", "anchors");
        refused("base: {x: 1}\nautofix:\n  <<: {enabled: true}\n", "anchors");
        refused("- *a\n", "anchors");
        assert_eq!(read("note: fish & chips, a*b, \"*.py\"\nglob: '*'\n"), OrchestratorFile::default());
    }

    #[test]
    fn the_stricter_of_file_and_deployment_wins() {
        let settings = |enabled, min_confidence, blocked: &[Category]| PolicySettings {
            enabled,
            min_confidence,
            blocked_categories: blocked.iter().copied().collect(),
        };
        let file = |enabled, min_confidence, blocked: &[Category]| OrchestratorFile {
            enabled,
            min_confidence,
            blocked_categories: blocked.iter().copied().collect(),
            ..OrchestratorFile::default()
        };
        let deployed = settings(Enabled::Yes, 0.8, &[Category::Database]);
        assert_eq!(stricter(&deployed, &OrchestratorFile::default()), deployed);
        assert_eq!(
            stricter(&deployed, &file(Some(Enabled::Yes), Some(0.95), &[Category::Payments])),
            settings(Enabled::Yes, 0.95, &[Category::Database, Category::Payments])
        );
        assert_eq!(
            stricter(&deployed, &file(Some(Enabled::No), Some(0.1), &[])),
            settings(Enabled::No, 0.8, &[Category::Database])
        );
        let off = settings(Enabled::No, 0.8, &[]);
        assert_eq!(stricter(&off, &file(Some(Enabled::Yes), None, &[])), off);
        let senseless = settings(Enabled::Yes, f64::NAN, &[]);
        assert!(stricter(&senseless, &file(None, Some(0.1), &[])).min_confidence.is_nan());
    }
}
