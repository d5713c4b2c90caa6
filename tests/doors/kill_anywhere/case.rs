//! One story with its deaths, played and compared with the undisturbed one.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use autofix::attempt::AttemptId;
use autofix_local::sandbox::killer::{Killer, Moment, Side};
use jiff::SignedDuration;

use super::story::{Ending, Story};
use crate::world::World;

/// Minutes between runs of the clock until a story must be at its end: a card that may be on its way is looked for
/// after half a minute, a lease has run out after 15.
const RUNS_OF_THE_CLOCK: [i64; 5] = [1, 1, 13, 1, 1];
/// Runs that are enough where no lease has to run out.
const SOON: usize = 2;

/// Who picks up what the dead worker left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rescue {
    /// The same record is delivered again and takes over its own lease.
    SameRecord,
    /// Nothing but the clock ever wakes a worker; the lease has to run out.
    Clock,
    /// A process that has the table for itself, and takes every lease away.
    Restart,
}

/// A story, when its workers die, and who comes after them.
#[derive(Clone, Debug)]
pub struct Case {
    pub story: Story,
    /// Each counted from the start of its process.
    pub deaths: Vec<Moment>,
    pub rescue: Rescue,
}

/// How a case went.
pub struct Told {
    pub ending: Ending,
    /// Effects of the last process, in order.
    pub effects: Vec<String>,
    turns_answered: usize,
    /// Turns that were in flight when a process died.
    in_flight: usize,
    /// Runs of the clock that it took.
    runs: usize,
}

impl Told {
    /// Every story without any death.
    pub fn undisturbed() -> Vec<(Story, Told)> {
        let case = |story| Case { story, deaths: Vec::new(), rescue: Rescue::SameRecord };
        Story::ALL.map(|story| (story, in_runtime(case(story).play()).unwrap())).into()
    }

    /// The first effect of each kind: one method and path, whatever names and numbers are in it.
    pub fn first_of_each_kind(&self) -> Vec<usize> {
        let mut kinds = BTreeSet::new();
        let numbered = self.effects.iter().enumerate();
        numbered.filter(|(_, effect)| kinds.insert(kind(effect))).map(|(number, _)| number).collect()
    }
}

fn kind(effect: &str) -> String {
    let path = effect.split('?').next().unwrap();
    let named = |part: &str| part.len() < 30 && !part.chars().all(|c| c.is_ascii_hexdigit());
    path.split('/').map(|part| if named(part) { part } else { "*" }).collect::<Vec<_>>().join("/")
}

impl Case {
    pub fn killed(story: Story, moment: Moment, rescue: Rescue) -> Case {
        Case { story, deaths: vec![moment], rescue }
    }

    async fn play(&self) -> Result<Told, String> {
        let (mut world, killer) = World::with_killer().await;
        let id = self.story.begin(&world).await;
        let mut in_flight = 0;
        for (number, moment) in self.deaths.iter().enumerate() {
            killer.set(*moment);
            let died = tokio::select! {
                biased;
                () = killer.strikes() => true,
                () = self.work(&world) => false,
            };
            if !died && number > 0 {
                break;
            } else if !died {
                return Err(format!("nobody died: {:#?}", killer.effects()));
            }
            in_flight += usize::from(is_paid_and_not_kept(&killer, moment.side));
            world = match self.rescue {
                Rescue::Restart => world.restart().await,
                Rescue::SameRecord | Rescue::Clock => world.die().await,
            };
        }
        killer.spare();
        let runs = self.finish(&world, id).await?;
        Ok(Told {
            ending: Ending::of(&world, id).await,
            effects: killer.effects(),
            turns_answered: world.sandbox.claude.turns_answered(),
            in_flight,
            runs,
        })
    }

    async fn work(&self, world: &World) {
        match self.rescue {
            Rescue::SameRecord | Rescue::Restart => world.settle().await,
            Rescue::Clock => world.process.tick().await,
        }
    }

    /// Goes on to the end; how often the clock had to run for it.
    async fn finish(&self, world: &World, id: AttemptId) -> Result<usize, String> {
        self.work(world).await;
        for (runs, minutes) in RUNS_OF_THE_CLOCK.into_iter().enumerate() {
            if self.story.is_over(world, id).await {
                return Ok(runs);
            }
            world.clock.advance(SignedDuration::from_mins(minutes));
            world.process.tick().await;
        }
        match self.story.is_over(world, id).await {
            true => Ok(RUNS_OF_THE_CLOCK.len()),
            false => Err(format!("does not end: {:#?}", Ending::of(world, id).await)),
        }
    }

    /// Plays it and compares the end with that of the undisturbed story.
    async fn check(&self, undisturbed: &Told) -> Result<(), String> {
        let told = self.play().await?;
        if told.ending != undisturbed.ending {
            return Err(format!("ended as\n{:#?}\nin place of\n{:#?}", told.ending, undisturbed.ending));
        }
        let paid_twice = told.turns_answered - undisturbed.turns_answered;
        if paid_twice > told.in_flight {
            return Err(format!("{paid_twice} turns were paid twice, and {} were in flight", told.in_flight));
        }
        if self.rescue != Rescue::Clock && told.runs > SOON {
            return Err(format!("the clock had to run {} times", told.runs));
        }
        Ok(())
    }
}

/// Claude has answered, and the answer is not in the table.
fn is_paid_and_not_kept(killer: &Killer, side: Side) -> bool {
    let effects = killer.effects();
    let asked = |effect: &String| effect.contains("/v1/messages");
    let (last, before) = effects.split_last().expect("it died over an effect");
    match side {
        Side::After => asked(last),
        Side::Before => before.last().is_some_and(asked),
    }
}

/// Plays all cases on all cores, each in a runtime of its own, and tells which went wrong.
pub fn check_all(cases: &[Case], undisturbed: &[(Story, Told)]) {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
            let (_, expected) = undisturbed.iter().find(|(story, _)| *story == case.story).unwrap();
            let checked = std::panic::catch_unwind(AssertUnwindSafe(|| in_runtime(case.check(expected))));
            if let Err(what) = checked.unwrap_or_else(|_| Err("it panicked, see above".to_owned())) {
                let first = case.deaths.first().and_then(|moment| expected.effects.get(moment.effect));
                wrong.lock().unwrap().push(format!("{case:?} at {first:?}: {what}"));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} cases went wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
}

pub fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
