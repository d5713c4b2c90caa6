//! From a pending attempt to a fix that passed every gate, or to the reasons why there is none.
//!
//! Every part follows from the pinned commit and from checkpoints, so a repeat comes to the same end.

use std::collections::BTreeSet;

use autofix::analysis::categories;
use autofix::analysis::critic;
use autofix::analysis::diff::{FileChange, unified};
use autofix::analysis::fix::{self, Candidate, MAX_REPAIRS, Proposal};
use autofix::analysis::frames::{self, LocatedFrame};
use autofix::analysis::policy::{
    self, EditedFile, Enabled, EvidenceCheck, FrameCheck, Outlook, Penalty, PolicyInput, PolicySettings,
    RootCause, SyntaxCheck, Verdict,
};
use autofix::analysis::prompt::Boundary;
use autofix::analysis::repo_path::{ProjectPath, RepoPath};
use autofix::analysis::report::{Analysis, Category, Critique};
use autofix::analysis::root_cause::{self, Objection};
use autofix::analysis::snapshot::{Limits, Snapshot, SnapshotError, SnapshotReader};
use autofix::analysis::syntax::{self, SyntaxChecked};
use autofix::analysis::tools::Toolbox;
use autofix::attempt::{Event, Fix, ProposedEdit, State, Subject};
use autofix::incident::Incident;
use autofix::orchestrator_file::{self, ORCHESTRATOR_FILE};
use autofix::outbound::ServiceError;
use autofix::reason::{Reason, ReasonCode};
use autofix::redaction::redact_incident;
use autofix::usage::Usage;
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::conversation::{self, Judged, Outcome, Topic};
use crate::desk::{Desk, Stopped};

/// Bounds of the diff that is kept for people.
const MAX_DIFF_BYTES: usize = 40_000;
const MAX_DIFF_LINE_CHARS: usize = 500;
/// Sentry announces an issue before its event can be read; after this time it is not there.
const EVENT_READABLE_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// What everything after the event is about.
struct Case {
    incident: Incident,
    snapshot: Snapshot,
    project: ProjectPath,
    located: Vec<LocatedFrame>,
    boundary: Boundary,
    base_branch: String,
    base_sha: String,
    settings: PolicySettings,
}

/// Analyses the attempt and applies what came of it.
pub(crate) async fn analyze(desk: &mut Desk<'_>) -> Result<(), Stopped> {
    if matches!(desk.attempt.state, State::Pending) {
        desk.happened(Event::AnalysisStarted { base_sha: None }).await?;
    }
    let event = match prepare(desk).await? {
        Ok(case) => decide(desk, &case).await?,
        Err(event) => event,
    };
    desk.happened(event).await
}

/// Everything that needs no model. `Err` is how the attempt ends without one.
async fn prepare(desk: &mut Desk<'_>) -> Result<Result<Case, Event>, Stopped> {
    let Some(incident) = incident(desk).await? else {
        let sentence = "What Sentry reported is no longer in the table.";
        return Ok(Err(failed(ReasonCode::SentryUnavailable, sentence)));
    };
    if !incident.has_stack_trace() {
        return Ok(Err(skipped(ReasonCode::NoStackTrace, no_stack_trace(desk).await)));
    }
    let incident = redact_incident(&incident);
    desk.attempt.subject = Subject::of(&incident);
    let Ok(project) = ProjectPath::parse(&desk.attempt.target.path) else {
        return Ok(Err(skipped(
            ReasonCode::ProjectNotConfigured,
            "The project's folder in the settings is not a path.",
        )));
    };
    let repo = desk.attempt.target.repo.clone();
    let github = &desk.worker.github;
    let base_branch = match desk.attempt.target.branch.clone() {
        Some(branch) => branch,
        None => github.repository(&repo).await?.default_branch,
    };
    let base_sha = pin_base(desk, &repo, &base_branch).await?;
    let downloaded = match download(desk, &repo, &base_sha).await? {
        Err(SnapshotError::Damaged(_)) => download(desk, &repo, &base_sha).await?, // cut on the way, perhaps
        downloaded => downloaded,
    };
    let snapshot = match downloaded {
        Ok(snapshot) => snapshot,
        Err(error) => {
            return Ok(Err(failed(
                ReasonCode::SnapshotUnreadable,
                format!("The repository at `{base_sha}` cannot be read: {error}."),
            )));
        }
    };
    let (settings, project) = match repository_settings(desk, &snapshot, project) {
        Ok(settings) => settings,
        Err(event) => return Ok(Err(event)),
    };
    let located = frames::locate(&incident, &snapshot, &project);
    if located.is_empty() {
        let sentence = "None of the stack trace's frames is a file of the repository. Check `AUTOFIX_GITHUB_REPO` and `AUTOFIX_GITHUB_PATH`.";
        return Ok(Err(skipped(ReasonCode::NoAppFrame, sentence)));
    }
    let boundary = Boundary::of(desk.attempt.id);
    Ok(Ok(Case { incident, snapshot, project, located, boundary, base_branch, base_sha, settings }))
}

