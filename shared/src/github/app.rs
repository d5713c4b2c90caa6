//! How AutoFix proves to GitHub who it is: with a token of a person, or as a GitHub App. The App signs a short-lived token with its private key (RS256) and
//! buys with it, for the installation that holds a repository, a token that is good for an hour and
//! for that repository only. Those are kept until shortly before their end.
//!
//! Source: docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App" and "Create an
//! installation access token for an app".

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::answers::successful;
use super::{Github, owner};
use crate::clock::Clock;
use crate::config::names;
use crate::outbound::{Auth, Call, Effect, ErrorKind, IfThere, ServiceError, with_newest};
use crate::secrets::{Credential, Secret, Secrets};
use crate::service::Service;

/// Our clock may be ahead of GitHub's, which refuses a token from the future: GitHub's own advice.
const ISSUED_BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// GitHub accepts ten minutes; one less leaves room for a clock that is ahead.
const SIGNED_FOR: SignedDuration = SignedDuration::from_mins(9);
/// A token this close to its end is not used any more: a tarball takes up to two minutes.
const RENEW_BEFORE_END: SignedDuration = SignedDuration::from_mins(5);
/// Installations of one App that are looked through for an owner, pages of a hundred.
const INSTALLATION_PAGES: u32 = 5;

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

/// An App. Clones share its tokens.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    id: String,
    key: Credential,
    clock: Clock,
    /// By repository. Locked while a token is fetched, so that it is fetched once.
    tokens: Mutex<HashMap<String, Issued>>,
}

struct Issued {
    token: Secret,
    expires_at: Timestamp,
}

impl App {
    pub(super) fn new(id: &str, key: Credential, clock: Clock) -> App {
        App(Arc::new(Inner { id: id.to_owned(), key, clock, tokens: Mutex::default() }))
    }

    /// A token was refused: the next one is fetched anew.
    pub(super) async fn forget(&self, repo: &str, refused: &Secret) {
        let mut tokens = self.0.tokens.lock().await;
        if tokens.get(repo).is_some_and(|issued| issued.token == *refused) {
            tokens.remove(repo);
        }
    }
}

impl Github {
    /// A token for one repository, the one that is kept as long as it is good.
    ///
    /// # Errors
    /// `NotFound` where the App is not installed on the repository.
    pub(super) async fn installation_token(&self, app: &App, repo: &str) -> Result<Secret, ServiceError> {
        let mut tokens = app.0.tokens.lock().await;
        let good_after = app.0.clock.now() + RENEW_BEFORE_END;
        if let Some(issued) = tokens.get(repo).filter(|issued| issued.expires_at > good_after) {
            return Ok(issued.token.clone());
        }
        let call = self.call(Method::GET, repo, &["installation"], &[]);
        let Some(installation) = self.as_app::<Installation>(app, call).await.if_there()? else {
            let message = format!("the GitHub App is not installed on `{repo}`, or may not see it");
            return Err(ServiceError::new(Service::Github, ErrorKind::NotFound, message));
        };
        let name = repo.split_once('/').map_or(repo, |(_, name)| name);
        let issued = self.issue(app, &installation, json!({ "repositories": [name] })).await?;
        let token = issued.token.clone();
        tokens.insert(repo.to_owned(), issued);
        Ok(token)
    }

    /// A token for everything of an owner that the App may see: a renamed repository is not found under its old name.
    pub(super) async fn owners_token(&self, app: &App, repo: &str) -> Result<Secret, ServiceError> {
        for page in 1..=INSTALLATION_PAGES {
            let query = [("per_page", "100"), ("page", &page.to_string())];
            let call = self.call_at(Method::GET, &["app", "installations"], &query);
            let list: Vec<Installation> = self.as_app(app, call).await?;
            let is_owners = |one: &&Installation| one.account.login.eq_ignore_ascii_case(owner(repo));
            if let Some(installation) = list.iter().find(is_owners) {
                return Ok(self.issue(app, installation, json!({})).await?.token);
            }
            if list.len() < 100 {
                break;
            }
        }
        let message = format!("the GitHub App is not installed for `{}`", owner(repo));
        Err(ServiceError::new(Service::Github, ErrorKind::NotFound, message))
    }

    async fn issue(&self, app: &App, by: &Installation, body: Value) -> Result<Issued, ServiceError> {
        let path = ["app", "installations", &by.id.to_string(), "access_tokens"];
        let mut call = self.call_at(Method::POST, &path, &[]);
        call.body = Some(body);
        call.effect = Effect::None; // a token that nobody uses harms nobody
        let made: WireToken = self.as_app(app, call).await?;
        Ok(Issued { token: Secret::new(made.token), expires_at: made.expires_at })
    }

    /// A request that the App itself makes, signed with its key.
    async fn as_app<T: DeserializeOwned>(&self, app: &App, call: Call) -> Result<T, ServiceError> {
        let send = |pem: Secret| {
            let signed = sign(&pem, &app.0.id, app.0.clock.now());
            let call = call.clone();
            async move {
                let call = Call { auth: Auth::Issued(signed?), ..call };
                self.outbound.ask(&call, |answer| successful(answer)?.read()).await
            }
        };
        with_newest(&app.0.key, Service::Github, send).await
    }
}

/// An App's installation for one account.
#[derive(Deserialize)]
struct Installation {
    id: u64,
    #[serde(default)]
    account: WireAccount,
}

#[derive(Default, Deserialize)]
struct WireAccount {
    #[serde(default)]
    login: String,
}

#[derive(Deserialize)]
struct WireToken {
    token: String,
    expires_at: Timestamp,
}

fn sign(pem: &Secret, app_id: &str, now: Timestamp) -> Result<Secret, ServiceError> {
    let key = read_key(pem.expose()).ok_or_else(|| {
        let message = format!("`{}` is not an RSA private key in PEM form", names::GITHUB_APP_PRIVATE_KEY);
        ServiceError::new(Service::Github, ErrorKind::Unauthorized, message)
    })?;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iat": (now - ISSUED_BEFORE).as_second(),
        "exp": (now + SIGNED_FOR).as_second(),
        "iss": app_id,
    });
    let message = format!("{}.{}", part(json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
        .map_err(|_| ServiceError::new(Service::Github, ErrorKind::Unavailable, "signing failed"))?;
    Ok(Secret::new(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// GitHub hands keys out as PKCS#1, some tools turn them into PKCS#8, and settings on one line have `\n` written out.
fn read_key(pem: &str) -> Option<RsaKeyPair> {
    let pem = pem.replace("\\n", "\n");
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()? {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()).ok(),
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).ok(),
        _ => None, // an elliptic key: GitHub takes RSA only
    }
}
