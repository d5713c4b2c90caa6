use autofix::github::{
    AnnotationLevel, CheckOutcome, CheckStatus, Failure, MergeState, RequiredChecks, Sight, WayIn,
};
use autofix::outbound::{ErrorKind, ServiceError};
use axum::http::Method;

use super::super::super::{CheckRun, Conclusion, Heads, Holder, Level, Permission, Status, StatusState};
use super::*;
use crate::service::Fault;

const LOG: &str = "2026-11-22T10:00:01.0000000Z >       assert greet() == 'hello'\n\
                   2026-11-22T10:00:02.0000000Z FAILED tests/test_greet.py::test_hello - assert\n\
                   2026-11-22T10:00:03.0000000Z ##[error]Process completed with exit code 1.\n\
                   2026-11-22T10:00:04.0000000Z Cleaning up\n";

fn red() -> CheckRun {
    CheckRun::ended("tests", Conclusion::Failure)
        .saying("1 failed", "test_hello\n\u{1b}[31mexpected hello\u{1b}[0m")
        .annotated("tests/test_greet.py", 7, "assert 'hi' == 'hello'")
        .with_log(LOG)
}

fn set(scene: &Scene, sha: &str, runs: &[CheckRun]) {
    scene.at.github.set_checks(REPOSITORY, Heads::Commit(sha.to_owned()), runs).unwrap();
}

#[tokio::test]
async fn an_app_sees_check_runs_and_a_fine_grained_token_the_jobs_of_actions() {
    let scene = Scene::new("sight").await;
    let head = scene.opened(&scene.client(Who::FineGrained)).await;
    set(&scene, &head, &[red(), CheckRun::ended("coverage", Conclusion::Success).of_app("codecov")]);
    for (who, sight, names) in [
        (Who::App, Sight::Everything, vec!["tests", "coverage"]),
        (Who::Classic, Sight::Everything, vec!["tests", "coverage"]),
        (Who::FineGrained, Sight::ActionsOnly, vec!["tests"]),
    ] {
        let checks = scene.client(who).checks(REPOSITORY, &head).await.unwrap();
        assert_eq!(checks.sight, sight, "{who:?}");
        let seen: Vec<&str> = checks.results.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(seen, names, "{who:?}");
        assert_eq!(checks.results[0].outcome, CheckOutcome::Failed(Failure::Red), "{who:?}");
        assert!(checks.results[0].url.as_ref().unwrap().starts_with("http"), "{who:?}");
    }
    let checks = scene.client(Who::App).checks(REPOSITORY, &head).await.unwrap();
    assert_eq!(checks.results[0].summary.as_deref(), Some("1 failed\ntest_hello\nexpected hello"));
    assert_eq!(checks.results[1].summary, None);
}

