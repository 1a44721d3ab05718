//! Peers' keys change: their next one is pinned when a pinned one has signed for it, and a revoked one is forgotten.
//!
//! What a peer says of itself is asked for again now and then, and when it signs with an unknown key; the latter at most
//! once a minute, since anybody can make a request with an unknown key in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use baton_core::audit::Record;
use baton_core::effect::CallError;
use baton_protocol::federation::{Jwk, ROTATION_TYPE, Rotation, WellKnown};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::Federation;
use super::keys::{fingerprint, is_ed25519};
use crate::driver::now;
use crate::peering::difference::difference;
use crate::store::{Change, PeerRow};

/// Keys of one server, at most: two overlap while they change, and a few more do no harm.
pub const MAX_KEYS: usize = 8;

/// Revoked keys of a peer that are remembered, at most: they only ever add up.
const MAX_REVOKED: usize = 64;

/// How long an unknown key waits until the peer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// How often every peer is asked. A revoked key must be refused within a minute.
pub const EVERY: Duration = Duration::from_secs(20);

/// Who the audit says has changed a peer's keys. No agent is called so: a login has no blanks.
const ITSELF: &str = "this server";

/// Peers that are asked at once.
const AT_ONCE: usize = 16;

/// When each peer was last asked because of an unknown key.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<HashMap<String, Instant>>);

impl Asked {
    fn may_ask(&self, peer: &str) -> bool {
        let mut asked = self.0.lock();
        if asked.get(peer).is_some_and(|at| at.elapsed() < ASK_AGAIN) {
            return false;
        }
        asked.insert(peer.into(), Instant::now());
        true
    }
}

impl Federation {
    /// A peer has signed with a key that is not pinned: whether others are pinned now.
    pub(super) async fn unknown_key(&self, peer: &str) -> bool {
        if !self.asked.may_ask(peer) {
            return false;
        }
        self.renew(peer).await
    }

