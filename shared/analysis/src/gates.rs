//! The gates between an error and a pull request, and what each of them said, for people to look at.
//!
//! The policy and the validators decide; this only sorts what they said. A gate is refused if a reason of its own stands
//! against it, passed if the investigation got past it, and otherwise it was not reached. Every reason code belongs to
//! a gate or to none, and the compiler asks about new ones.

use serde::{Deserialize, Serialize};

use crate::frames::Match;
use autofix_domain::reason::{Reason, ReasonCode};
use autofix_domain::report::{Analysis, Critique};
use autofix_domain::words::word_enum;

word_enum! {
    /// A gate, in the order in which people read them.
    pub enum GateName {
        Repository = "repository",
        RootCause = "root_cause",
        Frame = "frame",
        Evidence = "evidence",
        Report = "report",
        Classification = "classification",
        Complexity = "complexity",
        Security = "security",
        BlastRadius = "blast_radius",
        Categories = "categories",
        Edit = "edit",
        Scope = "scope",
        Callers = "callers",
        BandAids = "band_aids",
        Dangers = "dangers",
        Critic = "critic",
        Confidence = "confidence",
    }
}

word_enum! {
    pub enum Outcome { Passed = "passed", Refused = "refused", NotReached = "not_reached", }
}

word_enum! {
    /// How far an investigation got: the part of it that decided.
    pub enum Reached {
        RootCause = "root_cause",
        Policy = "policy",
        Edit = "edit",
        Validators = "validators",
        Critic = "critic",
    }
}

/// One gate and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    pub name: GateName,
    pub outcome: Outcome,
    /// What it found, or why it refused; empty where it was not reached.
    pub details: Vec<String>,
}

/// What the gates are sorted from.
#[derive(Clone, Copy, Debug)]
pub struct Evaluated<'a> {
    pub reached: Reached,
    pub analysis: Option<&'a Analysis>,
    /// How the frame to blame was found in the code.
    pub matched: Option<Match>,
    pub critique: Option<&'a Critique>,
    /// Why it was refused; empty where a pull request may be opened.
    pub reasons: &'a [Reason],
    /// Confidence at the end, 0 to 1, as far as it is known.
    pub confidence: Option<f64>,
    /// Least confidence that the settings ask for, 0 to 1.
    pub min_confidence: f64,
}

/// Every gate, in order.
pub fn gates(evaluated: &Evaluated<'_>) -> Vec<Gate> {
    GateName::ALL.iter().map(|name| gate(*name, evaluated)).collect()
}

fn gate(name: GateName, evaluated: &Evaluated<'_>) -> Gate {
    let against =
        evaluated.reasons.iter().filter(|reason| gate_of(reason.code, evaluated.reached) == Some(name));
    let against: Vec<String> = against.map(|reason| reason.detail.clone()).collect();
    if !against.is_empty() {
        return Gate { name, outcome: Outcome::Refused, details: against };
    }
    if is_passed(name, evaluated) {
        let details = found(name, evaluated).into_iter().collect();
        return Gate { name, outcome: Outcome::Passed, details };
    }
    Gate { name, outcome: Outcome::NotReached, details: Vec::new() }
}

fn is_passed(name: GateName, evaluated: &Evaluated<'_>) -> bool {
    let asked_in = asked_in(name);
    // The policy, the validators and the critic ask all their questions before they decide; a conversation that
    // ended without a result has answered none.
    let asks_all = matches!(evaluated.reached, Reached::Policy | Reached::Validators | Reached::Critic);
    asked_in < evaluated.reached || (asked_in == evaluated.reached && asks_all)
}

fn asked_in(name: GateName) -> Reached {
    match name {
        GateName::RootCause | GateName::Evidence => Reached::RootCause,
        GateName::Repository
        | GateName::Frame
        | GateName::Report
        | GateName::Classification
        | GateName::Complexity
        | GateName::Security
        | GateName::BlastRadius
        | GateName::Categories
        | GateName::Confidence => Reached::Policy,
        GateName::Edit => Reached::Edit,
        GateName::Scope | GateName::Callers | GateName::BandAids | GateName::Dangers => Reached::Validators,
        GateName::Critic => Reached::Critic,
    }
}

