//! The investigation of a case: root cause, fix, one critic or two, and the policy between them.
//!
//! It follows from the case and from the checkpoints of its conversations, so a repeat comes to the same end.

pub mod analyst;
pub mod case;
mod conversation;
mod critic;
mod fix;
mod progress;
mod root_cause;
mod test;
pub mod turn_file;

use autofix::analysis::critic::code::BlankedCode;
use autofix::analysis::critic::unreviewable;
use autofix::analysis::dossier::{Dossier, kept_answers, kept_effects};
use autofix::analysis::effects::Question;
use autofix::analysis::fix::RedChecks;
use autofix::analysis::frames::Match;
use autofix::analysis::gates::Reached;
use autofix::analysis::policy::{self, Outlook, Penalty, PolicyInput, RootCause, SyntaxCheck, Verdict};
use autofix::analysis::report::Analysis;
use autofix::analysis::sensitive_paths::sensitive_path;
use autofix::analysis::syntax::{self, SyntaxChecked};
use autofix::reason::Reason;

use crate::happened::Stopped;
use analyst::Analyst;
use case::Case;
use conversation::Outcome;
use critic::{Critic, ToReview, criticise};
pub use fix::reapply;
use fix::{Judgement, fix_of, write_fix};
pub use progress::Ending;
use progress::Progress;
use root_cause::{categories_there, find_root_cause, forbidden_everywhere};
pub use test::{Written, write_test};

/// What came of an investigation.
pub struct Conclusion {
    /// `None` where not even the root cause was found.
    pub analysis: Option<Analysis>,
    pub ending: Ending,
    /// 0 to 1: the lowest of all that were asked, less the penalties; `None` if one of them said none.
    pub confidence: Option<f64>,
    /// For people to look at.
    pub dossier: Dossier,
}

/// Root cause, fix, critic, and the policy between them.
pub async fn investigate(analyst: &mut Analyst<'_>, case: &Case) -> Result<Conclusion, Stopped> {
    let mut progress = Progress::new();
    let before = analyst.usage;
    let found = find_root_cause(analyst, case).await?;
    progress.paid("root_cause", &before, analyst);
    let (analysis, ending) = match found {
        Outcome::Result(analysis) => {
            let ending =
                conclude(analyst, case, Cause { analysis: &analysis, red: None }, &mut progress).await?;
            (Some(analysis), ending)
        }
        Outcome::Refused(reasons) => (None, refuse(reasons)),
    };
    let confidence = progress.confidence;
    let dossier = progress.dossier(case, analysis.as_ref(), &ending);
    Ok(Conclusion { analysis, ending, confidence, dossier })
}

/// Another fix of the same cause, after red checks: through the same gates as the first one.
pub async fn repair(
    analyst: &mut Analyst<'_>,
    case: &Case,
    analysis: &Analysis,
    red: &RedChecks<'_>,
) -> Result<Ending, Stopped> {
    conclude(analyst, case, Cause { analysis, red: Some(red) }, &mut Progress::new()).await
}

/// What a fix is written for.
#[derive(Clone, Copy)]
struct Cause<'a> {
    analysis: &'a Analysis,
    /// The checks that the fix before was red in, where this is another one.
    red: Option<&'a RedChecks<'a>>,
}

