//! This server's own keys.
//!
//! `keys.json` in the data folder, readable by its owner alone: Ed25519 key pairs (RFC 8032), of which the first
//! signs and all are published, so that keys can change with an overlap; and the secret from which WTIDs are made.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use baton_protocol::federation::{Jwk, Jwks};
use baton_protocol::{TransferId, Wtid};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::EncodingKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::driver::random;
use crate::store::Hidden;

/// The file's name.
pub const FILE: &str = "keys.json";

/// PKCS #8 wrapping of an Ed25519 seed (RFC 8410 section 7): everything before the 32 bytes themselves.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

#[derive(Serialize, Deserialize)]
struct Stored {
    /// The first one signs.
    keys: Vec<StoredKey>,
    /// 256 bits, base64url.
    wtid_secret: Hidden,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    public: Jwk,
    /// The seed, base64url.
    private: Hidden,
}

/// The keys.
pub struct Keys {
    public: Jwks,
    signing: EncodingKey,
    wtid_secret: [u8; 32],
}

impl Keys {
    /// Makes keys for a new server.
    ///
    /// # Errors
    /// When there are keys already, or the file cannot be written.
    pub fn create(folder: &Path) -> Result<Self> {
        let seed: [u8; 32] = random();
        let public = public_of(&seed)?;
        let stored = Stored {
            keys: vec![StoredKey { public, private: Hidden::new(URL_SAFE_NO_PAD.encode(seed)) }],
            wtid_secret: Hidden::new(URL_SAFE_NO_PAD.encode(random::<32>())),
        };
        let path = path(folder);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut file = file.with_context(|| format!("cannot create {}", path.display()))?;
        file.write_all(serde_json::to_string_pretty(&stored)?.as_bytes())?;
        file.sync_all()?;
        Self::from_stored(&stored)
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// When the file is missing, damaged, or readable by others.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = path(folder);
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}: was `baton init` run here?", path.display()))?;
        let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
        ensure!(mode & 0o077 == 0, "{} is open to others (mode {mode:o}): chmod 600 it", path.display());
        let stored = serde_json::from_str(&text);
        // serde's message could quote a key.
        let stored = stored.map_err(|_| anyhow::anyhow!("{} is damaged: restore it", path.display()))?;
        Self::from_stored(&stored)
    }

    fn from_stored(stored: &Stored) -> Result<Self> {
        let first = stored.keys.first().context("there is no key in the keys file")?;
        for key in &stored.keys {
            // Peers have the public half pinned; signing with another one would be refused everywhere.
            let fits = public_of(&secret(&key.private)?)? == key.public;
            ensure!(fits, "a key's two halves do not belong together: restore the keys file");
        }
        let seed = secret(&first.private)?;
        Ok(Self {
            public: Jwks { keys: stored.keys.iter().map(|key| key.public.clone()).collect() },
            signing: EncodingKey::from_ed_der(&[&PKCS8_PREFIX[..], &seed].concat()),
            wtid_secret: secret(&stored.wtid_secret)?,
        })
    }

    /// The public keys.
    #[must_use]
    pub fn jwks(&self) -> &Jwks {
        &self.public
    }

    /// What others compare when they make us a peer: the signing key's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.public.keys[0])
    }

    pub(super) fn signing(&self) -> (&str, &EncodingKey) {
        (&self.public.keys[0].kid, &self.signing)
    }

    /// The WTID of a transfer: 256 bits that nobody can tell from random ones without the secret, and the same
    /// ones when a peer asks again because the first answer was lost.
    #[must_use]
    pub fn wtid(&self, peer: &str, transfer: TransferId) -> Wtid {
        self.secret_of(peer, transfer, b"")
    }

    /// The customer's own part of our address for a transfer (D4), as hard to guess as the WTID and no help with it.
    #[must_use]
    pub fn address(&self, peer: &str, transfer: TransferId) -> Wtid {
        self.secret_of(peer, transfer, b"\0address")
    }

    fn secret_of(&self, peer: &str, transfer: TransferId, purpose: &[u8]) -> Wtid {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.wtid_secret).expect("HMAC takes keys of any length");
        mac.update(&transfer.0);
        mac.update(peer.as_bytes());
        mac.update(purpose);
        Wtid::from_bytes(mac.finalize().into_bytes().into())
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// 256 bits from the keys file. Fewer would be guessed.
fn secret(text: &Hidden) -> Result<[u8; 32]> {
    let bytes = URL_SAFE_NO_PAD.decode(text.reveal()).ok();
    // The decoder's own message would quote a byte of it.
    bytes.and_then(|bytes| bytes.try_into().ok()).context("a secret is damaged: restore the keys file")
}

