use super::super::{CheckRun, Conclusion, Heads, PullState, Status, StatusState};
use super::*;

#[tokio::test]
async fn a_fix_goes_from_a_blob_to_a_merge_that_git_can_show() {
    let at = Fixture::new("flow").await;
    let base = at.main().await;
    let head = at.pull_request("autofix/1a2b", "good morning").await;

    let files = at.get("/pulls/1/files").await.json;
    assert_eq!(files[0]["filename"], FILE);
    assert_eq!((&files[0]["additions"], &files[0]["deletions"]), (&json!(1), &json!(1)));
    assert_eq!(
        files[0]["patch"],
        "@@ -1,2 +1,2 @@\n def greet():\n-    return 'hello'\n+    return 'good morning'"
    );
    let compare = at.get("/compare/main...autofix%2F1a2b").await.json;
    assert_eq!((&compare["status"], &compare["ahead_by"]), (&json!("ahead"), &json!(1)));
    assert_eq!(compare["files"], files);
    assert_eq!(at.get("/branches/autofix/1a2b").await.json["commit"]["sha"], json!(head));

    let merged =
        at.send(Method::PUT, "/pulls/1/merge", json!({ "sha": head, "merge_method": "merge" })).await;
    assert_eq!((merged.status, &merged.json["merged"]), (200, &json!(true)));
    assert_eq!(at.get("/pulls/1/merge").await.status, 204);

    let log = at.github.log(REPOSITORY, "main").unwrap();
    let messages: Vec<&str> = log.iter().map(|(_, message)| message.as_str()).collect();
    let merge_message = "Merge pull request #1 from acme/autofix/1a2b\n\nFix the greeting";
    assert_eq!(messages, [merge_message, "Say good morning", "Say hello"]);
    assert_eq!(log[0].0, merged.sha());
    assert_eq!((log[1].0.as_str(), log[2].0.as_str()), (head.as_str(), base.as_str()));
    let file = at.github.file_at(REPOSITORY, "main", FILE).unwrap().unwrap();
    assert_eq!(file, b"def greet():\n    return 'good morning'\n");
    let view = at.github.pull_request(REPOSITORY, 1).unwrap();
    assert_eq!(view.state, PullState::Merged { sha: merged.sha() });
    assert_eq!(at.github.service().unknown(), Vec::<String>::new());
}

#[tokio::test]
async fn the_same_commit_made_twice_has_the_same_sha() {
    let at = Fixture::new("same").await;
    let main = at.main().await;
    let first = at.commit_greeting("good evening", &main).await;
    assert_eq!(first, at.commit_greeting("good evening", &main).await);
    assert_ne!(first, at.commit_greeting("good night", &main).await);
}

#[tokio::test]
async fn a_merge_of_another_sha_than_the_head_changes_nothing() {
    let at = Fixture::new("wrong-sha").await;
    let base = at.main().await;
    at.pull_request("fix", "hi").await;
    let refused = at.send(Method::PUT, "/pulls/1/merge", json!({ "sha": base })).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json["message"], "Head branch was modified. Review and try the merge again.");
    assert_eq!(at.main().await, base);
}

#[tokio::test]
async fn a_second_merge_is_refused_and_the_first_stays() {
    let at = Fixture::new("twice").await;
    let head = at.pull_request("fix", "hi").await;
    let merge = json!({ "sha": head, "merge_method": "squash" });
    let first = at.send(Method::PUT, "/pulls/1/merge", merge.clone()).await;
    let second = at.send(Method::PUT, "/pulls/1/merge", merge).await;
    assert_eq!((first.status, second.status), (200, 405));
    assert_eq!(at.main().await, first.sha());
}

#[tokio::test]
async fn squash_and_rebase_leave_one_line_of_history() {
    let at = Fixture::new("methods").await;
    at.pull_request("one", "hi").await;
    at.pull_request("two", "hi").await;
    at.github.commit(REPOSITORY, "two").file("NEWS.md", b"Hi.\n", "Tell about it").unwrap();
    let squashed = at.send(Method::PUT, "/pulls/1/merge", json!({ "merge_method": "squash" })).await;
    let rebased = at.send(Method::PUT, "/pulls/2/merge", json!({ "merge_method": "rebase" })).await;
    assert_eq!((squashed.status, rebased.status), (200, 200), "{} {}", squashed.json, rebased.json);
    let log = at.github.log(REPOSITORY, "main").unwrap();
    let messages: Vec<&str> = log.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!(messages, ["Tell about it", "Say hi", "Say hi (#1)", "Say hello"]);
    let parents =
        at.get(&format!("/commits/{}", rebased.sha())).await.json["parents"].as_array().unwrap().len();
    assert_eq!(parents, 1);
}

