//! The root cause: a conversation with read-only tools over the code, whose evidence is checked.

use autofix::analysis::background::with_background;
use autofix::analysis::fix;
use autofix::analysis::report::{Analysis, Category};
use autofix::analysis::root_cause::{self, Objection};
use autofix::analysis::sensitive_paths::sensitive_path;
use autofix::analysis::tools::Toolbox;
use autofix::analysis::validators;
use autofix::reason::{Reason, ReasonCode};

use crate::happened::Stopped;
use crate::investigation::analyst::Analyst;
use crate::investigation::case::Case;
use crate::investigation::conversation::{self, Judged, Outcome, Topic};

/// What the path of the cause says about every fix there.
pub(super) fn categories_there(case: &Case, analysis: &Analysis) -> Vec<(Category, String)> {
    case.snapshot
        .resolve(&analysis.file_path, &case.project)
        .map_or_else(Vec::new, |path| sensitive_path(path.as_str()))
}

/// What code has against every fix that the analysis allows: none of the files that it cites may be changed.
pub(super) fn forbidden_everywhere(case: &Case, analysis: &Analysis) -> Vec<Reason> {
    let mut found = Vec::new();
    for path in fix::cited_files(analysis, &case.snapshot, &case.project) {
        match validators::forbidden_place(path.as_str(), case.project.as_str()) {
            Some(reason) => found.push(reason),
            None => return Vec::new(),
        }
    }
    found
}

pub(super) async fn find_root_cause(
    analyst: &mut Analyst<'_>,
    case: &Case,
) -> Result<Outcome<Analysis>, Stopped> {
    let toolbox = Toolbox::new(&case.snapshot, &case.project);
    let opening = root_cause::opening(&case.boundary, &case.incident, &case.located, &case.project);
    let topic = Topic {
        name: "root_cause",
        setting: root_cause::setting(&case.boundary),
        opening: with_background(opening, &case.boundary, &case.background),
        toolbox: Some(&toolbox),
        result_tool: root_cause::RESULT_TOOL,
    };
    let mut objections = 0;
    conversation::talk(analyst, topic, |input| match root_cause::read(input, &case.snapshot, &case.project) {
        Ok(analysis) => Judged::Accepted(analysis),
        Err(objection) => {
            objections += 1;
            match objection {
                Objection::EvidenceFalse { sentences, .. } if objections > 1 => {
                    Judged::Refused(vec![Reason::new(
                        ReasonCode::EvidenceFalse,
                        format!("Claude's evidence is not in the code. {}", sentences.join(" ")),
                    )])
                }
                Objection::Unreadable(sentence) if objections > 2 => {
                    Judged::Refused(vec![Reason::new(ReasonCode::FieldMissing, sentence)])
                }
                objection => Judged::Again(objection.sentence()),
            }
        }
    })
    .await
}
