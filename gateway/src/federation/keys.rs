//! This server's own keys.
//!
//! `keys.json` in the data folder, readable by its owner alone: Ed25519 key pairs (RFC 8032), of which the newest whose
//! time has come signs and all are published, so that keys change with an overlap; and the secret from which WTIDs are
//! made. A key stands for the next one, so that peers who have pinned it follow by themselves.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use baton_protocol::federation::{Jwk, Jwks, ROTATION_TYPE, Rotation};
use baton_protocol::{Timestamp, TransferId, Wtid};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::driver::{now, random};
use crate::store::Hidden;

/// The file's name.
pub const FILE: &str = "keys.json";

/// PKCS #8 wrapping of an Ed25519 seed (RFC 8410 section 7): everything before the 32 bytes themselves.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

#[derive(Serialize, Deserialize)]
struct Stored {
    /// The newest one first. The first whose time has come signs.
    keys: Vec<StoredKey>,
    /// Thumbprints of keys that are not to be trusted any more.
    #[serde(default)]
    revoked: Vec<String>,
    /// 256 bits, base64url.
    wtid_secret: Hidden,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    public: Jwk,
    /// The seed, base64url.
    private: Hidden,
    /// When it begins to sign, in milliseconds since 1970.
    #[serde(default)]
    from: Timestamp,
    /// The word of the key before it.
    #[serde(default)]
    statement: Option<String>,
}

/// A key pair.
struct Pair {
    public: Jwk,
    signing: EncodingKey,
    from: Timestamp,
    statement: Option<String>,
}

/// The keys.
pub struct Keys {
    pairs: Vec<Pair>,
    revoked: Vec<String>,
    wtid_secret: [u8; 32],
}

impl Keys {
    /// Makes keys for a new server.
    ///
    /// # Errors
    /// When there are keys already, or the file cannot be written.
    pub fn create(folder: &Path) -> Result<Self> {
        let stored = Stored {
            keys: vec![StoredKey::new()?],
            revoked: Vec::new(),
            wtid_secret: Hidden::new(URL_SAFE_NO_PAD.encode(random::<32>())),
        };
        write_new(&path(folder), &stored)?;
        Self::from_stored(&stored)
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// When the file is missing, damaged, or readable by others.
    pub fn load(folder: &Path) -> Result<Self> {
        Self::from_stored(&read(folder)?)
    }

    /// Makes a new key, which signs from then on. The key that signs now stands for it.
    ///
    /// # Errors
    /// When a new key waits already, or the file cannot be written.
    pub fn rotate(folder: &Path, server: &str, now: Timestamp, from: Timestamp) -> Result<Self> {
        let mut stored = read(folder)?;
        let keys = Self::from_stored(&stored)?;
        ensure!(keys.signer(now) == 0, "the key that was made last does not sign yet: wait until it does");
        let mut key = StoredKey { from, ..StoredKey::new()? };
        key.statement = Some(keys.stand_for(&key.public, server, now)?);
        stored.keys.insert(0, key);
        replace(folder, &stored)?;
        Self::from_stored(&stored)
    }

    /// Ends the trust in a key, by its fingerprint. What it said of other keys is void.
    ///
    /// # Errors
    /// When there is no such key, it is the only one, or the file cannot be written.
    pub fn revoke(folder: &Path, wanted: &str) -> Result<Self> {
        let mut stored = read(folder)?;
        let at = stored.keys.iter().position(|key| fingerprint(&key.public) == wanted);
        let at = at.with_context(|| format!("there is no key {wanted} here"))?;
        ensure!(stored.keys.len() > 1, "it is the only key: make another first, with `baton key rotate`");
        let gone = stored.keys.remove(at);
        // The key after it bears its word, if any does.
        if let Some(next) = at.checked_sub(1).and_then(|next| stored.keys.get_mut(next)) {
            (next.statement, next.from) = (None, Timestamp(0));
        }
        stored.revoked.push(gone.public.kid);
        replace(folder, &stored)?;
        Self::from_stored(&stored)
    }

    fn from_stored(stored: &Stored) -> Result<Self> {
        ensure!(!stored.keys.is_empty(), "there is no key in the keys file");
        let pairs = stored.keys.iter().map(StoredKey::pair).collect::<Result<_>>()?;
        Ok(Self { pairs, revoked: stored.revoked.clone(), wtid_secret: secret(&stored.wtid_secret)? })
    }

    /// The position of the key that signs.
    fn signer(&self, now: Timestamp) -> usize {
        // When no time has come, clocks are wrong; the oldest key is known to most.
        self.pairs.iter().position(|pair| pair.from <= now).unwrap_or(self.pairs.len() - 1)
    }

    /// The public keys, the one that signs first.
    #[must_use]
    pub fn jwks(&self) -> Jwks {
        let mut keys: Vec<Jwk> = self.pairs.iter().map(|pair| pair.public.clone()).collect();
        keys[..=self.signer(now())].rotate_right(1);
        Jwks { keys }
    }

    /// What keys say of the keys after them.
    #[must_use]
    pub fn rotations(&self) -> Vec<String> {
        self.pairs.iter().filter_map(|pair| pair.statement.clone()).collect()
    }

    /// Thumbprints of keys that are not to be trusted any more.
    #[must_use]
    pub fn revoked(&self) -> &[String] {
        &self.revoked
    }

    /// Every key's fingerprint and when it begins to sign, the one that signs first.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<(String, Timestamp)> {
        let of = |jwk: &Jwk| self.pairs.iter().find(|pair| pair.public == *jwk).map(|pair| pair.from);
        let keys = self.jwks().keys;
        keys.iter().map(|jwk| (fingerprint(jwk), of(jwk).unwrap_or_default())).collect()
    }

