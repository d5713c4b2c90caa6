//! Stories with deaths. A story is played once, and what the world is at each of its effects is remembered: that is what
//! a process which dies there leaves behind. Then the world goes back to each of these moments, another process starts,
//! and its end is compared with that of the undisturbed story.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use autofix::attempt::AttemptId;
use autofix_local::sandbox::killer::{Killer, Moment, Side};

use super::story::{Ending, Story};
use crate::world::{Point, World, mins};

/// Minutes between runs of the clock until a story must be at its end: a card that may be on its way is looked for
/// after half a minute, a lease has run out after 15.
const RUNS_OF_THE_CLOCK: [i64; 5] = [1, 1, 13, 1, 1];

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

/// Over which effects of the story a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Each,
    /// The first call or write of each kind, by turns before and after.
    EachKind,
}

/// How many processes die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deaths {
    One,
    /// The second one dies a few effects after its start, unless it was done before.
    Two,
}

/// A story, when its workers die, and who comes after them.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub story: Story,
    pub side: Side,
    pub at: At,
    pub deaths: Deaths,
    pub rescue: Rescue,
}

/// An undisturbed story, and the moments at which a process may die.
struct Played {
    id: AttemptId,
    killer: Killer,
    moments: Vec<Dying>,
    ending: Ending,
    turns_answered: usize,
}

/// A moment at which a process may die.
struct Dying {
    /// How many effects there were before.
    number: usize,
    /// Effects up to now; the last one is that over which it dies.
    effects: Vec<String>,
    left: Point,
}

impl Case {
    /// All stories. What is left by a death after an effect is what a death before the next one leaves, so that one effect
    /// of each kind is enough for the latter.
    pub fn all(at: At, deaths: Deaths, rescue: Rescue) -> Vec<Case> {
        let cases = |story: Story| {
            [Side::Before, Side::After].map(|side| {
                let shortened = side == Side::Before || story.begins_like_another();
                let at = if shortened { At::EachKind } else { at };
                Case { story, side, at, deaths, rescue }
            })
        };
        Story::ALL.into_iter().flat_map(cases).collect()
    }

    /// Whether a process dies over the effect with this number. `kinds` are those of the effects before.
    fn dies_over(&self, number: usize, effect: &str, kinds: &mut BTreeSet<String>) -> bool {
        let is_first = kinds.insert(kind(effect));
        let its_turn = number.is_multiple_of(2) == (self.side == Side::Before);
        self.at == At::Each || (is_first && its_turn)
    }

    /// The story without a death, and the world in which it was played.
    async fn played(&self) -> (World, Played) {
        let (world, killer) = World::builder().settings(self.story.settings()).start_with_killer().await;
        let id = self.story.begin(&world).await;
        killer.set_for_each(self.side);
        let (mut moments, mut kinds, mut number) = (Vec::new(), BTreeSet::new(), 0);
        {
            let mut story = std::pin::pin!(self.finish(&world, id));
            loop {
                tokio::select! {
                    biased;
                    () = killer.strikes() => {
                        let effects = killer.effects();
                        let effect = effects.last().expect("it dies over an effect");
                        if self.dies_over(number, effect, &mut kinds) {
                            moments.push(Dying { number, effects, left: world.point() });
                        }
                        number += 1;
                        killer.let_go();
                    }
                    runs = &mut story => {
                        runs.unwrap();
                        break;
                    }
                }
            }
        }
        killer.spare();
        let ending = Ending::of(&world).await;
        let turns_answered = world.sandbox.claude.turns_answered();
        (world, Played { id, killer, moments, ending, turns_answered })
    }

    /// What went wrong, a text each, and how often it was tried.
    async fn check(&self) -> (Vec<String>, usize) {
        let (mut world, played) = self.played().await;
        let (mut wrong, mut tried) = (Vec::new(), 0);
        for dying in &played.moments {
            world = world.back_to(&dying.left).await;
            let (after, outcome) = self.go_on(world, &played, dying).await;
            world = after;
            tried += 1;
            if let Err(what) = outcome {
                wrong.push(format!("{self:?} at {}, {:?}: {what}", dying.number, dying.effects.last()));
            }
        }
        (wrong, tried)
    }

