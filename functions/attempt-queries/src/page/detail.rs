//! One attempt in full: what broke, what was concluded from what, what changes, what every gate said, and what it cost.

use std::sync::Arc;

use askama::Template;
use autofix::analysis::dossier::{Dossier, Excerpt, StepCost};
use autofix::analysis::effects::Effects;
use autofix::analysis::gates::{Gate, Outcome};
use autofix::analysis::report::{self, Analysis, Critique, Evidence, YesNo};
use autofix::attempt::{Attempt, AttemptId, Decision, Fix, Status};
use autofix::messages::{self, Group, Judgement};
use autofix::reason::Reason;
use autofix::redaction::Redacted;
use autofix::usage::Usage;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::diff::Change;
use super::list::PullRequestLink;
use super::outcome::{AfterMerge, ShownChecks, ShownProof};
use super::refusal::{Next, Refusal};
use super::shell::{Here, Shell, Viewer, html};
use super::text::{Prose, block, line, paragraphs, sentence};
use super::times::{Time, moment};
use crate::Queries;

const PROSE_CHARS: usize = 6_000;
const SENTENCE_CHARS: usize = 1_000;
const PLACE_CHARS: usize = 400;
/// Digits of a commit's name that are shown.
const SHORT_SHA: usize = 10;
/// Characters of a quote, and of all lines around one.
const QUOTE_CHARS: usize = 4_000;
const EXCERPT_CHARS: usize = 60_000;
const TITLE_CHARS: usize = 160;
const HINT_CHARS: usize = 1_000;

/// What a link carries beside the attempt's id.
#[derive(Default, Deserialize)]
pub(super) struct Proof {
    seal: Option<String>,
}

#[derive(Template)]
#[template(path = "detail.html")]
struct DetailPage {
    shell: Shell,
    /// Address of this very page.
    here: String,
    id: AttemptId,
    status: Status,
    group: &'static str,
    label: &'static str,
    /// What happens next, and who has to do something.
    next: &'static str,
    news: String,
    project: Redacted,
    repository: Redacted,
    kind: Redacted,
    message: Redacted,
    place: Option<Redacted>,
    sentry: Option<String>,
    pull_request: Option<PullRequestLink>,
    after: AfterMerge,
    occurrences: Option<u64>,
    created: Time,
    completed: Option<Time>,
    decided_by: Option<Redacted>,
    judgements: Vec<Judgement>,
    /// Why it ended without a fix, or what stopped the last try to merge.
    reasons: Vec<ShownReason>,
    analysis: Option<ShownAnalysis>,
    fix: Option<ShownFix>,
    effects: Option<ShownEffects>,
    /// Refused, or not reached.
    open_gates: Vec<ShownGate>,
    passed_gates: Vec<ShownGate>,
    critics: Vec<ShownCritic>,
    evidence: Vec<ShownEvidence>,
    checks: Option<ShownChecks>,
    proof: Option<ShownProof>,
    related: Vec<Related>,
    timeline: Vec<(Time, Prose)>,
    costs: Vec<CostRow>,
    total: CostRow,
}

struct ShownReason {
    code: &'static str,
    sentence: Prose,
}

struct ShownAnalysis {
    root_cause: Vec<Prose>,
    explanation: Vec<Prose>,
    recommendation: Vec<Prose>,
}

struct ShownFix {
    file: Redacted,
    explanation: Vec<Prose>,
    change: Change,
    unchecked: Vec<Prose>,
    base_sha: Redacted,
}

struct ShownGate {
    outcome: &'static str,
    outcome_label: &'static str,
    label: &'static str,
    details: Vec<Prose>,
}

/// What code found about the change, and what it asked the critics.
struct ShownEffects {
    facts: Vec<(u32, Prose)>,
    questions: Vec<ShownQuestion>,
}

struct ShownQuestion {
    text: Prose,
    /// One for each critic that had to answer.
    answers: Vec<ShownAnswer>,
}

struct ShownAnswer {
    said: &'static str,
    is_good: bool,
    /// File and line, and what stands there.
    quotes: Vec<(Redacted, Redacted)>,
}

struct ShownCritic {
    id: &'static str,
    name: &'static str,
    approves: bool,
    confidence: String,
    answers: Vec<Answer>,
    explanation: Vec<Prose>,
}

struct Answer {
    question: &'static str,
    answer: &'static str,
    is_good: bool,
}

