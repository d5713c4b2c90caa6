//! Where `serve` finds its settings: the environment, then a `.env` file. It lists everything that is missing at once,
//! by name and with where to get it.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use autofix::config::{Environment, names, settings};

/// What the real services cannot do without.
const NEEDED: [&str; 6] = [
    names::ANTHROPIC_API_KEY,
    names::GITHUB_TOKEN,
    names::GITHUB_APP_PRIVATE_KEY,
    "AUTOFIX_GITHUB_REPO",
    names::SENTRY_WEBHOOK_SECRET,
    names::API_TOKEN,
];

/// Where people find the value of a setting, and what it has to be able to do.
pub fn where_to_find(name: &str) -> &'static str {
    settings::named(name).and_then(|setting| setting.found_at).unwrap_or("see docs/configuration.md")
}

/// What to do about a setting that is missing or wrong.
pub fn how_to_set(name: &str) -> String {
    format!("Set `{name}`: {}.", where_to_find(name))
}

/// The process's environment over the `.env` file of a folder.
pub fn environment(folder: &Path) -> anyhow::Result<Environment> {
    let process = Environment::of_process();
    let path = folder.join(".env");
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let file = parse(&text).with_context(|| format!("read `{}`", path.display()))?;
            Ok(process.over(file))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(process),
        Err(error) => Err(error).with_context(|| format!("read `{}`", path.display())),
    }
}

/// The environment with some settings changed; an empty value unsets.
pub fn with(environment: &Environment, changes: &[(&str, &str)]) -> Environment {
    let kept = environment.pairs().into_iter();
    let kept = kept.filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    kept.chain(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).collect()
}

/// The variables of a file alone.
pub fn file(path: &Path) -> anyhow::Result<Environment> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read `{}`", path.display()))?;
    parse(&text).with_context(|| format!("read `{}`", path.display()))
}

/// `NAME=value` lines; `#` begins a comment line, quotes around a value are taken off, `export` is allowed.
pub(crate) fn parse(text: &str) -> anyhow::Result<Environment> {
    let mut variables = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=').with_context(|| format!("line {} has no `=`", index + 1))?;
        variables.push((name.trim().to_owned(), unquoted(value.trim())));
    }
    Ok(variables.into_iter().collect())
}

fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            // In double quotes `\n` is a line break, as private keys are usually written.
            return if quote == '"' { inner.replace("\\n", "\n") } else { inner.to_owned() };
        }
    }
    value.to_owned()
}

/// A setting that has to be there and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub setting: &'static str,
    /// Where people find its value, or what may take its place.
    pub hint: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.setting, self.hint)
    }
}

/// The Python AutoFix could not work without these. Its webhook secret was optional.
const OF_PYTHON_AUTOFIX: [&str; 3] =
    [names::ANTHROPIC_API_KEY, names::GITHUB_TOKEN, names::SLACK_WEBHOOK_URL];

/// Whether these may be the settings of a Python AutoFix, which needed no more.
pub fn are_of_python_autofix(environment: &Environment) -> bool {
    OF_PYTHON_AUTOFIX.iter().all(|name| environment.get(name).is_some())
}

/// Whether webhooks are taken from anyone while there is no secret to check them with.
pub fn takes_unsigned(environment: &Environment) -> bool {
    matches!(environment.get("AUTOFIX_ALLOW_UNSIGNED_WEBHOOKS"), Some("true" | "1" | "yes"))
}

/// What is missing for the real services; empty when everything is there.
pub fn missing(environment: &Environment) -> Vec<Missing> {
    let is_app = environment.get("AUTOFIX_GITHUB_APP_ID").is_some();
    let not_needed = match is_app {
        true => names::GITHUB_TOKEN,
        false => names::GITHUB_APP_PRIVATE_KEY,
    };
    let unsigned = takes_unsigned(environment);
    let absent = NEEDED.iter().filter(|name| environment.get(name).is_none() && **name != not_needed);
    let absent = absent.filter(|name| **name != names::SENTRY_WEBHOOK_SECRET || !unsigned);
    let mut missing: Vec<Missing> = absent
        .filter(|name| **name != "AUTOFIX_GITHUB_REPO" || environment.get("AUTOFIX_PROJECTS").is_none())
        .map(|name| Missing { setting: name, hint: where_to_find(name).to_owned() })
        .collect();
    let (bot, webhook) = (environment.get(names::SLACK_BOT_TOKEN), environment.get(names::SLACK_WEBHOOK_URL));
    if bot.is_none() && webhook.is_none() {
        missing.push(Missing {
            setting: names::SLACK_BOT_TOKEN,
            hint: format!(
                "api.slack.com/apps, your app, OAuth & Permissions; or `{}` (Incoming Webhooks)",
                names::SLACK_WEBHOOK_URL
            ),
        });
    }
    if bot.is_some() && environment.get("AUTOFIX_SLACK_CHANNEL").is_none() {
        missing.push(Missing {
            setting: "AUTOFIX_SLACK_CHANNEL",
            hint: "the id of the channel for cards, such as `C0123456789`".to_owned(),
        });
    }
    missing
}

/// What works, but less well, without a setting that is absent; one sentence each.
pub fn hints(environment: &Environment) -> Vec<String> {
    let without = [
        (names::SLACK_SIGNING_SECRET, "cards have no buttons"),
        ("AUTOFIX_PUBLIC_URL", "cards have no link to the page with their details"),
        (names::SENTRY_AUTH_TOKEN, "`issue` webhooks carry no stack trace, so an alert rule has to bring it"),
    ];
    let absent = without.iter().filter(|(name, _)| environment.get(name).is_none());
    absent.map(|(name, what)| format!("Without `{name}` {what}.")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotenv_file_has_comments_quotes_and_exports() {
        let text = "# a comment\n\nA=1\nexport B = 'two words'\nC=\"x\\ny\"\nD=\n";
        let environment = parse(text).unwrap();
        assert_eq!(environment.get("A"), Some("1"));
        assert_eq!(environment.get("B"), Some("two words"));
        assert_eq!(environment.get("C"), Some("x\ny"));
        assert_eq!(environment.get("D"), None);
        assert_eq!(
            parse("no equals sign").err().map(|e| e.to_string()).as_deref(),
            Some("line 1 has no `=`")
        );
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        // Of the token and the App's key one is needed, and one way to Slack.
        assert_eq!(missing(&Environment::default()).len(), NEEDED.len());
        let app = Environment::from_iter([("AUTOFIX_GITHUB_APP_ID", "7")]);
        let wanting = missing(&app);
        assert!(wanting.iter().any(|one| one.setting == "AUTOFIX_GITHUB_APP_PRIVATE_KEY"), "{wanting:?}");
        assert!(!wanting.iter().any(|one| one.setting == "AUTOFIX_GITHUB_TOKEN"), "{wanting:?}");
        let bot = Environment::from_iter([(names::SLACK_BOT_TOKEN, "xoxb-1"), ("AUTOFIX_PROJECTS", "{}")]);
        let missing = missing(&bot);
        assert!(missing.iter().any(|one| one.setting == "AUTOFIX_SLACK_CHANNEL"), "{missing:?}");
        assert!(!missing.iter().any(|one| one.setting == "AUTOFIX_GITHUB_REPO"), "{missing:?}");
    }
}
