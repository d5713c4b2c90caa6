//! What Anthropic says about a model: whether it may be used, and for how long still.
//!
//! Source: the Models API, `GET /v1/models/{id}` (`lifecycle`, `retires_at`).

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{API_VERSION, Claude, error_of};
use crate::journal::Service;
use crate::outbound::{Answer, Auth, Call, Effect, ErrorKind, ServiceError};

/// No model thinks about this.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Where a model is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    Active,
    /// It works, and its end is announced.
    Deprecated,
    /// It does not answer any more.
    Retired,
    /// A word that this version does not know.
    Other,
}

/// A model as the service describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelFacts {
    pub lifecycle: Lifecycle,
    /// From when on it does not answer; `None` where nothing is announced.
    pub retires_at: Option<Timestamp>,
}

impl Claude {
    /// What the service says about the configured model. Costs nothing.
    ///
    /// # Errors
    /// `NotFound` where there is no such model, or this key may not use it.
    pub async fn model_facts(&self) -> Result<ModelFacts, ServiceError> {
        let mut url = self.address("/v1/models");
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push(&self.model); // percent-encoded: the name comes from a setting
        }
        let call = Call {
            service: Service::Anthropic,
            method: Method::GET,
            url,
            headers: vec![
                ("anthropic-version", API_VERSION.to_owned()),
                ("accept", "application/json".to_owned()),
            ],
            body: None,
            auth: Auth::Bearer(self.key.clone()),
            effect: Effect::None,
            timeout: TIMEOUT,
        };
        self.outbound.ask(&call, read).await
    }
}

fn read(answer: &Answer) -> Result<ModelFacts, ServiceError> {
    if !answer.status.is_success() {
        return Err(error_of(answer));
    }
    let body = answer.json();
    if body["type"] != "model" {
        return Err(ServiceError::new(
            Service::Anthropic,
            ErrorKind::Malformed,
            "this is no description of a model".to_owned(),
        ));
    }
    let lifecycle = match body["lifecycle"].as_str() {
        Some("active") => Lifecycle::Active,
        Some("deprecated") => Lifecycle::Deprecated,
        Some("retired") => Lifecycle::Retired,
        _ => Lifecycle::Other,
    };
    Ok(ModelFacts { lifecycle, retires_at: body["retires_at"].as_str().and_then(moment) })
}

/// A time, or a day, which begins in UTC.
fn moment(text: &str) -> Option<Timestamp> {
    let day = || Some(text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    text.parse().ok().or_else(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_time_or_a_day() {
        let expected = "2026-11-30T00:00:00Z".parse().ok();
        assert_eq!(moment("2026-11-30T00:00:00Z"), expected);
        assert_eq!(moment("2026-11-30"), expected);
        assert_eq!(moment("soon"), None);
    }
}
