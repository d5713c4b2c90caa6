//! Archives: the redirect to the other host, and what that host serves.

use flate2::Compression;
use flate2::write::GzEncoder;
use git2::{ObjectType, Oid, TreeWalkMode, TreeWalkResult};
use serde::Deserialize;
use tar::{EntryType, Header};

use super::repository::{DEFAULT_BRANCH, resolve};
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::Repository;

pub(super) fn redirect(repo: &mut Repository, call: &Call, revision: &str) -> Outcome {
    let revision = if revision.is_empty() { DEFAULT_BRANCH } else { revision };
    resolve(&repo.git()?, revision).ok_or_else(Refusal::not_found)?;
    let key = repo.new_download_key();
    let download = call.as_it_reaches(&repo.download_url);
    Ok(Answer::elsewhere(format!("{download}/legacy.tar.gz/{revision}?token={key}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    token: Option<String>,
}

/// The link is the permission: a request that brings the API's token as well has shown it to a host that it was
/// not meant for, and is refused.
pub(super) fn admit(repo: &Repository, call: &Call) -> Result<(), Refusal> {
    if call.header("authorization").is_some() {
        return Err(Refusal::new(400, "An Authorization header is not for this host"));
    }
    let key = call.query::<Key>()?.token.unwrap_or_default();
    if repo.download_keys.contains(&key) { Ok(()) } else { Err(Refusal::not_found()) }
}

/// The archive itself.
pub(super) fn download(repo: &Repository, call: &Call) -> Outcome {
    let store = repo.git()?;
    let commit = resolve(&store, &call.path).ok_or_else(Refusal::not_found)?;
    let folder = format!("{}-{}-{}", repo.owner, repo.name, &commit.to_string()[..7]);
    let archive = match &repo.settings.archive {
        Some(archive) => archive.clone(),
        None => pack(&store, commit, &folder)?,
    };
    let disposition = format!("attachment; filename={folder}.tar.gz");
    Ok(Answer::bytes(200, "application/x-gzip", archive).with_header("content-disposition", disposition))
}

/// As `git archive` writes it: the commit's id in a header about the whole, then every folder, file and link.
fn pack(store: &git2::Repository, commit: Oid, folder: &str) -> anyhow::Result<Vec<u8>> {
    let found = store.find_commit(commit)?;
    let modified_at = u64::try_from(found.time().seconds()).unwrap_or_default();
    let header = |kind: EntryType, mode: u32, size: usize| {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size as u64);
        header.set_mtime(modified_at);
        header
    };
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    // `length comment=value\n`, where the length counts its own two digits.
    let comment = format!("52 comment={commit}\n");
    let mut global = header(EntryType::XGlobalHeader, 0o666, comment.len());
    tar.append_data(&mut global, "pax_global_header", comment.as_bytes())?;
    tar.append_data(&mut header(EntryType::Directory, 0o775, 0), format!("{folder}/"), &[][..])?;
    let mut add = |parent: &str, entry: &git2::TreeEntry<'_>| -> anyhow::Result<()> {
        let path = format!("{folder}/{parent}{}", String::from_utf8_lossy(entry.name_bytes()));
        if entry.kind() != Some(ObjectType::Blob) {
            tar.append_data(&mut header(EntryType::Directory, 0o775, 0), format!("{path}/"), &[][..])?;
            return Ok(());
        }
        let blob = store.find_blob(entry.id())?;
        let bytes = blob.content();
        if entry.filemode() == 0o120_000 {
            let target = String::from_utf8_lossy(bytes).into_owned();
            tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), path, target)?;
        } else {
            let mode = u32::try_from((entry.filemode() | 0o020) & 0o777).unwrap_or(0o664);
            tar.append_data(&mut header(EntryType::Regular, mode, bytes.len()), path, bytes)?;
        }
        Ok(())
    };
    let mut failure = None;
    let walked = found.tree()?.walk(TreeWalkMode::PreOrder, |parent, entry| match add(parent, entry) {
        Ok(()) => TreeWalkResult::Ok,
        Err(error) => {
            failure = Some(error);
            TreeWalkResult::Abort
        }
    });
    // Aborting the walk is an error of its own; the reason for it is the one to tell.
    match failure {
        Some(error) => return Err(error),
        None => walked?,
    }
    Ok(tar.into_inner()?.finish()?)
}
