//! Kills the process at a chosen moment: just before or just after its k-th effect outside, be it a call to a service
//! or a write to the table.
//!
//! The fakes tell every effect before they do it. At the chosen one they signal and do not answer; whoever drives
//! the process waits for the signal beside the work and drops the work, so that no error handling of ours runs. Or the
//! work is kept, and let go on later: a worker that everybody took for dead. Nothing of this is known to what is killed.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use crate::service::lock;

/// Whether the effect still happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// When the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Effects before this one, counted since the killer was set.
    pub effect: usize,
    pub side: Side,
}

/// Counts effects and strikes once. Clones are handles to the same one.
#[derive(Clone, Default)]
pub struct Killer {
    book: Arc<Mutex<Book>>,
    struck: Arc<Notify>,
    let_go: Arc<Notify>,
    /// Held while it strikes, so that one effect is struck at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Book {
    effects: Vec<String>,
    moment: Option<Moment>,
    each: Option<Side>,
    has_struck: bool,
}

impl Killer {
    /// Forgets what was counted; the next process lives on.
    pub fn spare(&self) {
        *self.book() = Book::default();
    }

    /// Forgets what was counted; the next process dies at this moment, if it gets there.
    pub fn set(&self, moment: Moment) {
        *self.book() = Book { moment: Some(moment), ..Book::default() };
    }

    /// Forgets what was counted; from now on it strikes at every effect, one after the other, and each is let go on.
    pub fn set_for_each(&self, side: Side) {
        *self.book() = Book { each: Some(side), ..Book::default() };
    }

    /// Lets the request go on over which it struck.
    pub fn let_go(&self) {
        self.book().has_struck = false;
        self.let_go.notify_one();
    }

    /// The effects since the killer was set, the one at which it struck included: what was asked of whom.
    pub fn effects(&self) -> Vec<String> {
        self.book().effects.clone()
    }

    /// Ends when the moment has come.
    pub async fn strikes(&self) {
        while !self.book().has_struck {
            self.struck.notified().await;
        }
    }

    /// An effect is about to happen. `Some` where the process dies over it.
    pub(crate) fn meets(&self, effect: String) -> Option<Side> {
        let mut book = self.book();
        let number = book.effects.len();
        book.effects.push(effect);
        let chosen = book.moment.filter(|moment| moment.effect == number).map(|moment| moment.side);
        chosen.or(book.each)
    }

    /// The moment: gives the signal, and holds the request until it is let go, mostly for ever.
    pub(crate) async fn strike(&self) {
        let _turn = self.turn.lock().await;
        self.book().has_struck = true;
        self.struck.notify_one();
        self.let_go.notified().await;
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }
}
