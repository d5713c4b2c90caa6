//! `autofix serve`: the endpoints on one port, the worker and the clock running, the table in a folder.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use autofix::clock::Clock;
use autofix::config::{CommonConfig, Environment, names};
use autofix::journal::Journal;
use autofix::outbound::Outbound;
use autofix::store::Store;
use axum::Router;
use axum::extract::Request;
use axum::response::Redirect;
use axum::routing::get;
use tokio::net::TcpListener;
use url::Url;

use crate::deliver::{self, LambdaApi};
use crate::forward::Forwarder;
use crate::movable_clock::SkippingClock;
use crate::one_process::OneProcess;
use crate::sandbox::{API_TOKEN, Addresses, Sandbox, SlackWay};
use crate::sandbox_page::{self, Log, SandboxPage, real_time, skips};
use crate::scenario::Scenario;
use crate::server;
use crate::settings;
use crate::stream::StreamReader;
use crate::table::{Before, EmbeddedTable, free_port};
use crate::terminal::say;
use crate::waiting::{self, Ended};

/// Folder of the sandbox's table, below the one that was named.
const SANDBOX_TABLE: &str = "sandbox-table";

/// What `serve` was asked to do.
#[derive(Debug)]
pub struct Options {
    /// What it listens on.
    pub host: IpAddr,
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
    if options.services == Services::Real && until_complete(&options).await? == Ended::Stopped {
        return Ok(());
    }
    let time = SkippingClock::default();
    let clock = match options.services {
        Services::Real => Clock::system(),
        Services::Sandbox => time.clock(), // its page lets hours pass
    };
    let table = open_table(&options, free_port()).await?;
    let listener = listen(&options).await?;
    let address = listener.local_addr()?;
    let (mut environment, sandbox) = surroundings(&options, &clock).await?;
    if options.services == Services::Sandbox {
        // Whoever sees the sandbox's cards sits at this machine. Others would be led to their own.
        let here = [("AUTOFIX_PUBLIC_URL", format!("http://{}", seen_from_here(address)))];
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
    let mut endpoints = process.endpoints();
    match sandbox {
        None => say!("The table is in {}", options.data.display()),
        Some(_) if prefix.starts_with(sandbox_page::PATH) => {
            bail!(
                "with `--sandbox`, `AUTOFIX_PREFIX` cannot begin with `{}`: its page is there",
                sandbox_page::PATH
            )
        }
        Some(sandbox) => {
            let let_pass = skips(time, Arc::clone(&process));
            let page = SandboxPage {
                sandbox,
                clock,
                endpoints: endpoints.clone(),
                prefix: prefix.clone(),
                store: process.store().clone(),
                let_pass,
                log: Log::default(),
            };
            endpoints = endpoints.merge(sandbox_page::routes(page));
            say!("\nBreak something, watch the card arrive, and click Deploy:");
            say!("  http://{}{}", seen_from_here(address), sandbox_page::PATH);
            if !options.host.is_loopback() {
                say!("Others can reach this sandbox, too. Nothing in it is real.");
            }
        }
    }
    let home = match options.services {
        Services::Sandbox => sandbox_page::PATH.to_owned(),
        Services::Real => format!("{prefix}/"),
    };
    if home != "/" {
        endpoints = endpoints.route("/", get(move || async move { Redirect::temporary(&home) }));
    }
    let endpoints = server::serve(listener, endpoints, server::Limits::default(), told_to_stop());
    tokio::select! { () = endpoints => {}, () = process.run() => {} }
    match options.services {
        Services::Real => say!("Stopped; what is under way goes on with the next start."),
        Services::Sandbox => say!("Stopped. The next start has a new sandbox."),
    }
    Ok(())
}

/// A token with fewer characters could be guessed by others who reach this address.
const SHORTEST_TOKEN: usize = 16;

/// The fakes start empty, and so do the attempts, which mean nothing to them. Theirs is another folder: a real table may be
/// in the one that was named.
async fn open_table(options: &Options, address: SocketAddr) -> anyhow::Result<EmbeddedTable> {
    match options.services {
        Services::Real => EmbeddedTable::open_at(&options.data, address, Before::Kept).await,
        Services::Sandbox => {
            EmbeddedTable::open_at(&options.data.join(SANDBOX_TABLE), address, Before::Deleted).await
        }
    }
}

async fn listen(options: &Options) -> anyhow::Result<TcpListener> {
    let Options { host, port, .. } = options;
    TcpListener::bind((*host, *port)).await.with_context(|| format!("listen on {host}, port {port}"))
}

/// The address as a browser on this machine has it. In a container it is the address outside, if the ports are the same.
fn seen_from_here(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    (ip, address.port()).into()
}

/// Where others can reach AutoFix, the API token is all that keeps them out.
fn check_host(host: IpAddr, environment: &Environment) -> anyhow::Result<()> {
    if host.is_loopback() {
        return Ok(());
    }
    let what = match environment.get(names::API_TOKEN) {
        None => "is not set",
        Some(API_TOKEN) => "is the sandbox's, which everyone knows",
        Some(token) if token.chars().count() < SHORTEST_TOKEN => "is short enough to be guessed",
        Some(_) => return Ok(()),
    };
    bail!(
        "others can reach {host}, and `{}` {what}. Set it to a long random text (`openssl rand -hex 32`), or leave \
         `--host` out",
        names::API_TOKEN
    )
}

/// Refuses to start with settings that can't work. With those of a Python AutoFix it waits for what is missing, and says so.
async fn until_complete(options: &Options) -> anyhow::Result<Ended> {
    let folder = Path::new(".");
    let environment = settings::environment(folder)?;
    check_host(options.host, &environment)?;
    let missing = settings::missing(&environment);
    if missing.is_empty() {
        return Ok(Ended::Complete);
    }
    let missing: String = missing.iter().map(|one| format!("\n  {one}")).collect();
    if !settings::are_of_python_autofix(&environment) {
        bail!(
            "these settings are missing (environment or `.env`):{missing}\n`autofix setup` asks for them one by one; \
             `autofix serve --sandbox` needs none."
        );
    }
    let listener = listen(options).await?;
    let prefix = CommonConfig::from_env(&environment)?.prefix;
    say!("AutoFix waits for these settings (environment or `.env`):{missing}");
    say!("`autofix setup` asks for them one by one; `docs/from-python.md` says what is new.");
    say!("Until `.env` has them, http://{}{prefix}/ says so and takes no webhooks.", listener.local_addr()?);
    let ended = waiting::wait(listener, folder, &prefix).await?;
    if ended == Ended::Complete {
        check_host(options.host, &settings::environment(folder)?)?;
        say!("Nothing is missing now. Starting …\n");
    }
    Ok(ended)
}

/// The settings, and the sandbox where it is wanted.
async fn surroundings(options: &Options, clock: &Clock) -> anyhow::Result<(Environment, Option<Sandbox>)> {
    let environment = settings::environment(std::path::Path::new("."))?;
    match options.services {
        Services::Real => {
            settings::hints(&environment).iter().for_each(|hint| say!("{hint}"));
            Ok((environment, None))
        }
        Services::Sandbox => {
            let sandbox = start_sandbox(options, clock, Addresses::free()).await?;
            let proofs = sandbox.with_proofs()?;
            let environment = proofs.over(sandbox.environment(SlackWay::Bot)).over(environment);
            say!("The four services are a sandbox on this machine; its Claude is scripted.");
            Ok((environment, Some(sandbox)))
        }
    }
}

async fn start_sandbox(options: &Options, clock: &Clock, addresses: Addresses) -> anyhow::Result<Sandbox> {
    let folder = options.data.join("sandbox");
    // The fakes keep their state in memory, so repositories of an earlier run belong to nothing.
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("clear the sandbox's repositories")?;
    }
    std::fs::create_dir_all(&folder).context("make the sandbox's folder")?;
    let sandbox = Sandbox::start_at(&folder, clock.clone(), addresses).await?;
    let repository = sandbox.add_demo_project()?;
    // What the samples in `events/` report; the other scenarios are about the same issues.
    for scenario in [Scenario::Fix, Scenario::Security] {
        sandbox.sentry.throw(&scenario.event(clock.now()));
    }
    say!("The sandbox's repository is {}", repository.display());
    Ok(sandbox)
}