struct CostRow {
    step: Redacted,
    usage: Usage,
    dollars: String,
}

pub(super) async fn show(
    State(queries): State<Arc<Queries>>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    proof: Result<Query<Proof>, QueryRejection>,
) -> Response {
    let id = id.map(|Path(id)| id).unwrap_or_default(); // bytes that are no text are no id
    let seal = proof.ok().and_then(|Query(proof)| proof.seal);
    let page = queries.detail_page(&headers, &id, seal.as_deref()).await;
    queries.answer(page)
}

impl Queries {
    async fn detail_page(
        &self,
        headers: &HeaderMap,
        id: &str,
        seal: Option<&str>,
    ) -> Result<Response, Refusal> {
        let Ok(id) = AttemptId::parse(id) else {
            // Whoever is not logged in learns nothing about which ids there are.
            self.owner(headers, Next::List).await?;
            return Err(Refusal::NotFound);
        };
        let viewer = self.viewer(headers, id, seal).await?;
        let (found, dossier) = tokio::join!(self.store.attempt(id), self.store.dossier(id));
        let attempt = found?.ok_or(Refusal::NotFound)?.attempt;
        let claim = self.store.claim(&attempt.subject.sentry_issue_id).await?;
        let occurrences = claim.filter(|claim| claim.attempt == Some(id)).map(|claim| claim.occurrences);
        let mut here = Next::Attempt(id).path(&self.config.common.prefix);
        if let (Viewer::Guest, Some(seal)) = (viewer, seal) {
            here = format!("{here}?seal={seal}"); // it opened this page, so it is digits and a dot
        }
        let page = self.detail(&attempt, dossier?.as_ref(), Seen { viewer, here, occurrences });
        Ok(html(StatusCode::OK, &page))
    }

    fn detail(&self, attempt: &Attempt, dossier: Option<&Dossier>, seen: Seen) -> DetailPage {
        let subject = &attempt.subject;
        let fix = attempt.state.fix();
        let kind = line(subject.error_type.as_deref().unwrap_or("Error"), 120);
        let label = messages::headline(attempt).label;
        let gates = dossier.map(|dossier| dossier.gates.as_slice()).unwrap_or_default();
        let (passed, open): (Vec<&Gate>, Vec<&Gate>) =
            gates.iter().partition(|gate| gate.outcome == Outcome::Passed);
        let analysis = attempt.analysis.as_ref();
        let claims = analysis.map_or(&[][..], |analysis| &analysis.evidence);
        let judged = analysis.map(|analysis| messages::judgements(analysis, fix).into_iter().collect());
        let reasons = attempt.state.reasons().iter().chain(attempt.state.problem());
        let moments = attempt.timeline.iter();
        DetailPage {
            shell: self.shell(
                format!("{kind} in {}", line(&subject.project, 100)),
                seen.viewer,
                Here::Elsewhere,
            ),
            here: seen.here,
            id: attempt.id,
            status: attempt.status(),
            group: Group::of(attempt.status()).as_str(),
            label,
            next: messages::what_next(attempt),
            news: format!("This attempt: {label}."),
            project: line(&subject.project, 100),
            repository: line(&attempt.target.repo, 200),
            kind,
            message: line(subject.error_message.as_deref().unwrap_or(&subject.title), 500),
            place: messages::place(attempt).map(|place| line(&place, 400)),
            sentry: subject.sentry_url.as_deref().and_then(|address| self.sentry_link(address)),
            pull_request: attempt.state.pull_request().map(|one| self.pull_request_link(one)),
            after: self.after_merge(&attempt.state),
            occurrences: seen.occurrences,
            created: moment(attempt.created_at),
            completed: attempt.completed_at.map(moment),
            decided_by: attempt.state.decision().map(decided_by),
            judgements: judged.unwrap_or_default(),
            reasons: reasons.map(shown_reason).collect(),
            analysis: analysis.map(shown_analysis),
            fix: fix.map(shown_fix),
            effects: fix.and_then(shown_effects),
            open_gates: open.into_iter().map(shown_gate).collect(),
            passed_gates: passed.into_iter().map(shown_gate).collect(),
            critics: dossier.map(shown_critics).unwrap_or_default(),
            evidence: evidence(claims, dossier),
            checks: self.checks(attempt),
            proof: self.proof(attempt),
            related: self.related(attempt),
            timeline: moments
                .map(|entry| (moment(entry.at), sentence(&entry.what, SENTENCE_CHARS)))
                .collect(),
            costs: dossier.map(|dossier| costs(dossier, attempt)).unwrap_or_default(),
            total: cost_row("All steps", &attempt.usage),
        }
    }
}

