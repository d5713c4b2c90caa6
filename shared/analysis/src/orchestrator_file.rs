//! The repository's own settings for AutoFix: `.orchestrator/autofix.yaml` on the default branch.
//!
//! The stricter of file and deployment wins, so the file can only ever hold AutoFix back. A file
//! that cannot be read is never guessed at: it stops the attempt, with the sentence given here. The
//! top of the file belongs to Orchestrator and may hold anything; below `autofix` unknown keys are
//! reported, and among the limits in `cto_analysis` they are an error, since a misspelt limit would
//! otherwise be no limit.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use serde_yaml_ng::{Mapping, Value};

use crate::policy::{Enabled, PolicySettings};
use autofix_domain::report::Category;

/// Where the file stands in the repository.
pub const ORCHESTRATOR_FILE: &str = ".orchestrator/autofix.yaml";
/// Largest file that is read, bytes. A real one has a few hundred.
pub const MAX_FILE_BYTES: usize = 64 * 1024;
/// Unknown keys that are reported.
const MAX_UNKNOWN_KEYS: usize = 10;
/// Characters shown of a key or value.
const SHOWN_CHARS: usize = 60;

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
    /// Keys below `autofix` that mean nothing here, with dots; at most ten.
    pub unknown_keys: Vec<String>,
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
    let document: Value = serde_yaml_ng::from_str(text)
        .map_err(|error| unreadable(format!("{}.", shown(&error.to_string()))))?;
    let top = match document {
        Value::Null => return Ok(OrchestratorFile::default()),
        Value::Mapping(top) => top,
        _ => return Err(unreadable("it must be a mapping with the key `autofix`.")),
    };
    match top.get("autofix") {
        Some(section) => read_section(section),
        None => Ok(OrchestratorFile::default()),
    }
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

fn read_section(section: &Value) -> Result<OrchestratorFile, UnreadableFile> {
    let mut file = OrchestratorFile::default();
    let Some(section) = mapping("autofix", section)? else { return Ok(file) };
    for (key, value) in section {
        match key.as_str() {
            Some("enabled") => file.enabled = enabled(value)?,
            Some("github") => read_github(value, &mut file)?,
            Some("cto_analysis") => read_limits(value, &mut file)?,
            _ => report_unknown(&mut file, key_name(key)),
        }
    }
    Ok(file)
}

fn read_github(value: &Value, file: &mut OrchestratorFile) -> Result<(), UnreadableFile> {
    let Some(github) = mapping("autofix.github", value)? else { return Ok(()) };
    for (key, value) in github {
        match key.as_str() {
            Some("repo") => file.github_repo = text("autofix.github.repo", value)?,
            Some("path") => file.github_path = text("autofix.github.path", value)?,
            _ => report_unknown(file, format!("github.{}", key_name(key))),
        }
    }
    Ok(())
}

fn read_limits(value: &Value, file: &mut OrchestratorFile) -> Result<(), UnreadableFile> {
    let Some(limits) = mapping("autofix.cto_analysis", value)? else { return Ok(()) };
    for (key, value) in limits {
        match key.as_str() {
            Some("min_confidence") => file.min_confidence = min_confidence(value)?,
            Some("blocked_categories") => file.blocked_categories = categories(value)?,
            _ => {
                let detail = format!("`autofix.cto_analysis` has the unknown key `{}`.", key_name(key));
                return Err(unreadable(detail));
            }
        }
    }
    Ok(())
}

fn enabled(value: &Value) -> Result<Option<Enabled>, UnreadableFile> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(true) => Ok(Some(Enabled::Yes)),
        Value::Bool(false) => Ok(Some(Enabled::No)),
        _ => Err(unreadable("`autofix.enabled` must be `true` or `false`.")),
    }
}

