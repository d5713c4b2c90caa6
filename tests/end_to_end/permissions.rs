//! What each function's role lets it do, against what the function asks of the table: nothing is refused, and nothing
//! is let that is not used.

mod role;

use std::collections::BTreeSet;

use autofix::messages::{HINT_FIELD, TRY_AGAIN};
use autofix_local::sandbox::service::Received;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::page::owners_page;
use crate::world::{Hook, Scenario, World, mins};
use role::{Access, Role};

/// Each function as it names itself to the table, and its role in the template.
const FUNCTIONS: [(&str, &str); 4] = [
    ("sentry-intake", "SentryIntakeRole"),
    ("slack-interactions", "SlackInteractionsRole"),
    ("attempt-queries", "AttemptQueriesRole"),
    ("fix-worker", "FixWorkerRole"),
];

#[tokio::test]
async fn a_role_allows_what_its_function_asks_of_the_table_and_nothing_more() {
    let (world, proxy) = World::builder()
        .settings(&[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "5"), ("AUTOFIX_MAX_OPEN_PULL_REQUESTS", "1")])
        .start_with_table_proxy()
        .await;
    everything_that_a_function_does(&world).await;
    let received = proxy.service().received();
    for (function, role) in FUNCTIONS {
        let role = Role::of_the_template(role);
        let mut used = BTreeSet::new();
        for access in received.iter().filter(|request| comes_from(request, function)).flat_map(accesses) {
            let grants = role.grants_for(&access);
            assert!(!grants.is_empty(), "{function} may not {access:?}");
            used.extend(grants);
        }
        let unused: Vec<_> = role.table_grants().difference(&used).cloned().collect();
        assert_eq!(unused, [], "{function} never uses what its role allows");
    }
}

#[test]
fn a_request_beyond_the_role_is_refused() {
    let access = |action: &str, resource: &str, key: &str| Access {
        action: format!("dynamodb:{action}"),
        resource: resource.to_owned(),
        keys: vec![key.to_owned()],
        answers_with: "NONE".to_owned(),
    };
    let intake = Role::of_the_template("SentryIntakeRole");
    assert!(!intake.grants_for(&access("GetItem", "table", "ISSUE#1")).is_empty());
    for (action, key) in [("GetItem", "ATTEMPT#1"), ("GetItem", "SPEND#2026-11-22"), ("Query", "ISSUE#1")] {
        assert!(intake.grants_for(&access(action, "table", key)).is_empty(), "{action} {key}");
    }
    let reading = Access { answers_with: "ALL_OLD".to_owned(), ..access("UpdateItem", "table", "ATTEMPT#1") };
    assert!(intake.grants_for(&reading).is_empty());
    let together = |keys: &[&str]| Access {
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        ..access("PutItem", "table", "")
    };
    assert!(!intake.grants_for(&together(&["ATTEMPT#1", "LIMIT"])).is_empty());
    assert!(intake.grants_for(&together(&["ATTEMPT#1", "SPEND#1"])).is_empty());
    let queries = Role::of_the_template("AttemptQueriesRole");
    for (action, key) in [
        ("UpdateItem", "ATTEMPT#1"),
        ("PutItem", "SPEND#1"),
        ("DeleteItem", "ATTEMPT#1"),
        ("Scan", "ATTEMPT#1"),
    ] {
        assert!(queries.grants_for(&access(action, "table", key)).is_empty(), "{action} {key}");
    }
    assert!(queries.grants_for(&access("Query", "table/index/due", "due#1")).is_empty());
}

#[test]
fn no_role_names_an_action_or_a_resource_by_a_wildcard_without_need() {
    let others =
        ["logs:CreateLogStream", "logs:PutLogEvents", "secretsmanager:GetSecretValue", "kms:Decrypt"];
    let tracing = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"];
    let streams = [
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
        "sqs:SendMessage",
    ];
    for (function, role) in FUNCTIONS {
        let role = Role::of_the_template(role);
        let mut wanted: BTreeSet<&str> = others.into_iter().chain(tracing).collect();
        if function == "fix-worker" {
            wanted.extend(streams);
        }
        assert_eq!(role.actions_elsewhere(), wanted, "{function}");
        let everywhere = role.actions_on_everything();
        assert!(
            everywhere.iter().all(|action| tracing.contains(action) || *action == "dynamodb:ListStreams"),
            "{function}: {everywhere:?}"
        );
    }
}

