mod names;
mod uses;

use serde_json::json;

use super::*;
use crate::snapshot::{File, FileMode, Limits, SnapshotBuilder};

const LABELS: &str = "import os\r\n\n\tdef lines(address):\n    return address.get('line2').strip()\n";

fn snapshot() -> Snapshot {
    let long = (1..=1_000).map(|number| format!("row {number}\n")).collect::<String>();
    let wide = format!("{}needle{}\n", "ä".repeat(5_000), "b".repeat(5_000));
    let mut builder = SnapshotBuilder::new(Limits::default());
    let files: [(&str, &[u8]); 15] = [
        ("README.md", b"# Shop\n"),
        ("backend/.env", b"TOKEN=hunter2\n"),
        ("backend/bookshop/__init__.py", b""),
        ("backend/bookshop/api/orders.py", b"import os\n\n\ndef orders():\n    return os.environ\n"),
        ("backend/bookshop/labels.py", LABELS.as_bytes()),
        ("backend/bookshop/long.txt", long.as_bytes()),
        ("backend/bookshop/wide.txt", wide.as_bytes()),
        ("backend/deploy/server.pem", b"hunter2"),
        ("backend/evil.py", "a = 1  # \u{1b}[2Jignore \u{202e}\u{200b}this\n".as_bytes()),
        ("backend/id_rsa", b"hunter2"),
        ("backend/logo.png", b"\x89PNG\0hunter2"),
        ("backend/node_modules/x/index.js", b"hunter2"),
        ("web/src/app.ts", b"const a = 1\n"),
        ("web/src/app.tsx", b"const b = 2\n"),
        ("web/src/labels.ts", "const \u{e9}t\u{e9} = 3\n".as_bytes()),
    ];
    for (path, bytes) in files {
        let path = RepoPath::parse(path).expect("a good path");
        builder.add_read(path, FileMode::Regular, bytes.to_vec()).expect("few files");
    }
    let path = |text| RepoPath::parse(text).expect("a good path");
    let file = |content| File { mode: FileMode::Regular, content };
    builder
        .add_unread(path("backend/bundle.js"), file(Content::TooLarge { size: 9_000_000 }))
        .expect("few files");
    builder.add_unread(path("backend/link.py"), file(Content::Link)).expect("few files");
    builder.build(None).expect("no path twice")
}

#[track_caller]
fn call(name: &str, input: Value) -> ToolAnswer {
    let snapshot = snapshot();
    let project = ProjectPath::parse("backend").expect("a good folder");
    let answer = Toolbox::new(&snapshot, &project).call(name, &input);
    assert!(answer.text().len() < MAX_ANSWER_BYTES + 2_500, "{} bytes", answer.text().len());
    assert!(!answer.text().contains("hunter2"), "a secret was shown: {}", answer.text());
    let visible = |c: char| c == '\n' || c == '\t' || !c.is_control() && c != '\u{202e}' && c != '\u{200b}';
    assert!(answer.text().chars().all(visible), "{:?}", answer.text());
    answer
}

#[track_caller]
fn found(name: &str, input: Value) -> String {
    match call(name, input) {
        ToolAnswer::Found(text) => text,
        ToolAnswer::Refused(text) => panic!("refused: {text}"),
    }
}

#[track_caller]
fn refused(name: &str, input: Value) -> String {
    match call(name, input) {
        ToolAnswer::Refused(text) => text,
        ToolAnswer::Found(text) => panic!("found: {text}"),
    }
}

fn read(path: &str, start_line: i64, end_line: i64) -> Value {
    json!({"path": path, "start_line": start_line, "end_line": end_line})
}

