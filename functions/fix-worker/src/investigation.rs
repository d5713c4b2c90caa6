//! The investigation of a case: root cause, fix, one critic or two, and the policy between them.
//!
//! It follows from the case and from the checkpoints of its conversations, so a repeat comes to the same end.

use autofix::analysis::answers::{self, CheckedAnswers, Checking};
use autofix::analysis::background::{with_background, with_earlier};
use autofix::analysis::conventions::with_conventions;
use autofix::analysis::critic::code::{BlankedCode, CrashLine};
use autofix::analysis::critic::{self, Shown};
use autofix::analysis::diff::{FileChange, unified};
use autofix::analysis::dossier::{Dossier, kept_answers, kept_effects};
use autofix::analysis::edits::Edit;
use autofix::analysis::effects::{Effects, Question};
use autofix::analysis::fix::{self, Candidate, MAX_REPAIRS, Proposal, RedChecks};
use autofix::analysis::frames::{LocatedFrame, Match};
use autofix::analysis::gates::Reached;
use autofix::analysis::policy::{
    self, EditedFile, EvidenceCheck, FrameCheck, Outlook, Penalty, PolicyInput, Review, RootCause,
    SyntaxCheck, Verdict,
};
use autofix::analysis::reach::reach_of;
use autofix::analysis::report::{Analysis, Answer, Category, Critique};
use autofix::analysis::root_cause::{self, Objection};
use autofix::analysis::sensitive_paths::sensitive_path;
use autofix::analysis::syntax::{self, SyntaxChecked};
use autofix::analysis::tools::Toolbox;
use autofix::analysis::validators;
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
    /// 0 to 1: the lowest of all that were asked, less the penalties; `None` if one of them said none.
    pub confidence: Option<f64>,
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
    let confidence = trail.confidence;
    let dossier = trail.dossier(case, analysis.as_ref(), &ending);
    Ok(Conclusion { analysis, ending, confidence, dossier })
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
    let candidate = fix::reapply(edits.collect(), &fix.explanation, &case.code())?;
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
    trail.confidence = analysis.confidence;
    let there = categories_there(case, analysis);
    let forbidden = forbidden_everywhere(case, analysis);
    let known = RootCause { forbidden: &forbidden, ..case.root_cause(analysis, &there) };
    if let Outlook::Refuse { reasons } = policy::decide_before_fix(&known) {
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
    let touched = sensitive_path(&candidate.change.path);
    // The chain is as sure as its least sure part, and the author of the fix is one of them.
    let mut judged = analysis.clone();
    judged.confidence = analysis.confidence.zip(candidate.confidence).map(|(cause, fix)| cause.min(fix));
    let questions = &candidate.effects.questions;
    trail.effects = kept_effects(&candidate.effects);
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
    trail.confidence = policy::final_confidence(&input);
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
    reasons.extend(critic::unreviewable(&candidate.change));
    if !reasons.is_empty() {
        // Refused whatever a critic would say, so none is paid for.
        return Ok(refused(reasons, Vec::new()));
    }
    trail.reached = Reached::Critic;
    let code = BlankedCode::new(&case.snapshot, &candidate.change, case.crash_line(), questions);
    let review = ToReview { analysis, candidate: &candidate, code: &code };
    let before = analyst.usage;
    let criticised = criticise(analyst, case, &review, Critic { name: "critic", questions }).await?;
    trail.paid("critic", &before, analyst);
    let first = match criticised {
        Outcome::Result(first) => first,
        Outcome::Refused(reasons) => return Ok(refused(reasons, Vec::new())),
    };
    trail.critique = Some(first.critique.clone());
    input.critic = Some(first.review());
    trail.confidence = policy::final_confidence(&input);
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
        trail.paid("second_critic", &before, analyst);
        second = match criticised {
            Outcome::Result(second) => second,
            Outcome::Refused(reasons) => return Ok(refused(reasons, answers)),
        };
        trail.second_critique = Some(second.critique.clone());
        input.second_critic = Some(second.review());
        trail.confidence = policy::final_confidence(&input);
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

impl Case {
    /// What the policy is told about the root cause.
    fn root_cause<'a>(
        &'a self,
        analysis: &'a Analysis,
        categories: &'a [(Category, String)],
    ) -> RootCause<'a> {
        let verified = self.culprit().is_some_and(LocatedFrame::is_verified);
        RootCause {
            analysis,
            frame: if verified { FrameCheck::Verified } else { FrameCheck::Unverified },
            // False evidence never gets here: the conversation ends with it.
            evidence: if analysis.evidence.len() > 1 { EvidenceCheck::True } else { EvidenceCheck::Thin },
            code_categories: categories,
            forbidden: &[],
            settings: &self.settings,
        }
    }

    /// The verified line that crashed.
    fn crash_line(&self) -> Option<CrashLine<'_>> {
        let frame = self.culprit().filter(|frame| frame.is_verified())?;
        Some(CrashLine { path: &frame.path, line: frame.line? })
    }

    /// Type of the exception of the frame to blame.
    fn exception(&self) -> &str {
        let of_culprit = self.culprit().and_then(|frame| self.incident.exceptions.get(frame.exception));
        of_culprit.or(self.incident.exceptions.last()).map_or("", |exception| &exception.kind)
    }

    fn edited_file(&self, candidate: &Candidate) -> EditedFile {
        let culprit = self.culprit();
        match culprit.is_some_and(|frame| frame.path.as_str() == candidate.change.path) {
            true => EditedFile::CulpritFile,
            false => EditedFile::OtherFile,
        }
    }
}

/// What the path of the cause says about every fix there.
fn categories_there(case: &Case, analysis: &Analysis) -> Vec<(Category, String)> {
    case.snapshot
        .resolve(&analysis.file_path, &case.project)
        .map_or_else(Vec::new, |path| sensitive_path(path.as_str()))
}

/// What code has against every fix that the analysis allows: none of the files that it cites may be changed.
fn forbidden_everywhere(case: &Case, analysis: &Analysis) -> Vec<Reason> {
    let mut found = Vec::new();
    for path in fix::cited_files(analysis, &case.snapshot, &case.project) {
        match validators::forbidden_place(path.as_str(), case.project.as_str()) {
            Some(reason) => found.push(reason),
            None => return Vec::new(),
        }
    }
    found
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

/// What the critics look at.
#[derive(Clone, Copy)]
struct ToReview<'a> {
    analysis: &'a Analysis,
    candidate: &'a Candidate,
    code: &'a BlankedCode<'a>,
}

/// One critic.
#[derive(Clone, Copy)]
struct Critic<'a> {
    /// Name of the conversation.
    name: &'static str,
    /// What it has to answer.
    questions: &'a [Question],
}

/// What a critic said, and what its answers are worth.
struct Criticised {
    critique: Critique,
    answers: CheckedAnswers,
}

impl Criticised {
    fn review(&self) -> Review<'_> {
        Review { critique: &self.critique, answers: &self.answers }
    }
}

async fn criticise(
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

/// What became of a candidate.
struct Judgement {
    /// 0 to 1.
    confidence: f64,
    unchecked: Vec<String>,
    /// The critics', bounded.
    answers: Vec<Answer>,
}

fn fix_of(case: &Case, candidate: &Candidate, judged: Judgement) -> Fix {
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