    /// What others compare when they make us a peer: the signing key's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.pairs[self.signer(now())].public)
    }

    pub(super) fn signing(&self) -> (&str, &EncodingKey) {
        let pair = &self.pairs[self.signer(now())];
        (&pair.public.kid, &pair.signing)
    }

    fn stand_for(&self, next: &Jwk, server: &str, now: Timestamp) -> Result<String> {
        let (kid, key) = self.signing();
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(ROTATION_TYPE.into());
        header.kid = Some(kid.into());
        let claims = Rotation { iss: server.into(), iat: now.0 / 1_000, new: next.kid.clone() };
        jsonwebtoken::encode(&header, &claims, key).context("the new key could not be signed for")
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

impl StoredKey {
    fn new() -> Result<Self> {
        let seed: [u8; 32] = random();
        let private = Hidden::new(URL_SAFE_NO_PAD.encode(seed));
        Ok(Self { public: public_of(&seed)?, private, from: Timestamp(0), statement: None })
    }

    fn pair(&self) -> Result<Pair> {
        let seed = secret(&self.private)?;
        // Peers have the public half pinned; signing with another one would be refused everywhere.
        let fits = public_of(&seed)? == self.public;
        ensure!(fits, "a key's two halves do not belong together: restore the keys file");
        Ok(Pair {
            public: self.public.clone(),
            signing: EncodingKey::from_ed_der(&[&PKCS8_PREFIX[..], &seed].concat()),
            from: self.from,
            statement: self.statement.clone(),
        })
    }
}

/// By what a change is seen: the time may be the same for two changes in a row, the file itself is another each time.
type Seen = (SystemTime, u64);

fn see(folder: &Path) -> std::io::Result<Seen> {
    let file = std::fs::metadata(path(folder))?;
    Ok((file.modified()?, file.ino()))
}

/// The keys of a running gateway, read again when the file has changed: `baton key` changes it.
pub struct Live {
    folder: PathBuf,
    current: Mutex<Current>,
}

struct Current {
    keys: Arc<Keys>,
    seen: Seen,
    looked: Instant,
}

impl Live {
    /// How often the file is looked at.
    const LOOK: Duration = Duration::from_secs(1);

    /// Those of this data folder.
    ///
    /// # Errors
    /// As [`Keys::load`].
    pub fn open(folder: &Path) -> Result<Self> {
        let seen = see(folder)?;
        let keys = Arc::new(Keys::load(folder)?);
        let current = Current { keys, seen, looked: Instant::now() };
        Ok(Self { folder: folder.into(), current: Mutex::new(current) })
    }

    /// The keys as they are now. A file that cannot be used leaves the ones before.
    #[must_use]
    pub fn get(&self) -> Arc<Keys> {
        let mut current = self.current.lock();
        if current.looked.elapsed() >= Self::LOOK {
            current.looked = Instant::now();
            if let Ok(seen) = see(&self.folder)
                && seen != current.seen
            {
                current.seen = seen;
                match Keys::load(&self.folder) {
                    Ok(keys) => current.keys = Arc::new(keys),
                    Err(error) => tracing::error!(%error, "the keys file is not used as it is now"),
                }
            }
        }
        current.keys.clone()
    }
}

fn read(folder: &Path) -> Result<Stored> {
    let path = path(folder);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}: was `baton init` run here?", path.display()))?;
    let mode = std::fs::metadata(&path)?.permissions().mode() & 0o777;
    ensure!(mode & 0o077 == 0, "{} is open to others (mode {mode:o}): chmod 600 it", path.display());
    // serde's message could quote a key.
    serde_json::from_str(&text).map_err(|_| anyhow::anyhow!("{} is damaged: restore it", path.display()))
}