/// A story in which each function does all that it can do to the table.
async fn everything_that_a_function_does(world: &World) {
    let fault = |number| Scenario::Fix.event(world.clock.now()).as_other_fault(number);
    let report = async |number| {
        let answer = world.report(&fault(number), Hook::EventAlertTriggered).await;
        (answer.status, answer.attempt_id())
    };
    // A fix, the same event once more, and a fix that waits for a place.
    let (_, first) = report(1).await;
    world.settle().await;
    world.report(&fault(1).again(2, world.clock.now()), Hook::EventAlertTriggered).await;
    assert_eq!(report(2).await.0, StatusCode::ACCEPTED);
    world.settle().await;
    // Sentry's own agent takes over one that is known, and one that is not.
    let (_, third) = report(3).await;
    for issue in [fault(3).issue_id, "4999999999".to_owned()] {
        let answer = world.sentrys_agent_opens(&issue).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    world.settle().await;
    assert_eq!(world.attempt(&third).await["reason"]["code"], "sentry_agent_took_over");
    // A fix is dismissed, and tried again with a hint.
    world.dismiss(&world.card_of(&first)).await;
    world.press(&world.card_of(&first), TRY_AGAIN).await;
    let dialog = world.sandbox.slack.views().pop().unwrap();
    world.submit(&dialog, &[(HINT_FIELD, "The second line may be null.")]).await;
    world.settle().await;
    assert!(world.attempt(&first).await["retried_as"].is_string());
    // A webhook that starts nothing, and an error that a person wants looked at.
    let comment = json!({ "action": "created", "data": {} });
    world.deliver("comment", &comment).await;
    world.sandbox.sentry.throw(&fault(5));
    let page = format!("{}/organizations/acme/issues/{}/", world.sandbox.sentry.url(), fault(5).issue_id);
    assert_eq!(world.start_by_hand(&page).await.status, StatusCode::ACCEPTED);
    // The hour is full.
    let (status, turned_away) = report(4).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(world.attempt(&turned_away).await["reason"]["code"], "hourly_limit");
    // The lists and the pages, and the clock with the digest.
    world.get("attempts").await;
    for page in ["/autofix/", "/autofix/scoreboard", &format!("/autofix/view/{first}")] {
        owners_page(world, page).await;
    }
    for _ in 0..10 {
        world.after(mins(1)).await; // every tenth minute the scoreboard's sums are kept
    }
}

fn comes_from(request: &Received, function: &str) -> bool {
    let agent = request.headers.get("x-amz-user-agent").and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.split(' ').any(|part| part == format!("app/{function}")))
}

/// What one request asks leave for.
fn accesses(request: &Received) -> Vec<Access> {
    let (operation, body) = (request.path.rsplit('.').next().unwrap(), request.json());
    if operation != "TransactWriteItems" {
        return vec![access(operation, &body)];
    }
    let writes = body["TransactItems"].as_array().unwrap();
    let each = writes.iter().flat_map(|write| write.as_object().unwrap());
    let mut all: Vec<Access> = each
        .map(|(kind, write)| match kind.as_str() {
            "ConditionCheck" => access("ConditionCheckItem", write),
            kind => access(&format!("{kind}Item"), write),
        })
        .collect();
    let keys: Vec<String> = all.iter().flat_map(|access| access.keys.clone()).collect();
    all.iter_mut().for_each(|access| access.keys.clone_from(&keys));
    all
}

fn access(operation: &str, body: &Value) -> Access {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let index = text(&body["IndexName"]);
    let key = match operation {
        "PutItem" => text(&body["Item"]["pk"]["S"]),
        "Query" => {
            // The first comparison is the partition's.
            let condition = body["KeyConditionExpression"].as_str().unwrap();
            let name = condition.split_whitespace().nth(2).unwrap();
            text(&body["ExpressionAttributeValues"][name]["S"])
        }
        _ => text(&body["Key"]["pk"]["S"]),
    };
    Access {
        action: format!("dynamodb:{operation}"),
        resource: index.map_or("table".to_owned(), |index| format!("table/index/{index}")),
        keys: vec![key.unwrap_or_default()],
        answers_with: text(&body["ReturnValues"]).unwrap_or("NONE".to_owned()),
    }
}