/// What Sentry reported, with a stack trace where Sentry's API can give one.
async fn incident(desk: &mut Desk<'_>) -> Result<Option<Incident>, Stopped> {
    let Some(incident) = desk.store().incident(desk.attempt.id).await? else { return Ok(None) };
    if incident.has_stack_trace() || !desk.worker.sentry.is_configured().await {
        return Ok(Some(incident));
    }
    let Some(fuller) = desk.worker.sentry.fetch_event(&incident).await? else {
        let age = desk.now().duration_since(desk.attempt.created_at);
        if incident.organization.is_some() && age < EVENT_READABLE_AFTER {
            let message = "Sentry cannot show the event yet".to_owned();
            return Err(ServiceError::Unavailable { message, retry_after: None }.into());
        }
        return Ok(Some(incident));
    };
    desk.store().save_incident(desk.attempt.id, &fuller, desk.now()).await?;
    Ok(Some(fuller))
}

async fn no_stack_trace(desk: &Desk<'_>) -> &'static str {
    if desk.worker.sentry.is_configured().await {
        "Sentry has no stack trace for this event, so there is no code to look at."
    } else {
        "This webhook carries no stack trace. Set `SENTRY_AUTH_TOKEN` so that AutoFix can fetch the event, or send it an issue alert."
    }
}

/// The commit that everything is about: the one pinned before, else the head of the base branch.
async fn pin_base(desk: &mut Desk<'_>, repo: &str, branch: &str) -> Result<String, Stopped> {
    if let State::Analyzing { base_sha: Some(sha) } = &desk.attempt.state {
        return Ok(sha.clone());
    }
    let head = desk.worker.github.branch_head(repo, branch).await?;
    let sha = head.ok_or_else(|| ServiceError::NotFound(format!("the branch `{branch}` of `{repo}`")))?;
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

/// The deployment's settings and folder, made stricter by the repository's own file. `Err` is how the attempt ends.
fn repository_settings(
    desk: &Desk<'_>,
    snapshot: &Snapshot,
    project: ProjectPath,
) -> Result<(PolicySettings, ProjectPath), Event> {
    let deployment = PolicySettings {
        enabled: Enabled::Yes,
        min_confidence: desk.worker.config.min_confidence,
        blocked_categories: BTreeSet::new(),
    };
    let path = RepoPath::parse(ORCHESTRATOR_FILE);
    let Some((path, _)) = path.ok().and_then(|path| Some((path.clone(), snapshot.file(&path)?))) else {
        return Ok((deployment, project));
    };
    let unusable = |why: String| {
        let sentence =
            format!("`{ORCHESTRATOR_FILE}` cannot be followed, so AutoFix does nothing here: {why}");
        skipped(ReasonCode::RepositoryFileUnreadable, sentence)
    };
    let text = snapshot.text(&path).ok_or_else(|| unusable("it is not a text.".to_owned()))?;
    let file = orchestrator_file::parse(text.as_bytes()).map_err(|error| unusable(error.to_string()))?;
    if file.github_repo.as_ref().is_some_and(|repo| *repo != desk.attempt.target.repo) {
        return Err(unusable(format!("it is about another repository than `{}`.", desk.attempt.target.repo)));
    }
    let settings = orchestrator_file::stricter(&deployment, &file);
    if settings.enabled == Enabled::No {
        let sentence = format!("`{ORCHESTRATOR_FILE}` switches AutoFix off for this repository.");
        return Err(skipped(ReasonCode::DisabledByRepository, sentence));
    }
    let narrower = match file.github_path.as_deref().map(ProjectPath::parse) {
        None => project,
        Some(Ok(folder)) if project.is_root() || folder.as_str() == project.as_str() => folder,
        Some(Ok(folder)) if folder.as_str().starts_with(&format!("{project}/")) => folder,
        Some(Ok(_)) => return Err(unusable(format!("its folder is not inside `{project}`."))),
        Some(Err(_)) => return Err(unusable("its folder is not a path.".to_owned())),
    };
    Ok((settings, narrower))
}

/// Root cause, fix, critic, and the policy between them.
async fn decide(desk: &mut Desk<'_>, case: &Case) -> Result<Event, Stopped> {
    desk.attempt.usage = Usage::default(); // counted again from the checkpoints
    let analysis = match find_root_cause(desk, case).await? {
        Outcome::Result(analysis) => analysis,
        Outcome::Refused(reasons) => return Ok(Event::Skipped { reasons, fix: None }),
    };
    if desk.attempt.analysis.as_ref() != Some(&analysis) {
        desk.happened(Event::CauseFound { analysis: Box::new(analysis.clone()) }).await?;
    }
    let there = categories_there(case, &analysis);
    if let Outlook::Refuse { reasons } = policy::decide_before_fix(&case.root_cause(&analysis, &there)) {
        return Ok(Event::Skipped { reasons, fix: None });
    }
    let candidate = match write_fix(desk, case, &analysis).await? {
        Outcome::Result(candidate) => candidate,
        Outcome::Refused(reasons) => return Ok(Event::Skipped { reasons, fix: None }),
    };
    let touched = categories::categories_of(std::slice::from_ref(&candidate.change));
    // The chain is as sure as its least sure part, and the author of the fix is one of them.
    let mut judged = analysis.clone();
    judged.confidence = analysis.confidence.zip(candidate.confidence).map(|(cause, fix)| cause.min(fix));
    let mut input = PolicyInput {
        root_cause: case.root_cause(&judged, &touched),
        critique: None,
        findings: &candidate.findings,
        syntax: match syntax::check(&candidate.change) {
            SyntaxChecked::UnknownLanguage => SyntaxCheck::NotChecked,
            _ => SyntaxCheck::Checked, // new errors are among the findings
        },
        edited_file: case.edited_file(&candidate),
    };
    let unchecked = unchecked(&input);
    let reasons = reasons_without_critic(&input);
    if !reasons.is_empty() {
        // Refused whatever the critic would say, so it is not paid for.
        return Ok(refused(case, &candidate, reasons, unchecked));
    }
    let critique = match criticise(desk, case, &candidate).await? {
        Outcome::Result(critique) => critique,
        Outcome::Refused(reasons) => return Ok(refused(case, &candidate, reasons, unchecked)),
    };
    input.critique = Some(&critique);
    match policy::decide(&input) {
        Verdict::OpenPullRequest { confidence } => {
            let fix = Box::new(fix_of(case, &candidate, confidence, unchecked));
            if desk.worker.config.dry_run.is_on() {
                let sentence = "`AUTOFIX_DRY_RUN` is on: this pull request would have been opened.";
                return Ok(Event::Skipped {
                    reasons: vec![Reason::new(ReasonCode::DryRun, sentence)],
                    fix: Some(fix),
                });
            }
            Ok(Event::FixProposed { fix })
        }
        Verdict::Refuse { reasons } => Ok(refused(case, &candidate, reasons, unchecked)),
    }
}

impl Case {
    /// What the policy is told about the root cause.
    fn root_cause<'a>(
        &'a self,
        analysis: &'a Analysis,
        categories: &'a [(Category, String)],
    ) -> RootCause<'a> {
        let verified = frames::culprit(&self.incident, &self.located).is_some_and(|frame| frame.verified);
        RootCause {
            analysis,
            frame: if verified { FrameCheck::Verified } else { FrameCheck::Unverified },
            // False evidence never gets here: the conversation ends with it.
            evidence: if analysis.evidence.len() > 1 { EvidenceCheck::True } else { EvidenceCheck::Thin },
            code_categories: categories,
            settings: &self.settings,
        }
    }

    fn edited_file(&self, candidate: &Candidate) -> EditedFile {
        let culprit = frames::culprit(&self.incident, &self.located);
        match culprit.is_some_and(|frame| frame.path.as_str() == candidate.change.path) {
            true => EditedFile::CulpritFile,
            false => EditedFile::OtherFile,
        }
    }
}