fn write_new(path: &Path, stored: &Stored) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("cannot create {}", path.display()))?;
    file.write_all(serde_json::to_string_pretty(stored)?.as_bytes())?;
    Ok(file.sync_all()?)
}

/// The whole new file or the whole old one, whenever the power fails.
fn replace(folder: &Path, stored: &Stored) -> Result<()> {
    let new = folder.join(format!("{FILE}.new"));
    // What an attempt that was interrupted has left.
    let _ = std::fs::remove_file(&new);
    write_new(&new, stored)?;
    std::fs::rename(&new, path(folder)).context("cannot replace the keys file")
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

/// A key of the one kind there is, named by its RFC 7638 thumbprint.
#[must_use]
pub fn is_ed25519(jwk: &Jwk) -> bool {
    let point = URL_SAFE_NO_PAD.decode(&jwk.x).map(|x| x.len());
    let named = jwk.kid == URL_SAFE_NO_PAD.encode(thumbprint(jwk));
    jwk.kty == "OKP" && jwk.crv == "Ed25519" && point == Ok(32) && named
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

    #[test]
    fn s1_a_new_key_is_published_first_and_signs_when_its_time_has_come() {
        let folder = tempfile::tempdir().unwrap();
        let first = Keys::create(folder.path()).unwrap().fingerprint();
        let (past, future) = (Timestamp(1), Timestamp(u64::MAX));
        let waits = Keys::rotate(folder.path(), "acme", now(), future).unwrap();
        assert_eq!((waits.fingerprint(), waits.jwks().keys.len()), (first.clone(), 2));
        assert_eq!(fingerprint(&waits.jwks().keys[0]), first, "the one that signs is named first");
        let error = Keys::rotate(folder.path(), "acme", now(), past).err().unwrap().to_string();
        assert!(error.contains("does not sign yet"), "{error}");
        let revoked = Keys::revoke(folder.path(), &first).unwrap();
        assert_ne!(revoked.fingerprint(), first, "the next key signs at once");
        assert_eq!((revoked.revoked().len(), revoked.rotations().len()), (1, 0), "its word is void");
        let error = Keys::revoke(folder.path(), &revoked.fingerprint()).err().unwrap().to_string();
        assert!(error.contains("the only key"), "{error}");
    }

    #[test]
    fn s1_a_running_gateway_follows_its_keys_file() {
        let folder = tempfile::tempdir().unwrap();
        Keys::create(folder.path()).unwrap();
        let live = Live::open(folder.path()).unwrap();
        let before = live.get().fingerprint();
        live.current.lock().looked = Instant::now() + Live::LOOK * 3_600;
        let after = Keys::rotate(folder.path(), "acme", now(), Timestamp(0)).unwrap().fingerprint();
        assert_eq!(live.get().fingerprint(), before, "it looks once a second");
        live.current.lock().looked = Instant::now().checked_sub(Live::LOOK).unwrap();
        assert_eq!(live.get().fingerprint(), after);
    }

    /// The example of RFC 8037 appendix A.3.
    #[test]
    fn the_thumbprint_is_the_one_of_the_standard() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
        let jwk = Jwk { kty: "OKP".into(), crv: "Ed25519".into(), kid: String::new(), x };
        assert_eq!(URL_SAFE_NO_PAD.encode(thumbprint(&jwk)), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
