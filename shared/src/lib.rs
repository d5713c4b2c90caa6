//! What the functions of AutoFix share. Three layers, of which each knows only those below it:
//!
//! 1. the crate `autofix-domain` (`shared/domain`): attempts, incidents, reasons, text without secrets;
//! 2. the crate `autofix-analysis` (`shared/analysis`): from an incident and the code at one commit to a fix;
//! 3. this crate: what people read, the services outside, the table, and what a process needs to run.
//!
//! The first two have no network, no clock and no environment. They are re-exported, so that a function depends on one crate.

/// From an incident and the code at one commit to a fix, or to the reasons why there is none.
pub use autofix_analysis as analysis;
/// The words of the domain: attempts, incidents, reasons, text without secrets.
pub use autofix_domain::{attempt, cleaning, fault, incident, reason, redaction, service, usage, words};

/// How far the search for lost webhooks is.
pub mod catch_up;
/// What came of the errors of a week: shown, merged, verified, refused, and at what cost.
pub mod scoreboard;

/// Every sentence that a person reads: cards, pull requests, commits.
pub mod messages;

/// Anthropic's Messages API.
pub mod claude;
/// GitHub's REST API.
pub mod github;
/// Sentry: webhooks, events, REST.
pub mod sentry;
/// Slack's Web API and incoming webhooks.
pub mod slack;
/// The one DynamoDB table.
pub mod store;

/// Who may look at the web page: sessions and signed links.
pub mod access;
/// What the HTTP endpoints have in common.
pub mod endpoint;
/// A record of what went out.
pub mod journal;
/// The one way out to the services.
pub mod outbound;
/// Signatures of Sentry and Slack.
pub mod signature;

/// AWS clients.
pub mod aws;
/// The time.
pub mod clock;
/// Settings, from the environment.
pub mod config;
/// Logs.
pub mod logging;
/// Numbers for CloudWatch, as lines of the log.
pub mod metrics;
/// Secrets, from Secrets Manager or the environment.
pub mod secrets;
