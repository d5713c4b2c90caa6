//! Paths inside a repository, parsed once at the door.
//!
//! Paths come from archives, from Sentry, from settings and from a model, and end in commits. A
//! [`RepoPath`] can therefore not be spelled in a way that leaves the repository, reaches git's own
//! folder on any file system, or looks different to a person than it is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use autofix_domain::cleaning::is_invisible;

/// Longest path, bytes: a quarter of what Linux takes, and more than any file people edit by hand.
pub const MAX_PATH_BYTES: usize = 1_024;

/// A relative, normalised path of a file, segments separated by `/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(Arc<str>);

/// A folder of a repository; the empty path is its root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FolderPath(Arc<str>);

/// The folder with the project's code (`AUTOFIX_GITHUB_PATH`).
pub type ProjectPath = FolderPath;

/// Why a text is not a path inside a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    #[error("the path is empty")]
    Empty,
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    #[error("the path is absolute; give it relative to the repository's root")]
    Absolute,
    #[error("the path has a `.` or `..` segment")]
    DotSegment,
    #[error("the path has an empty segment")]
    EmptySegment,
    #[error("the path has a backslash, a control character or an invisible character")]
    ForbiddenCharacter,
    #[error("the path leads into git's own folder")]
    GitFolder,
}

impl BadPath {
    /// Whether such a path would leave the repository's working tree where it was believed.
    pub fn leaves_the_tree(self) -> bool {
        match self {
            BadPath::Absolute | BadPath::DotSegment | BadPath::GitFolder => true,
            BadPath::Empty | BadPath::TooLong | BadPath::EmptySegment | BadPath::ForbiddenCharacter => false,
        }
    }
}

impl RepoPath {
    /// Parses a path; see [`BadPath`] for what is refused.
    pub fn parse(text: &str) -> Result<RepoPath, BadPath> {
        check(text)?;
        Ok(RepoPath(Arc::from(text)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }

    /// What follows the last dot of the file's name; `None` for `Makefile` and `.env`.
    pub fn extension(&self) -> Option<&str> {
        self.file_name().rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension)
    }

    /// The folder that the file stands in.
    pub fn folder(&self) -> FolderPath {
        FolderPath(Arc::from(self.0.rsplit_once('/').map_or("", |(folder, _)| folder)))
    }

    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }
}

impl FolderPath {
    pub fn root() -> FolderPath {
        FolderPath(Arc::from(""))
    }

    /// Parses a folder as people write it in settings: slashes at either end, a leading `./` and an
    /// empty text (the root) are fine; for the rest see [`BadPath`].
    pub fn parse(text: &str) -> Result<FolderPath, BadPath> {
        let text = text.trim();
        let text = text.strip_prefix("./").unwrap_or(text).trim_matches('/');
        if text.is_empty() || text == "." {
            return Ok(FolderPath::root());
        }
        check(text)?;
        Ok(FolderPath(Arc::from(text)))
    }

    /// Without slashes at the ends; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The file's path as seen from this folder; `None` for a file that is not in it.
    pub fn relative<'p>(&self, path: &'p RepoPath) -> Option<&'p str> {
        if self.is_root() {
            return Some(path.as_str());
        }
        path.as_str().strip_prefix(self.as_str())?.strip_prefix('/')
    }

    /// The path of a file named as seen from this folder.
    pub fn join(&self, relative: &str) -> Result<RepoPath, BadPath> {
        if self.is_root() {
            RepoPath::parse(relative)
        } else {
            RepoPath::parse(&format!("{self}/{relative}"))
        }
    }
}

fn check(text: &str) -> Result<(), BadPath> {
    if text.is_empty() {
        return Err(BadPath::Empty);
    }
    if text.len() > MAX_PATH_BYTES {
        return Err(BadPath::TooLong);
    }
    let bytes = text.as_bytes();
    if bytes[0] == b'/' || (bytes[0].is_ascii_alphabetic() && bytes.get(1) == Some(&b':')) {
        return Err(BadPath::Absolute);
    }
    for segment in text.split('/') {
        match segment {
            "" => return Err(BadPath::EmptySegment),
            "." | ".." => return Err(BadPath::DotSegment),
            _ if is_git_folder(segment) => return Err(BadPath::GitFolder),
            _ => {}
        }
    }
    if text.chars().any(|c| c == '\\' || c.is_control() || is_invisible(c)) {
        return Err(BadPath::ForbiddenCharacter);
    }
    Ok(())
}

/// Whether some file system takes this segment for `.git`: Windows ignores trailing dots, spaces and
/// stream names and knows the short name `git~1`; HFS+ ignores case and invisible characters.
fn is_git_folder(segment: &str) -> bool {
    let visible: String = segment.chars().filter(|c| !is_invisible(*c)).collect();
    let name = visible.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    name.eq_ignore_ascii_case(".git") || name.eq_ignore_ascii_case("git~1")
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepoPath({})", self.0)
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FolderPath({})", self.0)
    }
}

impl Default for FolderPath {
    fn default() -> FolderPath {
        FolderPath::root()
    }
}

