//! How AutoFix proves to GitHub who it is: with a token of a person, or as a GitHub App.

use super::app::App;
use crate::clock::Clock;
use crate::config::names;
use crate::secrets::{Credential, Secrets};

/// The credential behind every request. Clones share what was fetched with it.
#[derive(Clone)]
pub enum Identity {
    /// A personal access token. Commits name AutoFix as their author.
    Token(Credential),
    /// An App. Commits name no author, so that GitHub signs them.
    App(App),
}

impl Identity {
    /// The token `AUTOFIX_GITHUB_TOKEN`.
    pub fn token(secrets: &Secrets) -> Identity {
        Identity::Token(Credential::new(secrets, names::GITHUB_TOKEN))
    }

    /// The App with this id, whose key is `AUTOFIX_GITHUB_APP_PRIVATE_KEY`. Its tokens end by `clock`.
    pub fn app(id: &str, secrets: &Secrets, clock: Clock) -> Identity {
        Identity::App(App::new(id, Credential::new(secrets, names::GITHUB_APP_PRIVATE_KEY), clock))
    }

    /// An App where one is named (`AUTOFIX_GITHUB_APP_ID`), else the token.
    pub fn from_settings(app_id: Option<&str>, secrets: &Secrets, clock: Clock) -> Identity {
        match app_id {
            Some(id) => Identity::app(id, secrets, clock),
            None => Identity::token(secrets),
        }
    }
}
