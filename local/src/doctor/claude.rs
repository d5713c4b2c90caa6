//! Whether Claude can be asked, and for how long still with this model.

use autofix::claude::{Lifecycle, ModelFacts};
use autofix::config::names;
use autofix::outbound::{ErrorKind, ServiceError};
use jiff::{SignedDuration, Timestamp};

use super::clients::Clients;
use super::report::Finding;
use crate::settings::how_to_set;

/// How long before a model's end somebody should choose another one.
const SOON: SignedDuration = SignedDuration::from_hours(60 * 24);
const MODEL: &str = "Model";
const ANOTHER: &str = "Set `AUTOFIX_MODEL` to a current model, such as `claude-opus-5-5`.";

pub(super) async fn examine(all: &Clients<'_>) -> Vec<Finding> {
    let Clients { claude, secrets, now, .. } = all;
    let key = || Finding::good("API key", "accepted");
    let next = how_to_set(names::ANTHROPIC_API_KEY);
    if let Ok(None) = secrets.get(names::ANTHROPIC_API_KEY).await {
        return vec![Finding::bad("API key", "not set", next)];
    }
    match claude.model_facts().await {
        Ok(facts) => vec![key(), model(claude.model(), facts, *now)],
        Err(ServiceError { kind: ErrorKind::NotFound, .. }) => {
            let detail = format!("`{}` does not exist, or this key may not use it", claude.model());
            vec![key(), Finding::bad(MODEL, detail, ANOTHER)]
        }
        Err(error) => vec![Finding::of_error("API key", &error, next)],
    }
}

fn model(name: &str, facts: ModelFacts, now: Timestamp) -> Finding {
    let is_over = facts.retires_at.is_some_and(|end| end <= now);
    if facts.lifecycle == Lifecycle::Retired || is_over {
        return Finding::bad(MODEL, format!("`{name}` is retired and answers no more"), ANOTHER);
    }
    match facts.retires_at {
        Some(end) if end.duration_since(now) <= SOON => {
            let days = end.duration_since(now).as_hours() / 24;
            Finding::lacking(MODEL, format!("`{name}` is retired in {days} days, at {end}"), ANOTHER)
        }
        Some(end) => Finding::good(MODEL, format!("`{name}`, until {end}")),
        None if facts.lifecycle == Lifecycle::Deprecated => {
            Finding::lacking(MODEL, format!("`{name}` is deprecated"), ANOTHER)
        }
        None => Finding::good(MODEL, format!("`{name}`")),
    }
}
