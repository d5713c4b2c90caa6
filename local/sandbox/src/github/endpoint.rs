//! The way in: what every request must carry, and which endpoint it is for.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, Response, Uri};
use axum::routing::any;

use super::credentials::{Account, Holder, Visitor, need_of};
use super::wire::{Answer, Call, Outcome, Refusal};
use super::world::{Repository, World};
use super::{
    CLASSIC_TOKEN, SharedWorld, TOKEN, TOKEN_LOGIN, actions, app, checks, commits, contents, conversation,
    deployments, git_data, graphql, lock, merging, protection, pull_shapes, pulls, queueing, tarball,
};

/// The API versions that exist. A request without one gets the older.
const API_VERSIONS: [&str; 2] = ["2026-03-10", "2022-11-28"];

/// The media types that the fake can write.
const MEDIA_TYPES: [&str; 6] = [
    "*/*",
    "application/json",
    "application/vnd.github+json",
    "application/vnd.github.raw+json",
    "application/vnd.github.raw",
    "application/vnd.github.v3.raw",
];

pub(super) fn api(world: SharedWorld) -> Router {
    Router::new().route("/{*path}", any(answer_api)).with_state(world)
}

pub(super) fn downloads(world: SharedWorld) -> Router {
    Router::new().route("/{owner}/{name}/{kind}/{*what}", any(answer_download)).with_state(world)
}

async fn answer_api(
    State(world): State<SharedWorld>,
    Path(path): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let mut call = Call { method, path, uri, headers, body, visitor: None };
    apart(move || {
        let mut world = lock(&world);
        world.requests += 1;
        let now = world.clock.now();
        let answer = world.quota.take(now).and_then(|()| admit(&world, &mut call));
        let answer = answer.and_then(|()| route(&mut world, &call)).unwrap_or_else(Refusal::into_answer);
        let request_id = format!("SAND:{:06X}", world.requests);
        world.quota.told_with(answer).with_header("x-github-request-id", request_id)
    })
    .await
}

