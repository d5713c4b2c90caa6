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

/// Complexity, security and blast radius in one word: low, or the one to look at first.
pub fn risk(judgements: &[Judgement; 4]) -> Judgement {
    let [complexity, security, radius, _] = judgements;
    let rank = |judgement: &Judgement| match judgement.mark {
        Mark::Good => 0,
        Mark::Careful => 1,
        Mark::Bad => 2,
    };
    // Of equals the first counts: security before blast radius before complexity.
    let worst = [complexity, radius, security].into_iter().max_by_key(|judgement| rank(judgement));
    match worst {
        Some(worst) if worst.mark != Mark::Good => Judgement {
            name: "Risk",
            word: format!("{}: {}", worst.name.to_lowercase(), worst.word),
            ..worst.clone()
        },
        _ => Judgement { name: "Risk", word: "low".to_owned(), ..security.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_risk_is_low_or_names_what_to_look_at_first() {
        let check = |marks: [Mark; 3], expected: &str| {
            let [complexity, security, radius] = marks;
            let one = |name, mark: Mark| Judgement {
                name,
                mark,
                emoji: mark.colour(),
                word: mark.word().to_owned(),
            };
            let all = [
                one("Complexity", complexity),
                one("Security", security),
                one("Blast Radius", radius),
                one("Confidence", Mark::Bad),
            ];
            assert_eq!(risk(&all).word, expected);
        };
        check([Mark::Good, Mark::Good, Mark::Good], "low");
        check([Mark::Careful, Mark::Good, Mark::Good], "complexity: careful");
        check([Mark::Bad, Mark::Careful, Mark::Bad], "blast radius: bad");
        check([Mark::Bad, Mark::Bad, Mark::Bad], "security: bad");
    }
}
