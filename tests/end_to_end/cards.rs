//! Every card, note and dialog: what people read, and that Slack takes it whatever stands in it.

mod whole;

use autofix::analysis::effects::Effects;
use autofix::analysis::reach::Reach;
use autofix::analysis::report::{Answer, BlastRadius};
use autofix::attempt::{
    Approval, Approvals, Attempt, AttemptId, CameBack, Checks, Cleanup, Decision, Deployment, Dismissal,
    DismissalReason, FailedCheck, Fix, Hint, Merged, Offer, PullRequest, Queued, Repair, Retried, Retry,
    Reverted, RollBack, Rollout, State, Subject, Target, Telling, Watch,
};
use autofix::messages::{self, Buttons, DEPLOY, ROLL_BACK, WayOn};
use autofix::metrics::Metrics;
use autofix::outbound::Outbound;
use autofix::reason::{Reason, ReasonCode};
use autofix::secrets::Secrets;
use autofix::slack::Slack;
use autofix_local::sandbox::slack::{CHANNEL_ID, rendered};
use axum::http::Method;
use jiff::Timestamp;

use crate::log::Log;
use crate::world::{
    self, APPROVER_ID, CheckRun, Conclusion, Fault, Heads, Hook, SECOND_APPROVER_ID, Scenario, SlackWay,
    World, assert_says, mins, secs,
};

fn at(minutes: i64) -> Timestamp {
    "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap() + mins(minutes)
}

/// Attempts whose texts from outside are all `text`.
#[derive(Default)]
pub struct Maker {
    pub text: String,
    pub url: String,
    /// In place of one made of the text.
    pub diff: Option<String>,
    pub effects: Effects,
    pub answers: Vec<Answer>,
    /// What only GitHub, Slack and AutoFix name is the text, too.
    pub is_in_names: bool,
}

impl Maker {
    fn plain() -> Maker {
        Maker { text: "pytest".to_owned(), url: "https://ci.example/1".to_owned(), ..Maker::default() }
    }

    fn text(&self) -> String {
        self.text.clone()
    }

    fn name(&self, usual: &str) -> String {
        if self.is_in_names { self.text() } else { usual.to_owned() }
    }

    fn decision(&self) -> Decision {
        Decision { by: self.name(APPROVER_ID), at: at(0), response_url: None }
    }

    pub fn fix(&self) -> Fix {
        Fix {
            base_sha: self.name(&"b".repeat(40)),
            base_branch: self.text(),
            file_path: self.text(),
            edits: Vec::new(),
            explanation: self.text(),
            confidence: 0.9,
            diff: self.diff.clone().unwrap_or_else(|| format!("-{}\n+{}\n", self.text, self.text)),
            before_sha256: "0".repeat(64),
            unchecked: vec![self.text(); 6],
            reach: Some(Reach::Used { radius: BlastRadius::Wide, names: vec![self.text(); 3], files: 2 }),
            effects: self.effects.clone(),
            answers: self.answers.clone(),
        }
    }

    pub fn pull_request(&self, number: u64) -> PullRequest {
        PullRequest {
            number,
            url: match self.is_in_names {
                true => self.url.clone(),
                false => format!("https://github.example/acme/shop/pull/{number}"),
            },
            branch: self.name("autofix/1"),
            head_sha: self.name(&"a".repeat(40)),
        }
    }

    fn offer(&self, checks: Checks) -> Offer {
        Offer { checks, ..Offer::opened(self.fix(), self.pull_request(7), at(0)) }
    }

    fn red(&self) -> Checks {
        let check = FailedCheck {
            name: self.text(),
            url: Some(self.url.clone()),
            summary: Some(format!("E  assert 1 == 2\n{}\n1 failed", self.text)),
        };
        Checks::Red { failed: vec![check; 7] }
    }

    fn merged(&self, rollout: Option<Rollout>) -> Merged {
        Merged {
            fix: self.fix(),
            pull_request: self.pull_request(7),
            decision: self.decision(),
            approved_by: vec![self.name(APPROVER_ID), self.name(SECOND_APPROVER_ID)],
            merge_sha: Some(self.name(&"c".repeat(40))),
            at: at(0),
            deployment: rollout.map(|rollout| Deployment {
                environment: self.text(),
                rollout,
                at: at(3),
                url: Some(self.url.clone()),
            }),
        }
    }

