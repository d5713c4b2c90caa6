use autofix::github::BranchDeleted;
use autofix::outbound::{ErrorKind, ServiceError};
use axum::http::Method;

use super::*;
use crate::service::Fault;

#[tokio::test]
async fn a_branch_is_made_once_and_found_the_second_time() {
    for who in [Who::FineGrained, Who::App] {
        let scene = Scene::new(&format!("branch-once-{who:?}")).await;
        let github = scene.client(who);
        let base = scene.at.main().await;
        let make = || github.commit_to_branch(REPOSITORY, BRANCH, BranchBefore::Absent, scene.fix(&base));
        let first = make().await.unwrap();
        let BranchSet::Done { sha } = &first else { panic!("{first:?}") };
        scene.hands.advance(SignedDuration::from_mins(7));
        assert_eq!(make().await.unwrap(), first);
        assert_eq!(scene.head(BRANCH).as_ref(), Some(sha));
        assert_eq!(scene.at.github.log(REPOSITORY, BRANCH).unwrap().len(), 2);
    }
}

#[tokio::test]
async fn with_a_token_the_same_commit_is_the_same_object_and_with_an_app_github_signs_it() {
    let (one, two) = (Scene::new("same-sha-1").await, Scene::new("same-sha-2").await);
    two.hands.advance(SignedDuration::from_hours(5));
    let (first, second) =
        (one.opened(&one.client(Who::FineGrained)).await, two.opened(&two.client(Who::Classic)).await);
    assert_eq!(first, second);
    let commit = one.at.get(&format!("/git/commits/{first}")).await.json;
    assert_eq!(
        (&commit["author"]["name"], &commit["verification"]["verified"]),
        (&"AutoFix".into(), &false.into())
    );

    let app = Scene::new("app-signs").await;
    let sha = app.opened(&app.client(Who::App)).await;
    let commit = app.at.get(&format!("/git/commits/{sha}")).await.json;
    assert_eq!(commit["verification"]["verified"], true);
    assert_eq!(commit["author"]["name"], "autofix-sandbox-app[bot]");
}

#[tokio::test]
async fn a_lost_answer_is_made_good_by_doing_it_again() {
    for (name, method, path) in [
        ("ref", Method::POST, "/git/refs"),
        ("move", Method::POST, "/graphql"),
        ("commit", Method::POST, "/git/commits"),
    ] {
        let scene = Scene::new(&format!("lost-{name}")).await;
        let github = scene.client(Who::App);
        let base = scene.at.main().await;
        let head = scene.opened(&github).await;
        let repair = NewCommit {
            files: &[FileChange::Write { path: FILE, content: "def greet():\n    return 'hey'\n" }],
            ..scene.fix(&head)
        };
        scene.at.github.service().fail_next(method.clone(), path, Fault::BreakAfter);
        let (branch, before, commit) = match name {
            "ref" => ("autofix/another", BranchBefore::Absent, scene.fix(&base)),
            _ => (BRANCH, BranchBefore::At(&head), repair),
        };
        let lost = github.commit_to_branch(REPOSITORY, branch, before, commit).await;
        assert!(matches!(lost, Err(ServiceError { kind: ErrorKind::Unavailable, .. })), "{name}: {lost:?}");
        let set = github.commit_to_branch(REPOSITORY, branch, before, commit).await.unwrap();
        let BranchSet::Done { sha } = set else { panic!("{set:?}") };
        assert_eq!(scene.head(branch), Some(sha), "{name}");
    }
}

