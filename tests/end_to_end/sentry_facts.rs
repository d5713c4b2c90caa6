//! What the Sentry client tells about an error after its fix, and what it does to the issue. Whoever watches a
//! fix decides with these facts.

use autofix::outbound::{ErrorKind, Outbound, ServiceError};
use autofix::redaction::redact;
use autofix::secrets::Secrets;
use autofix::sentry::{
    Commented, Containment, EventsSince, FixedBy, IssueRef, Note, Resolved, Sentry, Span, Traffic,
};
use autofix_local::sandbox::sentry::ORGANIZATION;
use axum::http::Method;
use jiff::Timestamp;
use serde_json::json;

use crate::world::{self, REPO, SandboxEvent, Scenario, SlackWay, World, hours, mins};

const MERGE: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

struct Watch {
    world: World,
    client: Sentry,
    event: SandboxEvent,
    issue: IssueRef,
    start: Timestamp,
}

/// One event of one issue, thrown when the test begins.
async fn watch() -> Watch {
    let world = World::new().await;
    let environment = world.sandbox.environment(SlackWay::Bot);
    let secrets = Secrets::from_environment(environment, world::clock().clock());
    let base = world.sandbox.sentry.url().parse().unwrap();
    let start = world.clock.now();
    let event = Scenario::Fix.event(start);
    world.sandbox.sentry.throw(&event);
    let issue = IssueRef { organization: ORGANIZATION.to_owned(), issue_id: event.issue_id.clone() };
    Watch { client: Sentry::new(Outbound::new(None).unwrap(), base, &secrets), world, event, issue, start }
}

impl Watch {
    fn throw(&self, number: u32, minutes: i64) -> SandboxEvent {
        let event = self.event.again(number, self.start + mins(minutes));
        self.world.sandbox.sentry.throw(&event);
        event
    }

    async fn events(&self, from_minute: i64, until_minute: i64) -> EventsSince {
        let at = |minutes| self.start + mins(minutes);
        let span = Span { from: at(from_minute), until: at(until_minute) };
        self.client.events_since(&self.issue, span).await.unwrap().expect("the issue is there")
    }

    async fn contains(&self, version: &str) -> Containment {
        self.client.release_contains(ORGANIZATION, version, MERGE).await.unwrap()
    }

    async fn resolve(&self) -> Result<Resolved, ServiceError> {
        self.client.resolve(&self.issue, FixedBy { repository: REPO, commit: MERGE }).await
    }
}

#[tokio::test]
async fn events_since_a_time_come_newest_first_with_their_release() {
    let watch = watch().await;
    let later = watch.event.again(1, watch.start + mins(90)).in_release("bookshop@2.0.0");
    watch.world.sandbox.sentry.throw(&later);
    let newest = watch.throw(2, 120);
    let seen = watch.events(60, 180).await;
    let ids: Vec<&str> = seen.events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(
        ids,
        [newest.event_id.as_str(), later.event_id.as_str()],
        "what was before the merge is left out"
    );
    assert_eq!(seen.events[1].release.as_deref(), Some("bookshop@2.0.0"));
    assert_eq!((seen.events[1].at, seen.more), (later.at, false));
    assert!(seen.events[1].environment.is_some());
    assert_eq!(watch.events(121, 180).await, EventsSince::default());
    watch.world.sandbox.sentry.delete(&watch.event.issue_id);
    let span = Span { from: watch.start, until: watch.start };
    assert_eq!(watch.client.events_since(&watch.issue, span).await.unwrap(), None);
}

#[tokio::test]
async fn a_storm_is_read_in_five_pages_and_no_more() {
    let watch = watch().await;
    for number in 0..520 {
        watch.throw(number + 1, 10 + i64::from(number) / 60);
    }
    let seen = watch.events(10, 60).await;
    assert_eq!((seen.events.len(), seen.more), (500, true));
    assert_eq!(watch.world.sandbox.sentry.service().count(Method::GET, "/events/?"), 5);
    let few = watch.events(18, 60).await;
    assert_eq!((few.events.len(), few.more), (40, false));
}

