//! What all results say together. Pure.

use std::collections::{BTreeMap, BTreeSet};

use autofix::reason::ReasonCode;
use serde::Serialize;

use super::results::CaseResult;
use crate::analyze::median;
use autofix::attempt::Closeness;

/// Thresholds of the confidence that are tried beside the one that is set.
const THRESHOLDS: [f64; 7] = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95];

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    pub compared: usize,
    /// Cases that could not be compared, each with a sentence elsewhere.
    pub not_compared: usize,
    pub would_open: usize,
    /// Of those that would have been opened.
    pub same_change: usize,
    pub same_lines: usize,
    pub same_file: usize,
    pub other_file: usize,
    /// US dollars for all cases.
    pub cost_usd: f64,
    pub median_cost_usd: f64,
    pub median_seconds: f64,
    pub thresholds: Vec<Threshold>,
    pub rules: Vec<Rule>,
}

/// What another least confidence would have opened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threshold {
    pub min_confidence: f64,
    /// Whether it is the one that is set.
    pub is_set: bool,
    pub would_open: usize,
    /// Of these, the same change as the people's.
    pub same_change: usize,
    /// Cases that would have gone on, with what end is unknown: nobody asked the critics about them.
    pub unknown: usize,
}

/// What one rule refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    pub code: ReasonCode,
    pub cases: usize,
    /// Cases that nothing else spoke against.
    pub alone: usize,
    /// Of these, proposals that are the same change as the people's.
    pub alone_same_change: usize,
}

impl Summary {
    pub fn of(results: &[&CaseResult], not_compared: usize) -> Summary {
        let opened: Vec<_> = results.iter().copied().filter(|result| result.would_open).collect();
        let close = |wanted| opened.iter().filter(|result| result.closeness == Some(wanted)).count();
        let costs: Vec<f64> = results.iter().map(|result| result.usage.cost_usd).collect();
        let seconds: Vec<f64> = results.iter().map(|result| result.seconds).collect();
        Summary {
            compared: results.len(),
            not_compared,
            would_open: opened.len(),
            same_change: close(Closeness::SameChange),
            same_lines: close(Closeness::SameLines),
            same_file: close(Closeness::SameFile),
            other_file: close(Closeness::OtherFile),
            // The sum of nothing is minus zero.
            cost_usd: costs.iter().sum::<f64>() + 0.0,
            median_cost_usd: median(costs).unwrap_or(0.0),
            median_seconds: median(seconds).unwrap_or(0.0),
            thresholds: thresholds(results),
            rules: rules(results),
        }
    }
}

/// The policy with another least confidence: it gives all its reasons, so a case that only lacked confidence, and that the
/// critics approved, is opened as soon as its confidence is enough. One that was opened needs its own confidence.
fn thresholds(results: &[&CaseResult]) -> Vec<Threshold> {
    let set: Vec<f64> = results.iter().map(|result| result.min_confidence).collect();
    let mut tried: Vec<f64> = THRESHOLDS.iter().copied().chain(set.iter().copied()).collect();
    tried.sort_by(f64::total_cmp);
    tried.dedup();
    let at = |min_confidence: f64| {
        let enough = |result: &CaseResult| result.confidence.is_some_and(|one| one >= min_confidence);
        let may_open = |result: &CaseResult| result.would_open || result.only_lacks_confidence();
        let opened = results.iter().copied().filter(|result| may_open(result) && enough(result));
        let (known, unknown): (Vec<&CaseResult>, Vec<&CaseResult>) =
            opened.partition(|result| result.would_open || result.reviewed);
        let same = known.iter().filter(|result| result.closeness == Some(Closeness::SameChange)).count();
        Threshold {
            min_confidence,
            is_set: set.contains(&min_confidence),
            would_open: known.len(),
            same_change: same,
            unknown: unknown.len(),
        }
    };
    tried.into_iter().map(at).collect()
}

fn rules(results: &[&CaseResult]) -> Vec<Rule> {
    let mut rules: BTreeMap<ReasonCode, Rule> = BTreeMap::new();
    for result in results {
        let codes: BTreeSet<ReasonCode> = result.reasons.iter().map(|reason| reason.code).collect();
        for code in &codes {
            let rule =
                rules.entry(*code).or_insert(Rule { code: *code, cases: 0, alone: 0, alone_same_change: 0 });
            rule.cases += 1;
            if codes.len() == 1 {
                rule.alone += 1;
                rule.alone_same_change += usize::from(result.closeness == Some(Closeness::SameChange));
            }
        }
    }
    let mut rules: Vec<Rule> = rules.into_values().collect();
    rules.sort_by_key(|rule| std::cmp::Reverse((rule.alone, rule.cases)));
    rules
}

#[cfg(test)]
mod tests {
    use autofix::reason::Reason;

    use super::super::results::example;
    use super::*;

    fn refused(name: &str, codes: &[ReasonCode], confidence: f64) -> CaseResult {
        let reasons = codes.iter().map(|code| Reason::new(*code, "Because.")).collect();
        CaseResult { would_open: false, reasons, confidence: Some(confidence), ..example(name) }
    }

    #[test]
    fn another_threshold_opens_what_only_lacked_confidence_and_what_no_critic_saw_stays_unknown() {
        use ReasonCode::{BlastRadius, LowConfidence};
        let results = [
            example("open"),
            CaseResult { closeness: Some(Closeness::SameFile), confidence: Some(0.82), ..example("hardly") },
            refused("unsure", &[LowConfidence], 0.75),
            CaseResult { reviewed: false, ..refused("unseen", &[LowConfidence], 0.7) },
            refused("both", &[LowConfidence, BlastRadius], 0.75),
            refused("wide", &[BlastRadius], 0.95),
        ];
        let summary = Summary::of(&results.iter().collect::<Vec<_>>(), 2);
        let found: Vec<_> = summary
            .thresholds
            .iter()
            .map(|one| (one.min_confidence, one.is_set, one.would_open, one.same_change, one.unknown))
            .collect();
        assert_eq!(
            found,
            [
                (0.5, false, 3, 2, 1),
                (0.6, false, 3, 2, 1),
                (0.7, false, 3, 2, 1),
                (0.8, true, 2, 1, 0),
                (0.85, false, 1, 1, 0),
                (0.9, false, 1, 1, 0),
                (0.95, false, 0, 0, 0),
            ]
        );
        let rule = |code, cases, alone, alone_same_change| Rule { code, cases, alone, alone_same_change };
        assert_eq!(summary.rules, [rule(LowConfidence, 3, 2, 2), rule(BlastRadius, 2, 1, 1)]);
        assert_eq!((summary.compared, summary.not_compared, summary.would_open), (6, 2, 2));
        assert_eq!((summary.same_change, summary.same_file, summary.same_lines), (1, 1, 0));
    }

    #[test]
    fn no_result_is_no_reason_to_divide_by_nothing() {
        let summary = Summary::of(&[], 3);
        assert_eq!((summary.compared, summary.median_cost_usd, summary.not_compared), (0, 0.0, 3));
        assert!(summary.thresholds.iter().all(|one| one.would_open == 0));
    }
}