/// What a fix at the place of the cause would touch.
fn categories_there(case: &Case, analysis: &Analysis) -> Vec<(Category, String)> {
    let Some(path) = case.snapshot.resolve(&analysis.file_path, &case.project) else { return Vec::new() };
    let text = case.snapshot.text(path).unwrap_or_default();
    categories::categories_of_place(path.as_str(), text, &analysis.line_number.into_iter().collect())
}

/// Everything against a change that needs no critic to be refused.
fn reasons_without_critic(input: &PolicyInput<'_>) -> Vec<Reason> {
    let mut reasons = match policy::decide_before_fix(&input.root_cause) {
        Outlook::Refuse { reasons } => reasons,
        Outlook::ProposeFix => Vec::new(),
    };
    reasons.extend(input.findings.iter().cloned());
    reasons
}

async fn find_root_cause(desk: &mut Desk<'_>, case: &Case) -> Result<Outcome<Analysis>, Stopped> {
    let toolbox = Toolbox::new(&case.snapshot, &case.project);
    let topic = Topic {
        name: "root_cause",
        setting: root_cause::setting(&case.boundary),
        opening: root_cause::opening(&case.boundary, &case.incident, &case.located, &case.project),
        toolbox: Some(&toolbox),
        result_tool: root_cause::RESULT_TOOL,
    };
    let mut objections = 0;
    conversation::talk(desk, topic, |input| match root_cause::read(input, &case.snapshot, &case.project) {
        Ok(analysis) => Judged::Accepted(analysis),
        Err(objection) => {
            objections += 1;
            match objection {
                Objection::EvidenceFalse { sentences, .. } if objections > 1 => {
                    Judged::Refused(vec![Reason::new(
                        ReasonCode::EvidenceFalse,
                        format!("Claude's evidence is not in the code. {}", sentences.join(" ")),
                    )])
                }
                Objection::Unreadable(sentence) if objections > 2 => {
                    Judged::Refused(vec![Reason::new(ReasonCode::FieldMissing, sentence)])
                }
                objection => Judged::Again(objection.sentence()),
            }
        }
    })
    .await
}

