//! Identifiers and secrets.
//!
//! Identifiers are 128 random bits, written as 32 hexadecimal digits. Secrets are 256 random bits, written as
//! 43 characters of base64url; their `Debug` shows `•••`, they have no `Display`, and comparing them takes the
//! same time wherever they differ (S1, threats 2 and 21). What a server keeps of a secret is its
//! [`SecretDigest`].

use std::fmt;

use bincode::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::text;

/// Milliseconds since 1970-01-01 UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment and `millis` more.
    #[must_use]
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment; 0 when the clock went back.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A server's number for an entry of a chat: 1, 2, 3, … within one chat on one server.
pub type Seq = u64;

/// The customer's ownership register: each completed or reclaimed hand-over raises it. Who serves which epoch
/// is decided by the value that the customer's widget has stored.
pub type Epoch = u32;

macro_rules! identifiers { ($($(#[$doc:meta])* $name:ident;)*) => {$(
    $(#[$doc])*
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
    pub struct $name(pub [u8; 16]);

    impl fmt::Display for $name {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(hex(&self.0, &mut [0; 32]))
        }
    }

    impl fmt::Debug for $name {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}({self})", stringify!($name))
        }
    }

    impl std::str::FromStr for $name {
        type Err = BadId;
        fn from_str(text: &str) -> Result<Self, BadId> {
            parse_hex(text).map(Self).ok_or(BadId { expected: "32 hexadecimal digits" })
        }
    }

    impl Serialize for $name {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_str(hex(&self.0, &mut [0; 32]))
        }
    }

    impl<'de> Deserialize<'de> for $name {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            std::borrow::Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)
        }
    }
)*}}

identifiers! {
    /// Names a chat on the server that owns it. A chat that moves to another server gets a new one there.
    ChatId;
    /// Names a message. Made by the client that writes it; sending it again with the same id is harmless.
    MessageId;
    /// Names one attempted hand-over. Made by its origin; the idempotency key of every call about it.
    TransferId;
    /// Names one erasure of a customer on one server.
    ErasureId;
}

macro_rules! secrets { ($($(#[$doc:meta])* $name:ident;)*) => {$(
    $(#[$doc])*
    #[derive(Clone, Encode, Decode)]
    pub struct $name([u8; 32]);

    impl $name {
        /// Takes 32 bytes, which the caller has from a cryptographic random source.
        #[must_use]
        pub fn from_bytes(bytes: [u8; 32]) -> Self { Self(bytes) }

        /// What a server stores instead of the secret: its SHA-256.
        #[must_use]
        pub fn digest(&self) -> SecretDigest { SecretDigest(Sha256::digest(self.0).into()) }

        /// The secret in base64url, to be written where it belongs and nowhere else.
        #[must_use]
        pub fn reveal(&self) -> String { text::encode(&self.0) }
    }

    impl crate::lean::Lean for $name {
        fn put(&self, to: &mut Vec<u8>) { self.0.put(to); }
        fn take(from: &mut &[u8]) -> Option<Self> { crate::lean::Lean::take(from).map(Self) }
    }

    impl PartialEq for $name {
        fn eq(&self, other: &Self) -> bool { self.0.ct_eq(&other.0).into() }
    }
    impl Eq for $name {}

    impl fmt::Debug for $name {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str("•••") }
    }

    impl std::str::FromStr for $name {
        type Err = BadId;
        fn from_str(text: &str) -> Result<Self, BadId> { parse_base64(text).map(Self) }
    }

    impl Serialize for $name {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> { to.serialize_str(&self.reveal()) }
    }

    impl<'de> Deserialize<'de> for $name {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            std::borrow::Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)
        }
    }
)*}}

secrets! {
    /// Warm transfer ID: says which waiting context belongs to the customer who has just arrived. Single use.
    Wtid;
    /// The customer's proof: only the widget that made it can claim a WTID. Like a PKCE `code_verifier`
    /// (RFC 7636 section 4.1).
    Verifier;
    /// Lets a customer's widget or an agent's console resume after a lost connection.
    ResumeToken;
    /// Authorisation code: permits one hand-over (D2). Single use, short-lived.
    AuthorisationCode;
}

impl Verifier {
    /// The verifier's public half, which travels with the warm transfer information.
    #[must_use]
    pub fn challenge(&self) -> Challenge {
        Challenge(self.digest())
    }
}

/// SHA-256 of a secret. Not secret itself: 256 random bits cannot be found from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct SecretDigest(pub [u8; 32]);

/// SHA-256 of a [`Verifier`]: travels with the warm transfer information and binds its WTID to one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Challenge(pub SecretDigest);

impl SecretDigest {
    /// Whether `secret`'s digest is this one, in constant time.
    #[must_use]
    pub fn matches(&self, digest: &Self) -> bool {
        self.0.ct_eq(&digest.0).into()
    }

    /// What the address of a customer's warm transfer page ends with (O4), made of the digest of their
    /// [`ResumeToken`]: the widget and its gateway know it without telling each other, and it leads to no token.
    #[must_use]
    pub fn page(&self) -> Self {
        Self(Sha256::digest(self.0).into())
    }
}

impl Challenge {
    /// Whether `verifier` is the secret behind this challenge.
    #[must_use]
    pub fn accepts(&self, verifier: &Verifier) -> bool {
        self.0.matches(&verifier.digest())
    }
}

impl fmt::Display for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(&self.0))
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretDigest({self})")
    }
}

impl std::str::FromStr for SecretDigest {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        parse_base64(text).map(Self)
    }
}

impl Serialize for SecretDigest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SecretDigest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// A text that is not the identifier it should be. The text itself is not repeated: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadId {
    expected: &'static str,
}

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for BadId {}

/// Without the formatter, which costs more than the rest of a stored entry.
fn hex<'a>(bytes: &[u8; 16], text: &'a mut [u8; 32]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(text.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    str::from_utf8(text).unwrap_or_default()
}

fn parse_hex(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

fn parse_base64(text: &str) -> Result<[u8; 32], BadId> {
    let expected = BadId { expected: "43 characters of base64url" };
    let mut bytes = [0; 32];
    if text::decode(text, &mut bytes) { Ok(bytes) } else { Err(expected) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_survives_its_text() {
        let id = ChatId([7, 255, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("07ff".parse::<ChatId>().is_err());
        assert!("+7ff000102030405060708090a0b0c0d".parse::<ChatId>().is_err());
    }

    #[test]
    fn s1_a_secret_never_shows_in_debug_output() {
        let secret = Wtid::from_bytes([0x5a; 32]);
        let shown = format!("{secret:?} {:?}", Some(&secret));
        assert!(!shown.contains(&secret.reveal()) && !shown.contains("5a") && !shown.contains("90"));
        assert_eq!(secret.reveal().parse(), Ok(secret));
    }

    #[test]
    fn s2_only_the_verifier_opens_its_challenge() {
        let verifier = Verifier::from_bytes([1; 32]);
        assert!(verifier.challenge().accepts(&verifier));
        assert!(!verifier.challenge().accepts(&Verifier::from_bytes([2; 32])));
    }
}
