//! A company's colour, made safe: text on it can always be read.

use wasm_bindgen::JsCast;
use web_sys::{Document, HtmlElement};

/// Takes the accent over, if it is `#rrggbb`, with black or white for what stands on it, whichever contrasts more
/// (4.5 to 1 at least: WCAG 2.2, 1.4.3).
pub fn apply(document: &Document, accent: &str) {
    let Some(on_accent) = on(accent) else { return };
    if let Some(root) = document.document_element() {
        let style = root.unchecked_into::<HtmlElement>().style();
        _ = style.set_property("--accent", accent);
        _ = style.set_property("--on-accent", on_accent);
    }
}

fn on(accent: &str) -> Option<&'static str> {
    let digits = accent.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
    let mut luminance = 0.0;
    for (place, weight) in [0.2126, 0.7152, 0.0722].into_iter().enumerate() {
        let part = u8::from_str_radix(digits.get(place * 2..place * 2 + 2)?, 16).ok()?;
        let part = f64::from(part) / 255.0;
        // The square and its quarter root stay within 0.005 of sRGB's curve, and cost no `powf`.
        luminance += weight * part * part * part.sqrt().sqrt();
    }
    // Where both contrasts are the same.
    Some(if luminance > 0.179 { "#000" } else { "#fff" })
}
