//! The rules for a regression test. It runs in somebody's CI, with what that CI may do, and nobody has reviewed it before:
//! so what is not plainly a small test of the crashed function is refused.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tree_sitter::Node;

use super::Crashed;
use super::places::TestPlaces;
use crate::names::has;
use crate::repo_path::{ProjectPath, RepoPath};
use crate::snapshot::Snapshot;
use crate::syntax::imports::{Bindings, Import, imports};
use crate::syntax::references::{Reference, Use, references};
use crate::syntax::{Family, Language, Parsed, Position, Walk, statements, visit_below};
use autofix_domain::attempt::{RegressionTest, TestPlace};
use autofix_domain::incident::Incident;
use autofix_domain::redaction::redact;

/// Lines of a test: what reproduces one error is short.
pub const MAX_LINES: usize = 60;
const MAX_BYTES: usize = 8_000;
/// A longer file is not read again for each step of the proof.
const MAX_FILE_BYTES: usize = 200_000;
/// Characters of a name that a runner prints and that is looked for in its output.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 5..=120;
/// Shorter texts of an event stand in any code.
const MIN_VALUE_CHARS: usize = 5;

/// What a test is judged against.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    pub snapshot: &'a Snapshot,
    pub project: &'a ProjectPath,
    pub places: &'a TestPlaces,
    pub crashed: &'a Crashed,
    pub incident: &'a Incident,
}

/// What became of a proposed test.
#[derive(Clone, Debug, PartialEq)]
pub enum Proposed {
    Test(Box<RegressionTest>),
    /// The model says that no such test can be written.
    None {
        why: String,
    },
    /// Goes back to the model with this sentence.
    Unusable {
        sentence: String,
    },
}

#[derive(Deserialize)]
struct WireTest {
    file_path: String,
    code: String,
    explanation: String,
}

