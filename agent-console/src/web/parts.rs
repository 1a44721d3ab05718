//! Small parts that several views share.

use baton_protocol::model::Presence;
use leptos::html;
use leptos::prelude::*;

use super::side::presence_mark;

/// A dialog that opens as soon as it is there. Modal: the browser keeps the focus inside and closes it on Escape.
pub fn modal() -> NodeRef<html::Dialog> {
    let window = NodeRef::<html::Dialog>::new();
    window.on_load(|dialog| {
        let _ = dialog.show_modal();
    });
    window
}

/// Whether an arrow leads to the next of what stands in a row, or to the one before; nothing for another key. Where people
/// read from the right, the next one is on the left.
pub fn onward(key: &str) -> Option<bool> {
    let right_to_left =
        document().document_element().is_some_and(|root| root.get_attribute("dir").as_deref() == Some("rtl"));
    match key {
        "ArrowRight" => Some(!right_to_left),
        "ArrowLeft" => Some(right_to_left),
        _ => None,
    }
}

/// A circle with the first letters of a name, and whether its owner is there.
#[component]
pub fn Avatar(
    #[prop(into)] name: Signal<String>,
    /// Whether a customer is connected.
    #[prop(optional, into)]
    online: Option<Signal<Option<bool>>>,
    /// Whether an agent takes chats.
    #[prop(optional)]
    presence: Option<Presence>,
) -> impl IntoView {
    let letters = move || initials(&name.get());
    let colour = move || {
        (name.get().bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte)) % 6).to_string()
    };
    let state = move || match (online.and_then(|online| online.get()), presence) {
        (Some(true), _) => Some("available"),
        (Some(false), _) => Some("gone"),
        (None, Some(presence)) => Some(presence_mark(presence)),
        (None, None) => None,
    };
    view! { <span class="avatar" aria-hidden="true" data-colour=colour data-state=state>{letters}</span> }
}

fn initials(name: &str) -> String {
    let first = |word: &str| word.chars().find(|letter| letter.is_alphanumeric());
    let mut letters = name.split_whitespace().filter_map(first);
    let (one, last) = (letters.next(), letters.next_back());
    one.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// A drawing of the style sheet's. It says nothing: whatever holds it has a label.
#[component]
pub fn Icon(name: &'static str) -> impl IntoView {
    view! { <i class="glyph" data-icon=name aria-hidden="true"></i> }
}
