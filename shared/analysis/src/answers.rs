//! Whether the critic's answers count: checked by code, quote by quote.
//!
//! A yes counts only with a proof: every quote stands in the code before the change, and one of them holds the name that
//! was asked about in code. Whoever is talked into a yes still has to find such a line, and people see it.

use std::collections::BTreeMap;

use crate::critic::code::BlankedCode;
use crate::effects::Question;
use crate::evidence;
use crate::repo_path::{ProjectPath, RepoPath};
use crate::snapshot::Snapshot;
use crate::syntax::blanking::{Kept, blanked};
use crate::syntax::mentions::has_word;
use autofix_domain::cleaning;
use autofix_domain::report::{Answer, Evidence, YesNo};

/// Questions that one change may raise. A change that raises more is no small one.
pub const MAX_QUESTIONS: usize = 24;
/// Quotes that an answer may have.
pub const MAX_QUOTES: usize = 8;
/// Characters of an id that wasn't asked, in a sentence.
const MAX_ID_CHARS: usize = 40;

/// What an answer is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A yes with a proof.
    Proven,
    No,
    Unknown,
    /// There is no answer, or one without a known word.
    Missing,
    /// A yes without any quote.
    NoQuote,
    /// A yes with a quote that isn't in the code; the sentence says which.
    FalseQuote {
        sentence: String,
    },
    /// A yes whose quotes are all true, but none holds the name in code.
    NameNotQuoted,
}

/// The answers of one critic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckedAnswers {
    /// By the id of the question. Every question that was asked is here.
    pub standings: BTreeMap<String, Standing>,
    /// Ids that were answered and not asked.
    pub unasked: Vec<String>,
}

impl CheckedAnswers {
    /// What the critic hears once, if an answer can't be used as it is; `None` if each is usable, whatever it says.
    pub fn objection(&self) -> Option<String> {
        let mut sentences: Vec<String> = self
            .standings
            .iter()
            .filter_map(|(id, standing)| match standing {
                Standing::Proven | Standing::No | Standing::Unknown => None,
                Standing::Missing => Some(format!("`{id}` has no answer.")),
                Standing::NoQuote => Some(format!("The answer to `{id}` is yes and has no quote.")),
                Standing::FalseQuote { sentence } => {
                    Some(format!("A quote for `{id}` is not in the code: {sentence}"))
                }
                Standing::NameNotQuoted => Some(format!(
                    "No quote for `{id}` holds the question's identifier as a whole word of code, outside of comments and \
                     strings."
                )),
            })
            .collect();
        sentences.extend(self.unasked.iter().map(|id| format!("There is no question `{id}`.")));
        (!sentences.is_empty()).then(|| {
            format!(
                "The answers were checked against the code and cannot be used. {} Look again and give the verdict once more; \
                 answer no or unknown if the code shown does not prove a yes.",
                sentences.join(" ")
            )
        })
    }
}

/// What answers are checked against.
#[derive(Clone, Copy, Debug)]
pub struct Checking<'a> {
    pub questions: &'a [Question],
    pub snapshot: &'a Snapshot,
    pub project: &'a ProjectPath,
    /// The code as the critic has seen it: it can only quote what it was shown.
    pub shown: &'a BlankedCode<'a>,
}

/// Checks the answers to these questions. Two different answers to the same one are none.
pub fn check(answers: &[Answer], checking: &Checking<'_>) -> CheckedAnswers {
    let mut standings = BTreeMap::new();
    for question in checking.questions {
        let mut given = answers.iter().filter(|answer| answer.question == question.id);
        let standing = match (given.next(), given.next()) {
            (Some(answer), None) => standing(answer, question, checking),
            _ => Standing::Missing,
        };
        standings.insert(question.id.clone(), standing);
    }
    let is_asked = |answer: &&Answer| !standings.contains_key(&answer.question);
    let unasked = answers.iter().filter(is_asked);
    let unasked = unasked.map(|answer| cleaning::one_line(&answer.question, MAX_ID_CHARS)).collect();
    CheckedAnswers { standings, unasked }
}

fn standing(answer: &Answer, question: &Question, checking: &Checking<'_>) -> Standing {
    match answer.answer {
        Some(YesNo::Yes) => {}
        Some(YesNo::No) => return Standing::No,
        Some(YesNo::Unknown) => return Standing::Unknown,
        None => return Standing::Missing,
    }
    if answer.quotes.is_empty() {
        return Standing::NoQuote;
    }
    let mut is_named = false;
    for quote in &answer.quotes {
        match place(quote, checking) {
            Ok((path, line)) => is_named |= holds_name(&question.identifier, &path, line, quote, checking),
            Err(sentence) => return Standing::FalseQuote { sentence },
        }
    }
    if is_named { Standing::Proven } else { Standing::NameNotQuoted }
}

/// Where a quote stands: in the code as it is, or as the critic has seen it.
fn place(quote: &Evidence, checking: &Checking<'_>) -> Result<(RepoPath, u32), String> {
    let found = evidence::check(std::slice::from_ref(quote), checking.snapshot, checking.project);
    let sentence = match found.into_iter().next() {
        Some(evidence::EvidenceCheck::Stands { path, line }) => return Ok((path, line)),
        Some(evidence::EvidenceCheck::False { sentence }) => sentence,
        None => String::new(),
    };
    let path = checking.snapshot.resolve(&quote.file, checking.project);
    let Some((path, shown)) = path.and_then(|path| Some((path, checking.shown.file(path)?))) else {
        return Err(sentence);
    };
    let line = evidence::find(quote, path.as_str(), &shown).map_err(|_| sentence)?;
    Ok((path.clone(), line))
}

/// Whether a quoted line holds the name as a whole word of code. A string that is nothing but the name is code: a key.
fn holds_name(name: &str, path: &RepoPath, line: u32, quote: &Evidence, checking: &Checking<'_>) -> bool {
    let text = checking.snapshot.text(path).unwrap_or_default();
    let kept = Kept { words: [name.to_owned()].into(), ..Kept::default() };
    let code = blanked(path.as_str(), text, &kept);
    let lines = quote.quote.trim().lines().count().max(1);
    let first = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    !name.is_empty() && code.lines().skip(first).take(lines).any(|line| has_word(line, name))
}

#[cfg(test)]
mod tests;
