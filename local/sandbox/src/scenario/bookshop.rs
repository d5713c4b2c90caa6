//! The bookshop's errors as an SDK reports them, with lines taken from the demo project's files.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Scenario;
use crate::demo_project;
use crate::sentry::{
    Breadcrumb, Project, Request, SandboxEvent, SandboxException, SandboxFrame, SourceLines,
};

pub(super) const LABELS: &str = "backend/bookshop/labels.py";
pub(super) const ORDERS: &str = "backend/bookshop/orders.py";
pub(super) const MAIN: &str = "backend/bookshop/main.py";
pub(super) const AUTH: &str = "backend/bookshop/auth.py";
pub(super) const RECEIPTS: &str = "backend/bookshop/receipts.py";
pub(super) const RETURNS: &str = "backend/bookshop/returns.py";

/// The project at Sentry that the bookshop reports to.
const PROJECT_ID: u64 = 4_500_000_000_000_001;
const PROJECT_SLUG: &str = "bookshop";
/// Where the bookshop's code lies in its container.
const INSTALLED_AT: &str = "/app";
/// Lines of source that Sentry's SDK sends before and after the line of a frame.
const SOURCE_LINES: usize = 5;

/// The text of a file of the demo project.
pub(super) fn text(path: &str) -> &'static str {
    let found = demo_project::files().into_iter().find(|(known, _)| *known == path);
    let (_, bytes) = found.expect("the scenarios' tests find each file in the demo project");
    std::str::from_utf8(bytes).expect("the demo project's Python files are UTF-8")
}

/// A line of the demo project.
#[derive(Clone, Debug)]
pub(super) struct CodeLine {
    path: &'static str,
    /// Counted from 1.
    pub(super) number: u32,
    line: &'static str,
}

impl CodeLine {
    /// The first line of the file that contains `part`.
    pub(super) fn of(path: &'static str, part: &str) -> CodeLine {
        let numbered = (1..).zip(text(path).lines());
        let found = numbered.into_iter().find(|(_, line)| line.contains(part));
        let (number, line) = found.expect("the scenarios' tests find each line in the demo project");
        CodeLine { path, number, line }
    }

    /// The line as evidence of an analysis.
    pub(super) fn as_evidence(&self) -> Value {
        json!({"file": self.path, "line": self.number, "quote": self.line.trim()})
    }

    /// A frame of a stack trace at this line.
    fn frame(&self, function: &str, vars: Value) -> SandboxFrame {
        let lines: Vec<String> = text(self.path).lines().map(ToOwned::to_owned).collect();
        let index = usize::try_from(self.number).unwrap_or_default().saturating_sub(1);
        let filename = self.path.strip_prefix("backend/").unwrap_or(self.path);
        SandboxFrame {
            filename: filename.to_owned(),
            abs_path: format!("{INSTALLED_AT}/{filename}"),
            module: filename.trim_end_matches(".py").replace('/', "."),
            function: function.to_owned(),
            line: self.number,
            in_app: true,
            source: Some(SourceLines {
                before: lines[index.saturating_sub(SOURCE_LINES)..index].to_vec(),
                at: lines[index].clone(),
                after: lines.iter().skip(index + 1).take(SOURCE_LINES).cloned().collect(),
            }),
            vars: object(vars),
        }
    }
}

/// `AttributeError` in `address_lines`: an order without a second address line.
pub(super) fn label_event(at: Timestamp) -> SandboxEvent {
    // As the SDK sends them: the `repr` of each value.
    let address = json!({
        "name": "'Grace Example'", "line1": "'Sample Street 5'", "line2": "None", "postcode": "'10115'",
        "city": "'Berlin'", "country": "'DE'",
    });
    let frames = vec![
        library_frame("starlette/concurrency.py", "run_in_threadpool", 38),
        CodeLine::of(MAIN, "return orders.label_for(order)").frame("order_label", json!({"number": "1001"})),
        CodeLine::of(ORDERS, "return render_label(parcel)")
            .frame("label_for", json!({"order": "<Order 1001>"})),
        CodeLine::of(LABELS, "for line in address_lines(parcel.address)").frame("render_label", json!({})),
        CodeLine::of(LABELS, super::FAULTY).frame(
            "address_lines",
            json!({"address": address, "name": "'Grace Example'", "street": "'Sample Street 5'"}),
        ),
    ];
    let event = missing_line_event(at, Scenario::Fix, "orders/1001/label", frames);
    SandboxEvent {
        event_id: "b00c5409fa1141a5e1abe15000000001".to_owned(), // as in the samples of `events/`
        breadcrumbs: vec![
            breadcrumb(at - SignedDuration::from_secs(2), "POST /orders 201"),
            breadcrumb(at, "GET /orders/1001/label"),
        ],
        ..event
    }
}

