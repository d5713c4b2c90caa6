//! What a card says about its attempt's state: who decided, which checks, what was deployed, which reasons.

use super::after;
use super::blocks::{Card, code, link, outside, time};
use super::dialogs::dismissal_label;
use super::lines::{person, pull_request_line, refused_line};
use super::proof::proof_line;
use super::related::{same_fault_line, waiting_line, waits_for_a_slot};
use crate::analysis::reach::Reach;
use crate::attempt::{
    Approvals, Attempt, Checks, Cleanup, Decision, Dismissal, FailedCheck, MAX_REPAIRS, Offer, Remark,
    RemarkKind, Shadow, State,
};
use crate::reason::Reason;

const MAX_REASONS: usize = 12;
/// Red checks that a card names, and of how many it shows the last lines.
const NAMED_CHECKS: usize = 5;
const QUOTED_CHECKS: usize = 2;
const QUOTE_CHARS: usize = 700;

/// `asked` is how many different people have to approve a fix that is not isolated.
pub(super) fn state_lines(card: &mut Card, attempt: &Attempt, asked: u32) {
    match &attempt.state {
        State::Pending | State::Analyzing { .. } => {}
        State::Proposed { .. } => {
            if let Some(limit) = waits_for_a_slot(attempt) {
                card.section(&waiting_line(limit));
            }
        }
        State::Withdrawing { offer } => {
            let line = pull_request_line(&offer.pull_request);
            card.section(&format!(
                "{line}\nThe fix does not fit the base branch any more; the analysis begins again."
            ));
        }
        State::PrCreated { offer } => offer_lines(card, attempt, offer, None),
        State::AwaitingApproval { offer, problem } => {
            offer_lines(card, attempt, offer, approvals_line(&offer.approvals, attempt, asked));
            if let Some(problem) = problem {
                card.section(&refused_line("GitHub did not merge it.", problem));
            }
        }
        State::Approved { offer, decision, queued } => {
            let how = match queued {
                None => "merging now".to_owned(),
                Some(queued) => format!(
                    "GitHub merges it in its own time (merge queue or auto-merge), waiting since {}",
                    time(queued.since, "{time}")
                ),
            };
            let line = pull_request_line(&offer.pull_request);
            card.section(&format!("{line}\nApproved by {}, {how}.", approvers(&offer.approvals, decision)));
        }
        State::Rejected { pull_request, decision, cleanup, dismissal, .. } => {
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
            let why = dismissal.as_ref().map_or(String::new(), dismissal_words);
            card.section(&format!("{}\nDismissed by {who}{why}. {outcome}", pull_request_line(pull_request)));
        }
        State::Deployed { merged, watch } => after::deployed(card, merged, watch.as_ref()),
        State::Verified { merged, sentry } => after::verified(card, merged, *sentry),
        State::Regressed { merged, came_back, roll_back, .. } => {
            after::regressed(card, merged, came_back, roll_back);
        }
        State::RolledBack { merged, came_back, revert, decision } => {
            after::rolled_back(card, merged, came_back.as_ref(), revert, decision);
        }
        State::Failed { reason, pull_request, .. } => {
            let pull_request = pull_request.as_ref().map(pull_request_line).unwrap_or_default();
            card.section(&format!("{}\n{pull_request}", reason_line(reason)));
        }
        // What was missing has come: nobody needs to be told how to get it.
        State::Skipped { .. } if attempt.retried.as_ref().is_some_and(|one| one.by.is_none()) => {}
        State::Skipped { reasons, .. } => {
            let mut lines: Vec<String> = match reasons.as_slice() {
                [only] => vec![reason_line(only)],
                several => several.iter().take(MAX_REASONS).map(short_reason_line).collect(),
            };
            if reasons.len() > MAX_REASONS {
                lines.push(format!("• … and {} more", reasons.len() - MAX_REASONS));
            }
            let title = if reasons.len() > 1 { "Reasons" } else { "Reason" };
            card.section(&format!("*{title}*\n{}", lines.join("\n")));
            if let Some(same_fault) = &attempt.same_fault {
                card.section(&same_fault_line(same_fault));
            }
            if let Some(sentence) = attempt.shadow.as_ref().and_then(Shadow::sentence) {
                card.section(&format!("👥 {sentence}."));
            }
        }
    }
}

/// The attempts before and after this one, where a person wanted another try.
pub(super) fn tries_lines(card: &mut Card, attempt: &Attempt) {
    if let Some(retry) = &attempt.retry {
        let by = person(&retry.by);
        let hint = outside(retry.hint.as_str(), 300);
        card.section(&format!("💡 Another try of attempt `{}`. Hint by {by}: _{hint}_", retry.of));
    }
    if let Some(retried) = &attempt.retried {
        card.section(&match &retried.by {
            Some(by) => {
                format!("💡 Tried again with a hint by {}: attempt `{}`.", person(by), retried.into)
            }
            None => format!("✅ The stack trace came later: attempt `{}` looks at it.", retried.into),
        });
    }
}

/// The pull request, its checks, and what is special about its head.
fn offer_lines(card: &mut Card, attempt: &Attempt, offer: &Offer, approvals: Option<String>) {
    let mut lines = vec![pull_request_line(&offer.pull_request), checks_line(&offer.checks)];
    lines.extend(attempt.proof.as_ref().and_then(proof_line));
    lines.extend(repair_line(offer));
    lines.extend(offer.notice.as_ref().map(|notice| outside(notice, 400)));
    lines.extend(offer.handed_over.as_ref().map(|why| format!("🙋 *Left to you.* {}", outside(why, 400))));
    lines.extend(approvals);
    lines.extend(offer.review.missing.iter().map(|missing| format!("🔒 {}", missing.sentence())));
    lines.extend(offer.review.remarks.iter().map(remark_line));
    card.section(&lines.join("\n"));
    if let Checks::Red { failed } = &offer.checks {
        for check in failed.iter().take(QUOTED_CHECKS) {
            quote(card, check, QUOTE_CHARS);
        }
    }
}

