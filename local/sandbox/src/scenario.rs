//! The demo's scenarios: what breaks in the bookshop, as Sentry reports it, and what the scripted Claude
//! says about it. Line numbers and source lines are read from the demo project itself, so they are
//! always those of the code that AutoFix will see.

mod bookshop;

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::claude::{Script, Turn, approval};
use crate::sentry::SandboxEvent;
use bookshop::{AUTH, CodeLine, LABELS, MAIN, ORDERS, RECEIPTS, RETURNS};

/// A story that the demo plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    Fix,
    Security,
    Storm,
    Regression,
}

impl Scenario {
    pub const ALL: [Scenario; 4] = [Scenario::Fix, Scenario::Security, Scenario::Storm, Scenario::Regression];

    pub fn name(self) -> &'static str {
        match self {
            Scenario::Fix => "fix",
            Scenario::Security => "security",
            Scenario::Storm => "storm",
            Scenario::Regression => "regression",
        }
    }

    /// Its button on the sandbox's page.
    pub fn label(self) -> &'static str {
        match self {
            Scenario::Fix => "A bug with a safe fix",
            Scenario::Security => "A bug in the sign-in",
            Scenario::Storm => "100 reports at once",
            Scenario::Regression => "A fix that does not hold",
        }
    }

    /// The number of the issue at Sentry: each scenario has an error of its own.
    pub fn issue_id(self) -> &'static str {
        match self {
            Scenario::Fix => "5100000001",
            Scenario::Security => "5200000001",
            Scenario::Storm => "5300000001",
            Scenario::Regression => "5400000001",
        }
    }

    /// The file in which the error is.
    pub fn file(self) -> &'static str {
        match self {
            Scenario::Fix => LABELS,
            Scenario::Security => AUTH,
            Scenario::Storm => RECEIPTS,
            Scenario::Regression => RETURNS,
        }
    }

    /// One line for people.
    pub fn description(self) -> &'static str {
        match self {
            Scenario::Fix => "labels fail for addresses without a second line; one changed line repairs it",
            Scenario::Security => "tokens without a subject crash the sign-in; a person has to look",
            Scenario::Storm => {
                "receipts fail, and Sentry reports it 100 times at once; one attempt comes of it"
            }
            Scenario::Regression => {
                "the repair of return slips is merged, the error comes back, and one click takes it back"
            }
        }
    }

    /// How often Sentry reports the same event.
    pub fn deliveries(self) -> usize {
        match self {
            Scenario::Fix | Scenario::Security | Scenario::Regression => 1,
            Scenario::Storm => 100,
        }
    }

    /// What Sentry has seen, at this time.
    pub fn event(self, at: Timestamp) -> SandboxEvent {
        match self {
            Scenario::Fix => bookshop::label_event(at),
            Scenario::Security => bookshop::token_event(at),
            Scenario::Storm => bookshop::receipt_event(at),
            Scenario::Regression => bookshop::return_event(at),
        }
    }
}

impl FromStr for Scenario {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Scenario> {
        let found = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
        found.ok_or_else(|| {
            let names = Scenario::ALL.map(|scenario| format!("`{}`", scenario.name())).join(", ");
            anyhow::anyhow!("there is no scenario `{name}`: choose one of {names}")
        })
    }
}

/// What the scripted Claude says about the scenarios' errors.
pub fn scripts() -> Vec<Script> {
    FAULTS.iter().map(Fault::script).chain([tokens_script()]).collect()
}

/// A function that can't take an address without a second line.
struct Fault {
    scenario: Scenario,
    function: &'static str,
    /// The line that fails, and what repairs it.
    faulty: &'static str,
    repaired: &'static str,
    /// The function that passes the address, with its file and line.
    caller: &'static str,
    called_at: (&'static str, &'static str),
    /// What fails.
    thing: &'static str,
    /// Path and code of the regression test.
    test: (&'static str, &'static str),
}

/// The labels come last: a model that writes a test for another function sees the tests of the labels as well.
const FAULTS: [Fault; 3] = [
    Fault {
        scenario: Scenario::Storm,
        function: "customer_lines",
        faulty: r#"    floor = address.get("line2", "").strip()"#,
        repaired: r#"    floor = (address.get("line2") or "").strip()"#,
        caller: "order_receipt",
        called_at: (MAIN, "return receipts.receipt_for(number, order.address.model_dump())"),
        thing: "receipt",
        test: (
            "backend/tests/test_receipts.py",
            r#"from bookshop.receipts import customer_lines


def test_a_second_line_that_is_none_is_left_out():
    address = {"name": "Mary Somerville", "line1": "1 Example Street", "line2": None, "city": "Jedburgh"}
    assert customer_lines(address) == ["Mary Somerville", "Jedburgh"]
"#,
        ),
    },
    Fault {
        scenario: Scenario::Regression,
        function: "sender_lines",
        faulty: r#"    entrance = address.get("line2", "").strip()"#,
        repaired: r#"    entrance = (address.get("line2") or "").strip()"#,
        caller: "return_slip",
        called_at: (MAIN, "return returns.slip_for(number, order.address.model_dump())"),
        thing: "return slip",
        test: (
            "backend/tests/test_returns.py",
            r#"from bookshop.returns import sender_lines


def test_a_second_line_that_is_none_is_left_out():
    address = {"name": "Mary Somerville", "line1": "1 Example Street", "line2": None, "city": "Jedburgh"}
    assert sender_lines(address) == ["Mary Somerville", "1 Example Street"]
"#,
        ),
    },
    Fault {
        scenario: Scenario::Fix,
        function: "address_lines",
        faulty: FAULTY,
        repaired: r#"    addition = (address.get("line2") or "").strip()"#,
        caller: "label_for",
        called_at: (ORDERS, "address=order.address.model_dump(),"),
        thing: "label",
        test: (LABELS_TEST, LABELS_TEST_CODE),
    },
];

