//! `template.yaml` against the code.

use std::collections::BTreeSet;

use autofix::config::settings::{self, LambdaFunction, SettingKind, Unset};
use autofix::config::{Environment, IntakeConfig, InteractionsConfig, QueriesConfig, WorkerConfig, names};
use autofix::metrics::{Measured, Metrics};
use autofix_local::sample_event::SampleEvent;
use autofix_local::stream::WANTED;
use autofix_local::table::SHAPE;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;
use serde_yaml_ng::Value;

use crate::log::Log;
use crate::world::World;

#[test]
fn every_function_can_read_its_settings_from_what_the_template_sets() {
    let of = |function: &str| -> Environment {
        variables(function)
            .iter()
            .filter(|name| *name == "AUTOFIX_GITHUB_REPO")
            .map(|name| (name.clone(), "acme/shop".to_owned()))
            .collect()
    };
    IntakeConfig::from_env(&of("SentryIntakeFunction")).unwrap();
    InteractionsConfig::from_env(&of("SlackInteractionsFunction")).unwrap();
    QueriesConfig::from_env(&of("AttemptQueriesFunction")).unwrap();
    WorkerConfig::from_env(&of("FixWorkerFunction")).unwrap();
}

#[test]
fn every_function_gets_exactly_the_settings_that_it_reads() {
    let resources = &template()["Resources"];
    for function in LambdaFunction::ALL {
        let read = |kind: SettingKind| -> BTreeSet<String> {
            let read = settings::all().filter(|setting| setting.read_by.contains(&function));
            read.filter(|setting| setting.kind == kind).map(|setting| setting.name.to_owned()).collect()
        };
        let resource = function.resource();
        let mut plain = read(SettingKind::Plain);
        plain.insert("RUST_LOG".to_owned()); // read before the configuration
        assert_eq!(variables(resource), plain, "{resource}");
        // Secrets are never set there. They are named, so that `sam local` may set them.
        let named = resources[resource]["Properties"]["Environment"]["Variables"].as_mapping().unwrap();
        let named = named.keys().map(|name| name.as_str().unwrap().to_owned());
        let secrets = named.filter(|name| names::SECRETS.contains(&name.as_str())).collect();
        assert_eq!(read(SettingKind::Secret), secrets, "{resource}");
    }
}

#[test]
fn every_parameter_of_a_setting_has_the_settings_default() {
    let parameters = &template()["Parameters"];
    for setting in settings::all() {
        let Some(parameter) = setting.parameter() else { continue };
        let default = match setting.unset {
            Unset::DefaultValue(value) => value,
            Unset::NoValue(_) => "",
        };
        let deployed = match &parameters[parameter.as_str()]["Default"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            other => panic!("{parameter}: {other:?}"),
        };
        let same = match (deployed.parse::<f64>(), default.parse::<f64>()) {
            (Ok(deployed), Ok(default)) => deployed == default,
            _ => deployed == default,
        };
        assert!(same, "{parameter} is `{deployed}`, `{}` is `{default}`", setting.name);
    }
}

#[test]
fn every_parameter_is_in_the_documents() {
    let documents = text_of("docs/configuration.md") + &text_of("docs/deploy-aws.md");
    for name in template()["Parameters"].as_mapping().unwrap().keys() {
        let name = name.as_str().unwrap();
        assert!(documents.contains(&format!("`{name}`")), "no document names the parameter `{name}`");
    }
}

#[test]
fn every_alarm_is_about_a_metric_that_exists_and_tells_someone_and_is_in_the_runbook() {
    let runbook = text_of("docs/runbook.md");
    let ours = metrics_that_autofix_writes();
    let mut alarms = 0;
    for (name, resource) in resources() {
        if resource["Type"] != "AWS::CloudWatch::Alarm" {
            continue;
        }
        alarms += 1;
        let alarm = &resource["Properties"];
        assert!(!alarm["AlarmActions"].is_null(), "{name} tells nobody");
        assert!(runbook.contains(&format!("\n## {name}\n")), "{name} is not in docs/runbook.md");
        let several = alarm["Metrics"].as_sequence().into_iter().flatten();
        let stats = several.filter(|metric| !metric["MetricStat"].is_null());
        let mut metrics: Vec<&Value> = stats.map(|metric| &metric["MetricStat"]["Metric"]).collect();
        if metrics.is_empty() {
            metrics.push(alarm);
        }
        for metric in metrics {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let dimensions = metric["Dimensions"].as_sequence().unwrap();
            let dimensions: BTreeSet<String> = dimensions.iter().map(|each| text(&each["Name"])).collect();
            let metric = (text(&metric["Namespace"]), text(&metric["MetricName"]), dimensions);
            assert!(ours.contains(&metric) || of_aws().contains(&metric), "{name}: no metric {metric:?}");
        }
    }
    assert!(alarms > 10, "{alarms}");
    let failed = &template()["Resources"]["AttemptsFailedAlarm"]["Properties"]["Dimensions"][1]["Value"];
    assert_eq!(failed, autofix::attempt::Status::Failed.as_str());
}

