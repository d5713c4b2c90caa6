//! The four judgements that every card and page shows with a mark: complexity, security, blast radius, confidence.

use crate::analysis::reach::Reach;
use crate::analysis::report::{Analysis, BlastRadius, Complexity, SecurityRisk};
use crate::attempt::Fix;

/// Confidence from which on the mark is good, and below which it is bad.
const SURE: f64 = 0.8;
const UNSURE: f64 = 0.6;

/// How a judgement reads at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Good,
    Careful,
    Bad,
}

impl Mark {
    fn colour(self) -> &'static str {
        match self {
            Mark::Good => "🟢",
            Mark::Careful => "🟡",
            Mark::Bad => "🔴",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Mark::Good => "good",
            Mark::Careful => "careful",
            Mark::Bad => "bad",
        }
    }
}

/// One judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub name: &'static str,
    pub mark: Mark,
    /// The mark on a card: a colour for how much there is of it, a tick if there is no security risk at all.
    pub emoji: &'static str,
    /// The analysis' word (of blast radii the wider one, where code counted further), or a percentage, or that it is not stated.
    pub word: String,
}

/// Complexity, security, blast radius and confidence, in this order.
pub fn judgements(analysis: &Analysis, fix: Option<&Fix>) -> [Judgement; 4] {
    let complexity = match analysis.complexity {
        Some(Complexity::Minimal | Complexity::Simple) => Mark::Good,
        Some(Complexity::Standard) => Mark::Careful,
        Some(Complexity::Complex) | None => Mark::Bad,
    };
    let security = match analysis.security_implications {
        Some(SecurityRisk::None | SecurityRisk::Low) => Mark::Good,
        Some(SecurityRisk::Medium) => Mark::Careful,
        Some(SecurityRisk::High) | None => Mark::Bad,
    };
    let counted = fix.and_then(|fix| fix.reach.as_ref()).map(Reach::radius);
    let widest = analysis.blast_radius.map(|said| counted.map_or(said, |counted| said.max(counted)));
    let radius = match widest {
        Some(BlastRadius::Isolated) => Mark::Good,
        Some(BlastRadius::Moderate) => Mark::Careful,
        Some(BlastRadius::Wide) | None => Mark::Bad,
    };
    let confidence = fix.map(|fix| fix.confidence).or(analysis.confidence);
    let sure = match confidence {
        Some(confidence) if confidence >= SURE => Mark::Good,
        Some(confidence) if confidence >= UNSURE => Mark::Careful,
        _ => Mark::Bad, // low, or not stated
    };
    let word = |word: Option<&str>| word.unwrap_or("not stated").to_owned();
    let percent = confidence.map_or("not stated".to_owned(), |number| format!("{:.0} %", number * 100.0));
    let security_emoji = match analysis.security_implications {
        Some(SecurityRisk::None) => "✅",
        Some(SecurityRisk::Low) => "🟡",
        Some(SecurityRisk::Medium) => "🟠",
        Some(SecurityRisk::High) | None => "🔴",
    };
    let judgement = |name, mark: Mark, word| Judgement { name, mark, emoji: mark.colour(), word };
    let risk = word(analysis.security_implications.map(SecurityRisk::as_str));
    [
        judgement("Complexity", complexity, word(analysis.complexity.map(Complexity::as_str))),
        Judgement { emoji: security_emoji, ..judgement("Security", security, risk) },
        judgement("Blast Radius", radius, word(widest.map(BlastRadius::as_str))),
        judgement("Confidence", sure, percent),
    ]
}
