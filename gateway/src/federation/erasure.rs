//! Receipts: what a server has done about an erasure, signed by its key, so that whoever asked can show it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use baton_core::effect::{Answer, CallError, CallResult};
use baton_core::erase::{Confirmed, MAX_FURTHER};
use baton_protocol::TransferId;
use baton_protocol::federation::{Account, Erase, ErasureAnswer, RECEIPT_TYPE, Receipt};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header, encode};
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::keys::Keys;
use super::{Federation, Peer};
use crate::config::rules;
use crate::driver::now;
use crate::store::PeerRow;

/// Bytes of a receipt: some hundred hops.
const MAX_RECEIPT: usize = 32 * 1024;

/// Hops that one server may name.
const MAX_HOPS: usize = 64;

impl Federation {
    /// Asks a peer to erase what came or went by a transfer.
    pub(super) async fn ask_to_erase(&self, peer: &Peer, transfer: TransferId, body: &Erase) -> CallResult {
        let answer: ErasureAnswer = self.post(peer, &format!("transfers/{transfer}/erase"), body).await?;
        let confirmed = confirmed(peer.as_ref(), &self.server, answer).ok_or_else(|| {
            tracing::warn!(peer = %peer.name, %transfer, "its receipt for an erasure is none");
            CallError::BadAnswer
        })?;
        Ok(Answer::Erased(Box::new(confirmed)))
    }

    /// The answer to a peer that asks, with our receipt.
    ///
    /// # Errors
    /// The signing library's.
    pub fn receipt(&self, peer: &str, confirmed: Confirmed) -> anyhow::Result<ErasureAnswer> {
        let Confirmed { account, further, .. } = confirmed;
        Ok(ErasureAnswer { receipt: sign(&self.keys.get(), &self.server, peer, account)?, further })
    }
}

fn sign(keys: &Keys, issuer: &str, audience: &str, account: Account) -> anyhow::Result<String> {
    let (kid, key) = keys.signing();
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(RECEIPT_TYPE.into());
    header.kid = Some(kid.into());
    let iat = now().0 / 1_000;
    Ok(encode(&header, &Receipt { iss: issuer.into(), aud: audience.into(), iat, account }, key)?)
}

/// An answer whose receipt is the peer's and for us. What it passes on is what it says it has from others.
fn confirmed(peer: &PeerRow, own: &str, answer: ErasureAnswer) -> Option<Confirmed> {
    let ErasureAnswer { receipt, mut further } = answer;
    let Receipt { aud, account, .. } = verified(&receipt, peer)?;
    let named = account.hops.iter().all(|hop| rules::name(&hop.server).is_ok());
    if aud != own || !named || account.hops.len() > MAX_HOPS {
        return None;
    }
    further.truncate(MAX_FURTHER);
    further.retain(|receipt| receipt.len() <= MAX_RECEIPT && read(receipt).is_some());
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&receipt));
    Some(Confirmed { account, receipt, digest, further })
}

/// A receipt that this peer has signed.
#[must_use]
pub fn verified(receipt: &str, peer: &PeerRow) -> Option<Receipt> {
    let header = decode_header(receipt).ok().filter(|_| receipt.len() <= MAX_RECEIPT)?;
    let fixed = header.typ.as_deref() == Some(RECEIPT_TYPE) && header.alg == Algorithm::EdDSA;
    let kid = header.kid.filter(|_| fixed && header.crit.is_none())?;
    let key = peer.keys.keys.iter().find(|key| key.kid == kid)?;
    let key = DecodingKey::from_ed_components(&key.x).ok()?;
    let claims = decode::<Receipt>(receipt, &key, &lenient()).ok()?.claims;
    (claims.iss == peer.name).then_some(claims)
}

/// A receipt does not expire, and its audience is checked by whoever asked for it.
fn lenient() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

/// What a receipt says, whoever has signed it.
#[must_use]
pub fn read(receipt: &str) -> Option<Receipt> {
    let mut parts = receipt.split('.');
    let (header, payload) = (parts.next()?, parts.next()?);
    let _: IgnoredAny = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}