impl Rules<'_> {
    /// Reads a proposal and judges it.
    pub fn read(&self, input: &Value) -> Proposed {
        let wire: WireTest = match serde_json::from_value(input.clone()) {
            Ok(wire) => wire,
            Err(error) => {
                return Proposed::Unusable { sentence: format!("The test cannot be read: {error}.") };
            }
        };
        if wire.code.trim().is_empty() {
            return Proposed::None { why: wire.explanation };
        }
        match self.judge(&wire) {
            Ok(test) => Proposed::Test(Box::new(test)),
            Err(sentence) => Proposed::Unusable { sentence },
        }
    }

    fn judge(&self, wire: &WireTest) -> Result<RegressionTest, String> {
        let code = format!("{}\n", wire.code.trim_matches('\n').trim_end());
        let lines = code.lines().count();
        if lines > MAX_LINES || code.len() > MAX_BYTES {
            return Err(format!(
                "The test has {lines} lines and {} bytes; at most {MAX_LINES} and {MAX_BYTES} are allowed.",
                code.len()
            ));
        }
        let hidden =
            |c: char| autofix_domain::cleaning::is_invisible(c) || (c.is_control() && !"\n\t".contains(c));
        if code.chars().any(hidden) {
            return Err("The test has characters that nobody sees.".to_owned());
        }
        let (path, before) = self.place(&wire.file_path)?;
        self.holds_nothing_of_the_event(&code)?;
        let language = Language::of_path(path.as_str())
            .filter(|language| language.family() == self.places.family)
            .ok_or("The test's file is in another language than the code.")?;
        let parsed = Parsed::new(language, &code);
        if let Some(line) = parsed.error_lines().first() {
            return Err(format!("Line {line} of the test does not parse."));
        }
        let walk = Walk::of(&parsed);
        let imported = imports(&walk);
        let mut known = before.as_deref().map_or_else(Vec::new, |text| imports_of(language, text));
        known.extend(imported.iter().cloned());
        let found = references(&walk, &Bindings::of(&known));
        let name = self.only_test(&parsed, &found, before.is_some())?;
        if before.as_ref().is_some_and(|text| text.contains(&name)) {
            return Err(format!("`{name}` is in the file already; give the test another name."));
        }
        // What it passes in may be printed, and must not look like a report about it.
        if code.matches(&name).count() > 1 {
            return Err(format!("The test says its own name `{name}` a second time; use other words there."));
        }
        self.imports_are_known(&imported, &path)?;
        self.nothing_forbidden(&parsed, &found, &code)?;
        if !found.iter().any(|one| one.how == Use::Called && self.crashed.is_called(one.last_name())) {
            return Err(format!("The test does not call `{}` by its name.", self.crashed.function));
        }
        Ok(RegressionTest {
            place: match before {
                None => TestPlace::NewFile,
                Some(text) => {
                    TestPlace::EndOfFile { before_sha256: hex::encode(Sha256::digest(text.as_bytes())) }
                }
            },
            file_path: path.to_string(),
            code,
            name,
            function: self.crashed.function.clone(),
            function_path: self.crashed.path.to_string(),
            function_lines: self.crashed.lines,
            exception: self.crashed.exception.clone(),
        })
    }

    /// The path, and the text that is there already.
    fn place(&self, path: &str) -> Result<(RepoPath, Option<String>), String> {
        let known = self.snapshot.resolve(path, self.project).cloned();
        let path = known.or_else(|| RepoPath::parse(path).ok()).ok_or("The test's path is not a path.")?;
        if self.places.files.contains(&path) {
            let text = self.snapshot.text(&path).unwrap_or_default();
            return match text.len() > MAX_FILE_BYTES {
                true => Err(format!("`{path}` is too long; put the test in a new file.")),
                false => Ok((path, Some(text.to_owned()))),
            };
        }
        if self.snapshot.file(&path).is_some() || !self.places.may_be_new(&path, &self.crashed.path) {
            return Err(format!(
                "`{path}` is not a place for a test: add to one of the test files, or name a new file like them, in a \
                 folder that has tests."
            ));
        }
        Ok((path, None))
    }

    /// No secret, no personal data, and no text that only the event has.
    fn holds_nothing_of_the_event(&self, code: &str) -> Result<(), String> {
        if redact(code).as_str() != code {
            return Err(
                "The test holds what looks like a secret or personal data; invent a value.".to_owned()
            );
        }
        let in_code = |value: &str| {
            self.snapshot
                .paths()
                .any(|path| self.snapshot.text(path).is_some_and(|text| text.contains(value)))
        };
        let copied =
            values_of(self.incident).into_iter().find(|value| code.contains(value) && !in_code(value));
        match copied {
            Some(_) => {
                Err("The test holds a value of the event that is nowhere in the code; invent one.".to_owned())
            }
            None => Ok(()),
        }
    }

    /// The name of the one test; nothing else may stand at the top.
    fn only_test(&self, parsed: &Parsed<'_>, found: &[Reference<'_>], added: bool) -> Result<String, String> {
        let top = statements(parsed.root());
        let names: Vec<String> = match self.places.family {
            Family::Python => top.iter().filter_map(|node| python_test(parsed, *node)).collect(),
            Family::Go => top.iter().filter_map(|node| go_test(parsed, *node)).collect(),
            _ => found.iter().filter_map(|one| script_test(parsed, one)).collect(),
        };
        let [name] = names.as_slice() else {
            return Err(format!("There must be exactly one test; there are {}.", names.len()));
        };
        if !NAME_CHARS.contains(&name.chars().count()) || name.contains(['\n', '`', '$', '\\']) {
            return Err("The test's name has to be a plain text of 5 to 120 characters.".to_owned());
        }
        for node in &top {
            let allowed = match (self.places.family, node.kind()) {
                (Family::Python, "function_definition" | "decorated_definition") => {
                    python_test(parsed, *node).is_some()
                }
                (Family::Go, "function_declaration") => go_test(parsed, *node).is_some(),
                (Family::Script, "expression_statement") => is_call_of_a_test(parsed, *node),
                (
                    _,
                    "import_statement" | "import_from_statement" | "import_declaration" | "package_clause",
                ) => !added,
                (Family::Python | Family::Script, "expression_statement" | "lexical_declaration") => {
                    !added && is_plain_value(parsed, *node)
                }
                _ => false,
            };
            if !allowed {
                let line = crate::syntax::first_line(*node);
                return Err(format!(
                    "Line {line} may not stand outside of the test{}.",
                    if added { ": an existing file gets one function, and imports inside of it" } else { "" }
                ));
            }
        }
        Ok(name.clone())
    }

    /// What tests here import already, and the code that crashed.
    fn imports_are_known(&self, imported: &[Import], path: &RepoPath) -> Result<(), String> {
        let mut known = BTreeSet::new();
        for file in &self.places.files {
            let (Some(text), Some(language)) = (self.snapshot.text(file), Language::of_path(file.as_str()))
            else {
                continue;
            };
            known.extend(imports_of(language, text).iter().map(|import| absolute(import, file)));
        }
        let of_crashed = |import: &Import| {
            let bound = import.bindings.iter().map(|(_, full)| full.as_str());
            std::iter::once(import.module.as_str())
                .chain(bound)
                .any(|name| self.is_crashed_module(name, path))
        };
        let strange = imported
            .iter()
            .filter(|import| !(self.places.family == Family::Go && import.module == "testing"))
            .find(|import| !known.contains(&absolute(import, path)) && !of_crashed(import));
        match strange {
            Some(import) => Err(format!(
                "The test imports `{}`, which no test here does; import only those, or the code that crashed.",
                import.module
            )),
            None => Ok(()),
        }
    }

    fn is_crashed_module(&self, name: &str, test: &RepoPath) -> bool {
        let crashed = self.crashed.path.as_str();
        let stem = crashed.rsplit_once('.').map_or(crashed, |(stem, _)| stem);
        let ends_like = |suffix: &str| stem == suffix || stem.ends_with(&format!("/{suffix}"));
        match self.places.family {
            Family::Python => {
                let module = name.replace('.', "/");
                ends_like(&module)
                    || stem.strip_suffix("/__init__").is_some_and(|package| package.ends_with(&module))
            }
            Family::Script if name.starts_with('.') => {
                let resolved = joined(test, name);
                let resolved = resolved
                    .rsplit_once('.')
                    .filter(|(_, end)| end.len() <= 3)
                    .map_or(resolved.as_str(), |(stem, _)| stem);
                resolved == stem || stem == format!("{resolved}/index")
            }
            Family::Go => self.crashed.path.folder().as_str().rsplit('/').next().is_some_and(|folder| {
                !folder.is_empty() && (name == folder || name.ends_with(&format!("/{folder}")))
            }),
            _ => false,
        }
    }

    fn nothing_forbidden(
        &self,
        parsed: &Parsed<'_>,
        found: &[Reference<'_>],
        code: &str,
    ) -> Result<(), String> {
        let forbidden = forbidden_names(self.places.family);
        for one in found {
            let dunder = |name: &&str| name.starts_with("__") && name.ends_with("__") && name.len() > 4;
            let bad = one
                .path
                .split(['.', '/'])
                .find(|name| has(forbidden, name) || (self.places.family == Family::Python && dunder(name)));
            if let Some(name) = bad {
                return Err(format!(
                    "Line {}: a test may not use `{name}`: no network, no process, no waiting, no files outside of the \
                     runner's temporary folder, nothing skipped, nothing printed.",
                    one.line
                ));
            }
        }
        let mut objection = None;
        visit_below(parsed.root(), |node, at| {
            let why = match at.kind {
                "while_statement" | "do_statement" => "a loop that may not end",
                "for_statement"
                    if self.places.family == Family::Script
                        && node
                            .child_by_field_name("condition")
                            .is_none_or(|asked| asked.named_child_count() == 0) =>
                {
                    "a loop that may not end"
                }
                "match_statement" => "a pattern that takes an object apart",
                "identifier"
                    if self.places.family == Family::Script
                        && parsed.text_of(node) == "require"
                        && !is_called_with_a_text(at) =>
                {
                    "`require` of anything but a plain text"
                }
                "try_statement" => "a handler that could hide the error",
                "go_statement" | "import_expression" => "code that runs beside the test",
                "for_statement" if self.places.family == Family::Go && node.named_child_count() == 1 => {
                    "a loop that may not end"
                }
                "decorator" if !is_known_decorator(parsed.text_of(node)) => "this decorator",
                "subscript_expression" | "computed_property_name"
                    if self.places.family == Family::Script && !has_plain_key(parsed, node) =>
                {
                    "a key that is no plain text or number"
                }
                "global_statement" | "exec_statement" => "this statement",
                _ => return,
            };
            objection.get_or_insert(format!(
                "Line {}: a test may not have {why}.",
                crate::syntax::first_line(node)
            ));
        });
        if let Some(objection) = objection {
            return Err(objection);
        }
        let uses_files =
            ["tmp_path", "tmpdir", "tempfile", "TempDir", "mkdtemp"].iter().any(|name| code.contains(name));
        let leaves = ["\"/", "'/", "`/", ".."].iter().any(|start| code.contains(start));
        match uses_files && leaves {
            true => Err("A test that uses a temporary folder may name no path outside of it.".to_owned()),
            false => Ok(()),
        }
    }
}

