//! What the customer sees and does. Fills the page in `static/widget.html`.

mod lines;
mod words;

use baton_core::client::{Connection, Ending, Opening, View};
use baton_protocol::model::Phase;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use web_sys::{
    Document, Element, Event, HtmlElement, HtmlInputElement, HtmlTextAreaElement, KeyboardEvent,
    VisibilityState,
};

use crate::settings::Site;
use crate::text::{join, number};

#[wasm_bindgen(raw_module = "./page.js")]
extern "C" {
    /// Takes a company's colour over, if it is one.
    fn accent(colour: &str);
}

/// What the customer does.
pub enum Act {
    /// Opens or closes the window.
    Open(bool),
    /// Sends the form.
    Start(Opening),
    /// Sends a message.
    Say(String),
    /// Writes.
    Typing,
    /// Scrolls, and may see more.
    Look,
    /// Ends the chat.
    End,
    /// Has left the site.
    Leave,
    /// Wants a new chat after one that has ended, or this one here.
    Again,
}

/// The page.
pub struct Ui {
    document: Document,
    lines: lines::Lines,
    open: bool,
    area: String,
    accent: String,
    unread: u32,
    menu: bool,
}

impl Ui {
    /// The page as it came.
    pub fn new(document: Document) -> Self {
        let lines = lines::Lines::new(&document);
        Self {
            document,
            lines,
            open: false,
            area: String::new(),
            accent: String::new(),
            unread: 0,
            menu: false,
        }
    }

    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The page's language.
    pub fn language(&self) -> String {
        self.document.document_element().and_then(|root| root.get_attribute("lang")).unwrap_or_default()
    }

    fn body(&self) -> HtmlElement {
        self.document.body().unwrap_throw()
    }

    fn get<T: JsCast>(&self, id: &str) -> T {
        self.document.get_element_by_id(id).unwrap_throw().unchecked_into()
    }

    fn flag(&self, name: &str, on: bool) {
        let body = self.body();
        _ = if on { body.set_attribute(name, "") } else { body.remove_attribute(name) };
    }

    /// Writes a text where it is not there already: assistive technology tells every change.
    fn text(&self, id: &str, text: &str) {
        let element: Element = self.get(id);
        if element.text_content().as_deref() != Some(text) {
            element.set_text_content(Some(text));
        }
    }

    fn show(&self, id: &str, shown: bool) {
        self.get::<HtmlElement>(id).set_hidden(!shown);
    }

    fn value(&self, id: &str) -> String {
        self.get::<HtmlInputElement>(id).value().trim_ascii().to_owned()
    }

    fn composer(&self) -> HtmlTextAreaElement {
        self.get("text")
    }

    /// The widget is a page of its own: always open, over the whole page.
    pub fn be_alone(&self) {
        self.flag("data-alone", true);
        self.flag("data-full", true);
    }

    /// Prepares the form with what the site knows.
    pub fn form(&mut self, site: &Site) {
        for (id, value) in [("name", &site.name), ("email", &site.email)] {
            self.get::<HtmlInputElement>(id).set_value(value);
            self.show(&join(&[id, "-box"]), value.is_empty());
        }
        self.area.clone_from(&site.area);
        // `widget.js` has filled in what there is to choose from.
        self.show("area-box", site.area.is_empty());
    }

    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the customer is at work here, and not on the page around.
    pub fn has_focus(&self) -> bool {
        self.document.has_focus().unwrap_or_default()
    }

    pub fn is_visible(&self) -> bool {
        self.document.visibility_state() == VisibilityState::Visible
    }

    /// Whether the end of the transcript is before somebody's eyes.
    pub fn is_seen(&self) -> bool {
        self.open && self.is_visible() && self.lines.at_end()
    }

    /// Opens or closes the window.
    pub fn open(&mut self, open: bool) {
        self.open = open;
        self.flag("data-open", open);
        self.menu(false);
        _ = self
            .get::<Element>("launcher")
            .set_attribute("aria-expanded", if open { "true" } else { "false" });
        if open {
            self.lines.to_end();
        }
    }

    /// Moves the focus to where the customer goes on.
    pub fn focus(&self) {
        let view = self.body().get_attribute("data-view").unwrap_or_default();
        let id = match view.as_str() {
            _ if !self.open => "launcher",
            "chat" => "text",
            "form" if self.value("name").is_empty() => "name",
            "form" => "question",
            _ => "again",
        };
        _ = self.get::<HtmlElement>(id).focus();
    }

    fn menu(&mut self, open: bool) {
        self.menu = open;
        self.show("menu", open);
        _ = self.get::<Element>("more").set_attribute("aria-expanded", if open { "true" } else { "false" });
    }

    pub fn clear_composer(&self) {
        self.composer().set_value("");
        self.grow();
    }

