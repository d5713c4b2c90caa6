//! Why no change can be built on a stack trace, as far as that is known without a model: it is said before one is paid,
//! with what to do about it.

use super::{LocatedFrame, Match, culprit, reported};
use crate::names::has;
use crate::repo_path::ProjectPath;
use crate::snapshot::Snapshot;
use autofix_domain::cleaning::one_line;
use autofix_domain::incident::{Frame, Incident};
use autofix_domain::reason::{Reason, ReasonCode};

/// Characters of a path or name that are repeated.
const MAX_SHOWN_CHARS: usize = 120;

const SOURCE_MAPS: &str = "https://docs.sentry.io/platforms/javascript/sourcemaps/";

/// The reason against looking any further; `None` if the crash can be looked at in the code.
pub fn obstacle(
    incident: &Incident,
    located: &[LocatedFrame],
    snapshot: &Snapshot,
    project: &ProjectPath,
) -> Option<Reason> {
    let Some(culprit) = culprit(incident, located) else {
        return Some(Reason::new(ReasonCode::NoAppFrame, nothing_found(incident)));
    };
    let frame = &incident.exceptions[culprit.exception].frames[culprit.frame];
    if let Some(gone) = gone(incident, culprit, snapshot, project) {
        let sentence = format!(
            "The error was raised in {}, which is not in the repository at this commit: it was renamed or removed, \
             or another branch is deployed. If the fix is already in, deploy it; AutoFix does not change the code \
             that calls it.",
            place(gone)
        );
        return Some(Reason::new(ReasonCode::FrameUnverified, sentence));
    }
    let sentence = match culprit.matched {
        Match::SourceLine | Match::Function | Match::LineGone => return None,
        Match::NoSource if is_built(frame) => built(frame),
        Match::NoSource => format!(
            "Sentry has no source line for {}, and its function {} does not enclose that line in the code at this \
             commit. So AutoFix can't tell whether this is the code that crashed. {}",
            place(frame),
            shown(frame.function.as_deref().unwrap_or("?")),
            source_advice(incident.platform.as_deref(), frame)
        ),
    };
    Some(Reason::new(ReasonCode::FrameUnverified, sentence))
}

/// The application's frame that is deeper than the culprit and in a file that its folder no longer has.
fn gone<'i>(
    incident: &'i Incident,
    culprit: &LocatedFrame,
    snapshot: &Snapshot,
    project: &ProjectPath,
) -> Option<&'i Frame> {
    let exception = &incident.exceptions[culprit.exception];
    let deeper = exception.frames[culprit.frame + 1..].iter().rev();
    let mut deeper = deeper.filter(|frame| frame.is_application() && frame.line.is_some());
    deeper.find(|frame| is_folder_of(frame, snapshot, project))
}

/// Whether the project has the folder that the frame's file was in.
fn is_folder_of(frame: &Frame, snapshot: &Snapshot, project: &ProjectPath) -> bool {
    let Some(file) = frame.file().filter(|file| !file.contains("://")) else { return false };
    let mut folder = reported::path_segments(file);
    folder.pop();
    if folder.is_empty() {
        folder = frame.module.as_deref().map(reported::module_segments).unwrap_or_default();
        folder.pop();
    }
    let extension = file.rsplit_once('.').map(|(_, extension)| extension);
    !folder.is_empty()
        && snapshot.files_in(project).iter().any(|(path, _)| {
            let relative = project.relative(path).unwrap_or_default();
            let Some((here, name)) = relative.rsplit_once('/') else { return false };
            let here: Vec<&str> = here.split('/').collect();
            let same = here.iter().rev().zip(folder.iter().rev()).all(|(here, folder)| here == folder);
            same && name.rsplit_once('.').map(|(_, extension)| extension) == extension
        })
}