async fn answer_download(
    State(world): State<SharedWorld>,
    Path((owner, name, kind, what)): Path<(String, String, String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response<Body> {
    let call = Call { method, path: what, uri, headers, body: Bytes::new(), visitor: None };
    apart(move || {
        let mut world = lock(&world);
        let answer = match world.repository(&format!("{owner}/{name}")) {
            Some(repository) => {
                tarball::admit(repository, &call).and_then(|()| match (call.method.as_str(), kind.as_str()) {
                    ("GET", "legacy.tar.gz") => tarball::download(repository, &call),
                    ("GET", "job-logs") => actions::log(repository, &call.path),
                    _ => unknown(&call),
                })
            }
            None => Err(Refusal::not_found()),
        };
        answer.unwrap_or_else(Refusal::into_answer)
    })
    .await
}

/// Git blocks; the server should go on meanwhile.
async fn apart(work: impl FnOnce() -> Answer + Send + 'static) -> Response<Body> {
    let answer = tokio::task::spawn_blocking(work).await;
    answer.unwrap_or_else(|e| Refusal::new(500, &e.to_string()).into_answer()).into_response()
}

fn admit(world: &World, call: &mut Call) -> Result<(), Refusal> {
    if call.method == Method::GET && is_page_for_people(&call.path) {
        return Ok(());
    }
    if call.header("user-agent").is_none_or(str::is_empty) {
        let message = "Request forbidden by administrative rules. \
                       Please make sure your request has a User-Agent header";
        return Err(Refusal::new(403, message));
    }
    let version = call.header("x-github-api-version").unwrap_or(API_VERSIONS[1]);
    if !API_VERSIONS.contains(&version) {
        return Err(Refusal::new(400, &format!("{version} is not a supported version of the REST API.")));
    }
    call.visitor = visitor(world, call.header("authorization"));
    let accept = call.header("accept").unwrap_or("*/*");
    if !accept.split(',').any(|one| MEDIA_TYPES.contains(&one.trim())) {
        return Err(Refusal::not_understood(&format!("the media type `{accept}`")));
    }
    Ok(())
}

/// Who a credential speaks for. What an App signed speaks for nobody: only the App's endpoints take it.
fn visitor(world: &World, authorization: Option<&str>) -> Option<Visitor> {
    let token = authorization?.strip_prefix("Bearer ")?;
    let holder = match token {
        TOKEN => Holder::FineGrainedToken,
        CLASSIC_TOKEN => Holder::ClassicToken,
        token => return world.installation_with(token),
    };
    let grants = world.grants.get(&holder).cloned().unwrap_or_default();
    Some(Visitor { holder, account: Account::user(TOKEN_LOGIN), grants, repositories: None })
}

fn is_page_for_people(path: &str) -> bool {
    matches!(path.split('/').collect::<Vec<_>>()[..], [owner, _, "pull" | "commit", _] if owner != "repos")
}

fn route(world: &mut World, call: &Call) -> Outcome {
    let path: Vec<&str> = call.path.split('/').collect();
    if let Some(answer) = app::route(world, call, &path) {
        return answer;
    }
    match (call.method.as_str(), path.as_slice()) {
        ("POST", ["graphql"]) => graphql::answer(world, call),
        (_, ["repos", owner, name, rest @ ..]) => {
            let visitor = call.visitor()?;
            let full_name = format!("{owner}/{name}");
            if world.new_name(&full_name).is_some() {
                let status = if call.method == Method::GET { 301 } else { 307 };
                return Err(Refusal::moved(status, format!("{}/repositories/0", world.api_url())));
            }
            let repository = world.repository(&full_name).filter(|_| visitor.sees(&full_name));
            let repository = repository.ok_or_else(Refusal::not_found)?;
            visitor.require(need_of(call.method.as_str(), rest))?;
            queueing::settle(repository)?;
            let answer = route_repository(repository, call, rest);
            queueing::settle(repository)?;
            answer
        }
        ("GET", [owner, name, kind @ ("pull" | "commit"), id]) => {
            let repository = world.repository(&format!("{owner}/{name}")).ok_or_else(Refusal::not_found)?;
            repository.notice_pushes()?;
            pull_shapes::page_for_people(repository, kind, id)
        }
        _ => unknown(call),
    }
}

fn unknown(call: &Call) -> Outcome {
    Err(Refusal::not_understood(&format!("{} {}", call.method, call.uri.path())))
}

#[rustfmt::skip]
fn route_repository(repo: &mut Repository, call: &Call, path: &[&str]) -> Outcome {
    match (call.method.as_str(), path) {
        ("GET", []) => contents::repository(repo),
        ("GET", ["contents", path @ ..]) => contents::contents(repo, call, &path.join("/")),
        ("GET", ["tarball", revision @ ..]) => tarball::redirect(repo, call, &revision.join("/")),

        ("GET", ["git", "ref", name @ ..]) => git_data::reference(repo, &name.join("/")),
        ("POST", ["git", "refs"]) => git_data::create_reference(repo, call),
        ("POST", ["git", "trees"]) => git_data::create_tree(repo, call),
        ("GET", ["git", "trees", name @ ..]) => git_data::tree(repo, call, &name.join("/")),
        ("POST", ["git", "commits"]) => git_data::create_commit(repo, call),
        ("GET", ["git", "commits", sha]) => git_data::commit(repo, sha),

        ("GET", ["branches", branch @ ..]) => commits::branch(repo, &branch.join("/")),
        ("GET", ["rules", "branches", branch @ ..]) => protection::rules(repo, call, &branch.join("/")),
        ("GET", ["compare", range @ ..]) => commits::compare(repo, call, &range.join("/")),
        ("GET", ["commits"]) => commits::list(repo, call),
        ("GET", ["commits", name @ .., "check-runs"]) => checks::check_runs(repo, call, &name.join("/")),
        ("GET", ["commits", name @ .., "status"]) => checks::combined_status(repo, call, &name.join("/")),
        ("GET", ["commits", name @ ..]) => commits::one(repo, &name.join("/")),
        ("GET", ["check-runs", id, "annotations"]) => checks::annotations(repo, call, id),
        ("GET", ["actions", "runs"]) => actions::runs(repo, call),
        ("GET", ["actions", "runs", id, "jobs"]) => actions::jobs(repo, call, id),
        ("GET", ["actions", "jobs", id, "logs"]) => actions::log_redirect(repo, call, id),
        ("GET", ["deployments"]) => deployments::list(repo, call),
        ("GET", ["deployments", id, "statuses"]) => deployments::statuses(repo, call, id),

        ("POST", ["pulls"]) => pulls::open(repo, call),
        ("GET", ["pulls"]) => pulls::list(repo, call),
        ("GET", ["pulls", number]) => pulls::one(repo, number),
        ("PATCH", ["pulls", number]) => pulls::change(repo, call, number),
        ("PUT", ["pulls", number, "merge"]) => merging::merge(repo, call, number),
        ("GET", ["pulls", number, "reviews"]) => conversation::reviews(repo, call, number),
        ("GET", ["pulls", number, "comments"]) => conversation::review_comments(repo, call, number),
        ("POST", ["pulls", number, "requested_reviewers"]) => conversation::ask_reviewers(repo, call, number),
        ("POST", ["issues", number, "labels"]) => conversation::add_labels(repo, call, number),
        ("GET", ["issues", number, "comments"]) => conversation::comments(repo, call, number),
        _ => unknown(call),
    }
}
