//! How an investigation ends.

use autofix::attempt::Fix;
use autofix::reason::Reason;

/// Whether there is a fix to propose.
pub enum Ending {
    Propose {
        fix: Box<Fix>,
    },
    /// `reasons` is never empty; `fix` is what was not good enough.
    Refuse {
        reasons: Vec<Reason>,
        fix: Option<Box<Fix>>,
    },
}
