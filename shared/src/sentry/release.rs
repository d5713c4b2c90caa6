//! Which commit was deployed, as far as a release tells.

use super::wire::{Leaf, leaves};
use crate::incident::Release;

/// A release as webhooks (a string) and the REST API (an object) give it.
pub(super) fn read(release: Leaf<'_>) -> Option<Release> {
    if !release.is_object() {
        return of_version(&release.name()?);
    }
    let wire: WireRelease<'_> = release.read();
    let version = wire.version.name()?;
    let last_commit = wire.last_commit.read::<WireCommit<'_>>().id;
    let build_hash = wire.version_info.read::<VersionInfo<'_>>().build_hash;
    let told = [last_commit, wire.reference, build_hash].into_iter();
    let commit = told.filter_map(Leaf::name).find_map(|text| commit(&text)).or_else(|| commit_in(&version));
    Some(Release { version, commit })
}

/// A release as the REST API answers it alone.
pub(super) fn of_rest(body: &[u8]) -> Option<Release> {
    read(serde_json::from_slice(body).ok()?)
}

/// A release of which only the version is known.
pub(super) fn of_version(version: &str) -> Option<Release> {
    Some(Release { version: version.to_owned(), commit: commit_in(version) })
}

/// The commit in a version such as `bookshop@1.2.3+4f2d9ab` or `4f2d9ab…`.
fn commit_in(version: &str) -> Option<String> {
    let after = |mark| version.rsplit_once(mark).and_then(|(_, text)| commit(text));
    after('+').or_else(|| after('@')).or_else(|| commit(version))
}

/// 7 to 40 hex digits, in lower case. Digits alone are a date or a build number unless there are
/// 40 of them: one short hash in thirty has no letter, but most such texts are no hash.
fn commit(text: &str) -> Option<String> {
    let hex = (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_letter = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    (hex && (has_letter || text.len() == 40)).then(|| text.to_ascii_lowercase())
}

leaves! {
    struct WireRelease {
        version, reference = "ref", last_commit = "lastCommit", version_info = "versionInfo",
    }
}

leaves! {
    struct WireCommit { id }
}

leaves! {
    struct VersionInfo { build_hash = "buildHash" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, version: &str, commit: Option<&str>) {
        let found = read(serde_json::from_str(json).expect("JSON")).expect("a release");
        assert_eq!((found.version.as_str(), found.commit.as_deref()), (version, commit), "{json}");
    }

    #[test]
    fn the_commit_is_looked_for_in_the_order_of_trust() {
        check(r#""shop@1.2.3""#, "shop@1.2.3", None);
        check(r#""shop@1.2.3+4F2D9ab""#, "shop@1.2.3+4F2D9ab", Some("4f2d9ab"));
        check(r#""shop@4f2d9ab0""#, "shop@4f2d9ab0", Some("4f2d9ab0"));
        check(r#""4f2d9ab""#, "4f2d9ab", Some("4f2d9ab"));
        check(r#""shop@20260401""#, "shop@20260401", None);
        check(
            r#"{"version": "v1", "ref": "main", "lastCommit": {"id": "aaaaaaa1"}}"#,
            "v1",
            Some("aaaaaaa1"),
        );
        check(
            r#"{"version": "v1+ccccccc3", "ref": "bbbbbbb2", "lastCommit": null}"#,
            "v1+ccccccc3",
            Some("bbbbbbb2"),
        );
        check(
            r#"{"version": "v1", "ref": "main", "versionInfo": {"buildHash": "ddddddd4"}}"#,
            "v1",
            Some("ddddddd4"),
        );
        check(r#"{"version": "eeeeeee5", "ref": null, "lastCommit": []}"#, "eeeeeee5", Some("eeeeeee5"));
    }

    #[test]
    fn a_release_without_a_version_is_none() {
        for json in ["null", "\"\"", "{}", "[]", r#"{"version": {}}"#] {
            assert_eq!(read(serde_json::from_str(json).expect("JSON")), None, "{json}");
        }
    }
}
