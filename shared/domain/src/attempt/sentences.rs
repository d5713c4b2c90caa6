//! The timeline's words for what happened.

use super::merged::{Deployment, Rollout};
use super::offer::{Checks, FailedCheck};
use super::people::Dismissal;
use super::state::{Cleanup, Decision};

pub(super) fn short(sha: &str) -> &str {
    sha.get(..10).unwrap_or(sha)
}

pub(super) fn dismissal_sentence(decision: &Decision, dismissal: Option<&Dismissal>) -> String {
    match dismissal {
        Some(dismissal) => format!("Dismissed by {}: {}", decision.by, dismissal.reason),
        None => format!("Dismissed by {}", decision.by),
    }
}

pub(super) fn deployment_sentence(deployment: Option<&Deployment>) -> String {
    match deployment {
        None => "No deployment is reported any more".to_owned(),
        Some(deployment) => match deployment.rollout {
            Rollout::UnderWay => format!("Being deployed to {}", deployment.environment),
            Rollout::Live => format!("Live on {}", deployment.environment),
            Rollout::Failed => format!("The deployment to {} failed", deployment.environment),
        },
    }
}

pub(super) fn cleanup_sentence(outcome: Cleanup) -> &'static str {
    match outcome {
        Cleanup::Owed | Cleanup::Done => "closed",
        Cleanup::LeftOpen => "could not be closed",
        Cleanup::TooLate => "was merged on GitHub before it could be closed",
    }
}

pub(super) fn checks_sentence(checks: &Checks) -> String {
    match checks {
        Checks::Running => "Checks are running".to_owned(),
        Checks::Red { failed } => format!("Checks failed: {}", names(failed)),
        Checks::Green { passed: 1 } => "1 check passed".to_owned(),
        Checks::Green { passed } => format!("{passed} checks passed"),
        Checks::None => "No checks ran".to_owned(),
    }
}

fn names(failed: &[FailedCheck]) -> String {
    failed.iter().map(|check| check.name.as_str()).collect::<Vec<_>>().join(", ")
}
