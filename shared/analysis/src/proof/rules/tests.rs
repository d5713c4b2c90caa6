use serde_json::json;

use super::*;
use crate::proof::places::tests::snapshot;
use autofix_domain::incident::{Exception, Frame, Part};

const PYTHON: &[(&str, &str)] = &[
    ("shop/labels.py", "def address_lines(address):\n    return address[\"line2\"].strip()\n"),
    ("shop/orders.py", "KNOWN = \"Second floor\"\n"),
    (
        "tests/test_labels.py",
        "import pytest\nfrom shop.orders import KNOWN\n\n\ndef test_old():\n    assert KNOWN\n",
    ),
];
const SCRIPT: &[(&str, &str)] = &[
    ("src/labels.ts", "export function addressLines(a: any) {\n  return a.line2.trim();\n}\n"),
    ("src/labels.test.ts", "import { expect, test } from \"vitest\";\nimport { known } from \"./known\";\n"),
];
const GO: &[(&str, &str)] = &[
    ("shop/labels.go", "package shop\n\nfunc AddressLines(a *Address) string {\n\treturn a.Line2\n}\n"),
    ("shop/orders_test.go", "package shop\n\nimport \"testing\"\n"),
];

fn judged(files: &[(&str, &str)], crashed: (&str, &str), path: &str, code: &str) -> String {
    let snapshot = snapshot(files);
    let project = ProjectPath::root();
    let crashed = Crashed {
        path: RepoPath::parse(crashed.0).expect("a good path"),
        function: crashed.1.to_owned(),
        lines: (1, 2),
        exception: "AttributeError".to_owned(),
        fixed_function: None,
    };
    let places = TestPlaces::find(&snapshot, &project, &crashed.path).expect("tests");
    let variables = vec![
        ("name".to_owned(), "'Ada Lovelace'".to_owned()),
        ("key".to_owned(), "'line2'".to_owned()),
        ("order".to_owned(), "4711000815".to_owned()),
    ];
    let frame = Frame { variables, ..Frame::default() };
    let exception = Exception {
        kind: "AttributeError".to_owned(),
        message: "no strip".to_owned(),
        module: None,
        handled: None,
        frames: vec![frame],
        part: Part::Chain,
    };
    let incident = Incident { exceptions: vec![exception], ..Incident::default() };
    let rules = Rules {
        snapshot: &snapshot,
        project: &project,
        places: &places,
        crashed: &crashed,
        incident: &incident,
    };
    match rules.read(&json!({ "file_path": path, "code": code, "explanation": "because" })) {
        Proposed::Test(test) => format!("{} {:?}", test.name, matches!(test.place, TestPlace::NewFile)),
        Proposed::None { why } => format!("none: {why}"),
        Proposed::Unusable { sentence } => sentence,
    }
}

fn python(path: &str, code: &str) -> String {
    judged(PYTHON, ("shop/labels.py", "address_lines"), path, code)
}

const NEW: &str = "tests/test_labels_none.py";
const GOOD: &str = "from shop.labels import address_lines\n\n\ndef test_no_second_line():\n    assert address_lines({\"line2\": None}) == \"\"\n";

#[test]
fn a_small_test_of_the_crashed_function_is_taken() {
    assert_eq!(python(NEW, GOOD), "test_no_second_line true");
    let added = "def test_no_second_line():\n    from shop.labels import address_lines\n\n    assert address_lines({\"line2\": None}) == \"\"\n";
    assert_eq!(python("tests/test_labels.py", added), "test_no_second_line false");
    let module = "from shop import labels\n\n\ndef test_no_second_line():\n    assert labels.address_lines({}) == \"\"\n";
    assert_eq!(python(NEW, module), "test_no_second_line true");
    assert_eq!(python(NEW, ""), "none: because");
}

