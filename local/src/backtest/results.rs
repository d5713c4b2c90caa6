//! What was found about each case, one JSON object a line in a file: what was paid for once is not asked again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use autofix::reason::{Reason, ReasonCode};
use autofix::usage::Usage;
use serde::{Deserialize, Serialize};

use autofix::attempt::Closeness;

/// One case, analysed and compared. All texts are redacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// The same for the same event, fix and model.
    pub key: String,
    /// A folder's name, or the short id.
    pub name: String,
    pub title: String,
    /// The issue in Sentry.
    pub url: Option<String>,
    /// The commit of the people's fix, 40 hex digits.
    pub fix: Option<String>,
    /// What a reader of the comparison should know.
    #[serde(default)]
    pub notes: Vec<String>,
    pub would_open: bool,
    /// Why not; empty if a pull request would have been opened.
    pub reasons: Vec<Reason>,
    /// 0 to 1, after penalties, as far as it was known at the end.
    pub confidence: Option<f64>,
    /// Least confidence that the settings asked for.
    pub min_confidence: f64,
    /// Whether every critic has answered who had to.
    pub reviewed: bool,
    /// How close the proposal is to what people did; `None` if there was none.
    pub closeness: Option<Closeness>,
    pub peoples_diff: String,
    pub proposed_diff: Option<String>,
    pub usage: Usage,
    /// Of the last run.
    pub seconds: f64,
}

impl CaseResult {
    /// Whether nothing but a low confidence speaks against it.
    pub fn only_lacks_confidence(&self) -> bool {
        !self.would_open && self.reasons.iter().all(|reason| reason.code == ReasonCode::LowConfidence)
    }
}

/// The file and what is in it.
pub struct Results {
    file: File,
    by_key: BTreeMap<String, CaseResult>,
}

impl Results {
    /// Opens the file, or creates it. A line that can't be read, as one that was cut off, is a case that has no result.
    pub fn open(path: &Path) -> anyhow::Result<Results> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .with_context(|| format!("open the results `{}`", path.display()))?;
        let text = std::fs::read(path).with_context(|| format!("read the results `{}`", path.display()))?;
        let text = String::from_utf8_lossy(&text);
        let results = text.lines().filter_map(|line| serde_json::from_str::<CaseResult>(line).ok());
        let by_key = results.map(|result| (result.key.clone(), result)).collect();
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(Results { file, by_key })
    }

    pub fn get(&self, key: &str) -> Option<&CaseResult> {
        self.by_key.get(key)
    }

    /// Keeps a result before anybody sees it.
    pub fn keep(&mut self, result: CaseResult) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(&result)?;
        line.push(b'\n');
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).context("write the results")?;
        self.by_key.insert(result.key.clone(), result);
        Ok(())
    }
}

#[cfg(test)]
pub(super) fn example(name: &str) -> CaseResult {
    CaseResult {
        key: name.to_owned(),
        name: name.to_owned(),
        title: "KeyError: 'sku'".to_owned(),
        url: None,
        fix: None,
        notes: Vec::new(),
        would_open: true,
        reasons: Vec::new(),
        confidence: Some(0.9),
        min_confidence: 0.8,
        reviewed: true,
        closeness: Some(Closeness::SameChange),
        peoples_diff: String::new(),
        proposed_diff: Some(String::new()),
        usage: Usage { cost_usd: 0.1, ..Usage::default() },
        seconds: 30.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_there_again_and_a_cut_line_costs_only_itself() {
        let path = std::env::temp_dir().join(format!("autofix-results-{}.jsonl", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Results::open(&path).expect("a new file").keep(example("a")).expect("kept");
        let whole = std::fs::read_to_string(&path).expect("text");
        std::fs::write(&path, format!("{whole}{{\"key\":\"b\",\"na")).expect("written");
        let mut again = Results::open(&path).expect("the same file");
        assert_eq!((again.get("a"), again.get("b")), (Some(&example("a")), None));
        again.keep(example("c")).expect("kept");
        let last = Results::open(&path).expect("the same file");
        assert!(last.get("a").is_some() && last.get("c").is_some());
        std::fs::remove_file(&path).expect("removed");
    }
}
