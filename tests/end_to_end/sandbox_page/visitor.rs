//! Somebody who has the sandbox's page open, and what their browser sends.

use autofix_local::sandbox_page::{self, Log, Passed, SandboxPage};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::page::html::checked;
use crate::page::{self, Page, post};
use crate::world::{Scenario, World};

pub const HOST: &str = "127.0.0.1:3000";
/// What the page may lead to besides AutoFix's own pages.
pub const LINKS: &[&str] = &["/sandbox", "#", "http://127.0.0.1:", "https://x.test/"];
/// A form of the page itself, as a browser tells it.
pub const OWN: &[(&str, &str)] =
    &[("host", HOST), ("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:3000")];

/// Somebody who has the page open.
pub struct Visitor {
    place: Router,
}

impl Visitor {
    pub fn of(world: &World) -> Visitor {
        let clock = world.clock.clone();
        let let_pass = Box::new(move |time| {
            clock.advance(time);
            Passed::Skipped
        });
        let page = SandboxPage {
            sandbox: world.sandbox.clone(),
            clock: world.clock.clock(),
            endpoints: world.process.endpoints(),
            prefix: "/autofix".to_owned(),
            store: world.process.store().clone(),
            let_pass,
            log: Log::default(),
        };
        Visitor { place: sandbox_page::routes(page) }
    }

    pub async fn ask(&self, request: Request<Body>) -> Page {
        page::ask(self.place.clone(), request).await
    }

    pub async fn get(&self, path: &str) -> Page {
        self.ask(Request::get(path).header("host", HOST).body(Body::empty()).unwrap()).await
    }

    /// The page, each of whose tags is one that it is meant to have.
    pub async fn page(&self) -> String {
        let answer = self.get("/sandbox").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        checked(&answer.text, LINKS);
        answer.text
    }

    pub async fn send(&self, path: &str, form: &str, headers: &[(&str, &str)]) -> Page {
        self.ask(post(path, form, headers)).await
    }

    pub async fn throws(&self, scenario: Scenario) {
        let form = format!("scenario={}", scenario.name());
        let answer = self.send("/sandbox/throw", &form, OWN).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/sandbox"));
    }

    /// Lets one of the steps after a merge happen.
    pub async fn goes_on(&self, step: &str) {
        let answer = self.send("/sandbox/go-on", &format!("step={step}"), OWN).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/sandbox"));
    }

    pub async fn presses_in_dialog(&self, form: &str) {
        let answer = self.send("/sandbox/answer", form, OWN).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/sandbox#slack"));
    }

    pub async fn presses(&self, form: &str) {
        let answer = self.send("/sandbox/press", form, OWN).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/sandbox#slack"));
    }
}

/// The form of each button on the page with this action.
pub fn press_forms(page: &str, action: &str) -> Vec<String> {
    let inputs: Vec<(String, String)> = checked(page, LINKS)
        .iter()
        .filter(|tag| tag.name == "input")
        .map(|tag| (tag.attribute("name").unwrap().to_owned(), tag.attribute("value").unwrap().to_owned()))
        .collect();
    let pairs = inputs.windows(2).filter(|pair| pair[0].0 == "ts" && pair[1].0 == "action");
    pairs.filter(|pair| pair[1].1 == action).map(|pair| format!("ts={}&action={action}", pair[0].1)).collect()
}

/// The steps after a merge that the page offers.
pub fn steps(page: &str) -> Vec<String> {
    let tags = checked(page, LINKS);
    let inputs = tags.iter().filter(|tag| tag.name == "input" && tag.attribute("name") == Some("step"));
    inputs.map(|tag| tag.attribute("value").unwrap().to_owned()).collect()
}