/// Why no frame is a file of the repository.
fn nothing_found(incident: &Incident) -> String {
    let frames = || incident.exceptions.iter().rev().flat_map(|exception| exception.frames.iter().rev());
    let in_app: Vec<&Frame> = frames().filter(|frame| frame.in_app && frame.file().is_some()).collect();
    let all: Vec<&Frame> = frames().filter(|frame| frame.file().is_some()).collect();
    let asked = if in_app.is_empty() { &all } else { &in_app };
    let no_source_map = incident.problems.iter().any(|problem| problem.starts_with("js_"));
    let is_script =
        |frame: &Frame| matches!(extension(frame), "js" | "mjs" | "cjs" | "bundle" | "jsbundle" | "hbc");
    if let Some(frame) = asked.iter().find(|frame| is_built(frame) || (no_source_map && is_script(frame))) {
        return built(frame);
    }
    match asked.iter().find(|frame| is_packaged(frame)) {
        Some(frame) if asked.iter().all(|frame| is_packaged(frame)) => format!(
            "The frames of the stack trace are among installed packages, such as {}, and none of them is a file of the \
             repository with the same source line. If your application is installed as a package, mark it as \"in app\" \
             in Sentry's SDK (`in_app_include`) and check that `AUTOFIX_GITHUB_REPO` and `AUTOFIX_GITHUB_PATH` name its \
             source. Otherwise the error is in a library.",
            place(frame)
        ),
        _ => "None of the stack trace's frames is a file of the repository. Check `AUTOFIX_GITHUB_REPO` and \
              `AUTOFIX_GITHUB_PATH`."
            .to_owned(),
    }
}

fn is_packaged(frame: &Frame) -> bool {
    [&frame.abs_path, &frame.filename].into_iter().flatten().any(|path| reported::is_library(path))
}

fn built(frame: &Frame) -> String {
    format!(
        "The stack trace is in built JavaScript, such as {}: Sentry had no source map that fits, so it can't name \
         the source. Upload the source maps of each release to Sentry: {SOURCE_MAPS}",
        place(frame)
    )
}

/// Whether the frame is in a file that a bundler or compiler wrote: by its folder, by a hash in its name, or since a
/// browser loaded it.
fn is_built(frame: &Frame) -> bool {
    const FOLDERS: &str = "\
    build dist out .next _next chunks static assets .output .nuxt _nuxt .svelte-kit _app bundles";
    let extension = extension(frame);
    if matches!(extension, "bundle" | "jsbundle" | "hbc") {
        return true;
    }
    if !matches!(extension, "js" | "mjs" | "cjs") {
        return false;
    }
    let paths = || [&frame.filename, &frame.abs_path].into_iter().flatten();
    let segments: Vec<String> = paths().flat_map(|path| reported::path_segments(path)).collect();
    let name = paths().find_map(|path| reported::path_segments(path).pop()).unwrap_or_default();
    segments.iter().any(|segment| has(FOLDERS, segment))
        || paths().any(|path| path.starts_with("http://") || path.starts_with("https://"))
        || name
            .split(['-', '.', '_', '~'])
            .any(|part| matches!(part, "min" | "bundle" | "chunk") || is_hash(part))
}

