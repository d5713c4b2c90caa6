//! What was done on the page and what AutoFix's endpoints answered to it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Lines that are kept.
const LINES: usize = 20;

/// The newest lines, newest first.
#[derive(Default)]
pub struct Log(Mutex<VecDeque<(Timestamp, String)>>);

impl Log {
    pub(super) fn add(&self, at: Timestamp, what: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_front((at, what));
        lines.truncate(LINES);
    }

    pub(super) fn lines(&self) -> Vec<(Timestamp, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
