//! A phone's screen: nothing has to be scrolled sideways to be read, but what says so.

use anyhow::ensure;

use crate::sandbox::READY;
use crate::visit::Visit;

/// CSS pixels of a small phone.
pub const WIDTH: u32 = 360;
pub const HEIGHT: u32 = 740;

/// What reaches over the screen's edge without being in something that scrolls by itself.
const TOO_WIDE: &str = "[...document.querySelectorAll('body *')].filter(one => { \
    const box = one.getBoundingClientRect(); \
    return box.right > document.documentElement.clientWidth + 1 && one.checkVisibility() \
        && !one.closest('.scroll, .visually-hidden, .skip, .list thead, .diff thead'); \
    }).map(one => one.tagName + '.' + one.className + ' ' + one.innerText?.slice(0, 40))";

pub async fn fits(visit: &Visit) -> anyhow::Result<()> {
    visit.looks_through(WIDTH, HEIGHT).await?;
    check(visit, "/autofix/").await?;
    check(visit, "/sandbox").await?;
    visit.throw("security", "Manual Review Required").await?;
    visit.throw("fix", READY).await?;
    check(visit, "/sandbox").await?;
    visit.log_in().await?;
    for path in ["/autofix/", "/autofix/scoreboard"] {
        check(visit, path).await?;
    }
    for path in attempts(visit).await? {
        check(visit, &path).await?;
    }
    Ok(())
}

/// Addresses of the attempts on the list, newest first.
pub async fn attempts(visit: &Visit) -> anyhow::Result<Vec<String>> {
    visit.open("/autofix/").await?;
    visit.sees("#list").await?;
    let links = visit.asks("[...document.querySelectorAll('#list th a')].map(one => one.pathname)").await?;
    Ok(serde_json::from_value(links)?)
}

async fn check(visit: &Visit, path: &str) -> anyhow::Result<()> {
    visit.open(path).await?;
    visit.sees("h1").await?;
    let wide = visit.asks(TOO_WIDE).await?;
    let scrolls = visit.asks("document.documentElement.scrollWidth - innerWidth").await?;
    let width = visit.asks("innerWidth").await?;
    ensure!(width == WIDTH, "{path} makes the screen {width} pixels wide");
    ensure!(scrolls == 0 && wide == serde_json::json!([]), "{path} is {scrolls} pixels too wide: {wide:#}");
    Ok(())
}
