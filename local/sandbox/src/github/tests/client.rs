//! AutoFix's own client against the fake: what it makes of GitHub's answers, and what it leaves behind.

mod app;
mod branches;
mod checks;
mod deployments;
mod merging;
mod owners;
mod pull_requests;
mod reverting;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use autofix::clock::Clock;
use autofix::config::{Environment, names};
use autofix::github::{BranchBefore, BranchSet, FileChange, Github, Identity, NewCommit, NewPullRequest};
use autofix::outbound::Outbound;
use autofix::redaction::{Redacted, redact};
use autofix::secrets::Secrets;
use jiff::{SignedDuration, Timestamp};

use super::super::{APP_ID, APP_PRIVATE_KEY, CLASSIC_TOKEN, TOKEN};
use super::{FILE, Fixture, REPOSITORY};

const FIX: &str = "def greet():\n    return 'hi'\n";
const BRANCH: &str = "autofix/0123456789ab";

/// A clock that stands still between two moves.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn new() -> Hands {
        let start: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        Hands(Arc::new(AtomicI64::new(start.as_second())))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn advance(&self, by: SignedDuration) {
        self.0.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::new(move || hands.now())
    }
}

/// A fake with a clock that a test moves.
struct Scene {
    at: Fixture,
    hands: Hands,
}

/// The credential that a client uses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    FineGrained,
    Classic,
    App,
}

impl Scene {
    async fn new(name: &str) -> Scene {
        let hands = Hands::new();
        Scene { at: Fixture::new(name, hands.clock()).await, hands }
    }

    fn client(&self, who: Who) -> Github {
        let secrets = match who {
            Who::FineGrained => [(names::GITHUB_TOKEN, TOKEN)],
            Who::Classic => [(names::GITHUB_TOKEN, CLASSIC_TOKEN)],
            Who::App => [(names::GITHUB_APP_PRIVATE_KEY, APP_PRIVATE_KEY)],
        };
        self.client_with(who, secrets.into_iter().collect())
    }

    fn client_with(&self, who: Who, environment: Environment) -> Github {
        let secrets = Secrets::from_environment(environment, self.hands.clock());
        let app_id = (who == Who::App).then_some(APP_ID);
        let identity = Identity::from_settings(app_id, &secrets, self.hands.clock());
        let base = self.at.github.url().parse().unwrap();
        Github::new(Outbound::new(None).unwrap(), base, identity)
    }

    /// The fix on its branch, and the pull request for it. Answers the head's SHA.
    async fn opened(&self, github: &Github) -> String {
        let base = self.at.main().await;
        let commit = self.fix(&base);
        let set = github.commit_to_branch(REPOSITORY, BRANCH, BranchBefore::Absent, commit).await.unwrap();
        let BranchSet::Done { sha } = set else { panic!("{set:?}") };
        let (title, body) = (redact("Say hi"), redact("Because."));
        let new = NewPullRequest { title: &title, body: &body, head: BRANCH, base: "main", draft: false };
        assert_eq!(github.open_pull_request(REPOSITORY, new).await.unwrap().head_sha, sha);
        sha
    }

    /// The commit of the fix on top of another.
    fn fix<'a>(&self, parent_sha: &'a str) -> NewCommit<'a> {
        let at = "2026-11-22T09:30:00Z".parse().unwrap();
        let files = &[FileChange::Write { path: FILE, content: FIX }];
        NewCommit { parent_sha, files, message: message(), at }
    }

    fn head(&self, branch: &str) -> Option<String> {
        self.at.github.sha_of(REPOSITORY, branch).unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.at.github.service().unknown(), [""; 0]);
            assert_eq!(self.at.github.downloads().unknown(), [""; 0]);
        }
    }
}

fn message() -> &'static Redacted {
    static MESSAGE: std::sync::OnceLock<Redacted> = std::sync::OnceLock::new();
    MESSAGE.get_or_init(|| redact("Say hi\n\nAutoFix-Attempt: 0123456789ab\n"))
}
