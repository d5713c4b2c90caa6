//! CODEOWNERS: who a path belongs to. The last pattern that matches decides, even where it names nobody.
//! Pure; the file comes from a repository, so lines, owners and the work for one match are bounded.
//!
//! Source: docs.github.com, "About code owners". Patterns are those of gitignore, but `!` and `[ ]` do
//! not work, and `folder/*` does not reach below the folder.

use globset::GlobBuilder;

use crate::cleaning::one_line;

/// GitHub reads no larger file, bytes.
const LARGEST_FILE: usize = 3 * 1024 * 1024;
const LINES: usize = 20_000;
const PATTERN_CHARS: usize = 500;
/// Owners of one path that are told.
const OWNERS: usize = 10;
const OWNER_CHARS: usize = 100;

/// Somebody who answers for a path. People come before teams, logins before addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A login, without `@`.
    Person(String),
    /// An address of somebody.
    Address(String),
    /// `organisation/team`, without `@`.
    Team(String),
}

/// The owners of a path, people first, in the order of the file otherwise.
pub(super) fn owners_of(file: &[u8], path: &str) -> Vec<Owner> {
    if file.len() > LARGEST_FILE {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(file);
    let lines: Vec<&str> = text.lines().take(LINES).collect();
    let of_line = |line: &&str| {
        let mut words = words(line).into_iter();
        let covers = words.next().is_some_and(|pattern| matches(&pattern, path));
        covers.then(|| words.filter_map(|word| owner(&word)).take(OWNERS).collect::<Vec<_>>())
    };
    let mut owners = lines.iter().rev().find_map(of_line).unwrap_or_default();
    owners.sort_by_key(|owner| match owner {
        Owner::Person(_) => 0,
        Owner::Address(_) => 1,
        Owner::Team(_) => 2,
    });
    owners
}

/// The words of a line up to a comment; `\ ` and `\#` stand for themselves.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = line.trim().chars();
    while let Some(next) = chars.next() {
        let word = words.last_mut().expect("there is always a last word: it starts with one and only grows");
        match next {
            '\\' => word.extend(chars.next()),
            '#' => break,
            next if next.is_whitespace() && word.is_empty() => {}
            next if next.is_whitespace() => words.push(String::new()),
            next => word.push(next),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn owner(word: &str) -> Option<Owner> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.[]".contains(&b))
    };
    if word.len() > OWNER_CHARS || one_line(word, OWNER_CHARS) != word {
        return None;
    }
    match word.strip_prefix('@') {
        Some(name) => match name.split_once('/') {
            Some((organisation, team)) if is_name(organisation) && is_name(team) => {
                Some(Owner::Team(name.to_owned()))
            }
            None if is_name(name) => Some(Owner::Person(name.to_owned())),
            _ => None,
        },
        None => {
            let (name, host) = word.split_once('@')?;
            (!name.is_empty() && host.contains('.')).then(|| Owner::Address(word.to_owned()))
        }
    }
}

/// Whether a pattern covers a file's path from the root of the repository.
fn matches(pattern: &str, path: &str) -> bool {
    if pattern.starts_with('!') || pattern.contains(['[', ']']) || pattern.len() > PATTERN_CHARS {
        return false;
    }
    let (pattern, is_folder) = match pattern.strip_suffix('/') {
        Some(folder) => (folder, true),
        None => (pattern, false),
    };
    // A slash at the start or in the middle ties a pattern to the root.
    let anchored = pattern.contains('/');
    let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
    if pattern.is_empty() {
        return is_folder; // `/`: everything
    }
    let pattern = if anchored { pattern.to_owned() } else { format!("**/{pattern}") };
    // A pattern that covers a folder covers what is in it; only a lone `*` at the end means just its files.
    let reaches_below = is_folder || !(anchored && pattern.rsplit('/').next() == Some("*"));
    (!is_folder && glob_matches(&pattern, path))
        || (reaches_below && glob_matches(&format!("{pattern}/**"), path))
}

/// `*` and `?` end at a slash, and `**` stands for any number of folders. Nothing else means anything.
fn glob_matches(pattern: &str, path: &str) -> bool {
    let braces = |c: char| match c {
        '{' => "[{]".to_owned(),
        '}' => "[}]".to_owned(),
        other => other.to_string(),
    };
    let pattern: String = pattern.chars().map(braces).collect();
    let glob = GlobBuilder::new(&pattern).literal_separator(true).backslash_escape(false).build();
    glob.is_ok_and(|glob| glob.compile_matcher().is_match(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_github_says_they_cover() {
        for (pattern, path, covered) in [
            ("*", "a/b/c.py", true),
            ("*.py", "a/b/c.py", true),
            ("*.py", "c.pyc", false),
            ("/build/logs/", "build/logs/x/y.txt", true),
            ("/build/logs/", "a/build/logs/x", false),
            ("docs/*", "docs/start.md", true),
            ("docs/*", "docs/build/trouble.md", false),
            ("docs/*", "a/docs/start.md", false),
            ("apps/", "x/apps/y/z.py", true),
            ("apps/", "apps", false),
            ("/apps/github", "apps/github/a.rb", true),
            ("**/logs", "deep/er/logs/x.log", true),
            ("**/logs", "logs", true),
            ("/a/**/z", "a/b/c/z", true),
            ("/a/**/z", "a/z", true),
            ("/a/**", "a/b", true),
            ("backend/bookshop", "backend/bookshop/labels.py", true),
            ("labels.py", "backend/bookshop/labels.py", true),
            ("label?.py", "labels.py", true),
            ("Labels.py", "labels.py", false),
            ("!labels.py", "labels.py", false),
            ("[l]abels.py", "labels.py", false),
            ("/", "anything", true),
            ("{a,b}.py", "a.py", false),
            ("{a,b}.py", "x/{a,b}.py", true),
            ("docs/", "docs/a/b.md", true),
        ] {
            assert_eq!(matches(pattern, path), covered, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_match_wins_and_people_come_first() {
        let file = b"# who\n*            @acme/everyone\n*.py  @acme/python ada@example.org @grace # both\n\
                     /docs/\n\"bad\" @x\nmy\\ file @linus\n";
        let owners = |path| owners_of(file, path);
        assert_eq!(
            owners("a.py"),
            [
                Owner::Person("grace".to_owned()),
                Owner::Address("ada@example.org".to_owned()),
                Owner::Team("acme/python".to_owned())
            ]
        );
        assert_eq!(owners("a.js"), [Owner::Team("acme/everyone".to_owned())]);
        assert_eq!(owners("docs/a.py"), []);
        assert_eq!(owners("my file"), [Owner::Person("linus".to_owned())]);
    }

    #[test]
    fn what_names_nobody_real_is_left_out() {
        for word in ["@", "@a/", "@a b", "@<!channel>", "someone", "@x@y", "\u{202e}@x", "a@b", "@a/b/c"] {
            assert_eq!(owner(word), None, "{word}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = "*a".repeat(200);
        assert!(!matches(&pattern, &format!("{}b", "a".repeat(4_000))));
        let stars = "**/a/".repeat(90) + "c";
        assert!(!matches(&stars, &format!("{}b", "a/".repeat(1_000))));
        assert_eq!(owners_of(&vec![b'*'; LARGEST_FILE + 1], "a"), []);
    }
}
