//! The one card of an attempt, for each state it can be in.

use super::blocks::{Card, code, link, outside, outside_lines};
use super::buttons::{self, Buttons};
use super::judgements::judgements;
use super::labels::place;
use super::related::{also_fixes, waits_for_a_place};
use super::story::{pull_request_line, reason_line, state_lines, tries_lines};
use crate::attempt::{Attempt, Checks, Fix, Offer, Owner, OwnerBasis, RollBack, Rollout, State};
use crate::reason::ReasonCode;

/// How people can go on from a card.
#[derive(Clone, Debug)]
pub struct WayOn {
    pub buttons: Buttons,
    /// Address of the page with everything about the attempt; `None` where nobody could open it.
    pub details: Option<String>,
    /// How many different people have to approve a fix that is not isolated.
    pub approvals: u32,
}

/// The card that shows this attempt as it is now.
pub fn card(attempt: &Attempt, way_on: &WayOn) -> Card {
    let (mark, headline) = headline(attempt);
    let project = &attempt.subject.project;
    let error = error_line(attempt);
    let mut card = Card::new(&format!("{mark} {headline}: {error} in {project}"));
    card.header(&format!("{mark} {headline}: {project}"));
    facts(&mut card, attempt);
    state_lines(&mut card, attempt, way_on.approvals);
    tries_lines(&mut card, attempt);
    also_fixes(&mut card, attempt);
    if let Some(analysis) = &attempt.analysis {
        labelled(&mut card, "Root cause", &analysis.root_cause, 1_200);
        labelled(&mut card, "Recommendation", &analysis.recommendation, 700);
    }
    if let Some(fix) = attempt.state.fix() {
        diff(&mut card, fix);
    }
    buttons::show(&mut card, attempt, way_on.buttons);
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
        State::Deployed { merged, .. } => match merged.deployment.as_ref().map(|to| to.rollout) {
            Some(Rollout::Live) => ("✅", "AutoFix deployed"),
            Some(Rollout::UnderWay) => ("🚀", "AutoFix: being deployed"),
            Some(Rollout::Failed) => ("🔴", "AutoFix: the deployment failed"),
            None => ("✅", "AutoFix merged"),
        },
        State::Verified { .. } => ("💚", "AutoFix verified"),
        State::Regressed { roll_back: RollBack::Approved { .. } | RollBack::Opened { .. }, .. } => {
            ("↩️", "AutoFix: rolling back")
        }
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
    fields.extend(attempt.owner.as_ref().map(owner));
    card.fields(&fields);
}

/// Not a mention: GitHub's names are not Slack's.
fn owner(owner: &Owner) -> String {
    let name = code(&owner.name, 80);
    match &owner.basis {
        OwnerBasis::Codeowners => format!("*Owner*\n`{name}` (CODEOWNERS)"),
        OwnerBasis::LastChange { commit } => {
            format!("*Owner*\n`{name}` (changed the file last, `{}`)", code(commit, 12))
        }
    }
}

fn labelled(card: &mut Card, label: &str, text: &str, max_chars: usize) {
    if !text.trim().is_empty() {
        card.section(&format!("*{label}*\n{}", outside_lines(text, max_chars)));
    }
}

fn diff(card: &mut Card, fix: &Fix) {
    card.section(&format!("*Change* in `{}`", code(&fix.file_path, 300)));
    card.code(&fix.diff, 3_000);
    if !fix.unchecked.is_empty() {
        let lines: Vec<String> =
            fix.unchecked.iter().take(4).map(|line| format!("• {}", outside(line, 150))).collect();
        card.section(&format!("*Not checked*\n{}", lines.join("\n")));
    }
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
