//! Names of files, made safe: a name is one part of a path at most, shows what it is, and ends as its content does.

use baton_protocol::limits::MAX_DOCUMENT_NAME;

use super::kind::{self, Kind};

/// The name of a file that has none.
const NAMELESS: &str = "document";

/// What Windows takes for a device, whatever follows the first dot.
const DEVICES: &[&str] = &["con", "prn", "aux", "nul", "com", "lpt"];

/// A safe name for a file of this kind, as near to the given one as may be.
#[must_use]
pub fn safe(name: &str, kind: Kind) -> String {
    let name = plain(name);
    let fits =
        name.rsplit_once('.').is_some_and(|(stem, ending)| !stem.is_empty() && kind::fits(kind, ending));
    let (stem, ending) = match name.rsplit_once('.').filter(|_| fits) {
        Some((stem, ending)) => (stem, ending),
        None => (name.as_str(), kind.ending),
    };
    let room = MAX_DOCUMENT_NAME - ending.len() - 1;
    format!("{}.{ending}", cut(stem, room).trim_end_matches([' ', '.']))
}

/// A name from another server, which has fitted it to its kind.
#[must_use]
pub fn plain(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|letter| !is_hidden(*letter)).map(harmless).collect();
    let name = shown.trim().trim_start_matches('.').trim_end_matches(['.', ' ']);
    let name = cut(name, MAX_DOCUMENT_NAME);
    let first =
        name.split('.').next().unwrap_or_default().trim_end_matches(|letter: char| letter.is_ascii_digit());
    if name.is_empty() {
        NAMELESS.into()
    } else if DEVICES.iter().any(|device| device.eq_ignore_ascii_case(first)) {
        format!("_{}", cut(name, MAX_DOCUMENT_NAME - 1))
    } else {
        name.into()
    }
}

/// Control characters, and characters that are not seen but change how the rest reads (Unicode, bidirectional
/// formatting and default ignorable characters).
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What a file system or a header would take for something else.
fn harmless(letter: char) -> char {
    match letter {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '%' | ';' => '_',
        letter if letter.is_whitespace() => ' ',
        letter => letter,
    }
}

fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PNG: Kind = Kind { media_type: "image/png", ending: "png" };
    const TEXT: Kind = Kind { media_type: "text/plain", ending: "txt" };

    #[test]
    fn a_name_is_no_path() {
        for (given, safe_name) in [
            ("../../etc/passwd", "passwd.txt"),
            ("C:\\Windows\\evil.txt", "evil.txt"),
            ("..", "document.txt"),
            (".bashrc", "bashrc.txt"),
            ("a/b/", "document.txt"),
            ("%2e%2e%2fx.txt", "_2e_2e_2fx.txt"),
            ("con.txt", "_con.txt"),
            ("LPT1", "_LPT1.txt"),
        ] {
            assert_eq!(safe(given, TEXT), safe_name, "{given}");
        }
    }

    #[test]
    fn a_name_ends_as_its_content_does() {
        assert_eq!(safe("photo.PNG", PNG), "photo.PNG");
        assert_eq!(safe("photo.exe", PNG), "photo.exe.png");
        assert_eq!(safe("page.html", TEXT), "page.html.txt");
        assert_eq!(safe("list.csv", TEXT), "list.csv");
        assert_eq!(safe(".png", PNG), "png.png");
    }

    #[test]
    fn a_name_reads_as_it_is() {
        // With its override this one reads "invoicegnp.exe" backwards.
        assert_eq!(safe("invoice\u{202e}gnp.exe\u{0}\r\n", PNG), "invoicegnp.exe.png");
        assert_eq!(safe("a\u{200b}b\u{2066}.png", PNG), "ab.png");
        assert_eq!(safe("say \"hi\"; x=<y>.png", PNG), "say _hi__ x=_y_.png");
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let name = safe(&format!("{}.png", "ü".repeat(300)), PNG);
        assert!(name.len() <= MAX_DOCUMENT_NAME && name.ends_with("ü.png"), "{name}");
    }

    proptest! {
        #[test]
        fn every_name_is_safe(name in any::<String>()) {
            for safe_name in [safe(&name, PNG), plain(&name)] {
                prop_assert!(!safe_name.is_empty() && safe_name.len() <= MAX_DOCUMENT_NAME);
                prop_assert!(!safe_name.contains(['/', '\\', '"', '\0']) && !safe_name.starts_with('.'));
                prop_assert!(!safe_name.chars().any(is_hidden));
            }
        }
    }
}
