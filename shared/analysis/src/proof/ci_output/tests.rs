use super::*;
use autofix_domain::attempt::TestPlace;

fn test(name: &str, path: &str, exception: &str) -> RegressionTest {
    let file_path = match path.rsplit_once('.') {
        Some((stem, "ts")) => format!("{stem}.test.ts"),
        Some((stem, "go")) => format!("{stem}_test.go"),
        _ => "tests/test_labels_none.py".to_owned(),
    };
    RegressionTest {
        file_path,
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

fn script(log: &str) -> Reading {
    read(log, &[], &test("takes no second line", "src/labels.ts", "TypeError"))
}

fn go(log: &str) -> Reading {
    read(log, &[], &test("TestNoSecondLine", "shop/labels.go", "runtime.boundsError"))
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
    let note = "test_no_second_line\n\nbookshop/labels.py:34: AttributeError".to_owned();
    let python_test = test("test_no_second_line", "backend/bookshop/labels.py", "AttributeError");
    assert_eq!(read("", &[note], &python_test), Reading::Reproduced);
}

const JEST: &str = "\
FAIL src/labels.test.ts
  ● Shop › Labels › takes no second line

    TypeError: Cannot read properties of null (reading 'trim')

    > 30 |   const addition = address.line2.trim();

      at trim (src/labels.ts:30:34)
      at Object.addressLines (src/labels.test.ts:5:12)

Test Suites: 1 failed, 1 total
";
const VITEST: &str = "\
 ❯ src/labels.test.ts (1 test | 1 failed) 20ms
     × takes no second line 13ms
⎯⎯⎯⎯⎯⎯⎯ Failed Tests 1 ⎯⎯⎯⎯⎯⎯⎯
 FAIL  src/labels.test.ts > Labels > takes no second line
TypeError: Cannot read properties of null (reading 'trim')
 ❯ addressLines src/labels.ts:30:34
 ❯ src/labels.test.ts:8:12
⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯[1/1]⎯
";
const MOCHA: &str = "\
  Labels
    1) takes no second line


  0 passing (6ms)
  1 failing

  1) Shop
       Labels
         takes no second line:
     TypeError: Cannot read properties of null (reading 'trim')
      at addressLines (src/labels.ts:30:34)
      at Context.<anonymous> (src/labels.test.ts:6:28)
##[error]Process completed with exit code 1.
";
const TAP: &str = "\
    # Subtest: takes no second line
    not ok 1 - takes no second line
      ---
      location: '/w/src/labels.test.ts:6:3'
      failureType: 'testCodeFailure'
      error: \"Cannot read properties of null (reading 'trim')\"
      name: 'TypeError'
      stack: |-
        addressLines (/w/src/labels.ts:30:34)
      ...
not ok 2 - Labels
  ---
  failureType: 'subtestsFailed'
";
const NODE: &str = "\
✖ failing tests:

test at src/labels.test.ts:6:3
✖ takes no second line (1.049338ms)
  TypeError [Error]: Cannot read properties of null (reading 'trim')
      at addressLines (/w/src/labels.ts:30:34)
      at TestContext.<anonymous> (/w/src/labels.test.ts:7:28)
";
const VITEST_TAP: &str = "\
        not ok 1 - takes no second line # time=10.44ms
            ---
            error:
                name: \"TypeError\"
                message: \"Cannot read properties of null\"
            at: \"/w/src/labels.ts:30:34\"
";
const GO: &str = "\
--- FAIL: TestNoSecondLine (0.00s)
    --- FAIL: TestNoSecondLine/one_line (0.00s)
panic: runtime error: index out of range [1] with length 1 [recovered, repanicked]

goroutine 7 [running]:
acme.example/shop.SecondLine(...)
\t/w/shop/labels.go:30
FAIL\tacme.example/shop\t0.007s
";

