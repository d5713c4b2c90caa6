//! Pictures of every page, card and dialog, for the documents and for people who want to look.

use std::path::Path;

use anyhow::Context;
use thirtyfour::prelude::*;

use crate::phone::attempts;
use crate::sandbox::{CAME_BACK, DEPLOY, READY, ROLLED_BACK};
use crate::visit::{Scheme, Visit};

/// Of the list's picture in the documents and of the change's, CSS pixels.
const WIDE: u32 = 1200;
const NARROW: u32 = 1280;
/// A desk's screen, a tablet and a phone.
const WIDTHS: [u32; 3] = [1440, 768, 390];
/// Of a page that is taken whole.
const TALLEST: u64 = 7_000;

pub async fn take(visit: &Visit) -> anyhow::Result<()> {
    let folder = visit.pictures.as_deref().context("a folder for pictures")?;
    std::fs::create_dir_all(folder)?;
    all(visit, folder, "/sandbox", "sandbox-empty").await?;
    visit.throw("security", "Manual Review Required").await?;
    visit.throw("fix", READY).await?;
    // Tall enough for a whole card: of an element only what is on the screen is taken.
    visit.looks_through(1280, 2600).await?;
    visit.open("/sandbox").await?;
    let card = visit.driver.find(By::Css(".card")).await?;
    card.screenshot(&folder.join("card.png")).await?;
    all(visit, folder, "/sandbox", "sandbox-ready").await?;
    visit.open("/sandbox").await?;
    visit.click(".card button.danger").await?;
    visit.sees(".dialog").await?;
    all(visit, folder, "/sandbox", "sandbox-dialog").await?;
    visit.open("/sandbox").await?;
    visit.click(".dialog button[value=close]").await?;
    visit.until("the dialog is closed", "!document.querySelector('.dialog')").await?;

    visit.log_in().await?;
    let paths = attempts(visit).await?;
    // The documents' own.
    visit.looks_through(WIDE, 480).await?;
    visit.open("/autofix/").await?;
    shoot(visit, folder, "list").await?;
    visit.looks_through(NARROW, 1080).await?;
    visit.open(&paths[0]).await?;
    shoot(visit, folder, "change").await?;
    for (path, name) in paths.iter().zip(["detail-ready", "detail-refused"]) {
        all(visit, folder, path, name).await?;
    }

    visit.open("/sandbox").await?;
    visit.click(DEPLOY).await?;
    visit.sees_text("#pull-1-state", "Merged").await?;
    all(visit, folder, "/sandbox", "sandbox-merged").await?;
    visit.open("/sandbox").await?;
    visit.click("#go-live").await?;
    visit.sees("#pass-day").await?;
    visit.click("#pass-day").await?;
    visit.sees_text("#aftermath", "The fix holds").await?;
    all(visit, folder, "/sandbox", "sandbox-verified").await?;
    visit.throw("regression", READY).await?;
    visit.click(DEPLOY).await?;
    visit.sees_text("#aftermath", "not live yet").await?;
    visit.click("#go-live").await?;
    visit.click("#come-back").await?;
    visit.sees_text(".card", CAME_BACK).await?;
    all(visit, folder, "/sandbox", "sandbox-came-back").await?;
    visit.log_in().await?; // a day has passed, and a login ends after twelve hours
    all(visit, folder, &attempts(visit).await?[0], "detail-came-back").await?;
    visit.open("/sandbox").await?;
    visit.click(".card .confirm summary").await?;
    visit.click(".card .confirm button").await?;
    visit.sees_text(".card", ROLLED_BACK).await?;
    visit.throw("storm", READY).await?;
    visit.click(".card button.danger").await?;
    visit.sees(".dialog").await?;
    visit.click(".dialog input[type=radio][value=too_risky]").await?;
    visit.click(".dialog button.primary").await?;
    visit.sees_text(".card", "AutoFix dismissed").await?;
    all(visit, folder, "/sandbox", "sandbox-rolled-back-and-dismissed").await?;

    for (path, name) in [
        ("/autofix/", "list"),
        ("/autofix/?status=done", "list-done"),
        ("/autofix/?q=nothing+like+it", "list-no-match"),
        ("/autofix/scoreboard", "scoreboard"),
        ("/autofix/scoreboard?project=another", "scoreboard-empty"),
        ("/autofix/view/none", "not-found"),
    ] {
        all(visit, folder, path, name).await?;
    }
    visit.open("/autofix/").await?;
    visit.click("#log-out").await?;
    all(visit, folder, "/autofix/", "login").await
}

/// A whole page on each screen, light and dark.
async fn all(visit: &Visit, folder: &Path, path: &str, name: &str) -> anyhow::Result<()> {
    for (scheme, word) in [(Scheme::Light, "light"), (Scheme::Dark, "dark")] {
        visit.prefers(scheme).await?;
        for width in WIDTHS {
            visit.looks_through(width, 900).await?;
            visit.open(path).await?;
            visit.sees("main").await?;
            let height = visit.asks("document.documentElement.scrollHeight").await?;
            let height = height.as_u64().unwrap_or(900).clamp(900, TALLEST);
            visit.looks_through(width, u32::try_from(height)?).await?;
            shoot(visit, folder, &format!("{name}-{width}-{word}")).await?;
        }
    }
    visit.prefers(Scheme::Light).await?;
    visit.looks_through(1280, 900).await
}

async fn shoot(visit: &Visit, folder: &Path, name: &str) -> anyhow::Result<()> {
    visit.sees("main").await?;
    Ok(visit.driver.screenshot(&folder.join(format!("{name}.png"))).await?)
}
