//! The erasure of a customer: what is found and stopped first, then stored as erased, then removed; and then told to
//! others. See [`baton_core::erase`].

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use baton_core::effect::{Answer, ReplyTo};
use baton_core::erase::{Erasure, Input, Plan, Record, Search, Thing};
use baton_core::session::{self, Chat};
use baton_core::transfer::destination;
use baton_protocol::federation::{Denial, Erased};
use baton_protocol::{ChatId, ErasureId, ErrorCode, TransferId};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::Gateway;
use crate::federation::inbound::{deny, ours};

/// The time that a machine has to stop: a stored step.
const STOP: Duration = Duration::from_secs(4);

/// How long an operator waits for the removal; after that it goes on by itself.
const REMOVAL: Duration = Duration::from_secs(6);

/// Waits between two tries to remove files from a store that is out of reach, and the most that they grow to.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Whom an operator wants erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The customer of a chat.
    Chat(ChatId),
    /// Every customer with this address.
    Email(String),
}

/// What would be erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// What is here.
    pub things: Vec<Thing>,
    /// How much that is.
    pub amount: Erased,
    /// The servers that would be told, and the transfers between them and this one.
    pub links: Vec<(String, TransferId)>,
}

/// Whether something is only looked up, or stopped as well so that nothing of it is stored any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Look,
    Stop,
}

impl Gateway {
    /// What would be erased for these.
    ///
    /// # Errors
    /// The store's.
    pub async fn preview_erasure(self: &Arc<Self>, who: &[Subject]) -> anyhow::Result<Preview> {
        let plan = self.gather(self.plan(who).await?, Mode::Look).await?;
        let things = plan.things().to_vec();
        let mut amount = self.store.amount(things.clone()).await?;
        for chat in chats(&things) {
            amount.documents += self.documents.count(chat).await?;
        }
        Ok(Preview { things, amount, links: plan.links().to_vec() })
    }

    /// Erases these customers, and tells the other servers. Answers the erasure when it is stored and, if that does not
    /// take long, done; nothing when there is nothing of theirs here.
    ///
    /// # Errors
    /// The store's; then nothing was erased, and the chats that are found have ended.
    pub async fn erase(self: &Arc<Self>, who: &[Subject]) -> anyhow::Result<Option<ErasureId>> {
        let id = {
            let _one = self.erasing.lock().await;
            let plan = self.gather(self.plan(who).await?, Mode::Stop).await?;
            if plan.things().is_empty() {
                return Ok(None);
            }
            self.begin_erasure(plan, None).await?
        };
        let _ = tokio::time::timeout(REMOVAL, self.removed(id)).await;
        Ok(Some(id))
    }

    /// A peer asks: for what came from it by this transfer, or went to it.
    ///
    /// # Errors
    /// When it is not done yet, or could not be: the peer asks again.
    pub async fn erase_between(self: &Arc<Self>, peer: &str, transfer: TransferId) -> Result<Answer, Denial> {
        let id = self.erasure_between(peer, transfer).await.map_err(|error| ours(&error))?;
        let (reply, receiver) = self.expect_reply();
        self.tell_erasure(id, Input::Asked { peer: peer.into(), transfer, reply });
        self.stopped(reply, receiver).await.map_err(|_| deny(ErrorCode::Internal, "it is being done"))
    }

    async fn erasure_between(
        self: &Arc<Self>,
        peer: &str,
        transfer: TransferId,
    ) -> anyhow::Result<ErasureId> {
        // One after the other, so that two who ask at once find the same erasure.
        let _one = self.erasing.lock().await;
        let thing = Thing::Incoming(peer.into(), transfer);
        if let Some(id) = self.store.erasure_of(&thing).await? {
            return Ok(id);
        }
        // From now on nothing is taken in by it: what is under way is found, what is late is refused.
        self.erased.insert(thing, ());
        let mut plan = Plan::new(&self.settings.server);
        plan.between(peer, transfer);
        let plan = self.gather(plan, Mode::Stop).await?;
        self.begin_erasure(plan, Some((peer, transfer))).await
    }

