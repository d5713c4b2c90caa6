//! A file and edits of it, separated by bytes 0: the file, then search and replacement in turn. A search of byte 1 and
//! two more is a part of the file (begin and length), moved by one indentation where its second byte is odd.

#![no_main]

use autofix::analysis::edits::{Edit, apply, apply_all};
use autofix::reason::ReasonCode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let parts: Vec<&[u8]> = data.split(|byte| *byte == 0).collect();
    let Some((file, rest)) = parts.split_first() else { return };
    let Ok(original) = std::str::from_utf8(file) else { return };
    let edits: Vec<Edit> =
        rest.chunks_exact(2).take(6).map(|pair| edit(original, pair[0], pair[1])).collect();
    let applied = apply(original, &edits);
    assert_eq!(applied, apply(original, &edits), "the same edits, the same text");
    match &applied {
        Ok(text) => check_applied(original, &edits, text),
        Err(refusal) => {
            assert!(refusal.edit < edits.len() && !refusal.message.is_empty());
            let matches = matches_of(original, &edits[refusal.edit]);
            match refusal.code {
                ReasonCode::EditNotFound => assert_eq!(matches, 0, "it stands there"),
                ReasonCode::EditAmbiguous => assert_ne!(matches, 1, "it stands there once"),
                ReasonCode::EditEmptySearch => assert!(edits[refusal.edit].search.trim().is_empty()),
                ReasonCode::EditNoChange | ReasonCode::EditOverlap => {}
                code => panic!("{code} is no refusal of an edit"),
            }
        }
    }
    if let ([only], false) = (edits.as_slice(), original.contains('\r')) {
        check_by_hand(original, only, applied.as_deref().ok());
    }
    let shown = [("a.py", original)];
    match (apply_all(&shown, &edits), applied) {
        (Ok(changes), Ok(text)) => {
            assert_eq!(changes.len(), usize::from(!edits.is_empty()));
            changes.iter().for_each(|change| assert_eq!((&*change.before, &change.after), (original, &text)));
        }
        (Err(one), Err(other)) => assert_eq!(one, other),
        (all, one) => panic!("{all:?} and {one:?}"),
    }
});

fn edit(original: &str, search: &[u8], replace: &[u8]) -> Edit {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let search = match search {
        [1, begin, length, ..] => part_of(original, *begin, *length),
        other => text(other),
    };
    Edit { file_path: "a.py".to_owned(), search, replace: text(replace) }
}

fn part_of(original: &str, begin: u8, length: u8) -> String {
    let begin = original.floor_char_boundary(original.len() * usize::from(begin) / 256);
    let end = original.floor_char_boundary((begin + usize::from(length)).min(original.len()));
    let part = original[begin..end.max(begin)].replace("\r\n", "\n");
    match length % 2 {
        0 => part,
        _ => part.lines().map(|line| format!("  {line}\n")).collect(),
    }
}

fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Exact matches in the text as the model sees it, overlapping ones too.
fn matches_of(original: &str, edit: &Edit) -> usize {
    let (text, search) = (plain(original), plain(&edit.search));
    if search.is_empty() {
        return 0;
    }
    text.char_indices().filter(|(at, _)| text[*at..].starts_with(&search)).count()
}

/// One edit of a text without carriage returns, done the simple way.
fn check_by_hand(original: &str, edit: &Edit, applied: Option<&str>) {
    let (search, replace) = (plain(&edit.search), plain(&edit.replace));
    if matches_of(original, edit) == 1 && !search.trim().is_empty() && search != replace {
        assert_eq!(applied, Some(original.replacen(&search, &replace, 1).as_str()));
    }
}

fn check_applied(original: &str, edits: &[Edit], text: &str) {
    for edit in edits {
        assert!(matches_of(original, edit) <= 1, "an edit that matches twice was applied");
    }
    if edits.is_empty() {
        assert_eq!(original, text);
    }
    if let [only] = edits {
        assert!(is_all_that_changed(original, only, text), "other bytes than those that were searched for");
    }
    let only_crlf = |text: &str| {
        !plain(text).contains('\r') && text.matches('\n').count() == text.matches("\r\n").count()
    };
    let brings_none = edits.iter().all(|edit| !plain(&edit.replace).contains('\r'));
    if original.contains("\r\n") && only_crlf(original) && brings_none {
        assert!(only_crlf(text), "the file's line endings changed");
    }
    if !original.contains('\r') && brings_none {
        assert!(!text.contains('\r'), "a carriage return came from nowhere");
    }
}

fn end_byte(text: &str, from_the_end: usize) -> u8 {
    text.as_bytes()[text.len() - 1 - from_the_end]
}

/// Whether a part of the original that reads like the search text can be taken out so that what is before and behind it
/// is what the new text begins and ends with. Where a part repeats itself there are several ways to see that.
fn is_all_that_changed(original: &str, edit: &Edit, text: &str) -> bool {
    let begins_alike = original.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
    let shorter = original.len().min(text.len());
    let ends_alike = (0..shorter).take_while(|n| end_byte(original, *n) == end_byte(text, *n)).count();
    let searched = squeezed(edit.search.as_bytes());
    (0..=begins_alike).rev().any(|begin| {
        let mut left = searched.iter();
        let mut end = begin;
        for byte in &original.as_bytes()[begin..] {
            if !byte.is_ascii_whitespace() {
                match left.next() {
                    Some(wanted) if wanted == byte => {}
                    Some(_) => return false,
                    None => break,
                }
            }
            end += 1;
        }
        left.next().is_none() && end + ends_alike >= original.len()
    })
}

fn squeezed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect()
}
