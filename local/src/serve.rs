//! `autofix serve`: the doors on one port, the worker and the clock running, the table in a folder.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use autofix::clock::Clock;
use autofix::config::{CommonConfig, Environment, names};
use autofix::journal::Journal;
use autofix::outbound::Outbound;
use tokio::net::TcpListener;

use crate::movable_clock::LeapingClock;
use crate::one_process::OneProcess;
use crate::sandbox::{API_TOKEN, Sandbox, SlackWay};
use crate::sandbox_page::{self, Behind, Place, leaps};
use crate::scenario::Scenario;
use crate::server;
use crate::settings;
use crate::table::EmbeddedTable;
use crate::terminal::say;

/// Folder of the sandbox's table, below the one that was named.
const SANDBOX_TABLE: &str = "sandbox-table";

/// What `serve` was asked to do.
#[derive(Debug)]
pub struct Options {
    pub port: u16,
    /// Folder of the table, and of the sandbox's table and repositories.
    pub data: PathBuf,
    pub services: Services,
    pub journal: Option<Journal>,
}

/// Which services AutoFix talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Services {
    Real,
    Sandbox,
}

/// Serves until it is told to stop (Ctrl-C or SIGTERM).
pub async fn serve(options: Options) -> anyhow::Result<()> {
    let time = LeapingClock::default();
    let clock = match options.services {
        Services::Real => Clock::system(),
        Services::Sandbox => time.clock(), // its page lets hours pass
    };
    let table = match options.services {
        Services::Real => EmbeddedTable::open(&options.data).await?,
        // The stand-ins begin anew, and so do the attempts, which mean nothing to them. It is another folder: a real
        // table may be in the one that was named.
        Services::Sandbox => EmbeddedTable::open_anew(&options.data.join(SANDBOX_TABLE)).await?,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
        .await
        .with_context(|| format!("listen on port {}", options.port))?;
    let address = listener.local_addr()?;
    let (mut environment, sandbox) = surroundings(&options, &clock).await?;
    if options.services == Services::Sandbox {
        // Whoever sees the sandbox's cards sits at this machine. Others would be led to their own.
        let here = [("AUTOFIX_PUBLIC_URL", format!("http://{address}"))];
        environment = environment.over(here.into_iter().collect());
    }
    let outbound = Outbound::new(options.journal.clone())?;
    let process = Arc::new(OneProcess::new(table, &environment, clock.clone(), outbound).await?);
    process.break_leases().await?;
    let prefix = CommonConfig::from_env(&environment)?.prefix;
    say!("AutoFix is listening on http://{address}{prefix}");
    say!("  Sentry webhook       POST http://{address}{prefix}/webhooks/sentry");
    say!("  Slack interactivity  POST http://{address}{prefix}/slack/interact");
    say!("  Attempts             GET  http://{address}{prefix}/attempts");
    say!("The web page is http://{address}{prefix}/");
    if environment.get(names::API_TOKEN) == Some(API_TOKEN) {
        say!("  Log in with the development token: {API_TOKEN}");
    }
    let mut doors = process.doors();
    match sandbox {
        None => say!("The table is in {}", options.data.display()),
        Some(_) if prefix.starts_with(sandbox_page::PATH) => {
            bail!(
                "with `--sandbox`, `AUTOFIX_PREFIX` cannot begin with `{}`: its page is there",
                sandbox_page::PATH
            )
        }
        Some(sandbox) => {
            let let_pass = leaps(time, Arc::clone(&process));
            let place = Place::new(Behind {
                sandbox,
                clock,
                doors: doors.clone(),
                prefix: prefix.clone(),
                store: process.store().clone(),
                let_pass,
            });
            doors = doors.merge(sandbox_page::routes(place));
            say!("\nBreak something, watch the card arrive, and click Deploy:");
            say!("  http://{address}{}", sandbox_page::PATH);
        }
    }
    let doors = server::serve(listener, doors, server::Limits::default(), told_to_stop());
    tokio::select! { () = doors => {}, () = process.run() => {} }
    match options.services {
        Services::Real => say!("Stopped; what is under way goes on with the next start."),
        Services::Sandbox => say!("Stopped. The next start begins anew."),
    }
    Ok(())
}

/// The settings, and the sandbox where it is wanted.
async fn surroundings(options: &Options, clock: &Clock) -> anyhow::Result<(Environment, Option<Sandbox>)> {
    let environment = settings::environment(std::path::Path::new("."))?;
    match options.services {
        Services::Real => {
            let missing = settings::missing(&environment);
            if !missing.is_empty() {
                bail!(
                    "these settings are missing (environment or `.env`):\n  {}\n`autofix setup` asks for them one by one; \
                     `autofix serve --sandbox` needs none.",
                    missing.join("\n  ")
                );
            }
            settings::hints(&environment).iter().for_each(|hint| say!("{hint}"));
            Ok((environment, None))
        }
        Services::Sandbox => {
            let sandbox = start_sandbox(options, clock).await?;
            let environment = sandbox.environment(SlackWay::Bot).over(environment);
            say!("The four services are a sandbox on this machine; its Claude is scripted.");
            Ok((environment, Some(sandbox)))
        }
    }
}

async fn start_sandbox(options: &Options, clock: &Clock) -> anyhow::Result<Sandbox> {
    let folder = options.data.join("sandbox");
    // The stand-ins keep their state in memory, so repositories of an earlier run belong to nothing.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("clear the sandbox's repositories")?;
    }
    std::fs::create_dir_all(&folder).context("make the sandbox's folder")?;
    let sandbox = Sandbox::start(&folder, clock.clone()).await?;
    let repository = sandbox.add_demo_project()?;
    // What the samples in `events/` report; the other scenarios are about the same issues.
    for scenario in [Scenario::Fix, Scenario::Security] {
        sandbox.sentry.throw(&scenario.event(clock.now()));
    }
    say!("The sandbox's repository is {}", repository.display());
    Ok(sandbox)
}