async fn write_fix(
    desk: &mut Desk<'_>,
    case: &Case,
    analysis: &Analysis,
) -> Result<Outcome<Candidate>, Stopped> {
    let files = fix::cited_files(analysis, &case.snapshot, &case.project);
    let topic = Topic {
        name: "fix",
        setting: fix::setting(&case.boundary),
        opening: fix::opening(&case.boundary, analysis, &files, &case.snapshot),
        toolbox: None,
        result_tool: fix::RESULT_TOOL,
    };
    let mut repairs = 0;
    conversation::talk(desk, topic, |input| match fix::read(input, &files, &case.snapshot, &case.project) {
        Proposal::Usable(candidate) => Judged::Accepted(*candidate),
        Proposal::None { explanation } => Judged::Refused(vec![Reason::new(
            ReasonCode::ModelDeclined,
            format!("Claude found no change that it would defend: {explanation}"),
        )]),
        Proposal::Unusable { reasons, .. } if repairs >= MAX_REPAIRS => Judged::Refused(reasons),
        Proposal::Unusable { sentence, .. } => {
            repairs += 1;
            Judged::Again(sentence)
        }
    })
    .await
}

async fn criticise(
    desk: &mut Desk<'_>,
    case: &Case,
    candidate: &Candidate,
) -> Result<Outcome<Critique>, Stopped> {
    let topic = Topic {
        name: "critic",
        setting: critic::setting(&case.boundary),
        opening: critic::opening(&case.boundary, &case.incident, &case.located, &candidate.change),
        toolbox: None,
        result_tool: critic::RESULT_TOOL,
    };
    let mut objections = 0;
    conversation::talk(desk, topic, |input| match critic::read(input) {
        Ok(critique) => Judged::Accepted(critique),
        Err(sentence) if objections > 0 => {
            Judged::Refused(vec![Reason::new(ReasonCode::FieldMissing, sentence)])
        }
        Err(sentence) => {
            objections += 1;
            Judged::Again(sentence)
        }
    })
    .await
}

