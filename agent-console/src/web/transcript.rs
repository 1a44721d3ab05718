//! The conversation. Of a long one only those lines are in the page that are in sight or marked, and some beyond them; what is
//! being read stays in its place when others come or go above it.

use std::ops::Range;
use std::sync::Arc;

use baton_protocol::model::{Author, Entry};
use baton_protocol::{ChatId, Seq};
use leptos::html::{Div, Section};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::driver::{act, console, now};
use super::lines::{Leaves, Line, PriorLine, Scene, aloud, leaving, priors, stored};
use super::marked::Shown;
use super::pane::chat_memo;
use super::steady;
use super::tongue::moment;
use super::within::Within;
use crate::model::Chat;
use crate::model::sight::{Heights, Mark, Sight, Window};
use crate::tongue::{say, t};

/// Pixels from the end within which the reader counts as being there.
const NEAR: i32 = 60;

/// How high a conversation is before it has been measured: as on a large screen.
const HIGH: f64 = 1_200.0;

/// New lines that are read out together: after an absence, the last ones.
const ALOUD: usize = 3;

/// Where the reader is in a conversation, and which of its lines are therefore in the page.
#[derive(Clone, Copy)]
struct Reading {
    heights: StoredValue<Heights>,
    sight: RwSignal<Sight>,
    /// The places of what is marked.
    marked: RwSignal<Option<Range<usize>>>,
    window: Memo<Window>,
    /// Where the list was last.
    last: StoredValue<i32>,
    /// Where marking began: the line, and how many letters into it. By the time it ends the line may have left the page.
    began: StoredValue<Option<(Mark, u32)>>,
    /// The reader was told that no more can be marked.
    told: StoredValue<bool>,
}

impl Reading {
    fn new(id: ChatId, revision: Memo<Option<u64>>, earlier: Memo<Vec<usize>>) -> Self {
        let heights = StoredValue::new(Heights::default());
        let (sight, marked) = (RwSignal::new(Sight::End(HIGH)), RwSignal::new(None));
        let held = Memo::new(move |_| {
            let earlier = earlier.read();
            of_chat(id, |chat| heights.update_value(|heights| heights.hold(marks(&earlier, chat))));
            revision.get()
        });
        let window = Memo::new(move |_| {
            held.get();
            heights.with_value(|heights| heights.window(sight.get(), marked.read().as_ref()))
        });
        let (last, began, told) = (StoredValue::new(0), StoredValue::new(None), StoredValue::new(false));
        Self { heights, sight, marked, window, last, began, told }
    }

