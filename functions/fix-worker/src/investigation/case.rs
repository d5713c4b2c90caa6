//! A case: one incident, the code at one commit, and the rules that hold for it. Everything that can be decided without a
//! model is decided when it is opened.

use std::collections::BTreeSet;

use autofix::analysis::background::Background;
use autofix::analysis::critic::code::CrashLine;
use autofix::analysis::effects::Crash;
use autofix::analysis::fix::{Candidate, Code};
use autofix::analysis::frames::{self, LocatedFrame, Match, SinceRelease, since_release};
use autofix::analysis::orchestrator_file::{self, ORCHESTRATOR_FILE};
use autofix::analysis::policy::{EditedFile, Enabled, EvidenceCheck, FrameCheck, PolicySettings, RootCause};
use autofix::analysis::prompt::Boundary;
use autofix::analysis::repo_path::{ProjectPath, RepoPath};
use autofix::analysis::report::{Analysis, Category};
use autofix::analysis::snapshot::Snapshot;
use autofix::attempt::AttemptId;
use autofix::incident::Incident;
use autofix::reason::{Reason, ReasonCode};

/// What a case is made of.
pub struct Material {
    pub attempt: AttemptId,
    /// Redacted already: see `redact_incident`.
    pub incident: Incident,
    /// What is known beside the incident.
    pub background: Background,
    pub snapshot: Snapshot,
    /// `owner/name`.
    pub repo: String,
    pub project: ProjectPath,
    pub base_branch: String,
    /// Commit of the snapshot.
    pub base_sha: String,
    /// The deployment's threshold, 0 to 1.
    pub min_confidence: f64,
}

/// What everything after the event is about.
pub struct Case {
    pub(crate) incident: Incident,
    pub(crate) background: Background,
    pub(crate) snapshot: Snapshot,
    pub(crate) project: ProjectPath,
    pub(crate) located: Vec<LocatedFrame>,
    pub(crate) crash: Crash,
    pub(crate) boundary: Boundary,
    pub(crate) base_branch: String,
    pub(crate) base_sha: String,
    pub(crate) settings: PolicySettings,
}

impl Case {
    /// Opens a case. See [`Case::obstacle`] before a model is asked.
    ///
    /// # Errors
    /// The reason why there is nothing to look at.
    pub fn open(mut material: Material) -> Result<Case, Reason> {
        if !material.incident.has_stack_trace() {
            let sentence = "The event has no stack trace, so there is no code to look at.";
            return Err(Reason::new(ReasonCode::NoStackTrace, sentence));
        }
        let (settings, project) = repository_settings(&material)?;
        let located = frames::locate(&material.incident, &material.snapshot, &project);
        frames::mark_own(&mut material.incident, &located);
        Ok(Case {
            crash: crash(&material.incident, &located),
            boundary: Boundary::of(material.attempt),
            incident: material.incident,
            background: material.background,
            snapshot: material.snapshot,
            project,
            located,
            base_branch: material.base_branch,
            base_sha: material.base_sha,
            settings,
        })
    }

    /// Why no change can be built on the stack trace: nothing of it was found in the code, or what was found can't be
    /// told to be what crashed.
    pub fn obstacle(&self) -> Option<Reason> {
        frames::obstacle(&self.incident, &self.located, &self.snapshot, &self.project)
    }

    /// The commit of the release and the file of the frame to blame, if that file as released tells more: the frame is
    /// not verified by a source line. See [`Case::compare_release`].
    pub fn wants_released(&self) -> Option<(String, RepoPath)> {
        let commit = self.incident.release.as_ref()?.commit.as_ref()?;
        let culprit = self.culprit().filter(|frame| frame.matched != Match::SourceLine)?;
        (!self.base_sha.starts_with(commit)).then(|| (commit.clone(), culprit.path.clone()))
    }

    /// Compares the crash with its file as released at `commit`, which may give the frame the source line that the event
    /// lacks. The reason why there is nothing to do, if the line has changed since.
    pub fn compare_release(&mut self, commit: &str, released: &str) -> Option<Reason> {
        self.add_released(released);
        let located = self.culprit()?;
        let frame = &self.incident.exceptions[located.exception].frames[located.frame];
        let current = self.snapshot.text(&located.path).unwrap_or_default();
        if since_release(frame, released, current) != SinceRelease::Changed {
            return None;
        }
        let sentence = format!(
            "The line that crashed in the release (`{}`) has changed on `{}` since. Deploy that before anything else.",
            commit.get(..10).unwrap_or(commit),
            self.base_branch
        );
        Some(Reason::new(ReasonCode::AlreadyFixed, sentence))
    }

