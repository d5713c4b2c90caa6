//! How one thing is asked for: until the answer can be right and the service takes it, or the person leaves
//! it out, or is gone.

use std::path::{Path, PathBuf};

use autofix::config::Environment;

use super::Means;
use super::env_file::EnvFile;
use super::person::{Answer, Person};
use super::question::{self, Form, Question, Without};
use crate::doctor::report::{Finding, Standing};
use crate::doctor::{self, Deployment};
use crate::settings;
use crate::terminal::{Colour, progress};

/// Bytes of a private key's file; a key of GitHub's has less than 2,000.
const KEY_FILE: u64 = 64 * 1024;

/// Why there are no more answers.
pub(super) enum Stop {
    Gone,
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Stop {
        Stop::Failed(error)
    }
}

/// Whether a question has an answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Answer,
    Nothing,
}

/// With one person, about one file.
pub(super) struct Conversation<'a, 'p> {
    pub(super) file: EnvFile,
    /// The file as the person named it.
    pub(super) shown: String,
    pub(super) means: Means,
    pub(super) person: &'a mut Person<'p>,
    /// Heading of what is asked next; `None` once it is shown.
    pub(super) step: Option<&'static str>,
}

impl Conversation<'_, '_> {
    /// Asks, if it is not there yet, until there is an answer or Enter alone.
    pub(super) async fn want(&mut self, question: &Question) -> Result<Given, Stop> {
        if self.has(question.name)? {
            return Ok(Given::Answer);
        }
        if !self.is_open(question)? {
            return Ok(Given::Nothing);
        }
        let asked = question.asked();
        self.explain(&asked);
        let mut refused = None;
        loop {
            let text = match self.person.ask(question.name, question.answer.typing())? {
                Answer::Said(text) => text,
                Answer::Gone => return Err(Stop::Gone),
                Answer::Nothing => match refused {
                    Some(value) => return self.keep(question, value),
                    None => return self.leave_out(question),
                },
            };
            let value = match self.read(question, &text) {
                Ok(value) => value,
                Err(reason) => {
                    refused = None;
                    self.mark(Standing::Bad, &format!("{reason}. Once more:"));
                    continue;
                }
            };
            match self.try_out(question, &value).await? {
                Standing::Good | Standing::Lacking => return self.keep(question, value),
                Standing::Bad => {
                    self.person.tell("  Another answer, or Enter to keep this one all the same:");
                    refused = Some(value);
                }
            }
        }
    }

    /// The setting's value, or why it cannot be.
    fn read(&self, question: &Question, text: &str) -> Result<String, String> {
        let value = match question.answer {
            Form::Plain | Form::Secret => question::tidied(question.name, text),
            Form::File => self.content_of(text)?,
        };
        let environment = self.environment().map_err(|error| format!("{error:#}"))?;
        match question::reason_against(question.name, &value, &environment) {
            Some(reason) => Err(reason),
            None => Ok(value),
        }
    }

    fn content_of(&self, path: &str) -> Result<String, String> {
        let home = self.means.process.get("HOME").zip(path.strip_prefix("~/"));
        let path = home.map_or(PathBuf::from(path), |(home, below)| Path::new(home).join(below));
        let read = std::fs::metadata(&path).and_then(|about| match about.len() <= KEY_FILE {
            true => std::fs::read_to_string(&path),
            false => Err(std::io::Error::other("it is too large for a key")),
        });
        match read {
            Ok(text) => Ok(text.trim().replace("\r\n", "\n")),
            Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
        }
    }

    /// Asks the service about the value, and shows what it says.
    async fn try_out(&mut self, question: &Question, value: &str) -> anyhow::Result<Standing> {
        let Some((service, of_it)) = question.tried else { return Ok(Standing::Good) };
        progress("  Trying it …");
        let environment = settings::with(&self.environment()?, &[(question.name, value)]);
        let Means { clock, outbound, .. } = &self.means;
        let deployment = Deployment::here(environment, clock.clone(), outbound.clone());
        let report = doctor::examine_service(&deployment, service).await;
        let mut worst = Standing::Good;
        for (_, finding) in report.findings().filter(|(_, finding)| of_it.contains(&finding.what.as_str())) {
            let Finding { what, standing, detail, next } = finding;
            self.mark(*standing, &format!("{what}: {detail}"));
            match standing {
                Standing::Good => continue,
                Standing::Lacking if worst == Standing::Bad => {}
                Standing::Lacking | Standing::Bad => worst = *standing,
            }
            if let Some(next) = next {
                self.person.tell(&format!("    → {next}"));
            }
        }
        Ok(worst)
    }

    fn keep(&mut self, question: &Question, value: String) -> Result<Given, Stop> {
        self.file.set(question.name, &value)?;
        self.mark(Standing::Good, "kept");
        Ok(Given::Answer)
    }

    fn leave_out(&mut self, question: &Question) -> Result<Given, Stop> {
        match question.without {
            Without::NotAtAll => {
                self.mark(Standing::Lacking, "left for later; AutoFix does not start without it")
            }
            Without::Then(effect) => {
                // A line without a value says that nobody needs to be asked again.
                self.file.set(question.name, "")?;
                let told =
                    format!("left out: {effect} (to be asked again, delete its line in `{}`)", self.shown);
                self.mark(Standing::Lacking, &told);
            }
            Without::Instead(_) => {}
        }
        Ok(Given::Nothing)
    }

    pub(super) fn environment(&self) -> anyhow::Result<Environment> {
        Ok(self.means.process.over(self.file.environment()?))
    }

    pub(super) fn has(&self, name: &str) -> anyhow::Result<bool> {
        Ok(self.environment()?.get(name).is_some())
    }

    /// Whether it is still to be asked for: neither there nor left out on purpose.
    pub(super) fn is_open(&self, question: &Question) -> anyhow::Result<bool> {
        let is_left_out =
            matches!(question.without, Without::Then(_)) && self.file.mentions(question.name)?;
        Ok(!is_left_out && !self.has(question.name)?)
    }

    pub(super) fn explain(&mut self, text: &str) {
        self.person.tell("");
        if let Some(step) = self.step.take() {
            let step = self.person.look.paint(Colour::Bold, step);
            self.person.tell(&step);
        }
        self.person.tell(text);
    }

    pub(super) fn mark(&mut self, standing: Standing, text: &str) {
        let (mark, colour) = standing.mark();
        let mark = self.person.look.paint(colour, mark);
        self.person.tell(&format!("  {mark} {text}"));
    }
}
