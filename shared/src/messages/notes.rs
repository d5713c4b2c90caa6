//! What goes into the thread of a card: details that would make the card too long, and words for the
//! people whom a silent change of the card would not reach.
//!
//! A note has a key, and each key is told once for an attempt.

use super::after::came_back_line;
use super::blocks::{Card, outside};
use super::lines::person;
use super::story::{failed_checks, quote};
use crate::attempt::{Attempt, Checks, Decision, RollBack, State};

/// Red checks quoted in one note, and characters of each.
const QUOTED_CHECKS: usize = 4;
const QUOTE_CHARS: usize = 2_500;

/// A reply in the card's thread.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadNote {
    /// Short, of our own making.
    pub key: String,
    pub card: Card,
}

/// What the present state has to tell in the thread, if anything.
pub fn thread_note(attempt: &Attempt) -> Option<ThreadNote> {
    match &attempt.state {
        State::PrCreated { offer } => {
            let Checks::Red { failed } = &offer.checks else { return None };
            let head: String = offer.pull_request.head_sha.chars().take(12).collect();
            let mut card = Card::new("Checks failed");
            card.section(&format!("🔴 Failed for `{head}`: {}", failed_checks(failed)));
            for check in failed.iter().take(QUOTED_CHECKS) {
                let room = card.room() / 2;
                quote(&mut card, check, QUOTE_CHARS.min(room));
            }
            Some(ThreadNote { key: format!("red {head}"), card })
        }
        State::AwaitingApproval { offer, problem: Some(problem) } => {
            let who =
                offer.approvals.given.last().map_or(String::new(), |last| format!("{} ", person(&last.by)));
            let sentence = format!("{who}⚠️ GitHub did not merge it. {}", outside(&problem.detail, 600));
            Some(one_sentence(&format!("refused {}", problem.code), &sentence))
        }
        State::Regressed { merged, came_back, roll_back: RollBack::Offered, .. } => {
            let who = approver(&merged.decision);
            let sentence =
                format!("{who}{} The card has a button to roll the fix back.", came_back_line(came_back));
            Some(one_sentence("came back", &sentence))
        }
        State::Regressed { roll_back: RollBack::Refused { reason }, .. } => {
            let sentence = format!("⚠️ It was not rolled back. {}", outside(&reason.detail, 600));
            Some(one_sentence(&format!("not rolled back {}", reason.code), &sentence))
        }
        _ => None, // the card says it all
    }
}

fn one_sentence(key: &str, mrkdwn: &str) -> ThreadNote {
    let mut card = Card::new("AutoFix needs you");
    card.section(mrkdwn);
    ThreadNote { key: key.to_owned(), card }
}

/// The person who wanted the merge, to be called to the thread.
fn approver(decision: &Decision) -> String {
    if decision.by == Decision::ON_GITHUB { String::new() } else { format!("{} ", person(&decision.by)) }
}

/// The occasion for a message of its own where a card cannot be changed in place (incoming webhook). `None`: nothing
/// that people have to know now. The same occasion is told once.
pub fn occasion(attempt: &Attempt) -> Option<&'static str> {
    Some(match &attempt.state {
        State::Pending | State::Analyzing { .. } | State::Withdrawing { .. } | State::Approved { .. } => {
            return None;
        }
        State::Proposed { .. } => {
            super::related::waits_for_a_slot(attempt)?;
            "waits"
        }
        State::PrCreated { offer } => match offer.checks {
            Checks::Red { .. } if offer.handed_over.is_some() => "handed over",
            Checks::Red { .. } => "red",
            Checks::Running | Checks::Green { .. } | Checks::None => return None,
        },
        State::AwaitingApproval { problem: Some(_), .. } => "not merged",
        State::AwaitingApproval { .. } => "armed",
        State::Rejected { .. } if attempt.retried.is_some() => "tried again",
        State::Rejected { .. } => "dismissed",
        State::Deployed { .. } => "deployed",
        State::Verified { .. } => "verified",
        State::Regressed { roll_back: RollBack::Refused { .. }, .. } => "not rolled back",
        State::Regressed { .. } => "came back",
        State::RolledBack { .. } => "rolled back",
        State::Failed { .. } => "failed",
        State::Skipped { .. } => "skipped",
    })
}
