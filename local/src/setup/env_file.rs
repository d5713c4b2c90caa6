//! The `.env` file that `setup` writes: readable by its owner only, written beside and renamed, so that
//! nobody ever reads half of it. Lines about other things stay as they are, byte by byte.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use autofix::config::Environment;

use crate::settings;

/// One such file, which need not exist yet.
pub(super) struct EnvFile {
    path: PathBuf,
}

impl EnvFile {
    /// # Errors
    /// When there is such a file and it cannot be read.
    pub(super) fn open(path: &Path) -> anyhow::Result<EnvFile> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder =
            folder.canonicalize().with_context(|| format!("open the folder `{}`", folder.display()))?;
        let name = path.file_name().with_context(|| format!("`{}` is no file", path.display()))?;
        let path = folder.join(name);
        // A link stays one: what it leads to is written.
        let file = EnvFile { path: path.canonicalize().unwrap_or(path) };
        file.environment()?;
        Ok(file)
    }

    /// Whether it would get into the next commit of the repository that it lies in.
    pub(super) fn is_seen_by_git(&self) -> bool {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let Ok(repository) = git2::Repository::discover(folder) else { return false };
        let root = repository.workdir().and_then(|root| root.canonicalize().ok());
        let below = root.as_deref().and_then(|root| self.path.strip_prefix(root).ok());
        below.is_some_and(|below| !repository.is_path_ignored(below).unwrap_or(false))
    }

    /// What is in it.
    pub(super) fn environment(&self) -> anyhow::Result<Environment> {
        settings::parse(&self.text()?).with_context(|| format!("read `{}`", self.path.display()))
    }

    /// Whether it has a line for this name; one without a value was left out on purpose.
    pub(super) fn mentions(&self, name: &str) -> anyhow::Result<bool> {
        Ok(self.text()?.lines().any(|line| is_about(line, name)))
    }

    /// Writes one setting: where the name's last line is, or at the end.
    ///
    /// # Errors
    /// When the value has no form in such a file, or the file cannot be written; then nothing has changed.
    pub(super) fn set(&self, name: &str, value: &str) -> anyhow::Result<()> {
        let before = self.text()?;
        let after = with_line(&before, name, &format!("{name}={}", written(value)));
        let read = settings::parse(&after).ok();
        if read.as_ref().and_then(|read| read.get(name)).unwrap_or_default() != value {
            bail!("the value of `{name}` cannot be written in `{}`", self.path.display());
        }
        self.replace(&after).with_context(|| format!("write `{}`", self.path.display()))
    }

    fn text(&self) -> anyhow::Result<String> {
        match std::fs::read_to_string(&self.path) {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error).with_context(|| format!("read `{}`", self.path.display())),
        }
    }

    fn replace(&self, text: &str) -> std::io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let beside = self.path.with_file_name(format!("{name}.part-{}", std::process::id()));
        let written = write_for_owner(&beside, text).and_then(|()| std::fs::rename(&beside, &self.path));
        if written.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        written
    }
}

/// A new file that nobody else may read, not even while it is written.
fn write_for_owner(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The text with this line in place of the last one about the name.
fn with_line(text: &str, name: &str, line: &str) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if let Some(last) = lines.last_mut()
        && !last.ends_with('\n')
    {
        last.push('\n');
    }
    match lines.iter().rposition(|old| is_about(old, name)) {
        Some(place) => {
            let export = if lines[place].trim_start().starts_with("export ") { "export " } else { "" };
            lines[place] = format!("{export}{line}\n");
        }
        None => lines.push(format!("{line}\n")),
    }
    lines.concat()
}

fn is_about(line: &str, name: &str) -> bool {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    !line.starts_with('#') && line.split_once('=').is_some_and(|(before, _)| before.trim() == name)
}

/// The value as a file has it that shells may read, too.
fn written(value: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:@+,%".contains(char);
    if value.contains('\n') {
        format!("\"{}\"", value.trim_end().replace('\n', "\\n"))
    } else if value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{value}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, name: &str, value: &str, after: &str) {
        assert_eq!(with_line(before, name, &format!("{name}={}", written(value))), after);
        let read = settings::parse(after).unwrap();
        assert_eq!(read.get(name).unwrap_or_default(), value);
    }

    #[test]
    fn one_line_changes_and_the_others_stay() {
        check("", "A", "1", "A=1\n");
        check("# a comment\nB=2", "A", "1", "# a comment\nB=2\nA=1\n");
        check("A=\n\n  B = 2 \r\n#A=3\n", "A", "1", "A=1\n\n  B = 2 \r\n#A=3\n");
        check("export A=old\nAA=2\n", "A", "1", "export A=1\nAA=2\n");
        check("A=first\nA=last\n", "A", "new", "A=first\nA=new\n");
        check("A=1\n", "A", "", "A=\n");
    }

    #[test]
    fn every_value_is_read_as_it_was_given() {
        for value in [
            "https://acme.example/x?y=1&z=#2",
            r#"{"shop": {"repo": "acme/shop"}}"#,
            "with spaces",
            "it's $HOME and `more`",
            "\"quoted\"",
            "-----BEGIN KEY-----\nabc=\n-----END KEY-----",
        ] {
            let line = format!("A={}\n", written(value));
            assert_eq!(line.lines().count(), 1, "{line}");
            assert_eq!(settings::parse(&line).unwrap().get("A"), Some(value));
        }
    }
}
