//! Rows of a list, each made once and never moved while others come and go: what is marked in them stays marked.
//! (`For` takes those that stay out of the page for a moment when several come before them, and the browser forgets what was
//! marked there.)

use leptos::html::ElementType;
use leptos::prelude::*;
use leptos::tachys::view::any_view::AnyViewState;
use wasm_bindgen::JsCast;

/// A row in the page.
struct Row<K> {
    key: K,
    owner: Owner,
    state: AnyViewState,
}

/// Keeps these rows in a list, in the order of their keys, which no two have in common.
pub fn keep<E, K, T>(
    list: NodeRef<E>,
    rows: impl Fn() -> Vec<(K, T)> + 'static,
    draw: impl Fn(T) -> AnyView + 'static,
) where
    E: ElementType + 'static,
    E::Output: JsCast + Clone + AsRef<web_sys::Element> + 'static,
    K: Ord + 'static,
    T: 'static,
{
    // What belongs to a row lives as long as the row, and no longer than the list.
    let owner = Owner::current().unwrap_or_default();
    let mut shown: Vec<Row<K>> = Vec::new();
    Effect::new(move |_| {
        let (wanted, Some(list)) = (rows(), list.get()) else { return };
        let mut at = 0;
        for (key, row) in wanted {
            while shown.get(at).is_some_and(|row| row.key < key) {
                remove(shown.remove(at));
            }
            if shown.get(at).is_none_or(|row| row.key != key) {
                let owner = owner.child();
                let mut state = owner.with(|| untrack(|| draw(row).build()));
                match shown.get(at) {
                    Some(next) => {
                        next.state.insert_before_this(&mut state);
                    }
                    None => state.mount(list.as_ref(), None),
                }
                shown.insert(at, Row { key, owner, state });
            }
            at += 1;
        }
        shown.drain(at..).for_each(remove);
    });
}

fn remove<K>(mut row: Row<K>) {
    row.state.unmount();
    row.owner.cleanup();
}