#[tokio::test]
async fn why_a_check_failed_is_read_as_far_as_the_credential_can() {
    let scene = Scene::new("details").await;
    let head = scene.opened(&scene.client(Who::FineGrained)).await;
    set(&scene, &head, &[red()]);
    for who in [Who::App, Who::FineGrained] {
        let github = scene.client(who);
        let checks = github.checks(REPOSITORY, &head).await.unwrap();
        let details = github.failure_details(REPOSITORY, &checks.results[0]).await.unwrap();
        assert_eq!(details.failing_tests, ["tests/test_greet.py::test_hello"], "{who:?}");
        let excerpt = details.log_excerpt.unwrap();
        assert!(excerpt.starts_with(">       assert") && excerpt.ends_with("exit code 1."), "{excerpt}");
        match who {
            Who::App => {
                let annotation = &details.annotations[0];
                assert_eq!((annotation.path.as_str(), annotation.line), ("tests/test_greet.py", Some(7)));
                assert_eq!(annotation.level, AnnotationLevel::Failure);
                assert_eq!(details.not_read, [""; 0]);
            }
            _ => assert_eq!(details.not_read, ["annotations: this token cannot read check runs"]),
        }
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_said_and_stops_nothing() {
    let scene = Scene::new("no-log").await;
    let github = scene.client(Who::App);
    let head = scene.opened(&github).await;
    let gone = CheckRun { log: None, ..red() };
    set(&scene, &head, &[gone, CheckRun::ended("scan", Conclusion::Failure).of_app("scanner")]);
    let checks = github.checks(REPOSITORY, &head).await.unwrap();
    for (check, why) in checks.results.iter().zip(["log: not found", "log: this check has none"]) {
        let details = github.failure_details(REPOSITORY, check).await.unwrap();
        assert!(details.not_read[0].starts_with(why), "{details:?}");
    }
    // A link to somebody else's host is not followed.
    set(&scene, &head, &[red()]);
    let checks = github.checks(REPOSITORY, &head).await.unwrap();
    let elsewhere = vec![("location", "https://logs.example.org/1".to_owned())];
    let fault = Fault::Answer { status: 302, headers: elsewhere, body: String::new() };
    scene.at.github.service().fail_next(Method::GET, "/logs", fault);
    let details = github.failure_details(REPOSITORY, &checks.results[0]).await.unwrap();
    assert!(details.not_read[0].contains("not GitHub's"), "{details:?}");
    scene.at.github.grant(Holder::Installation, Permission::Actions, None);
    let details = github.failure_details(REPOSITORY, &checks.results[0]).await.unwrap();
    assert!(details.not_read[0].contains("not accessible by integration"), "{details:?}");
    assert_eq!(details.annotations.len(), 1);
}

#[tokio::test]
async fn a_huge_log_is_read_at_its_end() {
    let scene = Scene::new("huge-log").await;
    let github = scene.client(Who::App);
    let head = scene.opened(&github).await;
    let log = "compiling something\n".repeat(150_000) + LOG;
    set(&scene, &head, &[red().with_log(log)]);
    let checks = github.checks(REPOSITORY, &head).await.unwrap();
    let details = github.failure_details(REPOSITORY, &checks.results[0]).await.unwrap();
    assert_eq!(details.failing_tests.len(), 1);
    assert!(details.log_excerpt.unwrap().ends_with("exit code 1."));
}

#[tokio::test]
async fn more_than_a_page_of_checks_and_statuses_is_read() {
    let scene = Scene::new("pages").await;
    let head = scene.opened(&scene.client(Who::FineGrained)).await;
    let mut runs: Vec<CheckRun> =
        (0..140).map(|n| CheckRun::ended(&format!("check {n}"), Conclusion::Success)).collect();
    runs.push(red());
    set(&scene, &head, &runs);
    let status = |n: usize, state| Status {
        context: format!("status {n}"),
        state,
        description: "built".to_owned(),
        target_url: "javascript:alert(1)".to_owned(),
    };
    let mut statuses: Vec<Status> = (0..120).map(|n| status(n, StatusState::Success)).collect();
    statuses.push(status(120, StatusState::Error));
    scene.at.github.set_statuses(REPOSITORY, Heads::Commit(head.clone()), &statuses).unwrap();
    for who in [Who::App, Who::FineGrained] {
        let checks = scene.client(who).checks(REPOSITORY, &head).await.unwrap();
        assert_eq!((checks.results.len(), checks.cut), (262, false), "{who:?}");
        let CheckStatus::Red { failed } = checks.status(&RequiredChecks::default(), None) else { panic!() };
        let names: Vec<&str> = failed.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names, ["tests", "status 120"], "{who:?}");
        assert_eq!((failed[1].url.as_ref(), failed[1].summary.as_deref()), (None, Some("built")));
    }
    scene.at.github.set_statuses(REPOSITORY, Heads::Commit(head.clone()), &[]).unwrap();
    let many: Vec<CheckRun> =
        (0..1_001).map(|n| CheckRun::ended(&format!("check {n}"), Conclusion::Success)).collect();
    set(&scene, &head, &many);
    let checks = scene.client(Who::App).checks(REPOSITORY, &head).await.unwrap();
    assert!(checks.cut);
}

#[tokio::test]
async fn a_check_of_another_app_that_a_token_cannot_see_keeps_it_from_being_green() {
    let scene = Scene::new("unseen").await;
    let github = scene.client(Who::FineGrained);
    let head = scene.opened(&github).await;
    let good = CheckRun::ended("tests", Conclusion::Success);
    set(&scene, &head, &[good, CheckRun::ended("scan", Conclusion::Failure).of_app("scanner")]);
    let checks = github.checks(REPOSITORY, &head).await.unwrap();
    github.look_at_pull_request(REPOSITORY, 1).await.unwrap();
    let view = github.look_at_pull_request(REPOSITORY, 1).await.unwrap();
    assert_eq!(view.merge_state, MergeState::Unstable);
    assert_eq!(checks.status(&RequiredChecks::default(), Some(view.merge_state)), CheckStatus::Unseen);
    let all = scene.client(Who::App).checks(REPOSITORY, &head).await.unwrap();
    assert!(matches!(all.status(&RequiredChecks::default(), None), CheckStatus::Red { .. }));
}

#[tokio::test]
async fn a_failure_that_the_base_has_too_is_not_the_changes() {
    let scene = Scene::new("base-red").await;
    let github = scene.client(Who::FineGrained);
    let head = scene.opened(&github).await;
    let base = scene.at.main().await;
    let lint = CheckRun::ended("lint", Conclusion::Failure);
    set(&scene, &base, &[lint.clone(), CheckRun::ended("tests", Conclusion::Success)]);
    set(&scene, &head, &[lint, red(), CheckRun::ended("slow", Conclusion::TimedOut)]);
    let (head, base) =
        (github.checks(REPOSITORY, &head).await.unwrap(), github.checks(REPOSITORY, &base).await.unwrap());
    let new: Vec<(&str, CheckOutcome)> =
        head.new_failures(&base).into_iter().map(|check| (check.name.as_str(), check.outcome)).collect();
    assert_eq!(
        new,
        [("tests", CheckOutcome::Failed(Failure::Red)), ("slow", CheckOutcome::Failed(Failure::TimedOut))]
    );
}

#[tokio::test]
async fn required_checks_come_from_protection_and_rulesets_and_what_is_hidden_is_said() {
    let scene = Scene::new("required").await;
    let github = scene.client(Who::FineGrained);
    let rules = github.branch_rules(REPOSITORY, "main").await.unwrap();
    assert_eq!((rules.required_checks, rules.way_in), (RequiredChecks::default(), WayIn::Merge));
    scene
        .at
        .github
        .configure(REPOSITORY, |settings| {
            settings.required_checks = vec!["tests".to_owned()];
            settings.ruleset_checks = vec!["lint".to_owned(), "tests".to_owned()];
            settings.merge_queue = true;
        })
        .unwrap();
    let rules = github.branch_rules(REPOSITORY, "main").await.unwrap();
    assert_eq!(
        (rules.required_checks.names.join(" "), rules.way_in),
        ("lint tests".to_owned(), WayIn::Queue)
    );
    assert_eq!(rules.required_checks.not_known, None);
    scene.at.github.configure(REPOSITORY, |settings| settings.rules_readable = false).unwrap();
    let rules = github.branch_rules(REPOSITORY, "main").await.unwrap();
    assert_eq!(rules.required_checks.names, ["tests"]);
    assert!(rules.required_checks.not_known.unwrap().contains("Upgrade to GitHub Pro"));
    let missing = github.branch_rules(REPOSITORY, "nowhere").await;
    assert!(matches!(missing, Err(ServiceError { kind: ErrorKind::NotFound, .. })), "{missing:?}");
}

#[tokio::test]
async fn a_token_that_may_read_neither_checks_nor_actions_is_told_so() {
    let scene = Scene::new("blind").await;
    let github = scene.client(Who::FineGrained);
    let head = scene.opened(&github).await;
    scene.at.github.grant(Holder::FineGrainedToken, Permission::Actions, None);
    let told = github.checks(REPOSITORY, &head).await;
    assert!(matches!(told, Err(ServiceError { kind: ErrorKind::Unauthorized, .. })), "{told:?}");
    scene.at.github.grant(Holder::FineGrainedToken, Permission::Actions, Some(Level::Read));
    assert_eq!(github.checks(REPOSITORY, &head).await.unwrap().results, []);
}
