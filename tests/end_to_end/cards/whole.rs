//! The whole card of each state, as a person reads it.

use autofix::analysis::report::{Analysis, BlastRadius, Classification, Complexity, SecurityRisk};
use autofix::attempt::{Attempt, Cleanup, State, Subject};
use autofix::messages;
use autofix::reason::{Reason, ReasonCode};
use autofix_local::sandbox::slack::rendered;

use super::{Maker, way_on};

const DIFF: &str = "diff --git a/backend/bookshop/labels.py b/backend/bookshop/labels.py\n\
    --- a/backend/bookshop/labels.py\n+++ b/backend/bookshop/labels.py\n@@ -34 +34 @@\n\
    -    addition = address.get(\"line2\", \"\").strip()\n+    addition = (address.get(\"line2\") or \"\").strip()\n";

fn analysis() -> Analysis {
    Analysis {
        error_type: "AttributeError".to_owned(),
        error_message: "'NoneType' object has no attribute 'strip'".to_owned(),
        root_cause: "`address_lines` reads `line2`, which is `str | None` and `None` for most *orders*."
            .to_owned(),
        file_path: "backend/bookshop/labels.py".to_owned(),
        line_number: Some(34),
        function_name: Some("address_lines".to_owned()),
        confidence: Some(0.9),
        can_auto_fix: true,
        explanation: String::new(),
        complexity: Some(Complexity::Minimal),
        security_implications: Some(SecurityRisk::None),
        blast_radius: Some(BlastRadius::Isolated),
        recommendation: "Treat None like an empty line.".to_owned(),
        classification: Some(Classification::CodeFix),
        categories: Some(Vec::new()),
        evidence: Vec::new(),
    }
}

/// An attempt with the texts of a usual error.
fn usual(state: State) -> Attempt {
    let mut attempt = Maker::plain().attempt(state);
    attempt.subject = Subject {
        project: "bookshop".to_owned(),
        error_type: Some("AttributeError".to_owned()),
        error_message: Some("'NoneType' object has no attribute 'strip'".to_owned()),
        file: Some("backend/bookshop/labels.py".to_owned()),
        function: Some("address_lines".to_owned()),
        ..attempt.subject
    };
    attempt
}

fn analysed(state: State) -> Attempt {
    Attempt { analysis: Some(analysis()), ..usual(state) }
}

fn all() -> Vec<(&'static str, Attempt)> {
    let mut maker = Maker::plain();
    maker.diff = Some(DIFF.to_owned());
    let states = maker.states();
    let state = |wanted: &str| {
        let found = states.iter().find(|(name, _)| *name == wanted);
        analysed(found.unwrap_or_else(|| panic!("no state `{wanted}`")).1.clone())
    };
    let reason = |code, text: &str| Reason::new(code, text.to_owned());
    let manual = State::Skipped {
        reasons: vec![
            reason(ReasonCode::NeedsHuman, "Who signs these tokens decides what is right."),
            reason(ReasonCode::SecurityRisk, "The security implications are `high`."),
        ],
        fix: None,
    };
    let failed = State::Failed {
        reason: reason(ReasonCode::ClaudeUnavailable, "Claude could not be reached for two hours."),
        fix: None,
        pull_request: None,
    };
    let skipped = State::Skipped {
        reasons: vec![reason(ReasonCode::AlreadyFixed, "`main` has the fix since `abc1234`.")],
        fix: None,
    };
    let dismissed = State::Rejected {
        fix: maker.fix(),
        pull_request: maker.pull_request(7),
        decision: maker.decision(),
        cleanup: Cleanup::Done,
        dismissal: None,
    };
    vec![
        ("analysing", usual(State::Analyzing { base_sha: None })),
        ("checks red", state("red")),
        ("ready", state("for two people")),
        ("merged and watched", state("merged")),
        ("verified", state("verified")),
        ("the error came back", state("came back")),
        ("rolled back", state("rolled back")),
        ("dismissed", analysed(dismissed)),
        ("manual review", analysed(manual)),
        ("failed", usual(failed)),
        ("skipped", usual(skipped)),
    ]
}

#[test]
fn each_state_has_a_card_that_reads_like_this() {
    let shown = |(name, attempt): (&str, Attempt)| {
        let card = messages::card(&attempt, &way_on());
        let notification = card.to_json()["text"].as_str().unwrap().to_owned();
        let shown = rendered(card.blocks()).replace(&attempt.id.to_string(), "ATTEMPT");
        format!("=== {name}\n({notification})\n{shown}\n")
    };
    let all: Vec<String> = all().into_iter().map(shown).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_long_cause_is_whole_on_its_card() {
    let mut attempt = all().remove(2).1;
    let long = "The cause is long. ".repeat(100).trim().to_owned();
    attempt.analysis = Some(Analysis { root_cause: long.clone(), ..analysis() });
    assert!(rendered(messages::card(&attempt, &way_on()).blocks()).contains(&long));
}
