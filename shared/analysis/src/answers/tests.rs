use super::*;
use crate::diff::FileChange;

const LABELS: &str = "\
# line2 is safe: says a comment.
def lines(address):
    first = address.line1
    second = address.line2.strip()
    note = \"line2 is always there\"
    key = address[\"line2\"]
    return [first, second, note, key]
";
const MODEL: &str = "class Address:\n    line1: str\n    line2: str | None = None\n";
const NOTES: &str = "line2 may be missing, says a text.\n";

fn snapshot() -> Snapshot {
    Snapshot::of([("app/labels.py", LABELS), ("app/model.py", MODEL), ("app/notes.txt", NOTES)])
}

fn question(id: &str) -> Question {
    Question {
        id: id.into(),
        text: "May `line2` be missing?".into(),
        identifier: "line2".into(),
        needs_two: false,
    }
}

fn quote(file: &str, line: u32, quote: &str) -> Evidence {
    Evidence { file: file.into(), line, quote: quote.into() }
}

fn answer(question: &str, answer: Option<YesNo>, quotes: &[Evidence]) -> Answer {
    Answer { question: question.into(), answer, quotes: quotes.to_vec() }
}

fn checked(answers: &[Answer]) -> CheckedAnswers {
    let snapshot = snapshot();
    let change = FileChange {
        path: "app/labels.py".into(),
        before: LABELS.into(),
        after: LABELS.replace("address.line2.strip()", "(address.line2 or \"\").strip()"),
    };
    let questions = [question("q1")];
    let shown = BlankedCode::new(&snapshot, &change, None, &questions);
    let project = ProjectPath::parse("app").unwrap();
    check(answers, &Checking { questions: &questions, snapshot: &snapshot, project: &project, shown: &shown })
}

fn standing_of(answers: &[Answer]) -> Standing {
    checked(answers).standings["q1"].clone()
}

#[track_caller]
fn yes(quotes: &[Evidence], expected: fn(&Standing) -> bool) {
    let standing = standing_of(&[answer("q1", Some(YesNo::Yes), quotes)]);
    assert!(expected(&standing), "{standing:?} of {quotes:?}");
}

#[test]
fn a_yes_counts_with_true_quotes_of_which_one_holds_the_name_in_code() {
    let proven = |standing: &Standing| *standing == Standing::Proven;
    let model = quote("app/model.py", 3, "line2: str | None = None");
    yes(std::slice::from_ref(&model), proven);
    yes(&[quote("app/labels.py", 4, "    second = address.line2.strip()")], proven);
    yes(&[quote("model.py", 1, "line2: str | None = None")], proven);
    // A key is a name.
    yes(&[quote("app/labels.py", 6, "key = address[\"line2\"]")], proven);
    // As the critic sees it, without what strings say.
    yes(&[quote("app/labels.py", 5, "note = \"…\""), model.clone()], proven);
    // What stands in a comment or a string proves nothing, and isn't held against the answer either.
    yes(&[quote("app/labels.py", 1, "# line2 is safe: says a comment."), model.clone()], proven);
    yes(&[quote("app/labels.py", 5, "note = \"line2 is always there\""), model], proven);
    // Without a grammar nobody can tell.
    yes(&[quote("app/notes.txt", 1, NOTES)], proven);
}

#[test]
fn a_yes_does_not_count_without_them() {
    yes(&[], |standing| *standing == Standing::NoQuote);
    let model = quote("app/model.py", 3, "line2: str | None = None");
    for wrong in [
        quote("app/model.py", 3, "line2: str | None = \"\""),
        quote("app/model.py", 30, "line2: str | None = None"),
        quote("app/other.py", 3, "line2: str | None = None"),
        quote("app/labels.py", 4, "second = (address.line2 or \"\").strip()"),
        quote("app/model.py", 3, ""),
    ] {
        yes(&[model.clone(), wrong], |standing| matches!(standing, Standing::FalseQuote { .. }));
    }
    for unnamed in [
        quote("app/labels.py", 1, "# line2 is safe: says a comment."),
        quote("app/labels.py", 5, "note = \"line2 is always there\""),
        quote("app/labels.py", 3, "first = address.line1"),
        quote("app/model.py", 2, "line1: str"),
    ] {
        yes(&[unnamed], |standing| *standing == Standing::NameNotQuoted);
    }
}

#[test]
fn only_one_yes_to_the_question_is_a_yes() {
    let proof = [quote("app/model.py", 3, "line2: str | None = None")];
    let is = |given, quotes: &[Evidence]| standing_of(&[answer("q1", given, quotes)]);
    assert_eq!(is(Some(YesNo::No), &proof), Standing::No);
    assert_eq!(is(Some(YesNo::Unknown), &[]), Standing::Unknown);
    assert_eq!(is(None, &proof), Standing::Missing);
    assert_eq!(standing_of(&[]), Standing::Missing);
    let yes = answer("q1", Some(YesNo::Yes), &proof);
    assert_eq!(standing_of(&[yes.clone(), answer("q1", Some(YesNo::No), &[])]), Standing::Missing);
    let found = checked(&[answer("q2", Some(YesNo::Yes), &proof), yes]);
    assert_eq!((found.standings["q1"].clone(), found.unasked), (Standing::Proven, vec!["q2".to_owned()]));
}

#[test]
fn what_can_be_put_right_goes_back_and_a_no_does_not() {
    let objection = |answers: &[Answer]| checked(answers).objection();
    for given in [YesNo::No, YesNo::Unknown] {
        assert_eq!(objection(&[answer("q1", Some(given), &[])]), None);
    }
    let wrong = [quote("app/model.py", 3, "line3: str")];
    insta::assert_snapshot!(
        objection(&[answer("q1", Some(YesNo::Yes), &wrong), answer("q7", None, &[])]).unwrap(),
        @"The answers were checked against the code and cannot be used. A quote for `q1` is not in the code: `line3: str` does not stand within 5 lines of line 3 of `app/model.py`. There is no question `q7`. Look again and give the verdict once more; answer no or unknown if the code shown does not prove a yes."
    );
}
