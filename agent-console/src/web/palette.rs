//! The command palette (Ctrl+K), and what its commands do.

use leptos::prelude::*;

use super::driver::{act, console, focus, now};
use super::parts::modal;
use crate::model::{Command, Console, Palette};
use crate::tongue::{say, t};

/// Does it.
pub fn run(command: Command) {
    act(|console| console.palette = None);
    match command {
        Command::Replies => return super::replies::open(),
        Command::Team => return super::team::open(),
        Command::Keys => return super::keys::open(),
        Command::Page(page) => return super::office::open(page),
        Command::Save => return in_front_as_file(),
        Command::Within => {
            super::office::page().set(None);
            return act(|console| {
                if let Some(id) = console.open {
                    console.look_within(id, String::new());
                }
            });
        }
        Command::Presence(_) | Command::ByHand(_) => {}
        // What is done at the desk is seen there.
        _ => super::office::page().set(None),
    }
    act(|console| match command {
        Command::Open(chat) => console.open(chat),
        Command::PickUp(chat) => console.pick_up(chat),
        Command::PickUpNext => console.pick_up_next(),
        Command::Presence(presence) => console.set_presence(presence),
        Command::ByHand(on) => console.set_by_hand(on),
        Command::List(inbox) => console.show_inbox(inbox),
        Command::SideBySide => console.side_by_side = !console.side_by_side,
        other => in_front(console, other),
    });
    focus("[data-test=composer]");
}

fn in_front_as_file() {
    let text = console().with_untracked(|console| {
        console
            .front()
            .map(|chat| (say("Chat with $1.txt", &[&chat.name()]), chat.as_text(super::tongue::moment)))
    });
    let _ = text.map(|(name, text)| super::files::save_text(&name, &text));
}

fn in_front(console: &mut Console, command: Command) {
    let Some(id) = console.open else { return };
    match command {
        Command::Transfer => console.begin_transfer(id),
        Command::Note => console.set_noting(id, true, now()),
        Command::End => console.end(id, now()),
        Command::Dismiss => console.dismiss(id),
        _ => {}
    }
}

/// See the module.
#[component]
pub fn Commands() -> impl IntoView {
    let open = Memo::new(|_| console().with(|console| console.palette.is_some()));
    view! { <Show when=move || open.get()><Window/></Show> }
}

#[component]
fn Window() -> impl IntoView {
    let window = modal();
    let all = Memo::new(|_| console().with(Console::commands));
    let row =
        Memo::new(|_| console().with(|console| console.palette.as_ref().map_or(0, |palette| palette.row)));
    let key = |event: leptos::ev::KeyboardEvent| match event.key().as_str() {
        "ArrowDown" | "ArrowUp" => {
            event.prevent_default();
            let down = event.key() == "ArrowDown";
            act(|console| console.move_command(down));
        }
        "Enter" => {
            event.prevent_default();
            if let Some(command) = console().with_untracked(Console::command) {
                run(command);
            }
        }
        _ => {}
    };
    let rows = move || all.get().into_iter().enumerate().collect::<Vec<_>>();
    view! {
        <dialog class="palette" node_ref=window aria-label=t("Commands") data-test="palette"
            on:close=|_| act(|console| console.palette = None)>
            <input type="search" role="combobox" aria-label=t("Search commands and chats") autofocus autocomplete="off"
                placeholder=t("Search commands and chats") data-test="palette-search" aria-expanded="true"
                aria-controls="palette-list" aria-activedescendant=move || format!("command-{}", row.get()) on:keydown=key
                on:input:target=|event| {
                    let query = event.target().value();
                    act(|console| console.palette = Some(Palette { query, row: 0 }));
                }/>
            <ul role="listbox" id="palette-list" aria-label=t("Commands")>
                <For each=rows key=|(at, (_, title, _))| (*at, title.clone()) let((at, (command, title, keys)))>
                    <li role="option" id=format!("command-{at}") data-test="command"
                        aria-selected=move || (row.get() == at).to_string() on:click=move |_| run(command)>
                        <span>{title}</span>
                        {(!keys.is_empty()).then(|| view! { <kbd>{keys}</kbd> })}
                    </li>
                </For>
            </ul>
            <Show when=move || all.with(Vec::is_empty)><p class="hint none" role="status">{t("Nothing is called so.")}</p></Show>
        </dialog>
    }
}
