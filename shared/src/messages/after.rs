//! What a card says after the merge: the deploy, the watch, the error that came back, and the way back.

use super::blocks::{Card, code, link, time};
use super::lines::{person, pull_request_line, refused_line};
use crate::attempt::{CameBack, Decision, Deployment, Merged, Reverted, RollBack, Rollout, Telling, Watch};

/// A day and a time, in Slack's words.
const WHEN: &str = "{date_short_pretty} {time}";

pub(super) fn deployed(card: &mut Card, merged: &Merged, watch: Option<&Watch>) {
    let mut lines = merged_lines(merged);
    match (&merged.deployment, watch) {
        (Some(deployment), _) => lines.push(deployment_line(deployment)),
        (None, Some(_)) => lines.push("No deployment is reported yet.".to_owned()),
        (None, None) => lines.push("Merged; no deployment reported.".to_owned()),
    }
    lines.extend(
        watch.map(|watch| {
            format!("👀 AutoFix watches the error, at least until {}.", time(watch.until, WHEN))
        }),
    );
    card.section(&lines.join("\n"));
}

pub(super) fn verified(card: &mut Card, merged: &Merged, sentry: Telling) {
    let mut lines = merged_lines(merged);
    lines.extend(merged.deployment.as_ref().map(deployment_line));
    lines.push("💚 *The error has not come back.*".to_owned());
    lines.push(
        match sentry {
            Telling::Owed => "The Sentry issue is being resolved.",
            Telling::Done => "The Sentry issue is resolved.",
            Telling::Refused => {
                "Sentry did not let AutoFix resolve the issue: `SENTRY_AUTH_TOKEN` needs Issue & Event write. Please resolve it there."
            }
        }
        .to_owned(),
    );
    card.section(&lines.join("\n"));
}

pub(super) fn regressed(card: &mut Card, merged: &Merged, came_back: &CameBack, roll_back: &RollBack) {
    let mut lines = merged_lines(merged);
    // Without its mark: where the error is back, nothing is green.
    lines.extend(merged.deployment.as_ref().map(|deployment| match deployment.rollout {
        Rollout::Live => live_line(deployment),
        Rollout::UnderWay | Rollout::Failed => deployment_line(deployment),
    }));
    lines.push(came_back_line(came_back));
    match roll_back {
        RollBack::Offered => {}
        RollBack::Approved { decision } => {
            lines.push(format!("Rolled back by {}: the revert is being opened.", person(&decision.by)));
        }
        RollBack::Opened { decision, revert, .. } => lines.push(format!(
            "Rolled back by {}: {} waits for GitHub to let it be merged.",
            person(&decision.by),
            link(&revert.url, &format!("revert #{}", revert.number))
        )),
        RollBack::Refused { reason } => lines.push(refused_line("It was not rolled back.", reason)),
    }
    card.section(&lines.join("\n"));
}

pub(super) fn rolled_back(
    card: &mut Card,
    merged: &Merged,
    came_back: Option<&CameBack>,
    revert: &Reverted,
    decision: &Decision,
) {
    let mut lines = merged_lines(merged);
    lines.extend(came_back.map(came_back_line));
    let how = match revert {
        Reverted::ByPullRequest { pull_request } => format!(
            "Rolled back by {} with {}",
            person(&decision.by),
            link(&pull_request.url, &format!("revert #{}", pull_request.number))
        ),
        Reverted::ByHand { commit } => {
            let with = commit
                .as_deref()
                .map_or(String::new(), |sha| format!(" with `{}`", code(sha.get(..10).unwrap_or(sha), 10)));
            format!("Reverted by a person on GitHub{with}: there is nothing left to roll back")
        }
    };
    lines.push(format!("↩️ {how}. The next analysis of this error knows what was tried."));
    card.section(&lines.join("\n"));
}

/// The event with which an error came back.
pub(super) fn came_back_line(came_back: &CameBack) -> String {
    let event = match &came_back.url {
        Some(url) => link(url, "New event"),
        None => "New event".to_owned(),
    };
    let release = came_back.release.as_ref();
    let release = release.map_or(String::new(), |release| format!(" in release `{}`", code(release, 100)));
    format!("🔥 *The error came back.* {event} at {}{release}.", time(came_back.at, WHEN))
}

fn merged_lines(merged: &Merged) -> Vec<String> {
    let sha = merged.merge_sha.as_deref();
    let commit =
        sha.and_then(|sha| sha.get(..10)).map_or(String::new(), |sha| format!(" as `{}`", code(sha, 10)));
    let line = match merged.decision.by.as_str() {
        Decision::ON_GITHUB => "Merged by someone on GitHub.".to_owned(),
        _ => {
            let by: Vec<String> = merged.approved_by.iter().map(|by| person(by)).collect();
            let by = if by.is_empty() { person(&merged.decision.by) } else { by.join(" and ") };
            format!("Merged{commit}, approved by {by}.")
        }
    };
    vec![pull_request_line(&merged.pull_request), line]
}

fn live_line(deployment: &Deployment) -> String {
    format!("Live since {} on {}.", time(deployment.at, "{time}"), place(deployment))
}

fn place(deployment: &Deployment) -> String {
    let environment = code(&deployment.environment, 60);
    match &deployment.url {
        Some(url) => link(url, &environment),
        None => format!("`{environment}`"),
    }
}

fn deployment_line(deployment: &Deployment) -> String {
    let (at, place) = (time(deployment.at, "{time}"), place(deployment));
    match deployment.rollout {
        Rollout::Live => format!("🟢 {}", live_line(deployment)),
        Rollout::UnderWay => format!("🚀 Being deployed to {place} since {at}."),
        Rollout::Failed => format!("🔴 The deployment to {place} failed at {at}."),
    }
}
