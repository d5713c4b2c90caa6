//! The web page, as a browser asks for it: who may look, what is shown, and that text from outside stays text.

mod hostile;
pub mod html;

use autofix::messages::DEPLOY;
use autofix_local::sandbox::sentry::Hook;
use autofix_local::sandbox::{API_TOKEN, SlackWay};
use autofix_local::scenario::Scenario;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use jiff::SignedDuration;
use tower::ServiceExt;

use crate::world::World;
use html::{checked, shown};

/// A page as it came.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    headers: HeaderMap,
    pub text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A browser: what it sends with each request.
#[derive(Clone, Default)]
struct Browser {
    cookie: Option<String>,
}

impl Browser {
    async fn get(&self, world: &World, path: &str) -> Page {
        let mut request = Request::get(path);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", format!("theme=dark; autofix_session={cookie}"));
        }
        page(world, request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form from our own page on this machine, and keeps the cookie that it is given.
    async fn send(&mut self, world: &World, path: &str, form: &str) -> Page {
        let from = [("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:3000")];
        let answer = page(world, post(path, form, &from)).await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            let value = cookie.to_str().unwrap().split(['=', ';']).nth(1).unwrap();
            self.cookie = Some(value.to_owned()).filter(|value| !value.is_empty());
        }
        answer
    }

    async fn logged_in(world: &World) -> Browser {
        let mut browser = Browser::default();
        let answer = browser.send(world, "/autofix/login", &format!("token={API_TOKEN}")).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        browser
    }
}

/// A page as someone with the API token sees it.
pub async fn owners_page(world: &World, path: &str) -> Page {
    let request = Request::get(path).header("authorization", format!("Bearer {API_TOKEN}"));
    page(world, request.body(Body::empty()).unwrap()).await
}

async fn page(world: &World, request: Request<Body>) -> Page {
    let answer = world.process.doors().oneshot(request).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = axum::body::to_bytes(answer.into_body(), 10_000_000).await.unwrap();
    Page { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
}

fn post(path: &str, form: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(form.to_owned())).unwrap()
}

#[tokio::test]
async fn the_token_opens_the_page_for_twelve_hours_and_logging_out_closes_it() {
    let world = World::new().await;
    let (id, _) = world.until_armed().await;
    let mut browser = Browser::default();
    let closed = browser.get(&world, &format!("/autofix/view/{id}")).await;
    assert_eq!(closed.status, StatusCode::UNAUTHORIZED);
    checked(&closed.text, &[]);
    assert!(!closed.text.contains("AttributeError"), "{}", closed.text);

    let wrong = browser.send(&world, "/autofix/login", &format!("token=wrong&next={id}")).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (StatusCode::UNAUTHORIZED, ""));
    assert!(shown(&wrong.text).contains("This is not the API token."), "{}", wrong.text);
    assert!(wrong.text.contains(&format!("name=\"next\" value=\"{id}\"")), "{}", wrong.text);

    let form = format!("token=+{API_TOKEN}%0A&next={id}");
    let right = browser.send(&world, "/autofix/login", &form).await;
    assert_eq!(
        (right.status, right.header("location")),
        (StatusCode::SEE_OTHER, &*format!("/autofix/view/{id}"))
    );
    let cookie = right.header("set-cookie");
    assert!(cookie.ends_with("; Path=/autofix; Max-Age=43200; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(!cookie.contains(API_TOKEN));

    world.clock.advance(SignedDuration::from_secs(43_199));
    assert_eq!(browser.get(&world, "/autofix/").await.status, StatusCode::OK);
    assert_eq!(browser.get(&world, "/autofix/login").await.header("location"), "/autofix/");
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(browser.get(&world, "/autofix/").await.status, StatusCode::UNAUTHORIZED);

    let mut browser = Browser::logged_in(&world).await;
    let out = browser.send(&world, "/autofix/logout", "").await;
    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "/autofix/"));
    assert_eq!(browser.cookie, None);
}

