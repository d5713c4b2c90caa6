//! The commands of `autofix` and what they take, as `--help` shows them.

use std::net::IpAddr;
use std::path::PathBuf;

use autofix::attempt::Status;
use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::scenario::Scenario;

/// Fixes production errors: from a Sentry webhook to a reviewed, merged pull request.
#[derive(Parser)]
#[command(
    name = "autofix",
    version,
    after_help = "Try it without any credentials:\n    autofix demo --yes\n\nSet it up, and find out what is missing or wrong:\n    autofix setup\n    autofix doctor\n\nExit codes:\n    0  done, and all is well\n    1  it did not work, or `doctor`, `setup` or `demo` found something wrong\n    2  the arguments are wrong\n\nColours on a terminal only, unless NO_COLOR is set."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Write every request to the four services to this file, one JSON object a line, secrets replaced.
    #[arg(long, global = true, value_name = "FILE")]
    pub journal: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Play the whole loop on this machine, and show it on a page: no credentials, no network.
    #[command(
        after_help = "Examples:\n    autofix demo\n    autofix demo --yes\n    autofix demo --scenario regression --stay"
    )]
    Demo(DemoArgs),
    /// Run AutoFix in one process: endpoints, worker and clock on one port, the table in a folder.
    #[command(
        after_help = "Examples:\n    autofix serve --sandbox\n    autofix serve --port 8080 --data ./data\n    autofix serve --host 0.0.0.0\n    autofix serve --table-only --sandbox --listen 172.17.0.1 --deliver http://127.0.0.1:3001"
    )]
    Serve(ServeArgs),
    /// Ask for what is missing, one thing at a time, and write it into `.env`.
    #[command(
        after_help = "Examples:\n    autofix setup\n    autofix setup --file production.env --push arn:aws:secretsmanager:…\n    autofix setup --from-python ../old/.env\n    autofix setup < answers.txt\n\nIt tries each answer and saves it at once: Ctrl-D or Ctrl-C loses nothing, and the next `setup` asks only for what is still\nmissing. Enter skips a setting. It shows no secret. It ends with what `autofix doctor` says. Exit code 0: AutoFix works, or\nonly has to be started; 1: something needs correction, or the answers ended early."
    )]
    Setup(SetupArgs),
    /// Try every setting and credential against the live services, and say how to correct what is wrong.
    #[command(
        after_help = "Examples:\n    autofix doctor\n    autofix doctor --json | jq '.checks[] | select(.standing == \"bad\")'\n    autofix doctor --sandbox\n\nIt writes nothing anywhere. Exit code 0: AutoFix can work; 1: something needs correction."
    )]
    Doctor(DoctorArgs),
    /// Print the Slack app as a manifest: paste it at api.slack.com/apps, Create New App, From a manifest.
    #[command(
        after_help = "Examples:\n    autofix slack-manifest --url https://autofix.acme.example\n    autofix slack-manifest --url https://abc123.execute-api.eu-west-1.amazonaws.com"
    )]
    SlackManifest(SlackManifestArgs),
    /// Print the completions of a shell.
    #[command(
        after_help = "Examples:\n    autofix completions bash > ~/.local/share/bash-completion/completions/autofix\n    autofix completions zsh > \"${fpath[1]}/_autofix\"\n    autofix completions fish > ~/.config/fish/completions/autofix.fish"
    )]
    Completions(CompletionsArgs),
    /// Analyse Sentry events against a local checkout with the real Claude; writes nothing anywhere.
    #[command(
        after_help = "Examples:\n    autofix analyze event.json --repo ../shop\n    autofix analyze events-of-last-month --repo ../shop --json\n\nReads, one or a folder of them as `.json` files:\n    what the \"JSON\" link of an event in Sentry downloads\n    an event of Sentry's API, or a list of them: …/issues/{id}/events/?full=true\n    the body of a webhook: an error, an issue alert, an issue, or the legacy WebHooks plugin's\n    a sample event of `events/`\nThe issue and the project may be missing. Exit code 1: none of the events could be analysed."
    )]
    Analyze(AnalyzeArgs),
    /// Compare what AutoFix would have done with what people did about errors that they have fixed.
    #[command(
        after_help = "Examples:\n    autofix backtest --project shop --repo ../shop\n    autofix backtest --project shop --organization acme --repo ../shop --limit 20 --max-cost 5\n    autofix backtest --cases ../cases --json\n\nIt analyses each error as it was just before people fixed it, with the real Claude. It writes the results and one HTML page\ninto the folder of `--out`, and nothing anywhere else. What has a result there is not paid for again: after Ctrl-C, or with a\nhigher `--max-cost`, it continues where it was. Exit code 1: nothing could be compared."
    )]
    Backtest(BacktestArgs),
    /// Sign an event of `events/` and post it to a running AutoFix.
    #[command(
        after_help = "Examples:\n    autofix send events/sentry-event-alert.json\n    autofix send events/slack-deploy.json --attempt 0193…"
    )]
    Send(SendArgs),
    /// Ask a running AutoFix to analyse an error, whatever the result of earlier attempts.
    #[command(
        after_help = "Examples:\n    autofix fix https://acme.sentry.io/issues/117/\n    autofix fix https://acme.sentry.io/issues/117/ --url https://autofix.acme.example"
    )]
    Fix(FixArgs),
    /// Ask a running AutoFix whether it works, and what it waits for.
    #[command(
        after_help = "Examples:\n    autofix status\n    autofix status --url https://autofix.acme.example\n\nExit code 1: it can't be reached, or settings or secrets are missing. Containers use it as their health check."
    )]
    Status(StatusArgs),
    /// Show the newest attempts, or one in full.
    #[command(
        after_help = "Examples:\n    autofix attempts\n    autofix attempts --status awaiting_approval --limit 5\n    autofix attempts --json | jq '.[].pr_url'\n    autofix attempts 0193…"
    )]
    Attempts(AttemptsArgs),
    /// Fill the Secrets Manager secret that the deployed functions read.
    #[command(
        subcommand,
        after_help = "Examples:\n    autofix secrets push --dry-run\n    autofix secrets push --secret arn:aws:secretsmanager:…"
    )]
    Secrets(SecretsCommand),
}

