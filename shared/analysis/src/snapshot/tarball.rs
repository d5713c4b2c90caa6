//! Reads the gzipped tar that GitHub makes of a commit, in pieces as the network delivers them.
//!
//! Pushing needs neither a thread nor a channel between the download and the decoder: a caller hands
//! in each chunk, and drops the reader to give up. At no time is more in memory than the texts kept
//! so far, one file, and the decoder's window. The framing is read here, the headers' fields by the
//! `tar` crate; its own reader can only pull, and it takes extension headers of any size into memory.
//! Only what `git archive` writes is accepted: anything ambiguous refuses the whole archive.

use std::io::{self, Write};

use flate2::write::GzDecoder;
use tar::{EntryType, Header};

use super::{Content, File, FileMode, Limits, Snapshot, SnapshotBuilder, SnapshotError};
use crate::repo_path::RepoPath;

const BLOCK: usize = 512;
/// Bytes of one extension header (long names, the commit): git needs a few hundred.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;
/// Decompressed bytes before the compression ratio counts: a small repository may be mostly blanks.
const RATIO_GRACE_BYTES: u64 = 8 << 20;

/// A snapshot in the making.
pub struct SnapshotReader {
    decoder: GzDecoder<Untar>,
    compressed: u64,
    limits: Limits,
}

impl SnapshotReader {
    pub fn new(limits: Limits) -> SnapshotReader {
        let untar = Untar {
            builder: SnapshotBuilder::new(limits),
            limits,
            state: State::Header { block: Box::new([0; BLOCK]), filled: 0 },
            long_path: None,
            top_folder: None,
            commit: None,
            decompressed: 0,
            compressed: 0,
        };
        SnapshotReader { decoder: GzDecoder::new(untar), compressed: 0, limits }
    }

    /// Takes the next bytes of the archive. After an error the reader is of no further use.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), SnapshotError> {
        self.compressed += chunk.len() as u64;
        if self.compressed > self.limits.compressed_bytes {
            let limit = self.limits.compressed_bytes;
            return Err(SnapshotError::TooBig { what: "compressed bytes", limit });
        }
        self.decoder.get_mut().compressed = self.compressed;
        self.decoder.write_all(chunk).map_err(ours_or_damaged)
    }

    /// The snapshot, once all bytes were pushed.
    pub fn finish(self) -> Result<Snapshot, SnapshotError> {
        let untar = self.decoder.finish().map_err(ours_or_damaged)?;
        match untar.state {
            State::End => untar.builder.build(untar.commit),
            State::Header { .. } | State::Data { .. } | State::Padding { .. } => {
                Err(SnapshotError::Damaged("it ends in the middle".to_owned()))
            }
        }
    }
}

/// The decoder passes errors of its sink through as they are; all others are its own.
fn ours_or_damaged(error: io::Error) -> SnapshotError {
    error.downcast::<SnapshotError>().unwrap_or_else(|error| SnapshotError::Damaged(error.to_string()))
}

/// The sink of the decoder: takes tar bytes in pieces of any size.
struct Untar {
    builder: SnapshotBuilder,
    limits: Limits,
    state: State,
    /// Path that an extension header gave for the next entry.
    long_path: Option<Vec<u8>>,
    /// The folder `owner-repo-sha` that every entry stands in.
    top_folder: Option<Vec<u8>>,
    commit: Option<String>,
    decompressed: u64,
    compressed: u64,
}

enum State {
    Header { block: Box<[u8; BLOCK]>, filled: usize },
    Data { remaining: u64, padding: usize, entry: Entry },
    Padding { remaining: usize },
    End,
}

/// What the data that follows a header is for.
enum Entry {
    Text { path: RepoPath, mode: FileMode, bytes: Vec<u8> },
    Extension { kind: EntryType, bytes: Vec<u8> },
    Skipped,
}

