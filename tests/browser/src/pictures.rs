//! Pictures of the pages, for the documents and for people who want to look.

use std::path::Path;

use anyhow::Context;
use thirtyfour::prelude::*;

use crate::phone::{self, attempts};
use crate::sandbox::{DEPLOY, READY};
use crate::visit::{Scheme, Visit};

/// Of the list's picture and the others', CSS pixels.
const WIDE: u32 = 1200;
const NARROW: u32 = 1000;

pub async fn take(visit: &Visit) -> anyhow::Result<()> {
    let folder = visit.pictures.as_deref().context("a folder for pictures")?;
    std::fs::create_dir_all(folder)?;
    // Tall enough for a whole card: of an element only what is on the screen is taken.
    visit.looks_through(1280, 1800).await?;
    visit.throw("security", "Manual Review Required").await?;
    visit.throw("fix", READY).await?;
    visit.open("/sandbox").await?;
    let card = visit.driver.find(By::Css(".card")).await?;
    card.screenshot(&folder.join("card.png")).await?;
    all(visit, folder, "/sandbox", ("sandbox", WIDE, 900)).await?;
    visit.click(".card button.danger").await?;
    visit.sees(".dialog").await?;
    shoot(visit, folder, "dialog").await?;
    visit.click(".dialog button[value=close]").await?;
    visit.until("the dialog is closed", "!document.querySelector('.dialog')").await?;
    visit.click(DEPLOY).await?;
    visit.sees_text("#pull-1-state", "merged").await?;
    shoot(visit, folder, "merged").await?;
    visit.log_in().await?;
    all(visit, folder, "/autofix/", ("list", WIDE, 440)).await?;
    for (path, name) in attempts(visit).await?.iter().zip(["detail", "refused"]) {
        all(visit, folder, path, (name, NARROW, 1100)).await?;
    }
    // The change in the middle of what led to it.
    visit.looks_through(NARROW, 820).await?;
    visit.open(&attempts(visit).await?[0]).await?;
    visit.asks("document.getElementById('analysis').scrollIntoView()").await?;
    shoot(visit, folder, "change").await?;
    all(visit, folder, "/autofix/scoreboard", ("scoreboard", WIDE, 1100)).await?;
    visit.click("#log-out").await?;
    all(visit, folder, "/autofix/", ("login", NARROW, 420)).await
}

/// A page as a laptop and as a phone show it, light and dark.
async fn all(
    visit: &Visit,
    folder: &Path,
    path: &str,
    (name, width, height): (&str, u32, u32),
) -> anyhow::Result<()> {
    for (scheme, ending) in [(Scheme::Light, ""), (Scheme::Dark, "-dark")] {
        visit.prefers(scheme).await?;
        visit.looks_through(width, height).await?;
        visit.open(path).await?;
        shoot(visit, folder, &format!("{name}{ending}")).await?;
    }
    visit.prefers(Scheme::Light).await?;
    visit.looks_through(phone::WIDTH, 1600).await?;
    visit.open(path).await?;
    shoot(visit, folder, &format!("{name}-phone")).await?;
    visit.looks_through(1280, 900).await
}

async fn shoot(visit: &Visit, folder: &Path, name: &str) -> anyhow::Result<()> {
    visit.sees("h1").await?;
    Ok(visit.driver.screenshot(&folder.join(format!("{name}.png"))).await?)
}
