//! The signature on every federation request: a JWT (RFC 7519) bound to method, path and body.
//!
//! Type and algorithm are fixed (RFC 8725 sections 3.1 and 3.11): there is nothing to negotiate, so nothing to
//! confuse. A request is accepted once.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use baton_protocol::Timestamp;
use baton_protocol::federation::{Claims, JWT_SECONDS, JWT_TYPE, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header, encode};
use sha2::{Digest, Sha256};

use super::keys::Keys;
use crate::driver::random;
use crate::store::{PeerRow, Store, StoreError};

/// A request, as far as its signature covers it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path, without query.
    pub path: &'a str,
    /// Body.
    pub body: &'a [u8],
}

/// Why a request is not accepted. For our log: the caller learns only that it is not.
#[derive(Debug)]
pub enum Refused {
    /// Not a JWT, or not of our type and algorithm.
    Form,
    /// No such peer.
    UnknownPeer,
    /// Signed with a key that is not pinned.
    UnknownKey,
    /// The signature is not the key's.
    Signature,
    /// For somebody else.
    Audience,
    /// For another method, path or body.
    Request,
    /// Expired, not yet valid, or valid for too long.
    Time,
    /// Seen before.
    Replay,
    /// The store could not say.
    Store(StoreError),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not a token of the federation's type and algorithm",
            Self::UnknownPeer => "not one of our peers",
            Self::UnknownKey => "the key is not one that is pinned for this peer",
            Self::Signature => "the signature does not fit",
            Self::Audience => "for another server",
            Self::Request => "for another request",
            Self::Time => "expired, not yet valid, or valid for too long: are both clocks right?",
            Self::Replay => "seen before",
            Self::Store(error) => return error.fmt(f),
        })
    }
}

impl std::error::Error for Refused {}

/// Signs a request to `audience`.
///
/// # Errors
/// The signing library's.
pub fn sign(
    keys: &Keys,
    issuer: &str,
    audience: &str,
    request: Request<'_>,
    now: Timestamp,
) -> jsonwebtoken::errors::Result<String> {
    let (kid, key) = keys.signing();
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(JWT_TYPE.into());
    header.kid = Some(kid.into());
    let iat = now.0 / 1_000;
    let claims = Claims {
        iss: issuer.into(),
        aud: audience.into(),
        htm: request.method.into(),
        htu: request.path.into(),
        body: digest(request.body),
        iat,
        exp: iat + JWT_SECONDS,
        jti: URL_SAFE_NO_PAD.encode(random::<16>()),
    };
    encode(&header, &claims, key)
}

fn digest(body: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(body))
}

/// Checks requests to this server.
pub struct TokenVerifier {
    audience: String,
    store: Arc<dyn Store>,
}

impl TokenVerifier {
    /// For the server of this name.
    #[must_use]
    pub fn new(audience: String, store: Arc<dyn Store>) -> Self {
        Self { audience, store }
    }

    /// Checks a request. `peer` finds a peer by its server name.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn verify<P: AsRef<PeerRow>>(
        &self,
        token: &str,
        request: Request<'_>,
        now: Timestamp,
        peer: impl AsyncFnOnce(&str) -> Option<P>,
    ) -> Result<P, Refused> {
        let issuer = issuer_of(token).ok_or(Refused::Form)?;
        let peer = peer(&issuer).await.ok_or(Refused::UnknownPeer)?;
        let claims = self.check(token, request, now, peer.as_ref())?;
        // Last, so that only what is genuine is remembered.
        let id = format!("{issuer} {}", claims.jti);
        let expires = Timestamp((claims.exp + JWT_SECONDS) * 1_000);
        match self.store.use_once(&id, expires, now).await {
            Ok(true) => Ok(peer),
            Ok(false) => Err(Refused::Replay),
            Err(error) => Err(Refused::Store(error)),
        }
    }

    fn check(
        &self,
        token: &str,
        request: Request<'_>,
        now: Timestamp,
        peer: &PeerRow,
    ) -> Result<Claims, Refused> {
        let header = decode_header(token).map_err(|_| Refused::Form)?;
        if header.typ.as_deref() != Some(JWT_TYPE) || header.alg != Algorithm::EdDSA {
            return Err(Refused::Form);
        }
        let kid = header.kid.ok_or(Refused::UnknownKey)?;
        let key = peer.keys.keys.iter().find(|key| key.kid == kid).ok_or(Refused::UnknownKey)?;
        let claims = signed_by(token, key)?;
        if claims.aud != self.audience {
            return Err(Refused::Audience);
        }
        let same = claims.htm == request.method && claims.htu == request.path;
        if !same || claims.body != digest(request.body) {
            return Err(Refused::Request);
        }
        let seconds = now.0 / 1_000;
        let lives = claims.exp.saturating_sub(claims.iat);
        let in_time = claims.iat <= seconds + JWT_SECONDS && seconds <= claims.exp + JWT_SECONDS;
        let fresh = seconds <= claims.iat + 2 * JWT_SECONDS;
        if !in_time || !fresh || lives > JWT_SECONDS || claims.exp < claims.iat {
            return Err(Refused::Time);
        }
        Ok(claims)
    }
}

/// The claims, if this key signed them. Time and audience are checked by the caller, against its own clock.
fn signed_by(token: &str, key: &Jwk) -> Result<Claims, Refused> {
    let key = DecodingKey::from_ed_components(&key.x).map_err(|_| Refused::UnknownKey)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = decode::<Claims>(token, &key, &validation).map_err(|_| Refused::Signature)?;
    Ok(decoded.claims)
}

/// Who claims to have sent it: only to find the key that must have signed it.
fn issuer_of(token: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Issuer {
        iss: String,
    }
    let payload = token.split('.').nth(1)?;
    let issuer: Issuer = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    Some(issuer.iss)
}

#[cfg(test)]
mod tests;
