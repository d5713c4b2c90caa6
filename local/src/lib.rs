//! AutoFix in one process: the four functions, the embedded table, and, for trying and testing, a
//! sandbox of the four services.

/// A clock that moves when it is told to.
pub mod movable_clock;
/// All functions together: doors, worker and clock.
pub mod one_process;
/// The table's stream, as Lambda would deliver it.
pub mod stream;
/// The table on this machine, made from `template.yaml`.
pub mod table;
/// Faults between a process and its table.
pub mod table_door;
/// What `template.yaml` says.
pub mod template;

/// The small FastAPI project that the demo breaks.
pub mod demo_project;
/// Sample events of `events/`, signed anew.
pub mod sample_event;
/// Stand-ins of Sentry, Claude, GitHub and Slack.
pub mod sandbox;
/// The sandbox as a place: a page with its Sentry, its Slack and its GitHub.
pub mod sandbox_page;
/// The demo's stories: what breaks, and what the scripted Claude says.
pub mod scenario;
/// A shop with any number of faults.
mod shop;

/// All commands and their arguments.
pub mod arguments;
/// The command `backtest`: AutoFix on errors that people have fixed already.
pub mod backtest;
/// The command `chaos`: what AutoFix promises, under random deaths and faults.
pub mod chaos;
/// A local checkout as the analysis sees it.
pub mod checkout;
/// The commands `send`, `fix` and `attempts`.
pub mod client;
/// The command `demo`.
pub mod demo;
/// The command `doctor`: every setting and credential, tried.
pub mod doctor;
/// The command `analyze`: AutoFix on one's own history.
pub mod evaluate;
/// The command `load`: how much the door and the worker bear.
pub mod load;
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
mod terminal;