/// The last lines of what a red check says.
pub(super) fn quote(card: &mut Card, check: &FailedCheck, max_chars: usize) {
    if let Some(summary) = check.summary.as_deref().filter(|summary| !summary.trim().is_empty()) {
        card.section(&format!("`{}` ends with", code(&check.name, 80)));
        card.code(summary, max_chars);
    }
}

/// What a person wrote on the pull request. Their name is GitHub's, so it is no mention.
fn remark_line(remark: &Remark) -> String {
    let mark = match remark.kind {
        RemarkKind::Approval => "👍",
        RemarkKind::ChangesRequested => "✋",
        RemarkKind::Comment | RemarkKind::DiffComment | RemarkKind::Review => "💬",
    };
    let did = remark.kind.did();
    let did = remark.url.as_deref().map_or_else(|| did.to_owned(), |url| link(url, did));
    let text = match remark.text.trim() {
        "" => String::new(),
        text => format!(": _{}_", outside(text, 300)),
    };
    format!("{mark} `{}` {did} on GitHub{text}", code(&remark.by, 60))
}

fn repair_line(offer: &Offer) -> Option<String> {
    let done = offer.repairs.len();
    let last = offer.repairs.last()?;
    let failed: Vec<String> =
        last.failed.iter().take(3).map(|name| format!("`{}`", code(name, 60))).collect();
    let after =
        if failed.is_empty() { String::new() } else { format!(" after {} failed", failed.join(", ")) };
    Some(format!("🔧 Repair {done} of {MAX_REPAIRS}{after}."))
}

/// How many people have to press Deploy Live and why, and how far they are; nothing where one is enough.
fn approvals_line(approvals: &Approvals, attempt: &Attempt, asked: u32) -> Option<String> {
    let needed = attempt.approvals_needed(asked);
    let given = approvals.given.len();
    if needed < 2 || given >= needed as usize {
        return None;
    }
    let why = attempt.state.fix().map_or(String::new(), |fix| reach_words(fix.reach.as_ref()));
    if given == 0 {
        return Some(format!("👥 {needed} different people have to press Deploy Live: {why}."));
    }
    let by: Vec<String> = approvals.given.iter().map(|approval| person(&approval.by)).collect();
    Some(format!(
        "👍 {given} of {needed} approvals, by {}. Another person has to press Deploy Live: {why}.",
        by.join(", ")
    ))
}

/// Why a change is not taken for an isolated one.
fn reach_words(reach: Option<&Reach>) -> String {
    match reach {
        Some(Reach::Used { names, files, .. }) => {
            let names: Vec<String> = names.iter().map(|name| format!("`{}`", code(name, 60))).collect();
            let files = if *files == 1 { "1 other file".to_owned() } else { format!("{files} other files") };
            format!("{files} use{} {}", if files.starts_with("1 ") { "s" } else { "" }, names.join(", "))
        }
        Some(Reach::WholeFile) => "it changes code outside of functions".to_owned(),
        Some(Reach::NotCounted) => "AutoFix has no grammar to count who uses what it changes".to_owned(),
        Some(Reach::Alone) | None => "who uses what it changes is not known".to_owned(),
    }
}

/// Everyone whose approval led to a merge.
pub(super) fn approvers(approvals: &Approvals, decision: &Decision) -> String {
    let given: Vec<String> = approvals.given.iter().map(|approval| person(&approval.by)).collect();
    if given.is_empty() { person(&decision.by) } else { given.join(" and ") }
}

fn dismissal_words(dismissal: &Dismissal) -> String {
    let label = dismissal_label(dismissal.reason);
    match &dismissal.words {
        Some(words) => format!(": *{label}* (_{}_)", outside(words, 500)),
        None => format!(": *{label}*"),
    }
}

/// A reason in full: what to do stands at its end.
pub(super) fn reason_line(reason: &Reason) -> String {
    format!("• {} (`{}`)", outside(&reason.detail, Reason::DETAIL_CHARS), reason.code)
}

/// One of several reasons.
fn short_reason_line(reason: &Reason) -> String {
    format!("• {} (`{}`)", outside(&reason.detail, 200), reason.code)
}

fn checks_line(checks: &Checks) -> String {
    match checks {
        Checks::Running => "⏳ Checks are running; Deploy comes when they are green.".to_owned(),
        Checks::Red { failed } => {
            format!("🔴 Failed: {}. Deploy stays off until they are green.", failed_checks(failed))
        }
        Checks::Green { passed: 1 } => "✅ 1 check passed.".to_owned(),
        Checks::Green { passed } => format!("✅ {passed} checks passed."),
        Checks::None => "⚠️ No checks ran for this commit.".to_owned(),
    }
}

/// Names of red checks, as links where people can read more.
pub(super) fn failed_checks(failed: &[FailedCheck]) -> String {
    let mut names: Vec<String> = failed
        .iter()
        .take(NAMED_CHECKS)
        .map(|check| match &check.url {
            Some(url) => link(url, &check.name),
            None => format!("`{}`", code(&check.name, 80)),
        })
        .collect();
    if failed.len() > NAMED_CHECKS {
        names.push(format!("{} more", failed.len() - NAMED_CHECKS));
    }
    names.join(", ")
}
