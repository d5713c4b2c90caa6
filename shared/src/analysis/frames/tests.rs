use super::*;
use crate::analysis::repo_path::FolderPath;
use crate::analysis::snapshot::{FileMode, Limits, SnapshotBuilder};
use crate::incident::Exception;

const LABELS: &str = "def address_lines(address):\n    first = address.get('line1')\n    return [first, address.get('line2').strip()]\n";

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    let mut builder = SnapshotBuilder::new(Limits::default());
    for (path, text) in files {
        let path = RepoPath::parse(path).expect("a good path");
        builder.add_read(path, FileMode::Regular, text.as_bytes().to_vec()).expect("few files");
    }
    builder.build(None).expect("no path twice")
}

fn shop() -> Snapshot {
    snapshot(&[
        ("backend/main.py", "app = FastAPI()\n"),
        ("backend/bookshop/__init__.py", "VERSION = load_version()\n"),
        ("backend/bookshop/labels.py", LABELS),
        ("backend/bookshop/api/__init__.py", "router = APIRouter()\n"),
        ("backend/bookshop/api/orders.py", "def create_order():\n    raise Unavailable()\n"),
        ("backend/bookshop/orders.py", "def total(order):\n    return sum_of(order.lines)\n"),
        ("backend/tools/main.py", "import argparse\n"),
        ("backend/a/shared.py", "alpha_value = 1\n"),
        ("backend/b/shared.py", "beta_value = 2\n"),
        ("backend/json/decoder.py", "our_decoder()\n"),
        ("backend/node_modules/x/index.js", "x()"),
        ("web/src/pages/index.tsx", "export default page\n"),
        ("web/src/checkout.ts", "const total = cart.total.amount\n"),
        ("server/src/com/acme/shop/Labels.java", "class Labels { }\n"),
        ("server/src/com/acme/mail/Labels.java", "class Labels { }\n"),
        ("go/internal/labels/print.go", "func Print() {}\n"),
        ("go/internal/orders/print.go", "func Print() {}\n"),
    ])
}

fn frame(filename: &str, abs_path: &str, module: &str) -> Frame {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Frame {
        filename: some(filename),
        abs_path: some(abs_path),
        module: some(module),
        in_app: true,
        ..Frame::default()
    }
}

fn at(line: u32, source: &str, frame: Frame) -> Frame {
    Frame { line: Some(line), context_line: Some(source.to_owned()), ..frame }
}

fn incident(exceptions: Vec<Vec<Frame>>) -> Incident {
    let exceptions =
        exceptions.into_iter().map(|frames| Exception { frames, ..Exception::default() }).collect();
    Incident { exceptions, ..Incident::default() }
}

fn folder(text: &str) -> FolderPath {
    FolderPath::parse(text).expect("a good folder")
}

#[track_caller]
fn check(project: &str, frame: Frame, expected: Option<&str>) {
    let shown = format!("{frame:?}");
    let located = locate(&incident(vec![vec![frame]]), &shop(), &folder(project));
    assert_eq!(located.first().map(|found| found.path.as_str()), expected, "{shown}");
}

#[test]
fn frames_map_to_files_as_deployments_write_them() {
    let labels = Some("backend/bookshop/labels.py");
    // Containers, servers and functions.
    check("backend", frame("bookshop/labels.py", "/app/bookshop/labels.py", "bookshop.labels"), labels);
    check("backend", frame("", "/usr/src/app/bookshop/labels.py", ""), labels);
    check("backend", frame("", "/var/task/bookshop/labels.py", ""), labels);
    check("backend", frame("", "/srv/shop/releases/42/backend/bookshop/labels.py", ""), labels);
    check("/backend/", frame("bookshop/labels.py", "", ""), labels);
    check("", frame("bookshop/labels.py", "/app/bookshop/labels.py", ""), labels);
    check("", frame("backend/bookshop/labels.py", "", ""), labels);
    check("backend", frame("./bookshop/labels.py", "", ""), labels);
    check("backend", frame("bookshop\\labels.py", "C:\\inetpub\\shop\\bookshop\\labels.py", ""), labels);
    check("backend", frame("labels.py", "", ""), labels);
    check("backend", frame("labels.py", "", "bookshop.labels"), labels);
    // Bundles.
    let checkout = Some("web/src/checkout.ts");
    check("web", frame("./src/checkout.ts", "webpack:///./src/checkout.ts", ""), checkout);
    check("web", frame("", "webpack://_N_E/./src/checkout.ts?3f1a", ""), checkout);
    check("web/", frame("app:///src/checkout.ts", "", ""), checkout);
    check("", frame("", "https://shop.example/assets/../src/checkout.ts", ""), checkout);
    check(
        "web",
        frame("", "webpack-internal:///(rsc)/./src/pages/index.tsx", ""),
        Some("web/src/pages/index.tsx"),
    );
    // The file is there, but not in this project.
    check("web", frame("bookshop/labels.py", "", ""), None);
}

