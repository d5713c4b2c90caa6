//! `template.yaml` against the code.

use autofix::config::{Environment, IntakeConfig, InteractionsConfig, QueriesConfig, WorkerConfig};
use autofix_local::sample_event::SampleEvent;
use autofix_local::template::Template;
use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::world::World;

#[test]
fn every_function_can_read_its_settings_from_what_the_template_sets() {
    let template = Template::deployed().unwrap();
    let of = |function: &str| -> Environment {
        let names = template.variables(function).unwrap();
        names
            .iter()
            .filter(|name| *name == "AUTOFIX_GITHUB_REPO")
            .map(|name| (name.clone(), "acme/shop".to_owned()))
            .collect()
    };
    IntakeConfig::from_env(&of("SentryIntakeFunction")).unwrap();
    InteractionsConfig::from_env(&of("SlackInteractionsFunction")).unwrap();
    QueriesConfig::from_env(&of("AttemptQueriesFunction")).unwrap();
    WorkerConfig::from_env(&of("FixWorkerFunction")).unwrap();
    for (function, needed) in [
        (
            "SentryIntakeFunction",
            &[
                "AUTOFIX_TABLE",
                "AUTOFIX_PREFIX",
                "AUTOFIX_SECRET_ARN",
                "AUTOFIX_PROJECTS",
                "AUTOFIX_MAX_ATTEMPTS_PER_HOUR",
                "AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS",
            ][..],
        ),
        (
            "SlackInteractionsFunction",
            &[
                "AUTOFIX_TABLE",
                "AUTOFIX_PREFIX",
                "AUTOFIX_SECRET_ARN",
                "AUTOFIX_SLACK_TEAM_ID",
                "AUTOFIX_SLACK_APPROVERS",
                "AUTOFIX_APPROVALS",
                "AUTOFIX_MAX_ATTEMPTS_PER_HOUR",
            ],
        ),
        (
            "AttemptQueriesFunction",
            &[
                "AUTOFIX_TABLE",
                "AUTOFIX_PREFIX",
                "AUTOFIX_SECRET_ARN",
                "AUTOFIX_GITHUB_REPO",
                "GITHUB_API_URL",
                "SENTRY_URL",
            ],
        ),
        (
            "FixWorkerFunction",
            &[
                "AUTOFIX_GITHUB_REPO",
                "AUTOFIX_PROJECTS",
                "SENTRY_ORG",
                "AUTOFIX_TABLE",
                "AUTOFIX_SECRET_ARN",
                "AUTOFIX_SLACK_CHANNEL",
                "AUTOFIX_PUBLIC_URL",
                "AUTOFIX_MIN_CONFIDENCE",
                "AUTOFIX_MODEL",
                "AUTOFIX_MAX_COST_USD",
                "AUTOFIX_DAILY_COST_USD",
                "AUTOFIX_DRY_RUN",
            ],
        ),
    ] {
        let set = template.variables(function).unwrap();
        for name in needed {
            assert!(set.contains(*name), "the template does not set `{name}` for {function}");
        }
    }
}

#[tokio::test]
async fn every_sample_event_is_taken_by_its_door() {
    let world = World::new().await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("events");
    for (file, status) in [
        ("sentry-event-alert.json", StatusCode::ACCEPTED),
        ("sentry-issue.json", StatusCode::ACCEPTED),
        ("sentry-error.json", StatusCode::OK),
        ("slack-deploy.json", StatusCode::OK),
        ("slack-dismiss.json", StatusCode::OK),
        ("attempts-list.json", StatusCode::OK),
        ("attempts-one.json", StatusCode::NOT_FOUND),
        ("status.json", StatusCode::OK),
        ("page.json", StatusCode::OK),
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
        if file.starts_with("sentry") {
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
