//! The code of a repository at one commit, in memory and read-only.
//!
//! Everything about the code is asked of a `Snapshot`, so that an analysis sees one state of it and
//! cannot reach a disk or a network. Text is kept; what is binary, large, vendored or secret is
//! listed with its size and never read; links are listed and never followed. Each text is its own
//! exactly sized allocation: one growing buffer would double the peak while it grows.

mod tarball;
mod unread;

use std::fmt;

use crate::repo_path::{BadPath, FolderPath, ProjectPath, RepoPath};

pub use tarball::SnapshotReader;
pub use unread::{is_secret, is_vendored, is_vendored_folder};

/// Bytes of a compressed archive: four times the largest repository that is comfortable to work in.
pub const MAX_COMPRESSED_BYTES: u64 = 200 << 20;
/// Bytes after decompression, read or skipped: bounds time (about two seconds), not memory.
pub const MAX_DECOMPRESSED_BYTES: u64 = 600 << 20;
/// Files: the index then stays below 60 MB even where every path is as long as allowed.
pub const MAX_FILES: usize = 50_000;
/// Bytes of one file whose text is kept: source that people write is far below, bundles are above.
pub const MAX_FILE_TEXT_BYTES: u64 = 1 << 20;
/// Bytes of text kept in all: with the rest of the worker it fits a function of 512 MB.
pub const MAX_TEXT_BYTES: u64 = 150 << 20;
/// Decompressed by compressed bytes: source reaches about 10, a bomb 1,000.
pub const MAX_COMPRESSION_RATIO: u64 = 100;

/// Bounds of one snapshot. The default is the `MAX_` constants of this module.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub compressed_bytes: u64,
    pub decompressed_bytes: u64,
    pub files: usize,
    pub file_text_bytes: u64,
    pub text_bytes: u64,
    pub compression_ratio: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            compressed_bytes: MAX_COMPRESSED_BYTES,
            decompressed_bytes: MAX_DECOMPRESSED_BYTES,
            files: MAX_FILES,
            file_text_bytes: MAX_FILE_TEXT_BYTES,
            text_bytes: MAX_TEXT_BYTES,
            compression_ratio: MAX_COMPRESSION_RATIO,
        }
    }
}

/// Why there is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Cut off, altered on the way, or no archive at all: downloading again may help.
    #[error("the repository's archive is cut off or damaged ({0}); downloading it again may help")]
    Damaged(String),
    /// Nothing that git or GitHub writes: downloading again will not help.
    #[error("the repository's archive is not one that git writes: {0}")]
    Foreign(String),
    #[error("the repository's archive has the unsafe path `{path}`: {why}")]
    UnsafePath { path: String, why: BadPath },
    #[error("the repository's archive has `{0}` twice")]
    DuplicatePath(RepoPath),
    #[error("the repository has more than {limit} {what}, which is more than AutoFix takes")]
    TooBig { what: &'static str, limit: u64 },
}

/// One file of a snapshot.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    pub mode: FileMode,
    pub content: Content,
}

/// What git keeps of a file's permissions; a commit has to say it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileMode {
    Regular,
    Executable,
}

impl FileMode {
    /// The mode as git's trees spell it.
    pub fn as_git_mode(self) -> &'static str {
        match self {
            FileMode::Regular => "100644",
            FileMode::Executable => "100755",
        }
    }
}

/// What is known of a file's content. Sizes are bytes.
#[derive(PartialEq, Eq)]
pub enum Content {
    /// Valid UTF-8 without NUL, byte for byte, including any byte order mark.
    Text(Box<str>),
    /// Not UTF-8, or with a NUL byte.
    Binary { size: u64 },
    /// Larger than [`Limits::file_text_bytes`], or beyond [`Limits::text_bytes`] in all.
    TooLarge { size: u64 },
    /// In a folder of other people's code.
    Vendored { size: u64 },
    /// Named like a file that holds credentials.
    Secret { size: u64 },
    /// A symbolic or hard link; where it leads is not kept.
    Link,
}

/// The code at one commit.
pub struct Snapshot {
    /// Sorted by path.
    files: Vec<(RepoPath, File)>,
    commit: Option<String>,
    text_bytes: u64,
    unlisted: usize,
}

impl Snapshot {
    pub fn file(&self, path: &RepoPath) -> Option<&File> {
        let index = self.files.binary_search_by(|(candidate, _)| candidate.cmp(path)).ok()?;
        Some(&self.files[index].1)
    }

