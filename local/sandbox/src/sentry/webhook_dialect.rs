//! An event as it stands in webhooks (`data.event`, `data.error`): snake case, `exception.values`, tags
//! as pairs.

use serde_json::{Map, Value, json};

use super::event::{SandboxEvent, SandboxFrame, written};
use super::{ORGANIZATION, issues};

/// The event; `base` is where this Sentry is reached.
pub(super) fn event(event: &SandboxEvent, base: &str) -> Value {
    let SandboxEvent { event_id, issue_id, .. } = event;
    let project = &event.project.slug;
    let exceptions = event.exceptions.iter().map(|exception| {
        json!({
            "type": exception.error_type, "value": exception.value, "module": exception.module,
            "mechanism": {
                "type": "starlette", "handled": false, "data": null, "description": null, "help_link": null,
                "meta": null, "synthetic": null,
            },
            "stacktrace": {"frames": exception.frames.iter().map(frame).collect::<Vec<_>>()},
        })
    });
    let breadcrumbs = event.breadcrumbs.iter().map(|crumb| {
        json!({
            "timestamp": seconds(crumb.at), "type": "default", "category": crumb.category,
            "level": crumb.level, "message": crumb.message, "data": null,
        })
    });
    let request = event.request.as_ref().map(|request| {
        json!({
            "method": request.method, "url": request.url, "headers": request.headers, "cookies": null,
            "data": null, "env": null, "fragment": null, "inferred_content_type": null, "query_string": [],
        })
    });
    json!({
        "_ref": event.project.id, "_ref_version": 2, "_meta": null,
        "event_id": event_id, "project": event.project.id, "release": event.release, "dist": null,
        "environment": event.environment, "platform": event.platform, "level": "error", "logger": "",
        "type": "error", "culprit": event.transaction, "transaction": event.transaction,
        "location": event.crash_frame().map(|f| &f.filename),
        "title": event.title(), "message": "", "metadata": issues::metadata(event),
        "tags": event.tags(), "fingerprint": ["{{ default }}"], "hashes": [&event_id[..16]],
        "exception": {"values": exceptions.collect::<Vec<_>>()},
        "breadcrumbs": {"values": breadcrumbs.collect::<Vec<_>>()},
        "contexts": {"runtime": {"name": "CPython", "version": "3.12.8", "type": "runtime"}},
        "request": request, "user": event.user.as_ref().map(|id| json!({"id": id})),
        "sdk": {"name": "sentry.python.fastapi", "version": "2.20.0"},
        "timestamp": seconds(event.at), "received": seconds(event.at), "datetime": written(event.at),
        "time_spent": null, "version": "7", "key_id": "1",
        "url": format!("{base}/api/0/projects/{ORGANIZATION}/{project}/events/{event_id}/"),
        "web_url": format!("{base}/organizations/{ORGANIZATION}/issues/{issue_id}/events/{event_id}/"),
        "issue_url": format!("{base}/api/0/organizations/{ORGANIZATION}/issues/{issue_id}/"),
        "issue_id": issue_id,
    })
}

fn frame(frame: &SandboxFrame) -> Value {
    let source = frame.source.as_ref();
    let mut shown = json!({
        "filename": frame.filename, "abs_path": frame.abs_path, "module": frame.module,
        "function": frame.function, "lineno": frame.line, "colno": null, "in_app": frame.in_app,
        "vars": frame.vars,
        "pre_context": source.map(|s| &s.before), "context_line": source.map(|s| &s.at),
        "post_context": source.map(|s| &s.after), "data": null,
    });
    if let Some(object) = shown.as_object_mut() {
        object.extend(unknown_keys(&["package", "platform", "symbol", "trust", "errors", "raw_function"]));
    }
    shown
}

fn unknown_keys(keys: &[&str]) -> Map<String, Value> {
    keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect()
}

fn seconds(at: jiff::Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 need 51 of the 53 bits")]
    let micros = at.as_microsecond() as f64;
    micros / 1e6
}
