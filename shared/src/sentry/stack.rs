//! Exceptions and frames of an event, in both spellings of their fields.

use serde::Deserialize;

use super::event::name;
use super::wire::{Fields, Leaf, List, Object, Pair};
use crate::cleaning::{multi_line, one_line, source_line};
use crate::incident::{
    Exception, Frame, MAX_CONTEXT_LINES, MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MAX_VARIABLE_CHARS,
    MAX_VARIABLES, is_installed_code,
};

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct WireException<'a> {
    #[serde(rename = "type")]
    kind: Leaf<'a>,
    value: Leaf<'a>,
    module: Leaf<'a>,
    mechanism: Object<Mechanism<'a>>,
    stacktrace: Object<Stack<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Mechanism<'a> {
    handled: Leaf<'a>,
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
    frames: List<Object<WireFrame<'a>>>,
}

/// Snake case is the webhooks', camel case and `context` are the REST API's.
#[derive(Deserialize, Default)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct WireFrame<'a> {
    filename: Leaf<'a>,
    module: Leaf<'a>,
    function: Leaf<'a>,
    vars: Fields<'a, MAX_VARIABLES>,
    abs_path: Leaf<'a>,
    #[serde(rename = "absPath")]
    abs_path_camel: Leaf<'a>,
    lineno: Leaf<'a>,
    #[serde(rename = "lineNo")]
    lineno_camel: Leaf<'a>,
    in_app: Leaf<'a>,
    #[serde(rename = "inApp")]
    in_app_camel: Leaf<'a>,
    pre_context: List<Leaf<'a>>,
    context_line: Leaf<'a>,
    post_context: List<Leaf<'a>>,
    context: List<Pair<'a>>,
}

/// The chain. Where no exception has frames, those of the crashed thread, else of the event itself,
/// go to the exception that surfaced; `described` gives its type and message where there is none.
pub(super) fn exceptions(
    chain: Vec<Object<WireException<'_>>>,
    threads: Vec<Object<Thread<'_>>>,
    own: Stack<'_>,
    described: impl FnOnce() -> (Option<String>, Option<String>),
) -> Vec<Exception> {
    let mut read: Vec<Exception> =
        chain.into_iter().map(|Object(wire)| exception(wire)).filter(|found| !is_blank(found)).collect();
    if read.iter().any(|exception| !exception.frames.is_empty()) {
        return read;
    }
    let frames = frames(crashed_stack(threads).unwrap_or(own));
    if frames.is_empty() {
        return read;
    }
    match read.last_mut() {
        Some(surfaced) => surfaced.frames = frames,
        None => {
            let (kind, message) = described();
            let kind = kind.unwrap_or_else(|| "Message".to_owned());
            read.push(Exception {
                kind,
                message: message.unwrap_or_default(),
                frames,
                ..Exception::default()
            });
        }
    }
    read
}

fn exception(wire: WireException<'_>) -> Exception {
    Exception {
        kind: name(wire.kind).unwrap_or_default(),
        message: multi_line(&wire.value.shown_unless_null(), MAX_MESSAGE_CHARS),
        module: name(wire.module),
        handled: wire.mechanism.0.handled.flag(),
        frames: frames(wire.stacktrace.0),
    }
}

fn is_blank(exception: &Exception) -> bool {
    exception.kind.is_empty() && exception.message.is_empty() && exception.frames.is_empty()
}

fn crashed_stack(threads: Vec<Object<Thread<'_>>>) -> Option<Stack<'_>> {
    let mut stacks: Vec<Thread<'_>> = threads.into_iter().map(|Object(thread)| thread).collect();
    stacks.retain(|thread| !thread.stacktrace.0.frames.0.is_empty());
    let at = stacks
        .iter()
        .position(|thread| thread.crashed.flag() == Some(true))
        .or_else(|| stacks.iter().position(|thread| thread.current.flag() == Some(true)))
        .or(stacks.len().checked_sub(1))?;
    Some(stacks.swap_remove(at).stacktrace.0)
}

fn frames(stack: Stack<'_>) -> Vec<Frame> {
    stack.frames.0.into_iter().map(|Object(wire)| frame(wire)).filter(|frame| !says_nothing(frame)).collect()
}

fn says_nothing(frame: &Frame) -> bool {
    frame.filename.is_none() && frame.abs_path.is_none() && frame.module.is_none() && frame.function.is_none()
}

fn frame(wire: WireFrame<'_>) -> Frame {
    let filename = name(wire.filename);
    let abs_path = name(wire.abs_path).or_else(|| name(wire.abs_path_camel));
    let line = wire.lineno.whole().or_else(|| wire.lineno_camel.whole());
    let line = line.and_then(|line| u32::try_from(line).ok()).filter(|line| *line > 0);
    let told = wire.in_app.flag().or_else(|| wire.in_app_camel.flag());
    let in_app =
        told.unwrap_or_else(|| ![&filename, &abs_path].into_iter().flatten().any(|p| is_installed_code(p)));
    let source = |leaf: Leaf<'_>| source_line(&leaf.text().unwrap_or_default(), MAX_NAME_CHARS);
    let mut pre_context: Vec<String> = wire.pre_context.0.into_iter().map(source).collect();
    let mut context_line = wire.context_line.text().map(|_| source(wire.context_line));
    let mut post_context: Vec<String> = wire.post_context.0.into_iter().map(source).collect();
    for Pair(number, text) in wire.context.0 {
        match number.whole().zip(line).map(|(number, line)| number.cmp(&u64::from(line))) {
            Some(std::cmp::Ordering::Less) => pre_context.push(source(text)),
            Some(std::cmp::Ordering::Equal) => context_line = Some(source(text)),
            Some(std::cmp::Ordering::Greater) => post_context.push(source(text)),
            None => {}
        }
    }
    pre_context.drain(..pre_context.len().saturating_sub(MAX_CONTEXT_LINES));
    post_context.truncate(MAX_CONTEXT_LINES);
    let variables = wire.vars.0.into_iter().map(|(name, value)| {
        let value = value.shown().unwrap_or_default();
        (one_line(&name, MAX_NAME_CHARS), one_line(&value, MAX_VARIABLE_CHARS))
    });
    Frame {
        module: name(wire.module),
        function: name(wire.function),
        variables: variables.collect(),
        filename,
        abs_path,
        line,
        in_app,
        pre_context,
        context_line,
        post_context,
    }
}
