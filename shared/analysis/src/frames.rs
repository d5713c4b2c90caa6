//! Finds the files of a snapshot that the frames of an incident ran in.
//!
//! Sentry knows paths on the machine that crashed (`/app/src/x.py`, `webpack:///./x.ts`), the snapshot
//! knows paths in the repository; what they share is their end. The longest shared end wins. Where
//! two files share it equally, the module's name and then the source line decide, and where these do
//! not either the frame stays unmapped: a guess would send people to the wrong file. A frame is
//! *verified* if its source line stands near its line number, so the code is the code that ran. For an event without
//! source lines, the function that the frame names has to enclose its line.

mod braces;
mod function;
mod obstacle;
mod reported;
mod source_line;

use std::collections::{HashMap, HashSet};

use crate::repo_path::{ProjectPath, RepoPath};
use crate::snapshot::{Content, Snapshot, is_vendored};
use autofix_domain::cleaning;
use autofix_domain::incident::{Frame, Incident, MAX_CONTEXT_LINES, MAX_NAME_CHARS};

pub use obstacle::obstacle;
pub use source_line::{SinceRelease, since_release};

/// A frame and the file it ran in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedFrame {
    /// Index into [`Incident::exceptions`].
    pub exception: usize,
    /// Index into the exception's frames.
    pub frame: usize,
    pub path: RepoPath,
    /// Counted from 1. Of a verified frame the line in the snapshot, else the one that was reported.
    pub line: Option<u32>,
    pub matched: Match,
}

/// Whether the file is the code that ran, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The frame's source line is in the file, at most 20 lines away.
    SourceLine,
    /// The event has no source line; the function that it names encloses the line that it names.
    Function,
    /// The event's source line is not in the file.
    LineGone,
    /// The event has no source line, and the function tells nothing.
    NoSource,
}

impl LocatedFrame {
    pub fn is_verified(&self) -> bool {
        matches!(self.matched, Match::SourceLine | Match::Function)
    }
}

/// Every frame that a file of the project can be found for, in the order of the incident.
pub fn locate(incident: &Incident, snapshot: &Snapshot, project: &ProjectPath) -> Vec<LocatedFrame> {
    let trails: Vec<(usize, usize, &Frame, Trail)> = incident
        .exceptions
        .iter()
        .enumerate()
        .flat_map(|(e, exception)| exception.frames.iter().enumerate().map(move |(f, frame)| (e, f, frame)))
        .filter_map(|(e, f, frame)| Some((e, f, frame, Trail::of(frame)?)))
        .collect();
    let candidates = Candidates::among(snapshot, project, &trails);
    trails
        .into_iter()
        .filter_map(|(exception, frame_index, frame, trail)| {
            let path = candidates.choose(frame, &trail)?;
            let text = snapshot.text(&path).unwrap_or_default();
            let found = source_line::find(text, frame);
            let has_source = frame.context_line.as_ref().is_some_and(|line| !line.trim().is_empty());
            let matched = match (found, has_source) {
                (Some(_), _) => Match::SourceLine,
                (None, true) => Match::LineGone,
                (None, false) if function::encloses(path.as_str(), text, frame) => Match::Function,
                (None, false) => Match::NoSource,
            };
            Some(LocatedFrame { exception, frame: frame_index, path, line: found.or(frame.line), matched })
        })
        .collect()
}

/// Marks the frames of installed packages that were found in the repository as the application's own.
pub fn mark_own(incident: &mut Incident, located: &[LocatedFrame]) {
    for found in located {
        let exception = incident.exceptions.get_mut(found.exception);
        if let Some(frame) = exception.and_then(|exception| exception.frames.get_mut(found.frame)) {
            frame.own = frame.in_app && frame.is_installed();
        }
    }
}