    fn came_back(&self) -> CameBack {
        CameBack {
            event_id: self.name(&"e".repeat(32)),
            at: at(63),
            release: Some(self.text()),
            url: Some(self.url.clone()),
        }
    }

    pub fn states(&self) -> Vec<(&'static str, State)> {
        let reason = || Reason::new(ReasonCode::MergeRefused, self.text());
        let watch = || Some(Watch { until: at(1440), look_at: at(5) });
        let approvals =
            Approvals { needed: 2, given: vec![Approval { by: APPROVER_ID.to_owned(), at: at(1) }] };
        let green = || self.offer(Checks::Green { passed: 2 });
        let repaired = Offer {
            repairs: vec![Repair { at: at(9), failed: vec![self.text(); 9], before_sha: "d".repeat(40) }],
            notice: Some(self.text()),
            handed_over: Some(self.text()),
            ..self.offer(self.red())
        };
        let regressed = |roll_back| State::Regressed {
            merged: self.merged(Some(Rollout::Live)),
            came_back: self.came_back(),
            roll_back,
            look: None,
        };
        let dismissal = Dismissal::new(DismissalReason::TooRisky, &self.text);
        vec![
            ("red", State::PrCreated { offer: self.offer(self.red()) }),
            ("repaired, handed over", State::PrCreated { offer: repaired }),
            ("for two people", State::AwaitingApproval { offer: green(), problem: None }),
            ("1 of 2", State::AwaitingApproval { offer: Offer { approvals, ..green() }, problem: None }),
            ("not merged", State::AwaitingApproval { offer: green(), problem: Some(reason()) }),
            (
                "queued",
                State::Approved {
                    offer: green(),
                    decision: self.decision(),
                    queued: Some(Queued { since: at(2), look_at: at(3) }),
                },
            ),
            (
                "dismissed",
                State::Rejected {
                    fix: self.fix(),
                    pull_request: self.pull_request(7),
                    decision: self.decision(),
                    cleanup: Cleanup::Done,
                    dismissal: Some(dismissal),
                },
            ),
            ("merged", State::Deployed { merged: self.merged(None), watch: watch() }),
            ("no deployment", State::Deployed { merged: self.merged(None), watch: None }),
            ("live", State::Deployed { merged: self.merged(Some(Rollout::Live)), watch: watch() }),
            (
                "deployment failed",
                State::Deployed { merged: self.merged(Some(Rollout::Failed)), watch: watch() },
            ),
            ("verified", State::Verified { merged: self.merged(Some(Rollout::Live)), sentry: Telling::Done }),
            ("came back", regressed(RollBack::Offered)),
            (
                "rolling back",
                regressed(RollBack::Opened {
                    decision: self.decision(),
                    revert: self.pull_request(8),
                    look_at: at(64),
                }),
            ),
            ("not rolled back", regressed(RollBack::Refused { reason: reason() })),
            (
                "rolled back",
                State::RolledBack {
                    merged: self.merged(None),
                    came_back: Some(self.came_back()),
                    revert: Reverted::ByPullRequest { pull_request: self.pull_request(8) },
                    decision: self.decision(),
                },
            ),
            (
                "reverted by hand",
                State::RolledBack {
                    merged: self.merged(None),
                    came_back: None,
                    revert: Reverted::ByHand { commit: Some("e".repeat(40)) },
                    decision: Decision::on_github(at(9)),
                },
            ),
            ("skipped", State::Skipped { reasons: vec![reason(); 30], fix: Some(self.fix()) }),
        ]
    }

    pub fn attempt(&self, state: State) -> Attempt {
        let subject = Subject {
            project: self.text(),
            sentry_issue_id: "1".to_owned(),
            sentry_url: Some(self.url.clone()),
            title: self.text(),
            error_type: Some(self.text()),
            error_message: Some(self.text()),
            file: Some(self.text()),
            line: Some(34),
            ..Subject::default()
        };
        let target = Target { repo: "acme/shop".to_owned(), ..Target::default() };
        let mut attempt = Attempt::pending(AttemptId::new(at(0)), subject, target, at(0));
        attempt.state = state;
        attempt
    }
}