    /// From the death to the end.
    async fn go_on(&self, mut world: World, played: &Played, dying: &Dying) -> (World, Result<(), String>) {
        if self.rescue == Rescue::Restart {
            world.process.break_leases().await.unwrap();
        }
        let killer = &played.killer;
        let mut in_flight = usize::from(is_paid_and_not_kept(&dying.effects, self.side));
        if self.deaths == Deaths::Two {
            let number = dying.number;
            let side = if number.is_multiple_of(3) { Side::Before } else { Side::After };
            killer.set(Moment { effect: number % 5, side });
            let died = tokio::select! {
                biased;
                () = killer.strikes() => true,
                () = self.work(&world) => false,
            };
            if died {
                in_flight += usize::from(is_paid_and_not_kept(&killer.effects(), side));
                world = world.die().await;
            }
            killer.spare();
        }
        let outcome = match self.finish(&world, played.id).await {
            Ok(runs) => self.compare(&world, played, runs, in_flight).await,
            Err(what) => Err(what),
        };
        (world, outcome)
    }

    async fn compare(
        &self,
        world: &World,
        played: &Played,
        runs: usize,
        in_flight: usize,
    ) -> Result<(), String> {
        let ending = Ending::of(world).await;
        if ending != played.ending {
            return Err(format!("ended as\n{ending:#?}\nin place of\n{:#?}", played.ending));
        }
        let paid_twice = world.sandbox.claude.turns_answered() - played.turns_answered;
        if paid_twice > in_flight {
            return Err(format!("{paid_twice} turns were paid twice, and {in_flight} were in flight"));
        }
        if self.rescue != Rescue::Clock && runs > self.story.patience() {
            return Err(format!("the clock had to run {runs} times"));
        }
        Ok(())
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
            world.clock.advance(mins(minutes));
            world.process.tick().await;
        }
        match self.story.is_over(world, id).await {
            true => Ok(RUNS_OF_THE_CLOCK.len()),
            false => Err(format!("does not end: {:#?}", Ending::of(world).await)),
        }
    }
}

/// One method and path, whatever names and numbers are in it.
pub fn kind(effect: &str) -> String {
    let path = effect.split('?').next().unwrap();
    let named = |part: &str| part.len() < 30 && !part.chars().all(|c| c.is_ascii_hexdigit());
    path.split('/').map(|part| if named(part) { part } else { "*" }).collect::<Vec<_>>().join("/")
}

/// Claude has answered, and the answer is not in the table.
fn is_paid_and_not_kept(effects: &[String], side: Side) -> bool {
    let asked = |effect: &String| effect.contains("/v1/messages");
    let (last, before) = effects.split_last().expect("it died over an effect");
    match side {
        Side::After => asked(last),
        Side::Before => before.last().is_some_and(asked),
    }
}

/// Plays all cases and tells which went wrong.
pub fn check_all(cases: &[Case]) {
    let told = on_all_cores(cases, |case| in_runtime(case.check()));
    let tried: usize = told.iter().map(|(_, tried)| tried).sum();
    let wrong: Vec<String> = told.into_iter().flat_map(|(wrong, _)| wrong).collect();
    assert!(wrong.is_empty(), "{} of {tried} deaths went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(tried > cases.len(), "hardly anybody died: {tried}");
}

/// Works on all items, each on one of the cores.
pub fn on_all_cores<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::SeqCst)) {
            let result = std::panic::catch_unwind(AssertUnwindSafe(|| work(item)));
            done.lock().unwrap().push(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    let done = done.into_inner().unwrap();
    done.into_iter().map(|result| result.expect("it panicked, see above")).collect()
}

pub fn in_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
