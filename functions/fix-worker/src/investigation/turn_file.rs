//! A file with the finished turns of one investigation, so that one which was stopped continues without paying again: an
//! evaluation on a laptop has no table.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use autofix::attempt::AttemptId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The turns of one investigation: JSON lines, the id of the attempt first.
pub struct TurnFile {
    file: File,
    path: PathBuf,
    attempt: AttemptId,
    turns: Vec<Line>,
    stop: Arc<AtomicBool>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    /// The boundaries in its prompts depend on it, so it has to be the same again.
    attempt: AttemptId,
}

#[derive(Serialize, Deserialize)]
struct Line {
    conversation: String,
    answer: Value,
    /// US dollars.
    cost_usd: f64,
}

impl TurnFile {
    /// Opens what an earlier run left there, or begins it with a new attempt. An end that was cut off while it was written is
    /// left out. Once `stop` is true, the investigation ends after the turn that is under way.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub fn open(path: &Path, new: AttemptId, stop: Arc<AtomicBool>) -> std::io::Result<TurnFile> {
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut lines = text.lines();
        let head = lines.next().and_then(|line| serde_json::from_str::<Head>(line).ok());
        let attempt = head.as_ref().map_or(new, |head| head.attempt);
        let turns: Vec<Line> = match head {
            Some(_) => lines.map_while(|line| serde_json::from_str(line).ok()).collect(),
            None => Vec::new(),
        };
        // Written again as far as it was whole: the next line begins on a line of its own.
        let mut whole = line_of(&Head { attempt })?;
        for turn in &turns {
            whole.extend(line_of(turn)?);
        }
        let mut file = File::create(path)?;
        file.write_all(&whole)?;
        file.sync_data()?;
        Ok(TurnFile { file, path: path.to_owned(), attempt, turns, stop })
    }

    pub fn attempt(&self) -> AttemptId {
        self.attempt
    }

    /// What the turns in it cost, US dollars.
    pub fn cost_usd(&self) -> f64 {
        self.turns.iter().map(|turn| turn.cost_usd).sum()
    }

    /// Removes it: the result of the investigation is kept elsewhere now.
    ///
    /// # Errors
    /// When the file can't be removed.
    pub fn remove(self) -> std::io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    pub(crate) fn turns(&self, conversation: &str) -> Vec<Value> {
        let of_it = self.turns.iter().filter(|turn| turn.conversation == conversation);
        of_it.map(|turn| turn.answer.clone()).collect()
    }

    pub(crate) fn keep(&mut self, turn: autofix::store::Turn<'_>) -> std::io::Result<()> {
        let line = Line {
            conversation: turn.conversation.to_owned(),
            answer: turn.answer.clone(),
            cost_usd: turn.cost_usd,
        };
        self.file.write_all(&line_of(&line)?)?;
        self.file.sync_data()?;
        self.turns.push(line);
        Ok(())
    }

    pub(crate) fn is_to_stop(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

fn line_of(line: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use autofix::store::Turn;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn open(path: &Path) -> TurnFile {
        TurnFile::open(path, AttemptId::new(Timestamp::UNIX_EPOCH), Arc::default()).expect("a file")
    }

    #[test]
    fn finished_turns_and_their_attempt_are_there_again_even_if_the_end_was_cut_off() {
        let path = std::env::temp_dir().join(format!("autofix-turns-{}.jsonl", std::process::id()));
        let mut file = open(&path);
        let first = file.attempt();
        for (number, answer) in [json!({"n": 1}), json!({"n": 2})].iter().enumerate() {
            let turn = Turn { conversation: "fix@1", number, answer, cost_usd: 0.25 };
            file.keep(turn).expect("kept");
        }
        drop(file);
        let whole = std::fs::read_to_string(&path).expect("text");
        std::fs::write(&path, format!("{whole}{{\"conversation\":\"fix@1\",\"ans")).expect("written");
        let mut again = open(&path);
        assert_eq!((again.attempt(), again.cost_usd()), (first, 0.5));
        assert_eq!(again.turns("fix@1"), [json!({"n": 1}), json!({"n": 2})]);
        assert!(again.turns("critic@1").is_empty());
        let turn = Turn { conversation: "fix@1", number: 2, answer: &json!({"n": 3}), cost_usd: 0.0 };
        again.keep(turn).expect("kept");
        assert_eq!(open(&path).turns("fix@1").len(), 3, "a new line is whole after a cut one");
        std::fs::write(&path, "not a head\n").expect("written");
        assert!(open(&path).turns("fix@1").is_empty());
        open(&path).remove().expect("removed");
        assert!(!path.exists());
    }
}
