//! A journal of every request that leaves the process, one JSON object a line, for people who want
//! to see or check what AutoFix sends. Values of secret headers and secret addresses are replaced.
//! Left out is the signed, short-lived download that GitHub redirects to: it belongs to no API.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::Value;

pub use crate::service::Service;

/// A file that requests are appended to. Clones write to the same file.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Mutex<std::fs::File>>);

impl Journal {
    /// Starts an empty journal; an older file of this name is replaced.
    pub fn create(path: &Path) -> std::io::Result<Journal> {
        Ok(Journal(Arc::new(Mutex::new(std::fs::File::create(path)?))))
    }

    /// Appends a line. A full disk is logged and does not stop the request.
    pub(crate) fn append(&self, line: &Value) {
        let mut file = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Err(error) = writeln!(file, "{line}") {
            tracing::warn!(error = %error, "Cannot write to the journal");
        }
    }
}
