use autofix::attempt::RemarkKind;
use autofix::github::{MergeState, Mergeable, Stage};
use autofix::outbound::{ErrorKind, ServiceError};

use super::super::super::{Holder, Permission, Verdict};
use super::*;

#[tokio::test]
async fn a_look_tells_base_distance_and_whether_it_can_be_merged() {
    let scene = Scene::new("look").await;
    let github = scene.client(Who::FineGrained);
    let head = scene.opened(&github).await;
    let base = scene.at.main().await;
    let first = github.look_at_pull_request(REPOSITORY, 1).await.unwrap();
    assert_eq!((first.mergeable, first.merge_state), (Mergeable::NotComputed, MergeState::Unknown));
    let view = github.look_at_pull_request(REPOSITORY, 1).await.unwrap();
    assert_eq!((view.mergeable, view.merge_state), (Mergeable::Yes, MergeState::Clean));
    assert_eq!((&view.head_sha, &view.base_sha, view.behind_by), (&head, &base, 0));
    assert_eq!((view.head_branch.as_str(), view.base_branch.as_str()), (BRANCH, "main"));
    assert_eq!(view.stage, Stage::Open);

    let news = scene.at.github.commit(REPOSITORY, "main").file("NEWS.md", b"1\n", "News").unwrap();
    let view = github.look_at_pull_request(REPOSITORY, 1).await.unwrap();
    assert_eq!((&view.base_sha, view.behind_by), (&news, 1));
    let other = b"def greet():\n    return 'other'\n";
    scene.at.github.commit(REPOSITORY, "main").file(FILE, other, "Say other").unwrap();
    github.look_at_pull_request(REPOSITORY, 1).await.unwrap();
    let view = github.look_at_pull_request(REPOSITORY, 1).await.unwrap();
    assert_eq!((view.behind_by, view.mergeable), (2, Mergeable::Conflicting));
}

#[tokio::test]
async fn who_merged_or_closed_it_is_told() {
    let scene = Scene::new("ended").await;
    let github = scene.client(Who::App);
    scene.opened(&github).await;
    scene.hands.advance(SignedDuration::from_mins(3));
    let merge = scene.at.github.merge_pull_request(REPOSITORY, 1).unwrap();
    let view = github.look_at_pull_request(REPOSITORY, 1).await.unwrap();
    let (by, at) = (Some("ada".to_owned()), Some(scene.hands.now()));
    assert_eq!(view.stage, Stage::Merged { by: by.clone(), at, sha: Some(merge) });

    scene.at.pull_request("two", "hey").await;
    scene.at.github.close_pull_request(REPOSITORY, 2).unwrap();
    assert_eq!(github.look_at_pull_request(REPOSITORY, 2).await.unwrap().stage, Stage::Closed { by, at });

    scene.at.pull_request("three", "ho").await;
    scene.at.github.delete_branch(REPOSITORY, "three").unwrap();
    let view = github.look_at_pull_request(REPOSITORY, 3).await.unwrap();
    assert_eq!(view.stage, Stage::Closed { by: None, at });
}

#[tokio::test]
async fn what_people_wrote_since_a_time_is_told_and_what_bots_wrote_is_not() {
    let scene = Scene::new("remarks").await;
    let github = scene.client(Who::FineGrained);
    scene.opened(&github).await;
    let sandbox = &scene.at.github;
    sandbox.comment(REPOSITORY, 1, "ada", "Too early to count").unwrap();
    let since = scene.hands.now();
    scene.hands.advance(SignedDuration::from_secs(1));
    sandbox.comment(REPOSITORY, 1, "codecov[bot]", "Coverage 90 %").unwrap();
    assert_eq!(github.remarks_by_people(REPOSITORY, 1, since).await.unwrap(), []);
    sandbox.comment(REPOSITORY, 1, "ada", "Not\u{202e} like this").unwrap();
    scene.hands.advance(SignedDuration::from_secs(1));
    sandbox.comment_on_diff(REPOSITORY, 1, "grace", "Why?").unwrap();
    scene.hands.advance(SignedDuration::from_secs(1));
    sandbox.review(REPOSITORY, 1, "grace", Verdict::ChangesRequested).unwrap();
    let remarks = github.remarks_by_people(REPOSITORY, 1, since).await.unwrap();
    let seen: Vec<(&str, RemarkKind, &str)> =
        remarks.iter().map(|remark| (remark.by.as_str(), remark.kind, remark.text.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("ada", RemarkKind::Comment, "Not like this"),
            ("grace", RemarkKind::DiffComment, "Why?"),
            ("grace", RemarkKind::ChangesRequested, "")
        ]
    );
}

#[tokio::test]
async fn a_long_discussion_is_read_to_its_end() {
    let scene = Scene::new("long").await;
    let github = scene.client(Who::FineGrained);
    scene.opened(&github).await;
    let since = scene.hands.now();
    for number in 0..130 {
        scene.hands.advance(SignedDuration::from_secs(1));
        scene.at.github.comment(REPOSITORY, 1, "ada", &format!("{number}")).unwrap();
    }
    let remarks = github.remarks_by_people(REPOSITORY, 1, since).await.unwrap();
    assert_eq!((remarks.len(), remarks.last().unwrap().text.as_str()), (20, "129"));
}

#[tokio::test]
async fn a_renamed_repository_is_told_by_its_new_name() {
    for who in [Who::FineGrained, Who::App] {
        let scene = Scene::new(&format!("moved-{who:?}")).await;
        let github = scene.client(who);
        scene.at.github.rename(REPOSITORY, "acme/bookstore").unwrap();
        let told = [
            github.repository(REPOSITORY).await.err(),
            github.branch_head(REPOSITORY, "main").await.err(),
            github.file(REPOSITORY, FILE, "main").await.err(),
            github.close_pull_request(REPOSITORY, 1).await.err(),
        ];
        for error in told {
            let Some(ServiceError { kind: ErrorKind::Moved, message, .. }) = error else {
                panic!("{who:?}: {error:?}")
            };
            assert_eq!(message, "it is called `acme/bookstore` now");
        }
        let error = github.repository(REPOSITORY).await.unwrap_err();
        assert_eq!(error.to_string(), "it is called `acme/bookstore` now");
    }
}

#[tokio::test]
async fn without_a_permission_the_answer_says_so() {
    let scene = Scene::new("forbidden").await;
    let github = scene.client(Who::FineGrained);
    scene.at.github.grant(Holder::FineGrainedToken, Permission::PullRequests, None);
    let told = github.look_at_pull_request(REPOSITORY, 1).await.unwrap_err();
    assert!(
        matches!(&told, ServiceError { kind: ErrorKind::Unauthorized, message: said, .. } if said.contains("personal access token")),
        "{told:?}"
    );
}
