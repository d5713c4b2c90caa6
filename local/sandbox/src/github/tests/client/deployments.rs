use autofix::github::{Deployment, DeploymentState, EnvironmentKind, Readable};

use super::super::super::{Holder, Permission};
use super::*;

#[tokio::test]
async fn deployments_are_told_with_state_address_and_since_when() {
    let scene = Scene::new("live").await;
    let github = scene.client(Who::FineGrained);
    let main = scene.at.main().await;
    let seen = || async { github.deployments(REPOSITORY, &main).await.unwrap() };
    assert_eq!(seen().await, Readable::Read(Vec::new()));
    let sandbox = &scene.at.github;
    let preview = sandbox.deploy(REPOSITORY, &main, "pr-1 preview").unwrap();
    let live = sandbox.deploy(REPOSITORY, &main, "production").unwrap();
    let began = scene.hands.now();
    scene.hands.advance(SignedDuration::from_mins(3));
    sandbox.deployment_becomes(REPOSITORY, preview, "failure", "javascript:alert(1)").unwrap();
    sandbox.deployment_becomes(REPOSITORY, live, "in_progress", "").unwrap();
    sandbox.deployment_becomes(REPOSITORY, live, "success", "https://shop.example.org").unwrap();
    let since = scene.hands.now();
    let production = Deployment {
        environment: "production".to_owned(),
        kind: EnvironmentKind::Production,
        state: DeploymentState::Success,
        url: Some("https://shop.example.org/".to_owned()),
        since,
        live_since: Some(since),
    };
    let failed = Deployment {
        environment: "pr-1 preview".to_owned(),
        kind: EnvironmentKind::Other,
        state: DeploymentState::Failure,
        url: None,
        since,
        live_since: None,
    };
    assert_eq!(seen().await, Readable::Read(vec![production.clone(), failed]));
    // The next deployment takes its place; it was live all the same.
    scene.hands.advance(SignedDuration::from_hours(1));
    sandbox.deployment_becomes(REPOSITORY, live, "inactive", "").unwrap();
    let Readable::Read(found) = seen().await else { panic!() };
    assert_eq!((found[0].state, found[0].live_since), (DeploymentState::Inactive, Some(since)));
    // One without any status has only begun.
    sandbox.deploy(REPOSITORY, &main, "staging").unwrap();
    let Readable::Read(found) = seen().await else { panic!() };
    assert_eq!((found[0].state, found.len()), (DeploymentState::Pending, 3));
    assert!(found[0].since > began);
}

#[tokio::test]
async fn a_token_that_may_not_read_deployments_is_no_failure() {
    let scene = Scene::new("live-hidden").await;
    scene.at.github.grant(Holder::FineGrainedToken, Permission::Deployments, None);
    let main = scene.at.main().await;
    let seen = scene.client(Who::FineGrained).deployments(REPOSITORY, &main).await.unwrap();
    assert!(matches!(seen, Readable::NotAllowed { said } if said.contains("not accessible")));
}