    /// The composer is as high as its text.
    fn grow(&self) {
        let composer = self.composer();
        let style = composer.style();
        _ = style.set_property("height", "auto");
        let height = number(composer.scroll_height().unsigned_abs() + 2);
        _ = style.set_property("height", &join(&[&height, "px"]));
    }

    /// What an event of the browser means.
    pub fn act(&mut self, event: &Event) -> Option<Act> {
        let target: Element = event.target()?.dyn_into().ok()?;
        match event.type_().as_str() {
            "click" => self.clicked(&target),
            // Every form here is sent by a script.
            "submit" => {
                event.prevent_default();
                match target.id().as_str() {
                    "form" => Some(Act::Start(self.opening())),
                    "composer" => self.say(),
                    _ => None,
                }
            }
            "keydown" => self.key(event.unchecked_ref(), &target),
            "input" if target.id() == "text" => {
                self.grow();
                Some(Act::Typing)
            }
            "scroll" => Some(Act::Look),
            _ => None,
        }
    }

    fn clicked(&mut self, target: &Element) -> Option<Act> {
        let what = target.closest("[data-do]").ok()?.and_then(|element| element.get_attribute("data-do"));
        let menu = what.as_deref() == Some("menu") && !self.menu;
        self.menu(menu);
        match what?.as_str() {
            "open" => Some(Act::Open(true)),
            "close" => Some(Act::Open(false)),
            "end" => Some(Act::End),
            "again" => Some(Act::Again),
            _ => None,
        }
    }

    fn key(&mut self, event: &KeyboardEvent, target: &Element) -> Option<Act> {
        match event.key().as_str() {
            "Escape" if self.menu => {
                self.menu(false);
                _ = self.get::<HtmlElement>("more").focus();
                None
            }
            "Escape" if self.body().get_attribute("data-alone").is_none() => Some(Act::Open(false)),
            // An input method's Enter chooses a word.
            "Enter" if target.id() == "text" && !event.shift_key() && !event.is_composing() => {
                event.prevent_default();
                self.say()
            }
            _ => None,
        }
    }

    fn say(&self) -> Option<Act> {
        let text = self.composer().value().trim_ascii().to_owned();
        _ = self.composer().focus();
        (!text.is_empty()).then_some(Act::Say(text))
    }

    fn opening(&self) -> Opening {
        let area = if self.area.is_empty() { self.value("area") } else { self.area.clone() };
        let question = self.get::<HtmlTextAreaElement>("question");
        let opening = Opening {
            area,
            name: self.value("name"),
            email: self.value("email"),
            subject: String::new(),
            question: question.value().trim_ascii().to_owned(),
        };
        question.set_value("");
        opening
    }

    /// Shows the view. Answers the number of unread messages when it has changed.
    pub fn render(&mut self, view: &View<'_>) -> Option<u32> {
        let elsewhere = view.ended == Some(Ending::Elsewhere);
        let name = match &view.ended {
            Some(_) if !elsewhere => "over",
            _ if elsewhere => "chat",
            _ if view.connection == Connection::Idle => "form",
            _ => "chat",
        };
        let body = self.body();
        _ = body.set_attribute("data-view", name);
        body.set_hidden(false);
        self.brand(view);
        self.flag("data-waits", view.connection == Connection::Online && view.phase == Some(&Phase::Waiting));
        self.flag("data-elsewhere", elsewhere);
        // The other window says that itself.
        if !elsewhere {
            self.text("state", &words::state(view));
            self.show("typing", view.typing && name == "chat");
        }
        let notice = view.notice.map(words::notice).unwrap_or_default();
        self.text("notice", &notice);
        self.show("notice", !notice.is_empty());
        if let Some(ending) = &view.ended {
            let (why, again) = words::ending(ending);
            self.text("why", &why);
            self.text("again", &again);
        }
        if name == "form" && !view.unsent.is_empty() {
            let question: HtmlTextAreaElement = self.get("question");
            if question.value().is_empty() {
                question.set_value(view.unsent);
            }
        }
        self.lines.render(view);
        self.badge(view.unread)
    }

    fn brand(&mut self, view: &View<'_>) {
        self.text("brand", &view.brand.name);
        self.text("mark", initial(&view.brand.name));
        if self.accent != view.brand.accent {
            self.accent.clone_from(&view.brand.accent);
            accent(&self.accent);
        }
    }

    fn badge(&mut self, unread: u32) -> Option<u32> {
        if unread == self.unread {
            return None;
        }
        self.unread = unread;
        self.text("badge", &if unread > 9 { "9+".to_owned() } else { number(unread) });
        self.show("badge", unread > 0);
        Some(unread)
    }
}

/// A name's first letter.
fn initial(name: &str) -> &str {
    name.get(..name.ceil_char_boundary(1)).unwrap_or_default()
}
