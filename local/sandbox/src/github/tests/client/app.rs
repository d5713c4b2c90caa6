use autofix::github::Sight;
use autofix::outbound::{ErrorKind, ServiceError};
use axum::http::Method;

use super::super::super::{APP_PRIVATE_KEY_PKCS8, Holder, Permission};
use super::*;

fn tokens_bought(scene: &Scene) -> usize {
    scene.at.github.service().count(Method::POST, "/access_tokens")
}

#[tokio::test]
async fn a_token_is_bought_once_an_hour_and_again_after_it_was_refused() {
    let scene = Scene::new("token-life").await;
    let github = scene.client(Who::App);
    let look = || github.branch_head(REPOSITORY, "main");
    for _ in 0..3 {
        look().await.unwrap();
    }
    assert_eq!(tokens_bought(&scene), 1);
    scene.hands.advance(SignedDuration::from_mins(54));
    look().await.unwrap();
    assert_eq!(tokens_bought(&scene), 1);
    scene.hands.advance(SignedDuration::from_mins(2)); // four minutes before its end it is not used any more
    look().await.unwrap();
    assert_eq!(tokens_bought(&scene), 2);
    scene.at.github.revoke_app_tokens();
    look().await.unwrap();
    assert_eq!(tokens_bought(&scene), 3);
}

#[tokio::test]
async fn many_requests_at_once_buy_one_token() {
    let scene = Scene::new("token-once").await;
    let github = scene.client(Who::App);
    let looks = (0..8).map(|_| {
        let github = github.clone();
        tokio::spawn(async move { github.branch_head(REPOSITORY, "main").await.unwrap() })
    });
    for look in looks.collect::<Vec<_>>() {
        look.await.unwrap();
    }
    assert_eq!(tokens_bought(&scene), 1);
}

#[tokio::test]
async fn the_key_is_taken_in_both_forms_and_on_one_line() {
    let scene = Scene::new("keys").await;
    let one_line = APP_PRIVATE_KEY.replace('\n', "\\n");
    for key in [APP_PRIVATE_KEY, APP_PRIVATE_KEY_PKCS8, &one_line] {
        let github =
            scene.client_with(Who::App, [(names::GITHUB_APP_PRIVATE_KEY, key)].into_iter().collect());
        assert!(github.branch_head(REPOSITORY, "main").await.unwrap().is_some());
    }
    for key in ["", "not a key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"] {
        let github =
            scene.client_with(Who::App, [(names::GITHUB_APP_PRIVATE_KEY, key)].into_iter().collect());
        let told = github.branch_head(REPOSITORY, "main").await.unwrap_err();
        let ServiceError { kind: ErrorKind::Unauthorized, message: said, .. } = told else {
            panic!("{told:?}")
        };
        assert!(said.starts_with("`AUTOFIX_GITHUB_APP_PRIVATE_KEY` is not "), "{said}");
    }
}

#[tokio::test]
async fn an_app_that_is_not_installed_is_told_so() {
    let scene = Scene::new("not-installed").await;
    scene.at.github.configure(REPOSITORY, |settings| settings.app_installed = false).unwrap();
    let told = scene.client(Who::App).repository(REPOSITORY).await.unwrap_err();
    let ServiceError { kind: ErrorKind::NotFound, message: said, .. } = told else { panic!("{told:?}") };
    assert!(said.contains("not installed on `acme/bookshop`"), "{said}");
}

#[tokio::test]
async fn an_app_opens_a_pull_request_under_its_own_name_and_reads_its_checks() {
    let scene = Scene::new("app-works").await;
    let github = scene.client(Who::App);
    let head = scene.opened(&github).await;
    assert_eq!(scene.at.get("/pulls/1").await.json["user"]["login"], "autofix-sandbox-app[bot]");
    assert_eq!(github.checks(REPOSITORY, &head).await.unwrap().sight, Sight::Everything);
    // An App that was not given checks:read sees as much as a fine-grained token.
    scene.at.github.grant(Holder::Installation, Permission::Checks, None);
    assert_eq!(github.checks(REPOSITORY, &head).await.unwrap().sight, Sight::ActionsOnly);
}

#[tokio::test]
async fn workflows_cannot_be_changed() {
    let scene = Scene::new("workflows").await;
    let path = ".github/workflows/ci.yml";
    scene.at.github.commit(REPOSITORY, "main").file(path, b"on: push\n", "CI").unwrap();
    let base = scene.at.main().await;
    for who in [Who::App, Who::FineGrained] {
        let commit = NewCommit { files: &[FileChange::Write { path, content: FIX }], ..scene.fix(&base) };
        let told = scene.client(who).commit_to_branch(REPOSITORY, BRANCH, BranchBefore::Absent, commit).await;
        assert!(matches!(told, Err(ServiceError { kind: ErrorKind::NotFound, .. })), "{told:?}");
    }
    assert_eq!(scene.head(BRANCH), None);
}
