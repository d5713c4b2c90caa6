//! Why a check failed: its annotations, and the end of the job's log with the tests that failed. All of
//! it was written by machines that run other people's code: it is hostile, cleaned and bounded, and
//! not redacted. What could not be read is said.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use url::Url;

use super::answers::{Readable, malformed, readable};
use super::checks::{CheckResult, Source};
use super::{Github, job_log};
use crate::cleaning::{multi_line, one_line};
use crate::outbound::{ErrorKind, ServiceError};

/// Annotations that are kept, those about failures first.
const ANNOTATIONS: usize = 20;
const MESSAGE_CHARS: usize = 1_000;
const PATH_CHARS: usize = 300;
/// Of a log, the end is kept, bytes. GitHub's store can't be asked for an end, so all of a log comes by, up to this much.
const LOG_KEPT: usize = 1024 * 1024;
const LOG_READ: usize = 256 * 1024 * 1024;
const LOG_TIMEOUT: Duration = Duration::from_secs(120);
/// Where GitHub keeps the logs of Actions.
const LOG_HOSTS: [&str; 2] = [".blob.core.windows.net", ".actions.githubusercontent.com"];

/// What can be known about the failure of one check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureDetails {
    pub annotations: Vec<Annotation>,
    /// As the test runner names them.
    pub failing_tests: Vec<String>,
    /// At most 8,000 bytes.
    pub log_excerpt: Option<String>,
    /// What could not be read and why, one line each.
    pub not_read: Vec<String>,
}

/// Everything that a failed check says, for code to read: hostile, cleaned and bounded, not redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedOutput {
    /// Path and message of each annotation.
    pub annotations: Vec<String>,
    /// The last megabyte of the job's log.
    pub log: String,
    /// What could not be read and why, one line each.
    pub not_read: Vec<String>,
}

/// A remark of a check about a place in the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// As the check names it: it need not exist.
    pub path: String,
    pub line: Option<u64>,
    pub level: AnnotationLevel,
    /// Title and message.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnnotationLevel {
    Failure,
    Warning,
    Notice,
}

impl Github {
    /// What GitHub can tell about the failure of a check, of those that [`Github::checks`] listed.
    pub async fn failure_details(
        &self,
        repo: &str,
        check: &CheckResult,
    ) -> Result<FailureDetails, ServiceError> {
        let Said { annotations, log, not_read } = self.said_by(repo, check).await?;
        let read = job_log::read(&log);
        Ok(FailureDetails {
            annotations,
            failing_tests: read.failing_tests,
            log_excerpt: Some(read.excerpt).filter(|excerpt| !excerpt.is_empty()),
            not_read,
        })
    }

    /// All that a failed check says, as far as it is bounded.
    pub async fn failed_output(&self, repo: &str, check: &CheckResult) -> Result<FailedOutput, ServiceError> {
        let Said { annotations, log, not_read } = self.said_by(repo, check).await?;
        let noted = annotations.into_iter().map(|note| {
            let line = note.line.map_or(String::new(), |line| format!(":{line}"));
            format!("{}{line}\n{}", note.path, note.message)
        });
        let log = job_log::lines(&log).join("\n");
        Ok(FailedOutput { annotations: noted.collect(), log, not_read })
    }

    async fn said_by(&self, repo: &str, check: &CheckResult) -> Result<Said, ServiceError> {
        let mut said = Said::default();
        let job = match check.source {
            Source::CheckRun { id, job } => {
                match readable(self.annotations(repo, id).await)? {
                    Readable::Read(annotations) => said.annotations = annotations,
                    Readable::NotAllowed { said: why } => said.not_read.push(format!("annotations: {why}")),
                }
                job
            }
            Source::Job { id } => {
                said.not_read.push("annotations: this token cannot read check runs".to_owned());
                Some(id)
            }
            Source::Nothing => None,
        };
        let Some(job) = job else {
            said.not_read.push("log: this check has none on GitHub".to_owned());
            return Ok(said);
        };
        match self.job_log(repo, job).await {
            Ok(bytes) => said.log = bytes,
            Err(
                error @ ServiceError {
                    kind:
                        ErrorKind::Unauthorized | ErrorKind::NotFound | ErrorKind::Malformed | ErrorKind::TimedOut,
                    ..
                },
            ) => said.not_read.push(format!("log: {error}")),
            Err(error) => return Err(error),
        }
        Ok(said)
    }

    async fn annotations(&self, repo: &str, check_run: u64) -> Result<Vec<Annotation>, ServiceError> {
        let path = ["check-runs", &check_run.to_string(), "annotations"];
        let list: Vec<WireAnnotation> = self.read(repo, &path, &[("per_page", "100")]).await?;
        let mut annotations: Vec<Annotation> = list.into_iter().map(annotation).collect();
        annotations.sort_by_key(|annotation| annotation.level);
        annotations.truncate(ANNOTATIONS);
        Ok(annotations)
    }

    /// The end of a job's log.
    async fn job_log(&self, repo: &str, job: u64) -> Result<Vec<u8>, ServiceError> {
        let path = ["actions", "jobs", &job.to_string(), "logs"];
        let location = self.redirect(repo, self.call(Method::GET, repo, &path, &[])).await?;
        if !self.is_log_host(&location) {
            return Err(malformed("it is on a host that is not GitHub's"));
        }
        let mut download = self.download(location, LOG_TIMEOUT).await?;
        let (mut kept, mut read) = (Vec::new(), 0);
        while let Some(chunk) = download.chunk().await? {
            read += chunk.len();
            kept.extend_from_slice(&chunk);
            // Cut now and then, not at every chunk: moving the rest costs time.
            if kept.len() > 2 * LOG_KEPT {
                kept.drain(..kept.len() - LOG_KEPT);
            }
            if read > LOG_READ {
                break;
            }
        }
        kept.drain(..kept.len().saturating_sub(LOG_KEPT));
        Ok(kept)
    }

    /// GitHub's stores for logs, or, for a server of one's own, that server.
    fn is_log_host(&self, url: &Url) -> bool {
        let own = self.base.host_str().unwrap_or_default();
        let hosted = own == "api.github.com" || own.ends_with(".ghe.com");
        let host = url.host_str().unwrap_or_default();
        let in_store = url.scheme() == "https" && LOG_HOSTS.iter().any(|end| host.ends_with(end));
        (hosted && in_store) || self.is_download_host(url)
    }
}

/// What was read of a failed check, its log as bytes.
#[derive(Default)]
struct Said {
    annotations: Vec<Annotation>,
    log: Vec<u8>,
    not_read: Vec<String>,
}

#[derive(Deserialize)]
struct WireAnnotation {
    path: Option<String>,
    start_line: Option<u64>,
    annotation_level: Option<String>,
    title: Option<String>,
    message: Option<String>,
}

fn annotation(said: WireAnnotation) -> Annotation {
    let (title, message) = (said.title.unwrap_or_default(), said.message.unwrap_or_default());
    Annotation {
        path: one_line(&said.path.unwrap_or_default(), PATH_CHARS),
        line: said.start_line,
        level: match said.annotation_level.as_deref() {
            Some("failure") => AnnotationLevel::Failure,
            Some("warning") => AnnotationLevel::Warning,
            _ => AnnotationLevel::Notice,
        },
        message: multi_line(format!("{title}\n{message}").trim(), MESSAGE_CHARS),
    }
}
