//! The machine against a model of it that fits on a page: the table of what may follow what. Random events, sensible or
//! not, are applied to both; both have to agree, and the laws below have to hold at every change.
//!
//! Whoever adds a state gives it a name in [`phase`], whoever adds an event gives it one in `matrix`, and both say in
//! [`MODEL`] what may happen. [`world`] runs the same machine with a worker that dies and services that fail.

mod worker;
mod world;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::matrix::{self, now};
use super::{
    Attempt, AttemptId, Cleanup, Decision, Event, RollBack, State, Status, Subject, Target, Telling,
};
use crate::reason::ReasonCode;

/// Phases, an event, and the phase that follows. What does not stand here must be refused.
const MODEL: &str = "
    pending                                begun                -> analyzing
    pending analyzing                      started              -> pinned
    analyzing                              begun                -> analyzing
    analyzing                              cause found          -> analyzing
    pinned                                 cause found          -> pinned
    analyzing pinned                       fix proposed         -> proposed
    analyzing                              waits                -> analyzing
    pinned                                 waits                -> pinned
    proposed waiting                       waits                -> waiting
    pending                                stack trace came     -> pending
    analyzing                              stack trace came     -> analyzing
    pinned                                 stack trace came     -> pinned
    analyzing pinned                       same fault           -> skipped
    analyzing pinned                       same fault, joined   -> joined
    proposed                               issue joined         -> proposed
    waiting                                issue joined         -> waiting
    pending analyzing pinned proposed waiting  skipped          -> skipped
    pending analyzing pinned waiting       sentry's agent       -> skipped
    pending analyzing pinned proposed waiting  failed           -> failed

    proposed waiting                       opened               -> open
    open armed half                        running              -> open
    open armed half                        red                  -> open
    open armed                             green                -> armed
    open armed                             none ran             -> armed
    half                                   green                -> half
    half                                   none ran             -> half
    open                                   issue joined         -> open
    moving                                 issue joined         -> moving
    armed                                  issue joined         -> armed
    half                                   issue joined         -> half
    open                                   handed over          -> open
    moving                                 handed over          -> moving
    open moving armed half approved queued  next head            -> moving
    moving                                 head moved           -> open
    open moving armed half approved queued  started over         -> withdrawing
    withdrawing                            cleaned up           -> analyzing
    withdrawing                            cleaned up too late  -> analyzing
    withdrawing                            failed               -> left
    withdrawing                            merged on GitHub     -> deployed
    open moving armed half approved queued  failed               -> left
    open moving armed half approved queued  merged on GitHub     -> deployed
    open moving armed half approved queued  closed on GitHub     -> shut

    open moving armed half                 dismissed            -> dismissed
    open moving armed half                 dismissed, why       -> explained
    dismissed                              dismissed, why       -> explained
    dismissed                              cleaned up           -> closed
    dismissed                              cleaned up too late  -> late
    explained                              cleaned up           -> closed_why
    explained                              cleaned up too late  -> late_why
    closed                                 dismissed, why       -> closed_why
    late                                   dismissed, why       -> late_why
    dismissed                              tried again          -> dismissed
    explained                              tried again          -> explained
    closed                                 tried again          -> closed
    closed_why                             tried again          -> closed_why
    shut                                   tried again          -> shut
    left                                   tried again          -> dismissed
    failed                                 tried again          -> failed
    skipped                                tried again          -> skipped
    rolled_back                            tried again          -> rolled_back

    armed half                             approved             -> approved
    armed                                  approved, 1 of 2     -> half
    approved queued                        queued               -> queued
    approved queued                        merged               -> deployed
    approved queued                        merge refused        -> half

    deployed                               watched              -> deployed
    deployed                               not watched          -> unwatched
    deployed                               stayed quiet         -> verified
    verified                               Sentry told          -> told
    deployed                               came back            -> regressed
    deployed regressed refused rolling_back reverting  taken back on GitHub  -> rolled_back
    regressed                              still there          -> regressed
    refused                                still there          -> refused
    regressed refused                      roll back approved   -> rolling_back
    rolling_back reverting                 revert opened        -> reverting
    rolling_back reverting                 roll back refused    -> refused
    reverting                              rolled back          -> rolled_back
";