/// The line of the labels that fails.
const FAULTY: &str = r#"    addition = address.get("line2", "").strip()"#;

impl Fault {
    fn script(&self) -> Script {
        let Fault { scenario, function, caller, thing, .. } = self;
        let file = scenario.file();
        let fault = CodeLine::of(file, self.faulty);
        let (called_in, call) = self.called_at;
        let evidence =
            [fault.clone(), CodeLine::of(ORDERS, "line2: str | None = None"), CodeLine::of(called_in, call)];
        let analysis = json!({
            "error_type": "AttributeError",
            "error_message": "'NoneType' object has no attribute 'strip'",
            "root_cause": format!(
                "`{function}` reads the optional second address line with `address.get(\"line2\", \"\")`. The default is \
                 used only when the key is missing, but `{caller}` passes `order.address.model_dump()`, which always has \
                 the key, with the value None when the customer left the line empty. None has no `strip`."
            ),
            "file_path": file,
            "line_number": fault.number,
            "function_name": function,
            "confidence": 0.93,
            "can_auto_fix": true,
            "explanation": format!(
                "The model declares `line2` as optional with the default None, and `model_dump` keeps that None in the \
                 mapping. The lookup's default therefore never applies to orders without a second line, and every \
                 {thing} of such an order fails."
            ),
            "complexity": "minimal",
            "security_implications": "none",
            "blast_radius": "isolated",
            "recommendation": format!(
                "Treat None like an empty line in `{function}`. Empty lines are already left out of the {thing}, so \
                 nothing else changes."
            ),
            "classification": "code_fix",
            "categories": [],
            "evidence": evidence.iter().map(CodeLine::as_evidence).collect::<Vec<Value>>(),
        });
        let fix = json!({
            "edits": [{"file_path": file, "search": self.faulty, "replace": self.repaired}],
            "explanation": format!(
                "A second address line that is None now counts as empty, as a missing one always did. Empty lines are \
                 left out of the {thing} by the return statement, so {thing}s with a second line stay as they are."
            ),
            "confidence": 0.92,
        });
        let verdict = approval(&format!(
            "`line2` is optional by declaration, so None is a valid value here and not a sign of lost data. With the \
             change `strip` is always called on a string. {}s with a second line are the same as before.",
            capitalised(thing)
        ));
        let (test_path, test_code) = self.test;
        let test = json!({
            "file_path": test_path,
            "code": test_code,
            "explanation": "The second line is None, as it is for every order without one.",
        });
        let tests = json!({"path": "backend/tests/test_labels.py", "start_line": 1, "end_line": 60});
        let answers = |tool: &str, input: Value| vec![Turn::tool(tool, input)];
        Script::new(scenario.name(), function)
            .conversation("report_analysis", looks(file, &format!("{function}|line2|model_dump"), analysis))
            .conversation("propose_fix", answers("propose_fix", fix))
            .conversation("give_verdict", answers("give_verdict", verdict))
            .conversation("write_test", vec![Turn::tool("read_file", tests), Turn::tool("write_test", test)])
    }
}

