use std::io::Read;

use super::*;

#[tokio::test]
async fn a_tarball_is_fetched_from_another_host_without_the_token() {
    let at = Fixture::new("tarball").await;
    let main = at.main().await;
    let redirect = at.get(&format!("/tarball/{main}")).await;
    assert_eq!(redirect.status, 302);
    let location = redirect.headers["location"].to_str().unwrap().to_owned();
    assert!(!location.starts_with(&at.github.url()), "{location} is on the API's host");

    let leaked = at.http.get(&location).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(leaked.status(), 400);
    let guessed = at.http.get(location.split('?').next().unwrap()).send().await.unwrap();
    assert_eq!(guessed.status(), 404);

    let bytes = at.http.get(&location).send().await.unwrap().bytes().await.unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        found.push((path, text));
    }
    let top = format!("acme-bookshop-{}", &main[..7]);
    let expected = [
        ("pax_global_header".to_owned(), format!("52 comment={main}\n")),
        (format!("{top}/"), String::new()),
        (format!("{top}/.gitignore"), "*.pyc\n".to_owned()),
        (format!("{top}/README.md"), "# Bookshop\n".to_owned()),
        (format!("{top}/backend/"), String::new()),
        (format!("{top}/{FILE}"), "def greet():\n    return 'hello'\n".to_owned()),
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_path_too_long_for_the_old_header_survives_the_archive() {
    let at = Fixture::new("long").await;
    let path = format!("backend/{}/{}.py", "folder".repeat(20), "name".repeat(30));
    at.github.commit(REPOSITORY, "main").file(&path, b"pass\n", "Add a long name").unwrap();
    let redirect = at.get("/tarball/main").await;
    let location = redirect.headers["location"].to_str().unwrap();
    let bytes = at.http.get(location).send().await.unwrap().bytes().await.unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
    let paths: Vec<String> = archive
        .entries()
        .unwrap()
        .map(|e| e.unwrap().path().unwrap().to_string_lossy().into_owned())
        .collect();
    assert!(paths.iter().any(|found| found.ends_with(&path)), "{paths:?}");
}

#[tokio::test]
async fn files_and_folders_are_read_at_a_revision() {
    let at = Fixture::new("contents").await;
    let before = at.main().await;
    at.github.commit(REPOSITORY, "main").file("README.md", b"# Books\n", "Shorten the title").unwrap();
    let now = at.get("/contents/README.md").await.json;
    assert_eq!((&now["content"], &now["encoding"]), (&json!("IyBCb29rcwo=\n"), &json!("base64")));
    let mut raw = at.request(Method::GET, &format!("/contents/README.md?ref={before}")).build().unwrap();
    raw.headers_mut().insert("accept", "application/vnd.github.raw+json".parse().unwrap());
    assert_eq!(at.http.execute(raw).await.unwrap().text().await.unwrap(), "# Bookshop\n");
    let folder = at.get("/contents/backend?ref=main").await.json;
    assert_eq!((&folder[0]["path"], &folder[0]["type"]), (&json!(FILE), &json!("file")));
    assert_eq!(at.get("/contents/nothing.md").await.status, 404);
    assert_eq!(at.get("/contents/README.md?ref=nowhere").await.status, 404);
    let history = at.get("/commits?path=README.md").await.json;
    let messages: Vec<&Value> =
        history.as_array().unwrap().iter().map(|commit| &commit["commit"]["message"]).collect();
    assert_eq!(messages, [&json!("Shorten the title"), &json!("Say hello")]);
    assert_eq!(at.get("/commits?path=backend&per_page=5").await.json.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let at = Fixture::new("pages").await;
    for number in 0..3 {
        at.github.commit(REPOSITORY, "main").file("n", number.to_string().as_bytes(), "Count").unwrap();
    }
    let first = at.get("/commits?per_page=3").await;
    assert_eq!(first.json.as_array().unwrap().len(), 3);
    let link = first.headers["link"].to_str().unwrap();
    let next = link.strip_prefix('<').unwrap().split('>').next().unwrap();
    let second = read(at.http.get(next).bearer_auth(TOKEN).header("user-agent", "autofix-tests")).await;
    assert_eq!(second.json[0]["commit"]["message"], "Say hello");
    assert!(second.headers.get("link").is_none());
}

#[tokio::test]
async fn the_same_files_begin_with_the_same_commit() {
    let (one, two) = (Fixture::new("first").await, Fixture::new("second").await);
    assert_eq!(one.main().await, two.main().await);
    let page = one.http.get(format!("{}/{REPOSITORY}/commit/{}", one.github.url(), one.main().await));
    assert!(page.send().await.unwrap().text().await.unwrap().contains("Say hello"));
}

#[tokio::test]
async fn the_token_belongs_to_somebody_who_has_a_limit() {
    let at = Fixture::new("user").await;
    let ask = |path: &str| {
        let url = format!("{}/{path}", at.github.url());
        read(at.http.get(url).bearer_auth(TOKEN).header("user-agent", "autofix-tests"))
    };
    assert_eq!(ask("user").await.json["login"], super::super::TOKEN_LOGIN);
    let limit = ask("rate_limit").await;
    assert_eq!(limit.json["resources"]["core"]["remaining"], 4998);
    assert_eq!(limit.headers["x-ratelimit-remaining"], "4998");
}
