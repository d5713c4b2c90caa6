//! Why AutoFix did not do something: a closed list of codes, each with a sentence for people.
//!
//! A refusal without a code cannot be counted, and one without a sentence cannot be acted on, so a
//! `Reason` always has both. Codes are part of the API (`reason.code`): add, never rename.

use serde::{Deserialize, Serialize};

use crate::words::word_enum;

word_enum! {
    /// The closed list of `reason.code`.
    pub enum ReasonCode {
        // The event or the set-up gives nothing to analyse.
        HourlyLimit = "hourly_limit",
        ProjectNotConfigured = "project_not_configured",
        NoStackTrace = "no_stack_trace",
        NoAppFrame = "no_app_frame",
        BelowTheBar = "below_the_bar",
        SentryAgentTookOver = "sentry_agent_took_over",
        DisabledByRepository = "disabled_by_repository",
        RepositoryFileUnreadable = "repository_file_unreadable",

        // Another attempt has, or had, the same fault.
        SameFaultJoined = "same_fault_joined",
        SameFaultDismissed = "same_fault_dismissed",
        SameFaultMerged = "same_fault_merged",
        SameFaultAnswered = "same_fault_answered",
        SameFaultUndecided = "same_fault_undecided",
        TriedBefore = "tried_before",

        // The analysis says that there is nothing here for a machine to change.
        NotOurCode = "not_our_code",
        AlreadyFixed = "already_fixed",
        NeedsHuman = "needs_human",
        DryRun = "dry_run",

        // The policy refuses.
        FieldMissing = "field_missing",
        ComplexityTooHigh = "complexity_too_high",
        SecurityRisk = "security_risk",
        LowConfidence = "low_confidence",
        BlastRadius = "blast_radius",
        CategoryBlocked = "category_blocked",
        ModelDeclined = "model_declined",
        FrameUnverified = "frame_unverified",
        EvidenceFalse = "evidence_false",
        CriticRefused = "critic_refused",
        QuestionOpen = "question_open",

        // The edit could not be applied.
        EditEmptySearch = "edit_empty_search",
        EditNoChange = "edit_no_change",
        EditNotFound = "edit_not_found",
        EditAmbiguous = "edit_ambiguous",
        EditOverlap = "edit_overlap",
        EditUnknownFile = "edit_unknown_file",

        // The edited file is not one that AutoFix would defend.
        SeveralFiles = "several_files",
        OutsidePath = "outside_path",
        ForbiddenPath = "forbidden_path",
        TooManyLines = "too_many_lines",
        NoChange = "no_change",
        SyntaxError = "syntax_error",
        SignatureChanged = "signature_changed",
        NetworkHostAdded = "network_host_added",
        DangerousCall = "dangerous_call",
        TlsDisabled = "tls_disabled",
        ImportAdded = "import_added",
        ExceptionSwallowed = "exception_swallowed",
        CheckDeleted = "check_deleted",
        LogLevelLowered = "log_level_lowered",
        TimeoutRaised = "timeout_raised",
        WarningSilenced = "warning_silenced",
        ComputationChanged = "computation_changed",
        WorkSkipped = "work_skipped",
        SensitiveChange = "sensitive_change",
        InvisibleCharacter = "invisible_character",
        TestWeakened = "test_weakened",
        SecretInDiff = "secret_in_diff",

        // Something outside failed for good.
        RepositoryNotFound = "repository_not_found",
        SnapshotUnreadable = "snapshot_unreadable",
        GithubRefused = "github_refused",
        ClaudeRefused = "claude_refused",
        ClaudeUnavailable = "claude_unavailable",
        SentryUnavailable = "sentry_unavailable",
        OpenPullRequestLimit = "open_pull_request_limit",
        BudgetSpent = "budget_spent",
        DailyBudgetSpent = "daily_budget_spent",
        StuckInLoop = "stuck_in_loop",
        BranchMoved = "branch_moved",
        BaseMoved = "base_moved",
        ChecksFailed = "checks_failed",
        ChecksUnfinished = "checks_unfinished",
        MergeRefused = "merge_refused",
        RetriesUsedUp = "retries_used_up",
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
