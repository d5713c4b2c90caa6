//! The sandbox as a newcomer uses it.

use anyhow::ensure;
use thirtyfour::prelude::*;

use crate::visit::{Network, Scripts, Visit};

/// What the card says when it can be decided on, and after the merge.
pub const READY: &str = "AutoFix: CTO Review Complete - Ready to Deploy";
const DEPLOYED: &str = "Merged";
pub const CAME_BACK: &str = "AutoFix: the error came back";
pub const ROLLED_BACK: &str = "AutoFix rolled back";
const LEFT_TO_PEOPLE: &str = "AutoFix: Manual Review Required";
pub const DEPLOY: &str = ".card button.primary";
const DISMISS: &str = ".card button.danger";

pub async fn deploy(visit: &Visit) -> anyhow::Result<()> {
    visit.open("/sandbox").await?;
    visit.sees("#no-cards").await?;
    visit.click("#throw-fix").await?;
    visit.sees_text("#log", "to AutoFix: 1 accepted.").await?;
    // Gone when the page is loaded anew: what comes now comes by itself.
    visit.asks("window.loadedOnce = true").await?;
    visit.sees_text(".card", READY).await?;
    visit.sees_text("#pull-1-state", "Open").await?;
    ensure!(visit.asks("window.loadedOnce").await? == true, "the card came only with a new page");
    visit.sees_text("#live-status", "").await?;
    visit.click(DEPLOY).await?;
    visit.sees_text("#pull-1-state", "Merged").await?;
    visit.sees_text(".card", DEPLOYED).await?;
    visit.sees_text("#log", "You pressed “🚀 Deploy Live”: AutoFix answered 200.").await?;
    visit
        .until("the card has no button to decide with", &format!("!document.querySelector({DEPLOY:?})"))
        .await
}

pub async fn dismiss(visit: &Visit) -> anyhow::Result<()> {
    visit.throw("fix", READY).await?;
    visit.click(DISMISS).await?;
    visit.sees(".dialog").await?;
    // Without a reason it is not sent, and the dialog says so where it is missing.
    visit.click(".dialog button.primary").await?;
    visit.until("the choice is asked for", "document.querySelector('.dialog input:invalid')").await?;
    visit.click(".dialog input[type=radio][value=will_fix_myself]").await?;
    visit.types(".dialog textarea", "Ours is nearly done").await?;
    // While somebody fills it in, nothing may be taken out of their hands.
    visit.asks("window.typedAt = performance.now()").await?;
    visit.until("the page has looked again", "performance.now() - window.typedAt > 2500").await?;
    let kept = visit.asks("document.querySelector('.dialog textarea').value").await?;
    ensure!(kept == "Ours is nearly done", "the page's refresh took away what was typed: {kept}");
    // Nor when another card comes meanwhile.
    let other = visit.another(Scripts::Run).await?;
    let thrown = other.throw("security", LEFT_TO_PEOPLE).await;
    other.end().await?;
    thrown?;
    visit.until("the other card is there", "document.querySelectorAll('.card').length === 2").await?;
    let kept = visit.asks("document.querySelector('.dialog textarea').value").await?;
    ensure!(kept == "Ours is nearly done", "another card took away what was typed: {kept}");
    let chosen = visit.asks("document.querySelector('.dialog input:checked').value").await?;
    ensure!(chosen == "will_fix_myself", "another card took away what was chosen: {chosen}");
    visit.click(".dialog button.primary").await?;
    visit.sees_text("#pull-1-state", "Closed").await?;
    visit.sees_text(".card", "AutoFix dismissed").await?;
    visit.sees_text(".card", "Ours is nearly done").await?;
    visit.until("the dialog is closed", "!document.querySelector('.dialog')").await
}

pub async fn left_to_people(visit: &Visit) -> anyhow::Result<()> {
    visit.throw("security", LEFT_TO_PEOPLE).await?;
    visit.sees("#no-pulls").await?;
    ensure!(visit.count(DEPLOY).await? == 0, "there is something to deploy");
    visit.click("#throw-storm").await?;
    visit.sees_text("#log", "1 accepted, 99 recognised as known.").await?;
    visit.sees_text(".card", READY).await
}