impl TryFrom<String> for RepoPath {
    type Error = BadPath;
    fn try_from(text: String) -> Result<RepoPath, BadPath> {
        RepoPath::parse(&text)
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> String {
        path.0.to_string()
    }
}

impl TryFrom<String> for FolderPath {
    type Error = BadPath;
    fn try_from(text: String) -> Result<FolderPath, BadPath> {
        FolderPath::parse(&text)
    }
}

impl From<FolderPath> for String {
    fn from(path: FolderPath) -> String {
        path.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_paths_are_accepted_as_they_are() {
        for text in [
            "a",
            "src/main.rs",
            ".env",
            ".github/x.yml",
            "a b/ü.py",
            "...",
            "..a/b..",
            ".gitignore",
            "x/git~12",
        ] {
            assert_eq!(RepoPath::parse(text).expect(text).as_str(), text);
        }
    }

    #[test]
    fn paths_that_leave_the_repository_or_hide_are_refused() {
        let check = |text: &str, why: BadPath| assert_eq!(RepoPath::parse(text), Err(why), "{text:?}");
        check("", BadPath::Empty);
        check(&"a/".repeat(600), BadPath::TooLong);
        check("/etc/passwd", BadPath::Absolute);
        check("C:/x", BadPath::Absolute);
        check("c:x", BadPath::Absolute);
        check("..", BadPath::DotSegment);
        check("a/../b", BadPath::DotSegment);
        check("./a", BadPath::DotSegment);
        check("a//b", BadPath::EmptySegment);
        check("a/", BadPath::EmptySegment);
        check("a\\b", BadPath::ForbiddenCharacter);
        check("a\0b", BadPath::ForbiddenCharacter);
        check("a\u{1b}[2Jb", BadPath::ForbiddenCharacter);
        check("a\u{202e}yp.b", BadPath::ForbiddenCharacter);
        for unseen in ['\u{3164}', '\u{115f}', '\u{34f}', '\u{fe0f}', '\u{fff0}', '\u{1d173}', '\u{e0100}'] {
            check(&format!("app/pay{unseen}.py"), BadPath::ForbiddenCharacter);
            check(&format!(".g{unseen}it/config"), BadPath::GitFolder);
        }
        check(".git/config", BadPath::GitFolder);
        check("sub/.GIT/hooks/x", BadPath::GitFolder);
        check(".git /config", BadPath::GitFolder);
        check(".git./config", BadPath::GitFolder);
        check("GIT~1/config", BadPath::GitFolder);
        check(".git::$INDEX_ALLOCATION/config", BadPath::GitFolder);
        check(".g\u{200c}it/config", BadPath::GitFolder);
    }

    #[test]
    fn names_and_extensions() {
        let path = |text| RepoPath::parse(text).expect("a good path");
        assert_eq!(path("a/b.tar.gz").file_name(), "b.tar.gz");
        assert_eq!(path("a/b.tar.gz").extension(), Some("gz"));
        assert_eq!(path(".env").extension(), None);
        assert_eq!(path("a.d/Makefile").extension(), None);
        assert_eq!(path("a/b/c").folder().as_str(), "a/b");
        assert!(path("c").folder().is_root());
    }

    #[test]
    fn a_project_path_may_be_written_with_or_without_slashes() {
        for text in ["backend", "backend/", "/backend", "/backend/", "./backend", " backend "] {
            assert_eq!(FolderPath::parse(text).expect(text).as_str(), "backend", "{text:?}");
        }
        for text in ["", "/", ".", "./", "//"] {
            assert!(FolderPath::parse(text).expect("the root").is_root(), "{text:?}");
        }
        for text in ["../x", "a/../b", "a/.git", "C:\\x", "a//b"] {
            assert!(FolderPath::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_file_is_inside_its_folder_and_not_inside_a_namesake() {
        let path = RepoPath::parse("backend/app/x.py").expect("a good path");
        let inside = |text| FolderPath::parse(text).expect("a good folder").relative(&path).is_some();
        assert!(inside("backend") && inside("backend/app") && inside(""));
        assert!(!inside("back") && !inside("backend/ap") && !inside("backend/app/x.py"));
    }

    #[test]
    fn json_is_parsed_not_trusted() {
        assert!(serde_json::from_str::<RepoPath>(r#""../x""#).is_err());
        let path: RepoPath = serde_json::from_str(r#""a/x""#).expect("a good path");
        assert_eq!(serde_json::to_string(&path).expect("a string"), r#""a/x""#);
        assert!(serde_json::from_str::<FolderPath>(r#""a/..""#).is_err());
    }

    proptest! {
        #[test]
        fn no_accepted_path_leaves_the_folder_it_is_joined_to(text in "[a-zA-Z.~/: \\\\\u{200c}]{0,12}") {
            let folder = FolderPath::parse("base/folder").expect("a good folder");
            if let Ok(path) = folder.join(&text) {
                prop_assert!(folder.relative(&path).is_some());
                prop_assert!(path.segments().all(|s| !s.is_empty() && s != "." && s != ".."));
            }
        }
    }
}