#[tokio::test]
async fn a_release_contains_the_merge_where_its_name_or_its_commits_say_so() {
    let watch = watch().await;
    let sentry = &watch.world.sandbox.sentry;
    sentry.add_release("bookshop@2.0.0", &[OTHER, MERGE]);
    sentry.add_release("bookshop@1.9.0", &[OTHER]);
    sentry.add_release("bookshop@nightly", &[]);
    let many: Vec<String> = (0..150).map(|number| format!("{number:040x}")).collect();
    let mut commits: Vec<&str> = many.iter().map(String::as_str).collect();
    commits.push(MERGE);
    sentry.add_release("bookshop@3.0.0", &commits);
    let short = format!("bookshop@{}", &MERGE[..12]);
    for version in [MERGE, &short, "bookshop@2.0.0", "bookshop@3.0.0"] {
        assert_eq!(watch.contains(version).await, Containment::Yes, "{version}");
    }
    assert_eq!(sentry.service().count(Method::GET, &format!("/releases/{MERGE}")), 0, "its name says enough");
    let other = Containment::BuiltFrom { commit: OTHER.to_owned() };
    assert_eq!(
        watch.contains("bookshop@1.9.0").await,
        other,
        "its history may contain the merge all the same"
    );
    assert_eq!(
        watch.contains(OTHER).await,
        other,
        "Sentry does not know this release, but its name is a commit"
    );
    let first_seen = Some(watch.start);
    assert_eq!(watch.contains("bookshop@nightly").await, Containment::Unknown { first_seen });
    for version in ["never heard of", "..", "", "a/b?c#d"] {
        assert_eq!(watch.contains(version).await, Containment::Unknown { first_seen: None }, "{version}");
    }
    sentry.revoke_scope("project:read");
    let refused = watch.client.release_contains(ORGANIZATION, "bookshop@2.0.0", MERGE).await;
    assert!(matches!(refused, Err(ServiceError { kind: ErrorKind::Unauthorized, .. })), "{refused:?}");
}

#[tokio::test]
async fn an_issue_is_resolved_by_the_commit_or_plainly_and_only_once() {
    let watch = watch().await;
    let sentry = &watch.world.sandbox.sentry;
    let id = watch.event.issue_id.as_str();
    assert_eq!(watch.resolve().await.unwrap(), Resolved::InCommit);
    assert_eq!(
        sentry.status_details(id).unwrap()["inCommit"],
        json!({ "commit": MERGE, "repository": REPO })
    );
    assert_eq!(watch.resolve().await.unwrap(), Resolved::NotNeeded);
    sentry.set_status(id, "ignored");
    assert_eq!(watch.resolve().await.unwrap(), Resolved::NotNeeded, "people archived it");
    assert_eq!(sentry.service().count(Method::PUT, "/issues/"), 1);

    sentry.set_status(id, "unresolved");
    let unlinked = FixedBy { repository: "acme/elsewhere", commit: MERGE };
    assert_eq!(watch.client.resolve(&watch.issue, unlinked).await.unwrap(), Resolved::Plainly);
    assert_eq!(sentry.status(id), Some("resolved"));

    sentry.set_status(id, "unresolved");
    sentry.revoke_scope("event:write");
    assert!(matches!(watch.resolve().await, Err(ServiceError { kind: ErrorKind::Unauthorized, .. })));
    sentry.delete(id);
    assert_eq!(watch.resolve().await.unwrap(), Resolved::Gone);
}

#[tokio::test]
async fn a_comment_with_its_marker_is_added_once() {
    let watch = watch().await;
    let note = |text: &str| Note {
        text: redact(&format!("{text}\n\nAutoFix attempt 1")),
        marker: "AutoFix attempt 1".to_owned(),
    };
    let comment = |text: &'static str| {
        let (client, issue) = (&watch.client, &watch.issue);
        async move { client.comment(issue, &note(text)).await.unwrap() }
    };
    assert_eq!(comment("Fixed by #1").await, Commented::Added);
    assert_eq!(comment("Fixed by #1").await, Commented::AlreadyThere);
    watch.world.clock.advance(hours(48));
    assert_eq!(comment("Other words").await, Commented::AlreadyThere, "the marker counts, not the words");
    assert_eq!(watch.world.sandbox.sentry.comments(&watch.event.issue_id).len(), 1);
    watch.world.sandbox.sentry.delete(&watch.event.issue_id);
    assert_eq!(comment("Fixed by #1").await, Commented::Gone);
}

#[tokio::test]
async fn requests_are_counted_where_the_project_traces_them() {
    let watch = watch().await;
    let sentry = &watch.world.sandbox.sentry;
    let minute = |minutes| watch.start + mins(minutes);
    sentry.serve(&watch.event, 40, minute(5));
    sentry.serve(&watch.event, 2, minute(20));
    let traffic = |transaction: &'static str| Traffic {
        organization: ORGANIZATION,
        project: "bookshop",
        transaction,
        span: Span { from: minute(0), until: minute(10) },
    };
    let transaction: &'static str = watch.event.transaction.clone().leak();
    assert_eq!(watch.client.requests(traffic(transaction)).await.unwrap(), Some(40));
    assert_eq!(watch.client.requests(traffic("other")).await.unwrap(), Some(0));
    let asked = sentry.service().count(Method::GET, "dataset=spans");
    for hostile in ["x\" OR project:\"secret", "*", "a\\b", ""] {
        assert_eq!(watch.client.requests(traffic(hostile)).await.unwrap(), None, "{hostile}");
    }
    assert_eq!(
        sentry.service().count(Method::GET, "dataset=spans"),
        asked,
        "nothing hostile is searched for"
    );
    sentry.revoke_scope("org:read");
    assert_eq!(watch.client.requests(traffic(transaction)).await.unwrap(), None);
}
