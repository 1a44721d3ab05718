//! Whoever works with the keyboard keeps their place: what had the focus may be gone or be disabled by what it did, and
//! then the focus would be nowhere.

use std::cell::RefCell;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::driver::{console, element};

/// Where the focus goes, the first that is there: a dialog that is open, a page beside the desk, the way back from an end,
/// the chat in front, the next customer, the way to everything.
const PLACES: [&str; 8] = [
    "[open] :enabled",
    ".office h2",
    "[data-test=keep]",
    "[data-test=composer]",
    "[data-test=dismiss]",
    ".pane [data-test=transcript]",
    "[data-test=pick-up]:enabled",
    "[data-test=find]",
];

thread_local! {
    static LAST: RefCell<Option<HtmlElement>> = const { RefCell::new(None) };
}

/// Looks after it from now on.
pub fn start() {
    window_event_listener(leptos::ev::focusin, |event| {
        LAST.set(event.target().and_then(|target| target.dyn_into().ok()));
    });
    // Whoever points beside everything has let go of it.
    window_event_listener(leptos::ev::pointerdown, |_| LAST.set(None));
    Effect::new(|_| {
        (console().track(), super::office::page().track());
        // When everything is as it is going to be.
        request_animation_frame(|| request_animation_frame(look));
    });
}

fn look() {
    let nowhere = document().active_element().is_none_or(|element| element.tag_name() == "BODY");
    let Some(last) = LAST.with_borrow(Clone::clone).filter(|_| nowhere) else { return };
    // It may have been disabled for a moment.
    let places = PLACES.iter().filter_map(|place| element::<HtmlElement>(place));
    let place = std::iter::once(last).chain(places).find(takes_focus);
    let _ = place.map(|place| place.focus());
}

fn takes_focus(element: &HtmlElement) -> bool {
    element.is_connected()
        && element.offset_parent().is_some()
        && !element.matches(":disabled").unwrap_or_default()
}
