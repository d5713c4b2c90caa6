//! Closes a pull request that is not wanted any more and deletes its branch, unless it holds someone else's commits.

use autofix::attempt::{Attempt, Cleanup, Event, PullRequest};

use crate::context::Context;
use crate::happened::{Early, Stepped};

/// Of a fix that does not fit the base any more.
pub(super) async fn withdraw(
    context: &Context<'_>,
    attempt: &Attempt,
    pull_request: &PullRequest,
) -> Stepped {
    Ok(match close(context, attempt, pull_request).await? {
        Cleanup::TooLate => Event::MergedOnGithub { watch: context.watch_from_now() },
        outcome => Event::CleanedUp { outcome },
    }
    .into())
}

/// Of a fix that was dismissed.
pub(super) async fn clean_up(
    context: &Context<'_>,
    attempt: &Attempt,
    pull_request: &PullRequest,
) -> Stepped {
    Ok(Event::CleanedUp { outcome: close(context, attempt, pull_request).await? }.into())
}

async fn close(
    context: &Context<'_>,
    attempt: &Attempt,
    pull_request: &PullRequest,
) -> Result<Cleanup, Early> {
    let (github, repo) = (&context.worker.github, &attempt.target.repo);
    let current = github.pull_request(repo, pull_request.number).await?;
    if current.merged {
        return Ok(Cleanup::TooLate);
    }
    if current.open {
        github.close_pull_request(repo, pull_request.number).await?;
    }
    if current.head_sha == pull_request.head_sha {
        github.delete_branch(repo, &pull_request.branch, &pull_request.head_sha).await?;
    }
    Ok(Cleanup::Done)
}

#[cfg(test)]
mod tests {
    use autofix::attempt::{AttemptId, Subject, Target};
    use autofix::clock::Clock;
    use autofix::config::WorkerConfig;
    use autofix::github::{BranchBefore, BranchSet, FileChange, NewCommit, NewPullRequest};
    use autofix::outbound::Outbound;
    use autofix::redaction::redact;
    use autofix::secrets::Secrets;
    use autofix_sandbox::demo_project::REPOSITORY;
    use autofix_sandbox::{Sandbox, SlackWay};

    use super::*;
    use crate::happened::Happened;
    use crate::worker::Worker;

    /// A worker whose GitHub is a fake, and an open pull request there. The step asks nothing else.
    async fn with_a_pull_request() -> (Worker, Sandbox, Attempt, PullRequest) {
        let clock = Clock::system();
        let id = AttemptId::new(clock.now());
        let folder = std::env::temp_dir().join(format!("autofix-clean-up-{id}"));
        let sandbox = Sandbox::start(&folder, clock.clone()).await.unwrap();
        sandbox.add_demo_project().unwrap();
        let environment = sandbox.environment(SlackWay::Bot);
        let config = WorkerConfig::from_env(&environment).unwrap();
        let store = autofix::aws::store(&autofix::aws::function_config(&environment), &config.common);
        let secrets = Secrets::from_environment(environment, clock.clone());
        let worker = Worker::new(config, secrets, store, clock.clone(), Outbound::new(None).unwrap());
        let target = Target { repo: REPOSITORY.to_owned(), ..Target::default() };
        let attempt = Attempt::pending(id, Subject::default(), target, clock.now());

        let text = redact("Fix it");
        let base = worker.github.branch_head(REPOSITORY, "main").await.unwrap().unwrap();
        let (parent_sha, message) = (base.as_str(), &text);
        let files = &[FileChange::Write { path: "README.md", content: "fixed\n" }];
        let commit = NewCommit { parent_sha, files, message, at: clock.now() };
        let branch = attempt.branch();
        let set = worker.github.commit_to_branch(REPOSITORY, &branch, BranchBefore::Absent, commit).await;
        let BranchSet::Done { sha: head_sha } = set.unwrap() else { panic!("the branch is not ours") };
        let new = NewPullRequest { title: &text, body: &text, head: &branch, base: "main", draft: false };
        let opened = worker.github.open_pull_request(REPOSITORY, new).await.unwrap();
        let pull_request = PullRequest { number: opened.number, url: opened.url, branch, head_sha };
        (worker, sandbox, attempt, pull_request)
    }

    fn context(worker: &Worker) -> Context<'_> {
        Context { worker, deadline: worker.clock.now(), tries: 1, post_begins: false }
    }

    fn event(stepped: Stepped) -> Event {
        match stepped.unwrap() {
            Happened::Events(mut events) if events.len() == 1 => events.remove(0),
            other => panic!("not one event: {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_pull_request_is_closed_and_a_repeat_finds_it_closed() {
        let (worker, sandbox, attempt, pull_request) = with_a_pull_request().await;
        for _ in 0..2 {
            let stepped = clean_up(&context(&worker), &attempt, &pull_request).await;
            assert_eq!(event(stepped), Event::CleanedUp { outcome: Cleanup::Done });
        }
        assert!(sandbox.github.open_pull_requests(REPOSITORY).unwrap().is_empty());
        assert_eq!(worker.github.branch_head(REPOSITORY, &pull_request.branch).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_people_merged_meanwhile_stays_merged() {
        let (worker, sandbox, attempt, pull_request) = with_a_pull_request().await;
        sandbox.github.merge_pull_request(REPOSITORY, pull_request.number).unwrap();
        let context = context(&worker);
        let dismissed = event(clean_up(&context, &attempt, &pull_request).await);
        assert_eq!(dismissed, Event::CleanedUp { outcome: Cleanup::TooLate });
        let withdrawn = event(withdraw(&context, &attempt, &pull_request).await);
        assert!(matches!(withdrawn, Event::MergedOnGithub { watch: Some(_) }), "{withdrawn:?}");
    }
}
