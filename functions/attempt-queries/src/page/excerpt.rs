//! The evidence of an analysis, with the code around it where the dossier has kept it.

use autofix::analysis::dossier::{Dossier, Excerpt};
use autofix::analysis::report::Evidence;
use autofix::redaction::Redacted;

use super::text::{block, line};

/// Characters of a quote, and of all lines around one.
const QUOTE_CHARS: usize = 4_000;
const EXCERPT_CHARS: usize = 60_000;

/// One piece of evidence.
pub(super) struct Shown {
    pub place: Redacted,
    pub lines: Vec<CodeLine>,
}

pub(super) struct CodeLine {
    /// `None` where only the quote is known and not where its lines stand.
    pub number: Option<u32>,
    pub text: Redacted,
    pub is_quoted: bool,
}

/// The evidence in order. The dossier has the excerpts in the same order, except those that did not fit.
pub(super) fn evidence(claims: &[Evidence], dossier: Option<&Dossier>) -> Vec<Shown> {
    let excerpts = dossier.map_or(&[][..], |dossier| &dossier.excerpts);
    claims.iter().map(|claim| shown(claim, excerpts)).collect()
}

fn shown(claim: &Evidence, excerpts: &[Excerpt]) -> Shown {
    let place = line(&format!("{}:{}", claim.file, claim.line), 400);
    let of_claim = |excerpt: &&Excerpt| excerpt.file == claim.file && excerpt.quoted.0 == claim.line;
    let lines = match excerpts.iter().find(of_claim) {
        Some(excerpt) => around(excerpt),
        None => {
            let line = |text| CodeLine { number: None, text, is_quoted: true };
            block(&claim.quote, QUOTE_CHARS).lines().map(line).collect()
        }
    };
    Shown { place, lines }
}

fn around(excerpt: &Excerpt) -> Vec<CodeLine> {
    let safe = block(&excerpt.lines.join("\n"), EXCERPT_CHARS);
    let numbered = (excerpt.first_line..).zip(safe.lines());
    let line = |(number, text)| CodeLine {
        number: Some(number),
        text,
        is_quoted: (excerpt.quoted.0..=excerpt.quoted.1).contains(&number),
    };
    numbered.map(line).collect()
}
