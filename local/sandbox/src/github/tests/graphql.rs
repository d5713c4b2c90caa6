use super::super::{Holder, Level, Permission};
use super::*;
use autofix::github::documents::{MERGE_STATE, REPOSITORY_NAME, REVERT_STATE, UPDATE_REFS};

async fn ask(at: &Fixture, query: &str, variables: Value) -> Got {
    let request = at.http.post(format!("{}/graphql", at.github.url()));
    let request = request.bearer_auth(CLASSIC_TOKEN).header("user-agent", "autofix-tests");
    read(request.json(&json!({ "query": query, "variables": variables }))).await
}

#[tokio::test]
async fn a_reference_is_set_only_where_it_is_what_was_expected() {
    let at = Fixture::new("update-refs").await;
    let main = at.main().await;
    let first = at.pull_request("fix", "hi").await;
    let second = at.commit_greeting("hey", &main).await;
    let id = at.get("").await.json["node_id"].clone();
    let update = |before: &str, after: &str, force: bool| {
        let change =
            json!({ "name": "refs/heads/fix", "beforeOid": before, "afterOid": after, "force": force });
        ask(&at, UPDATE_REFS, json!({ "input": { "repositoryId": id, "refUpdates": [change] } }))
    };
    for (before, force) in [(main.as_str(), true), (first.as_str(), false)] {
        let refused = update(before, &second, force).await;
        assert_eq!((refused.status, &refused.json["errors"][0]["type"]), (200, &json!("UNPROCESSABLE")));
        assert_eq!(at.github.sha_of(REPOSITORY, "fix").unwrap().unwrap(), first);
    }
    assert_eq!(update(&first, &second, true).await.json["errors"], Value::Null);
    assert_eq!(at.github.sha_of(REPOSITORY, "fix").unwrap().unwrap(), second);
}

#[tokio::test]
async fn a_document_that_autofix_does_not_send_is_not_understood() {
    let at = Fixture::new("documents").await;
    at.pull_request("fix", "hi").await;
    let names = json!({ "owner": "acme", "name": "bookshop" });
    assert_eq!(ask(&at, REPOSITORY_NAME, names.clone()).await.status, 200);
    for query in [
        "",
        "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id } }",
        &REPOSITORY_NAME.replace("nameWithOwner", "colour"),
        &format!("{REPOSITORY_NAME} {UPDATE_REFS}"),
    ] {
        assert_eq!(ask(&at, query, names.clone()).await.status, 501, "{query}");
    }
    for variables in
        [json!({}), json!({ "owner": "acme" }), json!({ "owner": "acme", "name": "x", "more": 1 })]
    {
        assert_eq!(ask(&at, REPOSITORY_NAME, variables.clone()).await.status, 501, "{variables}");
    }
    let input = json!({ "input": { "repositoryId": "R_1", "refUpdates": [], "atomic": true } });
    assert_eq!(ask(&at, UPDATE_REFS, input).await.status, 501);
    assert_eq!(at.github.service().unknown().len(), 8);
}

#[tokio::test]
async fn an_answer_has_what_its_document_names_and_nothing_else() {
    let at = Fixture::new("selection").await;
    at.pull_request("fix", "hi").await;
    let variables = json!({ "owner": "acme", "name": "bookshop", "number": 1 });
    let answer = ask(&at, REVERT_STATE, variables).await.json;
    let pull = answer["data"]["repository"]["pullRequest"].as_object().unwrap();
    assert_eq!(pull.keys().collect::<Vec<_>>(), ["headRefName", "id"]);
    assert_eq!(answer["data"]["repository"].as_object().unwrap().len(), 1);
}

#[tokio::test]
async fn errors_come_with_status_200_and_their_kind() {
    let at = Fixture::new("graphql-errors").await;
    let variables = json!({ "owner": "acme", "name": "bookshop", "number": 9 });
    let missing = ask(&at, MERGE_STATE, variables).await;
    assert_eq!((missing.status, &missing.json["errors"][0]["type"]), (200, &json!("NOT_FOUND")));
    let id = at.get("").await.json["node_id"].clone();
    at.github.grant(Holder::ClassicToken, Permission::Contents, Some(Level::Read));
    let refused = ask(&at, UPDATE_REFS, json!({ "input": { "repositoryId": id, "refUpdates": [] } })).await;
    assert_eq!(refused.json["errors"][0]["type"], "FORBIDDEN");
}

#[tokio::test]
async fn a_renamed_repository_redirects_and_graphql_knows_its_name() {
    let at = Fixture::new("renamed").await;
    at.github.rename(REPOSITORY, "acme/bookstore").unwrap();
    let moved = at.get("").await;
    assert_eq!((moved.status, &moved.json["message"]), (301, &json!("Moved Permanently")));
    assert_eq!(at.post("/git/blobs", json!({ "content": "x" })).await.status, 307);
    let names = json!({ "owner": "acme", "name": "bookshop" });
    assert_eq!(
        ask(&at, REPOSITORY_NAME, names).await.json["data"]["repository"]["nameWithOwner"],
        "acme/bookstore"
    );
}