/// What a gate that passed found.
fn found(name: GateName, evaluated: &Evaluated<'_>) -> Option<String> {
    let analysis = evaluated.analysis;
    let word = |word: Option<&'static str>| word.map(|word| format!("`{word}`"));
    match name {
        GateName::Repository => Some("The settings of the repository allow it.".to_owned()),
        GateName::RootCause => Some("Claude reported a root cause.".to_owned()),
        GateName::Frame => Some(match evaluated.matched {
            Some(Match::Function) => {
                "The event has no source line. The function that it names encloses its line at this commit."
                    .to_owned()
            }
            _ => "The line that crashed stands in the code at this commit.".to_owned(),
        }),
        GateName::Evidence => Some(match analysis.map_or(0, |analysis| analysis.evidence.len()) {
            1 => "1 quote, found in the code where it is said to stand.".to_owned(),
            count => format!("{count} quotes, each found in the code where it is said to stand."),
        }),
        GateName::Report => Some("Nothing is missing, and every word is a known one.".to_owned()),
        GateName::Classification => word(analysis?.classification.map(|word| word.as_str())),
        GateName::Complexity => word(analysis?.complexity.map(|word| word.as_str())),
        GateName::Security => word(analysis?.security_implications.map(|word| word.as_str())),
        GateName::BlastRadius => word(analysis?.blast_radius.map(|word| word.as_str())),
        GateName::Categories => {
            Some("Touches nothing that needs a person, says the model, and says the code.".to_owned())
        }
        GateName::Edit => Some("The edit matches exactly one place and applies.".to_owned()),
        GateName::Scope => {
            Some("One file of the project, few lines, no file that only people change.".to_owned())
        }
        GateName::Callers => Some("No signature changes that others call.".to_owned()),
        GateName::BandAids => Some("Nothing is swallowed, silenced, loosened or waited for.".to_owned()),
        GateName::Dangers => {
            Some("No new call, host, import or secret that AutoFix would not defend.".to_owned())
        }
        GateName::Critic => evaluated
            .critique
            .map(|_| "A second conversation, with no stake in the change, approves.".to_owned()),
        GateName::Confidence => {
            let confidence = evaluated.confidence?;
            Some(format!("{confidence:.2}; at least {:.2} is wanted.", evaluated.min_confidence))
        }
    }
}

