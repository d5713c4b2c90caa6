//! Printing for people.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use autofix::config::Environment;

/// Prints a line to standard output. A reader that has gone (`| head`) is no error: there is nobody to tell.
pub fn line(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Tells a person who waits what is under way. Whoever reads the output through a pipe is not told.
pub fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// An error with its causes, for people: what an operating system or a library adds for programmers is left out.
pub fn explained(error: &anyhow::Error) -> String {
    let mut sentences: Vec<String> = Vec::new();
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<reqwest::Error>() {
            sentences.push(connection(error).to_owned());
            break; // its causes say the same, for programmers
        }
        let sentence = match (cause.downcast_ref::<git2::Error>(), cause.downcast_ref::<std::io::Error>()) {
            (Some(error), _) => error.message().to_owned(),
            (None, Some(error)) => without_number(&error.to_string()),
            (None, None) => cause.to_string(),
        };
        sentences.push(sentence);
    }
    sentences.join(": ")
}

/// What went wrong with a request, in a few words. Its address is not among them.
pub(crate) fn connection(error: &reqwest::Error) -> &'static str {
    match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "cannot connect",
        error if error.is_builder() => match std::error::Error::source(error) {
            Some(cause) if cause.is::<url::ParseError>() => "it is no address",
            // Nothing else can fail before a request is sent.
            _ => {
                "no secure connection can be made: does this machine have CA certificates (package `ca-certificates`)?"
            }
        },
        _ => "the connection broke",
    }
}

/// `(os error 2)` helps nobody who reads the words before it.
fn without_number(text: &str) -> String {
    text.split(" (os error").next().unwrap_or(text).to_owned()
}

/// How long nobody wonders what is going on.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits for something. A person who waits longer than a second is told what for.
pub async fn patiently<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    telling(progress, what, waiting).await
}

async fn telling<T>(tell: impl FnOnce(&str), what: &str, waiting: impl Future<Output = T>) -> T {
    let mut waiting = std::pin::pin!(waiting);
    match tokio::time::timeout(PATIENCE, &mut waiting).await {
        Ok(done) => done,
        Err(_) => {
            tell(what);
            waiting.await
        }
    }
}

/// Whether what is printed has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Plain,
    Coloured,
}

/// The colours there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Green,
    Yellow,
    Red,
    Bold,
}

impl Look {
    /// Colours only on a terminal that knows them, and not where `NO_COLOR` is set (no-color.org).
    pub fn of_output(environment: &Environment) -> Look {
        let wanted = environment.get("NO_COLOR").is_none() && environment.get("TERM") != Some("dumb");
        if wanted && std::io::stdout().is_terminal() { Look::Coloured } else { Look::Plain }
    }

    /// The text in a colour.
    pub fn paint(self, colour: Colour, text: &str) -> String {
        let code = match (self, colour) {
            (Look::Plain, _) => return text.to_owned(),
            (Look::Coloured, Colour::Green) => "32",
            (Look::Coloured, Colour::Yellow) => "33",
            (Look::Coloured, Colour::Red) => "31",
            (Look::Coloured, Colour::Bold) => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// Like `println!`, for a reader that may be gone.
macro_rules! say {
    ($($arg:tt)*) => { $crate::terminal::line(format_args!($($arg)*)) };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_who_waits_longer_than_a_second_is_told_what_for() {
        for (milliseconds, expected) in [(10, None), (999, None), (1_001, Some("Asking Claude …"))] {
            let mut told = None;
            let work = async {
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                milliseconds
            };
            let done = telling(|what| told = Some(what.to_owned()), "Asking Claude …", work).await;
            assert_eq!((done, told.as_deref()), (milliseconds, expected));
        }
    }

    #[test]
    fn colours_are_on_a_terminal_only_and_never_against_a_wish() {
        // A test's output is no terminal, or is one: against a wish there are none either way.
        for wish in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            assert_eq!(Look::of_output(&Environment::from_iter([wish])), Look::Plain);
        }
        assert_eq!(Look::Plain.paint(Colour::Red, "✗"), "✗");
    }
}