#[tokio::test]
async fn merges_are_refused_with_the_reason_that_the_repository_gives() {
    let at = Fixture::new("refused").await;
    at.pull_request("fix", "hi").await;
    at.github.configure(REPOSITORY, |settings| settings.allow_squash_merge = false).unwrap();
    let squash = at.send(Method::PUT, "/pulls/1/merge", json!({ "merge_method": "squash" })).await;
    assert_eq!(squash.json["message"], "Squash merges are not allowed on this repository.");
    assert_eq!(at.get("").await.json["allow_squash_merge"], false);

    assert_eq!(at.get("/branches/main/protection").await.status, 404);
    let reason = "At least 1 approving review is required by reviewers with write access.";
    at.github.configure(REPOSITORY, |settings| settings.merges_refused = Some(reason.to_owned())).unwrap();
    let merge = at.send(Method::PUT, "/pulls/1/merge", json!({})).await;
    assert_eq!((merge.status, &merge.json["message"]), (405, &json!(reason)));
    assert_eq!(at.get("/branches/main/protection").await.status, 200);
    at.get("/pulls/1").await;
    assert_eq!(at.get("/pulls/1").await.json["mergeable_state"], "blocked");
}

#[tokio::test]
async fn whether_a_pull_request_can_be_merged_is_known_only_when_asked_again() {
    let at = Fixture::new("mergeable").await;
    at.pull_request("fix", "hi").await;
    assert_eq!(at.get("/pulls/1").await.json["mergeable"], Value::Null);
    let known = at.get("/pulls/1").await.json;
    assert_eq!((&known["mergeable"], &known["mergeable_state"]), (&json!(true), &json!("clean")));

    at.github.commit(REPOSITORY, "main").file(FILE, b"def greet():\n    return 'hey'\n", "Say hey").unwrap();
    assert_eq!(at.get("/pulls/1").await.json["mergeable"], Value::Null);
    let known = at.get("/pulls/1").await.json;
    assert_eq!((&known["mergeable"], &known["mergeable_state"]), (&json!(false), &json!("dirty")));
    for method in ["merge", "squash", "rebase"] {
        let merge = at.send(Method::PUT, "/pulls/1/merge", json!({ "merge_method": method })).await;
        assert_eq!(merge.status, 405, "{method}");
    }
}

#[tokio::test]
async fn a_pull_request_follows_its_branch_and_closes_with_it() {
    let at = Fixture::new("follows").await;
    at.pull_request("fix", "hi").await;
    let pushed = at.github.commit(REPOSITORY, "fix").file("NEWS.md", b"Hi.\n", "Tell about it").unwrap();
    assert_eq!(at.get("/pulls/1").await.json["head"]["sha"], json!(pushed));
    assert_eq!(at.get("/pulls/1/commits").await.json.as_array().unwrap().len(), 2);
    assert_eq!(at.send(Method::DELETE, "/git/refs/heads/fix", json!({})).await.status, 204);
    let closed = at.get("/pulls/1").await.json;
    assert_eq!((&closed["state"], &closed["merged"]), (&json!("closed"), &json!(false)));
    let reopened = at.send(Method::PATCH, "/pulls/1", json!({ "state": "open" })).await;
    assert_eq!(reopened.status, 422);
}