fn way_on() -> WayOn {
    WayOn { buttons: Buttons::WithDialogs, details: None, approvals: 2 }
}

/// The part of a card that tells of its state: from below the facts to the buttons or the footer, and the buttons.
fn told(attempt: &Attempt) -> String {
    let card = messages::card(attempt, &way_on());
    let shown = rendered(card.blocks()).replace(&attempt.id.to_string(), "ATTEMPT");
    let story = shown.split_once("`pytest:34`").unwrap().1;
    let ends = ["\n[ ", "\n────", "\n\nChange in"];
    let story = ends.iter().fold(story, |story, end| story.split(end).next().unwrap()).trim();
    let buttons = shown.lines().filter(|line| line.starts_with("[ ")).collect::<Vec<_>>().join("\n");
    format!("{}\n{story}\n{buttons}", shown.lines().next().unwrap()).trim().to_owned()
}

#[test]
fn every_state_tells_what_people_need_to_know() {
    let maker = Maker::plain();
    let all: Vec<String> = maker
        .states()
        .into_iter()
        .map(|(name, state)| format!("=== {name}\n{}\n", told(&maker.attempt(state))))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn rolling_back_is_asked_for_twice() {
    let maker = Maker::plain();
    let (_, state) = maker.states().into_iter().find(|(name, _)| *name == "came back").unwrap();
    let card = messages::card(&maker.attempt(state), &way_on());
    let button = card.blocks().iter().flat_map(|block| block["elements"].as_array().into_iter().flatten());
    let button = button.into_iter().find(|element| element["action_id"] == ROLL_BACK).unwrap();
    assert!(button["confirm"]["text"]["text"].as_str().unwrap().contains("reverts #7"), "{button}");
}

#[tokio::test]
async fn slack_takes_every_card_note_and_dialog_whatever_stands_in_it() {
    let world = World::new().await;
    let secrets = Secrets::from_environment(world.sandbox.environment(SlackWay::Bot), world::clock().clock());
    let url = world.sandbox.slack.url().parse().unwrap();
    let slack = Slack::new(Outbound::new(None).unwrap(), url, &secrets);
    let long_url = format!("https://ci.example/{}", "a/".repeat(2_000));
    for (text, url) in [
        ("<!channel> & <@U0APPROVER> `x` ``` *b* _i_ | ~".to_owned(), "javascript:alert(1)".to_owned()),
        ("&".repeat(20_000), long_url),
        ("line\n".repeat(5_000), "https://ci.example/<!here>|x".to_owned()),
        ("\u{202e}🔥".repeat(4_000), "not an address".to_owned()),
        (String::new(), String::new()),
    ] {
        let maker = Maker { text, url, ..Maker::default() };
        for (name, state) in maker.states() {
            let mut attempt = maker.attempt(state);
            let other = attempt.id;
            attempt.retry = Hint::new(&maker.text).map(|hint| Retry { of: other, by: maker.text(), hint });
            attempt.retried = Some(Retried { into: other, by: Some(APPROVER_ID.to_owned()), at: at(1) });
            let card = messages::card(&attempt, &way_on());
            let place = slack.post(CHANNEL_ID, &card, name).await;
            let place = place.unwrap_or_else(|error| panic!("{name}: {error}"));
            let raw = card.to_json().to_string();
            for ping in ["<!channel>", "<!here>", "javascript:"] {
                assert!(!raw.contains(ping), "{name}: {raw}");
            }
            if let Some(note) = messages::thread_note(&attempt) {
                slack
                    .reply(&place, &note.card, &note.key)
                    .await
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
    }
}

#[tokio::test]
async fn the_card_names_one_person_to_ask() {
    let world = World::new().await;
    let codeowners = "/backend/ @acme/backend @ann-codes ann@acme.example\n";
    world.push("main", ".github/CODEOWNERS", codeowners, "Name the owners");
    let (id, card) = world.until_armed().await;
    assert_says(&world.shown(&card), &["Owner\n`ann-codes` (CODEOWNERS)"]);
    assert_eq!(world.attempt(&id).await["owner"], "ann-codes");

    let world = World::new().await;
    let (_, card) = world.until_armed().await;
    assert_says(&world.shown(&card), &["(changed the file last, `"]);
}

#[tokio::test]
async fn a_merge_that_github_refuses_is_told_where_it_was_asked_for() {
    for way in [SlackWay::Bot, SlackWay::Webhook] {
        let world = World::builder().slack(way).start().await;
        let (id, card) = world.until_armed().await;
        world.refuse_merges(Some("At least 1 approving review is required"));
        world.decide(&card, DEPLOY).await;
        let card = world.card();
        let shown = world.shown(&card);
        assert!(shown.contains("AutoFix: not merged") && shown.contains("🔁 Try again"), "{way:?} {shown}");
        let notes = world.notes();
        match way {
            SlackWay::Bot => assert!(notes[0].contains("@ann ⚠️ GitHub did not merge it."), "{notes:?}"),
            SlackWay::Webhook => assert!(notes.is_empty(), "{notes:?}"),
        }
        world.refuse_merges(None);
        world.clock.advance(secs(60));
        world.decide(&card, DEPLOY).await;
        assert_eq!(world.status(&id).await, "deployed", "{way:?}");
        assert!(world.shown_card().contains("AutoFix merged"), "{way:?}");
        assert_eq!(world.notes().len(), notes.len(), "{way:?}");
    }
}

#[tokio::test]
async fn what_a_red_check_says_stands_in_the_thread_once() {
    for fault in [None, Some(Fault::BreakAfter), Some(Fault::status(503))] {
        let world = World::new().await;
        let red = CheckRun::ended("pytest", Conclusion::Failure);
        world.set_checks(Heads::Every, &[red]);
        let id = world.handle(Scenario::Security).await;
        assert!(world.notes().is_empty(), "no pull request, no checks: {id}");
        world.report(&Scenario::Fix.event(world.clock.now()), Hook::EventAlertTriggered).await;
        if let Some(fault) = &fault {
            // The card is the first message of this attempt, its note the second.
            let slack = world.sandbox.slack.service();
            slack.fail_next(Method::POST, "/api/conversations.replies", Fault::status(503));
            slack.fail_next(Method::POST, "/api/chat.postMessage", Fault::status(503));
            slack.fail_next(Method::POST, "/api/chat.postMessage", fault.clone());
        }
        world.settle().await;
        world.ticks(8, mins(2)).await;
        let notes = world.notes();
        let of_first_head: Vec<_> = notes.iter().filter(|note| note.contains("Failed for")).collect();
        let heads: std::collections::BTreeSet<&str> =
            of_first_head.iter().map(|note| note.split('`').nth(1).unwrap()).collect();
        assert!(!heads.is_empty(), "{fault:?}");
        assert_eq!(heads.len(), of_first_head.len(), "each head once: {notes:?}");
        assert_eq!(world.cards().len(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_slack_that_refuses_the_same_card_three_times_is_measured() {
    let mut world = World::new().await;
    let lines = Log::default();
    world.process.measure(Metrics::to(lines.clone(), "autofix"));
    let measured = || lines.text().lines().filter(|line| line.contains("CardFailures")).count();
    let body = r#"{"ok":false,"error":"account_inactive"}"#;
    for _ in 0..50 {
        let fault = Fault::Answer { status: 200, headers: Vec::new(), body: body.to_owned() };
        world.sandbox.slack.service().fail_next(Method::POST, "/api/", fault);
    }
    world.handle(Scenario::Security).await;
    world.after(mins(1)).await;
    assert_eq!(measured(), 0, "twice may be bad luck");
    world.after(mins(2)).await;
    assert_eq!(measured(), 1);
    world.sandbox.slack.service().clear_faults();
    world.after(mins(5)).await;
    assert_says(&world.shown_card(), &["Manual Review Required"]);
    world.after(mins(5)).await;
    assert_eq!(measured(), 1);
}
