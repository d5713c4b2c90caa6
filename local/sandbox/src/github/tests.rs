//! What the fake refuses, and AutoFix's own client against it, with git to look at the result.

mod client;
mod refusals;

use std::path::PathBuf;

use autofix::clock::Clock;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{CLASSIC_TOKEN, GitHub};

const REPOSITORY: &str = "acme/bookshop";
const FILE: &str = "backend/greeting.py";

/// A fake with one small repository. Its folder is removed in the end.
struct Fixture {
    github: GitHub,
    root: PathBuf,
    http: reqwest::Client,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // Nothing is lost if the folder stays.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// An answer, read whole.
struct Got {
    status: u16,
    json: Value,
}

impl Got {
    fn sha(&self) -> String {
        self.json["sha"].as_str().unwrap_or_else(|| panic!("no sha in {}", self.json)).to_owned()
    }
}

impl Fixture {
    async fn new(name: &str, clock: Clock) -> Fixture {
        let root = std::env::temp_dir().join(format!("sandbox-github-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        let github = GitHub::start_at(&root, clock, crate::Addresses::free()).await.unwrap();
        let files: [(&str, &[u8]); 3] = [
            ("README.md", b"# Bookshop\n"),
            (FILE, b"def greet():\n    return 'hello'\n"),
            (".gitignore", b"*.pyc\n"),
        ];
        github.add_repository(REPOSITORY, &files, "Say hello").unwrap();
        Fixture { github, root, http: crate::service::test_client() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}/repos/{REPOSITORY}{path}", self.github.url()))
            .bearer_auth(CLASSIC_TOKEN)
            .header("user-agent", "autofix-tests")
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2026-03-10")
    }

    async fn get(&self, path: &str) -> Got {
        read(self.request(Method::GET, path)).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Got {
        read(self.request(method, path).json(&body)).await
    }

    async fn post(&self, path: &str, body: Value) -> Got {
        self.send(Method::POST, path, body).await
    }

    /// Commits a changed greeting, the way AutoFix does it. Answers the commit's SHA.
    async fn commit_greeting(&self, greeting: &str, parent: &str) -> String {
        let tree = self.get(&format!("/git/commits/{parent}")).await.json["tree"]["sha"].clone();
        let content = format!("def greet():\n    return '{greeting}'\n");
        let entry = json!({ "path": FILE, "mode": "100644", "type": "blob", "content": content });
        let tree = self.post("/git/trees", json!({ "base_tree": tree, "tree": [entry] })).await.sha();
        let person = json!({ "name": "AutoFix", "email": "a@example.org", "date": "2026-11-22T10:00:00Z" });
        let message = format!("Say {greeting}");
        let commit = json!({ "message": message, "tree": tree, "parents": [parent], "author": person });
        self.post("/git/commits", commit).await.sha()
    }

    async fn main(&self) -> String {
        self.get("/git/ref/heads/main").await.json["object"]["sha"].as_str().unwrap().to_owned()
    }

    /// A branch with one commit on `main`, and a pull request for it. Answers the head's SHA.
    async fn pull_request(&self, branch: &str, greeting: &str) -> String {
        let head = self.commit_greeting(greeting, &self.main().await).await;
        let made =
            self.post("/git/refs", json!({ "ref": format!("refs/heads/{branch}"), "sha": head })).await;
        assert_eq!(made.status, 201, "{}", made.json);
        let opened =
            self.post("/pulls", json!({ "title": "Fix the greeting", "head": branch, "base": "main" })).await;
        assert_eq!(opened.status, 201, "{}", opened.json);
        head
    }
}

async fn read(request: RequestBuilder) -> Got {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let json = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or(Value::Null);
    Got { status, json }
}
