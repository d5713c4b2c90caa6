//! The environment, and reading one function's settings from it: every accessor notes what is wrong and goes on, so that
//! all of it is told at once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use crate::usage::Price;

/// The environment as it was at start. Clones share it.
#[derive(Clone, Default)]
pub struct Environment(Arc<BTreeMap<String, String>>);

impl Environment {
    /// The process's environment; the only place that reads it.
    #[allow(clippy::disallowed_methods, reason = "the one place where the environment enters")]
    pub fn of_process() -> Environment {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable; an empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Every variable with its value.
    pub fn pairs(&self) -> Vec<(String, String)> {
        self.0.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// This environment with other variables put below it: what is set here wins.
    pub fn over(&self, below: Environment) -> Environment {
        let mut all = (*below.0).clone();
        all.extend(self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(n, v)| (n.clone(), v.clone())));
        Environment(Arc::new(all))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Environment {
        Environment(Arc::new(pairs.into_iter().map(|(n, v)| (n.into(), v.into())).collect()))
    }
}

/// All that is wrong with the settings, one line each.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// A setting that is on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flag {
    On,
    #[default]
    Off,
}

impl Flag {
    pub fn is_on(self) -> bool {
        self == Flag::On
    }
}

/// Reads settings and collects what is wrong with them.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    pub(super) problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Reader<'a> {
        Reader { environment, problems: Vec::new() }
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        #[cfg(test)]
        NAMES_ASKED.with_borrow_mut(|names| names.push(name.to_owned()));
        self.environment.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.value(name).map(str::to_owned)
    }

    pub(super) fn text_or(&self, name: &str, default: &str) -> String {
        self.value(name).unwrap_or(default).to_owned()
    }

    pub(super) fn required(&mut self, name: &str, what: &str) -> String {
        self.value(name).map(str::to_owned).unwrap_or_else(|| {
            self.problems.push(format!("`{name}` is not set: {what}"));
            String::new()
        })
    }

    /// US dollars per million tokens, as JSON; the table's price where nothing is set.
    pub(super) fn price(&mut self, model: &str) -> Price {
        let Some(text) = self.value("AUTOFIX_MODEL_PRICE") else { return Price::of(model) };
        let price = serde_json::from_str::<Price>(text).ok().filter(Price::is_sensible);
        price.unwrap_or_else(|| {
            self.problems.push(
                "`AUTOFIX_MODEL_PRICE` must be JSON such as `{\"input\": 4, \"output\": 20, \"cache_write\": 5, \
                 \"cache_read\": 0.2}`, dollars per million tokens"
                    .to_owned(),
            );
            Price::of(model)
        })
    }

    /// A text that is reported as wrong unless it is good.
    pub(super) fn checked(&mut self, name: &str, is_good: fn(&str) -> bool, must: &str) -> Option<String> {
        let text = self.text(name)?;
        if !is_good(&text) {
            self.problems.push(format!("`{name}` must be {must}"));
        }
        Some(text)
    }

    /// A name as it stands in addresses, such as Sentry's for an organisation.
    pub(super) fn slug(&mut self, name: &str) -> Option<String> {
        let is_slug = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        self.checked(name, is_slug, "a slug of letters, digits, `-` and `_`")
    }

    pub(super) fn flag(&mut self, name: &str) -> Flag {
        self.flag_or(name, Flag::Off)
    }

    pub(super) fn flag_or(&mut self, name: &str, default: Flag) -> Flag {
        match self.value(name) {
            None => default,
            Some("false" | "0" | "no") => Flag::Off,
            Some("true" | "1" | "yes") => Flag::On,
            Some(_) => {
                self.problems.push(format!("`{name}` must be `true` or `false`"));
                default
            }
        }
    }

    /// Words between commas.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let text = self.value(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// One word of a closed list.
    pub(super) fn one_of<T: FromStr>(
        &mut self,
        name: &str,
        words: impl Iterator<Item = &'static str>,
    ) -> Option<T> {
        let text = self.value(name)?;
        let read = text.to_ascii_lowercase().parse().ok();
        if read.is_none() {
            self.problems.push(format!("`{name}` must be one of: {}", words.collect::<Vec<_>>().join(", ")));
        }
        read
    }

    /// A number within bounds (both included).
    pub(super) fn number(&mut self, name: &str, default: f64, bounds: RangeInclusive<f64>) -> f64 {
        let Some(text) = self.value(name) else { return default };
        match text.parse::<f64>() {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                let (low, high) = (bounds.start(), bounds.end());
                self.problems.push(format!("`{name}` must be a number from {low} to {high}"));
                default
            }
        }
    }

    /// A whole number within bounds (both included).
    pub(super) fn whole_number<N>(&mut self, name: &str, default: N, bounds: RangeInclusive<N>) -> N
    where
        N: FromStr + PartialOrd + Display + Copy,
    {
        let Some(text) = self.value(name) else { return default };
        match text.parse::<N>() {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                let (low, high) = (bounds.start(), bounds.end());
                self.problems.push(format!("`{name}` must be a whole number from {low} to {high}"));
                default
            }
        }
    }

    /// `AUTOFIX_MAX_ATTEMPTS_PER_HOUR`: every function that can start an attempt keeps to the same limit.
    pub(super) fn max_attempts_per_hour(&mut self) -> u32 {
        self.whole_number("AUTOFIX_MAX_ATTEMPTS_PER_HOUR", 10, 1..=500)
    }

    pub(super) fn url(&mut self, name: &str, default: &str) -> url::Url {
        let text = self.text_or(name, default);
        let parsed = url::Url::parse(text.trim_end_matches('/'));
        match parsed {
            Ok(url) if url.host_str().is_some() && matches!(url.scheme(), "http" | "https") => url,
            _ => {
                self.problems.push(format!("`{name}` must be an http(s) address such as `{default}`"));
                url::Url::parse(default).expect("the default addresses are written in this file and parse")
            }
        }
    }

    /// An address for people to click on: HTTPS, or plain HTTP on this machine; with neither query nor fragment.
    pub(super) fn public_url(&mut self, name: &str) -> Option<url::Url> {
        let text = self.text(name)?;
        let is_good = |url: &url::Url| {
            let loopback = match url.host() {
                Some(url::Host::Domain(host)) => host == "localhost",
                Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
                Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
                None => return false,
            };
            (url.scheme() == "https" || (url.scheme() == "http" && loopback))
                && url.query().is_none()
                && url.fragment().is_none()
        };
        let url = url::Url::parse(text.trim_end_matches('/')).ok().filter(is_good);
        if url.is_none() {
            self.problems
                .push(format!("`{name}` must be an https address such as `https://autofix.acme.example`"));
        }
        url
    }

    pub(super) fn finish<T>(self, settings: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(settings) } else { Err(ConfigError(self.problems)) }
    }
}

#[cfg(test)]
thread_local! {
    static NAMES_ASKED: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// The settings that are read while something runs.
#[cfg(test)]
pub(super) fn names_asked<T>(run: impl FnOnce() -> T) -> std::collections::BTreeSet<String> {
    NAMES_ASKED.take();
    run();
    NAMES_ASKED.take().into_iter().collect()
}
