//! The files that a pull request changes: the one with the fix, and the one with the regression test, with it and without.

use autofix::analysis::edits::{self, Edit};
use autofix::attempt::{Attempt, Event, Fix, RegressionTest, TestPlace};
use autofix::outbound::ServiceError;
use autofix::reason::ReasonCode;
use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::happened::Early;

/// The file with the fix in it. An attempt ends whose file is another one on GitHub than in the snapshot.
pub(super) async fn after_the_edits(
    context: &Context<'_>,
    attempt: &Attempt,
    fix: &Fix,
) -> Result<String, Early> {
    let file = context.worker.github.file(&attempt.target.repo, &fix.file_path, &fix.base_sha).await?;
    let before = file.and_then(|bytes| String::from_utf8(bytes).ok());
    let same = before.filter(|text| hex::encode(Sha256::digest(text)) == fix.before_sha256);
    same.and_then(|text| edits::apply(&text, &Edit::all_of(fix)).ok()).ok_or_else(|| {
        let sentence =
            format!("`{}` at `{}` is not the file that was analysed.", fix.file_path, fix.base_sha);
        Event::failed(ReasonCode::SnapshotUnreadable, sentence).into()
    })
}

/// The file with the test in it, on a base. `None` where the file is another one there than the one that was read.
pub(super) async fn with_the_test(
    context: &Context<'_>,
    attempt: &Attempt,
    test: &RegressionTest,
    base_sha: &str,
) -> Result<Option<String>, ServiceError> {
    let file = context.worker.github.file(&attempt.target.repo, &test.file_path, base_sha).await?;
    Ok(match (&test.place, file) {
        (TestPlace::NewFile, None) => Some(test.code.clone()),
        (TestPlace::EndOfFile { before_sha256 }, Some(bytes))
            if hex::encode(Sha256::digest(&bytes)) == *before_sha256 =>
        {
            String::from_utf8(bytes).ok().map(|before| format!("{}\n\n\n{}", before.trim_end(), test.code))
        }
        (TestPlace::NewFile, Some(_)) | (TestPlace::EndOfFile { .. }, _) => None,
    })
}

/// The file as it is without the test. `None`: there is none.
pub(super) async fn without_the_test(
    context: &Context<'_>,
    attempt: &Attempt,
    test: &RegressionTest,
    base_sha: &str,
) -> Result<Option<String>, ServiceError> {
    let file = context.worker.github.file(&attempt.target.repo, &test.file_path, base_sha).await?;
    Ok(file.and_then(|bytes| String::from_utf8(bytes).ok()))
}
