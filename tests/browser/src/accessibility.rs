//! What axe-core, the checker that most audits of accessibility use, says about each page.

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::phone::{self, attempts};
use crate::sandbox::{DEPLOY, READY};
use crate::visit::{Scheme, Visit};

/// Runs it on the page. Everything that axe-core knows counts, also what it calls minor.
const RUN: &str = "return axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map(rule => \
    `${rule.impact}: ${rule.id}: ${rule.help}\\n` + rule.nodes.map(node => \
    `    ${node.target.join(' ')}\\n      ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message}`).join('\\n')))";

pub async fn clean(visit: &Visit) -> anyhow::Result<()> {
    let axe = std::fs::read_to_string(&visit.axe).context("read axe-core")?;
    let check = async |path: &str| check(visit, &axe, path).await;
    check("/autofix/").await?;
    check("/sandbox").await?;
    visit.throw("security", "Manual Review Required").await?;
    visit.throw("fix", READY).await?;
    visit.click(".card button.danger").await?;
    visit.sees(".dialog").await?;
    check("/sandbox").await?;
    visit.click(DEPLOY).await?;
    visit.click("#go-live").await?;
    visit.sees("#come-back").await?;
    check("/sandbox").await?;
    visit.log_in().await?;
    for path in ["/autofix/", "/autofix/?q=nothing+like+it", "/autofix/scoreboard", "/autofix/view/none"] {
        check(path).await?;
    }
    for path in attempts(visit).await? {
        check(&path).await?;
    }
    visit.open("/autofix/").await?;
    visit.click("#log-out").await?;
    visit.types("#token", "wrong\n").await?;
    visit.sees("#login-error").await?;
    check_shown(visit, &axe, "a login that was refused").await
}

async fn check(visit: &Visit, axe: &str, path: &str) -> anyhow::Result<()> {
    visit.open(path).await?;
    visit.sees("h1").await?;
    check_shown(visit, axe, path).await
}

async fn check_shown(visit: &Visit, axe: &str, what: &str) -> anyhow::Result<()> {
    visit.driver.execute(axe, vec![]).await.context("load axe-core into the page")?;
    for (scheme, width) in [(Scheme::Light, 1280), (Scheme::Dark, 1280), (Scheme::Dark, phone::WIDTH)] {
        visit.prefers(scheme).await?;
        visit.looks_through(width, 900).await?;
        let found = visit.driver.execute(RUN, vec![]).await.context("run axe-core")?;
        let found = found.json().as_array().context("axe-core answers with a list")?.clone();
        let found: Vec<&str> = found.iter().filter_map(Value::as_str).collect();
        ensure!(found.is_empty(), "{what}, {scheme:?}, {width} pixels wide:\n{}", found.join("\n"));
    }
    visit.prefers(Scheme::Light).await?;
    visit.looks_through(1280, 900).await
}
