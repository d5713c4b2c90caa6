use autofix::github::{Merge, MergeMethod, MergeOutcome, Queue, Stage};
use autofix::outbound::ServiceError;
use axum::http::Method;

use super::super::super::{CheckRun, Conclusion, Heads, Holder, Level, Permission, PullState};
use super::*;
use crate::service::Fault;

struct Words(Redacted, Redacted);

impl Words {
    fn new() -> Words {
        Words(redact("Say hi (#1)"), redact("AutoFix-Attempt: 0123456789ab"))
    }

    fn merge<'a>(&'a self, head_sha: &'a str) -> Merge<'a> {
        Merge { number: 1, head_sha, base_branch: "main", title: &self.0, message: &self.1 }
    }
}

fn state(scene: &Scene) -> PullState {
    scene.at.github.pull_request(REPOSITORY, 1).unwrap().state
}

#[tokio::test]
async fn exactly_the_approved_commit_is_merged_once() {
    let scene = Scene::new("merge").await;
    let (github, words) = (scene.client(Who::FineGrained), Words::new());
    let head = scene.opened(&github).await;
    let moved = github.merge(REPOSITORY, words.merge(&"0".repeat(40))).await.unwrap();
    assert!(
        matches!(&moved, MergeOutcome::HeadMoved { said } if said.contains("Head branch was modified")),
        "{moved:?}"
    );
    let merged = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    let sha = scene.head("main");
    assert_eq!(merged, MergeOutcome::Merged { sha: sha.clone() });
    let log = scene.at.github.log(REPOSITORY, "main").unwrap();
    assert_eq!(log[0].1, "Say hi (#1)\n\nAutoFix-Attempt: 0123456789ab");
    // A second try finds what the first did.
    assert_eq!(github.merge(REPOSITORY, words.merge(&head)).await.unwrap(), MergeOutcome::Merged { sha });
    assert_eq!(scene.at.github.log(REPOSITORY, "main").unwrap().len(), log.len());
}

#[tokio::test]
async fn a_merge_whose_answer_was_lost_is_found() {
    let scene = Scene::new("lost-merge").await;
    let (github, words) = (scene.client(Who::App), Words::new());
    let head = scene.opened(&github).await;
    scene.at.github.service().fail_next(Method::PUT, "/merge", Fault::BreakAfter);
    let lost = github.merge(REPOSITORY, words.merge(&head)).await;
    assert!(matches!(lost, Err(ServiceError::Unavailable { .. })), "{lost:?}");
    let found = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert_eq!(found, MergeOutcome::Merged { sha: scene.head("main") });
}

#[tokio::test]
async fn the_method_is_one_that_repository_and_rules_allow() {
    let scene = Scene::new("methods").await;
    let (github, words) = (scene.client(Who::FineGrained), Words::new());
    let head = scene.opened(&github).await;
    let sandbox = &scene.at.github;
    sandbox.configure(REPOSITORY, |settings| settings.allow_squash_merge = false).unwrap();
    let repository = github.repository(REPOSITORY).await.unwrap();
    assert_eq!(repository.merge_methods, [MergeMethod::Merge, MergeMethod::Rebase]);
    let only = |methods: &[&str]| Some(methods.iter().map(|method| (*method).to_owned()).collect());
    sandbox.configure(REPOSITORY, |settings| settings.ruleset_merge_methods = only(&["squash"])).unwrap();
    let blocked = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(
        matches!(&blocked, MergeOutcome::Blocked { said } if said.contains("no merge method")),
        "{blocked:?}"
    );
    let rebase = only(&["squash", "rebase"]);
    sandbox.configure(REPOSITORY, |settings| settings.ruleset_merge_methods = rebase).unwrap();
    let rules = github.branch_rules(REPOSITORY, "main").await.unwrap();
    assert_eq!(rules.merge_method(&repository), Some(MergeMethod::Rebase));
    let merged = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(matches!(merged, MergeOutcome::Merged { sha: Some(_) }), "{merged:?}");
}

#[tokio::test]
async fn each_refusal_is_told_apart_with_githubs_words() {
    let scene = Scene::new("refusals").await;
    let (github, words) = (scene.client(Who::FineGrained), Words::new());
    let head = scene.opened(&github).await;
    let sandbox = &scene.at.github;
    let refuse = |reason: Option<&str>| {
        sandbox.configure(REPOSITORY, |s| s.merges_refused = reason.map(str::to_owned)).unwrap();
    };
    refuse(Some("At least 1 approving review is required"));
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(
        matches!(&outcome, MergeOutcome::Blocked { said } if said.contains("approving review")),
        "{outcome:?}"
    );
    refuse(Some("Base branch was modified. Review and try the merge again."));
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(matches!(outcome, MergeOutcome::TryAgain { .. }), "{outcome:?}");
    refuse(None);

    let spam = r#"{"message":"Validation Failed","errors":[{"message":"spammed"}]}"#.to_owned();
    let fault = Fault::Answer { status: 422, headers: Vec::new(), body: spam };
    sandbox.service().fail_next(Method::PUT, "/merge", fault);
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert_eq!(outcome, MergeOutcome::Invalid { said: "Validation Failed spammed".to_owned() });

    sandbox.grant(Holder::FineGrainedToken, Permission::Contents, Some(Level::Read));
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(
        matches!(&outcome, MergeOutcome::Forbidden { said } if said.contains("not accessible")),
        "{outcome:?}"
    );
    sandbox.grant(Holder::FineGrainedToken, Permission::Contents, Some(Level::Write));

    sandbox.configure(REPOSITORY, |settings| settings.checks_must_be_up_to_date = true).unwrap();
    sandbox.commit(REPOSITORY, "main").file("NEWS.md", b"1\n", "News").unwrap();
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(matches!(outcome, MergeOutcome::Behind { .. }), "{outcome:?}");
    sandbox.configure(REPOSITORY, |settings| settings.checks_must_be_up_to_date = false).unwrap();

    sandbox.commit(REPOSITORY, "main").file(FILE, b"def greet():\n    return 'no'\n", "No").unwrap();
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(matches!(outcome, MergeOutcome::Conflicting { .. }), "{outcome:?}");

    sandbox.service().fail_next(Method::PUT, "/merge", Fault::status(502));
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await;
    assert!(matches!(outcome, Err(ServiceError::Unavailable { .. })), "{outcome:?}");

    sandbox.close_pull_request(REPOSITORY, 1).unwrap();
    assert_eq!(github.merge(REPOSITORY, words.merge(&head)).await.unwrap(), MergeOutcome::Closed);
}

