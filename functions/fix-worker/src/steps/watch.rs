//! After the merge: looks for the deploy, then for new events of the error in releases that contain the fix, until the
//! window has passed without one or one came.
//!
//! Only what says which code it comes from counts: an event whose release cannot be placed before or after the merge
//! neither verifies a fix nor accuses it.

use std::cmp::Reverse;

use autofix::attempt::{Attempt, CameBack, Deployment, Event, Fact, Merged, Rollout, Watch};
use autofix::github::{self, DeploymentState, EnvironmentKind, Readable};
use autofix::messages;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::sentry::{Containment, IssueRef, SeenEvent, Span, Traffic};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::context::Context;
use crate::happened::{Early, Happened, Stepped};
use crate::steps::incident;
use crate::steps::look_for_revert::{self, taken_back};

/// First pause between two looks; it grows with the time since the merge.
const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_LOOK: SignedDuration = SignedDuration::from_mins(30);
/// A fix whose requests are rare is watched longer, up to this many windows.
const MOST_WINDOWS: i32 = 7;
/// Before the merge, requests and failures are counted over this time.
const BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// Releases looked up for one look; events of more releases than that are a rollout under way.
const MAX_RELEASES: usize = 5;
/// Why Sentry says nothing about an issue that somebody deleted there.
const ISSUE_GONE: &str = "Sentry does not have the issue any more";

pub(super) async fn watch(
    context: &Context<'_>,
    attempt: &Attempt,
    merged: &Merged,
    watch: &Watch,
) -> Stepped {
    let now = context.now();
    let merged = learn(context, attempt, merged.clone()).await?;
    if let Some(commit) = taken_back(context, attempt, &merged).await? {
        return Ok(Event::TakenBackOnGithub { commit: Some(commit) }.into());
    }
    let window = context.worker.config.watch;
    let since = live_since(&merged);
    let (ends, last) = (since + window, since + window * MOST_WINDOWS);
    let is_quiet = match reports(context, attempt, &merged, since).await? {
        Reports::CameBack(came_back) => {
            let look = look_for_revert::looks_from_now(context);
            return Ok(Event::CameBack { came_back, look }.into());
        }
        Reports::Unknown(why) if now >= ends => return Ok(stopped(&merged, &why)),
        Reports::Unknown(_) => false,
        Reports::Quiet => true,
    };
    if is_quiet && now >= ends && was_exercised(context, attempt, &merged, since).await? {
        return Ok(Happened::Events(vec![watched(&merged, Some(watch.clone())), Event::StayedQuiet]));
    }
    if now >= last {
        return Ok(stopped(&merged, "too few requests came to tell whether the error is gone"));
    }
    let pause = (now.duration_since(merged.at) / 8).clamp(FIRST_LOOK, LONGEST_LOOK);
    let until = if now >= ends { last } else { ends };
    Ok(watched(&merged, Some(Watch { until, look_at: now + pause })).into())
}

/// What is known of the deploy now, and how the watch continues.
fn watched(merged: &Merged, watch: Option<Watch>) -> Event {
    Event::Watched { merge_sha: merged.merge_sha.clone(), deployment: merged.deployment.clone(), watch }
}

/// The watch ends and nobody knows: the card says so, the issue stays as it is.
fn stopped(merged: &Merged, why: &str) -> Happened {
    let note = Fact::Note(format!("Whether the error is gone is not known: {why}"));
    Happened::Events(vec![Event::Learned(note), watched(merged, None)])
}

/// What Sentry says about the error since the deploy.
enum Reports {
    Quiet,
    CameBack(CameBack),
    /// It cannot be told, and why.
    Unknown(String),
}

/// The time from which on an event of the error counts against the fix.
fn live_since(merged: &Merged) -> Timestamp {
    match &merged.deployment {
        Some(deployment) if deployment.rollout == Rollout::Live => deployment.at.max(merged.at),
        _ => merged.at,
    }
}

