//! Why AutoFix did not do something: a closed list of codes, each with a sentence for people.
//!
//! A refusal without a code cannot be counted, and one without a sentence cannot be acted on, so a
//! `Reason` always has both. Codes are part of the API (`reason.code`): add, never rename.

use serde::{Deserialize, Serialize};

use crate::words::word_enum;

word_enum! {
    /// The closed list of `reason.code`. What a code means, for `docs/api.md` too, holds for every attempt with it.
    pub enum ReasonCode with meanings {
        // The event or the set-up gives nothing to analyse.
        /// The hourly limit of attempts was reached. The digest lists the error.
        HourlyLimit = "hourly_limit",
        /// The settings name no usable folder or repository for the Sentry project.
        ProjectNotConfigured = "project_not_configured",
        /// Sentry's event has no stack trace, or AutoFix could not read it.
        NoStackTrace = "no_stack_trace",
        /// No frame of the stack trace is in a file of the repository.
        NoAppFrame = "no_app_frame",
        /// The error's environment, level or number of events is below what the settings ask for.
        BelowTheBar = "below_the_bar",
        /// Sentry's own agent opened a pull request for the issue.
        SentryAgentTookOver = "sentry_agent_took_over",
        /// The repository's `autofix.yaml` switches AutoFix off.
        DisabledByRepository = "disabled_by_repository",
        /// The repository's `autofix.yaml` can't be read, or has an unknown key.
        RepositoryFileUnreadable = "repository_file_unreadable",

        // Another attempt has, or had, the same fault.
        /// The issue has the same fault as another one and joined its fix.
        SameFaultJoined = "same_fault_joined",
        /// A person dismissed a fix of the same fault.
        SameFaultDismissed = "same_fault_dismissed",
        /// A fix of the same fault is merged and may not be live yet.
        SameFaultMerged = "same_fault_merged",
        /// Another attempt for the same fault ended without a fix, or a person has its pull request in hand.
        SameFaultAnswered = "same_fault_answered",
        /// The attempt gave up waiting for another attempt at the same fault.
        SameFaultUndecided = "same_fault_undecided",
        /// Claude proposed a change that was merged before and did not help.
        TriedBefore = "tried_before",

        // The analysis says that there is nothing here for a machine to change.
        /// The analysis says that the fault is outside this repository.
        NotOurCode = "not_our_code",
        /// The fault is already fixed on the base branch.
        AlreadyFixed = "already_fixed",
        /// The analysis says that a person must decide.
        NeedsHuman = "needs_human",
        /// `AUTOFIX_DRY_RUN` is on: AutoFix would have opened this pull request.
        DryRun = "dry_run",

        // The policy refuses.
        /// Claude's answer lacks a field, or has a word that AutoFix does not know.
        FieldMissing = "field_missing",
        /// The fix is neither `minimal` nor `simple`.
        ComplexityTooHigh = "complexity_too_high",
        /// The security implications are more than `low`.
        SecurityRisk = "security_risk",
        /// The confidence is below `AUTOFIX_MIN_CONFIDENCE` or the repository's own limit.
        LowConfidence = "low_confidence",
        /// The change affects more than its own place.
        BlastRadius = "blast_radius",
        /// The change or its path is in a category that only people change, such as payments.
        CategoryBlocked = "category_blocked",
        /// Claude says that this should not be fixed automatically.
        ModelDeclined = "model_declined",
        /// No frame of the stack trace matches the code at the pinned commit.
        FrameUnverified = "frame_unverified",
        /// The analysis quotes code that is not where it says, or quotes none.
        EvidenceFalse = "evidence_false",
        /// A critic refused the change.
        CriticRefused = "critic_refused",
        /// A critic did not answer a question about the change with a proven yes.
        QuestionOpen = "question_open",

        // The edit could not be applied.
        /// An edit searches for an empty text.
        EditEmptySearch = "edit_empty_search",
        /// An edit replaces a text by itself.
        EditNoChange = "edit_no_change",
        /// The search text of an edit is not in the file.
        EditNotFound = "edit_not_found",
        /// The search text of an edit is in the file more than once.
        EditAmbiguous = "edit_ambiguous",
        /// Two edits change the same lines.
        EditOverlap = "edit_overlap",
        /// An edit names a file that is not in the repository.
        EditUnknownFile = "edit_unknown_file",

        // The edited file is not one that AutoFix would defend.
        /// The fix changes more than one file.
        SeveralFiles = "several_files",
        /// The file is outside the project's folder.
        OutsidePath = "outside_path",
        /// Only people change this file: CI, deployment, manifests, migrations, keys and the like.
        ForbiddenPath = "forbidden_path",
        /// The fix changes more lines than are allowed.
        TooManyLines = "too_many_lines",
        /// There is no fix, or it changes only comments or layout.
        NoChange = "no_change",
        /// The file does not parse after the change.
        SyntaxError = "syntax_error",
        /// The fix changes the signature of a function.
        SignatureChanged = "signature_changed",
        /// The fix adds a network host.
        NetworkHostAdded = "network_host_added",
        /// The fix adds a call that may run code, start programs, or touch files or the environment.
        DangerousCall = "dangerous_call",
        /// The fix switches off a TLS check.
        TlsDisabled = "tls_disabled",
        /// The fix adds a third-party import.
        ImportAdded = "import_added",
        /// The fix hides an exception.
        ExceptionSwallowed = "exception_swallowed",
        /// The fix removes or loosens a check.
        CheckDeleted = "check_deleted",
        /// The fix lowers a log level or silences a report.
        LogLevelLowered = "log_level_lowered",
        /// The fix raises a timeout, waits, or tries again more often.
        TimeoutRaised = "timeout_raised",
        /// The fix silences a warning.
        WarningSilenced = "warning_silenced",
        /// The fix changes a calculation, a number or a limit.
        ComputationChanged = "computation_changed",
        /// The fix skips work that has nothing to do with what was missing.
        WorkSkipped = "work_skipped",
        /// The fix changes something sensitive, such as what a query, a request or a log line gets.
        SensitiveChange = "sensitive_change",
        /// The fix has an invisible or look-alike character.
        InvisibleCharacter = "invisible_character",
        /// The fix weakens a test.
        TestWeakened = "test_weakened",
        /// The diff has something that looks like a secret.
        SecretInDiff = "secret_in_diff",

        // Something outside failed for good.
        /// GitHub does not find the repository or its branch.
        RepositoryNotFound = "repository_not_found",
        /// The repository at the pinned commit can't be read, or is too large.
        SnapshotUnreadable = "snapshot_unreadable",
        /// GitHub does not let AutoFix do something.
        GithubRefused = "github_refused",
        /// Claude declined, or the code does not fit into a conversation.
        ClaudeRefused = "claude_refused",
        /// Claude does not accept AutoFix's requests.
        ClaudeUnavailable = "claude_unavailable",
        /// Sentry does not let AutoFix read the event, or the report is no longer in the table.
        SentryUnavailable = "sentry_unavailable",
        /// The fix waited for a pull request slot for a week.
        OpenPullRequestLimit = "open_pull_request_limit",
        /// The attempt reached `AUTOFIX_MAX_COST_USD`.
        BudgetSpent = "budget_spent",
        /// All attempts of the day reached `AUTOFIX_DAILY_COST_USD`.
        DailyBudgetSpent = "daily_budget_spent",
        /// Claude asked the same thing again and again.
        StuckInLoop = "stuck_in_loop",
        /// Someone else changed the branch.
        BranchMoved = "branch_moved",
        /// The base branch moved and the fix no longer fits.
        BaseMoved = "base_moved",
        /// Checks failed and stayed red.
        ChecksFailed = "checks_failed",
        /// Checks are still running; after a day the attempt ends.
        ChecksUnfinished = "checks_unfinished",
        /// GitHub did not merge the pull request.
        MergeRefused = "merge_refused",
        /// A service failed for so long that AutoFix gave up.
        RetriesUsedUp = "retries_used_up",
        /// A fault of AutoFix itself ended the attempt.
        InternalError = "internal_error",
    }
}

/// One reason with its sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub code: ReasonCode,
    /// What happened, to what, and what to do next. At most [`Reason::DETAIL_CHARS`] characters.
    pub detail: String,
}

impl Reason {
    /// Upper bound of `detail`, characters.
    pub const DETAIL_CHARS: usize = 600;

    /// A reason; a longer detail is cut.
    pub fn new(code: ReasonCode, detail: impl Into<String>) -> Reason {
        let mut detail = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(Self::DETAIL_CHARS) {
            detail.truncate(end);
        }
        Reason { code, detail }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)
    }
}
