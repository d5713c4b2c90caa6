//! Every state against every event, and what is to be done in every state: change a rule of the machine
//! and these tables show what else changed. Below them: what holds at every change, whichever events come in whichever
//! order.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::reason::{Reason, ReasonCode};
use crate::usage::Usage;

pub(super) fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

pub(super) fn later() -> Timestamp {
    now() + SignedDuration::from_mins(5)
}

pub(super) fn reason() -> Reason {
    Reason::new(ReasonCode::NeedsHuman, "because")
}

pub(super) fn fix() -> Fix {
    Fix {
        base_sha: "b".repeat(40),
        base_branch: "main".to_owned(),
        file_path: "a.py".to_owned(),
        edits: vec![ProposedEdit { search: "a".to_owned(), replace: "b".to_owned() }],
        explanation: "why".to_owned(),
        confidence: 0.9,
        diff: "-a\n+b\n".to_owned(),
        before_sha256: "0".repeat(64),
        ..Fix::default()
    }
}

pub(super) fn pull_request() -> PullRequest {
    PullRequest {
        number: 1,
        url: "https://github.com/acme/shop/pull/1".to_owned(),
        branch: "autofix/1".to_owned(),
        head_sha: "a".repeat(40),
    }
}

pub(super) fn decision() -> Decision {
    Decision { by: "U1".to_owned(), at: now(), response_url: None }
}

pub(super) fn red() -> Checks {
    Checks::Red { failed: vec![FailedCheck::named("tests")] }
}

fn next_head() -> Box<NextHead> {
    with_kind(NextHeadKind::Rebase)
}

fn with_kind(kind: NextHeadKind) -> Box<NextHead> {
    Box::new(NextHead { fix: fix(), kind, at: now() })
}

fn watch() -> Option<Watch> {
    Some(Watch { until: later(), look_at: later() })
}

pub(super) fn dismissal() -> Option<Dismissal> {
    Some(Dismissal::new(DismissalReason::WrongFix, "because"))
}

pub(super) fn retried() -> Retried {
    Retried { into: AttemptId::new(later()), by: Some("U1".to_owned()), at: later() }
}

pub(super) fn came_back() -> CameBack {
    CameBack { event_id: "e".repeat(32), at: now(), release: None, url: None }
}

