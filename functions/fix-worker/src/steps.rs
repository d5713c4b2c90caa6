//! The steps, one file each, named like the variants of [`Step`]. What several of them need has files of its own:
//! `incident`, `case_at`, `files`, `pull_request_view`, `rebase`.

mod analyze;
mod case_at;
mod clean_up;
mod files;
mod incident;
mod look_at_checks;
mod look_at_test;
mod look_for_peoples_fix;
mod look_for_revert;
mod merge;
mod move_head;
mod open_pull_request;
mod prepare;
mod pull_request_view;
mod rebase;
mod repair;
mod roll_back;
mod show_card;
mod take_slot;
mod tell_sentry;
mod watch;
mod write_test;

use autofix::attempt::{Attempt, Event, Step};
use autofix::store::Lease;

use crate::context::Context;
use crate::happened::Stepped;

/// Does one step of an attempt. What it writes beside the attempt, such as turns that were paid for, needs the lease.
pub(crate) async fn run(
    context: &Context<'_>,
    lease: &mut Lease,
    attempt: &Attempt,
    step: Step<'_>,
) -> Stepped {
    // Boxed: together with everything that they wait for, the steps would not fit on a small stack.
    match step {
        Step::Start => Ok(Event::AnalysisStarted { base_sha: None }.into()),
        Step::Prepare => Box::pin(prepare::prepare(context, attempt)).await,
        Step::Analyze { base_sha } => Box::pin(analyze::analyze(context, lease, attempt, base_sha)).await,
        Step::TakeSlot { fix } => Box::pin(take_slot::take_slot(context, lease, attempt, fix)).await,
        Step::WriteTest { fix } => Box::pin(write_test::write_test(context, lease, attempt, fix)).await,
        Step::OpenTest { fix, test } => {
            Box::pin(open_pull_request::open_test(context, attempt, fix, test)).await
        }
        Step::OpenPullRequest { fix } => Box::pin(open_pull_request::open(context, attempt, fix)).await,
        Step::ListIssues { pull_request } => {
            Box::pin(open_pull_request::list_issues(context, attempt, pull_request)).await
        }
        Step::LookAtTest { offer, test } => Box::pin(look_at_test::look(context, attempt, offer, test)).await,
        Step::LookAtChecks { offer } => Box::pin(look_at_checks::look(context, attempt, offer)).await,
        Step::Repair { offer, failed } => {
            Box::pin(repair::repair(context, lease, attempt, offer, failed)).await
        }
        Step::MoveHead { offer, next } => Box::pin(move_head::move_head(context, attempt, offer, next)).await,
        Step::Merge { offer, decision } => Box::pin(merge::merge(context, attempt, offer, decision)).await,
        Step::AwaitMerge { offer, queued } => {
            Box::pin(merge::await_merge(context, attempt, offer, queued)).await
        }
        Step::Withdraw { pull_request } => Box::pin(clean_up::withdraw(context, attempt, pull_request)).await,
        Step::CleanUp { pull_request } => Box::pin(clean_up::clean_up(context, attempt, pull_request)).await,
        Step::Watch { merged, watch } => Box::pin(watch::watch(context, attempt, merged, watch)).await,
        Step::LookForRevert { merged, look } => {
            Box::pin(look_for_revert::look(context, attempt, merged, look)).await
        }
        Step::LookForPeoplesFix { watch } => {
            Box::pin(look_for_peoples_fix::look(context, attempt, watch)).await
        }
        Step::TellSentry { merged } => Box::pin(tell_sentry::tell_sentry(context, attempt, merged)).await,
        Step::OpenRevert { merged, decision } => {
            Box::pin(roll_back::open(context, attempt, merged, decision)).await
        }
        Step::MergeRevert { merged, decision, revert } => {
            Box::pin(roll_back::merge(context, attempt, merged, decision, revert)).await
        }
        Step::ShowCard => Box::pin(show_card::show_card(context, attempt)).await,
    }
}
