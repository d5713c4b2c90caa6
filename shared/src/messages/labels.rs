//! Words of the code as people read them on the web page.

use crate::analysis::gates::{GateName, Outcome};
use crate::attempt::{Attempt, Checks, RollBack, State, Status};
use crate::words::word_enum;

/// What happens next with an attempt, and who has to do something.
pub fn what_next(attempt: &Attempt) -> &'static str {
    match &attempt.state {
        State::Pending => "The analysis starts within a minute.",
        State::Analyzing { .. } => {
            "Claude reads the code and looks for the cause. The card in Slack follows."
        }
        State::Proposed { .. } => {
            "The fix passed every gate. AutoFix opens its pull request as soon as it may."
        }
        State::Withdrawing { .. } => "The code under the fix has changed. AutoFix starts its analysis again.",
        State::PrCreated { offer } => match (&offer.checks, &offer.handed_over) {
            (_, Some(_)) => "The checks are red and the pull request is yours now: finish it, or close it.",
            (Checks::Red { .. }, None) => {
                "AutoFix tries to repair the fix. Deploy stays off until the checks are green."
            }
            _ => "AutoFix waits for the checks. Deploy comes when they are green.",
        },
        State::AwaitingApproval { .. } if attempt.lacks_required_proof() => {
            "The fix is not proved, and `AUTOFIX_PROOF` is `require`: merge it on GitHub if it is right, or dismiss it."
        }
        State::AwaitingApproval { problem: Some(_), .. } => {
            "GitHub refused the merge. Remove what stopped it, then press Try again on the card."
        }
        State::AwaitingApproval { .. } => {
            "It is your decision: press Deploy Live or Dismiss on the card in Slack."
        }
        State::Approved { .. } => "GitHub merges it now.",
        State::Rejected { .. } => "Nothing more happens here. AutoFix will not propose this change again.",
        State::Deployed { watch: Some(_), .. } => {
            "AutoFix watches Sentry until it is sure that the error is gone."
        }
        State::Deployed { watch: None, .. } => "Nothing more happens here.",
        State::Verified { .. } => "The fix holds. Nothing is left to do.",
        State::Regressed { roll_back: RollBack::Approved { .. } | RollBack::Opened { .. }, .. } => {
            "AutoFix takes the fix back."
        }
        State::Regressed { .. } => {
            "The fix did not hold. Decide on the card in Slack whether to roll it back."
        }
        State::RolledBack { .. } => {
            "The fix is taken back. The next analysis of this error knows what was tried."
        }
        State::Failed { .. } => "AutoFix could not finish. The reason says what to do.",
        State::Skipped { .. } => "AutoFix opened no pull request. What it found is below, for you.",
    }
}

word_enum! {
    /// Where an attempt belongs for the people who look after it.
    pub enum Group {
        /// A person has to decide.
        NeedsYou = "needs_you",
        /// AutoFix works on it, or watches it.
        Watching = "watching",
        /// No fix: people have the analysis.
        LeftToYou = "left_to_you",
        Done = "done",
    }
}

impl Group {
    pub fn of(status: Status) -> Group {
        match status {
            Status::AwaitingApproval | Status::Regressed => Group::NeedsYou,
            Status::Pending | Status::Analyzing | Status::PrCreated | Status::Approved | Status::Deployed => {
                Group::Watching
            }
            Status::Skipped | Status::Failed => Group::LeftToYou,
            Status::Verified | Status::RolledBack | Status::Rejected => Group::Done,
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Group::NeedsYou => "Needs you",
            Group::Watching => "Watching",
            Group::LeftToYou => "Left to you",
            Group::Done => "Done",
        }
    }

    pub fn statuses(self) -> Vec<Status> {
        Status::ALL.iter().copied().filter(|status| Group::of(*status) == self).collect()
    }
}

/// What a gate asks.
pub fn gate_label(gate: GateName) -> &'static str {
    match gate {
        GateName::Repository => "The repository allows it",
        GateName::RootCause => "A root cause is found",
        GateName::Frame => "What crashed is this code",
        GateName::Evidence => "The evidence is in the code",
        GateName::Report => "The report is complete",
        GateName::Classification => "It is a fault of this code",
        GateName::Complexity => "Complexity",
        GateName::Security => "Security implications",
        GateName::BlastRadius => "Blast radius",
        GateName::Categories => "Kind of change",
        GateName::Edit => "The edit applies",
        GateName::Scope => "Size and place of the change",
        GateName::Callers => "Callers are not affected",
        GateName::BandAids => "It is no band-aid",
        GateName::Dangers => "It brings in no danger",
        GateName::Critic => "The critic approves",
        GateName::Confidence => "Confidence",
    }
}

pub fn outcome_label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Refused => "refused",
        Outcome::NotReached => "not reached",
    }
}

/// Where the error surfaced, `file:line`; outside text.
pub fn place(attempt: &Attempt) -> Option<String> {
    let (file, line) = match &attempt.analysis {
        Some(analysis) if !analysis.file_path.is_empty() => {
            (analysis.file_path.clone(), analysis.line_number)
        }
        _ => (attempt.subject.file.clone()?, attempt.subject.line), // before or without an analysis: Sentry's word
    };
    Some(match line {
        Some(line) => format!("{file}:{line}"),
        None => file,
    })
}

/// What the checks of a pull request said.
pub fn checks_label(checks: &Checks) -> String {
    match checks {
        Checks::Running => "Checks are running.".to_owned(),
        Checks::Red { failed } => {
            let names: Vec<&str> = failed.iter().map(|check| check.name.as_str()).collect();
            format!("Failed: {}.", names.join(", "))
        }
        Checks::Green { passed: 1 } => "1 check passed.".to_owned(),
        Checks::Green { passed } => format!("{passed} checks passed."),
        Checks::None => "No checks ran for this commit.".to_owned(),
    }
}