/// What people are told that nobody has checked.
fn unchecked(input: &PolicyInput<'_>) -> Vec<String> {
    let sentences = policy::penalties(input).into_iter().map(|penalty| {
        match penalty {
            Penalty::SyntaxNotChecked => {
                "the syntax of the changed file: AutoFix has no grammar for its language"
            }
            Penalty::EvidenceThin => "the root cause rests on a single quote from the code",
            Penalty::CulpritElsewhere => "the change is not in the file that crashed",
        }
        .to_owned()
    });
    sentences.collect()
}

fn refused(case: &Case, candidate: &Candidate, reasons: Vec<Reason>, unchecked: Vec<String>) -> Event {
    let confidence = candidate.confidence.unwrap_or(0.0);
    Event::Skipped { reasons, fix: Some(Box::new(fix_of(case, candidate, confidence, unchecked))) }
}

fn fix_of(case: &Case, candidate: &Candidate, confidence: f64, unchecked: Vec<String>) -> Fix {
    let edits = candidate
        .edits
        .iter()
        .map(|edit| ProposedEdit { search: edit.search.clone(), replace: edit.replace.clone() });
    Fix {
        base_sha: case.base_sha.clone(),
        base_branch: case.base_branch.clone(),
        file_path: candidate.change.path.clone(),
        edits: edits.collect(),
        explanation: candidate.explanation.clone(),
        confidence,
        diff: shown_diff(&candidate.change),
        before_sha256: hex::encode(Sha256::digest(&candidate.change.before)),
        unchecked,
    }
}

/// The diff for people. Lines of data or minified code are cut: the attempt has to fit into a table item.
fn shown_diff(change: &FileChange) -> String {
    let mut shown = String::new();
    for line in unified(change).lines() {
        if shown.len() > MAX_DIFF_BYTES {
            shown.push_str("…\n");
            break;
        }
        match line.char_indices().nth(MAX_DIFF_LINE_CHARS) {
            Some((end, _)) => shown.push_str(&format!("{}…\n", &line[..end])),
            None => shown.push_str(&format!("{line}\n")),
        }
    }
    shown
}

fn skipped(code: ReasonCode, sentence: impl Into<String>) -> Event {
    Event::Skipped { reasons: vec![Reason::new(code, sentence)], fix: None }
}

fn failed(code: ReasonCode, sentence: impl Into<String>) -> Event {
    Event::Failed { reason: Reason::new(code, sentence) }
}
