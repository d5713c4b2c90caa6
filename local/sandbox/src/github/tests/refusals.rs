use super::super::super::service::Fault;
use super::*;

#[tokio::test]
async fn a_request_without_the_token_is_unauthorized() {
    let at = Fixture::new("token").await;
    let url = format!("{}/repos/{REPOSITORY}", at.github.url());
    let none = read(at.http.get(&url).header("user-agent", "autofix-tests")).await;
    let wrong = read(at.http.get(&url).header("user-agent", "autofix-tests").bearer_auth("another")).await;
    assert_eq!((none.status, wrong.status), (401, 401));
    assert_eq!(wrong.json["message"], "Bad credentials");
    assert_eq!(wrong.json["status"], "401");
}

#[tokio::test]
async fn a_request_must_name_its_agent_and_a_version_that_exists() {
    let at = Fixture::new("agent").await;
    let url = format!("{}/repos/{REPOSITORY}", at.github.url());
    assert_eq!(read(at.http.get(&url).bearer_auth(TOKEN)).await.status, 403);
    let versioned = |version| {
        let named = at.http.get(&url).bearer_auth(TOKEN).header("user-agent", "autofix-tests");
        read(named.header("x-github-api-version", version))
    };
    assert_eq!(versioned("2022-11-28").await.status, 200);
    assert_eq!(versioned("2026-03-10").await.status, 200);
    assert_eq!(versioned("2025-01-01").await.status, 400);
}

#[tokio::test]
async fn a_key_that_github_does_not_document_is_refused() {
    let at = Fixture::new("keys").await;
    at.pull_request("fix", "hi").await;
    let cases = [
        (Method::POST, "/pulls", json!({ "title": "t", "head": "fix", "base": "main", "labels": [] })),
        (Method::POST, "/git/refs", json!({ "ref": "refs/heads/x", "sha": "0", "force": true })),
        (Method::POST, "/git/trees", json!({ "tree": [{ "path": "a", "mode": "100644", "text": "" }] })),
        (Method::PATCH, "/pulls/1", json!({ "draft": false })),
        (Method::PUT, "/pulls/1/merge", json!({ "method": "squash" })),
        (Method::PUT, "/pulls/1/merge", json!({ "merge_method": "fast" })),
        (Method::POST, "/pulls", json!({ "title": "t", "head": "fix" })),
    ];
    for (method, path, body) in cases {
        let refused = at.send(method, path, body.clone()).await;
        assert_eq!(refused.status, 422, "{path} {body}: {}", refused.json);
    }
}

#[tokio::test]
async fn a_pull_request_that_cannot_be_opened_is_refused_with_the_reason() {
    let at = Fixture::new("pulls").await;
    at.pull_request("fix", "hi").await;
    let open =
        |head: &str, base: &str| at.post("/pulls", json!({ "title": "t", "head": head, "base": base }));
    let twice = open("acme:fix", "main").await;
    assert_eq!(twice.status, 422);
    assert_eq!(twice.json["errors"][0]["message"], "A pull request already exists for acme:fix.");
    let nothing = open("main", "main").await;
    assert_eq!(nothing.json["errors"][0]["message"], "No commits between main and main");
    let no_head = open("nowhere", "main").await;
    assert_eq!((&no_head.json["errors"][0]["field"], no_head.status), (&json!("head"), 422));
    let no_base = open("fix", "nowhere").await;
    assert_eq!((&no_base.json["errors"][0]["field"], no_base.status), (&json!("base"), 422));
    let long = at.post("/pulls", json!({ "title": "t".repeat(257), "head": "fix", "base": "main" })).await;
    assert_eq!(long.status, 422);
    assert_eq!(at.github.open_pull_requests(REPOSITORY).unwrap().len(), 1);
}

