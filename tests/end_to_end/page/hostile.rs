//! An attempt of which every text is an attack, in every state that shows another part of it: on each page it is text.

use autofix::access::AccessKeys;
use autofix::analysis::dossier::{Dossier, Excerpt, StepCost};
use autofix::analysis::effects::{Effects, Fact, Question};
use autofix::analysis::gates::{Gate, GateName, Outcome};
use autofix::analysis::report::{Analysis, Answer, Critique, Evidence, YesNo};
use autofix::attempt::{
    Attempt, AttemptId, Checks, FailedCheck, Hint, JoinedIssue, Retry, SameFault, State, Subject, Target,
};
use autofix::incident::Incident;
use autofix::secrets::Secret;
use autofix::store::{Admission, Leased, Leasing, NewAttempt, Occasion, Saved};
use autofix::usage::Usage;
use autofix_local::sandbox::API_TOKEN;

use super::html::{checked, shown};
use super::{Browser, World};
use crate::cards::Maker;
use crate::world::hours;

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

    pub(super) fn maker(&self) -> Maker {
        let diff = format!(
            "--- a/{0}\n+++ b/{0}\n@@ -1,3 +1,3 @@ {0}\n {0}\n-a {0} b\n+a {0} c\n+{0}\n\\ {0}\n",
            self.text
        );
        Maker {
            text: self.text(),
            url: self.address.to_owned(),
            diff: Some(diff),
            effects: self.effects(),
            answers: vec![self.answer()],
            is_in_names: true,
        }
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
    fn states(&self) -> Vec<State> {
        let own = ["skipped", "not merged", "repaired, handed over", "not rolled back", "rolled back"];
        let states = self.maker().states().into_iter().filter(|(name, _)| own.contains(name));
        let states: Vec<State> = states.map(|(_, state)| state).chain([State::Pending]).collect();
        assert_eq!(states.len(), own.len() + 1);
        states
    }

    fn attempt(&self, world: &World, number: usize) -> Attempt {
        let now = world.clock.now();
        let subject = Subject {
            sentry_issue_id: format!("{number} {}", self.text),
            sentry_event_id: Some(self.text()),
            function: Some(self.text()),
            ..self.maker().attempt(State::Pending).subject
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
    let until = now + hours(1);
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
        pull_request: Some(attack.maker().pull_request(1)),
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
        for state in attack.states() {
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
