//! The isolated critic: a fresh conversation that no stranger's text reaches, and what its answers are worth.

use autofix::analysis::answers::{self, CheckedAnswers, Checking};
use autofix::analysis::critic::code::BlankedCode;
use autofix::analysis::critic::{self, Shown};
use autofix::analysis::effects::Question;
use autofix::analysis::fix::Candidate;
use autofix::analysis::policy::Review;
use autofix::analysis::report::{Analysis, Critique};
use autofix::reason::{Reason, ReasonCode};

use crate::happened::Stopped;
use crate::investigation::analyst::Analyst;
use crate::investigation::case::Case;
use crate::investigation::conversation::{self, Judged, Outcome, Topic};

/// What the critics look at.
#[derive(Clone, Copy)]
pub(super) struct ToReview<'a> {
    pub analysis: &'a Analysis,
    pub candidate: &'a Candidate,
    pub code: &'a BlankedCode<'a>,
}

/// One critic.
#[derive(Clone, Copy)]
pub(super) struct Critic<'a> {
    /// Name of the conversation.
    pub name: &'static str,
    /// What it has to answer.
    pub questions: &'a [Question],
}

/// What a critic said, and what its answers are worth.
pub(super) struct Criticised {
    pub critique: Critique,
    pub answers: CheckedAnswers,
}

impl Criticised {
    pub(super) fn review(&self) -> Review<'_> {
        Review { critique: &self.critique, answers: &self.answers }
    }
}

pub(super) async fn criticise(
    analyst: &mut Analyst<'_>,
    case: &Case,
    review: &ToReview<'_>,
    critic: Critic<'_>,
) -> Result<Outcome<Criticised>, Stopped> {
    let shown = Shown {
        exception: case.exception(),
        crash: case.crash_line(),
        code: review.code,
        evidence: &review.analysis.evidence,
        effects: &review.candidate.effects,
        questions: critic.questions,
    };
    let topic = Topic {
        name: critic.name,
        setting: critic::setting(&case.boundary),
        opening: critic::opening(&case.boundary, &shown),
        toolbox: None,
        result_tool: critic::RESULT_TOOL,
    };
    let checking = Checking {
        questions: critic.questions,
        snapshot: &case.snapshot,
        project: &case.project,
        shown: review.code,
    };
    let mut objections = 0;
    conversation::talk(analyst, topic, |input| {
        let sentence = match critic::read(input) {
            Ok(critique) => {
                let answers = answers::check(&critique.answers, &checking);
                // Of a critic that refuses, no better answer is wanted.
                let objection = answers.objection().filter(|_| objections == 0 && critique.approve);
                match objection {
                    Some(sentence) => sentence,
                    None => return Judged::Accepted(Criticised { critique, answers }),
                }
            }
            Err(sentence) if objections > 0 => {
                return Judged::Refused(vec![Reason::new(ReasonCode::FieldMissing, sentence)]);
            }
            Err(sentence) => sentence,
        };
        objections += 1;
        Judged::Again(sentence)
    })
    .await
}