/// The merge commit and its deployment, as far as GitHub knows them.
async fn learn(context: &Context<'_>, attempt: &Attempt, mut merged: Merged) -> Result<Merged, Early> {
    let github = &context.worker.github;
    let repo = &attempt.target.repo;
    if merged.merge_sha.is_none() {
        merged.merge_sha = merge_commit(context, attempt, &merged.fix.base_branch).await;
    }
    if let Some(sha) = &merged.merge_sha {
        // Without the permission to read deployments nobody is told about any.
        if let Readable::Read(found) = github.deployments(repo, sha).await? {
            merged.deployment = most_telling(found).or(merged.deployment);
        }
    }
    Ok(merged)
}

/// The deployment to tell people about: production before others, live before under way before failed.
fn most_telling(found: Vec<github::Deployment>) -> Option<Deployment> {
    let rank = |deployment: &github::Deployment| {
        let rollout = match rollout(deployment) {
            Rollout::Live => 0,
            Rollout::UnderWay => 1,
            Rollout::Failed => 2,
        };
        (deployment.kind != EnvironmentKind::Production, rollout, Reverse(deployment.since))
    };
    let told = found.into_iter().min_by_key(rank)?;
    Some(Deployment {
        rollout: rollout(&told),
        at: told.live_since.unwrap_or(told.since),
        environment: told.environment,
        url: told.url,
    })
}

/// What was live once counts as live, also after the next deployment has taken its place.
fn rollout(deployment: &github::Deployment) -> Rollout {
    match deployment.state {
        DeploymentState::Success => Rollout::Live,
        DeploymentState::Inactive if deployment.live_since.is_some() => Rollout::Live,
        DeploymentState::Failure | DeploymentState::Error | DeploymentState::Inactive => Rollout::Failed,
        DeploymentState::Pending | DeploymentState::Queued | DeploymentState::InProgress => Rollout::UnderWay,
    }
}

async fn reports(
    context: &Context<'_>,
    attempt: &Attempt,
    merged: &Merged,
    since: Timestamp,
) -> Result<Reports, Early> {
    let unknown = |why: &str| Ok(Reports::Unknown(why.to_owned()));
    let sentry = &context.worker.sentry;
    if !sentry.is_configured().await? {
        return unknown("`SENTRY_AUTH_TOKEN` is not set, so Sentry cannot be asked");
    }
    let Some(own) = incident::own_issue(context, attempt).await? else {
        return unknown("Sentry did not say where the issue is");
    };
    let mut placed = Vec::new();
    let mut told = reports_of(context, attempt, merged, &own, since, &mut placed).await?;
    for joined in incident::joined_issues(attempt) {
        match (reports_of(context, attempt, merged, &joined, since, &mut placed).await?, &told) {
            (came_back @ Reports::CameBack(_), _) => return Ok(came_back),
            // What somebody deleted in Sentry says nothing; the attempt's own issue is what counts.
            (Reports::Unknown(why), Reports::Quiet) if why != ISSUE_GONE => told = Reports::Unknown(why),
            (Reports::Quiet | Reports::Unknown(_), _) => {}
        }
    }
    Ok(told)
}

/// What Sentry says about one issue. `placed` are releases of which it is known whether they contain the merge.
async fn reports_of(
    context: &Context<'_>,
    attempt: &Attempt,
    merged: &Merged,
    issue: &IssueRef,
    since: Timestamp,
    placed: &mut Vec<(String, bool)>,
) -> Result<Reports, Early> {
    let unknown = |why: &str| Ok(Reports::Unknown(why.to_owned()));
    let span = Span { from: since, until: context.now() };
    let Some(found) = context.worker.sentry.events_since(issue, span).await? else {
        return unknown(ISSUE_GONE);
    };
    let mut unplaced = false;
    // Oldest first: the card shows the event with which it came back.
    for event in found.events.iter().rev().filter(|event| event.at > since) {
        let Some(version) = &event.release else {
            unplaced = true;
            continue;
        };
        let contains = match placed.iter().find(|(known, _)| known == version) {
            Some((_, contains)) => Some(*contains),
            None if placed.len() >= MAX_RELEASES => None,
            None => {
                let contains = contains(context, attempt, issue, merged, version).await?;
                placed.extend(contains.map(|contains| (version.clone(), contains)));
                contains
            }
        };
        match contains {
            Some(true) => return Ok(Reports::CameBack(came_back(attempt, issue, event))),
            Some(false) => {}
            None => unplaced = true,
        }
    }
    if unplaced {
        return unknown("the error was reported since, by events whose release names no commit");
    }
    Ok(Reports::Quiet)
}

