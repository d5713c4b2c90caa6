use serde_json::{Value, json};

use super::*;
use crate::incident::{MAX_FRAMES, MAX_VARIABLES, Release};
use crate::sentry::webhook::{Webhook, read};

/// The incident of an `error.created` webhook with these event fields beside the identity.
#[track_caller]
fn incident(fields: &str) -> Incident {
    let body =
        format!(r#"{{"action":"created","data":{{"error":{{"issue_id":"118","project":1,{fields}}}}}}}"#);
    match read("error", body.as_bytes()) {
        Ok(Webhook::Report(report)) => report.incident,
        other => panic!("no report but {other:?}"),
    }
}

fn known() -> Incident {
    Incident {
        organization: Some("acme".into()),
        project: "bookshop".into(),
        issue_id: "118".into(),
        title: "known title".into(),
        web_url: Some("https://acme.sentry.io/issues/118/".into()),
        user_count: Some(3),
        ..Incident::default()
    }
}

#[track_caller]
fn rest(body: &str) -> Incident {
    read_rest_event(body.as_bytes(), &known()).expect("an event")
}

const CHAIN: &str = r#""event_id":"BB78C140-7CEA-4519-AA39-7AFC059C793D","platform":"python","level":"error",
    "title":"OrderError: no label","culprit":"bookshop.api in get_label","environment":"production",
    "release":"bookshop@1.4.0+4f2d9ab","transaction":"/orders/{id}/label",
    "request":{"method":"GET","url":"https://shop.example.com/orders/17/label?token=x#y","headers":[["Cookie","a=b"]]},
    "breadcrumbs":{"values":[{"category":"query","message":"SELECT 1"},{"type":"http","data":{"url":"/x","status_code":500}},{"category":"ui"}]},
    "exception":{"values":[
      {"type":"AttributeError","value":"'NoneType' object has no attribute 'strip'","module":null,"mechanism":{"handled":true},
       "stacktrace":{"frames":[
         {"filename":"bookshop/labels.py","abs_path":"/app/bookshop/labels.py","module":"bookshop.labels","function":"address_lines",
          "lineno":41,"in_app":true,"pre_context":["def address_lines(address):","\tlines = []"],
          "context_line":"    line2 = address.get(\"line2\").strip()","post_context":["    return lines"],
          "vars":{"address":{"line1":"1 Main St","line2":null},"n":3,"s":"'x'"}}]}},
      {"type":"OrderError","value":"no\u001b[31m label\u202e","module":"bookshop.errors","mechanism":{"handled":false},
       "stacktrace":{"frames":[
         {"filename":"fastapi/routing.py","abs_path":"/usr/lib/python3.12/site-packages/fastapi/routing.py","function":"run_endpoint_function","lineno":301,"in_app":null},
         {"filename":"bookshop/api.py","function":"get_label","lineno":12}]}}]}"#;

#[test]
fn a_webhook_event_is_read_with_its_whole_chain() {
    let incident = incident(CHAIN);
    let kinds: Vec<&str> = incident.exceptions.iter().map(|exception| exception.kind.as_str()).collect();
    assert_eq!(kinds, ["AttributeError", "OrderError"]);
    assert_eq!(incident.exceptions[1].message, "no label");
    assert_eq!((incident.exceptions[0].handled, incident.exceptions[1].handled), (Some(true), Some(false)));
    let cause = &incident.exceptions[0].frames[0];
    assert_eq!(
        (cause.filename.as_deref(), cause.line, cause.function.as_deref()),
        (Some("bookshop/labels.py"), Some(41), Some("address_lines"))
    );
    assert_eq!(cause.abs_path.as_deref(), Some("/app/bookshop/labels.py"));
    assert_eq!(cause.pre_context, ["def address_lines(address):", "\tlines = []"]);
    assert_eq!(cause.context_line.as_deref(), Some("    line2 = address.get(\"line2\").strip()"));
    let variables: Vec<_> =
        cause.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        variables,
        [("address", r#"{"line1": "1 Main St", "line2": None}"#), ("n", "3"), ("s", "'x'")]
    );
    let surfaced = &incident.exceptions[1].frames;
    assert_eq!((surfaced[0].in_app, surfaced[1].in_app), (false, true), "guessed from the paths");
    assert_eq!(incident.event_id.as_deref(), Some("bb78c1407cea4519aa397afc059c793d"));
    assert_eq!(
        incident.release,
        Some(Release { version: "bookshop@1.4.0+4f2d9ab".into(), commit: Some("4f2d9ab".into()) })
    );
    assert_eq!(
        (incident.transaction.as_deref(), incident.environment.as_deref()),
        (Some("/orders/{id}/label"), Some("production"))
    );
    let request = incident.request.expect("a request");
    assert_eq!(request.url.as_deref(), Some("https://shop.example.com/orders/17/label"));
    let crumbs: Vec<_> =
        incident.breadcrumbs.iter().map(|c| (c.category.as_deref(), c.message.as_str())).collect();
    assert_eq!(crumbs, [(Some("query"), "SELECT 1"), (Some("http"), r#"{"url":"/x","status_code":500}"#)]);
}

#[test]
fn a_rest_event_gives_the_same_incident_in_the_other_dialect() {
    let incident = rest(
        r#"{"eventID":"7ca573c0f4814912aaa9bdc77d1a7d51","groupID":"999","projectID":"45","title":"KeyError: 'sub'","message":"",
        "culprit":"current_user","platform":"python","tags":[{"key":"environment","value":"staging"},{"key":"level","value":"error"},{"key":"url","value":"https://x/y?z"}],
        "release":{"version":"v7","ref":"main","lastCommit":{"id":"b65bc521378269d3eaefdc964f8ef56621414943"}},
        "entries":[{"type":"request","data":{"method":"POST","url":"https://x/login"}},
         {"type":"breadcrumbs","data":{"values":[{"category":"auth","message":"login","level":"info"}]}},
         {"type":"spans","data":[1,2]},
         {"type":"exception","data":{"values":[{"type":"KeyError","value":"'sub'","stacktrace":{"frames":[
          {"filename":"bookshop/auth.py","absPath":"/app/bookshop/auth.py","function":"current_user","lineNo":9,"inApp":true,
           "context":[[7,"def current_user():"],[8,"    claims = read()"],[9,"    return claims['sub']"],[10,""]],"vars":{"claims":"{}"}}]}}]}}]}"#,
    );
    assert_eq!((incident.issue_id.as_str(), incident.project.as_str()), ("118", "bookshop"), "as claimed");
    assert_eq!((incident.title.as_str(), incident.user_count), ("KeyError: 'sub'", Some(3)));
    assert_eq!(incident.web_url.as_deref(), Some("https://acme.sentry.io/issues/118/"));
    assert_eq!(
        (incident.environment.as_deref(), incident.level.as_deref()),
        (Some("staging"), Some("error"))
    );
    assert_eq!(incident.transaction.as_deref(), Some("https://x/y"));
    assert_eq!(
        incident.release.and_then(|release| release.commit).as_deref(),
        Some("b65bc521378269d3eaefdc964f8ef56621414943")
    );
    let frame = &incident.exceptions[0].frames[0];
    assert_eq!(
        (frame.line, frame.in_app, frame.abs_path.as_deref()),
        (Some(9), true, Some("/app/bookshop/auth.py"))
    );
    assert_eq!(frame.context_line.as_deref(), Some("    return claims['sub']"));
    assert_eq!((frame.pre_context.len(), frame.post_context.len()), (2, 1));
    assert_eq!(incident.breadcrumbs[0].message, "login");
}

#[test]
fn what_a_rest_event_lacks_comes_from_what_was_known() {
    let incident = rest(r#"{"entries":[]}"#);
    assert_eq!(incident, known());
    let unknown = Incident::default();
    let named =
        read_rest_event(br#"{"groupID":"7","projectID":"45","entries":[]}"#, &unknown).expect("an event");
    assert_eq!((named.issue_id.as_str(), named.project.as_str()), ("7", "45"));
    for bad in [r#"{"detail":"not found"}"#, "[]", "null", r#"{"entries":{}}"#] {
        assert!(
            matches!(read_rest_event(bad.as_bytes(), &known()), Err(WebhookError::Shape { .. })),
            "{bad}"
        );
    }
    assert!(read_rest_event(br#"{"entries":[]}"#, &unknown).is_err(), "no issue to tell it by");
    assert_eq!(read_rest_event(b"<html>", &known()), Err(WebhookError::NotJson));
}

#[test]
fn a_wrong_type_costs_its_field_and_nothing_else() {
    let incident = incident(
        r#""release":[1],"environment":{},"level":7,"title":{"a":1},"tags":{"a":"b"},"request":"GET","breadcrumbs":[1],
        "transaction":null,"threads":5,"metadata":[],"culprit":1e999,"event_id":12,"user":[[[]]],
        "exception":{"values":[null,7,"x",{"type":["E"],"value":{"code":5},"mechanism":1,"stacktrace":{"frames":[
          {"filename":"a.py","function":"f","lineno":"12","in_app":"yes","vars":["x"],"pre_context":"p","post_context":[1,null]},
          {"filename":"b.py","lineno":"twelve"},{"filename":"c.py","lineno":1e999,"colno":-1},{"filename":"d.py","lineno":99999999999},{},null]}},
          {"type":"Last","value":null,"stacktrace":null}]}"#,
    );
    let lines: Vec<_> = incident.exceptions[0].frames.iter().map(|frame| frame.line).collect();
    assert_eq!(lines, [Some(12), None, None, None]);
    assert_eq!(incident.exceptions[0].message, r#"{"code":5}"#);
    assert_eq!(incident.exceptions[1].kind, "Last");
    assert_eq!((incident.culprit.as_deref(), incident.level.as_deref()), (Some("1e999"), Some("7")));
    assert_eq!((incident.event_id, incident.release, incident.request), (None, None, None));
}

#[test]
fn a_huge_event_is_cut_to_its_bounds() {
    let frame = |n: usize| {
        format!(r#"{{"filename":"f{n}.py","function":"{}","vars":{{{}}}}}"#, "x".repeat(5_000), vars())
    };
    fn vars() -> String {
        (0..200).map(|n| format!(r#""v{n}":"{}""#, "y".repeat(1_000))).collect::<Vec<_>>().join(",")
    }
    let frames: Vec<String> = (0..40).map(frame).collect();
    let fields = format!(
        r#""title":"{}","exception":{{"values":[{{"type":"E","value":"v","stacktrace":{{"frames":[{}]}}}}]}}"#,
        "é".repeat(50_000),
        frames.join(",")
    );
    let incident = incident(&fields);
    let kept = &incident.exceptions[0].frames;
    assert_eq!((kept.len(), kept[15].filename.as_deref()), (MAX_FRAMES, Some("f39.py")));
    assert_eq!(kept[0].function.as_ref().map(|name| name.chars().count()), Some(MAX_NAME_CHARS));
    assert!(kept[0].variables.len() <= MAX_VARIABLES);
    assert_eq!(incident.title.chars().count(), MAX_MESSAGE_CHARS);
    assert!(serde_json::to_vec(&incident).expect("JSON").len() < 250_000);
}

const E: &str = "000000000000000000000001e2cc3615";

#[test]
fn what_is_no_event_is_not_read_as_one() {
    for json in [r#"{"a":1}"#, "[]", "7", r#"{"message":"hello"}"#, r#"{"entries":[]}"#] {
        assert!(matches!(read_event(json.as_bytes()), Err(WebhookError::Shape { .. })), "{json}");
    }
    assert_eq!(read_event(b"{"), Err(WebhookError::NotJson));
    let logged = format!(r#"{{"event_id":"{E}","logentry":{{"message":"out of stock"}}}}"#);
    let logged = read_event(logged.as_bytes()).expect("a message is an event");
    assert_eq!((logged.title.as_str(), logged.has_stack_trace()), ("out of stock", false));
}

/// Member `line` of the group `E`, as Python's SDK sends it.
fn member(id: u32, kind: &str, line: u32) -> String {
    format!(
        r#"{{"type":"{kind}","value":"'weight'","mechanism":{{"exception_id":{id},"parent_id":0,"source":"exceptions[{id}]"}},
        "stacktrace":{{"frames":[{{"filename":"shop/orders.py","lineno":{line},"in_app":true}}]}}}}"#
    )
}

#[test]
fn a_group_is_read_by_what_failed_in_it() {
    let group = r#"{"type":"ExceptionGroup","value":"unhandled errors in a TaskGroup",
        "mechanism":{"exception_id":0,"is_exception_group":true},
        "stacktrace":{"frames":[{"filename":"shop/main.py","lineno":51,"in_app":true}]}}"#;
    let check = |members: &[String], title: &str, error: (&str, &str)| {
        let fields = format!(
            r#""title":"ExceptionGroup: unhandled errors in a TaskGroup","exception":{{"values":[{},{group}]}}"#,
            members.join(",")
        );
        let read = incident(&fields);
        assert_eq!(read.title, title);
        assert_eq!(read.error(), Some((error.0.to_owned(), error.1.to_owned())));
        let culprit = read.culprit_frame().expect("a frame");
        assert_eq!(
            (culprit.frame.filename.as_deref(), culprit.frame.line),
            (Some("shop/orders.py"), Some(60))
        );
    };
    check(&[member(1, "KeyError", 60)], "KeyError: 'weight'", ("KeyError", "'weight'"));
    check(
        &[member(2, "KeyError", 60), member(1, "KeyError", 60)],
        "KeyError: 'weight'",
        ("KeyError", "'weight'"),
    );
    let both = "several errors: KeyError: 'weight'; TypeError: 'weight'";
    check(
        &[member(2, "TypeError", 70), member(1, "KeyError", 60)],
        &format!("ExceptionGroup: {both}"),
        ("ExceptionGroup", both),
    );
    // Of very many, the group and the first ones are kept.
    let many: Vec<String> = (1..=20).rev().map(|id| member(id, &format!("Error{id}"), 59 + id)).collect();
    let fields = format!(r#""exception":{{"values":[{},{group}]}}"#, many.join(","));
    let read = incident(&fields);
    assert!(
        read.title.starts_with("ExceptionGroup: several errors: Error1: 'weight'; Error2: "),
        "{}",
        read.title
    );
}

#[test]
fn the_problems_that_sentry_had_are_kept_once_each() {
    let errors = r#"[{"type":"js_no_source","url":"a"},{"type":"js_no_source","url":"b"},{"type":"js_invalid_source"},7]"#;
    let expected = ["js_no_source", "js_invalid_source"];
    assert_eq!(incident(&format!(r#""errors":{errors}"#)).problems, expected);
    assert_eq!(rest(&format!(r#"{{"entries":[],"errors":{errors}}}"#)).problems, expected);
}

/// The source line of a webhook's only frame with these fields.
fn source_of(frame: &str) -> Option<String> {
    let stack = format!(r#"{{"frames":[{{"lineno":7,"in_app":true,{frame}}}]}}"#);
    let fields = format!(r#""exception":{{"values":[{{"type":"E","stacktrace":{stack}}}]}}"#);
    incident(&fields).exceptions[0].frames[0].context_line.clone()
}

#[test]
fn a_method_s_signature_is_no_source_line() {
    let cs = |function: &str, line: &str| {
        source_of(&format!(
            r#""filename":"C:\\src\\Labels.cs","function":"{function}","context_line":"{line}""#
        ))
    };
    assert_eq!(cs("MoveNext", "Void MoveNext()"), None);
    assert_eq!(cs("First", "Acme.Label First(System.Collections.Generic.IEnumerable`1[Acme.Label])"), None);
    for line in ["        var label = First(labels)", "        return First(labels)", "Print(First(labels))"]
    {
        assert_eq!(cs("First", line).as_deref(), Some(line));
    }
    let python = r#""filename":"a.py","function":"first","context_line":"def first(labels)""#;
    assert_eq!(source_of(python).as_deref(), Some("def first(labels)"));
}

#[test]
fn a_django_template_s_line_is_read_as_it_is_in_the_file() {
    let escaped = r#""filename":"/srv/menu.html","context_line":"&lt;a href=&quot;{% url &#x27;x&#x27; %}&quot;&gt;&amp;lt;""#;
    assert_eq!(source_of(escaped).as_deref(), Some(r#"<a href="{% url 'x' %}">&lt;"#));
    let raw = r#""filename":"/srv/menu.html","context_line":"<b>&lt;</b>""#;
    assert_eq!(source_of(raw).as_deref(), Some("<b>&lt;</b>"));
    let code = r#""filename":"a.py","function":"f","context_line":"    return a &amp; b""#;
    assert_eq!(source_of(code).as_deref(), Some("    return a &amp; b"));
}

#[test]
fn application_frames_are_shown_in_full_and_library_frames_in_a_line() {
    let library = |n: u32| {
        json!({
            "filename": format!("starlette/part{n}.py"), "function": "__call__", "lineno": n, "in_app": false,
            "abs_path": format!("/usr/lib/python3.12/site-packages/starlette/part{n}.py"),
            "pre_context": ["library source before"], "context_line": "await self.app(scope)",
            "post_context": ["library source after"], "vars": {"scope": "'of a library'"},
        })
    };
    let application = json!({
        "filename": "shop/orders.py", "abs_path": "/app/shop/orders.py", "function": "totals", "lineno": 3,
        "in_app": true, "pre_context": ["def totals(lines):", "    for line in lines:"],
        "context_line": "        total += line[\"price\"] * line[\"quantity\"]", "post_context": ["    return total"],
        "vars": {
            "lines": [{"price": "Decimal('9.90')", "quantity": "2"}, {"price": "Decimal('1.50')"}],
            "total": "0", "limit": "'0'", "discount": "None",
            "user": {"name": "'Jane'", "password": "'hunter2'", "api_key": "[Filtered]"},
            "otp": "123456", "token": "[Filtered]",
        },
    });
    let frames: Vec<Value> = (1..=7).map(library).chain([application]).chain((8..=9).map(library)).collect();
    let body = json!({
        "action": "created",
        "data": {"error": {
            "issue_id": "118", "project": 1, "platform": "python", "title": "KeyError: 'quantity'",
            "url": "https://sentry.io/api/0/projects/acme/shop/events/1/",
            "web_url": "https://acme.sentry.io/issues/118/",
            "exception": {"values": [{"type": "KeyError", "value": "'quantity'", "stacktrace": {"frames": frames}}]},
        }},
    });
    let read = read("error", body.to_string().as_bytes()).expect("a webhook");
    let Webhook::Report(report) = read else { panic!("{read:?}") };
    let text =
        crate::analysis::prompt::incident_text(&crate::redaction::redact_incident(&report.incident), &[]);
    insta::assert_snapshot!(text, @r#"
    Title: KeyError: 'quantity'
    Platform: python
    FastAPI part that ran: unknown

    Exception 1 of 1, the one that surfaced: KeyError: 'quantity'
      starlette/part1.py:1 in __call__ (library)
      starlette/part2.py:2 in __call__ (library)
      … 3 library frames
      starlette/part6.py:6 in __call__ (library)
      starlette/part7.py:7 in __call__ (library)
      shop/orders.py:3 in totals (application)
          def totals(lines):
              for line in lines:
      -->         total += line["price"] * line["quantity"]
              return total
        variables:
          discount = None
          limit = '0'
          lines = ([1] lacks "quantity") [{"price": Decimal('9.90'), "quantity": 2}, {"price": Decimal('1.50')}]
          otp = <filtered int>
          token = <filtered>
          total = 0
          user = {"api_key": <filtered>, "name": 'Jane', "password": <filtered str>}
      starlette/part8.py:8 in __call__ (library)
      starlette/part9.py:9 in __call__ (library)
    "#);
}