    /// Asks everybody again who has given no receipt.
    ///
    /// # Errors
    /// When there is no such erasure.
    pub async fn erase_again(self: &Arc<Self>, id: ErasureId) -> anyhow::Result<()> {
        ensure!(self.load_erasure(id).await?, "there is no erasure {id}");
        self.tell_erasure(id, Input::Again);
        Ok(())
    }

    /// Whether this was erased, or is being erased.
    pub fn is_erased(&self, thing: &Thing) -> bool {
        self.erased.contains_key(thing)
    }

    /// Goes on with what an earlier process has left: what was not removed is removed before anything else begins.
    pub(super) async fn restore_erasures(self: &Arc<Self>) -> anyhow::Result<()> {
        for record in self.store.open_erasures().await? {
            let id = record.id;
            self.keep_erasure(Erasure::load(record));
            self.resume_erasure(id);
        }
        Ok(())
    }

    /// As it was stored, an erasure goes on.
    pub(super) fn resume_erasure(self: &Arc<Self>, id: ErasureId) {
        match self.look_at_erasure(id, |erasure| erasure.record.done.is_some()) {
            None => {}
            Some(true) => self.tell_erasure(id, Input::Restore),
            Some(false) => {
                self.mark(id);
                self.spawn_removal(id);
            }
        }
    }

    async fn plan(&self, who: &[Subject]) -> anyhow::Result<Plan> {
        let mut plan = Plan::new(&self.settings.server);
        for subject in who {
            let things = match subject {
                Subject::Chat(chat) => vec![Thing::Chat(*chat)],
                Subject::Email(email) => self.store.things_of(email).await?,
            };
            for thing in things {
                match thing {
                    Thing::Chat(chat) => plan.chat(chat),
                    Thing::Incoming(peer, transfer) => plan.incoming(&peer, transfer),
                }
            }
        }
        Ok(plan)
    }

    /// Looks everything up that a plan asks for. What is stopped changes no more, so that nothing is missed.
    async fn gather(self: &Arc<Self>, mut plan: Plan, mode: Mode) -> anyhow::Result<Plan> {
        while let Some(search) = plan.look_up() {
            match search {
                Search::Chat(chat) => self.gather_chat(&mut plan, chat, mode).await?,
                Search::CameBy(peer, transfer) => {
                    let name = (peer, transfer);
                    if self.incoming(&name).await? {
                        self.stop_incoming(&name, mode).await?;
                        let record = self.look_at_incoming(&name, |incoming| incoming.record.clone());
                        record.iter().for_each(|record| plan.found_incoming(record));
                    }
                    self.store.chats_about(&name.0, transfer).await?.into_iter().for_each(|id| plan.chat(id));
                }
                Search::WentBy(peer, transfer) => {
                    self.store.chats_about(&peer, transfer).await?.into_iter().for_each(|id| plan.chat(id));
                    let gone = self.chat_gone_by(transfer).await?;
                    let went = |chat: &Chat| chat.went_by(&peer, transfer);
                    let gone = gone.filter(|chat| self.look_at_chat(*chat, went).unwrap_or(false));
                    gone.into_iter().for_each(|chat| plan.chat(chat));
                }
            }
        }
        Ok(plan)
    }

    async fn gather_chat(self: &Arc<Self>, plan: &mut Plan, chat: ChatId, mode: Mode) -> anyhow::Result<()> {
        if !self.chat(chat).await? {
            return Ok(());
        }
        if mode == Mode::Stop {
            let (reply, receiver) = self.expect_reply();
            self.tell_chat(chat, session::Input::Erase(reply));
            self.stopped(reply, receiver).await.context("a chat does not stop")?;
        }
        let record = self.look_at_chat(chat, |chat| chat.record.clone()).context("a chat is gone")?;
        plan.found_chat(&record, &self.store.sent(chat).await?);
        Ok(())
    }

    async fn stop_incoming(self: &Arc<Self>, name: &(String, TransferId), mode: Mode) -> anyhow::Result<()> {
        if mode == Mode::Stop {
            let (reply, receiver) = self.expect_reply();
            self.tell_incoming(name, destination::Input::Erase(reply));
            self.stopped(reply, receiver).await.context("an incoming transfer does not stop")?;
        }
        Ok(())
    }

