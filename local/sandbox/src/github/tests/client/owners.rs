use autofix::github::{Author, Owner};

use super::*;

#[tokio::test]
async fn owners_come_from_the_first_of_the_three_places() {
    let scene = Scene::new("owners").await;
    let github = scene.client(Who::FineGrained);
    let owners = || async {
        let sha = scene.at.main().await;
        github.owners(REPOSITORY, FILE, &sha).await.unwrap()
    };
    assert_eq!(owners().await, []);
    let add = |path: &str, owner: &str| {
        let text = format!("* @acme/all\n/backend/ @acme/backend {owner}\n");
        scene.at.github.commit(REPOSITORY, "main").file(path, text.as_bytes(), "Owners").unwrap();
    };
    let team = Owner::Team("acme/backend".to_owned());
    for (path, login) in
        [("docs/CODEOWNERS", "linus"), ("CODEOWNERS", "grace"), (".github/CODEOWNERS", "ada")]
    {
        add(path, &format!("@{login}"));
        assert_eq!(owners().await, [Owner::Person(login.to_owned()), team.clone()]);
    }
}

#[tokio::test]
async fn the_last_change_up_to_a_commit_names_its_author() {
    let scene = Scene::new("suspect").await;
    let github = scene.client(Who::App);
    let sandbox = &scene.at.github;
    let push = |login: &str, path: &str| {
        let text = format!("# {login}\n");
        sandbox.commit(REPOSITORY, "main").by(login).file(path, text.as_bytes(), "Touch\n\nit").unwrap()
    };
    let suspect = push("grace", FILE);
    let released = push("linus", "NEWS.md");
    let later = push("ada", FILE);
    let found = github.last_change(REPOSITORY, FILE, &released).await.unwrap().unwrap();
    assert_eq!((found.sha, found.by), (suspect, Author::Person("grace".to_owned())));
    assert_eq!(found.title, "Touch");
    let found = github.last_change(REPOSITORY, FILE, &later).await.unwrap().unwrap();
    assert_eq!(found.by, Author::Person("ada".to_owned()));
    assert_eq!(github.last_change(REPOSITORY, "none.py", &later).await.unwrap(), None);
    assert_eq!(github.last_change(REPOSITORY, FILE, &"0".repeat(40)).await.unwrap(), None);

    let base = scene.at.main().await;
    let set =
        github.commit_to_branch(REPOSITORY, BRANCH, BranchBefore::Absent, scene.fix(&base)).await.unwrap();
    let BranchSet::Done { sha } = set else { panic!("{set:?}") };
    let found = github.last_change(REPOSITORY, FILE, &sha).await.unwrap().unwrap();
    assert_eq!(found.by, Author::Bot("autofix-sandbox-app[bot]".to_owned()));
    // AutoFix's own address belongs to nobody.
    let token = scene.client(Who::FineGrained);
    let other = "autofix/another";
    let set =
        token.commit_to_branch(REPOSITORY, other, BranchBefore::Absent, scene.fix(&base)).await.unwrap();
    let BranchSet::Done { sha } = set else { panic!("{set:?}") };
    let found = token.last_change(REPOSITORY, FILE, &sha).await.unwrap().unwrap();
    assert_eq!(found.by, Author::Unknown("AutoFix".to_owned()));
}
