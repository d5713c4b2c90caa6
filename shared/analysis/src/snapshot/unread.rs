//! Which files are only listed, never read, by their path alone.
//!
//! Other people's code is not ours to fix and drowns searches; credentials must not reach a model, a
//! log or a pull request. What is never in memory cannot leak, so the decision stands here, before
//! the content is read, and not in each of its readers.

use crate::names::has;
use crate::repo_path::RepoPath;

/// Folders that package managers fill. `dist`, `build` and `vendor` are not among them: they are
/// also ordinary names of a team's own packages, and what a tool built there is kept out by size.
const VENDORED_FOLDERS: &str = "\
    node_modules bower_components site-packages dist-packages __pycache__ .venv venv .tox .yarn";

/// Whole names of files that hold credentials by convention, lower case.
const SECRET_NAMES: &str = "\
    .env .envrc .netrc _netrc .npmrc .pypirc .pgpass .htpasswd .git-credentials .dockercfg \
    credentials credentials.json credentials.yml.enc secrets.json secrets.yml secrets.yaml \
    secrets.toml id_rsa id_dsa id_ecdsa id_ed25519 master.key";

/// Extensions of key files, key stores, and of infrastructure state that embeds credentials.
const SECRET_EXTENSIONS: &str = "\
    pem key p12 pfx jks keystore kdbx ppk ovpn tfstate tfvars gpg";

/// Endings of `.env.…` files that hold placeholders for people to fill in.
const ENV_TEMPLATES: &str = "\
    example sample template dist defaults";

/// Whether a folder of this name holds other people's code.
pub fn is_vendored_folder(name: &str) -> bool {
    has(VENDORED_FOLDERS, name)
}

/// Whether the file stands in a folder of other people's code.
pub fn is_vendored(path: &RepoPath) -> bool {
    path.segments().rev().skip(1).any(is_vendored_folder)
}

/// Whether the file's name says that it holds credentials.
pub fn is_secret(path: &RepoPath) -> bool {
    let name = path.file_name().to_lowercase();
    if let Some(kind) = name.strip_prefix(".env.") {
        return !kind.rsplit('.').next().is_some_and(|last| has(ENV_TEMPLATES, last));
    }
    has(SECRET_NAMES, &name)
        || (name.starts_with("service-account") && name.ends_with(".json"))
        || name.rsplit_once('.').is_some_and(|(_, extension)| has(SECRET_EXTENSIONS, extension))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        RepoPath::parse(text).expect("a good path")
    }

    #[test]
    fn files_that_hold_credentials_are_known_by_name() {
        let all = "\
            .env backend/.env .env.production .ENV x/server.pem x/tls.KEY home/.ssh/id_rsa \
            .aws/credentials config/master.key service-account-prod.json infra/terraform.tfstate";
        for text in all.split_ascii_whitespace() {
            assert!(is_secret(&path(text)), "{text}");
        }
        let all = "\
            .env.example .env.local.sample app/credentials.py app/secrets.py env.py keys.ts \
            id_rsa.pub app/key environment.yml";
        for text in all.split_ascii_whitespace() {
            assert!(!is_secret(&path(text)), "{text}");
        }
    }

    #[test]
    fn only_folders_make_a_file_vendored() {
        assert!(is_vendored(&path("web/node_modules/x/index.js")));
        assert!(is_vendored(&path(".venv/bin/x")));
        assert!(!is_vendored(&path("scripts/venv")));
        assert!(!is_vendored(&path("app/vendor/models.py")));
    }
}
