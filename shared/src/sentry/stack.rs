//! Exceptions and frames of an event, in both spellings of their fields.
//!
//! An event can have hundreds of frames with source and variables, of which a handful is kept. So every frame is read
//! only as far as it takes to choose, and the rest of it once it is chosen.

use serde::Deserialize;

use super::group::{Relation, unwrapped};
use super::variables::{Spelling, variables};
use super::wire::{Leaf, List, Object, leaves};
use crate::cleaning::{multi_line, source_line};
use crate::incident::{
    Exception, Frame, MAX_CONTEXT_LINES, MAX_FRAMES, MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MESSAGE, Part,
    best_frames, is_installed_code, surplus,
};

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct WireException<'a> {
    #[serde(rename = "type")]
    kind: Leaf<'a>,
    value: Leaf<'a>,
    module: Leaf<'a>,
    mechanism: Leaf<'a>,
    stacktrace: Object<Stack<'a>>,
}

leaves! {
    struct Mechanism {
        handled, exception_id, parent_id, is_exception_group, source,
    }
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Thread<'a> {
    crashed: Leaf<'a>,
    current: Leaf<'a>,
    stacktrace: Object<Stack<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Stack<'a> {
    frames: List<Leaf<'a>>,
}

impl Stack<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.0.is_empty()
    }
}

leaves! {
    /// Snake case is the webhooks', camel case and `context` are the REST API's.
    struct WireFrame {
        filename, module, function, vars, abs_path, abs_path_camel = "absPath", lineno,
        lineno_camel = "lineNo", in_app, in_app_camel = "inApp", pre_context, context_line,
        post_context, context,
    }
}

/// An exception with frames that have their place and no more yet, and what the rest is read from.
#[derive(Default)]
struct Sketch<'a> {
    exception: Exception,
    /// As long as the frames of the exception.
    wires: Vec<WireFrame<'a>>,
    relation: Relation,
}

/// Everywhere that an event can have frames.
pub(super) struct Stacks<'a> {
    pub(super) chain: Vec<Object<WireException<'a>>>,
    pub(super) threads: Vec<Object<Thread<'a>>>,
    pub(super) own: Stack<'a>,
    /// How its variables are written.
    pub(super) spelling: Spelling,
}

/// The chain, with the frames that will be kept. Where no exception has frames, those of the crashed thread, else of
/// the event itself, go to the exception that surfaced; `described` gives its type and message where there is none.
pub(super) fn exceptions(
    Stacks { chain, threads, own, spelling }: Stacks<'_>,
    described: impl FnOnce() -> (Option<String>, Option<String>),
) -> Vec<Exception> {
    let mut read: Vec<Sketch<'_>> =
        chain.into_iter().map(|wire| exception(wire.or_default())).filter(|found| !is_blank(found)).collect();
    if read.iter().all(|sketch| sketch.wires.is_empty()) {
        let (wires, frames) = places(crashed_stack(threads).unwrap_or(own));
        if !frames.is_empty() {
            if read.is_empty() {
                let (kind, message) = described();
                let kind = kind.unwrap_or_else(|| MESSAGE.to_owned());
                let message = message.unwrap_or_default();
                let exception = Exception { kind, message, ..Exception::default() };
                read.push(Sketch { exception, ..Sketch::default() });
            }
            if let Some(surfaced) = read.last_mut() {
                surfaced.exception.frames = frames;
                surfaced.wires = wires;
            }
        }
    }
    completed(in_order(read), spelling)
}