    /// Asks every peer for its keys.
    pub async fn renew_all(self: &Arc<Self>) {
        self.refresh().await;
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = tokio::task::JoinSet::new();
        for peer in self.known() {
            let (federation, places) = (self.clone(), places.clone());
            tasks.spawn(async move {
                let _place = places.acquire().await;
                federation.renew(&peer.name).await;
            });
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn renew(&self, name: &str) -> bool {
        let Some(peer) = self.peer(name).await else { return false };
        let answer = match self.client.introduce(&peer.base_url).await {
            Ok(answer) => answer,
            Err(failed) => {
                let quiet = matches!(failed.error, CallError::Unreachable | CallError::NoAnswer);
                if !quiet {
                    tracing::warn!(peer = name, detail = failed.detail, "a peer does not say who it is");
                }
                return false;
            }
        };
        // As it is stored now: an operator may have changed it while the peer was asked.
        let rows = self.store.peers().await.unwrap_or_default();
        let Some(row) = rows.into_iter().find(|row| row.name == name) else { return false };
        let Some(new) = renewed(&row, &answer) else { return false };
        let known: Vec<String> = new.keys.keys.iter().map(fingerprint).collect();
        tracing::info!(peer = name, keys = known.join(", "), "a peer's keys have changed");
        let (what, how) = (format!("peer {name}"), difference(Some(&row), &new));
        let record = Record::change(now(), ITSELF, what, &how);
        match self.store.administer(Change::PutPeer(new), record).await {
            Ok(_) => drop(self.peers.reread().await),
            Err(error) => {
                tracing::error!(%error, "a peer's keys could not be stored");
                return false;
            }
        }
        true
    }
}

/// The peer with the keys that it has now, if they are others: without the revoked ones, and with those for which a
/// pinned one stands.
fn renewed(row: &PeerRow, answer: &WellKnown) -> Option<PeerRow> {
    if answer.name != row.name {
        return None;
    }
    let mut new = row.clone();
    for kid in &answer.revoked {
        let ours = new.keys.keys.iter().any(|key| key.kid == *kid);
        if (ours || answer.jwks.keys.iter().any(|key| key.kid == *kid)) && !new.revoked.contains(kid) {
            new.revoked.push(kid.clone());
        }
    }
    new.revoked.truncate(MAX_REVOKED);
    new.keys.keys.retain(|key| !new.revoked.contains(&key.kid));
    // One key may stand for the next, and that one for another.
    while let Some(next) = answer.jwks.keys.iter().find(|key| is_vouched_for(key, &new, answer)) {
        if new.keys.keys.len() >= MAX_KEYS {
            // The newest are kept: the oldest one is out of use.
            new.keys.keys.remove(0);
        }
        new.keys.keys.push(next.clone());
    }
    (new != *row).then_some(new)
}

fn is_vouched_for(key: &Jwk, row: &PeerRow, answer: &WellKnown) -> bool {
    let known = row.keys.keys.contains(key) || row.revoked.contains(&key.kid);
    let stands = |token: &String| says(token, row).is_some_and(|word| word.new == key.kid);
    !known && is_ed25519(key) && answer.rotations.iter().take(MAX_KEYS).any(stands)
}

/// What one of the peer's pinned keys says of another key.
fn says(token: &str, row: &PeerRow) -> Option<Rotation> {
    let header = decode_header(token).ok()?;
    if header.typ.as_deref() != Some(ROTATION_TYPE) || header.alg != Algorithm::EdDSA || header.crit.is_some()
    {
        return None;
    }
    let kid = header.kid?;
    let key = row.keys.keys.iter().find(|key| key.kid == kid)?;
    let key = DecodingKey::from_ed_components(&key.x).ok()?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let word = decode::<Rotation>(token, &key, &validation).ok()?.claims;
    (word.iss == row.name).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::now;
    use crate::federation::keys::Keys;
    use crate::store::{Agreement, Mode, PeerClass};
    use baton_protocol::Timestamp;

    fn peer(keys: &Keys) -> PeerRow {
        PeerRow {
            name: "globex".into(),
            title: "Globex".into(),
            subject: String::new(),
            base_url: "https://globex.example".into(),
            federation: "https://globex.example/federation/v1".into(),
            socket: "wss://globex.example/v1/ws".into(),
            page: None,
            keys: keys.jwks(),
            class: PeerClass::Partner,
            areas: None,
            mode: Mode::InPlace,
            agreement: Agreement::default(),
            revoked: Vec::new(),
        }
    }

    fn introduction(keys: &Keys) -> WellKnown {
        WellKnown {
            name: "globex".into(),
            title: "Globex".into(),
            subject: String::new(),
            versions: vec![1],
            federation: "https://globex.example/federation/v1".into(),
            socket: "wss://globex.example/v1/ws".into(),
            jwks: keys.jwks(),
            rotations: keys.rotations(),
            revoked: keys.revoked().to_vec(),
        }
    }

    fn rotated(folder: &tempfile::TempDir, server: &str) -> Keys {
        Keys::rotate(folder.path(), server, now(), Timestamp(0)).unwrap()
    }

    #[test]
    fn s1_a_key_is_pinned_when_a_pinned_one_stands_for_it_and_not_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let row = peer(&Keys::create(folder.path()).unwrap());
        assert_eq!(renewed(&row, &introduction(&Keys::load(folder.path()).unwrap())), None, "nothing is new");
        let second = rotated(&folder, "globex");
        let mut answer = introduction(&second);
        let renewed_row = renewed(&row, &answer).unwrap();
        assert_eq!(renewed_row.keys.keys.len(), 2);
        assert!(renewed_row.keys.keys.contains(&second.jwks().keys[0]));
        assert_eq!(renewed(&renewed_row, &answer), None);
        answer.rotations.clear();
        assert_eq!(renewed(&row, &answer), None, "a key that nobody stands for");
        // Two at once: the first stands for the second, and that one for the third.
        let third = introduction(&rotated(&folder, "globex"));
        assert_eq!(renewed(&row, &third).unwrap().keys.keys.len(), 3);
        let elsewhere = WellKnown { name: "hooli".into(), ..third };
        assert_eq!(renewed(&row, &elsewhere), None);
    }

    #[test]
    fn s1_a_strangers_word_and_another_servers_are_worth_nothing() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let row = peer(&Keys::create(ours.path()).unwrap());
        Keys::create(theirs.path()).unwrap();
        let stranger = rotated(&theirs, "globex");
        assert_eq!(renewed(&row, &introduction(&stranger)), None);
        let for_another_name = rotated(&ours, "acme");
        assert_eq!(renewed(&row, &introduction(&for_another_name)), None);
    }

    #[test]
    fn s1_a_revoked_key_is_forgotten_and_its_word_is_void() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::create(folder.path()).unwrap();
        let row = peer(&first);
        let mut stolen = introduction(&rotated(&folder, "globex"));
        let revoked = introduction(&Keys::revoke(folder.path(), &first.fingerprint()).unwrap());
        let after = renewed(&row, &revoked).unwrap();
        assert!(after.keys.keys.is_empty() && after.revoked.len() == 1, "an operator has to compare");
        // Whoever has the old key may repeat its word: nobody listens.
        stolen.revoked.clear();
        assert_eq!(renewed(&after, &stolen), None);
        let known_both = renewed(&row, &stolen).unwrap();
        let after = renewed(&known_both, &revoked).unwrap();
        assert_eq!(after.keys.keys, revoked.jwks.keys);
    }
}
