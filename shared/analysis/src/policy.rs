//! Whether a pull request may be opened: a pure, total function of what is known.
//!
//! It says yes only if every single thing that it asks for is there and is good, and otherwise
//! gives *all* reasons, so that a person sees the whole picture at once. A field that is missing or
//! has an unknown word is a refusal. What the model says can only ever add reasons: categories are
//! decided by model and code, and either is enough to block; the critics' refusal beats any
//! confidence, and so does a question of the code that a critic did not answer with a proven yes.

use std::collections::BTreeSet;

use crate::answers::{CheckedAnswers, MAX_QUESTIONS, Standing};
use crate::effects::Question;
use autofix_domain::reason::{Reason, ReasonCode};
use autofix_domain::report::{
    Analysis, BlastRadius, Category, Classification, Complexity, Critique, SecurityRisk,
};
use autofix_domain::words::word_enum;

word_enum! {
    /// Whether a frame of the application was found in the code that is about to be changed.
    pub enum FrameCheck { Verified = "verified", Unverified = "unverified", }
}
word_enum! {
    /// Whether the analysis' quotes stand where it says.
    pub enum EvidenceCheck {
        True = "true",
        /// All true, but too little to carry the root cause: one quote, or none at the crash line.
        Thin = "thin",
        False = "false",
    }
}
word_enum! {
    /// Whether there was a grammar to check the edited file with.
    pub enum SyntaxCheck { Checked = "checked", NotChecked = "not_checked", }
}
word_enum! {
    /// Whether the edited file is the one that crashed.
    pub enum EditedFile { CulpritFile = "culprit_file", OtherFile = "other_file", }
}
word_enum! {
    /// Whether AutoFix may open pull requests for a project at all.
    pub enum Enabled { Yes = "yes", No = "no", }
}
word_enum! {
    /// What is taken off the confidence, and why.
    pub enum Penalty {
        SyntaxNotChecked = "syntax_not_checked",
        EvidenceThin = "evidence_thin",
        CulpritElsewhere = "culprit_elsewhere",
    }
}

/// Taken off for a language without a grammar: nothing but the checks then sees a broken file.
const SYNTAX_NOT_CHECKED: f64 = 0.05;
/// Taken off for thin evidence: true quotes are what separates a reading from a guess.
const EVIDENCE_THIN: f64 = 0.05;
/// Taken off for a fix outside the file that crashed: often right, but harder to be sure of.
const CULPRIT_ELSEWHERE: f64 = 0.10;

impl Penalty {
    /// What is taken off, 0 to 1.
    pub const fn amount(self) -> f64 {
        match self {
            Penalty::SyntaxNotChecked => SYNTAX_NOT_CHECKED,
            Penalty::EvidenceThin => EVIDENCE_THIN,
            Penalty::CulpritElsewhere => CULPRIT_ELSEWHERE,
        }
    }
}

/// What the deployment and the repository's own file ask for, the stricter of both.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicySettings {
    pub enabled: Enabled,
    /// 0 to 1. Anything else refuses every pull request.
    pub min_confidence: f64,
    /// Categories that the repository's file names. All categories block; these are told as its wish.
    pub blocked_categories: BTreeSet<Category>,
}

/// What is known after the root cause, before a fix is paid for.
#[derive(Clone, Copy, Debug)]
pub struct RootCause<'a> {
    pub analysis: &'a Analysis,
    pub frame: FrameCheck,
    pub evidence: EvidenceCheck,
    /// What code found at the place of the fault, or later in the diff, with a sentence each.
    pub code_categories: &'a [(Category, String)],
    /// What code has against every fix that the analysis allows: no file that it cites may be changed.
    pub forbidden: &'a [Reason],
    pub settings: &'a PolicySettings,
}

/// What one critic says, and what its answers are worth.
#[derive(Clone, Copy, Debug)]
pub struct Review<'a> {
    pub critique: &'a Critique,
    pub answers: &'a CheckedAnswers,
}

/// All that is known about a finished fix.
#[derive(Clone, Copy, Debug)]
pub struct PolicyInput<'a> {
    pub root_cause: RootCause<'a>,
    /// What code asks about the change.
    pub questions: &'a [Question],
    /// `None` where the critic gave no answer, which refuses.
    pub critic: Option<Review<'a>>,
    /// `None` where there was no second critic, which refuses if a question needs one.
    pub second_critic: Option<Review<'a>>,
    /// What the validators have against the change.
    pub findings: &'a [Reason],
    pub syntax: SyntaxCheck,
    pub edited_file: EditedFile,
}

/// What may be done with a finished fix.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    OpenPullRequest {
        /// 0 to 1, after penalties.
        confidence: f64,
    },
    Refuse {
        /// Every reason, the weightiest kinds first; never empty.
        reasons: Vec<Reason>,
    },
}

