//! Files to the gateway and from it, with the session's cookie, which the browser sends by itself.

use std::cell::Cell;

use baton_protocol::model::{DocumentCard, DocumentState};
use baton_protocol::{ChatId, MessageId, SOCKET_PATH};
use js_sys::{Reflect, encode_uri_component};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Blob, File, FileList, Headers, HtmlAnchorElement, RequestInit, Response, Url};

use super::driver::{act, random};
use super::pane::chat_memo;
use crate::tongue::{say, t};
use crate::words;

/// Bytes of an image that is shown without being asked for.
const PREVIEW: u64 = 5 * 1024 * 1024;

/// Images that browsers show; the gateway has looked at what they are.
const SHOWN: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];

thread_local! {
    static UPLOADS: Cell<u32> = const { Cell::new(0) };
}

/// Sends files to the gateway and says them in the chat; whether there were any.
pub fn send(chat: ChatId, files: Option<&FileList>) -> bool {
    let Some(files) = files else { return false };
    let files: Vec<File> = (0..files.length()).filter_map(|place| files.get(place)).collect();
    let any = !files.is_empty();
    for file in files {
        let number = UPLOADS.replace(UPLOADS.get() + 1);
        act(|console| console.uploading(chat, number, file.name()));
        spawn_local(async move {
            let result = upload(chat, &file).await;
            act(|console| console.uploaded(chat, number, MessageId(random()), result));
        });
    }
    any
}

async fn upload(chat: ChatId, file: &File) -> Result<DocumentCard, String> {
    let lost = || t("the server could not be reached").to_owned();
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(file);
    let response = ask(chat, "", &init, Some(&file.name())).await.ok_or_else(lost)?;
    let answer = response.json().ok().map(JsFuture::from).ok_or_else(lost)?;
    let answer = answer.await.map_err(|_| lost())?;
    if response.ok() {
        card(&answer).ok_or_else(lost)
    } else {
        Err(text(&answer, "detail").unwrap_or_else(lost))
    }
}

/// A request about this chat's documents. Nothing when there was no answer.
async fn ask(chat: ChatId, path: &str, init: &RequestInit, name: Option<&str>) -> Option<Response> {
    let headers = Headers::new().ok()?;
    if let Some(name) = name {
        headers.append("baton-name", &String::from(encode_uri_component(name))).ok()?;
    }
    init.set_headers(&headers);
    let base = SOCKET_PATH.trim_end_matches("/ws");
    let url = format!("{base}/documents/{chat}{path}");
    let answer = JsFuture::from(window().fetch_with_str_and_init(&url, init)).await.ok()?;
    answer.dyn_into().ok()
}

fn text(value: &JsValue, member: &str) -> Option<String> {
    Reflect::get(value, &member.into()).ok()?.as_string()
}

fn card(value: &JsValue) -> Option<DocumentCard> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of a file")]
    let size = Reflect::get(value, &"size".into()).ok()?.as_f64()? as u64;
    let (sha256, name) = (text(value, "sha256")?, text(value, "name")?);
    Some(DocumentCard { sha256, name, media_type: text(value, "media_type")?, size })
}

/// An address within this page for a document's bytes; whoever asked for it revokes it.
async fn address(chat: ChatId, sha256: &str) -> Option<String> {
    let response = ask(chat, &format!("/{sha256}"), &RequestInit::new(), None).await?;
    let blob: Blob =
        JsFuture::from(response.ok().then(|| response.blob().ok())??).await.ok()?.dyn_into().ok()?;
    Url::create_object_url_with_blob(&blob).ok()
}

/// Saves a document where the browser keeps downloads.
fn save(chat: ChatId, card: DocumentCard) {
    spawn_local(async move {
        let Some(address) = address(chat, &card.sha256).await else {
            return act(|console| {
                console.notice(say("$1 could not be loaded", &[&card.name]), super::driver::now())
            });
        };
        keep(&address, &card.name);
    });
}

/// Saves a text there.
pub fn save_text(name: &str, text: &str) {
    let blob = Blob::new_with_str_sequence(&js_sys::Array::of1(&text.into()));
    let address = blob.and_then(|blob| Url::create_object_url_with_blob(&blob));
    let _ = address.map(|address| keep(&address, name));
}

fn keep(address: &str, name: &str) {
    let link = document().create_element("a").ok().and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok());
    if let Some(link) = link {
        link.set_href(address);
        link.set_download(name);
        link.click();
    }
    let _ = Url::revoke_object_url(address);
}

/// A document in the conversation or in a list: its name, what it is, whether it is here, and its picture.
#[component]
pub fn Document(
    chat: ChatId,
    card: DocumentCard,
    /// Whether it is shown, if it is an image.
    #[prop(optional)]
    preview: bool,
) -> impl IntoView {
    let sha256 = card.sha256.clone();
    let state = chat_memo(chat, move |chat| Some(chat.document_state(&sha256)));
    let here = move || state.get().is_none_or(|state| state == DocumentState::Here);
    let about = format!("{}, {}", words::kind(&card.media_type), words::size(card.size));
    let word = move || state.get().and_then(words::document_state);
    let picture = (preview && card.size <= PREVIEW && SHOWN.contains(&card.media_type.as_str()))
        .then(|| view! { <Picture chat card=card.clone() state/> });
    let name = card.name.clone();
    view! {
        <div class="document" data-test="document" data-state=move || words::state_mark(state.get())>
            {picture}
            <button class="file" data-test="download" disabled=move || !here()
                title=t("Download") on:click=move |_| save(chat, card.clone())>{name}</button>
            <span class="hint">{about}" "<b>{word}</b></span>
        </div>
    }
}

#[component]
fn Picture(chat: ChatId, card: DocumentCard, state: Memo<Option<DocumentState>>) -> impl IntoView {
    let source = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        let sha256 = card.sha256.clone();
        if state.get().is_none_or(|state| state == DocumentState::Here) && source.get_untracked().is_none() {
            spawn_local(async move {
                // By now the pane may be gone.
                let _ = source.try_set(address(chat, &sha256).await);
            });
        }
    });
    on_cleanup(move || {
        if let Some(address) = source.try_get_untracked().flatten() {
            let _ = Url::revoke_object_url(&address);
        }
    });
    move || {
        source.get().map(|source| {
            let loaded = move |event: leptos::ev::Event| stay_at_end(&event_target(&event));
            view! { <img src=source alt="" data-test="preview" on:load=loaded/> }
        })
    }
}

/// Whoever read the newest line before this picture made it longer still does, and what is read below it stays in its place.
fn stay_at_end(picture: &web_sys::HtmlElement) {
    const NEAR: i32 = 60;
    let Some(list) = picture.closest(".transcript").ok().flatten() else { return };
    let height = picture.offset_height();
    let below = list.scroll_height() - list.scroll_top() - list.client_height();
    let line =
        picture.closest(".line").ok().flatten().and_then(|line| line.dyn_into::<web_sys::HtmlElement>().ok());
    let conversation = list.dyn_ref::<web_sys::HtmlElement>().map_or(0, web_sys::HtmlElement::offset_top);
    let is_above = line.is_some_and(|line| line.offset_top() < list.scroll_top() + conversation);
    if below < NEAR + height {
        list.set_scroll_top(list.scroll_height());
    } else if is_above {
        list.set_scroll_top(list.scroll_top() + height);
    }
}
