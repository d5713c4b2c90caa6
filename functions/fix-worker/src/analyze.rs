//! From a pending attempt to a fix that passed every gate, or to the reasons why there is none: fetches what the case is
//! made of, has it investigated, and applies the conclusion.

use autofix::analysis::background::{Background, earlier_attempt, open_fix};
use autofix::analysis::repo_path::{ProjectPath, RepoPath};
use autofix::analysis::snapshot::{Limits, Snapshot, SnapshotError, SnapshotReader};
use autofix::attempt::{Attempt, AttemptId, Event, Fix, Occasion, State, Subject, WaitsFor};
use autofix::incident::Incident;
use autofix::journal::Service;
use autofix::messages;
use autofix::outbound::{ErrorKind, ServiceError};
use autofix::reason::{Reason, ReasonCode};
use autofix::redaction::{Redacted, redact_incident};
use jiff::SignedDuration;

use crate::case::{Case, Material};
use crate::desk::{Desk, Stopped};
use crate::investigation::{Ending, investigate};
use crate::owner;
use crate::same_fault::{self, Whose};

/// Sentry announces an issue before its event can be read; after this time it is not there.
const EVENT_READABLE_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// Sentry sends the webhooks of an issue and of its alert rules within a minute of each other.
const SECOND_WEBHOOK_WITHIN: SignedDuration = SignedDuration::from_secs(90);
/// Between two looks for the event. A webhook that brings it wakes the attempt sooner.
const LOOK_FOR_EVENT: SignedDuration = SignedDuration::from_secs(20);
/// Attempts before this one that the analysis is told of: enough to see what was tried, and no long story.
const MAX_EARLIER: usize = 3;
/// Open fixes in the same files that the analysis sees.
const MAX_OPEN: usize = 3;

/// Analyses the attempt and applies what came of it.
pub(crate) async fn analyze(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    if matches!(desk.attempt.state, State::Pending) {
        desk.happened(Event::AnalysisStarted { base_sha: None }).await?;
    }
    let incident = match readable_incident(desk).await? {
        Ok(incident) => incident,
        Err(event) => return desk.happened(event).await,
    };
    if same_fault::claim(desk, &incident).await? == Whose::Another {
        return Ok(());
    }
    let case = match open_case(desk, &incident, Base::Head).await? {
        Ok(case) => case,
        Err(event) => return desk.happened(event).await,
    };
    // The code may tell that an installed package is the application's own.
    desk.attempt.subject = Subject::of(&case.incident);
    let mut analyst = desk.analyst(desk.attempt.earlier_usage);
    let conclusion = investigate(&mut analyst, &case).await?;
    desk.attempt.usage = analyst.usage;
    desk.store().save_dossier(&desk.lease, &conclusion.dossier, desk.now()).await?;
    let fixed = match &conclusion.ending {
        Ending::Propose { fix } => Some(fix.file_path.clone()),
        Ending::Refuse { fix, .. } => fix.as_ref().map(|fix| fix.file_path.clone()),
    };
    let cause = conclusion.analysis.as_ref().map(|analysis| analysis.file_path.clone());
    let crashed = || case.culprit().map(|frame| frame.path.to_string());
    if let Some(path) = fixed.or(cause).or_else(crashed) {
        desk.attempt.owner = owner::of_file(desk, &case, &path).await;
    }
    if let Some(analysis) = conclusion.analysis {
        desk.happened(Event::CauseFound { analysis: Box::new(analysis) }).await?;
    }
    let event = match conclusion.ending {
        Ending::Propose { fix } if desk.worker.config.dry_run.is_on() => {
            let sentence = "`AUTOFIX_DRY_RUN` is on: this pull request would have been opened.";
            Event::Skipped { reasons: vec![Reason::new(ReasonCode::DryRun, sentence)], fix: Some(fix) }
        }
        Ending::Propose { fix } => match tried_before(desk, &fix).await? {
            Some(reason) => Event::Skipped { reasons: vec![reason], fix: Some(fix) },
            None => Event::FixProposed { fix },
        },
        Ending::Refuse { reasons, fix } => Event::Skipped { reasons, fix },
    };
    desk.happened(event).await
}

/// What Sentry reported, with a stack trace. `Err` is what happens to the attempt without one.
async fn readable_incident(desk: &mut Desk<'_>) -> Result<Result<Incident, Event>, Stopped> {
    let Some(incident) = desk.incident().await? else {
        let sentence = "What Sentry reported is no longer in the table.";
        return Ok(Err(failed(ReasonCode::SentryUnavailable, sentence)));
    };
    let incident = match incident.has_stack_trace() {
        true => incident,
        false => match with_stack_trace(desk, incident).await? {
            Ok(incident) => incident,
            Err(event) => return Ok(Err(event)),
        },
    };
    if let Some(event) = below_the_bar(desk, &incident) {
        return Ok(Err(event));
    }
    desk.attempt.subject = Subject::of(&redact_incident(&incident));
    Ok(Ok(incident))
}

