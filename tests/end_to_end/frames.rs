//! Stack traces as SDKs of other languages and deployments send them: which code is blamed, and what a card says if
//! there is none.

use serde_json::{Value, json};

use crate::bookshop::LABELS;
use crate::world::{Scenario, World};

/// Reports the label event after a change of its exceptions, the last of which is the crash; gives the attempt's id.
async fn report(world: &World, change: impl FnOnce(&mut Value)) -> String {
    world.sandbox.sentry.throw(&Scenario::Fix.event(world.clock.now()));
    let id = world.deliver("event_alert", &world.alert_body(change)).await.attempt_id();
    world.settle().await;
    id
}

fn frames(event: &mut Value) -> &mut Vec<Value> {
    event["exception"]["values"].as_array_mut().unwrap().last_mut().unwrap()["stacktrace"]["frames"]
        .as_array_mut()
        .unwrap()
}

/// The event with one frame alone.
fn only(frame: Value) -> impl FnOnce(&mut Value) {
    move |event| *frames(event) = vec![frame]
}

/// The status, the first reason's code and the card.
async fn outcome(world: &World, id: &str) -> (String, String, String) {
    let attempt = world.attempt(id).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&attempt["status"]), text(&attempt["reason"]["code"]), world.shown_card())
}

const JAVA: &str = "package com.acme.shop;\n\nclass Labels {\n    String lines(Address address) {\n        return address.line2().strip();\n    }\n\n    int size() { return 3; }\n}\n";

fn java_frame(line: u32) -> Value {
    json!({
        "filename": "Labels.java", "abs_path": "Labels.java", "module": "com.acme.shop.Labels", "function": "lines",
        "lineno": line, "in_app": true,
    })
}

#[tokio::test]
async fn a_java_event_without_source_lines_is_placed_by_its_function_or_costs_nothing() {
    let with_java = async || {
        let world = World::new().await;
        let path = "backend/src/main/java/com/acme/shop/Labels.java";
        world.push("main", path, JAVA, "Labels");
        world
    };
    let world = with_java().await;
    let id = report(&world, only(java_frame(5))).await;
    assert!(world.sandbox.claude.turns_answered() > 0, "line 5 is in `lines`");
    assert_ne!(outcome(&world, &id).await.1, "frame_unverified");

    let world = with_java().await;
    let id = report(&world, only(java_frame(8))).await;
    let (status, code, card) = outcome(&world, &id).await;
    assert_eq!((status.as_str(), code.as_str()), ("skipped", "frame_unverified"));
    assert!(card.contains("no source line for `Labels.java:8`"), "{card}");
    assert!(card.contains("https://docs.sentry.io/platforms/java/source-context/"), "{card}");
    assert_eq!(world.sandbox.claude.turns_answered(), 0, "nothing is paid for what code can tell");
}

#[tokio::test]
async fn the_release_tells_the_line_that_an_event_without_source_crashed_in() {
    for (change, expected) in [
        // The code has moved since: the line is found where it is now.
        (("import", "# Labels for parcels.\n\n\nimport"), "awaiting_approval"),
        (("address.get(\"line2\", \"\").strip()", "second_line(address)"), "skipped"),
    ] {
        let world = World::new().await;
        let released = world.main();
        world.edit(LABELS, "Change", |text| text.replacen(change.0, change.1, 1));
        let id = report(&world, |event| {
            event["release"] = json!(format!("bookshop@{released}"));
            for frame in frames(event) {
                for field in ["pre_context", "context_line", "post_context"] {
                    frame.as_object_mut().unwrap().remove(field);
                }
            }
        })
        .await;
        let (status, code, card) = outcome(&world, &id).await;
        assert_eq!(status, expected, "{card}");
        if status == "skipped" {
            assert_eq!((code.as_str(), world.sandbox.claude.turns_answered()), ("already_fixed", 0));
        }
    }
}

