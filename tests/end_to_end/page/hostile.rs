//! An attempt of which every text is an attack, in every state that shows another part of it: on each page it is text.

use autofix::access::AccessKeys;
use autofix::analysis::dossier::{Dossier, Excerpt, StepCost};
use autofix::analysis::effects::{Effects, Fact, Question};
use autofix::analysis::gates::{Gate, GateName, Outcome};
use autofix::analysis::reach::Reach;
use autofix::analysis::report::{Analysis, Answer, BlastRadius, Critique, Evidence, YesNo};
use autofix::attempt::{
    Attempt, AttemptId, CameBack, Checks, Decision, Deployment, FailedCheck, Fix, Hint, JoinedIssue, Merged,
    Offer, PullRequest, Retry, Reverted, RollBack, Rollout, SameFault, State, Subject, Target,
};
use autofix::incident::Incident;
use autofix::reason::{Reason, ReasonCode};
use autofix::secrets::Secret;
use autofix::store::{Admission, Leased, Leasing, NewAttempt, Occasion, Saved};
use autofix::usage::Usage;
use autofix_local::sandbox::API_TOKEN;
use jiff::SignedDuration;

use super::html::{checked, shown};
use super::{Browser, World};

/// Each opens something where it stands: an element, an attribute, a script, a comment, a style, an SVG.
const ATTACKS: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "</textarea></style><svg onload=alert(1)>",
    "<!--<iframe srcdoc='<script>alert(1)</script>'>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u{202e}<a href=javascript:alert(1)>x</a>\u{0}",
];
/// What an address could do instead of leading to GitHub or Sentry.
const ADDRESSES: &[&str] = &[
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https://evil.example/acme/bookshop/pull/1",
    "http://github.com/acme/bookshop/pull/1",
    "//evil.example",
    "https://github.com\" onclick=\"alert(1)",
];

pub(super) struct Attack {
    pub text: &'static str,
    pub address: &'static str,
}

impl Attack {
    fn text(&self) -> String {
        self.text.to_owned()
    }

    fn address(&self) -> Option<String> {
        Some(self.address.to_owned())
    }

    fn analysis(&self) -> Analysis {
        Analysis {
            error_type: self.text(),
            error_message: self.text(),
            root_cause: format!("{}\n{}", self.text, self.text),
            file_path: self.text(),
            line_number: Some(1),
            function_name: Some(self.text()),
            explanation: self.text(),
            recommendation: self.text(),
            evidence: vec![self.evidence(), Evidence { line: 99, ..self.evidence() }],
            ..Analysis::default()
        }
    }

    fn effects(&self) -> Effects {
        let question =
            Question { id: "q1".to_owned(), text: self.text(), identifier: self.text(), needs_two: true };
        Effects {
            facts: vec![Fact { line: 2, sentence: self.text() }],
            questions: vec![question.clone(), Question { id: "q2".to_owned(), ..question }],
            refusals: Vec::new(),
        }
    }

    fn answer(&self) -> Answer {
        Answer { question: "q1".to_owned(), answer: Some(YesNo::No), quotes: vec![self.evidence()] }
    }

    fn evidence(&self) -> Evidence {
        Evidence { file: self.text(), line: 2, quote: self.text() }
    }

    pub(super) fn fix(&self) -> Fix {
        Fix {
            base_sha: self.text(),
            base_branch: self.text(),
            file_path: self.text(),
            edits: Vec::new(),
            explanation: self.text(),
            confidence: 0.9,
            diff: format!(
                "--- a/{0}\n+++ b/{0}\n@@ -1,3 +1,3 @@ {0}\n {0}\n-a {0} b\n+a {0} c\n+{0}\n\\ {0}\n",
                self.text
            ),
            before_sha256: String::new(),
            unchecked: vec![self.text()],
            reach: Some(Reach::Used { radius: BlastRadius::Wide, names: vec![self.text(); 3], files: 2 }),
            effects: self.effects(),
            answers: vec![self.answer()],
        }
    }

