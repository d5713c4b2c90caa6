//! What the author of a fix gets to see, and which files it may change.

use autofix_local::sandbox::claude::{Script, Turn};
use serde_json::{Value, json};

use crate::bookshop::{FAULTY, LABELS, ORDERS, REPAIRED, analysis, evidence, fix};
use crate::world::{REPO, Scenario, World};

/// Claude's analysis cites the orders only; what it then says as the author.
fn script(author: Vec<Turn>) -> Script {
    let cited = ["line2: str | None = None", "address=order.address.model_dump(),"];
    let mut analysis = analysis(ORDERS, &cited.map(|quote| evidence(ORDERS, quote)));
    analysis["function_name"] = json!("");
    Script::new("author", "address_lines")
        .conversation("report_analysis", vec![Turn::tool("report_analysis", analysis)])
        .conversation("propose_fix", author)
}

fn proposed() -> Turn {
    Turn::tool("propose_fix", fix(&[(LABELS, FAULTY, REPAIRED)]))
}

async fn played(author: Vec<Turn>) -> Value {
    let world = World::new().await;
    world.sandbox.claude.add_script(script(author));
    let id = world.handle(Scenario::Fix).await;
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
    world.handle(Scenario::Fix).await;
    let conversations = world.sandbox.claude.conversations();
    let told: Vec<(&str, bool)> = conversations
        .iter()
        .map(|one| (one.result_tool.as_deref().unwrap(), one.first_message.contains("Prefer guard clauses.")))
        .collect();
    assert_eq!(told, [("report_analysis", false), ("propose_fix", true), ("give_verdict", false)]);
}
