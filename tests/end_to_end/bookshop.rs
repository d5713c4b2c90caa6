//! The bookshop's label error: where it is, what repairs it, and what Claude answers about it in tests that have a Claude
//! of their own.

use autofix_local::demo_project;
use autofix_local::sandbox::claude::approval;
use serde_json::{Value, json};

pub const LABELS: &str = "backend/bookshop/labels.py";
pub const ORDERS: &str = "backend/bookshop/orders.py";

/// The line that crashes, and lines that repair it.
pub const FAULTY: &str = r#"    addition = address.get("line2", "").strip()"#;
pub const REPAIRED: &str = r#"    addition = (address.get("line2") or "").strip()"#;
pub const ANOTHER: &str = r#"    addition = (address.get("line2", "") or "").strip()"#;

/// A file as the demo project has it.
pub fn source_of(path: &str) -> Option<&'static str> {
    let (_, bytes) = demo_project::files().into_iter().find(|(known, _)| *known == path)?;
    Some(std::str::from_utf8(bytes).unwrap())
}

/// True evidence from a text: its first line that contains the first line of `quote`.
pub fn evidence_in(text: &str, file: &str, quote: &str) -> Value {
    let wanted = quote.lines().next().unwrap().trim();
    let (index, line) = text.lines().enumerate().find(|(_, line)| line.contains(wanted)).unwrap();
    json!({ "file": file, "line": index + 1, "quote": line.trim() })
}

/// True evidence from the demo project.
pub fn evidence(file: &str, quote: &str) -> Value {
    evidence_in(source_of(file).unwrap(), file, quote)
}

/// A fault of this file that AutoFix may fix; the place is that of the first evidence.
pub fn analysis(file: &str, evidence: &[Value]) -> Value {
    json!({
        "error_type": "AttributeError",
        "error_message": "'NoneType' object has no attribute 'strip'",
        "root_cause": "The second line of an address may be None.",
        "file_path": file,
        "line_number": evidence[0]["line"],
        "function_name": "address_lines",
        "confidence": 0.93,
        "can_auto_fix": true,
        "explanation": "The default of `get` does not apply to a key whose value is None.",
        "complexity": "minimal",
        "security_implications": "none",
        "blast_radius": "isolated",
        "recommendation": "Treat None like an empty line in `address_lines`.",
        "classification": "code_fix",
        "categories": [],
        "evidence": evidence,
    })
}

/// Edits, each a file, what is searched for and what takes its place.
pub fn fix(edits: &[(&str, &str, &str)]) -> Value {
    let edit = |(file, search, replace): &(&str, &str, &str)| json!({ "file_path": file, "search": search, "replace": replace });
    let edits: Vec<Value> = edits.iter().map(edit).collect();
    json!({ "edits": edits, "explanation": "None counts as empty.", "confidence": 0.92 })
}

/// A critic who approves.
pub fn verdict() -> Value {
    approval("None counts as empty.")
}