#[test]
fn the_longest_shared_end_wins_and_a_tie_is_not_guessed() {
    check("backend", frame("", "/app/bookshop/api/orders.py", ""), Some("backend/bookshop/api/orders.py"));
    check("backend", frame("", "/app/bookshop/orders.py", ""), Some("backend/bookshop/orders.py"));
    check("backend", frame("shared.py", "", ""), None);
    check("backend", frame("shared.py", "", "b.shared"), Some("backend/b/shared.py"));
    check("backend", frame("shared.py", "", "shop.a.shared"), Some("backend/a/shared.py"));
    check("backend", frame("shared.py", "", "c.shared"), None);
    check("backend", at(1, "beta_value = 2", frame("shared.py", "", "")), Some("backend/b/shared.py"));
    check("backend", at(1, "gamma_value = 3", frame("shared.py", "", "")), None);
    check("backend", frame("", "/app/main.py", ""), Some("backend/main.py"));
    check("backend", at(1, "import argparse", frame("", "/app/main.py", "")), Some("backend/tools/main.py"));
    check("backend", frame("", "/app/other/folder/orders.py", ""), None);
    check(
        "server",
        frame("Labels.java", "", "com.acme.mail.Labels$Inner"),
        Some("server/src/com/acme/mail/Labels.java"),
    );
    check(
        "server",
        frame("Labels.java", "", "com.acme.shop.LabelsKt"),
        Some("server/src/com/acme/shop/Labels.java"),
    );
    check(
        "go",
        frame("print.go", "", "github.com/acme/shop/internal/orders"),
        Some("go/internal/orders/print.go"),
    );
}

#[test]
fn a_bare_init_file_is_told_by_its_module() {
    check("backend", frame("__init__.py", "", "bookshop"), Some("backend/bookshop/__init__.py"));
    check("backend", frame("__init__.py", "", "bookshop.api"), Some("backend/bookshop/api/__init__.py"));
    check(
        "backend",
        frame("__init__.py", "/app/bookshop/__init__.py", ""),
        Some("backend/bookshop/__init__.py"),
    );
    check("backend", frame("__init__.py", "", ""), None);
    check("backend", frame("__init__.py", "", "elsewhere"), None);
}

#[test]
fn a_module_alone_finds_its_file() {
    check("backend", frame("", "", "bookshop.labels"), Some("backend/bookshop/labels.py"));
    check("backend", frame("", "", "bookshop.api"), Some("backend/bookshop/api/__init__.py"));
    check("backend", frame("labels.pyc", "", "bookshop.labels"), Some("backend/bookshop/labels.py"));
    check("backend", frame("", "", "main"), None);
    check("backend", frame("", "", "labels"), None);
    check("backend", frame("", "", "other.labels"), None);
}

#[test]
fn library_code_never_maps_even_to_a_namesake() {
    check(
        "backend",
        frame("json/decoder.py", "/usr/local/lib/python3.12/json/decoder.py", "json.decoder"),
        None,
    );
    check("backend", frame("", "/app/.venv/lib/python3.12/site-packages/bookshop/labels.py", ""), None);
    check("backend", frame("", "/app/node_modules/x/index.js", ""), None);
    check("backend", frame("x/index.js", "", ""), None);
    check("backend", frame("<frozen importlib._bootstrap>", "", "bookshop.labels"), None);
    check("backend", frame("<string>", "", ""), None);
    check("backend", frame("", "", ""), None);
    check("backend", frame("json/decoder.py", "/app/json/decoder.py", ""), Some("backend/json/decoder.py"));
}

#[test]
fn a_frame_is_verified_by_its_source_line_and_gets_the_line_of_today() {
    let source = "return [first, address.get('line2').strip()]";
    let run = |line, source: &str| {
        let frame = at(line, source, frame("bookshop/labels.py", "", ""));
        locate(&incident(vec![vec![frame]]), &shop(), &folder("backend")).remove(0)
    };
    let same = run(3, source);
    assert_eq!((same.line, same.verified), (Some(3), true));
    let moved = run(15, source);
    assert_eq!((moved.line, moved.verified), (Some(3), true));
    let far = run(40, source);
    assert_eq!((far.line, far.verified), (Some(40), false));
    let other = run(3, "return address_of(customer)");
    assert_eq!((other.line, other.verified), (Some(3), false));
}

#[test]
fn the_innermost_verified_application_frame_is_blamed() {
    let good = || at(3, "return [first, address.get('line2').strip()]", frame("bookshop/labels.py", "", ""));
    let order = || at(2, "return sum_of(order.lines)", frame("bookshop/orders.py", "", ""));
    let stale = || at(1, "this_line_is_gone()", frame("bookshop/api/orders.py", "", ""));
    let library = || Frame { in_app: false, ..at(1, "our_decoder()", frame("json/decoder.py", "", "")) };
    let blamed = |exceptions: Vec<Vec<Frame>>| {
        let incident = incident(exceptions);
        let located = locate(&incident, &shop(), &folder("backend"));
        culprit(&incident, &located).map(|found| (found.path.file_name().to_owned(), found.verified))
    };
    let named = |name: &str, verified| Some((name.to_owned(), verified));
    assert_eq!(blamed(vec![vec![order(), good(), library()]]), named("labels.py", true));
    assert_eq!(blamed(vec![vec![order(), stale()]]), named("orders.py", true));
    // The exception that surfaced has nothing verified: the nearest cause has.
    assert_eq!(blamed(vec![vec![order()], vec![good()], vec![stale()]]), named("labels.py", true));
    assert_eq!(blamed(vec![vec![stale()]]), named("orders.py", false));
    assert_eq!(blamed(vec![vec![library()]]), named("decoder.py", true));
    assert_eq!(blamed(vec![vec![]]), None);
}
