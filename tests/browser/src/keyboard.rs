//! Everything with the keyboard alone.

use anyhow::{Context, ensure};
use serde_json::Value;
use thirtyfour::prelude::*;

use crate::sandbox::READY;
use crate::visit::Visit;

/// Presses of Tab after which what is looked for is called out of reach.
const STEPS: usize = 120;

/// Words for where the focus is, and whether one sees it.
const FOCUS: &str = "(() => { const one = document.activeElement; const style = getComputedStyle(one); \
    return { what: one.id || one.className || one.tagName.toLowerCase(), \
             seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 }; })()";

pub async fn alone(visit: &Visit) -> anyhow::Result<()> {
    visit.open("/sandbox").await?;
    tab_to(visit, "throw-fix").await?;
    visit.press(Key::Enter).await?;
    visit.sees_text(".card", READY).await?;
    // The card's own buttons; the page refreshes itself all the while and must not lose the focus.
    tab_until(visit, "Deploy", "document.activeElement.matches('.card button.primary')").await?;
    let held = visit.asks("document.activeElement.id").await?;
    visit.asks("window.arrived = performance.now()").await?;
    visit.until("the page has looked again", "performance.now() - window.arrived > 2500").await?;
    ensure!(visit.asks("document.activeElement.id").await? == held, "the refresh took the focus away");
    visit.press(Key::Enter).await?;
    visit.sees_text("#pull-1-state", "Merged").await?;

    visit.log_in().await?;
    visit.open("/autofix/").await?;
    // The first stop leads past what is the same on each page.
    visit.press(Key::Tab).await?;
    visit
        .until("the way past the navigation is shown", "document.activeElement.matches('.skip:focus')")
        .await?;
    visit.press(Key::Enter).await?;
    visit.until("the focus is in the page's main part", "document.activeElement.id === 'main'").await?;
    visit.open("/autofix/").await?;
    let mut passed = Vec::new();
    for stop in
        ["nav-list", "nav-scoreboard", "log-out", "refresh", "live-toggle", "tab-needs_you", "q", "project"]
    {
        passed.extend(tab_to(visit, stop).await?);
    }
    tab_until(visit, "the first attempt", "document.activeElement.id.startsWith('attempt-')").await?;
    visit.press(Key::Enter).await?;
    visit.sees_text("#summary", "Merged").await?;
    // What scrolls sideways can be scrolled with the keyboard, too.
    tab_until(visit, "the change", "document.activeElement.matches('#change .scroll')").await
}

/// Presses Tab until the element with this id has the focus. Returns what had it before.
async fn tab_to(visit: &Visit, id: &str) -> anyhow::Result<Vec<String>> {
    let mut passed = Vec::new();
    for _ in 0..STEPS {
        visit.press(Key::Tab).await?;
        let focus = visible_focus(visit).await?;
        if focus == id {
            return Ok(passed);
        }
        passed.push(focus);
    }
    anyhow::bail!("`{id}` is not reached with Tab; it went through {passed:?}")
}

async fn tab_until(visit: &Visit, what: &str, reached: &str) -> anyhow::Result<()> {
    for _ in 0..STEPS {
        visit.press(Key::Tab).await?;
        visible_focus(visit).await?;
        if visit.asks(reached).await? == Value::Bool(true) {
            return Ok(());
        }
    }
    anyhow::bail!("{what} is not reached with Tab")
}

async fn visible_focus(visit: &Visit) -> anyhow::Result<String> {
    let focus = visit.asks(FOCUS).await?;
    let what = focus["what"].as_str().context("the focus is somewhere")?.to_owned();
    // Past the last element the focus is on the page as a whole.
    ensure!(focus["seen"] == true || what == "body", "one does not see that `{what}` has the focus");
    Ok(what)
}
