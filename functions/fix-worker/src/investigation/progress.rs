//! What is gathered on the way through an investigation: how far it got, what code found about the change, what the
//! critics said, what each conversation used. At the end it becomes the dossier.

use autofix::analysis::dossier::{self, Dossier, StepCost};
use autofix::analysis::effects::Effects;
use autofix::analysis::gates::{self, Evaluated, Reached};
use autofix::analysis::report::{Analysis, Critique};
use autofix::attempt::Fix;
use autofix::reason::Reason;
use autofix::usage::Usage;

use crate::investigation::analyst::Analyst;
use crate::investigation::case::Case;

/// How far it got.
pub(crate) struct Progress {
    pub reached: Reached,
    pub effects: Effects,
    pub critique: Option<Critique>,
    pub second_critique: Option<Critique>,
    /// 0 to 1, after penalties, as far as it is known.
    pub confidence: Option<f64>,
    costs: Vec<StepCost>,
}

impl Progress {
    pub(crate) fn new() -> Progress {
        Progress {
            reached: Reached::RootCause,
            effects: Effects::default(),
            critique: None,
            second_critique: None,
            confidence: None,
            costs: Vec::new(),
        }
    }

    /// Notes what a conversation used: everything since the sum was `before`.
    pub(crate) fn paid(&mut self, step: &str, before: &Usage, analyst: &Analyst<'_>) {
        let usage = analyst.usage.since(before);
        if usage.turns > 0 {
            self.costs.push(StepCost { step: step.to_owned(), usage });
        }
    }

    pub(crate) fn dossier(self, case: &Case, analysis: Option<&Analysis>, ending: &Ending) -> Dossier {
        let (reasons, confidence) = match ending {
            Ending::Propose { fix } => (&[][..], Some(fix.confidence)),
            Ending::Refuse { reasons, .. } => {
                (reasons.as_slice(), analysis.and_then(|analysis| analysis.confidence))
            }
        };
        let gates = gates::gates(&Evaluated {
            reached: self.reached,
            analysis,
            matched: case.culprit().map(|frame| frame.matched),
            critique: self.critique.as_ref(),
            reasons,
            confidence,
            min_confidence: case.settings.min_confidence,
        });
        let evidence = analysis.map_or(&[][..], |analysis| &analysis.evidence);
        Dossier {
            base_sha: case.base_sha.clone(),
            excerpts: dossier::excerpts(evidence, &case.snapshot),
            gates,
            effects: self.effects,
            critique: self.critique,
            second_critique: self.second_critique,
            costs: self.costs,
        }
    }
}

/// Whether there is a fix to propose.
pub enum Ending {
    /// A fix that passed every gate.
    Propose { fix: Box<Fix> },
    /// `reasons` is never empty; `fix` is what was not good enough.
    Refuse { reasons: Vec<Reason>, fix: Option<Box<Fix>> },
}
