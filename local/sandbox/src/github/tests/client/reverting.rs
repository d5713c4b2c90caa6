use autofix::github::{Merge, MergeOutcome, Revert, RevertOutcome};
use autofix::outbound::ServiceError;
use axum::http::Method;

use super::super::super::PullState;
use super::*;
use crate::service::Fault;

const BEFORE: &[u8] = b"def greet():\n    return 'hello'\n";
const OWN_BRANCH: &str = "autofix/revert-0123456789ab";

struct Merged {
    scene: Scene,
    github: Github,
    base: String,
    head: String,
    words: [Redacted; 3],
}

impl Merged {
    /// The fix, merged.
    async fn new(name: &str, who: Who) -> Merged {
        let scene = Scene::new(name).await;
        let github = scene.client(who);
        let base = scene.at.main().await;
        let head = scene.opened(&github).await;
        let words = [
            redact("Roll back: say hi"),
            redact("It came back."),
            redact("Roll back\n\nAutoFix-Attempt: 0123456789ab"),
        ];
        let merge =
            Merge { number: 1, head_sha: &head, base_branch: "main", title: &words[0], message: &words[1] };
        let merged = github.merge(REPOSITORY, merge).await.unwrap();
        assert!(matches!(merged, MergeOutcome::Merged { .. }), "{merged:?}");
        Merged { scene, github, base, head, words }
    }

    async fn revert(&self) -> RevertOutcome {
        self.try_revert().await.unwrap()
    }

    async fn try_revert(&self) -> Result<RevertOutcome, ServiceError> {
        let revert = Revert {
            number: 1,
            base_branch: "main",
            file_path: FILE,
            before_sha: &self.base,
            head_sha: &self.head,
            branch: OWN_BRANCH,
            title: &self.words[0],
            body: &self.words[1],
            message: &self.words[2],
            at: "2026-11-22T11:00:00Z".parse().unwrap(),
        };
        self.github.revert(REPOSITORY, revert).await
    }

    fn refuse_githubs(&self) {
        let refusal = "This pull request cannot be reverted automatically".to_owned();
        self.scene.at.github.configure(REPOSITORY, |s| s.reverts_refused = Some(refusal)).unwrap();
    }

    fn greeting(&self) -> Vec<u8> {
        self.scene.at.github.file_at(REPOSITORY, "main", FILE).unwrap().unwrap()
    }

    async fn merge_revert(&self, number: u64, head_sha: &str) {
        let merge =
            Merge { number, head_sha, base_branch: "main", title: &self.words[0], message: &self.words[1] };
        let merged = self.github.merge(REPOSITORY, merge).await.unwrap();
        assert!(matches!(merged, MergeOutcome::Merged { .. }), "{merged:?}");
    }
}

#[tokio::test]
async fn github_reverts_where_it_can_and_only_once() {
    for who in [Who::FineGrained, Who::App] {
        let merged = Merged::new(&format!("revert-{who:?}"), who).await;
        let first = merged.revert().await;
        let RevertOutcome::Opened { pull_request, branch } = &first else { panic!("{first:?}") };
        assert_eq!(branch, "revert-1-autofix/0123456789ab");
        let RevertOutcome::Opened { pull_request: again, .. } = merged.revert().await else { panic!() };
        assert_eq!((again.number, &again.head_sha), (pull_request.number, &pull_request.head_sha));
        let view = merged.scene.at.github.pull_request(REPOSITORY, 2).unwrap();
        assert_eq!((view.title.as_str(), view.body.as_str()), ("Roll back: say hi", "It came back."));
        merged.merge_revert(2, &pull_request.head_sha).await;
        assert_eq!(merged.greeting(), BEFORE);
    }
}

#[tokio::test]
async fn where_github_cannot_our_own_commit_restores_the_file() {
    for who in [Who::FineGrained, Who::App] {
        let merged = Merged::new(&format!("own-revert-{who:?}"), who).await;
        merged.refuse_githubs();
        let sandbox = &merged.scene.at.github;
        sandbox.commit(REPOSITORY, "main").file("NEWS.md", b"News\n", "News").unwrap();
        // The pull request's answer is lost: the branch is there, and the base moves before the second try.
        sandbox.service().fail_next(Method::POST, "/pulls", Fault::BreakBefore);
        assert!(merged.try_revert().await.is_err());
        sandbox.commit(REPOSITORY, "main").file("NEWS.md", b"More\n", "More").unwrap();
        let done = merged.revert().await;
        let RevertOutcome::Opened { pull_request, branch } = &done else { panic!("{done:?}") };
        assert_eq!(branch, OWN_BRANCH);
        assert_eq!(merged.revert().await, done);
        merged.merge_revert(pull_request.number, &pull_request.head_sha).await;
        assert_eq!(merged.greeting(), BEFORE);
        let news = sandbox.file_at(REPOSITORY, "main", "NEWS.md").unwrap().unwrap();
        assert_eq!(news, b"More\n");
    }
}

#[tokio::test]
async fn a_file_that_was_changed_since_is_left_to_people() {
    let merged = Merged::new("revert-changed", Who::FineGrained).await;
    merged.refuse_githubs();
    let sandbox = &merged.scene.at.github;
    sandbox.commit(REPOSITORY, "main").file(FILE, b"def greet():\n    return 'hi!'\n", "Louder").unwrap();
    let done = merged.revert().await;
    assert!(
        matches!(&done, RevertOutcome::ContentChanged { said } if said.contains("cannot be reverted")),
        "{done:?}"
    );
    sandbox.commit(REPOSITORY, "main").file(FILE, BEFORE, "Back").unwrap();
    assert_eq!(merged.revert().await, RevertOutcome::AlreadyUndone);
    assert_eq!(merged.scene.head(OWN_BRANCH), None);
}

#[tokio::test]
async fn a_branch_of_somebody_else_is_not_taken_for_the_revert() {
    let merged = Merged::new("revert-taken", Who::App).await;
    merged.refuse_githubs();
    let theirs = merged.scene.at.github.commit(REPOSITORY, OWN_BRANCH).file("A.md", b"A\n", "Mine").unwrap();
    assert_eq!(merged.revert().await, RevertOutcome::BranchTaken { head: Some(theirs) });
    assert!(matches!(
        merged.scene.at.github.pull_request(REPOSITORY, 1).unwrap().state,
        PullState::Merged { .. }
    ));
}
