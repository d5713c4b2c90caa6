//! Shadow mode: a dry run looks what people do about the errors, and says how often AutoFix had proposed the same.

use jiff::SignedDuration;

use crate::bookshop::{FAULTY, LABELS, REPAIRED};
use crate::page::html::shown;
use crate::page::owners_page;
use crate::world::{REPO, Scenario, World, hours};

const DAY: SignedDuration = hours(24);

/// A dry run that has ended; its attempt, and the Sentry issue.
async fn dry_run() -> (World, String, String) {
    let world = World::with(&[("AUTOFIX_DRY_RUN", "true")]).await;
    let id = world.handle(Scenario::Fix).await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "skipped", "{attempt}");
    let issue = attempt["sentry_issue_id"].as_str().unwrap().to_owned();
    (world, id, issue)
}

/// People put `line` in the faulty one's place.
fn people_fix(world: &World, line: &str, message: &str) -> String {
    world.edit(LABELS, message, |text| text.replace(FAULTY, line))
}

async fn timeline(world: &World, id: &str) -> String {
    world.attempt(id).await["timeline"].to_string()
}

#[tokio::test]
async fn what_people_do_is_compared_with_what_autofix_proposed() {
    let same = r#"    addition = (address.get("line2") or "").strip()  # may be null"#;
    let other = r#"    addition = "" if address["line2"] is None else address["line2"].strip()"#;
    for (line, said) in
        [(same, "the same change as AutoFix's"), (other, "a change of the same lines as AutoFix's")]
    {
        let (world, id, issue) = dry_run().await;
        let sha = people_fix(&world, line, "Take an empty line");
        world.after(DAY * 2).await;
        assert!(!timeline(&world, &id).await.contains("People fixed it"), "nobody told Sentry yet");
        world.sandbox.sentry.resolve_in_commit(&issue, &sha, REPO);
        world.after(DAY * 2).await;
        assert!(timeline(&world, &id).await.contains(said), "{}", timeline(&world, &id).await);
        let card = world.shown_card();
        assert!(card.contains(said), "{card}");
    }
}

#[tokio::test]
async fn a_commit_that_names_the_issue_counts_where_sentry_knows_none() {
    let (world, id, issue) = dry_run().await;
    let name = format!("BOOKSHOP-{issue}");
    people_fix(&world, REPAIRED, &format!("Fixes {name}"));
    world.sandbox.sentry.set_status(&issue, "resolved");
    world.after(DAY * 2).await;
    assert!(timeline(&world, &id).await.contains("the same change"), "{}", timeline(&world, &id).await);
}

#[tokio::test]
async fn the_scoreboard_says_how_often() {
    let (world, _, issue) = dry_run().await;
    let sha = people_fix(&world, REPAIRED, "Fix");
    world.sandbox.sentry.resolve_in_commit(&issue, &sha, REPO);
    world.after(DAY * 2).await;
    let page = shown(&owners_page(&world, "/autofix/scoreboard").await.text);
    let sentence = "Dry run: of 1 error that people fixed, AutoFix had proposed the same change for 1, and another change \
                    of the same lines for 0.";
    assert!(page.contains(sentence), "{page}");
}

#[tokio::test]
async fn after_ninety_days_and_after_a_refusal_of_sentry_nobody_looks_any_more() {
    let (world, id, issue) = dry_run().await;
    world.after(DAY * 91).await;
    world.after(DAY).await;
    let asked = world.sandbox.sentry.service().received().len();
    world.after(DAY * 3).await;
    assert_eq!(world.sandbox.sentry.service().received().len(), asked);
    let sha = people_fix(&world, "    addition = None", "Too late");
    world.sandbox.sentry.resolve_in_commit(&issue, &sha, REPO);
    world.after(DAY * 3).await;
    assert!(!timeline(&world, &id).await.contains("People fixed it"));
}