/// The gate that a reason stands against; `None` for what is no gate of the investigation.
fn gate_of(code: ReasonCode, reached: Reached) -> Option<GateName> {
    // What ends a conversation stands against what that conversation was for.
    let conversation = match reached {
        Reached::RootCause => GateName::RootCause,
        Reached::Policy => GateName::Classification,
        Reached::Edit => GateName::Edit,
        Reached::Validators => GateName::Scope,
        Reached::Critic => GateName::Critic,
    };
    Some(match code {
        ReasonCode::DisabledByRepository | ReasonCode::RepositoryFileUnreadable => GateName::Repository,
        ReasonCode::FrameUnverified => GateName::Frame,
        ReasonCode::EvidenceFalse => GateName::Evidence,
        ReasonCode::FieldMissing if reached == Reached::RootCause || reached == Reached::Edit => conversation,
        ReasonCode::FieldMissing => GateName::Report,
        ReasonCode::ModelDeclined if reached == Reached::Edit => GateName::Edit,
        ReasonCode::NeedsHuman
        | ReasonCode::NotOurCode
        | ReasonCode::AlreadyFixed
        | ReasonCode::ModelDeclined => GateName::Classification,
        ReasonCode::ComplexityTooHigh => GateName::Complexity,
        ReasonCode::SecurityRisk => GateName::Security,
        ReasonCode::BlastRadius => GateName::BlastRadius,
        ReasonCode::CategoryBlocked => GateName::Categories,
        ReasonCode::LowConfidence => GateName::Confidence,
        ReasonCode::CriticRefused | ReasonCode::QuestionOpen => GateName::Critic,
        ReasonCode::EditEmptySearch
        | ReasonCode::EditNoChange
        | ReasonCode::EditNotFound
        | ReasonCode::EditAmbiguous
        | ReasonCode::EditOverlap
        | ReasonCode::EditUnknownFile => GateName::Edit,
        ReasonCode::SeveralFiles
        | ReasonCode::OutsidePath
        | ReasonCode::ForbiddenPath
        | ReasonCode::TooManyLines
        | ReasonCode::NoChange
        | ReasonCode::SyntaxError => GateName::Scope,
        ReasonCode::SignatureChanged => GateName::Callers,
        ReasonCode::ExceptionSwallowed
        | ReasonCode::CheckDeleted
        | ReasonCode::LogLevelLowered
        | ReasonCode::TimeoutRaised
        | ReasonCode::WarningSilenced
        | ReasonCode::ComputationChanged
        | ReasonCode::WorkSkipped
        | ReasonCode::TestWeakened => GateName::BandAids,
        ReasonCode::NetworkHostAdded
        | ReasonCode::DangerousCall
        | ReasonCode::TlsDisabled
        | ReasonCode::ImportAdded
        | ReasonCode::SensitiveChange
        | ReasonCode::InvisibleCharacter
        | ReasonCode::SecretInDiff => GateName::Dangers,
        ReasonCode::ClaudeRefused
        | ReasonCode::ClaudeUnavailable
        | ReasonCode::BudgetSpent
        | ReasonCode::DailyBudgetSpent
        | ReasonCode::StuckInLoop => conversation,
        ReasonCode::HourlyLimit
        | ReasonCode::ProjectNotConfigured
        | ReasonCode::NoStackTrace
        | ReasonCode::BelowTheBar
        | ReasonCode::NoAppFrame
        | ReasonCode::SentryAgentTookOver
        | ReasonCode::SameFaultJoined
        | ReasonCode::SameFaultDismissed
        | ReasonCode::SameFaultMerged
        | ReasonCode::SameFaultAnswered
        | ReasonCode::SameFaultUndecided
        | ReasonCode::TriedBefore
        | ReasonCode::OpenPullRequestLimit
        | ReasonCode::DryRun
        | ReasonCode::RepositoryNotFound
        | ReasonCode::SnapshotUnreadable
        | ReasonCode::GithubRefused
        | ReasonCode::SentryUnavailable
        | ReasonCode::BranchMoved
        | ReasonCode::BaseMoved
        | ReasonCode::ChecksFailed
        | ReasonCode::ChecksUnfinished
        | ReasonCode::MergeRefused
        | ReasonCode::RetriesUsedUp => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use autofix_domain::report::{Complexity, Evidence};

    fn outcomes(reached: Reached, reasons: &[Reason]) -> String {
        let analysis = Analysis {
            complexity: Some(Complexity::Minimal),
            evidence: vec![Evidence::default()],
            ..Analysis::default()
        };
        let evaluated = Evaluated {
            reached,
            analysis: Some(&analysis),
            matched: Some(Match::SourceLine),
            critique: None,
            reasons,
            confidence: Some(0.9),
            min_confidence: 0.8,
        };
        let lines = gates(&evaluated).into_iter().map(|gate| {
            let mark = match gate.outcome {
                Outcome::Passed => '+',
                Outcome::Refused => '-',
                Outcome::NotReached => ' ',
            };
            format!("{mark}{}", gate.name)
        });
        lines.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_proposed_fix_passed_every_gate() {
        let shown = outcomes(Reached::Critic, &[]);
        assert_eq!(shown.matches('+').count(), GateName::ALL.len(), "{shown}");
    }

    #[test]
    fn a_refusal_by_the_policy_leaves_the_later_gates_unasked() {
        let reasons = [
            Reason::new(ReasonCode::SecurityRisk, "x"),
            Reason::new(ReasonCode::CategoryBlocked, "y"),
            Reason::new(ReasonCode::CategoryBlocked, "z"),
        ];
        assert_eq!(
            outcomes(Reached::Policy, &reasons),
            "+repository +root_cause +frame +evidence +report +classification +complexity -security \
             +blast_radius -categories  edit  scope  callers  band_aids  dangers  critic +confidence"
        );
    }

    #[test]
    fn a_conversation_that_ended_without_a_result_stands_against_its_own_gate() {
        let spent = [Reason::new(ReasonCode::BudgetSpent, "x")];
        assert!(outcomes(Reached::RootCause, &spent).starts_with(" repository -root_cause  frame  evidence"));
        let shown = outcomes(Reached::Edit, &spent);
        assert!(shown.contains("+categories -edit  scope"), "{shown}");
        assert!(shown.ends_with(" critic +confidence"), "{shown}");
    }

    #[test]
    fn a_gate_says_what_it_found_or_why_it_refused() {
        let analysis = Analysis { complexity: Some(Complexity::Simple), ..Analysis::default() };
        let reasons = [Reason::new(ReasonCode::LowConfidence, "The confidence is 0.50; 0.80 is wanted.")];
        let evaluated = Evaluated {
            reached: Reached::Policy,
            analysis: Some(&analysis),
            matched: Some(Match::SourceLine),
            critique: None,
            reasons: &reasons,
            confidence: Some(0.5),
            min_confidence: 0.8,
        };
        let all = gates(&evaluated);
        let details = |name| &all.iter().find(|gate| gate.name == name).unwrap().details;
        assert_eq!(details(GateName::Complexity), &["`simple`"]);
        assert_eq!(details(GateName::Confidence), &["The confidence is 0.50; 0.80 is wanted."]);
        assert!(details(GateName::Critic).is_empty());
    }
}