/// Who looks, and what is known from elsewhere.
struct Seen {
    viewer: Viewer,
    here: String,
    occurrences: Option<u64>,
}

fn decided_by(decision: &Decision) -> Redacted {
    match decision.by.as_str() {
        Decision::ON_GITHUB => Redacted::trusted("someone on GitHub"),
        by => line(&format!("Slack user {by}"), 60),
    }
}

fn shown_reason(reason: &Reason) -> ShownReason {
    ShownReason { code: reason.code.as_str(), sentence: sentence(&reason.detail, SENTENCE_CHARS) }
}

fn shown_analysis(analysis: &Analysis) -> ShownAnalysis {
    ShownAnalysis {
        root_cause: paragraphs(&analysis.root_cause, PROSE_CHARS),
        explanation: paragraphs(&analysis.explanation, PROSE_CHARS),
        recommendation: paragraphs(&analysis.recommendation, PROSE_CHARS),
    }
}

fn shown_fix(fix: &Fix) -> ShownFix {
    ShownFix {
        file: line(&fix.file_path, 400),
        explanation: paragraphs(&fix.explanation, PROSE_CHARS),
        change: Change::of("diff", &fix.file_path, &fix.diff),
        unchecked: fix.unchecked.iter().map(|detail| sentence(detail, SENTENCE_CHARS)).collect(),
        base_sha: line(&fix.base_sha.chars().take(SHORT_SHA).collect::<String>(), SHORT_SHA),
    }
}

fn shown_gate(gate: &Gate) -> ShownGate {
    ShownGate {
        outcome: gate.outcome.as_str(),
        outcome_label: messages::outcome_label(gate.outcome),
        label: messages::gate_label(gate.name),
        details: gate.details.iter().map(|detail| sentence(detail, SENTENCE_CHARS)).collect(),
    }
}

fn shown_effects(fix: &Fix) -> Option<ShownEffects> {
    let Effects { facts, questions, refusals: _ } = &fix.effects;
    let facts = facts.iter().map(|fact| (fact.line, sentence(&fact.sentence, SENTENCE_CHARS)));
    let questions = questions.iter().map(|question| ShownQuestion {
        text: sentence(&question.text, SENTENCE_CHARS),
        answers: fix
            .answers
            .iter()
            .filter(|answer| answer.question == question.id)
            .map(shown_answer)
            .collect(),
    });
    let effects = ShownEffects { facts: facts.collect(), questions: questions.collect() };
    (!effects.facts.is_empty() || !effects.questions.is_empty()).then_some(effects)
}

fn shown_answer(answer: &report::Answer) -> ShownAnswer {
    let quotes = answer.quotes.iter().map(|quote| {
        let place = line(&format!("{}:{}", quote.file, quote.line), PLACE_CHARS);
        (place, line(&quote.quote, SENTENCE_CHARS))
    });
    ShownAnswer {
        said: answer.answer.map_or("no answer", YesNo::as_str),
        is_good: answer.answer == Some(YesNo::Yes),
        quotes: quotes.collect(),
    }
}

fn shown_critics(dossier: &Dossier) -> Vec<ShownCritic> {
    let first = dossier.critique.iter().map(|critique| shown_critic("critic", "The critic", critique));
    let second = dossier.second_critique.iter();
    first.chain(second.map(|critique| shown_critic("second-critic", "The second critic", critique))).collect()
}

fn shown_critic(id: &'static str, name: &'static str, critique: &Critique) -> ShownCritic {
    let answer = |question, yes: bool, good: bool| Answer {
        question,
        answer: if yes { "yes" } else { "no" },
        is_good: yes == good,
    };
    ShownCritic {
        id,
        name,
        approves: critique.approve,
        confidence: match critique.confidence {
            Some(confidence) => format!("{:.0} %", confidence * 100.0),
            None => "not stated".to_owned(),
        },
        answers: vec![
            answer("Does it stop this error at this place?", critique.stops_this_error, true),
            answer("Does it change what worked before?", critique.changes_other_behaviour, false),
            answer("Does it hide a deeper fault?", critique.hides_deeper_fault, false),
            answer(
                "Does it alter permissions, money, or what is written or sent?",
                critique.touches_sensitive_area,
                false,
            ),
        ],
        explanation: paragraphs(&critique.explanation, PROSE_CHARS),
    }
}

