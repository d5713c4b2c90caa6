//! The files that a pull request changes: the one with the fix, and the one with the regression test, with it and without.

use std::string::FromUtf8Error;

use autofix::analysis::edits::{self, Edit};
use autofix::attempt::{Attempt, Event, Fix, RegressionTest, TestPlace};
use autofix::outbound::ServiceError;
use autofix::reason::ReasonCode;
use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::happened::Early;

/// A file at a commit: `None` where there is none, an error where it is not UTF-8.
async fn text_at(
    context: &Context<'_>,
    attempt: &Attempt,
    path: &str,
    sha: &str,
) -> Result<Option<Result<String, FromUtf8Error>>, ServiceError> {
    let file = context.worker.github.file(&attempt.target.repo, path, sha).await?;
    Ok(file.map(String::from_utf8))
}

fn is(text: &str, sha256: &str) -> bool {
    hex::encode(Sha256::digest(text)) == sha256
}

/// The file with the fix in it. An attempt ends whose file is another one on GitHub than in the snapshot.
pub(super) async fn after_the_edits(
    context: &Context<'_>,
    attempt: &Attempt,
    fix: &Fix,
) -> Result<String, Early> {
    let after = match text_at(context, attempt, &fix.file_path, &fix.base_sha).await? {
        Some(Ok(before)) if is(&before, &fix.before_sha256) => edits::apply(&before, &Edit::all_of(fix)).ok(),
        _ => None,
    };
    after.ok_or_else(|| {
        let sentence =
            format!("`{}` at `{}` is not the file that was analysed.", fix.file_path, fix.base_sha);
        Event::failed(ReasonCode::SnapshotUnreadable, sentence).into()
    })
}

/// The file with the test in it, on a base. `None` where the file is another one there than the one that the test was
/// written for.
pub(super) async fn with_the_test(
    context: &Context<'_>,
    attempt: &Attempt,
    test: &RegressionTest,
    base_sha: &str,
) -> Result<Option<String>, ServiceError> {
    let file = text_at(context, attempt, &test.file_path, base_sha).await?;
    Ok(match (&test.place, file) {
        (TestPlace::NewFile, None) => Some(test.code.clone()),
        (TestPlace::EndOfFile { before_sha256 }, Some(Ok(before))) if is(&before, before_sha256) => {
            Some(format!("{}\n\n\n{}", before.trim_end(), test.code))
        }
        (TestPlace::NewFile, Some(_)) | (TestPlace::EndOfFile { .. }, _) => None,
    })
}

/// The file as it has to be once the test is off the branch: whatever it is on a base. `None`: there is none.
pub(super) async fn without_the_test(
    context: &Context<'_>,
    attempt: &Attempt,
    test: &RegressionTest,
    base_sha: &str,
) -> Result<Option<String>, Early> {
    let file = text_at(context, attempt, &test.file_path, base_sha).await?;
    file.transpose().map_err(|_| {
        let sentence = format!("`{}` at `{base_sha}` is not UTF-8 any more.", test.file_path);
        Event::failed(ReasonCode::SnapshotUnreadable, sentence).into()
    })
}