impl Write for Untar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Untar {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), SnapshotError> {
        self.decompressed += bytes.len() as u64;
        if self.decompressed > self.limits.decompressed_bytes {
            let limit = self.limits.decompressed_bytes;
            return Err(SnapshotError::TooBig { what: "bytes after decompression", limit });
        }
        let plausible = RATIO_GRACE_BYTES + self.compressed.saturating_mul(self.limits.compression_ratio);
        if self.decompressed > plausible {
            return Err(foreign("it is compressed more than source code can be"));
        }
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Header { block, filled } => {
                    let (now, later) = bytes.split_at(bytes.len().min(BLOCK - *filled));
                    block[*filled..*filled + now.len()].copy_from_slice(now);
                    *filled += now.len();
                    if *filled == BLOCK {
                        let block = *block.clone();
                        self.start_entry(&block)?;
                    }
                    later
                }
                State::Data { remaining, entry, .. } => {
                    let (now, later) = split_at_most(bytes, *remaining);
                    if let Entry::Text { bytes, .. } | Entry::Extension { bytes, .. } = entry {
                        bytes.extend_from_slice(now);
                    }
                    *remaining -= now.len() as u64;
                    if *remaining == 0 {
                        self.end_entry()?;
                    }
                    later
                }
                State::Padding { remaining } => {
                    let (now, later) = split_at_most(bytes, *remaining as u64);
                    *remaining -= now.len();
                    if *remaining == 0 {
                        self.state = next_header();
                    }
                    later
                }
                State::End => &[],
            };
        }
        Ok(())
    }

    fn start_entry(&mut self, block: &[u8; BLOCK]) -> Result<(), SnapshotError> {
        if block.iter().all(|byte| *byte == 0) {
            self.state = State::End;
            return Ok(());
        }
        let header = Header::from_byte_slice(block);
        let damaged = |error: io::Error| SnapshotError::Damaged(error.to_string());
        // The sum of all bytes, with those of the sum itself taken as blanks.
        let sum: u32 = block
            .iter()
            .enumerate()
            .map(|(i, b)| if (148..156).contains(&i) { 32 } else { u32::from(*b) })
            .sum();
        if header.cksum().map_err(damaged)? != sum {
            return Err(SnapshotError::Damaged("the checksum of a header is wrong".to_owned()));
        }
        let size = header.entry_size().map_err(damaged)?;
        let entry = self.entry_of(header, size)?;
        let padding = (BLOCK - (size % BLOCK as u64) as usize) % BLOCK;
        self.state = State::Data { remaining: size, padding, entry };
        if size == 0 { self.end_entry() } else { Ok(()) }
    }

    fn entry_of(&mut self, header: &Header, size: u64) -> Result<Entry, SnapshotError> {
        let kind = header.entry_type();
        match kind {
            EntryType::XGlobalHeader
            | EntryType::XHeader
            | EntryType::GNULongName
            | EntryType::GNULongLink => {
                if size > MAX_EXTENSION_BYTES {
                    return Err(foreign("an extension header is too long"));
                }
                return Ok(Entry::Extension { kind, bytes: Vec::with_capacity(size as usize) });
            }
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::GNUSparse => return Err(foreign("it has sparse files")),
            _ if size > 0 => return Err(foreign("an entry that is no file has content")),
            _ => {}
        }
        let path = self.long_path.take().unwrap_or_else(|| header.path_bytes().into_owned());
        // Archives of the first kind know no folders, only files whose name ends with a slash.
        if kind == EntryType::Directory || path.ends_with(b"/") {
            self.below_top_folder(path.strip_suffix(b"/").unwrap_or(&path))?;
            return if size == 0 { Ok(Entry::Skipped) } else { Err(foreign("a folder has content")) };
        }
        let Some(path) = self.below_top_folder(&path)? else {
            return Err(foreign("an entry stands beside its top folder"));
        };
        let Some(path) = path else {
            self.builder.leave_out()?;
            return Ok(Entry::Skipped);
        };
        let executable = header.mode().is_ok_and(|mode| mode & 0o100 != 0);
        let mode = if executable { FileMode::Executable } else { FileMode::Regular };
        match kind {
            EntryType::Symlink | EntryType::Link => {
                self.builder.add_unread(path, File { mode: FileMode::Regular, content: Content::Link })?;
                Ok(Entry::Skipped)
            }
            EntryType::Regular | EntryType::Continuous => match self.builder.unread_content(&path, size) {
                Some(content) => {
                    self.builder.add_unread(path, File { mode, content })?;
                    Ok(Entry::Skipped)
                }
                // The size is bounded by what the builder takes, so a lying header reserves little.
                None => Ok(Entry::Text { path, mode, bytes: Vec::with_capacity(size as usize) }),
            },
            _ => {
                self.builder.leave_out()?;
                Ok(Entry::Skipped)
            }
        }
    }

    /// Checks that the path is in the one top folder and takes that off. The outer `None` is the top
    /// folder itself, the inner one a name that cannot be listed.
    fn below_top_folder(&mut self, path: &[u8]) -> Result<Option<Option<RepoPath>>, SnapshotError> {
        let (top, rest) = match path.iter().position(|byte| *byte == b'/') {
            Some(slash) => (&path[..slash], Some(&path[slash + 1..])),
            None => (path, None),
        };
        let expected = self.top_folder.get_or_insert_with(|| top.to_vec());
        let unsafe_path = |why| {
            let path = String::from_utf8_lossy(path).chars().filter(|c| !c.is_control()).take(200).collect();
            SnapshotError::UnsafePath { path, why }
        };
        match RepoPath::parse(&String::from_utf8_lossy(top)) {
            Err(why) if why.leaves_the_tree() || top.is_empty() => return Err(unsafe_path(why)),
            Err(_) => return Err(foreign("its top folder has no usable name")),
            Ok(_) if expected.as_slice() != top => return Err(foreign("it has several top folders")),
            Ok(_) => {}
        }
        let Some(rest) = rest else { return Ok(None) };
        match RepoPath::parse(&String::from_utf8_lossy(rest)) {
            Err(why) if why.leaves_the_tree() => Err(unsafe_path(why)),
            Ok(parsed) if parsed.as_str().as_bytes() == rest => Ok(Some(Some(parsed))),
            Ok(_) | Err(_) => Ok(Some(None)),
        }
    }

    fn end_entry(&mut self) -> Result<(), SnapshotError> {
        let State::Data { padding, entry, .. } = std::mem::replace(&mut self.state, State::End) else {
            return Ok(());
        };
        self.state = if padding == 0 { next_header() } else { State::Padding { remaining: padding } };
        match entry {
            Entry::Skipped => Ok(()),
            Entry::Text { path, mode, bytes } => self.builder.add_read(path, mode, bytes),
            Entry::Extension { kind: EntryType::XGlobalHeader, bytes } => {
                self.commit =
                    attributes(&bytes)?.into_iter().find(|(key, _)| *key == b"comment").and_then(commit_of);
                Ok(())
            }
            Entry::Extension { kind: EntryType::XHeader, bytes } => {
                for (key, value) in attributes(&bytes)? {
                    match key {
                        b"path" => self.long_path = Some(value.to_vec()),
                        // With these the entry has another length than its header says.
                        b"size" => return Err(foreign("a size stands outside its header")),
                        _ if key.starts_with(b"GNU.sparse") => return Err(foreign("it has sparse files")),
                        _ => {}
                    }
                }
                Ok(())
            }
            Entry::Extension { kind: EntryType::GNULongName, mut bytes } => {
                while bytes.last() == Some(&0) {
                    bytes.pop();
                }
                self.long_path = Some(bytes);
                Ok(())
            }
            // Where a link leads is of no interest.
            Entry::Extension { .. } => Ok(()),
        }
    }
}

fn next_header() -> State {
    State::Header { block: Box::new([0; BLOCK]), filled: 0 }
}

fn split_at_most(bytes: &[u8], length: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(length).map_or(bytes.len(), |length| length.min(bytes.len())))
}

fn foreign(why: &str) -> SnapshotError {
    SnapshotError::Foreign(why.to_owned())
}

/// Key and value of a pax header.
type Attribute<'b> = (&'b [u8], &'b [u8]);

/// The records `LENGTH KEY=VALUE\n` of a pax header, LENGTH counting the whole record.
fn attributes(mut bytes: &[u8]) -> Result<Vec<Attribute<'_>>, SnapshotError> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let record = (|| {
            let blank = bytes.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
            let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
        })();
        let (key, value, rest) = record.ok_or_else(|| foreign("an extension header is malformed"))?;
        found.push((key, value));
        bytes = rest;
    }
    Ok(found)
}

fn commit_of((_, value): Attribute<'_>) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let is_commit = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| text.to_ascii_lowercase())
}