/// Whether it is worth paying for a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook {
    ProposeFix,
    Refuse {
        /// Every reason known so far; never empty.
        reasons: Vec<Reason>,
    },
}

/// Decides over a finished fix.
pub fn decide(input: &PolicyInput<'_>) -> Verdict {
    let mut reasons = Vec::new();
    if input.critic.is_none() {
        reasons.push(missing("the critic's verdict"));
    }
    if input.second_critic.is_none() && needs_second_critic(input.questions) {
        reasons.push(missing("the second critic's verdict"));
    }
    reasons.extend(refusals_so_far(input));
    match final_confidence(input) {
        Some(confidence) if reasons.is_empty() => Verdict::OpenPullRequest { confidence },
        _ => Verdict::Refuse { reasons },
    }
}

/// Everything that is known against a finished fix; a critic that wasn't asked yet is not held against it. Empty while it is
/// worth to pay for the next critic.
pub fn refusals_so_far(input: &PolicyInput<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(review) = input.critic {
        reasons.extend(against_review("The critic", review, input.questions.iter()));
    }
    if let Some(review) = input.second_critic {
        reasons.extend(against_review("The second critic", review, twice_asked(input.questions)));
    }
    reasons.extend(against_root_cause(&input.root_cause));
    reasons.extend(input.findings.iter().cloned());
    reasons.extend(against_too_many(input.questions));
    let confidence = final_confidence(input);
    reasons.extend(against_confidence(confidence, input.root_cause.settings, &penalties(input)));
    reasons
}

/// Whether a second, independent critic has to agree.
pub fn needs_second_critic(questions: &[Question]) -> bool {
    twice_asked(questions).next().is_some()
}

/// The questions that two critics have to answer.
pub fn twice_asked(questions: &[Question]) -> impl Iterator<Item = &Question> {
    questions.iter().filter(|question| question.needs_two)
}

/// Decides after the root cause whether any fix could be opened.
pub fn decide_before_fix(known: &RootCause<'_>) -> Outlook {
    let mut reasons = against_root_cause(known);
    let penalties = penalties_of_evidence(known.evidence);
    let confidence = fraction(known.analysis.confidence).map(|confidence| reduced(confidence, &penalties));
    reasons.extend(against_confidence(confidence, known.settings, &penalties));
    if reasons.is_empty() { Outlook::ProposeFix } else { Outlook::Refuse { reasons } }
}

/// What is taken off the confidence of a finished fix.
pub fn penalties(input: &PolicyInput<'_>) -> Vec<Penalty> {
    let mut penalties = penalties_of_evidence(input.root_cause.evidence);
    penalties.extend(match input.syntax {
        SyntaxCheck::Checked => None,
        SyntaxCheck::NotChecked => Some(Penalty::SyntaxNotChecked),
    });
    penalties.extend(match input.edited_file {
        EditedFile::CulpritFile => None,
        EditedFile::OtherFile => Some(Penalty::CulpritElsewhere),
    });
    penalties
}

/// The lowest of the analysis' and the critics' confidence, as far as they were asked, less the penalties; `None` where one of
/// them said none.
pub fn final_confidence(input: &PolicyInput<'_>) -> Option<f64> {
    let mut lowest = fraction(input.root_cause.analysis.confidence)?;
    for review in [input.critic, input.second_critic].into_iter().flatten() {
        lowest = lowest.min(fraction(review.critique.confidence)?);
    }
    Some(reduced(lowest, &penalties(input)))
}

fn penalties_of_evidence(evidence: EvidenceCheck) -> Vec<Penalty> {
    match evidence {
        EvidenceCheck::Thin => vec![Penalty::EvidenceThin],
        EvidenceCheck::True | EvidenceCheck::False => Vec::new(),
    }
}

/// Rounded to a thousandth, so that 0.85 less 0.05 is 0.8 and not a hair below.
fn reduced(confidence: f64, penalties: &[Penalty]) -> f64 {
    let reduced = confidence - penalties.iter().map(|penalty| penalty.amount()).sum::<f64>();
    (reduced.max(0.0) * 1000.0).round() / 1000.0
}

fn fraction(confidence: Option<f64>) -> Option<f64> {
    confidence.filter(|number| (0.0..=1.0).contains(number))
}

