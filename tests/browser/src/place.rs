//! A sandbox as a process of its own, in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use anyhow::Context;

/// Ample, because a shared build machine may pause for long.
const START: Duration = Duration::from_secs(60);

/// The command that opens the sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// `autofix serve --sandbox`, in which nothing has happened yet.
    Served,
    /// `autofix demo`, in which a fix is merged by itself.
    WithADemo,
}

impl Opened {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Opened::Served => &["serve", "--sandbox", "--port", "0", "--data", "data"],
            Opened::WithADemo => &["demo", "--yes", "--stay", "--data", "data"],
        }
    }
}

/// Ends with its owner.
pub struct Place {
    process: Child,
    folder: PathBuf,
    /// Without a slash at its end.
    pub address: String,
}

impl Place {
    /// # Errors
    /// When it does not say within a minute where it listens.
    pub fn open(autofix: &Path, opened: Opened) -> anyhow::Result<Place> {
        static PLACES: AtomicUsize = AtomicUsize::new(0);
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("autofix-browser-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let log = std::fs::File::create(folder.join("log"))?;
        let mut process = Command::new(autofix.canonicalize().context("find `autofix`")?)
            .args(opened.arguments())
            .current_dir(&folder)
            .env_clear() // the settings of whoever runs this are not the sandbox's
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("start `autofix`")?;
        let output = process.stdout.take().context("standard output was asked for")?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || tell_address(BufReader::new(output), &sender));
        let mut place = Place { process, folder, address: String::new() };
        place.address = receiver.recv_timeout(START).context("`autofix` did not say where it listens")?;
        Ok(place)
    }
}

/// Sends the address when it stands there, and goes on reading so that the process can go on writing.
fn tell_address(output: impl BufRead, sender: &Sender<String>) {
    for line in output.lines().map_while(Result::ok) {
        if let Some(address) = line.trim().strip_suffix("/sandbox").filter(|text| text.starts_with("http")) {
            let _ = sender.send(address.to_owned()); // nobody waits any longer: then nobody needs it
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
