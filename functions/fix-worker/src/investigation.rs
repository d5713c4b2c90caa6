//! The investigation of a case: root cause, fix, critic, and the policy between them.
//!
//! It follows from the case and from the checkpoints of its conversations, so a repeat comes to the same end.

use autofix::analysis::background::{with_background, with_earlier};
use autofix::analysis::categories;
use autofix::analysis::conventions::with_conventions;
use autofix::analysis::critic;
use autofix::analysis::diff::{FileChange, unified};
use autofix::analysis::dossier::Dossier;
use autofix::analysis::edits::Edit;
use autofix::analysis::fix::{self, Candidate, MAX_REPAIRS, Proposal, RedChecks};
use autofix::analysis::gates::Reached;
use autofix::analysis::policy::{
    self, EditedFile, EvidenceCheck, FrameCheck, Outlook, Penalty, PolicyInput, RootCause, SyntaxCheck,
    Verdict,
};
use autofix::analysis::reach::reach_of;
use autofix::analysis::report::{Analysis, Category, Critique};
use autofix::analysis::root_cause::{self, Objection};
use autofix::analysis::syntax::{self, SyntaxChecked};
use autofix::analysis::tools::Toolbox;
use autofix::attempt::{Fix, ProposedEdit};
use autofix::reason::{Reason, ReasonCode};
use sha2::{Digest, Sha256};

use crate::analyst::Analyst;
use crate::case::Case;
use crate::conversation::{self, Judged, Outcome, Topic};
use crate::desk::Stopped;
use crate::trail::Trail;

/// Bounds of the diff that is kept for people.
const MAX_DIFF_BYTES: usize = 40_000;
const MAX_DIFF_LINE_CHARS: usize = 500;

/// What came of an investigation.
pub struct Conclusion {
    /// `None` where not even the root cause was found.
    pub analysis: Option<Analysis>,
    pub ending: Ending,
    /// For people to look at.
    pub dossier: Dossier,
}

/// Whether there is a fix to propose.
pub enum Ending {
    Propose {
        fix: Box<Fix>,
    },
    /// `reasons` is never empty; `fix` is what was not good enough.
    Refuse {
        reasons: Vec<Reason>,
        fix: Option<Box<Fix>>,
    },
}

/// Root cause, fix, critic, and the policy between them.
pub async fn investigate(analyst: &mut Analyst<'_>, case: &Case) -> Result<Conclusion, Stopped> {
    let mut trail = Trail::new();
    let before = analyst.usage;
    let found = find_root_cause(analyst, case).await?;
    trail.paid("root_cause", &before, analyst);
    let (analysis, ending) = match found {
        Outcome::Result(analysis) => {
            let ending =
                conclude(analyst, case, Cause { analysis: &analysis, red: None }, &mut trail).await?;
            (Some(analysis), ending)
        }
        Outcome::Refused(reasons) => (None, refuse(reasons)),
    };
    let dossier = trail.dossier(case, analysis.as_ref(), &ending);
    Ok(Conclusion { analysis, ending, dossier })
}

/// Another fix of the same cause, after red checks: through the same gates as the first one.
pub async fn repair(
    analyst: &mut Analyst<'_>,
    case: &Case,
    analysis: &Analysis,
    red: &RedChecks<'_>,
) -> Result<Ending, Stopped> {
    conclude(analyst, case, Cause { analysis, red: Some(red) }, &mut Trail::new()).await
}

/// The same edits on the case's newer base, through the validators and the rules for what they touch now. What the
/// critic said about them stands. `Err` says why they do not fit.
pub fn reapply(case: &Case, analysis: &Analysis, fix: &Fix) -> Result<Fix, Vec<Reason>> {
    let edits = fix.edits.iter().map(|edit| Edit {
        file_path: fix.file_path.clone(),
        search: edit.search.clone(),
        replace: edit.replace.clone(),
    });
    let candidate = fix::reapply(edits.collect(), &fix.explanation, &case.snapshot, &case.project)?;
    let touched = categories::categories_of(std::slice::from_ref(&candidate.change));
    match policy::decide_before_fix(&case.root_cause(analysis, &touched)) {
        Outlook::Refuse { reasons } => Err(reasons),
        Outlook::ProposeFix => Ok(fix_of(case, &candidate, fix.confidence, fix.unchecked.clone())),
    }
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
    trail: &mut Trail,
) -> Result<Ending, Stopped> {
    let Cause { analysis, red } = cause;
    trail.reached = Reached::Policy;
    let there = categories_there(case, analysis);
    if let Outlook::Refuse { reasons } = policy::decide_before_fix(&case.root_cause(analysis, &there)) {
        return Ok(refuse(reasons));
    }
    trail.reached = Reached::Edit;
    let before = analyst.usage;
    let written = write_fix(analyst, case, analysis, red).await?;
    trail.paid("fix", &before, analyst);
    let candidate = match written {
        Outcome::Result(candidate) => candidate,
        Outcome::Refused(reasons) => return Ok(refuse(reasons)),
    };
    trail.reached = Reached::Validators;
    let touched = categories::categories_of(std::slice::from_ref(&candidate.change));
    // The chain is as sure as its least sure part, and the author of the fix is one of them.
    let mut judged = analysis.clone();
    judged.confidence = analysis.confidence.zip(candidate.confidence).map(|(cause, fix)| cause.min(fix));
    let mut input = PolicyInput {
        root_cause: case.root_cause(&judged, &touched),
        critique: None,
        findings: &candidate.findings,
        syntax: match syntax::check(&candidate.change) {
            SyntaxChecked::UnknownLanguage => SyntaxCheck::NotChecked,
            _ => SyntaxCheck::Checked, // new errors are among the findings
        },
        edited_file: case.edited_file(&candidate),
    };
    let unchecked = unchecked(&input);
    let refused = |reasons| {
        let confidence = candidate.confidence.unwrap_or(0.0);
        Ending::Refuse {
            reasons,
            fix: Some(Box::new(fix_of(case, &candidate, confidence, unchecked.clone()))),
        }
    };
    let reasons = reasons_without_critic(&input);
    if !reasons.is_empty() {
        // Refused whatever the critic would say, so it is not paid for.
        return Ok(refused(reasons));
    }
    trail.reached = Reached::Critic;
    let before = analyst.usage;
    let criticised = criticise(analyst, case, &candidate).await?;
    trail.paid("critic", &before, analyst);
    let critique = match criticised {
        Outcome::Result(critique) => critique,
        Outcome::Refused(reasons) => return Ok(refused(reasons)),
    };
    trail.critique = Some(critique.clone());
    input.critique = Some(&critique);
    Ok(match policy::decide(&input) {
        Verdict::OpenPullRequest { confidence } => {
            Ending::Propose { fix: Box::new(fix_of(case, &candidate, confidence, unchecked.clone())) }
        }
        Verdict::Refuse { reasons } => refused(reasons),
    })
}