#[tokio::test]
async fn what_was_pushed_after_the_approval_is_not_merged() {
    let scene = Scene::new("pushed-after").await;
    let (github, words) = (scene.client(Who::App), Words::new());
    let head = scene.opened(&github).await;
    scene.at.github.commit(REPOSITORY, BRANCH).file("A.md", b"A\n", "Mine").unwrap();
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(matches!(outcome, MergeOutcome::HeadMoved { .. }), "{outcome:?}");
    assert_eq!(state(&scene), PullState::Open);
    // Neither is a merge of that by a person taken for the merge that was asked for.
    scene.at.github.merge_pull_request(REPOSITORY, 1).unwrap();
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(matches!(outcome, MergeOutcome::HeadMoved { .. }), "{outcome:?}");
}

#[tokio::test]
async fn where_there_is_a_merge_queue_the_commit_is_put_into_it() {
    let scene = Scene::new("queue").await;
    let (github, words) = (scene.client(Who::App), Words::new());
    let head = scene.opened(&github).await;
    let sandbox = &scene.at.github;
    sandbox.configure(REPOSITORY, |settings| settings.merge_queue = true).unwrap();
    let queued = MergeOutcome::Queued { by: Queue::MergeQueue };
    for _ in 0..2 {
        assert_eq!(github.merge(REPOSITORY, words.merge(&head)).await.unwrap(), queued);
    }
    assert_eq!(state(&scene), PullState::Open);
    let other = github.merge(REPOSITORY, words.merge(&"1".repeat(40))).await.unwrap();
    assert!(matches!(other, MergeOutcome::HeadMoved { .. }), "{other:?}");

    github.withdraw_merge(REPOSITORY, 1).await.unwrap();
    sandbox.run_merge_queue(REPOSITORY).unwrap();
    assert_eq!(state(&scene), PullState::Open);
    github.withdraw_merge(REPOSITORY, 1).await.unwrap();

    assert_eq!(github.merge(REPOSITORY, words.merge(&head)).await.unwrap(), queued);
    sandbox.run_merge_queue(REPOSITORY).unwrap();
    let merged = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert_eq!(merged, MergeOutcome::Merged { sha: scene.head("main") });
    let view = github.look_at_pull_request(REPOSITORY, 1).await.unwrap();
    let Stage::Merged { by, .. } = view.stage else { panic!("{view:?}") };
    assert_eq!(by.as_deref(), Some("github-merge-queue[bot]"));
}

#[tokio::test]
async fn a_repository_that_merges_by_itself_is_asked_to_when_a_rule_is_not_met_yet() {
    let scene = Scene::new("auto").await;
    let (github, words) = (scene.client(Who::FineGrained), Words::new());
    let head = scene.opened(&github).await;
    let sandbox = &scene.at.github;
    sandbox.configure(REPOSITORY, |settings| settings.required_checks = vec!["tests".to_owned()]).unwrap();
    let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    assert!(
        matches!(&outcome, MergeOutcome::Blocked { said } if said.contains("\"tests\" is expected")),
        "{outcome:?}"
    );
    sandbox.configure(REPOSITORY, |settings| settings.allow_auto_merge = true).unwrap();
    for _ in 0..2 {
        let outcome = github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
        assert_eq!(outcome, MergeOutcome::Queued { by: Queue::AutoMerge });
    }
    let green = [CheckRun::ended("tests", Conclusion::Success)];
    // Taken back, it is not merged although nothing stands in its way any more.
    github.withdraw_merge(REPOSITORY, 1).await.unwrap();
    sandbox.set_checks(REPOSITORY, Heads::Commit(head.clone()), &green).unwrap();
    assert_eq!(state(&scene), PullState::Open);
    sandbox.set_checks(REPOSITORY, Heads::Commit(head.clone()), &[]).unwrap();
    github.merge(REPOSITORY, words.merge(&head)).await.unwrap();
    sandbox.set_checks(REPOSITORY, Heads::Commit(head.clone()), &green).unwrap();
    assert_eq!(state(&scene), PullState::Merged { sha: scene.head("main").unwrap() });
    assert_eq!(
        scene.at.github.log(REPOSITORY, "main").unwrap()[0].1,
        "Say hi (#1)\n\nAutoFix-Attempt: 0123456789ab"
    );
}
