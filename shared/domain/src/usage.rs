//! Tokens and dollars, and the one table of prices.
//!
//! Prices are US dollars per million tokens, from Anthropic's model pages as of 2026-11-22. A model that the
//! table does not know is charged at the dearest known price, so that a budget is never overrun by a name.

use serde::{Deserialize, Serialize};

/// Tokens by kind and what they cost. Sums up over the turns of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Input that was neither written to nor read from the cache.
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub cache_creation_input_tokens: u64,
    pub cache_read_input_tokens: u64,
    /// US dollars.
    pub cost_usd: f64,
    /// Answers of the model that were paid for.
    pub turns: u32,
}

impl Usage {
    /// Adds the use of another turn or step.
    pub fn add(&mut self, other: &Usage) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cache_creation_input_tokens += other.cache_creation_input_tokens;
        self.cache_read_input_tokens += other.cache_read_input_tokens;
        self.cost_usd += other.cost_usd;
        self.turns += other.turns;
    }

    /// What was used since an earlier reading of the same sum.
    pub fn since(&self, earlier: &Usage) -> Usage {
        Usage {
            input_tokens: self.input_tokens.saturating_sub(earlier.input_tokens),
            output_tokens: self.output_tokens.saturating_sub(earlier.output_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .saturating_sub(earlier.cache_creation_input_tokens),
            cache_read_input_tokens: self
                .cache_read_input_tokens
                .saturating_sub(earlier.cache_read_input_tokens),
            cost_usd: (self.cost_usd - earlier.cost_usd).max(0.0),
            turns: self.turns.saturating_sub(earlier.turns),
        }
    }
}

/// Dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    /// Writing to the five-minute cache.
    pub cache_write: f64,
    pub cache_read: f64,
}

const PRICES: &[(&str, Price)] = &[
    ("claude-opus-5-5", Price { input: 4.0, output: 20.0, cache_write: 5.0, cache_read: 0.20 }),
    ("claude-sonnet-5-5", Price { input: 2.0, output: 10.0, cache_write: 2.5, cache_read: 0.20 }),
    ("claude-fable-5-1", Price { input: 10.0, output: 50.0, cache_write: 12.5, cache_read: 1.0 }),
    ("claude-opus-5", Price { input: 5.0, output: 25.0, cache_write: 6.25, cache_read: 0.50 }),
];
const DEAREST: Price = Price { input: 10.0, output: 50.0, cache_write: 12.5, cache_read: 1.0 };

impl Price {
    /// The price of a model.
    pub fn of(model: &str) -> Price {
        PRICES.iter().find(|(name, _)| *name == model).map_or(DEAREST, |(_, price)| *price)
    }

    /// A price that is not one would make every budget endless.
    pub fn is_sensible(&self) -> bool {
        [self.input, self.output, self.cache_write, self.cache_read]
            .iter()
            .all(|price| (0.0..=10_000.0).contains(price))
            && self.input > 0.0
            && self.output > 0.0
    }

    /// What these tokens cost, US dollars.
    pub fn cost(&self, usage: &Usage) -> f64 {
        let per_million = |tokens: u64, price: f64| tokens as f64 * price / 1_000_000.0;
        per_million(usage.input_tokens, self.input)
            + per_million(usage.output_tokens, self.output)
            + per_million(usage.cache_creation_input_tokens, self.cache_write)
            + per_million(usage.cache_read_input_tokens, self.cache_read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_token_is_charged_at_its_own_price() {
        let usage = Usage {
            input_tokens: 1_000_000,
            output_tokens: 100_000,
            cache_creation_input_tokens: 200_000,
            cache_read_input_tokens: 1_000_000,
            ..Usage::default()
        };
        let cost = Price::of("claude-opus-5-5").cost(&usage);
        assert!((cost - (4.0 + 2.0 + 1.0 + 0.2)).abs() < 1e-9, "{cost}");
        assert_eq!(Price::of("claude-of-next-year"), DEAREST);
    }
}
