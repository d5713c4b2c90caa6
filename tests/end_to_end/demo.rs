//! The command `demo`: its story is on the sandbox's page, which works on after it.

use autofix_local::demo::{Click, Options, Page, Story};
use tempfile::TempDir;

use crate::page::html::shown;
use crate::world::Scenario;

async fn begun(scenario: Scenario, folder: &TempDir) -> Story {
    let options = Options {
        scenario,
        click: Click::ByItself,
        page: Page::AsLongAsTheStory,
        folder: Some(folder.path().to_owned()),
        journal: None,
    };
    Story::begin(options).await.unwrap()
}

async fn seen(story: &Story) -> String {
    let page = reqwest::get(story.page()).await.unwrap().error_for_status().unwrap();
    shown(&page.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_demo_tells_in_the_terminal_is_on_its_page_to_the_roll_back() {
    let folder = TempDir::new().unwrap();
    let story = begun(Scenario::Regression, &folder).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_cards_details_lead_back_to_the_sandbox() {
    let folder = TempDir::new().unwrap();
    let story = begun(Scenario::Security, &folder).await;
    story.play().await.unwrap();
    let page = reqwest::get(story.page()).await.unwrap().text().await.unwrap();
    let details = page.split('"').find(|text| text.contains("seal=")).unwrap().replace("&amp;", "&");
    let details = reqwest::get(details).await.unwrap().error_for_status().unwrap().text().await.unwrap();
    assert!(details.contains(r#"<a href="/sandbox" id="nav-sandbox">"#), "{details}");
}
