//! `autofix doctor`: what is wrong is found, named, and nothing else is; and nothing is written anywhere.

use autofix::config::{Environment, names};
use autofix::outbound::Outbound;
use autofix::secrets::Secrets;
use autofix::store::Store;
use autofix_local::doctor::report::{Report, Standing};
use autofix_local::doctor::{Deployment, Table, examine};
use autofix_local::sandbox::claude::End;
use autofix_local::sandbox::github::{APP_ID, APP_PRIVATE_KEY, Holder, Level, Permission, Settings, TOKEN};
use autofix_local::sandbox::secrets_manager::{ARN, SecretsManager};
use autofix_local::sandbox::slack::{CHANNEL_ID, GROUP_ID, OTHER_CHANNEL_ID};
use autofix_local::table::EmbeddedTable;
use autofix_local::waiting;
use axum::http::Method;
use tempfile::TempDir;

use crate::world::{Fault, REPO, Scenario, SlackWay, World, serve};
use Standing::{Bad, Good, Lacking};

/// A deployment in which nothing is wrong, and the world around it.
struct Ward {
    world: World,
    address: String,
}

impl Ward {
    async fn new(way: SlackWay) -> Ward {
        let world = World::builder().slack(way).start().await;
        world.sandbox.sentry.throw(&Scenario::Fix.event(world.clock.now()));
        let address = serve(world.process.endpoints()).await;
        Ward { world, address }
    }

    async fn examined(&self, settings: &[(&str, &str)]) -> Report {
        self.examined_with(settings, Table::Open(self.world.process.store().clone())).await
    }

    /// With other settings; an empty value unsets.
    async fn examined_with(&self, settings: &[(&str, &str)], table: Table) -> Report {
        let healthy = [("SENTRY_ORG", "acme"), ("AUTOFIX_PUBLIC_URL", self.address.as_str())];
        let healthy: Environment = healthy.into_iter().collect();
        let all = healthy.over(self.world.environment().clone()).pairs().into_iter();
        let kept = all.filter(|(name, _)| !settings.iter().any(|(changed, _)| changed == name));
        let changed = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment: Environment = kept.chain(changed).collect();
        let clock = self.world.clock.clock();
        let report = examine(&Deployment {
            secrets: Secrets::from_environment(environment.clone(), clock.clone()),
            outbound: Outbound::new(None).unwrap(),
            environment: environment.clone(),
            table,
            clock,
        })
        .await;
        let shown = report.to_json().to_string();
        for name in names::SECRETS {
            if let Some(secret) = environment.get(name).filter(|secret| secret.len() > 6) {
                assert!(!shown.contains(secret), "`{name}` is shown: {shown}");
            }
        }
        report
    }
}

/// Exactly one thing is as told, with a next step, and everything else is good.
#[track_caller]
fn check(report: &Report, part: &str, what: &str, standing: Standing) {
    let case = format!("{part}, {what}: {:#}", report.to_json());
    let others: Vec<_> = report.findings().filter(|(_, finding)| finding.standing != Good).collect();
    assert_eq!(others.len(), 1, "{case}");
    let (found_in, finding) = others[0];
    assert_eq!((found_in, finding.what.as_str(), finding.standing), (part, what, standing), "{case}");
    assert!(
        !finding.detail.is_empty() && finding.next.as_ref().is_some_and(|next| next.len() > 10),
        "{case}"
    );
    assert_eq!(report.is_healthy(), standing != Bad, "{case}");
}

