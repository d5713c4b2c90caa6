//! Printing for people.

use std::io::Write;

/// Prints a line to standard output. A reader that has gone (`| head`) is no error: there is nobody to tell.
pub fn line(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Like `println!`, for a reader that may be gone.
macro_rules! say {
    ($($arg:tt)*) => { $crate::terminal::line(format_args!($($arg)*)) };
}
pub(crate) use say;
