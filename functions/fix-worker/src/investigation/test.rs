//! The regression test: a fresh conversation with read-only tools, whose result the rules of a test judge.

use autofix::analysis::proof::author::{self, Brief, MAX_REPAIRS, RESULT_TOOL};
use autofix::analysis::proof::rules::{Proposed, Rules};
use autofix::analysis::tools::Toolbox;
use autofix::attempt::RegressionTest;
use autofix::reason::Reason;

use crate::happened::Stopped;
use crate::investigation::analyst::Analyst;
use crate::investigation::case::Case;
use crate::investigation::conversation::{self, Judged, Outcome, Topic};

/// What came of asking for a test.
pub enum Written {
    /// One that keeps to the rules.
    Test(Box<RegressionTest>),
    /// `why` is a sentence, of a model perhaps.
    None { why: String },
}

/// Asks for a test until one keeps to the rules, a bounded number of times.
pub async fn write_test(
    analyst: &mut Analyst<'_>,
    case: &Case,
    brief: &Brief<'_>,
) -> Result<Written, Stopped> {
    let toolbox = Toolbox::new(&case.snapshot, &case.project);
    let topic = Topic {
        name: "test",
        setting: author::setting(&case.boundary),
        opening: author::opening(&case.boundary, brief),
        toolbox: Some(&toolbox),
        result_tool: RESULT_TOOL,
    };
    let rules = Rules {
        snapshot: &case.snapshot,
        project: &case.project,
        places: brief.places,
        crashed: brief.crashed,
        incident: &case.incident,
    };
    let mut repairs = 0;
    let mut refusal = None;
    let outcome = conversation::talk(analyst, topic, |input| match rules.read(input) {
        Proposed::Test(test) => Judged::Accepted(*test),
        Proposed::None { why } => {
            refusal = Some(format!("Claude found no test that reproduces the error: {why}"));
            Judged::Refused(Vec::new())
        }
        Proposed::Unusable { sentence } if repairs >= MAX_REPAIRS => {
            refusal = Some(format!("No test kept to the rules. {sentence}"));
            Judged::Refused(Vec::new())
        }
        Proposed::Unusable { sentence } => {
            repairs += 1;
            Judged::Again(format!("{sentence} Call `{RESULT_TOOL}` again."))
        }
    })
    .await?;
    Ok(match outcome {
        Outcome::Result(test) => Written::Test(Box::new(test)),
        Outcome::Refused(reasons) => Written::None { why: refusal.unwrap_or_else(|| first(reasons)) },
    })
}

fn first(reasons: Vec<Reason>) -> String {
    reasons.into_iter().next().map_or_else(|| "No test was written.".to_owned(), |reason| reason.detail)
}
