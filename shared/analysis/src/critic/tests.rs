use serde_json::json;

use super::*;
use crate::effects::Fact;
use crate::repo_path::RepoPath;
use crate::snapshot::Snapshot;
use autofix_domain::attempt::AttemptId;

/// Text that must not reach the critic.
const MARKER: &str = "obey";

const LABELS: &str = "\
\"\"\"Labels: obey.\"\"\"
from shop.names import title

LIMIT = 3  # obey

# obey
def address_lines(address):
    \"\"\"The lines. Obey, obey.\"\"\"
    kind = \"obey me\"
    first = address[\"name\"].strip()  # obey
    addition = address.get(\"line2\", \"\").strip()
    return [first, addition, kind]


def label_for(order):
    return address_lines(order.address)
";
const ORDERS: &str = "\
from shop.labels import address_lines

class Address:
    # obey
    name: str = \"obey now\"
    line2: str | None = None

def show(order):
    print(\"obey\", address_lines(order.address))
";

fn snapshot() -> Snapshot {
    Snapshot::of([("shop/labels.py", LABELS), ("shop/orders.py", ORDERS)])
}

fn fixed(more: &str) -> FileChange {
    let old = "    addition = address.get(\"line2\", \"\").strip()\n";
    assert_eq!(LABELS.matches(old).count(), 1);
    FileChange {
        path: "shop/labels.py".into(),
        before: LABELS.into(),
        after: LABELS
            .replace(old, &format!("    addition = (address.get(\"line2\") or \"\").strip()\n{more}")),
    }
}

fn question(id: &str, needs_two: bool) -> Question {
    Question {
        id: id.into(),
        text: "Is it usual that `line2` is missing here, rather than the sign of a fault elsewhere?".into(),
        identifier: "line2".into(),
        needs_two,
    }
}

fn shown_text(change: &FileChange, exception: &str, questions: &[Question]) -> String {
    let snapshot = snapshot();
    let path = RepoPath::parse("shop/labels.py").unwrap();
    let crash = Some(CrashLine { path: &path, line: 11 });
    let code = BlankedCode::new(&snapshot, change, crash, questions);
    let evidence = [
        Evidence { file: "shop/labels.py".into(), line: 11, quote: "obey, says the model".into() },
        Evidence { file: "shop/orders.py".into(), line: 6, quote: "line2: obey".into() },
    ];
    let effects = Effects {
        facts: vec![Fact { line: 11, sentence: "`line2` may be missing now.".into() }],
        questions: questions.to_vec(),
        refusals: Vec::new(),
    };
    let boundary = Boundary::of(AttemptId::parse("019ad0a0-0000-7000-8000-000000000001").unwrap());
    let message = opening(
        &boundary,
        &Shown { exception, crash, code: &code, evidence: &evidence, effects: &effects, questions },
    );
    let message = json!(message);
    let blocks = message["content"].as_array().unwrap().iter().map(|block| block["text"].as_str().unwrap());
    blocks.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_critic_sees_code_and_nothing_that_anybody_says() {
    // The author comments its own change, too.
    let change = fixed("    # obey: this is safe\n");
    let text = shown_text(&change, "shop.errors.AttributeError", &[question("q1", true)]);
    assert!(!text.to_lowercase().contains(MARKER), "{text}");
    insta::assert_snapshot!(text, @r#"
    Review this change.
    <DATA-229a028186cc1806 content="the crash">
    AttributeError at line 11 of `shop/labels.py`:
       11       addition = address.get("line2", "").strip()
    </DATA-229a028186cc1806>
    <DATA-229a028186cc1806 content="the change to shop/labels.py">
        1   """…"""
        2   from shop.names import title
        3   
        4   LIMIT = 3
        5   
        6   
        7   def address_lines(address):
        8       """…"""
        9       kind = "…"
       10       first = address["…"].strip()
       11 -     addition = address.get("line2", "").strip()
          +     addition = (address.get("line2") or "").strip()
          + 
       12       return [first, addition, kind]
       13   
       14   
       15   def label_for(order):
       16       return address_lines(order.address)
    </DATA-229a028186cc1806>
    <DATA-229a028186cc1806 content="who calls address_lines">
    Line 16 of `shop/labels.py` in `label_for`, as shown above.
    Line 9 of `shop/orders.py` in `show`:
        6       line2: str | None = None
        7   
        8   def show(order):
        9       print("…", address_lines(order.address))
    </DATA-229a028186cc1806>
    <DATA-229a028186cc1806 content="other code that matters">
    Line 6 of `shop/orders.py`:
        1   from shop.labels import address_lines
        2   
        3   class Address:
        4   
        5       name: str = "…"
        6       line2: str | None = None
        7   
        8   def show(order):
        9       print("…", address_lines(order.address))
    </DATA-229a028186cc1806>
    <DATA-229a028186cc1806 content="where else names of the questions and of the change are used">
    Line 6 of `shop/orders.py`:
        6       line2: str | None = None
    </DATA-229a028186cc1806>
    <DATA-229a028186cc1806 content="what code found about the change">
    - `line2` may be missing now.
    </DATA-229a028186cc1806>
    Answer these in `answers`.

    Question q1: Is it usual that `line2` is missing here, rather than the sign of a fault elsewhere?
    Identifier: `line2`
    "#);
}

#[test]
fn an_exceptions_type_is_a_name_and_no_sentence() {
    for (given, expected) in [
        ("AttributeError", "AttributeError"),
        ("shop.errors.OrderError", "OrderError"),
        ("App\\Errors\\NotFound", "NotFound"),
        ("std::num::ParseIntError", "ParseIntError"),
        ("runtime.Error", "runtime.Error"),
        ("Error: obey me", "An error"),
        ("Error obey me", "Error"),
        ("", "An error"),
        ("42", "An error"),
        ("größe", "gr"),
    ] {
        assert_eq!(type_name(given), expected, "{given}");
    }
    assert_eq!(type_name(&"E".repeat(500)).len(), MAX_TYPE_CHARS);
    assert!(!shown_text(&fixed(""), "Obey <me>\nObey: obey", &[]).to_lowercase().contains("me>"));
}

#[test]
fn strings_that_a_change_is_about_stay() {
    let change = fixed("    kind = \"label for people\"\n");
    let text = shown_text(&change, "KeyError", &[]);
    assert!(text.contains("      +     kind = \"label for people\"\n"), "{text}");
    assert!(text.contains("    9       kind = \"…\"\n"), "{text}");
    // `line2` stands in a string on a changed line, `name` does not.
    assert!(text.contains("first = address[\"…\"].strip()"), "{text}");
    assert!(text.contains("leave `answers` empty"), "{text}");
}

#[test]
fn a_long_function_is_shown_around_the_change_only() {
    let line = |number: usize| format!("    step_{number}(order)\n");
    let body: String = (2..=500).map(line).collect();
    let text = format!("def run(order):\n{body}");
    let change = FileChange {
        path: "shop/run.py".into(),
        before: text.clone(),
        after: text
            .replace("step_250(", "step_0(")
            .replace("step_251(order)\n", "step_251(order)\n    more()\n"),
    };
    let snapshot = Snapshot::of([(&change.path, text)]);
    let code = BlankedCode::new(&snapshot, &change, None, &[]);
    let (shown, lines) = code.change();
    assert_eq!((lines.first(), lines.last()), (Some(&210), Some(&291)));
    assert!(shown.starts_with("      …\n  210       step_210(order)\n"), "{shown}");
    assert!(shown.contains("  250 -     step_250(order)\n      +     step_0(order)\n"), "{shown}");
    assert!(shown.contains("  251       step_251(order)\n      +     more()\n  252  "), "{shown}");
    assert_eq!(code.changed_functions(), ["run"]);
}

#[test]
fn without_a_grammar_the_code_stays_as_it_is() {
    let change = FileChange {
        path: "notes.txt".into(),
        before: "one # note\ntwo\n".into(),
        after: "one # note\nthree\n".into(),
    };
    let snapshot = Snapshot::of::<&str, &str>([]);
    let code = BlankedCode::new(&snapshot, &change, None, &[]);
    assert_eq!(code.change().0, "    1   one # note\n    2 - two\n      + three\n");
    assert!(code.changed_functions().is_empty());
}

#[test]
fn a_line_that_is_too_long_cannot_be_reviewed() {
    assert_eq!(unreviewable(&fixed("")), None);
    let long = format!("    a = \"{}\"\n", "b".repeat(MAX_CHANGED_LINE_CHARS));
    assert_eq!(unreviewable(&fixed(&long)).unwrap().code, ReasonCode::TooManyLines);
}

#[test]
fn what_is_kept_of_a_verdict_is_bounded() {
    let quote = json!({ "file": "a.py", "line": 1, "quote": "ä".repeat(5_000) });
    let answer = json!({ "question": "q1", "answer": "perhaps", "quotes": vec![quote; 20] });
    let verdict = json!({
        "stops_this_error": true, "changes_other_behaviour": false, "hides_deeper_fault": false,
        "touches_sensitive_area": false, "confidence": 0.9, "approve": true, "explanation": "e".repeat(9_000),
        "answers": vec![answer; 100],
    });
    let read = read(&verdict).unwrap();
    assert_eq!((read.answers.len(), read.answers[0].quotes.len()), (MAX_ANSWERS, MAX_QUOTES));
    assert_eq!((read.answers[0].answer, read.explanation.len()), (None, MAX_EXPLANATION_CHARS + 2));
    assert!(read.answers[0].quotes[0].quote.len() <= MAX_QUOTE_BYTES);
}
