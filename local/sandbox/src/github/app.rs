//! A GitHub App: it proves itself with a token that it signs with its key, and gets tokens for its
//! installation that are good for an hour, by the fake's clock.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs1KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::credentials::{Account, Holder, Visitor};
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::World;

/// The App's id, as its settings page shows it.
pub const APP_ID: &str = "1440001";
/// The App's private key as GitHub hands it out (PKCS#1). It opens nothing but this fake.
pub const APP_PRIVATE_KEY: &str = include_str!("app_key.pem");
/// The same key in the other form that tools write (PKCS#8).
pub const APP_PRIVATE_KEY_PKCS8: &str = include_str!("app_key_pkcs8.pem");
/// The account that acts for the App.
pub const APP_LOGIN: &str = "autofix-sandbox-app[bot]";

const INSTALLATION_ID: u64 = 9_001;
/// How long an installation's token is good.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// The longest life that GitHub accepts for what an App signs.
const LONGEST_LIFE: i64 = 10 * 60;

/// The tokens that were given out.
#[derive(Clone, Default)]
pub(super) struct App {
    issued: Vec<Issued>,
}

#[derive(Clone)]
struct Issued {
    token: String,
    /// Names in lower case; `None` for all that the App is installed on.
    repositories: Option<BTreeSet<String>>,
    expires_at: Timestamp,
}

impl App {
    /// Every token given out so far stops working, as when somebody suspends the installation for a moment.
    pub(super) fn revoke_tokens(&mut self) {
        self.issued.clear();
    }
}

impl World {
    /// Who an installation's token speaks for; `None` for one that is unknown or has expired.
    pub(super) fn installation_with(&self, token: &str) -> Option<Visitor> {
        let issued = self.app.issued.iter().find(|issued| issued.token == token)?;
        if issued.expires_at <= self.clock.now() {
            return None;
        }
        let installed: BTreeSet<String> = self.installed_on();
        let repositories = match &issued.repositories {
            Some(chosen) => chosen.intersection(&installed).cloned().collect(),
            None => installed,
        };
        Some(Visitor {
            holder: Holder::Installation,
            account: Account::bot(APP_LOGIN),
            grants: self.grants.get(&Holder::Installation).cloned().unwrap_or_default(),
            repositories: Some(repositories),
        })
    }
}

/// The App's own endpoints, which take what it signed and nothing else. `None` for any other endpoint.
pub(super) fn route(world: &mut World, call: &Call, path: &[&str]) -> Option<Outcome> {
    let answer = match (call.method.as_str(), path) {
        ("GET", ["app", "installations"]) => {
            signed(world, call).map(|()| Answer::list(call, vec![installation_json(world)]))
        }
        ("POST", ["app", "installations", id, "access_tokens"]) => {
            signed(world, call).and_then(|()| issue(world, call, id))
        }
        ("GET", ["repos", owner, name, "installation"]) => {
            signed(world, call).and_then(|()| installation_of(world, &format!("{owner}/{name}")))
        }
        _ => return None,
    };
    Some(answer)
}

fn installation_of(world: &mut World, full_name: &str) -> Outcome {
    if world.new_name(full_name).is_some() {
        let location = format!("{}/repositories/0/installation", world.api_url());
        return Err(Refusal::moved(301, location));
    }
    let repository = world.repository(full_name).filter(|repo| repo.settings.app_installed);
    repository.ok_or_else(Refusal::not_found)?;
    Ok(Answer::json(200, &installation_json(world)))
}

fn installation_json(world: &World) -> Value {
    json!({
        "id": INSTALLATION_ID,
        "app_id": APP_ID.parse::<u64>().unwrap_or_default(),
        "app_slug": APP_LOGIN.trim_end_matches("[bot]"),
        "target_type": "Organization",
        "account": { "login": world.an_owner().unwrap_or_default(), "type": "Organization" },
        "repository_selection": "selected",
        "permissions": permissions(world),
        "events": [],
        "suspended_at": null,
        "access_tokens_url": format!("{}/app/installations/{INSTALLATION_ID}/access_tokens", world.api_url()),
    })
}