pub(super) fn states() -> Vec<(&'static str, State)> {
    let (fix, pull_request, decision) = (fix(), pull_request(), decision());
    let offer = |checks, look_at| Offer {
        checks,
        look_at,
        ..Offer::opened(fix.clone(), pull_request.clone(), now())
    };
    let created = |checks, look_at| State::PrCreated { offer: offer(checks, look_at) };
    let green = || offer(Checks::Green { passed: 1 }, later());
    let handed_over = Offer { handed_over: Some("because".to_owned()), ..offer(red(), later()) };
    let moving = Offer { next: Some(next_head()), ..offer(red(), later()) };
    let approvals = Approvals { needed: 2, given: vec![Approval { by: "U1".to_owned(), at: now() }] };
    let approved_once = Offer { approvals, ..green() };
    let awaiting = |problem| State::AwaitingApproval { offer: green(), problem };
    let approved = |queued| State::Approved { offer: green(), decision: decision.clone(), queued };
    let rejected = |cleanup| State::Rejected {
        fix: fix.clone(),
        pull_request: pull_request.clone(),
        decision: decision.clone(),
        cleanup,
        dismissal: None,
    };
    let merged = || Merged {
        fix: fix.clone(),
        pull_request: pull_request.clone(),
        decision: decision.clone(),
        approved_by: Vec::new(),
        merge_sha: Some("c".repeat(40)),
        at: now(),
        deployment: None,
    };
    let regressed =
        |roll_back| State::Regressed { merged: merged(), came_back: came_back(), roll_back, look: None };
    vec![
        ("pending", State::Pending),
        ("analyzing", State::Analyzing { base_sha: None }),
        ("analyzing, pinned", State::Analyzing { base_sha: Some("b".repeat(40)) }),
        ("proposed", State::Proposed { fix: fix.clone(), slot_taken: false }),
        ("proposed, opening", State::Proposed { fix: fix.clone(), slot_taken: true }),
        ("withdrawing", State::Withdrawing { offer: green() }),
        ("checks running", created(Checks::Running, now())),
        ("checks running, looked", created(Checks::Running, later())),
        ("checks red", created(red(), later())),
        ("checks red, handed over", State::PrCreated { offer: handed_over }),
        ("head moving", State::PrCreated { offer: moving }),
        ("awaiting approval", awaiting(None)),
        ("awaiting, approved once", State::AwaitingApproval { offer: approved_once, problem: None }),
        ("awaiting, not merged", awaiting(Some(reason()))),
        ("approved", approved(None)),
        ("approved, queued", approved(Some(Queued { since: now(), look_at: later() }))),
        ("rejected", rejected(Cleanup::Owed)),
        ("rejected, closed", rejected(Cleanup::Done)),
        ("rejected, left open", rejected(Cleanup::LeftOpen)),
        ("rejected, merged", rejected(Cleanup::TooLate)),
        ("deployed", State::Deployed { merged: merged(), watch: watch() }),
        ("deployed, not watched", State::Deployed { merged: merged(), watch: None }),
        ("verified", State::Verified { merged: merged(), sentry: Telling::Owed }),
        ("verified, told", State::Verified { merged: merged(), sentry: Telling::Done }),
        ("regressed", regressed(RollBack::Offered)),
        (
            "regressed, looked after",
            State::Regressed {
                merged: merged(),
                came_back: came_back(),
                roll_back: RollBack::Offered,
                look: watch(),
            },
        ),
        ("roll back approved", regressed(RollBack::Approved { decision: decision.clone() })),
        (
            "revert opened",
            regressed(RollBack::Opened {
                decision: decision.clone(),
                revert: pull_request.clone(),
                look_at: later(),
            }),
        ),
        ("roll back refused", regressed(RollBack::Refused { reason: reason() })),
        (
            "rolled back",
            State::RolledBack {
                merged: merged(),
                came_back: Some(came_back()),
                revert: Reverted::ByPullRequest { pull_request: pull_request.clone() },
                decision: decision.clone(),
            },
        ),
        ("failed", State::Failed { reason: reason(), fix: None, pull_request: None }),
        (
            "failed, left open",
            State::Failed {
                reason: reason(),
                fix: Some(fix.clone()),
                pull_request: Some(pull_request.clone()),
            },
        ),
        (
            "failed, people took over",
            State::Failed {
                reason: Reason::new(ReasonCode::BranchMoved, "pushed"),
                fix: Some(fix.clone()),
                pull_request: Some(pull_request.clone()),
            },
        ),
        ("skipped", State::Skipped { reasons: vec![reason()], fix: None }),
    ]
}

fn test() -> RegressionTest {
    RegressionTest {
        file_path: "test_a.py".to_owned(),
        place: TestPlace::NewFile,
        code: "def test_a(): a()".to_owned(),
        name: "test_a".to_owned(),
        function: "a".to_owned(),
        function_path: "a.py".to_owned(),
        function_lines: (1, 3),
        exception: "KeyError".to_owned(),
    }
}

fn ci_run() -> CiRun {
    CiRun { check: "tests".to_owned(), url: None, head_sha: "a".repeat(40), minutes: 1 }
}

fn not_proved() -> NotProved {
    NotProved::new(NotProvedCode::NotReproduced, "because")
}

/// An attempt in each state, and in each stage of a proof.
pub(super) fn attempts() -> Vec<(&'static str, Attempt)> {
    let of = |name: &str| states().into_iter().find(|(known, _)| *known == name).expect("a state").1;
    let (test, failed) = (test(), ci_run());
    let proved = ProofStage::Proved { test: test.clone(), failed: failed.clone(), passed: failed.clone() };
    let with_fix = ProofStage::WithFix { test: test.clone(), failed };
    let not_proved = ProofStage::NotProved { why: not_proved(), test: None };
    let without_fix = || ProofStage::WithoutFix { test: test.clone() };
    let with_proof = |state, stage| {
        let proof = Proof { mode: ProofMode::Require, minutes: 30, author: Usage::default(), stage };
        Attempt { proof: Some(proof), ..attempt(of(state)) }
    };
    let plain = states().into_iter().map(|(name, state)| (name, attempt(state)));
    plain
        .chain([
            ("proposed, test wanted, no slot", with_proof("proposed", ProofStage::Wanted)),
            ("proposed, test wanted", with_proof("proposed, opening", ProofStage::Wanted)),
            (
                "proposed, test written",
                with_proof("proposed, opening", ProofStage::Written { test: test.clone() }),
            ),
            ("proposed, no test", with_proof("proposed, opening", not_proved.clone())),
            ("checks running, test", with_proof("checks running", without_fix())),
            ("checks running, test, looked", with_proof("checks running, looked", without_fix())),
            ("head moving, test", with_proof("head moving", without_fix())),
            ("checks running, fix on test", with_proof("checks running", with_fix.clone())),
            ("head moving, fix on test", with_proof("head moving", with_fix)),
            ("awaiting, proved", with_proof("awaiting approval", proved)),
            ("awaiting, not proved", with_proof("awaiting approval", not_proved)),
        ])
        .collect()
}

