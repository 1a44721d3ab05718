//! Headless Chromium through ChromeDriver.

use std::mem::ManuallyDrop;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result};
use thirtyfour::ChromiumLikeCapabilities;
use thirtyfour::prelude::*;

/// A ChromeDriver, and the browsers that it started.
pub struct Browsers {
    driver: Child,
    address: String,
}

impl Browsers {
    /// Starts ChromeDriver on a free port.
    ///
    /// # Errors
    /// When it is not installed or does not answer.
    pub async fn start() -> Result<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own, its browsers in it: none of them outlives the test.
            .process_group(0)
            .spawn()
            .context("ChromeDriver is not installed: `cargo xtask test` installs it on Debian")?;
        let browsers = Self { driver, address: format!("http://127.0.0.1:{port}") };
        crate::until("ChromeDriver to answer", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map(drop).map_err(Into::into)
        })
        .await?;
        Ok(browsers)
    }

    /// Opens a browser of its own: nothing is shared with the others.
    ///
    /// # Errors
    /// When Chromium does not start.
    pub async fn open(&self, width: u32, height: u32) -> Result<Browser> {
        self.open_with(width, height, DesiredCapabilities::chrome()).await
    }

    /// The same, with cookies and storage blocked everywhere, as some people have it.
    ///
    /// # Errors
    /// When Chromium does not start.
    pub async fn open_without_storage(&self, width: u32, height: u32) -> Result<Browser> {
        let mut wishes = DesiredCapabilities::chrome();
        let blocked = serde_json::json!({ "profile.default_content_setting_values.cookies": 2 });
        wishes.add_experimental_option("prefs", blocked)?;
        self.open_with(width, height, wishes).await
    }

    /// The same, where pages may store what is theirs, and frames of other sites may not: what several browsers do by themselves.
    ///
    /// # Errors
    /// When Chromium does not start.
    pub async fn open_without_foreign_storage(&self, width: u32, height: u32) -> Result<Browser> {
        let mut wishes = DesiredCapabilities::chrome();
        let blocked = serde_json::json!({ "profile.cookie_controls_mode": 1, "profile.block_third_party_cookies": true });
        wishes.add_experimental_option("prefs", blocked)?;
        self.open_with(width, height, wishes).await
    }

    /// The same, of somebody who reads this language.
    ///
    /// # Errors
    /// When Chromium does not start.
    pub async fn open_speaking(&self, language: &str, width: u32, height: u32) -> Result<Browser> {
        let mut wishes = DesiredCapabilities::chrome();
        wishes.add_experimental_option("prefs", serde_json::json!({ "intl.accept_languages": language }))?;
        self.open_with(width, height, wishes).await
    }

    /// The same, in a private window: what it stores is gone with it, and pages of other sites may store nothing.
    ///
    /// # Errors
    /// When Chromium does not start.
    pub async fn open_private(&self, width: u32, height: u32) -> Result<Browser> {
        let mut wishes = DesiredCapabilities::chrome();
        wishes.add_arg("--incognito")?;
        self.open_with(width, height, wishes).await
    }

    /// The same, without waiting for pages to be loaded: some never are.
    ///
    /// # Errors
    /// When Chromium does not start.
    pub async fn open_impatient(&self, width: u32, height: u32) -> Result<Browser> {
        let mut wishes = DesiredCapabilities::chrome();
        wishes.set_page_load_strategy(thirtyfour::PageLoadStrategy::None)?;
        self.open_with(width, height, wishes).await
    }

    /// The same as [`Browsers::open`], with every task of its processes written down for [`crate::trace`].
    ///
    /// # Errors
    /// When Chromium does not start.
    pub async fn open_traced(&self, width: u32, height: u32, categories: &str) -> Result<Browser> {
        let mut wishes = DesiredCapabilities::chrome();
        let how = serde_json::json!({
            "enableNetwork": false, "enablePage": false, "traceCategories": categories,
        });
        wishes.add_experimental_option("perfLoggingPrefs", how)?;
        wishes.as_mut().set("goog:loggingPrefs", serde_json::json!({ "performance": "ALL" }))?;
        self.open_with(width, height, wishes).await
    }

    async fn open_with(
        &self,
        width: u32,
        height: u32,
        mut wishes: thirtyfour::ChromeCapabilities,
    ) -> Result<Browser> {
        let size = format!("--window-size={width},{height}");
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &size,
        ] {
            wishes.add_arg(argument)?;
        }
        if wishes.page_load_strategy().is_err() {
            wishes.set_page_load_strategy(thirtyfour::PageLoadStrategy::Normal)?;
        }
        let driver = WebDriver::new(&self.address, wishes).await.context("Chromium does not start")?;
        Ok(Browser {
            driver: ManuallyDrop::new(driver),
            address: self.address.clone(),
            inside: Mutex::default(),
        })
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        crate::company::terminate(&mut self.driver);
        crate::company::kill_group(&self.driver);
    }
}