/// Functions that run elsewhere, under `sam local` or `cargo lambda`.
#[derive(Debug)]
pub struct Functions {
    /// What listens for them: containers can't reach this machine's loopback.
    pub listen: IpAddr,
    /// Gets the variables that they need, when everything is ready.
    pub env_file: Option<PathBuf>,
    /// Lambda's API, for the worker.
    pub deliver: Option<Url>,
    /// Where their HTTP endpoints are.
    pub endpoints: Url,
}

/// Only the table and, where wanted, the sandbox, with its page on this machine's own address.
pub async fn serve_backing(options: Options, functions: Functions) -> anyhow::Result<()> {
    let clock = Clock::system();
    let address = (functions.listen, options.port).into();
    let table = open_table(&options, address).await?;
    let fakes = Addresses { ip: functions.listen, first_port: after(options.port, 1) };
    let sandbox = match options.services {
        Services::Sandbox => Some(start_sandbox(&options, &clock, fakes).await?),
        Services::Real => None,
    };
    let process = Environment::of_process();
    let common = CommonConfig::from_env(&settings::with(&process, &[("AUTOFIX_SECRET_ARN", "")]))?;
    table.create(&common.table).await?;
    say!("The table is at {}", table.endpoint());
    let environment = variables(&table, &common.table, sandbox.as_ref(), &functions.endpoints);
    let page = match sandbox {
        Some(sandbox) => {
            let listener =
                TcpListener::bind((Ipv4Addr::LOCALHOST, after(options.port, 1 + Addresses::COUNT)))
                    .await
                    .context("listen for the sandbox's page")?;
            say!("The sandbox is on http://{}{}", listener.local_addr()?, sandbox_page::PATH);
            let there = Forwarder::to(functions.endpoints.as_str())?;
            let endpoints = Router::new().fallback(move |request: Request| {
                let there = there.clone();
                async move { there.forward(request).await }
            });
            let page = SandboxPage {
                sandbox,
                clock,
                endpoints: endpoints.clone(),
                prefix: common.prefix.clone(),
                store: Store::new(table.client(), &common.table),
                let_pass: real_time(),
                log: Log::default(),
            };
            Some((listener, endpoints.merge(sandbox_page::routes(page))))
        }
        None => None,
    };
    if let Some(path) = &functions.env_file {
        write_variables(path, &environment)?;
        say!("The functions' variables are in {}", path.display());
    }
    let deliveries = match &functions.deliver {
        Some(url) => {
            say!("The table's stream and the clock go to the worker behind {url}");
            let stream = StreamReader::new(table.streams(), &common.table);
            Some(deliver::run(LambdaApi::at(url)?, stream))
        }
        None => None,
    };
    let page = async {
        match page {
            Some((listener, router)) => {
                server::serve(listener, router, server::Limits::default(), told_to_stop()).await
            }
            None => told_to_stop().await,
        }
    };
    let deliveries = async {
        match deliveries {
            Some(deliveries) => deliveries.await,
            None => std::future::pending().await,
        }
    };
    tokio::select! { () = page => {}, () = deliveries => {} }
    table.close().await
}