#[test]
fn what_is_not_plainly_a_test_of_the_crashed_function_is_refused() {
    let body = |line: &str| {
        format!(
            "from shop.labels import address_lines\n\n\ndef test_no_second_line():\n    {line}\n    address_lines({{}})\n"
        )
    };
    let long = "assert True\n    ".repeat(60);
    for (line, why) in [
        ("import socket; socket.create_connection((\"example.org\", 80))", "imports `socket`"),
        ("import pytest; pytest.skip(\"later\")", "may not use `skip`"),
        ("open(\"/etc/passwd\").read()", "may not use `open`"),
        ("().__class__.__bases__", "may not use `__class__`"),
        ("getattr(address_lines, \"x\")", "may not use `getattr`"),
        ("eval(\"1\")", "may not use `eval`"),
        ("print(\"AttributeError\")", "may not use `print`"),
        ("import pytest; pytest.main([\"x\"])", "may not use `main`"),
        ("list(iter(int, 1))", "may not use `iter`"),
        ("match address_lines:\n        case object(x=y): pass", "a pattern that takes an object apart"),
        ("while True: pass", "a loop that may not end"),
        ("try:\n        address_lines({})\n    except Exception: pass", "a handler"),
        ("name = \"Ada Lovelace\"", "a value of the event"),
        ("number = 4711000815", "a value of the event"),
        ("mail = \"ada@acme-corp.com\"", "a secret or personal data"),
        ("token = \"ghp_abcdefghijklmnopqrstuvwxyz0123456789\"", "a secret or personal data"),
        ("x = (1", "does not parse"),
        (long.as_str(), "at most 60"),
    ] {
        let said = python(NEW, &body(line));
        assert!(said.contains(why), "{line}: {said}");
    }
    for (path, code, why) in [
        ("shop/labels.py", GOOD, "not a place for a test"),
        ("shop/test_new.py", GOOD, "not a place for a test"),
        ("../test_new.py", GOOD, "not a path"),
        (".github/workflows/ci.yml", GOOD, "not a place for a test"),
        ("tests/test_labels.py", GOOD, "outside of the test"),
        (
            NEW,
            "from shop.labels import address_lines\naddress_lines({})\n\n\ndef test_no_second_line():\n    pass\n",
            "outside of the test",
        ),
        (NEW, "def test_no_second_line():\n    assert True\n", "does not call `address_lines`"),
        (
            NEW,
            "import flask\nfrom shop.labels import address_lines\n\ndef test_no_line():\n    address_lines({})\n",
            "imports `flask`",
        ),
        (
            NEW,
            "from shop.labels import address_lines\n\ndef test_first():\n    address_lines({})\n\ndef test_second():\n    address_lines({})\n",
            "exactly one test; there are 2",
        ),
        (
            NEW,
            "import pytest\nfrom shop.labels import address_lines\n\n@pytest.mark.xfail\ndef test_no_line():\n    address_lines({})\n",
            "may not use `xfail`",
        ),
        (
            NEW,
            "from shop.labels import address_lines\n\ndef test_no_line(tmp_path):\n    address_lines(tmp_path / \"/etc/passwd\")\n",
            "temporary folder",
        ),
    ] {
        let said = python(path, code);
        assert!(said.contains(why), "{path} {code}: {said}");
    }
    let files: Vec<(&str, &str)> = PYTHON[..2]
        .iter()
        .copied()
        .chain([("tests/test_labels.py", "import subprocess as sp\n\n\ndef test_old():\n    pass\n")])
        .collect();
    let borrowed = "def test_no_second_line():\n    from shop.labels import address_lines\n    sp.run([\"id\"])\n    address_lines({})\n";
    let said = judged(&files, ("shop/labels.py", "address_lines"), "tests/test_labels.py", borrowed);
    assert!(said.contains("may not use `subprocess`"), "{said}");
    let twice = "def test_old():\n    from shop.labels import address_lines\n    address_lines({})\n";
    let itself = GOOD.replace("None", "\"\\n____ test_no_second_line ____\"");
    assert!(python(NEW, &itself).contains("says its own name"));
    assert!(python("tests/test_labels.py", twice).contains("in the file already"));
}