fn permissions(world: &World) -> Value {
    let granted = world.grants.get(&Holder::Installation).into_iter().flatten();
    let named: Map<String, Value> =
        granted.map(|(permission, level)| (permission.as_str().to_owned(), json!(level.as_str()))).collect();
    Value::Object(named)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    repositories: Option<Vec<String>>,
    repository_ids: Option<Vec<u64>>,
    permissions: Option<Map<String, Value>>,
}

fn issue(world: &mut World, call: &Call, id: &str) -> Outcome {
    let wanted: Wanted = call.body()?;
    if id != INSTALLATION_ID.to_string() {
        return Err(Refusal::not_found());
    }
    if wanted.repository_ids.is_some() || wanted.permissions.is_some() {
        return Err(Refusal::not_understood("tokens for repository ids or for fewer permissions"));
    }
    let installed = world.installed_on();
    let chosen = match wanted.repositories {
        None => None,
        Some(names) => {
            let found = |name: &String| {
                let named = |full: &&String| {
                    full.split_once('/').is_some_and(|(_, short)| short.eq_ignore_ascii_case(name))
                };
                installed.iter().find(named).cloned()
            };
            let all: Option<BTreeSet<String>> = names.iter().map(found).collect();
            let message = "There is at least one repository that does not exist or is not accessible to the \
                           parent installation.";
            Some(all.ok_or_else(|| Refusal::new(422, message))?)
        }
    };
    let expires_at = world.clock.now() + TOKEN_LIFE;
    let token = format!("ghs_sandbox{:08}", world.requests);
    let selection = if chosen.is_some() { "selected" } else { "all" };
    let answer = json!({
        "token": token,
        "expires_at": Timestamp::from_second(expires_at.as_second()).unwrap_or(expires_at).to_string(),
        "permissions": permissions(world),
        "repository_selection": selection,
    });
    world.app.issued.push(Issued { token, repositories: chosen, expires_at });
    Ok(Answer::json(201, &answer))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: String,
}

/// Whether the App signed this request, for now and not for long.
fn signed(world: &World, call: &Call) -> Result<(), Refusal> {
    let unreadable = || Refusal::new(401, "A JSON web token could not be decoded");
    let token = call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let (message, signature) = token.and_then(|token| token.rsplit_once('.')).ok_or_else(unreadable)?;
    let (header, claims) = message.split_once('.').ok_or_else(unreadable)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| unreadable());
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| unreadable())?;
    if header.alg != "RS256" || header.typ.is_some_and(|kind| kind != "JWT") {
        return Err(unreadable());
    }
    let key = public_key().map_err(|error| Refusal::new(500, &error.to_string()))?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    key.verify(message.as_bytes(), &decode(signature)?).map_err(|_| unreadable())?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| unreadable())?;
    let now = world.clock.now().as_second();
    if claims.iss != APP_ID {
        return Err(Refusal::new(404, "Integration not found"));
    }
    if claims.iat > now {
        let message = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion \
                       was issued";
        return Err(Refusal::new(401, message));
    }
    if claims.exp <= now {
        let message = "'Expiration time' claim ('exp') must be a numeric value representing the future time at \
                       which the assertion expires";
        return Err(Refusal::new(401, message));
    }
    if claims.exp - now > LONGEST_LIFE {
        return Err(Refusal::new(401, "'Expiration time' claim ('exp') is too far in the future"));
    }
    Ok(())
}

fn public_key() -> anyhow::Result<Vec<u8>> {
    let private = PrivatePkcs1KeyDer::from_pem_slice(APP_PRIVATE_KEY.as_bytes())?;
    let pair = RsaKeyPair::from_der(private.secret_pkcs1_der())?;
    Ok(pair.public_key().as_ref().to_vec())
}
