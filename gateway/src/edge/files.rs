//! A document as an answer: a download, never a page. Whole, or the part that was asked for (RFC 9110 section 14).

use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use baton_protocol::ChatId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::documents::{Documents, kind};

/// What stands for itself in `filename*` (RFC 8187 section 3.2.1).
const ATTR: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whatever it is, a browser that shows it all the same runs nothing of it and lets it load nothing (threat 14).
const POLICY: &str = "sandbox; default-src 'none'";

/// What is known of a document that is served.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// The chat that it is kept with.
    pub chat: ChatId,
    /// Its hash.
    pub sha256: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its media type.
    pub media_type: &'a str,
}

/// Nothing when it is not there.
///
/// # Errors
/// The store's.
pub async fn answer(
    documents: &Documents,
    file: File<'_>,
    request: &HeaderMap,
) -> anyhow::Result<Option<Response<Body>>> {
    let Some(size) = documents.size(file.chat, file.sha256).await? else { return Ok(None) };
    let wanted = request.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, range) = match wanted.and_then(|wanted| parse(wanted, size)) {
        None => (StatusCode::OK, 0..size),
        Some(Ok(range)) => (StatusCode::PARTIAL_CONTENT, range),
        Some(Err(Unsatisfiable)) => {
            let whole = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok(Some((StatusCode::RANGE_NOT_SATISFIABLE, whole).into_response()));
        }
    };
    let bytes = documents.read(file.chat, file.sha256, range.clone()).await?;
    let mut response = (status, Body::from_stream(bytes)).into_response();
    let headers = response.headers_mut();
    let mut set = |name, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, kind::served(file.media_type).into());
    set(header::CONTENT_DISPOSITION, attachment(file.name));
    set(header::CONTENT_SECURITY_POLICY, POLICY.into());
    set(header::ACCEPT_RANGES, "bytes".into());
    set(header::CONTENT_LENGTH, (range.end - range.start).to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        set(header::CONTENT_RANGE, format!("bytes {}-{}/{size}", range.start, range.end - 1));
    }
    Ok(Some(response))
}

/// The name in both forms of RFC 6266: letters that every program understands, and all of them.
fn attachment(name: &str) -> String {
    let plain: String = name.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ATTR))
}

fn is_plain(letter: char) -> bool {
    letter == ' ' || (letter.is_ascii_graphic() && !matches!(letter, '"' | '\\' | '%'))
}

#[derive(Debug, PartialEq, Eq)]
struct Unsatisfiable;

/// One range of bytes. Nothing for what is none, or several: then the whole is the answer.
fn parse(wanted: &str, size: u64) -> Option<Result<Range<u64>, Unsatisfiable>> {
    let (first, last) = wanted.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first, last) {
        ("", suffix) => size.saturating_sub(suffix.parse().ok()?)..size,
        (first, "") => first.parse().ok()?..size,
        (first, last) => {
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if range.is_empty() { Err(Unsatisfiable) } else { Ok(range) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_part_of_what_is_there() {
        assert_eq!(parse("bytes=2-4", 10), Some(Ok(2..5)));
        assert_eq!(parse("bytes=2-", 10), Some(Ok(2..10)));
        assert_eq!(parse("bytes=-3", 10), Some(Ok(7..10)));
        assert_eq!(parse("bytes=0-99", 10), Some(Ok(0..10)));
        assert_eq!(parse("bytes=10-", 10), Some(Err(Unsatisfiable)));
        for none in ["bytes=4-2", "bytes=1-2,4-5", "lines=1-2", "bytes=a-b", "bytes=-"] {
            assert_eq!(parse(none, 10), None, "{none}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_header() {
        let header = attachment("Größe \"x\"\\%.pdf");
        assert_eq!(
            header,
            "attachment; filename=\"Gr__e _x___.pdf\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%22x%22%5C%25.pdf"
        );
    }
}