#[tokio::test]
async fn what_a_person_merges_or_closes_is_seen() {
    let at = Fixture::new("by-hand").await;
    at.pull_request("one", "hi").await;
    at.pull_request("two", "hey").await;
    let merged = at.github.merge_pull_request(REPOSITORY, 1).unwrap();
    at.github.close_pull_request(REPOSITORY, 2).unwrap();
    assert_eq!(at.get(&format!("/commits/{merged}/pulls")).await.json[0]["number"], 1);
    assert_eq!(at.get("/pulls/2").await.json["state"], "closed");
    assert_eq!(at.get("/pulls").await.json, json!([]));
    assert_eq!(at.get("/pulls?state=all&head=acme:two").await.json[0]["number"], 2);
    assert_eq!(at.get("/pulls?state=all&head=two").await.json.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn checks_are_those_that_were_set_for_the_head() {
    let at = Fixture::new("checks").await;
    let failed = CheckRun::ended("backend", Conclusion::Failure).saying("1 test failed", "test_labels");
    at.github.set_checks(REPOSITORY, Heads::Next, &[failed]).unwrap();
    let head = at.pull_request("fix", "hi").await;
    let runs = at.get(&format!("/commits/{head}/check-runs?filter=latest")).await.json;
    assert_eq!((&runs["total_count"], &runs["check_runs"][0]["conclusion"]), (&json!(1), &json!("failure")));
    assert_eq!(runs["check_runs"][0]["output"]["title"], "1 test failed");
    let actions = at.get(&format!("/actions/runs?head_sha={head}")).await.json;
    assert_eq!(actions["workflow_runs"][0]["conclusion"], "failure");

    let second = at.github.commit(REPOSITORY, "fix").file("NEWS.md", b"Hi.\n", "Tell").unwrap();
    assert_eq!(at.get(&format!("/commits/{second}/check-runs")).await.json["total_count"], 0);
    at.github.set_checks(REPOSITORY, Heads::Commit(second.clone()), &[CheckRun::running("backend")]).unwrap();
    let run = at.get("/commits/fix/check-runs").await.json["check_runs"][0].clone();
    assert_eq!((&run["status"], &run["conclusion"]), (&json!("in_progress"), &Value::Null));

    let refused = read(at.request_with(TOKEN, Method::GET, "/commits/fix/check-runs")).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json["message"], "Resource not accessible by personal access token");
    assert_eq!(refused.headers["x-accepted-github-permissions"], "checks=read");
}

#[tokio::test]
async fn a_commit_without_statuses_is_pending_with_none() {
    let at = Fixture::new("statuses").await;
    let main = at.main().await;
    let none = at.get("/commits/main/status").await.json;
    assert_eq!((&none["state"], &none["total_count"]), (&json!("pending"), &json!(0)));
    let status = |state| Status {
        context: "deploy/preview".to_owned(),
        state,
        description: "preview".to_owned(),
        target_url: "https://ci.example.org/1".to_owned(),
    };
    for (state, combined) in [
        (StatusState::Success, "success"),
        (StatusState::Pending, "pending"),
        (StatusState::Failure, "failure"),
        (StatusState::Error, "failure"),
    ] {
        at.github.set_statuses(REPOSITORY, Heads::Commit(main.clone()), &[status(state)]).unwrap();
        assert_eq!(at.get("/commits/main/status").await.json["state"], combined);
    }
}

#[tokio::test]
async fn people_can_be_told_and_asked_on_a_pull_request() {
    let at = Fixture::new("talk").await;
    at.pull_request("fix", "hi").await;
    let labels = at.post("/issues/1/labels", json!({ "labels": ["autofix", "AutoFix"] })).await;
    assert_eq!((labels.status, labels.json.as_array().unwrap().len()), (200, 1));
    let comment = at.post("/issues/1/comments", json!({ "body": "Checks are red." })).await;
    assert_eq!(comment.status, 201);
    let path = format!("/issues/comments/{}", comment.json["id"]);
    assert_eq!(at.send(Method::PATCH, &path, json!({ "body": "Checks are green." })).await.status, 200);
    let asked = at.post("/pulls/1/requested_reviewers", json!({ "reviewers": ["ada"] })).await;
    let refused = at.post("/pulls/1/requested_reviewers", json!({ "reviewers": ["nobody"] })).await;
    assert_eq!((asked.status, refused.status), (201, 422));
    let view = at.github.pull_request(REPOSITORY, 1).unwrap();
    assert_eq!(view.labels, ["autofix"]);
    assert_eq!(view.comments, ["Checks are green."]);
    assert_eq!(view.reviewers, ["ada"]);
    let page = at.http.get(&view.html_url).send().await.unwrap().text().await.unwrap();
    assert!(page.starts_with("#1 Fix the greeting (open; main <- fix)"), "{page}");
}

#[tokio::test]
async fn a_deployment_is_listed_with_its_latest_status_first() {
    let at = Fixture::new("deployed").await;
    let main = at.main().await;
    assert_eq!(at.get("/deployments").await.json, json!([]));
    at.github.add_deployment(REPOSITORY, &main, &["in_progress", "success"]).unwrap();
    let found = at.get(&format!("/deployments?sha={main}&environment=production")).await.json;
    let statuses = at.get(&format!("/deployments/{}/statuses", found[0]["id"])).await.json;
    assert_eq!((&statuses[0]["state"], &statuses[1]["state"]), (&json!("success"), &json!("in_progress")));
}
