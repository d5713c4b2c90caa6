//! Who decides about the fix: the story by itself, or a person, at the terminal or on the page.

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use autofix::attempt::{AttemptId, Status};
use tokio::sync::oneshot;

use super::{Click, Story};
use crate::terminal::say;

/// Between two looks at whether the person has decided on the page.
const LOOK: Duration = Duration::from_millis(200);

/// What was decided, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Deploy,
    Dismiss,
    /// With the card's buttons: AutoFix knows.
    MadeOnThePage,
}

impl Story {
    /// Asks the person who sits at the terminal. Where nobody sits or nobody is to be asked, it is Deploy.
    pub(super) async fn choose(&self, id: AttemptId) -> anyhow::Result<Choice> {
        if self.options.click == Click::ByItself || !std::io::stdin().is_terminal() {
            self.step("clicking 🚀 Deploy Live");
            return Ok(Choice::Deploy);
        }
        loop {
            write!(
                std::io::stdout(),
                "Press Enter for 🚀 Deploy Live, type d and Enter for ❌ Dismiss, or press a button on the page: "
            )?;
            std::io::stdout().flush()?;
            tokio::select! {
                line = typed_line() => match choice_of(&line?) {
                    Some(choice) => return Ok(choice),
                    None => say!("Nothing was decided: only Enter alone deploys, only d dismisses."),
                },
                decided = self.decided(id) => {
                    say!("");
                    return decided.map(|()| Choice::MadeOnThePage);
                }
            }
        }
    }

    async fn decided(&self, id: AttemptId) -> anyhow::Result<()> {
        while self.attempt(id).await?.status() == Status::AwaitingApproval {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

/// What a line at the terminal decides; `None` where it decides nothing. An end of input is no Enter.
fn choice_of(line: &str) -> Option<Choice> {
    match (line, line.trim()) {
        ("", _) => Some(Choice::Dismiss),
        (_, "") => Some(Choice::Deploy),
        (_, "d" | "D") => Some(Choice::Dismiss),
        _ => None,
    }
}

/// Read in a thread of its own: where nobody types any more, it holds up no end of the program.
async fn typed_line() -> anyhow::Result<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).map(|_| line);
        let _ = sender.send(read); // decided on the page meanwhile
    });
    receiver.await.context("read from the terminal")?.context("read from the terminal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_enter_deploys_and_only_d_dismisses() {
        for (line, expected) in [
            ("\n", Some(Choice::Deploy)),
            ("  \r\n", Some(Choice::Deploy)),
            ("d\n", Some(Choice::Dismiss)),
            ("D\n", Some(Choice::Dismiss)),
            ("", Some(Choice::Dismiss)),
            ("n\n", None),
            ("no\n", None),
            ("maybe\n", None),
            ("dd\n", None),
        ] {
            assert_eq!(choice_of(line), expected, "{line:?}");
        }
    }
}
