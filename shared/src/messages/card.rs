//! The one card of an attempt, for each state it can be in.

use super::blocks::{Card, code, link, outside, outside_lines};
use super::buttons::{self, Buttons};
use super::judgements::judgements;
use super::labels::place;
use super::lines::pull_request_line;
use super::proof::{proof_line, show_test};
use super::related::{also_fixes, waits_for_a_slot};
use super::story::{reason_line, state_lines, tries_lines};
use crate::analysis::report::Analysis;
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

/// The card that shows this attempt as it is now. While there is something to decide it has the whole review; afterwards
/// only the story.
pub fn card(attempt: &Attempt, way_on: &WayOn) -> Card {
    let mut card = head(attempt);
    let decided = is_decided(&attempt.state);
    facts(&mut card, attempt);
    if let Some(analysis) = attempt.analysis.as_ref().filter(|_| !decided) {
        review(&mut card, attempt, analysis);
    }
    state_lines(&mut card, attempt, way_on.approvals);
    if attempt.state.merged().is_some()
        && let Some(proof) = attempt.proof.as_ref().filter(|proof| proof.is_proved())
    {
        card.section(&proof_line(proof).unwrap_or_default());
    }
    tries_lines(&mut card, attempt);
    also_fixes(&mut card, attempt);
    buttons::show(&mut card, attempt, way_on.buttons);
    if let Some(fix) = attempt.state.fix().filter(|_| !decided) {
        diff(&mut card, fix);
        if let Some(proof) = &attempt.proof {
            show_test(&mut card, proof);
        }
    }
    footer(&mut card, attempt, way_on);
    card
}

/// Headline and the line that names the error, which the notification says, too.
fn head(attempt: &Attempt) -> Card {
    let Headline { mark, text, .. } = headline(attempt);
    let error = error_line(attempt);
    let mut card = Card::new(&format!("{mark} {text}: {error} ({})", attempt.subject.project));
    card.header(&format!("{mark} {text}"));
    card.section(&format!("*{}*  ·  {}", outside(&error, 200), outside(&attempt.subject.project, 100)));
    card
}

/// Whether people have decided, so that nobody has to judge the fix any more.
fn is_decided(state: &State) -> bool {
    state.merged().is_some() || matches!(state, State::Rejected { .. })
}

/// A card with the headline, the place and the links only: for a Slack that refuses the full one.
pub fn plain_card(attempt: &Attempt, way_on: &WayOn) -> Card {
    let mut card = head(attempt);
    if let Some(reason) = attempt.state.reasons().first() {
        card.section(&reason_line(reason));
    }
    if let Some(pull_request) = attempt.state.pull_request() {
        card.section(&pull_request_line(pull_request));
    }
    footer(&mut card, attempt, way_on);
    card
}

/// How an attempt's state is told: above its card, and in few words wherever there is a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headline {
    pub mark: &'static str,
    pub text: &'static str,
    pub label: &'static str,
}