/// Each conversation of the investigation, the one that wrote the proof's test, and what came before them (the base moved)
/// or after them (a repair).
fn costs(dossier: &Dossier, attempt: &Attempt) -> Vec<CostRow> {
    let author = attempt.proof.iter().map(|proof| proof.author).filter(|usage| usage.turns > 0);
    let author = author.map(|usage| StepCost { step: "regression_test".to_owned(), usage });
    let steps: Vec<StepCost> = dossier.costs.iter().cloned().chain(author).collect();
    let mut of_steps = Usage::default();
    steps.iter().for_each(|cost| of_steps.add(&cost.usage));
    let other = attempt.usage.since(&of_steps);
    let rows = steps.iter().map(|cost| cost_row(&cost.step.replace('_', " "), &cost.usage));
    rows.chain((other.turns > 0).then(|| cost_row("other work", &other))).collect()
}

fn cost_row(step: &str, usage: &Usage) -> CostRow {
    CostRow { step: line(step, 60), usage: *usage, dollars: format!("${:.4}", usage.cost_usd) }
}

struct ShownEvidence {
    pub place: Redacted,
    pub lines: Vec<CodeLine>,
}

struct CodeLine {
    /// `None` where only the quote is known and not where its lines stand.
    pub number: Option<u32>,
    pub text: Redacted,
    pub is_quoted: bool,
}

/// The evidence in order. The dossier has the excerpts in the same order, except those that did not fit.
fn evidence(claims: &[Evidence], dossier: Option<&Dossier>) -> Vec<ShownEvidence> {
    let excerpts = dossier.map_or(&[][..], |dossier| &dossier.excerpts);
    claims.iter().map(|claim| shown_evidence(claim, excerpts)).collect()
}

fn shown_evidence(claim: &Evidence, excerpts: &[Excerpt]) -> ShownEvidence {
    let place = line(&format!("{}:{}", claim.file, claim.line), 400);
    let of_claim = |excerpt: &&Excerpt| excerpt.file == claim.file && excerpt.quoted.0 == claim.line;
    let lines = match excerpts.iter().find(of_claim) {
        Some(excerpt) => around(excerpt),
        None => {
            let line = |text| CodeLine { number: None, text, is_quoted: true };
            block(&claim.quote, QUOTE_CHARS).lines().map(line).collect()
        }
    };
    ShownEvidence { place, lines }
}

fn around(excerpt: &Excerpt) -> Vec<CodeLine> {
    let safe = block(&excerpt.lines.join("\n"), EXCERPT_CHARS);
    let numbered = (excerpt.first_line..).zip(safe.lines());
    let line = |(number, text)| CodeLine {
        number: Some(number),
        text,
        is_quoted: (excerpt.quoted.0..=excerpt.quoted.1).contains(&number),
    };
    numbered.map(line).collect()
}

struct Related {
    /// What it is to this one.
    pub what: &'static str,
    pub address: String,
    pub id: AttemptId,
    /// What else is known of it.
    pub remark: Redacted,
}

impl Queries {
    fn related(&self, attempt: &Attempt) -> Vec<Related> {
        let related = |what, id: AttemptId, remark| Related {
            what,
            address: Next::Attempt(id).path(&self.config.common.prefix),
            id,
            remark,
        };
        let same_fault = attempt.same_fault.iter().map(|same| {
            let number = same.pull_request.as_ref().map(|one| format!("pull request #{}", one.number));
            let remark = number.map(|number| line(&number, TITLE_CHARS)).unwrap_or_default();
            related("The same fault, which has the answer", same.attempt, remark)
        });
        let joined = attempt.joined.issues.iter().map(|issue| {
            let title = line(&issue.title, TITLE_CHARS);
            related("The same fault in another issue; this fix is for it as well", issue.attempt, title)
        });
        let of = attempt.retry.iter().map(|retry| {
            related(
                "The try before; a person's hint for this one",
                retry.of,
                line(retry.hint.as_str(), HINT_CHARS),
            )
        });
        let into = attempt.retried.iter().map(|retried| {
            let why = match &retried.by {
                Some(_) => "Another try, which a person wanted",
                None => "The attempt after this one, with the stack trace",
            };
            related(why, retried.into, Redacted::default())
        });
        same_fault.chain(joined).chain(of).chain(into).collect()
    }
}
