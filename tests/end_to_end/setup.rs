//! `autofix setup`: from nothing to a deployment that works, by answers alone; nothing given is lost, nothing secret is
//! shown, nothing is asked twice.

use std::path::PathBuf;

use autofix::config::{Environment, names};
use autofix::outbound::Outbound;
use autofix::secrets::Secrets;
use autofix_local::arguments::SetupArgs;
use autofix_local::sandbox::github::{APP_ID, APP_PRIVATE_KEY, TOKEN};
use autofix_local::sandbox::secrets_manager::{ARN, SecretsManager};
use autofix_local::sandbox::slack::{BOT_TOKEN, CHANNEL_ID, SIGNING_SECRET};
use autofix_local::sandbox::{claude, sentry};
use autofix_local::settings;
use autofix_local::setup::{Means, Outcome, Person, setup};
use tempfile::TempDir;

use crate::world::{APPROVER_ID, REPO, Scenario, World, assert_says, serve};

/// Where somebody sits down with an empty folder.
struct Desk {
    world: World,
    folder: TempDir,
    address: String,
}

impl Desk {
    async fn new() -> Desk {
        let world = World::new().await;
        world.sandbox.sentry.throw(&Scenario::Fix.event(world.clock.now()));
        let address = serve(world.process.endpoints()).await;
        Desk { world, folder: TempDir::new().unwrap(), address }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join(".env")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap()
    }

    fn get(&self, name: &str) -> Option<String> {
        settings::file(&self.file()).unwrap().get(name).map(str::to_owned)
    }

    /// Gives these answers, one a line; a string of what was shown.
    async fn answers(&self, answers: &[&str]) -> (Outcome, String) {
        self.answers_with(answers, self.args(), None).await
    }

    fn args(&self) -> SetupArgs {
        let data = self.folder.path().join("data");
        SetupArgs { file: self.file(), push: None, from_python: None, data }
    }

    async fn answers_with(
        &self,
        answers: &[&str],
        args: SetupArgs,
        manager: Option<&SecretsManager>,
    ) -> (Outcome, String) {
        let input: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
        let mut output = Vec::new();
        let addresses =
            self.world.environment().pairs().into_iter().filter(|(name, _)| name.ends_with("_URL"));
        let means = Means {
            process: addresses.collect::<Environment>(),
            clock: self.world.clock.clock(),
            outbound: Outbound::new(None).unwrap(),
            secrets_manager: manager.map(SecretsManager::client),
        };
        let mut person = Person::through(input.as_bytes(), &mut output);
        let outcome = setup(&args, means, &mut person).await.unwrap();
        drop(person);
        let shown = String::from_utf8(output).unwrap();
        for secret in answers.iter().filter(|answer| is_secret(answer)) {
            assert!(!shown.contains(secret), "`{secret}` is shown:\n{shown}");
        }
        for name in names::SECRETS {
            let value = self.file().exists().then(|| self.get(name)).flatten();
            assert!(value.is_none_or(|value| !shown.contains(&value)), "`{name}` is shown:\n{shown}");
        }
        (outcome, shown)
    }

    /// All answers of somebody who has everything at hand.
    fn all(&self) -> Vec<&str> {
        vec![
            claude::API_KEY,
            REPO,
            TOKEN,
            "backend",
            &self.address,
            sentry::CLIENT_SECRET,
            sentry::ORGANIZATION,
            sentry::AUTH_TOKEN,
            BOT_TOKEN,
            CHANNEL_ID,
            SIGNING_SECRET,
            APPROVER_ID,
        ]
    }
}

fn is_secret(answer: &str) -> bool {
    ["sk-", "github_pat", "xox", "sntry", "sandbox-"].iter().any(|start| answer.starts_with(start))
}

/// The names that were asked for, in order.
fn asked(shown: &str) -> Vec<&str> {
    let prompts = shown.lines().filter_map(|line| line.strip_suffix(": "));
    prompts.filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')).collect()
}

