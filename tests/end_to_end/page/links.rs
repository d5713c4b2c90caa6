//! The link on a card, which opens its attempt for whoever has it.

use autofix::messages::DEPLOY;
use axum::http::StatusCode;

use super::Browser;
use super::html::checked;
use crate::world::{Scenario, World, hours, mins};

/// The path of the link on the card, as the browser that follows it asks for it.
fn details_link(world: &World) -> Option<String> {
    let shown = world.shown_card();
    let after = shown.split("Details (https://fix.acme.example").nth(1)?;
    Some(after.split(')').next().unwrap().to_owned())
}

const PUBLIC: (&str, &str) = ("AUTOFIX_PUBLIC_URL", "https://fix.acme.example/");

#[tokio::test]
async fn the_link_on_the_card_opens_that_attempt_for_a_week_without_a_login() {
    let world = World::with(&[PUBLIC]).await;
    let (id, card) = world.until_armed().await;
    let link = details_link(&world).unwrap();
    assert!(link.starts_with(&format!("/autofix/view/{id}?seal=")), "{link}");
    let browser = Browser::default();
    let detail = browser.get(&world, &link).await;
    assert_eq!((detail.status, detail.header("set-cookie")), (StatusCode::OK, ""));
    let hosts = [&*world.sandbox.github.url(), &*world.sandbox.sentry.url()];
    let tags = checked(&detail.text, &hosts);
    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
    assert!(ids.contains(&"evidence") && !ids.contains(&"log-out"), "{ids:?}");
    assert!(!ids.contains(&"nav-sandbox"), "a server without the sandbox's page leads to it: {ids:?}");
    let refresh = tags.iter().find(|tag| tag.attribute("id") == Some("refresh")).unwrap();
    assert_eq!(refresh.attribute("href"), Some(&*link), "refreshing keeps the proof");

    world.clock.advance(mins(5));
    let other = world.alert(Scenario::Security).await.attempt_id();
    let seal = link.split("seal=").nth(1).unwrap();
    for path in [
        format!("/autofix/view/{other}?seal={seal}"),
        format!("/autofix/?seal={seal}"),
        format!("/autofix/view/{id}"),
        format!("{link}0"),
        link.replace("?seal=", "?seal=9"),
    ] {
        assert_eq!(browser.get(&world, &path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let with_cookie = Browser { cookie: Some(seal.to_owned()) };
    assert_eq!(with_cookie.get(&world, "/autofix/").await.status, StatusCode::UNAUTHORIZED);
    world.settle().await;

    world.clock.advance(hours(7 * 24));
    assert_eq!(browser.get(&world, &link).await.status, StatusCode::OK);
    world.clock.advance(hours(24));
    assert_eq!(browser.get(&world, &link).await.status, StatusCode::UNAUTHORIZED);
    world.decide(&card, DEPLOY).await;
    let messages = world.sandbox.slack.messages();
    let shown: Vec<String> = messages.iter().map(|message| world.shown(message)).collect();
    let card = shown.iter().find(|shown| shown.contains(&id)).unwrap();
    assert!(
        card.contains("Details (https://") && !card.contains(seal),
        "a card that changes has a new link: {card}"
    );
}

#[tokio::test]
async fn a_card_has_no_link_that_nobody_could_open_or_that_gives_the_token_away() {
    for settings in [
        &[("AUTOFIX_PUBLIC_URL", "")][..],
        &[PUBLIC, ("AUTOFIX_API_TOKEN", "")],
        &[PUBLIC, ("AUTOFIX_API_TOKEN", "only 15 letters")],
    ] {
        let world = World::with(settings).await;
        world.handle(Scenario::Security).await;
        let shown = world.shown_card();
        assert!(
            shown.contains("Manual Review Required") && !shown.contains("Details"),
            "{settings:?}\n{shown}"
        );
    }
}
