//! `find_callers`.
//!
//! The name is looked for as text first, and only files that have it are parsed. What a syntax tree
//! says is a call is one; where there is no grammar, or too much to parse, whole words are shown and
//! marked as such. Bounded by files and bytes, not by time: the same question has the same answer.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::order::application_first;
use super::{CallersInput, MAX_ANSWER_BYTES, MAX_MATCHES, Toolbox, counted, echo, shown_folder};
use crate::names::has;
use crate::repo_path::RepoPath;
use crate::snapshot::Snapshot;
use crate::syntax::definitions::{Definition, definitions, enclosing_function};
use crate::syntax::imports::{Bindings, imports};
use crate::syntax::mentions::has_word;
use crate::syntax::references::{Use, references};
use crate::syntax::{Language, Parsed, Walk};
use crate::validators::weakened_tests::is_test;
use autofix_domain::cleaning;

/// Files that are parsed for one question.
const MAX_PARSED_FILES: usize = 200;
/// Bytes that are parsed for one question, about two seconds.
const MAX_PARSED_BYTES: usize = 8 << 20;
/// Characters of a name; a longer one is text pasted by mistake.
const MAX_NAME_CHARS: usize = 200;
/// Characters shown of a line that was found.
const MAX_LINE_CHARS: usize = 300;
/// Registered definitions of one name that are shown, and characters shown of a decorator.
const MAX_REGISTERED: usize = 5;
const MAX_DECORATOR_CHARS: usize = 120;

/// Last parts of decorators' names that hand a function over to a framework, lower case: routes, tasks, events, hooks,
/// validators. Others (`property`, `cached`, `login_required`) only change it.
const REGISTERING: &str = "\
    action after_request api_route api_view before_request command consumer cron delete errorhandler \
    event field_serializer field_validator fixture get group head hook hookimpl job lifespan \
    listens_for middleware model_serializer model_validator mutation on on_event options patch \
    periodic_task post put query receiver register resolver root_validator route scheduled \
    scheduled_job shared_task subscribe subscriber subscription task tool validates validator \
    view_config websocket";
/// Ends of such names: `GetMapping`, `KafkaListener`, `exception_handler`, `template_filter`.
const REGISTERING_ENDS: &[&str] = &["mapping", "listener", "handler", "_filter", "_tag", "subscriber"];

/// How a line uses the name. The first that holds is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mention {
    Call,
    Import,
    Named,
    /// Found as a word, without knowing the language.
    Text,
}

impl Mention {
    fn word(self) -> &'static str {
        match self {
            Mention::Call => "call",
            Mention::Import => "import",
            Mention::Named => "mention",
            Mention::Text => "text",
        }
    }
}

impl Toolbox<'_> {
    pub(super) fn find_callers(&self, input: &CallersInput) -> Result<String, String> {
        let name = plain_name(&input.name)?;
        let folder = self.folder(&input.folder)?;
        let (mut lines, mut hits, mut files) = (String::new(), 0, 0);
        let (mut parsed_files, mut parsed_bytes) = (0, 0);
        let mut stopped = false;
        let mut registered: Vec<String> = Vec::new();
        'files: for (path, file) in application_first(self.snapshot.files_in(&folder)) {
            let Some(text) = file.text().filter(|text| has_word(text, name)) else { continue };
            let fits = parsed_files < MAX_PARSED_FILES && parsed_bytes + text.len() <= MAX_PARSED_BYTES;
            let found =
                match Language::of_path(path.as_str()).filter(|_| fits) {
                    Some(language) => {
                        parsed_files += 1;
                        parsed_bytes += text.len();
                        let Looked { mentions, decorators } = look_at_code(language, text, name);
                        registered.extend(decorators.into_iter().map(|(line, decorator)| {
                            format!("`{}` ({path}, line {line})", echo(&decorator))
                        }));
                        mentions
                    }
                    None => mentions_in_text(text, name),
                };
            for (index, (line, (mention, function))) in found.iter().enumerate() {
                if hits == MAX_MATCHES || lines.len() > MAX_ANSWER_BYTES {
                    stopped = true;
                    break 'files;
                }
                if index == 0 {
                    // Writing to a `String` cannot fail.
                    let _ = writeln!(lines, "{path}");
                    files += 1;
                }
                hits += 1;
                let source = text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
                let source = cleaning::one_line(source, MAX_LINE_CHARS);
                let place = function.as_ref().map_or(String::new(), |name| format!(" in `{}`", echo(name)));
                let _ = writeln!(lines, "{line:>5} | {}{place} | {source}", mention.word());
            }
        }
        let place = shown_folder(&folder);
        let mut answer = match hits {
            0 => format!("Nothing in {place} uses `{}`.\n", echo(name)),
            _ => {
                let uses = counted(hits, "line uses", "lines use");
                format!("{uses} `{}` in {} in {place}:\n{lines}", echo(name), counted(files, "file", "files"))
            }
        };
        if !registered.is_empty() {
            registered.truncate(MAX_REGISTERED);
            let by = registered.join(", ");
            let _ = writeln!(
                answer,
                "`{}` is registered by a decorator, so a framework calls it: {by}.",
                echo(name)
            );
        }
        if stopped {
            answer.push_str("(ended early: there are more; make the folder narrower)\n");
        }
        if parsed_files == MAX_PARSED_FILES || parsed_bytes + (1 << 20) > MAX_PARSED_BYTES {
            answer.push_str("(too much to parse: the last files were searched as text)\n");
        }
        Ok(answer)
    }
}

