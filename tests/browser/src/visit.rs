//! Somebody with a browser in front of AutoFix. The pages change by themselves, so everything here looks again until it
//! finds what it waits for, or has waited for long enough.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{LoggingPrefsLogLevel, TypingData};

use crate::arguments::Arguments;

/// The sandbox's, as the documents say.
pub const API_TOKEN: &str = "development-api-token";
/// How long a page may take to show something; more than the list's period of 15 s.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(40);
/// Of the window: a small laptop's.
const WINDOW: &str = "--window-size=1280,900";

/// A browser's window, and what its person knows.
pub struct Visit {
    pub driver: WebDriver,
    /// Where AutoFix is.
    pub address: String,
    pub axe: PathBuf,
    /// Where pictures go.
    pub pictures: Option<PathBuf>,
    driver_address: String,
    browser: PathBuf,
}

/// Light or dark, as a person has set it in the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

/// Whether the browser reaches anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    On,
    Off,
}

/// Whether scripts run in a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    Run,
    Blocked,
}

impl Visit {
    pub async fn begin(arguments: &Arguments, address: &str) -> anyhow::Result<Visit> {
        Ok(Visit {
            driver: start(&arguments.driver, &arguments.browser, Scripts::Run).await?,
            address: address.to_owned(),
            axe: arguments.axe.clone(),
            pictures: arguments.pictures.clone(),
            driver_address: arguments.driver.clone(),
            browser: arguments.browser.clone(),
        })
    }

    /// Another person's browser, which has seen nothing yet.
    pub async fn another(&self, scripts: Scripts) -> anyhow::Result<Visit> {
        Ok(Visit {
            driver: start(&self.driver_address, &self.browser, scripts).await?,
            address: self.address.clone(),
            axe: self.axe.clone(),
            pictures: self.pictures.clone(),
            driver_address: self.driver_address.clone(),
            browser: self.browser.clone(),
        })
    }

    pub async fn end(self) -> anyhow::Result<()> {
        Ok(self.driver.quit().await?)
    }

    /// Opens an address of AutoFix.
    pub async fn open(&self, path: &str) -> anyhow::Result<()> {
        self.driver.goto(format!("{}{path}", self.address)).await.with_context(|| format!("open {path}"))
    }

    /// Logs in with the sandbox's token, and is at the list.
    pub async fn log_in(&self) -> anyhow::Result<()> {
        self.open("/autofix/").await?;
        self.types("#token", API_TOKEN).await?;
        self.press(Key::Enter).await?;
        self.sees("#filters").await
    }

    /// Throws an error at the sandbox, and waits for its card.
    pub async fn throw(&self, scenario: &str, card: &str) -> anyhow::Result<()> {
        self.open("/sandbox").await?;
        self.click(&format!("#throw-{scenario}")).await?;
        self.sees_text(".card", card).await
    }

    /// Evaluates an expression of JavaScript in the page.
    pub async fn asks(&self, expression: &str) -> anyhow::Result<Value> {
        let answer = self.driver.execute(format!("return ({expression});"), vec![]).await;
        Ok(answer.with_context(|| format!("evaluate {expression}"))?.json().clone())
    }

