//! `autofix slack-manifest`: the app as Slack's "From a manifest" takes it, with the right address and the
//! right scopes. Source: docs.slack.dev, "App manifest reference".

use anyhow::bail;
use url::Url;

/// To post cards and to change them.
pub const SCOPE_WRITE: &str = "chat:write";
/// To find a card again after a crash, in public and in private channels.
pub const SCOPE_HISTORY: &str = "channels:history";
pub const SCOPE_HISTORY_PRIVATE: &str = "groups:history";
/// To know who belongs to a group of approvers.
pub const SCOPE_GROUPS: &str = "usergroups:read";

/// The endpoint that Slack sends clicks to, behind the prefix.
const ENDPOINT: &str = "/slack/interact";

/// The manifest, in YAML. `address` is where AutoFix is reached from outside, with the endpoint or without it, and `prefix`
/// the one before its endpoints (`/autofix`).
///
/// # Errors
/// When the address is none that Slack could send a click to.
pub fn manifest(address: &str, prefix: &str) -> anyhow::Result<String> {
    let url = request_url(address, prefix)?;
    Ok(format!(
        "display_information:
  name: AutoFix
  description: Fixes production errors by pull requests, which you approve
  background_color: \"#1f2937\"
features:
  bot_user:
    display_name: AutoFix
    always_online: true
oauth_config:
  scopes:
    bot:
      - {SCOPE_WRITE}
      - {SCOPE_HISTORY}
      - {SCOPE_HISTORY_PRIVATE}
      - {SCOPE_GROUPS}
settings:
  interactivity:
    is_enabled: true
    request_url: \"{url}\"
  org_deploy_enabled: false
  socket_mode_enabled: false
  token_rotation_enabled: false"
    ))
}

fn request_url(address: &str, prefix: &str) -> anyhow::Result<Url> {
    let endpoint = format!("{}{ENDPOINT}", prefix.trim_end_matches('/'));
    let base = address.trim_end_matches('/').trim_end_matches(&endpoint);
    let url = match Url::parse(&format!("{base}{endpoint}")) {
        Ok(url) => url,
        Err(error) => bail!("`{address}` is no address: {error}"),
    };
    if url.scheme() != "https" || url.query().is_some() || url.fragment().is_some() {
        bail!(
            "Slack sends clicks to an https address only, such as `https://autofix.acme.example`; `{address}` is none"
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        bail!("the address must not have a user or a password in it");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Option<&str>) {
        let made = manifest(address, "/autofix").ok();
        let url = made.as_deref().map(|manifest| {
            let yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(manifest).unwrap();
            yaml["settings"]["interactivity"]["request_url"].as_str().unwrap().to_owned()
        });
        assert_eq!(url.as_deref(), expected, "{address}");
    }

    #[test]
    fn clicks_go_to_the_endpoint_behind_the_prefix() {
        let endpoint = "https://fix.acme.example/autofix/slack/interact";
        check("https://fix.acme.example", Some(endpoint));
        check("https://fix.acme.example/", Some(endpoint));
        check("https://fix.acme.example/autofix/slack/interact", Some(endpoint));
        check("https://acme.example/tools", Some("https://acme.example/tools/autofix/slack/interact"));
    }

    #[test]
    fn an_address_that_slack_would_not_take_is_refused() {
        for bad in ["http://fix.acme.example", "fix.acme.example", "https://ann:secret@fix.acme.example", ""]
        {
            check(bad, None);
        }
    }

    #[test]
    fn the_scopes_are_those_that_the_doctor_asks_for() {
        let yaml: serde_yaml_ng::Value =
            serde_yaml_ng::from_str(&manifest("https://fix.acme.example", "/autofix").unwrap()).unwrap();
        let scopes = yaml["oauth_config"]["scopes"]["bot"].as_sequence().unwrap();
        let scopes: Vec<&str> = scopes.iter().filter_map(|scope| scope.as_str()).collect();
        assert_eq!(scopes, [SCOPE_WRITE, SCOPE_HISTORY, SCOPE_HISTORY_PRIVATE, SCOPE_GROUPS]);
    }
}
