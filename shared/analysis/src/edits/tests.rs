use super::*;
use proptest::prelude::*;

fn edit(search: &str, replace: &str) -> Edit {
    Edit { file_path: "labels.py".into(), search: search.into(), replace: replace.into() }
}

fn refused(original: &str, edits: &[Edit]) -> EditRefusal {
    apply(original, edits).expect_err("the edits should be refused")
}

#[test]
fn a_search_text_that_stands_once_is_replaced() {
    let text = "def f(a):\n    return a.strip()\n";
    let changed =
        apply(text, &[edit("return a.strip()", "return (a or \"\").strip()")]).expect("it matches once");
    assert_eq!(changed, "def f(a):\n    return (a or \"\").strip()\n");
}

#[test]
fn a_carriage_return_file_keeps_its_line_endings() {
    let changed = apply("a\r\nb\r\nc\r\n", &[edit("a\nb\n", "a\nx\ny\n")]).expect("it matches once");
    assert_eq!(changed, "a\r\nx\r\ny\r\nc\r\n");
    let inside = apply("a\r\nb", &[edit("b", "b\nc")]).expect("it matches once");
    assert_eq!(inside, "a\r\nb\r\nc");
    let given_with_crlf = apply("a\nb\n", &[edit("a\r\nb", "a\r\nc")]).expect("it matches once");
    assert_eq!(given_with_crlf, "a\nc\n");
}

#[test]
fn mixed_line_endings_outside_the_edit_survive() {
    let changed = apply("a\r\nb\nc\r\nd\n", &[edit("b\n", "B\nBB\n")]).expect("it matches once");
    assert_eq!(changed, "a\r\nB\nBB\nc\r\nd\n");
}

#[test]
fn byte_order_mark_tabs_and_a_missing_final_newline_survive() {
    let changed = apply("\u{feff}\tx = 'é'\n\ty = 1", &[edit("y = 1", "y = 2")]).expect("it matches once");
    assert_eq!(changed, "\u{feff}\tx = 'é'\n\ty = 2");
    let at_the_start = apply("\u{feff}a\n", &[edit("a\n", "b\n")]).expect("it matches once");
    assert_eq!(at_the_start, "\u{feff}b\n");
}

#[test]
fn lines_shifted_by_one_indentation_match_and_the_replacement_is_shifted_too() {
    let text = "class A:\n    def f(self):\n        x = 1\n\n        return x\n";
    let shifted = edit("def f(self):\n    x = 1\n\n    return x", "def f(self):\n    x = 2\n\n    return x");
    let changed = apply(text, &[shifted]).expect("one shift fits");
    assert_eq!(changed, "class A:\n    def f(self):\n        x = 2\n\n        return x\n");
    let too_deep = edit("            x = 1\n\n            return x\n", "            return 1\n");
    let changed = apply(text, &[too_deep]).expect("one shift fits");
    assert_eq!(changed, "class A:\n    def f(self):\n        return 1\n");
    let tabs = apply("\t\tif a:\r\n\t\t\tb()\r\n", &[edit("if a:\n\tb()\n", "if a:\n\tc()\n")])
        .expect("one shift fits");
    assert_eq!(tabs, "\t\tif a:\r\n\t\t\tc()\r\n");
}

#[test]
fn an_uneven_shift_is_not_a_match() {
    let text = "    if a:\n          b()\n";
    assert_eq!(refused(text, &[edit("if a:\n    b()", "if a:\n    c()")]).code, ReasonCode::EditNotFound);
    assert_eq!(refused("    a = 1\n", &[edit("a = 1 ", "a = 2")]).code, ReasonCode::EditNotFound);
}

#[test]
fn a_replacement_that_cannot_be_moved_left_is_refused() {
    let shallow = edit("    a()\n    b()", "    a()\nb()");
    assert_eq!(refused("a()\nb()\n", &[shallow]).code, ReasonCode::EditNotFound);
}

#[test]
fn each_refusal_names_its_edit_and_shows_real_lines() {
    let text = "one = 1\ntwo = one.strip()\none = 1\n";
    let cases = [
        (edit("", "x"), ReasonCode::EditEmptySearch, "empty search"),
        (edit(" \n", "x"), ReasonCode::EditEmptySearch, "empty search"),
        (edit("two", "two"), ReasonCode::EditNoChange, "by itself"),
        (edit("one = 1", "one = 2"), ReasonCode::EditAmbiguous, "    1 | one = 1\n    3 | one = 1"),
        (edit("two = one.trim()", "x"), ReasonCode::EditNotFound, "    2 | two = one.strip()"),
    ];
    for (bad, code, shown) in cases {
        let refusal = refused(text, &[edit("strip()", "lstrip()"), bad]);
        assert_eq!((refusal.code, refusal.edit), (code, 1), "{refusal}");
        assert!(refusal.message.contains(shown), "{refusal}");
    }
}

