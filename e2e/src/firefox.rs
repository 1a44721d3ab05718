//! Headless Firefox, by WebDriver BiDi: Debian has the browser and no driver for it, and Firefox speaks the protocol
//! itself.

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// What Firefox prints before the address of its socket.
const LISTENS: &str = "WebDriver BiDi listening on ";

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// A browser with one window.
pub struct Firefox {
    socket: Mutex<Socket>,
    count: AtomicU64,
    window: String,
    /// Where elements of the widget are looked for, in its frame or on the page.
    root: &'static str,
    child: Child,
    _profile: tempfile::TempDir,
}

impl Firefox {
    /// Starts it with a profile of its own.
    ///
    /// # Errors
    /// When it is not installed or does not answer.
    pub async fn start() -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut command = std::process::Command::new("firefox-esr");
        command
            .args(["--headless", "--no-remote", "--remote-debugging-port=0", "--profile"])
            .arg(profile.path())
            .arg("about:blank")
            .env("MOZ_DISABLE_CONTENT_SANDBOX", "1")
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A group of its own, its content processes in it: none of them outlives the test.
            .process_group(0);
        let mut child = Command::from(command)
            .spawn()
            .context("Firefox is not installed: `cargo xtask test` installs it on Debian")?;
        let mut lines = BufReader::new(child.stderr.take().context("no standard error")?).lines();
        let address = tokio::time::timeout(crate::LIMIT, async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, address)) = line.split_once(LISTENS) {
                    return Ok(address.trim().to_owned());
                }
            }
            bail!("Firefox has ended")
        });
        let address = address.await.context("Firefox does not say where it listens")??;
        // What it has to say later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let (socket, _) = connect_async(format!("{address}/session")).await?;
        let mut firefox = Self {
            socket: Mutex::new(socket),
            count: AtomicU64::new(1),
            window: String::new(),
            root: "document",
            child,
            _profile: profile,
        };
        firefox.call("session.new", json!({ "capabilities": {} })).await?;
        let tree = firefox.call("browsingContext.getTree", json!({})).await?;
        firefox.window = text(&tree["contexts"][0]["context"])?;
        Ok(firefox)
    }

    async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let id = self.count.fetch_add(1, Ordering::Relaxed);
        let mut socket = self.socket.lock().await;
        let command = json!({ "id": id, "method": method, "params": params }).to_string();
        socket.send(Message::Text(command.into())).await?;
        let answer = tokio::time::timeout(crate::LIMIT, async {
            while let Some(message) = socket.next().await {
                let Message::Text(text) = message? else { continue };
                let answer: Value = serde_json::from_str(&text)?;
                if answer["id"] == id {
                    return Ok(answer);
                }
            }
            bail!("Firefox has closed its socket")
        });
        let answer = answer.await.with_context(|| format!("Firefox does not answer {method}"))??;
        ensure!(answer["type"] == "success", "{method}: {answer}");
        Ok(answer["result"].clone())
    }

    /// Goes to an address.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn go(&self, url: &str) -> Result<()> {
        let params = json!({ "context": self.window, "url": url, "wait": "complete" });
        self.call("browsingContext.navigate", params).await.map(drop)
    }

    /// The widget is an element of the page from now on.
    pub fn without_frame(&mut self) {
        self.root = "document.querySelector('html > div').shadowRoot";
    }

    /// The widget's frame, once it is there, or the page.
    async fn frame(&self) -> Result<String> {
        if self.root != "document" {
            return Ok(self.window.clone());
        }
        let tree = self.call("browsingContext.getTree", json!({ "root": self.window })).await?;
        let frames = tree["contexts"][0]["children"].as_array().cloned().unwrap_or_default();
        let is = |frame: &&Value| frame["url"].as_str().is_some_and(|url| url.contains("/widget/"));
        text(&frames.iter().find(is).context("there is no widget")?["context"])
    }

    /// What an expression in the widget's frame is.
    ///
    /// # Errors
    /// The expression's.
    pub async fn widget(&self, expression: &str) -> Result<Value> {
        let target = json!({ "context": self.frame().await? });
        let params = json!({ "expression": expression, "target": target, "awaitPromise": true });
        let answer = self.call("script.evaluate", params).await?;
        ensure!(answer["type"] == "success", "{expression}: {answer}");
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an element of the widget's with this `data-test` mark shows this text.
    ///
    /// # Errors
    /// When none does in time.
    pub async fn shows(&self, mark: &str, wanted: &str) -> Result<()> {
        let root = self.root;
        let all = format!(
            "[...{root}.querySelectorAll(\"[data-test='{mark}']\")].map((it) => it.innerText).join('\\n')"
        );
        crate::until(&format!("{mark} to show {wanted:?}"), || async {
            let shown = self.widget(&all).await?;
            ensure!(shown.as_str().is_some_and(|shown| shown.contains(wanted)), "it shows {shown}");
            Ok(())
        })
        .await
    }

    /// Clicks an element of the widget's once it is shown.
    ///
    /// # Errors
    /// When it is not in time.
    pub async fn click(&self, mark: &str) -> Result<()> {
        self.on(mark, "click").await
    }

    /// Opens the widget's window and asks a first question.
    ///
    /// # Errors
    /// When a step cannot be done in time.
    pub async fn ask(&self, question: &str) -> Result<()> {
        self.click("launcher").await?;
        self.type_into("name", "Carla").await?;
        self.type_into("question", question).await?;
        self.click("start").await?;
        self.shows("message", question).await
    }

    /// Types into an element of the widget's, key by key, once a click has given it the focus.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn type_into(&self, mark: &str, keys: &str) -> Result<()> {
        self.on(mark, "focus").await?;
        let context = self.frame().await?;
        let params = json!({
            "expression": format!("{}.querySelector(\"[data-test='{mark}']\")", self.root),
            "target": { "context": context }, "awaitPromise": false,
        });
        let element = self.call("script.evaluate", params).await?["result"]["sharedId"].clone();
        let origin = json!({ "type": "element", "element": { "sharedId": element } });
        let pointer = json!([
            { "type": "pointerMove", "x": 0, "y": 0, "origin": origin },
            { "type": "pointerDown", "button": 0 }, { "type": "pointerUp", "button": 0 },
        ]);
        let click = json!([{ "type": "pointer", "id": "mouse", "actions": pointer }]);
        self.call("input.performActions", json!({ "context": context, "actions": click })).await?;
        self.press(keys).await
    }

    /// Keys, as a keyboard sends them: to whatever has the focus in the widget.
    ///
    /// # Errors
    /// WebDriver's.
    pub async fn press(&self, keys: &str) -> Result<()> {
        let key = |key: char| {
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        };
        let actions: Vec<Value> = keys.chars().flat_map(key).collect();
        let keyboard = json!([{ "type": "key", "id": "keyboard", "actions": actions }]);
        let context = self.frame().await?;
        self.call("input.performActions", json!({ "context": context, "actions": keyboard })).await.map(drop)
    }

    /// Waits until an element of the widget's has the focus.
    ///
    /// # Errors
    /// When it has not in time.
    pub async fn at(&self, mark: &str) -> Result<()> {
        let root = self.root;
        crate::until(&format!("the focus at {mark}"), || async {
            let now = self.widget(&format!("{root}.activeElement?.dataset.test")).await?;
            ensure!(now == mark, "it is at {now}");
            Ok(())
        })
        .await
    }

    async fn on(&self, mark: &str, what: &str) -> Result<()> {
        let root = self.root;
        let act = format!(
            "(() => {{ const it = {root}.querySelector(\"[data-test='{mark}']\"); \
             if (!it?.checkVisibility()) return false; it.{what}(); return true; }})()"
        );
        crate::until(&format!("{mark} to be shown"), || async {
            ensure!(self.widget(&act).await? == true, "it is not shown");
            Ok(())
        })
        .await
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        if let Some(pid) = self.child.id() {
            crate::company::kill_group_of(pid);
        }
    }
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("no text: {value}"))
}
