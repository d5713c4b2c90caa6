//! Errors that people resolved in Sentry, and the commits that fixed them.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use autofix::config::{WorkerConfig, names};
use autofix::incident::Incident;
use autofix::outbound::ServiceError;
use autofix::secrets::Secrets;
use autofix::sentry::{IssueRef, Sentry};

use super::history::History;
use super::{Case, SentryProject, Stop, may_pass};
use crate::analyze::Means;

/// An issue and the commit that fixed it.
pub struct FixedIssue {
    /// Without its stack trace.
    incident: Incident,
    /// 7 to 40 hex digits.
    pub commit: String,
    note: Option<String>,
}

/// The resolved issues of a project with their names, or with the sentence that says why there is nothing to compare.
pub async fn list(
    project: &SentryProject,
    history: &History,
    config: &WorkerConfig,
    means: &Means,
) -> anyhow::Result<Vec<(String, Result<FixedIssue, String>)>> {
    let organization = project.organization.as_ref().or(config.sentry_org.as_ref());
    let organization =
        organization.context("name the organisation with `--organization`, or set `SENTRY_ORG`")?;
    let sentry = client(config, means);
    if !sentry.is_configured().await? {
        bail!("`{}` is not set", names::SENTRY_AUTH_TOKEN);
    }
    let mut issues = Vec::new();
    let mut from = None;
    while issues.len() < project.limit {
        let page = sentry.resolved_issues(organization, &project.project, from.as_deref()).await;
        let page = page.context("read the resolved issues from Sentry")?;
        issues.extend(page.issues);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    issues.truncate(project.limit);
    if issues.is_empty() {
        bail!("Sentry has no resolved errors of the project `{}` in `{organization}`", project.project);
    }
    let short_ids: BTreeSet<String> =
        issues.iter().filter_map(|issue| issue.short_id.as_ref()).map(|id| id.to_ascii_uppercase()).collect();
    let named = history.commits_that_name(&short_ids)?;
    let found = issues.into_iter().map(|resolved| {
        let incident = resolved.issue.incident;
        let name = resolved.short_id.clone().unwrap_or_else(|| incident.issue_id.clone());
        let by_name = resolved.short_id.and_then(|id| named.get(&id.to_ascii_uppercase()).cloned());
        // What Sentry knows may be a commit of a branch that was squashed since; then the message still tells.
        let known = resolved.commit.filter(|sha| by_name.is_none() || history.fix(sha).is_ok());
        let fixed = match (known, by_name) {
            (Some(commit), _) => Ok(FixedIssue { incident, commit, note: None }),
            (None, Some(commit)) => {
                let note = format!("The commit was found by the name `{name}` in its message.");
                Ok(FixedIssue { incident, commit, note: Some(note) })
            }
            (None, None) => Err(format!(
                "Sentry does not say which commit fixed it, and no commit of this clone names `{name}`."
            )),
        };
        (name, fixed)
    });
    Ok(found.collect())
}

impl FixedIssue {
    pub fn id(&self) -> &str {
        &self.incident.issue_id
    }

    /// The event that came last before the fix, the code before it, and what people changed.
    pub(super) async fn read(
        &self,
        history: &History,
        config: &WorkerConfig,
        means: &Means,
    ) -> Result<Case, Stop> {
        let told = |error: anyhow::Error| Stop::Case(format!("{error:#}"));
        let commit = history.fix(&self.commit).map_err(told)?;
        // What costs nothing comes before Sentry is asked.
        let fix = commit.peoples_fix().map_err(told)?;
        let checkout = commit
            .code_before()
            .map_err(|error| Stop::Case(format!("The code before the fix can't be read: {error:#}.")))?;
        let Some(issue) = IssueRef::of(&self.incident) else {
            return Err(Stop::Case("Sentry does not say in which organisation the issue is.".to_owned()));
        };
        let sentry = client(config, means);
        let until = commit.at();
        let event = sentry.last_event_before(&issue, until).await.map_err(failed)?;
        let Some(event) = event else {
            let day = until.strftime("%Y-%m-%d");
            return Err(Stop::Case(format!(
                "Sentry has no event of this issue from the 90 days before its fix ({day})."
            )));
        };
        let known = Incident { event_id: Some(event), ..self.incident.clone() };
        let Some(incident) = sentry.fetch_event(&known).await.map_err(failed)? else {
            return Err(Stop::Case("Sentry no longer has the event before the fix.".to_owned()));
        };
        let notes = self.note.iter().cloned().chain(commit.note()).collect();
        let url = self.incident.web_url.clone();
        Ok(Case { incident, checkout, fix, url, commit: Some(commit.sha()), notes })
    }
}

fn failed(error: ServiceError) -> Stop {
    let error = anyhow::Error::new(error);
    if may_pass(&error) {
        Stop::Run(format!("Stopped: Sentry: {error:#}. The next run continues from here."))
    } else {
        Stop::Case(format!("Sentry's event can't be read: {error:#}."))
    }
}

fn client(config: &WorkerConfig, means: &Means) -> Sentry {
    let secrets = Secrets::from_environment(means.environment.clone(), means.clock.clone());
    let outbound = means.outbound.patient(&means.clock);
    Sentry::new(outbound, config.sentry_url.clone(), &secrets)
}
