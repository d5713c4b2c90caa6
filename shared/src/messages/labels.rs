//! Words of the code as people read them on the web page.

use crate::analysis::gates::{GateName, Outcome};
use crate::attempt::{Attempt, Checks, Status};

/// A status in two or three words.
pub fn status_label(status: Status) -> &'static str {
    match status {
        Status::Pending => "Waiting",
        Status::Analyzing => "Being analysed",
        Status::PrCreated => "Checks pending",
        Status::AwaitingApproval => "Ready to deploy",
        Status::Approved => "Being merged",
        Status::Deployed => "Deployed",
        Status::Rejected => "Dismissed",
        Status::Failed => "Failed",
        Status::Skipped => "Left to people",
        Status::Verified => "Verified",
        Status::Regressed => "Came back",
        Status::RolledBack => "Rolled back",
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
