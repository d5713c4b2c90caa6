//! What became of the fix: its proof, the checks of its pull request, the deployment, the error's return, the way back.

use autofix::attempt::{Attempt, Checks, FailedCheck, Offer, PullRequest, Rollout, State};
use autofix::messages;
use autofix::redaction::Redacted;

use super::list::PullRequestLink;
use super::text::{Prose, block, line, sentence};
use crate::Queries;

const NAME_CHARS: usize = 200;
const SENTENCE_CHARS: usize = 600;
const SUMMARY_CHARS: usize = 2_000;
const PATH_CHARS: usize = 300;
const CODE_CHARS: usize = 10_000;

/// What the checks of the head commit said when they were last looked at.
pub(super) struct ShownChecks {
    pub sentence: Prose,
    pub failed: Vec<ShownCheck>,
    /// What was done about red checks, and why it is left to people.
    pub remarks: Vec<Prose>,
}

pub(super) struct ShownCheck {
    pub name: Redacted,
    pub address: Option<String>,
    pub summary: Redacted,
}

/// What happened after the merge.
#[derive(Default)]
pub(super) struct AfterMerge {
    pub deployment: Option<Redacted>,
    /// The event with which the error came back: its address where it is one of the configured Sentry.
    pub came_back: Option<Option<String>>,
    pub revert: Option<PullRequestLink>,
}

impl Queries {
    pub(super) fn checks(&self, attempt: &Attempt) -> Option<ShownChecks> {
        let checks = attempt.checks.as_ref()?;
        let failed = match checks {
            Checks::Red { failed } => failed.iter().map(|check| self.check(check)).collect(),
            Checks::Running | Checks::Green { .. } | Checks::None => Vec::new(),
        };
        Some(ShownChecks {
            sentence: sentence(&messages::checks_label(checks), SENTENCE_CHARS),
            failed,
            remarks: attempt.state.offer().map(remarks).unwrap_or_default(),
        })
    }

    fn check(&self, check: &FailedCheck) -> ShownCheck {
        ShownCheck {
            name: line(&check.name, NAME_CHARS),
            address: check.url.as_deref().and_then(|url| self.github_link(url)),
            summary: block(check.summary.as_deref().unwrap_or_default(), SUMMARY_CHARS),
        }
    }

    pub(super) fn after_merge(&self, state: &State) -> AfterMerge {
        let Some(merged) = state.merged() else { return AfterMerge::default() };
        let deployment = merged.deployment.as_ref().map(|deployment| {
            let how = match deployment.rollout {
                Rollout::UnderWay => "under way",
                Rollout::Live => "live",
                Rollout::Failed => "failed",
            };
            line(&format!("{}: {how}", deployment.environment), NAME_CHARS)
        });
        let came_back = match state {
            State::Regressed { came_back, .. } | State::RolledBack { came_back: Some(came_back), .. } => {
                Some(came_back)
            }
            _ => None, // it has not
        };
        AfterMerge {
            deployment,
            came_back: came_back
                .map(|event| event.url.as_deref().and_then(|address| self.sentry_link(address))),
            revert: state.revert().map(|revert| self.pull_request_link(revert)),
        }
    }

    pub(super) fn pull_request_link(&self, pull_request: &PullRequest) -> PullRequestLink {
        PullRequestLink { number: pull_request.number, address: self.github_link(&pull_request.url) }
    }
}

fn remarks(offer: &Offer) -> Vec<Prose> {
    let repairs = offer
        .repairs
        .iter()
        .map(|repair| format!("A commit was added after these were red: {}.", repair.failed.join(", ")));
    let rebases = (offer.rebases > 0).then(|| {
        format!(
            "Put on a newer base {}.",
            if offer.rebases == 1 { "once".to_owned() } else { format!("{} times", offer.rebases) }
        )
    });
    let said = [&offer.notice, &offer.handed_over].into_iter().flatten().cloned();
    let missing = offer.review.missing.iter().map(|missing| missing.sentence().to_owned());
    let remarks = offer.review.remarks.iter().map(|remark| {
        let text = if remark.text.is_empty() { String::new() } else { format!(": {}", remark.text) };
        format!("{} {} on GitHub{text}", remark.by, remark.kind.did())
    });
    repairs
        .chain(rebases)
        .chain(said)
        .chain(missing)
        .chain(remarks)
        .map(|remark| sentence(&remark, SENTENCE_CHARS))
        .collect()
}

pub(super) struct ShownProof {
    pub sentence: Prose,
    pub runs: Vec<ShownRun>,
    pub test: Option<(Redacted, Redacted)>,
}

pub(super) struct ShownRun {
    /// What it showed.
    pub what: &'static str,
    pub check: Redacted,
    pub address: Option<String>,
    pub minutes: u32,
}

impl Queries {
    /// `None` where no proof was asked for, or nothing is known of it yet.
    pub(super) fn proof(&self, attempt: &Attempt) -> Option<ShownProof> {
        let proof = attempt.proof.as_ref()?;
        let text = messages::proof_outcome(proof, |word, _| word.to_owned(), str::to_owned)?;
        let showed = ["failed without the fix", "passed with the fix"];
        let runs = proof.runs().into_iter().zip(showed).map(|(run, what)| ShownRun {
            what,
            check: line(&run.check, 80),
            address: run.url.as_deref().and_then(|url| self.github_link(url)),
            minutes: run.minutes,
        });
        let test = proof.tried();
        Some(ShownProof {
            sentence: sentence(&text, SENTENCE_CHARS),
            runs: runs.collect(),
            test: test.map(|test| (line(&test.file_path, PATH_CHARS), block(&test.code, CODE_CHARS))),
        })
    }
}
