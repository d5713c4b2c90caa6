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
        None => pack(&store, commit, &folder).map_err(anyhow::Error::from)?,
    };
    let disposition = format!("attachment; filename={folder}.tar.gz");
    Ok(Answer::bytes(200, "application/x-gzip", archive).with_header("content-disposition", disposition))
}

fn pack(store: &git2::Repository, commit: Oid, folder: &str) -> Result<Vec<u8>, std::io::Error> {
    let other = std::io::Error::other::<git2::Error>;
    let found = store.find_commit(commit).map_err(other)?;
    let mut archive = Archive {
        tar: tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast())),
        modified_at: u64::try_from(found.time().seconds()).unwrap_or_default(),
    };
    archive.global_comment(&commit.to_string())?;
    archive.add(&format!("{folder}/"), Kind::Folder)?;
    let mut failure = None;
    let walk = |parent: &str, entry: &git2::TreeEntry<'_>| {
        let name = String::from_utf8_lossy(entry.name_bytes());
        let path = format!("{folder}/{parent}{name}");
        match add_entry(store, &mut archive, entry, path) {
            Ok(()) => TreeWalkResult::Ok,
            Err(error) => {
                failure = Some(error);
                TreeWalkResult::Abort
            }
        }
    };
    // Aborting the walk is an error of its own; the reason for it is the one to tell.
    let walked = found.tree().and_then(|tree| tree.walk(TreeWalkMode::PreOrder, walk));
    match failure {
        Some(error) => return Err(error),
        None => walked.map_err(other)?,
    }
    archive.tar.into_inner()?.finish()
}

fn add_entry(
    store: &git2::Repository,
    archive: &mut Archive,
    entry: &git2::TreeEntry<'_>,
    path: String,
) -> Result<(), std::io::Error> {
    let content =
        || store.find_blob(entry.id()).map(|blob| blob.content().to_vec()).map_err(std::io::Error::other);
    match (entry.kind(), entry.filemode()) {
        (Some(ObjectType::Blob), 0o120_000) => {
            archive.add(&path, Kind::Link { target: String::from_utf8_lossy(&content()?).into_owned() })
        }
        (Some(ObjectType::Blob), mode) => {
            archive.add(&path, Kind::File { bytes: content()?, mode: mode | 0o020 })
        }
        _ => archive.add(&format!("{path}/"), Kind::Folder),
    }
}

enum Kind {
    Folder,
    File { bytes: Vec<u8>, mode: i32 },
    Link { target: String },
}

struct Archive {
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
    /// Unix seconds.
    modified_at: u64,
}

impl Archive {
    /// The commit's id, as `git archive` writes it: a header about the whole archive.
    fn global_comment(&mut self, comment: &str) -> Result<(), std::io::Error> {
        // `length comment=value\n`, where the length counts its own two digits.
        let record = format!("{} comment={comment}\n", comment.len() + 12);
        let mut header = self.header(EntryType::XGlobalHeader, record.len());
        header.set_path("pax_global_header")?;
        header.set_mode(0o666);
        header.set_cksum();
        self.tar.append(&header, record.as_bytes())
    }

    fn add(&mut self, path: &str, kind: Kind) -> Result<(), std::io::Error> {
        let (entry_type, mode, bytes, target) = match kind {
            Kind::Folder => (EntryType::Directory, 0o775, Vec::new(), None),
            Kind::File { bytes, mode } => {
                (EntryType::Regular, u32::try_from(mode & 0o777).unwrap_or(0o664), bytes, None)
            }
            Kind::Link { target } => (EntryType::Symlink, 0o777, Vec::new(), Some(target)),
        };
        let mut header = self.header(entry_type, bytes.len());
        header.set_mode(mode);
        // What does not fit the old header goes before it in a header of its own.
        let mut long = Vec::new();
        if header.set_path(path).is_err() {
            long.push(("path", path.as_bytes()));
            header.set_path("long-path")?;
        }
        if let Some(target) = &target
            && header.set_link_name_literal(target).is_err()
        {
            long.push(("linkpath", target.as_bytes()));
        }
        if !long.is_empty() {
            self.tar.append_pax_extensions(long)?;
        }
        header.set_cksum();
        self.tar.append(&header, bytes.as_slice())
    }

    fn header(&self, entry_type: EntryType, size: usize) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(entry_type);
        header.set_size(size as u64);
        header.set_mtime(self.modified_at);
        header
    }
}
