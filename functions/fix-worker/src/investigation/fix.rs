//! The fix: a conversation of its own with the cited code, and the same fix on a newer base.

use autofix::analysis::background::with_earlier;
use autofix::analysis::conventions::with_conventions;
use autofix::analysis::diff::{FileChange, unified};
use autofix::analysis::dossier::kept_effects;
use autofix::analysis::edits::Edit;
use autofix::analysis::effects::{Effects, Question};
use autofix::analysis::fix::{self, Candidate, MAX_REPAIRS, Proposal, RedChecks};
use autofix::analysis::policy::{self, Outlook};
use autofix::analysis::reach::reach_of;
use autofix::analysis::report::{Analysis, Answer};
use autofix::analysis::sensitive_paths::sensitive_path;
use autofix::analysis::tools::Toolbox;
use autofix::attempt::{Fix, ProposedEdit};
use autofix::reason::{Reason, ReasonCode};
use sha2::{Digest, Sha256};

use crate::happened::Stopped;
use crate::investigation::analyst::Analyst;
use crate::investigation::case::Case;
use crate::investigation::conversation::{self, Judged, Outcome, Topic};

/// Bounds of the diff that is kept for people.
const MAX_DIFF_BYTES: usize = 40_000;
const MAX_DIFF_LINE_CHARS: usize = 500;

pub(super) async fn write_fix(
    analyst: &mut Analyst<'_>,
    case: &Case,
    analysis: &Analysis,
    red: Option<&RedChecks<'_>>,
) -> Result<Outcome<Candidate>, Stopped> {
    let files = fix::cited_files(analysis, &case.snapshot, &case.project);
    let opening = fix::opening(&case.boundary, analysis, &files, &case.snapshot);
    let opening = with_conventions(opening, &case.boundary, &case.snapshot, &case.project);
    let opening = with_earlier(opening, &case.boundary, &case.background.earlier);
    let toolbox = Toolbox::new(&case.snapshot, &case.project);
    let topic = Topic {
        name: if red.is_some() { "repair" } else { "fix" },
        setting: fix::setting(&case.boundary),
        opening: match red {
            Some(red) => fix::repair_opening(opening, &case.boundary, red),
            None => opening,
        },
        toolbox: Some(&toolbox),
        result_tool: fix::RESULT_TOOL,
    };
    let mut repairs = 0;
    conversation::talk(analyst, topic, |input| {
        let files = fix::editable_files(&files, &toolbox);
        match fix::read(input, &files, &case.code()) {
            Proposal::Usable(candidate) => Judged::Accepted(*candidate),
            Proposal::None { explanation } => Judged::Refused(vec![Reason::new(
                ReasonCode::ModelDeclined,
                format!("Claude found no change that it would defend: {explanation}"),
            )]),
            Proposal::Unusable { reasons, .. } if repairs >= MAX_REPAIRS => Judged::Refused(reasons),
            Proposal::Unusable { sentence, .. } => {
                repairs += 1;
                Judged::Again(sentence)
            }
        }
    })
    .await
}

/// The same edits on the case's newer base, through the validators and the rules for what they touch now. What the
/// critic said about them stands. `Err` says why they do not fit.
pub fn reapply(case: &Case, analysis: &Analysis, fix: &Fix) -> Result<Fix, Vec<Reason>> {
    let candidate = fix::reapply(Edit::all_of(fix), &fix.explanation, &case.code())?;
    let touched = sensitive_path(&candidate.change.path);
    if let Outlook::Refuse { reasons } = policy::decide_before_fix(&case.root_cause(analysis, &touched)) {
        return Err(reasons);
    }
    if !asks_the_same(&fix.effects.questions, &candidate.effects.questions) {
        let sentence =
            "On the newer base, code asks other questions about the change than the critic has answered.";
        return Err(vec![Reason::new(ReasonCode::QuestionOpen, sentence)]);
    }
    let judged = Judgement {
        confidence: fix.confidence,
        unchecked: fix.unchecked.clone(),
        answers: fix.answers.clone(),
    };
    Ok(fix_of(case, &candidate, judged))
}

/// Whether two lists of questions are the same but for the lines that they name.
fn asks_the_same(before: &[Question], now: &[Question]) -> bool {
    let without_numbers = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let key = |question: &Question| {
        (without_numbers(&question.text), question.identifier.clone(), question.needs_two)
    };
    let now = kept_effects(&Effects { questions: now.to_vec(), ..Effects::default() });
    before.iter().map(key).eq(now.questions.iter().map(key))
}

/// What became of a candidate.
pub(super) struct Judgement {
    /// 0 to 1.
    pub confidence: f64,
    pub unchecked: Vec<String>,
    /// The critics', bounded.
    pub answers: Vec<Answer>,
}

pub(super) fn fix_of(case: &Case, candidate: &Candidate, judged: Judgement) -> Fix {
    let edits = candidate
        .edits
        .iter()
        .map(|edit| ProposedEdit { search: edit.search.clone(), replace: edit.replace.clone() });
    Fix {
        base_sha: case.base_sha.clone(),
        base_branch: case.base_branch.clone(),
        file_path: candidate.change.path.clone(),
        edits: edits.collect(),
        explanation: candidate.explanation.clone(),
        confidence: judged.confidence,
        diff: shown_diff(&candidate.change),
        before_sha256: hex::encode(Sha256::digest(&candidate.change.before)),
        unchecked: judged.unchecked,
        reach: Some(reach_of(&candidate.change, &case.snapshot)),
        effects: kept_effects(&candidate.effects),
        answers: judged.answers,
    }
}

/// The diff for people. Lines of data or minified code are cut: the attempt has to fit into a table item.
fn shown_diff(change: &FileChange) -> String {
    let mut shown = String::new();
    for line in unified(change).lines() {
        if shown.len() > MAX_DIFF_BYTES {
            shown.push_str("…\n");
            break;
        }
        match line.char_indices().nth(MAX_DIFF_LINE_CHARS) {
            Some((end, _)) => shown.push_str(&format!("{}…\n", &line[..end])),
            None => shown.push_str(&format!("{line}\n")),
        }
    }
    shown
}
