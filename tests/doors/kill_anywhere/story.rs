//! The stories that a worker is killed in, and what is left at their end: everything that people, git and the bill
//! would show, with the names that differ from world to world replaced.

use std::collections::BTreeMap;

use autofix::attempt::{Attempt, AttemptId, Next, Status};
use autofix::messages::DEPLOY;
use autofix_local::scenario::Scenario;

use crate::world::{REPO, World};

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
}

impl Story {
    pub const ALL: [Story; 4] = [Story::Fix, Story::Review, Story::Dismiss, Story::Deploy];

    /// Everything up to the record that wakes the worker.
    pub async fn begin(self, world: &World) -> AttemptId {
        let id = match self {
            Story::Fix => world.alert(Scenario::Fix).await.attempt_id(),
            Story::Review => world.alert(Scenario::Security).await.attempt_id(),
            Story::Dismiss | Story::Deploy => {
                let (id, card) = world.until_armed().await;
                if self == Story::Deploy {
                    world.press(&card, DEPLOY).await;
                } else {
                    world.dismiss(&card).await;
                }
                id
            }
        };
        AttemptId::parse(&id).unwrap()
    }

    fn end(self) -> Status {
        match self {
            Story::Fix => Status::AwaitingApproval,
            Story::Review => Status::Skipped,
            Story::Dismiss => Status::Rejected,
            Story::Deploy => Status::Deployed,
        }
    }

    /// Whether the story has come to its end and nothing is left to do now.
    pub async fn is_over(self, world: &World, id: AttemptId) -> bool {
        let attempt = load(world, id).await;
        let owes_nothing = !matches!(attempt.next_step(world.clock.now()), Next::Do(_));
        attempt.status() == self.end() && owes_nothing && attempt.card.shown == attempt.card.wanted
    }
}

async fn load(world: &World, id: AttemptId) -> Attempt {
    world.process.store().attempt(id).await.unwrap().expect("the attempt is in the table").attempt
}

/// What a story left behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    status: Status,
    timeline: Vec<String>,
    cards: Vec<String>,
    pull_requests: Vec<String>,
    /// Branches with the messages of their commits, newest first.
    branches: BTreeMap<String, Vec<String>>,
    /// Turns that the attempt knows of, and whether the day's sum is what they cost.
    turns_kept: u32,
    spent_is_right: bool,
}

impl Ending {
    pub async fn of(world: &World, id: AttemptId) -> Ending {
        let attempt = load(world, id).await;
        let github = &world.sandbox.github;
        let names = Names::of(world, id);
        let mut branches = BTreeMap::new();
        for branch in github.branches(REPO).unwrap() {
            let messages = github.log(REPO, &branch).unwrap().into_iter().map(|(_, text)| names.hide(&text));
            branches.insert(names.hide(&branch), messages.collect());
        }
        let pulls = github.pull_requests(REPO).unwrap();
        let pulls = pulls.iter().map(|pull| names.hide(&format!("#{} {:?}", pull.number, pull.state)));
        let cards = world.sandbox.slack.messages();
        let cards = cards.iter().map(|card| without_cost_and_time(&names.hide(&world.shown(card))));
        let spent = world.process.store().spent_today(world.clock.now()).await.unwrap();
        Ending {
            status: attempt.status(),
            timeline: attempt.timeline.iter().map(|moment| names.hide(&moment.what)).collect(),
            cards: cards.collect(),
            pull_requests: pulls.collect(),
            branches,
            turns_kept: attempt.usage.turns,
            spent_is_right: (spent - attempt.usage.cost_usd).abs() < 0.000_01,
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
fn without_cost_and_time(card: &str) -> String {
    let mut until = 0;
    let words = card.split(' ').filter_map(|word| {
        until = if word == "until" { 2 } else { until - 1 };
        match word {
            _ if (0..2).contains(&until) => None,
            _ if word.starts_with('$') => Some("$"),
            word => Some(word),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Names that differ from world to world, longest first.
struct Names(Vec<(String, &'static str)>);

impl Names {
    fn of(world: &World, id: AttemptId) -> Names {
        let mut names = vec![
            (id.to_string(), "<attempt>"),
            (id.short(), "<short id>"),
            (world.sandbox.github.url(), "<github>"),
            (world.sandbox.sentry.url(), "<sentry>"),
        ];
        for branch in world.sandbox.github.branches(REPO).unwrap() {
            for (sha, _) in world.sandbox.github.log(REPO, &branch).unwrap() {
                names.push((sha[..10].to_owned(), "<short commit>"));
                names.push((sha, "<commit>"));
            }
        }
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Names(names)
    }

    fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, word)| text.replace(name, word))
    }
}
