//! The words in which AutoFix speaks about errors and their fixes. Nothing here reads a clock, the environment or the
//! network: `now` is an argument.

/// One attempt to fix one error: states, events, next step.
pub mod attempt;
/// The key under which the same fault is recognised again.
pub mod fault;
/// What Sentry reported, in one form.
pub mod incident;
/// Why AutoFix did not do something: the closed list.
pub mod reason;
/// What Claude reports about an incident and code about a change: risk words, questions, answers.
pub mod report;
/// Tokens, dollars, prices.
pub mod usage;

/// Text without what does not belong in it: control characters, invisible ones, too many of them.
pub mod cleaning;
/// Text without secrets and personal data, and the type that proves it.
pub mod redaction;

/// Enums whose variants have one text form.
pub mod words;