#[test]
fn the_definitions_are_strict_and_say_nothing_that_strict_schemas_refuse() {
    let definitions = definitions();
    let names: Vec<&str> = definitions.iter().filter_map(|tool| tool["name"].as_str()).collect();
    assert_eq!(names, ToolName::ALL.iter().map(|name| name.as_str()).collect::<Vec<_>>());
    for tool in &definitions {
        assert_eq!(
            (&tool["strict"], &tool["input_schema"]["additionalProperties"]),
            (&json!(true), &json!(false))
        );
        let properties = tool["input_schema"]["properties"].as_object().expect("an object");
        assert_eq!(tool["input_schema"]["required"].as_array().map(Vec::len), Some(properties.len()));
        for schema in properties.values() {
            let keys: Vec<&String> = schema.as_object().expect("an object").keys().collect();
            assert_eq!(keys, ["description", "type"]);
        }
    }
}

#[test]
fn a_folder_is_listed_with_sizes_and_what_cannot_be_read() {
    let expected = "\
9 entries in `backend`:
backend/.env (14 bytes; may hold credentials, never shown)
backend/bookshop/ (5 files)
backend/bundle.js (9000000 bytes; too large to be read)
backend/deploy/ (1 file)
backend/evil.py (31 bytes)
backend/id_rsa (7 bytes; may hold credentials, never shown)
backend/link.py (0 bytes; a link, not followed)
backend/logo.png (12 bytes; binary)
backend/node_modules/ (1 file)
";
    let shown = found("list_files", json!({"folder": "", "glob": ""}));
    assert_eq!(shown, expected);
    assert!(
        found("list_files", json!({"folder": "/", "glob": ""}))
            .starts_with("3 entries in the repository:\nREADME.md")
    );
    assert!(
        found("list_files", json!({"folder": "bookshop/api"})).contains("backend/bookshop/api/orders.py")
    );
    assert_eq!(found("list_files", json!({"folder": "web/"})), "1 entry in `web`:\nweb/src/ (3 files)\n");
}

#[test]
fn globs_match_names_or_paths() {
    let check = |folder: &str, glob: &str, expected: &[&str]| {
        let text = found("list_files", json!({"folder": folder, "glob": glob}));
        let paths: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(paths, expected, "{glob}");
    };
    check("", "l*.py", &["backend/bookshop/labels.py", "backend/link.py"]);
    check("web", "*.ts", &["web/src/app.ts", "web/src/labels.ts"]);
    check("web", "app.{ts,tsx}", &["web/src/app.ts", "web/src/app.tsx"]);
    check("web", "src/app.ts?", &["web/src/app.tsx"]);
    check("", "bookshop/*.py", &["backend/bookshop/__init__.py", "backend/bookshop/labels.py"]);
    check("/", "**/api/*.py", &["backend/bookshop/api/orders.py"]);
    check("/", "**/README.md", &["README.md"]);
    check("", "no.such", &[]);
    check("", "*.[", &[]);
    refused("list_files", json!({"folder": "", "glob": "{a"}));
}

#[test]
fn a_file_is_read_with_numbers_and_its_tabs() {
    let expected = "`backend/bookshop/labels.py`, lines 1 to 4 of 4:
    1 | import os
    2 | 
    3 | \tdef lines(address):
    4 |     return address.get('line2').strip()
";
    assert_eq!(found("read_file", read("backend/bookshop/labels.py", 1, 0)), expected);
    assert_eq!(found("read_file", json!({"path": "bookshop/labels.py"})), expected);
    let part = found("read_file", read("backend/bookshop/labels.py", 3, 3));
    assert_eq!(part, "`backend/bookshop/labels.py`, lines 3 to 3 of 4:\n    3 | \tdef lines(address):\n");
    assert!(found("read_file", read("backend/bookshop/__init__.py", 1, 0)).contains("is empty"));
    assert!(found("read_file", read("backend/evil.py", 1, 9)).contains("    1 | a = 1  # ignore this\n"));
}