/// Whether a release contains the merge; `None` where nobody can tell.
async fn contains(
    context: &Context<'_>,
    attempt: &Attempt,
    issue: &IssueRef,
    merged: &Merged,
    version: &str,
) -> Result<Option<bool>, Early> {
    let Some(merge_sha) = &merged.merge_sha else { return Ok(None) };
    let found = match context.worker.sentry.release_contains(&issue.organization, version, merge_sha).await {
        Err(ServiceError { kind: ErrorKind::Unauthorized, message: why, .. }) => {
            warn!(
                why,
                "The token may not read releases (Project: Read), so a release without a commit says nothing"
            );
            Containment::Unknown { first_seen: None }
        }
        found => found?,
    };
    Ok(match found {
        Containment::Yes => Some(true),
        Containment::BuiltFrom { commit } => {
            context.worker.github.contains(&attempt.target.repo, &commit, merge_sha).await?
        }
        // A release that was there before the merge cannot contain it. A later one may be an old branch.
        Containment::Unknown { first_seen } => {
            first_seen.and_then(|seen| if seen < merged.at { Some(false) } else { None })
        }
    })
}

fn came_back(attempt: &Attempt, issue: &IssueRef, event: &SeenEvent) -> CameBack {
    let joined = attempt.joined.issues.iter().find(|joined| joined.sentry_issue_id == issue.issue_id);
    let url = joined.map_or(&attempt.subject.sentry_url, |joined| &joined.sentry_url);
    let issue = url.as_deref().map(|url| url.trim_end_matches('/'));
    CameBack {
        event_id: event.event_id.clone(),
        at: event.at,
        release: event.release.clone(),
        url: issue.map(|url| match url.split_once("/events/") {
            Some((issue, _)) => format!("{issue}/events/{}/", event.event_id),
            None => format!("{url}/events/{}/", event.event_id),
        }),
    }
}

/// Whether as many requests came since as it took before to fail once. Where nobody counts requests, time is enough.
async fn was_exercised(
    context: &Context<'_>,
    attempt: &Attempt,
    merged: &Merged,
    since: Timestamp,
) -> Result<bool, Early> {
    let Some((issue, incident)) = incident::issue_with_incident(context, attempt).await? else {
        return Ok(true);
    };
    let Some(transaction) = incident.transaction.as_deref() else { return Ok(true) };
    let sentry = &context.worker.sentry;
    let traffic =
        |span| Traffic { organization: &issue.organization, project: &incident.project, transaction, span };
    let earlier = Span { from: merged.at - BEFORE, until: merged.at };
    let Some(before) = sentry.requests(traffic(earlier)).await? else { return Ok(true) };
    if before == 0 {
        return Ok(true);
    }
    let failures = sentry.events_since(&issue, earlier).await?.map_or(0, |found| found.events.len() as u64);
    let needed = before / failures.max(1);
    let after = sentry.requests(traffic(Span { from: since, until: context.now() })).await?;
    let enough = after.is_none_or(|after| after >= needed);
    if !enough {
        info!(needed, after, "Quiet, but not enough requests yet to tell");
    }
    Ok(enough)
}

/// The commit of a merge whose answer never came, found by the line that names the attempt.
async fn merge_commit(context: &Context<'_>, attempt: &Attempt, base_branch: &str) -> Option<String> {
    let line = messages::attempt_trailer(attempt.id);
    let found = context.worker.github.commit_with_line(&attempt.target.repo, base_branch, &line).await;
    found.unwrap_or_else(|error| {
        warn!(error = %error, "Cannot tell which commit the merge made");
        None
    })
}