/// Letters and digits that are no word, unlike `base64`.
fn is_hash(part: &str) -> bool {
    let is_mixed =
        part.bytes().any(|byte| byte.is_ascii_digit()) && part.bytes().any(|byte| byte.is_ascii_alphabetic());
    let shortest = if part.bytes().any(|byte| byte.is_ascii_uppercase()) { 6 } else { 8 };
    part.len() >= shortest && is_mixed && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn extension(frame: &Frame) -> &str {
    let path = frame.file().unwrap_or_default().split('?').next().unwrap_or_default();
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// What to switch on in Sentry so that events of a platform have source lines.
fn source_advice(platform: Option<&str>, frame: &Frame) -> String {
    let extension = extension(frame);
    let (what, link) = match (platform.unwrap_or_default(), extension) {
        (_, "java" | "kt" | "kts" | "scala" | "groovy") => (
            "Upload source bundles with Sentry's Gradle or Maven plugin (source context)",
            "https://docs.sentry.io/platforms/java/source-context/",
        ),
        (_, "cs" | "fs" | "vb") => (
            "Set `SentryUploadSources` and `SentryUploadSymbols` in the project file (source context)",
            "https://docs.sentry.io/platforms/dotnet/data-management/debug-files/source-context/",
        ),
        (_, "rs") => (
            "Upload debug files with `sentry-cli debug-files upload --include-sources` (source context)",
            "https://docs.sentry.io/platforms/rust/source-context/",
        ),
        (_, "go") => (
            "Sentry's Go SDK reads source lines where the program runs: put the source into the image, at the path it \
             was built at, and build without `-trimpath`",
            "https://docs.sentry.io/platforms/go/",
        ),
        (_, "dart") => (
            "Upload debug symbols with `upload_sources: true` of `sentry_dart_plugin`",
            "https://docs.sentry.io/platforms/dart/guides/flutter/debug-symbols/",
        ),
        (_, "swift" | "m" | "mm") => (
            "Upload debug symbols with `sentry-cli debug-files upload --include-sources` (source context)",
            "https://docs.sentry.io/platforms/apple/sourcecontext/",
        ),
        (_, "c" | "cc" | "cpp" | "cxx" | "h" | "hpp") | ("native", _) => (
            "Upload debug files with `sentry-cli debug-files upload --include-sources` (source bundles)",
            "https://docs.sentry.io/platforms/native/data-management/debug-files/source-context/",
        ),
        (_, "js" | "mjs" | "cjs" | "jsx" | "ts" | "tsx" | "mts" | "cts" | "vue" | "svelte") => {
            ("Upload source maps that contain their sources", SOURCE_MAPS)
        }
        (_, "py") => (
            "Leave `include_source_context` of Sentry's Python SDK on and deploy the source files",
            "https://docs.sentry.io/platforms/python/configuration/options/",
        ),
        (_, "ex" | "exs") => (
            "Switch on `enable_source_code_context` and run `mix sentry.package_source_code` before each release",
            "https://docs.sentry.io/platforms/elixir/",
        ),
        _ => ("Upload the sources to Sentry (source context)", "https://docs.sentry.io/cli/dif/"),
    };
    format!("{what}: {link}")
}

/// Where a frame is, in backticks.
fn place(frame: &Frame) -> String {
    let path =
        frame.abs_path.as_deref().filter(|_| frame.is_installed()).or_else(|| frame.file()).unwrap_or("?");
    let line = frame.line.map_or(String::new(), |line| format!(":{line}"));
    shown(&format!("{}{line}", one_line(path, MAX_SHOWN_CHARS)))
}

fn shown(text: &str) -> String {
    format!("`{}`", one_line(text, MAX_SHOWN_CHARS).replace('`', "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(path: &str) -> Frame {
        Frame { filename: Some(path.to_owned()), line: Some(2), in_app: true, ..Frame::default() }
    }

    #[test]
    fn built_files_are_told_from_sources() {
        let all = "\
            /assets/index-Bx91kQ.js https://shop.example/assets/app.js?v=2 build/server/x.js \
            /app/dist/main.js .next/server/chunks/662.js \
            app:///_next/static/chunks/pages/index-0a1b2c3d.js main.4f2d9ab1.js vendor.min.js \
            app:///main.jsbundle index.android.bundle";
        for path in all.split_ascii_whitespace() {
            assert!(is_built(&frame(path)), "{path}");
        }
        let all = "\
            src/server.js /app/routes/orders.js build/x.ts build/labels.py lib/base64.js i18n.js";
        for path in all.split_ascii_whitespace() {
            assert!(!is_built(&frame(path)), "{path}");
        }
    }

    #[test]
    fn the_sentence_says_why_nothing_was_found() {
        let sentence = |paths: &[&str], problems: &[&str]| {
            let frames = paths.iter().map(|path| frame(path)).collect();
            let exceptions = vec![autofix_domain::incident::Exception { frames, ..Default::default() }];
            let problems = problems.iter().map(|problem| (*problem).to_owned()).collect();
            nothing_found(&Incident { exceptions, problems, ..Incident::default() })
        };
        assert!(
            sentence(&["/assets/index-Bx91kQ.js"], &[]).starts_with("The stack trace is in built JavaScript")
        );
        assert!(sentence(&["app.js"], &["js_no_source"]).contains("Upload the source maps"));
        assert!(sentence(&["app.js"], &[]).starts_with("None of the stack trace's frames"));
        let installed = "/usr/lib/python3.12/site-packages/shop/x.py";
        assert!(sentence(&[installed], &[]).contains("among installed packages, such as `/usr/lib/"));
        assert!(sentence(&[installed, "other/y.py"], &[]).starts_with("None of the stack trace's frames"));
        assert!(sentence(&["app.js"; 3], &["native_missing_dsym"]).starts_with("None of the stack trace's"));
    }

    #[test]
    fn every_platform_is_told_what_to_switch_on() {
        for (path, wanted) in [
            ("Labels.java", "java/source-context"),
            ("Labels.kt", "java/source-context"),
            ("Labels.cs", "SentryUploadSources"),
            ("labels.rs", "rust/source-context"),
            ("labels.go", "-trimpath"),
            ("labels.dart", "upload_sources"),
            ("labels.cpp", "--include-sources"),
            ("labels.swift", "apple/sourcecontext"),
            ("labels.ts", "sourcemaps"),
            ("labels.ex", "package_source_code"),
            ("labels.zig", "cli/dif"),
        ] {
            let advice = source_advice(Some("other"), &frame(path));
            assert!(
                advice.contains(wanted) && advice.contains("https://docs.sentry.io/"),
                "{path}: {advice}"
            );
        }
    }
}
