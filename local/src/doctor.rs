//! `autofix doctor`: each setting and credential tried against the live service, or against the sandbox,
//! and what to do about what is not right. Nothing is written anywhere: what has to be a write to be
//! tried is one that the service must refuse for its content.

mod claude;
mod clients;
pub(crate) mod deployment;
mod github;
pub(crate) mod plausible;
pub mod report;
mod sentry;
mod slack;

use std::path::Path;

use anyhow::Context;
use autofix::clock::Clock;
use autofix::config::{CommonConfig, ConfigError, Environment, names};
use autofix::journal::Service;
use autofix::outbound::Outbound;
use autofix::secrets::{Secret, Secrets};
use autofix::store::Store;
use clients::Clients;
use report::{Finding, Report};

use crate::arguments::DoctorArgs;
use crate::one_process::{OneProcess, setting_problems};
use crate::sandbox::{Sandbox, SlackWay, sentry::ORGANIZATION};
use crate::scenario::Scenario;
use crate::table::EmbeddedTable;
use crate::terminal::{Look, progress, say};

/// The parts of a report.
const OWN: &str = "AutoFix";

/// What is examined.
pub struct Deployment {
    pub environment: Environment,
    pub secrets: Secrets,
    pub table: Table,
    pub clock: Clock,
    pub outbound: Outbound,
}

impl Deployment {
    /// The deployment that these settings describe: in AWS where they name its table or its secret, else on this machine.
    ///
    /// # Errors
    /// When it is not clear which, because a setting cannot be read.
    pub async fn of(
        environment: Environment,
        clock: Clock,
        outbound: Outbound,
    ) -> Result<Deployment, ConfigError> {
        let common = CommonConfig::from_env(&environment)?;
        if common.secret_arn.is_none() && environment.get("AUTOFIX_TABLE").is_none() {
            return Ok(Deployment::here(environment, clock, outbound));
        }
        let sdk = autofix::aws::sdk_config().await;
        let table = Table::Open(autofix::aws::store(&sdk, &common));
        let secrets = autofix::aws::secrets(&sdk, &common, &environment, &clock);
        Ok(Deployment { environment, secrets, table, clock, outbound })
    }

    /// The deployment on this machine; its table is not looked at yet.
    pub fn here(environment: Environment, clock: Clock, outbound: Outbound) -> Deployment {
        let secrets = Secrets::from_environment(environment.clone(), clock.clone());
        let table = Table::Known(Finding::good("Table", "not looked at yet"));
        Deployment { environment, secrets, table, clock, outbound }
    }
}

/// The table, as far as it is known.
pub enum Table {
    Open(Store),
    /// What there is to say about it without asking.
    Known(Finding),
}

/// Examines, and prints the report.
///
/// # Errors
/// When the sandbox cannot be started; what is wrong with the settings stands in the report.
pub async fn doctor(args: &DoctorArgs, deployment: Deployment) -> anyhow::Result<Report> {
    let look = Look::of_output(&deployment.environment);
    if !args.json {
        progress("Asking Claude, GitHub, Sentry, Slack and the table …");
    }
    let report = match args.sandbox {
        true => in_sandbox(deployment).await?,
        false => examine_with_table(deployment, &args.data).await?,
    };
    match args.json {
        true => say!("{:#}", report.to_json()),
        false => say!("{}", report.shown(look)),
    }
    Ok(report)
}

/// Tries everything, on the table of `autofix serve` in this folder where the deployment has no other one.
///
/// # Errors
/// When that table cannot be closed.
pub(crate) async fn examine_with_table(deployment: Deployment, folder: &Path) -> anyhow::Result<Report> {
    let (deployment, embedded) = with_table(deployment, folder).await;
    let report = examine(&deployment).await;
    if let Some(embedded) = embedded {
        embedded.close().await?;
    }
    Ok(report)
}