/// Exception groups before the members in which they end, so that the last exception is what failed.
fn in_order(sketches: Vec<Sketch<'_>>) -> Vec<Sketch<'_>> {
    let relations: Vec<Relation> = sketches.iter().map(|sketch| sketch.relation.clone()).collect();
    let exceptions: Vec<&Exception> = sketches.iter().map(|sketch| &sketch.exception).collect();
    let order = unwrapped(&exceptions, &relations);
    let mut sketches: Vec<Option<Sketch<'_>>> = sketches.into_iter().map(Some).collect();
    let taken = order.into_iter().filter_map(|(at, part)| {
        let mut sketch = sketches[at].take()?;
        sketch.exception.part = part;
        Some(sketch)
    });
    taken.collect()
}

/// The last exceptions, with the best frames in full and without the others.
fn completed(mut sketches: Vec<Sketch<'_>>, spelling: Spelling) -> Vec<Exception> {
    sketches.drain(surplus(sketches.iter().map(|sketch| sketch.exception.part)));
    let (mut exceptions, wires): (Vec<Exception>, Vec<Vec<WireFrame<'_>>>) =
        sketches.into_iter().map(|sketch| (sketch.exception, sketch.wires)).unzip();
    let best = best_frames(&exceptions);
    for (at, (exception, wires)) in exceptions.iter_mut().zip(wires).enumerate() {
        let sketched = std::mem::take(&mut exception.frames);
        let kept = sketched.into_iter().zip(wires).enumerate();
        let kept = kept.filter(|(position, _)| best.contains(&(at, *position)));
        exception.frames = kept.map(|(_, (place, wire))| frame(place, &wire, spelling)).collect();
    }
    exceptions
}

fn exception(wire: WireException<'_>) -> Sketch<'_> {
    let (wires, frames) = places(wire.stacktrace.or_default());
    let mechanism: Mechanism<'_> = wire.mechanism.read();
    let relation = Relation {
        id: mechanism.exception_id.whole(),
        parent: mechanism.parent_id.whole(),
        is_group: mechanism.is_exception_group.flag() == Some(true),
        in_list: Relation::in_list(mechanism.source),
    };
    let exception = Exception {
        kind: wire.kind.name().unwrap_or_default(),
        message: multi_line(&wire.value.shown_unless_null(), MAX_MESSAGE_CHARS),
        module: wire.module.name(),
        handled: mechanism.handled.flag(),
        frames,
        part: Part::Chain,
    };
    Sketch { exception, wires, relation }
}

fn is_blank(Sketch { exception, .. }: &Sketch<'_>) -> bool {
    exception.kind.is_empty() && exception.message.is_empty() && exception.frames.is_empty()
}

fn crashed_stack(threads: Vec<Object<Thread<'_>>>) -> Option<Stack<'_>> {
    let mut stacks: Vec<Thread<'_>> = threads.into_iter().map(Object::or_default).collect();
    stacks.retain(|thread| thread.stacktrace.0.as_ref().is_some_and(|stack| !stack.is_empty()));
    let at = stacks
        .iter()
        .position(|thread| thread.crashed.flag() == Some(true))
        .or_else(|| stacks.iter().position(|thread| thread.current.flag() == Some(true)))
        .or(stacks.len().checked_sub(1))?;
    stacks.swap_remove(at).stacktrace.0
}

/// The frames by their places, outermost first. Reads from the innermost outwards, until so many of the application
/// are found that no other frame will be kept: endless recursion has a thousand.
fn places(stack: Stack<'_>) -> (Vec<WireFrame<'_>>, Vec<Frame>) {
    let (mut wires, mut frames) = (Vec::new(), Vec::new());
    let mut of_application = 0;
    for leaf in stack.frames.0.into_iter().rev() {
        let wire: WireFrame<'_> = leaf.read();
        let frame = place(&wire);
        if says_nothing(&frame) {
            continue;
        }
        of_application += usize::from(frame.is_application() || frame.may_be_own());
        wires.push(wire);
        frames.push(frame);
        if of_application == MAX_FRAMES {
            break;
        }
    }
    wires.reverse();
    frames.reverse();
    (wires, frames)
}

fn says_nothing(frame: &Frame) -> bool {
    frame.filename.is_none() && frame.abs_path.is_none() && frame.module.is_none() && frame.function.is_none()
}

/// Where a frame is, without what was there.
fn place(wire: &WireFrame<'_>) -> Frame {
    let filename = wire.filename.name();
    let abs_path = wire.abs_path.name().or_else(|| wire.abs_path_camel.name());
    let line = wire.lineno.whole().or_else(|| wire.lineno_camel.whole());
    let line = line.and_then(|line| u32::try_from(line).ok()).filter(|line| *line > 0);
    let told = wire.in_app.flag().or_else(|| wire.in_app_camel.flag());
    let in_app =
        told.unwrap_or_else(|| ![&filename, &abs_path].into_iter().flatten().any(|p| is_installed_code(p)));
    Frame {
        module: wire.module.name(),
        function: wire.function.name(),
        filename,
        abs_path,
        line,
        in_app,
        ..Frame::default()
    }
}

/// The frame in full; of a framework's only where it is and the line that was running.
fn frame(place: Frame, wire: &WireFrame<'_>, spelling: Spelling) -> Frame {
    let mut before = wire.pre_context.list();
    let mut context_line = wire.context_line.text().map(|text| source_line(&text, MAX_NAME_CHARS));
    let mut after = wire.post_context.list();
    let source = |leaf: &Leaf<'_>| source_line(&leaf.text().unwrap_or_default(), MAX_NAME_CHARS);
    for (number, text) in wire.context.pairs() {
        match number.whole().zip(place.line).map(|(number, line)| number.cmp(&u64::from(line))) {
            Some(std::cmp::Ordering::Less) => before.push(text),
            Some(std::cmp::Ordering::Equal) => context_line = Some(source(&text)),
            Some(std::cmp::Ordering::Greater) => after.push(text),
            None => {}
        }
    }
    let mut context_line = context_line.filter(|line| !is_signature(line, &place));
    if place.is_framework() && !place.may_be_own() {
        return Frame { context_line, ..place };
    }
    let is_escaped = is_template(&place) && context_line.as_deref().is_some_and(is_escaped);
    let source = |leaf: &Leaf<'_>| if is_escaped { unescaped(&source(leaf)) } else { source(leaf) };
    if is_escaped {
        context_line = context_line.map(|line| unescaped(&line));
    }
    Frame {
        pre_context: before[before.len().saturating_sub(MAX_CONTEXT_LINES)..].iter().map(source).collect(),
        context_line,
        post_context: after.iter().take(MAX_CONTEXT_LINES).map(source).collect(),
        variables: variables(wire.vars, spelling),
        ..place
    }
}

/// Whether a "source line" is what .NET's SDK sent in its place up to version 3: the method's signature.
fn is_signature(line: &str, place: &Frame) -> bool {
    let is_dotnet =
        place.file().is_none_or(|file| [".cs", ".fs", ".vb"].iter().any(|end| file.ends_with(end)));
    let Some(function) = place.function.as_deref().filter(|_| is_dotnet && line.ends_with(')')) else {
        return false;
    };
    let result = line.split_once(&format!(" {function}(")).map_or("", |(result, _)| result);
    !result.is_empty() && !result.starts_with([' ', '\t']) && !result.contains(['=', '(', '"'])
}

/// Whether a frame can be that of a Django template, whose lines Django escapes before the SDK sees them.
fn is_template(place: &Frame) -> bool {
    place.function.is_none() && place.module.is_none() && place.line.is_some()
}

const ESCAPES: [(&str, &str); 6] =
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#39;", "'"), ("&amp;", "&")];

fn is_escaped(line: &str) -> bool {
    !line.contains(['<', '>', '"', '\'']) && ESCAPES.iter().any(|(escape, _)| line.contains(escape))
}

fn unescaped(line: &str) -> String {
    // `&amp;` last, so that nothing is unescaped twice.
    ESCAPES.iter().fold(line.to_owned(), |line, (escape, plain)| line.replace(escape, plain))
}