    fn add_released(&mut self, released: &str) {
        let Some(culprit) = self.culprit().cloned().filter(|culprit| culprit.matched != Match::LineGone)
        else {
            return;
        };
        let frame = &mut self.incident.exceptions[culprit.exception].frames[culprit.frame];
        frames::add_source(frame, &culprit.path, released);
        let has_source = frame.context_line.is_some();
        self.located = frames::locate(&self.incident, &self.snapshot, &self.project);
        let same =
            |found: &&mut LocatedFrame| (found.exception, found.frame) == (culprit.exception, culprit.frame);
        // In the release the line was in another function, so today's function says nothing.
        if !has_source && let Some(found) = self.located.iter_mut().find(same) {
            found.matched = Match::NoSource;
        }
        self.crash = crash(&self.incident, &self.located);
    }

    /// The frame to blame, where it was found in the code.
    pub fn culprit(&self) -> Option<&LocatedFrame> {
        frames::culprit(&self.incident, &self.located)
    }

    /// What a fix is made for and checked against.
    pub(crate) fn code(&self) -> Code<'_> {
        Code { snapshot: &self.snapshot, project: &self.project, crash: &self.crash }
    }

    /// The text of a file at the pinned commit.
    pub fn text(&self, path: &RepoPath) -> Option<&str> {
        self.snapshot.text(path)
    }

    /// Every frame that was found in the code.
    pub fn located(&self) -> &[LocatedFrame] {
        &self.located
    }
}

impl Case {
    /// What the policy needs to know about the root cause.
    pub(super) fn root_cause<'a>(
        &'a self,
        analysis: &'a Analysis,
        categories: &'a [(Category, String)],
    ) -> RootCause<'a> {
        let verified = self.culprit().is_some_and(LocatedFrame::is_verified);
        RootCause {
            analysis,
            frame: if verified { FrameCheck::Verified } else { FrameCheck::Unverified },
            // False evidence never gets here: the conversation ends with it.
            evidence: if analysis.evidence.len() > 1 { EvidenceCheck::True } else { EvidenceCheck::Thin },
            code_categories: categories,
            forbidden: &[],
            settings: &self.settings,
        }
    }

    /// The verified line that crashed.
    pub(super) fn crash_line(&self) -> Option<CrashLine<'_>> {
        let frame = self.culprit().filter(|frame| frame.is_verified())?;
        Some(CrashLine { path: &frame.path, line: frame.line? })
    }

    /// Type of the exception of the frame to blame.
    pub(crate) fn exception(&self) -> &str {
        let of_culprit = self.culprit().and_then(|frame| self.incident.exceptions.get(frame.exception));
        of_culprit.or(self.incident.exceptions.last()).map_or("", |exception| &exception.kind)
    }

    pub(super) fn edited_file(&self, candidate: &Candidate) -> EditedFile {
        let culprit = self.culprit();
        match culprit.is_some_and(|frame| frame.path.as_str() == candidate.change.path) {
            true => EditedFile::CulpritFile,
            false => EditedFile::OtherFile,
        }
    }
}

/// The verified place of the crash and what was raised there; empty if no frame is verified.
fn crash(incident: &Incident, located: &[LocatedFrame]) -> Crash {
    let Some(frame) = frames::culprit(incident, located).filter(|frame| frame.is_verified()) else {
        return Crash::default();
    };
    let exception = incident.exceptions.get(frame.exception);
    Crash {
        path: frame.path.to_string(),
        line: frame.line.unwrap_or_default(),
        exception: exception.map_or_else(String::new, |one| one.kind.clone()),
        message: exception.map_or_else(String::new, |one| one.message.clone()),
    }
}

/// The deployment's settings and folder, made stricter by the repository's own file. `Err` says why they do not allow anything.
fn repository_settings(material: &Material) -> Result<(PolicySettings, ProjectPath), Reason> {
    let (snapshot, project) = (&material.snapshot, material.project.clone());
    let deployment = PolicySettings {
        enabled: Enabled::Yes,
        min_confidence: material.min_confidence,
        blocked_categories: BTreeSet::new(),
    };
    let path = RepoPath::parse(ORCHESTRATOR_FILE);
    let Some((path, _)) = path.ok().and_then(|path| Some((path.clone(), snapshot.file(&path)?))) else {
        return Ok((deployment, project));
    };
    let unusable = |why: String| {
        let sentence =
            format!("`{ORCHESTRATOR_FILE}` cannot be followed, so AutoFix does nothing here: {why}");
        Reason::new(ReasonCode::RepositoryFileUnreadable, sentence)
    };
    let text = snapshot.text(&path).ok_or_else(|| unusable("it is not a text.".to_owned()))?;
    let file = orchestrator_file::parse(text.as_bytes()).map_err(|error| unusable(error.to_string()))?;
    if file.github_repo.as_ref().is_some_and(|repo| *repo != material.repo) {
        return Err(unusable(format!("it is about another repository than `{}`.", material.repo)));
    }
    let settings = orchestrator_file::stricter(&deployment, &file);
    if settings.enabled == Enabled::No {
        let sentence = format!("`{ORCHESTRATOR_FILE}` switches AutoFix off for this repository.");
        return Err(Reason::new(ReasonCode::DisabledByRepository, sentence));
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
