//! The page of people on call: logging in, the list, one attempt, the scoreboard, the link on a card.

use anyhow::{Context, ensure};
use thirtyfour::prelude::*;

use crate::sandbox::READY;
use crate::visit::{API_TOKEN, Scripts, Visit};

/// The card's link to its attempt.
const DETAILS: &str = ".card a[href*='seal=']";

pub async fn login(visit: &Visit) -> anyhow::Result<()> {
    visit.open("/autofix/scoreboard").await?;
    let focused = visit.asks("document.activeElement.id").await?;
    ensure!(focused == "token", "one can type at once, and the focus is on `{focused}`");
    visit.types("#token", "wrong").await?;
    visit.press(Key::Enter).await?;
    visit.sees_text("#login-error", "This is not the API token.").await?;
    visit.types("#token", API_TOKEN).await?;
    visit.press(Key::Enter).await?;
    // One is where one wanted to be.
    visit.sees_text("h1", "Scoreboard").await?;
    let cookie = visit.asks("document.cookie").await?;
    ensure!(cookie == "", "a script can read the session: {cookie}");
    visit.click("#nav-list").await?;
    visit.sees("#no-attempts").await?;
    visit.click("#log-out").await?;
    visit.sees("#token").await?;
    visit.open("/autofix/").await?;
    visit.sees("#token").await
}

pub async fn list(visit: &Visit) -> anyhow::Result<()> {
    visit.throw("security", "Manual Review Required").await?;
    visit.throw("fix", READY).await?;
    visit.log_in().await?;
    rows(visit, 2).await?;
    // By group.
    visit.click("#tab-left_to_you").await?;
    rows(visit, 1).await?;
    visit.sees_text("#list tbody", "KeyError").await?;
    visit.click("#tab-all").await?;
    rows(visit, 2).await?;
    // By words.
    visit.types("#q", "LABELS.py").await?;
    visit.press(Key::Enter).await?;
    rows(visit, 1).await?;
    visit.sees_text("#list tbody", "AttributeError").await?;
    visit.types("#q", "nothing like it").await?;
    visit.press(Key::Enter).await?;
    visit.sees_text("#no-attempts", "No attempt matches.").await?;
    visit.click("#clear").await?;
    visit.types("#project", "bookshop").await?;
    visit.press(Key::Enter).await?;
    rows(visit, 2).await?;
    // One of them.
    visit.driver.find(By::LinkText("AttributeError")).await?.click().await?;
    for (section, text) in [
        ("#summary", "Ready to deploy"),
        ("#analysis", "Root cause"),
        ("#change", "or \"\").strip()"),
        ("#evidence", "def address_lines"),
        ("#gates", "gates passed"),
        ("#critic", "approves"),
        ("#timeline", "Pull request #1"),
        ("#cost", "All steps"),
        ("#next", "It is your decision"),
    ] {
        visit.sees_text(section, text).await?;
    }
    let marked =
        visit.asks("getComputedStyle(document.querySelector('#change ins mark')).backgroundColor").await?;
    ensure!(marked != "rgba(0, 0, 0, 0)", "what changed in a line is not set apart");
    visit.driver.back().await?;
    rows(visit, 2).await?;
    visit.click("#nav-scoreboard").await?;
    visit.sees_text("#funnel", "Of 2 errors, a fix was shown for 1").await?;
    visit.sees("#by-week svg rect").await
}

pub async fn link(visit: &Visit) -> anyhow::Result<()> {
    visit.throw("security", "Manual Review Required").await?;
    visit.throw("fix", READY).await?;
    let address = visit.asks(&format!("document.querySelector({DETAILS:?}).href")).await?;
    let address = address.as_str().context("the card has a link to its attempt")?;
    let guest = visit.another(Scripts::Run).await?;
    let done = as_guest(&guest, address).await;
    let console = guest.console_is_empty().await;
    guest.end().await?;
    done.and(console)
}

/// From the card to the attempt's page and back to the sandbox, by links alone.
pub async fn proved(visit: &Visit) -> anyhow::Result<()> {
    visit.throw("fix", READY).await?;
    visit.sees_text(".card", "🧪 Proved").await?;
    visit.sees_text(".card", "Regression test").await?;
    visit.click(DETAILS).await?;
    visit.sees_text("#proof", "Proved").await?;
    visit.sees_text("#proof li", "tests failed without the fix").await?;
    visit.sees_text("#proof li", "tests passed with the fix").await?;
    visit.click("#proof-test summary").await?;
    visit.sees_text("#proof-test", "def test_").await?;
    visit.sees_text("#cost th", "regression test").await?;
    visit.click("#nav-sandbox").await?;
    visit.sees_text(".card", "🧪 Proved").await?;
    visit.log_in().await?;
    visit.click("#nav-sandbox").await?;
    visit.sees("#throw-fix").await
}

async fn as_guest(guest: &Visit, address: &str) -> anyhow::Result<()> {
    guest.driver.goto(address).await?;
    guest.sees_text("#summary", "Ready to deploy").await?;
    ensure!(guest.count("#log-out").await? == 0, "a guest has not logged in");
    guest.click("#nav-list").await?;
    guest.sees("#token").await?;
    // Another attempt is not opened by this link.
    let (page, seal) = address.split_once('?').context("the link is sealed")?;
    let other = match page.strip_suffix(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        Some(most) => format!("{most}a?{seal}"),
        None => format!("{}0?{seal}", &page[..page.len() - 1]),
    };
    guest.driver.goto(other).await?;
    guest.sees("#token").await
}

pub async fn live(visit: &Visit) -> anyhow::Result<()> {
    visit.log_in().await?;
    visit.sees("#no-attempts").await?;
    visit.asks("window.loadedOnce = true").await?;
    let other = visit.another(Scripts::Run).await?;
    let thrown = other.throw("fix", READY).await;
    other.end().await?;
    thrown?;
    // It looks every 15 seconds.
    rows(visit, 1).await?;
    ensure!(visit.asks("window.loadedOnce").await? == true, "the row came only with a new page");
    visit.until("the change is announced", "document.getElementById('live-status').textContent").await?;
    // Off, and on again: then it looks at once.
    visit.click("#live-toggle").await?;
    visit.until("it is off", "document.querySelector('#live-toggle[aria-pressed=false]')").await?;
    let other = visit.another(Scripts::Run).await?;
    let thrown = other.throw("security", "Manual Review Required").await;
    other.end().await?;
    thrown?;
    ensure!(visit.count("#list tbody tr").await? == 1, "it looks although it was told not to");
    visit.click("#live-toggle").await?;
    rows(visit, 2).await
}

async fn rows(visit: &Visit, count: u64) -> anyhow::Result<()> {
    let rows = "document.querySelectorAll('#list tbody tr').length";
    visit.until(&format!("{count} attempts are listed"), &format!("{rows} === {count}")).await
}
