//! Every sentence that a person reads: Slack cards, the pull request, the commit, answers to clicks.
//! Outside text comes in as it is and leaves cleaned, redacted, capped and escaped for its medium.

mod after;
mod blocks;
mod buttons;
mod card;
mod commits;
mod dialogs;
mod digest;
mod issues;
mod judgements;
mod labels;
mod lines;
mod markdown;
mod notes;
mod outage;
mod proof;
mod pull_request;
mod related;
mod same_fault;
mod story;

pub use blocks::{ButtonValue, Card, DEPLOY, DISMISS, ROLL_BACK, TRY_AGAIN};
pub use buttons::Buttons;
pub use card::{Headline, WayOn, card, headline, plain_card};
pub use commits::{
    attempt_trailer, commit_message, merge_message, pull_request_title, repair_message, revert_merge_message,
    revert_texts, sentry_note, test_message,
};
pub use dialogs::{
    DISMISSAL_DIALOG, Dialog, HINT_DIALOG, HINT_FIELD, REASON_FIELD, WORDS_FIELD, dismissal_dialog,
    hint_dialog, told_dialog,
};
pub use digest::digest;
pub use issues::{issues_in_body, with_issues};
pub use judgements::{Judgement, Mark, judgements, risk};
pub use labels::{Group, checks_label, gate_label, outcome_label, place, what_next};
pub use notes::{ThreadNote, occasion, thread_note};
pub use outage::{OutageNotice, OutageStage, outage};
pub use proof::{proof_in_body, proof_outcome, with_proof};
pub use pull_request::pull_request_body;
pub use same_fault::{no_slot, same_fault_ended, same_fault_joined, same_fault_undecided, tried_before};
