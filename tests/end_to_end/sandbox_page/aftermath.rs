//! What comes after a merge, as one lets it happen on the page: a fix holds, or does not and is rolled back.

use autofix::messages::{DEPLOY, ROLL_BACK};

use super::visitor::{Visitor, press_forms, steps};
use crate::page::html::shown;
use crate::world::{REPO, Scenario, World, assert_says};

/// A step happens, AutoFix's clock runs, and everything settles; the page then.
async fn goes_on(world: &World, visitor: &Visitor, step: &str) -> String {
    visitor.goes_on(step).await;
    world.process.tick().await;
    world.settle().await;
    visitor.page().await
}

/// A button of the only card that has one.
async fn presses(world: &World, visitor: &Visitor, action: &str) -> String {
    let forms = press_forms(&visitor.page().await, action);
    assert_eq!(forms.len(), 1, "{forms:?}");
    visitor.presses(&forms[0]).await;
    world.settle().await;
    visitor.page().await
}

/// A fix that is merged and, as the page says, not live yet.
async fn merged(world: &World, visitor: &Visitor) {
    visitor.throws(Scenario::Regression).await;
    world.settle().await;
    let page = presses(world, visitor, DEPLOY).await;
    assert!(shown(&page).contains("and not live yet."), "{page}");
    assert_eq!(steps(&page), ["go-live"]);
}

fn returns(world: &World) -> Vec<u8> {
    world.sandbox.github.file_at(REPO, "main", Scenario::Regression.file()).unwrap().unwrap()
}

#[tokio::test]
async fn a_fix_that_does_not_hold_is_rolled_back_by_a_press_on_the_page() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    let page = visitor.page().await;
    assert!(steps(&page).is_empty(), "nothing is merged: {page}");
    let broken = returns(&world);
    merged(&world, &visitor).await;
    assert_ne!(returns(&world), broken);

    let page = goes_on(&world, &visitor, "go-live").await;
    let seen = shown(&page);
    assert!(seen.contains("The fix is live") && seen.contains("🟢 Live since"), "{seen}");
    assert_eq!(steps(&page), ["pass-day", "come-back"]);
    assert!(press_forms(&page, ROLL_BACK).is_empty());

    let seen = shown(&goes_on(&world, &visitor, "come-back").await);
    assert_says(
        &seen,
        &[
            "🔥 AutoFix: the error came back",
            "Roll back on the card in Slack.",
            "Sentry saw “AttributeError",
            "2 events",
        ],
    );

    let page = presses(&world, &visitor, ROLL_BACK).await;
    let seen = shown(&page);
    assert_says(&seen, &["AutoFix rolled back", "#2 merged", "The fix did not hold and was taken back."]);
    assert_eq!(returns(&world), broken, "the file is as it was before the fix");
    assert_eq!(steps(&page), ["pass-hour"]);

    // An hour later the error is looked at again; the same change is not opened twice.
    let seen = shown(&goes_on(&world, &visitor, "pass-hour").await);
    assert!(seen.contains("with which the error came back. A person has to look."), "{seen}");
    assert_eq!(world.pull_requests().len(), 2);
}

#[tokio::test]
async fn a_fix_that_holds_for_a_day_is_verified_and_what_comes_later_is_a_new_attempt() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    merged(&world, &visitor).await;
    goes_on(&world, &visitor, "go-live").await;
    let seen = shown(&goes_on(&world, &visitor, "pass-day").await);
    assert_says(&seen, &["The error has not come back.", "The fix holds:", "resolved bookshop · 1 event"]);

    let seen = shown(&goes_on(&world, &visitor, "come-back").await);
    assert!(seen.contains("Sentry told AutoFix that the issue is unresolved again: 1 accepted."), "{seen}");
    assert_eq!(world.cards().len(), 2, "{seen}");
}

#[tokio::test]
async fn what_cannot_happen_yet_or_any_more_does_not() {
    let world = World::new().await;
    let visitor = Visitor::of(&world);
    let begin = world.clock.now();
    for step in ["go-live", "come-back", "pass-hour", "pass-day"] {
        visitor.goes_on(step).await;
    }
    assert_eq!(world.clock.now(), begin);
    assert!(world.sandbox.sentry.overview().is_empty());
    let seen = shown(&visitor.page().await);
    assert!(seen.contains("“The error comes back” cannot happen now."), "{seen}");

    merged(&world, &visitor).await;
    goes_on(&world, &visitor, "go-live").await;
    let live = world.clock.now();
    visitor.goes_on("go-live").await;
    assert_eq!(world.clock.now(), live, "somebody whose page is old put it live once more");
}
