//! Files that no fix touches, whatever the model thinks of it: what builds, deploys and guards the
//! project, what names its dependencies, its data's shape and its secrets, and what others wrote.

use super::reviewed::Reviewed;
use crate::syntax::Language;
use autofix_domain::reason::{Reason, ReasonCode};

/// Folders, at any depth. Hidden folders (`.github`, `.circleci`, `.orchestrator`, …) are all out.
const FOLDERS: &[(&str, &str)] = &[
    ("database migrations", "migrations alembic migrate"),
    ("deployment", "k8s kubernetes helm charts terraform ansible infra infrastructure"),
    ("other people's code", "node_modules site-packages vendor third_party"),
    ("built files", "dist __pycache__"),
    ("dependencies", "requirements"),
];

/// Whole file names, in lower case.
const NAMES: &[(&str, &str)] = &[
    (
        "continuous integration",
        "\
        jenkinsfile appveyor.yml bitbucket-pipelines.yml cloudbuild.yaml codecov.yml",
    ),
    (
        "deployment",
        "\
        procfile fly.toml railway.json railway.toml vercel.json netlify.toml render.yaml app.yaml \
        serverless.yml serverless.yaml template.yaml template.yml samconfig.toml cdk.json makefile \
        justfile vagrantfile caddyfile containerfile nginx.conf chart.yaml skaffold.yaml \
        gunicorn.conf.py",
    ),
    (
        "dependencies",
        "\
        pyproject.toml setup.py setup.cfg tox.ini noxfile.py pipfile pipfile.lock poetry.lock \
        uv.lock pdm.lock environment.yml package.json package-lock.json npm-shrinkwrap.json \
        yarn.lock pnpm-lock.yaml pnpm-workspace.yaml bun.lock bun.lockb deno.json deno.lock \
        cargo.toml cargo.lock build.rs go.mod go.sum go.work go.work.sum gemfile gemfile.lock \
        composer.json composer.lock pom.xml build.gradle build.gradle.kts settings.gradle lerna.json \
        nx.json turbo.json sitecustomize.py usercustomize.py",
    ),
    ("database migrations", "alembic.ini schema.prisma schema.rb"),
    (
        "secrets",
        "\
        id_rsa id_dsa id_ecdsa id_ed25519 secrets.yml secrets.yaml secrets.json secrets.toml \
        credentials credentials.json",
    ),
    ("who decides over the code", "codeowners owners claude.md agents.md license security.md"),
];

/// Ends of file names, in lower case.
const ENDINGS: &[(&str, &str)] = &[
    ("deployment", ".dockerfile .tf .tfvars .hcl .service"),
    ("database migrations", ".sql"),
    ("secrets", ".pem .key .p12 .pfx .jks .kdbx .crt"),
    ("dependencies", ".pth .lock .gemspec .csproj"),
    ("built files", ".min.js .map _pb2.py _pb2_grpc.py .pb.go"),
];

/// Starts of file names, in lower case.
const STARTS: &[(&str, &str)] = &[
    ("deployment", "dockerfile docker-compose compose. kustomization."),
    ("continuous integration", "azure-pipelines jenkinsfile."),
    ("secrets", "env."),
    ("dependencies", "tsconfig"),
];

/// `*.config.js` and its kin run while the project is built.
const BUILD_CONFIGURATION: &[&str] =
    &[".config.js", ".config.cjs", ".config.mjs", ".config.ts", ".config.mts"];

pub(super) fn forbidden_path(file: &Reviewed<'_>) -> Option<Reason> {
    let path = file.path();
    why_forbidden(path).map(|why| {
        let detail = format!("`{path}` belongs to {why}, which only people change.");
        Reason::new(ReasonCode::ForbiddenPath, detail)
    })
}

/// What a forbidden path belongs to. Case is ignored, since some file systems ignore it.
fn why_forbidden(path: &str) -> Option<&'static str> {
    let path = path.to_lowercase().replace('\\', "/");
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", &path));
    if path.split('/').any(|part| part.starts_with('.') && part != "." && part != "..") {
        return Some("the hidden files of the repository");
    }
    let why = |table: &'static [(&'static str, &'static str)], is_it: &dyn Fn(&str) -> bool| {
        table.iter().find(|(_, words)| words.split_ascii_whitespace().any(is_it)).map(|(why, _)| *why)
    };
    let by_folder = folders
        .split('/')
        .find_map(|folder| why(FOLDERS, &|one| one == folder))
        // Source code in a folder `charts` draws them; Helm's charts are templates.
        .filter(|_| !folders.ends_with("charts") || Language::of_path(&path).is_none());
    by_folder
        .or_else(|| why(NAMES, &|one| one == name))
        .or_else(|| why(STARTS, &|start| name.starts_with(start)))
        .or_else(|| why(ENDINGS, &|end| name.ends_with(end)))
        .or_else(|| is_requirements(name).then_some("dependencies"))
        .or_else(|| BUILD_CONFIGURATION.iter().any(|end| name.ends_with(end)).then_some("the build"))
}

/// `requirements.txt`, `requirements-dev.in`, `dev-requirements.txt`, `constraints.txt`.
fn is_requirements(name: &str) -> bool {
    (name.contains("requirements") || name.starts_with("constraints"))
        && (name.ends_with(".txt") || name.ends_with(".in"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_deploys_and_guards_is_forbidden() {
        let forbidden = "\
            .github/workflows/ci.yml deploy/charts/values.yaml backend/.GitHub/x.yml .gitlab-ci.yml \
            .circleci/config.yml Jenkinsfile Dockerfile deploy/Dockerfile.prod \
            docker-compose.override.yml compose.yaml k8s/app.yaml infra/main.tf helm/values.yaml \
            pyproject.toml backend/requirements-dev.txt requirements/base.txt package.json \
            web/package-lock.json Cargo.toml go.mod go.sum uv.lock a.lock \
            backend/alembic/versions/1.py app/migrations/0001_initial.py db/init.sql .env .env.local \
            env.production certs/server.pem id_rsa CODEOWNERS .orchestrator/autofix.yaml CLAUDE.md \
            vite.config.ts setup.py node_modules/x/index.js .git/config Makefile api_pb2.py .npmrc";
        for path in forbidden.split_ascii_whitespace() {
            assert!(why_forbidden(path).is_some(), "{path}");
        }
    }

    #[test]
    fn ordinary_source_is_not_forbidden() {
        let ordinary = "\
            backend/bookshop/labels.py src/environment.py web/src/App.tsx cmd/server/main.go \
            app/compose_mail.py src/license_plates.py src/migrate_orders.py docs/requirements.md \
            src/keyboard.ts locks/door_lock.py";
        for path in ordinary.split_ascii_whitespace() {
            assert_eq!(why_forbidden(path), None, "{path}");
        }
    }
}