async fn conclude(
    analyst: &mut Analyst<'_>,
    case: &Case,
    cause: Cause<'_>,
    progress: &mut Progress,
) -> Result<Ending, Stopped> {
    let Cause { analysis, red } = cause;
    progress.reached = Reached::Policy;
    progress.confidence = analysis.confidence;
    let there = categories_there(case, analysis);
    let forbidden = forbidden_everywhere(case, analysis);
    let known = RootCause { forbidden: &forbidden, ..case.root_cause(analysis, &there) };
    if let Outlook::Refuse { reasons } = policy::decide_before_fix(&known) {
        return Ok(refuse(reasons));
    }
    progress.reached = Reached::Edit;
    let before = analyst.usage;
    let written = write_fix(analyst, case, analysis, red).await?;
    progress.paid("fix", &before, analyst);
    let candidate = match written {
        Outcome::Result(candidate) => candidate,
        Outcome::Refused(reasons) => return Ok(refuse(reasons)),
    };
    progress.reached = Reached::Validators;
    let touched = sensitive_path(&candidate.change.path);
    // The chain is as sure as its least sure part, and the author of the fix is one of them.
    let mut judged = analysis.clone();
    judged.confidence = analysis.confidence.zip(candidate.confidence).map(|(cause, fix)| cause.min(fix));
    let questions = &candidate.effects.questions;
    progress.effects = kept_effects(&candidate.effects);
    let mut input = PolicyInput {
        root_cause: case.root_cause(&judged, &touched),
        questions,
        critic: None,
        second_critic: None,
        findings: &candidate.findings,
        syntax: match syntax::check(&candidate.change) {
            SyntaxChecked::UnknownLanguage => SyntaxCheck::NotChecked,
            _ => SyntaxCheck::Checked, // new errors are among the findings
        },
        edited_file: case.edited_file(&candidate),
    };
    progress.confidence = policy::final_confidence(&input);
    let unchecked = unchecked(case, &input);
    let fix = |confidence, answers| {
        let judged = Judgement { confidence, unchecked: unchecked.clone(), answers };
        Box::new(fix_of(case, &candidate, judged))
    };
    let refused = |reasons, answers| {
        let fix = fix(candidate.confidence.unwrap_or(0.0), answers);
        Ending::Refuse { reasons, fix: Some(fix) }
    };
    let mut reasons = policy::refusals_so_far(&input);
    reasons.extend(unreviewable(&candidate.change));
    if !reasons.is_empty() {
        // Refused whatever a critic would say, so none is paid for.
        return Ok(refused(reasons, Vec::new()));
    }
    progress.reached = Reached::Critic;
    let code = BlankedCode::new(&case.snapshot, &candidate.change, case.crash_line(), questions);
    let review = ToReview { analysis, candidate: &candidate, code: &code };
    let before = analyst.usage;
    let criticised = criticise(analyst, case, &review, Critic { name: "critic", questions }).await?;
    progress.paid("critic", &before, analyst);
    let first = match criticised {
        Outcome::Result(first) => first,
        Outcome::Refused(reasons) => return Ok(refused(reasons, Vec::new())),
    };
    progress.critique = Some(first.critique.clone());
    input.critic = Some(first.review());
    progress.confidence = policy::final_confidence(&input);
    let mut answers = kept_answers(&first.critique.answers, questions);
    let reasons = policy::refusals_so_far(&input);
    if !reasons.is_empty() {
        return Ok(refused(reasons, answers));
    }
    let twice: Vec<Question> = policy::twice_asked(questions).cloned().collect();
    let second;
    if !twice.is_empty() {
        let before = analyst.usage;
        let critic = Critic { name: "second_critic", questions: &twice };
        let criticised = criticise(analyst, case, &review, critic).await?;
        progress.paid("second_critic", &before, analyst);
        second = match criticised {
            Outcome::Result(second) => second,
            Outcome::Refused(reasons) => return Ok(refused(reasons, answers)),
        };
        progress.second_critique = Some(second.critique.clone());
        input.second_critic = Some(second.review());
        progress.confidence = policy::final_confidence(&input);
        answers.extend(kept_answers(&second.critique.answers, &twice));
    }
    Ok(match policy::decide(&input) {
        Verdict::OpenPullRequest { confidence } => Ending::Propose { fix: fix(confidence, answers) },
        Verdict::Refuse { reasons } => refused(reasons, answers),
    })
}

fn refuse(reasons: Vec<Reason>) -> Ending {
    Ending::Refuse { reasons, fix: None }
}

/// What people are told that nobody has checked.
fn unchecked(case: &Case, input: &PolicyInput<'_>) -> Vec<String> {
    let without_source = case.culprit().filter(|frame| frame.matched == Match::Function).map(|_| {
        "the text of the line that crashed: the event has none, so it was found by its function and line number"
            .to_owned()
    });
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
    without_source.into_iter().chain(sentences).collect()
}
