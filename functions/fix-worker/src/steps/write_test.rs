//! Writes the regression test of a proof, if the repository has tests that it can follow and a CI that would run it.

use autofix::analysis::proof::Crashed;
use autofix::analysis::proof::author::Brief;
use autofix::analysis::proof::places::{TestPlaces, configures_ci};
use autofix::attempt::{Attempt, Event, Fact, Fix, NotProvedCode, ProofEvent};
use autofix::cleaning::one_line;
use autofix::redaction::redact;
use autofix::store::Lease;

use crate::context::Context;
use crate::happened::{Early, Happened, Stepped};
use crate::investigation::analyst::Analyst;
use crate::investigation::case::Case;
use crate::investigation::{Written, write_test as ask_for_test};
use crate::steps::case_at::case_at;

/// Of a sentence that a model may have written.
const WHY_CHARS: usize = 400;

pub(super) async fn write_test(
    context: &Context<'_>,
    lease: &mut Lease,
    attempt: &Attempt,
    fix: &Fix,
) -> Stepped {
    let case = match case_at(context, attempt, &fix.base_sha).await {
        Err(Early::Happened(_)) => return Ok(no_test("What was analysed cannot be read again.").into()),
        case => case?,
    };
    // What is free comes first.
    if !configures_ci(&case.snapshot) {
        let base = context.worker.github.checks(&attempt.target.repo, &fix.base_sha).await?;
        if base.results.is_empty() {
            let sentence = "The repository has no CI that runs tests for a pull request.";
            return Ok(Event::not_proved(NotProvedCode::NoCi, sentence).into());
        }
    }
    let (crashed, places) = match what_to_test(&case, fix) {
        Ok(found) => found,
        Err(sentence) => return Ok(no_test(&sentence).into()),
    };
    let Some(analysis) = &attempt.analysis else {
        return Ok(no_test("There is no analysis to go on from.").into());
    };
    let brief = Brief { analysis, fix, crashed: &crashed, places: &places, snapshot: &case.snapshot };
    let mut analyst = Analyst::of(context.worker, lease, context.deadline, attempt.usage);
    let written = ask_for_test(&mut analyst, &case, &brief).await?;
    let usage = Event::Learned(Fact::Usage(analyst.usage));
    let author = Event::Learned(Fact::TestAuthor(analyst.usage.since(&attempt.usage)));
    let event = match written {
        Written::Test(test) => Event::Proof(ProofEvent::TestWritten { test }),
        Written::None { why } => no_test(&why),
    };
    Ok(Happened::Events(vec![usage, author, event]))
}

fn what_to_test(case: &Case, fix: &Fix) -> Result<(Crashed, TestPlaces), String> {
    let frame = case.culprit().ok_or("The frame that crashed is not in the code.")?;
    let crashed = Crashed::of(frame, case.exception(), &case.snapshot)?.fixed_by(fix, &case.snapshot);
    let places = TestPlaces::find(&case.snapshot, &case.project, &crashed.path)?;
    Ok((crashed, places))
}

fn no_test(why: &str) -> Event {
    Event::not_proved(NotProvedCode::NoTest, redact(&one_line(why, WHY_CHARS)).to_string())
}
