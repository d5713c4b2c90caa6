//! What the functions of AutoFix share. In reading order:
//!
//! * the words of the domain, pure: no network, no clock, no environment;
//! * the analysis, pure as well;
//! * what people read;
//! * the services outside and the table;
//! * settings, secrets, and what a process needs to run.

// The domain.
/// One attempt to fix one error: states, events, next step.
pub mod attempt;
/// How far the search for lost webhooks is.
pub mod catch_up;
/// Whether a service outside is asked at all.
pub mod circuit;
/// Text without what does not belong in it: control characters, invisible ones, too many of them.
pub mod cleaning;
/// What FastAPI, Starlette and Pydantic frames tell about an incident.
pub mod fastapi;
/// The key under which the same fault is recognised again.
pub mod fault;
/// What Sentry reported, in one form.
pub mod incident;
/// Why AutoFix did not do something: the closed list.
pub mod reason;
/// Text without secrets and personal data, and the type that proves it.
pub mod redaction;
/// What came of the errors of a week: shown, merged, verified, refused, and at what cost.
pub mod scoreboard;
/// Tokens, dollars, prices.
pub mod usage;
mod words;

/// From an incident and the code at one commit to a fix, or to the reasons why there is none.
pub mod analysis;
/// The repository's own settings for AutoFix, `.orchestrator/autofix.yaml`.
pub mod orchestrator_file;

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
/// What the HTTP doors have in common.
pub mod door;
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