fn against_review<'q>(
    who: &str,
    review: Review<'_>,
    questions: impl Iterator<Item = &'q Question>,
) -> Vec<Reason> {
    let critique = review.critique;
    let refusals = [
        (!critique.approve, "refused the fix."),
        (!critique.stops_this_error, "says that the fix does not stop this error at this place."),
        (critique.changes_other_behaviour, "says that the fix changes what worked before."),
        (critique.hides_deeper_fault, "says that the fix hides a deeper fault."),
        (
            critique.touches_sensitive_area,
            "says that the fix alters who may do what, where secrets or personal data go, money, or what is written or sent.",
        ),
    ];
    let refused = refusals.into_iter().filter(|(refused, _)| *refused);
    let mut reasons: Vec<Reason> = refused
        .map(|(_, sentence)| Reason::new(ReasonCode::CriticRefused, format!("{who} {sentence}")))
        .collect();
    if let Some(first) = reasons.first_mut().filter(|_| !critique.explanation.trim().is_empty()) {
        *first = Reason::new(first.code, format!("{} {}", first.detail, critique.explanation.trim()));
    }
    if fraction(critique.confidence).is_none() {
        reasons.push(missing("the critic's `confidence` (a number from 0 to 1)"));
    }
    reasons.extend(questions.filter_map(|question| against_answer(who, question, review.answers)));
    reasons.extend(review.answers.unasked.iter().map(|id| {
        Reason::new(ReasonCode::QuestionOpen, format!("{who} answers `{id}`, which nobody asked."))
    }));
    reasons
}

fn against_answer(who: &str, question: &Question, answers: &CheckedAnswers) -> Option<Reason> {
    let answer = match answers.standings.get(&question.id).unwrap_or(&Standing::Missing) {
        Standing::Proven => return None,
        Standing::No => "answers no".to_owned(),
        Standing::Unknown => "can't tell from the code shown".to_owned(),
        Standing::Missing => "gives no answer".to_owned(),
        Standing::NoQuote => "says yes without quoting any code".to_owned(),
        Standing::FalseQuote { sentence } => {
            format!("says yes with a quote that isn't in the code: {sentence}")
        }
        Standing::NameNotQuoted => {
            format!("says yes without quoting code that holds `{}`", question.identifier)
        }
    };
    let detail = format!("{who} {answer} (`{}`): {}", question.id, question.text);
    Some(Reason::new(ReasonCode::QuestionOpen, detail))
}

fn against_too_many(questions: &[Question]) -> Option<Reason> {
    (questions.len() > MAX_QUESTIONS).then(|| {
        let detail = format!(
            "The change raises {} questions; with more than {MAX_QUESTIONS} it is no small one.",
            questions.len()
        );
        Reason::new(ReasonCode::QuestionOpen, detail)
    })
}

fn against_root_cause(known: &RootCause<'_>) -> Vec<Reason> {
    let analysis = known.analysis;
    let mut reasons = Vec::new();
    reasons.extend(against_set_up(known));
    reasons.extend(known.forbidden.iter().cloned());
    reasons.extend(against_missing_text(analysis));
    reasons.extend(against_classification(analysis));
    reasons.extend(against_complexity(analysis.complexity));
    reasons.extend(against_security(analysis.security_implications));
    reasons.extend(against_blast_radius(analysis.blast_radius));
    reasons.extend(against_categories(known));
    reasons
}

fn against_set_up(known: &RootCause<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    match known.settings.enabled {
        Enabled::Yes => {}
        Enabled::No => reasons.push(Reason::new(
            ReasonCode::DisabledByRepository,
            "AutoFix is switched off for this repository in `.orchestrator/autofix.yaml`.",
        )),
    }
    match known.frame {
        FrameCheck::Verified => {}
        FrameCheck::Unverified => reasons.push(Reason::new(
            ReasonCode::FrameUnverified,
            "The line that crashed is not in the code at this commit: it changed since the release, or another \
             branch is deployed. If it is already fixed, deploy that. AutoFix does not repair it somewhere else.",
        )),
    }
    match known.evidence {
        EvidenceCheck::True | EvidenceCheck::Thin => {}
        EvidenceCheck::False => reasons.push(Reason::new(
            ReasonCode::EvidenceFalse,
            "The analysis quotes code that does not stand where it says.",
        )),
    }
    if known.analysis.evidence.is_empty() && known.evidence != EvidenceCheck::False {
        reasons.push(Reason::new(ReasonCode::EvidenceFalse, "The analysis quotes no code as evidence."));
    }
    reasons
}

fn against_missing_text(analysis: &Analysis) -> Vec<Reason> {
    // A message or a function may truly be absent: `KeyError()`, code at the top of a module.
    let texts = [
        ("error_type", &analysis.error_type),
        ("root_cause", &analysis.root_cause),
        ("file_path", &analysis.file_path),
        ("explanation", &analysis.explanation),
        ("recommendation", &analysis.recommendation),
    ];
    let mut reasons: Vec<Reason> = texts
        .into_iter()
        .filter(|(_, text)| text.trim().is_empty())
        .map(|(name, _)| missing(&format!("the analysis' `{name}`")))
        .collect();
    if analysis.line_number.is_none_or(|line| line == 0) {
        reasons.push(missing("the analysis' `line_number`"));
    }
    reasons
}