    async fn stopped(
        &self,
        reply: ReplyTo,
        receiver: oneshot::Receiver<Result<Answer, Denial>>,
    ) -> anyhow::Result<Answer> {
        match tokio::time::timeout(STOP, receiver).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            _ => {
                self.forget_reply(reply);
                anyhow::bail!("no answer in time")
            }
        }
    }

    /// Answers when it is stored: from then on it is finished, whatever happens to this process.
    async fn begin_erasure(
        self: &Arc<Self>,
        plan: Plan,
        asked: Option<(&str, TransferId)>,
    ) -> anyhow::Result<ErasureId> {
        let mut effects = Vec::new();
        let erasure = self.with_env(|env| Erasure::begin(env, plan, asked, &mut effects));
        let record = erasure.record.clone();
        self.store.save_erasure(erasure.is_open(), record.clone()).await?;
        tracing::info!(erasure = %record.id, things = record.things.len(), servers = record.links.len(), "erasing a customer");
        self.keep_erasure(erasure);
        self.mark(record.id);
        self.spawn_removal(record.id);
        Ok(record.id)
    }

    /// From now on nothing of it is loaded or taken in.
    fn mark(&self, id: ErasureId) {
        let record = self.look_at_erasure(id, |erasure| erasure.record.clone());
        let Some(Record { things, links, .. }) = record else { return };
        let links = links.into_iter().map(|link| Thing::Incoming(link.peer, link.transfer));
        for thing in things.into_iter().chain(links) {
            match &thing {
                Thing::Chat(chat) => drop(self.chats.remove(chat)),
                Thing::Incoming(peer, transfer) => drop(self.incoming.remove(&(peer.clone(), *transfer))),
            }
            self.erased.insert(thing, ());
        }
    }

    /// Until it is done: a store of files that is out of reach may come back.
    fn spawn_removal(self: &Arc<Self>, id: ErasureId) {
        let gateway = self.clone();
        self.runtime.spawn(async move {
            let (mut erased, mut wait) = (Erased::default(), AGAIN.0);
            while let Err(error) = gateway.remove(id, &mut erased).await {
                tracing::error!(erasure = %id, "not everything could be removed; once more in {} s: {error:#}", wait.as_secs());
                // waits: between two tries, so that a store that is down is left alone.
                tokio::time::sleep(wait).await;
                wait = (2 * wait).min(AGAIN.1);
            }
            tracing::info!(erasure = %id, ?erased, "a customer is erased here");
            gateway.tell_erasure(id, Input::Wiped(erased));
        });
    }

    async fn remove(&self, id: ErasureId, erased: &mut Erased) -> anyhow::Result<()> {
        let things = self.look_at_erasure(id, |erasure| erasure.record.things.clone()).unwrap_or_default();
        let rows = self.store.wipe(things.clone()).await?;
        erased.chats += rows.chats;
        erased.entries += rows.entries;
        erased.contexts += rows.contexts;
        for chat in chats(&things) {
            erased.documents += self.documents.erase(chat).await?;
        }
        Ok(())
    }

    /// What was stored for a chat while it was being erased, such as an upload that was under way.
    ///
    /// # Errors
    /// The stores'.
    pub async fn remove_late(&self, chat: ChatId) -> anyhow::Result<()> {
        self.store.wipe(vec![Thing::Chat(chat)]).await?;
        self.documents.erase(chat).await?;
        Ok(())
    }

    /// Completes when nothing more is to come for an erasure.
    pub async fn receipts(&self, id: ErasureId) {
        self.until(id, |record| !record.is_open()).await;
    }

    async fn removed(&self, id: ErasureId) {
        self.until(id, |record| record.done.is_some()).await;
    }

    /// Completes when this is so of what is stored, or nothing can be known.
    async fn until(&self, id: ErasureId, is: impl Fn(Record) -> bool) {
        while let Ok(Some(record)) = self.store.erasure(id).await {
            if is(record) {
                return;
            }
            // waits: between two looks.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn chats(things: &[Thing]) -> impl Iterator<Item = ChatId> {
    things.iter().filter_map(|thing| match thing {
        Thing::Chat(chat) => Some(*chat),
        Thing::Incoming(..) => None,
    })
}
