//! Shadow mode: while `AUTOFIX_DRY_RUN` is on, an attempt that has ended looks once a day what people did about its error.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::merged::Watch;
use super::offer::short_sha;
use crate::words::word_enum;

/// How long people's own fix is looked for.
const PATIENCE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Between two looks.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(24);

word_enum! {
    /// How close a proposed change is to the one that people made, the closest first.
    pub enum Closeness {
        /// They differ in comments, layout, tests and documents at most.
        SameChange = "same_change",
        /// Both change one of the same lines, or insert something beside it.
        SameLines = "same_lines",
        SameFile = "same_file",
        OtherFile = "other_file",
    }
}

impl Closeness {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Closeness::SameChange => "same change",
            Closeness::SameLines => "same lines",
            Closeness::SameFile => "same file",
            Closeness::OtherFile => "other file",
        }
    }
}

/// What is known of people's own fix of an error that AutoFix only looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Shadow {
    /// Not known yet.
    LookedFor { watch: Watch },
    /// People fixed it.
    Fixed {
        /// Their commit, 7 to 40 hex digits.
        commit: String,
        /// How close AutoFix's proposal is to it; `None` where AutoFix proposed nothing, or the change cannot be compared.
        closeness: Option<Closeness>,
    },
    /// Nobody fixed it by a commit that is known, or who did cannot be seen.
    GivenUp,
}

impl Shadow {
    /// The looks of a dry run that ends now.
    pub fn begins(now: Timestamp) -> Shadow {
        Shadow::LookedFor { watch: Watch { until: now + PATIENCE, look_at: now + LOOK_AGAIN } }
    }

    /// What people did, where that is known.
    pub fn sentence(&self) -> Option<String> {
        let Shadow::Fixed { commit, closeness } = self else { return None };
        let it = match closeness {
            Some(Closeness::SameChange) => "the same change as AutoFix's",
            Some(Closeness::SameLines) => "a change of the same lines as AutoFix's",
            Some(Closeness::SameFile) => "a change of the same file as AutoFix's",
            Some(Closeness::OtherFile) => "a change of another file than AutoFix's",
            None => "AutoFix had nothing to compare it with",
        };
        Some(format!("People fixed it with {}: {it}", short_sha(commit)))
    }

    /// Nothing was found in a look.
    pub fn goes_on(watch: &Watch, now: Timestamp) -> Shadow {
        if now >= watch.until {
            return Shadow::GivenUp;
        }
        Shadow::LookedFor { watch: Watch { until: watch.until, look_at: now + LOOK_AGAIN } }
    }
}
