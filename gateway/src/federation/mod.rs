//! Other companies' servers: who they are, what they ask of us ([`inbound`]), and what we ask of them.

pub mod client;
pub mod documents;
pub mod erasure;
pub mod inbound;
pub mod keys;
pub mod peers;
pub mod quotas;
pub mod renewal;
pub mod token;

use std::sync::Arc;

use baton_core::effect::{Answer, CallError, CallRequest, CallResult};
use baton_core::policy::{Bounds, Class};
use baton_protocol::federation::{CancelAnswer, Permission, Release, Reservation};
use baton_protocol::{TransferId, Wtid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::driver::now;
use crate::store::{Mode, PeerClass, PeerRow, Store};

/// A configured peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer(Arc<PeerRow>);

impl std::ops::Deref for Peer {
    type Target = PeerRow;
    fn deref(&self) -> &PeerRow {
        &self.0
    }
}

impl AsRef<PeerRow> for Peer {
    fn as_ref(&self) -> &PeerRow {
        &self.0
    }
}

impl Peer {
    /// How near it is (W2).
    #[must_use]
    pub fn class(&self) -> Class {
        match self.0.class {
            PeerClass::SameCompany => Class::SameCompany,
            PeerClass::Partner => Class::Partner,
            PeerClass::Other => Class::Other,
        }
    }

    /// Whether a customer's browser goes there, page and all (M2).
    #[must_use]
    pub fn navigates(&self) -> bool {
        self.0.mode == Mode::Navigate
    }

    /// What holds for what we send there.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        let agreement = &self.0.agreement;
        Bounds { fields: agreement.fields_out, confined: agreement.confined, own_only: false }
    }

    /// Why this agent may not transfer there now, as they read it.
    #[must_use]
    pub fn denies(&self, login: &str) -> Option<String> {
        let agreement = &self.0.agreement;
        let named = |agents: &Vec<String>| agents.iter().any(|agent| agent == login);
        if agreement.suspended {
            return Some(format!("transfers to {} are suspended", self.0.title));
        }
        (!agreement.agents.as_ref().is_none_or(named))
            .then(|| format!("you are not among the agents who may transfer to {}", self.0.title))
    }

    /// Whether it may send customers to this area of ours.
    #[must_use]
    pub fn may_use(&self, area: &str) -> bool {
        self.0.areas.as_ref().is_none_or(|areas| areas.iter().any(|name| name == area))
    }
}

/// Everything about peers.
pub struct Federation {
    server: String,
    keys: keys::Live,
    store: Arc<dyn Store>,
    asked: renewal::Asked,
    peers: peers::Peers,
    client: client::Client,
    verifier: token::TokenVerifier,
    /// What peers ask of us.
    pub quotas: quotas::Quotas,
}

impl Federation {
    /// For the server of this name.
    #[must_use]
    pub fn new(server: String, keys: keys::Live, client: client::Client, store: Arc<dyn Store>) -> Self {
        let verifier = token::TokenVerifier::new(server.clone(), store.clone());
        let quotas = quotas::Quotas::default();
        let (asked, peers) = (renewal::Asked::default(), peers::Peers::new(store.clone()));
        Self { server, keys, store, asked, peers, client, verifier, quotas }
    }

    /// The peer of this name.
    pub async fn peer(&self, name: &str) -> Option<Peer> {
        self.peers.find(name).await
    }

    /// The peers, as they were last read.
    #[must_use]
    pub fn known(&self) -> Vec<Peer> {
        self.peers.known()
    }

    /// Reads the peers if they were not read yet.
    pub async fn refresh(&self) {
        self.peers.refresh().await;
    }

    /// Reads the peers again; whether they have changed.
    pub async fn reread(&self) -> bool {
        self.peers.reread().await
    }

    /// Our own keys, as they are now.
    #[must_use]
    pub fn keys(&self) -> Arc<keys::Keys> {
        self.keys.get()
    }

    /// The WTID for a peer's transfer.
    #[must_use]
    pub fn wtid(&self, peer: &str, transfer: TransferId) -> Wtid {
        self.keys.get().wtid(peer, transfer)
    }

    /// The customer's own part of our address for a peer's transfer (D4).
    #[must_use]
    pub fn address(&self, peer: &str, transfer: TransferId) -> Wtid {
        self.keys.get().address(peer, transfer)
    }

    /// Checks who sent a request (D1).
    ///
    /// # Errors
    /// See [`token::Refused`].
    pub async fn verify(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Peer, token::Refused> {
        let request = token::Request { method, path, body };
        let find = async |name: &str| self.peers.find(name).await;
        let refused = match self.verifier.verify(token, request, now(), find).await {
            Ok(peer) => return Ok(peer),
            Err(refused) => refused,
        };
        let Some(name) = refused.from.clone().filter(|_| matches!(refused.why, token::Why::UnknownKey))
        else {
            return Err(refused);
        };
        if !self.unknown_key(&name).await {
            return Err(refused);
        }
        self.verifier.verify(token, request, now(), find).await
    }

    /// Makes a call to a peer (O3).
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn ask(&self, peer: &str, transfer: Option<TransferId>, request: &CallRequest) -> CallResult {
        let peer = self.peer(peer).await.ok_or(CallError::UnknownServer)?;
        let id = transfer.map(|transfer| transfer.to_string()).unwrap_or_default();
        Ok(match request {
            CallRequest::Permission(body) => {
                Answer::Permission(peers::bounded(self.post::<Permission>(&peer, "permission", body).await?))
            }
            CallRequest::Transfer(body) => self.reservation(&peer, "transfers", body).await?,
            CallRequest::Again(body) => {
                self.reservation(&peer, &format!("transfers/{id}/again"), body).await?
            }
            CallRequest::Cancel(body) => Answer::Cancel(
                self.post::<CancelAnswer>(&peer, &format!("transfers/{id}/cancel"), body).await?,
            ),
            CallRequest::Commit(body) => {
                let release: Release = self.post(&peer, &format!("outgoing/{id}/commit"), body).await?;
                let mut release = peer.agreement.fields_in.narrow_tail(release);
                crate::documents::sober(&mut release.documents);
                Answer::Release(release)
            }
            CallRequest::Settle(body) => {
                self.tell_done(&peer, &format!("outgoing/{id}/settle"), body).await?
            }
            CallRequest::Progress(body) => {
                self.tell_done(&peer, &format!("outgoing/{id}/progress"), body).await?
            }
            CallRequest::Erase(body) => {
                self.ask_to_erase(&peer, transfer.ok_or(CallError::UnknownServer)?, body).await?
            }
        })
    }

    /// A reservation that leads where the peer was configured.
    async fn reservation(&self, peer: &Peer, path: &str, body: &impl Serialize) -> CallResult {
        let reservation: Reservation = self.post(peer, path, body).await?;
        peers::vouched(peer, reservation).map(Answer::Reservation).ok_or_else(|| {
            tracing::warn!(peer = %peer.name, "its answer leads to a place that is not configured for it");
            CallError::BadAnswer
        })
    }

    /// Makes any other call to a peer.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn tell<T: DeserializeOwned>(
        &self,
        peer: &Peer,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        self.post(peer, path, body).await
    }

    async fn tell_done(&self, peer: &Peer, path: &str, body: &impl Serialize) -> CallResult {
        self.post::<serde_json::Value>(peer, path, body).await.map(|_| Answer::Done)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        peer: &Peer,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let url = format!("{}/{path}", peer.federation);
        self.client.call(&self.keys.get(), &self.server, &peer.name, &url, body).await
    }
}
