//! Tools that put the whole of AutoFix under stress. They are run by people and, shortly, by the tests; what is shipped
//! does not contain them.
#![allow(clippy::print_stdout, clippy::print_stderr)] // programs at a terminal

/// What AutoFix promises, under random deaths and faults.
pub mod chaos;
/// How much the endpoints and the worker bear.
pub mod load;
/// A shop with any number of faults.
mod shop;
