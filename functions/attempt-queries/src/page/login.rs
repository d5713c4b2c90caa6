//! Logging in and out. The token comes by a form of our own page and is answered with a signed cookie.
//!
//! Other sites cannot send these forms: a browser says where a form comes from (`Sec-Fetch-Site`, or `Origin`), and one
//! that says nothing is refused. A wrong token costs the same time as the right one, whatever it has in common with it.

use std::sync::Arc;

use autofix::access::{AccessKeys, SESSION, is_token};
use autofix::endpoint::RawBody;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tracing::{info, warn};
use url::Url;

use super::access::COOKIE;
use super::header;
use super::links::is_loopback;
use super::refusal::{Next, Refusal};
use crate::Queries;

/// Bytes of a login form: a token and an id are far below.
const MAX_FORM_BYTES: usize = 8 * 1024;

pub(super) async fn show(State(queries): State<Arc<Queries>>, headers: HeaderMap) -> Response {
    let page = queries.owner(&headers, Next::List).await.map(|()| queries.go_to(Next::List));
    queries.answer(page)
}

pub(super) async fn log_in(
    State(queries): State<Arc<Queries>>,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Response {
    let page = queries.log_in(&headers, &body).await;
    queries.answer(page)
}

pub(super) async fn log_out(State(queries): State<Arc<Queries>>, headers: HeaderMap) -> Response {
    if !is_own_form(&headers) {
        return queries.answer(Err(Refusal::ForeignForm));
    }
    let mut answer = queries.go_to(Next::List);
    let cookie = queries.cookie("", 0, Transport::of(&headers));
    answer.headers_mut().insert(header::SET_COOKIE, header(&cookie));
    answer
}

impl Queries {
    async fn log_in(&self, headers: &HeaderMap, body: &[u8]) -> Result<Response, Refusal> {
        if !is_own_form(headers) {
            return Err(Refusal::ForeignForm);
        }
        let transport = Transport::of(headers);
        if transport == Transport::Open {
            return Err(Refusal::PlainHttp);
        }
        if body.len() > MAX_FORM_BYTES {
            return Err(Refusal::BadRequest("The form is too large."));
        }
        let field = |wanted: &str| {
            let mut fields = url::form_urlencoded::parse(body);
            fields.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let next = Next::read(&field("next"));
        let token = self.token().await?;
        let session = AccessKeys::of(&token).session(self.clock.now());
        if !is_token(field("token").trim(), &token) {
            warn!("Refused a login to the page: another text than the token");
            return Err(Refusal::WrongToken { next });
        }
        info!("Someone logged in to the page");
        let mut answer = self.go_to(next);
        let cookie = self.cookie(&session, SESSION.as_secs(), transport);
        answer.headers_mut().insert(header::SET_COOKIE, header(&cookie));
        Ok(answer)
    }

    /// `Lax` and not `Strict`: who follows a link from Slack should not have to log in again. Nothing can be changed by
    /// following a link.
    fn cookie(&self, value: &str, seconds: i64, transport: Transport) -> String {
        let prefix = &self.config.common.prefix;
        let path = if prefix.is_empty() { "/" } else { prefix };
        let secure = match transport {
            Transport::Loopback => "",
            Transport::Https | Transport::Open => "; Secure",
        };
        format!("{COOKIE}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }

    /// On to one of our own pages, by a GET.
    pub(super) fn go_to(&self, next: Next) -> Response {
        let path = next.path(&self.config.common.prefix);
        (StatusCode::SEE_OTHER, [(header::LOCATION, header(&path))]).into_response()
    }
}

/// How the browser reached us, by its own word: a proxy in between may speak plain HTTP to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    /// HTTPS; or nobody says otherwise, and then a browser has to keep the cookie to HTTPS.
    Https,
    /// Plain HTTP on this machine: nobody can listen.
    Loopback,
    /// Plain HTTP from elsewhere.
    Open,
}

impl Transport {
    fn of(headers: &HeaderMap) -> Transport {
        match origin(headers) {
            Some(origin) if origin.scheme() == "http" && is_loopback(&origin) => Transport::Loopback,
            Some(origin) if origin.scheme() == "http" => Transport::Open,
            _ => Transport::Https,
        }
    }
}

fn origin(headers: &HeaderMap) -> Option<Url> {
    Url::parse(headers.get(header::ORIGIN)?.to_str().ok()?).ok()
}

/// Whether a form was sent by a page of ours, as the browser tells it.
pub fn is_own_form(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site.as_bytes() == b"same-origin";
    }
    let (Some(origin), Some(host)) = (origin(headers), headers.get(header::HOST)) else { return false };
    let origin = match (origin.host_str(), origin.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return false,
    };
    host.as_bytes() == origin.as_bytes()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_a_form_of_our_own_page_is_taken() {
        let check = |pairs: &[_], own| assert_eq!(is_own_form(&headers(pairs)), own, "{pairs:?}");
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(
            &[("sec-fetch-site", "cross-site"), ("origin", "https://a.example"), ("host", "a.example")],
            false,
        );
        check(&[("origin", "https://a.example"), ("host", "a.example")], true);
        check(&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")], true);
        check(&[("origin", "https://evil.example"), ("host", "a.example")], false);
        check(&[("origin", "https://a.example:8443"), ("host", "a.example")], false);
        check(&[("origin", "null"), ("host", "a.example")], false);
        check(&[("host", "a.example")], false);
        check(&[], false);
    }

    #[test]
    fn a_cookie_may_go_without_tls_on_this_machine_only() {
        let check = |origin, expected| {
            assert_eq!(Transport::of(&headers(&[("origin", origin)])), expected, "{origin}");
        };
        check("http://127.0.0.1:3000", Transport::Loopback);
        check("http://localhost:3000", Transport::Loopback);
        check("http://[::1]:3000", Transport::Loopback);
        check("http://127.0.0.1.evil.example", Transport::Open);
        check("http://fix.acme.example", Transport::Open);
        check("https://127.0.0.1:3000", Transport::Https);
        check("https://fix.acme.example", Transport::Https);
        assert_eq!(Transport::of(&headers(&[])), Transport::Https);
    }
}
