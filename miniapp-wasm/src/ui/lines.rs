//! The transcript: lines that are added, moved and marked, never drawn anew.

use baton_core::client::{Line, Mark, View, What};
use baton_protocol::MessageId;
use baton_protocol::model::{DocumentCard, Event};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, UnwrapThrowExt};
use web_sys::{Document, Element, HtmlElement};

use super::words;

#[wasm_bindgen(raw_module = "./page.js")]
extern "C" {
    /// Puts a text into an element, its links to be followed.
    fn fill(element: &Element, text: &str);
    /// Hours and minutes of a moment.
    fn time(at: f64) -> String;
    /// Bytes of a file, for people.
    fn size(bytes: f64) -> String;
}

/// Bytes of an image that is shown without being asked for.
const PREVIEW: u64 = 5 * 1024 * 1024;

/// Pixels from the end that still count as the end.
const NEAR: i32 = 40;

/// The transcript's lines on the page.
pub struct Lines {
    document: Document,
    log: HtmlElement,
    list: Element,
    rows: Vec<Row>,
}

struct Row {
    id: MessageId,
    class: String,
    element: Element,
}

impl Lines {
    pub fn new(document: &Document) -> Self {
        let get = |id| document.get_element_by_id(id).unwrap_throw();
        let (log, list) = (get("log").unchecked_into(), get("lines"));
        Self { document: document.clone(), log, list, rows: Vec::new() }
    }

    /// Whether the end is in sight. Where there are no lines it is, and the browser need not lay the page out to say so.
    pub fn at_end(&self) -> bool {
        self.rows.is_empty()
            || self.log.scroll_height() - self.log.scroll_top() - self.log.client_height() < NEAR
    }

    /// Scrolls there.
    pub fn to_end(&self) {
        if !self.rows.is_empty() {
            self.log.set_scroll_top(self.log.scroll_height());
        }
    }

    /// Makes the page show these lines.
    pub fn render(&mut self, view: &View<'_>) {
        let follow = self.at_end();
        let mut news = false;
        let mut spoke_last = false;
        let last_own = view.lines.iter().rposition(|line| speaker(line) == Some(""));
        for (place, line) in view.lines.iter().enumerate() {
            let before = place.checked_sub(1).and_then(|place| view.lines.get(place));
            let class = class(line, before, last_own == Some(place));
            if self.put(place, line, class) {
                news = true;
                spoke_last = speaker(line) == Some("");
            }
        }
        for row in self.rows.drain(view.lines.len()..) {
            row.element.remove();
        }
        if follow && news || spoke_last {
            self.to_end();
        }
    }

    /// Puts a line in its place. Says whether it is a new one.
    fn put(&mut self, place: usize, line: &Line, class: String) -> bool {
        let known = self.rows.iter().skip(place).position(|row| row.id == line.id);
        let mut row = match known {
            Some(0) => {
                let row = &mut self.rows[place];
                if row.class != class {
                    row.element.set_class_name(&class);
                    row.class = class;
                }
                return false;
            }
            Some(further) => self.rows.remove(place + further),
            None => Row { id: line.id, class: String::new(), element: self.build(line) },
        };
        let next = self.rows.get(place).map(|row| row.element.unchecked_ref());
        _ = self.list.insert_before(&row.element, next);
        row.element.set_class_name(&class);
        row.class = class;
        self.rows.insert(place, row);
        known.is_none()
    }

    fn make(&self, tag: &str, class: &str, text: &str) -> Element {
        let element = self.document.create_element(tag).unwrap_throw();
        element.set_class_name(class);
        element.set_text_content(Some(text));
        element
    }

    fn build(&self, line: &Line) -> Element {
        let item = self.make("li", "", "");
        let (test, text) = match &line.what {
            What::Own(text, _) => ("message", self.bubble(text, line)),
            What::Agent(name, text) => {
                _ = item.append_child(&self.make("b", "", name));
                ("message", self.bubble(text, line))
            }
            What::OwnDocument(card, _) => ("message", self.document(card, line)),
            What::AgentDocument(name, card) => {
                _ = item.append_child(&self.make("b", "", name));
                ("message", self.document(card, line))
            }
            What::System(text) => ("event", self.make("span", "", text)),
            What::Event(event) => ("event", self.make("span", "", &words::event(event))),
            What::With(name) => ("event", self.make("span", "", &words::now_with(name))),
            What::Here => ("here", self.make("span", "", "")),
        };
        _ = item.set_attribute("data-test", test);
        _ = item.append_child(&text);
        item
    }

    fn bubble(&self, text: &str, line: &Line) -> Element {
        let bubble = self.make("div", "bubble", "");
        _ = bubble.set_attribute("title", &time_of(line));
        fill(&bubble, text);
        bubble
    }

    /// `files.js` loads what the button asks for, and the picture.
    fn document(&self, card: &DocumentCard, line: &Line) -> Element {
        let bubble = self.make("div", "bubble", "");
        _ = bubble.set_attribute("title", &time_of(line));
        if card.media_type.starts_with("image/") && card.size <= PREVIEW {
            let picture = self.make("img", "", "");
            set(
                &picture,
                &[("data-preview", &card.sha256), ("data-test", "preview"), ("alt", ""), ("hidden", "")],
            );
            _ = bubble.append_child(&picture);
        }
        let button = self.make("button", "", &card.name);
        set(&button, &[("type", "button"), ("data-test", "download"), ("data-file", &card.sha256)]);
        _ = bubble.append_child(&button);
        _ = bubble.append_child(&self.make("small", "", &size(card.size as f64)));
        bubble
    }
}

fn set(element: &Element, attributes: &[(&str, &str)]) {
    attributes.iter().for_each(|(name, value)| _ = element.set_attribute(name, value));
}

/// Hours and minutes, local.
#[expect(clippy::cast_precision_loss, reason = "a moment in this millennium")]
fn time_of(line: &Line) -> String {
    time(line.at.0 as f64)
}

/// Who says a line: an agent's name, or nobody's for the customer.
fn speaker(line: &Line) -> Option<&str> {
    match &line.what {
        What::Own(..) | What::OwnDocument(..) => Some(""),
        What::Agent(name, _) | What::AgentDocument(name, _) => Some(name),
        _ => None,
    }
}

fn class(line: &Line, before: Option<&Line>, last: bool) -> String {
    let first = before.is_none_or(|before| match (speaker(line), speaker(before)) {
        (Some(this), Some(other)) => this != other,
        _ => true,
    });
    let mut class = String::from(match &line.what {
        What::Own(_, mark) | What::OwnDocument(_, mark) => match mark {
            Mark::Pending => "message own pending",
            Mark::Stored => "message own stored",
            Mark::Seen => "message own seen",
            Mark::Refused => "message own refused",
        },
        What::Agent(..) | What::AgentDocument(..) => "message agent",
        What::With(_) => "event with",
        What::Here => "here",
        // Shown until the end is said below.
        What::Event(Event::Ended(_)) => "event ended",
        What::System(_) | What::Event(_) => "event",
    });
    if first {
        class.push_str(" first");
    }
    if last {
        class.push_str(" last");
    }
    class
}
