//! Frames between an edge and the queue manager: sealed by a secret that both read from a file.
//!
//! Each side begins with 32 random bytes. Two keys, one for each direction, are HMAC-SHA-256 of both sides' bytes
//! under the secret (RFC 2104); frames are ChaCha20-Poly1305 (RFC 8439) with their number as nonce, after their
//! length in four bytes. So nobody without the secret can read, write, repeat, drop or turn around a frame, and each
//! side knows the other by the first frame that opens.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of a frame, at most: a ticket is a few hundred.
const MAX_FRAME: usize = 64 * 1024;

/// Characters that the secret has at least: 32 random bytes as base64 have 44.
const MIN_SECRET: usize = 32;

/// The secret. Shows nothing in debug output.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("•••")
    }
}

impl Secret {
    /// Reads it from a file that only its owner may read.
    ///
    /// # Errors
    /// What is wrong with the file, and how it is made.
    pub fn read(file: &Path) -> Result<Self> {
        let shown = file.display();
        let make = format!(
            "make one with `(umask 077; head -c 32 /dev/urandom | base64 > {shown})` and copy it to the other machine"
        );
        let text = std::fs::read(file).with_context(|| format!("cannot read the secret {shown}: {make}"))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(file)?.permissions().mode();
            ensure!(mode & 0o077 == 0, "others can read {shown}: `chmod 600 {shown}`");
        }
        let secret = text.trim_ascii().to_vec();
        ensure!(
            secret.len() >= MIN_SECRET,
            "the secret {shown} is shorter than {MIN_SECRET} characters: {make}"
        );
        Ok(Self(secret))
    }

    fn key(&self, direction: &[u8], edge: &[u8; 32], manager: &[u8; 32]) -> Result<LessSafeKey> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).context("a key of any length will do")?;
        for part in [b"baton queue link 1 ".as_slice(), direction, edge, manager] {
            mac.update(part);
        }
        let key = UnboundKey::new(&CHACHA20_POLY1305, &mac.finalize().into_bytes());
        Ok(LessSafeKey::new(key.context("the key has the right length")?))
    }
}

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that connects.
    Edge,
    /// The one that listens.
    Manager,
}

/// The half that reads.
pub struct Opener<R> {
    from: R,
    key: LessSafeKey,
    count: u64,
    sealed: Vec<u8>,
}

/// The half that writes.
pub struct Sealer<W> {
    to: W,
    key: LessSafeKey,
    count: u64,
}

/// Begins a connection.
///
/// # Errors
/// When the other side is gone.
pub async fn begin<R, W>(mut from: R, mut to: W, secret: &Secret, end: End) -> Result<(Opener<R>, Sealer<W>)>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let own: [u8; 32] = crate::driver::random();
    to.write_all(&own).await?;
    let mut other = [0; 32];
    from.read_exact(&mut other).await?;
    // What is one's own, sent back, would open what one has sealed oneself.
    ensure!(own != other, "the other side only repeats what it hears");
    let (edge, manager) = if end == End::Edge { (own, other) } else { (other, own) };
    let up = secret.key(b"up", &edge, &manager)?;
    let down = secret.key(b"down", &edge, &manager)?;
    let (reads, writes) = if end == End::Edge { (down, up) } else { (up, down) };
    Ok((Opener { from, key: reads, count: 0, sealed: Vec::new() }, Sealer { to, key: writes, count: 0 }))
}

impl<R: AsyncRead + Unpin> Opener<R> {
    /// The next word. Given up in the middle, the connection is of no use any more.
    ///
    /// # Errors
    /// When the connection is gone, or the other side does not know the secret.
    pub async fn read<T: DeserializeOwned>(&mut self) -> Result<T> {
        let length = self.from.read_u32().await? as usize;
        if length > MAX_FRAME {
            bail!(
                "a frame of {length} bytes: the other side is no queue manager or edge, or has another version"
            );
        }
        self.sealed.resize(length, 0);
        self.from.read_exact(&mut self.sealed).await?;
        let nonce = number(&mut self.count);
        let opened = self.key.open_in_place(nonce, Aad::empty(), &mut self.sealed);
        let opened = opened.ok().context("the other side does not have the same secret")?;
        Ok(serde_json::from_slice(opened)?)
    }
}

impl<W: AsyncWrite + Unpin> Sealer<W> {
    /// Writes a word.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn write<T: Serialize>(&mut self, word: &T) -> Result<()> {
        let mut frame = serde_json::to_vec(word)?;
        let nonce = number(&mut self.count);
        self.key.seal_in_place_append_tag(nonce, Aad::empty(), &mut frame).ok().context("sealing failed")?;
        ensure!(frame.len() <= MAX_FRAME, "a word of {} bytes is too long", frame.len());
        let mut whole = u32::try_from(frame.len())?.to_be_bytes().to_vec();
        whole.append(&mut frame);
        Ok(self.to.write_all(&whole).await?)
    }
}

/// Each frame's own nonce.
fn number(count: &mut u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&count.to_be_bytes());
    *count += 1;
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn s2_only_who_knows_the_secret_is_listened_to() {
        for (theirs, same) in
            [("the same long secret of both sides", true), ("another long secret of somebody", false)]
        {
            let (edge, manager) = tokio::io::duplex(4096);
            let ((from_edge, to_edge), (from_manager, to_manager)) =
                (tokio::io::split(edge), tokio::io::split(manager));
            let (ours, theirs) = (secret("the same long secret of both sides"), secret(theirs));
            let (one, other) = tokio::join!(
                begin(from_edge, to_edge, &ours, End::Edge),
                begin(from_manager, to_manager, &theirs, End::Manager)
            );
            let ((mut reads, mut writes), (mut hears, mut says)) = (one.unwrap(), other.unwrap());
            writes.write(&"up").await.unwrap();
            writes.write(&"again").await.unwrap();
            says.write(&"down").await.unwrap();
            assert_eq!(hears.read::<String>().await.is_ok_and(|word| word == "up"), same);
            assert_eq!(reads.read::<String>().await.is_ok_and(|word| word == "down"), same);
            if same {
                assert_eq!(hears.read::<String>().await.unwrap(), "again");
            }
        }
    }

    #[tokio::test]
    async fn s1_a_changed_or_repeated_frame_does_not_open() {
        let fresh = || secret("a secret that is long enough, really").key(b"up", &[7; 32], &[8; 32]).unwrap();
        let mut bytes = Vec::new();
        Sealer { to: &mut bytes, key: fresh(), count: 0 }.write(&"a customer's name").await.unwrap();
        assert!(!bytes.windows(8).any(|part| part == b"customer"), "nothing can be read");
        let mut twice = [bytes.clone(), bytes.clone()].concat();
        let mut opener = Opener { from: &twice[..], key: fresh(), count: 0, sealed: Vec::new() };
        assert!(opener.read::<String>().await.is_ok());
        assert!(opener.read::<String>().await.is_err(), "the same frame again");
        *twice.last_mut().unwrap() ^= 1;
        let mut opener = Opener { from: &twice[bytes.len()..], key: fresh(), count: 0, sealed: Vec::new() };
        assert!(opener.read::<String>().await.is_err());
    }

    #[test]
    fn s1_the_secrets_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("queue.secret");
        assert!(Secret::read(&file).unwrap_err().to_string().contains("/dev/urandom"));
        std::fs::write(&file, "short").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Secret::read(&file).unwrap_err().to_string().contains("chmod 600"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Secret::read(&file).unwrap_err().to_string().contains("shorter"));
        std::fs::write(&file, "0123456789012345678901234567890123456789\n").unwrap();
        assert!(Secret::read(&file).is_ok());
    }
}