fn refuse(reasons: Vec<Reason>) -> Ending {
    Ending::Refuse { reasons, fix: None }
}

impl Case {
    /// What the policy is told about the root cause.
    fn root_cause<'a>(
        &'a self,
        analysis: &'a Analysis,
        categories: &'a [(Category, String)],
    ) -> RootCause<'a> {
        let verified = self.culprit().is_some_and(|frame| frame.verified);
        RootCause {
            analysis,
            frame: if verified { FrameCheck::Verified } else { FrameCheck::Unverified },
            // False evidence never gets here: the conversation ends with it.
            evidence: if analysis.evidence.len() > 1 { EvidenceCheck::True } else { EvidenceCheck::Thin },
            code_categories: categories,
            settings: &self.settings,
        }
    }

    fn edited_file(&self, candidate: &Candidate) -> EditedFile {
        let culprit = self.culprit();
        match culprit.is_some_and(|frame| frame.path.as_str() == candidate.change.path) {
            true => EditedFile::CulpritFile,
            false => EditedFile::OtherFile,
        }
    }
}

/// What a fix at the place of the cause would touch.
fn categories_there(case: &Case, analysis: &Analysis) -> Vec<(Category, String)> {
    let Some(path) = case.snapshot.resolve(&analysis.file_path, &case.project) else { return Vec::new() };
    let text = case.snapshot.text(path).unwrap_or_default();
    categories::categories_of_place(path.as_str(), text, &analysis.line_number.into_iter().collect())
}

/// Everything against a change that needs no critic to be refused.
fn reasons_without_critic(input: &PolicyInput<'_>) -> Vec<Reason> {
    let mut reasons = match policy::decide_before_fix(&input.root_cause) {
        Outlook::Refuse { reasons } => reasons,
        Outlook::ProposeFix => Vec::new(),
    };
    reasons.extend(input.findings.iter().cloned());
    reasons
}

async fn find_root_cause(analyst: &mut Analyst<'_>, case: &Case) -> Result<Outcome<Analysis>, Stopped> {
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

async fn write_fix(
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
        match fix::read(input, &files, &case.snapshot, &case.project) {
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

async fn criticise(
    analyst: &mut Analyst<'_>,
    case: &Case,
    candidate: &Candidate,
) -> Result<Outcome<Critique>, Stopped> {
    let topic = Topic {
        name: "critic",
        setting: critic::setting(&case.boundary),
        opening: critic::opening(&case.boundary, &case.incident, &case.located, &candidate.change),
        toolbox: None,
        result_tool: critic::RESULT_TOOL,
    };
    let mut objections = 0;
    conversation::talk(analyst, topic, |input| match critic::read(input) {
        Ok(critique) => Judged::Accepted(critique),
        Err(sentence) if objections > 0 => {
            Judged::Refused(vec![Reason::new(ReasonCode::FieldMissing, sentence)])
        }
        Err(sentence) => {
            objections += 1;
            Judged::Again(sentence)
        }
    })
    .await
}

/// What people are told that nobody has checked.
fn unchecked(input: &PolicyInput<'_>) -> Vec<String> {
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
    sentences.collect()
}

fn fix_of(case: &Case, candidate: &Candidate, confidence: f64, unchecked: Vec<String>) -> Fix {
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
        confidence,
        diff: shown_diff(&candidate.change),
        before_sha256: hex::encode(Sha256::digest(&candidate.change.before)),
        unchecked,
        reach: Some(reach_of(&candidate.change, &case.snapshot)),
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
