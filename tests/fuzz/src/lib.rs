//! What the fuzz targets have in common: what must hold of an incident whoever wrote it, and a small repository.
//! The targets assert meaning; that nothing panics or eats memory is libFuzzer's part.

use std::sync::LazyLock;

use autofix::analysis::repo_path::{ProjectPath, RepoPath};
use autofix::analysis::snapshot::{FileMode, Limits, Snapshot, SnapshotBuilder};
use autofix::cleaning;
use autofix::fault;
use autofix::incident::{
    Incident, MAX_BREADCRUMBS, MAX_CONTEXT_LINES, MAX_EXCEPTIONS, MAX_FRAMES, MAX_MESSAGE_CHARS,
    MAX_NAME_CHARS, MAX_VARIABLE_CHARS, MAX_VARIABLES,
};
use autofix::redaction::redact_incident;

/// An item of the table has at most 400 KB; an incident has to leave room in it.
const MAX_ITEM_BYTES: usize = 390_000;

/// Asserts what the rest of AutoFix relies on.
pub fn check_incident(incident: &Incident) {
    assert!((1..=20).contains(&incident.issue_id.len()), "issue id `{}`", incident.issue_id);
    assert!(incident.issue_id.bytes().all(|byte| byte.is_ascii_digit()), "issue id `{}`", incident.issue_id);
    if let Some(id) = &incident.event_id {
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        );
    }
    for address in [&incident.web_url].into_iter().flatten() {
        let parsed = url::Url::parse(address);
        let is_web = address.starts_with("https://") || address.starts_with("http://");
        assert!(is_web && !address.contains(['@', '|', '<', '>', ' ']), "link `{address}`");
        assert!(parsed.is_err() || parsed.is_ok_and(|url| url.username().is_empty()), "link `{address}`");
    }
    check_text(&incident.title, MAX_MESSAGE_CHARS);
    let names = [
        &incident.culprit,
        &incident.level,
        &incident.platform,
        &incident.environment,
        &incident.transaction,
    ];
    names.into_iter().flatten().for_each(|name| check_text(name, MAX_NAME_CHARS));
    if let Some(request) = &incident.request {
        [&request.method, &request.url]
            .into_iter()
            .flatten()
            .for_each(|name| check_text(name, MAX_NAME_CHARS));
        assert!(request.url.as_ref().is_none_or(|url| !url.contains('?')), "a query string was kept");
    }
    assert!(incident.exceptions.len() <= MAX_EXCEPTIONS);
    assert!(incident.breadcrumbs.len() <= MAX_BREADCRUMBS);
    assert!(incident.exceptions.iter().map(|exception| exception.frames.len()).sum::<usize>() <= MAX_FRAMES);
    incident.breadcrumbs.iter().for_each(|crumb| check_text(&crumb.message, MAX_NAME_CHARS));
    for exception in &incident.exceptions {
        check_text(&exception.kind, MAX_NAME_CHARS);
        check_text(&exception.message, MAX_MESSAGE_CHARS);
        for frame in &exception.frames {
            assert!(frame.line != Some(0), "lines are counted from 1");
            assert!(
                frame.pre_context.len() <= MAX_CONTEXT_LINES && frame.post_context.len() <= MAX_CONTEXT_LINES
            );
            assert!(frame.variables.len() <= MAX_VARIABLES);
            let names =
                [&frame.filename, &frame.abs_path, &frame.module, &frame.function, &frame.context_line];
            names.into_iter().flatten().for_each(|name| check_text(name, MAX_NAME_CHARS));
            for (name, value) in &frame.variables {
                check_text(name, MAX_NAME_CHARS);
                check_text(value, MAX_VARIABLE_CHARS);
            }
        }
    }
    assert_eq!(&incident.clone().bounded(), incident, "bounding twice is bounding once");
    let json = serde_json::to_string(incident).expect("an incident is JSON");
    assert!(json.len() <= MAX_ITEM_BYTES, "{} bytes", json.len());
    assert_eq!(serde_json::from_str::<Incident>(&json).ok().as_ref(), Some(incident), "the table keeps it");
    let redacted = redact_incident(incident);
    assert_eq!(redact_incident(&redacted), redacted, "redacting twice is redacting once");
    let key = fault::fault_key(incident);
    assert_eq!(format!("{key:?}"), format!("{:?}", fault::fault_key(incident)), "one incident, one fault");
    let _ = incident.culprit_frame();
}

/// Nothing that a reader cannot see or a terminal would obey, and within its length.
pub fn check_text(text: &str, max_chars: usize) {
    assert!(text.chars().count() <= max_chars, "{} characters of at most {max_chars}", text.chars().count());
    assert_eq!(cleaning::multi_line(text, max_chars), text, "uncleaned text");
}

/// A file of the small repository, and its folder.
pub const FILE: &str = "backend/shop/labels.py";
pub const PROJECT: &str = "backend";
const TEXT: &str = include_str!("../../../local/sandbox/demo_project/backend/bookshop/labels.py");

/// A repository with one file that people would change, and some that nobody may read.
pub static REPOSITORY: LazyLock<Snapshot> = LazyLock::new(|| {
    let mut builder = SnapshotBuilder::new(Limits::default());
    let files: [(&str, &[u8]); 5] = [
        (FILE, TEXT.as_bytes()),
        ("backend/shop/windows.py", b"import os\r\n\r\n\r\ndef a(b):\r\n\treturn b['c']\r\n"),
        ("backend/shop/logo.png", b"\x89PNG\0"),
        ("backend/.env", b"TOKEN=planted-secret-value"),
        (
            "web/app.js",
            "export function total(order) {\n  return order.items.length // \u{1f600}\n}\n".as_bytes(),
        ),
    ];
    for (path, bytes) in files {
        let path = RepoPath::parse(path).expect("a good path");
        builder.add_read(path, FileMode::Regular, bytes.to_vec()).expect("few files");
    }
    builder.build(None).expect("no path twice")
});

/// The folder with the code.
pub fn project() -> ProjectPath {
    ProjectPath::parse(PROJECT).expect("a good folder")
}
