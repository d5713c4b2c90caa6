//! The documents against the code that they describe.

use std::collections::BTreeSet;
use std::path::Path;

use autofix::attempt::Status;
use autofix::config::settings::{self, SettingKind, Unset};
use autofix::reason::ReasonCode;
use autofix_local::arguments::Cli;
use clap::CommandFactory;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_picture_of_the_states_shows_every_way_there_is_and_no_other() {
    let words: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
    let (mut there_are, mut from) = (BTreeSet::new(), "");
    let table = text_of(STATES);
    for line in table.lines() {
        if let Some((_, status)) = line.trim_end_matches(']').split_once(" [") {
            from = status;
        } else if let Some((_, to)) = line.split_once(" -> ") {
            let to = to.split(' ').next().unwrap();
            there_are.extend((from != to).then(|| (from.to_owned(), to.to_owned())));
        }
    }
    assert!(there_are.len() > 20, "{there_are:?}");
    assert_eq!(drawn(&words), there_are);
}

#[test]
fn the_picture_of_the_proof_shows_every_way_there_is_and_no_other() {
    let there_are: BTreeSet<(String, String)> = text_of(STATES)
        .lines()
        .filter_map(|line| line.split_once("(proof: ")?.1.trim_end_matches(')').split_once(" => "))
        .map(|(from, to)| (from.to_owned(), to.to_owned()))
        .collect();
    assert_eq!(drawn(&["wanted", "written", "without_fix", "with_fix", "proved", "not_proved"]), there_are);
}

/// What every event does in every state.
const STATES: &str = "shared/domain/src/attempt/snapshots/autofix_domain__attempt__matrix__what_each_event_does_in_each_state.snap";

/// The ways between these states that the pictures show.
fn drawn(states: &[&str]) -> BTreeSet<(String, String)> {
    text_of("docs/architecture.md")
        .lines()
        .filter_map(|line| line.trim().split_once(" --> "))
        .map(|(from, to)| (from.to_owned(), to.split(':').next().unwrap().to_owned()))
        .filter(|(from, to)| states.contains(&from.as_str()) && states.contains(&to.as_str()))
        .collect()
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

/// All documents for people, by their path.
fn documents() -> Vec<String> {
    let mut all = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(str::to_owned).to_vec();
    for folder in ["docs", "docs/connect"] {
        let files = std::fs::read_dir(root().join(folder)).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        all.extend(names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}/{name}")));
    }
    assert!(all.len() > 15, "{all:?}");
    all
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    for document in documents() {
        let text = text_of(&document);
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") || target.contains(' ') {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let linked =
                if path.is_empty() { root().join(&document) } else { root().join(folder).join(path) };
            assert!(linked.exists(), "{document} links to {target}");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(linked).unwrap();
                let found =
                    text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
                assert!(found, "{document} links to {target}");
            }
        }
    }
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn files_that_the_documents_name_are_there() {
    let folders = ["shared/", "functions/", "local/", "tests/", "docs/", "events/", ".ci/", ".github/"];
    for document in documents() {
        let text = text_of(&document);
        for word in text.split('`').skip(1).step_by(2) {
            let is_path = folders.iter().any(|folder| word.starts_with(folder));
            if is_path && !word.contains([' ', '*', '{', '<', '…']) {
                assert!(root().join(word).exists(), "{document} names {word}");
            }
        }
    }
}

#[test]
fn the_readme_is_short() {
    let length = text_of("README.md").len();
    assert!(length <= 9_000, "README.md has {length} bytes; move what only some readers need into docs/");
}

#[test]
fn the_settings_are_in_the_document_about_configuration() {
    let mut text = String::new();
    for group in settings::GROUPS {
        text += &format!(
            "### {}\n\n| setting | kind | parameter | default | meaning |\n|---|---|---|---|---|\n",
            group.title
        );
        for setting in group.settings {
            let kind = match setting.kind {
                SettingKind::Plain => "plain",
                SettingKind::Secret => "secret",
            };
            let parameter = setting.parameter().map_or_else(String::new, |name| format!("`{name}`"));
            let default = match setting.unset {
                Unset::DefaultValue(value) => format!("`{value}`"),
                Unset::NoValue(meaning) => meaning.to_owned(),
            };
            text += &format!("| `{}` | {kind} | {parameter} | {default} | {} |\n", setting.name, setting.doc);
        }
        text.push('\n');
    }
    check_generated("docs/configuration.md", "settings", &text);
}

#[test]
fn the_reason_codes_are_in_the_document_about_the_api() {
    let groups = [
        ("Nothing to analyse", ReasonCode::HourlyLimit),
        ("Another attempt has the fault", ReasonCode::SameFaultJoined),
        ("The analysis leaves nothing to change", ReasonCode::NotOurCode),
        ("The policy refuses", ReasonCode::FieldMissing),
        ("The edit can't be applied", ReasonCode::EditEmptySearch),
        ("A validator refuses", ReasonCode::SeveralFiles),
        ("Something outside failed for good", ReasonCode::RepositoryNotFound),
    ];
    let mut text = String::new();
    for code in ReasonCode::ALL {
        if let Some((title, _)) = groups.iter().find(|(_, first)| first == code) {
            text += &format!("\n**{title}**\n\n| code | meaning |\n|---|---|\n");
        }
        text += &format!("| `{code}` | {} |\n", code.meaning());
    }
    check_generated("docs/api.md", "reason codes", text.trim_start());
}

#[test]
fn the_commands_are_in_their_document() {
    let mut all = Cli::command();
    all.build();
    let mut text = help(&all);
    for command in all.get_subcommands().filter(|command| command.get_name() != "help") {
        text += &help(command);
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            text += &help(below);
        }
    }
    check_generated("docs/cli.md", "commands", &text);
}

/// What `--help` shows of a command.
fn help(command: &clap::Command) -> String {
    let name = command.get_bin_name().unwrap_or("autofix").to_owned();
    // Every command takes it; it is shown once.
    let shown = if name == "autofix" {
        command.clone()
    } else {
        command.clone().mut_arg("journal", |arg| arg.hide(true))
    };
    let shown = shown.term_width(0).clone().render_help().to_string();
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    format!("## {name}\n\n```text\n{}\n```\n\n", lines.join("\n").trim_end())
}

/// Compares the part of a document between its markers with what the code says. With `UPDATE_DOCS` set, writes it.
fn check_generated(document: &str, what: &str, generated: &str) {
    let (begin, end) =
        (format!("<!-- begin of generated {what} -->\n"), format!("<!-- end of generated {what} -->"));
    let text = text_of(document);
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{document} has no `{begin}`"));
    let (there, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{document} has no `{end}`"));
    let wanted = format!("\n{}\n\n", generated.trim_end());
    if there == wanted {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(root().join(document), format!("{before}{begin}{wanted}{end}{after}")).unwrap();
        return;
    }
    panic!(
        "The {what} in {document} are not those of the code. Update them:\n\n    \
         UPDATE_DOCS=1 cargo test -p autofix-tests documents\n\nThe code says:\n{wanted}"
    );
}
