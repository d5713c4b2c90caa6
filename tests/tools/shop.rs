//! A shop with as many faults as `chaos` and `load` ask for, each in a file of its own: what the repository holds, what
//! Sentry reports about a fault, and what the scripted Claude says about it. All faults are alike and all places differ,
//! so that no attempt is taken for another one's.

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use autofix_sandbox::claude::{Script, Turn, approval};
use autofix_sandbox::sentry::{Project, SandboxEvent, SandboxException, SandboxFrame, SourceLines};

/// Letters of a fault's name.
const LETTERS: usize = 5;
/// What the names are written with: no word comes of these letters, and so none that the policy takes for a blocked category.
const ALPHABET: [char; 10] = ['g', 'h', 'k', 'l', 'n', 'q', 'r', 'v', 'x', 'z'];
const FAULTY: &str = r#"    addition = address.get("line2", "").strip()"#;
const REPAIRED: &str = r#"    addition = (address.get("line2") or "").strip()"#;
/// Line of the fault in its file, counted from 1.
const FAULTY_LINE: u32 = 7;
/// Line of the call that leads there.
const CALLING_LINE: u32 = 13;
/// Turns that the script has for each conversation.
const ROOT_CAUSE_TURNS: usize = 3;
const OTHER_TURNS: usize = 1;

/// How the story of a fault goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One changed line repairs it.
    Fixable,
    /// Claude leaves it to people.
    ForPeople,
}

/// One fault of the shop.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    number: u32,
    /// Letters only: digits in names are no difference between two faults.
    name: String,
    kind: Kind,
}

impl Fault {
    /// The fault with this number, counted from 0.
    pub(crate) fn new(number: u32, kind: Kind) -> Fault {
        let mut rest = number;
        let mut letter = || {
            let digit = rest % 10;
            rest /= 10;
            ALPHABET[digit as usize]
        };
        let name = (0..LETTERS).map(|_| letter()).collect();
        Fault { number, name, kind }
    }

    /// Path in the repository, and text.
    pub(crate) fn file(&self) -> (String, String) {
        let name = &self.name;
        let mut text = String::new();
        let _ = write!(
            text,
            "\"\"\"Labels of kind {name}.\"\"\"\n\n\ndef lines_{name}(address):\n    \"\"\"The lines of an address.\"\"\"\n    \
             name = address[\"name\"].strip()\n{FAULTY}\n    return [line for line in [name, addition] if line]\n\n\n\
             def label_{name}(order):\n    \"\"\"The label of an order.\"\"\"\n{}\n",
            self.calling_line()
        );
        (format!("backend/{}", self.path()), text)
    }

    /// What Sentry has seen.
    pub(crate) fn event(&self, at: Timestamp) -> SandboxEvent {
        let calling = self.frame("label", CALLING_LINE, &self.calling_line());
        let crashing = self.frame("lines", FAULTY_LINE, FAULTY);
        SandboxEvent {
            event_id: format!("c0ffee{:026x}", self.number),
            issue_id: (6_100_000_000 + u64::from(self.number) * 1_000).to_string(),
            project: Project { id: 4_500_000_000_000_001, slug: "bookshop".to_owned() },
            at,
            environment: "production".to_owned(),
            release: Some("bookshop@1.4.2".to_owned()),
            platform: "python".to_owned(),
            transaction: format!("/labels/{}", self.name),
            request: None,
            user: None,
            exceptions: vec![SandboxException {
                error_type: "AttributeError".to_owned(),
                value: "'NoneType' object has no attribute 'strip'".to_owned(),
                module: None,
                frames: vec![calling, crashing],
            }],
            breadcrumbs: Vec::new(),
        }
    }

    /// What the scripted Claude says about it.
    pub(crate) fn script(&self) -> Script {
        let (path, _) = self.file();
        let fixable = self.kind == Kind::Fixable;
        let analysis = json!({
            "error_type": "AttributeError",
            "error_message": "'NoneType' object has no attribute 'strip'",
            "root_cause": "The default of `get` applies only when the key is missing, and here its value is None.",
            "file_path": path,
            "line_number": FAULTY_LINE,
            "function_name": format!("lines_{}", self.name),
            "confidence": 0.93,
            "can_auto_fix": fixable,
            "explanation": "The model dumps every key, so the lookup's default never applies.",
            "complexity": if fixable { "minimal" } else { "complex" },
            "security_implications": "none",
            "blast_radius": "isolated",
            "recommendation": "Treat None like an empty line.",
            "classification": if fixable { "code_fix" } else { "needs_human" },
            "categories": [],
            "evidence": [
                {"file": path, "line": FAULTY_LINE, "quote": FAULTY.trim()},
                {"file": path, "line": CALLING_LINE, "quote": self.calling_line().trim()},
            ],
        });
        let fix = json!({
            "edits": [{"file_path": path, "search": FAULTY, "replace": REPAIRED}],
            "explanation": "A line that is None counts as empty, as a missing one always did.",
            "confidence": 0.92,
        });
        let verdict = approval("None is a valid value here, and `strip` is always called on a string now.");
        Script::new(&self.name, &self.crashing_function())
            .conversation(
                "report_analysis",
                vec![
                    Turn::tool("read_file", json!({"path": path, "start_line": 1, "end_line": 20})),
                    Turn::tool(
                        "search",
                        json!({"regex": self.crashing_function(), "folder": "", "glob": ""}),
                    ),
                    Turn::tool("report_analysis", analysis),
                ],
            )
            .conversation("propose_fix", vec![Turn::tool("propose_fix", fix)])
            .conversation("give_verdict", vec![Turn::tool("give_verdict", verdict)])
    }

    fn path(&self) -> String {
        format!("bookshop/labels_{}.py", self.name)
    }

    fn crashing_function(&self) -> String {
        format!("lines_{}", self.name)
    }

    fn calling_line(&self) -> String {
        format!("    return \"\\n\".join(lines_{}(order.address.model_dump()))", self.name)
    }

    fn frame(&self, function: &str, line: u32, at: &str) -> SandboxFrame {
        SandboxFrame {
            filename: self.path(),
            abs_path: format!("/app/{}", self.path()),
            module: format!("bookshop.labels_{}", self.name),
            function: format!("{function}_{}", self.name),
            line,
            in_app: true,
            source: Some(SourceLines { before: Vec::new(), at: at.to_owned(), after: Vec::new() }),
            vars: Map::<String, Value>::new(),
        }
    }
}

/// Turns that a conversation has where nothing goes wrong, by the tool that ends it.
pub(crate) fn turns_of(result_tool: &str) -> usize {
    if result_tool == "report_analysis" { ROOT_CAUSE_TURNS } else { OTHER_TURNS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_sentry_names_stand_where_it_says() {
        for number in [0, 1, 27, 700] {
            let fault = Fault::new(number, Kind::Fixable);
            let (path, text) = fault.file();
            for frame in &fault.event(Timestamp::UNIX_EPOCH).exceptions[0].frames {
                assert!(path.ends_with(&frame.filename));
                let shown = &frame.source.as_ref().expect("has source").at;
                assert_eq!(text.lines().nth(frame.line as usize - 1), Some(shown.as_str()), "{text}");
            }
            assert_eq!(text.matches(FAULTY).count(), 1);
        }
    }
}