/// Tries everything; the services at the same time.
pub async fn examine(deployment: &Deployment) -> Report {
    let mut report = Report::default();
    let mut own: Vec<Finding> = setting_problems(&deployment.environment)
        .into_iter()
        .map(|problem| Finding::bad("Settings", problem, "Set it right in the environment or in `.env`."))
        .collect();
    if own.is_empty() {
        own.push(Finding::good(
            "Settings",
            "readable, and none that AutoFix cannot start without is missing",
        ));
    }
    if let Err(error) = deployment.secrets.warm().await {
        let next =
            "Check `AUTOFIX_SECRET_ARN`, and that these credentials may `secretsmanager:GetSecretValue` it.";
        own.push(Finding::bad("Secrets", error.to_string(), next));
        report.add(OWN, own);
        return report.safe_to_show(&[]);
    }
    own.extend(deployment::empty_secrets(deployment).await);
    let Some(clients) = Clients::of(deployment) else {
        let next = "Correct the settings first.";
        own.push(Finding::lacking("Services", "not asked: it is not clear where they are", next));
        report.add(OWN, own);
        return report.safe_to_show(&known_secrets(&deployment.secrets).await);
    };
    let (of_claude, of_github, of_sentry, of_slack, table, token, address) = tokio::join!(
        clients.service(Service::Anthropic),
        clients.service(Service::Github),
        clients.service(Service::Sentry),
        clients.service(Service::Slack),
        deployment::table(&deployment.table, deployment.clock.now()),
        deployment::api_token(&deployment.secrets),
        deployment::public_url(&clients.config, &deployment.environment),
    );
    own.extend([table, token]);
    own.extend(address);
    for (part, findings) in
        [("Claude", of_claude), ("GitHub", of_github), ("Sentry", of_sentry), ("Slack", of_slack), (OWN, own)]
    {
        report.add(part, findings);
    }
    report.safe_to_show(&known_secrets(&deployment.secrets).await)
}

/// What one service says alone; empty where it is not clear where it is.
pub(crate) async fn examine_service(deployment: &Deployment, service: Service) -> Report {
    let mut report = Report::default();
    if let Some(clients) = Clients::of(deployment) {
        report.add(OWN, clients.service(service).await);
    }
    report.safe_to_show(&known_secrets(&deployment.secrets).await)
}

async fn known_secrets(secrets: &Secrets) -> Vec<Secret> {
    let mut known = Vec::new();
    for name in names::SECRETS {
        known.extend(secrets.get(name).await.ok().flatten());
    }
    known
}

/// The deployment with the embedded table of `autofix serve` where no other one is open; it has to stay open meanwhile.
async fn with_table(deployment: Deployment, folder: &Path) -> (Deployment, Option<EmbeddedTable>) {
    if matches!(deployment.table, Table::Open(_)) {
        return (deployment, None);
    }
    let (table, embedded) = match embedded(folder, &deployment.environment).await {
        Ok(opened) => opened,
        Err(error) => {
            let next = "Stop the process that uses it, or name another folder with `--data`.";
            (Table::Known(Finding::lacking("Table", format!("not looked at: {error:#}"), next)), None)
        }
    };
    (Deployment { table, ..deployment }, embedded)
}

async fn embedded(
    folder: &Path,
    environment: &Environment,
) -> anyhow::Result<(Table, Option<EmbeddedTable>)> {
    if !folder.exists() {
        let detail = format!("`{}` is made by the first `autofix serve`", folder.display());
        return Ok((Table::Known(Finding::good("Table", detail)), None));
    }
    let name = CommonConfig::from_env(environment)?.table;
    let embedded = EmbeddedTable::open(folder).await?;
    embedded.create(&name).await?;
    Ok((Table::Open(Store::new(embedded.client(), name)), Some(embedded)))
}

/// The same against fakes on this machine: what a healthy deployment looks like.
async fn in_sandbox(deployment: Deployment) -> anyhow::Result<Report> {
    let folder = std::env::temp_dir().join(format!("autofix-doctor-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("make the folder `{}`", folder.display()))?;
    let report = at_fakes(deployment, &folder).await;
    let _ = std::fs::remove_dir_all(&folder);
    report
}

async fn at_fakes(deployment: Deployment, folder: &Path) -> anyhow::Result<Report> {
    let Deployment { environment, clock, outbound, .. } = deployment;
    let sandbox = Sandbox::start(folder, clock.clone()).await?;
    sandbox.add_demo_project()?;
    Scenario::ALL.iter().for_each(|scenario| sandbox.sentry.throw(&scenario.event(clock.now())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.context("listen on a free port")?;
    let here = [
        ("AUTOFIX_PUBLIC_URL", format!("http://{}", listener.local_addr()?)),
        ("SENTRY_ORG", ORGANIZATION.to_owned()),
    ];
    let here: Environment = here.into_iter().collect();
    let environment = here.over(sandbox.environment(SlackWay::Bot)).over(environment);
    let table = EmbeddedTable::memory().await?;
    let process = OneProcess::new(table, &environment, clock.clone(), outbound.clone()).await;
    let table = match &process {
        Ok(process) => {
            let endpoints = process.endpoints();
            tokio::spawn(async move { axum::serve(listener, endpoints).await });
            Table::Open(process.store().clone())
        }
        Err(_) => Table::Known(Finding::lacking("Table", "not looked at", "Correct the settings first.")),
    };
    let secrets = Secrets::from_environment(environment.clone(), clock.clone());
    Ok(examine(&Deployment { environment, secrets, table, clock, outbound }).await)
}
