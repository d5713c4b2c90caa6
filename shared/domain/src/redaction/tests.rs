mod innocent;

use proptest::prelude::*;

use super::*;
use crate::incident::Breadcrumb;

#[track_caller]
fn becomes(text: &str, expected: &str) {
    assert_eq!(redact(text).as_str(), expected, "{text}");
}

#[track_caller]
fn stays(text: &str) {
    becomes(text, text);
}

/// A secret put together here, so that no scanner takes this file for a leak.
fn made(prefix: &str, length: usize) -> String {
    prefix.chars().chain("aB3dE5fG7hJ9kL1mN0pQ".chars().cycle().take(length)).collect()
}

#[test]
fn tokens_are_known_by_their_form() {
    let upper = |prefix: &str| prefix.to_owned() + "Q3EXAMPLE7XYZ2AB";
    let cases = [
        (made("sk-ant-api03-", 80), "anthropic-key"),
        (made("ghp_", 36), "github-token"),
        (made("gho_", 36), "github-token"),
        (made("ghs_", 36), "github-token"),
        (made("github_pat_", 60), "github-token"),
        (made("xoxb-", 40), "slack-token"),
        (made("xoxe.xoxp-1-", 40), "slack-token"),
        (made("xapp-1-", 40), "slack-token"),
        (upper("AKIA"), "aws-key"),
        (upper("ASIA"), "aws-key"),
        (made("sk_live_", 24), "stripe-key"),
        (made("rk_live_", 24), "stripe-key"),
        (made("whsec_", 32), "stripe-key"),
        (made("AIza", 35), "google-key"),
        (made("ya29.", 60), "google-key"),
        (made("sk-proj-", 40), "openai-key"),
        (made("sntrys_", 40), "sentry-token"),
        (made("glpat-", 20), "gitlab-token"),
        (format!("{}.{}", made("SG.", 22), made("", 43)), "sendgrid-key"),
        (format!("{}.{}.{}", made("eyJ", 30), made("eyJ", 60), made("", 43)), "jwt"),
        (format!("{}.{}", made("eyJ", 30), made("eyJ", 20)), "jwt"),
    ];
    for (secret, kind) in cases {
        let marker = marker(kind);
        becomes(&format!("before {secret} after"), &format!("before {marker} after"));
        becomes(&format!("'{secret}',"), &format!("'{marker}',"));
        becomes(&format!("{{\"x\":\"{secret}\"}}"), &format!("{{\"x\":\"{marker}\"}}"));
    }
    let webhook = made("https://hooks.slack.com/services/T000/B000/", 24);
    becomes(&format!("POST {webhook} 404"), "POST https://[redacted:slack-webhook] 404");
}

#[test]
fn private_keys_go_whole_and_line_numbers_stay() {
    let key =
        |label: &str| format!("-----BEGIN {label}-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END {label}-----");
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
        becomes(&format!("a\n{}\nb", key(label)), "a\n[redacted:private-key]\n\n\n\nb");
    }
    becomes(
        "k='-----BEGIN PRIVATE KEY-----\\nMIIE+/=\\n-----END PRIVATE KEY-----'",
        "k='[redacted:private-key]'",
    );
    becomes("-----BEGIN PRIVATE KEY-----\nMIIEvQIBAD…", "[redacted:private-key]\n");
    stays("-----BEGIN CERTIFICATE-----\nMIIEvQIBAD\n-----END CERTIFICATE-----");
}

#[test]
fn passwords_leave_addresses_and_the_rest_stays() {
    becomes(
        "postgresql+asyncpg://app:s3cr3t@db.internal:5432/shop",
        "postgresql+asyncpg://app:[redacted:url-password]@db.internal:5432/shop",
    );
    becomes("redis://:pa/ss#wo@cache:6379/0", "redis://:[redacted:url-password]@cache:6379/0");
    becomes("amqp://u:p@ss@mq.example.com//", "amqp://u:[redacted:url-password]@mq.example.com//");
    becomes(
        "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/2",
        "https://[redacted:url-password]@o1.ingest.sentry.io/2",
    );
    stays("https://example.com:8080/@scope/package?a=b");
    stays("postgresql://{user}:{password}@{host}/db");
    stays("ssh://git@github.com/acme/bookshop.git and git@github.com:acme/bookshop");
    stays("http://localhost:8000/users/@me");
}

