//! From the pinned commit to a fix that passed every gate, or to the reasons why there is none.

use autofix::attempt::{
    Attempt, Event, Fact, Fix, Owner, OwnerBasis, ProofEvent, ProofMode, Shadow, State, Subject,
};
use autofix::github::{Author, Owner as CodeOwner};
use autofix::messages;
use autofix::outbound::ServiceError;
use autofix::reason::{Reason, ReasonCode};
use autofix::store::Lease;
use tracing::warn;

use crate::context::Context;
use crate::happened::{Early, Happened, Stepped};
use crate::investigation::analyst::Analyst;
use crate::investigation::case::Case;
use crate::investigation::{Ending, investigate};
use crate::steps::case_at::{MAX_EARLIER, before, case_at};

pub(super) async fn analyze(
    context: &Context<'_>,
    lease: &mut Lease,
    attempt: &Attempt,
    base_sha: &str,
) -> Stepped {
    let case = case_at(context, attempt, base_sha).await?;
    let mut analyst = Analyst::of(context.worker, lease, context.deadline, attempt.earlier_usage);
    let conclusion = investigate(&mut analyst, &case).await?;
    let usage = analyst.usage;
    context.store().save_dossier(lease, &conclusion.dossier, context.now()).await?;
    let fixed = match &conclusion.ending {
        Ending::Propose { fix } => Some(fix.file_path.clone()),
        Ending::Refuse { fix, .. } => fix.as_ref().map(|fix| fix.file_path.clone()),
    };
    let cause = conclusion.analysis.as_ref().map(|analysis| analysis.file_path.clone());
    let crashed = || case.culprit().map(|frame| frame.path.to_string());
    // The code may tell that an installed package is the application's own.
    let subject = Box::new(Subject::of(&case.incident));
    let mut events = vec![Event::Learned(Fact::Subject(subject)), Event::Learned(Fact::Usage(usage))];
    if let Some(path) = fixed.or(cause).or_else(crashed) {
        let owner = owner_of_file(context, attempt, &case, &path).await;
        events.push(Event::Learned(Fact::Owner(owner)));
    }
    if let Some(analysis) = conclusion.analysis {
        events.push(Event::CauseFound { analysis: Box::new(analysis) });
    }
    let is_dry_run = context.worker.config.dry_run.is_on();
    if is_dry_run {
        events.push(Event::Learned(Fact::Shadow(Shadow::begins(context.now()))));
    }
    events.push(match conclusion.ending {
        Ending::Propose { fix } if is_dry_run => {
            let sentence = "`AUTOFIX_DRY_RUN` is on: this pull request would have been opened.";
            Event::Skipped { reasons: vec![Reason::new(ReasonCode::DryRun, sentence)], fix: Some(fix) }
        }
        Ending::Propose { fix } => match tried_before(context, attempt, &fix).await? {
            Some(reason) => Event::Skipped { reasons: vec![reason], fix: Some(fix) },
            None => Event::FixProposed { fix },
        },
        Ending::Refuse { reasons, fix } => Event::Skipped { reasons, fix },
    });
    if let Some(Event::FixProposed { .. }) = events.last() {
        events.extend(proof_wanted(context, attempt));
    }
    Ok(Happened::Events(events))
}

/// The proof that the settings want for a fix.
fn proof_wanted(context: &Context<'_>, attempt: &Attempt) -> Option<Event> {
    let config = &context.worker.config;
    let mode = attempt.target.proof.unwrap_or(config.proof);
    let wanted = ProofEvent::Wanted { mode, minutes: config.proof_minutes };
    (mode != ProofMode::Off).then_some(Event::Proof(wanted))
}

/// The reason against a fix that was merged before and did not hold.
async fn tried_before(context: &Context<'_>, attempt: &Attempt, fix: &Fix) -> Result<Option<Reason>, Early> {
    let mut next = before(attempt);
    for _ in 0..MAX_EARLIER {
        let Some(id) = next else { break };
        let Some(found) = context.store().attempt(id).await? else { break };
        if let State::Regressed { merged, .. } | State::RolledBack { merged, .. } = &found.attempt.state
            && (&merged.fix.file_path, &merged.fix.edits) == (&fix.file_path, &fix.edits)
        {
            return Ok(Some(messages::tried_before(&found.attempt)));
        }
        next = before(&found.attempt);
    }
    Ok(None)
}

/// One person to name on the card, as of the case's commit: who owns the file by CODEOWNERS, people before teams, else who
/// changed it last before the release. A courtesy: where GitHub does not tell, the card names nobody.
async fn owner_of_file(context: &Context<'_>, attempt: &Attempt, case: &Case, path: &str) -> Option<Owner> {
    match look_up_owner(context, attempt, case, path).await {
        Ok(owner) => owner,
        Err(error) => {
            warn!(error = %error, "Cannot see whose file this is; the card names nobody");
            None
        }
    }
}

async fn look_up_owner(
    context: &Context<'_>,
    attempt: &Attempt,
    case: &Case,
    path: &str,
) -> Result<Option<Owner>, ServiceError> {
    let github = &context.worker.github;
    let repo = &attempt.target.repo;
    let owners = github.owners(repo, path, &case.base_sha).await?;
    // People first; an address is personal data, which a card does not show.
    let named = owners.into_iter().find_map(|owner| match owner {
        CodeOwner::Person(name) | CodeOwner::Team(name) => Some(name),
        CodeOwner::Address(_) => None,
    });
    if let Some(name) = named {
        return Ok(Some(Owner { name, basis: OwnerBasis::Codeowners }));
    }
    let released = case.incident.release.as_ref().and_then(|release| release.commit.as_deref());
    let last = match released {
        Some(commit) => github.last_change(repo, path, commit).await?,
        None => None,
    };
    let last = match last {
        Some(last) => Some(last),
        None => github.last_change(repo, path, &case.base_sha).await?,
    };
    Ok(last.and_then(|last| match last.by {
        Author::Person(name) | Author::Unknown(name) => {
            let commit = last.sha.chars().take(10).collect();
            Some(Owner { name, basis: OwnerBasis::LastChange { commit } })
        }
        Author::Bot(_) => None, // nobody to ask
    }))
}