#[derive(Subcommand)]
pub enum SecretsCommand {
    /// Write the secrets of a `.env` file into the secret; its other entries stay. Prints no value.
    #[command(
        after_help = "Examples:\n    autofix secrets push --dry-run\n    autofix secrets push --from production.env --secret arn:aws:secretsmanager:…"
    )]
    Push(PushArgs),
}

#[derive(Args)]
pub struct PushArgs {
    /// File with `NAME=value` lines.
    #[arg(long, default_value = ".env", value_name = "FILE")]
    pub from: PathBuf,
    /// ARN or name of the secret [default: `AUTOFIX_SECRET_ARN`].
    #[arg(long, value_name = "ARN")]
    pub secret: Option<String>,
    /// Only show which names it would write, without asking AWS.
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Args)]
pub struct DemoArgs {
    /// The story: fix, security, storm or regression.
    #[arg(long, default_value = "fix")]
    pub scenario: Scenario,
    /// Click Deploy without asking; also without a terminal.
    #[arg(long)]
    pub yes: bool,
    /// Folder for the git repository [default: a new temporary one].
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Keep the page with Sentry, Slack and GitHub open after the story, as in a terminal without `--yes`.
    #[arg(long)]
    pub stay: bool,
}

#[derive(Args)]
pub struct ServeArgs {
    /// Port on this machine [default: 3000; with `--table-only` 8000].
    #[arg(long)]
    pub port: Option<u16>,
    /// Listen on this address, such as 0.0.0.0 in a container. Others than this machine's own need an `AUTOFIX_API_TOKEN`
    /// that nobody can guess, or `--sandbox`.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", conflicts_with = "table_only")]
    pub host: IpAddr,
    /// Folder of the table.
    #[arg(long, default_value = ".autofix")]
    pub data: PathBuf,
    /// Use fakes of the four services, and show them on a page at `/sandbox`.
    #[arg(long)]
    pub sandbox: bool,
    /// Serve only the table (on `--port`) and the sandbox (on the six ports after it), for functions under `sam local` or
    /// `cargo lambda`.
    #[arg(long)]
    pub table_only: bool,
    /// With `--table-only`: listen on this address instead of 127.0.0.1, where containers can't reach it. Nothing there
    /// asks for a password.
    #[arg(long, requires = "table_only", value_name = "ADDRESS")]
    pub listen: Option<IpAddr>,
    /// With `--table-only`: deliver the table's stream and the clock to the worker behind this address of Lambda's API. A
    /// path names the worker [default: FixWorkerFunction].
    #[arg(long, requires = "table_only", value_name = "URL")]
    pub deliver: Option<Url>,
    /// With `--table-only`: where the HTTP functions are, for the sandbox's page and the links of cards.
    #[arg(long, requires = "table_only", value_name = "URL", default_value = "http://127.0.0.1:3000")]
    pub endpoints: Url,
    /// With `--table-only`: write the variables that the functions need to this file.
    #[arg(long, requires = "table_only")]
    pub env_file: Option<PathBuf>,
}