    /// The file's text; `None` where there is no such file or its text is not kept.
    pub fn text(&self, path: &RepoPath) -> Option<&str> {
        self.file(path)?.text()
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &RepoPath> {
        self.files.iter().map(|(path, _)| path)
    }

    /// The files anywhere below a folder, sorted by path.
    pub fn files_in(&self, folder: &FolderPath) -> &[(RepoPath, File)] {
        if folder.is_root() {
            return &self.files;
        }
        // In byte order everything below `folder` follows `folder/` and precedes `folder0`.
        let prefix = format!("{folder}/");
        let start = self.files.partition_point(|(path, _)| path.as_str() < prefix.as_str());
        let length = self.files[start..].partition_point(|(path, _)| path.as_str().starts_with(&prefix));
        &self.files[start..start + length]
    }

    /// The path that a person or a model most likely means: as seen from the repository's root, else
    /// as seen from the project's folder. `None` where neither is a file.
    pub fn resolve(&self, text: &str, project: &ProjectPath) -> Option<&RepoPath> {
        let known = |path: RepoPath| {
            let index = self.files.binary_search_by(|(candidate, _)| candidate.cmp(&path)).ok()?;
            Some(&self.files[index].0)
        };
        let from_root = RepoPath::parse(text).ok().and_then(known);
        from_root.or_else(|| project.join(text).ok().and_then(known))
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The commit that the archive says it was made of, 40 or 64 hex digits.
    pub fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// Bytes of text kept.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// Entries left out since their name cannot be a [`RepoPath`] or they are devices or pipes.
    pub fn unlisted(&self) -> usize {
        self.unlisted
    }
}

impl File {
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            Content::Binary { .. }
            | Content::TooLarge { .. }
            | Content::Vendored { .. }
            | Content::Secret { .. }
            | Content::Link => None,
        }
    }

    /// Bytes; 0 for a link.
    pub fn size(&self) -> u64 {
        match &self.content {
            Content::Text(text) => text.len() as u64,
            Content::Binary { size }
            | Content::TooLarge { size }
            | Content::Vendored { size }
            | Content::Secret { size } => *size,
            Content::Link => 0,
        }
    }
}

/// Makes a snapshot file by file: from an archive ([`SnapshotReader`]) or from a checkout.
pub struct SnapshotBuilder {
    limits: Limits,
    files: Vec<(RepoPath, File)>,
    text_bytes: u64,
    unlisted: usize,
}

impl SnapshotBuilder {
    pub fn new(limits: Limits) -> SnapshotBuilder {
        SnapshotBuilder { limits, files: Vec::new(), text_bytes: 0, unlisted: 0 }
    }

    /// What a file of this name and size is listed as without being read; `None` where it has to be
    /// read and handed to [`SnapshotBuilder::add_read`].
    pub fn unread_content(&self, path: &RepoPath, size: u64) -> Option<Content> {
        if is_secret(path) {
            Some(Content::Secret { size })
        } else if is_vendored(path) {
            Some(Content::Vendored { size })
        } else if size > self.limits.file_text_bytes || self.text_bytes + size > self.limits.text_bytes {
            Some(Content::TooLarge { size })
        } else {
            None
        }
    }

    /// Adds a file that was read. Bytes that are no text are dropped at once.
    pub fn add_read(&mut self, path: RepoPath, mode: FileMode, bytes: Vec<u8>) -> Result<(), SnapshotError> {
        let size = bytes.len() as u64;
        let content = match self.unread_content(&path, size) {
            Some(unread) => unread,
            None if bytes.contains(&0) => Content::Binary { size },
            None => match String::from_utf8(bytes) {
                Ok(text) => Content::Text(text.into_boxed_str()),
                Err(_) => Content::Binary { size },
            },
        };
        if let Content::Text(text) = &content {
            self.text_bytes += text.len() as u64;
        }
        self.add_unread(path, File { mode, content })
    }

    /// Adds a file whose content is already known, such as one that is not read.
    pub fn add_unread(&mut self, path: RepoPath, file: File) -> Result<(), SnapshotError> {
        self.count_entry()?;
        self.files.push((path, file));
        Ok(())
    }

    /// Counts an entry that cannot be listed.
    pub fn leave_out(&mut self) -> Result<(), SnapshotError> {
        self.count_entry()?;
        self.unlisted += 1;
        Ok(())
    }

    /// The snapshot. A path given twice is an error: a commit cannot have it, so whoever wrote it
    /// wants two readers to see two different files.
    pub fn build(mut self, commit: Option<String>) -> Result<Snapshot, SnapshotError> {
        self.files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        if let Some(twice) = self.files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(SnapshotError::DuplicatePath(twice[0].0.clone()));
        }
        self.files.shrink_to_fit();
        let SnapshotBuilder { files, text_bytes, unlisted, .. } = self;
        Ok(Snapshot { files, commit, text_bytes, unlisted })
    }

    fn count_entry(&self) -> Result<(), SnapshotError> {
        if self.files.len() + self.unlisted >= self.limits.files {
            return Err(SnapshotError::TooBig { what: "files", limit: self.limits.files as u64 });
        }
        Ok(())
    }
}

/// Without the text: source code does not belong in logs.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Content::Binary { size } => write!(f, "Binary({size} bytes)"),
            Content::TooLarge { size } => write!(f, "TooLarge({size} bytes)"),
            Content::Vendored { size } => write!(f, "Vendored({size} bytes)"),
            Content::Secret { size } => write!(f, "Secret({size} bytes)"),
            Content::Link => f.write_str("Link"),
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} files, {} bytes of text)", self.len(), self.text_bytes)
    }
}

#[cfg(test)]
impl Snapshot {
    /// A snapshot of files, each a path with its content.
    pub(crate) fn of<P: AsRef<str>, T: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, T)>) -> Snapshot {
        let mut builder = SnapshotBuilder::new(Limits::default());
        for (path, content) in files {
            let path = RepoPath::parse(path.as_ref()).expect("a good path");
            builder.add_read(path, FileMode::Regular, content.as_ref().to_vec()).expect("few files");
        }
        builder.build(None).expect("no path twice")
    }
}

#[cfg(test)]
mod tests;
