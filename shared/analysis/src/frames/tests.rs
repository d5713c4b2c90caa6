use super::*;
use crate::repo_path::FolderPath;
use autofix_domain::incident::Exception;

const LABELS: &str = "def address_lines(address):\n    first = address.get('line1')\n    return [first, address.get('line2').strip()]\n";

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    Snapshot::of(files.iter().copied())
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
    assert_eq!((same.line, same.is_verified()), (Some(3), true));
    let moved = run(15, source);
    assert_eq!((moved.line, moved.is_verified()), (Some(3), true));
    let far = run(40, source);
    assert_eq!((far.line, far.is_verified()), (Some(40), false));
    let other = run(3, "return address_of(customer)");
    assert_eq!((other.line, other.is_verified()), (Some(3), false));
}

#[test]
fn the_innermost_application_frame_is_blamed_and_no_caller_for_it() {
    let good = || at(3, "return [first, address.get('line2').strip()]", frame("bookshop/labels.py", "", ""));
    let order = || at(2, "return sum_of(order.lines)", frame("bookshop/orders.py", "", ""));
    let stale = || at(1, "this_line_is_gone()", frame("bookshop/api/orders.py", "", ""));
    let library = || Frame { in_app: false, ..at(1, "our_decoder()", frame("json/decoder.py", "", "")) };
    let blamed = |exceptions: Vec<Vec<Frame>>| {
        let incident = incident(exceptions);
        let located = locate(&incident, &shop(), &folder("backend"));
        culprit(&incident, &located).map(|found| (found.path.as_str().to_owned(), found.is_verified()))
    };
    let named = |path: &str, verified| Some((format!("backend/{path}"), verified));
    assert_eq!(blamed(vec![vec![order(), good(), library()]]), named("bookshop/labels.py", true));
    // The line that crashed is gone: its caller and its cause are still there, and not to blame.
    assert_eq!(blamed(vec![vec![order(), stale()]]), named("bookshop/api/orders.py", false));
    assert_eq!(blamed(vec![vec![good()], vec![stale()]]), named("bookshop/api/orders.py", false));
    // The exception that surfaced has no frame of the application: the nearest cause has.
    assert_eq!(blamed(vec![vec![order()], vec![good()], vec![library()]]), named("bookshop/labels.py", true));
    assert_eq!(blamed(vec![vec![library()]]), named("json/decoder.py", true));
    assert_eq!(blamed(vec![vec![]]), None);
}

#[test]
fn without_a_source_line_the_function_verifies_the_frame() {
    let matched = |line, function: &str| {
        let frame = Frame {
            line: Some(line),
            function: Some(function.to_owned()),
            ..frame("bookshop/labels.py", "", "bookshop.labels")
        };
        let found = locate(&incident(vec![vec![frame]]), &shop(), &folder("backend")).remove(0);
        (found.line, found.matched)
    };
    assert_eq!(matched(3, "address_lines"), (Some(3), Match::Function));
    assert_eq!(matched(3, "total"), (Some(3), Match::NoSource));
    assert_eq!(matched(30, "address_lines"), (Some(30), Match::NoSource));
}

#[test]
fn the_release_gives_a_frame_its_source_where_the_function_agrees() {
    let path = RepoPath::parse("bookshop/labels.py").expect("a good path");
    let with_source = |function: &str| {
        let mut frame = Frame { line: Some(3), function: Some(function.into()), ..Frame::default() };
        add_source(&mut frame, &path, LABELS);
        frame
    };
    let filled = with_source("address_lines");
    assert_eq!(filled.context_line.as_deref(), Some("    return [first, address.get('line2').strip()]"));
    assert_eq!((filled.pre_context.len(), filled.post_context.len()), (2, 0));
    assert_eq!(with_source("total").context_line, None);
}

#[test]
fn an_application_installed_as_a_package_is_found_by_path_or_module_and_its_line() {
    let source = "    return [first, address.get('line2').strip()]";
    let installed = |abs_path: &str, module: &str| at(3, source, frame("labels.py", abs_path, module));
    let labels = Some("backend/bookshop/labels.py");
    check("backend", installed("/usr/lib/python3.12/site-packages/bookshop/labels.py", ""), labels);
    check("backend", installed("/usr/lib/python3/dist-packages/bookshop/labels.py", ""), labels);
    check(
        "",
        installed("/app/.venv/lib/python3.12/site-packages/bookshop/labels.py", "bookshop.labels"),
        labels,
    );
    check("backend", installed("C:\\Python312\\Lib\\site-packages\\bookshop\\labels.py", ""), labels);
    // Another package with a file of that name, another line, and not "in app".
    check("backend", installed("/usr/lib/python3.12/site-packages/other/labels.py", "other.labels"), None);
    check(
        "backend",
        at(3, "x = 1", installed("/usr/lib/python3.12/site-packages/bookshop/labels.py", "")),
        None,
    );
    let library = installed("/usr/lib/python3.12/site-packages/bookshop/labels.py", "bookshop.labels");
    check("backend", Frame { in_app: false, ..library }, None);
    check(
        "backend",
        at(1, "our_decoder()", frame("", "/usr/lib/python3.12/json/decoder.py", "json.decoder")),
        None,
    );
}

