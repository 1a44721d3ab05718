//! Other companies' servers: who they are, what they ask of us ([`inbound`]), and what we ask of them.

pub mod client;
pub mod inbound;
pub mod keys;
pub mod peers;
pub mod token;

use std::sync::Arc;

use baton_core::effect::{Answer, CallError, CallRequest, CallResult};
use baton_core::policy::Class;
use baton_protocol::federation::{CancelAnswer, Jwks, Permission, Release, Reservation};
use baton_protocol::{TransferId, Wtid};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Mode, PeerClass, PeerRow, Store};

/// A configured peer.
#[derive(Clone, Debug)]
pub struct Peer(Arc<PeerRow>);

impl std::ops::Deref for Peer {
    type Target = PeerRow;
    fn deref(&self) -> &PeerRow {
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

    /// Whether it may send customers to this area of ours.
    #[must_use]
    pub fn may_use(&self, area: &str) -> bool {
        self.0.areas.as_ref().is_none_or(|areas| areas.iter().any(|name| name == area))
    }
}

/// Everything about peers.
pub struct Federation {
    keys: keys::Keys,
    peers: peers::Peers,
    client: client::Client,
    verifier: token::TokenVerifier,
}