    fn pull_request(&self) -> PullRequest {
        PullRequest { number: 1, url: self.address.to_owned(), branch: self.text(), head_sha: self.text() }
    }

    fn dossier(&self) -> Dossier {
        let excerpt = Excerpt {
            file: self.text(),
            first_line: 1,
            quoted: (2, 2),
            lines: vec![self.text(), self.text(), self.text()],
        };
        let critique = Critique {
            stops_this_error: false,
            changes_other_behaviour: true,
            hides_deeper_fault: true,
            touches_sensitive_area: true,
            confidence: None,
            approve: false,
            explanation: self.text(),
            answers: vec![self.answer()],
        };
        let gate = |name, outcome| Gate { name, outcome, details: vec![self.text()] };
        Dossier {
            base_sha: self.text(),
            excerpts: vec![excerpt],
            gates: vec![gate(GateName::Frame, Outcome::Passed), gate(GateName::Critic, Outcome::Refused)],
            effects: self.effects(),
            critique: Some(critique.clone()),
            second_critique: Some(critique),
            costs: vec![StepCost { step: self.text(), usage: Usage::default() }],
        }
    }

    /// Every state that a page shows in a way of its own.
    fn states(&self, world: &World) -> Vec<State> {
        let now = world.clock.now();
        let decision = Decision { by: self.text(), at: now, response_url: self.address() };
        let reason = Reason::new(ReasonCode::MergeRefused, self.text);
        let mut offer = Offer::opened(self.fix(), self.pull_request(), now + SignedDuration::from_hours(9));
        offer.notice = Some(self.text());
        offer.handed_over = Some(self.text());
        let merged = Merged {
            fix: self.fix(),
            pull_request: self.pull_request(),
            decision: decision.clone(),
            approved_by: vec![self.text()],
            merge_sha: Some(self.text()),
            at: now,
            deployment: Some(Deployment {
                environment: self.text(),
                rollout: Rollout::Failed,
                at: now,
                url: self.address(),
            }),
        };
        let came_back =
            CameBack { event_id: self.text(), at: now, release: Some(self.text()), url: self.address() };
        vec![
            State::Pending,
            State::Skipped { reasons: vec![reason.clone(), reason.clone()], fix: Some(self.fix()) },
            State::AwaitingApproval { offer, problem: Some(reason.clone()) },
            State::Regressed {
                merged: merged.clone(),
                came_back: came_back.clone(),
                roll_back: RollBack::Refused { reason },
                look: None,
            },
            State::RolledBack {
                merged,
                came_back: Some(came_back),
                revert: Reverted::ByPullRequest { pull_request: self.pull_request() },
                decision,
            },
        ]
    }

    fn attempt(&self, world: &World, number: usize) -> Attempt {
        let now = world.clock.now();
        let subject = Subject {
            project: self.text(),
            sentry_issue_id: format!("{number} {}", self.text),
            sentry_event_id: Some(self.text()),
            sentry_url: self.address(),
            title: self.text(),
            error_type: Some(self.text()),
            error_message: Some(self.text()),
            file: Some(self.text()),
            line: Some(1),
            function: Some(self.text()),
        };
        let target = Target { repo: self.text(), ..Target::default() };
        Attempt::pending(AttemptId::new(now), subject, target, now)
    }
}