    /// The lines that are in the page.
    fn shown(self, list: &HtmlElement) -> Shown<'_> {
        let lines = self.window.with_untracked(|window| window.lines.clone());
        Shown { list, lines, earlier: self.heights.with_value(Heights::earlier) }
    }

    /// The reader has moved: other lines may have to be there. Whether they are at the end.
    fn moved(self, list: &HtmlElement) -> bool {
        let height = list.client_height();
        let was_end = matches!(self.sight.get_untracked(), Sight::End(_));
        // The end may have gone on since the list was moved there: only whoever scrolls up has left it.
        let down = list.scroll_top() >= self.last.get_value();
        self.last.set_value(list.scroll_top());
        let end = list.scroll_height() - list.scroll_top() - height < NEAR || was_end && down;
        let (top, height) = (f64::from(list.scroll_top()), f64::from(height));
        let sight = if end { Sight::End(height) } else { Sight::At(top, height) };
        let marked = self.shown(list).marked();
        let next = self.heights.with_value(|heights| heights.window(sight, marked.as_ref()));
        self.tell(marked.as_ref(), &next.lines);
        if was_end != end || next.lines != self.window.read_untracked().lines {
            self.measure(list);
            keep_focus(list);
            keep_place(list);
            self.marked.set(marked);
            self.sight.set(sight);
        }
        end
    }

    /// Says once that what is marked does not fit into the page.
    fn tell(self, marked: Option<&Range<usize>>, lines: &Range<usize>) {
        let cut = marked.is_some_and(|marked| marked.start < lines.start || marked.end > lines.end);
        if cut && !self.told.get_value() {
            let text = t(
                "No more lines can be marked at once. All of it can be saved as a file, among the commands.",
            );
            act(|console| console.notice(text.into(), now()));
        }
        self.told.set_value(marked.is_some() && (cut || self.told.get_value()));
    }

    /// A button of the mouse was released here: something may be marked. With Shift it is marked from where the last marking
    /// began, as the browser does it where that line is still there.
    fn released(self, list: &HtmlElement, shift: bool) {
        let shown = self.shown(list);
        if !shift {
            let began = shown.beginning();
            let mark = |place| self.heights.with_value(|heights| heights.mark(place));
            self.began.set_value(began.and_then(|(place, letters)| Some((mark(place)?, letters))));
            return self.marked.set(shown.marked());
        }
        let began = self.began.get_value();
        let place = |mark| self.heights.with_value(|heights| heights.place(mark));
        let Some((place, letters)) = began.and_then(|(mark, letters)| Some((place(mark)?, letters))) else {
            return;
        };
        let end = super::marked::selection().map(|it| shown.place(it.focus_node(), it.focus_offset()));
        let Some(end) = end.flatten() else { return };
        let marked = place.min(end)..place.max(end) + 1;
        self.measure(list);
        keep_place(list);
        self.marked.set(Some(marked.clone()));
        let list = list.clone();
        // When they are there.
        request_animation_frame(move || {
            let shown = self.shown(&list);
            self.tell(Some(&marked), &shown.lines);
            let there = place.clamp(shown.lines.start, shown.lines.end.saturating_sub(1));
            shown.mark_from(there, if there == place { letters } else { 0 });
        });
    }

    /// Goes to a line, wherever it is.
    fn go_to(self, list: HtmlElement, mark: Mark) {
        self.measure(&list);
        let height = f64::from(list.client_height());
        let top = self.heights.with_value(|heights| Some(heights.top(heights.place(mark)?)));
        let Some(top) = top else { return };
        self.sight.set(Sight::At(top - height / 2.0, height));
        // When it is there.
        request_animation_frame(move || {
            let line = list.query_selector("[data-found]").ok().flatten();
            if let Some(line) = line.and_then(|line| line.dyn_into::<HtmlElement>().ok()) {
                let above = (list.client_height() - line.offset_height()).max(0) / 2;
                list.set_scroll_top(line.offset_top() - list.offset_top() - above);
            }
        });
    }

    /// How high the lines are that are in the page.
    fn measure(self, list: &HtmlElement) {
        let lines = self.window.with_untracked(|window| window.lines.clone());
        self.heights.update_value(|heights| {
            heights.fit(list.client_width());
            let here = heights.earlier();
            heights.saw(lines.start, children(list, ".earlier").take(here.saturating_sub(lines.start)));
            heights.saw(lines.start.max(here), children(list, ".lines"));
        });
    }
}

/// The heights of the elements in this one.
fn children(list: &HtmlElement, of: &str) -> impl Iterator<Item = f64> {
    let first = list.query_selector(of).ok().flatten().and_then(|of| of.first_element_child());
    let all = std::iter::successors(first, Element::next_element_sibling);
    all.filter_map(|line| line.dyn_into::<HtmlElement>().ok()).map(|line| f64::from(line.offset_height()))
}

fn of_chat<T>(id: ChatId, look: impl FnOnce(&Chat) -> T) -> Option<T> {
    console().with_untracked(|console| console.chat(id).map(look))
}

fn marks<'c>(earlier: &'c [usize], chat: &'c Chat) -> impl Iterator<Item = Mark> + 'c {
    earlier.iter().copied().map(Mark::Earlier).chain(chat.lines.keys().copied().map(Mark::Here))
}

