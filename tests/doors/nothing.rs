//! The tests are in `main.rs`; a package needs a target that is built without them, too.
