//! `search`.
//!
//! The pattern comes from a model that reads hostile text, so its cost is bounded, and without a
//! clock, which would make answers differ from run to run. The engine is linear in the text, but the
//! factor between an ordinary pattern and a bad one is ten thousand: a bad one keeps making new states
//! of its automaton. That can be counted, so it is tried on a sample of the text first.

use std::fmt::Write;

use regex::bytes::{Regex, RegexBuilder};
use regex_automata::hybrid::dfa::DFA;
use regex_automata::nfa::thompson;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchErrorKind};

use super::listing::Glob;
use super::order::application_first;
use super::{
    MAX_ANSWER_BYTES, MAX_MATCHES, MAX_MATCHES_OF_FILE, SearchInput, Toolbox, counted, echo, shown_folder,
};
use crate::repo_path::RepoPath;
use crate::snapshot::{Content, File};
use autofix_domain::cleaning;

/// Characters of a pattern; a longer one is text pasted by mistake.
const MAX_PATTERN_CHARS: usize = 1_000;
/// Characters shown of a line that was found.
const MAX_LINE_CHARS: usize = 400;
/// Characters shown before the match in a line that is longer.
const LEAD_CHARS: usize = 100;
/// Bytes of the names of files whose matches had no room: some twenty.
const MAX_BYTES_OF_NAMES: usize = 800;

/// Bytes of a compiled pattern. What people and models search for stays below 10 KB.
const MAX_COMPILED_BYTES: usize = 256 << 10;
/// Bytes of states of the automaton kept at a time; beyond it they are thrown away and made again.
const MAX_STATE_BYTES: usize = 2 << 20;
/// How often that may happen over the sample. Ordinary patterns fill it not even once.
const MAX_STATE_LOSSES: usize = 2;
/// Files that the sample is of, and bytes from the middle of each: one megabyte.
const SAMPLE_FILES: usize = 256;
const SAMPLE_BYTES: usize = 4 << 10;

/// Where is searched.
struct Searched<'s> {
    files: Vec<&'s (RepoPath, File)>,
    /// How the place is called in a sentence.
    place: String,
}

/// A pattern ready to run.
struct Search {
    regex: Regex,
    /// Said before the matches.
    note: String,
}

impl<'s> Toolbox<'s> {
    pub(super) fn search(&self, input: &SearchInput) -> Result<String, String> {
        let Searched { files, place } = self.searched(input)?;
        let search = Search::of(&input.regex, &files)?;
        let of_file = if files.len() == 1 { MAX_MATCHES } else { MAX_MATCHES_OF_FILE };
        let mut found = Found::new(of_file);
        let mut unread = 0;
        for (path, file) in files {
            match (file.text(), &file.content) {
                (Some(text), _) => found.add_file(path.as_str(), text, &search.regex),
                (None, Content::TooLarge { .. }) => unread += 1,
                (None, _) => {}
            }
        }
        let mut answer = search.note;
        let _ = match found.matches {
            0 => writeln!(answer, "No line in {place} matches `{}`.", echo(&input.regex)),
            matches => {
                let lines = counted(matches, "matching line", "matching lines");
                writeln!(answer, "{lines} in {} in {place}:", counted(found.files, "file", "files"))
            }
        };
        answer.push_str(&found.text);
        found.add_unshown(&mut answer);
        if unread > 0 {
            let _ = writeln!(answer, "(not searched, since too large: {})", counted(unread, "file", "files"));
        }
        Ok(answer)
    }

