//! Sentry: its webhooks and events in two dialects, and its REST API, organisation-scoped only
//! (the unscoped paths are deprecated and answer 410 now and then).

pub mod event;
mod links;
mod release;
mod rest;
mod stack;
pub mod webhook;
mod wire;

pub use rest::Sentry;
