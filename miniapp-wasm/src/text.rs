//! Texts, put together without the formatting machinery, which would be a tenth of the widget.

/// Parts, one after the other.
pub fn join(parts: &[&str]) -> String {
    let mut all = String::new();
    for part in parts {
        all.push_str(part);
    }
    all
}

/// A number in decimal digits.
pub fn number(mut value: u32) -> String {
    let mut digits = String::new();
    loop {
        digits.insert(0, char::from(b'0' + (value % 10) as u8));
        value /= 10;
        if value == 0 {
            return digits;
        }
    }
}
