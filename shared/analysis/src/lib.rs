//! The analysis: from an incident and the code at one commit to a fix that AutoFix would defend, or
//! to the reasons why there is none. Everything here is pure; who talks to Claude is the worker.
//!
//! In the order in which an incident goes through them:

pub mod answers;
pub mod background;
pub mod closeness;
pub mod conventions;
pub mod critic;
pub mod diff;
pub mod dossier;
pub mod edits;
pub mod effects;
pub mod evidence;
pub mod fastapi;
pub mod fix;
pub mod frames;
pub mod gates;
pub mod model;
mod names;
pub mod orchestrator_file;
pub mod policy;
pub mod prompt;
pub mod proof;
pub mod reach;
pub mod repo_path;
pub mod root_cause;
pub mod sensitive_paths;
pub mod snapshot;
pub mod surroundings;
pub mod syntax;
pub mod tools;
pub mod validators;

pub use autofix_domain::report;
