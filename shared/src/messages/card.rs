//! The one card of an attempt, for each state it can be in.

use super::blocks::{ButtonValue, Card, DEPLOY, DISMISS, button, link, outside, outside_lines};
use super::judgements::{Mark, judgements};
use super::labels::place;
use super::related::{also_fixes, same_fault_line, waiting_line, waits_for_a_place};
use crate::attempt::{Attempt, Checks, Cleanup, Decision, Fix, Offer, PullRequest, State};
use crate::reason::{Reason, ReasonCode};

/// Whether a click can reach us: without a signing secret nobody could prove a click.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buttons {
    Shown,
    LinksOnly,
}

/// How people can go on from a card.
#[derive(Clone, Debug)]
pub struct WayOn {
    pub buttons: Buttons,
    /// Address of the page with everything about the attempt; `None` where nobody could open it.
    pub details: Option<String>,
}

/// Room kept for what follows the diff.
const TAIL_CHARS: usize = 2_200;
const MAX_REASONS: usize = 12;

/// The card that shows this attempt as it is now.
pub fn card(attempt: &Attempt, way_on: &WayOn) -> Card {
    let (mark, headline) = headline(attempt);
    let project = &attempt.subject.project;
    let error = error_line(attempt);
    let mut card = Card::new(&format!("{mark} {headline}: {error} in {project}"));
    card.header(&format!("{mark} {headline}: {project}"));
    facts(&mut card, attempt);
    state_lines(&mut card, attempt);
    also_fixes(&mut card, attempt);
    if let Some(analysis) = &attempt.analysis {
        labelled(&mut card, "Root cause", &analysis.root_cause, 1_200);
        labelled(&mut card, "Recommendation", &analysis.recommendation, 700);
    }
    if let Some(fix) = attempt.state.fix() {
        diff(&mut card, fix);
    }
    if way_on.buttons == Buttons::Shown {
        decide(&mut card, attempt);
    }
    footer(&mut card, attempt, way_on);
    card
}

/// A card with the headline, the place and the links only: for a Slack that refuses the full one.
pub fn plain_card(attempt: &Attempt, way_on: &WayOn) -> Card {
    let (mark, headline) = headline(attempt);
    let mut card =
        Card::new(&format!("{mark} {headline}: {} in {}", error_line(attempt), attempt.subject.project));
    card.header(&format!("{mark} {headline}: {}", attempt.subject.project));
    if let Some(reason) = attempt.state.reasons().first() {
        card.section(&reason_line(reason));
    }
    if let Some(pull_request) = attempt.state.pull_request() {
        card.section(&pull_request_line(pull_request));
    }
    footer(&mut card, attempt, way_on);
    card
}

/// Whether this state deserves a message of its own where a card cannot be updated in place.
pub fn is_worth_a_message(attempt: &Attempt) -> bool {
    match &attempt.state {
        State::Pending | State::Analyzing { .. } | State::Withdrawing { .. } | State::Approved { .. } => {
            false
        }
        State::Proposed { .. } => waits_for_a_place(attempt).is_some(),
        State::PrCreated { offer } => matches!(offer.checks, Checks::Red { .. }),
        State::AwaitingApproval { .. }
        | State::Rejected { .. }
        | State::Deployed { .. }
        | State::Verified { .. }
        | State::Regressed { .. }
        | State::RolledBack { .. }
        | State::Failed { .. }
        | State::Skipped { .. } => true,
    }
}

fn headline(attempt: &Attempt) -> (&'static str, &'static str) {
    match &attempt.state {
        State::Pending | State::Analyzing { .. } => ("🔎", "AutoFix is looking at it"),
        State::Proposed { .. } if waits_for_a_place(attempt).is_some() => ("⏸️", "AutoFix: a fix waits"),
        State::Proposed { .. } => ("🔧", "AutoFix proposes a fix"),
        State::Withdrawing { .. } => ("🔁", "AutoFix starts anew"),
        State::PrCreated { offer: Offer { checks: Checks::Red { .. }, .. } } => {
            ("🔴", "AutoFix: checks failed")
        }
        State::PrCreated { .. } => ("⏳", "AutoFix: checks running"),
        State::AwaitingApproval { problem: Some(_), .. } => ("⚠️", "AutoFix: not merged"),
        State::AwaitingApproval { .. } => ("🔧", "AutoFix ready"),
        State::Approved { .. } => ("🚀", "AutoFix: deploying"),
        State::Deployed { .. } => ("✅", "AutoFix deployed"),
        State::Verified { .. } => ("💚", "AutoFix verified"),
        State::Regressed { .. } => ("🔥", "AutoFix: the error came back"),
        State::RolledBack { .. } => ("↩️", "AutoFix rolled back"),
        State::Rejected { .. } => ("❌", "AutoFix dismissed"),
        State::Failed { .. } => ("⚠️", "AutoFix failed"),
        State::Skipped { reasons, .. } => match reasons.first().map(|reason| reason.code) {
            Some(ReasonCode::AlreadyFixed) => ("✅", "Already fixed"),
            Some(ReasonCode::DryRun) => ("🧪", "AutoFix dry run"),
            Some(ReasonCode::SentryAgentTookOver) => ("🤝", "Left to Sentry's agent"),
            Some(ReasonCode::SameFaultMerged) => ("⏳", "The fix is merged"),
            Some(
                ReasonCode::SameFaultJoined
                | ReasonCode::SameFaultDismissed
                | ReasonCode::SameFaultAnswered
                | ReasonCode::SameFaultUndecided,
            ) => ("🔁", "Known fault"),
            Some(ReasonCode::OpenPullRequestLimit) => ("⏸️", "AutoFix: a fix was not opened"),
            Some(ReasonCode::DisabledByRepository) => ("⏸️", "AutoFix is off for this repository"),
            _ => ("🔍", "Manual Review Required"), // whatever the reason, a person has to look
        },
    }
}

