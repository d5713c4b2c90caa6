//! An answer of the Messages API, and what its tool calls bring: reads, a report, a fix, a verdict, over a small
//! repository.

#![no_main]

use autofix::analysis::edits::apply_all;
use autofix::analysis::effects::Crash;
use autofix::analysis::fix::{self, Code, Proposal};
use autofix::analysis::repo_path::RepoPath;
use autofix::analysis::tools::{MAX_ANSWER_BYTES, Toolbox};
use autofix::analysis::{critic, root_cause};
use autofix::analysis::model::{Stop, ToolUse, Turn};
use autofix::claude;
use autofix_fuzz::{FILE, REPOSITORY, check_text, project};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(turn) = claude::read_turn(data) else { return };
    assert_eq!(turn.usage.turns, 1);
    let kept: Turn =
        serde_json::from_str(&serde_json::to_string(&turn).expect("a turn is JSON")).expect("and back");
    assert_eq!(kept.stop, turn.stop);
    assert_eq!(kept.tool_uses().len(), turn.tool_uses().len(), "a checkpoint keeps the calls");
    let uses = turn.tool_uses();
    assert!(turn.stop != Stop::MaxTokens || uses.is_empty(), "an answer that was cut calls nothing");
    if let Stop::Other { reason } = &turn.stop {
        assert!(reason.chars().count() <= 60);
    }
    let tools = Toolbox::new(&REPOSITORY, &project());
    for ToolUse { name, input, .. } in uses.iter().take(4) {
        match name.as_str() {
            root_cause::RESULT_TOOL => check_report(input),
            fix::RESULT_TOOL => check_fix(input),
            critic::RESULT_TOOL => check_verdict(input),
            other => {
                let answer = tools.call(other, input);
                assert!(answer.text().len() <= MAX_ANSWER_BYTES + 1_000, "{} bytes", answer.text().len());
                assert!(!answer.text().contains("planted-secret-value"), "a secret was read");
            }
        }
    }
    assert!(tools.shown_files().iter().all(|path| REPOSITORY.text(path).is_some()));
});

fn check_report(input: &Value) {
    let report = root_cause::read(input, &REPOSITORY, &project());
    let analysis = match report {
        Ok(analysis) => {
            assert!(!analysis.evidence.is_empty(), "believed without evidence");
            for evidence in &analysis.evidence {
                let path = RepoPath::parse(&evidence.file).expect("evidence that stands names a file");
                let text = REPOSITORY.text(&path).expect("and one that can be read");
                let squeezed = |text: &str| text.split_whitespace().collect::<String>();
                let all = squeezed(text);
                let stands =
                    evidence.quote.lines().all(|line| all.contains(&squeezed(line)) || !line.is_ascii());
                assert!(stands, "evidence that does not stand in `{path}`: {:?}", evidence.quote);
            }
            analysis
        }
        Err(root_cause::Objection::Unreadable(sentence)) => return assert!(!sentence.is_empty()),
        Err(objection @ root_cause::Objection::EvidenceFalse { .. }) => {
            assert!(!objection.sentence().is_empty());
            let root_cause::Objection::EvidenceFalse { analysis, sentences } = objection else { return };
            assert!(!sentences.is_empty());
            *analysis
        }
    };
    assert!(analysis.confidence.is_none_or(|sure| (0.0..=1.0).contains(&sure)));
    assert!(analysis.evidence.len() <= 8);
    check_text(&analysis.root_cause, 4_000);
    check_text(&analysis.recommendation, 2_000);
}

fn check_fix(input: &Value) {
    let file = RepoPath::parse(FILE).expect("a good path");
    let before = REPOSITORY.text(&file).expect("a text");
    let (project, crash) = (project(), Crash { path: FILE.to_owned(), line: 26, ..Crash::default() });
    let code = Code { snapshot: &REPOSITORY, project: &project, crash: &crash };
    match fix::read(input, std::slice::from_ref(&file), &code) {
        Proposal::Usable(candidate) => {
            assert_eq!((candidate.change.path.as_str(), candidate.change.before.as_str()), (FILE, before));
            let again = apply_all(&[(FILE, before)], &candidate.edits).expect("it was applied before");
            assert_eq!(again.first(), Some(&candidate.change), "what is committed is what was looked at");
            assert!(candidate.confidence.is_none_or(|sure| (0.0..=1.0).contains(&sure)));
            check_text(&candidate.explanation, 4_000);
        }
        Proposal::None { explanation } => check_text(&explanation, 4_000),
        Proposal::Unusable { sentence, reasons } => assert!(!sentence.is_empty() && !reasons.is_empty()),
    }
}

fn check_verdict(input: &Value) {
    match critic::read(input) {
        Ok(verdict) => assert!(verdict.confidence.is_none_or(|sure| (0.0..=1.0).contains(&sure))),
        Err(sentence) => assert!(!sentence.is_empty()),
    }
}