#[test]
fn a_workspace_package_in_node_modules_is_found_by_its_manifest() {
    let code = snapshot(&[
        ("packages/labels/package.json", r#"{"name": "@acme/labels"}"#),
        ("packages/labels/src/print.ts", "export const all = lines.map(trim);\n"),
        ("packages/other/package.json", r#"{"name": "@acme/other"}"#),
        ("packages/other/src/print.ts", "export const all = lines.map(trim);\n"),
    ]);
    let found = |path: &str| {
        let frame = at(1, "export const all = lines.map(trim);", frame("", path, ""));
        let located = locate(&incident(vec![vec![frame]]), &code, &folder(""));
        located.first().map(|found| found.path.to_string())
    };
    let labels = Some("packages/labels/src/print.ts".to_owned());
    assert_eq!(found("/srv/node_modules/@acme/labels/src/print.ts"), labels);
    assert_eq!(found("/srv/node_modules/.pnpm/x@1/node_modules/@acme/labels/src/print.ts"), labels);
    assert_eq!(found("/srv/node_modules/@else/labels/src/print.ts"), None);
}

#[test]
fn own_frames_become_the_application_s() {
    let source = "    return [first, address.get('line2').strip()]";
    let own = at(3, source, frame("", "/usr/lib/python3.12/site-packages/bookshop/labels.py", ""));
    let called =
        at(2, "    return sum_of(order.lines)", frame("bookshop/orders.py", "/app/bookshop/orders.py", ""));
    let mut incident = incident(vec![vec![called, own]]);
    let located = locate(&incident, &shop(), &folder("backend"));
    mark_own(&mut incident, &located);
    assert_eq!(culprit(&incident, &located).map(|found| found.path.file_name()), Some("labels.py"));
    assert!(incident.culprit_frame().expect("a frame").frame.own);
}

#[test]
fn brackets_and_escapes_of_routers_and_bundlers_are_read() {
    let code = snapshot(&[
        ("apps/web/app/[slug]/page.tsx", "const first = props.books[0].title;\n"),
        ("apps/web/app/page.tsx", "const other = 1;\n"),
    ]);
    let page = Some("apps/web/app/[slug]/page.tsx".to_owned());
    for path in [
        "[project]/apps/web/app/[slug]/page.tsx",
        "[project]/apps/web/app/[slug]/page.tsx [app-rsc] (ecmascript)",
        "turbopack:///[project]/apps/web/app/[slug]/page.tsx",
        "apps/web/app/%5Bslug%5D/page.tsx",
        "webpack://_N_E/./app/[slug]/page.tsx?1f2e",
        "webpack-internal:///(rsc)/./app/%5Bslug%5D/page.tsx",
        "./app/[slug]/page.tsx?v=2",
        "[slug]/page.tsx",
    ] {
        let frame = at(1, "const first = props.books[0].title;", frame(path, path, ""));
        let located = locate(&incident(vec![vec![frame]]), &code, &folder("apps/web"));
        let found = located.first().map(|found| (found.path.to_string(), found.is_verified()));
        assert_eq!(found, page.clone().map(|page| (page, true)), "{path}");
    }
}

#[test]
fn what_stands_in_the_way_is_known_before_a_model_is_asked() {
    let reason = |frames: Vec<Frame>| {
        let incident = incident(vec![frames]);
        let code = shop();
        let located = locate(&incident, &code, &folder("backend"));
        obstacle(&incident, &located, &code, &folder("backend")).map(|reason| reason.to_string())
    };
    let order = || at(2, "return sum_of(order.lines)", frame("bookshop/orders.py", "", ""));
    assert_eq!(reason(vec![order()]), None);
    let stale = at(1, "this_line_is_gone()", frame("bookshop/api/orders.py", "", ""));
    assert_eq!(reason(vec![order(), stale]), None, "a model may still say what became of it");
    let removed = at(7, "x()", frame("bookshop/prices.py", "/app/bookshop/prices.py", "bookshop.prices"));
    let told = reason(vec![order(), removed]).expect("its file is gone");
    assert!(told.contains("`bookshop/prices.py:7`, which is not in the repository"), "{told}");
    let elsewhere = at(7, "x()", frame("stripe/prices.py", "/srv/stripe/prices.py", "stripe.prices"));
    assert_eq!(reason(vec![order(), elsewhere]), None, "another project's code was called wrongly");
    let nameless = Frame { line: Some(2), ..frame("bookshop/orders.py", "", "") };
    let told = reason(vec![nameless]).expect("nothing to compare");
    assert!(told.contains("no source line for `bookshop/orders.py:2`"), "{told}");
    assert!(told.ends_with("(frame_unverified)"), "{told}");
    assert!(reason(vec![]).expect("no frame").ends_with("(no_app_frame)"));
}
