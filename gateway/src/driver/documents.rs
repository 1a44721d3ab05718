//! Documents: who says which, and those that come from the server that a chat came from.

use std::num::NonZeroU32;
use std::sync::Arc;

use baton_core::effect::Fetched;
use baton_core::erase::Thing;
use baton_core::session::{self, Speaker};
use baton_protocol::model::{DocumentRef, DocumentState, is_sha256};
use baton_protocol::{ChatId, MessageId, TransferId};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Gateway;
use crate::documents::kind;
use crate::documents::spool::Spool;

/// Uploads for one chat per minute.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(30).expect("not zero");

/// Uploads that may be under way, each with an open file.
const UPLOADS: usize = 128;

/// Documents that are fetched at once.
const FETCHES: usize = 8;

/// Limits on what comes in.
pub struct Uploads {
    rate: DefaultKeyedRateLimiter<ChatId>,
    under_way: Arc<Semaphore>,
    pub(super) fetches: Arc<Semaphore>,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            rate: RateLimiter::keyed(Quota::per_minute(PER_MINUTE)),
            under_way: Arc::new(Semaphore::new(UPLOADS)),
            fetches: Arc::new(Semaphore::new(FETCHES)),
        }
    }
}

impl Uploads {
    /// A place for an upload for this chat, unless there are too many. Dropping it gives it back.
    #[must_use]
    pub fn admit(&self, chat: ChatId) -> Option<OwnedSemaphorePermit> {
        self.rate.check_key(&chat).ok()?;
        self.under_way.clone().try_acquire_owned().ok()
    }

    /// Forgets chats of which nothing was heard for a while.
    pub fn sweep(&self) {
        self.rate.retain_recent();
    }
}

impl Gateway {
    /// Somebody says a document: theirs, if they have uploaded it for this chat and it is there.
    pub(super) async fn say_document(
        self: &Arc<Self>,
        chat: ChatId,
        by: Speaker,
        id: MessageId,
        sha256: String,
    ) -> anyhow::Result<()> {
        let agent = match &by {
            Speaker::Agent(login) => Some(&**login),
            Speaker::Customer(_) => None,
        };
        let mut card = None;
        if is_sha256(&sha256) {
            card = self.store.upload(chat, agent, &sha256).await?;
        }
        if card.is_some() && self.documents.size(chat, &sha256).await?.is_none() {
            card = None;
        }
        self.tell_chat(chat, session::Input::SayDocument { by, id, sha256, card });
        Ok(())
    }

    /// Fetches a document and tells the chat what came of it.
    pub(super) fn fetch(
        self: &Arc<Self>,
        chat: ChatId,
        peer: String,
        transfer: TransferId,
        document: DocumentRef,
    ) {
        let gateway = self.clone();
        self.runtime.spawn(async move {
            let fetched =
                gateway.fetch_document(chat, &peer, transfer, &document).await.unwrap_or_else(|error| {
                    tracing::warn!(%peer, %transfer, %error, "a document could not be fetched");
                    Fetched::NotNow
                });
            tracing::info!(%peer, %transfer, bytes = document.size, ?fetched, "document");
            if gateway.is_erased(&Thing::Chat(chat))
                && let Err(error) = gateway.remove_late(chat).await
            {
                tracing::error!(%chat, "a file that came while its chat was being erased is still there: {error:#}");
            }
            gateway.tell_chat(chat, session::Input::Fetched { sha256: document.sha256, fetched });
        });
    }

    async fn fetch_document(
        &self,
        chat: ChatId,
        peer: &str,
        transfer: TransferId,
        document: &DocumentRef,
    ) -> anyhow::Result<Fetched> {
        let _place = self.uploads.fetches.acquire().await?;
        if peer == self.settings.server {
            return self.copy_document(chat, transfer, &document.sha256).await;
        }
        let DocumentRef { sha256, size, .. } = document;
        if *size > self.documents.limits().max_bytes || !is_sha256(sha256) {
            return Ok(Fetched::Never);
        }
        if self.documents.size(chat, sha256).await?.is_some() {
            return Ok(Fetched::Here);
        }
        let mut spool = self.documents.arriving(chat, sha256).await?;
        let begun = spool.size();
        if begun < *size {
            match self.federation.fetch(peer, transfer, document, &mut spool).await {
                Ok(Fetched::Here) => {}
                Ok(other) => {
                    if other == Fetched::Never {
                        spool.remove();
                    }
                    return Ok(other);
                }
                Err(error) => {
                    // What is there is where the next try begins.
                    spool.flush().await?;
                    return Err(error);
                }
            }
        }
        self.examine(chat, spool, document, begun > 0).await
    }

    /// From another chat of this server, that the customer was led from (D6).
    async fn copy_document(
        &self,
        chat: ChatId,
        transfer: TransferId,
        sha256: &str,
    ) -> anyhow::Result<Fetched> {
        let Some(from) = self.chat_gone_by(transfer).await? else { return Ok(Fetched::Never) };
        let own = &self.settings.server;
        let given = self.look_at_chat(from, |chat| chat.gives(own, transfer, sha256)).flatten();
        match given {
            Some((_, DocumentState::Here)) => {
                self.documents.copy(from, chat, sha256).await?;
                Ok(Fetched::Here)
            }
            Some((_, DocumentState::Arriving)) => Ok(Fetched::NotNow),
            _ => Ok(Fetched::Never),
        }
    }

    /// A file that is complete: what was announced, and something that may be stored here.
    async fn examine(
        &self,
        chat: ChatId,
        spool: Spool,
        document: &DocumentRef,
        resumed: bool,
    ) -> anyhow::Result<Fetched> {
        if spool.size() != document.size || spool.sha256() != document.sha256 {
            spool.remove();
            // What an earlier try left may be what is wrong: once more from the beginning.
            return Ok(if resumed { Fetched::NotNow } else { Fetched::Never });
        }
        let types = &self.documents.limits().types;
        if !kind::sniff(spool.head()).is_some_and(|kind| kind::is_allowed(types, kind.media_type)) {
            spool.remove();
            return Ok(Fetched::Never);
        }
        self.documents.keep(chat, spool).await?;
        Ok(Fetched::Here)
    }
}
