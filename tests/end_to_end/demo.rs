//! The command `demo`: its story is on the sandbox's page, which works on after it.

use std::path::PathBuf;

use autofix_local::demo::{Click, Options, Page, Story};
use autofix_local::scenario::Scenario;

use crate::page::html::shown;

/// Gone with the test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn seen(story: &Story) -> String {
    let page = reqwest::get(story.page()).await.unwrap().error_for_status().unwrap();
    shown(&page.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_demo_tells_in_the_terminal_is_on_its_page_to_the_roll_back() {
    let folder = Folder(std::env::temp_dir().join(format!("autofix-test-demo-{}", std::process::id())));
    let story = Story::begin(Options {
        scenario: Scenario::Regression,
        click: Click::ByItself,
        page: Page::AsLongAsTheStory,
        folder: Some(folder.0.clone()),
        journal: None,
    });
    let story = story.await.unwrap();
    let before = seen(&story).await;
    assert!(before.contains("No card yet. Choose an error above."), "{before}");
    story.play().await.unwrap();
    let after = seen(&story).await;
    for expected in
        ["#1 merged", "#2 merged", "AutoFix rolled back", "🔍 AutoFix: Manual Review Required", "Details"]
    {
        assert!(after.contains(expected), "{expected} is not in: {after}");
    }
}
