//! What an attempt holds besides its own item: the claim on its Sentry issue, and a place among its repository's open pull
//! requests. The writes that give these back go into the transaction of the write by which the attempt stops needing them,
//! so no crash can leave one behind.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;

use super::Store;
use crate::attempt::{Attempt, Slot};

/// What an attempt holds in one of its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    claim: HeldClaim,
    slot: Slot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeldClaim {
    Yes,
    No,
}

impl Held {
    pub(super) fn by(attempt: &Attempt) -> Held {
        let claim = if attempt.state.is_live() { HeldClaim::Yes } else { HeldClaim::No };
        Held { claim, slot: attempt.state.slot() }
    }

    /// Whether `after` gives back the place that was held, so that another attempt may have it.
    pub(super) fn gives_place_back(self, after: Held) -> bool {
        self.slot == Slot::Has && after.slot != Slot::Has
    }
}

impl Store {
    /// The writes that go with the one that brings the attempt from what it held `before` to what it is now.
    pub(super) fn give_back(
        &self,
        before: Held,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Vec<TransactWriteItem> {
        let after = Held::by(attempt);
        let mut writes = Vec::new();
        if before.claim == HeldClaim::Yes && after.claim == HeldClaim::No {
            writes.push(TransactWriteItem::builder().update(self.release_claim(attempt, now)).build());
        }
        if before.gives_place_back(after) {
            writes.push(TransactWriteItem::builder().update(self.give_back_place(attempt)).build());
        }
        writes
    }
}