fn error_line(attempt: &Attempt) -> String {
    attempt.subject.error_type.clone().unwrap_or_else(|| attempt.subject.title.clone())
}

/// The facts that people know from every card: error, place, and the four judgements with their marks.
fn facts(card: &mut Card, attempt: &Attempt) {
    let subject = &attempt.subject;
    let message = subject.error_message.as_deref().unwrap_or(&subject.title);
    let error = match &subject.error_type {
        Some(kind) => format!("*Error*\n`{}`: {}", code(kind, 120), outside(message, 400)),
        None => format!("*Error*\n{}", outside(message, 400)),
    };
    let mut fields = vec![error];
    if let Some(place) = place(attempt) {
        fields.push(format!("*File*\n`{}`", code(&place, 300)));
    }
    if let Some(analysis) = &attempt.analysis {
        let judgements = judgements(analysis, attempt.state.fix());
        fields.extend(judgements.map(|one| format!("*{}*\n{} {}", one.name, one.mark.emoji(), one.word)));
    }
    card.fields(&fields);
}

/// What is special about the state: who decided, which checks, which reasons.
fn state_lines(card: &mut Card, attempt: &Attempt) {
    match &attempt.state {
        State::Pending | State::Analyzing { .. } => {}
        State::Proposed { .. } => {
            if let Some(limit) = waits_for_a_place(attempt) {
                card.section(&waiting_line(limit));
            }
        }
        State::Withdrawing { offer } => {
            let line = pull_request_line(&offer.pull_request);
            card.section(&format!(
                "{line}\nThe fix does not fit the base branch any more; the analysis starts anew."
            ));
        }
        State::PrCreated { offer } => offer_lines(card, offer),
        State::AwaitingApproval { offer, problem } => {
            offer_lines(card, offer);
            if let Some(problem) = problem {
                card.section(&format!(
                    "{} *GitHub did not merge it.* {}",
                    Mark::Careful.emoji(),
                    outside(&problem.detail, 600)
                ));
            }
        }
        State::Approved { offer, decision, .. } => {
            card.section(&format!(
                "{}\nApproved by {}, merging now.",
                pull_request_line(&offer.pull_request),
                person(&decision.by)
            ));
        }
        State::Rejected { pull_request, decision, cleanup, .. } => {
            let outcome = match cleanup {
                Cleanup::Owed => "The pull request is being closed.",
                Cleanup::Done => "The pull request is closed; AutoFix will not propose this again.",
                Cleanup::LeftOpen => {
                    "*The pull request could not be closed: close it on GitHub.* AutoFix will not propose this again."
                }
                Cleanup::TooLate => {
                    "*Someone had merged the pull request on GitHub before it could be closed.*"
                }
            };
            let who = person(&decision.by);
            card.section(&format!("{}\nDismissed by {who}. {outcome}", pull_request_line(pull_request)));
        }
        State::Deployed { merged, .. }
        | State::Verified { merged, .. }
        | State::Regressed { merged, .. }
        | State::RolledBack { merged, .. } => {
            let sha = merged.merge_sha.as_deref();
            let commit = sha.map_or(String::new(), |sha| format!(" as `{}`", code(sha, 12)));
            let line = pull_request_line(&merged.pull_request);
            card.section(&match merged.decision.by.as_str() {
                Decision::ON_GITHUB => format!("{line}\nMerged by someone on GitHub."),
                by => format!("{line}\nMerged{commit}, approved by {}.", person(by)),
            });
        }
        State::Failed { reason, pull_request, .. } => {
            let pull_request = pull_request.as_ref().map(pull_request_line).unwrap_or_default();
            card.section(&format!("{}\n{pull_request}", reason_line(reason)));
        }
        State::Skipped { reasons, .. } => {
            let mut lines: Vec<String> = reasons.iter().take(MAX_REASONS).map(reason_line).collect();
            if reasons.len() > MAX_REASONS {
                lines.push(format!("• … and {} more", reasons.len() - MAX_REASONS));
            }
            let title = if reasons.len() > 1 { "Reasons" } else { "Reason" };
            card.section(&format!("*{title}*\n{}", lines.join("\n")));
            if let Some(same_fault) = &attempt.same_fault {
                card.section(&same_fault_line(same_fault));
            }
        }
    }
}

