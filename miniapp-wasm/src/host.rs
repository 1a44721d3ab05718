//! The site around the widget's frame, spoken to through the loader; or none, when the widget is a page itself.
//!
//! The loader checks what we send as we check what it sends: the right window, the right origin, our messages
//! alone. What a site may ask for is what its own visitor may do anyway.

use baton_core::client::Claim;
use baton_protocol::model::Page;
use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Event, MessageEvent, Window};

use crate::settings::{Site, get, page, text};

/// The site.
pub struct Host {
    window: Window,
    /// The window around the frame.
    parent: Option<Window>,
    /// The site's origin, once it has introduced itself. Nobody else is heard or told anything after that.
    origin: Option<String>,
}

/// What the site says.
pub enum Word {
    /// It introduces itself.
    Init(Site, Option<Page>, Option<Claim>),
    /// The customer is on another page (M5).
    Browsed(Page),
    /// The site knows more of its customer now.
    Knows(Site),
    /// A transfer has led to this very page.
    Arrived(Claim),
    /// Open or close the window; the other way round when nothing is said.
    Open(Option<bool>),
    /// End everything and leave nothing behind (M4).
    Shutdown,
}

impl Host {
    /// Greets the site, if there is one.
    pub fn new(window: &Window, framed: bool) -> Self {
        let parent = window.parent().ok().flatten().filter(|_| framed);
        let host = Self { window: window.clone(), parent, origin: None };
        host.post("ready", &[]);
        host
    }

    /// Whether the widget is a page of its own.
    pub fn is_alone(&self) -> bool {
        self.parent.is_none()
    }

    fn post(&self, kind: &str, members: &[(&str, JsValue)]) {
        let Some(parent) = &self.parent else { return };
        let message = Object::new();
        let set = |name: &str, value: &JsValue| _ = Reflect::set(&message, &name.into(), value);
        set("baton", &1.into());
        set("type", &kind.into());
        members.iter().for_each(|(name, value)| set(name, value));
        // Until the site is known only `ready` is said, which tells nothing.
        let to = self.origin.as_deref().unwrap_or("*");
        if self.origin.is_some() || kind == "ready" {
            _ = parent.post_message(&message, to);
        }
    }

    /// Asks for the space of the window or of the launcher.
    pub fn size(&self, open: bool) {
        self.post("size", &[("open", open.into())]);
    }

    /// Tells the site's own script.
    pub fn tell(&self, name: &str, detail: JsValue) {
        self.post("event", &[("name", name.into()), ("detail", detail)]);
    }

    /// Nothing is left; the frame can go.
    pub fn gone(&self) {
        self.post("gone", &[]);
    }

    /// Sends the browser away (M2). A frame may not do that to the page around it: the loader does.
    pub fn navigate(&self, url: &str) {
        match self.parent {
            Some(_) => self.post("navigate", &[("url", url.into())]),
            None => _ = self.window.location().assign(url),
        }
    }

    /// Sends the browser back to where it came from.
    pub fn back(&self) {
        match self.parent {
            Some(_) => self.post("back", &[]),
            None => _ = self.window.history().and_then(|history| history.back()),
        }
    }

    /// What a message means, if it is one of the site's.
    pub fn word(&mut self, event: &Event) -> Option<Word> {
        let event: &MessageEvent = event.unchecked_ref();
        let source = event.source().map(JsValue::from);
        if source.is_none() || source != self.parent.clone().map(JsValue::from) {
            return None;
        }
        let data = event.data();
        let kind = text(&data, "type");
        if get(&data, "baton") != 1 || self.origin.as_ref().is_some_and(|origin| *origin != event.origin()) {
            return None;
        }
        if kind == "init" {
            self.origin = Some(event.origin());
            let claim = Claim::parse(&text(&data, "claim"));
            return Some(Word::Init(Site::read(&get(&data, "settings")), page(&get(&data, "page")), claim));
        }
        self.origin.as_ref()?;
        Some(match kind.as_str() {
            "set" => Word::Knows(Site::read(&get(&data, "settings"))),
            "page" => Word::Browsed(page(&get(&data, "page"))?),
            "claim" => Word::Arrived(Claim::parse(&text(&data, "claim"))?),
            "do" => match text(&data, "what").as_str() {
                "open" => Word::Open(Some(true)),
                "close" => Word::Open(Some(false)),
                "toggle" => Word::Open(None),
                "shutdown" => Word::Shutdown,
                _ => return None,
            },
            _ => return None,
        })
    }
}
