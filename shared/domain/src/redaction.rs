//! Takes secrets and personal data out of text before it may leave for Claude, GitHub, Slack or a
//! log.
//!
//! Three kinds of finding: tokens that are known by their form (`tokens`), values known by the
//! name they are assigned to (`assignments`), personal data known by form and checksum
//! (`personal`). Each becomes `[redacted:kind]`; the value of a variable with a secret's name becomes
//! `<filtered str>`, with the type that it had. Source code and tracebacks stay readable:
//! `password = get_password()` holds no secret. The clients take [`Redacted`] only, and nothing but
//! [`redact`] and literals of our own make one.
//!
//! Not found: names and addresses of people, and secrets that neither look nor are named like one.

mod assignments;
mod names;
mod personal;
mod telling_words;
mod tokens;

use std::cmp::Reverse;
use std::fmt;

use aho_corasick::{AhoCorasick, Input, MatchKind, Span, packed};
use serde::Serialize;

use crate::incident::{Exception, Frame, Incident, Release, Request};
pub use names::{filtered, is_secret_name};

/// Passes after which redaction stops looking for what removing one secret uncovered. One pass is
/// the rule; each further one removes more, so it ends by itself, but hostile text could make it
/// take long.
const MAX_PASSES: usize = 16;

/// Text that went through [`redact`]. There is deliberately no other way from a `String` to this.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Redacted(String);

/// Removes secrets and personal data. Doing it twice changes nothing more. Line breaks survive, so
/// that line numbers stay right.
pub fn redact(text: &str) -> Redacted {
    let mut current = match pass(text) {
        Some(changed) => changed,
        None => return Redacted(text.to_owned()),
    };
    for _ in 1..MAX_PASSES {
        match pass(&current) {
            Some(changed) => current = changed,
            None => break,
        }
    }
    Redacted(current)
}

/// Makes what takes time among that with which texts are searched: the first text would wait for it.
pub fn prepare() {
    telling_words::prepare();
    tokens::prepare();
}

impl Redacted {
    /// A literal of our own.
    pub fn trusted(literal: &'static str) -> Redacted {
        Redacted(literal.to_owned())
    }

    /// A number of our own: a count, a line.
    pub fn number(number: u64) -> Redacted {
        Redacted(number.to_string())
    }

