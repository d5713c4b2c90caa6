//! A process that dies in the middle, and what the next one makes of it.

use autofix::attempt::{AttemptId, State};
use autofix::messages::DEPLOY;
use autofix_local::sandbox::killer::{Killer, Moment, Side};
use axum::http::Method;

use crate::roll_back::came_back_in;
use crate::watch::deployed_in;
use crate::world::{Fault, REPO, Scenario, World, assert_says, mins, secs};

#[tokio::test]
async fn an_answer_that_never_arrives_is_looked_for_before_it_is_repeated() {
    for (method, path) in [
        (Method::POST, "/git/commits"),
        (Method::POST, "/git/refs"),
        (Method::POST, "/pulls"),
        (Method::POST, "/api/chat.postMessage"),
        (Method::POST, "/api/chat.update"),
        (Method::POST, "/v1/messages"),
    ] {
        let world = World::new().await;
        let service = match path {
            path if path.starts_with("/api") => world.sandbox.slack.service(),
            path if path.starts_with("/v1") => world.sandbox.claude.service(),
            _ => world.sandbox.github.service(),
        };
        service.fail_next(method.clone(), path, Fault::BreakAfter);
        let id = world.handle(Scenario::Fix).await;
        world.ticks(3, secs(90)).await;
        let case = format!("{method} {path}");
        assert_eq!(world.status(&id).await, "awaiting_approval", "{case}");
        assert_eq!(world.pull_requests().len(), 1, "{case}");
        assert_eq!(world.fix_branches().len(), 1, "{case}");
        assert_eq!(world.sandbox.slack.messages().len(), 1, "{case}");
        assert!(world.shown_card().contains("Deploy Live"), "{case}");
    }
}

#[tokio::test]
async fn a_merge_whose_answer_is_lost_is_recognised() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.sandbox.github.service().fail_next(Method::PUT, "/merge", Fault::BreakAfter);
    world.decide(&card, DEPLOY).await;
    world.after(secs(90)).await;
    assert_eq!(world.status(&id).await, "deployed");
    let merge = world.sandbox.github.log(REPO, "main").unwrap()[0].0.clone();
    assert!(world.shown_card().contains(&merge[..10]), "the card names the merge all the same");
    let merges = world.sandbox.github.log(REPO, "main").unwrap();
    assert_eq!(merges.iter().filter(|(_, message)| message.contains("AutoFix-Attempt")).count(), 1);
}

/// Six workers die over the first thing that they ask; the seventh finds that out, and asks nothing like `given_up`.
async fn workers_die_over(asked: &str, given_up: &str, world: &World, killer: &Killer) {
    for _ in 0..6 {
        world.clock.advance(mins(31));
        killer.set(Moment { effect: 1, side: Side::Before }); // the first one is the lease
        tokio::select! {
            biased;
            () = killer.strikes() => {}
            () = world.process.tick() => panic!("nobody died: {:#?}", killer.effects()),
        }
        assert!(killer.effects()[1].contains(asked), "{:#?}", killer.effects());
    }
    killer.spare();
    world.after(mins(31)).await;
    let effects = killer.effects();
    assert!(!effects.iter().any(|effect| effect.contains(given_up)), "{effects:#?}");
}

#[tokio::test]
async fn a_watch_over_which_worker_after_worker_dies_ends_and_keeps_what_it_saw() {
    let (world, killer) = World::builder().start_with_killer().await;
    let deployed = deployed_in(world).await;
    let world = &deployed.world;
    world.sandbox.github.add_deployment(REPO, &deployed.merge_sha, &["success"]).unwrap();
    world.after(mins(31)).await;
    workers_die_over("/deployments", "/deployments", world, &killer).await;
    let id = AttemptId::parse(&deployed.id).unwrap();
    let attempt = world.process.store().attempt(id).await.unwrap().unwrap().attempt;
    let State::Deployed { merged, watch: None } = attempt.state else { panic!("{:?}", attempt.state) };
    assert_eq!(merged.merge_sha.as_ref(), Some(&deployed.merge_sha));
    assert!(merged.deployment.is_some(), "what was seen of the deploy stays");
    assert!(attempt.timeline.iter().any(|moment| moment.what == "No longer watched"));
}

#[tokio::test]
async fn a_sentry_over_which_worker_after_worker_dies_is_not_told() {
    let (world, killer) = World::builder().start_with_killer().await;
    let deployed = deployed_in(world).await;
    let world = &deployed.world;
    world.sandbox.github.add_deployment(REPO, &deployed.merge_sha, &["success"]).unwrap();
    deployed.hours(1).await;
    world.sandbox.sentry.service().fail_next(Method::POST, "/comments/", Fault::status(503));
    deployed.hours(24).await;
    assert_eq!(deployed.status().await, "verified");
    workers_die_over("/comments/", "/comments/", world, &killer).await;
    let timeline = world.attempt(&deployed.id).await["timeline"].to_string();
    assert!(timeline.contains("Sentry could not be told"), "{timeline}");
}

#[tokio::test]
async fn a_roll_back_over_which_worker_after_worker_dies_is_left_to_people() {
    let (world, killer) = World::builder().start_with_killer().await;
    let deployed = came_back_in(world).await;
    let world = &deployed.world;
    world.sandbox.github.service().fail_times(3, Method::GET, "/pulls?head", Fault::status(503));
    deployed.press_roll_back().await;
    world.sandbox.github.service().clear_faults();
    workers_die_over("/commits?", "-revert", world, &killer).await;
    let timeline = world.attempt(&deployed.id).await["timeline"].to_string();
    assert!(timeline.contains("Not rolled back: The worker stopped 6 times"), "{timeline}");
    assert_says(&world.shown_card(), &["The worker stopped 6 times"]);
}
