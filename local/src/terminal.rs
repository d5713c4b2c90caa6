//! Printing for people.

use std::io::{IsTerminal, Write};

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