fn capitalised(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

/// The turns of a model that reads a file and searches before it reports.
fn looks(file: &str, searched: &str, analysis: Value) -> Vec<Turn> {
    vec![
        Turn::tool("read_file", json!({"path": file, "start_line": 1, "end_line": 80})),
        Turn::tool("search", json!({"regex": searched, "folder": "", "glob": ""})),
        Turn::tool("report_analysis", analysis),
    ]
}

/// The regression test for the labels' fault.
pub const LABELS_TEST: &str = "backend/tests/test_labels_second_line.py";
pub const LABELS_TEST_CODE: &str = r#"from bookshop.labels import address_lines

ADDRESS = {
    "name": "Mary Somerville",
    "line1": "1 Example Street",
    "line2": None,
    "postcode": "ab1 2cd",
    "city": "Jedburgh",
    "country": "GB",
}


def test_a_second_line_that_is_none_is_left_out():
    assert address_lines(ADDRESS) == [
        "Mary Somerville",
        "1 Example Street",
        "Jedburgh AB1 2CD",
        "UNITED KINGDOM",
    ]
"#;

fn tokens_script() -> Script {
    let crash = CodeLine::of(AUTH, r#"return User(name=claims["sub"]"#);
    let evidence = [
        crash.clone(),
        CodeLine::of(AUTH, r#"if claims is None or claims["exp"] < time.time():"#),
        CodeLine::of(AUTH, r#""sub": user.name,"#),
    ];
    let analysis = json!({
        "error_type": "KeyError",
        "error_message": "'sub'",
        "root_cause": "`current_user` takes the claim `sub` for granted. `read_claims` accepts any token \
            whose signature is right and whose time has not run out, without looking at which claims it has. \
            The token of this request was signed with the right key and has no `sub`, although \
            `issue_token` always writes one.",
        "file_path": AUTH,
        "line_number": crash.number,
        "function_name": "current_user",
        "confidence": 0.88,
        "can_auto_fix": false,
        "explanation": "Somebody else than `issue_token` signs tokens with this key, or an older version \
            did. Which of the two it is decides what is right: refusing such tokens as not signed in would \
            stop the crash, and would also hide that the signing key is in use elsewhere. A person who \
            knows who holds the key has to look first.",
        "complexity": "simple",
        "security_implications": "high",
        "blast_radius": "wide",
        "recommendation": "Find out who issues tokens without `sub`, and rotate BOOKSHOP_TOKEN_KEY if nobody \
            should. Then let `read_claims` raise NotSignedIn for a token that lacks a claim it needs, with \
            a test.",
        "classification": "needs_human",
        "categories": ["security"],
        "evidence": evidence.iter().map(CodeLine::as_evidence).collect::<Vec<Value>>(),
    });
    let turns = looks(AUTH, "read_claims|current_user|issue_token", analysis);
    Script::new("security", "current_user").conversation("report_analysis", turns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_found_by_its_name() {
        for scenario in Scenario::ALL {
            assert_eq!(scenario.name().parse::<Scenario>().expect("its own name"), scenario);
        }
        let error = "flood".parse::<Scenario>().expect_err("no such scenario");
        assert_eq!(
            error.to_string(),
            "there is no scenario `flood`: choose one of `fix`, `security`, `storm`, `regression`"
        );
    }

    #[test]
    fn each_scenario_has_an_error_of_its_own() {
        let events = Scenario::ALL.map(|scenario| (scenario, scenario.event(Timestamp::UNIX_EPOCH)));
        let mut places = std::collections::BTreeSet::new();
        for (scenario, event) in events {
            assert_eq!(event.issue_id, scenario.issue_id());
            let crash = event.exceptions[0].frames.last().expect("a stack trace");
            assert!(scenario.file().ends_with(&crash.filename), "{scenario:?} {crash:?}");
            assert!(places.insert((crash.filename.clone(), crash.function.clone())), "{scenario:?}");
        }
        for fault in &FAULTS {
            let source = bookshop::text(fault.scenario.file());
            assert_eq!(source.matches(fault.faulty).count(), 1, "{}", fault.function);
            let event = fault.scenario.event(Timestamp::UNIX_EPOCH);
            let crash = event.exceptions[0].frames.last().expect("a stack trace");
            assert_eq!(crash.source.as_ref().expect("has source").at, fault.faulty);
            assert_eq!(crash.function, fault.function);
        }
    }

    #[test]
    fn a_test_is_written_by_the_script_of_its_own_function_although_those_of_the_labels_are_shown() {
        for fault in &FAULTS {
            let message = format!("{} and, from test_labels.py, address_lines", fault.function);
            let script = scripts().into_iter().find(|script| script.plays(&message, Some("write_test")));
            assert_eq!(script.expect("a script").name, fault.scenario.name());
        }
    }

    #[test]
    fn every_frame_of_the_bookshop_shows_lines_that_stand_in_its_file() {
        for scenario in Scenario::ALL {
            let event = scenario.event(Timestamp::UNIX_EPOCH);
            let frames = event.exceptions.iter().flat_map(|exception| &exception.frames);
            let own: Vec<_> = frames.filter(|frame| frame.in_app).collect();
            assert!(own.len() >= 2, "{scenario:?} has a chain of calls");
            for frame in own {
                let path = format!("backend/{}", frame.filename);
                let source = bookshop::text(&path);
                let lines: Vec<&str> = source.lines().collect();
                let shown = frame.source.as_ref().expect("the bookshop's frames have source");
                assert_eq!(lines[frame.line as usize - 1], shown.at);
                let defined = format!("def {}(", frame.function);
                let above = lines[..frame.line as usize].iter().rev().find(|line| line.contains("def "));
                assert!(
                    above.is_some_and(|line| line.contains(&defined)),
                    "{} is in {}",
                    shown.at,
                    frame.function
                );
            }
        }
    }
}