/// The pull request, its checks, and what is special about its head.
fn offer_lines(card: &mut Card, offer: &Offer) {
    let mut lines = vec![pull_request_line(&offer.pull_request), checks_line(&offer.checks)];
    lines.extend(offer.notice.as_ref().map(|notice| outside(notice, 400)));
    lines.extend(offer.handed_over.as_ref().map(|why| outside(why, 400)));
    card.section(&lines.join("\n"));
}

fn reason_line(reason: &Reason) -> String {
    format!("• {} (`{}`)", outside(&reason.detail, 200), reason.code)
}

pub(super) fn pull_request_line(pull_request: &PullRequest) -> String {
    let label = format!("Pull request #{}", pull_request.number);
    format!("*{}*  `{}`", link(&pull_request.url, &label), code(&pull_request.branch, 100))
}

fn checks_line(checks: &Checks) -> String {
    match checks {
        Checks::Running => "⏳ Checks are running; Deploy comes when they are green.".to_owned(),
        Checks::Red { failed } => {
            let names: Vec<String> =
                failed.iter().take(5).map(|check| format!("`{}`", code(&check.name, 80))).collect();
            format!("🔴 Failed: {}. Deploy stays off until they are green.", names.join(", "))
        }
        Checks::Green { passed: 1 } => "✅ 1 check passed.".to_owned(),
        Checks::Green { passed } => format!("✅ {passed} checks passed."),
        Checks::None => "⚠️ No checks ran for this commit.".to_owned(),
    }
}

fn labelled(card: &mut Card, label: &str, text: &str, max_chars: usize) {
    if !text.trim().is_empty() {
        card.section(&format!("*{label}*\n{}", outside_lines(text, max_chars)));
    }
}

fn diff(card: &mut Card, fix: &Fix) {
    let room = card.room().saturating_sub(TAIL_CHARS);
    card.section(&format!("*Change* in `{}`", code(&fix.file_path, 300)));
    card.code(&fix.diff, room.clamp(400, 3_000));
    if !fix.unchecked.is_empty() {
        let lines: Vec<String> =
            fix.unchecked.iter().take(4).map(|line| format!("• {}", outside(line, 150))).collect();
        card.section(&format!("*Not checked*\n{}", lines.join("\n")));
    }
}

fn decide(card: &mut Card, attempt: &Attempt) {
    let Some(pull_request) = attempt.state.pull_request() else { return };
    let value = ButtonValue { attempt: attempt.id, head_sha: pull_request.head_sha.clone() };
    let deploy = || button(DEPLOY, "🚀 Deploy Live", "primary", &value);
    let dismiss = || button(DISMISS, "❌ Dismiss", "danger", &value);
    let buttons = match &attempt.state {
        State::AwaitingApproval { .. } => vec![deploy(), dismiss()],
        State::PrCreated { .. } => vec![dismiss()],
        _ => return, // nothing to decide, or decided already
    };
    card.actions(&format!("autofix_{}", attempt.id.short()), buttons);
}

fn footer(card: &mut Card, attempt: &Attempt, way_on: &WayOn) {
    card.divider();
    let mut parts = Vec::new();
    if let Some(address) = &way_on.details {
        parts.push(format!("*{}*", link(address, "Details")));
    }
    if let Some(url) = &attempt.subject.sentry_url {
        parts.push(link(url, "Sentry issue"));
    }
    if !attempt.target.repo.is_empty() {
        parts.push(format!("`{}`", code(&attempt.target.repo, 100)));
    }
    if attempt.usage.turns > 0 {
        parts.push(format!("${:.2}", attempt.usage.cost_usd));
    }
    parts.push(format!("Attempt `{}`", attempt.id));
    card.context(&parts.join("  ·  "));
}

/// Outside text between back-ticks.
fn code(text: &str, max_chars: usize) -> String {
    outside(&text.replace('`', "'"), max_chars)
}

/// A mention of a Slack user; anything else is shown as someone and not as a mention.
pub(super) fn person(id: &str) -> String {
    let is_user =
        !id.is_empty() && id.len() <= 20 && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    match id {
        id if is_user => format!("<@{id}>"),
        Decision::ON_GITHUB => "someone on GitHub".to_owned(),
        _ => "someone".to_owned(),
    }
}