fn public_of(seed: &[u8; 32]) -> Result<Jwk> {
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(seed)
        .map_err(|_| anyhow::anyhow!("a key could not be made"))?;
    let x = URL_SAFE_NO_PAD.encode(aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref());
    let mut jwk = Jwk { kty: "OKP".into(), crv: "Ed25519".into(), kid: String::new(), x };
    jwk.kid = URL_SAFE_NO_PAD.encode(thumbprint(&jwk));
    Ok(jwk)
}

/// A key's RFC 7638 thumbprint: members in lexicographic order, no white space.
fn thumbprint(jwk: &Jwk) -> [u8; 32] {
    let canonical = format!(r#"{{"crv":"{}","kty":"{}","x":"{}"}}"#, jwk.crv, jwk.kty, jwk.x);
    Sha256::digest(canonical).into()
}

/// A key's fingerprint, as people compare it: `SHA256:` and the thumbprint in base64.
#[must_use]
pub fn fingerprint(jwk: &Jwk) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(thumbprint(jwk)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_keys_are_kept_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let made = Keys::create(folder.path()).unwrap();
        assert!(Keys::create(folder.path()).is_err(), "keys are never overwritten");
        let loaded = Keys::load(folder.path()).unwrap();
        assert_eq!(made.fingerprint(), loaded.fingerprint());
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(folder.path().join(FILE), open).unwrap();
        let error = Keys::load(folder.path()).err().unwrap().to_string();
        assert!(error.contains("mode 644"), "{error}");
    }

    #[test]
    fn d3_a_wtid_is_the_same_for_the_same_transfer_and_peer_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::create(folder.path()).unwrap();
        let (one, other) = (TransferId([1; 16]), TransferId([2; 16]));
        assert_eq!(keys.wtid("acme", one), keys.wtid("acme", one));
        assert_ne!(keys.wtid("acme", one), keys.wtid("acme", other));
        assert_ne!(keys.wtid("acme", one), keys.wtid("globex", one));
    }

    #[test]
    fn s2_a_damaged_secret_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        Keys::create(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        let good = std::fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&good).unwrap();
        let (wtid, key) =
            (value["wtid_secret"].as_str().unwrap(), value["keys"][0]["private"].as_str().unwrap());
        let other = URL_SAFE_NO_PAD.encode([7; 32]);
        for (from, to) in [(wtid, ""), (wtid, "AAAA"), (wtid, "§"), (key, other.as_str()), (key, "")] {
            std::fs::write(&path, good.replace(from, to)).unwrap();
            let error = Keys::load(folder.path()).err().expect(to).to_string();
            assert!(error.contains("restore the keys file"), "{error}");
        }
        std::fs::write(&path, good).unwrap();
        assert!(Keys::load(folder.path()).is_ok());
    }

    /// The example of RFC 8037 appendix A.3.
    #[test]
    fn the_thumbprint_is_the_one_of_the_standard() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
        let jwk = Jwk { kty: "OKP".into(), crv: "Ed25519".into(), kid: String::new(), x };
        assert_eq!(URL_SAFE_NO_PAD.encode(thumbprint(&jwk)), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