#[test]
fn a_long_file_is_read_in_parts_that_join_without_a_gap() {
    let first = found("read_file", read("backend/bookshop/long.txt", 1, 0));
    assert!(first.contains("lines 1 to 150 of 1000") && first.contains("  150 | row 150\n"));
    assert!(first.ends_with("(cut here; read on with `start_line` 151)\n"), "{first}");
    let most = found("read_file", read("backend/bookshop/long.txt", 1, 5_000));
    assert!(most.ends_with("  400 | row 400\n(cut here; read on with `start_line` 401)\n"), "{most}");
    let last = found("read_file", read("backend/bookshop/long.txt", 801, 5_000));
    assert!(last.contains("lines 801 to 1000 of 1000") && !last.contains("cut here"));
    let wide = found("read_file", read("backend/bookshop/wide.txt", 1, 0));
    assert!(wide.contains("…") && wide.len() < 5_000);
}

#[test]
fn a_wrong_question_is_told_what_to_ask_instead() {
    let check = |path: &str, expected: &str| assert_eq!(refused("read_file", read(path, 1, 0)), expected);
    check("labels.py", "There is no file `labels.py`. Did you mean `backend/bookshop/labels.py`?");
    check("src/app.tsx", "There is no file `src/app.tsx`. Did you mean `web/src/app.tsx`?");
    check(
        "backend/bookshop/lables.py",
        "There is no file `backend/bookshop/lables.py`. Did you mean `backend/bookshop/labels.py`?",
    );
    check(
        "backend/bookshop/Orders.py",
        "There is no file `backend/bookshop/Orders.py`. Did you mean `backend/bookshop/api/orders.py`?",
    );
    check("quite/else.rb", "There is no file `quite/else.rb`.");
    check("../../etc/passwd", "There is no file `../../etc/passwd`.");
    check("/etc/passwd", "There is no file `/etc/passwd`.");
    check("", "There is no file ``.");
    check("backend/.env", "`backend/.env` cannot be shown: may hold credentials, never shown (14 bytes).");
    check("backend/logo.png", "`backend/logo.png` cannot be shown: binary (12 bytes).");
    check("backend/link.py", "`backend/link.py` cannot be shown: a link, not followed (0 bytes).");
    let beyond = refused("read_file", read("backend/bookshop/labels.py", 5, 9));
    assert_eq!(beyond, "`backend/bookshop/labels.py` has only 4 lines; there is no line 5.");
    assert_eq!(
        refused("read_file", read("backend/evil.py", 1, -1)).split(':').next(),
        Some("The input does not fit the tool")
    );
    assert_eq!(
        refused("read_file", read("backend/bookshop/long.txt", 9, 8)),
        "`end_line` (8) is before `start_line` (9)."
    );
    let folder = refused("list_files", json!({"folder": "Api", "glob": ""}));
    assert_eq!(folder, "There is no folder `Api`. Did you mean `backend/bookshop/api`?");
    let file = refused("list_files", json!({"folder": "backend/evil.py", "glob": ""}));
    assert_eq!(file, "`backend/evil.py` is a file, not a folder; read it with `read_file`.");
    refused("list_files", json!({"folder": "a/../..", "glob": ""}));
    refused("search", json!({"regex": ""}));
    refused("search", json!({"regex": "x".repeat(1_001)}));
    refused("search", json!([]));
    let unknown = refused("run\n`shell`", json!({}));
    assert_eq!(
        unknown,
        "There is no tool `run 'shell'`. The tools are `list_files`, `read_file`, `search`, `outline`, `find_callers`."
    );
}

#[test]
fn a_search_shows_each_matching_line_once() {
    let text = found("search", json!({"regex": "^\\s*(def|import) \\w+", "folder": ""}));
    let expected = "\
4 matching lines in 2 files in `backend`:
backend/bookshop/api/orders.py (2 lines)
    1 | import os
    4 | def orders():
backend/bookshop/labels.py (2 lines)
    1 | import os
    3 | \tdef lines(address):
(not searched, since too large: 1 file)
";
    assert_eq!(text, expected);
    let end = found("search", json!({"regex": "import os$", "folder": "bookshop"}));
    assert!(end.starts_with("2 matching lines in 2 files"), "CRLF is a line's end: {end}");
    assert!(found("search", json!({"regex": "LINE2"})).starts_with("No line in `backend` matches `LINE2`."));
    assert!(found("search", json!({"regex": "(?i)LINE2"})).starts_with("1 matching line in"));
    assert!(
        found("search", json!({"regex": "[\\u{e9}é]t.", "folder": "/"}))
            .contains("web/src/labels.ts (1 line)\n    1 | const")
    );
    assert!(found("search", json!({"regex": "hunter.", "folder": "/"})).starts_with("No line"));
    assert!(
        found("search", json!({"regex": "^$", "folder": "backend/bookshop/api"}))
            .starts_with("2 matching lines in 1 file")
    );
}

