//! Texts, put together without the formatting machinery, which would be a tenth of the widget.

/// Parts, one after the other.
pub fn join(parts: &[&str]) -> String {
    let mut all = String::new();
    for part in parts {
        all.push_str(part);
    }
    all
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Bytes of a file, for people.
pub fn size(bytes: u64) -> String {
    let kilobytes = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX);
    if kilobytes < 1_024 {
        join(&[&number(kilobytes), " KB"])
    } else {
        join(&[&number(kilobytes / 1_024), ".", &number(kilobytes % 1_024 * 10 / 1_024), " MB"])
    }
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