/// A press changes the page where one is, and says what it did. Without a server nothing can be pressed.
pub async fn stays(visit: &Visit) -> anyhow::Result<()> {
    visit.throw("fix", READY).await?;
    visit.looks_through(390, 700).await?;
    visit.asks("window.loadedOnce = true").await?;
    visit.asks(&format!("document.querySelector({DEPLOY:?}).scrollIntoView()")).await?;
    let before = visit.asks("scrollY").await?;
    visit.click(DEPLOY).await?;
    visit.sees_text(".card", DEPLOYED).await?;
    visit.until("the changed card is marked", "document.querySelector('.card.changed')").await?;
    ensure!(visit.asks("window.loadedOnce").await? == true, "a press loads the page again");
    ensure!(before.as_f64() > Some(0.0), "the button is below the first screen");
    let steps = "document.querySelectorAll('.steps .done').length === 6";
    visit.until("the steps are done up to the decision", steps).await?;

    visit.network(Network::Off).await?;
    visit.sees_text("#live-status", "Disconnected. Last update at").await?;
    visit
        .until(
            "nothing can be pressed",
            "![...document.querySelectorAll('main form button')].some(one => one.checkVisibility())",
        )
        .await?;
    visit.network(Network::On).await?;
    visit.until("it is connected again", "!document.body.matches('.offline')").await?;
    visit.sees("#throw-fix").await
}

/// What comes after the merge, up to the click that takes the fix back.
pub async fn roll_back(visit: &Visit) -> anyhow::Result<()> {
    visit.throw("regression", READY).await?;
    ensure!(visit.count("#come-back").await? == 0, "nothing is merged that could fail");
    visit.click(DEPLOY).await?;
    visit.sees_text("#aftermath", "not live yet").await?;
    visit.click("#go-live").await?;
    visit.sees_text("#aftermath", "runs in production").await?;
    visit.sees_text(".card", "Live since").await?;
    visit.click("#come-back").await?;
    visit.sees_text(".card", CAME_BACK).await?;
    // Slack asks for a confirmation first.
    visit.click(".card .confirm summary").await?;
    visit.click(".card .confirm button").await?;
    visit.sees_text(".card", ROLLED_BACK).await?;
    visit.sees_text("#pull-2-state", "Merged").await?;
    visit.sees_text("#aftermath", "was taken back").await?;
    visit.sees("#pass-hour").await
}

/// With the command `demo`, which has thrown its error and pressed Deploy by itself.
pub async fn demo(visit: &Visit) -> anyhow::Result<()> {
    visit.open("/sandbox").await?;
    visit.sees_text("#pull-1-state", "Merged").await?;
    visit.sees_text(".card", DEPLOYED).await?;
    visit.sees("#go-live").await?;
    visit.throw("security", LEFT_TO_PEOPLE).await?;
    visit.log_in().await?;
    visit.sees_text("#list", "Merged").await
}

/// Refreshing is then a link.
pub async fn without_script(visit: &Visit) -> anyhow::Result<()> {
    let other = visit.another(Scripts::Blocked).await?;
    let done = by_links(&other).await;
    other.end().await?;
    done
}

async fn by_links(visit: &Visit) -> anyhow::Result<()> {
    visit.open("/sandbox").await?;
    ensure!(!visit.driver.find(By::Id("live-toggle")).await?.is_displayed().await?, "a button without a use");
    visit.click("#throw-fix").await?;
    refresh_until(visit, DEPLOY).await?;
    visit.click(DEPLOY).await?;
    refresh_until(visit, "#pull-1-state.merged").await
}

async fn refresh_until(visit: &Visit, selector: &str) -> anyhow::Result<()> {
    for _ in 0..300 {
        if !visit.driver.find_all(By::Css(selector)).await?.is_empty() {
            return Ok(());
        }
        visit.click("#refresh").await?;
    }
    anyhow::bail!("{selector} did not come, however often the page was refreshed")
}
