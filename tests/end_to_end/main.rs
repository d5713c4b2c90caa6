//! AutoFix, driven through its endpoints: webhooks, clicks, queries. The services outside are the sandbox's
//! fakes, the table is the embedded one, the clock is the test's, and nothing sleeps.

#![allow(clippy::unwrap_used, reason = "what a test cannot do without fails it")]

mod bookshop;
mod log;
mod watch;
mod world;

mod approvers;
mod attacks;
mod author;
mod backtest;
mod before_the_button;
mod cards;
mod catch_up;
mod chaos;
mod clicks;
mod demo;
mod dependencies;
mod digest;
mod dismissals;
mod doctor;
mod documents;
mod evaluation;
mod frames;
mod github_app;
mod happy_path;
mod hints;
mod hostile_repository;
mod intake;
mod joined_issues;
mod kill_anywhere;
mod limits;
mod load;
mod merge_queue;
mod metrics;
mod obedient;
mod outages;
mod page;
mod permissions;
mod planted_secrets;
mod projects;
mod proof;
mod queries;
mod recorded;
mod refusals;
mod repairs;
mod reports;
mod restarts;
mod reverted_by_hand;
mod reviews;
mod roll_back;
mod rotation;
mod same_fault;
mod sandbox_page;
mod scoreboard;
mod sentry_facts;
mod services;
mod setup;
mod shadow;
mod table_down;
mod template;
mod terminal;
mod troubles;
mod unreliable_table;
mod waiting;
