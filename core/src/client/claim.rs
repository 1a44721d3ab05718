//! The claim that a page carries in its fragment when a transfer has opened it.

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
        let mut parts = text.split('.');
        let wtid = match parts.next()? {
            "" => None,
            wtid => Some(wtid.parse().ok()?),
        };
        let (verifier, epoch) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let at = parts.next().map(str::to_owned);
        let claim = Self { wtid, verifier, epoch, at };
        let sound =
            claim.at.as_deref().is_none_or(is_segment) && (claim.wtid.is_some() || claim.at.is_some());
        (sound && parts.next().is_none()).then_some(claim)
    }

    /// The page with the claim as its fragment.
    #[must_use]
    pub fn on_page(&self, page: &str) -> String {
        let glue = if page.contains('#') { "&baton=" } else { "#baton=" };
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
    let (before, fragment) = page.split_once('#').unwrap_or((page, ""));
    match fragment.strip_prefix("at=") {
        Some(at) if is_segment(at) => (before, Some(at)),
        _ => (page, None),
    }
}

/// The gateway's WebSocket without the customer's own part of the address.
pub(super) fn gateway_of(socket: &str) -> &str {
    match socket.rsplit_once('/') {
        Some((gateway, at)) if gateway.ends_with("/ws") && is_segment(at) => gateway,
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
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if authority.is_empty() || !authority.chars().all(plain) || url.contains(['\\', '\n', '\r', '\t', ' ']) {
        return false;
    }
    secure || is_this_machine(authority)
}

fn is_this_machine(authority: &str) -> bool {
    let host = match authority.strip_prefix("[::1]") {
        Some(_) => return true,
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host == "127.0.0.1" || host.ends_with(".localhost")
}
