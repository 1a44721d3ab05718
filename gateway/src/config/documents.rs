//! `[documents]`: which files are taken, and where they are kept.

use std::path::{Path, PathBuf};

use url::Url;

use super::section::Section;

/// The kinds of files that are taken by default: what people send each other in a chat, and what a program that
/// opens it does not run.
const TYPES: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/heif",
    "image/bmp",
    "image/tiff",
    "application/pdf",
    "text/plain",
    "application/rtf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.*",
    "application/vnd.oasis.opendocument.*",
    "application/zip",
];

/// What the operator says about documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documents {
    /// Bytes of a document. Default 10 MiB.
    pub max_bytes: u64,
    /// Documents that may be uploaded for one chat. Default 50.
    pub per_chat: u64,
    /// Bytes of all of them. Default 100 MiB.
    pub per_chat_bytes: u64,
    /// Media types that are taken; `*` at the end stands for anything.
    pub types: Vec<String>,
    /// Where they are.
    pub store: Place,
}

/// Where documents are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder.
    Folder(PathBuf),
    /// An S3 bucket and a folder in it.
    S3(Url),
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            max_bytes: 10 * 1024 * 1024,
            per_chat: 50,
            per_chat_bytes: 100 * 1024 * 1024,
            types: TYPES.iter().map(|media_type| (*media_type).into()).collect(),
            store: Place::Folder("documents".into()),
        }
    }
}

/// Reads the section.
pub(super) fn read(mut section: Section<'_, '_>, folder: &Path) -> Documents {
    let usual = Documents::default();
    let types = section.texts("types", "types = [\"image/*\", \"application/pdf\"]", media_type);
    let types: Vec<String> = types.into_iter().map(|(media_type, _)| media_type).collect();
    let store = section.text("store", "store = \"s3://bucket/folder\"", place);
    let documents = Documents {
        max_bytes: section.number("max_bytes", 1..=1 << 32, usual.max_bytes),
        per_chat: section.number("per_chat", 0..=10_000, usual.per_chat),
        per_chat_bytes: section.number("per_chat_bytes", 0..=1 << 40, usual.per_chat_bytes),
        types: if types.is_empty() { usual.types } else { types },
        store: match store.map_or(usual.store, |(store, _)| store) {
            Place::Folder(path) => Place::Folder(folder.join(path)),
            s3 @ Place::S3(_) => s3,
        },
    };
    section.finish();
    documents
}

fn media_type(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/.+-*".contains(&byte);
    let halves = text.split_once('/').filter(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    let star = text.find('*').is_none_or(|at| at == text.len() - 1);
    if halves.is_some_and(|(kind, _)| !kind.contains('*')) && star && text.bytes().all(allowed) {
        return Ok(text.into());
    }
    Err(format!("a type is two words with a slash, and a `*` may end it; this is {text:?}"))
}

fn place(text: &str) -> Result<Place, String> {
    if text.trim().is_empty() {
        return Err("documents need a place: a folder, or an S3 address".into());
    }
    if !text.contains("://") {
        return Ok(Place::Folder(text.into()));
    }
    let url = Url::parse(text).ok().filter(|url| url.scheme() == "s3" && url.has_host());
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    url.map(Place::S3).ok_or_else(|| {
        format!("it is a folder, or s3://bucket/folder without credentials in it, and this is {text:?}")
    })
}