fn against_classification(analysis: &Analysis) -> Vec<Reason> {
    let mut reasons = Vec::new();
    reasons.extend(match analysis.classification {
        Some(Classification::CodeFix) => None,
        Some(Classification::NeedsHuman) => {
            Some(Reason::new(ReasonCode::NeedsHuman, "The analysis says that a person has to decide here."))
        }
        Some(Classification::NotOurCode) => Some(Reason::new(
            ReasonCode::NotOurCode,
            "The analysis says that the fault is outside this repository.",
        )),
        Some(Classification::AlreadyFixed) => Some(Reason::new(
            ReasonCode::AlreadyFixed,
            "The analysis says that the fault is already fixed here.",
        )),
        None => Some(missing("the analysis' `classification`")),
    });
    if !analysis.can_auto_fix {
        reasons.push(Reason::new(
            ReasonCode::ModelDeclined,
            "The analysis says that this should not be fixed automatically.",
        ));
    }
    reasons
}

fn against_complexity(complexity: Option<Complexity>) -> Option<Reason> {
    match complexity {
        Some(Complexity::Minimal | Complexity::Simple) => None,
        Some(word @ (Complexity::Standard | Complexity::Complex)) => {
            let detail = format!("The fix is `{word}`; only `minimal` and `simple` ones are opened.");
            Some(Reason::new(ReasonCode::ComplexityTooHigh, detail))
        }
        None => Some(missing("the analysis' `complexity`")),
    }
}

fn against_security(risk: Option<SecurityRisk>) -> Option<Reason> {
    match risk {
        Some(SecurityRisk::None | SecurityRisk::Low) => None,
        Some(word @ (SecurityRisk::Medium | SecurityRisk::High)) => {
            Some(Reason::new(ReasonCode::SecurityRisk, format!("The security implications are `{word}`.")))
        }
        None => Some(missing("the analysis' `security_implications`")),
    }
}

fn against_blast_radius(radius: Option<BlastRadius>) -> Option<Reason> {
    match radius {
        Some(BlastRadius::Isolated) => None,
        Some(word @ (BlastRadius::Moderate | BlastRadius::Wide)) => {
            let detail = format!("The change reaches further than one place: its blast radius is `{word}`.");
            Some(Reason::new(ReasonCode::BlastRadius, detail))
        }
        None => Some(missing("the analysis' `blast_radius`")),
    }
}

/// One reason for each category, with every source that names it.
fn against_categories(known: &RootCause<'_>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let of_model = match &known.analysis.categories {
        Some(categories) => categories.as_slice(),
        None => {
            reasons.push(missing("the analysis' `categories`"));
            &[]
        }
    };
    for &category in Category::ALL {
        let by_code: Vec<&str> = known
            .code_categories
            .iter()
            .filter(|(one, _)| *one == category)
            .map(|(_, why)| why.as_str())
            .collect();
        let by_model = of_model.contains(&category).then_some("The analysis says so.");
        let mut sources: Vec<&str> = by_model.into_iter().chain(by_code).collect();
        if sources.is_empty() {
            continue;
        }
        if known.settings.blocked_categories.contains(&category) {
            sources.push("The repository's file blocks it by name.");
        }
        let detail = format!("This touches `{category}`, which needs a person. {}", sources.join(" "));
        reasons.push(Reason::new(ReasonCode::CategoryBlocked, detail));
    }
    reasons
}

fn against_confidence(
    confidence: Option<f64>,
    settings: &PolicySettings,
    penalties: &[Penalty],
) -> Option<Reason> {
    let Some(confidence) = confidence else {
        return Some(missing("a `confidence` from 0 to 1"));
    };
    let wanted = settings.min_confidence;
    if (0.0..=1.0).contains(&wanted) && confidence >= wanted {
        return None;
    }
    let taken_off: Vec<String> =
        penalties.iter().map(|penalty| format!("{} −{:.2}", penalty, penalty.amount())).collect();
    let taken_off =
        if taken_off.is_empty() { String::new() } else { format!(" (after {})", taken_off.join(", ")) };
    let detail = format!("The confidence is {confidence:.2}{taken_off}; {wanted:.2} is wanted.");
    Some(Reason::new(ReasonCode::LowConfidence, detail))
}

fn missing(what: &str) -> Reason {
    Reason::new(ReasonCode::FieldMissing, format!("Missing or not understood: {what}."))
}

#[cfg(test)]
mod tests;
