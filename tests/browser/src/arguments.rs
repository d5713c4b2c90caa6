//! What `.ci/browser` passes on.

use std::path::PathBuf;

use anyhow::{Context, bail};

/// Where everything is.
pub struct Arguments {
    /// Address of a WebDriver server.
    pub driver: String,
    /// The browser's program.
    pub browser: PathBuf,
    /// The program `autofix`.
    pub autofix: PathBuf,
    /// The file `axe.min.js`.
    pub axe: PathBuf,
    /// Folder for pictures, where some are wanted.
    pub pictures: Option<PathBuf>,
    /// Part of the names of the stories that are told; all have the empty one.
    pub wanted: String,
}

impl Arguments {
    /// # Errors
    /// Without one of the first four, or with something else.
    pub fn read() -> anyhow::Result<Arguments> {
        let (mut driver, mut browser, mut autofix, mut axe) = (None, None, None, None);
        let (mut pictures, mut wanted) = (None, String::new());
        let mut rest = std::env::args().skip(1);
        while let Some(name) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("`{name}` needs a value"));
            match name.as_str() {
                "--driver" => driver = Some(value()?),
                "--browser" => browser = Some(value()?.into()),
                "--autofix" => autofix = Some(value()?.into()),
                "--axe" => axe = Some(value()?.into()),
                "--screenshots" => pictures = Some(value()?.into()),
                _ if !name.starts_with('-') && wanted.is_empty() => wanted = name,
                _ => bail!("`{name}` means nothing here; start this with `.ci/browser`"),
            }
        }
        let missing = |name| format!("`{name}` is missing; start this with `.ci/browser`");
        Ok(Arguments {
            driver: driver.with_context(|| missing("--driver"))?,
            browser: browser.with_context(|| missing("--browser"))?,
            autofix: autofix.with_context(|| missing("--autofix"))?,
            axe: axe.with_context(|| missing("--axe"))?,
            pictures,
            wanted,
        })
    }
}
