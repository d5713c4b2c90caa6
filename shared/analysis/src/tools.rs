//! The tools that a model may use on the code: list, read, search, outline, find callers. They see one
//! snapshot and nothing else; there is none that writes, runs or connects.
//!
//! The same question always gets the same answer, so that a conversation can be taken up again.
//! Answers are bounded, show lines as numbered text without invisible characters, and a refusal says
//! what to try instead. Every path is one in the repository; what was read is remembered, since an
//! edit may only touch what its author was shown.

mod callers;
mod listing;
mod nearest;
mod order;
mod outline;
mod reading;
mod searching;

pub(crate) use callers::{FoundUse, uses_of};

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::repo_path::{FolderPath, ProjectPath, RepoPath};
use crate::snapshot::{Content, Snapshot};
use autofix_domain::cleaning;
use autofix_domain::words::word_enum;

/// Bytes of one answer: some 5,000 tokens, so that no single call uses up an analysis's budget.
pub const MAX_ANSWER_BYTES: usize = 20_000;
/// Lines of one answer of `list_files` and of `read_file`.
pub const MAX_ANSWER_LINES: usize = 400;
/// Lines of a `read_file` that names no last line: most functions fit, and what is read is most of what an analysis costs.
const READ_LINES: usize = 150;
/// Lines that one `search` or `find_callers` finds.
pub const MAX_MATCHES: usize = 60;
/// Lines that `search` shows of one file among several, so that no file takes the room of the others.
pub const MAX_MATCHES_OF_FILE: usize = 20;
/// Characters of outside text repeated in an answer.
const MAX_ECHO_CHARS: usize = 200;

word_enum! {
    /// The tools by the names that the model calls them by.
    pub enum ToolName {
        ListFiles = "list_files",
        ReadFile = "read_file",
        Search = "search",
        Outline = "outline",
        FindCallers = "find_callers",
    }
}

/// What a tool answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolAnswer {
    Found(String),
    /// The question could not be answered; the text says why and what to try (`is_error`).
    Refused(String),
}

impl ToolAnswer {
    pub fn text(&self) -> &str {
        match self {
            ToolAnswer::Found(text) | ToolAnswer::Refused(text) => text,
        }
    }

    pub fn is_refusal(&self) -> bool {
        matches!(self, ToolAnswer::Refused(_))
    }
}

/// The tools as the Messages API takes them. Every input is required and has an empty value, since
/// strict schemas know neither bounds nor defaults.
pub fn definitions() -> Vec<Value> {
    let text = |description: &str| json!({"type": "string", "description": description});
    let number = |description: &str| json!({"type": "integer", "description": description});
    let folder =
        "Folder as seen from the repository's root. Empty: the project's folder. `/`: the whole repository.";
    let tool = |name: ToolName, description: String, inputs: &[(&str, Value)]| {
        let required: Vec<&str> = inputs.iter().map(|(name, _)| *name).collect();
        let properties: serde_json::Map<String, Value> =
            inputs.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
        json!({
            "name": name.as_str(),
            "description": description,
            "strict": true,
            "input_schema": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
        })
    };
    vec![
        tool(
            ToolName::ListFiles,
            format!(
                "Lists the folders and files of a folder with their sizes or, with a glob, all files below it \
                 that match. At most {MAX_ANSWER_LINES} lines an answer."
            ),
            &[
                ("folder", text(folder)),
                (
                    "glob",
                    text(
                        "`*.py` matches names at any depth; with a slash, such as `api/**/*.ts`, it matches paths \
                         as seen from the folder. Empty: only what stands directly in the folder.",
                    ),
                ),
            ],
        ),
        tool(
            ToolName::ReadFile,
            format!(
                "Reads lines of a text file. Each line is shown as its number, ` | `, and the line itself. At most \
                 {MAX_ANSWER_LINES} lines and {MAX_ANSWER_BYTES} bytes an answer; the answer says where to read on."
            ),
            &[
                ("path", text("Path of the file as seen from the repository's root.")),
                ("start_line", number("First line, counted from 1.")),
                ("end_line", number(&format!("Last line; 0 means {READ_LINES} lines."))),
            ],
        ),
        tool(
            ToolName::Search,
            format!(
                "Finds lines that match a regular expression (the syntax of Rust's regex: no look-around, no \
                 back-references), case-sensitive unless it begins with `(?i)`. The application's own code comes \
                 first, then tests, migrations, generated and other people's code. Says how many lines match in each \
                 file; shows at most {MAX_MATCHES_OF_FILE} of a file among several, and {MAX_MATCHES} an answer."
            ),
            &[
                ("regex", text("The regular expression.")),
                (
                    "folder",
                    text(
                        "File or folder as seen from the repository's root. Empty: the project's folder. `/`: the \
                         whole repository.",
                    ),
                ),
                ("glob", text("Only files that match, such as `*.py` or `api/**/*.ts`. Empty: all files.")),
            ],
        ),
        tool(
            ToolName::Outline,
            "Lists the functions, methods and classes of a source file with their lines and signatures, from \
             its syntax tree."
                .to_owned(),
            &[("path", text("Path of the file as seen from the repository's root."))],
        ),
        tool(
            ToolName::FindCallers,
            format!(
                "Finds the lines that call, import or otherwise use a function, method or class by its name, \
                 with the function around each. Comments and strings do not count where the language is known; \
                 other files are searched as text and marked so. Says if a decorator registers it (a route, a task, \
                 a handler), since a framework then calls it. At most {MAX_MATCHES} lines an answer."
            ),
            &[
                ("name", text("The name, such as `total`; of `Order.total` the last part counts.")),
                ("folder", text(folder)),
            ],
        ),
    ]
}