/// Puts the attempt into the table as the endpoints and the worker would, and says its id.
pub(super) async fn stored(world: &World, attack: &Attack, state: State, number: usize) -> AttemptId {
    let (store, now) = (world.process.store(), world.clock.now());
    let attempt = attack.attempt(world, number);
    let incident = Incident::default();
    let new = NewAttempt {
        attempt: &attempt,
        incident: &incident,
        occasion: Occasion::Reported,
        max_per_hour: 10_000,
    };
    assert_eq!(store.admit(new, now).await.unwrap(), Admission::Started(attempt.id));
    let until = now + SignedDuration::from_hours(1);
    let Leased::Taken(lease, mut attempt) =
        store.lease(attempt.id, Leasing { owner: "test", now, until }).await.unwrap()
    else {
        panic!("nobody else has it")
    };
    attempt.checks = Some(Checks::Red {
        failed: vec![FailedCheck {
            name: attack.text(),
            url: attack.address(),
            summary: Some(attack.text()),
        }],
    });
    if !matches!(state, State::Pending) {
        attempt.analysis = Some(attack.analysis());
        store.save_dossier(&lease, &attack.dossier(), now).await.unwrap();
    }
    attempt.same_fault = Some(SameFault {
        attempt: attempt.id,
        until: now,
        pull_request: Some(attack.pull_request()),
        decided_by: Some(attack.text()),
    });
    attempt.joined.issues.push(JoinedIssue {
        attempt: attempt.id,
        sentry_issue_id: attack.text(),
        sentry_url: attack.address(),
        title: attack.text(),
        at: now,
    });
    attempt.retry = Hint::new(attack.text).map(|hint| Retry { of: attempt.id, by: attack.text(), hint });
    attempt.usage.turns = 1;
    attempt.note(now, attack.text);
    attempt.state = state;
    assert_eq!(store.release(&lease, &attempt, None, now).await.unwrap(), Saved::Yes);
    attempt.id
}

#[tokio::test]
async fn text_from_outside_is_text_on_every_page_and_in_every_place_of_it() {
    let world = World::new().await;
    let browser = Browser::logged_in(&world).await;
    let mut number = 0;
    let addresses = ADDRESSES.iter().cycle();
    for (text, address) in ATTACKS.iter().zip(addresses) {
        let attack = Attack { text, address };
        for state in attack.states(&world) {
            number += 1;
            let status = state.status();
            let id = stored(&world, &attack, state, number).await;
            let detail = browser.get(&world, &format!("/autofix/view/{id}")).await;
            assert_eq!(detail.status, axum::http::StatusCode::OK, "{text} {status}");
            // No address of an attack is linked: only our own ones are allowed here.
            checked(&detail.text, &[]);
            let seen = text.replace(['\u{202e}', '\u{0}'], "");
            assert!(shown(&detail.text).contains(seen.trim()), "{seen} in {}", shown(&detail.text));
        }
    }
    let list = browser.get(&world, "/autofix/").await;
    let tags = checked(&list.text, &[]);
    assert_eq!(
        tags.iter().filter(|tag| tag.attribute("id").is_some_and(|id| id.starts_with("row-"))).count(),
        number
    );
    let scoreboard = browser.get(&world, "/autofix/scoreboard").await;
    checked(&scoreboard.text, &[]);
    assert!(shown(&scoreboard.text).contains("<script>alert(1)</script>"), "{}", scoreboard.text);
    for attack in ATTACKS.iter().chain(ADDRESSES) {
        let query: String = attack.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let page = browser.get(&world, &format!("/autofix/scoreboard?project={query}&weeks={query}")).await;
        checked(&page.text, &[]);
        for field in ["q", "project", "status", "before", "seal", "next"] {
            let page = browser.get(&world, &format!("/autofix/?{field}={query}")).await;
            checked(&page.text, &[]);
            let page = Browser::default().get(&world, &format!("/autofix/login?{field}={query}")).await;
            checked(&page.text, &[]);
        }
    }
    world.settle().await;
}

#[tokio::test]
async fn a_link_to_one_attempt_is_no_way_to_put_text_on_a_page() {
    let world = World::new().await;
    let (id, _) = world.until_armed().await;
    let seal = AccessKeys::of(&Secret::new(API_TOKEN))
        .link(AttemptId::parse(&id).unwrap(), world.clock.now())
        .unwrap();
    let hosts = [&*world.sandbox.github.url(), &*world.sandbox.sentry.url()];
    for attack in ATTACKS {
        let query: String = attack.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in
            [format!("?seal={seal}&x={query}"), format!("?seal={seal}{query}"), format!("?seal={query}")]
        {
            let page = Browser::default().get(&world, &format!("/autofix/view/{id}{path}")).await;
            checked(&page.text, &hosts);
        }
    }
}
