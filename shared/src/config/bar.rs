//! What is worth an attempt: environments, level and number of events. Below the bar nothing is paid, and an issue that
//! reaches it later is looked at then.

use std::collections::BTreeMap;

use super::environment::Reader;
use super::projects::{self, Level, ProjectSetting};
use crate::incident::Incident;

/// Highest `AUTOFIX_MIN_EVENTS`.
const MOST_EVENTS: u64 = 1_000_000;

/// The bar of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// `AUTOFIX_ENVIRONMENTS`; empty takes all.
    pub environments: Vec<String>,
    /// `AUTOFIX_MIN_LEVEL`
    pub min_level: Option<Level>,
    /// `AUTOFIX_MIN_EVENTS`: events of the issue, at least 1.
    pub min_events: u64,
}

impl Default for Bar {
    fn default() -> Bar {
        Bar { environments: Vec::new(), min_level: None, min_events: 1 }
    }
}

/// The bars of all projects.
#[derive(Clone, Debug, Default)]
pub struct Bars {
    all: Bar,
    by_slug: BTreeMap<String, Bar>,
}

impl Bars {
    pub(super) fn read(read: &mut Reader<'_>) -> Bars {
        let projects = projects::by_slug(read);
        let all = Bar {
            environments: read.list("AUTOFIX_ENVIRONMENTS"),
            min_level: read.one_of("AUTOFIX_MIN_LEVEL", Level::ALL.iter().map(|level| level.as_str())),
            min_events: read.whole_number("AUTOFIX_MIN_EVENTS", 1, 1..=MOST_EVENTS),
        };
        // What a project leaves out is the deployment's.
        let own = |own: ProjectSetting| Bar {
            environments: own.environments.unwrap_or_else(|| all.environments.clone()),
            min_level: own.min_level.or(all.min_level),
            min_events: own.min_events.unwrap_or(all.min_events).clamp(1, MOST_EVENTS),
        };
        Bars { by_slug: projects.into_iter().map(|(slug, project)| (slug, own(project))).collect(), all }
    }

    /// The bar of a Sentry project.
    pub fn of(&self, project: &str) -> &Bar {
        self.by_slug.get(project).unwrap_or(&self.all)
    }

    /// The fewest events that any project asks for where it asks for more than one.
    pub fn fewest_events(&self) -> Option<u64> {
        let bars = self.by_slug.values().chain([&self.all]);
        bars.map(|bar| bar.min_events).filter(|events| *events > 1).min()
    }
}

impl Bar {
    /// Why a report of this environment and level is not worth an attempt. What it does not tell does not count against it.
    pub fn refuses(&self, incident: &Incident) -> Option<String> {
        if let Some(environment) = &incident.environment
            && !self.environments.is_empty()
            && !self.environments.iter().any(|wanted| wanted.eq_ignore_ascii_case(environment))
        {
            return Some("its environment is not among `AUTOFIX_ENVIRONMENTS`".to_owned());
        }
        let level =
            incident.level.as_deref().and_then(|level| level.to_ascii_lowercase().parse::<Level>().ok());
        match (level, self.min_level) {
            (Some(level), Some(least)) if level < least => {
                Some(format!("its level is below `{least}` (`AUTOFIX_MIN_LEVEL`)"))
            }
            _ => None,
        }
    }

    /// Why an issue that was seen this often is not worth an attempt yet.
    pub fn wants_more_events(&self, seen: u64) -> Option<String> {
        let least = self.min_events;
        (seen < least).then(|| format!("seen {seen} of the {least} times of `AUTOFIX_MIN_EVENTS`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, IntakeConfig};

    fn bars(settings: &[(&str, &str)]) -> Bars {
        let repo = ("AUTOFIX_GITHUB_REPO", "acme/shop");
        let environment = Environment::from_iter(settings.iter().copied().chain([repo]));
        IntakeConfig::from_env(&environment).unwrap().bars
    }

    #[test]
    fn what_is_below_the_bar_is_told_why_and_what_is_unknown_passes() {
        let bars = bars(&[
            ("AUTOFIX_ENVIRONMENTS", "production, eu-production"),
            ("AUTOFIX_MIN_LEVEL", "error"),
            ("AUTOFIX_MIN_EVENTS", "5"),
            ("AUTOFIX_PROJECTS", r#"{"lab": {"repo": "acme/lab", "environments": [], "min_events": 2}}"#),
        ]);
        let check = |project: &str, environment: &str, level: &str, passes: bool| {
            let named = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let incident =
                Incident { environment: named(environment), level: named(level), ..Incident::default() };
            let refused = bars.of(project).refuses(&incident);
            assert_eq!(refused.is_none(), passes, "{project} {environment} {level}: {refused:?}");
        };
        check("shop", "production", "error", true);
        check("shop", "EU-Production", "fatal", true);
        check("shop", "", "", true);
        check("shop", "staging", "error", false);
        check("shop", "production", "warning", false);
        check("shop", "production", "sample", true);
        check("lab", "staging", "error", true);
        check("lab", "staging", "info", false);
        assert!(bars.of("shop").wants_more_events(4).is_some());
        assert_eq!(bars.of("shop").wants_more_events(5), None);
        assert_eq!(bars.of("lab").wants_more_events(2), None);
        assert_eq!(bars.fewest_events(), Some(2));
    }

    #[test]
    fn without_settings_everything_is_worth_an_attempt() {
        let bars = bars(&[]);
        assert_eq!(bars.of("shop"), &Bar::default());
        assert_eq!(bars.fewest_events(), None);
    }

    #[test]
    fn what_cannot_be_a_bar_is_told() {
        let wrong =
            [("AUTOFIX_MIN_LEVEL", "serious"), ("AUTOFIX_MIN_EVENTS", "0"), ("AUTOFIX_GITHUB_REPO", "a/b")];
        let told = IntakeConfig::from_env(&Environment::from_iter(wrong)).unwrap_err().0;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told.iter().any(|line| line.contains("debug, info, warning, error, fatal")), "{told:?}");
    }
}