/// Names that a test may not use, whatever they belong to.
fn forbidden_names(family: Family) -> &'static str {
    match family {
        Family::Python => {
            "\
                subprocess socket urllib urllib3 requests httpx aiohttp ftplib smtplib ssl \
                multiprocessing threading ctypes shutil signal pty eval exec compile importlib \
                globals locals vars getattr setattr delattr builtins open environ getenv setenv \
                system popen sleep fork kill skip skipif skipIf skipUnless skipTest xfail \
                expectedFailure importorskip exit _exit quit breakpoint input os sys pathlib Path io \
                pickle marshal runpy print logging main pytester testdir pytest_plugins getfixturevalue iter \
                count cycle attrgetter methodcaller create_subprocess_exec create_subprocess_shell \
                open_connection open_unix_connection start_server create_connection call_command \
                run_in_executor to_thread"
        }
        Family::Script => {
            "\
                child_process exec execSync execFile spawn spawnSync fork net http https http2 dgram \
                tls dns fetch XMLHttpRequest WebSocket EventSource axios got superagent setTimeout \
                setInterval setImmediate eval Function process fs fsPromises promises Deno Bun \
                globalThis global window constructor prototype getPrototypeOf \
                getOwnPropertyDescriptor getOwnPropertyDescriptors getOwnPropertyNames Reflect Proxy \
                skip skipIf runIf only todo failing fails xit xtest xdescribe fdescribe sleep \
                console worker_threads cluster vm import __proto__ module requireActual requireMock importActual \
                importMock isolateModules createRequire execFileSync Worker"
        }
        _ => {
            "\
                exec syscall unsafe net http os ioutil plugin Sleep After Tick NewTimer Skip Skipf \
                SkipNow Setenv Chdir Dial log println print Println Printf Print Log Logf Parallel \
                Exit Goexit recover reflect C"
        }
    }
}