/// Phases that the API calls an end.
const ENDS: &str = "dismissed explained closed closed_why late late_why shut left deployed unwatched verified told regressed rolling_back reverting refused rolled_back failed skipped joined";
/// Phases that tell people nothing new; what joined another attempt is told on that one's card.
const SILENT: &str = "pending analyzing pinned proposed waiting joined";

/// The phase after an event; `None` where it must be refused.
fn successor(phase: &str, event: &str) -> Option<&'static str> {
    MODEL.lines().find_map(|line| {
        let (before, to) = line.split_once("->")?;
        let from = before.trim().strip_suffix(event)?;
        let is_whole_name = from.ends_with("  "); // `cleaned up` is the end of no longer name
        (is_whole_name && from.split_whitespace().any(|name| name == phase)).then(|| to.trim())
    })
}

fn is_one_of(phases: &str, phase: &str) -> bool {
    phases.split(' ').any(|one| one == phase)
}

/// The name of where an attempt is in the model.
fn phase(attempt: &Attempt) -> &'static str {
    match &attempt.state {
        State::Pending => "pending",
        State::Analyzing { base_sha: None } => "analyzing",
        State::Analyzing { base_sha: Some(_) } => "pinned",
        State::Proposed { .. } if attempt.wait.is_some() => "waiting",
        State::Proposed { .. } => "proposed",
        State::Withdrawing { .. } => "withdrawing",
        State::PrCreated { offer } if offer.next.is_some() => "moving",
        State::PrCreated { .. } => "open",
        State::AwaitingApproval { offer, .. } if offer.approvals.given.is_empty() => "armed",
        State::AwaitingApproval { .. } => "half",
        State::Approved { queued: None, .. } => "approved",
        State::Approved { queued: Some(_), .. } => "queued",
        State::Rejected { decision, .. } if decision.by == Decision::ON_GITHUB => "shut",
        State::Rejected { cleanup, dismissal, .. } => match (cleanup, dismissal) {
            (Cleanup::Owed, None) => "dismissed",
            (Cleanup::Owed, Some(_)) => "explained",
            (Cleanup::Done | Cleanup::LeftOpen, None) => "closed",
            (Cleanup::Done | Cleanup::LeftOpen, Some(_)) => "closed_why",
            (Cleanup::TooLate, None) => "late",
            (Cleanup::TooLate, Some(_)) => "late_why",
        },
        State::Deployed { watch: Some(_), .. } => "deployed",
        State::Deployed { watch: None, .. } => "unwatched",
        State::Verified { sentry: Telling::Owed, .. } => "verified",
        State::Verified { sentry: Telling::Done | Telling::Refused, .. } => "told",
        State::Regressed { roll_back: RollBack::Offered, .. } => "regressed",
        State::Regressed { roll_back: RollBack::Approved { .. }, .. } => "rolling_back",
        State::Regressed { roll_back: RollBack::Opened { .. }, .. } => "reverting",
        State::Regressed { roll_back: RollBack::Refused { .. }, .. } => "refused",
        State::RolledBack { .. } => "rolled_back",
        State::Failed { pull_request: Some(_), .. } => "left",
        State::Failed { .. } => "failed",
        State::Skipped { reasons, .. } if reasons[0].code == ReasonCode::SameFaultJoined => "joined",
        State::Skipped { .. } => "skipped",
    }
}

fn events() -> Vec<(&'static str, Event)> {
    let mut events = matrix::events();
    events.push(("begun", Event::AnalysisStarted { base_sha: None }));
    events.push(("not watched", Event::Watched { merge_sha: None, deployment: None, watch: None }));
    events
}

fn fresh() -> Attempt {
    Attempt::pending(AttemptId::new(now()), Subject::default(), Target::default(), now())
}

