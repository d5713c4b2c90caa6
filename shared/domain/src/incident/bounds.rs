//! Keeps an incident within its bounds, dropping what helps least first.

use std::ops::Range;

use super::{
    Exception, Frame, Incident, MAX_BREADCRUMBS, MAX_EXCEPTIONS, MAX_FRAMES, MAX_PROBLEMS, MAX_TEXT_BYTES,
    MAX_VARIABLE_BYTES, Part,
};

impl Incident {
    /// Applies [`MAX_EXCEPTIONS`], [`MAX_FRAMES`], [`MAX_BREADCRUMBS`], [`MAX_VARIABLE_BYTES`] and
    /// [`MAX_TEXT_BYTES`]. The caps of single strings are the parser's.
    pub fn bounded(mut self) -> Incident {
        self.exceptions.drain(surplus(self.exceptions.iter().map(|exception| exception.part)));
        drop_all_but_last(&mut self.breadcrumbs, MAX_BREADCRUMBS);
        self.problems.truncate(MAX_PROBLEMS);
        keep_best_frames(&mut self.exceptions);
        keep_best_variables(&mut self.exceptions);
        let lighten: [fn(&mut Incident); 6] = [
            |incident| for_library_frames(incident, forget_variables),
            |incident| for_library_frames(incident, forget_surroundings),
            |incident| incident.breadcrumbs.clear(),
            |incident| for_all_frames(incident, forget_variables),
            |incident| for_all_frames(incident, forget_surroundings),
            |incident| drop_all_but_last(&mut incident.exceptions, 2),
        ];
        for step in lighten {
            if self.text_bytes() <= MAX_TEXT_BYTES {
                break;
            }
            step(&mut self);
        }
        self
    }

    /// Bytes of all that can be long.
    fn text_bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let frame = |frame: &Frame| {
            let names =
                [&frame.filename, &frame.abs_path, &frame.module, &frame.function, &frame.context_line];
            let lines = frame.pre_context.iter().chain(&frame.post_context).map(String::len).sum::<usize>();
            let variables =
                frame.variables.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
            names.into_iter().map(optional).sum::<usize>() + lines + variables
        };
        let exceptions = self.exceptions.iter().map(|exception| {
            exception.message.len() + exception.kind.len() + exception.frames.iter().map(frame).sum::<usize>()
        });
        let breadcrumbs = self.breadcrumbs.iter().map(|crumb| crumb.message.len());
        self.title.len() + exceptions.sum::<usize>() + breadcrumbs.sum::<usize>()
    }
}

/// Which exceptions are too many: the first ones, but not the group that names the others.
pub fn surplus(parts: impl ExactSizeIterator<Item = Part>) -> Range<usize> {
    let too_many = parts.len().saturating_sub(MAX_EXCEPTIONS);
    let first = parts.take(1).filter(|part| *part == Part::Group).count();
    first..first + too_many
}

fn drop_all_but_last<T>(items: &mut Vec<T>, kept: usize) {
    items.drain(..items.len().saturating_sub(kept));
}

/// How much a frame is worth; less is better. Ties are broken by depth and by exception, so that
/// every exception keeps its innermost frames before any keeps its outer ones.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Crash,
    Application,
    /// Called the application: tells an endpoint from a dependency.
    CallerOfApplication,
    Other,
}

/// Which frames are worth the most over the whole chain: exception and frame, counted from 0. At most [`MAX_FRAMES`].
/// Looks at what tells the application's frames from others, and at nothing else of a frame.
pub fn best_frames(exceptions: &[Exception]) -> Vec<(usize, usize)> {
    let surfaced = exceptions.iter().rposition(|exception| !exception.frames.is_empty());
    let mut ranked = Vec::new();
    for (at, exception) in exceptions.iter().enumerate() {
        let mut depths = [0usize; 3];
        let mut inner_is_application = false;
        for (position, frame) in exception.frames.iter().enumerate().rev() {
            let is_application = frame.is_application() || frame.may_be_own();
            let (worth, depth) = match (is_application, inner_is_application) {
                (true, _) => (Worth::Application, &mut depths[0]),
                (false, true) => (Worth::CallerOfApplication, &mut depths[1]),
                (false, false) => (Worth::Other, &mut depths[2]),
            };
            let is_crash = Some(at) == surfaced && position + 1 == exception.frames.len();
            let worth = if is_crash { Worth::Crash } else { worth };
            ranked.push((worth, *depth, exceptions.len() - at, position, at));
            *depth += 1;
            inner_is_application = is_application;
        }
    }
    ranked.sort_unstable();
    ranked.into_iter().take(MAX_FRAMES).map(|(_, _, _, position, at)| (at, position)).collect()
}

fn keep_best_frames(exceptions: &mut [Exception]) {
    if exceptions.iter().map(|exception| exception.frames.len()).sum::<usize>() <= MAX_FRAMES {
        return;
    }
    let kept = best_frames(exceptions);
    for (at, exception) in exceptions.iter_mut().enumerate() {
        let mut position = 0;
        exception.frames.retain(|_| {
            position += 1;
            kept.contains(&(at, position - 1))
        });
    }
}