/// A browser with one window.
pub struct Browser {
    /// For what this type has no word for. Never dropped: that would wait for an answer from a driver that may be
    /// gone. ChromeDriver closes its browsers when it is told to stop.
    pub driver: ManuallyDrop<WebDriver>,
    /// ChromeDriver's.
    address: String,
    /// The shadow root in which elements are looked for, if not on the page.
    inside: Mutex<Option<WebElement>>,
}

impl Browser {
    /// Goes to an address.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn go(&self, address: &str) -> Result<()> {
        Ok(self.driver.goto(address).await?)
    }

    /// The first element with this `data-test` mark that is shown, once there is one.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn find(&self, mark: &str) -> Result<WebElement> {
        self.css(&marked(mark)).await
    }

    /// The first element of this selector that is shown, once there is one.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn css(&self, selector: &str) -> Result<WebElement> {
        crate::until(selector, || async {
            for element in self.all(selector).await? {
                if element.is_displayed().await? {
                    return Ok(element);
                }
            }
            anyhow::bail!("nothing is shown that matches {selector}")
        })
        .await
    }

    async fn all(&self, selector: &str) -> Result<Vec<WebElement>> {
        let inside = self.inside.lock().ok().and_then(|inside| inside.clone());
        Ok(match inside {
            Some(root) => root.find_all(By::Css(selector)).await?,
            None => self.driver.find_all(By::Css(selector)).await?,
        })
    }

    /// Into the widget that has no frame, once it is there. [`Browser::leave`] leads back.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn enter_shadow(&self) -> Result<()> {
        self.leave().await?;
        let root = crate::until("the widget's element", || async {
            let host = self.driver.find(By::Css("html > div, baton-chat > div")).await?;
            let root = host.get_shadow_root().await?;
            root.find(By::Css("body:not([hidden])")).await?;
            Ok(root)
        })
        .await?;
        *self.inside.lock().map_err(|_| anyhow::anyhow!("a test has panicked"))? = Some(root);
        Ok(())
    }

    /// Into the widget, in a frame or without one.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn enter(&self, framed: bool) -> Result<()> {
        if framed { self.enter_widget().await } else { self.enter_shadow().await }
    }

    /// Waits until a script returns this.
    ///
    /// # Errors
    /// When it does not in time; says what it returned instead.
    pub async fn returns(&self, script: &str, wanted: serde_json::Value) -> Result<()> {
        crate::until(script, || async {
            let found = self.script(script).await?;
            anyhow::ensure!(found == wanted, "it is {found} instead of {wanted}");
            Ok(())
        })
        .await
    }

    /// Waits until the browser shows a page below this address.
    ///
    /// # Errors
    /// When it does not in time; says where it is instead.
    pub async fn arrives(&self, site: &str) -> Result<()> {
        crate::until(&format!("a page of {site}"), || async {
            let address = self.driver.current_url().await?;
            anyhow::ensure!(address.as_str().starts_with(site), "the address is {address}");
            Ok(())
        })
        .await
    }

    /// Chooses this value of a list.
    ///
    /// # Errors
    /// When there is none in time, or it has no such value.
    pub async fn choose(&self, mark: &str, value: &str) -> Result<()> {
        let list = self.find(mark).await?;
        Ok(list.find(By::Css(format!("option[value='{value}']"))).await?.click().await?)
    }

    /// Clicks an element once it can be clicked.
    ///
    /// # Errors
    /// When it cannot in time.
    pub async fn click(&self, mark: &str) -> Result<()> {
        crate::until(mark, || async { self.find(mark).await?.click().await.map_err(Into::into) }).await
    }

    /// Types into an element.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn type_into(&self, mark: &str, text: &str) -> Result<()> {
        Ok(self.find(mark).await?.send_keys(text).await?)
    }

    /// Types into an element and presses Enter.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn say(&self, mark: &str, text: &str) -> Result<()> {
        Ok(self.find(mark).await?.send_keys(text.to_owned() + Key::Enter).await?)
    }

    /// The texts of all shown elements with this mark.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn texts(&self, mark: &str) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        for element in self.all(&marked(mark)).await? {
            texts.push(element.text().await?);
        }
        Ok(texts)
    }

    /// Waits until an element with this mark shows this text.
    ///
    /// # Errors
    /// When none does in time; says what was shown instead.
    pub async fn shows(&self, mark: &str, text: &str) -> Result<()> {
        crate::until(&format!("{mark} to show {text:?}"), || async {
            let texts = self.texts(mark).await?;
            anyhow::ensure!(texts.iter().any(|shown| shown.contains(text)), "shown instead: {texts:?}");
            Ok(())
        })
        .await
    }

    /// Into the widget's frame, once it is there. [`Browser::leave`] leads back.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn enter_widget(&self) -> Result<()> {
        self.leave().await?;
        crate::until("the widget's frame", || async {
            let frame = self.driver.find(By::Css("iframe[src*='/widget/']")).await?;
            frame.enter_frame().await.map_err(Into::into)
        })
        .await
    }

    /// Back to the page itself.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn leave(&self) -> Result<()> {
        *self.inside.lock().map_err(|_| anyhow::anyhow!("a test has panicked"))? = None;
        Ok(self.driver.enter_default_frame().await?)
    }

    /// Presses keys, wherever the focus is.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn keys(&self, keys: impl Into<TypingData>) -> Result<()> {
        Ok(self.driver.active_element().await?.send_keys(keys.into()).await?)
    }

    /// Shows the page as whoever prefers that colour scheme sees it.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn scheme(&self, scheme: &str) -> Result<()> {
        self.prefers("prefers-color-scheme", scheme).await
    }

    /// Shows the page as whoever has this preference sees it.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn prefers(&self, what: &str, value: &str) -> Result<()> {
        let features = serde_json::json!([{ "name": what, "value": value }]);
        self.devtools("Emulation.setEmulatedMedia", &serde_json::json!({ "features": features }))
            .await
            .map(drop)
    }

    /// Makes the window's content so large, as on a screen of that size.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn size(&self, width: u32, height: u32) -> Result<()> {
        let size =
            serde_json::json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size).await.map(drop)
    }

    /// The page sleeps, as on a machine whose lid is closed, or wakes up: no timer of it runs meanwhile.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn sleeps(&self, sleeps: bool) -> Result<()> {
        let state = if sleeps { "frozen" } else { "active" };
        self.devtools("Page.setWebLifecycleState", &serde_json::json!({ "state": state })).await.map(drop)
    }

    /// What the page's main thread has done since this was first asked, in milliseconds: scripts, styles, layout.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn work(&self) -> Result<[f64; 3]> {
        self.devtools("Performance.enable", &serde_json::json!({})).await?;
        let answer = self.devtools("Performance.getMetrics", &serde_json::json!({})).await?;
        let metrics = answer["metrics"].as_array().cloned().unwrap_or_default();
        let of = |name: &str| {
            let metric = metrics.iter().find(|metric| metric["name"] == name);
            metric.and_then(|metric| metric["value"].as_f64()).unwrap_or_default() * 1_000.0
        };
        Ok(["ScriptDuration", "RecalcStyleDuration", "LayoutDuration"].map(of))
    }

    /// Runs a script in every page from now on, before the page's own.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn before_each_page(&self, script: &str) -> Result<()> {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", &serde_json::json!({ "source": script }))
            .await
            .map(drop)
    }

    /// Scrolls what is at this place as a person does with a wheel: so many pixels down, or up where they are negative, at so
    /// many a second. Until it is done.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn scroll(&self, (x, y): (f64, f64), pixels: f64, a_second: f64) -> Result<()> {
        let gesture = serde_json::json!({
            "x": x, "y": y, "yDistance": -pixels, "speed": a_second, "gestureSourceType": "mouse",
        });
        self.devtools("Input.synthesizeScrollGesture", &gesture).await.map(drop)
    }

    /// Draws with the left button held from one place over others to the last, as the mouse does; `meanwhile` runs before the
    /// last move.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn draw(&self, places: [(f64, f64); 2], meanwhile: &str, last: &str) -> Result<()> {
        let event = |kind: &str, (x, y): (f64, f64), buttons: u8| serde_json::json!({ "type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1 });
        let [from, over] = places;
        self.devtools("Input.dispatchMouseEvent", &event("mousePressed", from, 1)).await?;
        self.devtools("Input.dispatchMouseEvent", &event("mouseMoved", over, 1)).await?;
        self.script(meanwhile).await?;
        let to = serde_json::from_value(self.script(last).await?)?;
        self.devtools("Input.dispatchMouseEvent", &event("mouseMoved", to, 1)).await?;
        self.devtools("Input.dispatchMouseEvent", &event("mouseReleased", to, 0)).await.map(drop)
    }

    async fn devtools(&self, command: &str, members: &serde_json::Value) -> Result<serde_json::Value> {
        let command = serde_json::json!({ "cmd": command, "params": members });
        let url = format!("{}/session/{}/goog/cdp/execute", self.address, self.driver.session_id());
        let answer = reqwest::Client::new().post(url).json(&command).send().await?.error_for_status()?;
        Ok(answer.json::<serde_json::Value>().await?["value"].take())
    }

    /// Everything that was written down since the browser was started, by [`Browsers::open_traced`].
    ///
    /// # Errors
    /// WebDriver's.
    pub(crate) async fn written_down(&self) -> Result<Vec<serde_json::Value>> {
        let url = format!("{}/session/{}/se/log", self.address, self.driver.session_id());
        let ask = serde_json::json!({ "type": "performance" });
        let answer = reqwest::Client::new().post(url).json(&ask).send().await?.error_for_status()?;
        let mut answer = answer.json::<serde_json::Value>().await?;
        let entries = answer["value"].as_array_mut().context("no list")?;
        let said = entries.iter_mut().filter_map(|entry| entry["message"].as_str());
        said.map(|text| Ok(serde_json::from_str::<serde_json::Value>(text)?["message"]["params"].take()))
            .collect()
    }

    /// What a script returns.
    ///
    /// # Errors
    /// The script's.
    pub async fn script(&self, script: &str) -> Result<serde_json::Value> {
        Ok(self.driver.execute(script, Vec::new()).await?.json().clone())
    }

    /// Pictures of the window in light and in dark, and on a tablet, where `BATON_SCREENSHOTS` names a folder for them.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn pictures(&self, name: &str) -> Result<()> {
        if std::env::var_os("BATON_SCREENSHOTS").is_none() {
            return Ok(());
        }
        let scheme = |scheme: &str| format!("document.documentElement.style.colorScheme = '{scheme}'");
        self.picture(name).await?;
        self.script(&scheme("dark")).await?;
        self.picture(&format!("{name}-dark")).await?;
        self.script(&scheme("")).await?;
        self.driver.set_window_rect(0, 0, 834, 1112).await?;
        self.picture(&format!("{name}-tablet")).await?;
        Ok(self.driver.set_window_rect(0, 0, 1280, 860).await?)
    }

    /// A picture of the window, where `BATON_SCREENSHOTS` names a folder for it.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn picture(&self, name: &str) -> Result<()> {
        if let Some(folder) = std::env::var_os("BATON_SCREENSHOTS") {
            let path = std::path::Path::new(&folder).join(format!("{name}.png"));
            self.driver.screenshot(&path).await?;
        }
        Ok(())
    }
}

fn marked(mark: &str) -> String {
    format!("[data-test='{mark}']")
}
