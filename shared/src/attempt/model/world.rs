//! The machine in a small world: a table that keeps one attempt, a GitHub with one pull request, a Slack with one card, and
//! a worker that may die between any two things it does. People click and merge in between, services fail, answers
//! are lost. At the end everything outside must have happened at most once and be what the attempt says.

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::Value;

use super::worker::Worker;
use super::{SILENT, fresh, is_one_of, laws, matrix, now, phase};
use crate::attempt::{Attempt, Cleanup, Event, Next, Reverted, State, Status};
use crate::messages::{self, Buttons, WayOn};

/// Wake-ups within which an attempt ends when nothing fails any more and a person decides.
const WAKES_TO_THE_END: usize = 60;
/// Phases in which nothing is left to do but what people ask for.
const FINAL: &str =
    "closed closed_why late late_why shut left unwatched told regressed refused rolled_back failed skipped";

pub(super) struct World {
    pub now: jiff::Timestamp,
    pub table: Attempt,
    /// Grows with each write, as in the table: who saves names the version that was read.
    pub version: u64,
    pub github: Github,
    pub slack: Slack,
}

#[derive(Default)]
pub(super) struct Github {
    /// Pull requests of ours, one after the other; the last one may be open.
    pub pull_requests: usize,
    pub open: bool,
    pub merged: bool,
    /// The head of the pull request: the one that we made last, or somebody's.
    pub head: String,
    /// The heads that we merged.
    pub merges: Vec<String>,
    /// Issues that joined, as the pull request names them.
    pub issues: u32,
    pub reverts: usize,
    pub reverts_merged: usize,
}

#[derive(Default)]
pub(super) struct Slack {
    pub posts: usize,
    pub card: Option<Value>,
}

/// What a person, or Sentry's agent, does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Person {
    Deploys,
    /// As the first of two who have to.
    Approves,
    Dismisses,
    SaysWhy,
    TriesAgain,
    MergesOnGithub,
    ClosesOnGithub,
    Pushes,
    RollsBack,
    SentryAgent,
    /// Another attempt of the same fault.
    AnotherIssueJoins,
}

/// How one thing outside goes. Saving is one, too.
#[derive(Clone, Copy, Debug)]
pub(super) enum Luck {
    Good,
    /// It did not happen, and the worker is told so.
    Refused,
    /// It happened, and the worker is told that it did not.
    AnswerLost,
    /// Its circuit is open: nobody asked.
    NotAsked,
    DiesBefore,
    DiesAfter,
    /// It happened, and somebody else does something right after.
    Meanwhile(Person),
}

#[derive(Clone, Debug)]
enum Happening {
    Wake {
        luck: Vec<Luck>,
        /// What analysis and checks find; empty is the way that ends in a merge.
        findings: Vec<u8>,
    },
    Someone(Person),
    MinutesPass(i64),
}