    /// Waits until an expression is true.
    pub async fn until(&self, what: &str, expression: &str) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            // Between two pages there is nothing to ask.
            if matches!(self.asks(&format!("Boolean({expression})")).await, Ok(Value::Bool(true))) {
                return Ok(());
            }
            ensure!(since.elapsed() < PATIENCE, "waited in vain: {what}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until an element is there and visible.
    pub async fn sees(&self, selector: &str) -> anyhow::Result<()> {
        let visible = format!("document.querySelector({selector:?})?.checkVisibility()");
        self.until(&format!("{selector} is shown"), &visible).await
    }

    /// Waits until a visible element has this text in it.
    pub async fn sees_text(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        let found = format!(
            "[...document.querySelectorAll({selector:?})].some(one => one.checkVisibility() && one.innerText.includes({}))",
            json!(text)
        );
        self.until(&format!("{selector} says “{text}”"), &found).await
    }

    /// How many elements there are now.
    pub async fn count(&self, selector: &str) -> anyhow::Result<u64> {
        let count = self.asks(&format!("document.querySelectorAll({selector:?}).length")).await?;
        count.as_u64().context("a number of elements")
    }

    /// Clicks an element as soon as it is there. One that is replaced at that moment is looked for again.
    pub async fn click(&self, selector: &str) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            let clicked = match self.driver.find(By::Css(selector)).await {
                Ok(element) => element.click().await,
                Err(error) => Err(error),
            };
            match clicked {
                Ok(()) => return Ok(()),
                Err(error) if since.elapsed() > PATIENCE => {
                    return Err(error).with_context(|| format!("click {selector}"));
                }
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Replaces what is in a field.
    pub async fn types(&self, selector: &str, text: &str) -> anyhow::Result<()> {
        self.sees(selector).await?;
        let field = self.driver.find(By::Css(selector)).await?;
        field.clear().await?;
        field.send_keys(text).await.with_context(|| format!("type into {selector}"))
    }

    /// Presses keys wherever the focus is.
    pub async fn press(&self, keys: impl Into<TypingData>) -> anyhow::Result<()> {
        Ok(self.driver.action_chain().send_keys(keys).perform().await?)
    }

    pub async fn prefers(&self, scheme: Scheme) -> anyhow::Result<()> {
        let value = if scheme == Scheme::Dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
        self.driver.cdp().send_raw("Emulation.setEmulatedMedia", features).await?;
        Ok(())
    }

    /// Takes the network away, or gives it back.
    pub async fn network(&self, network: Network) -> anyhow::Result<()> {
        let cdp = self.driver.cdp();
        cdp.send_raw("Network.enable", json!({})).await?;
        let offline = network == Network::Off;
        let conditions =
            json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        cdp.send_raw("Network.emulateNetworkConditions", conditions).await?;
        Ok(())
    }

    /// Makes the window a screen of this many CSS pixels; a browser's own window cannot be as narrow as a phone.
    pub async fn looks_through(&self, width: u32, height: u32) -> anyhow::Result<()> {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await?;
        Ok(())
    }

    /// Address and text of the page.
    pub async fn seen(&self) -> anyhow::Result<String> {
        let text = self.asks("location.href + '\\n' + document.body.innerText").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Nothing failed in the page, and nothing was forbidden to it.
    pub async fn console_is_empty(&self) -> anyhow::Result<()> {
        let log = self.driver.browser_log().await.context("read the browser's console")?;
        let wrong: Vec<String> = log
            .into_iter()
            .filter(|entry| !is_answer_of_a_page(&entry.message))
            .map(|entry| format!("{}: {}", entry.level, entry.message))
            .collect();
        ensure!(wrong.is_empty(), "the browser's console says\n{}", wrong.join("\n"));
        Ok(())
    }
}

/// A page that asks for the login, is not there or cannot be reached is noted, too; a style or script that is not there
/// counts.
fn is_answer_of_a_page(message: &str) -> bool {
    let is_answer = ["status of 401", "status of 404", "ERR_INTERNET_DISCONNECTED"]
        .iter()
        .any(|status| message.contains(status));
    is_answer && ![".css", ".js", ".svg"].iter().any(|ending| message.contains(ending))
}

async fn start(driver: &str, browser: &std::path::Path, scripts: Scripts) -> anyhow::Result<WebDriver> {
    let mut wanted = DesiredCapabilities::chrome();
    wanted.set_binary(&browser.display().to_string())?;
    // A sandbox inside is not to be had for root, and only pages of this machine are opened.
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", WINDOW] {
        wanted.add_arg(argument)?;
    }
    wanted.add_arg("--force-device-scale-factor=1")?;
    wanted.add_arg("--hide-scrollbars")?;
    wanted.add_arg("--lang=en-GB")?;
    wanted.set_browser_log_level(LoggingPrefsLogLevel::Warning)?;
    if scripts == Scripts::Blocked {
        let block = json!({"profile.managed_default_content_settings.javascript": 2});
        wanted.add_experimental_option("prefs", block)?;
    }
    Ok(WebDriver::new(driver, wanted).await?)
}
