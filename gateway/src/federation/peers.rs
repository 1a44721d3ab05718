//! The peers that the operator configured, and what this server vouches for.

use std::sync::Arc;

use baton_protocol::federation::{Permission, Reservation};
use baton_protocol::limits::{MAX_FRAME, MAX_LABEL};
use baton_protocol::model::AreaCard;
use parking_lot::RwLock;
use url::Url;

use super::Peer;
use crate::store::{PeerRow, Store};

/// Letters of the customer's own part of an address: 256 bits in base64url.
const OWN_PART: usize = 43;

/// The peers, as the store has them. Whoever changes them says so: `baton peer` tells the running gateway, which reads
/// them again before it answers. No request reads them, so that all of them see the same.
pub struct Peers {
    store: Arc<dyn Store>,
    /// Nothing until it was read once.
    known: RwLock<Option<Vec<Peer>>>,
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
        self.known.read().iter().flatten().find(|peer| peer.name == name).cloned()
    }

    /// The list as it was last read.
    #[must_use]
    pub fn known(&self) -> Vec<Peer> {
        self.known.read().clone().unwrap_or_default()
    }

    /// Reads the list if it was not read yet.
    pub async fn refresh(&self) {
        if self.known.read().is_none() {
            self.reread().await;
        }
    }

    /// Reads the list again; whether it has changed.
    pub async fn reread(&self) -> bool {
        match self.store.peers().await {
            Ok(rows) => {
                let peers: Vec<Peer> = rows.into_iter().map(|row| Peer(Arc::new(row))).collect();
                let mut known = self.known.write();
                let changed = known.as_ref() != Some(&peers);
                *known = Some(peers);
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

/// Bytes of areas that a console gets of a peer's answer, in JSON: half a frame.
const MAX_AREAS: usize = MAX_FRAME / 2;

/// A permission with no more areas, and none with longer names, than fit a frame: else the peer could close the console
/// of whoever asks it.
#[must_use]
pub fn bounded(permission: Permission) -> Permission {
    let mut left = MAX_AREAS;
    let mut fits = |area: &AreaCard| {
        let size = serde_json::to_vec(area).map_or(usize::MAX, |json| json.len());
        let fits = area.name.len() <= MAX_LABEL && area.title.len() <= MAX_LABEL && size <= left;
        left = left.saturating_sub(if fits { size } else { 0 });
        fits
    };
    let areas = permission.areas.map(|areas| areas.into_iter().filter(&mut fits).collect());
    Permission { areas, ..permission }
}

/// What this server vouches for of a peer's answer: the places that were configured for that peer, and no other.
/// Nobody can use a transfer as an open redirect (threat 5). A page that is not known is left out; another socket
/// than the known one makes the whole answer void.
#[must_use]
pub fn vouched(peer: &PeerRow, reservation: Reservation) -> Option<Reservation> {
    let known = |page: &String| peer.page.as_deref().is_some_and(|known| same_origin(known, page));
    let page = reservation.page.clone().filter(|page| known(&without_own_part(page, "#at=")));
    let leads_there =
        without_own_part(&reservation.socket, "/") == peer.socket || reservation.socket == peer.socket;
    let tells_who = reservation.wtid.is_some() || reservation.socket != peer.socket;
    (leads_there && tells_who).then_some(Reservation { page, ..reservation })
}

/// An address without the customer's own part, if it ends in one (D4): base64url and nothing else.
fn without_own_part(address: &str, mark: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    match address.rsplit_once(mark) {
        Some((rest, own)) if own.len() == OWN_PART && own.bytes().all(plain) => rest.to_owned(),
        _ => address.to_owned(),
    }
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
    fn d2_a_peers_areas_fit_a_frame_however_many_it_names() {
        let area = |title: &str| AreaCard {
            name: "help".into(),
            title: title.into(),
            agents: 1,
            free_agents: 1,
            waiting: 0,
            wait: None,
            share: baton_protocol::model::SharePolicy::All,
        };
        let code = baton_protocol::ids::AuthorisationCode::from_bytes([1; 32]);
        let mut areas = vec![area(&"x".repeat(MAX_LABEL + 1))];
        areas.extend((0..10_000).map(|_| area("Help")));
        let permission = bounded(Permission { code, expires_in: 60, areas: Some(areas) });
        let areas = permission.areas.unwrap();
        assert!(areas.len() > 100 && areas.iter().all(|area| area.title == "Help"));
        let frame = baton_protocol::ServerFrame::PeerAreas {
            chat: baton_protocol::ChatId([1; 16]),
            server: "globex".into(),
            offer: baton_protocol::frames::PeerOffer::Areas(areas),
        };
        assert!(frame.encode(baton_protocol::Encoding::Json, &mut Vec::new()).is_ok());
    }

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