/// How the attempt ends if the event is below the bar, which the webhook may not have said. What a person started is not.
fn below_the_bar(desk: &Desk<'_>, incident: &Incident) -> Option<Event> {
    if desk.attempt.occasion == Occasion::ByHand {
        return None;
    }
    let why = desk.worker.config.bars.of(&incident.project).refuses(incident)?;
    let sentence = format!("AutoFix did not look at this error: {why}.");
    Some(skipped(Reason::new(ReasonCode::BelowTheBar, sentence)))
}

/// The same case at another commit, for an attempt that is past its analysis. `Err` says why there is none.
pub(crate) async fn case_at(desk: &mut Desk<'_>, sha: &str) -> Result<Result<Case, Event>, Stopped> {
    match readable_incident(desk).await? {
        Ok(incident) => open_case(desk, &incident, Base::At(sha)).await,
        Err(event) => Ok(Err(event)),
    }
}

/// Which commit a case is about.
#[derive(Clone, Copy, Debug)]
enum Base<'a> {
    /// The head of the base branch, pinned at the first look.
    Head,
    At(&'a str),
}

/// Fetches the code and opens the case. `Err` is how the attempt ends without a model.
async fn open_case(
    desk: &mut Desk<'_>,
    incident: &Incident,
    base: Base<'_>,
) -> Result<Result<Case, Event>, Stopped> {
    let incident = redact_incident(incident);
    let Ok(project) = ProjectPath::parse(&desk.attempt.target.path) else {
        let sentence = "The project's folder in the settings is not a path.";
        return Ok(Err(skipped(Reason::new(ReasonCode::ProjectNotConfigured, sentence))));
    };
    let repo = desk.attempt.target.repo.clone();
    let base_branch = match desk.attempt.target.branch.clone() {
        Some(branch) => branch,
        None => desk.worker.github.repository(&repo).await?.default_branch,
    };
    let base_sha = match base {
        Base::Head => pin_base(desk, &repo, &base_branch).await?,
        Base::At(sha) => sha.to_owned(),
    };
    let downloaded = match download(desk, &repo, &base_sha).await? {
        Err(SnapshotError::Damaged(_)) => download(desk, &repo, &base_sha).await?, // cut on the way, perhaps
        downloaded => downloaded,
    };
    let snapshot = match downloaded {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let sentence = format!("The repository at `{base_sha}` cannot be read: {error}.");
            return Ok(Err(failed(ReasonCode::SnapshotUnreadable, sentence)));
        }
    };
    let opened = Case::open(Material {
        attempt: desk.attempt.id,
        background: background(desk, &incident).await?,
        incident,
        snapshot,
        repo,
        project,
        base_branch,
        base_sha,
        min_confidence: desk.worker.config.min_confidence,
    });
    let mut case = match opened {
        Ok(case) => case,
        Err(reason) => return Ok(Err(skipped(reason))),
    };
    if let Some((commit, path)) = case.wants_released()
        && let Some(released) = released_file(desk, &commit, &path).await?
        && let Some(reason) = case.compare_release(&commit, &released)
    {
        return Ok(Err(skipped(reason)));
    }
    if let Some(reason) = case.obstacle() {
        return Ok(Err(skipped(reason)));
    }
    Ok(Ok(case))
}

