//! The proof of a fix: a regression test that the repository's own CI runs without the fix and with it. AutoFix runs no
//! code itself, so everything here is about text: where tests stand, what a test may hold, what CI says about it.
//!
//! * [`places`] finds the tests of a repository, and whether anything runs them.
//! * [`author`] is the conversation that writes one test.
//! * [`rules`] says whether that test may be pushed.
//! * [`ci_output`] reads why it failed.

pub mod author;
pub mod ci_output;
pub mod places;
pub mod rules;

use crate::frames::LocatedFrame;
use crate::repo_path::RepoPath;
use crate::snapshot::Snapshot;
use crate::syntax::definitions::{definitions, enclosing_function};
use crate::syntax::{Language, Parsed, Walk};
use autofix_domain::attempt::Fix;

/// The function that crashed, and what it raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crashed {
    pub path: RepoPath,
    /// Its own name, without that of its class.
    pub function: String,
    /// From its first line to its last one, counted from 1.
    pub lines: (u32, u32),
    /// Type of the exception, as Sentry names it.
    pub exception: String,
    /// The function that the fix changes, if it is another one: a test may call that instead.
    pub fixed_function: Option<String>,
}

impl Crashed {
    /// Reads it from the frame to blame. `Err` is a sentence that says why no test can call it by name.
    pub fn of(frame: &LocatedFrame, exception: &str, snapshot: &Snapshot) -> Result<Crashed, String> {
        let path = &frame.path;
        let unknown = || format!("The function that crashed in `{path}` has no name that a test could call.");
        let (Some(language), Some(text), Some(line)) =
            (Language::of_path(path.as_str()), snapshot.text(path), frame.line)
        else {
            return Err(unknown());
        };
        let parsed = Parsed::new(language, text);
        let walk = Walk::of(&parsed);
        let defined = definitions(&walk);
        let function = enclosing_function(&defined, line).ok_or_else(unknown)?;
        if exception.is_empty() {
            return Err("The event names no type of exception that a test could meet again.".to_owned());
        }
        if function.name.starts_with("__") {
            return Err(unknown());
        }
        Ok(Crashed {
            path: path.clone(),
            function: function.name.to_owned(),
            lines: (*function.lines.start(), *function.lines.end()),
            exception: exception.to_owned(),
            fixed_function: None,
        })
    }

    /// The same with the function around the first edit of a fix.
    pub fn fixed_by(self, fix: &Fix, snapshot: &Snapshot) -> Crashed {
        let fixed_function = fixed_function(fix, snapshot).filter(|name| *name != self.function);
        Crashed { fixed_function, ..self }
    }

    /// Whether a test that calls this function calls what crashed.
    pub fn is_called(&self, name: &str) -> bool {
        name == self.function || self.fixed_function.as_deref() == Some(name)
    }
}

fn fixed_function(fix: &Fix, snapshot: &Snapshot) -> Option<String> {
    let text = snapshot.text(&RepoPath::parse(&fix.file_path).ok()?)?;
    let before = text.split(fix.edits.first()?.search.as_str()).next()?;
    let line = u32::try_from(before.matches('\n').count()).ok()? + 1;
    let parsed = Parsed::new(Language::of_path(&fix.file_path)?, text);
    let walk = Walk::of(&parsed);
    let defined = definitions(&walk);
    Some(enclosing_function(&defined, line)?.name.to_owned())
}
