//! What must hold whatever happened: some of it at every moment, the rest when everything has come to its end.

use std::collections::BTreeMap;

use autofix::attempt::{Attempt, AttemptId, Next, State, Status};
use autofix::messages::attempt_trailer;
use autofix::reason::ReasonCode;
use jiff::SignedDuration;

use super::stage::{self, OPEN, PER_HOUR, Stage};
use crate::shop;
use autofix_sandbox::demo_project::REPOSITORY;
use autofix_sandbox::github::PullState;

/// What was seen so far.
#[derive(Default)]
pub(super) struct Witness {
    statuses: BTreeMap<AttemptId, Status>,
    /// Sentences about what did not hold; each once.
    broken: Vec<String>,
}

impl Witness {
    fn must(&mut self, holds: bool, sentence: impl FnOnce() -> String) {
        if !holds {
            let sentence = sentence();
            if !self.broken.contains(&sentence) {
                self.broken.push(sentence);
            }
        }
    }

    /// Looks at what must hold at every moment.
    pub(super) async fn look(&mut self, stage: &Stage) -> anyhow::Result<()> {
        let attempts = stage.attempts().await?;
        let mut live: BTreeMap<&str, usize> = BTreeMap::new();
        for attempt in &attempts {
            let (id, status) = (attempt.id, attempt.status());
            if let Some(before) = self.statuses.insert(id, status) {
                self.must(may_follow(before, status), || {
                    format!("attempt {id} was `{before}` and is `{status}`")
                });
            }
            if attempt.state.is_live() {
                *live.entry(&attempt.subject.sentry_issue_id).or_default() += 1;
            }
        }
        for (issue, count) in live {
            self.must(count == 1, || format!("issue {issue} has {count} live attempts"));
        }
        let open = stage.sandbox.github.open_pull_requests(REPOSITORY)?.len();
        self.must(open <= OPEN, || format!("{open} pull requests are open at once"));
        Ok(())
    }

    /// Looks at the end; the sentences about everything that did not hold.
    pub(super) async fn judge(mut self, stage: &Stage) -> anyhow::Result<Vec<String>> {
        self.look(stage).await?;
        let attempts = stage.attempts().await?;
        for id in &stage.accepted {
            let known = attempts.iter().any(|attempt| attempt.id.to_string() == *id);
            self.must(known, || format!("attempt {id} was accepted and is not there"));
        }
        for attempt in &attempts {
            self.outcome(stage, attempt);
            self.card(stage, attempt);
            self.on_github(stage, attempt)?;
        }
        let (told, turned_away) = (stage::told_in_digests(&stage.sandbox), stage::turned_away(&attempts));
        self.must(told == turned_away, || {
            format!("{turned_away} attempts were turned away, and the digests tell of {told}")
        });
        for outage in stage.store.outages().await? {
            self.broken
                .push(format!("people have not been told that the outage of `{}` is over", outage.service));
        }
        self.hourly_limit(&attempts);
        self.messages(stage);
        self.turns(stage);
        let unknown = stage.sandbox.unknown();
        self.must(unknown.is_empty(), || format!("the fakes did not understand: {unknown:?}"));
        Ok(self.broken)
    }

    fn outcome(&mut self, stage: &Stage, attempt: &Attempt) {
        let (id, status) = (attempt.id, attempt.status());
        let at_rest = attempt.next_step(stage.clock.now()) == Next::Ended;
        self.must(at_rest, || format!("attempt {id} is `{status}` and has not come to an end"));
        let owed = attempt.card.wanted - attempt.card.shown.min(attempt.card.wanted);
        self.must(owed == 0, || format!("attempt {id} (`{status}`) owes a card"));
    }

    /// One card an attempt; what was turned away is in a digest, and what joined is on the other one's card.
    fn card(&mut self, stage: &Stage, attempt: &Attempt) {
        let joined = attempt.state.reasons().iter().any(|reason| reason.code == ReasonCode::SameFaultJoined);
        let expected = usize::from(!joined && !stage::was_turned_away(attempt));
        let key = attempt.id.to_string();
        let messages = stage.sandbox.slack.messages();
        let cards = messages.iter().filter(|message| stage::key_of(message) == Some(&key)).count();
        let (id, status) = (attempt.id, attempt.status());
        self.must(cards == expected, || format!("attempt {id} (`{status}`) has {cards} cards"));
    }

