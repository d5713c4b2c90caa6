//! The command `autofix`: everything of AutoFix in one process.

#![allow(clippy::print_stderr, reason = "the command tells its errors on standard error")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use autofix::clock::Clock;
use autofix::config::CommonConfig;
use autofix::journal::Journal;
use autofix::logging;
use autofix_local::dead_letters::{self, Found, Office};
use autofix_local::demo::{self, Click};
use autofix_local::scenario::Scenario;
use autofix_local::serve::{self, Services};
use autofix_local::{chaos, client, evaluate, load, secrets_push, settings};
use clap::{Args, Parser, Subcommand};

/// Fixes production errors: from a Sentry webhook to a reviewed, merged pull request.
#[derive(Parser)]
#[command(name = "autofix", version, after_help = "Try it without any credentials:\n    autofix demo --yes")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Write every request to the four services to this file, one JSON object a line, secrets replaced.
    #[arg(long, global = true, value_name = "FILE")]
    journal: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Play the whole loop on this machine: no credentials, no network.
    #[command(after_help = "Examples:\n    autofix demo --yes\n    autofix demo --scenario regression --yes")]
    Demo(DemoArgs),
    /// Serve the doors on one port, with worker and clock, the table in a folder.
    #[command(
        after_help = "Examples:\n    autofix serve --sandbox\n    autofix serve --port 8080 --data ./data"
    )]
    Serve(ServeArgs),
    /// Analyse Sentry events against a local checkout with the real Claude; writes nothing anywhere.
    #[command(
        after_help = "Examples:\n    autofix analyze event.json --repo ../shop\n    autofix analyze events-of-last-month --repo ../shop --json"
    )]
    Analyze(AnalyzeArgs),
    /// Play random errors, clicks, deaths and faults on this machine, and check that every promise still holds.
    #[command(
        after_help = "Examples:\n    autofix chaos\n    autofix chaos --seed 42 --attempts 8 --runs 100\n\nA seed always makes the same plan of events. Not determined by it: which of two requests under way at once comes first,\nand the random parts of ids. A repeat of a seed may therefore differ in details."
    )]
    Chaos(ChaosArgs),
    /// Measure webhooks a second, and drive many attempts to their end, with stand-ins of the four services.
    #[command(
        after_help = "Examples:\n    cargo run --profile bench -p autofix-local -- load\n    autofix load --webhooks 3000 --attempts 50\n    autofix load --attempts 0 --json"
    )]
    Load(LoadArgs),
    /// Sign an event of `events/` and post it to a running AutoFix.
    #[command(
        after_help = "Examples:\n    autofix send events/sentry-event-alert.json\n    autofix send events/slack-deploy.json --attempt 0193…"
    )]
    Send(SendArgs),
    /// Show the newest attempts, or one in full.
    #[command(after_help = "Examples:\n    autofix attempts\n    autofix attempts 0193…")]
    Attempts(AttemptsArgs),
    /// Find the attempts behind messages of the dead-letter queue, in the table that `AUTOFIX_TABLE` names.
    #[command(
        after_help = "Examples:\n    aws sqs receive-message --queue-url <DeadLetterQueueUrl> --max-number-of-messages 10 | autofix dead-letters\n    autofix dead-letters messages.json --wake"
    )]
    DeadLetters(DeadLettersArgs),
    /// Fill the Secrets Manager secret that the deployed functions read.
    #[command(subcommand)]
    Secrets(SecretsCommand),
}

#[derive(Subcommand)]
enum SecretsCommand {
    /// Write the secrets of a `.env` file into the secret; what else is in it stays. Prints no value.
    #[command(
        after_help = "Examples:\n    autofix secrets push --dry-run\n    autofix secrets push --from production.env --secret arn:aws:secretsmanager:…"
    )]
    Push(PushArgs),
}

