//! Texts as the customer's widget can afford them: every byte of code there is downloaded, and the standard library's
//! searching is a few kilobytes of it.
//!
//! Secrets are 32 bytes as 43 characters of base64url, without padding. Servers read them by a library that takes the
//! same time for every secret; a browser's secrets are its own.

#[cfg(not(target_arch = "wasm32"))]
pub use library::{decode, encode};
#[cfg(target_arch = "wasm32")]
pub use small::{decode, encode};

/// The texts before and after the first `mark`, a character of ASCII.
#[must_use]
pub fn halves(text: &str, mark: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == mark)?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

#[cfg(not(target_arch = "wasm32"))]
mod library {
    use base64ct::{Base64UrlUnpadded, Encoding};

    /// The text.
    #[must_use]
    pub fn encode(bytes: &[u8; 32]) -> String {
        Base64UrlUnpadded::encode_string(bytes)
    }

    /// The bytes, if it is the text of some.
    #[must_use]
    pub fn decode(text: &str, bytes: &mut [u8; 32]) -> bool {
        Base64UrlUnpadded::decode(text, bytes).is_ok_and(|read| read.len() == 32)
    }
}

#[cfg(any(test, target_arch = "wasm32"))]
mod small {
    /// The text.
    #[must_use]
    pub fn encode(bytes: &[u8; 32]) -> String {
        let mut text = String::new();
        for three in bytes.chunks(3) {
            let all =
                three.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for place in 0..=three.len() {
                text.push(digit((all >> (18 - 6 * place)).to_le_bytes()[0] & 63));
            }
        }
        text
    }

    fn digit(value: u8) -> char {
        char::from(match value {
            0..=25 => b'A' + value,
            26..=51 => b'a' + value - 26,
            52..=61 => b'0' + value - 52,
            62 => b'-',
            _ => b'_',
        })
    }

    fn value(digit: u8) -> Option<u8> {
        Some(match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        })
    }

    /// The bytes, if it is the text of some.
    #[must_use]
    pub fn decode(text: &str, bytes: &mut [u8; 32]) -> bool {
        let (mut all, mut bits, mut place) = (0_u32, 0, 0);
        for digit in text.bytes() {
            let Some(value) = value(digit) else { return false };
            all = all << 6 | u32::from(value);
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                let Some(byte) = bytes.get_mut(place) else { return false };
                *byte = (all >> bits).to_le_bytes()[0];
                place += 1;
            }
        }
        // One text alone is that of 32 bytes: nothing in the bits that are over.
        place == 32 && text.len() == 43 && all & ((1 << bits) - 1) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::{library, small};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_small_code_does_what_the_library_does(bytes in any::<[u8; 32]>(), mut text in "[-A-Za-z0-9_]{41,45}|[ -z]{43}") {
            prop_assert_eq!(small::encode(&bytes), library::encode(&bytes));
            let (mut read, mut other) = ([0; 32], [0; 32]);
            prop_assert!(small::decode(&small::encode(&bytes), &mut read));
            prop_assert_eq!(read, bytes);
            for last in ["", "A", "E"] {
                text.replace_range(text.len() - last.len().., last);
                let fits = small::decode(&text, &mut read);
                prop_assert_eq!(fits, library::decode(&text, &mut other), "{}", text);
                prop_assert!(!fits || read == other);
            }
        }
    }
}