#[test]
fn every_runner_that_tests_are_written_for_is_read() {
    for log in [JEST, VITEST, MOCHA, TAP, NODE, VITEST_TAP] {
        assert_eq!(script(log), Reading::Reproduced, "{log}");
        // Where the line is in another function, and where the title is only a part of another one.
        assert_eq!(script(&log.replace(":30:34", ":7:34")), Reading::ElsewhereOrHidden, "{log}");
        for title in ["a parcel takes no second line", "takes no second line of a sender"] {
            assert_eq!(script(&log.replace("takes no second line", title)), Reading::NotMentioned, "{log}");
        }
    }
    let gotestsum = GO.replace("--- FAIL:", "=== FAIL: shop");
    for log in [GO, &gotestsum.replace("FAIL\t", "DONE 2 tests, 1 failure in ")] {
        assert_eq!(go(log), Reading::Reproduced, "{log}");
        assert_eq!(go(&log.replace("labels.go:30", "labels.go:7")), Reading::ElsewhereOrHidden, "{log}");
        assert_eq!(go(&log.replace("TestNoSecondLine", "TestNoSecondLines")), Reading::NotMentioned, "{log}");
        assert_eq!(
            go(&log.replace("index out of range", "integer divide by zero")),
            another("another panic")
        );
    }
    let long = "test_a_second_line_that_is_none_is_left_out_of_the_label_of_the_parcel_and_of_the_receipt";
    let of_long = test(long, "bookshop/labels.py", "AttributeError");
    let padded = PYTEST
        .replace("______________________________ ", "_ ")
        .replace(" _____________________________\n", " _\n");
    assert_eq!(read(&padded.replace("test_no_second_line", long), &[], &of_long), Reading::Reproduced);
    assert_eq!(python(&PYTEST.replace("______", "――――――")), Reading::Reproduced);
}

#[test]
fn the_error_is_the_one_that_ended_the_test() {
    let (first, rest) = PYTEST.split_once("AttributeError\n===").expect("the end of the report");
    let then = "The above exception was the direct cause of the following exception:\n\nE   ValueError: no\n\ntests/test_labels_none.py:10: ValueError\n===";
    assert_eq!(python(&format!("{first}AttributeError\n\n{then}{rest}")), another("ValueError"));
    for (log, cause) in [
        (JEST, "    Cause:\n        TypeError: x\n          at trim (src/labels.ts:30:34)\n"),
        (VITEST, "Caused by: TypeError: x\n ❯ addressLines src/labels.ts:30:34\n"),
        (MOCHA, "     Caused by: TypeError: x\n      at addressLines (src/labels.ts:30:34)\n"),
        (NODE, "    [cause]: TypeError [Error]: x\n        at addressLines (/w/src/labels.ts:30:34)\n"),
    ] {
        let other = log.replace("TypeError", "RangeError");
        let at = other.find("src/labels.test.ts:8:12").or(other.rfind("labels.test.ts:")).expect("a frame");
        let end = at + other[at..].find('\n').expect("a line") + 1;
        let log = format!("{}{cause}{}", &other[..end], &other[end..]);
        assert_eq!(script(&log), another("RangeError"), "{log}");
    }
    // Jest and node leave out the type of a plain `Error`.
    let plain = test("takes no second line", "src/labels.ts", "Error");
    let untyped = [JEST.replace("TypeError: ", ""), TAP.replace("      name: 'TypeError'\n", "")];
    for log in untyped {
        assert_eq!(read(&log, &[], &plain), Reading::Reproduced, "{log}");
        assert_eq!(script(&log), Reading::ErrorHidden, "{log}");
    }
    let received =
        JEST.replace("TypeError: Cannot", "expect(received).toThrow(expected)\n\n    Received: Cannot");
    assert_eq!(read(&received, &[], &plain), another("a failed assertion"));
}

