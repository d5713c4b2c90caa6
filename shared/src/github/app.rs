//! A GitHub App's credentials. The App signs a short-lived token with its private key (RS256) and
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
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::answers::{successful, text};
use super::{Github, owner};
use crate::clock::Clock;
use crate::config::names;
use crate::journal::Service;
use crate::outbound::{Answer, Auth, Call, Effect, ErrorKind, ServiceError, secrets_unavailable};
use crate::secrets::{Credential, Renewal, Secret};

/// Our clock may be ahead of GitHub's, which refuses a token from the future: GitHub's own advice.
const ISSUED_BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// GitHub accepts ten minutes; one less leaves room for a clock that is ahead.
const SIGNED_FOR: SignedDuration = SignedDuration::from_mins(9);
/// A token this close to its end is not used any more: a tarball takes up to two minutes.
const RENEW_BEFORE_END: SignedDuration = SignedDuration::from_mins(5);
/// Installations of one App that are looked through for an owner, pages of a hundred.
const INSTALLATION_PAGES: u32 = 5;

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

    /// What proves that a request is the App's, for the next minutes, and the key that signed it. A key that is
    /// missing or unreadable is read anew once: it may have been put right a moment ago.
    async fn signed(&self) -> Result<(Secret, Secret), ServiceError> {
        match self.sign_with_known_key().await {
            Err(ServiceError { kind: ErrorKind::Unauthorized, .. }) => {
                self.0.key.renew().await.map_err(secrets_unavailable(Service::Github))?;
                self.sign_with_known_key().await
            }
            signed => signed,
        }
    }

    async fn sign_with_known_key(&self) -> Result<(Secret, Secret), ServiceError> {
        let pem = self.0.key.get().await.map_err(secrets_unavailable(Service::Github))?;
        let pem = pem.ok_or_else(|| {
            ServiceError::new(
                Service::Github,
                ErrorKind::Unauthorized,
                format!("`{}` is not set", names::GITHUB_APP_PRIVATE_KEY),
            )
        })?;
        let token = sign(&pem, &self.0.id, self.0.clock.now())?;
        Ok((token, pem))
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
        let found = self.as_app(app, self.call(Method::GET, repo, &["installation"], &[])).await;
        let installation = match found {
            Err(ServiceError { kind: ErrorKind::NotFound, .. }) => {
                let message = format!("the GitHub App is not installed on `{repo}`, or may not see it");
                return Err(ServiceError::new(Service::Github, ErrorKind::NotFound, message));
            }
            found => found?,
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
            let list = self.as_app(app, call).await?;
            let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
            let is_owners = |installation: &&Value| {
                let login = installation["account"]["login"].as_str().unwrap_or_default();
                login.eq_ignore_ascii_case(owner(repo))
            };
            if let Some(installation) = list.iter().find(is_owners) {
                return Ok(self.issue(app, installation, json!({})).await?.token);
            }
            if list.len() < 100 {
                break;
            }
        }
        Err(ServiceError::new(
            Service::Github,
            ErrorKind::NotFound,
            format!("the GitHub App is not installed for `{}`", owner(repo)),
        ))
    }

    async fn issue(&self, app: &App, installation: &Value, body: Value) -> Result<Issued, ServiceError> {
        let id = installation["id"].as_u64();
        let id = id
            .ok_or_else(|| {
                ServiceError::new(Service::Github, ErrorKind::Malformed, "`id` is missing".to_owned())
            })?
            .to_string();
        let mut call = self.call_at(Method::POST, &["app", "installations", &id, "access_tokens"], &[]);
        call.body = Some(body);
        call.effect = Effect::None; // a token that nobody uses harms nobody
        let made = self.as_app(app, call).await?;
        let expires_at = text(&made, "expires_at")?.parse();
        let expires_at = expires_at.map_err(|_| {
            ServiceError::new(Service::Github, ErrorKind::Malformed, "`expires_at` is no time".to_owned())
        })?;
        Ok(Issued { token: Secret::new(text(&made, "token")?), expires_at })
    }

    /// A request that the App itself makes. Where its signature is refused and the key was replaced, once more.
    async fn as_app(&self, app: &App, mut call: Call) -> Result<Value, ServiceError> {
        let (token, key_used) = app.signed().await?;
        call.auth = Auth::Issued(token);
        let read = |answer: &Answer| Ok(successful(answer)?.json());
        let result = self.outbound.ask(&call, read).await;
        let Err(ServiceError { kind: ErrorKind::CredentialRefused, message, .. }) = result else {
            return result;
        };
        let renewal = app.0.key.renew().await.map_err(secrets_unavailable(Service::Github))?;
        let (token, key) = app.signed().await?;
        if key != key_used {
            call.auth = Auth::Issued(token);
            return self.outbound.ask(&call, read).await;
        }
        Err(match renewal {
            Renewal::Read => ServiceError::new(Service::Github, ErrorKind::CredentialRefused, message),
            // Nobody has looked whether there is a newer one: that is no reason to give up.
            Renewal::NotNow => ServiceError::new(Service::Github, ErrorKind::SecretsUnavailable, message),
        })
    }
}

fn sign(pem: &Secret, app_id: &str, now: Timestamp) -> Result<Secret, ServiceError> {
    let key = read_key(pem.expose()).ok_or_else(|| {
        ServiceError::new(
            Service::Github,
            ErrorKind::Unauthorized,
            format!("`{}` is not an RSA private key in PEM form", names::GITHUB_APP_PRIVATE_KEY),
        )
    })?;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iat": (now - ISSUED_BEFORE).as_second(),
        "exp": (now + SIGNED_FOR).as_second(),
        "iss": app_id,
    });
    let message = format!("{}.{}", part(json!({ "alg": "RS256", "typ": "JWT" })), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).map_err(|_| {
        ServiceError::new(Service::Github, ErrorKind::Unavailable, "signing failed".to_owned())
    })?;
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