#[derive(Args)]
struct PushArgs {
    /// File with `NAME=value` lines.
    #[arg(long, default_value = ".env", value_name = "FILE")]
    from: PathBuf,
    /// ARN or name of the secret [default: `AUTOFIX_SECRET_ARN`].
    #[arg(long, value_name = "ARN")]
    secret: Option<String>,
    /// Only show which names would be written; AWS is not asked.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
struct DemoArgs {
    /// The story: fix, security, storm or regression.
    #[arg(long, default_value = "fix")]
    scenario: Scenario,
    /// Click Deploy without asking; also without a terminal.
    #[arg(long)]
    yes: bool,
    /// Folder for the git repository [default: a new temporary one].
    #[arg(long)]
    data: Option<PathBuf>,
}

#[derive(Args)]
struct ServeArgs {
    /// Port on this machine.
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Folder of the table.
    #[arg(long, default_value = ".autofix")]
    data: PathBuf,
    /// Use stand-ins of the four services in place of the real ones, and show them on a page at `/sandbox`.
    #[arg(long)]
    sandbox: bool,
    /// Serve only the table (on `--port`), for functions under `sam local` or `cargo lambda`.
    #[arg(long)]
    table_only: bool,
    /// With `--table-only`: write the variables that the functions need to this file.
    #[arg(long, requires = "table_only")]
    env_file: Option<PathBuf>,
}

#[derive(Args)]
struct AnalyzeArgs {
    /// A webhook's body, an event of Sentry's API, or a folder of them.
    events: PathBuf,
    /// The git repository with the code; its checked-out commit is analysed.
    #[arg(long)]
    repo: PathBuf,
    /// Do not ask Claude: show only which frames are found in the code.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object an event.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ChaosArgs {
    /// The seed of the first run; each run has the next one [default: from the time].
    #[arg(long)]
    seed: Option<u64>,
    /// Different errors that are reported in a run.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=500))]
    attempts: u16,
    /// Runs.
    #[arg(long, default_value_t = 20)]
    runs: u64,
}

#[derive(Args)]
struct LoadArgs {
    /// Webhooks to send in all; 0 leaves the door out.
    #[arg(long, default_value_t = 100_000)]
    webhooks: usize,
    /// Attempts to drive to their end; 0 leaves the worker out.
    #[arg(long, default_value_t = 1_000)]
    attempts: usize,
    /// Folder for tables and git repositories [default: a new temporary one, deleted at the end].
    #[arg(long)]
    data: Option<PathBuf>,
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct SendArgs {
    /// An event of `events/`.
    file: PathBuf,
    /// Where AutoFix is.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: String,
    /// Print the signed event in place of posting it, for `sam local invoke --event -`.
    #[arg(long)]
    print: bool,
    /// For a click: the attempt that it is about, in place of the one in the file.
    #[arg(long, value_name = "ID")]
    attempt: Option<String>,
}

#[derive(Args)]
struct AttemptsArgs {
    /// The id of an attempt.
    id: Option<String>,
    /// Where AutoFix is.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    url: String,
}

#[derive(Args)]
struct DeadLettersArgs {
    /// A message, or what `aws sqs receive-message` printed; `-` is standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Have the worker woken for what is found.
    #[arg(long)]
    wake: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    autofix::outbound::install_tls();
    match run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("autofix: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let environment = settings::environment(std::path::Path::new("."))?;
    let clock = Clock::system();
    let journal = cli.journal.as_deref().map(Journal::create).transpose().context("create the journal")?;
    match cli.command {
        Command::Demo(args) => {
            // The story is what people read; logs only where something is wrong.
            logging::start_plain(environment.get("RUST_LOG").or(Some("error")));
            let click = if args.yes { Click::ByItself } else { Click::Ask };
            let options = demo::Options { scenario: args.scenario, click, folder: args.data, journal };
            demo::demo(options).await
        }
        Command::Serve(args) => {
            logging::start_plain(logging::level(&environment));
            let services = if args.sandbox { Services::Sandbox } else { Services::Real };
            let options = serve::Options { port: args.port, data: args.data, services, journal };
            if args.table_only {
                serve::serve_backing(options, args.env_file).await
            } else {
                serve::serve(options).await
            }
        }
        Command::Analyze(args) => {
            logging::start_plain(environment.get("RUST_LOG").or(Some("error")));
            let options = evaluate::Options {
                events: args.events,
                repo: args.repo,
                form: if args.json { evaluate::Form::Json } else { evaluate::Form::People },
                ask: if args.dry_run { evaluate::Ask::Nobody } else { evaluate::Ask::Claude },
            };
            let outbound = autofix::outbound::Outbound::new(journal)?;
            evaluate::analyze(&options, &evaluate::Means { environment, clock, outbound }).await
        }
        Command::Chaos(args) => {
            logging::start_plain(environment.get("RUST_LOG").or(Some("off")));
            let seed = args.seed.unwrap_or_else(|| clock.now().as_second().unsigned_abs());
            let options = chaos::Options { seed, attempts: usize::from(args.attempts), runs: args.runs };
            tokio::task::spawn_blocking(move || chaos::chaos(options)).await?
        }
        Command::Load(args) => {
            // A storm of what is meant to happen would drown the figures.
            logging::start_plain(environment.get("RUST_LOG").or(Some("error")));
            let options = load::Options {
                webhooks: args.webhooks,
                attempts: args.attempts,
                folder: args.data,
                form: if args.json { load::Form::Json } else { load::Form::People },
                per_hour: load::MAX_PER_HOUR,
            };
            load::load(&options).await
        }
        Command::Send(args) => {
            let server = client::Server { url: args.url, environment };
            let event = server.prepare(&args.file, args.attempt.as_deref(), clock.now()).await?;
            if args.print {
                client::print(&event);
                return Ok(());
            }
            server.send(&event).await
        }
        Command::Secrets(SecretsCommand::Push(args)) => {
            let secret = args.secret.or(environment.get("AUTOFIX_SECRET_ARN").map(str::to_owned));
            let options = secrets_push::Options { from: args.from, secret };
            if args.dry_run {
                return secrets_push::show(&options);
            }
            let client = aws_sdk_secretsmanager::Client::new(&autofix::aws::sdk_config().await);
            secrets_push::push(&options, &client).await
        }
        Command::Attempts(args) => {
            let server = client::Server { url: args.url, environment };
            server.show_attempts(args.id.as_deref()).await.context("read the attempts")
        }
        Command::DeadLetters(args) => {
            let letters = dead_letters::open(&args.file)?;
            let sdk = autofix::aws::sdk_config().await;
            let office = Office {
                store: autofix::aws::store(&sdk, &CommonConfig::from_env(&environment)?),
                streams: aws_sdk_dynamodbstreams::Client::new(&sdk),
                now: clock.now(),
            };
            office.answer(&letters, if args.wake { Found::Woken } else { Found::Shown }).await
        }
    }
}
