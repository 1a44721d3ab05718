//! What is marked with the mouse in a conversation, to be copied. The lines between its two ends stay in the page, though they
//! are out of sight ([`crate::model::sight::MARKED`]), and a copy of several lines says who said each, and when.

use std::ops::Range;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, Element, HtmlElement, Node, Selection};

/// A conversation's lines that are in the page.
pub struct Shown<'l> {
    /// The list that has them.
    pub list: &'l HtmlElement,
    /// Their places.
    pub lines: Range<usize>,
    /// How many of all lines came along.
    pub earlier: usize,
}

/// What is marked in this window, if something is.
pub fn selection() -> Option<Selection> {
    document().get_selection().ok().flatten()
}

impl Shown<'_> {
    /// The line that this point of the page is in.
    fn line(&self, node: &Node, offset: u32) -> Option<Element> {
        let element = node.dyn_ref::<Element>().cloned().or_else(|| node.parent_element())?;
        if !self.list.contains(Some(&element)) {
            return None;
        }
        // A line that was taken out of the page has left the point between those that stay.
        if element.matches(".lines,.earlier").unwrap_or(false) {
            return if offset < 2 { element.first_element_child() } else { element.last_element_child() };
        }
        element.closest(".lines>*,.earlier>*").ok().flatten()
    }

    /// The place of the line that this point is in.
    pub fn place(&self, node: Option<Node>, offset: u32) -> Option<usize> {
        let line = self.line(&node?, offset)?;
        let came_along = line.parent_element().is_some_and(|list| list.class_list().contains("earlier"));
        let first = if came_along { self.lines.start } else { self.lines.start.max(self.earlier) };
        let before =
            std::iter::successors(line.previous_element_sibling(), Element::previous_element_sibling);
        Some(first + before.count())
    }

    /// The line of a place, if it is in the page.
    pub fn at(&self, place: usize) -> Option<Element> {
        let (of, first) = if place < self.earlier {
            (".earlier", self.lines.start)
        } else {
            (".lines", self.lines.start.max(self.earlier))
        };
        let lines = self.list.query_selector(of).ok().flatten()?.children();
        lines.item(u32::try_from(place.checked_sub(first)?).ok()?)
    }

    /// The places of what is marked here; nothing when nothing is.
    pub fn marked(&self) -> Option<Range<usize>> {
        let selection = selection().filter(|selection| !selection.is_collapsed())?;
        let one = self.place(selection.anchor_node(), selection.anchor_offset());
        let other = self.place(selection.focus_node(), selection.focus_offset());
        let (one, other) = (one.or(other)?, other.or(one)?);
        Some(one.min(other)..one.max(other) + 1)
    }

    /// Where marking began: the place of the line, and how many letters into it.
    pub fn beginning(&self) -> Option<(usize, u32)> {
        let selection = selection()?;
        let (node, offset) = (selection.anchor_node()?, selection.anchor_offset());
        let line = self.line(&node, offset)?;
        let before = document().create_range().ok()?;
        let place = self.place(Some(node.clone()), offset)?;
        (before.set_start(&line, 0).ok()?, before.set_end(&node, offset).ok()?);
        Some((place, before.to_string().length()))
    }

    /// Marks from so many letters into this line, which is in the page, to where the marking ends now.
    pub fn mark_from(&self, place: usize, letters: u32) {
        let (Some(selection), Some(line)) = (selection(), self.at(place)) else { return };
        let (from, offset) = point(&line, &mut { letters }).unwrap_or((line.into(), 0));
        if let Some(to) = selection.focus_node() {
            let _ = selection.set_base_and_extent(&from, offset, &to, selection.focus_offset());
        }
    }

    /// Copies what is marked when that is several lines, each with its writer and time, as this says them; one line, or what
    /// is not of the conversation, is the browser's to copy.
    pub fn copy(&self, event: &ClipboardEvent, spoken: impl FnOnce(Range<usize>) -> Vec<(String, String)>) {
        let Some(lines) = self.copied(spoken) else { return };
        let text: Vec<String> = lines.into_iter().map(|(by, text)| by + &text).collect();
        let data = event.clipboard_data();
        if data.is_some_and(|data| data.set_data("text/plain", &text.join("\n")).is_ok()) {
            event.prevent_default();
        }
    }

    fn copied(
        &self,
        spoken: impl FnOnce(Range<usize>) -> Vec<(String, String)>,
    ) -> Option<Vec<(String, String)>> {
        let range = selection()?.get_range_at(0).ok()?;
        let (from, to) = (range.start_container().ok()?, range.end_container().ok()?);
        let (start, end) = (range.start_offset().ok()?, range.end_offset().ok()?);
        let first = self.place(Some(from.clone()), start)?;
        let last = self.place(Some(to.clone()), end)?;
        if first == last {
            return None;
        }
        let mut lines = spoken(first..last + 1);
        // Of the first and the last line only what is marked of them.
        if let (Some(text), Some(line)) = (self.text_of(first), lines.first_mut())
            && text.contains(Some(&from))
        {
            let part = document().create_range().ok()?;
            (part.select_node_contents(&text).ok()?, part.set_start(&from, start).ok()?);
            line.1 = part.to_string().into();
        }
        if let (Some(text), Some(line)) = (self.text_of(last), lines.last_mut()) {
            let part = document().create_range().ok()?;
            part.select_node_contents(&text).ok()?;
            if text.contains(Some(&to)) {
                part.set_end(&to, end).ok()?;
                line.1 = part.to_string().into();
            } else if part.compare_point(&to, end).is_ok_and(|side| side < 0) {
                // It ends before anything of its text.
                lines.pop();
            }
        }
        Some(lines)
    }

    /// The element with what was said in a line.
    fn text_of(&self, place: usize) -> Option<Element> {
        self.at(place)?.query_selector(".text").ok().flatten()
    }
}

/// The point so many letters into this; what is left of them where it has fewer.
fn point(node: &Node, letters: &mut u32) -> Option<(Node, u32)> {
    if node.node_type() == Node::TEXT_NODE {
        let length = node.text_content().map_or(0, |text| text.encode_utf16().count());
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if *letters <= length {
            return Some((node.clone(), *letters));
        }
        *letters -= length;
    }
    std::iter::successors(node.first_child(), Node::next_sibling).find_map(|child| point(&child, letters))
}
