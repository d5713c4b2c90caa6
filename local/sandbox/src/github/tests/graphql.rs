use super::super::{Holder, Level, Permission};
use super::*;

async fn ask(at: &Fixture, query: &str, variables: Value) -> Got {
    let request = at.http.post(format!("{}/graphql", at.github.url()));
    let request = request.bearer_auth(CLASSIC_TOKEN).header("user-agent", "autofix-tests");
    read(request.json(&json!({ "query": query, "variables": variables }))).await
}

const UPDATE: &str = "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }";

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
        ask(&at, UPDATE, json!({ "input": { "repositoryId": id, "refUpdates": [change] } }))
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
async fn what_the_schema_does_not_have_is_not_understood() {
    let at = Fixture::new("schema").await;
    at.pull_request("fix", "hi").await;
    let names = json!({ "owner": "acme", "name": "bookshop" });
    let good = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id } }";
    assert_eq!(ask(&at, good, names.clone()).await.status, 200);
    for query in [
        "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { colour } }",
        "query($owner: String, $name: String!) { repository(owner: $owner, name: $name) { id } }",
        "query($owner: String!, $name: String!) { repository(owner: $owner, title: $name) { id } }",
        "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) }",
        "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { id { x } } }",
        "query($owner: String!) { repository(owner: $owner, name: \"x\") { id } }",
        "query($owner: String!, $name: String!, $more: Int!) { repository(owner: $owner, name: $name) { id } }",
        "mutation($owner: String!, $name: String!) { deleteRef(input: {a: $owner}) { id } }",
    ] {
        assert_eq!(ask(&at, query, names.clone()).await.status, 501, "{query}");
    }
    let input = json!({ "input": { "repositoryId": "R_1", "refUpdates": [], "atomic": true } });
    assert_eq!(ask(&at, UPDATE, input).await.status, 501);
    assert_eq!(at.github.service().unknown().len(), 9);
}

#[tokio::test]
async fn errors_come_with_status_200_and_their_kind() {
    let at = Fixture::new("graphql-errors").await;
    let query = "query($n: Int!) { repository(owner: \"acme\", name: \"bookshop\") { pullRequest(number: $n) { id } } }";
    let missing = ask(&at, query, json!({ "n": 9 })).await;
    assert_eq!((missing.status, &missing.json["errors"][0]["type"]), (200, &json!("NOT_FOUND")));
    let id = at.get("").await.json["node_id"].clone();
    at.github.grant(Holder::ClassicToken, Permission::Contents, Some(Level::Read));
    let refused = ask(&at, UPDATE, json!({ "input": { "repositoryId": id, "refUpdates": [] } })).await;
    assert_eq!(refused.json["errors"][0]["type"], "FORBIDDEN");
}

#[tokio::test]
async fn a_renamed_repository_redirects_and_graphql_knows_its_name() {
    let at = Fixture::new("renamed").await;
    at.github.rename(REPOSITORY, "acme/bookstore").unwrap();
    let moved = at.get("").await;
    assert_eq!((moved.status, &moved.json["message"]), (301, &json!("Moved Permanently")));
    assert_eq!(at.post("/git/blobs", json!({ "content": "x" })).await.status, 307);
    let query = "query { repository(owner: \"acme\", name: \"bookshop\") { nameWithOwner } }";
    assert_eq!(
        ask(&at, query, json!({})).await.json["data"]["repository"]["nameWithOwner"],
        "acme/bookstore"
    );
}