impl ServeArgs {
    /// As it was given, or the usual one.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.table_only { 8000 } else { 3000 })
    }
}

#[derive(Args)]
pub struct SetupArgs {
    /// The file to write; its other lines stay as they are.
    #[arg(long, default_value = ".env")]
    pub file: PathBuf,
    /// Also write the file's secrets into this Secrets Manager secret, which the deployed functions read.
    #[arg(long, value_name = "ARN")]
    pub push: Option<String>,
    /// Take over what an `.env` of the Python AutoFix has, before asking for the rest.
    #[arg(long, value_name = "FILE")]
    pub from_python: Option<PathBuf>,
    /// Folder of the table of `autofix serve`; not used if `AUTOFIX_TABLE` is set.
    #[arg(long, default_value = ".autofix")]
    pub data: PathBuf,
}

#[derive(Args)]
pub struct DoctorArgs {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Check fakes of the four services.
    #[arg(long)]
    pub sandbox: bool,
    /// Folder of the table of `autofix serve`; not used if `AUTOFIX_TABLE` is set.
    #[arg(long, default_value = ".autofix")]
    pub data: PathBuf,
}

#[derive(Args)]
pub struct SlackManifestArgs {
    /// Public address of AutoFix, without the prefix; or the output `SlackRequestUrl`.
    #[arg(long)]
    pub url: String,
}

#[derive(Args)]
pub struct CompletionsArgs {
    /// bash, elvish, fish, powershell or zsh.
    pub shell: clap_complete::Shell,
}

#[derive(Args)]
pub struct AnalyzeArgs {
    /// A file with one event or a list of them, or a folder of such files.
    pub events: PathBuf,
    /// The git repository with the code; its checked-out commit is analysed.
    #[arg(long)]
    pub repo: PathBuf,
    /// Don't ask Claude: only show which frames are in the code.
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object per event.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct BacktestArgs {
    /// Slug of a project in Sentry: its resolved errors are the cases.
    #[arg(long, requires = "repo", required_unless_present = "cases")]
    pub project: Option<String>,
    /// Slug of the organisation in Sentry [default: `SENTRY_ORG`].
    #[arg(long, requires = "project")]
    pub organization: Option<String>,
    /// A local clone of the project's repository, with its history.
    #[arg(long, requires = "project")]
    pub repo: Option<PathBuf>,
    /// Issues to take, those that were seen last first.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// A folder of cases instead: folders with `event.json`, `before/` and `fix.diff`.
    #[arg(long, value_name = "FOLDER", conflicts_with = "project")]
    pub cases: Option<PathBuf>,
    /// Folder for the results and the page.
    #[arg(long, value_name = "FOLDER", default_value = "backtest")]
    pub out: PathBuf,
    /// US dollars that all cases in this folder may cost together.
    #[arg(long, value_name = "DOLLARS", default_value_t = 10.0, value_parser = dollars)]
    pub max_cost: f64,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

fn status(text: &str) -> Result<Status, String> {
    text.parse().map_err(|_| {
        let words: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
        format!("it must be one of {}", words.join(", "))
    })
}

fn dollars(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=100_000.0).contains(number));
    number.ok_or_else(|| "not a number of dollars from 0 to 100000".to_owned())
}

