//! The questions: what is asked for, what becomes of it without, and which answers are taken.

use autofix::config::{Environment, names};
use autofix::journal::Service;

use super::person::Typing;
use crate::doctor::plausible;
use crate::one_process::setting_problems;
use crate::settings::{where_to_find, with};

/// One thing that is asked for.
#[derive(Clone, Copy)]
pub(super) struct Question {
    /// The setting.
    pub(super) name: &'static str,
    /// What it is, in a few words.
    pub(super) what: &'static str,
    pub(super) without: Without,
    pub(super) answer: Form,
    /// Who can tell whether the answer is good, and in which findings of the doctor.
    pub(super) tried: Option<(Service, &'static [&'static str])>,
}

/// What Enter alone means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Without {
    /// AutoFix does not start.
    NotAtAll,
    /// It is left out for good, and this is how it is then.
    Then(&'static str),
    /// Another question comes in its place.
    Instead(&'static str),
}

/// How it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Secret,
    /// The answer is the name of a file that has it.
    File,
}

impl Form {
    pub(super) fn typing(self) -> Typing {
        match self {
            Form::Plain | Form::File => Typing::Shown,
            Form::Secret => Typing::Hidden,
        }
    }
}

impl Question {
    /// What a person reads before the answer.
    pub(super) fn asked(&self) -> String {
        let mut lines = vec![format!("{}.", self.what)];
        // Those two have been said already.
        if ![GITHUB_REPO.name, GITHUB_TOKEN.name].contains(&self.name) {
            lines.push(format!("  Where: {}", where_to_find(self.name)));
        }
        match self.without {
            Without::NotAtAll => {}
            Without::Then(effect) => lines.push(format!("  Enter leaves it out: {effect}.")),
            Without::Instead(other) => lines.push(format!("  Enter skips it and asks for {other}.")),
        }
        lines.join("\n")
    }
}

pub(super) const ANTHROPIC_API_KEY: Question = Question {
    name: names::ANTHROPIC_API_KEY,
    what: "Anthropic's API key",
    without: Without::NotAtAll,
    answer: Form::Secret,
    tried: Some((Service::Anthropic, &["API key"])),
};

pub(super) const GITHUB_REPO: Question = Question {
    name: "AUTOFIX_GITHUB_REPO",
    what: "The repository with your code, `owner/name`",
    without: Without::NotAtAll,
    answer: Form::Plain,
    tried: None,
};

pub(super) const GITHUB_TOKEN: Question = Question {
    name: names::GITHUB_TOKEN,
    what: "The token",
    without: Without::Instead("a GitHub App"),
    answer: Form::Secret,
    tried: Some((Service::Github, &["Token", "Repository"])),
};

pub(super) const GITHUB_APP_ID: Question = Question {
    name: "AUTOFIX_GITHUB_APP_ID",
    what: "The App's id",
    without: Without::NotAtAll,
    answer: Form::Plain,
    tried: None,
};

pub(super) const GITHUB_APP_PRIVATE_KEY: Question = Question {
    name: names::GITHUB_APP_PRIVATE_KEY,
    what: "The file with the App's private key (.pem)",
    without: Without::Instead("a token in place of the App"),
    answer: Form::File,
    tried: Some((Service::Github, &["App", "Repository"])),
};

pub(super) const GITHUB_PATH: Question = Question {
    name: "AUTOFIX_GITHUB_PATH",
    what: "The folder with the code, if it is only a part of the repository",
    without: Without::Then("it is the whole repository"),
    answer: Form::Plain,
    tried: Some((Service::Github, &["Folder"])),
};

pub(super) const PUBLIC_URL: Question = Question {
    name: "AUTOFIX_PUBLIC_URL",
    what: "The https address at which Sentry, Slack and people reach AutoFix, without `/autofix`",
    without: Without::Then(
        "cards have no link to the page, and the addresses below have to be completed by hand",
    ),
    answer: Form::Plain,
    tried: None,
};

pub(super) const SENTRY_WEBHOOK_SECRET: Question = Question {
    name: names::SENTRY_WEBHOOK_SECRET,
    what: "The integration's Client Secret",
    without: Without::NotAtAll,
    answer: Form::Secret,
    tried: None,
};

pub(super) const SENTRY_ORG: Question = Question {
    name: "SENTRY_ORG",
    what: "The organisation's slug",
    without: Without::Then("errors whose webhook was lost are not found"),
    answer: Form::Plain,
    tried: None,
};

pub(super) const SENTRY_AUTH_TOKEN: Question = Question {
    name: names::SENTRY_AUTH_TOKEN,
    what: "A token of the integration",
    without: Without::Then("`issue` webhooks, which carry no stack trace, end without an analysis"),
    answer: Form::Secret,
    tried: Some((Service::Sentry, &["Token", "Organisation"])),
};

pub(super) const SLACK_BOT_TOKEN: Question = Question {
    name: names::SLACK_BOT_TOKEN,
    what: "The Bot User OAuth Token",
    without: Without::Instead("an incoming webhook, whose cards AutoFix can't update"),
    answer: Form::Secret,
    tried: Some((Service::Slack, &["Bot token", "Workspace", "chat:write"])),
};

