//! What a whole attempt leaves in the metrics: CloudWatch makes numbers of these lines, and people alarms of the numbers.

use std::collections::{BTreeMap, BTreeSet};

use autofix::messages::DEPLOY;
use autofix::metrics::Metrics;
use serde_json::Value;

use crate::log::Log;
use crate::world::{REPO, Scenario, World, hours, mins};

/// The lines that Lambda would write to standard output.
#[derive(Default)]
struct Lines(Log);

impl Lines {
    /// Each line, after a look at whether it is what the embedded metric format asks for.
    fn read(&self) -> Vec<Value> {
        let lines = self.0.objects();
        lines.iter().for_each(is_well_formed);
        lines
    }

    /// The lines with this metric.
    fn of(&self, metric: &str) -> Vec<Value> {
        self.read().into_iter().filter(|line| !line[metric].is_null()).collect()
    }

    /// The values of a dimension in the lines with this metric, in order.
    fn named(&self, metric: &str, dimension: &str) -> Vec<String> {
        let name = |line: Value| line[dimension].as_str().unwrap().to_owned();
        self.of(metric).into_iter().map(name).collect()
    }

    fn sum(&self, metric: &str) -> f64 {
        self.of(metric).iter().map(|line| line[metric].as_f64().unwrap()).sum()
    }
}

/// Everything that is declared is there, nothing else is, and no dimension has a value of its own for each attempt.
fn is_well_formed(line: &Value) {
    let declared = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
    assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000, "{line}");
    let mut names = BTreeSet::from(["_aws".to_owned()]);
    for directive in declared {
        assert_eq!(directive["Namespace"], "AutoFix");
        for dimension in
            directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
        {
            let name = dimension.as_str().unwrap();
            let value = line[name].as_str().unwrap_or_else(|| panic!("no dimension `{name}` in {line}"));
            assert!(
                value.len() < 30 && !value.contains('-'),
                "`{value}` looks like an id: each one costs money"
            );
            names.insert(name.to_owned());
        }
        for metric in directive["Metrics"].as_array().unwrap() {
            let name = metric["Name"].as_str().unwrap();
            assert!(line[name].is_number(), "no number `{name}` in {line}");
            names.insert(name.to_owned());
        }
    }
    let there: BTreeSet<String> = line.as_object().unwrap().keys().cloned().collect();
    assert_eq!(there, names);
}

async fn measured() -> (World, Lines) {
    let (lines, mut world) = (Lines::default(), World::new().await);
    world.process = world.process.measured(Metrics::to(lines.0.clone(), "autofix"));
    (world, lines)
}

#[tokio::test]
async fn a_whole_attempt_is_measured_from_the_report_to_the_quiet_after_the_merge() {
    let (world, lines) = measured().await;
    let (id, card) = world.until_armed().await;
    world.decide(&card, DEPLOY).await;
    let merge_sha = world.main();
    world.sandbox.github.deploy(REPO, &merge_sha, "production").unwrap();
    world.ticks(30, hours(1)).await;
    let attempt = world.attempt(&id).await;
    assert_eq!(attempt["status"], "verified");

    let statuses = lines.named("Attempts", "Status");
    assert_eq!(statuses, ["analyzing", "pr_created", "awaiting_approval", "deployed", "verified"]);
    assert_eq!(lines.sum("Attempts"), 5.0);

    assert_eq!(lines.of("CostUsd").len(), world.sandbox.claude.turns_answered());
    let cost = attempt["usage"]["cost_usd"].as_f64().unwrap();
    assert!(
        cost > 0.0 && (lines.sum("CostUsd") - cost).abs() < 1e-6,
        "{} is not {cost}",
        lines.sum("CostUsd")
    );
    assert!(lines.sum("InputTokens") > 0.0 && lines.sum("OutputTokens") > 0.0);

    let mut steps: BTreeMap<String, usize> = BTreeMap::new();
    for step in lines.named("StepDuration", "Step") {
        *steps.entry(step).or_default() += 1;
    }
    let once = ["Start", "Prepare", "Analyze", "TakeSlot", "OpenPullRequest", "Merge", "TellSentry"];
    for once in once {
        assert_eq!(steps.remove(once), Some(1), "{once}: {steps:?}");
    }
    for several in ["LookAtChecks", "ShowCard", "Watch"] {
        assert!(steps.remove(several).is_some_and(|times| times > 1), "{several}: {steps:?}");
    }
    assert!(steps.is_empty(), "{steps:?}");
    assert!(lines.of("StepDuration").iter().all(|line| line["StepDuration"].as_i64().unwrap() >= 0));

    assert_eq!(lines.of("QueueAge").len(), 30, "one line for each run of the clock");
    assert!(lines.of("WaitingAttempts").is_empty());
}

#[tokio::test]
async fn an_attempt_that_is_left_to_people_is_measured_and_so_is_the_wait_for_the_clock() {
    let (world, lines) = measured().await;
    world.alert(Scenario::Security).await;
    world.process.records().await.unwrap(); // lost: nobody but the clock wakes the worker
    world.after(mins(7)).await;
    assert_eq!(lines.named("Attempts", "Status"), ["analyzing", "skipped"]);
    let ages: Vec<i64> = lines.of("QueueAge").iter().map(|line| line["QueueAge"].as_i64().unwrap()).collect();
    assert_eq!(ages, [7 * 60]);
    world.after(mins(1)).await;
    assert_eq!(lines.of("QueueAge").last().unwrap()["QueueAge"], 0);
}