/// The port that comes so many after another one; any free one after any free one.
fn after(port: u16, count: u16) -> u16 {
    if port == 0 { 0 } else { port + count }
}

/// What the functions have to know to work on this table and these fakes.
fn variables(
    table: &EmbeddedTable,
    name: &str,
    sandbox: Option<&Sandbox>,
    endpoints: &Url,
) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> =
        table.variables().map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    all.insert("AUTOFIX_TABLE".to_owned(), name.to_owned());
    // `sam local` would give the functions the template's name of the secret, and they would ask AWS for it.
    all.insert("AUTOFIX_SECRET_ARN".to_owned(), String::new());
    all.insert("AUTOFIX_PUBLIC_URL".to_owned(), endpoints.as_str().trim_end_matches('/').to_owned());
    all.extend(sandbox.iter().flat_map(|sandbox| sandbox.environment(SlackWay::Bot).pairs()));
    all
}

fn write_variables(path: &Path, variables: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let lines = match path.extension().is_some_and(|extension| extension == "json") {
        true => for_sam(variables)?,
        false => variables.iter().map(|(name, value)| format!("{name}={value}\n")).collect(),
    };
    // Written beside and renamed, so that whoever waits for the file never reads half of it.
    let beside = path.with_extension("part");
    std::fs::write(&beside, lines).with_context(|| format!("write `{}`", beside.display()))?;
    std::fs::rename(&beside, path).with_context(|| format!("write `{}`", path.display()))
}

/// The form of `sam local invoke --env-vars`.
fn for_sam(variables: &BTreeMap<String, String>) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&serde_json::json!({ "Parameters": variables }))? + "\n")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_reach_needs_a_token_that_nobody_can_guess() {
        let check = |host: &str, token: &str, expected: Option<&str>| {
            let environment = Environment::from_iter([(names::API_TOKEN, token)]);
            let said = check_host(host.parse().unwrap(), &environment).err().map(|error| error.to_string());
            match (&said, expected) {
                (None, None) => {}
                (Some(said), Some(expected)) => assert!(said.contains(expected), "{host} {token}: {said}"),
                _ => panic!("{host} {token}: {said:?}"),
            }
        };
        for host in ["127.0.0.1", "127.0.0.2", "::1"] {
            check(host, "", None);
        }
        for host in ["0.0.0.0", "::", "192.168.0.7"] {
            check(host, "", Some("`AUTOFIX_API_TOKEN` is not set"));
            check(host, API_TOKEN, Some("everyone knows"));
            check(host, "0123456789abcde", Some("guessed"));
            check(host, "0123456789abcdef0123456789abcdef", None);
        }
    }

    #[tokio::test]
    async fn the_variables_for_sam_local_are_those_of_a_sandbox_that_containers_reach() {
        let folder = std::env::temp_dir().join(format!("autofix-serve-{}", std::process::id()));
        let sandbox = Sandbox::start(&folder, Clock::system()).await.unwrap();
        let table = EmbeddedTable::memory().await.unwrap();
        let endpoints = "http://127.0.0.1:3000".parse().unwrap();
        let mut text = for_sam(&variables(&table, "autofix", Some(&sandbox), &endpoints)).unwrap();
        // Each service has its port, counted from the table's.
        let ports = [
            table.endpoint(),
            sandbox.claude.url(),
            sandbox.github.url(),
            sandbox.github.downloads().url(),
            sandbox.sentry.url(),
            sandbox.slack.service().url(),
        ];
        for (number, url) in ports.iter().enumerate() {
            text = text.replace(url, &format!("http://host.docker.internal:{}", 8000 + number));
        }
        drop(std::fs::remove_dir_all(&folder));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events/env.json");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}
