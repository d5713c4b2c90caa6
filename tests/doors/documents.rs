//! The documents against the code that they describe.

use std::collections::BTreeSet;

use autofix::attempt::Status;

fn text_of(path: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_picture_of_the_states_shows_every_way_there_is_and_no_other() {
    let picture = text_of("docs/architecture.md");
    let drawn: BTreeSet<(String, String)> = picture
        .lines()
        .filter_map(|line| line.trim().split_once(" --> "))
        .map(|(from, to)| (from.to_owned(), to.split(':').next().unwrap().to_owned()))
        .filter(|(from, to)| is_status(from) && is_status(to))
        .collect();
    assert!(drawn.len() > 20, "{drawn:?}");
    let table = text_of(
        "shared/src/attempt/snapshots/autofix__attempt__matrix__what_each_event_does_in_each_state.snap",
    );
    let (mut there_are, mut from) = (BTreeSet::new(), String::new());
    for line in table.lines().skip_while(|line| !is_status(line)) {
        match line.trim().split_once(" -> ") {
            None if line.starts_with(' ') => {} // what a word of the table means
            None => from = status_of(line),
            Some((_, to)) => {
                let to = to.split(' ').next().unwrap().to_owned();
                if from != to {
                    there_are.insert((from.clone(), to));
                }
            }
        }
    }
    assert_eq!(drawn, there_are);
}

/// The word of the API for a state of the table.
fn status_of(state: &str) -> String {
    let words = [
        ("proposed", Status::Analyzing),
        ("withdrawing", Status::Analyzing),
        ("checks", Status::PrCreated),
        ("head moving", Status::PrCreated),
        ("awaiting", Status::AwaitingApproval),
        ("roll back", Status::Regressed),
        ("revert opened", Status::Regressed),
    ];
    let found = words.iter().find(|(beginning, _)| state.starts_with(beginning));
    let plain = state.split(',').next().unwrap().replace(' ', "_");
    let word = found.map_or(plain, |(_, status)| status.as_str().to_owned());
    assert!(is_status(&word), "no word for the state `{state}`");
    word
}

fn is_status(word: &str) -> bool {
    Status::ALL.iter().any(|status| status.as_str() == word)
}

#[test]
fn the_tables_items_are_the_same_in_the_code_and_in_the_documents() {
    let (code, page) = (text_of("shared/src/store.rs"), text_of("docs/architecture.md"));
    let keys: Vec<&str> = code
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .filter_map(|line| line.split(" | ").nth(1))
        .filter(|key| key.starts_with('`'))
        .collect();
    assert!(keys.len() > 10, "{keys:?}");
    for key in keys {
        assert!(page.contains(&format!("| {key} |")), "docs/architecture.md has no item {key}");
    }
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    for document in [
        "README.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "docs/architecture.md",
        "docs/runbook.md",
        "docs/cost-and-scale.md",
    ] {
        let text = text_of(document);
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            if !path.is_empty() && !path.contains("://") && !path.contains(' ') {
                let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
                assert!(root.join(folder).join(path).exists(), "{document} links to {target}");
            }
        }
    }
}