/// Gives a frame without source the lines that a file of its release has there, if its function encloses them.
pub fn add_source(frame: &mut Frame, path: &RepoPath, released: &str) {
    let Some(at) = frame.line.and_then(|line| (line as usize).checked_sub(1)) else { return };
    if frame.context_line.is_some() || !function::encloses(path.as_str(), released, frame) {
        return;
    }
    let lines: Vec<String> =
        released.lines().map(|line| cleaning::source_line(line, MAX_NAME_CHARS)).collect();
    let around = |range: std::ops::Range<usize>| lines.get(range).unwrap_or_default().to_vec();
    frame.pre_context = around(at.saturating_sub(MAX_CONTEXT_LINES)..at);
    frame.post_context = around(at + 1..lines.len().min(at + 1 + MAX_CONTEXT_LINES));
    frame.context_line = lines.get(at).cloned();
}

/// The frame to blame: the innermost located application frame of the exception that surfaced, else of the nearest
/// cause that has one; without any, the innermost located one. If it is not verified, no change can be built on it:
/// what crashed there is not repaired in one of its callers.
pub fn culprit<'l>(incident: &Incident, located: &'l [LocatedFrame]) -> Option<&'l LocatedFrame> {
    let in_app = |found: &&LocatedFrame| {
        let exception = incident.exceptions.get(found.exception);
        exception.and_then(|e| e.frames.get(found.frame)).is_some_and(Frame::is_application)
    };
    let innermost = |found: &&LocatedFrame| (found.exception, found.frame);
    let app_frames = || located.iter().filter(in_app);
    app_frames().max_by_key(innermost).or_else(|| located.iter().max_by_key(innermost))
}

/// What a frame says about where its file is.
struct Trail {
    /// Segments of each path it gives, outermost folder first.
    paths: Vec<Vec<String>>,
    /// Segments of the module's name, outermost package first.
    module: Vec<String>,
    /// Segments of its path inside of the installed package, or inside of where packages are installed.
    installed: Option<Vec<String>>,
}

impl Trail {
    /// `None` for frames of libraries and of code that is in no file. If Sentry says "in app", a library's frame may be
    /// the application's, installed as a package.
    fn of(frame: &Frame) -> Option<Trail> {
        let texts: Vec<&str> =
            [&frame.abs_path, &frame.filename].into_iter().flatten().map(String::as_str).collect();
        let installed = match texts.iter().any(|text| reported::is_library(text)) {
            true if frame.in_app => Some(texts.iter().find_map(|text| reported::inside_package(text))?),
            true => return None,
            false => None,
        };
        let decoded: Vec<String> = texts.iter().filter_map(|text| reported::decoded(text)).collect();
        let texts = texts.into_iter().chain(decoded.iter().map(String::as_str));
        let paths: Vec<Vec<String>> =
            texts.map(reported::path_segments).filter(|segments| !segments.is_empty()).collect();
        let module = frame.module.as_deref().map(reported::module_segments).unwrap_or_default();
        (!paths.is_empty() || !module.is_empty()).then_some(Trail { paths, module, installed })
    }

    fn file_names(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().filter_map(|path| path.last()).map(String::as_str)
    }
}

/// How well a file fits a frame's paths; the greater the better.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fit {
    /// Segments that the ends of both paths share.
    shared: usize,
    /// Nothing is left over of the file's path in the project, or of the frame's: they differ in
    /// where the root is, not in where the file is.
    complete: bool,
    /// All of the file's path in the project is at the end of the frame's.
    whole_file_path: bool,
}

/// The files that any frame may mean, by the last segment of what the frames name.
struct Candidates<'s> {
    snapshot: &'s Snapshot,
    project: &'s ProjectPath,
    by_name: HashMap<&'s str, Vec<&'s RepoPath>>,
    /// By the last segment of a module that the file can be, such as `labels` for `labels.py`.
    by_module: HashMap<&'s str, Vec<&'s RepoPath>>,
}