/// What holds between an attempt and what became of it, whoever changed it and in however many steps.
fn laws(before: &Attempt, after: &Attempt) {
    let (was, is) = (phase(before), phase(after));
    let change = format!("from `{was}` to `{is}`");
    assert_eq!((before.id, before.created_at), (after.id, after.created_at), "{change}: another attempt");
    assert!(before.state.is_live() || !after.state.is_live(), "{change}: the end was not the end");
    let ended = is_one_of(ENDS, is);
    assert_eq!(ended && is != "deployed", !after.state.is_live(), "{change}: the claim is held to the end");
    assert_eq!(ended, after.completed_at.is_some(), "{change}: an end has a time, anything else none");
    if before.completed_at.is_some() {
        assert_eq!(before.completed_at, after.completed_at, "{change}: the time of the end changed");
    }
    let approved = matches!(after.status(), Status::Approved);
    assert!(!approved || after.approved_at.is_some(), "{change}: approved at no time");
    assert!(after.card.wanted >= before.card.wanted, "{change}: a card that was owed is forgotten");
    assert!(after.card.shown >= before.card.shown, "{change}: a card that was shown is owed again");
    assert!(after.card.shown <= after.card.wanted, "{change}: a card was shown that nobody wanted");
    assert!(
        was == is || is_one_of(SILENT, is) || after.card.wanted > before.card.wanted,
        "{change}: nobody is told"
    );
    assert!(after.timeline.len() <= super::MAX_TIMELINE);
    assert!(after.timeline.is_sorted_by_key(|moment| moment.at), "{change}: the timeline goes back");
    assert!(was == is || after.trouble.failures == 0, "{change}: an old step's failures count for a new one");
    let kept: Attempt = serde_json::from_str(&serde_json::to_string(after).unwrap()).unwrap();
    assert_eq!(&kept, after, "{change}: the table keeps something else");
}

/// Which of the events happens, and after how long.
#[derive(Clone, Debug)]
struct Happening {
    choice: Choice,
    minutes: i64,
}

#[derive(Clone, Debug)]
enum Choice {
    /// One that the model lets happen now and that does not give up, so that the far ends are reached, too.
    Onward(prop::sample::Index),
    Any(prop::sample::Index),
}

fn happening() -> impl Strategy<Value = Happening> {
    let choice = prop_oneof![
        3 => any::<prop::sample::Index>().prop_map(Choice::Onward),
        1 => any::<prop::sample::Index>().prop_map(Choice::Any),
    ];
    (choice, 0..90_i64).prop_map(|(choice, minutes)| Happening { choice, minutes })
}

impl Choice {
    fn of(&self, phase: &str) -> (&'static str, Event) {
        let events = events();
        let goes_on = |event: &str| {
            successor(phase, event).is_some_and(|next| !is_one_of("failed left skipped joined", next))
        };
        let onward: Vec<_> = events.iter().filter(|(name, _)| goes_on(name)).cloned().collect();
        match self {
            Choice::Onward(index) if !onward.is_empty() => index.get(&onward).clone(),
            Choice::Onward(index) | Choice::Any(index) => index.get(&events).clone(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_events_in_any_order_do_what_the_model_says(
        happenings in prop::collection::vec(happening(), 1..60),
    ) {
        let mut attempt = fresh();
        let mut expected = "pending";
        let (mut started_over, mut tried_again) = (false, false); // each may happen once
        let mut time: Timestamp = now();
        for Happening { choice, minutes } in happenings {
            time += SignedDuration::from_mins(minutes);
            let (name, event) = choice.of(expected);
            let before = attempt.clone();
            let applied = attempt.apply(event, time);
            let possible = successor(expected, name)
                .filter(|next| !started_over || *next != "withdrawing")
                .filter(|_| !tried_again || !["tried again", "dismissed, why"].contains(&name));
            match possible {
                Some(next) => {
                    started_over |= next == "withdrawing";
                    tried_again |= name == "tried again";
                    prop_assert!(applied.is_ok(), "`{name}` was refused in `{expected}`: {applied:?}");
                    expected = next;
                }
                None => {
                    prop_assert!(applied.is_err(), "`{name}` happened in `{expected}`");
                    prop_assert_eq!(&before, &attempt, "a refused event changed something");
                }
            }
            prop_assert_eq!(phase(&attempt), expected);
            if before != attempt {
                laws(&before, &attempt);
            }
        }
    }
}

#[test]
fn the_model_knows_every_event_and_leads_everywhere() {
    let attempts: Vec<Attempt> =
        matrix::states().into_iter().map(|(_, state)| matrix::attempt(state)).collect();
    for (name, _) in events() {
        let happens = attempts.iter().any(|attempt| successor(phase(attempt), name).is_some());
        assert!(happens, "`{name}` happens nowhere");
    }
    let reached: Vec<&str> = MODEL.lines().filter_map(|line| Some(line.split_once("->")?.1.trim())).collect();
    for phase in attempts.iter().map(phase).filter(|phase| *phase != "pending") {
        assert!(reached.contains(&phase), "nothing leads to `{phase}`");
    }
}
