//! How far a backtest is: a bar below the finished cases on a terminal, a plain line for each otherwise.

use std::io::{IsTerminal, Write};

/// Cells of the bar.
const WIDTH: usize = 24;
/// Characters of a case's name beside the bar.
const NAME_CHARS: usize = 30;
/// Goes to the beginning of the line and clears it.
const CLEAR: &str = "\r\u{1b}[K";

pub struct Progress {
    done: usize,
    total: usize,
    cost_usd: f64,
    is_terminal: bool,
}

impl Progress {
    pub fn of(total: usize) -> Progress {
        Progress { done: 0, total, cost_usd: 0.0, is_terminal: std::io::stderr().is_terminal() }
    }

    /// A case begins.
    pub fn begin(&self, name: &str) {
        if self.is_terminal {
            tell(&format!("{CLEAR}{}", self.bar(name)));
        }
    }

    /// A case has ended, or is one of those that had ended before.
    pub fn end(&mut self, line: &str, cost_usd: f64) {
        self.done += 1;
        self.cost_usd += cost_usd;
        if self.is_terminal {
            tell(&format!("{CLEAR}{line}\n{}", self.bar("")));
        } else {
            tell(&format!("{}/{}  {line}\n", self.done, self.total));
        }
    }

    /// Nothing more comes.
    pub fn finish(&self) {
        if self.is_terminal {
            tell(CLEAR);
        }
    }

    fn bar(&self, name: &str) -> String {
        let full = (self.done * WIDTH).checked_div(self.total).unwrap_or(WIDTH);
        let name: String = name.chars().take(NAME_CHARS).collect();
        format!(
            "[{}{}] {}/{}  ${:.2}  {name}",
            "█".repeat(full),
            "·".repeat(WIDTH - full),
            self.done,
            self.total,
            self.cost_usd
        )
    }
}

/// A reader that has gone is no error: there is nobody to tell.
fn tell(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_grows_with_the_cases_and_says_what_they_cost() {
        let bar = |done, total| Progress { done, total, cost_usd: 0.254, is_terminal: true }.bar("SHOP-118");
        assert_eq!(bar(0, 4), "[························] 0/4  $0.25  SHOP-118");
        assert_eq!(bar(1, 4), "[██████··················] 1/4  $0.25  SHOP-118");
        assert_eq!(bar(4, 4), "[████████████████████████] 4/4  $0.25  SHOP-118");
        assert_eq!(bar(0, 0), "[████████████████████████] 0/0  $0.25  SHOP-118");
    }
}
