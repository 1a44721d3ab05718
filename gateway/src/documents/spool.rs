//! A file on its way in: written to the disk as it comes, hashed meanwhile, so that memory does not grow with it.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::kind::HEAD;

/// See the module. Dropped, an upload's file is gone, however the upload ends; that of a document from a peer stays where
/// it is, for the next try, unless [`Spool::remove`] takes it away.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    lasts: bool,
    file: File,
    hash: Sha256,
    head: Vec<u8>,
    size: u64,
}

impl Spool {
    /// Begins an upload's file.
    ///
    /// # Errors
    /// The file system's.
    pub async fn begin(path: PathBuf) -> io::Result<Self> {
        let mut spool = Self::open(path).await?;
        spool.lasts = false;
        Ok(spool)
    }

    /// Begins a file, or goes on with what an earlier try has left.
    ///
    /// # Errors
    /// The file system's.
    pub async fn open(path: PathBuf) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o600).open(&path).await?;
        let (mut hash, mut head, mut size) = (Sha256::new(), Vec::new(), 0);
        let mut part = vec![0; HEAD];
        loop {
            let count = file.read(&mut part).await?;
            if count == 0 {
                return Ok(Self { path, lasts: true, file, hash, head, size });
            }
            take(&mut hash, &mut head, &mut size, &part[..count]);
        }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// The file system's.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        take(&mut self.hash, &mut self.head, &mut self.size, bytes);
        Ok(())
    }

    /// Everything written is in the file.
    ///
    /// # Errors
    /// The file system's.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.file.flush().await
    }

    /// Begins again with nothing.
    ///
    /// # Errors
    /// The file system's.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0).await?;
        self.head.clear();
        (self.hash, self.size) = (Sha256::new(), 0);
        Ok(())
    }

    /// Bytes so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file's beginning.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 so far, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        crate::hex(&self.hash.clone().finalize())
    }

    /// Gives it up.
    pub fn remove(mut self) {
        self.lasts = false;
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if !self.lasts {
            // What cannot be removed is removed at the next start, or with its chat.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn take(hash: &mut Sha256, head: &mut Vec<u8>, size: &mut u64, bytes: &[u8]) {
    hash.update(bytes);
    head.extend_from_slice(&bytes[..bytes.len().min(HEAD - head.len())]);
    *size += bytes.len() as u64;
}
