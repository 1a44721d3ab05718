//! The widget's page, with its settings in it: they are of the same moment as the page's policy, so that no widget is told
//! of a peer that it may not reach, and the chat can be used one request earlier.

use std::io::Write;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderValue;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::no_script;
use super::pages::{Served, WidgetConfig};
use crate::{assets, hex};

/// Quality and window (as a power of two) of the page's brotli: the window holds the page, and the best quality would
/// take longer than all of the page's way for a few bytes.
const BROTLI: (u32, u32) = (9, 14);

/// The pages as they were made last. Settings change when a peer is added, or an area is staffed.
static MADE: Mutex<Vec<Arc<Made>>> = Mutex::new(Vec::new());

/// So many: the frame's page, and the chat page in each language.
const KEPT: usize = 16;

struct Made {
    settings: String,
    plain: Option<String>,
    page: Served,
}

/// The page with these settings, and what it is to say where no script runs; nothing where this build has no pages.
pub fn with(settings: &WidgetConfig, plain: Option<String>) -> Option<Served> {
    // `<` could end the block, or begin another.
    let settings = serde_json::to_string(settings).ok()?.replace('<', "\\u003c");
    let is = |made: &&Arc<Made>| made.settings == settings && made.plain == plain;
    if let Some(made) = MADE.lock().iter().find(is) {
        return Some(made.page.clone());
    }
    let page = make(assets::find("miniapp/widget.html")?.bytes, &settings, plain.as_deref())?;
    let mut all = MADE.lock();
    if all.len() == KEPT {
        all.remove(0);
    }
    all.push(Arc::new(Made { settings, plain, page: page.clone() }));
    Some(page)
}

/// A block of data, which no policy lets a browser run.
fn make(page: &[u8], settings: &str, plain: Option<&str>) -> Option<Served> {
    let (head, rest) = std::str::from_utf8(page).ok()?.split_once("</head>")?;
    let start = rest.find("<body")?;
    let (open, body) = rest.split_at(start + rest.get(start..)?.find('>')? + 1);
    let (styled, plain) = plain.map_or(("", ""), |plain| (no_script::HEAD, plain));
    let page = format!(
        "{head}{styled}<script type=\"application/json\" id=\"settings\">{settings}</script></head>{open}{plain}{body}"
    );
    let digest = hex(&Sha256::digest(page.as_bytes())[..8]);
    let mut packed = Vec::new();
    let (quality, window) = BROTLI;
    let mut packer = brotli::CompressorWriter::new(&mut packed, page.len(), quality, window);
    packer.write_all(page.as_bytes()).ok()?;
    drop(packer);
    Some(Served {
        content_type: "text/html; charset=utf-8",
        bytes: Bytes::from(page),
        brotli: Some(Bytes::from(packed)),
        etag: HeaderValue::from_str(&format!("\"{digest}\"")).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn threat_14_what_a_company_is_called_stays_within_the_block_of_settings() {
        let settings = r#"{"name":"\u003c/script>\u003cscript src=x>"}"#;
        let page = make(b"<html><head></head><body></body></html>", settings, None).unwrap();
        let text = std::str::from_utf8(&page.bytes).unwrap();
        assert_eq!(text.matches("</script>").count(), 1);
        assert_eq!(text.matches("<script").count(), 1);
        let other = make(b"<html><head></head><body></body></html>", "{}", None).unwrap();
        assert_ne!(page.etag, other.etag);
        let mut unpacked = String::new();
        brotli::Decompressor::new(&page.brotli.unwrap()[..], 4096).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }
    #[test]
    fn u1_without_scripts_the_chat_page_has_a_text_of_its_own_and_a_frames_page_has_none() {
        let served = b"<html><head></head><body data-view=\"form\" hidden><main></main></body></html>";
        let text = |plain| String::from_utf8(make(served, "{}", plain).unwrap().bytes.to_vec()).unwrap();
        let page = text(Some("<noscript>Call us</noscript>"));
        assert!(page.contains(" hidden><noscript>Call us</noscript><main>"), "{page}");
        assert!(page.contains("<noscript><link rel=\"stylesheet\" href=\"plain.css\"></noscript>"), "{page}");
        assert!(!text(None).contains("noscript"));
    }
}