#[tokio::test]
async fn twelve_answers_make_a_deployment_that_works_and_are_asked_for_once() {
    let desk = Desk::new().await;
    let (outcome, shown) = desk.answers(&desk.all()).await;
    assert_eq!(outcome, Outcome::Ready, "{shown}");
    assert_eq!(asked(&shown).len(), 12, "{shown}");
    for (name, value) in asked(&shown).into_iter().zip(desk.all()) {
        assert_eq!(desk.get(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(desk.get(names::API_TOKEN).unwrap().len(), 64, "made, not asked for");
    assert_says(
        &shown,
        &[
            "Pull requests: read and write",
            "/autofix/webhooks/sentry",
            "Issue & Event: Read & Write",
            "display_information:",
            "Everything is as it should be.",
        ],
    );
    let before = desk.text();
    let (outcome, shown) = desk.answers(&[]).await;
    assert_eq!((outcome, asked(&shown)), (Outcome::Ready, vec![]), "{shown}");
    assert_eq!(desk.text(), before);
}

#[tokio::test]
async fn an_autofix_that_has_only_to_be_started_is_set_up() {
    let desk = Desk::new().await;
    let mut answers = desk.all();
    answers[4] = "http://127.0.0.1:1";
    let (outcome, shown) = desk.answers(&answers).await;
    assert_eq!(outcome, Outcome::Ready, "{shown}");
    assert!(shown.contains("✗ Public address") && shown.contains("Now start it"), "{shown}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_alone_and_what_else_is_in_it_stays() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new().await;
    std::fs::write(desk.file(), "# ours\nAUTOFIX_MIN_CONFIDENCE=0.9\r\nexport AUTOFIX_GITHUB_REPO=\nOTHER=1")
        .unwrap();
    std::fs::set_permissions(desk.file(), PermissionsExt::from_mode(0o644)).unwrap();
    let (outcome, shown) = desk.answers(&desk.all()).await;
    assert_eq!(outcome, Outcome::Ready, "{shown}");
    let text = desk.text();
    let kept = "# ours\nAUTOFIX_MIN_CONFIDENCE=0.9\r\nexport AUTOFIX_GITHUB_REPO=acme/bookshop\nOTHER=1\n";
    assert!(text.starts_with(kept), "{text}");
    let mode = |path: PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(desk.file()), 0o600);
    let files: Vec<_> =
        std::fs::read_dir(desk.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, [".env"], "nothing half-written lies about");
}

#[tokio::test]
async fn whoever_stops_loses_nothing_and_goes_on_there() {
    let desk = Desk::new().await;
    let all = desk.all();
    let (outcome, shown) = desk.answers(&all[..3]).await;
    assert_eq!(outcome, Outcome::Stopped);
    assert!(shown.contains("continues there"), "{shown}");
    assert_eq!(desk.get(names::GITHUB_TOKEN).as_deref(), Some(TOKEN));
    let (outcome, shown) = desk.answers(&all[3..]).await;
    assert_eq!(outcome, Outcome::Ready, "{shown}");
    assert_eq!(asked(&shown)[0], "AUTOFIX_GITHUB_PATH");
}

#[tokio::test]
async fn an_answer_that_cannot_be_right_is_asked_for_again_with_the_reason() {
    let desk = Desk::new().await;
    let mut answers = desk.all();
    let wrong = [
        (11, "@ann", "ids of people"),
        (9, "#alerts", "not its name"),
        (8, "xoxp-0123456789abcdef", "begins with `xoxb-`"),
        (5, "sntryu_0123456789abcdef", "looks like a token of Sentry"),
        (1, "bookshop", "not a repository name"),
        (0, "github_pat_0123456789abcdef", "looks like a token of GitHub"),
    ];
    for (place, answer, _) in wrong {
        answers.insert(place, answer);
    }
    let (outcome, shown) = desk.answers(&answers).await;
    assert_eq!(outcome, Outcome::Ready, "{shown}");
    for (_, _, reason) in wrong {
        assert!(shown.contains(reason), "{reason}:\n{shown}");
    }
}

#[tokio::test]
async fn an_answer_that_a_service_refuses_is_told_and_kept_only_by_enter() {
    let desk = Desk::new().await;
    let (stranger, key) = ("sk-ant-of-somebody-else", claude::API_KEY);
    let (outcome, shown) = desk.answers(&[stranger]).await;
    assert_eq!(outcome, Outcome::Stopped);
    assert!(shown.contains("✗ API key") && shown.contains("Enter to keep"), "{shown}");
    assert!(shown.contains("nothing was written"), "{shown}");
    assert!(!desk.file().exists());
    // Another answer takes its place; the doctor finds again what was kept all the same.
    let mut answers = desk.all();
    answers.splice(0..1, [stranger, key]);
    answers.splice(4..5, ["mobile", ""]);
    let (outcome, shown) = desk.answers(&answers).await;
    assert_eq!(outcome, Outcome::SomethingIsWrong, "{shown}");
    assert_eq!(desk.get(names::ANTHROPIC_API_KEY).as_deref(), Some(key));
    assert_eq!(desk.get("AUTOFIX_GITHUB_PATH").as_deref(), Some("mobile"));
    assert!(shown.contains("1 marked with ✗"), "{shown}");
}

#[tokio::test]
async fn what_is_left_out_is_not_asked_for_again_unless_it_is_needed() {
    let desk = Desk::new().await;
    // Key, repository, token; an App in place of the token; folder; address; Sentry's three; Slack's.
    let (outcome, shown) = desk.answers(&[""; 14]).await;
    assert_eq!(outcome, Outcome::SomethingIsWrong, "{shown}");
    let first = asked(&shown).len();
    assert_eq!(first, 13, "{shown}");
    assert!(shown.contains("address-of-autofix.invalid"), "{shown}");
    assert_eq!(desk.get("AUTOFIX_GITHUB_PATH"), None);
    let (_, shown) = desk.answers(&[""; 14]).await;
    let again = [
        names::ANTHROPIC_API_KEY,
        "AUTOFIX_GITHUB_REPO",
        names::GITHUB_TOKEN,
        "AUTOFIX_GITHUB_APP_ID",
        names::SENTRY_WEBHOOK_SECRET,
        names::SLACK_BOT_TOKEN,
        names::SLACK_WEBHOOK_URL,
    ];
    assert_eq!(asked(&shown), again, "{shown}");
}

#[tokio::test]
async fn a_github_app_and_an_incoming_webhook_take_the_places_of_the_tokens() {
    let desk = Desk::new().await;
    let key = desk.folder.path().join("key.pem");
    std::fs::write(&key, APP_PRIVATE_KEY.replace('\n', "\r\n")).unwrap();
    let (key, webhook) = (key.display().to_string(), desk.world.sandbox.slack.webhook_url());
    let mut answers = desk.all();
    answers.splice(8..10, ["", webhook.as_str()]);
    answers.splice(2..3, ["", APP_ID, "/nowhere/key.pem", key.as_str()]);
    let (outcome, shown) = desk.answers(&answers).await;
    assert_eq!(outcome, Outcome::Ready, "{shown}");
    assert!(shown.contains("`/nowhere/key.pem` cannot be read"), "{shown}");
    assert_eq!(desk.get(names::GITHUB_APP_PRIVATE_KEY).as_deref(), Some(APP_PRIVATE_KEY.trim()));
    assert_eq!(desk.get("AUTOFIX_SLACK_CHANNEL"), None);
    assert!(!shown.contains(&webhook), "{shown}");
}

#[tokio::test]
async fn with_push_the_functions_have_the_secrets_too() {
    let desk = Desk::new().await;
    let manager = SecretsManager::start_with(desk.world.clock.clock()).await.unwrap();
    let args = SetupArgs { push: Some(ARN.to_owned()), ..desk.args() };
    let (outcome, shown) = desk.answers_with(&desk.all(), args, Some(&manager)).await;
    assert_eq!(outcome, Outcome::Ready, "{shown}");
    let (client, clock) = (manager.client(), desk.world.clock.clock());
    let pushed = Secrets::from_secrets_manager(client, ARN.to_owned(), Environment::default(), clock);
    for name in [names::ANTHROPIC_API_KEY, names::SLACK_SIGNING_SECRET, names::API_TOKEN] {
        let secret = pushed.get(name).await.unwrap().map(|secret| secret.expose().to_owned());
        assert_eq!(secret, desk.get(name), "{name}");
        assert!(secret.is_some(), "{name}");
    }
}

#[tokio::test]
async fn the_settings_of_the_python_autofix_are_taken_over_and_only_the_rest_is_asked_for() {
    let desk = Desk::new().await;
    let old = desk.folder.path().join("old.env");
    let webhook = desk.world.sandbox.slack.webhook_url();
    let text = format!(
        "ANTHROPIC_API_KEY={}\nexport AUTOFIX_GITHUB_TOKEN='{TOKEN}'\nAUTOFIX_SLACK_WEBHOOK_URL={webhook}\n\
         AUTOFIX_MAX_RETRIES=3\nAUTOFIX_GITHUB_REPO=bookshop\nDATABASE_URL=postgres://app\n",
        claude::API_KEY
    );
    std::fs::write(&old, &text).unwrap();
    let args = || SetupArgs { from_python: Some(old.clone()), ..desk.args() };
    // The address is with the old prefix, under which this world does not answer: that is the only thing to correct.
    let answers = [
        REPO,
        "backend",
        "",
        sentry::CLIENT_SECRET,
        sentry::ORGANIZATION,
        sentry::AUTH_TOKEN,
        SIGNING_SECRET,
        "",
    ];
    let (outcome, shown) = desk.answers_with(&answers, args(), None).await;
    assert_eq!(outcome, Outcome::Ready, "{shown}");
    for (name, said) in [
        ("ANTHROPIC_API_KEY", "taken over"),
        ("AUTOFIX_GITHUB_TOKEN", "taken over"),
        ("AUTOFIX_SLACK_WEBHOOK_URL", "taken over"),
        ("AUTOFIX_GITHUB_REPO", "not taken over: `bookshop` is not a repository name"),
        ("AUTOFIX_MAX_RETRIES", "AutoFix has no such setting now"),
        ("AUTOFIX_PREFIX", "set to `/api/v1/autofix`"),
        ("SENTRY_WEBHOOK_SECRET", "not there. It was optional"),
    ] {
        assert!(shown.contains(&format!("{name}: {said}")), "{name}:\n{shown}");
    }
    assert!(!shown.contains("DATABASE_URL") && !shown.contains(&webhook), "{shown}");
    assert_eq!(asked(&shown)[0], "AUTOFIX_GITHUB_REPO", "{shown}");
    assert_eq!(desk.get("AUTOFIX_PREFIX").as_deref(), Some("/api/v1/autofix"));
    assert_eq!(desk.get("DATABASE_URL"), None);
    assert_eq!(std::fs::read_to_string(&old).unwrap(), text, "the old file stays as it is");
    let before = desk.text();
    let (_, shown) = desk.answers_with(&[], args(), None).await;
    assert!(shown.contains("ANTHROPIC_API_KEY: kept"), "{shown}");
    assert_eq!((asked(&shown), desk.text()), (vec![], before), "nothing is asked for or written twice");
}

#[tokio::test]
async fn whoever_changes_their_mind_about_the_app_is_asked_for_a_token() {
    let desk = Desk::new().await;
    let all = desk.all();
    let mut answers = vec![all[0], all[1], "", "x", APP_ID];
    let (outcome, shown) = desk.answers(&answers).await;
    assert_eq!(outcome, Outcome::Stopped);
    assert!(shown.contains("an App ID is a number"), "{shown}");
    answers = vec![""];
    answers.extend(&all[2..]);
    let (outcome, shown) = desk.answers(&answers).await;
    assert_eq!(outcome, Outcome::Ready, "{shown}");
    assert_eq!(asked(&shown)[..2], [names::GITHUB_APP_PRIVATE_KEY, names::GITHUB_TOKEN], "{shown}");
    assert_eq!(desk.get("AUTOFIX_GITHUB_APP_ID"), None);
}