/// `KeyError` in `current_user`: a token that is signed rightly and names nobody.
pub(super) fn token_event(at: Timestamp) -> SandboxEvent {
    let frames = vec![
        library_frame("fastapi/dependencies/utils.py", "solve_dependencies", 643),
        CodeLine::of(MAIN, "return auth.current_user(authorization, SETTINGS.token_key)")
            .frame("signed_in", json!({"authorization": "'[Filtered]'"})),
        CodeLine::of(AUTH, r#"return User(name=claims["sub"]"#).frame(
            "current_user",
            json!({
                "scheme": "'Bearer'", "token": "'[Filtered]'", "claims": {"exp": "1795400000",
                "roles": "['warehouse']"},
            }),
        ),
    ];
    let event = bookshop_event(at, Scenario::Security, "orders", exception("KeyError", "'sub'", frames));
    SandboxEvent { event_id: "b00c5409fa1141a5e1abe15000000002".to_owned(), ..event }
}

/// `AttributeError` in `customer_lines`: a receipt of an order without a second address line.
pub(super) fn receipt_event(at: Timestamp) -> SandboxEvent {
    let frames = vec![
        CodeLine::of(MAIN, "return receipts.receipt_for(").frame("order_receipt", json!({"number": "1002"})),
        CodeLine::of(RECEIPTS, "*customer_lines(address)").frame("receipt_for", json!({"number": "1002"})),
        CodeLine::of(RECEIPTS, "floor = address").frame(
            "customer_lines",
            json!({"name": "'Alan Example'", "address": {"line2": "None", "city": "'Berlin'"}}),
        ),
    ];
    missing_line_event(at, Scenario::Storm, "orders/1002/receipt", frames)
}

/// `AttributeError` in `sender_lines`: a return slip of an order without a second address line.
pub(super) fn return_event(at: Timestamp) -> SandboxEvent {
    let frames = vec![
        CodeLine::of(MAIN, "return returns.slip_for(").frame("return_slip", json!({"number": "1003"})),
        CodeLine::of(RETURNS, "*sender_lines(address)").frame("slip_for", json!({"number": "1003"})),
        CodeLine::of(RETURNS, "entrance = address").frame(
            "sender_lines",
            json!({"sender": "'Mary Example'", "address": {"line2": "None", "city": "'Berlin'"}}),
        ),
    ];
    missing_line_event(at, Scenario::Regression, "orders/1003/return", frames)
}

/// A page about an order whose address has no second line.
fn missing_line_event(
    at: Timestamp,
    scenario: Scenario,
    page: &str,
    frames: Vec<SandboxFrame>,
) -> SandboxEvent {
    let value = "'NoneType' object has no attribute 'strip'";
    bookshop_event(at, scenario, page, exception("AttributeError", value, frames))
}

/// What a request for a page of the bookshop ended with.
fn bookshop_event(
    at: Timestamp,
    scenario: Scenario,
    page: &str,
    exception: SandboxException,
) -> SandboxEvent {
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let number = page.split('/').find(is_number);
    SandboxEvent {
        event_id: format!("b00c5409fa1141a5e1abe1{}", scenario.issue_id()),
        issue_id: scenario.issue_id().to_owned(),
        project: Project { id: PROJECT_ID, slug: PROJECT_SLUG.to_owned() },
        at,
        environment: "production".to_owned(),
        release: Some("bookshop@1.4.2".to_owned()),
        platform: "python".to_owned(),
        transaction: format!(
            "/{}",
            number.map_or(page.to_owned(), |number| page.replace(number, "{number}"))
        ),
        request: Some(request("GET", &format!("https://bookshop.example/{page}"))),
        user: Some("4711".to_owned()),
        exceptions: vec![exception],
        breadcrumbs: vec![breadcrumb(at, &format!("GET /{page}"))],
    }
}

fn exception(error_type: &str, value: &str, frames: Vec<SandboxFrame>) -> SandboxException {
    SandboxException { error_type: error_type.to_owned(), value: value.to_owned(), module: None, frames }
}

/// A frame of a library, of which Sentry has no source.
fn library_frame(path: &str, function: &str, line: u32) -> SandboxFrame {
    let site_packages = "/usr/local/lib/python3.12/site-packages";
    SandboxFrame {
        filename: path.to_owned(),
        abs_path: format!("{site_packages}/{path}"),
        module: path.trim_end_matches(".py").replace('/', "."),
        function: function.to_owned(),
        line,
        in_app: false,
        source: None,
        vars: Map::new(),
    }
}

fn request(method: &str, url: &str) -> Request {
    let headers = [("Accept", "*/*"), ("Authorization", "[Filtered]"), ("User-Agent", "bookshop-web/1.4")];
    Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

fn breadcrumb(at: Timestamp, message: &str) -> Breadcrumb {
    let category = "httplib".to_owned();
    Breadcrumb { at, category, level: "info".to_owned(), message: message.to_owned() }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