/// Whether the brackets hold a number, or a text that names nothing forbidden: a key that is put together reaches any name.
fn has_plain_key(parsed: &Parsed<'_>, node: Node<'_>) -> bool {
    let key = node.child_by_field_name("index").or_else(|| node.named_child(0));
    key.is_some_and(|key| match key.kind() {
        "number" => true,
        "string" => {
            let text = parsed.text_of(key).trim_matches(['"', '\'']);
            !text.contains('\\') && !has(forbidden_names(Family::Script), text)
        }
        _ => false,
    })
}

/// Whether a name is called with one text that is written there.
fn is_called_with_a_text(at: &Position<'_, '_>) -> bool {
    let arguments = at
        .parent()
        .filter(|call| call.kind() == "call_expression" && at.field == Some("function"))
        .and_then(|call| call.child_by_field_name("arguments"));
    arguments.is_some_and(|given| {
        given.named_child_count() == 1 && given.named_child(0).is_some_and(|one| one.kind() == "string")
    })
}

fn imports_of(language: Language, text: &str) -> Vec<Import> {
    imports(&Walk::of(&Parsed::new(language, text)))
}

fn is_known_decorator(text: &str) -> bool {
    let name = text.trim_start_matches('@').split('(').next().unwrap_or_default().trim();
    ["pytest.mark.asyncio", "pytest.mark.anyio", "pytest.mark.django_db", "pytest.mark.parametrize"]
        .contains(&name)
}

