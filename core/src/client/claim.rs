//! The claim that a page carries in its fragment when a transfer has opened it.

use baton_protocol::text::halves;
use baton_protocol::{Epoch, Verifier, Wtid};

/// What a customer shows at the destination (M2). Written into a fragment, which browsers never send, and from
/// which the loader removes it at once (S1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The secret from the transfer command, if there was one.
    pub wtid: Option<Wtid>,
    /// The proof.
    pub verifier: Verifier,
    /// The epoch that the origin served.
    pub epoch: Epoch,
    /// The customer's own part of the destination's address, if it has one (D4).
    pub at: Option<String>,
}

impl Claim {
    /// The fragment's part after `baton=`.
    #[must_use]
    pub fn reveal(&self) -> String {
        let mut text = self.wtid.as_ref().map(Wtid::reveal).unwrap_or_default();
        text.push('.');
        text.push_str(&self.verifier.reveal());
        text.push('.');
        push_number(&mut text, self.epoch);
        if let Some(at) = &self.at {
            text.push('.');
            text.push_str(at);
        }
        text
    }

    /// Reads it back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (wtid, rest) = halves(text, b'.')?;
        let (verifier, rest) = halves(rest, b'.')?;
        let (epoch, at) = halves(rest, b'.').map_or((rest, None), |(epoch, at)| (epoch, Some(at)));
        let wtid = if wtid.is_empty() { None } else { Some(wtid.parse().ok()?) };
        let sound = at.is_none_or(is_segment) && (wtid.is_some() || at.is_some());
        let (verifier, epoch) = (verifier.parse().ok()?, epoch.parse().ok()?);
        sound.then(|| Self { wtid, verifier, epoch, at: at.map(str::to_owned) })
    }

    /// The page with the claim as its fragment.
    #[must_use]
    pub fn on_page(&self, page: &str) -> String {
        let glue = if halves(page, b'#').is_some() { "&baton=" } else { "#baton=" };
        let mut url = page.to_owned();
        url.push_str(glue);
        url.push_str(&self.reveal());
        url
    }
}

/// Appends a number in decimal digits: formatting it would load a machinery into the widget.
fn push_number(text: &mut String, number: u32) {
    if number > 9 {
        push_number(text, number / 10);
    }
    text.push(char::from_digit(number % 10, 10).unwrap_or('0'));
}

/// A page without the customer's own part of its address, and that part (D4).
#[must_use]
pub fn split_address(page: &str) -> (&str, Option<&str>) {
    let (before, fragment) = halves(page, b'#').unwrap_or((page, ""));
    match fragment.strip_prefix("at=") {
        Some(at) if is_segment(at) => (before, Some(at)),
        _ => (page, None),
    }
}

/// The gateway's WebSocket without the customer's own part of the address.
pub(super) fn gateway_of(socket: &str) -> &str {
    let last = socket.bytes().rposition(|byte| byte == b'/').unwrap_or_default();
    match socket.split_at_checked(last) {
        Some((gateway, at)) if gateway.ends_with("/ws") && at.get(1..).is_some_and(is_segment) => gateway,
        _ => socket,
    }
}

/// Base64url and nothing else: it goes into addresses.
fn is_segment(at: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&at.len()) && at.bytes().all(plain)
}

/// Whether a browser may be sent there: `https`, or `http` on this very machine, and an authority that leaves
/// nothing to interpret (threat 5). Stricter than a URL parser on purpose.
#[must_use]
pub fn is_safe_page(url: &str) -> bool {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return false,
    };
    let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    let strange = |byte: u8| matches!(byte, b'\\' | b'\n' | b'\r' | b'\t' | b' ');
    if authority.is_empty() || !authority.bytes().all(plain) || url.bytes().any(strange) {
        return false;
    }
    secure || is_this_machine(authority)
}

fn is_this_machine(authority: &str) -> bool {
    let host = match authority.strip_prefix("[::1]") {
        Some(_) => return true,
        None => halves(authority, b':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host == "127.0.0.1" || host.ends_with(".localhost")
}
