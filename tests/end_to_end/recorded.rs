//! Public payloads of Sentry and its SDKs, read by the readers that the endpoints use. `recorded/expected.txt` says what
//! each of them says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use autofix::incident::Incident;
use autofix::sentry::event::{read_event, read_rest_event};
use autofix::sentry::legacy::{self, OldBody};
use autofix::sentry::webhook::{self, Trigger, Webhook, WebhookError};

#[test]
fn every_recorded_payload_is_read_as_a_person_reads_it() {
    let expected = std::fs::read_to_string(folder().join("expected.txt")).unwrap();
    let mut names = BTreeSet::new();
    let mut wrong = String::new();
    for case in cases(&expected) {
        names.insert(format!("{}.json", case.name));
        let body = std::fs::read(folder().join(format!("{}.json", case.name))).expect(case.name);
        let read = read(case.reader, &body);
        if !case.fits(&read) {
            let says = case.says.join("\n    ");
            wrong +=
                &format!("{}\n  says:\n    {says}\n  is read as:\n    {}\n", case.name, read.join("\n    "));
        }
    }
    let files = std::fs::read_dir(folder()).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(files.filter(|name| name != "expected.txt").collect::<BTreeSet<_>>(), names);
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("recorded")
}

struct Case<'a> {
    name: &'a str,
    reader: &'a str,
    says: Vec<&'a str>,
}

impl Case<'_> {
    fn fits(&self, read: &[String]) -> bool {
        let fits = |says: &str, read: &str| match (says.split_once(' '), says.strip_suffix(" *")) {
            (_, Some(beginning)) => read.starts_with(beginning),
            (Some((word @ ("ignored" | "refused"), part)), None) => {
                read.starts_with(word) && read.contains(part)
            }
            (_, None) => says == read,
        };
        self.says.len() == read.len() && self.says.iter().zip(read).all(|(says, read)| fits(says, read))
    }
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.strip_prefix("  ") {
            None => {
                let (name, reader) = line.split_once(' ').expect(line);
                cases.push(Case { name, reader, says: Vec::new() });
            }
            Some(said) => cases.last_mut().expect("a payload").says.push(said),
        }
    }
    cases
}

/// What a reader makes of a body, in the lines of `expected.txt`.
fn read(reader: &str, body: &[u8]) -> Vec<String> {
    let known = || Incident {
        organization: Some("acme".to_owned()),
        project: "bakery".to_owned(),
        issue_id: "8999".to_owned(),
        ..Incident::default()
    };
    let read = match reader {
        "rest" => read_rest_event(body, &known()).map(|incident| lines(&incident, "")),
        "json" => read_event(body).map(|incident| lines(&incident, "")),
        "legacy" if legacy::recognise(body) == Some(OldBody::ServiceHook) => {
            Ok(vec!["other service hook".to_owned()])
        }
        "legacy" => legacy::read(body).map(lines_of_webhook),
        resource => webhook::read(resource, body).map(lines_of_webhook),
    };
    read.unwrap_or_else(|error: WebhookError| vec![format!("refused {error}")])
}

fn lines_of_webhook(webhook: Webhook) -> Vec<String> {
    match webhook {
        Webhook::Report(report) => match report.trigger {
            Trigger::New => lines(&report.incident, ""),
            Trigger::Regression => lines(&report.incident, " again"),
        },
        Webhook::SentryAgentOpenedPullRequest { issue_id, urls } => {
            vec![format!("other pull request {issue_id} {}", urls.join(" "))]
        }
        Webhook::Ignored { why } => vec![format!("ignored {why}")],
    }
}

fn lines(incident: &Incident, again: &str) -> Vec<String> {
    let or_dash = |text: Option<&str>| text.filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
    let organization = or_dash(incident.organization.as_deref());
    let [project, issue] = [&incident.project, &incident.issue_id].map(|text| or_dash(Some(text)));
    let culprit = incident.culprit_frame();
    let blamed = incident.surfaced();
    let at = culprit.map(|culprit| {
        let frame = culprit.frame;
        let file = frame.filename.as_deref().or(frame.abs_path.as_deref()).or(frame.module.as_deref());
        let line = frame.line.map(|line| format!(":{line}")).unwrap_or_default();
        let function = frame.function.as_ref().map(|function| format!(" {function}")).unwrap_or_default();
        format!("{}{line}{function}", or_dash(file))
    });
    let frames = incident.exceptions.iter().flat_map(|exception| &exception.frames);
    let release = incident.release.as_ref();
    let commit = release.and_then(|release| release.commit.as_ref()).map(|commit| format!(" {commit}"));
    vec![
        format!("issue {organization}/{project}/{issue}{again}"),
        format!("title {}", incident.title),
        format!("error {}", or_dash(blamed.map(|exception| exception.title()).as_deref())),
        format!("at {}", or_dash(at.as_deref())),
        format!("in app {}", frames.filter(|frame| frame.is_application()).count()),
        format!(
            "level {} {} {}{}",
            or_dash(incident.level.as_deref()),
            or_dash(incident.environment.as_deref()),
            or_dash(release.map(|release| release.version.as_str())),
            commit.unwrap_or_default(),
        ),
    ]
}
