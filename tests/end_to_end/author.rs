//! What the author of a fix gets to see, and which files it may change.

use autofix_local::sandbox::claude::{Script, Turn};
use autofix_local::scenario::Scenario;
use serde_json::{Value, json};

use crate::world::{REPO, World};

const LABELS: &str = "backend/bookshop/labels.py";
const ORDERS: &str = "backend/bookshop/orders.py";
const FAULTY: &str = r#"    addition = address.get("line2", "").strip()"#;
const REPAIRED: &str = r#"    addition = (address.get("line2") or "").strip()"#;

fn evidence(file: &str, quote: &str) -> Value {
    let files = autofix_local::demo_project::files();
    let (_, bytes) = files.into_iter().find(|(path, _)| *path == file).unwrap();
    let text = std::str::from_utf8(bytes).unwrap();
    let line = text.lines().position(|line| line.contains(quote)).unwrap() + 1;
    json!({ "file": file, "line": line, "quote": quote })
}

/// Claude's analysis cites the orders only; what it then says as the author.
fn script(author: Vec<Turn>) -> Script {
    let analysis = json!({
        "error_type": "AttributeError",
        "error_message": "'NoneType' object has no attribute 'strip'",
        "root_cause": "`line2` may be None.",
        "file_path": ORDERS,
        "line_number": 1,
        "function_name": "",
        "confidence": 0.93,
        "can_auto_fix": true,
        "explanation": "The model declares it as optional.",
        "complexity": "minimal",
        "security_implications": "none",
        "blast_radius": "isolated",
        "recommendation": "Treat None like an empty line in `address_lines`.",
        "classification": "code_fix",
        "categories": [],
        "evidence": [
            evidence(ORDERS, "line2: str | None = None"),
            evidence(ORDERS, "address=order.address.model_dump(),"),
        ],
    });
    Script::new("author", "address_lines")
        .conversation("report_analysis", vec![Turn::tool("report_analysis", analysis)])
        .conversation("propose_fix", author)
}

fn proposed() -> Turn {
    let edit = json!({ "file_path": LABELS, "search": FAULTY, "replace": REPAIRED });
    let fix = json!({ "edits": [edit], "explanation": "None counts as empty.", "confidence": 0.9 });
    Turn::tool("propose_fix", fix)
}

async fn played(author: Vec<Turn>) -> Value {
    let world = World::new().await;
    world.sandbox.claude.add_script(script(author));
    let id = world.alert(Scenario::Fix).await.attempt_id();
    world.settle().await;
    world.attempt(&id).await
}

#[tokio::test]
async fn an_author_may_change_a_file_that_it_has_read_and_no_other() {
    let read = Turn::tool("read_file", json!({ "path": LABELS, "start_line": 30, "end_line": 40 }));
    let attempt = played(vec![read, proposed()]).await;
    assert_eq!(attempt["proposed_fixes"][0]["file_path"], LABELS, "{attempt:#}");

    let search = Turn::tool("search", json!({ "regex": "line2", "folder": LABELS, "glob": "" }));
    let mut unread = vec![search];
    unread.extend(vec![proposed(); 5]);
    let attempt = played(unread).await;
    assert_eq!(attempt["status"], "skipped", "{attempt:#}");
    assert_eq!(attempt["reasons"][0]["code"], "edit_unknown_file", "{attempt:#}");
}

#[tokio::test]
async fn the_projects_conventions_reach_the_author_and_nobody_else() {
    let world = World::new().await;
    let main = world.sandbox.github.commit(REPO, "main");
    main.file("AGENTS.md", b"Prefer guard clauses.\n", "Say how code is written here").unwrap();
    world.alert(Scenario::Fix).await;
    world.settle().await;
    let conversations = world.sandbox.claude.conversations();
    let told: Vec<(&str, bool)> = conversations
        .iter()
        .map(|one| (one.result_tool.as_deref().unwrap(), one.first_message.contains("Prefer guard clauses.")))
        .collect();
    assert_eq!(told, [("report_analysis", false), ("propose_fix", true), ("give_verdict", false)]);
}