fn min_confidence(value: &Value) -> Result<Option<f64>, UnreadableFile> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => {
            let fraction = number.as_f64().filter(|number| (0.0..=1.0).contains(number));
            fraction
                .map(Some)
                .ok_or_else(|| unreadable("`autofix.cto_analysis.min_confidence` must be from 0 to 1."))
        }
        _ => Err(unreadable("`autofix.cto_analysis.min_confidence` must be a number from 0 to 1.")),
    }
}

fn categories(value: &Value) -> Result<BTreeSet<Category>, UnreadableFile> {
    let known =
        || Category::ALL.iter().map(|category| format!("`{category}`")).collect::<Vec<_>>().join(", ");
    match value {
        Value::Null => Ok(BTreeSet::new()),
        Value::Sequence(words) => words
            .iter()
            .map(|word| {
                let category = word.as_str().and_then(|word| word.parse().ok());
                category.ok_or_else(|| {
                    unreadable(format!("`{}` is not a category; known are {}.", key_name(word), known()))
                })
            })
            .collect(),
        _ => Err(unreadable(format!(
            "`autofix.cto_analysis.blocked_categories` must be a list of {}.",
            known()
        ))),
    }
}

fn mapping<'v>(name: &str, value: &'v Value) -> Result<Option<&'v Mapping>, UnreadableFile> {
    match value {
        Value::Null => Ok(None),
        Value::Mapping(mapping) => Ok(Some(mapping)),
        _ => Err(unreadable(format!("`{name}` must be a mapping."))),
    }
}

fn text(name: &str, value: &Value) -> Result<Option<String>, UnreadableFile> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(unreadable(format!("`{name}` must be a text."))),
    }
}

fn report_unknown(file: &mut OrchestratorFile, key: String) {
    if file.unknown_keys.len() < MAX_UNKNOWN_KEYS {
        file.unknown_keys.push(key);
    }
}

fn key_name(key: &Value) -> String {
    match key {
        Value::String(text) => shown(text),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => "?".to_owned(),
    }
}

fn shown(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .map(|c| if c == '`' { '\'' } else { c })
        .take(SHOWN_CHARS * 2)
        .collect()
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
                unknown_keys: vec![],
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
    fn unknown_keys_are_reported_and_unknown_limits_refused() {
        let file = read("autofix: {enabled: false, slack: {channel: x}, github: {branch: dev}, 7: 8}\n");
        assert_eq!(file.enabled, Some(Enabled::No));
        assert_eq!(file.unknown_keys, ["slack", "github.branch", "7"]);
        refused("autofix: {cto_analysis: {min_confidense: 0.95}}\n", "unknown key `min_confidense`");
    }

    #[test]
    fn values_of_the_wrong_kind_are_refused() {
        refused("- a\n", "must be a mapping with the key `autofix`");
        refused("autofix: on please\n", "`autofix` must be a mapping");
        refused("autofix: {enabled: 'yes'}\n", "`autofix.enabled` must be `true` or `false`");
        refused("autofix: {github: [a]}\n", "`autofix.github` must be a mapping");
        refused("autofix: {github: {repo: 7}}\n", "`autofix.github.repo` must be a text");
        refused("autofix: {cto_analysis: {min_confidence: high}}\n", "must be a number from 0 to 1");
        refused("autofix: {cto_analysis: {min_confidence: '0.9'}}\n", "must be a number from 0 to 1");
        for number in ["80", "-0.1", ".nan", ".inf", "1.01"] {
            refused(
                &format!("autofix: {{cto_analysis: {{min_confidence: {number}}}}}\n"),
                "must be from 0 to 1",
            );
        }
        refused(
            "autofix: {cto_analysis: {blocked_categories: security}}\n",
            "must be a list of `security`, `database`",
        );
        refused(
            "autofix: {cto_analysis: {blocked_categories: [security, everything]}}\n",
            "`everything` is not a category",
        );
        refused(
            "autofix: {cto_analysis: {blocked_categories: [Security]}}\n",
            "`Security` is not a category",
        );
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
