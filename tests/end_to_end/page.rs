//! The web page, as a browser asks for it: who may look, what is shown, and that text from outside stays text. Here is what
//! all its answers have in common.

mod detail;
mod hostile;
pub mod html;
mod links;
mod list;
mod login;

use autofix_local::sandbox::API_TOKEN;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use tower::ServiceExt;

use crate::world::{World, assert_says};
use html::checked;

/// A page as it came.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    headers: HeaderMap,
    pub text: String,
}

impl Page {
    pub fn header(&self, name: &str) -> &str {
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
    ask(world.process.endpoints(), request).await
}

pub async fn ask(router: Router, request: Request<Body>) -> Page {
    let answer = router.oneshot(request).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = axum::body::to_bytes(answer.into_body(), 10_000_000).await.unwrap();
    Page { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
}

pub fn post(path: &str, form: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(form.to_owned())).unwrap()
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
        assert_says(
            policy,
            &[
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                "form-action 'self'",
                "require-trusted-types-for 'script'",
            ],
        );
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
async fn a_deployment_without_a_prefix_has_its_page_at_the_root() {
    let world = World::with(&[("AUTOFIX_PREFIX", "/")]).await;
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
