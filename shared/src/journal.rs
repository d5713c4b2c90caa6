//! A journal of every request that leaves the process, one JSON object a line, for people who want
//! to see or check what AutoFix sends. Values of secret headers and secret addresses are replaced.
//! Left out is the signed, short-lived download that GitHub redirects to: it belongs to no API.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use crate::outbound::{Auth, Call};
pub use autofix_domain::service::Service;

/// A file that requests are appended to. Clones write to the same file.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Mutex<std::fs::File>>);

impl Journal {
    /// Starts an empty journal; an older file of this name is replaced.
    pub fn create(path: &Path) -> std::io::Result<Journal> {
        Ok(Journal(Arc::new(Mutex::new(std::fs::File::create(path)?))))
    }

    /// Appends one request. A full disk is logged and does not stop the request.
    pub(crate) fn record(&self, call: &Call, user_agent: &str) {
        if matches!(call.auth, Auth::None) {
            return;
        }
        let mut headers = Map::new();
        headers.insert("user-agent".to_owned(), json!(user_agent));
        if matches!(call.auth, Auth::Bearer(_) | Auth::Issued(_)) {
            headers.insert("authorization".to_owned(), json!("Bearer [secret]"));
        }
        if call.body.is_some() {
            headers.insert("content-type".to_owned(), json!("application/json"));
        }
        for (name, value) in &call.headers {
            headers.insert((*name).to_owned(), json!(value));
        }
        let line = json!({
            "service": call.service,
            "method": call.method.as_str(),
            "path": path_for_journal(call),
            "headers": Value::Object(headers),
            "body": call.body,
        });
        let mut file = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Err(error) = writeln!(file, "{line}") {
            tracing::warn!(error = %error, "Cannot write to the journal");
        }
    }
}

fn path_for_journal(call: &Call) -> String {
    let path = call.url.path();
    match call.auth {
        Auth::SecretPath => {
            let kind = path.split('/').nth(1).unwrap_or_default();
            format!("/{kind}/[secret]")
        }
        Auth::Bearer(_) | Auth::Issued(_) | Auth::None => match call.url.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        },
    }
}
