//! Which secrets a deployed AutoFix still lacks. The stack makes its secret empty, and people fill it.

use autofix::config::names;
use autofix::secrets::SecretsUnavailable;
use serde_json::{Value, json};
use tracing::warn;

use crate::Queries;

impl Queries {
    /// The secrets to fill, by name. None if they are not in Secrets Manager: then the process that set them knows.
    ///
    /// # Errors
    /// If they have never been read and can't be read now.
    pub(crate) async fn empty_secrets(&self) -> Result<Vec<&'static str>, SecretsUnavailable> {
        if !self.secrets.are_managed() {
            return Ok(Vec::new());
        }
        let known = self.secrets.empty().await?;
        if known.is_empty() {
            return Ok(known);
        }
        // Somebody who fills them looks here again at once.
        self.secrets.renew().await?;
        self.secrets.empty().await
    }

    /// Until there is an API token nobody can log in to ask. So the answer to everyone names what is empty, and no more.
    pub(crate) async fn with_secrets_before_the_first_login(&self, mut alive: Value) -> Value {
        if !self.secrets.are_managed() {
            return alive;
        }
        match self.secrets.get(names::API_TOKEN).await {
            Ok(Some(_)) => {}
            Ok(None) => match self.empty_secrets().await {
                Ok(empty) if empty.contains(&names::API_TOKEN) => alive["empty_secrets"] = json!(empty),
                Ok(_) => {}
                Err(error) => warn!(error = %error, "Cannot say which secrets are empty"),
            },
            Err(error) => warn!(error = %error, "Cannot say which secrets are empty"),
        }
        alive
    }
}
