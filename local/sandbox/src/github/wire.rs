//! Requests and answers as GitHub writes them: closed bodies, error shapes, pages.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::credentials::{Need, Visitor};

const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// GitHub's largest page, and its page size where a request names none.
const LARGEST_PAGE: usize = 100;
const USUAL_PAGE: usize = 30;

pub(super) type Outcome = Result<Answer, Refusal>;

/// One request, read whole.
pub(super) struct Call {
    pub(super) method: Method,
    /// The path with its percent-encoding undone, without the first slash.
    pub(super) path: String,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// `None` where nobody has to say who they are.
    pub(super) visitor: Option<Visitor>,
}

impl Call {
    /// The body as the keys that an endpoint documents. An empty body counts as `{}`.
    pub(super) fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let bytes: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        let value: Value =
            serde_json::from_slice(bytes).map_err(|_| Refusal::new(400, "Problems parsing JSON"))?;
        if !value.is_object() {
            return Err(Refusal::new(400, "Body should be a JSON object"));
        }
        serde_json::from_value(value).map_err(|e| Refusal::new(422, &format!("Invalid request.\n\n{e}.")))
    }

    /// The query without its page, as the keys that an endpoint documents. GitHub ignores a key that
    /// it does not know; here that is answered as not understood, since a filter without effect is a mistake.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let filters: serde_json::Map<String, Value> = self
            .query_pairs()
            .into_iter()
            .filter(|(key, _)| key != "page" && key != "per_page")
            .map(|(key, value)| (key, Value::String(value)))
            .collect();
        serde_json::from_value(Value::Object(filters)).map_err(|e| Refusal::not_understood(&e.to_string()))
    }

    /// Who asks.
    ///
    /// # Errors
    /// 401 for somebody who did not say.
    pub(super) fn visitor(&self) -> Result<&Visitor, Refusal> {
        self.visitor.as_ref().ok_or_else(|| Refusal::new(401, "Bad credentials"))
    }

    /// Whether the answer should be a file's bytes rather than JSON about it.
    pub(super) fn asks_for_raw(&self) -> bool {
        self.header(header::ACCEPT.as_str()).is_some_and(|accept| accept.contains("raw"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The server that was asked, as the client named it.
    fn host(&self) -> String {
        format!("http://{}", self.header("host").unwrap_or("localhost"))
    }

    /// An address of the sandbox under the name by which the client reaches this machine. In a container `127.0.0.1` is
    /// the container.
    pub(super) fn as_it_reaches(&self, url: &str) -> String {
        let own = Url::parse(&self.host()).ok();
        let here = Url::parse(url).ok().zip(own).and_then(|(mut url, own)| {
            url.set_host(own.host_str()).ok()?;
            Some(url.to_string())
        });
        here.unwrap_or_else(|| url.to_owned())
    }

    fn query_pairs(&self) -> BTreeMap<String, String> {
        Query::try_from_uri(&self.uri).map(|Query(pairs)| pairs).unwrap_or_default()
    }

    fn page(&self) -> (usize, usize) {
        let pairs = self.query_pairs();
        let number = |key: &str| pairs.get(key).and_then(|value| value.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
        (number("page").unwrap_or(1).max(1), size)
    }
}

/// What is said to a request that was done.
pub(super) struct Answer {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(status: u16, value: &Value) -> Answer {
        Answer::bytes(status, "application/json; charset=utf-8", value.to_string().into_bytes())
    }

    pub(super) fn bytes(status: u16, content_type: &str, body: Vec<u8>) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: vec![("content-type", content_type.to_owned())],
            body,
        }
    }

    pub(super) fn elsewhere(location: String) -> Answer {
        Answer { status: StatusCode::FOUND, headers: vec![("location", location)], body: Vec::new() }
    }

    /// The asked page of a list.
    pub(super) fn list(call: &Call, items: Vec<Value>) -> Answer {
        let (page, link) = one_page(call, items);
        Answer::json(200, &Value::Array(page)).with_link(link)
    }

    /// The asked page of a list that comes with its length, under `name`.
    pub(super) fn counted(call: &Call, name: &str, items: Vec<Value>) -> Answer {
        Answer::counted_in(call, json!({}), name, items)
    }

    /// The same within an object that says more.
    pub(super) fn counted_in(call: &Call, mut around: Value, name: &str, items: Vec<Value>) -> Answer {
        around["total_count"] = json!(items.len());
        let (page, link) = one_page(call, items);
        around[name] = Value::Array(page);
        Answer::json(200, &around).with_link(link)
    }

    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Answer {
        self.headers.push((name, value));
        self
    }

    fn with_link(self, link: Option<String>) -> Answer {
        match link {
            Some(link) => self.with_header("link", link),
            None => self,
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

fn one_page(call: &Call, items: Vec<Value>) -> (Vec<Value>, Option<String>) {
    let (number, size) = call.page();
    let last = items.len().div_ceil(size).max(1);
    let page = items.into_iter().skip((number - 1).saturating_mul(size)).take(size).collect();
    let to = |page: usize, relation: &str| {
        let mut pairs = call.query_pairs();
        pairs.insert("page".to_owned(), page.to_string());
        let query: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("<{}{}?{}>; rel=\"{relation}\"", call.host(), call.uri.path(), query.join("&"))
    };
    let link = (number < last).then(|| format!("{}, {}", to(number + 1, "next"), to(last, "last")));
    (page, link)
}

/// What is said to a request that was not done.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    message: String,
    errors: Vec<Value>,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(super) fn new(status: u16, message: &str) -> Refusal {
        Refusal { status, message: message.to_owned(), errors: Vec::new(), headers: Vec::new() }
    }

    pub(super) fn not_found() -> Refusal {
        Refusal::new(404, "Not Found")
    }

    /// 501: the server around this module remembers it as a request that was not understood.
    pub(super) fn not_understood(what: &str) -> Refusal {
        Refusal::new(501, &format!("the sandbox does not know {what}"))
    }

    /// 422 about one field, with one of GitHub's codes (`missing_field`, `invalid`, …).
    pub(super) fn invalid_field(resource: &str, field: &str, code: &str) -> Refusal {
        Refusal::validation(json!({ "resource": resource, "field": field, "code": code }))
    }

    /// 422 with a sentence of its own.
    pub(super) fn invalid(resource: &str, message: &str) -> Refusal {
        Refusal::validation(json!({ "resource": resource, "code": "custom", "message": message }))
    }

    /// 403 for somebody who lacks a permission, and which one.
    pub(super) fn forbidden(message: &str, (permission, level): Need) -> Refusal {
        let needed = format!("{}={}", permission.as_str(), level.as_str());
        Refusal::new(403, message).with_header("x-accepted-github-permissions", needed)
    }

    /// The repository has another name now.
    pub(super) fn moved(status: u16, location: String) -> Refusal {
        Refusal::new(status, "Moved Permanently").with_header("location", location)
    }

    fn with_header(mut self, name: &'static str, value: String) -> Refusal {
        self.headers.push((name, value));
        self
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    fn validation(error: Value) -> Refusal {
        let mut refusal = Refusal::new(422, "Validation Failed");
        refusal.errors.push(error);
        refusal
    }

    pub(super) fn into_answer(self) -> Answer {
        let mut body = json!({
            "message": self.message,
            "documentation_url": DOCUMENTATION,
            "status": self.status.to_string(),
        });
        if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors);
        }
        let answer = Answer::json(self.status, &body);
        self.headers.into_iter().fold(answer, |answer, (name, value)| answer.with_header(name, value))
    }
}

/// A failure of git itself is the fake's own, like a failure inside GitHub.
impl From<git2::Error> for Refusal {
    fn from(error: git2::Error) -> Refusal {
        Refusal::new(500, error.message())
    }
}

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Refusal {
        Refusal::new(500, &format!("{error:#}"))
    }
}

/// A key that is there with `null` is `Some(None)`, one that is not there is `None` (with `default`).
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A query without any filter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoFilter {}
