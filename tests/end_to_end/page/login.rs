//! Who may look: the token, the session that comes of it, and forms of other sites.

use autofix_local::sandbox::API_TOKEN;
use axum::http::StatusCode;

use super::html::{checked, shown};
use super::{Browser, page, post};
use crate::world::{World, secs};

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

    world.clock.advance(secs(43_199));
    assert_eq!(browser.get(&world, "/autofix/").await.status, StatusCode::OK);
    assert_eq!(browser.get(&world, "/autofix/login").await.header("location"), "/autofix/");
    world.clock.advance(secs(1));
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
    let rotated = World::with(&[("AUTOFIX_API_TOKEN", "another token of some length")]).await;
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
    let world = World::with(&[("AUTOFIX_API_TOKEN", "")]).await;
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
