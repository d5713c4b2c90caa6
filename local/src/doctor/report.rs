//! What was found, for people as a table and for programs as JSON. Text from the services is hostile:
//! it is cut, freed of control characters, and no secret of this deployment stands in it.

use std::fmt;

use autofix::cleaning::one_line;
use autofix::outbound::ServiceError;
use autofix::secrets::Secret;
use serde_json::{Value, json};

use crate::terminal::{Colour, Look};

/// Characters of one sentence.
const SENTENCE: usize = 400;
/// A secret shorter than this could be a word of a sentence.
const SHORTEST_SECRET: usize = 6;
/// Width of the column that names what was looked at.
const WHAT: usize = 32;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Good,
    /// AutoFix works, and something useful does not.
    Lacking,
    Bad,
}

impl Standing {
    pub(crate) fn mark(self) -> (&'static str, Colour) {
        match self {
            Standing::Good => ("✓", Colour::Green),
            Standing::Lacking => ("!", Colour::Yellow),
            Standing::Bad => ("✗", Colour::Red),
        }
    }

    /// Its word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Good => "good",
            Standing::Lacking => "lacking",
            Standing::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: String,
    pub standing: Standing,
    pub detail: String,
    /// What to do about it.
    pub next: Option<String>,
}

impl Finding {
    pub fn good(what: impl Into<String>, detail: impl Into<String>) -> Finding {
        Finding { what: what.into(), standing: Standing::Good, detail: detail.into(), next: None }
    }

    pub fn lacking(what: impl Into<String>, detail: impl Into<String>, next: impl Into<String>) -> Finding {
        Finding { standing: Standing::Lacking, next: Some(next.into()), ..Finding::good(what, detail) }
    }

    pub fn bad(what: impl Into<String>, detail: impl Into<String>, next: impl Into<String>) -> Finding {
        Finding { standing: Standing::Bad, next: Some(next.into()), ..Finding::good(what, detail) }
    }

    /// What a service's error means. `next` is for a refusal; what may pass by itself is to be tried again.
    pub fn of_error(what: impl Into<String>, error: &ServiceError, next: impl Into<String>) -> Finding {
        match error.may_pass() {
            false => Finding::bad(what, error.to_string(), next),
            true => Finding::bad(
                what,
                error.to_string(),
                "Try again in a minute. If it stays: is the address right, and can this machine reach it?",
            ),
        }
    }
}

/// Everything that was looked at, by part.
#[derive(Clone, Debug, Default)]
pub struct Report {
    parts: Vec<(&'static str, Vec<Finding>)>,
}

impl Report {
    pub fn add(&mut self, part: &'static str, findings: Vec<Finding>) {
        if !findings.is_empty() {
            self.parts.push((part, findings));
        }
    }

    /// Whether AutoFix can work: nothing is bad.
    pub fn is_healthy(&self) -> bool {
        self.count(Standing::Bad) == 0
    }

    /// All findings with their part.
    pub fn findings(&self) -> impl Iterator<Item = (&'static str, &Finding)> {
        self.parts.iter().flat_map(|(part, findings)| findings.iter().map(move |finding| (*part, finding)))
    }

    /// The same with every text made safe to show, and none of these secrets in it.
    pub fn safe_to_show(mut self, secrets: &[Secret]) -> Report {
        let safe = |text: &mut String| {
            for secret in secrets.iter().map(Secret::expose).filter(|text| text.len() >= SHORTEST_SECRET) {
                *text = text.replace(secret, "[secret]");
            }
            *text = one_line(text, SENTENCE);
        };
        for finding in self.parts.iter_mut().flat_map(|(_, findings)| findings) {
            safe(&mut finding.what);
            safe(&mut finding.detail);
            finding.next.iter_mut().for_each(safe);
        }
        self
    }

    /// `{"ok": …, "checks": [{"part", "what", "standing", "detail", "next"}]}`; `standing` is `good`, `lacking` or `bad`.
    pub fn to_json(&self) -> Value {
        let checks: Vec<Value> = self
            .findings()
            .map(|(part, finding)| {
                json!({
                    "part": part,
                    "what": finding.what,
                    "standing": finding.standing.as_str(),
                    "detail": finding.detail,
                    "next": finding.next,
                })
            })
            .collect();
        json!({ "ok": self.is_healthy(), "checks": checks })
    }

    /// The table.
    pub fn shown(&self, look: Look) -> impl fmt::Display + '_ {
        fmt::from_fn(move |f| {
            for (part, findings) in &self.parts {
                writeln!(f, "{}", look.paint(Colour::Bold, part))?;
                for Finding { what, standing, detail, next } in findings {
                    let (mark, colour) = standing.mark();
                    writeln!(f, "  {} {what:<WHAT$} {detail}", look.paint(colour, mark))?;
                    if let Some(next) = next {
                        writeln!(f, "      → {next}")?;
                    }
                }
            }
            let (bad, lacking) = (self.count(Standing::Bad), self.count(Standing::Lacking));
            match (bad, lacking) {
                (0, 0) => write!(f, "Everything is as it should be."),
                (0, lacking) => {
                    write!(f, "AutoFix can work; {lacking} marked with `!` would make it better.")
                }
                (bad, _) => write!(
                    f,
                    "{bad} marked with ✗ to put right; then run `autofix doctor` again. `autofix setup` asks for what is missing."
                ),
            }
        })
    }

    fn count(&self, standing: Standing) -> usize {
        self.findings().filter(|(_, finding)| finding.standing == standing).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.add(
            "Claude",
            vec![
                Finding::good("API key", "accepted"),
                Finding::bad("Model", "hunter22\u{1b}[2J\nis unknown", "Set it."),
            ],
        );
        report
    }

    #[test]
    fn neither_secrets_nor_escapes_are_shown() {
        let shown = report().safe_to_show(&[Secret::new("hunter22")]).shown(Look::Plain).to_string();
        assert!(shown.contains("[secret]"), "{shown}");
        assert!(!shown.contains("hunter22") && !shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn what_is_bad_has_a_mark_and_a_next_step() {
        let shown = report().shown(Look::Plain).to_string();
        assert!(shown.contains("  ✓ API key"), "{shown}");
        assert!(shown.contains("      → Set it."), "{shown}");
        assert!(!report().is_healthy());
        assert_eq!(report().to_json()["checks"][0]["standing"], "good");
        let coloured = report().shown(Look::Coloured).to_string();
        assert!(coloured.contains("\u{1b}[32m✓\u{1b}[0m"), "{coloured}");
    }
}