    /// At most one branch, with one commit, one pull request and one merge an attempt, as its status says.
    fn on_github(&mut self, stage: &Stage, attempt: &Attempt) -> anyhow::Result<()> {
        let github = &stage.sandbox.github;
        let (id, status) = (attempt.id, attempt.status());
        let pulls = github.pull_requests(REPOSITORY)?;
        let ours: Vec<_> = pulls.iter().filter(|pull| pull.head_branch.starts_with(&id.branch())).collect();
        self.must(ours.len() <= 1, || format!("attempt {id} has {} pull requests", ours.len()));
        let branches = github.branches(REPOSITORY)?;
        let branches: Vec<_> = branches.iter().filter(|branch| branch.starts_with(&id.branch())).collect();
        self.must(branches.len() <= 1, || format!("attempt {id} has the branches {branches:?}"));
        let line = attempt_trailer(id);
        for branch in &branches {
            let log = github.log(REPOSITORY, branch)?;
            let commits = log.iter().filter(|(_, message)| message.contains(&line)).count();
            self.must(commits == 1, || format!("the branch of attempt {id} has {commits} commits"));
        }
        let log = github.log(REPOSITORY, "main")?;
        let merges = log.iter().filter(|(_, message)| message.contains(&line)).count();
        let merged = attempt.state.merged().is_some();
        self.must(merges <= 1, || format!("attempt {id} was merged {merges} times"));
        self.must(merged == (merges == 1), || format!("attempt {id} is `{status}` and has {merges} merges"));
        let is_in = |state: &PullState| match state {
            PullState::Open => "open",
            PullState::Closed => "closed",
            PullState::Merged { .. } => "merged",
        };
        let expected: &[&str] = match &attempt.state {
            State::Deployed { .. } | State::Verified { .. } => &["merged"],
            State::Rejected { .. } => &["closed"],
            State::Failed { pull_request: Some(_), .. } => &["open", "closed"],
            _ => &[],
        };
        let states: Vec<&str> = ours.iter().map(|pull| is_in(&pull.state)).collect();
        let as_it_says = match states.as_slice() {
            [] => expected.is_empty() || matches!(attempt.state, State::Failed { .. }),
            [state] => expected.contains(state) || matches!(attempt.state, State::Failed { .. }),
            _ => true, // said above
        };
        self.must(as_it_says, || format!("attempt {id} is `{status}`, its pull requests are {states:?}"));
        if matches!(attempt.state, State::Rejected { .. }) {
            let none_left = branches.is_empty();
            self.must(none_left, || format!("the branch of the dismissed attempt {id} is still there"));
        }
        Ok(())
    }

    /// Exact over every sliding hour.
    fn hourly_limit(&mut self, attempts: &[Attempt]) {
        let mut starts: Vec<_> = attempts
            .iter()
            .filter(|attempt| !stage::was_turned_away(attempt))
            .map(|a| a.created_at)
            .collect();
        starts.sort_unstable();
        for (first, beyond) in starts.iter().zip(starts.iter().skip(PER_HOUR)) {
            let within = beyond.duration_since(*first);
            let holds = within >= SignedDuration::from_hours(1);
            self.must(holds, || format!("{} attempts started within {within:#}", PER_HOUR + 1));
        }
    }

    fn messages(&mut self, stage: &Stage) {
        let mut times: BTreeMap<Option<String>, usize> = BTreeMap::new();
        for message in stage.sandbox.slack.messages() {
            *times.entry(stage::key_of(&message).map(str::to_owned)).or_default() += 1;
        }
        for (key, times) in times {
            let key = key.unwrap_or_else(|| "none".to_owned());
            self.must(times == 1 && key != "none", || format!("{times} messages have the key `{key}`"));
        }
    }

    /// No turn is paid twice but those in flight when a process died, an answer was lost, or the table failed.
    fn turns(&mut self, stage: &Stage) {
        let conversations = stage.sandbox.claude.conversations();
        let twice: usize = conversations
            .iter()
            .map(|had| {
                had.turns.saturating_sub(shop::turns_of(had.result_tool.as_deref().unwrap_or_default()))
            })
            .sum();
        let counts = stage.counts;
        let in_flight = counts.deaths + counts.failures_of_turns;
        self.must(twice <= in_flight, || {
            format!("{twice} turns were paid twice, {in_flight} were in flight")
        });
    }
}

/// What has ended stays as it ended; only a merged fix is watched, and may come back.
fn may_follow(before: Status, after: Status) -> bool {
    match before {
        Status::Rejected | Status::Failed | Status::Skipped | Status::RolledBack => after == before,
        Status::Deployed => !matches!(
            after,
            Status::Pending
                | Status::Analyzing
                | Status::PrCreated
                | Status::AwaitingApproval
                | Status::Approved
                | Status::Rejected
                | Status::Failed
                | Status::Skipped
        ),
        Status::Verified => after == Status::Verified,
        Status::Regressed => matches!(after, Status::Regressed | Status::RolledBack),
        Status::Pending
        | Status::Analyzing
        | Status::PrCreated
        | Status::AwaitingApproval
        | Status::Approved => true,
    }
}
