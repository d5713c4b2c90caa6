//! The file that a fix edits, as it is after the fix.

use autofix::analysis::edits::{self, Edit};
use autofix::attempt::{Attempt, Event, Fix};
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
