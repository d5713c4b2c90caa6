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

impl ReasonCode {
    /// What the code means, for `docs/api.md`: a sentence that holds for every attempt with it.
    pub const fn meaning(self) -> &'static str {
        match self {
            ReasonCode::HourlyLimit => {
                "The hourly limit of attempts was reached. The digest lists the error."
            }
            ReasonCode::ProjectNotConfigured => {
                "The settings name no usable folder or repository for the Sentry project."
            }
            ReasonCode::NoStackTrace => "Sentry's event has no stack trace, or AutoFix could not read it.",
            ReasonCode::NoAppFrame => "No frame of the stack trace is in a file of the repository.",
            ReasonCode::BelowTheBar => {
                "The error's environment, level or number of events is below what the settings ask for."
            }
            ReasonCode::SentryAgentTookOver => "Sentry's own agent opened a pull request for the issue.",
            ReasonCode::DisabledByRepository => "The repository's `autofix.yaml` switches AutoFix off.",
            ReasonCode::RepositoryFileUnreadable => {
                "The repository's `autofix.yaml` can't be read, or has an unknown key."
            }
            ReasonCode::SameFaultJoined => "The issue has the same fault as another one and joined its fix.",
            ReasonCode::SameFaultDismissed => "A person dismissed a fix of the same fault.",
            ReasonCode::SameFaultMerged => "A fix of the same fault is merged and may not be live yet.",
            ReasonCode::SameFaultAnswered => {
                "Another attempt for the same fault ended without a fix, or a person has its pull request in hand."
            }
            ReasonCode::SameFaultUndecided => {
                "The attempt gave up waiting for another attempt at the same fault."
            }
            ReasonCode::TriedBefore => "Claude proposed a change that was merged before and did not help.",
            ReasonCode::NotOurCode => "The analysis says that the fault is outside this repository.",
            ReasonCode::AlreadyFixed => "The fault is already fixed on the base branch.",
            ReasonCode::NeedsHuman => "The analysis says that a person must decide.",
            ReasonCode::DryRun => "`AUTOFIX_DRY_RUN` is on: AutoFix would have opened this pull request.",
            ReasonCode::FieldMissing => {
                "Claude's answer lacks a field, or has a word that AutoFix does not know."
            }
            ReasonCode::ComplexityTooHigh => "The fix is neither `minimal` nor `simple`.",
            ReasonCode::SecurityRisk => "The security implications are more than `low`.",
            ReasonCode::LowConfidence => {
                "The confidence is below `AUTOFIX_MIN_CONFIDENCE` or the repository's own limit."
            }
            ReasonCode::BlastRadius => "The change affects more than its own place.",
            ReasonCode::CategoryBlocked => {
                "The change or its path is in a category that only people change, such as payments."
            }
            ReasonCode::ModelDeclined => "Claude says that this should not be fixed automatically.",
            ReasonCode::FrameUnverified => {
                "No frame of the stack trace matches the code at the pinned commit."
            }
            ReasonCode::EvidenceFalse => {
                "The analysis quotes code that is not where it says, or quotes none."
            }
            ReasonCode::CriticRefused => "A critic refused the change.",
            ReasonCode::QuestionOpen => {
                "A critic did not answer a question about the change with a proven yes."
            }
            ReasonCode::EditEmptySearch => "An edit searches for an empty text.",
            ReasonCode::EditNoChange => "An edit replaces a text by itself.",
            ReasonCode::EditNotFound => "The search text of an edit is not in the file.",
            ReasonCode::EditAmbiguous => "The search text of an edit is in the file more than once.",
            ReasonCode::EditOverlap => "Two edits change the same lines.",
            ReasonCode::EditUnknownFile => "An edit names a file that is not in the repository.",
            ReasonCode::SeveralFiles => "The fix changes more than one file.",
            ReasonCode::OutsidePath => "The file is outside the project's folder.",
            ReasonCode::ForbiddenPath => {
                "Only people change this file: CI, deployment, manifests, migrations, keys and the like."
            }
            ReasonCode::TooManyLines => "The fix changes more lines than are allowed.",
            ReasonCode::NoChange => "There is no fix, or it changes only comments or layout.",
            ReasonCode::SyntaxError => "The file does not parse after the change.",
            ReasonCode::SignatureChanged => "The fix changes the signature of a function.",
            ReasonCode::NetworkHostAdded => "The fix adds a network host.",
            ReasonCode::DangerousCall => {
                "The fix adds a call that may run code, start programs, or touch files or the environment."
            }
            ReasonCode::TlsDisabled => "The fix switches off a TLS check.",
            ReasonCode::ImportAdded => "The fix adds a third-party import.",
            ReasonCode::ExceptionSwallowed => "The fix hides an exception.",
            ReasonCode::CheckDeleted => "The fix removes or loosens a check.",
            ReasonCode::LogLevelLowered => "The fix lowers a log level or silences a report.",
            ReasonCode::TimeoutRaised => "The fix raises a timeout, waits, or tries again more often.",
            ReasonCode::WarningSilenced => "The fix silences a warning.",
            ReasonCode::ComputationChanged => "The fix changes a calculation, a number or a limit.",
            ReasonCode::WorkSkipped => "The fix skips work that has nothing to do with what was missing.",
            ReasonCode::SensitiveChange => {
                "The fix changes something sensitive, such as what a query, a request or a log line gets."
            }
            ReasonCode::InvisibleCharacter => "The fix has an invisible or look-alike character.",
            ReasonCode::TestWeakened => "The fix weakens a test.",
            ReasonCode::SecretInDiff => "The diff has something that looks like a secret.",
            ReasonCode::RepositoryNotFound => "GitHub does not find the repository or its branch.",
            ReasonCode::SnapshotUnreadable => {
                "The repository at the pinned commit can't be read, or is too large."
            }
            ReasonCode::GithubRefused => "GitHub does not let AutoFix do something.",
            ReasonCode::ClaudeRefused => "Claude declined, or the code does not fit into a conversation.",
            ReasonCode::ClaudeUnavailable => "Claude does not accept AutoFix's requests.",
            ReasonCode::SentryUnavailable => {
                "Sentry does not let AutoFix read the event, or the report is no longer in the table."
            }
            ReasonCode::OpenPullRequestLimit => "The fix waited for a pull request slot for a week.",
            ReasonCode::BudgetSpent => "The attempt reached `AUTOFIX_MAX_COST_USD`.",
            ReasonCode::DailyBudgetSpent => "All attempts of the day reached `AUTOFIX_DAILY_COST_USD`.",
            ReasonCode::StuckInLoop => "Claude asked the same thing again and again.",
            ReasonCode::BranchMoved => "Someone else changed the branch.",
            ReasonCode::BaseMoved => "The base branch moved and the fix no longer fits.",
            ReasonCode::ChecksFailed => "Checks failed and stayed red.",
            ReasonCode::ChecksUnfinished => "Checks are still running; after a day the attempt ends.",
            ReasonCode::MergeRefused => "GitHub did not merge the pull request.",
            ReasonCode::RetriesUsedUp => "A service failed for so long that AutoFix gave up.",
        }
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