#[derive(Args)]
pub struct SendArgs {
    /// An event of `events/`.
    pub file: PathBuf,
    /// Where AutoFix is.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    pub url: String,
    /// Print the signed event instead of posting it, for `sam local invoke --event -`.
    #[arg(long)]
    pub print: bool,
    /// For a click: its attempt, instead of the one in the file.
    #[arg(long, value_name = "ID")]
    pub attempt: Option<String>,
}

#[derive(Args)]
pub struct FixArgs {
    /// The page of the issue in Sentry.
    pub sentry_url: String,
    /// Where AutoFix is.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    pub url: String,
}

#[derive(Args)]
pub struct StatusArgs {
    /// Where AutoFix is.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    pub url: String,
}

#[derive(Args)]
pub struct AttemptsArgs {
    /// The id of an attempt.
    pub id: Option<String>,
    /// Only attempts with this status, such as `awaiting_approval`.
    #[arg(long, value_parser = status, conflicts_with = "id")]
    pub status: Option<Status>,
    /// Only attempts of this Sentry project.
    #[arg(long, value_name = "SLUG", conflicts_with = "id")]
    pub project: Option<String>,
    /// How many, the newest first.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub limit: u8,
    /// Print JSON, as the API answers it.
    #[arg(long)]
    pub json: bool,
    /// Where AutoFix is.
    #[arg(long, default_value = "http://127.0.0.1:3000")]
    pub url: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// All commands below one, with their full names.
    fn commands(command: &clap::Command, name: &str) -> Vec<(String, clap::Command)> {
        let below = command.get_subcommands().filter(|below| below.get_name() != "help");
        let with_names = below.map(|below| (format!("{name} {}", below.get_name()), below));
        let all = with_names.flat_map(|(name, below)| {
            let further = commands(below, &name);
            [(name, below.clone())].into_iter().chain(further)
        });
        all.collect()
    }

    #[test]
    fn every_command_shows_examples_of_itself_that_it_would_take() {
        let commands = commands(&Cli::command(), "autofix");
        assert!(commands.len() > 10, "{}", commands.len());
        for (name, mut command) in commands {
            let help = command.render_long_help().to_string();
            let examples = help.split_once("Examples:").map_or("", |(_, examples)| examples);
            let lines: Vec<&str> = examples.lines().filter(|line| line.contains(&name)).collect();
            assert!(!lines.is_empty(), "`{name} --help` has no example of it:\n{help}");
            for line in lines {
                let words = arguments_of(line, &name);
                if let Err(error) = Cli::try_parse_from(&words) {
                    panic!("`{name} --help` shows `{line}`, which is refused: {error}");
                }
            }
        }
    }

    #[test]
    fn wrong_arguments_are_told_apart_from_what_did_not_work() {
        let wrong = [
            &["autofix"][..],
            &["autofix", "deploy"],
            &["autofix", "send"],
            &["autofix", "serve", "--port", "http"],
        ];
        for words in wrong {
            assert_eq!(Cli::try_parse_from(words).err().map(|error| error.exit_code()), Some(2), "{words:?}");
        }
        let help = Cli::try_parse_from(["autofix", "--help"]).err().unwrap();
        assert_eq!(help.exit_code(), 0);
        for code in ["    0  done", "    1  it did not work", "    2  the arguments are wrong"] {
            assert!(help.to_string().contains(code), "{help}");
        }
    }

    /// The words of an example from the command's name to the shell's next sign.
    fn arguments_of(line: &str, name: &str) -> Vec<String> {
        let (_, rest) = line.split_once(name).expect("the line was chosen for the name in it");
        let rest = rest.split(['|', '>', '<']).next().unwrap_or_default();
        name.split(' ').chain(rest.split_whitespace()).map(str::to_owned).collect()
    }
}
