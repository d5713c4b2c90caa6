//! Bodies and texts of the sizes that production sends, made up.

use serde_json::{Value, json};

/// The sample event of the repository, about 6 KB.
pub fn sample() -> Vec<u8> {
    let event: Value = serde_json::from_str(include_str!("../../../events/sentry-event-alert.json"))
        .expect("the sample is JSON");
    event["body"].as_str().expect("a body").as_bytes().to_vec()
}

/// An alert of about `bytes`: a third of it frames with their variables, a third breadcrumbs, a third what SDKs add
/// and AutoFix does not read.
pub fn event_alert(bytes: usize) -> Vec<u8> {
    let third = bytes / 3;
    let frames = fill(third, frame);
    let breadcrumbs = fill(third, breadcrumb);
    let modules = fill(third, |number| json!([format!("package-{number}"), format!("1.{number}.0")]));
    let body = json!({
        "action": "triggered",
        "actor": { "id": "sentry", "name": "Sentry", "type": "application" },
        "data": {
            "event": {
                "event_id": "b00c5409fa1141a5e1abe15000000001",
                "issue_id": "5100000001",
                "issue_url": "https://sentry.io/api/0/organizations/acme/issues/5100000001/",
                "url": "https://sentry.io/api/0/projects/acme/bookshop/events/b00c5409fa1141a5e1abe15000000001/",
                "web_url": "https://acme.sentry.io/issues/5100000001/events/b00c5409fa1141a5e1abe15000000001/",
                "title": "KeyError: 'basket'",
                "level": "error",
                "platform": "python",
                "tags": [["environment", "production"], ["release", "bookshop@1.4.2"]],
                "breadcrumbs": { "values": breadcrumbs },
                "exception": { "values": [
                    { "type": "KeyError", "value": "'basket'", "stacktrace": { "frames": frames } }
                ] },
                "modules": modules,
            },
            "triggered_rule": "Send a notification for high priority issues",
        },
        "installation": { "uuid": "a8e5d37a-696c-4c54-adb5-b3f28d64c7de" },
    });
    body.to_string().into_bytes()
}

fn fill(bytes: usize, make: impl Fn(usize) -> Value) -> Vec<Value> {
    let mut values = Vec::new();
    let mut written = 0;
    while written < bytes {
        let value = make(values.len());
        written += value.to_string().len() + 1;
        values.push(value);
    }
    values
}

fn frame(number: usize) -> Value {
    let line =
        |offset: usize| format!("    total_{offset} = basket[\"line {number}\"].price * count + {offset}");
    json!({
        "filename": format!("shop/orders_{number}.py"),
        "abs_path": format!("/app/shop/orders_{number}.py"),
        "module": format!("shop.orders_{number}"),
        "function": "total_of",
        "lineno": 40 + number,
        "in_app": number.is_multiple_of(2),
        "colno": null, "package": null, "symbol": null, "trust": null, "raw_function": null,
        "pre_context": (0..5).map(line).collect::<Vec<_>>(),
        "context_line": line(5),
        "post_context": (6..11).map(line).collect::<Vec<_>>(),
        "vars": {
            "basket": format!("<Basket of 4711 with {number} lines, \"a gift\" among them, für Ann>"),
            "count": number.to_string(),
            "lines": (0..8).map(|at| format!("'line {at}'")).collect::<Vec<_>>(),
            "self": "<shop.orders.Orders object at 0x7f3a5c0d2b50>",
        },
    })
}

fn breadcrumb(number: usize) -> Value {
    json!({
        "timestamp": 1_795_341_598.25 + number as f64,
        "type": "default", "category": "query", "level": "info",
        "message": format!("SELECT orders.id, orders.total FROM orders WHERE orders.basket = {number}\nLIMIT 21"),
        "data": { "db.system": "postgresql", "rows": number },
    })
}

/// Lines of a traceback; every other one holds something that is redacted.
pub fn traceback(bytes: usize) -> String {
    let kinds = [
        "KeyError: 'sub'",
        "user ann@example.com failed",
        "password=hunter2hunter2",
        "GET /orders/4711 200 OK",
    ];
    let mut text = String::new();
    let mut number = 0;
    while text.len() < bytes {
        let kind = kinds[number % kinds.len()];
        text.push_str(&format!(
            "  File \"/app/shop/orders_{number}.py\", line {number}, in pay\n    {kind}\n"
        ));
        number += 1;
    }
    text
}
