//! Errors that are still there and are told to fewer people: lower log levels, removed captures,
//! filters in front of Sentry.

use super::reviewed::{Finding, Reviewed, Side, newly, places};
use crate::names::{has, severity};
use crate::syntax::references::Use;
use autofix_domain::reason::{Reason, ReasonCode};

/// Calls that make a logger or Sentry say less.
const FILTERS: &str = "\
    setLevel disable ignore_logger simplefilter filterwarnings captureWarnings set_level addFilter \
    setLogLevel";
/// Settings that keep events from Sentry. Names without case and underscores.
const FILTER_SETTINGS: &str = "\
    beforesend beforesendtransaction ignoreerrors denyurls ignoreexceptions samplerate \
    errorsamplerate";

pub(super) fn report_silenced(file: &Reviewed<'_>) -> Option<Reason> {
    let lowered = lowered_levels(file);
    let filters = file.newly_found(filters);
    let detail = if !lowered.is_empty() {
        format!("The fix removes or lowers {}, so that fewer people hear of the error.", places(&lowered))
    } else if !filters.is_empty() {
        format!("The fix filters what is reported: {}.", places(&filters))
    } else {
        return None;
    };
    Some(Reason::new(ReasonCode::LogLevelLowered, detail))
}

/// Old reports at the highest level that has become rarer.
fn lowered_levels(file: &Reviewed<'_>) -> Vec<Finding> {
    let Some(sides) = &file.sides else { return Vec::new() };
    let (before, after) = (reports(&sides.before), reports(&sides.after));
    let at_least =
        |reports: &[(u8, Finding)], level: u8| reports.iter().filter(|(one, _)| *one >= level).count();
    let rarer = (2..=4).rev().find(|&level| at_least(&before, level) > at_least(&after, level));
    let Some(level) = rarer else { return Vec::new() };
    let of_level = |reports: Vec<(u8, Finding)>| -> Vec<Finding> {
        reports.into_iter().filter(|(one, _)| *one >= level).map(|(_, finding)| finding).collect()
    };
    newly(of_level(after), of_level(before))
}

fn reports(side: &Side<'_>) -> Vec<(u8, Finding)> {
    side.references()
        .iter()
        .filter(|one| one.how == Use::Called)
        .filter_map(|one| Some((severity(&one.path)?, Finding::new(one.path.as_str(), one.line))))
        .collect()
}

fn filters(side: &Side<'_>) -> Vec<Finding> {
    let calls = side
        .references()
        .iter()
        .filter(|one| one.how == Use::Called && has(FILTERS, one.last_name()))
        .filter(|one| ["log", "warnings", "sentry"].iter().any(|word| one.path.to_lowercase().contains(word)))
        .map(|one| {
            let key = side.parsed.text_of(one.node).to_owned();
            Finding { key, shown: one.path.clone(), line: one.line }
        });
    let of_settings = side.settings().iter().filter_map(|setting| {
        let name = setting.name.replace('_', "").to_lowercase();
        let listed = has(FILTER_SETTINGS, &name) && setting.value != "True" && setting.value != "true";
        listed.then(|| Finding::new(format!("{}={}", setting.name, setting.value), setting.line))
    });
    calls.chain(of_settings).collect()
}