/// What is read stays in its place when lines come or go above it and are not as high as they were likely to be.
fn keep_place(list: &HtmlElement) {
    let last = |of| list.query_selector(of).ok().flatten().and_then(|of| of.last_element_child());
    let upwards = |last| std::iter::successors(last, Element::previous_element_sibling);
    let lines = upwards(last(".lines")).chain(upwards(last(".earlier")));
    let lines = lines.filter_map(|line| line.dyn_into::<HtmlElement>().ok());
    let top = list.scroll_top() + list.offset_top();
    let Some(read) = lines.take_while(|line| line.offset_top() >= top).last() else { return };
    let (before, list) = (read.offset_top(), list.clone());
    request_animation_frame(move || {
        let moved = read.offset_top() - before;
        if read.is_connected() && moved != 0 {
            list.set_scroll_top(list.scroll_top() + moved);
        }
    });
}

/// A line that has the focus may leave the page: the focus stays in the conversation.
fn keep_focus(list: &HtmlElement) {
    let inside = document().active_element().filter(|element| list.contains(Some(element)));
    if let Some(element) = inside.filter(|element| *element != **list) {
        let list = list.clone();
        request_animation_frame(move || {
            if !element.is_connected() {
                let _ = list.focus();
            }
        });
    }
}

/// See the module.
#[component]
pub fn Transcript(id: ChatId) -> impl IntoView {
    let list = NodeRef::<Div>::new();
    // Whoever reads further up stays there.
    let (at_end, behind) = (StoredValue::new(true), RwSignal::new(false));
    let revision = chat_memo(id, |chat| Some(chat.revision));
    let earlier = Memo::new(move |_| {
        revision.get();
        of_chat(id, Chat::earlier_places).unwrap_or_default()
    });
    let reading = Reading::new(id, revision, earlier);
    let window = reading.window;
    let typing = chat_memo(id, |chat| chat.is_typing().then(|| say("$1 is typing…", &[&chat.name()])));
    let preview = chat_memo(id, |chat| Some(chat.preview.clone()).filter(|text| !text.is_empty()));
    let seen = chat_memo(id, |chat| Some(chat.seen));
    let sought = Memo::new(move |_| {
        let query = console().with(|console| console.within.clone()).filter(|within| within.chat == id)?;
        revision.get();
        of_chat(id, |chat| chat.with_words(&earlier.read(), &query.query))
    });
    let found = Memo::new(move |_| {
        console().with(|console| console.within.as_ref().filter(|within| within.chat == id)?.at)
    });
    let scene = Scene { id, seen, found };
    // Beside each other there are several.
    let name = chat_memo(id, |chat| Some(chat.name()));
    let label = move || format!("{}: {}", t("Conversation"), name.get().unwrap_or_default());
    let to_end = move || {
        // By the next frame the pane may be gone.
        if let Some(list) = list.try_get_untracked().flatten() {
            list.set_scroll_top(list.scroll_height());
        }
    };
    Effect::new(move |_| {
        revision.get();
        typing.track();
        preview.track();
        if !at_end.get_value() || found.read_untracked().is_some() {
            behind.set(true);
        }
    });
    Effect::new(move |_| {
        (revision.get(), typing.track(), preview.track(), window.track());
        // Whoever looks for something reads where it was found.
        if at_end.get_value() && found.read_untracked().is_none() {
            // After the lines are there.
            request_animation_frame(to_end);
        }
    });
    Effect::new(move |_| {
        // Where it is found, however often more is said.
        if let (Some(mark), Some(list)) = (found.get(), list.get_untracked()) {
            // Its lines are held by now.
            window.with_untracked(|_| ());
            at_end.set_value(false);
            reading.go_to(list.into(), mark);
        }
    });
    let scrolled = move |_| {
        let Some(list) = list.try_get_untracked().flatten() else { return };
        let end = reading.moved(&list);
        at_end.set_value(end);
        if end && behind.get_untracked() {
            behind.set(false);
        }
    };
    let released = move |event: leptos::ev::MouseEvent| {
        // The browser marks after this.
        request_animation_frame(move || {
            if let Some(list) = list.try_get_untracked().flatten() {
                reading.released(&list, event.shift_key());
            }
        });
    };
    let copied = move |event: leptos::ev::ClipboardEvent| {
        let Some(list) = list.get_untracked() else { return };
        let spoken = |places| {
            of_chat(id, |chat| chat.spoken(&earlier.read_untracked(), places, moment)).unwrap_or_default()
        };
        reading.shown(&list).copy(&event, spoken);
    };
    // Both lists are one: those that came along, then those that were said here.
    let split = move || {
        let (window, here) = (window.get(), earlier.read().len());
        (
            window.lines.start.min(here)..window.lines.end.min(here),
            window.lines.start.saturating_sub(here)..window.lines.end.saturating_sub(here),
        )
    };
    let prior = move || {
        let earlier = earlier.read();
        of_chat(id, |chat| priors(chat, &earlier, split().0)).unwrap_or_default()
    };
    let here = move || {
        revision.get();
        of_chat(id, |chat| stored(chat, split().1)).unwrap_or_default()
    };
    let (along, lines) = (NodeRef::<Section>::new(), NodeRef::<Div>::new());
    let prior = move || prior().into_iter().map(|prior| (prior.place, prior)).collect();
    steady::keep(along, prior, move |prior| view! { <PriorLine scene prior/> }.into_any());
    // After a connection was lost another entry may have the number.
    let here = move || here().into_iter().map(|line| ((line.0.seq, line.0.id.0), line)).collect();
    steady::keep(lines, here, move |line| view! { <Line scene line/> }.into_any());
    let leaves = move || {
        revision.get();
        of_chat(id, leaving).unwrap_or_default()
    };
    let came_along = Memo::new(move |_| !split().0.is_empty());
    let came_here = Memo::new(move |_| !earlier.read().is_empty() && split().0.end == earlier.read().len());
    view! {
        <div class="conversation">
            <Within id sought/>
            <div class="transcript" data-test="transcript" tabindex="0" node_ref=list on:scroll=scrolled
                on:mouseup=released on:copy=copied
                role="region" aria-label=label>
                <div class="space" style:height=move || format!("{}px", window.read().above)></div>
                <section class="earlier" data-test="handover-transcript" aria-label=t("Earlier conversation") node_ref=along
                    hidden=move || !came_along.get()></section>
                <Show when=move || came_here.get()><p class="event">{t("The customer is here with you now")}</p></Show>
                <div class="lines" node_ref=lines></div>
                <div class="space" style:height=move || format!("{}px", window.read().below)></div>
                <div class="leaving" role="log">
                    <For each=leaves key=|line| line.key() let:line><Leaves id line/></For>
                </div>
                <p class="typing" role="status">{move || typing.get()}</p>
                // Not read out: it changes with every key.
                <Show when=move || preview.with(Option::is_some)>
                    <p class="preview" data-test="preview">{move || preview.get()}</p>
                </Show>
            </div>
            <Aloud id revision/>
            <Show when=move || behind.get()>
                <button class="newest" on:click=move |_| to_end()>{t("New messages ↓")}</button>
            </Show>
        </div>
    }
}