#[tokio::test]
async fn a_healthy_deployment_has_nothing_to_put_right_and_is_not_touched() {
    let ward = Ward::new(SlackWay::Bot).await;
    let report = ward.examined(&[]).await;
    let wrong: Vec<_> = report.findings().filter(|(_, finding)| finding.standing != Good).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (part, what) in [
        ("Claude", "Model"),
        ("GitHub", "Contents: read and write"),
        ("GitHub", "Folder"),
        ("Sentry", "event:write"),
        ("Slack", "Channel"),
        ("AutoFix", "Table"),
        ("AutoFix", "Public address"),
    ] {
        let is_there = report.findings().any(|(p, finding)| (p, finding.what.as_str()) == (part, what));
        assert!(is_there, "{part}, {what}: {:#}", report.to_json());
    }
    let sandbox = &ward.world.sandbox;
    assert!(sandbox.slack.messages().is_empty());
    assert!(sandbox.github.pull_requests(REPO).unwrap().is_empty());
    assert_eq!(sandbox.github.branches(REPO).unwrap(), ["main"]);
    assert_eq!(sandbox.claude.turns_answered(), 0, "nothing is paid for");
}

#[tokio::test]
async fn each_setting_that_is_wrong_is_the_only_thing_found() {
    let ward = Ward::new(SlackWay::Bot).await;
    let nowhere_to_listen = "http://127.0.0.1:1";
    for (setting, value, part, what, standing) in [
        (names::ANTHROPIC_API_KEY, "", "Claude", "API key", Bad),
        (names::ANTHROPIC_API_KEY, "sk-ant-of-somebody-else", "Claude", "API key", Bad),
        ("AUTOFIX_MODEL", "claude-of-tomorrow", "Claude", "Model", Bad),
        (names::GITHUB_TOKEN, "", "GitHub", "Token", Bad),
        (names::GITHUB_TOKEN, "github_pat_of_somebody_else", "GitHub", "Token", Bad),
        ("AUTOFIX_GITHUB_REPO", "acme/elsewhere", "GitHub", "Repository", Bad),
        ("AUTOFIX_GITHUB_PATH", "mobile", "GitHub", "Folder", Bad),
        (
            "AUTOFIX_PROJECTS",
            r#"{"bookshop": {"repo": "acme/bookshop", "branch": "next"}}"#,
            "GitHub",
            "Base branch",
            Bad,
        ),
        ("AUTOFIX_PROJECTS", r#"{"bakery": {"repo": "acme/bookshop"}}"#, "Sentry", "Project", Bad),
        (names::SENTRY_WEBHOOK_SECRET, "", "Sentry", "Webhook secret", Bad),
        (names::SENTRY_WEBHOOK_SECRET, "sntryu_a_token_in_its_place", "Sentry", "Webhook secret", Bad),
        (names::SENTRY_AUTH_TOKEN, "", "Sentry", "Token", Lacking),
        (names::SENTRY_AUTH_TOKEN, "sntryu_of_somebody_else", "Sentry", "Token", Bad),
        ("SENTRY_ORG", "", "Sentry", "Token", Lacking),
        ("SENTRY_ORG", "globex", "Sentry", "Organisation", Bad),
        (names::SLACK_BOT_TOKEN, "", "Slack", "Bot token", Bad),
        (names::SLACK_BOT_TOKEN, "xoxb-of-somebody-else", "Slack", "Bot token", Bad),
        ("AUTOFIX_SLACK_CHANNEL", "", "Slack", "Channel", Bad),
        ("AUTOFIX_SLACK_CHANNEL", "C0NOWHERE", "Slack", "Channel", Bad),
        ("AUTOFIX_SLACK_TEAM_ID", "T0ELSEWHERE", "Slack", "Workspace", Bad),
        (names::SLACK_SIGNING_SECRET, "", "Slack", "Signing secret", Lacking),
        (names::SLACK_SIGNING_SECRET, "xoxb-the-token-in-its-place", "Slack", "Signing secret", Bad),
        (names::API_TOKEN, "", "AutoFix", "API token", Bad),
        (names::API_TOKEN, "tooshort", "AutoFix", "API token", Lacking),
        ("AUTOFIX_PUBLIC_URL", "", "AutoFix", "Public address", Lacking),
        ("AUTOFIX_PUBLIC_URL", nowhere_to_listen, "AutoFix", "Public address", Bad),
        ("AUTOFIX_PREFIX", "/elsewhere", "AutoFix", "Public address", Bad),
    ] {
        check(&ward.examined(&[(setting, value)]).await, part, what, standing);
    }
}

#[tokio::test]
async fn a_setting_that_cannot_be_read_does_not_hide_what_else_is_wrong() {
    let ward = Ward::new(SlackWay::Bot).await;
    for (setting, value) in [
        ("AUTOFIX_MIN_CONFIDENCE", "7"),
        ("AUTOFIX_DRY_RUN", "perhaps"),
        ("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "many"),
        ("AUTOFIX_SLACK_CHANNEL", "#alerts"),
        ("AUTOFIX_SLACK_APPROVERS", "@ann"),
        ("AUTOFIX_PUBLIC_URL", "autofix.acme.example"),
    ] {
        let report = ward.examined(&[(setting, value)]).await;
        check(&report, "AutoFix", "Settings", Bad);
        let wrong = report.findings().find(|(_, finding)| finding.standing == Bad).unwrap().1;
        assert!(wrong.detail.contains(setting), "{setting}: {wrong:?}");
        let both =
            ward.examined(&[(setting, value), (names::ANTHROPIC_API_KEY, "sk-ant-of-somebody-else")]).await;
        let found = |wanted| both.findings().any(|(part, finding)| (part, finding.standing) == (wanted, Bad));
        assert!(found("AutoFix") && found("Claude"), "{setting}: {:#}", both.to_json());
    }
}

#[tokio::test]
async fn without_a_repository_everything_else_is_tried_all_the_same() {
    let ward = Ward::new(SlackWay::Bot).await;
    for value in ["", "bookshop"] {
        let report = ward.examined(&[("AUTOFIX_GITHUB_REPO", value)]).await;
        let wrong: Vec<_> = report.findings().filter(|(_, finding)| finding.standing != Good).collect();
        let wrong: Vec<_> = wrong.iter().map(|(part, finding)| (*part, finding.what.as_str())).collect();
        assert_eq!(wrong, [("GitHub", "Token"), ("AutoFix", "Settings")], "{:#}", report.to_json());
        assert!(report.findings().any(|(_, finding)| finding.what == "event:write"));
    }
}

#[tokio::test]
async fn no_credential_goes_anywhere_while_an_address_cannot_be_read() {
    let ward = Ward::new(SlackWay::Bot).await;
    let report = ward.examined(&[("SENTRY_URL", "no address")]).await;
    let bad: Vec<_> = report.findings().filter(|(_, finding)| finding.standing == Bad).collect();
    assert_eq!(bad.len(), 1, "{:#}", report.to_json());
    assert!(bad[0].1.detail.contains("SENTRY_URL"), "{bad:?}");
    let sandbox = &ward.world.sandbox;
    for service in [sandbox.claude.service(), sandbox.github.service(), sandbox.slack.service()] {
        assert!(service.received().is_empty());
    }
}

#[tokio::test]
async fn a_new_user_is_told_everything_that_is_missing_at_once() {
    let ward = Ward::new(SlackWay::Bot).await;
    let configured: Vec<String> =
        ward.world.environment().pairs().into_iter().map(|(name, _)| name).collect();
    let mut nothing: Vec<(&str, &str)> =
        configured.iter().filter(|name| !name.ends_with("_URL")).map(|name| (name.as_str(), "")).collect();
    nothing.extend([("SENTRY_ORG", ""), ("AUTOFIX_PUBLIC_URL", "")]);
    let report = ward.examined(&nothing).await;
    let wrong = report.findings().filter(|(_, finding)| finding.standing == Bad);
    let wrong: Vec<_> = wrong.map(|(part, finding)| (part, finding.what.as_str())).collect();
    let expected = [
        ("Claude", "API key"),
        ("GitHub", "Token"),
        ("Sentry", "Webhook secret"),
        ("Slack", "Bot token"),
        ("AutoFix", "Settings"),
        ("AutoFix", "API token"),
    ];
    assert_eq!(wrong, expected, "{:#}", report.to_json());
}

#[tokio::test]
async fn a_missing_permission_is_named_with_the_place_where_it_is_granted() {
    use Permission::{Actions, Checks, Contents, Deployments, PullRequests, Statuses};
    let ward = Ward::new(SlackWay::Bot).await;
    let github = &ward.world.sandbox.github;
    let app = [("AUTOFIX_GITHUB_APP_ID", APP_ID), (names::GITHUB_APP_PRIVATE_KEY, APP_PRIVATE_KEY)];
    let none: [(&str, &str); 0] = [];
    for (holder, permission, left, what, standing) in [
        (Holder::FineGrainedToken, Contents, Some(Level::Read), "Contents: read and write", Bad),
        (Holder::FineGrainedToken, PullRequests, Some(Level::Read), "Pull requests: read and write", Bad),
        (Holder::FineGrainedToken, Statuses, None, "Commit statuses: read", Bad),
        (Holder::FineGrainedToken, Actions, None, "Actions: read", Bad),
        (Holder::FineGrainedToken, Deployments, None, "Deployments: read", Lacking),
        (Holder::Installation, Contents, Some(Level::Read), "Contents: read and write", Bad),
        (Holder::Installation, Checks, None, "Checks: read", Bad),
    ] {
        let usual = if matches!(permission, Contents | PullRequests) { Level::Write } else { Level::Read };
        github.grant(holder, permission, left);
        let settings = if holder == Holder::Installation { &app[..] } else { &none[..] };
        let report = ward.examined(settings).await;
        check(&report, "GitHub", what, standing);
        let next = report.findings().find_map(|(_, finding)| finding.next.clone()).unwrap();
        assert!(next.contains(what) && next.contains("Developer settings"), "{next}");
        github.grant(holder, permission, Some(usual));
    }
    check(&ward.examined(&[app[0], (app[1].0, "not a key")]).await, "GitHub", "App", Bad);
    github.configure(REPO, |settings| settings.app_installed = false).unwrap();
    check(&ward.examined(&app).await, "GitHub", "Repository", Bad);
    // A dry run writes nothing, so it needs no right to.
    github.grant(Holder::FineGrainedToken, Contents, Some(Level::Read));
    let report = ward.examined(&[("AUTOFIX_DRY_RUN", "true")]).await;
    check(&report, "GitHub", "Contents: read and write", Lacking);
}

#[tokio::test]
async fn what_slack_and_sentry_do_not_grant_is_named() {
    let ward = Ward::new(SlackWay::Bot).await;
    let (slack, sentry) = (&ward.world.sandbox.slack, &ward.world.sandbox.sentry);
    slack.revoke_scope("chat:write");
    check(&ward.examined(&[]).await, "Slack", "chat:write", Bad);
    slack.grant_scope("chat:write");
    slack.revoke_scope("channels:history");
    check(&ward.examined(&[]).await, "Slack", "channels:history", Lacking);
    slack.grant_scope("channels:history");
    slack.revoke_scope("usergroups:read");
    let grouped = [("AUTOFIX_SLACK_APPROVERS", GROUP_ID)];
    check(&ward.examined(&grouped).await, "Slack", "usergroups:read", Bad);
    slack.grant_scope("usergroups:read");
    slack.remove_bot(CHANNEL_ID);
    check(&ward.examined(&[]).await, "Slack", "Channel", Bad);
    slack.invite_bot(CHANNEL_ID);
    slack.archive(OTHER_CHANNEL_ID);
    let other = [("AUTOFIX_SLACK_CHANNEL", OTHER_CHANNEL_ID)];
    check(&ward.examined(&other).await, "Slack", "Channel", Bad);
    for (scope, standing) in
        [("event:write", Lacking), ("event:read", Bad), ("project:read", Lacking), ("org:read", Lacking)]
    {
        let fresh = Ward::new(SlackWay::Bot).await;
        fresh.world.sandbox.sentry.revoke_scope(scope);
        check(&fresh.examined(&[]).await, "Sentry", scope, standing);
    }
    assert!(sentry.comments(&Scenario::Fix.event(ward.world.clock.now()).issue_id).is_empty());
}

#[tokio::test]
async fn an_incoming_webhook_is_knocked_at_and_nothing_is_posted() {
    let ward = Ward::new(SlackWay::Webhook).await;
    check(&ward.examined(&[]).await, "Slack", "Incoming webhook", Lacking);
    assert!(ward.world.sandbox.slack.messages().is_empty());
    let gone = format!("{}/gone", ward.world.sandbox.slack.webhook_url());
    let report = ward.examined(&[(names::SLACK_WEBHOOK_URL, &gone)]).await;
    check(&report, "Slack", "Incoming webhook", Bad);
}

#[tokio::test]
async fn the_end_of_a_model_is_announced_and_told() {
    for (end, standing) in [
        (End { lifecycle: "deprecated", retires_at: "2026-11-30T00:00:00Z" }, Lacking),
        (End { lifecycle: "deprecated", retires_at: "2026-11-30" }, Lacking),
        (End { lifecycle: "active", retires_at: "2028-01-01T00:00:00Z" }, Good),
        (End { lifecycle: "retired", retires_at: "2026-11-01T00:00:00Z" }, Bad),
    ] {
        let ward = Ward::new(SlackWay::Bot).await;
        ward.world.sandbox.claude.announce_end("claude-opus-5-5", end);
        let report = ward.examined(&[]).await;
        match standing {
            Good => assert!(report.findings().all(|(_, finding)| finding.standing == Good), "{end:?}"),
            standing => check(&report, "Claude", "Model", standing),
        }
    }
}

#[tokio::test]
async fn a_table_that_is_not_there_is_told() {
    let ward = Ward::new(SlackWay::Bot).await;
    let empty = EmbeddedTable::memory().await.unwrap();
    let report = ward.examined_with(&[], Table::Open(Store::new(empty.client(), "nowhere"))).await;
    check(&report, "AutoFix", "Table", Bad);
}

#[tokio::test]
async fn a_service_that_is_down_is_told_from_one_that_refuses() {
    let ward = Ward::new(SlackWay::Bot).await;
    ward.world.sandbox.claude.service().fail_next(Method::GET, "/v1/models", Fault::status(529));
    let report = ward.examined(&[]).await;
    check(&report, "Claude", "API key", Bad);
    let next = report.findings().find_map(|(_, finding)| finding.next.clone()).unwrap();
    assert!(next.starts_with("Try again"), "{next}");
}

#[tokio::test]
async fn a_service_that_repeats_the_token_does_not_have_it_shown() {
    let ward = Ward::new(SlackWay::Bot).await;
    let body = format!(r#"{{"message": "Bad credentials: {TOKEN}"}}"#);
    let fault = Fault::Answer { status: 401, headers: Vec::new(), body };
    ward.world.sandbox.github.service().fail_next(Method::GET, "/repos/acme/bookshop", fault);
    let report = ward.examined(&[]).await;
    check(&report, "GitHub", "Token", Bad);
    // Ward::examined looks for the token itself.
    assert!(report.to_json().to_string().contains("Bad credentials"));
}

#[tokio::test]
async fn what_the_base_branch_wants_before_a_merge_is_told() {
    let ward = Ward::new(SlackWay::Bot).await;
    let configure = |change: fn(&mut Settings)| ward.world.sandbox.github.configure(REPO, change).unwrap();
    configure(|settings| settings.approvals_needed = 1);
    check(&ward.examined(&[]).await, "GitHub", "Merge rules", Lacking);
    configure(|settings| (settings.approvals_needed, settings.only_signed_commits) = (0, true));
    check(&ward.examined(&[]).await, "GitHub", "Merge rules", Lacking);
}

#[tokio::test]
async fn the_deployments_secret_is_said_to_be_empty_by_name() {
    let ward = Ward::new(SlackWay::Bot).await;
    let manager = SecretsManager::start_with(ward.world.clock.clock()).await.unwrap();
    let clock = ward.world.clock.clock();
    let plain = ward.world.environment().pairs().into_iter();
    let environment: Environment =
        plain.filter(|(name, _)| !names::SECRETS.contains(&name.as_str())).collect();
    let secrets = |environment: &Environment| {
        Secrets::from_secrets_manager(manager.client(), ARN.to_owned(), environment.clone(), clock.clone())
    };
    let found = async |environment: Environment| {
        let deployment = Deployment {
            secrets: secrets(&environment),
            outbound: Outbound::new(None).unwrap(),
            environment,
            table: Table::Open(ward.world.process.store().clone()),
            clock: clock.clone(),
        };
        let report = examine(&deployment).await;
        let secret = report.findings().find(|(_, finding)| finding.what == "Secret").unwrap().1.clone();
        (secret.standing, secret.detail)
    };
    names::SECRETS.iter().for_each(|name| manager.put(name, ""));
    manager.put(names::ANTHROPIC_API_KEY, "sk-ant-0123456789abcdef");
    let needed = "`AUTOFIX_GITHUB_TOKEN`, `SENTRY_WEBHOOK_SECRET`, `AUTOFIX_SLACK_BOT_TOKEN`, \
                  `AUTOFIX_SLACK_SIGNING_SECRET`, `AUTOFIX_API_TOKEN`";
    assert_eq!(found(environment.clone()).await, (Bad, format!("still empty: {needed}")));
    let unsigned = environment
        .pairs()
        .into_iter()
        .chain([("AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS".to_owned(), "true".to_owned())]);
    let (_, detail) = found(unsigned.collect()).await;
    assert!(!detail.contains("SENTRY_WEBHOOK_SECRET"), "{detail}");
    for (name, value) in
        ward.world.environment().pairs().iter().filter(|(name, _)| names::SECRETS.contains(&name.as_str()))
    {
        manager.put(name, value);
    }
    assert_eq!(found(environment).await.0, Good);
}

#[tokio::test]
async fn an_autofix_that_waits_for_settings_is_recognised() {
    let ward = Ward::new(SlackWay::Bot).await;
    let folder = TempDir::new().unwrap();
    let address = serve(waiting::routes(folder.path(), "/autofix")).await;
    let report = ward.examined(&[("AUTOFIX_PUBLIC_URL", &address)]).await;
    check(&report, "AutoFix", "Public address", Bad);
    let found = report.findings().find(|(_, finding)| finding.what == "Public address").unwrap().1;
    assert!(found.detail.contains("waits for `ANTHROPIC_API_KEY`"), "{found:?}");
}

#[tokio::test]
async fn nothing_is_vouched_for_that_could_not_be_reached() {
    let ward = Ward::new(SlackWay::Bot).await;
    for (address, part) in [
        ("ANTHROPIC_BASE_URL", "Claude"),
        ("GITHUB_API_URL", "GitHub"),
        ("SENTRY_URL", "Sentry"),
        ("SLACK_API_URL", "Slack"),
    ] {
        let report = ward.examined(&[(address, "http://127.0.0.1:1")]).await;
        let found: Vec<_> =
            report.findings().filter(|(of, _)| *of == part).map(|(_, finding)| finding).collect();
        assert!(
            found.iter().any(|one| one.standing == Bad && one.detail.contains("cannot connect")),
            "{found:#?}"
        );
        // What is left can be seen without asking: a secret that was pasted whole, and its address.
        let good = found.iter().filter(|one| one.standing == Good).map(|one| one.what.as_str());
        let seen_here = ["Webhook secret", "Signing secret", "Legacy WebHooks plugin"];
        assert!(good.clone().all(|what| seen_here.contains(&what)), "{:?}", good.collect::<Vec<_>>());
    }
}
