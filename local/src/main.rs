//! The command `autofix`: everything of AutoFix in one process.

#![allow(clippy::print_stderr, reason = "the command tells its errors on standard error")]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use anyhow::Context;
use autofix::clock::Clock;
use autofix::config::{CommonConfig, Environment};
use autofix::journal::Journal;
use autofix::logging;
use autofix::outbound::Outbound;
use autofix_local::arguments::{BacktestArgs, Cli, Command, DoctorArgs, SecretsCommand, SetupArgs};
use autofix_local::demo::{self, Click, Page};
use autofix_local::doctor::{self, Deployment};
use autofix_local::serve;
use autofix_local::setup::Person;
use autofix_local::{analyze, backtest, client, secrets_push, settings, setup, slack_manifest, terminal};
use clap::{CommandFactory, Parser};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    autofix::outbound::install_tls();
    match run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("autofix: {}", terminal::explained(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let environment = match cli.command {
        // A shell's start must not depend on what lies in the current folder.
        Command::Completions(_) => Environment::default(),
        _ => settings::environment(std::path::Path::new("."))?,
    };
    let clock = Clock::system();
    let journal = match &cli.journal {
        Some(path) => {
            Some(Journal::create(path).with_context(|| format!("create the journal `{}`", path.display()))?)
        }
        None => None,
    };
    let done = match cli.command {
        Command::Doctor(args) => {
            logging::start_plain(environment.get("RUST_LOG").or(Some("off")));
            return examine(args, &environment, clock, journal).await;
        }
        Command::Setup(args) => {
            logging::start_plain(environment.get("RUST_LOG").or(Some("off")));
            return set_up(args, clock, journal).await;
        }
        Command::SlackManifest(args) => {
            let prefix = CommonConfig::from_env(&environment)?.prefix;
            print(format!("{}\n", slack_manifest::manifest(&args.url, &prefix)?).as_bytes());
            Ok(())
        }
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Cli::command(), "autofix", &mut script);
            print(&script);
            Ok(())
        }
        Command::Demo(args) => {
            // The story is what people read; logs only where something is wrong.
            logging::start_plain(environment.get("RUST_LOG").or(Some("error")));
            let click = if args.yes { Click::ByItself } else { Click::Ask };
            let stays = args.stay || (!args.yes && std::io::stdin().is_terminal());
            let page = if stays { Page::Stays } else { Page::AsLongAsTheStory };
            let options = demo::Options { scenario: args.scenario, click, page, folder: args.data, journal };
            demo::demo(options).await
        }
        Command::Serve(args) => {
            logging::start_plain(logging::level(&environment));
            if args.table_only {
                serve::serve_backing(&args).await
            } else {
                serve::serve(&args, journal).await
            }
        }
        Command::Analyze(args) => {
            logging::start_plain(environment.get("RUST_LOG").or(Some("error")));
            let outbound = Outbound::new(journal)?;
            analyze::analyze(&args, &analyze::Means { environment, clock, outbound }).await
        }
        Command::Backtest(args) => {
            logging::start_plain(environment.get("RUST_LOG").or(Some("error")));
            let outbound = Outbound::new(journal)?;
            let options = backtest_options(args)?;
            stop_on_ctrl_c(std::sync::Arc::clone(&options.stop));
            backtest::backtest(&options, &analyze::Means { environment, clock, outbound }).await
        }
        Command::Send(args) => {
            let server = client::Server { url: args.url, environment };
            let event = server.prepare(&args.file, args.attempt.as_deref(), clock.now()).await?;
            if args.print {
                client::print(&event);
                return Ok(ExitCode::SUCCESS);
            }
            server.send(&event).await
        }
        Command::Secrets(SecretsCommand::Push(args)) => {
            let secret = args.secret.or(environment.get("AUTOFIX_SECRET_ARN").map(str::to_owned));
            if args.dry_run {
                secrets_push::show(&args.from)
            } else {
                let client = aws_sdk_secretsmanager::Client::new(&autofix::aws::sdk_config().await);
                secrets_push::push(&args.from, secret.as_deref(), &client).await
            }
        }
        Command::Fix(args) => {
            let server = client::Server { url: args.url, environment };
            server.fix(&args.sentry_url).await.context("start an attempt")
        }
        Command::Status(args) => {
            let server = client::Server { url: args.url, environment };
            let status = server.status().await?;
            print(format!("{}\n", status.sentence).as_bytes());
            return Ok(if status.is_ready { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Attempts(args) => {
            let server = client::Server { url: args.url.clone(), environment };
            server.show_attempts(&args, clock.now()).await
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

async fn examine(
    args: DoctorArgs,
    environment: &Environment,
    clock: Clock,
    journal: Option<Journal>,
) -> anyhow::Result<ExitCode> {
    let (environment, outbound) = (environment.clone(), Outbound::new(journal)?);
    let deployment = match args.sandbox {
        true => Deployment::here(environment, clock, outbound),
        false => Deployment::of(environment, clock, outbound).await?,
    };
    let report = doctor::doctor(&args, deployment).await?;
    Ok(if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn backtest_options(args: BacktestArgs) -> anyhow::Result<backtest::Options> {
    let source = match (args.cases, args.project, args.repo) {
        (Some(folder), _, _) => backtest::Source::Folders(folder),
        (None, Some(project), Some(repo)) => backtest::Source::Sentry(backtest::SentryProject {
            organization: args.organization,
            project,
            repo,
            limit: usize::from(args.limit),
        }),
        (None, _, _) => anyhow::bail!("name a project and its clone, or a folder of cases"),
    };
    Ok(backtest::Options {
        source,
        out: args.out,
        max_cost_usd: args.max_cost,
        json: args.json,
        stop: std::sync::Arc::default(),
    })
}

/// The first Ctrl-C lets the answer that is under way arrive, since it is paid for; the second one ends everything.
fn stop_on_ctrl_c(stop: std::sync::Arc<std::sync::atomic::AtomicBool>) {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        eprintln!(
            "\nWaiting for the answer that is under way, which is paid for. Ctrl-C again ends at once."
        );
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
}

async fn set_up(args: SetupArgs, clock: Clock, journal: Option<Journal>) -> anyhow::Result<ExitCode> {
    let secrets_manager = match &args.push {
        Some(_) => Some(aws_sdk_secretsmanager::Client::new(&autofix::aws::sdk_config().await)),
        None => None,
    };
    let process = Environment::of_process();
    let mut person = Person::of_process(&process);
    let means = setup::Means { process, clock, outbound: Outbound::new(journal)?, secrets_manager };
    stop_asking_on_ctrl_c(args.file.clone());
    Ok(match setup::setup(&args, means, &mut person).await? {
        setup::Outcome::Ready => ExitCode::SUCCESS,
        setup::Outcome::SomethingIsWrong | setup::Outcome::Stopped => ExitCode::FAILURE,
    })
}

/// While a secret is typed, Ctrl-C ends the question, and with it `setup`. Everywhere else nothing would be said.
fn stop_asking_on_ctrl_c(file: std::path::PathBuf) {
    const END_OF_A_HIDDEN_QUESTION: std::time::Duration = std::time::Duration::from_millis(200);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        tokio::time::sleep(END_OF_A_HIDDEN_QUESTION).await;
        print(format!("\n{}\n", setup::farewell(&file)).as_bytes());
        std::process::exit(1);
    });
}

/// A reader that has gone (`| head`) is no error: there is nobody to tell.
fn print(bytes: &[u8]) {
    let _ = std::io::stdout().write_all(bytes);
}