impl<'s> Candidates<'s> {
    fn among(
        snapshot: &'s Snapshot,
        project: &'s ProjectPath,
        trails: &[(usize, usize, &Frame, Trail)],
    ) -> Candidates<'s> {
        let names: HashSet<&str> = trails.iter().flat_map(|(.., trail)| trail.file_names()).collect();
        let modules: HashSet<&str> =
            trails.iter().filter_map(|(.., trail)| trail.module.last()).map(String::as_str).collect();
        let mut candidates =
            Candidates { snapshot, project, by_name: HashMap::new(), by_module: HashMap::new() };
        for (path, file) in snapshot.files_in(project) {
            let readable = matches!(file.content, Content::Text(_) | Content::TooLarge { .. });
            if !readable || is_vendored(path) {
                continue;
            }
            if names.contains(path.file_name()) {
                candidates.by_name.entry(path.file_name()).or_default().push(path);
            }
            let module =
                project.relative(path).and_then(|relative| reported::modules_of(relative).next_back());
            if let Some(module) = module.filter(|module| modules.contains(module)) {
                candidates.by_module.entry(module).or_default().push(path);
            }
        }
        candidates
    }

    fn choose(&self, frame: &Frame, trail: &Trail) -> Option<RepoPath> {
        let names: HashSet<&str> = trail.file_names().collect();
        let named: Vec<&RepoPath> =
            names.into_iter().filter_map(|name| self.by_name.get(name)).flatten().copied().collect();
        if let Some(inside) = &trail.installed {
            return self.choose_own(frame, trail, &named, inside);
        }
        if named.is_empty() {
            return self.choose_by_module(trail).cloned();
        }
        let fits: Vec<(&RepoPath, Fit)> =
            named.into_iter().map(|path| (path, self.fit(path, trail))).collect();
        let longest = fits.iter().map(|(_, fit)| fit.shared).max()?;
        let mut best: Vec<(&RepoPath, Fit)> =
            fits.into_iter().filter(|(_, fit)| fit.shared == longest).collect();
        best.sort_unstable_by_key(|(path, _)| *path);

        if best.len() > 1 {
            keep_if_unique(&mut best, |(path, _)| self.module_fit(path, trail));
        }
        if best.len() > 1 {
            keep_if_unique(&mut best, |(path, _)| usize::from(self.has_source_line(path, frame)));
        }
        // `/app/main.py` is the project's own `main.py`, not one deeper in it. That does not hold for
        // `__init__.py`, which Sentry reports bare for any package.
        if best.len() > 1 && best[0].0.file_name() != "__init__.py" {
            keep_if_unique(&mut best, |(_, fit)| usize::from(fit.whole_file_path));
        }
        let [(path, fit)] = best.as_slice() else { return None };
        // Only the file's name in common, while its folder or its module is another: that needs the
        // line as witness.
        let other_module =
            !fit.whole_file_path && !trail.module.is_empty() && self.module_fit(path, trail) == 0;
        let plausible = fit.shared > 1 || (fit.complete && !other_module);
        (plausible || self.has_source_line(path, frame)).then(|| (*path).clone())
    }

    /// A frame among installed packages: the one file that is all of its path or its module there, and has its source
    /// line. Less than that is a namesake.
    fn choose_own(
        &self,
        frame: &Frame,
        trail: &Trail,
        named: &[&RepoPath],
        inside: &[String],
    ) -> Option<RepoPath> {
        let is_whole = |path: &&&RepoPath| {
            let shared = shared_end(path.segments().rev(), inside);
            let folders =
                || self.project.relative(path).map_or(0, |relative| relative.split('/').count() - 1);
            let is_path = shared == inside.len() && (shared > 1 || folders() == 0);
            let is_module = trail.module.len() > 1 && self.module_fit(path, trail) == trail.module.len();
            is_path || is_module || self.is_in_workspace(path, inside)
        };
        let mut own = named.iter().filter(is_whole).filter(|path| self.has_source_line(path, frame));
        own.next().filter(|_| own.next().is_none()).map(|path| (*path).clone())
    }

    /// Whether the file is in the workspace package of which `node_modules` has a copy or a link: the folder's
    /// `package.json` has the name.
    fn is_in_workspace(&self, path: &RepoPath, inside: &[String]) -> bool {
        #[derive(serde::Deserialize)]
        struct Manifest {
            name: String,
        }
        let name_parts = if inside.first().is_some_and(|part| part.starts_with('@')) { 2 } else { 1 };
        let Some((name, rest)) = inside.split_at_checked(name_parts).filter(|(_, rest)| !rest.is_empty())
        else {
            return false;
        };
        let Some(folder) = path.as_str().strip_suffix(&rest.join("/")) else { return false };
        let manifest = RepoPath::parse(&format!("{folder}package.json")).ok();
        let text = manifest.and_then(|manifest| self.snapshot.text(&manifest));
        let manifest = text.and_then(|text| serde_json::from_str::<Manifest>(text).ok());
        manifest.is_some_and(|manifest| manifest.name == name.join("/"))
    }

    /// A frame without a usable path: the file that is this module, if there is only one. A module
    /// without a package is only looked for at the project's root.
    fn choose_by_module(&self, trail: &Trail) -> Option<&'s RepoPath> {
        let files = self.by_module.get(trail.module.last()?.as_str())?;
        let longest = files.iter().map(|path| self.module_fit(path, trail)).max()?;
        let mut best = files.iter().filter(|path| self.module_fit(path, trail) == longest);
        let path = best.next().filter(|_| longest == trail.module.len() && best.next().is_none())?;
        let at_root = || {
            self.project.relative(path).is_some_and(|relative| reported::modules_of(relative).count() == 1)
        };
        (longest > 1 || at_root()).then_some(*path)
    }

    fn fit(&self, path: &RepoPath, trail: &Trail) -> Fit {
        let in_project = self.project.relative(path).map_or(0, |relative| relative.split('/').count());
        let fits = trail.paths.iter().map(|reported| {
            let shared = reported.iter().rev().zip(path.segments().rev()).take_while(|(a, b)| a == b).count();
            let whole_file_path = shared >= in_project;
            Fit { shared, complete: whole_file_path || shared == reported.len(), whole_file_path }
        });
        fits.max_by_key(|fit| (fit.shared, fit.whole_file_path, fit.complete)).unwrap_or(Fit {
            shared: 0,
            complete: false,
            whole_file_path: false,
        })
    }

    /// Segments that the ends of the frame's module and of the module that this file is share.
    fn module_fit(&self, path: &RepoPath, trail: &Trail) -> usize {
        let Some(relative) = self.project.relative(path) else { return 0 };
        let folders = || relative.rsplit('/').skip(1);
        let as_file = shared_end(reported::modules_of(relative).rev(), &trail.module);
        // Go and Java name the package, not the file.
        let as_package = shared_end(folders(), &trail.module);
        let as_class = trail.module.split_last().map_or(0, |(_, package)| shared_end(folders(), package));
        as_file.max(as_package).max(as_class)
    }

    fn has_source_line(&self, path: &RepoPath, frame: &Frame) -> bool {
        self.snapshot.text(path).is_some_and(|text| source_line::find(text, frame).is_some())
    }
}

/// `segments` innermost first, the module outermost first.
fn shared_end<'p>(segments: impl Iterator<Item = &'p str>, module: &[String]) -> usize {
    segments.zip(module.iter().rev()).take_while(|(a, b)| a == b).count()
}

/// Keeps the one candidate with the highest rank, where there is exactly one.
fn keep_if_unique<T: Copy>(candidates: &mut Vec<T>, rank: impl Fn(&T) -> usize) {
    let highest = candidates.iter().map(&rank).max();
    let best: Vec<T> =
        candidates.iter().filter(|candidate| Some(rank(candidate)) == highest).copied().collect();
    if best.len() == 1 {
        *candidates = best;
    }
}

#[cfg(test)]
mod tests;
