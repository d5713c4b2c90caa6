//! `autofix serve`: the endpoints on one port, the worker and the clock running, the table in a folder.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use autofix::clock::Clock;
use autofix::config::{CommonConfig, Environment, names};
use autofix::journal::Journal;
use autofix::outbound::Outbound;
use autofix::secrets::Secrets;
use autofix::store::Store;
use axum::Router;
use axum::extract::Request;
use axum::response::Redirect;
use axum::routing::get;
use tokio::net::TcpListener;
use url::Url;

use crate::arguments::ServeArgs;
use crate::deliver::{self, LambdaApi};
use crate::forward::Forwarder;
use crate::movable_clock::SkippingClock;
use crate::one_process::{OneProcess, Surroundings};
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

/// Serves until it is told to stop (Ctrl-C or SIGTERM).
pub async fn serve(args: &ServeArgs, journal: Option<Journal>) -> anyhow::Result<()> {
    if !args.sandbox && until_complete(args).await? == Ended::Stopped {
        return Ok(());
    }
    let time = SkippingClock::default();
    let clock = match args.sandbox {
        true => time.clock(), // its page lets hours pass
        false => Clock::system(),
    };
    let table = open_table(args, free_port()).await?;
    let listener = listen(args).await?;
    let address = listener.local_addr()?;
    let (mut environment, sandbox) = surroundings(args, &clock).await?;
    if args.sandbox {
        // Whoever sees the sandbox's cards sits at this machine. Others would be led to their own.
        let here = [("AUTOFIX_PUBLIC_URL", format!("http://{}", seen_from_here(address)))];
        environment = environment.over(here.into_iter().collect());
    }
    let outbound = Outbound::new(journal)?;
    let sandbox_page = sandbox.as_ref().map(|_| sandbox_page::PATH);
    let secrets = Secrets::from_environment(environment.clone(), clock.clone());
    let surroundings =
        Surroundings { environment: &environment, clock: clock.clone(), outbound, sandbox_page };
    let process = Arc::new(OneProcess::with_secrets(table, secrets, surroundings).await?);
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
        None => say!("The table is in {}", args.data.display()),
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
            if !args.host.is_loopback() {
                say!("Others can reach this sandbox, too. Nothing in it is real.");
            }
        }
    }
    let home = match args.sandbox {
        true => sandbox_page::PATH.to_owned(),
        false => format!("{prefix}/"),
    };
    if home != "/" {
        endpoints = endpoints.route("/", get(move || async move { Redirect::temporary(&home) }));
    }
    let endpoints = server::serve(listener, endpoints, server::Limits::default(), told_to_stop());
    tokio::select! { () = endpoints => {}, () = process.run() => {} }
    match args.sandbox {
        false => say!("Stopped; what is under way continues at the next start."),
        true => say!("Stopped. The next start has a new sandbox."),
    }
    Ok(())
}

/// A token with fewer characters could be guessed by others who reach this address.
const SHORTEST_TOKEN: usize = 16;

/// The fakes start empty, and so do the attempts, which mean nothing to them. Theirs is another folder: a real table may be
/// in the one that was named.
async fn open_table(args: &ServeArgs, address: SocketAddr) -> anyhow::Result<EmbeddedTable> {
    match args.sandbox {
        true => EmbeddedTable::open_at(&args.data.join(SANDBOX_TABLE), address, Before::Deleted).await,
        false => EmbeddedTable::open_at(&args.data, address, Before::Kept).await,
    }
}

async fn listen(args: &ServeArgs) -> anyhow::Result<TcpListener> {
    let (host, port) = (args.host, args.port());
    TcpListener::bind((host, port)).await.with_context(|| format!("listen on {host}, port {port}"))
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
async fn until_complete(args: &ServeArgs) -> anyhow::Result<Ended> {
    let folder = Path::new(".");
    let environment = settings::environment(folder)?;
    check_host(args.host, &environment)?;
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
    let listener = listen(args).await?;
    let prefix = CommonConfig::from_env(&environment)?.prefix;
    say!("AutoFix waits for these settings (environment or `.env`):{missing}");
    say!("`autofix setup` asks for them one by one; `docs/from-python.md` says what is new.");
    say!("Until `.env` has them, http://{}{prefix}/ says so and takes no webhooks.", listener.local_addr()?);
    let ended = waiting::wait(listener, folder, &prefix).await?;
    if ended == Ended::Complete {
        check_host(args.host, &settings::environment(folder)?)?;
        say!("Nothing is missing now. Starting …\n");
    }
    Ok(ended)
}

/// The settings, and the sandbox where it is wanted.
async fn surroundings(args: &ServeArgs, clock: &Clock) -> anyhow::Result<(Environment, Option<Sandbox>)> {
    let environment = settings::environment(std::path::Path::new("."))?;
    match args.sandbox {
        false => {
            settings::hints(&environment).iter().for_each(|hint| say!("{hint}"));
            Ok((environment, None))
        }
        true => {
            let sandbox = start_sandbox(args, clock, Addresses::free()).await?;
            let proofs = sandbox.with_proofs()?;
            let environment = proofs.over(sandbox.environment(SlackWay::Bot)).over(environment);
            say!("The four services are a sandbox on this machine; its Claude is scripted.");
            Ok((environment, Some(sandbox)))
        }
    }
}

async fn start_sandbox(args: &ServeArgs, clock: &Clock, addresses: Addresses) -> anyhow::Result<Sandbox> {
    let folder = args.data.join("sandbox");
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

/// Only the table and, where wanted, the sandbox, with its page on this machine's own address.
pub async fn serve_backing(args: &ServeArgs) -> anyhow::Result<()> {
    let clock = Clock::system();
    let (ip, port) = (args.listen.unwrap_or(Ipv4Addr::LOCALHOST.into()), args.port());
    let table = open_table(args, (ip, port).into()).await?;
    let fakes = Addresses { ip, first_port: after(port, 1) };
    let sandbox = match args.sandbox {
        true => Some(start_sandbox(args, &clock, fakes).await?),
        false => None,
    };
    let process = Environment::of_process();
    let common = CommonConfig::from_env(&settings::with(&process, &[("AUTOFIX_SECRET_ARN", "")]))?;
    table.create(&common.table).await?;
    say!("The table is at {}", table.endpoint());
    let environment = variables(&table, &common.table, sandbox.as_ref(), &args.endpoints);
    let page = match sandbox {
        Some(sandbox) => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, after(port, 1 + Addresses::COUNT)))
                .await
                .context("listen for the sandbox's page")?;
            say!("The sandbox is on http://{}{}", listener.local_addr()?, sandbox_page::PATH);
            let there = Forwarder::to(args.endpoints.as_str())?;
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
    if let Some(path) = &args.env_file {
        write_variables(path, &environment)?;
        say!("The functions' variables are in {}", path.display());
    }
    let deliveries = match &args.deliver {
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
