//! The peers that the operator configured, and what this server vouches for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use baton_protocol::federation::Reservation;
use parking_lot::RwLock;
use url::Url;

use super::Peer;
use crate::store::{PeerRow, Store};

/// How old the list may be: a peer that is removed gets nothing any more after this long.
const FRESH: Duration = Duration::from_secs(1);

/// The peers, as the store has them.
pub struct Peers {
    store: Arc<dyn Store>,
    known: RwLock<(Option<Instant>, Vec<Peer>)>,
}

impl Peers {
    /// Those of this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: RwLock::default() }
    }

    /// The peer of this name.
    pub async fn find(&self, name: &str) -> Option<Peer> {
        self.refresh().await;
        self.known.read().1.iter().find(|peer| peer.name == name).cloned()
    }

    /// The list as it was last read.
    #[must_use]
    pub fn known(&self) -> Vec<Peer> {
        self.known.read().1.clone()
    }

    /// Reads the list again when it is old; whether it has changed.
    pub async fn refresh(&self) -> bool {
        if self.known.read().0.is_some_and(|read| read.elapsed() < FRESH) {
            return false;
        }
        match self.store.peers().await {
            Ok(rows) => {
                let peers: Vec<Peer> = rows.into_iter().map(|row| Peer(Arc::new(row))).collect();
                let mut known = self.known.write();
                let changed = known.1 != peers;
                *known = (Some(Instant::now()), peers);
                changed
            }
            Err(error) => {
                // What was read last still holds.
                tracing::error!(%error, "the list of peers could not be read");
                false
            }
        }
    }
}

/// Whether a peer's answer leads to the places that were configured for it, and to no other: nobody can use a
/// transfer as an open redirect (threat 5).
#[must_use]
pub fn vouches(peer: &PeerRow, reservation: &Reservation) -> bool {
    let page = reservation.page.as_deref();
    let page_fits = page.is_none_or(|page| peer.page.as_deref().is_some_and(|known| same_origin(known, page)));
    reservation.socket == peer.socket && page_fits
}

/// Whether `page` is on the site of `known`, with nothing in it that could lead elsewhere.
fn same_origin(known: &str, page: &str) -> bool {
    let (Ok(known), Ok(parsed)) = (Url::parse(known), Url::parse(page)) else { return false };
    let clean = parsed.username().is_empty()
        && parsed.password().is_none()
        && parsed.query().is_none()
        && parsed.fragment().is_none()
        && matches!(parsed.scheme(), "https" | "http");
    // What the parser had to mend, browsers may mend otherwise.
    let literal = parsed.as_str() == page;
    clean && literal && known.origin() == parsed.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_an_offer_leads_only_where_the_peer_was_configured() {
        let known = "https://globex.example/help";
        assert!(same_origin(known, "https://globex.example/"));
        assert!(same_origin(known, "https://globex.example/help/chat"));
        for elsewhere in [
            "https://globex.example.evil.example/",
            "https://globex.example@evil.example/",
            "https://globex.example:444/",
            "http://globex.example/",
            "https://GLOBEX.example/",
            "https://globex.example./",
            "https://globex.example\\@evil.example/",
            "https:///globex.example/",
            "https://globex.example/?next=https://evil.example",
            "https://globex.example/#x",
            "javascript:alert(1)",
            "//globex.example/",
            "https://xn--globx-esa.example/",
            "https://[::1]/",
            " https://globex.example/",
        ] {
            assert!(!same_origin(known, elsewhere), "{elsewhere}");
        }
    }
}