/// A metric: its namespace, its name and the names of its dimensions.
type Metric = (String, String, BTreeSet<String>);

/// What AWS documents of its own.
fn of_aws() -> Vec<Metric> {
    [
        ("AWS/Lambda", "FunctionName", &["Errors", "Throttles", "Duration", "IteratorAge"][..]),
        ("AWS/SQS", "QueueName", &["ApproximateNumberOfMessagesVisible"]),
        ("AWS/DynamoDB", "TableName", &["WriteThrottleEvents"]),
        ("AWS/ApiGateway", "ApiId", &["5xx"]),
    ]
    .into_iter()
    .flat_map(|(namespace, dimension, names)| {
        let metric = move |name: &&str| {
            (namespace.to_owned(), (*name).to_owned(), BTreeSet::from([dimension.to_owned()]))
        };
        names.iter().map(metric)
    })
    .collect()
}

fn metrics_that_autofix_writes() -> BTreeSet<Metric> {
    let written = Log::default();
    let metrics = Metrics::to(written.clone(), "autofix");
    for measured in [
        Measured::Attempt { status: "failed" },
        Measured::Turn { cost_usd: 0.25, input_tokens: 1, output_tokens: 2, cached_tokens: 3 },
        Measured::Step { step: "Analyze".to_owned(), milliseconds: 4 },
        Measured::Queue { age_seconds: 5 },
        Measured::Waiting { service: "github", attempts: 1 },
    ] {
        metrics.record(&measured, "2026-11-22T10:00:00Z".parse().unwrap());
    }
    let mut found = BTreeSet::new();
    for line in written.objects() {
        for block in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            let own = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let dimensions: BTreeSet<String> =
                block["Dimensions"][0].as_array().unwrap().iter().map(own).collect();
            for metric in block["Metrics"].as_array().unwrap() {
                found.insert((own(&block["Namespace"]), own(&metric["Name"]), dimensions.clone()));
            }
        }
    }
    found
}