    /// The file that is meant, or the files of a folder that the glob allows.
    fn searched(&self, input: &SearchInput) -> Result<Searched<'s>, String> {
        let glob = Some(input.glob.trim()).filter(|glob| !glob.is_empty()).map(Glob::parse).transpose()?;
        if let Some(path) = self.snapshot.resolve(input.folder.trim(), &self.project) {
            let file = self.snapshot.files_in(&path.folder()).iter().filter(|(known, _)| known == path);
            return Ok(Searched { files: file.collect(), place: format!("`{path}`") });
        }
        let folder = self.folder(&input.folder)?;
        let mut files = application_first(self.snapshot.files_in(&folder));
        let place = shown_folder(&folder);
        let Some(glob) = glob else { return Ok(Searched { files, place }) };
        files.retain(|(path, _)| glob.matches(&folder, path));
        if files.is_empty() {
            return Err(format!("No file in {place} matches the glob `{}`.", echo(&input.glob)));
        }
        let place = format!("the files `{}` of {place}", echo(input.glob.trim()));
        Ok(Searched { files, place })
    }
}

impl Search {
    fn of(pattern: &str, files: &[&(RepoPath, File)]) -> Result<Search, String> {
        if pattern.is_empty() {
            return Err("The pattern is empty.".to_owned());
        }
        if pattern.chars().count() > MAX_PATTERN_CHARS {
            return Err(format!(
                "The pattern is longer than {MAX_PATTERN_CHARS} characters; search for a part of it."
            ));
        }
        match compile(pattern) {
            Ok(_) if is_costly(pattern, files) => {
                Err("The pattern is too costly to run on this code; use shorter \
                 counted repetitions and fewer `.` and `*`, or a literal text."
                    .to_owned())
            }
            Ok(regex) => Ok(Search { regex, note: String::new() }),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err("The pattern is too large; use shorter counted repetitions.".to_owned())
            }
            Err(error) => {
                let why = error.to_string();
                let why = echo(why.lines().last().unwrap_or_default().trim_start_matches("error: "));
                let note = format!(
                    "The pattern is no regular expression ({why}), so it was searched as plain text.\n"
                );
                let regex = compile(&regex::escape(pattern))
                    .map_err(|_| "The pattern cannot be searched; search for a shorter text.".to_owned())?;
                Ok(Search { regex, note })
            }
        }
    }
}

/// Classes such as `\w` mean ASCII, which keeps them small, unless the pattern needs Unicode.
fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    let mut builder = RegexBuilder::new(pattern);
    builder.multi_line(true).crlf(true).size_limit(MAX_COMPILED_BYTES).dfa_size_limit(MAX_STATE_BYTES);
    match builder.unicode(false).build() {
        Err(regex::Error::Syntax(_)) => builder.unicode(true).build(),
        built => built,
    }
}

/// Whether the pattern's automaton loses its states over and over on a sample of these files. The
/// engine would then simulate it step by step, at a ten-thousandth of its usual speed.
fn is_costly(pattern: &str, files: &[&(RepoPath, File)]) -> bool {
    let automaton = |unicode| {
        let syntax = syntax::Config::new().unicode(unicode).utf8(false).multi_line(true).crlf(true);
        let dfa = DFA::config()
            .cache_capacity(MAX_STATE_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(MAX_STATE_LOSSES))
            .unicode_word_boundary(true);
        DFA::builder()
            .syntax(syntax)
            .thompson(thompson::Config::new().utf8(false))
            .configure(dfa)
            .build(pattern)
            .ok()
    };
    // What has no such automaton is a pattern with rare features, and not costly for having it.
    let Some(dfa) = automaton(false).or_else(|| automaton(true)) else { return false };
    let mut cache = dfa.create_cache();
    let texts: Vec<&str> = files.iter().filter_map(|(_, file)| file.text()).collect();
    let step = texts.len().div_ceil(SAMPLE_FILES).max(1);
    texts.iter().step_by(step).any(|text| {
        let start = (text.len() / 2).saturating_sub(SAMPLE_BYTES / 2);
        let sample = &text.as_bytes()[start..text.len().min(start + SAMPLE_BYTES)];
        let mut rest = Input::new(sample);
        // Behind each match the look goes on: the text that is searched later may have none.
        loop {
            match dfa.try_search_fwd(&mut cache, &rest) {
                Ok(Some(found)) if found.offset() < sample.len() => {
                    rest.set_start(found.offset().max(rest.start() + 1));
                }
                Ok(_) => return false,
                Err(error) => return matches!(error.kind(), MatchErrorKind::GaveUp { .. }),
            }
        }
    })
}

