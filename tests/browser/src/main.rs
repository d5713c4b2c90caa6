//! AutoFix's pages in a real browser: what a person sees, clicks, types and hears of, with `autofix serve --sandbox` or
//! `autofix demo` behind it. `.ci/browser` starts this; it needs Chromium and its driver, so it is a program of its own.
//!
//! Each story has a sandbox and a browser of its own. After each, the browser's console must be empty: a script that
//! fails and a rule of the Content-Security-Policy that is hurt end up there.

#![allow(clippy::print_stdout, reason = "it tells what it does")]

mod accessibility;
mod arguments;
mod keyboard;
mod pages;
mod phone;
mod pictures;
mod place;
mod sandbox;
mod visit;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;

use arguments::Arguments;
use place::{Opened, Place};
use visit::Visit;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut stories = Stories { arguments: Arguments::read()?, told: 0, failed: 0 };
    stories.tell("an error is thrown, its card arrives by itself, Deploy merges", sandbox::deploy).await;
    stories.tell("Dismiss asks why in a dialog and closes the pull request", sandbox::dismiss).await;
    stories.tell("a fault for people arrives without a Deploy button", sandbox::left_to_people).await;
    stories
        .tell("a press stays where it is, and without a server there are no buttons", sandbox::stays)
        .await;
    stories
        .tell("without a script the sandbox works by its links and buttons", sandbox::without_script)
        .await;
    stories.tell("a merged fix does not hold, and Roll back takes it back", sandbox::roll_back).await;
    stories.tell_of_demo("the demo's story is on its page, which works on after it", sandbox::demo).await;
    stories.tell("the token opens the page, a wrong one does not, logging out closes it", pages::login).await;
    stories.tell("attempts are listed, filtered, found and opened", pages::list).await;
    stories.tell("a card's link shows its attempt to whoever has it, and nothing else", pages::link).await;
    stories.tell("a fix is proved on its card and its page, which leads back", pages::proved).await;
    stories.tell("the list keeps itself up to date until told not to", pages::live).await;
    stories.tell("everything can be reached and pressed with a keyboard alone", keyboard::alone).await;
    stories.tell("no page is wider than a phone", phone::fits).await;
    stories.tell("axe-core finds nothing to complain of, light and dark", accessibility::clean).await;
    if stories.arguments.pictures.is_some() {
        stories.tell("pictures are taken", pictures::take).await;
    }
    println!("\n{} of {} stories went well", stories.told - stories.failed, stories.told);
    anyhow::ensure!(stories.told > 0, "no story has `{}` in its name", stories.arguments.wanted);
    Ok(if stories.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells stories one after the other, and counts.
struct Stories {
    arguments: Arguments,
    told: usize,
    failed: usize,
}

impl Stories {
    async fn tell(&mut self, name: &str, story: impl AsyncFnOnce(&Visit) -> anyhow::Result<()>) {
        self.tell_in(Opened::Served, name, story).await;
    }

    async fn tell_of_demo(&mut self, name: &str, story: impl AsyncFnOnce(&Visit) -> anyhow::Result<()>) {
        self.tell_in(Opened::WithADemo, name, story).await;
    }

    async fn tell_in(
        &mut self,
        opened: Opened,
        name: &str,
        story: impl AsyncFnOnce(&Visit) -> anyhow::Result<()>,
    ) {
        if !name.contains(&self.arguments.wanted) {
            return;
        }
        let begun = Instant::now();
        let told = self.play(opened, story).await;
        self.told += 1;
        let seconds = begun.elapsed().as_secs_f64();
        match told {
            Ok(()) => println!("ok      {seconds:6.1} s  {name}"),
            Err(error) => {
                self.failed += 1;
                println!("FAILED  {seconds:6.1} s  {name}");
                error.chain().for_each(|cause| println!("{cause}"));
            }
        }
    }

    async fn play(
        &self,
        opened: Opened,
        story: impl AsyncFnOnce(&Visit) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let place = Place::open(&self.arguments.autofix, opened).context("start the sandbox")?;
        let visit = Visit::begin(&self.arguments, &place.address).await.context("start the browser")?;
        let mut told = story(&visit).await;
        if told.is_ok() {
            told = visit.console_is_empty().await;
        }
        if told.is_err() {
            let seen = visit.seen().await.unwrap_or_else(|error| format!("nothing: {error:#}"));
            told = told.with_context(|| format!("the browser was at {seen}\n"));
        }
        visit.end().await.context("end the browser")?;
        told
    }
}