#[tokio::test]
async fn a_new_token_ends_every_session() {
    let world = World::new().await;
    let browser = Browser::logged_in(&world).await;
    let rotated = World::with(SlackWay::Bot, &[("AUTOFIX_API_TOKEN", "another token of some length")]).await;
    assert_eq!(browser.get(&world, "/autofix/").await.status, StatusCode::OK);
    assert_eq!(browser.get(&rotated, "/autofix/").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn no_other_site_can_log_anyone_in_or_out() {
    let world = World::new().await;
    let form = format!("token={API_TOKEN}");
    for headers in [
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")][..],
        &[("sec-fetch-site", "same-site"), ("origin", "https://other.acme.example")],
        &[("origin", "https://evil.example"), ("host", "fix.acme.example")],
        &[("origin", "null"), ("host", "fix.acme.example")],
        &[],
    ] {
        for path in ["/autofix/login", "/autofix/logout"] {
            let answer = page(&world, post(path, &form, headers)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
            assert_eq!(answer.header("set-cookie"), "");
        }
    }
}

#[tokio::test]
async fn a_session_stays_on_https_except_on_this_machine() {
    let world = World::new().await;
    let form = format!("token={API_TOKEN}");
    let from = |origin| [("sec-fetch-site", "same-origin"), ("origin", origin)];
    let secure = page(&world, post("/autofix/login", &form, &from("https://fix.acme.example"))).await;
    assert!(secure.header("set-cookie").ends_with("; SameSite=Lax; Secure"));
    let open = page(&world, post("/autofix/login", &form, &from("http://fix.acme.example"))).await;
    assert_eq!((open.status, open.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
    assert!(shown(&open.text).contains("https://"), "{}", open.text);
}

#[tokio::test]
async fn a_login_leads_to_a_page_of_ours_and_nowhere_else() {
    let world = World::new().await;
    for next in
        ["https://evil.example", "//evil.example", "/autofix/../x", "%0d%0aset-cookie:%20a=b", "\"><script>"]
    {
        let mut browser = Browser::default();
        let answer = browser.send(&world, "/autofix/login", &format!("token={API_TOKEN}&next={next}")).await;
        assert_eq!(answer.header("location"), "/autofix/", "{next}");
    }
    let mut browser = Browser::default();
    let refused = browser.send(&world, "/autofix/login", "token=x&next=\"><script>alert(1)</script>").await;
    checked(&refused.text, &[]);
    let large = format!("token={}", "x".repeat(10_000));
    assert_eq!(browser.send(&world, "/autofix/login", &large).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn without_a_token_nobody_may_look_and_the_page_says_what_to_set() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_API_TOKEN", "")]).await;
    let mut browser = Browser::default();
    for path in ["/autofix/", "/autofix/view/01a202b2-c500-7c7c-8e66-d0fb14e3c2d4?seal=1.2", "/autofix/login"]
    {
        let refused = browser.get(&world, path).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert!(shown(&refused.text).contains("`AUTOFIX_API_TOKEN` is not set"), "{}", refused.text);
    }
    assert_eq!(browser.send(&world, "/autofix/login", "token=").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn which_attempts_there_are_is_told_to_nobody_who_may_not_look() {
    let world = World::new().await;
    let (id, _) = world.until_armed().await;
    let browser = Browser::default();
    let mut answers = Vec::new();
    for id in [id.as_str(), "01a202b2-c500-7c7c-8e66-d0fb14e3c2d4"] {
        for proof in ["", "?seal=", "?seal=9999999999.00000000000000000000000000000000"] {
            let page = browser.get(&world, &format!("/autofix/view/{id}{proof}")).await;
            answers.push((page.status, page.text.replace(id, "ID")));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    assert_eq!(answers[0].0, StatusCode::UNAUTHORIZED);
    let scoreboard = browser.get(&world, "/autofix/scoreboard").await;
    assert_eq!(scoreboard.status, StatusCode::UNAUTHORIZED);
    assert!(scoreboard.text.contains("name=\"next\" value=\"scoreboard\""));
    for unreadable in ["x", "%ff%fe"] {
        let page = browser.get(&world, &format!("/autofix/view/{unreadable}")).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{unreadable}");
    }
    assert_eq!(browser.get(&world, "/autofix/assets/%ff").await.status, StatusCode::NOT_FOUND);

    let browser = Browser::logged_in(&world).await;
    for id in ["x", "01a202b2-c500-7c7c-8e66-d0fb14e3c2d4", "%3Cscript%3E", "%ff"] {
        let page = browser.get(&world, &format!("/autofix/view/{id}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{id}");
        checked(&page.text, &[]);
    }
}

#[tokio::test]
async fn every_answer_tells_the_browser_to_trust_nothing_and_keep_nothing() {
    let world = World::new().await;
    let (id, _) = world.until_armed().await;
    let browser = Browser::logged_in(&world).await;
    let nobody = Browser::default();
    let forged = page(&world, post("/autofix/login", "token=x", &[])).await;
    let pages = [
        browser.get(&world, "/autofix/").await,
        browser.get(&world, &format!("/autofix/view/{id}")).await,
        browser.get(&world, "/autofix/view/x").await,
        browser.get(&world, "/autofix/?status=none").await,
        browser.get(&world, "/autofix/scoreboard").await,
        nobody.get(&world, "/autofix/").await,
        forged,
    ];
    for page in pages {
        let policy = page.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(rule), "`{rule}` is not in `{policy}`");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.header("strict-transport-security").starts_with("max-age="));
    }
    let home = nobody.get(&world, "/autofix").await;
    assert_eq!((home.status, home.header("location")), (StatusCode::PERMANENT_REDIRECT, "/autofix/"));
}

#[tokio::test]
async fn style_and_script_are_our_own_files_and_may_be_kept() {
    let world = World::new().await;
    let browser = Browser::default();
    let login = browser.get(&world, "/autofix/").await;
    let tags = checked(&login.text, &[]);
    let address = |name: &str, attribute| {
        let found = tags.iter().filter_map(|tag| tag.attribute(attribute));
        found.into_iter().find(|value| value.contains(name)).unwrap().to_owned()
    };
    for (name, attribute, kind) in [
        ("page.css", "href", "text/css; charset=utf-8"),
        ("page.js", "src", "text/javascript; charset=utf-8"),
        ("icon.svg", "href", "image/svg+xml"),
    ] {
        let asset = browser.get(&world, &address(name, attribute)).await;
        assert_eq!((asset.status, asset.header("content-type")), (StatusCode::OK, kind));
        assert!(asset.header("cache-control").ends_with("immutable"));
        assert!(!asset.text.contains("http://") || name == "icon.svg", "{name} names another host");
        assert!(asset.text.len() < 20_000, "{name} has {} bytes", asset.text.len());
    }
    for name in ["../Cargo.toml", "page.css/", "x"] {
        let asset = browser.get(&world, &format!("/autofix/assets/{}", name.replace('/', "%2F"))).await;
        assert_eq!(asset.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn the_list_shows_each_attempt_and_can_be_filtered_and_searched() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "100")]).await;
    let (fixed, _) = world.until_armed().await;
    world.clock.advance(SignedDuration::from_mins(5));
    let refused = world.alert(Scenario::Security).await.attempt_id();
    world.settle().await;
    world.clock.advance(SignedDuration::from_hours(2));
    let browser = Browser::logged_in(&world).await;
    let hosts = [&*world.sandbox.github.url(), &*world.sandbox.sentry.url()];

    let list = browser.get(&world, "/autofix/").await;
    let tags = checked(&list.text, &hosts);
    let rows: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")?.strip_prefix("row-")).collect();
    assert_eq!(rows, [&refused, &fixed], "newest first");
    let text = shown(&list.text);
    for expected in [
        "Ready to deploy",
        "AttributeError",
        "'NoneType' object has no attribute 'strip'",
        "bookshop",
        "backend/bookshop/labels.py:34",
        "Complexity, good: minimal",
        "Confidence, good: 90 %",
        "#1",
        "2 h",
        "Left to people",
        "$0.0",
    ] {
        assert!(text.contains(expected), "no `{expected}` in {text}");
    }

    let ids = async |query: &str| {
        let list = browser.get(&world, &format!("/autofix/?{query}")).await;
        assert_eq!(list.status, StatusCode::OK, "{query}");
        let tags = checked(&list.text, &hosts);
        tags.iter()
            .filter_map(|tag| Some(tag.attribute("id")?.strip_prefix("row-")?.to_owned()))
            .collect::<Vec<String>>()
    };
    for (query, expected) in [
        ("status=skipped", vec![&refused]),
        ("status=&project=bookshop&q=", vec![&refused, &fixed]),
        ("project=another", vec![]),
        ("q=ATTRIBUTEerror", vec![&fixed]),
        ("q=auth.py", vec![&refused]),
        (&format!("q={fixed}"), vec![&fixed]),
        ("q=no+such+error", vec![]),
        (&format!("before={refused}"), vec![&fixed]),
    ] {
        assert_eq!(ids(query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for query in ["status=open", "before=x", "status=a&status=b"] {
        let answer = browser.get(&world, &format!("/autofix/?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        checked(&answer.text, &[]);
    }
}

#[tokio::test]
async fn a_page_has_a_hundred_attempts_and_a_way_to_the_next_with_the_same_filters() {
    // All but the first are turned away: recorded at once, and not looked at.
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", "1")]).await;
    let event = Scenario::Security.event(world.clock.now());
    for number in 0..104 {
        world.clock.advance(SignedDuration::from_secs(1));
        world.report(&event.as_other_issue(number), Hook::EventAlertTriggered).await;
    }
    let browser = Browser::logged_in(&world).await;
    let mut counts = Vec::new();
    let mut path = "/autofix/?status=skipped&project=bookshop&q=keyerror".to_owned();
    loop {
        let list = browser.get(&world, &path).await;
        let tags = checked(&list.text, &[&world.sandbox.sentry.url()]);
        counts.push(
            tags.iter().filter(|tag| tag.attribute("id").is_some_and(|id| id.starts_with("row-"))).count(),
        );
        let Some(older) = tags.iter().find(|tag| tag.attribute("id") == Some("older")) else { break };
        path = older.attribute("href").unwrap().to_owned();
        assert!(path.contains("status=skipped&project=bookshop&q=keyerror&before="), "{path}");
    }
    assert_eq!(counts, [100, 3]);
    world.settle().await;
}

#[tokio::test]
async fn one_attempt_is_shown_with_everything_that_led_to_it() {
    let world = World::new().await;
    let (id, card) = world.until_armed().await;
    world.press(&card, DEPLOY).await;
    world.settle().await;
    let browser = Browser::logged_in(&world).await;
    let detail = browser.get(&world, &format!("/autofix/view/{id}")).await;
    assert_eq!(detail.status, StatusCode::OK, "{}", detail.text);
    let hosts = [&*world.sandbox.github.url(), &*world.sandbox.sentry.url()];
    let tags = checked(&detail.text, &hosts);
    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
    for section in
        ["summary", "analysis", "change", "evidence", "gates", "critic", "checks", "timeline", "cost"]
    {
        assert!(ids.contains(&section), "no `{section}` in {ids:?}");
    }
    let text = shown(&detail.text);
    for expected in [
        // the attempt
        "Deployed",
        "Complexity good: minimal",
        // the change, its difference set apart
        "34 addition = (address.get(\"line2\") or \"\").strip()",
        // the code around the evidence, with its line numbers
        "def address_lines",
        // gates
        "It is a fault of this code passed code_fix",
        "Confidence passed 0.90; at least 0.80 is wanted.",
        "The critic approves passed",
        // the critic
        "Does it stop this error at this place? yes",
        "Does it hide a deeper fault? no",
        "1 check passed.",
        "Approved by U0APPROVER",
        "Slack user U0APPROVER",
        "Pull request #1 merged",
        // cost by step
        "root cause",
        "critic",
        "All steps",
    ] {
        assert!(text.contains(expected), "no `{expected}` in {text}");
    }
    assert!(tags.iter().any(|tag| tag.attribute("href").is_some_and(|href| href.ends_with("/pull/1"))));
    let quoted = tags.iter().filter(|tag| tag.attribute("class") == Some("row quoted")).count();
    assert!(quoted > 0 && quoted < tags.iter().filter(|tag| tag.attribute("class") == Some("row")).count());
}

#[tokio::test]
async fn a_refused_attempt_shows_which_gates_refused_and_which_were_never_asked() {
    let world = World::new().await;
    let id = world.alert(Scenario::Security).await.attempt_id();
    world.settle().await;
    let browser = Browser::logged_in(&world).await;
    let detail = browser.get(&world, &format!("/autofix/view/{id}")).await;
    let tags = checked(&detail.text, &[&world.sandbox.sentry.url()]);
    let text = shown(&detail.text);
    for expected in
        ["Left to people", "category_blocked", "Kind of change refused", "The critic approves not reached"]
    {
        assert!(text.contains(expected), "no `{expected}` in {text}");
    }
    assert!(!tags.iter().any(|tag| tag.attribute("id") == Some("critic")));
}

#[tokio::test]
async fn before_the_worker_has_looked_the_page_shows_what_sentry_said() {
    let world = World::new().await;
    let id = world.alert(Scenario::Fix).await.attempt_id();
    let browser = Browser::logged_in(&world).await;
    let detail = browser.get(&world, &format!("/autofix/view/{id}")).await;
    let text = shown(&detail.text);
    assert!(text.contains("Waiting") && text.contains("AttributeError"), "{text}");
    assert!(!text.contains("Gates"), "{text}");
    world.settle().await;
}

#[tokio::test]
async fn a_deployment_without_a_prefix_has_its_page_at_the_root() {
    let world = World::with(SlackWay::Bot, &[("AUTOFIX_PREFIX", "/")]).await;
    let mut browser = Browser::default();
    let answer = browser.send(&world, "/login", &format!("token={API_TOKEN}")).await;
    assert_eq!(answer.header("location"), "/");
    assert!(answer.header("set-cookie").contains("; Path=/; "), "{}", answer.header("set-cookie"));
    assert_eq!(browser.get(&world, "/").await.status, StatusCode::OK);
    assert_eq!(
        page(&world, Request::builder().method(Method::PUT).uri("/").body(Body::empty()).unwrap())
            .await
            .status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

/// The path of the link on the card, as the browser that follows it asks for it.
fn details_link(world: &World) -> Option<String> {
    let shown = world.shown(&world.card());
    let after = shown.split("Details (https://fix.acme.example").nth(1)?;
    Some(after.split(')').next().unwrap().to_owned())
}

const PUBLIC: (&str, &str) = ("AUTOFIX_PUBLIC_URL", "https://fix.acme.example/");

#[tokio::test]
async fn the_link_on_the_card_opens_that_attempt_for_a_week_without_a_login() {
    let world = World::with(SlackWay::Bot, &[PUBLIC]).await;
    let (id, card) = world.until_armed().await;
    let link = details_link(&world).unwrap();
    assert!(link.starts_with(&format!("/autofix/view/{id}?seal=")), "{link}");
    let browser = Browser::default();
    let detail = browser.get(&world, &link).await;
    assert_eq!((detail.status, detail.header("set-cookie")), (StatusCode::OK, ""));
    let hosts = [&*world.sandbox.github.url(), &*world.sandbox.sentry.url()];
    let tags = checked(&detail.text, &hosts);
    let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.attribute("id")).collect();
    assert!(ids.contains(&"evidence") && !ids.contains(&"log-out"), "{ids:?}");
    let refresh = tags.iter().find(|tag| tag.attribute("id") == Some("refresh")).unwrap();
    assert_eq!(refresh.attribute("href"), Some(&*link), "refreshing keeps the proof");

    world.clock.advance(SignedDuration::from_mins(5));
    let other = world.alert(Scenario::Security).await.attempt_id();
    let seal = link.split("seal=").nth(1).unwrap();
    for path in [
        format!("/autofix/view/{other}?seal={seal}"),
        format!("/autofix/?seal={seal}"),
        format!("/autofix/view/{id}"),
        format!("{link}0"),
        link.replace("?seal=", "?seal=9"),
    ] {
        assert_eq!(browser.get(&world, &path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let with_cookie = Browser { cookie: Some(seal.to_owned()) };
    assert_eq!(with_cookie.get(&world, "/autofix/").await.status, StatusCode::UNAUTHORIZED);
    world.settle().await;

    world.clock.advance(SignedDuration::from_hours(7 * 24));
    assert_eq!(browser.get(&world, &link).await.status, StatusCode::OK);
    world.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(browser.get(&world, &link).await.status, StatusCode::UNAUTHORIZED);
    world.press(&card, DEPLOY).await;
    world.settle().await;
    let messages = world.sandbox.slack.messages();
    let shown: Vec<String> = messages.iter().map(|message| world.shown(message)).collect();
    let card = shown.iter().find(|shown| shown.contains(&id)).unwrap();
    assert!(
        card.contains("Details (https://") && !card.contains(seal),
        "a card that changes has a new link: {card}"
    );
}

#[tokio::test]
async fn a_card_has_no_link_that_nobody_could_open_or_that_gives_the_token_away() {
    for settings in [
        &[("AUTOFIX_PUBLIC_URL", "")][..],
        &[PUBLIC, ("AUTOFIX_API_TOKEN", "")],
        &[PUBLIC, ("AUTOFIX_API_TOKEN", "only 15 letters")],
    ] {
        let world = World::with(SlackWay::Bot, settings).await;
        world.alert(Scenario::Security).await;
        world.settle().await;
        let shown = world.shown(&world.card());
        assert!(
            shown.contains("Manual Review Required") && !shown.contains("Details"),
            "{settings:?}\n{shown}"
        );
    }
}
