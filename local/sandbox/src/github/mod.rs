//! A fake for GitHub's REST API over real git repositories on disk.
//!
//! What a client does here happens in git: a commit made through the API can be looked at with
//! `git log`, a merge is a merge, and what a person pushes to the repository is seen by the next
//! request. The answers have the shape of API version `2026-03-10`. A key of a body that AutoFix has
//! no use for, a missing key, a missing `User-Agent` or a wrong token is refused, because a
//! fake that is more patient than GitHub hides mistakes.
//!
//! It knows the endpoints that AutoFix uses, and of GraphQL what REST lacks: the mutations and the queries of
//! [`graphql`]. It has no forks and no webhooks of its own.

mod actions;
mod app;
mod checks;
mod commits;
mod contents;
mod conversation;
mod credentials;
mod deployments;
mod endpoint;
mod git_data;
mod graphql;
mod merging;
mod mutations;
mod people;
mod protection;
mod pull_shapes;
mod pulls;
mod queueing;
mod quota;
mod reports;
mod repository;
mod tarball;
#[cfg(test)]
mod tests;
mod wire;
mod world;

use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context, anyhow};
use autofix::clock::Clock;

use crate::service::{Service, lock};
use crate::{Addresses, WayBack};

pub use app::{APP_ID, APP_LOGIN, APP_PRIVATE_KEY, APP_PRIVATE_KEY_PKCS8};
pub use credentials::{Holder, Level, Permission};
pub use people::{FileChange, PullRequest, PullState, Push};
pub use reports::{Annotation, CheckRun, Checkout, Conclusion, Heads, Status, StatusState};
use world::{Repository, World};
pub use world::{Settings, Verdict};

/// The fine-grained token that the fake accepts as `Authorization: Bearer …`. Like every such token, it
/// cannot read check runs.
pub const TOKEN: &str = "github_pat_sandbox_bookshop";

/// A classic token of the same person, with the scope `repo`. It can read check runs.
pub const CLASSIC_TOKEN: &str = "ghp_sandbox_bookshop";

/// The login that both tokens belong to: the author of their pull requests and comments.
pub const TOKEN_LOGIN: &str = "autofix-sandbox";

/// The fake. Clones are handles to the same one.
#[derive(Clone)]
pub struct GitHub {
    service: Service,
    downloads: Service,
    world: SharedWorld,
}

type SharedWorld = Arc<Mutex<World>>;

impl GitHub {
    /// Serves the API and, as a second host, the download of archives, until the runtime ends. Repositories are created
    /// below `repositories_root`. Times in answers and of commits, and the life of an App's tokens, follow `clock`.
    pub(super) async fn start_at(
        repositories_root: &Path,
        clock: Clock,
        addresses: Addresses,
    ) -> anyhow::Result<GitHub> {
        std::fs::create_dir_all(repositories_root).context("create the folder for repositories")?;
        let world: SharedWorld = Arc::new(Mutex::new(World::new(repositories_root, clock)));
        let service = Service::start_at(endpoint::api(world.clone()), addresses.of(0))
            .await
            .context("start the GitHub fake")?;
        let downloads = Service::start_at(endpoint::downloads(world.clone()), addresses.of(1))
            .await
            .context("start the fake for GitHub's archive host")?;
        lock(&world).be_reached_at(service.url(), downloads.url());
        Ok(GitHub { service, downloads, world })
    }

    /// The API's server: its faults, what it received, what it did not understand.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The server of the other host that archives are downloaded from.
    pub fn downloads(&self) -> &Service {
        &self.downloads
    }

    /// The API's base URL, without a slash at the end.
    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Makes it again what it is now; what git has is kept in `folder`.
    pub(super) fn way_back(&self, folder: &Path) -> anyhow::Result<WayBack> {
        let (world, then) = (Arc::clone(&self.world), lock(&self.world).clone());
        let folder = folder.to_owned();
        copy_folder(then.repositories_root(), &folder)?;
        Ok(Box::new(move || {
            let mut world = lock(&world);
            let root = then.repositories_root();
            std::fs::remove_dir_all(root).with_context(|| format!("empty `{}`", root.display()))?;
            copy_folder(&folder, root)?;
            *world = then.clone();
            Ok(())
        }))
    }

    /// Does something with one repository, after noticing what was pushed to it.
    fn with<T>(
        &self,
        full_name: &str,
        act: impl FnOnce(&mut Repository) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let mut world = lock(&self.world);
        let repository = world
            .repository(full_name)
            .with_context(|| format!("the sandbox's GitHub has no repository `{full_name}`"))?;
        let settle = |repository: &mut Repository| {
            queueing::settle(repository).map_err(|refusal| anyhow!("{}", refusal.message()))
        };
        settle(repository)?;
        let done = act(repository)?;
        settle(repository)?;
        Ok(done)
    }
}

/// Git's objects are never changed in place, so that they need no copy.
fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let is_of_objects = from.components().any(|part| part.as_os_str() == "objects");
    std::fs::create_dir_all(to).with_context(|| format!("make `{}`", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("list `{}`", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if !is_of_objects || std::fs::hard_link(entry.path(), &target).is_err() {
            std::fs::copy(entry.path(), &target)
                .with_context(|| format!("copy `{}`", entry.path().display()))?;
        }
    }
    Ok(())
}
