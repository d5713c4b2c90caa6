//! The stories that a worker is killed in, and what is left at their end: everything that people, git and the bill
//! would show, with the names that differ from world to world replaced.

use std::collections::BTreeMap;

use autofix::attempt::{Attempt, AttemptId, Next, Status};
use autofix::messages::{DEPLOY, ROLL_BACK};
use autofix::store::{Listing, ListingFilter};
use autofix_local::demo_project;
use autofix_local::sandbox::github::Checkout;

use crate::world::{CheckRun, Conclusion, Hook, REPO, Scenario, World, hours, mins};

/// What happens in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Story {
    /// From the report to the armed card.
    Fix,
    /// From the report to the card that leaves it to people.
    Review,
    /// From the click to the closed pull request.
    Dismiss,
    /// From the click to the merge.
    Deploy,
    /// From the report of a second issue of a fault to its place on the open pull request and on the card.
    Join,
    /// From the report to the card that says that the fix waits for a place.
    Wait,
    /// From the click that makes a place to the armed card of the fix that has waited for it.
    Place,
    /// From the click that takes a fix back, with which the error came back, to its merged revert.
    RollBack,
    /// From the report to the armed card of a fix that is proved.
    Prove,
    /// From the report to the armed card of a fix whose test proved nothing and came off the branch.
    Unprove,
}

impl Story {
    pub const ALL: [Story; 10] = [
        Story::Fix,
        Story::Review,
        Story::Dismiss,
        Story::Deploy,
        Story::Join,
        Story::Wait,
        Story::Place,
        Story::RollBack,
        Story::Prove,
        Story::Unprove,
    ];

    /// Up to the question for a place, or to the test of a proof, it is the story of the fix: one effect of each kind is
    /// enough.
    pub fn begins_like_another(self) -> bool {
        matches!(self, Story::Wait | Story::Prove | Story::Unprove)
    }

    pub fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Story::Wait | Story::Place => &[("AUTOFIX_MAX_OPEN_PULL_REQUESTS", "1")],
            Story::Prove | Story::Unprove => &[("AUTOFIX_PROOF", "try")],
            Story::Fix | Story::Review | Story::Dismiss | Story::Deploy | Story::Join | Story::RollBack => {
                &[]
            }
        }
    }

    /// Everything up to the record that wakes the worker. The attempt that the story is about.
    pub async fn begin(self, world: &World) -> AttemptId {
        let id = match self {
            Story::Fix => world.alert(Scenario::Fix).await.attempt_id(),
            Story::Prove | Story::Unprove => {
                let ci = if self == Story::Prove { demo_project::ci } else { always_green };
                world.sandbox.github.set_ci(REPO, ci).unwrap();
                world.alert(Scenario::Fix).await.attempt_id()
            }
            Story::Review => world.alert(Scenario::Security).await.attempt_id(),
            Story::Dismiss | Story::Deploy => {
                let (id, card) = world.until_armed().await;
                if self == Story::Deploy {
                    world.press(&card, DEPLOY).await;
                } else {
                    world.press_dismiss(&card).await;
                }
                id
            }
            Story::Join => {
                world.until_armed().await;
                let event = Scenario::Fix.event(world.clock.now()).as_other_issue(1);
                world.report(&event, Hook::EventAlertTriggered).await.attempt_id()
            }
            Story::Wait | Story::Place => {
                let (_, card) = world.until_armed().await;
                let event = Scenario::Fix.event(world.clock.now()).as_other_fault(1);
                let id = world.report(&event, Hook::EventAlertTriggered).await.attempt_id();
                if self == Story::Place {
                    world.settle().await;
                    world.press_dismiss(&card).await;
                }
                id
            }
            Story::RollBack => {
                let (id, card) = world.until_armed().await;
                let event = Scenario::Fix.event(world.clock.now());
                world.decide(&card, DEPLOY).await;
                let fixed = world.main();
                world.after(hours(1)).await;
                let again = event.again(1, world.clock.now()).in_release(&format!("bookshop@{fixed}"));
                world.sandbox.sentry.throw(&again);
                world.after(mins(30)).await;
                world.press(&world.card(), ROLL_BACK).await;
                id
            }
        };
        AttemptId::parse(&id).unwrap()
    }

    fn end(self) -> Status {
        match self {
            Story::Fix | Story::Place | Story::Prove | Story::Unprove => Status::AwaitingApproval,
            Story::Review | Story::Join => Status::Skipped,
            Story::Dismiss => Status::Rejected,
            Story::Deploy => Status::Deployed,
            Story::RollBack => Status::RolledBack,
            Story::Wait => Status::Analyzing,
        }
    }

    /// Runs of the clock that may be needed although no lease has to run out.
    pub fn patience(self) -> usize {
        match self {
            // The news that a place is free may die with its bearer; who waits looks again by itself.
            Story::Place => usize::MAX,
            Story::Fix
            | Story::Review
            | Story::Dismiss
            | Story::Deploy
            | Story::Join
            | Story::Wait
            | Story::RollBack
            | Story::Prove
            | Story::Unprove => 2,
        }
    }

    /// Whether the story has come to its end and nobody has anything left to do now.
    pub async fn is_over(self, world: &World, id: AttemptId) -> bool {
        let now = world.clock.now();
        let owes_nothing = |attempt: &Attempt| {
            !matches!(attempt.next_step(now), Next::Do(_)) && attempt.card.shown == attempt.card.wanted
        };
        let attempts = attempts(world).await;
        let own = attempts.iter().find(|attempt| attempt.id == id).expect("the attempt is in the table");
        let waits = own.wait.is_some() == (self == Story::Wait);
        own.status() == self.end() && waits && attempts.iter().all(owes_nothing)
    }
}