fn python_test(parsed: &Parsed<'_>, node: Node<'_>) -> Option<String> {
    let function = match node.kind() {
        "decorated_definition" => node.child_by_field_name("definition")?,
        _ => node,
    };
    let name = parsed.field_text(function, "name");
    (function.kind() == "function_definition" && name.starts_with("test_")).then(|| name.to_owned())
}

fn go_test(parsed: &Parsed<'_>, node: Node<'_>) -> Option<String> {
    let name = parsed.field_text(node, "name");
    let parameters = parsed.field_text(node, "parameters");
    let is_test = node.kind() == "function_declaration"
        && name.strip_prefix("Test").is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()))
        && parameters.ends_with("*testing.T)");
    is_test.then(|| name.to_owned())
}

/// The name of `test("name", …)` or `it("name", …)`.
fn script_test(parsed: &Parsed<'_>, called: &Reference<'_>) -> Option<String> {
    if called.how != Use::Called || !matches!(called.last_name(), "test" | "it") {
        return None;
    }
    let name = called.node.child_by_field_name("arguments")?.named_child(0)?;
    let text = parsed.text_of(name);
    Some(text.get(1..text.len().checked_sub(1)?)?.to_owned())
}

fn is_call_of_a_test(parsed: &Parsed<'_>, statement: Node<'_>) -> bool {
    let Some(call) = statement.named_child(0).filter(|node| node.kind() == "call_expression") else {
        return false;
    };
    matches!(parsed.field_text(call, "function"), "test" | "it" | "describe")
}

/// A constant: an assignment of a value in which nothing is called, `const a = require("…")`, or a docstring.
fn is_plain_value(parsed: &Parsed<'_>, statement: Node<'_>) -> bool {
    let is_require = parsed.text_of(statement).contains("require(");
    let (mut calls, mut is_value) = (0, false);
    visit_below(statement, |_, at| match at.kind {
        "call" | "call_expression" | "new_expression" | "await" | "await_expression" => calls += 1,
        "assignment" | "string" | "variable_declarator" => is_value = true,
        _ => {}
    });
    is_value && (calls == 0 || (is_require && calls == 1))
}

/// A module's name, relative ones as they are in the repository.
fn absolute(import: &Import, file: &RepoPath) -> String {
    match import.module.starts_with("./") || import.module.starts_with("../") {
        true => joined(file, &import.module),
        false => import.module.clone(),
    }
}

/// A relative path seen from a file.
fn joined(file: &RepoPath, relative: &str) -> String {
    let folder = file.folder();
    let mut parts: Vec<&str> = folder.as_str().split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Texts of the event that could be somebody's: what stands in quotes in its variables, messages and breadcrumbs, and
/// longer numbers.
fn values_of(incident: &Incident) -> BTreeSet<String> {
    let frames = incident.exceptions.iter().flat_map(|exception| &exception.frames);
    let variables = frames.flat_map(|frame| frame.variables.iter().map(|(_, value)| value.as_str()));
    let messages = incident.exceptions.iter().map(|exception| exception.message.as_str());
    let breadcrumbs = incident.breadcrumbs.iter().map(|crumb| crumb.message.as_str());
    let mut values = BTreeSet::new();
    for text in variables.chain(messages).chain(breadcrumbs) {
        let quoted = text.split(['"', '\'']).skip(1).step_by(2);
        let numbers = text.split(|c: char| !c.is_ascii_digit());
        let whole = (!text.contains(['"', '\'', '{', '['])).then_some(text);
        for value in quoted.chain(numbers).chain(whole) {
            if value.trim().chars().count() >= MIN_VALUE_CHARS {
                values.insert(value.trim().to_owned());
            }
        }
    }
    values
}

#[cfg(test)]
mod tests;