impl World {
    fn new() -> World {
        let (github, slack) = (Github::default(), Slack::default());
        World { now: now(), table: fresh(), version: 0, github, slack }
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Wake { luck, findings } => self.wake(luck, findings),
            Happening::Someone(person) => self.someone(person),
            Happening::MinutesPass(minutes) => self.now += SignedDuration::from_mins(minutes),
        }
    }

    pub(super) fn write(&mut self, attempt: Attempt) {
        laws(&self.table, &attempt);
        self.table = attempt;
        self.version += 1;
    }

    pub(super) fn someone(&mut self, person: Person) {
        let decision = matrix::decision();
        let event = match person {
            Person::Deploys => Event::Approved { decision, needed: 1 },
            Person::Approves => Event::Approved { decision, needed: 2 },
            Person::Dismisses => Event::Dismissed { decision, dismissal: None },
            Person::SaysWhy => Event::Dismissed { decision, dismissal: matrix::dismissal() },
            Person::TriesAgain => Event::TriedAgain { retried: matrix::retried() },
            Person::RollsBack => Event::RollBackApproved { decision },
            Person::SentryAgent => Event::SentryAgentTookOver { reason: matrix::reason() },
            Person::AnotherIssueJoins => {
                Event::IssueJoined { issue: matrix::joining(&format!("issue {}", self.version)) }
            }
            Person::MergesOnGithub => {
                self.github.merged |= self.github.open;
                self.github.open = false;
                return;
            }
            Person::ClosesOnGithub => {
                self.github.open = false;
                return;
            }
            Person::Pushes => {
                self.github.head = "somebody's".to_owned();
                return;
            }
        };
        let mut attempt = self.table.clone();
        if attempt.apply(event, self.now).is_ok() {
            self.write(attempt);
        }
    }

    fn wake(&mut self, luck: Vec<Luck>, findings: Vec<u8>) {
        let (attempt, version) = (self.table.clone(), self.version);
        let (luck, findings) = (luck.into_iter(), findings.into_iter());
        Worker { world: self, attempt, version, luck, findings }.work();
    }

    /// What people see is what the attempt says, or the attempt is going to tell them.
    pub(super) fn the_card_is_true(&self) {
        let card = &self.table.card;
        if card.shown < card.wanted {
            match (self.table.next_step(self.now), card.not_before) {
                (Next::Do(_), _) => {}
                (Next::WaitUntil(time), Some(slack)) if time <= slack => {}
                (next, _) => panic!("{next:?}, and a card is owed: {card:?}"),
            }
        } else if card.wanted > 0 && !is_one_of(SILENT, phase(&self.table)) {
            assert_eq!(self.slack.card, Some(shown(&self.table)), "the card in Slack is not up to date");
        }
    }

    /// From here on nothing fails, and a person decides where one is needed.
    fn run_out(&mut self, person: Person) {
        for _ in 0..WAKES_TO_THE_END {
            self.wake(Vec::new(), Vec::new());
            match self.table.next_step(self.now) {
                Next::Ended => return,
                Next::WaitUntil(_) if self.table.status() == Status::AwaitingApproval => self.someone(person),
                Next::WaitUntil(time) => self.now = time,
                Next::Do(step) => panic!("the worker left `{step:?}` to be done"),
            }
        }
        panic!("no end after {WAKES_TO_THE_END} wake-ups: {:?}", self.table.state);
    }

    fn check_the_end(&self) {
        let Github { pull_requests, open, merged, merges, reverts, reverts_merged, .. } = &self.github;
        let (pull_requests, restarts) = (*pull_requests, self.table.restarts as usize);
        assert!(pull_requests <= 1 + restarts, "a second pull request");
        assert!(merges.len() <= 1 && *reverts <= 1 && *reverts_merged <= 1, "something was merged twice");
        assert!(self.slack.posts <= 1, "a second card");
        assert!(self.table.card.wanted > 0, "it ended and nobody was to be told");
        assert_eq!(self.table.card.shown, self.table.card.wanted, "a card is still owed");
        self.the_card_is_true();
        if let Some(ours) = merges.first() {
            let merged = self.table.state.merged().expect("what we merged is not forgotten");
            assert_eq!(&merged.pull_request.head_sha, ours, "merged what nobody approved");
        }
        let end = phase(&self.table);
        assert!(is_one_of(FINAL, end), "nothing is left to do in `{end}`");
        match &self.table.state {
            State::RolledBack { revert: Reverted::ByPullRequest { .. }, .. } => {
                assert!(*merged && *reverts_merged == 1);
            }
            State::RolledBack { revert: Reverted::ByHand { .. }, .. } => {
                assert!(*merged && *reverts_merged == 0)
            }
            State::Rejected { cleanup: Cleanup::TooLate, .. } => assert!(merged),
            State::Rejected { .. } => assert!(!open, "a dismissed pull request is open"),
            State::Skipped { .. } => assert_eq!(pull_requests, restarts, "skipped with a pull request"),
            State::Failed { pull_request, .. } => assert!(pull_request.is_none() || pull_requests > 0),
            _ => assert!(merged, "`{end}` without a merge"), // the rest of the final ones
        }
    }
}

/// What people see of an attempt.
pub(super) fn shown(attempt: &Attempt) -> Value {
    messages::card(attempt, &WayOn { buttons: Buttons::Shown, details: None, approvals: 1 }).to_json()
}

fn person() -> impl Strategy<Value = Person> {
    prop::sample::select(vec![
        Person::Deploys,
        Person::Approves,
        Person::Dismisses,
        Person::SaysWhy,
        Person::TriesAgain,
        Person::MergesOnGithub,
        Person::ClosesOnGithub,
        Person::Pushes,
        Person::RollsBack,
        Person::SentryAgent,
        Person::AnotherIssueJoins,
    ])
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        12 => Just(Luck::Good),
        2 => Just(Luck::Refused),
        1 => Just(Luck::AnswerLost),
        1 => Just(Luck::NotAsked),
        1 => Just(Luck::DiesBefore),
        1 => Just(Luck::DiesAfter),
        2 => person().prop_map(Luck::Meanwhile),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let luck = prop::collection::vec(luck(), 0..20);
    let findings = prop::collection::vec(prop_oneof![3 => Just(0_u8), 2 => 1..6_u8], 0..8);
    prop_oneof![
        4 => (luck, findings).prop_map(|(luck, findings)| Happening::Wake { luck, findings }),
        2 => person().prop_map(Happening::Someone),
        3 => prop_oneof![4 => 0..20_i64, 4 => 60..90_i64, 1 => Just(25 * 60_i64)].prop_map(Happening::MinutesPass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_happens_everything_happens_once_and_is_told(
        happenings in prop::collection::vec(happening(), 0..30),
        person in prop_oneof![Just(Person::Deploys), Just(Person::Dismisses)],
    ) {
        let mut world = World::new();
        for happening in happenings {
            world.happens(happening);
            world.the_card_is_true();
        }
        world.run_out(person);
        world.check_the_end();
    }
}
