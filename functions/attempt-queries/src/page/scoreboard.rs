//! The scoreboard: what came of the errors of each week, and at what cost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use autofix::redaction::Redacted;
use autofix::scoreboard::{Counter, Counts, Tally, Week};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::plots::{self, Bars, ByWeek, Named, Series};
use super::refusal::{Next, Refusal};
use super::shell::{Here, Shell, Viewer, html};
use super::text::{Prose, line, sentence};
use super::times::span;
use crate::Queries;

/// Weeks to choose from; the first is shown where nothing is chosen.
const WEEKS: [u32; 3] = [12, 26, 52];
const PROJECT_CHARS: usize = 100;
const REASON_CHARS: usize = 300;
/// Reasons in the plot; the table has all.
const MAX_REASONS: usize = 12;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Question {
    weeks: String,
    project: String,
}

#[derive(Template)]
#[template(path = "scoreboard.html")]
struct ScoreboardPage {
    shell: Shell,
    weeks: Vec<(u32, bool)>,
    projects: Vec<String>,
    project: String,
    is_empty: bool,
    total: Line,
    figures: [Figure; 4],
    /// What a dry run shows: how often people did what AutoFix proposed.
    shadow: Option<String>,
    funnel: Bars,
    by_week: ByWeek,
    by_reason: Bars,
    reasons: Vec<(&'static str, Prose, i64)>,
    times: ByWeek,
    dollars: ByWeek,
    week_lines: Vec<Line>,
    project_lines: Vec<Line>,
    width: u32,
    height: u32,
}

/// A number that is read first.
struct Figure {
    id: &'static str,
    value: String,
    label: &'static str,
    /// What it was counted from.
    of: String,
}

/// One line of a table.
struct Line {
    name: Redacted,
    attempts: i64,
    shown: i64,
    approved: i64,
    merged: i64,
    verified: i64,
    regressed: i64,
    refused: i64,
    time: String,
    dollars: String,
    per_verified: String,
}

pub(super) async fn show(
    State(queries): State<Arc<Queries>>,
    headers: HeaderMap,
    question: Result<Query<Question>, QueryRejection>,
) -> Response {
    let page = match question {
        Ok(Query(question)) => queries.scoreboard_page(&headers, &question).await,
        Err(_) => Err(Refusal::BadRequest("This address cannot be read.")),
    };
    queries.answer(page)
}

impl Queries {
    async fn scoreboard_page(&self, headers: &HeaderMap, question: &Question) -> Result<Response, Refusal> {
        self.owner(headers, Next::Scoreboard).await?;
        let count = match question.weeks.as_str() {
            "" => WEEKS[0],
            text => WEEKS
                .into_iter()
                .find(|weeks| weeks.to_string() == text)
                .ok_or(Refusal::BadRequest("There is no such time."))?,
        };
        let now = self.clock.now();
        let this_week = Week::of(now);
        let weeks: Vec<Week> = (0..count).rev().map(|back| this_week.earlier(back)).collect();
        let tallies = self.store.scoreboard(this_week.earlier(count - 1), now).await?;
        let projects = tallies.iter().map(|tally| tally.project.as_str()).filter(|slug| !slug.is_empty());
        let projects: BTreeSet<&str> = projects.collect();
        let projects = projects.into_iter().map(|slug| line(slug, PROJECT_CHARS).to_string()).collect();
        let project = question.project.trim();
        let chosen: Vec<&Tally> =
            tallies.iter().filter(|tally| project.is_empty() || tally.project == project).collect();
        let shell = self.shell("Scoreboard", Viewer::Owner, Here::Scoreboard);
        let sums = Sums::of(&weeks, &chosen);
        let page = sums.page(shell, projects);
        let weeks = WEEKS.into_iter().map(|weeks| (weeks, weeks == count)).collect();
        let project = line(project, PROJECT_CHARS).to_string();
        Ok(html(StatusCode::OK, &ScoreboardPage { weeks, project, ..page }))
    }
}

/// The chosen tallies, added up.
struct Sums {
    total: Counts,
    by_week: Vec<(Week, Counts)>,
    by_project: BTreeMap<String, Counts>,
}

impl Sums {
    fn of(weeks: &[Week], tallies: &[&Tally]) -> Sums {
        let mut sums = Sums {
            total: Counts::default(),
            by_week: weeks.iter().map(|week| (*week, Counts::default())).collect(),
            by_project: BTreeMap::new(),
        };
        for tally in tallies {
            sums.total.add(&tally.counts);
            sums.by_project.entry(tally.project.clone()).or_default().add(&tally.counts);
            if let Some((_, counts)) = sums.by_week.iter_mut().find(|(week, _)| *week == tally.week) {
                counts.add(&tally.counts);
            }
        }
        sums
    }

