//! The page of an issue, as plain text: where the links of cards and pull requests lead.

use std::fmt::Write;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;

use super::issues::Issue;
use super::{ORGANIZATION, Shared, lock};

pub(super) fn routes(issues: Shared) -> Router {
    Router::new()
        .route("/organizations/{organization}/issues/{id}/", get(page))
        .route("/organizations/{organization}/issues/{id}/events/{event}/", get(event_page))
        .with_state(issues)
}

async fn page(
    State(issues): State<Shared>,
    Path((organization, id)): Path<(String, String)>,
) -> Result<String, StatusCode> {
    let issues = lock(&issues);
    let issue = issues.by_id.get(&id).filter(|_| organization == ORGANIZATION);
    issue.map(described).ok_or(StatusCode::NOT_FOUND)
}

async fn event_page(
    state: State<Shared>,
    Path((organization, id, _)): Path<(String, String, String)>,
) -> Result<String, StatusCode> {
    page(state, Path((organization, id))).await
}

fn described(issue: &Issue) -> String {
    let event = issue.last();
    let mut page = format!("{}\n{}, {} events\n", event.title(), issue.status, issue.events.len());
    for exception in &event.exceptions {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "\nTraceback (most recent call last):");
        for frame in &exception.frames {
            let _ =
                writeln!(page, "  File \"{}\", line {}, in {}", frame.abs_path, frame.line, frame.function);
            if let Some(source) = &frame.source {
                let _ = writeln!(page, "    {}", source.at.trim());
            }
        }
        let _ = writeln!(page, "{}: {}", exception.error_type, exception.value);
    }
    page
}