/// What others say from now on, for screen readers: the lines themselves come and go with what is in sight.
#[component]
fn Aloud(id: ChatId, revision: Memo<Option<u64>>) -> impl IntoView {
    // What the chat had when it was opened is no news.
    let known = StoredValue::new(None::<Seq>);
    let own = console().with_untracked(|console| console.me.as_ref().map(|me| me.card.title.clone()));
    let is_own =
        move |entry: &Entry| matches!(&entry.author, Author::Agent(name) if Some(name) == own.as_ref());
    let news = Memo::new(move |_| {
        revision.get();
        let news = |chat: &Chat| {
            let last = chat.last_seq();
            let from = known.get_value().or((last > 0).then_some(last))?;
            known.set_value(Some(from));
            let new = chat.lines.range(from + 1..).rev().map(|(_, entry)| entry.clone());
            let mut new: Vec<Arc<Entry>> = new.filter(|entry| !is_own(entry)).take(ALOUD).collect();
            new.reverse();
            Some(new)
        };
        of_chat(id, news).flatten().unwrap_or_default()
    });
    let text = move |entry: &Entry| of_chat(id, |chat| aloud(entry, &chat.name()));
    view! {
        <div class="hush" role="log" data-test="aloud" aria-label=t("New messages")>
            <For each=move || news.get() key=|entry| entry.seq let:entry><p>{text(&entry)}</p></For>
        </div>
    }
}
