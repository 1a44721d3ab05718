//! Documents: files that customers and agents send, and those that come along with a transferred chat.
//!
//! They are kept in a folder or in an S3 store, under `{chat}/{sha256}`: each chat has its own, so that nobody reads
//! another chat's by knowing its hash, and a chat is erased by removing its folder. [`kind`] says what a file is,
//! [`name`] what it may be called, and [`spool`] holds it while it comes.

pub mod kind;
pub mod name;
pub mod spool;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use baton_protocol::ChatId;
use baton_protocol::model::{DocumentCard, DocumentRef, is_sha256};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload, buffered::BufWriter};
use tokio::io::AsyncWriteExt;

use crate::config::{self, Place};
use spool::Spool;

/// The folder in the data folder for files on their way.
const SPOOL: &str = "spool";

/// Where documents are.
pub struct Documents {
    store: Arc<dyn ObjectStore>,
    spool: PathBuf,
    limits: config::Documents,
}

/// Bytes of a document, as they come from the store.
pub type Bytes = BoxStream<'static, object_store::Result<axum::body::Bytes>>;

impl Documents {
    /// Opens the store and makes its folders.
    ///
    /// # Errors
    /// When it cannot be used; says what to do.
    pub fn open(limits: &config::Documents, data: &Path) -> Result<Self> {
        let spool = data.join(SPOOL);
        folder(&spool)?;
        let store: Arc<dyn ObjectStore> = match &limits.store {
            Place::Folder(path) => {
                folder(path)?;
                // An acknowledgement means stored.
                Arc::new(LocalFileSystem::new_with_prefix(path)?.with_fsync(true))
            }
            Place::S3(url) => {
                let aws = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
                let (store, prefix) = object_store::parse_url_opts(url, aws.map(|(name, value)| (name.to_lowercase(), value)))
                    .context("the credentials are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the region in AWS_REGION")?;
                Arc::new(PrefixStore::new(store, prefix))
            }
        };
        Ok(Self { store, spool, limits: limits.clone() })
    }

    /// The operator's limits.
    #[must_use]
    pub fn limits(&self) -> &config::Documents {
        &self.limits
    }

    /// Writes something, reads it, and removes it.
    ///
    /// # Errors
    /// The store's.
    pub async fn probe(&self) -> Result<()> {
        let key = Key::from("probe");
        self.store.put(&key, PutPayload::from_static(b"baton")).await?;
        self.store.get(&key).await?.bytes().await?;
        Ok(self.store.delete(&key).await?)
    }

    /// Removes what a process that is gone has left of its uploads. What was on its way from peers goes on.
    ///
    /// # Errors
    /// The file system's.
    pub fn sweep(&self) -> Result<()> {
        for file in std::fs::read_dir(&self.spool)? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with("upload-") {
                std::fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }

    /// A place for an upload.
    ///
    /// # Errors
    /// The file system's.
    pub async fn upload(&self, number: u64) -> Result<Spool> {
        Ok(Spool::begin(self.spool.join(format!("upload-{number}"))).await?)
    }

    /// A place for a document from a peer, with what is there of it already.
    ///
    /// # Errors
    /// The file system's.
    pub async fn arriving(&self, chat: ChatId, sha256: &str) -> Result<Spool> {
        Ok(Spool::open(self.spool.join(format!("{chat}-{sha256}"))).await?)
    }

    /// Stores a file that is complete, durably. The spool is gone afterwards.
    ///
    /// # Errors
    /// The store's.
    pub async fn keep(&self, chat: ChatId, mut spool: Spool) -> Result<()> {
        spool.flush().await?;
        let mut from = tokio::fs::File::open(spool.path()).await?;
        let mut to = BufWriter::new(self.store.clone(), key(chat, &spool.sha256()));
        tokio::io::copy(&mut from, &mut to).await?;
        to.shutdown().await?;
        spool.remove();
        Ok(())
    }

    /// Gives another chat a document of this one's.
    ///
    /// # Errors
    /// The store's.
    pub async fn copy(&self, from: ChatId, to: ChatId, sha256: &str) -> Result<()> {
        Ok(self.store.copy(&key(from, sha256), &key(to, sha256)).await?)
    }

    /// Bytes of a document that is there.
    ///
    /// # Errors
    /// The store's.
    pub async fn size(&self, chat: ChatId, sha256: &str) -> Result<Option<u64>> {
        match self.store.head(&key(chat, sha256)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A part of a document.
    ///
    /// # Errors
    /// The store's.
    pub async fn read(&self, chat: ChatId, sha256: &str, range: Range<u64>) -> Result<Bytes> {
        if range.is_empty() {
            return Ok(Box::pin(futures_util::stream::empty()));
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        Ok(self.store.get_opts(&key(chat, sha256), options).await?.into_stream())
    }

    /// How many files of a chat's there are, on their way ones included.
    ///
    /// # Errors
    /// The store's.
    pub async fn count(&self, chat: ChatId) -> Result<u64> {
        let stored = self.store.list(Some(&Key::from(chat.to_string()))).count().await;
        Ok((stored + self.spooled(chat)?.len()) as u64)
    }

    /// Removes every file of a chat's, on their way ones included; answers how many there were.
    ///
    /// # Errors
    /// The store's.
    pub async fn erase(&self, chat: ChatId) -> Result<u64> {
        let spooled = self.spooled(chat)?;
        for path in &spooled {
            tokio::fs::remove_file(path).await?;
        }
        let found: Vec<_> = self.store.list(Some(&Key::from(chat.to_string()))).try_collect().await?;
        for file in &found {
            match self.store.delete(&file.location).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if let Place::Folder(path) = &self.limits.store {
            // With what a write that was cut off has left.
            match tokio::fs::remove_dir_all(path.join(chat.to_string())).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok((found.len() + spooled.len()) as u64)
    }

    fn spooled(&self, chat: ChatId) -> Result<Vec<PathBuf>> {
        let prefix = format!("{chat}-");
        let files = std::fs::read_dir(&self.spool)?.collect::<std::io::Result<Vec<_>>>()?;
        let theirs = files.iter().filter(|file| file.file_name().to_string_lossy().starts_with(&prefix));
        Ok(theirs.map(std::fs::DirEntry::path).collect())
    }

    /// What an upload is, if it may be stored here.
    #[must_use]
    pub fn check(&self, spool: &Spool, name: &str) -> Option<DocumentCard> {
        let kind = kind::sniff(spool.head())?;
        kind::is_allowed(&self.limits.types, kind.media_type).then(|| DocumentCard {
            sha256: spool.sha256(),
            name: name::safe(name, kind),
            media_type: kind.media_type.into(),
            size: spool.size(),
        })
    }
}

/// What a peer says of documents, made safe: names, types and hashes that are none are not passed on.
pub fn sober(documents: &mut Vec<DocumentRef>) {
    documents.retain(|document| is_sha256(&document.sha256) && document.media_type.len() <= 128);
    documents.truncate(baton_protocol::limits::MAX_DOCUMENTS);
    for document in documents {
        document.name = name::plain(&document.name);
        document.media_type.retain(|letter| letter.is_ascii_graphic());
    }
}

fn key(chat: ChatId, sha256: &str) -> Key {
    Key::from(format!("{chat}/{sha256}"))
}

/// A folder that only the gateway's own user can read.
fn folder(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the folder {} for documents", path.display()))
}

#[cfg(test)]
mod tests;