    fn page(&self, shell: Shell, projects: Vec<String>) -> ScoreboardPage {
        // Before the first error there is nothing to draw.
        let begun = self.by_week.iter().position(|(_, counts)| !counts.is_empty()).unwrap_or(0);
        let drawn = &self.by_week[begun..];
        let weeks: Vec<String> = drawn.iter().map(|(week, _)| week.to_string()[5..].to_owned()).collect();
        let series = |counter: Counter| Series {
            name: counter.as_str(),
            values: drawn.iter().map(|(_, counts)| Some(counts.of(counter) as f64)).collect(),
        };
        let shown = [Counter::Shown, Counter::Merged, Counter::Verified, Counter::Regressed].map(series);
        let times = drawn.iter().map(|(_, counts)| Some(counts.median_time()?.as_secs_f64())).collect();
        let dollars = Series {
            name: "dollars",
            values: drawn.iter().map(|(_, counts)| per_verified(counts)).collect(),
        };
        let reasons = self.total.refusals();
        ScoreboardPage {
            shell,
            weeks: Vec::new(),
            projects,
            project: String::new(),
            is_empty: self.total.is_empty(),
            figures: figures(&self.total),
            shadow: shadow(&self.total),
            funnel: plots::bars(funnel(&self.total)),
            by_week: plots::columns(&weeks, &shown, |value| {
                if value.fract() == 0.0 { value.to_string() } else { String::new() }
            }),
            by_reason: plots::bars(
                reasons
                    .iter()
                    .take(MAX_REASONS)
                    .map(|(code, count)| Named {
                        name: code.as_str().replace('_', " "),
                        value: *count as f64,
                        shown: count.to_string(),
                        series: "refused",
                    })
                    .collect(),
            ),
            reasons: reasons
                .iter()
                .map(|(code, count)| (code.as_str(), sentence(code.meaning(), REASON_CHARS), *count))
                .collect(),
            times: plots::line(&weeks, times, |seconds| {
                span(jiff::SignedDuration::from_secs(seconds as i64))
            }),
            dollars: plots::columns(&weeks, &[dollars], |value| format!("${value:.2}")),
            week_lines: self
                .by_week
                .iter()
                .rev()
                .filter(|(_, counts)| !counts.is_empty())
                .map(|(week, counts)| table_line(&week.to_string(), counts))
                .collect(),
            project_lines: self.by_project.iter().map(|(slug, counts)| table_line(slug, counts)).collect(),
            total: table_line("All", &self.total),
            width: plots::WIDTH,
            height: plots::HEIGHT,
        }
    }
}

fn figures(total: &Counts) -> [Figure; 4] {
    let of = |counter| total.of(counter);
    let (shown, approved) = (of(Counter::Shown), of(Counter::Approved));
    let percent =
        if shown > 0 { format!("{:.0} %", approved as f64 / shown as f64 * 100.0) } else { nothing() };
    let per_verified = per_verified(total).map_or_else(nothing, |dollars| format!("${dollars:.2}"));
    [
        Figure {
            id: "verified",
            value: of(Counter::Verified).to_string(),
            label: "Verified fixes",
            of: format!("{} merged, {} came back", of(Counter::Merged), of(Counter::Regressed)),
        },
        Figure {
            id: "approved",
            value: percent,
            label: "Approved",
            of: format!("{approved} of {shown} fixes shown"),
        },
        Figure {
            id: "per-verified",
            value: per_verified,
            label: "Per verified fix",
            of: format!("${:.2} spent in all", total.dollars()),
        },
        Figure {
            id: "median",
            value: total.median_time().map_or_else(nothing, span),
            label: "To the pull request",
            of: "median from Sentry's report".to_owned(),
        },
    ]
}

fn shadow(total: &Counts) -> Option<String> {
    let of = |counter| total.of(counter);
    let errors = |count: i64| if count == 1 { "1 error".to_owned() } else { format!("{count} errors") };
    let fixed = of(Counter::FixedByPeople);
    (fixed > 0).then(|| {
        format!(
            "Dry run: of {} that people fixed, AutoFix had proposed the same change for {}, and another change of the same \
             lines for {}.",
            errors(fixed),
            of(Counter::ProposedTheSame),
            of(Counter::ProposedAtTheSameLines)
        )
    })
}

/// Stands where there is no number.
fn nothing() -> String {
    "–".to_owned()
}

fn funnel(total: &Counts) -> Vec<Named> {
    let bar = |name: &str, counter: Counter| Named {
        name: name.to_owned(),
        value: total.of(counter) as f64,
        shown: total.of(counter).to_string(),
        series: counter.as_str(),
    };
    vec![
        bar("Errors looked at", Counter::Attempts),
        bar("Fixes shown", Counter::Shown),
        bar("Approved", Counter::Approved),
        bar("Merged", Counter::Merged),
        bar("Verified", Counter::Verified),
        bar("Came back", Counter::Regressed),
    ]
}

fn per_verified(counts: &Counts) -> Option<f64> {
    let verified = counts.of(Counter::Verified);
    (verified > 0).then(|| counts.dollars() / verified as f64)
}

fn table_line(name: &str, counts: &Counts) -> Line {
    Line {
        name: line(name, PROJECT_CHARS),
        attempts: counts.of(Counter::Attempts),
        shown: counts.of(Counter::Shown),
        approved: counts.of(Counter::Approved),
        merged: counts.of(Counter::Merged),
        verified: counts.of(Counter::Verified),
        regressed: counts.of(Counter::Regressed),
        refused: counts.of(Counter::Skipped) + counts.of(Counter::Failed) + counts.of(Counter::TurnedAway),
        time: counts.median_time().map_or_else(nothing, span),
        dollars: format!("${:.2}", counts.dollars()),
        per_verified: per_verified(counts).map_or_else(nothing, |dollars| format!("${dollars:.2}")),
    }
}