fn always_green(_: &Checkout<'_>) -> Vec<CheckRun> {
    vec![CheckRun::ended("tests", Conclusion::Success)]
}

/// All there are, in the order in which they began.
async fn attempts(world: &World) -> Vec<Attempt> {
    let filter = ListingFilter::default();
    let listing = Listing { filter, limit: 100, before: None, now: world.clock.now() };
    let mut attempts = world.process.store().list(&listing).await.unwrap().attempts;
    attempts.sort_by_key(|attempt| attempt.id);
    attempts
}

/// What a story left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// Status and timeline of each attempt.
    attempts: Vec<(Status, Vec<String>)>,
    cards: Vec<String>,
    /// Number, state and body.
    pull_requests: Vec<String>,
    /// Branches with the messages of their commits, newest first.
    branches: BTreeMap<String, Vec<String>>,
    /// Turns that the attempts know of, and whether the day's sum is what they cost.
    turns_kept: u32,
    spent_is_right: bool,
}

impl Ending {
    pub async fn of(world: &World) -> Ending {
        let attempts = attempts(world).await;
        let github = &world.sandbox.github;
        let names = Names::of(world, &attempts);
        let mut branches = BTreeMap::new();
        for branch in github.branches(REPO).unwrap() {
            let messages = github.log(REPO, &branch).unwrap().into_iter().map(|(_, text)| names.hide(&text));
            branches.insert(names.hide(&branch), messages.collect());
        }
        let pulls = github.pull_requests(REPO).unwrap();
        let shown = |text: &str| without_cost_and_time(&names.hide(text));
        let pulls =
            pulls.iter().map(|pull| shown(&format!("#{} {:?} {}", pull.number, pull.state, pull.body)));
        let cards = world.sandbox.slack.messages();
        let cards = cards.iter().map(|card| shown(&world.shown(card)));
        let spent = world.process.store().spent_today(world.clock.now()).await.unwrap();
        let known: f64 = attempts.iter().map(|attempt| attempt.usage.cost_usd).sum();
        let timeline = |attempt: &Attempt| {
            attempt.timeline.iter().map(|moment| names.hide(&moment.what)).collect::<Vec<_>>()
        };
        Ending {
            attempts: attempts.iter().map(|attempt| (attempt.status(), timeline(attempt))).collect(),
            cards: cards.collect(),
            pull_requests: pulls.collect(),
            branches,
            turns_kept: attempts.iter().map(|attempt| attempt.usage.turns).sum(),
            spent_is_right: (spent - known).abs() < 0.000_01,
        }
    }
}

impl Ending {
    /// The same where a turn was in flight that nobody kept: it is paid for, and belongs to nobody.
    pub fn without_the_bill(&self) -> Ending {
        Ending { spent_is_right: true, ..self.clone() }
    }
}

/// A turn that was asked for again is read from Claude's cache and costs less, and what is done later is watched longer.
fn without_cost_and_time(text: &str) -> String {
    let mut until = 0;
    let words = text.split(' ').filter_map(|word| {
        until = if word == "until" { 2 } else { until - 1 };
        match word {
            _ if (0..2).contains(&until) => None,
            _ if word.starts_with('$') => Some("$"),
            // Which number a run of CI has, and how long it took.
            _ if word.contains("/actions/runs/") => Some("<run>"),
            _ if word.trim_start_matches('(').bytes().all(|byte| byte.is_ascii_digit()) => Some("<number>"),
            word => Some(word),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Names that differ from world to world, longest first.
struct Names(Vec<(String, String)>);

impl Names {
    fn of(world: &World, attempts: &[Attempt]) -> Names {
        let mut names = vec![
            (world.sandbox.github.url(), "<github>".to_owned()),
            (world.sandbox.sentry.url(), "<sentry>".to_owned()),
        ];
        for (number, attempt) in attempts.iter().enumerate() {
            names.push((attempt.id.to_string(), format!("<attempt {number}>")));
            names.push((attempt.id.short(), format!("<short id {number}>")));
        }
        for branch in world.sandbox.github.branches(REPO).unwrap() {
            for (sha, _) in world.sandbox.github.log(REPO, &branch).unwrap() {
                names.push((sha[..10].to_owned(), "<short commit>".to_owned()));
                names.push((sha, "<commit>".to_owned()));
            }
        }
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Names(names)
    }

    fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, word)| text.replace(name, word))
    }
}
