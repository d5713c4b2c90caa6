//! An event as the REST API answers it: `entries`, camel case, numbered source lines, tags as objects.

use serde_json::{Value, json};

use super::event::{SandboxEvent, SandboxFrame, written};
use super::issues::{self, Release};

/// The ids of the events before and after, of the same issue.
pub(super) type Neighbours<'a> = (Option<&'a str>, Option<&'a str>);

/// The event; `release` is what [`release`] makes of the event's release.
pub(super) fn event(event: &SandboxEvent, release: Value, (previous, next): Neighbours<'_>) -> Value {
    let tags = event.tags().into_iter().map(|(key, value)| json!({"key": key, "value": value}));
    let user = event.user.as_ref().map(|id| {
        json!({"id": id, "email": null, "username": null, "ip_address": null, "name": null, "data": null})
    });
    json!({
        "id": event.event_id, "eventID": event.event_id, "groupID": event.issue_id,
        "projectID": event.project.id.to_string(), "size": 4_096, "dist": null, "type": "error",
        "title": event.title(), "message": "", "culprit": event.transaction, "platform": event.platform,
        "location": event.crash_frame().map(|f| &f.filename), "metadata": issues::metadata(event),
        "dateCreated": written(event.at), "dateReceived": written(event.at),
        "entries": entries(event),
        "tags": tags.collect::<Vec<_>>(), "user": user,
        "contexts": {"runtime": {"name": "CPython", "version": "3.12.8", "type": "runtime"}},
        "sdk": {"name": "sentry.python.fastapi", "version": "2.20.0"},
        "context": {}, "packages": {}, "errors": [], "occurrence": null, "crashFile": null, "_meta": {},
        "fingerprints": [&event.event_id[..16]],
        "groupingConfig": {"id": "newstyle:2023-01-11", "enhancements": ""},
        "release": release, "userReport": null, "sdkUpdates": [], "resolvedWith": [],
        "previousEventID": previous, "nextEventID": next,
    })
}

fn entries(event: &SandboxEvent) -> Vec<Value> {
    let values = event.exceptions.iter().map(|exception| {
        let frames: Vec<Value> = exception.frames.iter().map(frame).collect();
        let system = exception.frames.iter().any(|frame| !frame.in_app);
        json!({
            "type": exception.error_type, "value": exception.value, "module": exception.module,
            "threadId": null, "mechanism": {"type": "starlette", "handled": false}, "rawStacktrace": null,
            "stacktrace": {
                "frames": frames, "framesOmitted": null, "registers": null, "hasSystemFrames": system,
            },
        })
    });
    let mut entries = vec![json!({
        "type": "exception",
        "data": {"values": values.collect::<Vec<_>>(), "hasSystemFrames": true, "excOmitted": null},
    })];
    if !event.breadcrumbs.is_empty() {
        let crumbs = event.breadcrumbs.iter().map(|crumb| {
            json!({
                "type": "default", "timestamp": written(crumb.at), "category": crumb.category,
                "level": crumb.level, "message": crumb.message, "data": null, "event_id": null,
            })
        });
        entries.push(json!({"type": "breadcrumbs", "data": {"values": crumbs.collect::<Vec<_>>()}}));
    }
    entries.extend(event.request.as_ref().map(|request| {
        json!({"type": "request", "data": {
            "method": request.method, "url": request.url, "headers": request.headers, "query": [],
            "cookies": [], "data": null, "env": null, "fragment": null, "inferredContentType": null,
            "apiTarget": null,
        }})
    }));
    entries
}

fn frame(frame: &SandboxFrame) -> Value {
    let context = frame.source.iter().flat_map(|source| {
        let lines = source.before.iter().chain([&source.at]).chain(&source.after);
        let first = usize::try_from(frame.line).unwrap_or_default().saturating_sub(source.before.len());
        lines.enumerate().map(move |(index, line)| json!([first + index, line]))
    });
    json!({
        "filename": frame.filename, "absPath": frame.abs_path, "module": frame.module,
        "function": frame.function, "lineNo": frame.line, "colNo": null, "inApp": frame.in_app,
        "context": context.collect::<Vec<_>>(),
        "vars": frame.vars, "package": null, "platform": null, "instructionAddr": null, "symbolAddr": null,
        "rawFunction": null, "symbol": null, "trust": null, "errors": null, "lock": null, "sourceLink": null,
    })
}

/// An event as it stands in a list: without its entries, its release only among the tags.
pub(super) fn listed_event(event: &SandboxEvent) -> Value {
    let tags = event.tags().into_iter().map(|(key, value)| json!({"key": key, "value": value}));
    json!({
        "id": event.event_id, "eventID": event.event_id, "event.type": "error", "groupID": event.issue_id,
        "projectID": event.project.id.to_string(), "title": event.title(), "message": "",
        "location": event.crash_frame().map(|f| &f.filename), "culprit": event.transaction,
        "platform": event.platform, "dateCreated": written(event.at), "crashFile": null, "metadata": null,
        "tags": tags.collect::<Vec<_>>(), "user": event.user.as_ref().map(|id| json!({"id": id})),
    })
}

/// A release with the commit that it was built from, where Sentry knows it.
pub(super) fn release(version: &str, release: &Release) -> Value {
    let (package, number) = version.split_once('@').map_or((None, version), |(p, n)| (Some(p), n));
    let created = written(release.created_at);
    let last_commit = release.commits.first().map(|sha| {
        let provider = json!({"id": "integrations:github", "name": "GitHub"});
        json!({
            "id": sha, "message": "", "dateCreated": created, "pullRequest": null, "releases": [],
            "repository": {"id": "1", "name": super::REPOSITORY, "provider": provider},
        })
    });
    json!({
        "version": version, "shortVersion": number, "status": "open", "ref": null, "url": null,
        "dateCreated": created, "dateReleased": null, "data": {}, "newGroups": 0, "owner": null,
        "commitCount": release.commits.len(), "lastCommit": last_commit, "deployCount": 0,
        "lastDeploy": null, "authors": [], "projects": [],
        "versionInfo": {
            "package": package, "version": {"raw": number}, "description": number, "buildHash": null,
        },
    })
}