#[test]
fn authorization_and_cookies_go_in_every_way_of_writing_headers() {
    becomes("Authorization: Bearer abc.def", "Authorization: Bearer [redacted:authorization]");
    becomes("'authorization': 'Basic dXNlcjpw'", "'authorization': '[redacted:authorization]'");
    becomes("(b'authorization', b'Bearer abc')", "(b'authorization', b'[redacted:authorization]')");
    becomes(
        "curl -H \"Authorization: token abcdef\" https://x",
        "curl -H \"Authorization: token [redacted:authorization]\" https://x",
    );
    becomes("authorization: Basic dXNlcjpwdw==", "authorization: Basic [redacted:authorization]");
    becomes("Authorization: Basic dXNlcjpwYXM= sent", "Authorization: Basic [redacted:authorization] sent");
    becomes("client_secret: aGVsbG8xMjM= and more", "client_secret: [redacted:secret] and more");
    becomes("sent Bearer 8f14e45fceea167a to", "sent Bearer [redacted:authorization] to");
    becomes("Cookie: session=abc123; theme=dark\nHost: x", "Cookie: [redacted:cookie]\nHost: x");
    becomes("[[\"Set-Cookie\",\"sid=9; Path=/\"]]", "[[\"Set-Cookie\",\"[redacted:cookie]\"]]");
    becomes("{'cookie': 'a=b'}", "{'cookie': '[redacted:cookie]'}");
    stays("authorization: str = Header(None)");
    stays("headers.get('Authorization')");
    stays("Bearer authentication is required");
    stays("response.set_cookie(key=\"theme\", value=theme)");
    stays("cookie: str | None = Cookie(default=None)");
}

#[test]
fn values_given_to_secret_names_go() {
    becomes("password=hunter2", "password=[redacted:secret]");
    becomes("user=bob password=letmein from 10.0.0.1", "user=bob password=[redacted:secret] from 10.0.0.1");
    becomes("DB_PASSWORD=letmein\nDB_HOST=x", "DB_PASSWORD=[redacted:secret]\nDB_HOST=x");
    becomes("password = \"correct horse battery staple\"", "password = \"[redacted:secret]\"");
    becomes("password: str = 'hunter'", "password: str = '[redacted:secret]'");
    becomes("{\"api_key\": \"abc\", \"id\": 1}", "{\"api_key\": \"[redacted:secret]\", \"id\": 1}");
    becomes(
        r#"body="{\"clientSecret\": \"a b\", \"n\": 1}""#,
        r#"body="{\"clientSecret\": \"[redacted:secret]\", \"n\": 1}""#,
    );
    becomes(
        "AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG+bPxRfiCY",
        "AWS_SECRET_ACCESS_KEY: [redacted:secret]",
    );
    becomes("GET /x?access_token=abcdef&page=2", "GET /x?access_token=[redacted:secret]&page=2");
    becomes("?X-Amz-Signature=0f3c9a7be1", "?X-Amz-Signature=[redacted:secret]");
    becomes("os.environ['SECRET_KEY'] = 'dev'", "os.environ['SECRET_KEY'] = '[redacted:secret]'");
    becomes(
        "os.getenv(\"SECRET_KEY\", \"Zk39-dev-key\")",
        "os.getenv(\"SECRET_KEY\", \"[redacted:secret]\")",
    );
    becomes("deploy --password hunter2 --force", "deploy --password [redacted:secret] --force");
    becomes("<password>hunter</password>", "<password>[redacted:secret]</password>");
    becomes("if api_key == 'k-12345678':", "if api_key == '[redacted:secret]':");
    becomes("\"pwd\": 12345678", "\"pwd\": [redacted:secret]");
    becomes("login(password='cut off in the mid", "login(password='[redacted:secret]");
    becomes("token: 9f86d081884c7d659a2feaa0", "token: [redacted:secret]");
    becomes("secret=ghp_aaaabbbbccccdddd1111x-y", "secret=[redacted:secret]");
}

#[test]
fn personal_data_goes() {
    becomes("from bob.o'neil+x@mail.example.co.uk, ok", "from bob.o'[redacted:email], ok");
    becomes("<jürgen@müller.de> and a%40example.com.", "<[redacted:email]> and [redacted:email].");
    becomes("email='a@example.com'", "email='[redacted:email]'");
    for card in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5555-5555-5555-4444",
        "378282246310005",
        "3782 822463 10005",
        "6011000990139424",
    ] {
        becomes(&format!("card {card} 12/27"), "card [redacted:card] 12/27");
    }
    stays("card 4111111111111112 12/27");
    for iban in [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "FR1420041010050500013M02606",
    ] {
        becomes(&format!("to {iban} TODAY"), "to [redacted:iban] TODAY");
    }
    stays("to DE89370400440532013001 TODAY");
    for phone in ["+49 30 901820-0", "+1 (555) 010-9999", "+33123456789", "+44 20 7946 0958"] {
        becomes(&format!("call {phone}, please"), "call [redacted:phone], please");
    }
}

#[test]
fn findings_that_overlap_become_one() {
    becomes("password=bob@example.com!x rest", "password=[redacted:secret] rest");
    becomes(
        "Authorization: Bearer ghp_aaaabbbbccccdddd1111",
        "Authorization: Bearer [redacted:github-token]",
    );
    stays("password=[redacted:github-token] and [redacted:secret]: fine");
}