/// Names of the environment variables that a deployed function gets.
fn variables(function: &str) -> BTreeSet<String> {
    let template = template();
    let globals = &template["Globals"]["Function"]["Environment"]["Variables"];
    let own = &template["Resources"][function]["Properties"]["Environment"]["Variables"];
    let all = [globals, own].into_iter().flat_map(|variables| variables.as_mapping().unwrap());
    // CloudFormation leaves out what is `AWS::NoValue`.
    let left_out = |value: &Value| matches!(value, Value::Tagged(tagged) if tagged.value == "AWS::NoValue");
    let deployed = all.filter(|(_, value)| !left_out(value));
    deployed.map(|(name, _)| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_table_on_this_machine_is_the_one_that_is_deployed() {
    let template = template();
    let table = &template["Resources"]["Table"]["Properties"];
    let pairs = |list: &Value, second: &str| -> Vec<(String, String)> {
        let pair = |each: &Value| {
            let text = |name: &str| each[name].as_str().unwrap().to_owned();
            (text("AttributeName"), text(second))
        };
        list.as_sequence().unwrap().iter().map(pair).collect()
    };
    let own = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
    };
    assert_eq!(pairs(&table["AttributeDefinitions"], "AttributeType"), own(SHAPE.attributes));
    assert_eq!(pairs(&table["KeySchema"], "KeyType"), own(&SHAPE.keys));
    let indexes = table["GlobalSecondaryIndexes"].as_sequence().unwrap();
    assert_eq!(indexes.len(), SHAPE.indexes.len());
    for (deployed, here) in indexes.iter().zip(SHAPE.indexes) {
        assert_eq!(deployed["IndexName"], here.name);
        assert_eq!(pairs(&deployed["KeySchema"], "KeyType"), own(&here.keys), "{}", here.name);
        assert_eq!(deployed["Projection"]["ProjectionType"], here.projection, "{}", here.name);
    }
    assert_eq!(table["TimeToLiveSpecification"]["AttributeName"], SHAPE.ttl_attribute);
    assert_eq!(table["StreamSpecification"]["StreamViewType"], SHAPE.stream_view);
    let filters = &template["Resources"]["WorkMapping"]["Properties"]["FilterCriteria"]["Filters"];
    assert_eq!(filters.as_sequence().unwrap().len(), 1);
    let pattern: serde_json::Value = serde_json::from_str(filters[0]["Pattern"].as_str().unwrap()).unwrap();
    assert_eq!(pattern, json!({ "dynamodb": { "NewImage": { WANTED.0: { "S": [WANTED.1] } } } }));
}

#[test]
fn a_first_deploy_that_fails_can_be_rolled_back() {
    // What is protected from deletion must not have to be deleted.
    let table = &template()["Resources"]["Table"];
    assert!(!table["Properties"]["DeletionProtectionEnabled"].is_null());
    assert_eq!(table["DeletionPolicy"], "Retain");
}

#[test]
fn a_change_of_the_prefix_leaves_no_setting_of_an_old_route_behind() {
    let stage = &template()["Resources"]["ApiStage"]["Properties"];
    assert!(
        stage["RouteSettings"].is_null(),
        "API Gateway keeps settings by route, and refuses those of a route that is gone"
    );
    assert!(!stage["DefaultRouteSettings"]["ThrottlingRateLimit"].is_null());
}

#[test]
fn alarms_go_off_and_on_with_what_they_are_about() {
    let template = template();
    let alarm = |name: &str| template["Resources"][name]["Properties"].clone();
    // An alarm on a metric of DynamoDB ignores missing values: zeros have to be put in.
    for (name, resource) in resources().iter().filter(|(_, each)| each["Type"] == "AWS::CloudWatch::Alarm") {
        assert_ne!(resource["Properties"]["Namespace"], "AWS/DynamoDB", "{name}");
        for metric in resource["Properties"]["Metrics"].as_sequence().into_iter().flatten() {
            if metric["MetricStat"]["Metric"]["Namespace"] == "AWS/DynamoDB" {
                let filled = format!("FILL({}, 0)", metric["Id"].as_str().unwrap());
                assert_eq!(resource["Properties"]["Metrics"][0]["Expression"], filled.as_str(), "{name}");
            }
        }
    }
    assert_eq!(alarm("TableThrottlesAlarm")["TreatMissingData"], "notBreaching");
    // Has a value only when an outage begins and ends.
    assert_eq!(alarm("ServiceDownAlarm")["TreatMissingData"], "ignore");
}

#[test]
fn the_access_log_needs_no_entry_in_the_accounts_resource_policy() {
    let group = &template()["Resources"]["ApiLogGroup"]["Properties"]["LogGroupName"];
    let Value::Tagged(name) = group else { panic!("{group:?}") };
    assert!(name.value.as_str().unwrap().starts_with("/aws/vendedlogs/"), "{group:?}");
}

#[test]
fn a_guided_deploy_asks_first_for_what_matters() {
    let template = template();
    let parameters = template["Parameters"].as_mapping().unwrap();
    let first: Vec<_> = parameters.keys().take(5).map(|name| name.as_str().unwrap()).collect();
    assert_eq!(first, ["GithubRepo", "SlackApprovers", "SlackChannel", "SentryOrg", "AlarmEmail"]);
    let without = parameters.iter().filter(|(_, parameter)| parameter["Default"].is_null());
    assert_eq!(without.count(), 0, "Enter must do for every parameter");
    // Nobody lets the whole workspace decide by saying nothing.
    let rule = &template["Rules"]["SomebodyToDecide"]["Assertions"][0]["AssertDescription"];
    assert!(rule.as_str().unwrap().contains("everyone"), "{rule:?}");
}

fn text_of(path: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(root.join(path)).unwrap()
}

fn template() -> Value {
    serde_yaml_ng::from_str(&text_of("template.yaml")).unwrap()
}

fn resources() -> Vec<(String, Value)> {
    let template = template();
    let resources = template["Resources"].as_mapping().unwrap();
    resources.iter().map(|(name, resource)| (name.as_str().unwrap().to_owned(), resource.clone())).collect()
}

#[tokio::test]
async fn every_sample_event_is_taken_by_its_endpoint() {
    let world = World::new().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events");
    for (file, status) in [
        ("sentry-event-alert.json", StatusCode::ACCEPTED),
        ("sentry-issue.json", StatusCode::ACCEPTED),
        ("sentry-error.json", StatusCode::OK),
        ("sentry-legacy.json", StatusCode::OK),
        ("sentry-seer.json", StatusCode::OK),
        ("slack-deploy.json", StatusCode::OK),
        ("slack-dismiss.json", StatusCode::OK),
        ("slack-roll-back.json", StatusCode::OK),
        ("slack-try-again.json", StatusCode::OK),
        ("slack-dismissal-dialog.json", StatusCode::OK),
        ("slack-hint-dialog.json", StatusCode::OK),
        ("attempts-list.json", StatusCode::OK),
        ("attempts-one.json", StatusCode::NOT_FOUND),
        ("status.json", StatusCode::OK),
        ("page.json", StatusCode::OK),
        ("page-scoreboard.json", StatusCode::OK),
        ("page-attempt.json", StatusCode::NOT_FOUND),
    ] {
        let unsigned = SampleEvent::open(&folder.join(file)).unwrap();
        let mut event = unsigned.clone();
        event.sign(&Environment::default(), world.clock.now()).unwrap();
        let mut request = Request::builder().method(event.method()).uri(event.path());
        for (name, value) in event.headers() {
            request = request.header(name, value);
        }
        let answer = world.ask(request.body(Body::from(event.body().to_vec())).unwrap()).await;
        assert_eq!(answer.status, status, "{file}: {answer:?}");
        if event.headers().iter().any(|(name, _)| name == "sentry-hook-signature") {
            // Sentry's signature does not age: the committed one is the one just made.
            assert_eq!(
                unsigned.to_json()["headers"]["sentry-hook-signature"],
                event.to_json()["headers"]["sentry-hook-signature"],
                "{file}"
            );
        }
    }
    world.settle().await;
}
