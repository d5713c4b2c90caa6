use super::*;
use proptest::prelude::*;

const ISSUE: &str = r#"{"url":"https://sentry.io/api/0/organizations/acme/issues/118/","web_url":"https://acme.sentry.io/issues/118/",
    "id":"118","title":"KeyError: 'sub'","culprit":"auth.current_user","level":"error","platform":"python","substatus":"new",
    "project":{"id":"4500000000000001","name":"Bookshop","slug":"bookshop"},"issueCategory":"error","count":"3","userCount":2}"#;

fn body(action: &str, data: &str) -> String {
    format!(
        r#"{{"action":"{action}","installation":{{"uuid":"u"}},"data":{{{data}}},"actor":{{"type":"user","id":7}}}}"#
    )
}

#[track_caller]
fn report(resource: &str, action: &str, data: &str) -> Report {
    match read(resource, body(action, data).as_bytes()) {
        Ok(Webhook::Report(report)) => report,
        other => panic!("no report but {other:?}"),
    }
}

#[track_caller]
fn ignored(resource: &str, action: &str, data: &str, why: &str) {
    assert_eq!(read(resource, body(action, data).as_bytes()), Ok(Webhook::Ignored { why: why.to_owned() }));
}

#[track_caller]
fn refused(resource: &str, body: &str, part: &str) {
    let error = read(resource, body.as_bytes()).expect_err("refused");
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn an_issue_id_is_a_number_a_string_or_in_the_address() {
    let id =
        |fields: &str| report("error", "created", &format!(r#""error":{{"project":45,{fields}}}"#)).incident;
    assert_eq!(id(r#""issue_id":117"#).issue_id, "117");
    assert_eq!(id(r#""issue_id":"117""#).project, "45");
    assert_eq!(id(r#""issue_id":null,"issue_url":"https://sentry.io/api/0/issues/116/""#).issue_id, "116");
    for bad in [
        r#""x":1"#,
        r#""issue_id":"12a""#,
        r#""issue_id":-1"#,
        r#""issue_id":1.5"#,
        r#""issue_id":"123456789012345678901""#,
        r#""issue_id":"1/../2""#,
    ] {
        refused(
            "error",
            &body("created", &format!(r#""error":{{"project":45,{bad}}}"#)),
            "`issue_id` of the event",
        );
    }
}

#[test]
fn sentry_s_own_agent_is_heard() {
    let data = r#""run_id":1,"group_id":1170820242,"pull_requests":[{"pull_request":{"pr_number":1,"pr_url":"https://github.com/acme/bookshop/pull/1"}},
        {"pull_request":{"pr_url":"javascript:alert(1)"}},{"pull_request":null},5]"#;
    let expected = Webhook::SentryAgentOpenedPullRequest {
        issue_id: "1170820242".into(),
        urls: vec!["https://github.com/acme/bookshop/pull/1".into()],
    };
    assert_eq!(read("seer", body("pr_created", data).as_bytes()), Ok(expected));
    refused("seer", &body("pr_created", r#""group_id":null"#), "`data.group_id`");
}

#[test]
fn everything_else_is_ignored_by_name() {
    for (resource, action) in [
        ("issue", "resolved"),
        ("issue", "ignored"),
        ("issue", "archived"),
        ("issue", "assigned"),
        ("installation", "created"),
        ("comment", "created"),
        ("metric_alert", "critical"),
        ("seer", "root_cause_started"),
        ("error", "deleted"),
        ("future", "x"),
    ] {
        ignored(resource, action, "", &format!("Ignored `{resource}.{action}`"));
    }
    ignored("a`b\u{202e}<script>", "do it; now", "", "Ignored `abscript.doitnow`");
    ignored("", "\\u0000", "", "Ignored `?.?`");
    ignored(&"x".repeat(999), "y", "", &format!("Ignored `{}.y`", "x".repeat(40)));
}

#[test]
fn a_body_of_another_shape_is_refused_without_repeating_it() {
    refused("issue", "not json", "not JSON");
    refused("issue", "{\"action\":\"created\"", "not JSON");
    refused("issue", "[]", "`action`");
    refused("issue", r#"{"action":{"secret":"hunter2"}}"#, "`action`");
    refused("issue", r#"{"action":"created"}"#, "`data`");
    refused("issue", r#"{"action":"created","data":[]}"#, "`data`");
    refused("issue", &body("created", ""), "`data.issue`");
    refused("error", &body("created", r#""error":"hunter2""#), "`data.error`");
    refused("event_alert", &body("triggered", r#""event":null"#), "`data.event`");
    refused(
        "issue",
        &body("created", r#""issue":{"id":"118","project":{"slug":"../x"}}"#),
        "`data.issue.project`",
    );
    refused("issue", r#"{"action":"created","action":"created"}"#, "given twice");
    assert_eq!(read("issue", b"\xff\xfe"), Err(WebhookError::NotJson));
}

#[test]
fn deep_nesting_and_odd_numbers_harm_nobody() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let fields =
        format!(r#""issue_id":"1","project":1,"contexts":{deep},"extra":{{"n":1e99999}},"exception":{deep}"#);
    let incident = report("error", "created", &format!(r#""error":{{{fields}}}"#)).incident;
    assert_eq!(incident.issue_id, "1");
    refused("error", &"[".repeat(200_000), "not JSON");
}

proptest! {
    #[test]
    fn no_cut_or_changed_body_makes_the_reader_panic(at in 0usize..2_000, byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = body("created", &format!(r#""issue":{ISSUE},"error":{ISSUE}"#)).into_bytes();
        let at = at % bytes.len();
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        for resource in ["issue", "error"] {
            if let Ok(Webhook::Report(report)) = read(resource, &bytes) {
                prop_assert!(report.incident.issue_id.bytes().all(|digit| digit.is_ascii_digit()));
            }
        }
    }
}