#[test]
fn names_of_secrets_are_known_in_every_style() {
    let secret = "password dbPassword DB_PASSWORD user-password password_hash new_password2 apiKey X-Api-Key \
                APIKey AWS_SECRET_ACCESS_KEY clientSecret access_token token Authorization cookies sessionid \
                private_key dbpassword csrfToken STRIPE_WEBHOOK_SECRET ssn proxy_authorization";
    secret.split(' ').for_each(|name| assert!(is_secret_name(name), "{name}"));
    let innocent = "user key public_key tokens max_tokens token_type tokenizer secretary passenger author session \
                password_reset_url key_error monkey design primary_key foreign_key cookie_jar";
    innocent.split(' ').for_each(|name| assert!(!is_secret_name(name), "{name}"));
    assert!(!is_secret_name(""));
}

#[test]
fn variables_of_an_incident_go_by_their_name_unless_they_are_empty() {
    let variables = [
        ("password", "'letmein'"),
        ("token", "None"),
        ("order", "{'email': 'a@example.com', 'line2': None}"),
    ];
    let frame = Frame {
        variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        pre_context: vec!["KEY = '''-----BEGIN PRIVATE KEY-----".into(), "MIIEvQIBADAN".into()],
        context_line: Some("-----END PRIVATE KEY-----'''".into()),
        post_context: vec!["x = 1".into()],
        ..Frame::default()
    };
    let exception = Exception {
        message: "bad login of a@example.com".into(),
        frames: vec![frame],
        ..Exception::default()
    };
    let incident = Incident {
        project: "bookshop".into(),
        issue_id: "4111111111111111".into(),
        web_url: Some("https://acme.sentry.io/issues/118/".into()),
        exceptions: vec![exception],
        breadcrumbs: vec![Breadcrumb { message: "GET /?token=abc123".into(), ..Breadcrumb::default() }],
        ..Incident::default()
    };
    let redacted = redact_incident(&incident);
    let exception = &redacted.exceptions[0];
    let values: Vec<&str> = exception.frames[0].variables.iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(values, ["<filtered str>", "None", "{'email': '[redacted:email]', 'line2': None}"]);
    assert_eq!(exception.message, "bad login of [redacted:email]");
    assert_eq!(exception.frames[0].pre_context, ["KEY = '''[redacted:private-key]", ""]);
    assert_eq!(exception.frames[0].context_line.as_deref(), Some("'''"));
    assert_eq!(exception.frames[0].post_context, ["x = 1"]);
    assert_eq!(redacted.breadcrumbs[0].message, "GET /?token=[redacted:secret]");
    assert_eq!((redacted.issue_id.as_str(), redacted.web_url.is_some()), ("4111111111111111", true));
    assert_eq!(redact_incident(&redacted), redacted);
}

#[test]
fn redacted_text_is_put_together_from_redacted_parts_only() {
    let parts = [Redacted::trusted("Line "), Redacted::number(7), redact(" of a@example.com")];
    assert_eq!(Redacted::concat(&parts).to_string(), "Line 7 of [redacted:email]");
    assert_eq!(Redacted::join(&parts[..2], "|").as_str(), "Line |7");
    assert_eq!(redact("äöü").capped(2).as_str(), "ä…");
    assert_eq!(serde_json::to_string(&redact("x")).expect("a string"), "\"x\"");
}

/// Pieces that findings are made of, so that random text has many.
fn piece() -> impl Strategy<Value = String> {
    let fixed = "password|token|Authorization|cookie|=|: |'|\"|\\\"| |\n|&|@|example.com|bob|+|\
        4111111111111111|4111 1111| 1111 1111|49 30 901820|DE89370400440532013000|://|u:|Bearer |\
        [|]|[redacted:secret]|[redacted:|-----BEGIN PRIVATE KEY-----|-----END PRIVATE KEY-----|\
        sk-ant-|abc123def456|ghp_|eyJ|.|,|(|)|ä|…|--secret |<password>|</|%40|/|_|-|api_key|\
        hunter2|Authorization: Bearer |Cookie: a=bcd|password=|'cookie': '|https://u:p@|\
        token: a1b2c3d4e5f6|\"pwd\": "
        .split('|');
    prop_oneof![4 => proptest::sample::select(fixed.collect::<Vec<_>>()).prop_map(String::from), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn redacting_twice_changes_nothing_more(pieces in proptest::collection::vec(piece(), 0..24)) {
        let text = pieces.concat();
        let once = redact(&text);
        prop_assert_eq!(redact(once.as_str()), once.clone());
        prop_assert_eq!(once.as_str().matches('\n').count(), text.matches('\n').count());
    }

    #[test]
    fn a_token_never_survives_whatever_stands_around_it(before in any::<String>(), after in "[^A-Za-z0-9]?\\PC{0,20}") {
        let secret = made("github_pat_", 40);
        let text = [before.as_str(), &secret, &after].concat();
        prop_assert!(!redact(&text).as_str().contains(&secret));
    }
}