/// What was found so far: everything is counted, and shown as long as there is room.
struct Found {
    text: String,
    matches: usize,
    files: usize,
    /// Lines that are shown of one file.
    of_file: usize,
    shown: usize,
    /// Files without a shown line, and their matches.
    unshown: Vec<(String, usize)>,
}

impl Found {
    fn new(of_file: usize) -> Found {
        Found { text: String::new(), matches: 0, files: 0, of_file, shown: 0, unshown: Vec::new() }
    }

    /// Adds the matching lines of a file, each once.
    fn add_file(&mut self, path: &str, text: &str, regex: &Regex) {
        // One look at the whole text skips most files fast. A match is then a match within one line,
        // as with grep: `^\s*def` must not begin on the blank line before.
        if !regex.is_match(text.as_bytes()) {
            return;
        }
        let (mut lines, mut matches, mut shown) = (String::new(), 0, 0);
        for (index, line) in text.lines().enumerate() {
            let Some(place) = regex.find(line.as_bytes()).map(|found| found.start()) else { continue };
            matches += 1;
            let has_room =
                self.shown + shown < MAX_MATCHES && self.text.len() + lines.len() <= MAX_ANSWER_BYTES;
            if has_room && shown < self.of_file {
                shown += 1;
                let _ = writeln!(lines, "{:>5} | {}", index + 1, shown_line(line, place));
            }
        }
        if matches == 0 {
            return;
        }
        self.matches += matches;
        self.files += 1;
        self.shown += shown;
        let count = counted(matches, "line", "lines");
        let _ = match shown {
            0 => {
                self.unshown.push((path.to_owned(), matches));
                Ok(())
            }
            _ if shown == matches => {
                writeln!(self.text, "{path} ({count})\n{}", lines.trim_end_matches('\n'))
            }
            _ => writeln!(
                self.text,
                "{path} ({count}, the first {shown} of them)\n{}",
                lines.trim_end_matches('\n')
            ),
        };
    }

    /// Says which files had no room, so that the next question can be narrower.
    fn add_unshown(&self, answer: &mut String) {
        if self.unshown.is_empty() {
            return;
        }
        let mut named: Vec<String> = Vec::new();
        let mut bytes = 0;
        for (path, count) in &self.unshown {
            let one = format!("{path} ({count})");
            bytes += one.len();
            if bytes > MAX_BYTES_OF_NAMES {
                break;
            }
            named.push(one);
        }
        let rest = &self.unshown[named.len()..];
        if !rest.is_empty() {
            let lines: usize = rest.iter().map(|(_, count)| count).sum();
            let more = if named.is_empty() { ["file", "files"] } else { ["more file", "more files"] };
            named.push(format!("{lines} lines in {}", counted(rest.len(), more[0], more[1])));
        }
        let _ = writeln!(answer, "(no room for: {}; name a file or a glob to see them)", named.join(", "));
    }
}

/// The line, or of a long one the part around the match.
fn shown_line(line: &str, place: usize) -> String {
    if line.len() <= MAX_LINE_CHARS {
        return cleaning::source_line(line, MAX_LINE_CHARS);
    }
    // Without Unicode a match may begin inside a character.
    let place = (0..=place.min(line.len())).rev().find(|place| line.is_char_boundary(*place)).unwrap_or(0);
    let lead = line[..place].char_indices().rev().take(LEAD_CHARS).last().map_or(place, |(start, _)| start);
    let before = if lead > 0 { "…" } else { "" };
    format!("{before}{}", cleaning::source_line(&line[lead..], MAX_LINE_CHARS))
}