#[tokio::test]
async fn references_are_made_once_and_moved_forward_only() {
    let at = Fixture::new("refs").await;
    let main = at.main().await;
    let next = at.commit_greeting("hi", &main).await;
    let make = |sha: &str| at.post("/git/refs", json!({ "ref": "refs/heads/a/b", "sha": sha }));
    assert_eq!(make(&next).await.status, 201);
    let again = make(&next).await;
    assert_eq!((again.status, &again.json["message"]), (422, &json!("Reference already exists")));
    let back = at.send(Method::PATCH, "/git/refs/heads/a/b", json!({ "sha": main })).await;
    assert_eq!((back.status, &back.json["message"]), (422, &json!("Update is not a fast forward")));
    let forced = at.send(Method::PATCH, "/git/refs/heads/a%2Fb", json!({ "sha": main, "force": true })).await;
    assert_eq!(forced.json["object"]["sha"], json!(main));
    assert_eq!(at.send(Method::DELETE, "/git/refs/heads/a/b", json!({})).await.status, 204);
    let gone = at.send(Method::DELETE, "/git/refs/heads/a/b", json!({})).await;
    assert_eq!((gone.status, &gone.json["message"]), (422, &json!("Reference does not exist")));
    assert_eq!(at.get("/git/ref/heads/a/b").await.status, 404);
}

#[tokio::test]
async fn a_tree_without_a_base_has_only_what_it_names() {
    let at = Fixture::new("trees").await;
    let entry = json!({ "path": "a/b.txt", "mode": "100644", "type": "blob", "content": "b" });
    let alone = at.post("/git/trees", json!({ "tree": [entry] })).await.sha();
    let listed = at.get(&format!("/git/trees/{alone}?recursive=1")).await.json;
    let paths: Vec<&Value> = listed["tree"].as_array().unwrap().iter().map(|entry| &entry["path"]).collect();
    assert_eq!(paths, [&json!("a"), &json!("a/b.txt")]);

    let delete =
        |path: &str| json!({ "base_tree": alone, "tree": [{ "path": path, "mode": "100644", "sha": null }] });
    assert_eq!(at.post("/git/trees", delete("nothing.txt")).await.status, 422);
    let emptied = at.post("/git/trees", delete("a/b.txt")).await;
    assert_eq!((emptied.status, &emptied.json["tree"]), (201, &json!([])));
    let climbing = json!({ "tree": [{ "path": "../x", "mode": "100644", "content": "" }] });
    assert_eq!(at.post("/git/trees", climbing).await.status, 422);
    let bad_base = json!({ "base_tree": "0".repeat(40), "tree": [] });
    assert_eq!(at.post("/git/trees", bad_base).await.status, 404);
}

#[tokio::test]
async fn what_is_not_understood_is_remembered() {
    let at = Fixture::new("unknown").await;
    assert_eq!(at.get("/pulls/1/reviewers").await.status, 501);
    assert_eq!(at.get("/pulls?author=ada").await.status, 501);
    let unknown = at.github.service().unknown();
    assert_eq!(unknown.len(), 2, "{unknown:?}");
    assert!(unknown[1].ends_with("/pulls?author=ada"), "{unknown:?}");
    let elsewhere = format!("{}/repos/acme/nothing", at.github.url());
    let missing = read(at.http.get(elsewhere).bearer_auth(TOKEN).header("user-agent", "autofix-tests")).await;
    assert_eq!((missing.status, &missing.json["message"]), (404, &json!("Not Found")));
}

#[tokio::test]
async fn an_answer_that_is_lost_leaves_what_was_done() {
    let at = Fixture::new("lost").await;
    let head = at.pull_request("fix", "hi").await;
    at.github.service().fail_next(Method::PUT, "/merge", Fault::BreakAfter);
    let lost = at.request(Method::PUT, "/pulls/1/merge").json(&json!({ "sha": head })).send().await;
    assert!(match lost {
        Ok(answer) => answer.bytes().await.is_err(),
        Err(_) => true,
    });
    assert_eq!(at.get("/pulls/1").await.json["merged"], true);
}
