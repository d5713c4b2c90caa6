//! Other attempts that this one has to do with: the same fault in another issue, another try after a person's hint.

use autofix::attempt::{Attempt, AttemptId};
use autofix::redaction::Redacted;

use super::refusal::Next;
use super::text::line;
use crate::Queries;

const TITLE_CHARS: usize = 160;
const HINT_CHARS: usize = 1_000;

/// One other attempt.
pub(super) struct Related {
    /// What it is to this one.
    pub what: &'static str,
    pub address: String,
    pub id: AttemptId,
    /// What else is known of it.
    pub remark: Redacted,
}

impl Queries {
    pub(super) fn related(&self, attempt: &Attempt) -> Vec<Related> {
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