#[test]
fn the_other_languages_have_the_same_rules() {
    let script = |path: &str, code: &str| judged(SCRIPT, ("src/labels.ts", "addressLines"), path, code);
    let head = "import { expect, test } from \"vitest\";\nimport { addressLines } from \"./labels\";\n\n";
    let test =
        "test(\"takes no second line\", () => {\n  expect(addressLines({ line2: null })).toBe(\"\");\n});\n";
    assert_eq!(script("src/none.test.ts", &format!("{head}{test}")), "takes no second line true");
    for (code, why) in [
        (
            format!("{head}test.only(\"takes no line\", () => {{ addressLines({{}}); }});\n"),
            "exactly one test",
        ),
        (format!("import fs from \"node:fs\";\n{head}{test}"), "imports `node:fs`"),
        (format!("{head}fetch(\"x\");\n{test}"), "outside of the test"),
        (
            format!(
                "{head}test(\"takes no line\", async () => {{ await import(\"x\"); addressLines({{}}); }});\n"
            ),
            "imports `x`",
        ),
        (
            format!("{head}test(\"takes no line\", () => {{ process.env.X; addressLines({{}}); }});\n"),
            "`process`",
        ),
        (
            format!(
                "{head}test(\"takes no line\", () => {{ (() => 0)[\"con\" + \"structor\"](\"x\")(); addressLines({{}}); }});\n"
            ),
            "a key that is no plain text or number",
        ),
        (
            format!(
                "{head}test(\"takes no line\", () => {{ const {{ [\"pro\" + \"cess\"]: p }} = addressLines({{}}); }});\n"
            ),
            "a key that is no plain text or number",
        ),
        (
            format!("{head}test(\"takes no line\", () => {{ addressLines({{}})[\"constructor\"]; }});\n"),
            "a key that is no plain text or number",
        ),
        (
            format!(
                "{head}test(\"takes no line\", () => {{ const {{ constructor: F }} = () => 0; addressLines(F(\"x\")); }});\n"
            ),
            "may not use `constructor`",
        ),
        (
            format!(
                "{head}test(\"takes no line\", () => {{ const r = require; addressLines(r(\"fs\")); }});\n"
            ),
            "`require` of anything but a plain text",
        ),
        (
            format!(
                "{head}test(\"takes no line\", () => {{ vi.importActual(\"fs\"); addressLines({{}}); }});\n"
            ),
            "`importActual`",
        ),
        (
            format!("{head}test(\"takes no line\", () => {{ for (;;) {{ addressLines({{}}); }} }});\n"),
            "a loop that may not end",
        ),
        (
            format!(
                "{head}test(\"takes no line\", () => {{ do {{ addressLines({{}}); }} while (true); }});\n"
            ),
            "a loop that may not end",
        ),
    ] {
        let said = script("src/none.test.ts", &code);
        assert!(said.contains(why), "{code}: {said}");
    }
    let go = |code: &str| judged(GO, ("shop/labels.go", "AddressLines"), "shop/labels_test.go", code);
    let code = "package shop\n\nimport \"testing\"\n\nfunc TestNoSecondLine(t *testing.T) {\n\tif AddressLines(nil) != \"\" {\n\t\tt.Fatal(\"not empty\")\n\t}\n}\n";
    assert_eq!(go(code), "TestNoSecondLine true");
    let exec = code.replace("\"testing\"", "(\n\t\"os/exec\"\n\t\"testing\"\n)");
    assert!(go(&exec).contains("imports `os/exec`"), "{}", go(&exec));
    let files =
        [GO[0], ("shop/orders_test.go", "package shop\n\nimport (\n\t\"os/exec\"\n\t\"testing\"\n)\n")];
    let renamed = code
        .replace("\"testing\"", "(\n\trun \"os/exec\"\n\t\"testing\"\n)")
        .replace("\tif Address", "\trun.Command(\"id\")\n\tif Address");
    let said = judged(&files, ("shop/labels.go", "AddressLines"), "shop/labels_test.go", &renamed);
    assert!(said.contains("may not use `os`"), "{said}");
    let main = code.replace("func TestNo", "func init() { AddressLines(nil) }\n\nfunc TestNo");
    assert!(go(&main).contains("outside of the test"), "{}", go(&main));
}
