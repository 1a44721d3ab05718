//! The edit view (A4): leave lines out, blacken passages, add an excerpt. What stands in the list is what leaves.

use baton_protocol::MessageId;
use baton_protocol::model::Edits;
use leptos::html::Textarea;
use leptos::prelude::*;

use super::transfer::{change, part};
use crate::model::dialog::{facts, of};
use crate::model::suggest::Passage;
use crate::model::{Amount, Candidate, Chat};
use crate::tongue::{say, t};
use crate::words;

/// See the module.
#[component]
pub fn Edit() -> impl IntoView {
    let lines = part(|console, dialog| {
        console.chat(dialog.chat).map(|chat| of(chat, &dialog.edits)).unwrap_or_default()
    });
    let all = move || lines.get().unwrap_or_default();
    let name = part(|console, dialog| console.chat(dialog.chat).map(Chat::name).unwrap_or_default());
    let excerpt = part(|_, dialog| !dialog.edits.excerpt.is_empty());
    let summary = move || summary(&all(), excerpt.get() == Some(true));
    view! {
        <section class="edit" aria-label=t("What leaves")>
            <p class="hint">{t("What stands here is what leaves. Untick a line to keep it here; mark a passage and press Redact to blacken it.")}</p>
            <Facts/>
            <ul>
                <For each=all key=|line| line.id let:line><Row first=line lines name/></For>
            </ul>
            <Excerpt/>
            <div class="choices"><Without/></div>
            <p class="hint" role="status" data-test="leaving">{summary}</p>
        </section>
    }
}

/// What leaves beside the conversation.
#[component]
fn Facts() -> impl IntoView {
    let facts = part(facts);
    let rows = move || {
        let row = |(name, value)| view! { <dt>{name}</dt><dd>{value}</dd> };
        facts.get().unwrap_or_default().into_iter().map(row).collect_view()
    };
    view! { <dl class="facts" data-test="facts">{rows}</dl> }
}

/// Where nothing is edited: what leaves, in a line, and who the customer is.
#[component]
pub fn Summary() -> impl IntoView {
    let lines = part(|console, dialog| {
        let count = console.chat(dialog.chat).map_or(0, |chat| of(chat, &Edits::default()).len());
        (dialog.allowed() == Amount::All).then_some(count)
    });
    let text = move || match lines.get().flatten() {
        Some(count) => say("$1 line leaves, with:|$1 lines leave, with:", &[&count]),
        None => t("Nothing leaves.").into(),
    };
    view! {
        <section class="edit" aria-label=t("What leaves")>
            <p class="hint" role="status" data-test="leaving">{text}</p>
            <Show when=move || lines.get().flatten().is_some()><Facts/></Show>
        </section>
    }
}

fn summary(lines: &[Candidate], excerpt: bool) -> String {
    let count = |wanted: fn(&Candidate) -> bool| lines.iter().filter(|line| wanted(line)).count();
    let (going, redacted) = (count(|line| !line.left_out), count(|line| line.redacted && !line.left_out));
    let of_it = if redacted > 0 { say(", $1 with blackened passages", &[&redacted]) } else { String::new() };
    let excerpt = if excerpt { t(", and the excerpt") } else { "" };
    say("$1 of $2 lines leave$3$4.", &[&going, &lines.len(), &of_it, &excerpt])
}

/// A line that could leave. Its element stays while its text changes, so that the focus does.
#[component]
fn Row(first: Candidate, lines: Memo<Option<Vec<Candidate>>>, name: Memo<Option<String>>) -> impl IntoView {
    let id = first.id;
    let line =
        Memo::new(move |_| lines.with(|lines| lines.as_ref()?.iter().find(|line| line.id == id).cloned()));
    let out = move || line.with(|line| line.as_ref().is_some_and(|line| line.left_out));
    let redacted = move || line.with(|line| line.as_ref().is_some_and(|line| line.redacted));
    let text = move || line.with(|line| line.as_ref().map(|line| line.text.clone()).unwrap_or_default());
    let (author, note) = (first.author, if first.note { t(", private note") } else { "" });
    let by = move || format!("{}{note}", words::author(&author, &name.get().unwrap_or_default()));
    let document = first.document;
    let is_document = move || document;
    let rows = first.text.chars().count() / 60 + first.text.lines().count().max(1);
    let field = NodeRef::<Textarea>::new();
    let suggested =
        move || line.with(|line| line.as_ref().map(|line| line.suggested.clone()).unwrap_or_default());
    let suggestion = move |passage: Passage| {
        let label = say("Redact the $1", &[&passage.kind.name()]);
        view! {
            <button class="chip" data-test="suggestion"
                on:click=move |_| change(|dialog| dialog.take_suggestion(id, &passage))>{label}</button>
        }
    };
    view! {
        <li data-out=move || out().to_string()>
            <label class="choice">
                <input type="checkbox" data-test="edit-keep" prop:checked=move || !out()
                    on:change:target=move |event| {
                        let keep = event.target().checked();
                        change(|dialog| dialog.leave_out(id, !keep));
                    }/>
                {by}{move || is_document().then_some(t(", document"))}
            </label>
            <textarea class="passage" data-test="edit-text" readonly rows=rows.min(6) node_ref=field
                aria-label=t("The text as it leaves") prop:value=text></textarea>
            <span class="tools">
                <button data-test="redact" title=move || is_document().then_some(t("Blackens its name, not what is in it"))
                    disabled=out on:click=move |_| redact(id, field)>{t("Redact")}</button>
                <Show when=redacted>
                    <button class="plain" on:click=move |_| change(|dialog| dialog.unredact(id))>{t("Undo")}</button>
                </Show>
            </span>
            <Show when=move || !out()>
                <span class="suggested">{suggested().into_iter().map(suggestion).collect_view()}</span>
            </Show>
        </li>
    }
}

/// Blackens what is marked. The text shown has a character for each of the real one's, so its offsets serve for both.
fn redact(id: MessageId, field: NodeRef<Textarea>) {
    let Some(field) = field.get_untracked() else { return };
    if let (Ok(Some(start)), Ok(Some(end))) = (field.selection_start(), field.selection_end()) {
        change(|dialog| dialog.redact(id, &field.value(), start, end));
    }
}

/// Text that goes along as a note.
#[component]
fn Excerpt() -> impl IntoView {
    let excerpt = part(|_, dialog| dialog.edits.excerpt.clone());
    view! {
        <label>{t("Excerpt to add")}
            <textarea data-test="excerpt" rows="2" placeholder=t("Pasted here, it goes along as a note")
                prop:value=move || excerpt.get().unwrap_or_default()
                on:input:target=|event| {
                    let text = event.target().value();
                    change(|dialog| dialog.edits.excerpt = text);
                }></textarea>
        </label>
    }
}

#[component]
fn Without() -> impl IntoView {
    let flags = part(|_, dialog| (dialog.edits.without_notes, dialog.edits.without_identity));
    let notes = move || flags.get().is_some_and(|(notes, _)| notes);
    let identity = move || flags.get().is_some_and(|(_, identity)| identity);
    view! {
        <label class="choice"><input type="checkbox" data-test="without-notes" prop:checked=notes
            on:change:target=|event| {
                let on = event.target().checked();
                change(|dialog| dialog.edits.without_notes = on);
            }/>{t("Without private notes")}</label>
        <label class="choice"><input type="checkbox" data-test="without-identity" prop:checked=identity
            on:change:target=|event| {
                let on = event.target().checked();
                change(|dialog| dialog.edits.without_identity = on);
            }/>{t("Without name and e-mail address")}</label>
    }
}