/// Leaves out whole variables: the beginning of a secret is not known for one.
fn keep_best_variables(exceptions: &mut [Exception]) {
    let mut room = MAX_VARIABLE_BYTES;
    for (exception, frame) in best_frames(exceptions) {
        exceptions[exception].frames[frame].variables.retain(|(name, value)| {
            let bytes = name.len() + value.len();
            let fits = bytes <= room;
            room -= if fits { bytes } else { 0 };
            fits
        });
    }
}

fn for_all_frames(incident: &mut Incident, act: fn(&mut Frame)) {
    incident.exceptions.iter_mut().flat_map(|exception| &mut exception.frames).for_each(act);
}

fn for_library_frames(incident: &mut Incident, act: fn(&mut Frame)) {
    let frames = incident.exceptions.iter_mut().flat_map(|exception| &mut exception.frames);
    frames.filter(|frame| !frame.is_application()).for_each(act);
}

fn forget_variables(frame: &mut Frame) {
    frame.variables.clear();
}

/// The line that was running stays: it is what verifies the frame against the code.
fn forget_surroundings(frame: &mut Frame) {
    frame.pre_context.clear();
    frame.post_context.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::{Breadcrumb, MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MAX_VARIABLE_CHARS, MAX_VARIABLES};

    fn exception(frames: impl IntoIterator<Item = (&'static str, u32)>) -> Exception {
        let frames = frames.into_iter().map(|(file, line)| Frame {
            filename: Some(file.into()),
            line: Some(line),
            in_app: !file.starts_with("lib"),
            ..Frame::default()
        });
        Exception { frames: frames.collect(), ..Exception::default() }
    }

    fn lines(exception: &Exception) -> Vec<u32> {
        exception.frames.iter().filter_map(|frame| frame.line).collect()
    }

    #[test]
    fn application_frames_and_the_crash_survive_the_cap_in_order() {
        let outer = (1..=30).map(|line| ("lib/a.py", line));
        let app = (31..=34).map(|line| ("app.py", line));
        let inner = (35..=60).map(|line| ("lib/b.py", line));
        let only = exception(outer.chain(app).chain(inner));
        let incident = Incident { exceptions: vec![only], ..Incident::default() }.bounded();
        let kept = lines(&incident.exceptions[0]);
        assert_eq!(kept, [30, 31, 32, 33, 34, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60]);
    }

    #[test]
    fn endless_recursion_in_one_exception_leaves_room_for_its_cause() {
        let cause = exception([("lib/c.py", 1), ("app.py", 2)]);
        let surfaced = exception((0..900).map(|line| ("app.py", line)));
        let incident = Incident { exceptions: vec![cause, surfaced], ..Incident::default() }.bounded();
        assert_eq!(lines(&incident.exceptions[0]), [2]);
        assert_eq!(lines(&incident.exceptions[1]).len(), 15);
        assert_eq!(lines(&incident.exceptions[1]).last(), Some(&899));
    }

    #[test]
    fn the_last_exceptions_and_the_newest_breadcrumbs_stay() {
        let exceptions = (0..20).map(|n| Exception { kind: n.to_string(), ..Exception::default() }).collect();
        let crumbs =
            (0..30).map(|n| Breadcrumb { message: n.to_string(), ..Breadcrumb::default() }).collect();
        let incident = Incident { exceptions, breadcrumbs: crumbs, ..Incident::default() }.bounded();
        assert_eq!(incident.exceptions.len(), MAX_EXCEPTIONS);
        assert_eq!(incident.exceptions[7].kind, "19");
        assert_eq!((incident.breadcrumbs.len(), incident.breadcrumbs[0].message.as_str()), (10, "20"));
    }

    #[test]
    fn the_largest_incident_stays_within_its_bytes_and_keeps_the_crash_line() {
        let wide = |chars: usize| "🙂".repeat(chars);
        let frame = Frame {
            filename: Some(wide(MAX_NAME_CHARS)),
            abs_path: Some(wide(MAX_NAME_CHARS)),
            module: Some(wide(MAX_NAME_CHARS)),
            function: Some(wide(MAX_NAME_CHARS)),
            context_line: Some(wide(MAX_NAME_CHARS)),
            in_app: true,
            pre_context: vec![wide(MAX_NAME_CHARS); 7],
            variables: vec![(wide(MAX_NAME_CHARS), wide(MAX_VARIABLE_CHARS)); MAX_VARIABLES],
            ..Frame::default()
        };
        let exception =
            Exception { message: wide(MAX_MESSAGE_CHARS), frames: vec![frame; 9], ..Exception::default() };
        let title = wide(MAX_MESSAGE_CHARS);
        let incident = Incident { title, exceptions: vec![exception; 2], ..Incident::default() }.bounded();
        assert!(incident.text_bytes() <= MAX_TEXT_BYTES, "{}", incident.text_bytes());
        let crash = incident.culprit_frame().expect("a frame is left").frame;
        assert_eq!(crash.context_line.as_ref().map(|line| line.chars().count()), Some(MAX_NAME_CHARS));
    }
}