#[test]
fn a_search_takes_a_file_and_a_glob() {
    let file = found("search", json!({"regex": "os", "folder": "backend/bookshop/labels.py", "glob": ""}));
    let expected = "\
1 matching line in 1 file in `backend/bookshop/labels.py`:
backend/bookshop/labels.py (1 line)
    1 | import os
";
    assert_eq!(file, expected);
    let glob = found("search", json!({"regex": "const", "folder": "web", "glob": "*.tsx"}));
    let expected = "\
1 matching line in 1 file in the files `*.tsx` of `web`:
web/src/app.tsx (1 line)
    1 | const b = 2
";
    assert_eq!(glob, expected);
    let path = found("search", json!({"regex": "import", "folder": "", "glob": "bookshop/api/**"}));
    assert!(
        path.starts_with("1 matching line in 1 file in the files `bookshop/api/**` of `backend`"),
        "{path}"
    );
    let none = refused("search", json!({"regex": "x", "folder": "web", "glob": "*.py"}));
    assert_eq!(none, "No file in `web` matches the glob `*.py`.");
    refused("search", json!({"regex": "x", "folder": "", "glob": "{a"}));
}

#[test]
fn a_search_shows_the_application_first_and_counts_what_has_no_room() {
    let many = (0..100).map(|n| (format!("shop/part{n:02}.py"), "total()\n".repeat(25)));
    let few = ["a/migrations/1.py", "a/test_a.py", "shop/a_pb2.py", "vendor/a.py", "zoo.py"];
    let few = few.map(|path| (path.to_owned(), "total()\n".to_owned()));
    let snapshot = Snapshot::of(many.chain(few));
    let toolbox = Toolbox::new(&snapshot, &ProjectPath::root());
    let answer = toolbox.call("search", &json!({"regex": "total", "folder": "", "glob": ""}));
    let shown: Vec<&str> = answer.text().lines().filter(|line| !line.contains(" | ")).collect();
    assert_eq!(
        shown[..4],
        [
            "2505 matching lines in 105 files in the repository:",
            "shop/part00.py (25 lines, the first 20 of them)",
            "shop/part01.py (25 lines, the first 20 of them)",
            "shop/part02.py (25 lines, the first 20 of them)",
        ]
    );
    assert!(shown[4].starts_with("(no room for: shop/part03.py (25), ") && shown.len() == 5, "{shown:?}");
    assert!(
        shown[4].ends_with(", 1380 lines in 60 more files; name a file or a glob to see them)"),
        "{shown:?}"
    );
    let answer = toolbox.call("search", &json!({"regex": "total", "folder": "", "glob": "[az]*.py"}));
    assert!(answer.is_refusal(), "{answer:?}");
    let answer =
        toolbox.call("search", &json!({"regex": "total", "folder": "", "glob": "{a,a_pb2,1,test_a,zoo}.py"}));
    let files: Vec<&str> = answer.text().lines().skip(1).filter(|line| !line.contains(" | ")).collect();
    assert_eq!(
        files,
        [
            "zoo.py (1 line)",
            "a/test_a.py (1 line)",
            "a/migrations/1.py (1 line)",
            "shop/a_pb2.py (1 line)",
            "vendor/a.py (1 line)",
        ]
    );
}

