//! One person to name on the card: who owns the file by CODEOWNERS, people before teams, else who changed it last
//! before the release. A courtesy: where GitHub does not tell, the card names nobody.

use autofix::attempt::{Attempt, Owner, OwnerBasis};
use autofix::github::{Author, Owner as CodeOwner};
use autofix::outbound::ServiceError;
use tracing::warn;

use crate::context::Context;
use crate::investigation::case::Case;

/// The owner of a file, as of the case's commit.
pub(super) async fn of_file(
    context: &Context<'_>,
    attempt: &Attempt,
    case: &Case,
    path: &str,
) -> Option<Owner> {
    match look_up(context, attempt, case, path).await {
        Ok(owner) => owner,
        Err(error) => {
            warn!(error = %error, "Cannot see whose file this is; the card names nobody");
            None
        }
    }
}

async fn look_up(
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
