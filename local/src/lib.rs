//! AutoFix in one process: the four functions, the embedded table, and, for trying and testing, a
//! sandbox of the four services.

/// Fakes of Sentry, Claude, GitHub and Slack, the sample project and its scenarios.
pub use autofix_sandbox as sandbox;
pub use autofix_sandbox::{demo_project, scenario};

/// The stream and the clock for a worker that runs elsewhere.
pub mod deliver;
/// Hands HTTP requests on to another server.
mod forward;
/// A clock that moves when it is told to.
pub mod movable_clock;
/// All functions together: endpoints, worker and clock.
pub mod one_process;
/// The table's stream, as Lambda would deliver it.
pub mod stream;
/// The table on this machine, as `template.yaml` has it.
pub mod table;
/// Faults between a process and its table.
pub mod table_proxy;

/// Sample events of `events/`, signed again.
pub mod sample_event;
/// The sandbox as a place: a page with its Sentry, its Slack and its GitHub.
pub mod sandbox_page;

/// The command `analyze`: AutoFix on one's own history.
pub mod analyze;
/// All commands and their arguments.
pub mod arguments;
/// The command `backtest`: AutoFix on errors that people have fixed already.
pub mod backtest;
/// A local checkout as the analysis sees it.
pub mod checkout;
/// The commands `send`, `fix` and `attempts`.
pub mod client;
/// The command `demo`.
pub mod demo;
/// The command `doctor`: every setting and credential, tried.
pub mod doctor;
/// The command `secrets push`.
pub mod secrets_push;
/// The command `serve`.
pub mod serve;
/// Its HTTP server.
pub mod server;
/// Settings from the environment and a `.env` file.
pub mod settings;
/// The command `setup`: asks for what is missing.
pub mod setup;
/// The command `slack-manifest`: the Slack app, in one paste.
pub mod slack_manifest;
/// Printing.
pub mod terminal;
/// The command `serve` while settings are missing.
pub mod waiting;