/// The tools over one snapshot.
pub struct Toolbox<'s> {
    snapshot: &'s Snapshot,
    project: ProjectPath,
    shown: Mutex<BTreeSet<RepoPath>>,
}

#[derive(Deserialize)]
struct ListInput {
    #[serde(default)]
    folder: String,
    #[serde(default)]
    glob: String,
}

#[derive(Deserialize)]
struct ReadInput {
    path: String,
    #[serde(default)]
    start_line: u32,
    #[serde(default)]
    end_line: u32,
}

#[derive(Deserialize)]
struct SearchInput {
    regex: String,
    /// Of a file or a folder.
    #[serde(default)]
    folder: String,
    #[serde(default)]
    glob: String,
}

#[derive(Deserialize)]
struct OutlineInput {
    path: String,
}

#[derive(Deserialize)]
struct CallersInput {
    name: String,
    #[serde(default)]
    folder: String,
}

impl<'s> Toolbox<'s> {
    pub fn new(snapshot: &'s Snapshot, project: &ProjectPath) -> Toolbox<'s> {
        Toolbox { snapshot, project: project.clone(), shown: Mutex::default() }
    }

    /// Answers one call; never fails, whatever the model asks.
    pub fn call(&self, name: &str, input: &Value) -> ToolAnswer {
        let answer = match name.parse::<ToolName>() {
            Ok(ToolName::ListFiles) => inputs(input).and_then(|input| self.list_files(&input)),
            Ok(ToolName::ReadFile) => inputs(input).and_then(|input| self.read_file(&input)),
            Ok(ToolName::Search) => inputs(input).and_then(|input| self.search(&input)),
            Ok(ToolName::Outline) => inputs(input).and_then(|input| self.outline(&input)),
            Ok(ToolName::FindCallers) => inputs(input).and_then(|input| self.find_callers(&input)),
            Err(_) => {
                let names =
                    ToolName::ALL.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                Err(format!("There is no tool `{}`. The tools are {names}.", echo(name)))
            }
        };
        match answer {
            Ok(text) => ToolAnswer::Found(text),
            Err(text) => ToolAnswer::Refused(text),
        }
    }

    /// The files of which `read_file` showed at least a part.
    pub fn shown_files(&self) -> BTreeSet<RepoPath> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember_shown(&self, path: &RepoPath) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
    }

    /// The text of the file that the model means.
    fn text(&self, named: &str) -> Result<(&'s RepoPath, &'s str), String> {
        let Some(path) = self.snapshot.resolve(named, &self.project) else {
            let hint = nearest::files(self.snapshot, named);
            return Err(format!("There is no file `{}`.{hint}", echo(named)));
        };
        let file = self.snapshot.file(path).expect("a resolved path is a file of the snapshot");
        let Some(text) = file.text() else {
            let why = why_unread(&file.content).unwrap_or_default();
            return Err(format!("`{path}` cannot be shown: {why} ({} bytes).", file.size()));
        };
        Ok((path, text))
    }

    /// The folder that the model means, which has at least one file.
    fn folder(&self, text: &str) -> Result<FolderPath, String> {
        if text.trim().is_empty() {
            return Ok(self.project.clone());
        }
        let folder =
            FolderPath::parse(text).map_err(|why| format!("`{}` is no folder: {why}.", echo(text)))?;
        let in_project = || FolderPath::parse(&format!("{}/{folder}", self.project)).ok();
        let has_files = |folder: &FolderPath| folder.is_root() || !self.snapshot.files_in(folder).is_empty();
        if has_files(&folder) {
            return Ok(folder);
        }
        if let Some(folder) = in_project().filter(|folder| has_files(folder)) {
            return Ok(folder);
        }
        Err(match self.snapshot.resolve(folder.as_str(), &self.project) {
            Some(path) => format!("`{path}` is a file, not a folder; read it with `read_file`."),
            None => {
                format!("There is no folder `{}`.{}", echo(text), nearest::folders(self.snapshot, &folder))
            }
        })
    }
}

fn inputs<T: DeserializeOwned>(input: &Value) -> Result<T, String> {
    T::deserialize(input)
        .map_err(|error| format!("The input does not fit the tool: {}.", echo(&error.to_string())))
}

/// Outside text, fit to be repeated in an answer.
fn echo(text: &str) -> String {
    cleaning::one_line(text, MAX_ECHO_CHARS).replace('`', "'")
}

fn counted(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// The folder's name in a sentence.
fn shown_folder(folder: &FolderPath) -> String {
    if folder.is_root() { "the repository".to_owned() } else { format!("`{folder}`") }
}

/// Why a file cannot be read; `None` for text.
fn why_unread(content: &Content) -> Option<&'static str> {
    match content {
        Content::Text(_) => None,
        Content::Binary { .. } => Some("binary"),
        Content::TooLarge { .. } => Some("too large to be read"),
        Content::Vendored { .. } => Some("third-party code, not read"),
        Content::Secret { .. } => Some("may hold credentials, never shown"),
        Content::Link => Some("a link, not followed"),
    }
}

#[cfg(test)]
mod tests;