#[tokio::test]
async fn an_application_that_is_installed_as_a_package_is_repaired() {
    let world = World::new().await;
    let id = report(&world, |event| {
        for frame in frames(event).iter_mut().filter(|frame| frame["in_app"] == true) {
            let path =
                format!("/usr/local/lib/python3.12/site-packages/{}", frame["filename"].as_str().unwrap());
            frame["abs_path"] = json!(path);
        }
    })
    .await;
    let (status, _, card) = outcome(&world, &id).await;
    assert_eq!(status, "awaiting_approval", "{card}");
    assert!(card.contains("bookshop/labels.py"), "{card}");
}

#[tokio::test]
async fn what_failed_in_an_exception_group_is_shown_and_repaired() {
    let world = World::new().await;
    let id = report(&world, |event| {
        event["title"] = json!("ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)");
        let values = event["exception"]["values"].as_array_mut().unwrap();
        values[0]["mechanism"] = json!({"type": "chained", "exception_id": 1, "parent_id": 0, "source": "exceptions[0]"});
        values.push(json!({
            "type": "ExceptionGroup", "value": "unhandled errors in a TaskGroup (1 sub-exception)",
            "mechanism": {"type": "starlette", "exception_id": 0, "is_exception_group": true},
            "stacktrace": {"frames": [{
                "filename": "bookshop/main.py", "abs_path": "/app/bookshop/main.py", "function": "place_order",
                "lineno": 51, "in_app": true, "context_line": "    return ORDERS.add(new, customer=user.name)",
            }]},
        }));
    })
    .await;
    let (status, _, card) = outcome(&world, &id).await;
    assert_eq!(status, "awaiting_approval", "{card}");
    assert!(card.contains("AttributeError") && !card.contains("ExceptionGroup"), "{card}");
    assert!(card.contains("bookshop/labels.py") && !card.contains("main.py"), "{card}");
}

#[tokio::test]
async fn a_card_says_what_is_missing_for_a_stack_trace_that_cannot_be_used() {
    for (frame, code, said) in [
        (
            json!({
                "filename": "/assets/index-Bx91kQ.js", "abs_path": "https://shop.example/assets/index-Bx91kQ.js",
                "function": "e", "lineno": 2, "in_app": true,
            }),
            "no_app_frame",
            "https://docs.sentry.io/platforms/javascript/sourcemaps/",
        ),
        (
            json!({
                "filename": "stripe/api.py", "abs_path": "/usr/lib/python3.12/site-packages/stripe/api.py",
                "function": "pay", "lineno": 2, "in_app": true, "context_line": "    raise PaymentError(code)",
            }),
            "no_app_frame",
            "among installed packages, such as `/usr/lib/python3.12/site-packages/stripe/api.py:2`",
        ),
        (
            json!({
                "filename": "bookshop/prices.py", "abs_path": "/app/bookshop/prices.py", "function": "total",
                "lineno": 9, "in_app": true, "context_line": "    return price.total",
            }),
            "frame_unverified",
            "`bookshop/prices.py:9`, which is not in the repository",
        ),
    ] {
        let world = World::new().await;
        let deeper = frame.clone();
        let id = report(&world, |event| match code {
            "frame_unverified" => frames(event).push(deeper),
            _ => *frames(event) = vec![deeper],
        })
        .await;
        let (status, found, card) = outcome(&world, &id).await;
        assert_eq!((status.as_str(), found.as_str()), ("skipped", code), "{frame}");
        assert!(card.contains(said), "{said}: {card}");
        assert_eq!(world.sandbox.claude.turns_answered(), 0, "{frame}");
    }
}

#[tokio::test]
async fn a_card_names_the_file_of_the_innermost_frame_that_has_one() {
    let world = World::new().await;
    report(&world, |event| {
        *frames(event) = vec![
            json!({
                "filename": "lib/shop_web/home_controller.ex", "function": "ShopWeb.HomeController.index/2", "lineno": 7,
                "in_app": false,
            }),
            json!({"module": "Elixir.Shop.Missing", "function": "Shop.Missing.run/0", "in_app": false}),
        ];
    })
    .await;
    let card = world.shown_card();
    assert!(card.contains("`lib/shop_web/home_controller.ex:7`"), "{card}");
}
