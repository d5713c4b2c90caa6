//! The person who is asked: at a terminal, where secrets are not shown while they are typed, or whoever
//! writes one answer a line into a pipe.

use std::io::{BufRead, ErrorKind, IsTerminal, Read, Write};

use anyhow::{Context, bail};
use autofix::config::Environment;

use crate::terminal::Look;

/// Bytes of one answer; no credential is nearly as long.
const LONGEST: u64 = 64 * 1024;

/// Whether an answer may be seen while it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typing {
    Shown,
    Hidden,
}

/// What came back.
pub(super) enum Answer {
    Said(String),
    /// Only Enter.
    Nothing,
    /// Ctrl-D, or the end of the pipe.
    Gone,
}

/// Who is asked, and what they read.
pub struct Person<'a> {
    input: Input<'a>,
    output: Box<dyn Write + 'a>,
    pub(super) look: Look,
}

enum Input<'a> {
    Terminal,
    Lines(Box<dyn BufRead + 'a>),
}

impl<'a> Person<'a> {
    /// Whoever sits before this process.
    pub fn of_process(environment: &Environment) -> Person<'static> {
        let input = match std::io::stdin().is_terminal() {
            true => Input::Terminal,
            false => Input::Lines(Box::new(std::io::stdin().lock())),
        };
        Person { input, output: Box::new(std::io::stdout()), look: Look::of_output(environment) }
    }

    /// Answers line by line from a reader.
    pub fn through(input: impl BufRead + 'a, output: impl Write + 'a) -> Person<'a> {
        Person { input: Input::Lines(Box::new(input)), output: Box::new(output), look: Look::Plain }
    }

    /// Shows a line. A reader that has gone is no error: the answers may still come.
    pub(super) fn tell(&mut self, text: &str) {
        let _ = writeln!(self.output, "{text}");
    }

    /// Asks once.
    ///
    /// # Errors
    /// When there is no reading, or no end of the answer. The answer is in no message.
    pub(super) fn ask(&mut self, prompt: &str, typing: Typing) -> anyhow::Result<Answer> {
        let _ = write!(self.output, "{prompt}: ");
        let _ = self.output.flush();
        let read = match (&mut self.input, typing) {
            (Input::Terminal, Typing::Hidden) => hidden(),
            (Input::Terminal, Typing::Shown) => line(&mut std::io::stdin().lock()),
            (Input::Lines(lines), _) => line(lines),
        };
        // Where nobody pressed Enter, the next sentence would stand behind the prompt.
        let is_typed = matches!(self.input, Input::Terminal);
        let answer = read.context("read the answer")?;
        if !is_typed || matches!(answer, Answer::Gone) {
            self.tell("");
        }
        Ok(answer)
    }
}

fn hidden() -> anyhow::Result<Answer> {
    match rpassword::read_password() {
        Ok(text) => Ok(answer(&text)),
        // Ctrl-D, and Ctrl-C.
        Err(error) if [ErrorKind::UnexpectedEof, ErrorKind::Interrupted].contains(&error.kind()) => {
            Ok(Answer::Gone)
        }
        Err(error) => Err(error.into()),
    }
}

fn line(reader: &mut impl BufRead) -> anyhow::Result<Answer> {
    let mut bytes = Vec::new();
    reader.take(LONGEST + 1).read_until(b'\n', &mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        bail!("it has more than {LONGEST} bytes");
    }
    if bytes.is_empty() {
        return Ok(Answer::Gone);
    }
    // The error would quote the bytes.
    let Ok(text) = String::from_utf8(bytes) else { bail!("it is no text") };
    Ok(answer(&text))
}

fn answer(text: &str) -> Answer {
    match text.trim() {
        "" => Answer::Nothing,
        text => Answer::Said(text.to_owned()),
    }
}