#[test]
fn matches_that_overlap_each_other_are_ambiguous() {
    assert_eq!(refused("aaa", &[edit("aa", "b")]).code, ReasonCode::EditAmbiguous);
    assert_eq!(refused("ééé", &[edit("éé", "b")]).code, ReasonCode::EditAmbiguous);
    let twice_indented = "if a:\n    x()\nelse:\n        x()\n";
    assert_eq!(
        refused(twice_indented, &[edit("            x()\n", "            y()\n")]).code,
        ReasonCode::EditAmbiguous
    );
}

#[test]
fn overlapping_edits_are_refused_and_touching_ones_are_not() {
    let overlap = refused("a b c\n", &[edit("b c", "x"), edit("a b", "y")]);
    assert_eq!((overlap.code, overlap.edit), (ReasonCode::EditOverlap, 1));
    assert!(overlap.message.contains("Edits 1 and 2 overlap"), "{overlap}");
    let touching = apply("a b c\n", &[edit("b c", "x"), edit("a ", "y ")]).expect("they only touch");
    assert_eq!(touching, "y x\n");
}

#[test]
fn edits_do_not_see_each_others_results() {
    let changed =
        apply("a b\n", &[edit("a", "b"), edit("b", "a")]).expect("each stands once in the original");
    assert_eq!(changed, "b a\n");
}

#[test]
fn at_most_ten_long_lines_are_shown() {
    let long = format!("needle = {}\n", "x".repeat(5_000));
    let refusal = refused(&long.repeat(50), &[edit("needle = y", "z")]);
    assert_eq!(refusal.message.matches(" | ").count(), 10);
    assert!(refusal.message.len() < 3_000);
}

#[test]
fn several_files_are_changed_together_or_not_at_all() {
    let named = |path: &str, search: &str| Edit { file_path: path.into(), ..edit(search, "new") };
    let shown = [("a.py", "one\n"), ("b.py", "two\n")];
    let changes = apply_all(&shown, &[named("b.py", "two"), named("a.py", "one")]).expect("both match");
    assert_eq!(
        changes.iter().map(|c| (c.path.as_str(), c.after.as_str())).collect::<Vec<_>>(),
        [("b.py", "new\n"), ("a.py", "new\n")]
    );
    let unknown =
        apply_all(&shown, &[named("a.py", "one"), named("/etc/passwd", "root")]).expect_err("not shown");
    assert_eq!((unknown.code, unknown.edit), (ReasonCode::EditUnknownFile, 1));
    assert!(unknown.message.contains("Shown: `a.py`, `b.py`."), "{unknown}");
    let second = apply_all(&shown, &[named("a.py", "one"), named("b.py", "none")]).expect_err("no such text");
    assert_eq!((second.code, second.edit), (ReasonCode::EditNotFound, 1));
}

/// Text of lines with all kinds of endings, indentation and characters.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ab\\té🦀 ]{0,6}",
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\r".to_owned())
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn bytes_outside_the_edit_never_change(
        before in any_text(),
        after in any_text(),
        with in "[xyz\\n ]{1,12}",
    ) {
        let original = format!("{before}<<mark>>{after}");
        let changed = apply(&original, &[edit("<<mark>>", &with)]).expect("the mark stands once");
        prop_assert!(changed.starts_with(&before));
        prop_assert!(changed.ends_with(&after));
        let middle = &changed[before.len()..changed.len() - after.len()];
        prop_assert_eq!(middle.replace("\r\n", "\n"), with);
    }

    #[test]
    fn applying_and_applying_the_inverse_is_the_identity(
        parts in prop::collection::vec(any_text(), 2..5),
        crlf in prop::bool::ANY,
    ) {
        // One kind of line ending: what stood inside a replaced range cannot be told from the edit.
        let plain = |text: &str| text.replace("\r\n", "\n").replace('\r', "");
        let ending = if crlf { "\r\n" } else { "\n" };
        let mut original = String::new();
        let mut edits = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let part = plain(part);
            original.push_str(&format!("{part}<{index}\n{part}{index}>"));
            edits.push(edit(&format!("<{index}\n{part}{index}>"), &format!("[{index}\n\n{part}é{index}]")));
        }
        let original = original.replace('\n', ending);
        let changed = apply(&original, &edits).expect("every mark stands once");
        let inverse: Vec<Edit> = edits.iter().map(|e| edit(&e.replace, &e.search)).collect();
        prop_assert_eq!(apply(&changed, &inverse).expect("every new mark stands once"), original);
    }

    #[test]
    fn any_edit_is_applied_or_refused_without_a_panic(
        text in any_text(),
        search in any_text(),
        with in any_text(),
    ) {
        if let Ok(changed) = apply(&text, &[edit(&search, &with)]) {
            prop_assert!(!search.trim().is_empty());
            prop_assert!(changed != text || search.replace("\r\n", "\n") != with.replace("\r\n", "\n"));
        }
    }
}