/// Only the table and, where wanted, the sandbox: for functions that run elsewhere, under `sam local` or
/// `cargo lambda`. The variables that they need are written to `env_file` when everything is ready.
pub async fn serve_backing(options: Options, env_file: Option<PathBuf>) -> anyhow::Result<()> {
    let clock = Clock::system();
    let table = EmbeddedTable::open_at(&options.data, options.port).await?;
    let sandbox = match options.services {
        Services::Sandbox => Some(start_sandbox(&options, &clock).await?),
        Services::Real => None,
    };
    let name = Environment::of_process().get("AUTOFIX_TABLE").unwrap_or("autofix").to_owned();
    table.create(&name).await?;
    let mut environment = vec![("AUTOFIX_TABLE".to_owned(), name)];
    environment.extend(table.variables().map(|(name, value)| (name.to_owned(), value)));
    environment.extend(sandbox.iter().flat_map(|sandbox| sandbox.environment(SlackWay::Bot).pairs()));
    say!("The table is at {}", table.endpoint());
    if let Some(path) = env_file {
        let lines = match path.extension().is_some_and(|extension| extension == "json") {
            // The form of `sam local invoke --env-vars`.
            true => {
                serde_json::json!({ "Parameters": environment.iter().cloned().collect::<BTreeMap<_, _>>() })
                    .to_string()
            }
            false => environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect(),
        };
        // Written beside and renamed, so that whoever waits for the file never reads half of it.
        let beside = path.with_extension("part");
        std::fs::write(&beside, lines).with_context(|| format!("write `{}`", beside.display()))?;
        std::fs::rename(&beside, &path).with_context(|| format!("write `{}`", path.display()))?;
        say!("The functions' variables are in {}", path.display());
    }
    told_to_stop().await;
    table.close().await
}

/// Done on Ctrl-C or SIGTERM.
pub(crate) async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! { _ = interrupt => {}, () = terminate => {} }
}
