use super::*;
use autofix_domain::attempt::TestPlace;

fn test(name: &str, path: &str, exception: &str) -> RegressionTest {
    RegressionTest {
        file_path: "tests/test_labels_none.py".to_owned(),
        place: TestPlace::NewFile,
        code: String::new(),
        name: name.to_owned(),
        function: "address_lines".to_owned(),
        function_path: path.to_owned(),
        function_lines: (25, 40),
        exception: exception.to_owned(),
    }
}

fn python(log: &str) -> Reading {
    read(log, &[], &test("test_no_second_line", "backend/bookshop/labels.py", "AttributeError"))
}

fn another(seen: &str) -> Reading {
    Reading::AnotherError { seen: seen.to_owned() }
}

const PYTEST: &str = "\
##[group]Run pytest
=================================== FAILURES ===================================
______________________________ test_no_second_line _____________________________

    def test_no_second_line():
>       assert address_lines({'line2': None}) == []

tests/test_labels_none.py:5:
_ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _ _

    def address_lines(address):
>       addition = address.get('line2', '').strip()
E       AttributeError: 'NoneType' object has no attribute 'strip'

bookshop/labels.py:34: AttributeError
=========================== short test summary info ============================
FAILED tests/test_labels_none.py::test_no_second_line - AttributeError: 'NoneT...
";

#[test]
fn the_same_exception_out_of_the_same_function_is_the_error_again() {
    assert_eq!(python(PYTEST), Reading::Reproduced);
    let native = "\
ERROR: test_no_second_line (tests.test_labels_none.Labels)
----------------------------------------------------------------------
Traceback (most recent call last):
  File \"/w/tests/test_labels_none.py\", line 5, in test_no_second_line
    address_lines({})
  File \"/w/bookshop/labels.py\", line 34, in address_lines
    addition = address.get('line2', '').strip()
AttributeError: 'NoneType' object has no attribute 'strip'
======================================================================";
    assert_eq!(python(native), Reading::Reproduced);
    let script = test("takes no second line", "src/labels.ts", "TypeError");
    for log in [
        "  ● Labels › takes no second line\n\n    TypeError: Cannot read properties of null (reading 'trim')\n\n      at addressLines (src/labels.ts:30:10)\n",
        " FAIL  src/none.test.ts > takes no second line\nTypeError: Cannot read properties of null (reading 'trim')\n ❯ addressLines src/labels.ts:30:10\n",
        "not ok 1 - takes no second line\n  ---\n  error: 'x'\n  name: 'TypeError'\n  stack: |-\n    addressLines (file:///w/src/labels.ts:30:10)\n",
        "✖ takes no second line (1.2ms)\n  TypeError [Error]: Cannot read\n      at addressLines (/w/src/labels.ts:30:10)\n",
        "  1) Labels\n       takes no second line:\n     TypeError: Cannot read\n      at addressLines (src/labels.ts:30:10)\n",
    ] {
        assert_eq!(read(log, &[], &script), Reading::Reproduced, "{log}");
    }
    let go = test("TestNoSecondLine", "shop/labels.go", "runtime.boundsError");
    let panic = "--- FAIL: TestNoSecondLine (0.00s)\npanic: runtime error: index out of range [1] with length 1 [recovered]\n\ngoroutine 7 [running]:\nacme/shop.AddressLines(...)\n\t/w/shop/labels.go:30 +0x1d\n";
    assert_eq!(read(panic, &[], &go), Reading::Reproduced);
    let note = "test_no_second_line\n\nbookshop/labels.py:34: AttributeError".to_owned();
    let python_test = test("test_no_second_line", "backend/bookshop/labels.py", "AttributeError");
    assert_eq!(read("", &[note], &python_test), Reading::Reproduced);
}

#[test]
fn anything_else_is_not() {
    assert_eq!(python(&PYTEST.replace("AttributeError", "KeyError")), another("KeyError"));
    assert_eq!(python(&PYTEST.replace("labels.py:34", "labels.py:7")), Reading::ElsewhereOrHidden);
    assert_eq!(python(&PYTEST.replace("/labels.py:34", "/other_labels.py:34")), Reading::ElsewhereOrHidden);
    assert_eq!(
        python(&PYTEST.replace("test_no_second_line", "test_no_second_line_2")),
        Reading::NotMentioned
    );
    let assertion = "____ test_no_second_line ____\n>   assert a == b\nE   AssertionError: assert 1 == 2\nE    +  where AttributeError\ntests/test_labels_none.py:5: AssertionError\n";
    assert_eq!(python(assertion), another("AssertionError"));
    let hidden = "..F\nFAILED tests/test_labels_none.py::test_no_second_line\n1 failed in 0.1s\n";
    assert_eq!(python(hidden), Reading::ErrorHidden);
    let summary = "FAILED tests/test_labels_none.py::test_no_second_line - AttributeError: 'NoneType'\n";
    assert_eq!(python(summary), Reading::ElsewhereOrHidden);
    let broken = "ERROR collecting tests/test_labels_none.py\nImportError while importing test module\nE   ModuleNotFoundError: No module named 'shop'\n";
    assert_eq!(python(broken), another("ModuleNotFoundError"));
    for unrelated in [
        "",
        "ruff: 3 errors\n",
        "____ test_other ____\nE   AttributeError: x\nbookshop/labels.py:34: AttributeError\n",
    ] {
        assert_eq!(python(unrelated), Reading::NotMentioned, "{unrelated}");
    }
}

#[test]
fn a_huge_log_is_read_in_time() {
    let line = "____ test_other ____ \n bookshop/labels.py:34: AttributeError FAILED ".repeat(12_000);
    assert_eq!(python(&format!("{line}\n{PYTEST}")), Reading::Reproduced);
}