pub(super) const SLACK_WEBHOOK_URL: Question = Question {
    name: names::SLACK_WEBHOOK_URL,
    what: "The incoming webhook's address",
    without: Without::NotAtAll,
    answer: Form::Secret,
    tried: Some((Service::Slack, &["Incoming webhook"])),
};

pub(super) const SLACK_CHANNEL: Question = Question {
    name: "AUTOFIX_SLACK_CHANNEL",
    what: "The id of the channel for cards; invite the app there first: `/invite @AutoFix`",
    without: Without::NotAtAll,
    answer: Form::Plain,
    tried: Some((Service::Slack, &["Channel"])),
};

pub(super) const SLACK_SIGNING_SECRET: Question = Question {
    name: names::SLACK_SIGNING_SECRET,
    what: "The app's Signing Secret",
    without: Without::Then("cards have no buttons"),
    answer: Form::Secret,
    tried: None,
};

pub(super) const SLACK_APPROVERS: Question = Question {
    name: "AUTOFIX_SLACK_APPROVERS",
    what: "The ids of those who may decide about a fix (`U0123456789`), separated by commas",
    without: Without::Then("everyone in the workspace may decide"),
    answer: Form::Plain,
    tried: None,
};

/// The answer without what people copy along with it.
pub(super) fn tidied(name: &str, answer: &str) -> String {
    let answer = answer.trim();
    let last = |text: &str| text.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    match name {
        "AUTOFIX_GITHUB_REPO" => {
            let path = answer.strip_prefix("https://github.com/").unwrap_or(answer).trim_end_matches('/');
            path.strip_suffix(".git").unwrap_or(path).to_owned()
        }
        "AUTOFIX_SLACK_CHANNEL" if answer.contains("/archives/") => last(answer),
        "SENTRY_ORG" => {
            let host = answer.strip_prefix("https://").unwrap_or(answer).trim_end_matches('/');
            host.strip_suffix(".sentry.io").unwrap_or(host).to_owned()
        }
        "AUTOFIX_PUBLIC_URL" => answer.trim_end_matches('/').to_owned(),
        _ => answer.to_owned(),
    }
}

/// Why an answer cannot be right, as far as it can be seen without asking anybody.
pub(super) fn reason_against(name: &str, answer: &str, environment: &Environment) -> Option<String> {
    if names::SECRETS.contains(&name) {
        return plausible::doubt_about(name, answer);
    }
    if answer.chars().any(char::is_control) {
        return Some("it has control characters in it".to_owned());
    }
    if name == GITHUB_APP_ID.name && !is_app_id(answer) {
        return Some("an App ID is a number, and a Client ID begins with `Iv`".to_owned());
    }
    let before = setting_problems(environment);
    let after = setting_problems(&with(environment, &[(name, answer)]));
    after.into_iter().find(|problem| !before.contains(problem))
}

/// The two ids that the page of a GitHub App shows.
fn is_app_id(answer: &str) -> bool {
    let is_number = !answer.is_empty() && answer.bytes().all(|byte| byte.is_ascii_digit());
    is_number || (answer.starts_with("Iv") && answer.len() > 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, answer: &str, expected: Result<&str, &str>) {
        let tidy = tidied(name, answer);
        match (reason_against(name, &tidy, &Environment::default()), expected) {
            (None, Ok(expected)) => assert_eq!(tidy, expected),
            (Some(reason), Err(expected)) => assert!(reason.contains(expected), "{reason}"),
            (reason, expected) => panic!("`{answer}`: {reason:?}, not {expected:?}"),
        }
    }

    #[test]
    fn what_people_copy_is_taken_and_what_cannot_be_right_is_not() {
        check("AUTOFIX_GITHUB_REPO", "https://github.com/acme/shop.git", Ok("acme/shop"));
        check("AUTOFIX_GITHUB_REPO", "https://github.com/acme/shop/", Ok("acme/shop"));
        check("AUTOFIX_GITHUB_REPO", "shop", Err("not a repository name"));
        check("AUTOFIX_SLACK_CHANNEL", "https://acme.slack.com/archives/C0123456789", Ok("C0123456789"));
        check("AUTOFIX_SLACK_CHANNEL", "#alerts", Err("not its name"));
        check("SENTRY_ORG", "https://acme.sentry.io/", Ok("acme"));
        check("SENTRY_ORG", "Acme Ltd", Err("slug"));
        check("AUTOFIX_PUBLIC_URL", "https://fix.acme.example/", Ok("https://fix.acme.example"));
        check("AUTOFIX_PUBLIC_URL", "http://fix.acme.example", Err("https address"));
        check("AUTOFIX_SLACK_APPROVERS", "@ann", Err("ids of people"));
        check("AUTOFIX_GITHUB_PATH", "back\u{1b}end", Err("control"));
        check("AUTOFIX_GITHUB_APP_ID", "x", Err("is a number"));
        check("AUTOFIX_GITHUB_APP_ID", "12345", Ok("12345"));
        check("AUTOFIX_GITHUB_APP_ID", "Iv23liAbCdEfGhIjKlMn", Ok("Iv23liAbCdEfGhIjKlMn"));
        check(names::SLACK_BOT_TOKEN, "xoxp-0123456789abcdef", Err("xoxb-"));
    }
}
