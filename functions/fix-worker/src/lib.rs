//! The worker: woken by the table's stream and by the clock, it takes the lease of an attempt, asks the attempt what to do
//! next, does it, saves what happened, and continues until the attempt waits or has ended.
//!
//! From the top down, where nothing imports what is above it:
//!
//! * [`wake`] reads what woke it; `engine` has the lease, the loop and, in `engine::retry`, what a failed step means. Only
//!   the engine changes and saves the attempt.
//! * `clock` does once a minute what belongs to no attempt: the digest, outages, webhooks that never came.
//! * `steps` has a file for each step. A step gets its `context`, the attempt and the data of its state, and gives back what
//!   `happened`.
//! * [`investigation`] finds cause and fix in conversations with Claude.
//! * [`worker`] has the clients and the settings.

mod clock;
mod context;
mod engine;
mod happened;
pub mod investigation;
mod pause;
mod steps;
pub mod wake;
mod worker;

pub use happened::Stopped;
pub use worker::{Invocation, Worker};