/// The last part of the name asked for, without a call's parentheses.
fn plain_name(asked: &str) -> Result<&str, String> {
    let name = asked.trim().split('(').next().unwrap_or_default();
    let name =
        name.rsplit(['.', ':', '>', '#', '\\']).next().unwrap_or_default().trim_matches(['`', '$', ' ']);
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '?' | '!');
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || !name.chars().all(is_name) {
        return Err(format!(
            "`{}` is not the name of a function; give one such as `total` or `Order.total`, or use `search`.",
            echo(asked)
        ));
    }
    Ok(name)
}

/// A line of the snapshot that uses a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FoundUse<'s> {
    pub(crate) path: &'s RepoPath,
    /// Counted from 1.
    pub(crate) line: u32,
    /// The function around the line.
    pub(crate) function: Option<String>,
    pub(crate) is_call: bool,
}

/// The calls of these functions in the whole snapshot; where nothing calls them, the other lines of code and of templates
/// that name them. Those of the application come before those of tests, and those that know the file of the functions
/// (in it, or naming it) before others, which may mean another function of the same name.
pub(crate) fn uses_of<'s>(snapshot: &'s Snapshot, names: &[String], defined_in: &str) -> Vec<FoundUse<'s>> {
    let stem = defined_in.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    let mut found: Vec<(bool, FoundUse<'s>)> = Vec::new();
    let (mut files, mut bytes) = (0, 0);
    for path in snapshot.paths() {
        let Some(text) = snapshot.text(path) else { continue };
        let names: Vec<&String> = names.iter().filter(|name| has_word(text, name)).collect();
        if names.is_empty() {
            continue;
        }
        if files == MAX_PARSED_FILES || bytes + text.len() > MAX_PARSED_BYTES {
            break;
        }
        files += 1;
        bytes += text.len();
        let knows_file = path.as_str() == defined_in || has_word(text, stem);
        for name in names {
            let mentions = match Language::of_path(path.as_str()) {
                Some(language) => look_at_code(language, text, name).mentions,
                None if is_template(path.as_str()) => mentions_in_text(text, name),
                None => continue,
            };
            found.extend(mentions.into_iter().filter(|(_, (mention, _))| *mention != Mention::Import).map(
                |(line, (mention, function))| {
                    (knows_file, FoundUse { path, line, function, is_call: mention == Mention::Call })
                },
            ));
        }
    }
    if found.iter().any(|(_, one)| one.is_call) {
        found.retain(|(_, one)| one.is_call);
    }
    found.sort_by_key(|(knows_file, one)| (is_test(one.path.as_str()), !knows_file, one.path, one.line));
    found.into_iter().map(|(_, one)| one).collect()
}