pub(super) fn events() -> Vec<(&'static str, Event)> {
    let seen = |checks| Event::ChecksSeen { checks, look_at: later() };
    vec![
        ("started", Event::AnalysisStarted { base_sha: Some("b".repeat(40)) }),
        ("cause found", Event::CauseFound { analysis: Box::default() }),
        ("fix proposed", Event::FixProposed { fix: Box::new(fix()) }),
        ("skipped", Event::Skipped { reasons: vec![reason()], fix: None }),
        ("waits", Event::Waits { what: WaitsFor::Slot { limit: 3 }, look_at: later() }),
        ("stack trace received", Event::StackTraceReceived),
        ("same fault", same_fault(ReasonCode::SameFaultDismissed)),
        ("same fault, joined", same_fault(ReasonCode::SameFaultJoined)),
        ("issue joined", Event::IssueJoined { issue: joining("7") }),
        ("slot taken", Event::SlotTaken),
        ("opened", Event::PullRequestOpened { pull_request: pull_request() }),
        ("proof wanted", Event::Proof(ProofEvent::Wanted { mode: ProofMode::Try, minutes: 30 })),
        ("test written", Event::Proof(ProofEvent::TestWritten { test: Box::new(test()) })),
        ("test still runs", Event::Proof(ProofEvent::StillRuns { look_at: later() })),
        ("failed without the fix", Event::Proof(ProofEvent::FailedWithoutFix { run: ci_run() })),
        ("passed with the fix", Event::Proof(ProofEvent::PassedWithFix { run: ci_run() })),
        ("not proved", Event::Proof(ProofEvent::NotProved { why: not_proved() })),
        ("running", seen(Checks::Running)),
        ("red", seen(red())),
        ("green", seen(Checks::Green { passed: 1 })),
        ("none ran", seen(Checks::None)),
        ("approved", Event::Approved { decision: decision(), needed: 1 }),
        ("approved, 1 of 2", Event::Approved { decision: decision(), needed: 2 }),
        ("dismissed", Event::Dismissed { decision: decision(), dismissal: None }),
        ("dismissed, why", Event::Dismissed { decision: decision(), dismissal: dismissal() }),
        ("tried again", Event::TriedAgain { retried: retried() }),
        ("handed over", Event::HandedOver { why: "because".to_owned() }),
        ("next head", Event::NextHead { next: next_head(), notice: "moved".to_owned() }),
        (
            "next head, repair",
            Event::NextHead {
                next: with_kind(NextHeadKind::Repair { failed: Vec::new() }),
                notice: "moved".to_owned(),
            },
        ),
        (
            "next head, test",
            Event::NextHead { next: with_kind(NextHeadKind::Test), notice: "moved".to_owned() },
        ),
        ("head moved", Event::HeadMoved { head_sha: "d".repeat(40) }),
        ("started over", Event::StartedOver { why: "because".to_owned() }),
        ("queued", Event::MergeQueued { how: "GitHub has it", look_at: later() }),
        ("merged", Event::Merged { merge_sha: None, watch: watch() }),
        ("merge refused", Event::MergeRefused { reason: reason() }),
        ("cleaned up", Event::CleanedUp { outcome: Cleanup::Done }),
        ("cleaned up too late", Event::CleanedUp { outcome: Cleanup::TooLate }),
        ("merged on GitHub", Event::MergedOnGithub { watch: watch() }),
        ("closed on GitHub", Event::ClosedOnGithub),
        ("stayed quiet", Event::StayedQuiet),
        ("watched", Event::Watched { merge_sha: None, deployment: None, watch: watch() }),
        ("Sentry told", Event::SentryTold { outcome: Telling::Done }),
        ("came back", Event::CameBack { came_back: came_back(), look: watch() }),
        ("still there", Event::StillThere { look: watch() }),
        ("taken back on GitHub", Event::TakenBackOnGithub { commit: Some("e".repeat(40)) }),
        ("roll back approved", Event::RollBackApproved { decision: decision() }),
        ("revert opened", Event::RevertOpened { revert: pull_request(), look_at: later() }),
        ("roll back refused", Event::RollBackRefused { reason: reason() }),
        ("rolled back", Event::RolledBack),
        ("failed", Event::Failed { reason: reason() }),
        ("sentry's agent", Event::SentryAgentTookOver { reason: reason() }),
    ]
}

