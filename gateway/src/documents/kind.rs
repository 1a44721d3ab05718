//! What a file is, by its content. What its sender or its name says about that does not count.

/// Bytes at the beginning of a file that are looked at.
pub const HEAD: usize = 64 * 1024;

/// Text that is not marked as anything else. Markup is text too, and is never served as markup.
const TEXT: &str = "text/plain";

/// Endings that a name may have for a kind, beside the usual one.
const OTHER_ENDINGS: &[(&str, &[&str])] = &[
    ("image/jpeg", &["jpeg", "jpe"]),
    ("image/tiff", &["tiff"]),
    ("image/heif", &["heic", "heif"]),
    (TEXT, &["csv", "tsv", "md", "log", "json", "yaml", "toml", "ini"]),
];

/// Kinds that are served as what they are. Everything else is served as bytes.
const SERVED: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/bmp",
    "image/tiff",
    "image/heif",
    "application/pdf",
];

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Media type (RFC 6838).
    pub media_type: &'static str,
    /// The usual ending of a name, without a dot.
    pub ending: &'static str,
}

/// What a file is that begins so. Nothing when it is neither of a known kind nor text.
#[must_use]
pub fn sniff(head: &[u8]) -> Option<Kind> {
    match infer::get(head) {
        Some(kind) if !kind.mime_type().starts_with("text/") => {
            Some(Kind { media_type: kind.mime_type(), ending: kind.extension() })
        }
        _ => is_text(head).then_some(Kind { media_type: TEXT, ending: "txt" }),
    }
}

/// UTF-8 without control characters; its last character may be cut.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !head.is_empty()
        && text.chars().all(|letter| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r' | '\x0c'))
}

/// Whether a name may end so for this kind.
#[must_use]
pub fn fits(kind: Kind, ending: &str) -> bool {
    let others = OTHER_ENDINGS.iter().find(|(media_type, _)| *media_type == kind.media_type);
    let mut endings = others.into_iter().flat_map(|(_, endings)| endings.iter()).chain([&kind.ending]);
    endings.any(|known| known.eq_ignore_ascii_case(ending))
}

/// Whether the operator takes this kind: `image/png`, or `image/*`.
#[must_use]
pub fn is_allowed(types: &[String], media_type: &str) -> bool {
    types.iter().any(|allowed| match allowed.strip_suffix('*') {
        Some(prefix) => media_type.starts_with(prefix),
        None => allowed == media_type,
    })
}

/// The type that a browser is told: never one that it would run.
#[must_use]
pub fn served(media_type: &str) -> &'static str {
    if media_type == TEXT {
        return "text/plain; charset=utf-8";
    }
    SERVED.iter().find(|served| **served == media_type).unwrap_or(&"application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media_type(head: &[u8]) -> Option<&'static str> {
        sniff(head).map(|kind| kind.media_type)
    }

    #[test]
    fn a_file_is_what_its_content_says() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Some("image/png"));
        assert_eq!(media_type(b"%PDF-1.7\n"), Some("application/pdf"));
        assert_eq!(media_type("Grüße\r\n".as_bytes()), Some(TEXT));
        assert_eq!(media_type(&"Grüße".as_bytes()[..3]), Some(TEXT), "cut within a character");
        assert_eq!(media_type(b"\xff\xfe\x00\x01"), None);
        assert_eq!(media_type(b""), None);
    }

    #[test]
    fn threat_14_markup_is_text_and_programs_are_not_taken() {
        for markup in
            ["<!DOCTYPE html><script>alert(1)</script>", "<svg onload='x'>", "<?xml version='1.0'?><a/>"]
        {
            assert_eq!(media_type(markup.as_bytes()), Some(TEXT), "{markup}");
        }
        let types = crate::config::Documents::default().types;
        let programs: [&[u8]; 3] = [b"MZ\x90\0\x03\0\0\0", b"\x7fELF\x02\x01\x01\0", b"\0asm\x01\0\0\0"];
        for program in programs {
            let media_type = media_type(program).unwrap_or_default();
            assert!(!is_allowed(&types, media_type), "{media_type}");
        }
        assert_eq!(served("text/html"), "application/octet-stream");
        assert_eq!(served("image/svg+xml"), "application/octet-stream");
    }

    #[test]
    fn an_operator_allows_a_type_or_a_family() {
        let types = ["image/*".to_owned(), "application/pdf".to_owned()];
        assert!(is_allowed(&types, "image/png") && is_allowed(&types, "application/pdf"));
        assert!(!is_allowed(&types, "application/pdf2") && !is_allowed(&types, "text/plain"));
    }
}