/// Pages that call functions by tags and properties, in languages without a grammar here.
fn is_template(path: &str) -> bool {
    let ends =
        ["html", "htm", "jinja", "jinja2", "j2", "vue", "svelte", "erb", "twig", "hbs", "tmpl", "gohtml"];
    path.rsplit_once('.').is_some_and(|(_, end)| ends.contains(&end))
}

type Mentions = BTreeMap<u32, (Mention, Option<String>)>;

/// What a file of a known language says about a name.
struct Looked {
    mentions: Mentions,
    /// Decorators that register what has the name, with the line of its definition.
    decorators: Vec<(u32, String)>,
}

/// The lines of code that use the name, each once, and what registers it.
fn look_at_code(language: Language, text: &str, name: &str) -> Looked {
    let parsed = Parsed::new(language, text);
    let walk = Walk::of(&parsed);
    let imports = imports(&walk);
    let definitions = definitions(&walk);
    let lines: Vec<&str> = text.lines().collect();
    let mut found: BTreeMap<u32, Mention> = BTreeMap::new();
    let mut add = |line: u32, mention: Mention| {
        let known = found.entry(line).or_insert(mention);
        *known = mention.min(*known);
    };
    for reference in references(&walk, &Bindings::of(&imports)) {
        // The line of the name itself; a chain of calls may begin far above.
        if reference.last_name() == name {
            let is_call = reference.how == Use::Called || is_element(reference.node);
            let line = line_of_name(&parsed, reference.node, name).unwrap_or(reference.line);
            add(line, if is_call { Mention::Call } else { Mention::Named });
        } else if reference.path.split('.').any(|part| part == name)
            && lines.get(reference.line.saturating_sub(1) as usize).is_some_and(|line| has_word(line, name))
        {
            add(reference.line, Mention::Named);
        }
    }
    for import in &imports {
        if import.bindings.iter().any(|(_, path)| path.rsplit('.').next() == Some(name)) {
            add(import.line, Mention::Import);
        }
    }
    let function = |line| enclosing_function(&definitions, line).map(|one| one.qualified_name.clone());
    let mentions = found.into_iter().map(|(line, mention)| (line, (mention, function(line)))).collect();
    let of_name = definitions.iter().filter(|one| one.name == name);
    Looked { mentions, decorators: of_name.flat_map(registering_decorators).collect() }
}

fn registering_decorators<'d>(one: &'d Definition<'_>) -> impl Iterator<Item = (u32, String)> + 'd {
    let squeezed = one.decorators.iter().map(|decorator| decorator.split_whitespace().collect::<String>());
    let registering = squeezed.filter(|decorator| registers(decorator));
    registering.map(|decorator| (*one.lines.start(), cleaning::one_line(&decorator, MAX_DECORATOR_CHARS)))
}

/// Whether a decorator without blanks, such as `@router.get('/orders')` or `#[Route('/x')]`, hands over what it decorates.
fn registers(decorator: &str) -> bool {
    let path = decorator.trim_start_matches(['@', '#', '[']).split(['(', ']']).next().unwrap_or_default();
    let last = path.rsplit(['.', ':', '\\']).next().unwrap_or_default().to_lowercase();
    has(REGISTERING, &last) || REGISTERING_ENDS.iter().any(|end| last.ends_with(end))
}

/// Whether a name is that of a JSX element, which calls its function: `<Price amount={1} />`.
fn is_element(name: tree_sitter::Node<'_>) -> bool {
    let kinds = ["jsx_opening_element", "jsx_self_closing_element"];
    name.parent().is_some_and(|parent| kinds.contains(&parent.kind()))
}

/// Where the callee's last name stands in a call that may span lines.
fn line_of_name(parsed: &Parsed<'_>, call: tree_sitter::Node<'_>, name: &str) -> Option<u32> {
    let callee = ["function", "constructor", "macro", "name", "method", "type"]
        .into_iter()
        .find_map(|field| call.child_by_field_name(field))?;
    let end = u32::try_from(callee.end_position().row).ok()?.saturating_add(1);
    parsed.text_of(callee).ends_with(name).then_some(end)
}

fn mentions_in_text(text: &str, name: &str) -> Mentions {
    let lines = text.lines().zip(1_u32..).filter(|(line, _)| has_word(line, name));
    lines.map(|(_, number)| (number, (Mention::Text, None))).collect()
}