/// The one table of words for a state, so that Slack and the page say the same.
pub fn headline(attempt: &Attempt) -> Headline {
    let (mark, text, label) = match &attempt.state {
        State::Pending => ("🔎", "AutoFix is looking at it", "Waiting"),
        State::Analyzing { .. } => ("🔎", "AutoFix is looking at it", "Analysing"),
        State::Proposed { .. } if waits_for_a_slot(attempt).is_some() => {
            ("⏸️", "AutoFix: a fix waits", "Fix waits")
        }
        State::Proposed { .. } => ("🔧", "AutoFix proposes a fix", "Fix proposed"),
        State::Withdrawing { .. } => ("🔁", "AutoFix analyses it again", "Analysing again"),
        State::PrCreated { offer: Offer { checks: Checks::Red { .. }, .. } } => {
            ("🔴", "AutoFix: checks failed", "Checks failed")
        }
        State::PrCreated { .. } => ("⏳", "AutoFix: checks running", "Checks running"),
        State::AwaitingApproval { .. } if attempt.lacks_required_proof() => {
            ("🧪", "AutoFix: the fix is not proved", "Not proved")
        }
        State::AwaitingApproval { problem: Some(_), .. } => ("⚠️", "AutoFix: not merged", "Not merged"),
        State::AwaitingApproval { .. } => {
            ("🔧", "AutoFix: CTO Review Complete - Ready to Deploy", "Ready to deploy")
        }
        State::Approved { .. } => ("🚀", "AutoFix: deploying", "Deploying"),
        State::Deployed { merged, .. } => match merged.deployment.as_ref().map(|to| to.rollout) {
            Some(Rollout::Live) => ("✅", "AutoFix deployed", "Deployed"),
            Some(Rollout::UnderWay) => ("🚀", "AutoFix: being deployed", "Being deployed"),
            Some(Rollout::Failed) => ("🔴", "AutoFix: the deployment failed", "Deployment failed"),
            None => ("✅", "AutoFix merged", "Merged"),
        },
        State::Verified { .. } => ("💚", "AutoFix verified", "Verified"),
        State::Regressed { roll_back: RollBack::Approved { .. } | RollBack::Opened { .. }, .. } => {
            ("↩️", "AutoFix: rolling back", "Rolling back")
        }
        State::Regressed { .. } => ("🔥", "AutoFix: the error came back", "The error came back"),
        State::RolledBack { .. } => ("↩️", "AutoFix rolled back", "Rolled back"),
        State::Rejected { .. } => ("❌", "AutoFix dismissed", "Dismissed"),
        State::Failed { .. } => ("⚠️", "AutoFix failed", "Failed"),
        State::Skipped { reasons, .. } => match reasons.first().map(|reason| reason.code) {
            Some(ReasonCode::AlreadyFixed) => ("✅", "AutoFix: Already Fixed", "Already fixed"),
            Some(ReasonCode::DryRun) => ("🧪", "AutoFix dry run", "Dry run"),
            Some(ReasonCode::SentryAgentTookOver) => {
                ("🤝", "Left to Sentry's agent", "Left to Sentry's agent")
            }
            Some(ReasonCode::SameFaultMerged) => ("⏳", "The fix is merged", "Fix is merged"),
            Some(
                ReasonCode::SameFaultJoined
                | ReasonCode::SameFaultDismissed
                | ReasonCode::SameFaultAnswered
                | ReasonCode::SameFaultUndecided,
            ) => ("🔁", "AutoFix: Known Error", "Known error"),
            Some(ReasonCode::OpenPullRequestLimit) => {
                ("⏸️", "AutoFix: a fix was not opened", "Fix not opened")
            }
            Some(ReasonCode::DisabledByRepository) => {
                ("⏸️", "AutoFix is off for this repository", "Switched off")
            }
            // Whatever the reason, a person has to look.
            _ => ("🔍", "AutoFix: Manual Review Required", "Manual review"),
        },
    };
    Headline { mark, text, label }
}

/// `AttributeError in address_lines`.
fn error_line(attempt: &Attempt) -> String {
    let subject = &attempt.subject;
    match (&subject.error_type, &subject.function) {
        (Some(kind), Some(function)) => format!("{kind} in {function}"),
        (Some(kind), None) => kind.clone(),
        (None, _) => subject.title.clone(),
    }
}

/// The facts that people know from every card: error, place, owner.
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
    fields.extend(attempt.owner.as_ref().map(owner));
    card.fields(&fields);
}

/// The four judgements in one row, cause and recommendation.
fn review(card: &mut Card, attempt: &Attempt, analysis: &Analysis) {
    let judgements = judgements(analysis, attempt.state.fix());
    let row = judgements.map(|one| format!("{} {} *{}*", one.name, one.emoji, one.word)).join("  ·  ");
    card.section(&format!("*📊 CTO Analysis*\n{row}"));
    // Slack folds a long section behind “See more”, so what is long need not be cut.
    labelled(card, "🔍 Root Cause", &analysis.root_cause, 2_600);
    labelled(card, "💡 CTO Recommendation", &analysis.recommendation, 1_500);
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
    // The file is named above; what git says of it before the first hunk tells nobody anything.
    let hunks = fix.diff.find("@@ ").map_or(fix.diff.as_str(), |start| &fix.diff[start..]);
    card.code(hunks, 2_000);
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