/// A file as released. A release that GitHub does not know tells nothing.
async fn released_file(desk: &Desk<'_>, commit: &str, path: &RepoPath) -> Result<Option<String>, Stopped> {
    match desk.worker.github.file(&desk.attempt.target.repo, path.as_str(), commit).await {
        Ok(file) => Ok(file.and_then(|bytes| String::from_utf8(bytes).ok())),
        Err(ServiceError { kind: ErrorKind::NotFound | ErrorKind::Refused { .. }, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The reason against a fix that was merged before and did not hold.
async fn tried_before(desk: &Desk<'_>, fix: &Fix) -> Result<Option<Reason>, Stopped> {
    let mut next = before(&desk.attempt);
    for _ in 0..MAX_EARLIER {
        let Some(id) = next else { break };
        let Some(found) = desk.store().attempt(id).await? else { break };
        if let State::Regressed { merged, .. } | State::RolledBack { merged, .. } = &found.attempt.state
            && (&merged.fix.file_path, &merged.fix.edits) == (&fix.file_path, &fix.edits)
        {
            return Ok(Some(messages::tried_before(&found.attempt)));
        }
        next = before(&found.attempt);
    }
    Ok(None)
}

/// What a person said who wanted another try, and what was tried before, the latest first.
async fn background(desk: &Desk<'_>, incident: &Incident) -> Result<Background, Stopped> {
    let hint = desk.attempt.retry.as_ref().map(|retry| retry.hint.clone());
    let mut earlier = Vec::new();
    let mut next = before(&desk.attempt);
    while let Some(id) = next.filter(|_| earlier.len() < MAX_EARLIER) {
        let Some(found) = desk.store().attempt(id).await? else { break };
        earlier.push(earlier_attempt(&found.attempt));
        next = before(&found.attempt);
    }
    Ok(Background { hint, earlier, open: open_fixes(desk, incident).await? })
}

/// Fixes of other attempts that are open in the files of the error.
async fn open_fixes(desk: &Desk<'_>, incident: &Incident) -> Result<Vec<Redacted>, Stopped> {
    let mut open = Vec::new();
    for id in desk.store().open_attempts(&desk.attempt.target.repo).await? {
        if id == desk.attempt.id || open.len() == MAX_OPEN {
            continue;
        }
        let Some(other) = desk.store().attempt(id).await? else { continue };
        if other.attempt.state.fix().is_some_and(|fix| fix.is_in_a_file_of(incident)) {
            open.extend(open_fix(&other.attempt));
        }
    }
    Ok(open)
}

/// The attempt at the same fault before this one, as far as an analysis should know of it.
fn before(attempt: &Attempt) -> Option<AttemptId> {
    attempt.retry.as_ref().map(|retry| retry.of).or(attempt.earlier)
}

/// The incident with the stack trace that Sentry's API has of it, while a second webhook may still bring one. `Err` is that
/// it waits, or how it ends.
async fn with_stack_trace(
    desk: &mut Desk<'_>,
    incident: Incident,
) -> Result<Result<Incident, Event>, Stopped> {
    let why = match (desk.worker.sentry.is_configured().await?, &incident.organization) {
        (true, Some(_)) => match desk.worker.sentry.fetch_event(&incident).await? {
            Some(fuller) => {
                let fuller = redact_incident(&fuller);
                if fuller.has_stack_trace() {
                    desk.store().save_incident(desk.attempt.id, &fuller, desk.now()).await?;
                    return Ok(Ok(fuller));
                }
                // Not saved: a webhook may have brought the stack trace in this moment.
                if let Some(event) = below_the_bar(desk, &fuller) {
                    return Ok(Err(event));
                }
                Missing::InTheEvent
            }
            None => Missing::Event,
        },
        (true, None) => Missing::Organization,
        (false, _) if incident.event_id.is_some() => Missing::InTheEvent,
        (false, _) => Missing::Token,
    };
    let age = desk.now().duration_since(desk.attempt.created_at);
    Ok(Err(match age < why.timeout() {
        true => Event::Waits { what: WaitsFor::StackTrace, look_at: desk.now() + LOOK_FOR_EVENT },
        false => skipped(Reason::new(ReasonCode::NoStackTrace, why.sentence())),
    }))
}

/// Why there is no stack trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// Sentry shows the event, and it has none.
    InTheEvent,
    /// Sentry does not show the event.
    Event,
    Organization,
    Token,
}

impl Missing {
    /// How long after the first webhook a second one, or the event, may still come.
    fn timeout(self) -> SignedDuration {
        match self {
            Missing::InTheEvent => SignedDuration::ZERO,
            Missing::Event => EVENT_READABLE_AFTER,
            Missing::Organization | Missing::Token => SECOND_WEBHOOK_WITHIN,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Missing::InTheEvent => {
                "The event has no stack trace, so there is no code to look at. For messages, the SDK's option \
                 `attach_stacktrace` adds one."
            }
            Missing::Event => {
                "Sentry does not show the event of this issue, and no webhook brought its stack trace. Check which \
                 organisation `SENTRY_AUTH_TOKEN` is for."
            }
            Missing::Organization => {
                "The webhook names no organisation, so the event cannot be fetched, and no other webhook brought its stack \
                 trace. Set `SENTRY_ORG`."
            }
            Missing::Token => {
                "The webhook carries no stack trace, and no other webhook brought it. Set `SENTRY_AUTH_TOKEN`, so that \
                 AutoFix can fetch the event, or add an alert rule that notifies the integration: its webhook has it."
            }
        }
    }
}

/// The commit that everything is about: the one pinned before, else the head of the base branch.
async fn pin_base(desk: &mut Desk<'_>, repo: &str, branch: &str) -> Result<String, Stopped> {
    if let State::Analyzing { base_sha: Some(sha) } = &desk.attempt.state {
        return Ok(sha.clone());
    }
    let head = desk.worker.github.branch_head(repo, branch).await?;
    let sha = head.ok_or_else(|| {
        ServiceError::new(Service::Github, ErrorKind::NotFound, format!("the branch `{branch}` of `{repo}`"))
    })?;
    desk.happened(Event::AnalysisStarted { base_sha: Some(sha.clone()) }).await?;
    Ok(sha)
}

async fn download(
    desk: &Desk<'_>,
    repo: &str,
    sha: &str,
) -> Result<Result<Snapshot, SnapshotError>, Stopped> {
    let mut download = desk.worker.github.tarball(repo, sha).await?;
    let mut reader = SnapshotReader::new(Limits::default());
    while let Some(chunk) = download.chunk().await? {
        if let Err(error) = reader.push(&chunk) {
            return Ok(Err(error));
        }
    }
    Ok(reader.finish())
}

fn skipped(reason: Reason) -> Event {
    Event::Skipped { reasons: vec![reason], fix: None }
}

fn failed(code: ReasonCode, sentence: impl Into<String>) -> Event {
    Event::Failed { reason: Reason::new(code, sentence) }
}
