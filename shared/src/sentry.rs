//! Sentry: its webhooks and events in two dialects, and its REST API, organisation-scoped only
//! (the unscoped paths are deprecated and answer 410 now and then).

mod body;
pub mod event;
mod group;
mod issue;
pub mod legacy;
mod links;
mod new_issues;
mod release;
mod resolved_issues;
mod rest;
mod scopes;
mod stack;
mod variables;
mod watch;
pub mod webhook;
mod wire;

pub use issue::{Commented, FixedBy, Note, Resolved};
pub use links::{IssueRef, issue_page};
pub use new_issues::NewIssues;
pub use resolved_issues::{ResolvedIssue, ResolvedIssues};
pub use rest::Sentry;
pub use scopes::Scope;
pub use watch::{Containment, EventsSince, SeenEvent, Span, Traffic};
pub use webhook::ListedIssue;