    /// The parts one after the other.
    pub fn concat<'a>(parts: impl IntoIterator<Item = &'a Redacted>) -> Redacted {
        Redacted::join(parts, "")
    }

    /// The parts with `separator` between them.
    pub fn join<'a>(parts: impl IntoIterator<Item = &'a Redacted>, separator: &'static str) -> Redacted {
        let parts: Vec<&str> = parts.into_iter().map(Redacted::as_str).collect();
        Redacted(parts.join(separator))
    }

    /// At most `max_chars` characters, the last one `…` where something was cut.
    pub fn capped(mut self, max_chars: usize) -> Redacted {
        if self.0.chars().nth(max_chars).is_some() {
            let kept: String = self.0.chars().take(max_chars.saturating_sub(1)).collect();
            self.0 = if max_chars == 0 { kept } else { kept + "…" };
        }
        self
    }

    /// Its lines: a part of redacted text is redacted.
    pub fn lines(&self) -> impl Iterator<Item = Redacted> {
        self.0.lines().map(|line| Redacted(line.to_owned()))
    }

    /// The part between two byte offsets; empty where they are none of its characters' bounds.
    pub fn part(&self, range: std::ops::Range<usize>) -> Redacted {
        Redacted(self.0.get(range).unwrap_or_default().to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The incident with every string redacted, and the value of every variable replaced whose name is
/// a secret's. What identifies it (organisation, project, issue, event) stays as it is.
pub fn redact_incident(incident: &Incident) -> Incident {
    let release = |release: &Release| Release { version: text(&release.version), ..release.clone() };
    let request = |request: &Request| Request { method: option(&request.method), url: option(&request.url) };
    let breadcrumbs = incident.breadcrumbs.iter().map(|crumb| crate::incident::Breadcrumb {
        category: option(&crumb.category),
        level: option(&crumb.level),
        message: text(&crumb.message),
    });
    Incident {
        organization: incident.organization.clone(),
        project: incident.project.clone(),
        issue_id: incident.issue_id.clone(),
        event_id: incident.event_id.clone(),
        title: text(&incident.title),
        message_template: option(&incident.message_template),
        culprit: option(&incident.culprit),
        level: option(&incident.level),
        platform: option(&incident.platform),
        environment: option(&incident.environment),
        release: incident.release.as_ref().map(release),
        // A link with a hole in it leads nowhere: rather none.
        web_url: incident.web_url.clone().filter(|address| pass(address).is_none()),
        transaction: option(&incident.transaction),
        request: incident.request.as_ref().map(request),
        user_count: incident.user_count,
        exceptions: incident.exceptions.iter().map(exception).collect(),
        breadcrumbs: breadcrumbs.collect(),
        problems: incident.problems.iter().map(|problem| text(problem)).collect(),
    }
}

fn text(text: &str) -> String {
    redact(text).0
}

fn option(value: &Option<String>) -> Option<String> {
    value.as_deref().map(text)
}

fn exception(exception: &Exception) -> Exception {
    Exception {
        kind: text(&exception.kind),
        message: text(&exception.message),
        module: option(&exception.module),
        handled: exception.handled,
        frames: exception.frames.iter().map(frame).collect(),
        part: exception.part,
    }
}

fn frame(frame: &Frame) -> Frame {
    let variable = |(name, value): &(String, String)| {
        (text(name), filtered(name, value).map_or_else(|| text(value), str::to_owned))
    };
    let (pre_context, context_line, post_context) = source(frame);
    Frame {
        filename: option(&frame.filename),
        abs_path: option(&frame.abs_path),
        module: option(&frame.module),
        function: option(&frame.function),
        line: frame.line,
        in_app: frame.in_app,
        own: frame.own,
        variables: frame.variables.iter().map(variable).collect(),
        pre_context,
        context_line,
        post_context,
    }
}

/// A frame's source is redacted as one text, since a private key stretches over many lines.
fn source(frame: &Frame) -> (Vec<String>, Option<String>, Vec<String>) {
    let lines = || frame.pre_context.iter().chain(&frame.context_line).chain(&frame.post_context);
    let joined = lines().map(String::as_str).collect::<Vec<_>>().join("\n");
    let redacted = text(&joined);
    let mut parts: Vec<String> = redacted.split('\n').map(String::from).collect();
    if parts.len() != lines().count() {
        // A line that holds a line break of its own: then each by itself.
        parts = lines().map(|line| text(line)).collect();
    }
    let mut parts = parts.into_iter();
    let pre_context = parts.by_ref().take(frame.pre_context.len()).collect();
    let context_line = frame.context_line.as_ref().and_then(|_| parts.next());
    (pre_context, context_line, parts.collect())
}

/// A finding: the bytes of the text that go, and what they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Finding {
    start: usize,
    end: usize,
    kind: &'static str,
}

const URL_PASSWORD: &str = "url-password";
const MARKER_START: &str = "[redacted:";

/// Longer than every marker, bytes.
const MAX_MARKER: usize = 40;

fn marker(kind: &str) -> String {
    format!("{MARKER_START}{kind}]")
}

/// Whether the text is one marker and nothing else.
fn is_marker(text: &str) -> bool {
    let kind = text.strip_prefix(MARKER_START).and_then(|rest| rest.strip_suffix(']'));
    kind.is_some_and(|kind| {
        !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    })
}

/// Replaces what is found in one look; `None` where nothing is. Findings that overlap become one,
/// of the kind of the one that starts first.
fn pass(text: &str) -> Option<String> {
    let mut findings = Vec::new();
    let small = small_letters(text.as_bytes());
    tokens::find(text, &small, &mut findings);
    assignments::find(text, &small, &mut findings);
    personal::find(text, &mut findings);
    if !findings.is_empty() {
        keep_markers_whole(text, &mut findings);
    }
    if findings.is_empty() {
        return None;
    }
    findings.sort_by_key(|found| (found.start, Reverse(found.end)));
    let mut out = String::with_capacity(text.len() + 16 * findings.len());
    let mut done = 0;
    let mut findings = findings.into_iter().peekable();
    while let Some(mut found) = findings.next() {
        while let Some(next) = findings.next_if(|next| next.start < found.end) {
            found.end = found.end.max(next.end);
        }
        out.push_str(&text[done..found.start]);
        out.push_str(&marker(found.kind));
        out.extend(text[found.start..found.end].matches('\n'));
        done = found.end;
    }
    out.push_str(&text[done..]);
    Some(out)
}

/// The bytes with all letters small, and with what is no letter changed into what is none either.
fn small_letters(bytes: &[u8]) -> Vec<u8> {
    const BIT: u8 = 0x20;
    let mut small = bytes.to_vec();
    let (words, rest) = small.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) | u64::from_ne_bytes([BIT; 8])).to_ne_bytes();
    }
    rest.iter_mut().for_each(|byte| *byte |= BIT);
    small
}

/// Finds the leftmost of some texts. Not a regular expression: making those would take more of a function's first answer
/// than all the rest.
enum Literals {
    Packed(packed::Searcher),
    /// Where the processor has no instructions for the other one, or these are too many for it.
    Automaton(AhoCorasick),
}

impl Literals {
    fn new(texts: &[&str]) -> Literals {
        match packed::Searcher::new(texts) {
            Some(searcher) => Literals::Packed(searcher),
            None => Literals::Automaton(
                AhoCorasick::builder()
                    .match_kind(MatchKind::LeftmostFirst)
                    .build(texts)
                    .expect("a few short texts are within every limit"),
            ),
        }
    }

    /// Which of them is the first from here on, and where it starts.
    fn find(&self, bytes: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = match self {
            Literals::Packed(searcher) => searcher.find_in(bytes, Span::from(from..bytes.len())),
            Literals::Automaton(automaton) => automaton.find(Input::new(bytes).range(from..)),
        };
        found.map(|found| (found.pattern().as_usize(), found.start()))
    }
}

/// Drops findings inside of markers of an earlier pass, and widens those that would cut one in two.
/// So each pass takes away text that is no marker, and redacting again finds nothing.
fn keep_markers_whole(text: &str, findings: &mut Vec<Finding>) {
    let markers: Vec<(usize, usize)> = text
        .match_indices(MARKER_START)
        .filter_map(|(start, _)| {
            let end = start + text[start..].bytes().take(MAX_MARKER).position(|byte| byte == b']')? + 1;
            is_marker(&text[start..end]).then_some((start, end))
        })
        .collect();
    findings.retain_mut(|found| {
        let first = markers.partition_point(|(_, end)| *end <= found.start);
        for (start, end) in &markers[first..] {
            if *start >= found.end {
                break;
            }
            if *start <= found.start && found.end <= *end {
                return false;
            }
            found.start = found.start.min(*start);
            found.end = found.end.max(*end);
        }
        true
    });
}

#[cfg(test)]
mod tests;
