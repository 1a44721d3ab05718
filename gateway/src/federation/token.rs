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
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header, encode};
use sha2::{Digest, Sha256};

use super::keys::Keys;
use crate::config::rules;
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

/// Bytes of a request's id, at most: it is kept until the request would have expired.
const MAX_JTI: usize = 128;

/// Seconds after issue in which a request can be accepted: its own life, and the skew of a clock that is behind.
const MAX_AGE: u64 = 2 * JWT_SECONDS;

/// A request that is not accepted. For our log: the caller learns only that it is not.
#[derive(Debug)]
pub struct Refused {
    /// Whom it claims to be from, where that is a server's name at all. True only once the signature is.
    pub from: Option<String>,
    /// Why not.
    pub why: Why,
}

/// Why a request is not accepted.
#[derive(Debug)]
pub enum Why {
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
    Time {
        /// Seconds from its issue to our clock's time; negative where it was issued later.
        age: i64,
    },
    /// Seen before.
    Replay,
    /// The store could not say.
    Store(StoreError),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {}: {}", self.from.as_deref().unwrap_or("somebody without a name"), self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "not a token of the federation's type and algorithm",
            Self::UnknownPeer => "not one of our peers",
            Self::UnknownKey => {
                "the key is not one that is pinned for this peer: `baton check` shows its new one"
            }
            Self::Signature => "the signature does not fit",
            Self::Audience => "for another server",
            Self::Request => "for another request",
            Self::Time { age } => {
                let when = if *age < 0 { "ahead of" } else { "before" };
                let seconds = age.unsigned_abs();
                return write!(
                    f,
                    "issued {seconds} s {when} our time, or valid for too long: are both clocks right?"
                );
            }
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
        let Some(issuer) = issuer_of(token) else { return Err(Refused { from: None, why: Why::Form }) };
        // Anything that is no name could forge lines of our log.
        let from = || rules::name(&issuer).ok();
        let refused = |why| Refused { from: from(), why };
        let peer = peer(&issuer).await.ok_or_else(|| refused(Why::UnknownPeer))?;
        let claims = self.check(token, request, now, peer.as_ref()).map_err(refused)?;
        // Last, so that only what is genuine is remembered.
        let id = format!("{issuer} {}", claims.jti);
        match self.store.use_once(&id, forgotten(&claims), now).await {
            Ok(true) => Ok(peer),
            Ok(false) => Err(refused(Why::Replay)),
            Err(error) => Err(refused(Why::Store(error))),
        }
    }

    fn check(
        &self,
        token: &str,
        request: Request<'_>,
        now: Timestamp,
        peer: &PeerRow,
    ) -> Result<Claims, Why> {
        let header = decode_header(token).map_err(|_| Why::Form)?;
        // What a sender says must be understood, and is not, refuses the whole (RFC 7515 section 4.1.11).
        let fixed = header.typ.as_deref() == Some(JWT_TYPE) && header.alg == Algorithm::EdDSA;
        if !fixed || header.crit.is_some() {
            return Err(Why::Form);
        }
        let kid = header.kid.ok_or(Why::UnknownKey)?;
        let key = peer.keys.keys.iter().find(|key| key.kid == kid).ok_or(Why::UnknownKey)?;
        let claims = signed_by(token, key)?;
        if claims.aud != self.audience {
            return Err(Why::Audience);
        }
        let same = claims.htm == request.method && claims.htu == request.path;
        if !same || claims.body != digest(request.body) {
            return Err(Why::Request);
        }
        if claims.jti.is_empty() || claims.jti.len() > MAX_JTI {
            return Err(Why::Form);
        }
        in_time(&claims, now.0 / 1_000)?;
        Ok(claims)
    }
}

/// Whether the request is neither too old nor of the future. The numbers are the peer's: none may overflow.
fn in_time(claims: &Claims, now: u64) -> Result<(), Why> {
    let Claims { iat, exp, .. } = *claims;
    let lives = exp.checked_sub(iat).is_some_and(|seconds| seconds <= JWT_SECONDS);
    let begun = iat <= now.saturating_add(JWT_SECONDS);
    let not_over = now <= exp.saturating_add(JWT_SECONDS) && now <= iat.saturating_add(MAX_AGE);
    if lives && begun && not_over {
        return Ok(());
    }
    let age = i64::try_from(i128::from(now) - i128::from(iat)).unwrap_or(i64::MIN);
    Err(Why::Time { age })
}

/// When a request's id may be forgotten: when no clock here can still accept it. [`in_time`] counts whole seconds, so
/// the last of them is still to be waited for.
fn forgotten(claims: &Claims) -> Timestamp {
    Timestamp(claims.exp.saturating_add(JWT_SECONDS + 1).saturating_mul(1_000))
}

/// The claims, if this key signed them. Time and audience are checked by the caller, against its own clock.
fn signed_by(token: &str, key: &Jwk) -> Result<Claims, Why> {
    let key = DecodingKey::from_ed_components(&key.x).map_err(|_| Why::UnknownKey)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    match decode::<Claims>(token, &key, &validation) {
        Ok(decoded) => Ok(decoded.claims),
        Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => Err(Why::Signature),
        Err(_) => Err(Why::Form),
    }
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
