//! The claim that a page carries in its fragment when a transfer has opened it.

use baton_protocol::{Epoch, Verifier, Wtid};

/// What a customer shows at the destination (M2). Written into a fragment, which browsers never send, and from
/// which the loader removes it at once (S1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The secret from the transfer command.
    pub wtid: Wtid,
    /// The proof.
    pub verifier: Verifier,
    /// The epoch that the origin served.
    pub epoch: Epoch,
}

impl Claim {
    /// The fragment's part after `baton=`.
    #[must_use]
    pub fn reveal(&self) -> String {
        let mut text = self.wtid.reveal();
        text.push('.');
        text.push_str(&self.verifier.reveal());
        text.push('.');
        text.push_str(&self.epoch.to_string());
        text
    }

    /// Reads it back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let claim = Self {
            wtid: parts.next()?.parse().ok()?,
            verifier: parts.next()?.parse().ok()?,
            epoch: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(claim)
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