pub(super) fn attempt(state: State) -> Attempt {
    let mut attempt = Attempt::pending(AttemptId::new(now()), Subject::default(), Target::default(), now());
    attempt.state = state;
    attempt
}

fn same_fault(code: ReasonCode) -> Event {
    let other = attempt(State::Pending);
    let reason = Reason::new(code, "because");
    Event::SameFaultKnown { same_fault: Box::new(SameFault::joined(&other, now())), reason }
}

pub(super) fn joining(issue: &str) -> JoinedIssue {
    JoinedIssue {
        attempt: AttemptId::new(now()),
        sentry_issue_id: issue.to_owned(),
        sentry_url: None,
        title: "KeyError".to_owned(),
        at: now(),
    }
}

fn shown(attempt: &mut Attempt, revision: u32) {
    let shown = CardEvent::Shown { revision, message: None, told: None, note: None };
    attempt.apply(Event::Card(shown), now()).unwrap();
}

fn refusal_name(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::AlreadyApproved { .. } => "already approved",
        Refusal::AlreadyDismissed { .. } => "already dismissed",
        Refusal::AlreadyDeployed => "already deployed",
        Refusal::AlreadyRollingBack { .. } => "already rolling back",
        Refusal::ApprovedByYou { .. } => "approved by you",
        Refusal::AlreadyTriedAgain { .. } => "already tried again",
        Refusal::NotArmed => "not armed",
        Refusal::NotProved => "not proved",
        Refusal::Ended { .. } => "ended",
        Refusal::NotNow { .. } => "not now",
    }
}

/// What an event did to the proof, where there was one and still is.
fn stage_change(before: &Attempt, after: &Attempt) -> String {
    let stage = |attempt: &Attempt| {
        let stage = serde_json::to_value(&attempt.proof.as_ref()?.stage).unwrap();
        Some(stage["is"].as_str().unwrap().to_owned())
    };
    match (stage(before), stage(after)) {
        (Some(before), Some(after)) if before != after => format!(" (proof: {before} => {after})"),
        _ => String::new(), // none, or the same
    }
}

