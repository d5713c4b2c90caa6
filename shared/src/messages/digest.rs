//! The hourly digest of what the limit turned away.

use super::blocks::{Card, outside};
use crate::attempt::Attempt;

/// Errors named in the card.
const NAMED: usize = 10;

/// The card: how many, which ones (as far as `examples` goes), and what to do.
pub fn digest(turned_away: u64, examples: &[Attempt], max_per_hour: u32) -> Card {
    let errors =
        if turned_away == 1 { "1 error was".to_owned() } else { format!("{turned_away} errors were") };
    let text = format!("⏸️ {errors} not looked at: the limit of {max_per_hour} attempts an hour was reached");
    let mut card = Card::new(&text);
    card.header("⏸️ AutoFix: hourly limit reached");
    card.section(&format!(
        "{errors} recorded and not looked at: the limit of {max_per_hour} attempts an hour was reached."
    ));
    let lines: Vec<String> = examples
        .iter()
        .take(NAMED)
        .map(|attempt| {
            format!(
                "• {} in `{}`",
                outside(&attempt.subject.title, 120),
                outside(&attempt.subject.project, 60)
            )
        })
        .collect();
    card.section(&lines.join("\n"));
    card.context("Errors that go on are looked at again after an hour. Raise `AUTOFIX_MAX_ATTEMPTS_PER_HOUR` if this is normal for you.");
    card
}
