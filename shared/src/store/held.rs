//! What an attempt holds besides its own item: the claim on its Sentry issue, and a place among its repository's open pull
//! requests. The writes that give these back go into the transaction of the write by which the attempt stops needing them,
//! so no crash can leave one behind.

use jiff::Timestamp;

use super::claim;
use super::item::{self, Item};
use super::table::Write;
use crate::attempt::{Attempt, Slot};

/// What an attempt holds in one of its states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    claim: bool,
    slot: Slot,
}

impl Held {
    pub(super) fn by(attempt: &Attempt) -> Held {
        Held { claim: attempt.state.is_live(), slot: attempt.state.slot() }
    }

    /// Whether `after` gives back the place that was held, so that another attempt may have it.
    pub(super) fn gives_place_back(self, after: Held) -> bool {
        self.slot == Slot::Has && after.slot != Slot::Has
    }

    /// The writes that go with the one that brings the attempt from what it held before to what it is now.
    pub(super) fn give_back(self, attempt: &Attempt, now: Timestamp) -> Vec<Write> {
        let after = Held::by(attempt);
        let claim = (self.claim && !after.claim).then(|| claim::release(attempt, now));
        let place = self.gives_place_back(after).then(|| give_back_place(attempt));
        claim.into_iter().chain(place).collect()
    }
}

/// The part of a transaction that gives back what the attempt has: its place, or its turn in the queue. A pull request
/// that may still be open keeps the place until GitHub says that it is not.
fn give_back_place(attempt: &Attempt) -> Write {
    let expression = match attempt.state.slot() {
        Slot::LeftOpen => "ADD version :one, left_open :me DELETE holders :me, waiting :me",
        Slot::None | Slot::Has => "ADD version :one DELETE holders :me, waiting :me, left_open :me",
    };
    Write::update(places_key(&attempt.target.repo), expression)
        .value(":one", item::number(1))
        .value(":me", item::ids(attempt.id))
}

/// GitHub's names are the same in capitals and small letters.
pub(super) fn places_key(repo: &str) -> Item {
    item::key(format!("REPO#{}", repo.to_lowercase()), "OPEN")
}