#[test]
fn what_each_event_does_in_each_state() {
    let mut table = String::new();
    for (state_name, start) in attempts() {
        let mut happens = Vec::new();
        let mut refused: Vec<(&str, Vec<&str>)> = Vec::new();
        for (event_name, event) in events() {
            let mut attempt = start.clone();
            let before = attempt.clone();
            match attempt.apply(event, later()) {
                Ok(()) => {
                    let card = if attempt.card.wanted > before.card.wanted { " +card" } else { "" };
                    let proof = stage_change(&before, &attempt);
                    happens.push(format!("{event_name} -> {}{card}{proof}", attempt.status()));
                }
                Err(refusal) => {
                    assert_eq!(attempt, before, "a refused event changed something");
                    let name = refusal_name(&refusal);
                    match refused.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, events)) => events.push(event_name),
                        None => refused.push((name, vec![event_name])),
                    }
                }
            }
        }
        table.push_str(&format!("{state_name} [{}]\n", start.status()));
        for line in happens {
            table.push_str(&format!("    {line}\n"));
        }
        // "Not now" and "ended" are what is left over; the others are told to people.
        for (name, events) in refused.iter().filter(|(name, _)| !matches!(*name, "not now" | "ended")) {
            table.push_str(&format!("    {}: {name}\n", events.join(", ")));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn an_attempt_that_an_earlier_version_stored_is_read() {
    let at = "2026-11-22T10:00:00Z";
    let fix = json!({
        "base_sha": "b", "base_branch": "main", "file_path": "a.py", "edits": [{"search": "a", "replace": "b"}],
        "explanation": "why", "confidence": 0.9, "diff": "", "before_sha256": "0", "unchecked": [],
    });
    let offer = json!({
        "fix": fix, "since": at, "checks": {"are": "green", "passed": 1}, "look_at": at, "repairs": [],
        "pull_request": {"number": 1, "url": "u", "branch": "autofix/1", "head_sha": "a"},
        "handed_over": null, "rebases": 0, "next": null, "notice": null,
    });
    let mut stored = json!({
        "id": "019ab5d1-0000-7000-8000-000000000001", "created_at": at,
        "subject": {
            "project": "bookshop", "sentry_issue_id": "7", "sentry_event_id": null, "sentry_url": null,
            "title": "KeyError", "error_type": "KeyError", "error_message": null, "file": "a.py", "line": 1, "function": "a",
        },
        "target": {"repo": "acme/shop", "path": "", "branch": null, "slack_channel": null},
        "state": {"is": "awaiting_approval", "offer": offer, "problem": null},
        "analysis": null, "approved_at": null, "completed_at": null,
        "usage": {
            "input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
            "cost_usd": 0.5, "turns": 1,
        },
        "card": {
            "wanted": 1, "shown": 1, "post_tried_at": null, "message": null, "not_before": null, "failures": 0,
        },
        "trouble": {"failures": 0, "not_before": null, "last": null},
        "wait": {"what": {"for": "place", "limit": 3}, "since": at, "look_at": at},
        "timeline": [{"at": at, "what": "Sentry reported the error"}],
    });
    let plain: Attempt = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!((plain.status(), &plain.proof), (Status::AwaitingApproval, &None));
    assert_eq!(plain.wait.as_ref().map(|wait| wait.what), Some(WaitsFor::Slot { limit: 3 }));
    assert!(matches!(plain.next_step(now()), Next::Do(Step::LookAtChecks { .. })));
    stored["proof"] = json!({
        "mode": "require", "minutes": 30,
        "stage": {
            "is": "with_fix",
            "test": {
                "file_path": "test_a.py", "place": {"is": "end_of_file", "before_sha256": "0"}, "code": "def test_a(): a()",
                "name": "test_a", "function": "a", "function_path": "a.py", "function_lines": [1, 3],
                "exception": "KeyError",
            },
            "failed": {"check": "tests", "url": null, "head_sha": "a", "minutes": 1},
        },
    });
    let with_proof: Attempt = serde_json::from_value(stored).unwrap();
    assert!(with_proof.lacks_required_proof());
    let below = with_proof.test_below_fix().map(|(test, failed)| (test.name.as_str(), failed.check.as_str()));
    assert_eq!(below, Some(("test_a", "tests")));
}

#[test]
fn a_fault_of_our_own_ends_what_the_attempt_does_in_every_state() {
    for (name, mut aborted) in attempts() {
        aborted.abort(Reason::new(ReasonCode::InternalError, "an event did not fit"), now());
        assert_eq!(aborted.next_work(now()), Next::Ended, "{name}: {:?}", aborted.state);
    }
}

#[test]
fn what_is_to_be_done_in_each_state() {
    let mut table = String::new();
    for (name, plain) in attempts() {
        let mut owes = plain.clone();
        owes.card.wanted = 1;
        let mut postponed = plain.clone();
        let failure = StepFailure { why: "down".to_owned(), outage_of: None, again_at: later() };
        postponed.step_failed(failure, now());
        let shown_next = |next: Next| match next {
            Next::Do(step) => step.name(),
            Next::WaitUntil(time) => format!("in {} s", time.duration_since(now()).as_secs()),
            Next::Ended => "-".to_owned(),
        };
        assert_eq!(
            owes.next_step(now()),
            Next::Do(Step::ShowCard),
            "{name}: a card that is owed comes first"
        );
        table.push_str(&format!(
            "{name:<30} {:<16} after a failure: {}\n",
            shown_next(plain.next_step(now())),
            shown_next(postponed.next_step(now()))
        ));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_card_that_slack_did_not_take_is_tried_again_and_stops_nothing() {
    let mut attempt = attempt(State::Proposed { fix: fix(), slot_taken: false });
    attempt.card.wanted = 1;
    attempt.card_postponed(later());
    assert_eq!(attempt.next_step(now()), Next::Do(Step::TakeSlot { fix: &fix() }));
    assert_eq!(attempt.next_step(later()), Next::Do(Step::ShowCard));
    let mut ended = attempt.clone();
    ended.state = State::Failed { reason: reason(), fix: None, pull_request: None };
    assert_eq!(ended.next_step(now()), Next::WaitUntil(later()), "an end does not forget the card");
}

#[test]
fn a_wait_is_told_once_and_ends_with_the_next_event() {
    let mut attempt = attempt(State::Proposed { fix: fix(), slot_taken: false });
    let waits = |look_at| Event::Waits { what: WaitsFor::Slot { limit: 3 }, look_at };
    attempt.apply(waits(later()), now()).unwrap();
    assert_eq!(attempt.card.wanted, 1);
    shown(&mut attempt, 1);
    assert_eq!(attempt.next_step(now()), Next::WaitUntil(later()));
    assert_eq!(attempt.next_step(later()), Next::Do(Step::TakeSlot { fix: &fix() }));
    attempt.apply(waits(later() + SignedDuration::from_mins(5)), later()).unwrap();
    assert_eq!(attempt.card.wanted, 1);
    assert_eq!(attempt.wait.as_ref().map(|wait| wait.since), Some(now()));
    attempt.wake(later());
    assert_eq!(attempt.next_step(later()), Next::Do(Step::TakeSlot { fix: &fix() }));
    attempt.apply(Event::PullRequestOpened { pull_request: pull_request() }, later()).unwrap();
    assert_eq!(attempt.wait, None);
}

#[test]
fn an_issue_joins_once_and_is_owed_to_the_pull_request_until_it_is_listed() {
    let mut attempt = attempt(State::Proposed { fix: fix(), slot_taken: false });
    for _ in 0..2 {
        attempt.apply(Event::IssueJoined { issue: joining("7") }, now()).unwrap();
    }
    assert_eq!((attempt.joined.count(), attempt.card.wanted), (1, 1));
    attempt.apply(Event::PullRequestOpened { pull_request: pull_request() }, now()).unwrap();
    let wanted = attempt.card.wanted;
    shown(&mut attempt, wanted);
    assert_eq!(attempt.next_step(now()), Next::Do(Step::ListIssues { pull_request: &pull_request() }));
    attempt.apply(Event::Learned(Fact::IssuesListed { count: 1 }), now()).unwrap();
    assert!(matches!(attempt.next_step(now()), Next::Do(Step::LookAtChecks { .. })));
    for issue in 100..150 {
        attempt.apply(Event::IssueJoined { issue: joining(&issue.to_string()) }, now()).unwrap();
    }
    assert_eq!((attempt.joined.issues.len(), attempt.joined.count()), (Joined::MAX, 51));
}

#[test]
fn another_try_is_made_once() {
    let mut attempt = attempt(State::Skipped { reasons: vec![reason()], fix: None });
    assert!(attempt.can_be_tried_again());
    attempt.apply(Event::TriedAgain { retried: retried() }, later()).unwrap();
    assert!(!attempt.can_be_tried_again());
    let again = attempt.apply(Event::TriedAgain { retried: retried() }, later());
    assert_eq!(again, Err(Refusal::AlreadyTriedAgain { by: Some("U1".to_owned()) }));
}

#[test]
fn two_approvals_are_those_of_two_people_and_of_one_commit() {
    let offer = Offer { checks: Checks::Green { passed: 1 }, ..Offer::opened(fix(), pull_request(), now()) };
    let mut attempt = attempt(State::AwaitingApproval { offer, problem: None });
    let approve = |attempt: &mut Attempt, by: &str| {
        let decision = Decision { by: by.to_owned(), at: now(), response_url: None };
        attempt.apply(Event::Approved { decision, needed: 2 }, now())
    };
    approve(&mut attempt, "U1").unwrap();
    assert_eq!(attempt.status(), Status::AwaitingApproval);
    assert_eq!(approve(&mut attempt, "U1"), Err(Refusal::ApprovedByYou { missing: 1 }));
    approve(&mut attempt, "U2").unwrap();
    assert_eq!(attempt.status(), Status::Approved);
    // GitHub refuses: the approvals of this commit stand.
    attempt.apply(Event::MergeRefused { reason: reason() }, now()).unwrap();
    approve(&mut attempt, "U1").unwrap();
    assert_eq!(attempt.status(), Status::Approved);
    // Another commit needs all of them anew.
    attempt.apply(Event::NextHead { next: next_head(), notice: "moved".to_owned() }, now()).unwrap();
    attempt.apply(Event::HeadMoved { head_sha: "d".repeat(40) }, now()).unwrap();
    let green = Checks::Green { passed: 1 };
    attempt.apply(Event::ChecksSeen { checks: green, look_at: later() }, now()).unwrap();
    approve(&mut attempt, "U1").unwrap();
    assert_eq!(attempt.status(), Status::AwaitingApproval);
}

/// Whether people have nothing new to read when an attempt comes to this state.
fn is_silent(attempt: &Attempt) -> bool {
    match &attempt.state {
        State::Pending | State::Analyzing { .. } | State::Proposed { .. } => true,
        // Told on the card of the attempt that it joined, or not worth a card.
        State::Skipped { reasons, .. } => {
            matches!(reasons[0].code, ReasonCode::SameFaultJoined | ReasonCode::BelowTheBar)
        }
        _ => false,
    }
}

fn check(before: &Attempt, after: &Attempt) {
    let change = format!("from `{}` to `{}`", before.status(), after.status());
    assert_eq!((before.id, before.created_at), (after.id, after.created_at), "{change}: another attempt");
    assert!(before.state.is_live() || !after.state.is_live(), "{change}: the end was not the end");
    let ended = after.status().is_end();
    assert_eq!(ended, after.completed_at.is_some(), "{change}: an end has a time, anything else none");
    if before.completed_at.is_some() {
        assert_eq!(before.completed_at, after.completed_at, "{change}: the time of the end changed");
    }
    let approved = matches!(after.status(), Status::Approved);
    assert!(!approved || after.approved_at.is_some(), "{change}: approved at no time");
    assert!(after.card.wanted >= before.card.wanted, "{change}: a pending card update is forgotten");
    assert!(after.card.shown <= after.card.wanted, "{change}: a card was shown that nobody wanted");
    let moved = before.status() != after.status();
    assert!(
        !moved || is_silent(after) || after.card.wanted > before.card.wanted,
        "{change}: the card does not change"
    );
    assert!(after.timeline.len() <= super::MAX_TIMELINE);
    assert!(after.timeline.is_sorted_by_key(|moment| moment.at), "{change}: the timeline goes back");
    assert!(!moved || after.trouble.failures == 0, "{change}: an old step's failures count for a new one");
    let kept: Attempt = serde_json::from_str(&serde_json::to_string(after).unwrap()).unwrap();
    assert_eq!(&kept, after, "{change}: the table keeps something else");
}

/// Which event comes, and how many minutes later. Most are chosen among those that can happen and do not give up, so that
/// the far ends are reached, too.
#[derive(Clone, Debug)]
struct Happening {
    onward: bool,
    event: prop::sample::Index,
    minutes: i64,
}

fn happening() -> impl Strategy<Value = Happening> {
    let event = any::<prop::sample::Index>();
    (prop::bool::weighted(0.75), event, 0..90_i64).prop_map(|(onward, event, minutes)| Happening {
        onward,
        event,
        minutes,
    })
}

fn choose(happening: &Happening, attempt: &Attempt, time: Timestamp) -> Event {
    let all: Vec<Event> = events().into_iter().map(|(_, event)| event).collect();
    let leads_on = |event: &&Event| {
        let mut after = attempt.clone();
        after.apply((*event).clone(), time).is_ok()
            && !matches!(after.status(), Status::Failed | Status::Skipped)
    };
    let onward: Vec<&Event> = all.iter().filter(leads_on).collect();
    match happening.onward && !onward.is_empty() {
        true => (*happening.event.get(&onward)).clone(),
        false => happening.event.get(&all).clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_events_in_any_order_keep_the_laws(happenings in prop::collection::vec(happening(), 1..60)) {
        let mut attempt = Attempt::pending(AttemptId::new(now()), Subject::default(), Target::default(), now());
        let mut time: Timestamp = now();
        for happening in happenings {
            time += SignedDuration::from_mins(happening.minutes);
            let before = attempt.clone();
            match attempt.apply(choose(&happening, &before, time), time) {
                Ok(()) => check(&before, &attempt),
                Err(_) => prop_assert_eq!(&before, &attempt, "a refused event changed something"),
            }
        }
    }
}
