//! The conversation that writes the regression test: a fresh one that sees the analysis, the fix and how tests are written
//! here, and none of the event's texts.

use serde_json::{Value, json};

use super::Crashed;
use super::places::TestPlaces;
use super::rules::MAX_LINES;
use crate::model::{Effort, Message, Setting};
use crate::prompt::Boundary;
use crate::report::Analysis;
use crate::snapshot::Snapshot;
use crate::surroundings::surroundings;
use crate::tools;
use autofix_domain::attempt::Fix;
use autofix_domain::redaction::{Redacted, redact};

/// The tool that ends the conversation.
pub const RESULT_TOOL: &str = "write_test";
/// How often a test that breaks a rule goes back to the model.
pub const MAX_REPAIRS: usize = 3;
/// Test files that are shown, and that are named.
const SHOWN_FILES: usize = 2;
const NAMED_FILES: usize = 30;

/// System text, tools and effort.
pub fn setting(boundary: &Boundary) -> Setting {
    let mut tools = tools::definitions();
    tools.push(result_tool());
    Setting { system: format!("{}\n\n{}", system(), boundary.rule()), tools, effort: Effort::Medium }
}

fn system() -> String {
    format!(
        "\
You write one regression test for a production error whose fix is known. The team's CI runs it twice: on the code as it is, \
where it must fail because the same exception is raised in the same function, and with the fix, where it must pass.

The test:
- It calls the function that crashed, by its name, with the smallest input that makes it crash today, and asserts what the \
fixed code gives for that input. Nothing around the call may catch the exception.
- It is written like the tests that are there: same runner, same style, same kind of name. Read one or two of them first.
- One new file, named and placed like the others, or one new function at the end of an existing test file (imports that it \
needs then stand inside of it). At most {MAX_LINES} lines, one test, nothing else.
- It imports only what tests here import already, and the code that crashed.
- No network, no process, no waiting, no environment variables, no printing, no files outside of the runner's temporary \
folder, nothing skipped or expected to fail, no try, no while, no reflection.
- Every value in it is invented: nothing from a real person, no secret, no address, no id.

Then call `write_test` once. `code` is the whole new file, or only the function to add. If the error cannot be reproduced by \
such a test, call it with an empty `code` and say why."
    )
}

fn result_tool() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "name": RESULT_TOOL,
        "description": "Hand in the test. Ends the conversation.",
        "strict": true,
        "input_schema": {
            "type": "object",
            "additionalProperties": false,
            "required": ["file_path", "code", "explanation"],
            "properties": {
                "file_path": text("Path of the test file in the repository."),
                "code": text("The whole new file, or the function that is added at the end of an existing one."),
                "explanation": text("Why it fails without the fix and passes with it."),
            },
        },
    })
}

/// What the test is for.
#[derive(Clone, Copy, Debug)]
pub struct Brief<'a> {
    pub analysis: &'a Analysis,
    pub fix: &'a Fix,
    pub crashed: &'a Crashed,
    pub places: &'a TestPlaces,
    pub snapshot: &'a Snapshot,
}

/// The message that opens the conversation.
pub fn opening(boundary: &Boundary, brief: &Brief<'_>) -> Message {
    let Brief { analysis, fix, crashed, places, snapshot } = *brief;
    let summary = json!({
        "exception": crashed.exception,
        "crashed_in": { "file_path": crashed.path.as_str(), "function": crashed.function },
        "root_cause": analysis.root_cause,
        "why_the_fix_is_right": fix.explanation,
    });
    let list = |title: &str, paths: &[crate::repo_path::RepoPath]| {
        let named: Vec<String> = paths.iter().take(NAMED_FILES).map(|path| format!("- {path}")).collect();
        format!("{title} ({}):\n{}\n", paths.len(), named.join("\n"))
    };
    let found = list("Test files, the nearest first", &places.files)
        + &list("Files that configure the runner", &places.configuration);
    let mut message = Message::ours()
        .text(&Redacted::trusted("Write the regression test."))
        .text(&boundary.around("analysis", &redact(&summary.to_string())))
        .code(&boundary.around_code("the fix", &fix.diff))
        .code(&boundary.around_code(
            crashed.path.as_str(),
            &surroundings(
                &crashed.path,
                snapshot.text(&crashed.path).unwrap_or_default(),
                &[crashed.lines.0],
            ),
        ))
        .text(&boundary.around("tests of the repository", &redact(&found)));
    for path in places.files.iter().take(SHOWN_FILES) {
        let shown = surroundings(path, snapshot.text(path).unwrap_or_default(), &[1]);
        message = message.code(&boundary.around_code(path.as_str(), &shown));
    }
    message
}
