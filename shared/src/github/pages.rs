//! Lists that come in pages. How many pages are read is bounded, and what was left out is said.

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Github;
use super::answers::shaped;
use crate::outbound::ServiceError;

/// GitHub's largest page.
const PER_PAGE: &str = "100";

/// A list to read.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    /// Below the repository.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    /// The name of the list where the answer is an object around it.
    pub(super) under: Option<&'a str>,
    pub(super) most_pages: usize,
}

/// What was read of a list.
pub(super) struct Pages<T> {
    pub(super) items: Vec<T>,
    /// Whether there is more than was read.
    pub(super) cut: bool,
}

impl Github {
    pub(super) async fn pages<T: DeserializeOwned>(
        &self,
        repo: &str,
        list: List<'_>,
    ) -> Result<Pages<T>, ServiceError> {
        let mut found = Vec::new();
        for page in 1..=list.most_pages {
            let page = page.to_string();
            let own = [("per_page", PER_PAGE), ("page", page.as_str())];
            let query: Vec<(&str, &str)> = list.query.iter().chain(&own).copied().collect();
            let answer = self.answer(repo, self.call(Method::GET, repo, list.path, &query)).await?;
            let mut body = answer.json();
            if let Some(name) = list.under {
                body = body[name].take();
            }
            let Value::Array(items) = body else { return Ok(Pages { items: found, cut: false }) };
            for item in items {
                found.push(shaped(item)?);
            }
            let more = answer.header("link").is_some_and(|link| link.contains("rel=\"next\""));
            if !more {
                return Ok(Pages { items: found, cut: false });
            }
        }
        Ok(Pages { items: found, cut: true })
    }
}
