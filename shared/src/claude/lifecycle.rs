//! What Anthropic says about a model: whether it may be used, and for how long still.
//!
//! Source: the Models API, `GET /v1/models/{id}` (`lifecycle`, `retires_at`).

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{Claude, error_of};
use crate::outbound::{Answer, ServiceError};

/// No model thinks about this.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Where a model is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    Active,
    /// It works, and its end is announced.
    Deprecated,
    /// It does not answer any more.
    Retired,
    /// A word that this version does not know.
    #[serde(other)]
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
        self.outbound.ask(&self.call(Method::GET, url, None, TIMEOUT), read).await
    }
}

/// The `type` tells a model from other answers.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Described {
    Model { lifecycle: Option<Lifecycle>, retires_at: Option<String> },
}

fn read(answer: &Answer) -> Result<ModelFacts, ServiceError> {
    if !answer.status.is_success() {
        return Err(error_of(answer));
    }
    let Described::Model { lifecycle, retires_at } = answer.read()?;
    let lifecycle = lifecycle.unwrap_or(Lifecycle::Other);
    Ok(ModelFacts { lifecycle, retires_at: retires_at.as_deref().and_then(moment) })
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