#[tokio::test]
async fn a_repair_is_the_next_commit_of_the_branch_and_a_rebase_replaces_it() {
    for who in [Who::FineGrained, Who::App] {
        let scene = Scene::new(&format!("repair-{who:?}")).await;
        let github = scene.client(who);
        let head = scene.opened(&github).await;
        let repair = NewCommit {
            files: &[FileChange::Write { path: FILE, content: "def greet():\n    return 'hey'\n" }],
            ..scene.fix(&head)
        };
        let set = github.commit_to_branch(REPOSITORY, BRANCH, BranchBefore::At(&head), repair).await.unwrap();
        let BranchSet::Done { sha: repaired } = set else { panic!("{set:?}") };
        let parent =
            scene.at.get(&format!("/git/commits/{repaired}")).await.json["parents"][0]["sha"].clone();
        assert_eq!(parent, head.as_str());

        let new_base = scene.at.github.commit(REPOSITORY, "main").file("NEWS.md", b"News\n", "News").unwrap();
        let rebase = || {
            let before = BranchBefore::At(&repaired);
            github.commit_to_branch(REPOSITORY, BRANCH, before, scene.fix(&new_base))
        };
        let BranchSet::Done { sha: rebased } = rebase().await.unwrap() else { panic!() };
        let log = scene.at.github.log(REPOSITORY, BRANCH).unwrap();
        assert_eq!((log[0].0.as_str(), log[1].0.as_str()), (rebased.as_str(), new_base.as_str()));
        assert_eq!(rebase().await.unwrap(), BranchSet::Done { sha: rebased });
    }
}

#[tokio::test]
async fn a_persons_push_is_never_overwritten() {
    let scene = Scene::new("push-wins").await;
    let github = scene.client(Who::FineGrained);
    let head = scene.opened(&github).await;
    let base = scene.at.main().await;
    let pushed = scene.at.github.commit(REPOSITORY, BRANCH).file("NEWS.md", b"Mine\n", "Mine").unwrap();
    let elsewhere = BranchSet::Elsewhere { head: Some(pushed.clone()) };
    let repair =
        NewCommit { files: &[FileChange::Write { path: FILE, content: "x = 1\n" }], ..scene.fix(&head) };
    for (before, commit) in [
        (BranchBefore::At(head.as_str()), repair),
        (BranchBefore::At(base.as_str()), scene.fix(&base)),
        (BranchBefore::Absent, scene.fix(&base)),
    ] {
        let set = github.commit_to_branch(REPOSITORY, BRANCH, before, commit).await.unwrap();
        assert_eq!(set, elsewhere, "{before:?}");
    }
    let deleted = github.delete_branch(REPOSITORY, BRANCH, &head).await.unwrap();
    assert_eq!(deleted, BranchDeleted::Elsewhere { head: pushed.clone() });
    assert_eq!(scene.head(BRANCH), Some(pushed.clone()));

    assert_eq!(github.delete_branch(REPOSITORY, BRANCH, &pushed).await.unwrap(), BranchDeleted::Done);
    assert_eq!(github.delete_branch(REPOSITORY, BRANCH, &pushed).await.unwrap(), BranchDeleted::Done);
    let set = github.commit_to_branch(REPOSITORY, BRANCH, BranchBefore::At(&head), repair).await.unwrap();
    assert_eq!(set, BranchSet::Elsewhere { head: None });
}

#[tokio::test]
async fn a_push_between_looking_and_setting_wins_as_well() {
    let scene = Scene::new("race").await;
    let github = scene.client(Who::FineGrained);
    let head = scene.opened(&github).await;
    // The client still believes that the branch is at `head`: GitHub's comparison is what keeps the push.
    let stale = format!(r#"{{"ref":"refs/heads/{BRANCH}","object":{{"type":"commit","sha":"{head}"}}}}"#);
    let pushed = scene.at.github.commit(REPOSITORY, BRANCH).file("NEWS.md", b"Mine\n", "Mine").unwrap();
    let answer = Fault::Answer { status: 200, headers: Vec::new(), body: stale };
    scene.at.github.service().fail_next(Method::GET, "/git/ref/heads/", answer);
    let repair =
        NewCommit { files: &[FileChange::Write { path: FILE, content: "x = 1\n" }], ..scene.fix(&head) };
    let set = github.commit_to_branch(REPOSITORY, BRANCH, BranchBefore::At(&head), repair).await.unwrap();
    assert_eq!(set, BranchSet::Elsewhere { head: Some(pushed.clone()) });
    assert_eq!(scene.head(BRANCH), Some(pushed));
}
