//! What people do at the services before they can answer, with the menus' own words.

use autofix::github::Permission;

use crate::slack_manifest;

/// Stands in what people paste while the real address is not known; no such host can exist.
const NO_ADDRESS: &str = "https://address-of-autofix.invalid";

/// Where AutoFix is reached, and the path before its endpoints.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// Without the prefix; `None` where it was left out.
    pub(super) public: Option<String>,
    pub(super) prefix: String,
}

impl Address {
    fn base(&self) -> &str {
        self.public.as_deref().unwrap_or(NO_ADDRESS)
    }

    fn hint(&self, place: &str) -> String {
        match self.public {
            Some(_) => String::new(),
            None => format!("\nThe address is not known yet: put the right one there later ({place})."),
        }
    }
}

/// A token with the permissions that it needs.
pub(super) fn github_token() -> String {
    let permissions = permissions(|permission| permission != Permission::Checks);
    format!(
        "https://github.com/settings/personal-access-tokens/new\n\
         (github.com, Settings, Developer settings, Fine-grained tokens, Generate new token)\n\
         Resource owner: the organisation. Only select repositories: the one above. Repository permissions:\n{permissions}"
    )
}

/// An App with the permissions that it needs.
pub(super) fn github_app() -> String {
    let permissions = permissions(|_| true);
    format!(
        "github.com, the organisation's Settings, Developer settings, GitHub Apps, New GitHub App.\n\
         Webhook: not active. Repository permissions:\n{permissions}\n\
         Then: Generate a private key, and Install App on the repository."
    )
}

fn permissions(is_wanted: impl Fn(Permission) -> bool) -> String {
    let wanted = Permission::ALL.iter().filter(|permission| is_wanted(**permission));
    wanted.map(|permission| format!("  {permission}")).collect::<Vec<_>>().join("\n")
}

/// The integration, whose webhooks tell AutoFix of errors.
pub(super) fn sentry(address: &Address) -> String {
    let Address { prefix, .. } = address;
    format!(
        "sentry.io, Settings, Developer Settings (or Custom Integrations), Create New Integration, Internal Integration:\n\
         \x20 Name               AutoFix\n\
         \x20 Webhook URL        {}{prefix}/webhooks/sentry\n\
         \x20 Alert Rule Action  on\n\
         \x20 Permissions        Issue & Event: Read & Write; Project: Read; Organization: Read\n\
         \x20 Webhooks           issue; and error, where your plan has it\n\
         The legacy WebHooks plugin does as well: choose a long random secret, and `autofix doctor` prints its address.\n\
         Save Changes. The Client Secret stands at the end of the same page, the tokens above it.{}",
        address.base(),
        address.hint("the integration's Webhook URL")
    )
}

/// The app, which posts cards and takes clicks.
pub(super) fn slack(address: &Address) -> String {
    let Address { prefix, .. } = address;
    // An address on this machine is good enough for `serve`, and Slack would not take it.
    let made = slack_manifest::manifest(address.base(), prefix);
    let nowhere = Address { public: None, prefix: prefix.clone() };
    let (manifest, hint) = match made.or_else(|_| slack_manifest::manifest(NO_ADDRESS, prefix)) {
        Ok(manifest) if manifest.contains(NO_ADDRESS) => {
            (manifest, nowhere.hint("Interactivity & Shortcuts, Request URL"))
        }
        Ok(manifest) => (manifest, String::new()),
        Err(error) => (format!("{error:#}"), String::new()),
    };
    format!(
        "https://api.slack.com/apps?new_app=1, From a manifest, YAML. Paste what stands between the lines:\n\
         ----\n{manifest}\n----\n\
         Then: Install App, Install to Workspace.{hint}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_are_those_of_the_endpoints() {
        let address =
            Address { public: Some("https://fix.acme.example".to_owned()), prefix: "/autofix".to_owned() };
        assert!(sentry(&address).contains("https://fix.acme.example/autofix/webhooks/sentry\n"));
        assert!(slack(&address).contains("\"https://fix.acme.example/autofix/slack/interact\"\n"));
        assert!(!sentry(&address).contains("later") && !slack(&address).contains("later"));
        for public in [None, Some("http://127.0.0.1:3000".to_owned())] {
            let unknown = Address { public, ..address.clone() };
            assert!(slack(&unknown).contains("Interactivity & Shortcuts, Request URL"));
        }
    }

    #[test]
    fn a_token_is_not_told_to_have_what_no_token_can_have() {
        assert!(github_token().contains("Pull requests: read and write"));
        assert!(!github_token().contains("Checks") && github_app().contains("Checks: read"));
    }
}
