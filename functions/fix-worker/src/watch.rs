//! After the merge: looks for the deploy, then for new events of the error in releases that contain the fix, until the
//! window has passed without one or one came.
//!
//! Only what says which code it comes from counts: an event whose release cannot be placed before or after the merge
//! neither verifies a fix nor accuses it.

use std::cmp::Reverse;

use autofix::attempt::{CameBack, Deployment, Event, Merged, Rollout, State, Telling, Watch};
use autofix::github::{self, DeploymentState, EnvironmentKind, Readable};
use autofix::incident::Incident;
use autofix::messages;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::sentry::{Commented, Containment, FixedBy, IssueRef, Resolved, SeenEvent, Span, Traffic};
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use crate::desk::{Desk, Stopped};
use crate::merge::merge_commit;
use crate::roll_back;

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

/// The watch that begins with a merge.
pub(crate) fn begin(desk: &Desk<'_>) -> Option<Watch> {
    let now = desk.now();
    Some(Watch { until: now + desk.worker.config.watch, look_at: now })
}

/// One look.
pub(crate) async fn watch(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Deployed { merged, watch: Some(watch) } = desk.attempt.state.clone() else { return Ok(()) };
    let now = desk.now();
    let merged = learn(desk, merged).await?;
    if let Some(commit) = roll_back::taken_back(desk, &merged).await? {
        return desk.happened(Event::TakenBackOnGithub { commit: Some(commit) }).await;
    }
    let window = desk.worker.config.watch;
    let since = live_since(&merged);
    let ends = since + window;
    let seen = match reports(desk, &merged, since).await? {
        Reports::CameBack(came_back) => {
            let look = roll_back::begin_to_look(desk);
            return desk.happened(Event::CameBack { came_back, look }).await;
        }
        Reports::Unknown(why) if now >= ends => return stop(desk, merged, why).await,
        Reports::Unknown(_) => Seen::Unknown,
        Reports::Quiet => Seen::Quiet,
    };
    let last = since + window * MOST_WINDOWS;
    let verified = seen == Seen::Quiet && now >= ends && was_exercised(desk, &merged, since).await?;
    if verified {
        remember(desk, &merged, Some(watch)).await?;
        return desk.happened(Event::StayedQuiet).await;
    }
    if now >= last {
        return stop(desk, merged, "too few requests came to tell whether the error is gone".to_owned())
            .await;
    }
    let pause = (now.duration_since(merged.at) / 8).clamp(FIRST_LOOK, LONGEST_LOOK);
    let until = if now >= ends { last } else { ends };
    remember(desk, &merged, Some(Watch { until, look_at: now + pause })).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Quiet,
    Unknown,
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
async fn learn(desk: &Desk<'_>, mut merged: Merged) -> Result<Merged, Stopped> {
    let github = &desk.worker.github;
    let repo = &desk.attempt.target.repo;
    if merged.merge_sha.is_none() {
        merged.merge_sha = merge_commit(desk, &merged.fix.base_branch).await;
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

async fn reports(desk: &Desk<'_>, merged: &Merged, since: Timestamp) -> Result<Reports, Stopped> {
    let unknown = |why: &str| Ok(Reports::Unknown(why.to_owned()));
    let sentry = &desk.worker.sentry;
    if !sentry.is_configured().await? {
        return unknown("`SENTRY_AUTH_TOKEN` is not set, so Sentry cannot be asked");
    }
    let Some(own) = issue(desk).await? else { return unknown("Sentry did not say where the issue is") };
    let mut placed = Vec::new();
    let mut told = reports_of(desk, merged, (&own, since), &mut placed).await?;
    for joined in joined(desk) {
        match (reports_of(desk, merged, (&joined, since), &mut placed).await?, &told) {
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
    desk: &Desk<'_>,
    merged: &Merged,
    (issue, since): (&IssueRef, Timestamp),
    placed: &mut Vec<(String, bool)>,
) -> Result<Reports, Stopped> {
    let unknown = |why: &str| Ok(Reports::Unknown(why.to_owned()));
    let span = Span { from: since, until: desk.now() };
    let Some(found) = desk.worker.sentry.events_since(issue, span).await? else {
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
                let contains = contains(desk, issue, merged, version).await?;
                placed.extend(contains.map(|contains| (version.clone(), contains)));
                contains
            }
        };
        match contains {
            Some(true) => return Ok(Reports::CameBack(came_back(desk, issue, event))),
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
    desk: &Desk<'_>,
    issue: &IssueRef,
    merged: &Merged,
    version: &str,
) -> Result<Option<bool>, Stopped> {
    let Some(merge_sha) = &merged.merge_sha else { return Ok(None) };
    let found = match desk.worker.sentry.release_contains(&issue.organization, version, merge_sha).await {
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
            desk.worker.github.contains(&desk.attempt.target.repo, &commit, merge_sha).await?
        }
        // A release that was there before the merge cannot contain it. A later one may be an old branch.
        Containment::Unknown { first_seen } => {
            first_seen.and_then(|seen| if seen < merged.at { Some(false) } else { None })
        }
    })
}

fn came_back(desk: &Desk<'_>, issue: &IssueRef, event: &SeenEvent) -> CameBack {
    let joined = desk.attempt.joined.issues.iter().find(|joined| joined.sentry_issue_id == issue.issue_id);
    let url = joined.map_or(&desk.attempt.subject.sentry_url, |joined| &joined.sentry_url);
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
async fn was_exercised(desk: &Desk<'_>, merged: &Merged, since: Timestamp) -> Result<bool, Stopped> {
    let Some((issue, incident)) = incident(desk).await? else { return Ok(true) };
    let Some(transaction) = incident.transaction.as_deref() else { return Ok(true) };
    let sentry = &desk.worker.sentry;
    let traffic =
        |span| Traffic { organization: &issue.organization, project: &incident.project, transaction, span };
    let earlier = Span { from: merged.at - BEFORE, until: merged.at };
    let Some(before) = sentry.requests(traffic(earlier)).await? else { return Ok(true) };
    if before == 0 {
        return Ok(true);
    }
    let failures = sentry.events_since(&issue, earlier).await?.map_or(0, |found| found.events.len() as u64);
    let needed = before / failures.max(1);
    let after = sentry.requests(traffic(Span { from: since, until: desk.now() })).await?;
    let enough = after.is_none_or(|after| after >= needed);
    if !enough {
        info!(needed, after, "Quiet, but not enough requests yet to tell");
    }
    Ok(enough)
}

/// The issues of the same fault that the fix is for as well, as far as they have an address.
fn joined(desk: &Desk<'_>) -> Vec<IssueRef> {
    let issues = desk.attempt.joined.issues.iter();
    issues.filter_map(|joined| IssueRef::of_link(joined.sentry_url.as_deref()?)).collect()
}

async fn issue(desk: &Desk<'_>) -> Result<Option<IssueRef>, Stopped> {
    if let Some(issue) = desk.attempt.subject.sentry_url.as_deref().and_then(IssueRef::of_link) {
        return Ok(Some(issue));
    }
    Ok(incident(desk).await?.map(|(issue, _)| issue))
}

async fn incident(desk: &Desk<'_>) -> Result<Option<(IssueRef, Incident)>, Stopped> {
    let incident = desk.incident().await?;
    Ok(incident.and_then(|incident| Some((IssueRef::of(&incident)?, incident))))
}

async fn remember(desk: &mut Desk<'_>, merged: &Merged, watch: Option<Watch>) -> Result<(), Stopped> {
    let event =
        Event::Watched { merge_sha: merged.merge_sha.clone(), deployment: merged.deployment.clone(), watch };
    desk.happened(event).await
}

/// The watch ends and nobody knows: the card says so, the issue stays as it is.
async fn stop(desk: &mut Desk<'_>, merged: Merged, why: String) -> Result<(), Stopped> {
    let now = desk.now();
    desk.attempt.note(now, format!("Whether the error is gone is not known: {why}"));
    remember(desk, &merged, None).await
}

/// Tells Sentry about a verified fix: a comment with the story, then the issue is resolved by the commit.
pub(crate) async fn tell_sentry(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    let State::Verified { merged, .. } = desk.attempt.state.clone() else { return Ok(()) };
    let Some(issue) = issue(desk).await? else {
        return desk.happened(Event::SentryTold { outcome: Telling::Refused }).await;
    };
    let outcome = tell_about(desk, &merged, &issue).await?;
    if outcome == Telling::Refused {
        warn!("Sentry does not have the issue any more");
    }
    // A joined issue that is gone or out of the token's reach does not spoil what was said of the attempt's own.
    for joined in joined(desk) {
        match tell_about(desk, &merged, &joined).await {
            Err(Stopped::Service(error)) if !error.may_pass() => {
                warn!(issue = joined.issue_id, error = %error, "Sentry could not be told about a joined issue");
            }
            told => drop(told?),
        }
    }
    desk.happened(Event::SentryTold { outcome }).await
}

async fn tell_about(desk: &Desk<'_>, merged: &Merged, issue: &IssueRef) -> Result<Telling, Stopped> {
    let sentry = &desk.worker.sentry;
    if sentry.comment(issue, &messages::sentry_note(&desk.attempt)).await? == Commented::Gone {
        return Ok(Telling::Refused);
    }
    let commit = merged.merge_sha.as_deref().unwrap_or(&merged.pull_request.head_sha);
    let fix = FixedBy { repository: &desk.attempt.target.repo, commit };
    Ok(match sentry.resolve(issue, fix).await? {
        Resolved::InCommit | Resolved::Plainly | Resolved::NotNeeded => Telling::Done,
        Resolved::Gone => Telling::Refused,
    })
}