#[test]
fn what_a_test_prints_outvotes_no_report() {
    let failed = "E   AssertionError: assert 1 == 2\n\ntests/test_labels_none.py:5: AssertionError\n";
    let real = format!("____ test_no_second_line ____\n{failed}");
    let (before, after) = PYTEST.split_once("=====\n").expect("two parts");
    for log in [
        format!("{PYTEST}{real}"),
        format!("{before}=====\n{real}----------- Captured stdout call -----------\n{after}"),
        format!(
            "{real}----------- Captured stdout call -----------\nAttributeError: x\nbookshop/labels.py:34: AttributeError\n"
        ),
        "ERROR: test_no_second_line (t.T)\n-----\nAssertionError: no\n\nStdout:\nbookshop/labels.py:34: AttributeError\n".to_owned(),
    ] {
        assert_eq!(python(&log), another("AssertionError"), "{log}");
    }
    let jest = format!(
        "  console.log\n    {JEST}{}",
        JEST.replace("TypeError: Cannot", "expect(received).toEqual(expected)")
    );
    assert_eq!(script(&jest), another("a failed assertion"));
    let ended = "--- FAIL: TestOther (0.00s)\nFAIL\tacme.example/shop\t0.007s\n";
    let printed = GO.replace("FAIL\tacme.example/shop\t0.007s\n", "");
    assert_eq!(go(&format!("{printed}{ended}")), Reading::ErrorHidden);
    let own = "--- FAIL: TestNoSecondLine (0.00s)\n    labels_test.go:8: no\nFAIL\n";
    assert_eq!(go(&format!("{GO}{own}")), another("a failed assertion"));
    let logged = "--- FAIL: TestNoSecondLine (0.00s)\n    labels_test.go:8: \n        panic: runtime error: index out of range\n        /w/shop/labels.go:30\nFAIL\n";
    assert_eq!(go(logged), another("a failed assertion"));
}

#[test]
fn a_file_that_cannot_be_loaded_is_no_failure_of_its_test() {
    let of_stem = test("test_labels_none", "bookshop/labels.py", "AttributeError");
    for log in [
        "____ ERROR collecting tests/test_labels_none.py ____\nE   AttributeError: x\nbookshop/labels.py:34: AttributeError\n",
        "ERROR: tests.test_labels_none (unittest.loader._FailedTest.tests.test_labels_none)\n-----\n  File \"/w/tests/test_labels_none.py\", line 6\n  File \"/w/bookshop/labels.py\", line 34\nAttributeError: x\n",
    ] {
        assert_eq!(read(log, &[], &of_stem), another("AttributeError"), "{log}");
    }
    for log in [
        "FAIL src/labels.test.ts\n  ● Test suite failed to run\n\n    TypeError: x\n      at addressLines (src/labels.ts:30:34)\n",
        " Exception during run: TypeError: x\nTypeError: x\n    at addressLines (/w/src/labels.ts:30:34)\n    at (/w/src/labels.test.ts:4:1)\n",
    ] {
        assert_eq!(script(log), another("TypeError"), "{log}");
    }
    let build = "# acme.example/shop\nshop/labels_test.go:6:2: undefined: Nothing\nFAIL\tacme.example/shop [build failed]\n";
    assert_eq!(go(build), another("an error at its start"));
    // Another test of a file that ran.
    let skipped =
        "FAIL src/labels.test.ts\n  ● Labels › other\n\n    TypeError: x\n      at (src/labels.ts:30:1)\n";
    assert_eq!(script(skipped), Reading::NotMentioned);
}

#[test]
fn a_file_of_the_same_name_in_another_folder_is_another_file() {
    for (place, read) in [
        ("labels.py:34", Reading::Reproduced),
        ("./bookshop/labels.py:34", Reading::Reproduced),
        ("/w/backend/bookshop/labels.py:34", Reading::Reproduced),
        ("/app/bookshop/labels.py:34", Reading::Reproduced),
        ("admin/labels.py:34", Reading::ElsewhereOrHidden),
        ("/w/backend/admin/labels.py:34", Reading::ElsewhereOrHidden),
    ] {
        assert_eq!(python(&PYTEST.replace("bookshop/labels.py:34", place)), read, "{place}");
    }
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
