//! Emoji for the composer.

use leptos::html::Button;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::tongue::t;

/// The same as the customer's. A screen reader says each one's name in its own language.
const FACES: [&str; 24] = [
    "🙂", "😀", "😂", "😉", "😍", "🤔", "😕", "😢", "😡", "😮", "😴", "🙏", "👍", "👎", "👋", "👏", "💪",
    "🤝", "❤️", "🎉", "🔥", "⭐", "✅", "❌",
];

/// The button, and the box that it opens. The one that was chosen is given to `take`.
#[component]
pub fn Faces(take: impl Fn(&'static str) + Copy + Send + Sync + 'static) -> impl IntoView {
    let (open, button) = (RwSignal::new(false), NodeRef::<Button>::new());
    let one = move |face: &'static str| {
        let chosen = move |_| {
            open.set(false);
            take(face);
        };
        view! { <button class="plain icon" type="button" data-test="face" on:click=chosen>{face}</button> }
    };
    let key = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.stop_propagation();
            open.set(false);
            let _ = button.get_untracked().map(|button| button.focus());
        }
    };
    // Whoever turns to something else has chosen none.
    let left = move |event: leptos::ev::FocusEvent| {
        let now = event.related_target().and_then(|now| now.dyn_into::<web_sys::Element>().ok());
        if now.is_some_and(|now| now.closest(".choosing").ok().flatten().is_none()) {
            open.set(false);
        }
    };
    view! {
        <span class="choosing" on:keydown=key on:focusout=left>
            <button class="plain icon" type="button" node_ref=button data-test="faces" aria-label=t("Emoji") title=t("Emoji")
                aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>"☺"</button>
            <Show when=move || open.get()>
                <span class="faces" role="group" aria-label=t("Emoji")>{FACES.map(one).collect_view()}</span>
            </Show>
        </span>
    }
}