#[test]
fn a_pattern_that_is_none_is_searched_as_text() {
    let text = found("search", json!({"regex": "lines(", "folder": ""}));
    assert!(
        text.starts_with(
            "The pattern is no regular expression (unclosed group), so it was searched as plain text.\n1 matching line"
        ),
        "{text}"
    );
    let text = found("search", json!({"regex": "(?<=a)b", "folder": ""}));
    assert!(text.contains("look-around") && text.contains("No line"), "{text}");
    let text = refused("search", json!({"regex": "((\\w{100}){100}){100}", "folder": ""}));
    assert!(text.contains("too large"), "{text}");
}

#[test]
fn a_pattern_that_would_run_for_minutes_is_refused() {
    let files = (0_u64..256).map(|file| {
        // Names without a rhythm, on which such patterns never come to rest.
        let line = |n: u64| {
            let name = (file * 1_000 + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!("value_{name:x} = compute({}, order) or raise_it({n:o})\n", name % 977)
        };
        let text: String = (0..150).map(line).collect();
        (format!("{file}.py"), text)
    });
    let snapshot = Snapshot::of(files);
    let toolbox = Toolbox::new(&snapshot, &ProjectPath::root());
    let search = |pattern: &str| toolbox.call("search", &json!({"regex": pattern, "folder": ""}));
    for pattern in
        ["(?:[^e](?s:.){6,18}){5}[XYZ]{2}", "(?:[aeiou](?s:.){0,20}){20}[XYZ]{2}", "[ae].{30}[XYZ]{2}"]
    {
        let answer = search(pattern);
        assert!(answer.is_refusal() && answer.text().contains("too costly"), "{pattern}: {}", answer.text());
    }
    for pattern in
        ["XYZ", r"^\s*(async )?def \w+\(", r"[A-Z_]{3,30}\s*=\s*os\.environ", r"(?i)\btoken|secret\b"]
    {
        assert!(search(pattern).text().starts_with("No line"), "{pattern}");
    }
}

#[test]
fn a_search_is_bounded_in_lines_and_in_width() {
    let text = found("search", json!({"regex": "row", "folder": ""}));
    assert!(text.starts_with("1000 matching lines in 1 file"), "{text}");
    assert!(
        text.contains("backend/bookshop/long.txt (1000 lines, the first 20 of them)\n    1 | row 1\n"),
        "{text}"
    );
    let text = found("search", json!({"regex": "row", "folder": "bookshop/long.txt"}));
    assert!(
        text.contains("(1000 lines, the first 60 of them)") && text.contains("   60 | row 60\n"),
        "{text}"
    );
    let text = found("search", json!({"regex": "needle", "folder": ""}));
    let line = text.lines().find(|line| line.contains("needle")).expect("the match is in what is shown");
    assert!(line.chars().count() < 420 && line.starts_with("    1 | …ää"), "{line}");
}

#[test]
fn what_was_read_is_remembered_and_nothing_else() {
    let snapshot = snapshot();
    let toolbox = Toolbox::new(&snapshot, &ProjectPath::parse("backend").expect("a good folder"));
    toolbox.call("list_files", &json!({"folder": "", "glob": "*.py"}));
    toolbox.call("search", &json!({"regex": "def", "folder": ""}));
    toolbox.call("read_file", &read("backend/.env", 1, 0));
    toolbox.call("read_file", &read("backend/evil.py", 99, 0));
    assert!(toolbox.shown_files().is_empty());
    toolbox.call("read_file", &read("bookshop/labels.py", 1, 1));
    let shown: Vec<String> = toolbox.shown_files().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["backend/bookshop/labels.py"]);
}

#[test]
fn the_same_question_has_the_same_answer() {
    for (name, input) in [
        ("list_files", json!({"folder": "/", "glob": "*"})),
        ("search", json!({"regex": "o", "folder": "/"})),
        ("read_file", read("app.ts", 1, 0)),
    ] {
        assert_eq!(call(name, input.clone()), call(name, input));
    }
}
