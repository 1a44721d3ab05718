//! A store that forgets everything with its process: for benches, and for tests that need no file.

use std::collections::{BTreeMap, HashMap};

use baton_protocol::model::Entry;
use baton_protocol::{ChatId, SecretDigest, Timestamp, TransferId};
use parking_lot::Mutex;

use super::{AgentRow, Answer, Batch, ChatRow, IncomingRow, Op, PeerRow, Store, StoreError, StoredChat};

/// See the module.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    chats: BTreeMap<ChatId, ChatRow>,
    contexts: HashMap<ChatId, String>,
    entries: HashMap<ChatId, Vec<Entry>>,
    incoming: BTreeMap<(String, TransferId), IncomingRow>,
    agents: BTreeMap<String, AgentRow>,
    tokens: HashMap<SecretDigest, (String, Timestamp)>,
    peers: BTreeMap<String, PeerRow>,
    used: HashMap<String, Timestamp>,
    codes: HashMap<SecretDigest, (String, Timestamp, Option<TransferId>)>,
}

impl Tables {
    fn conflicts(&self, op: &Op) -> bool {
        let stored = match op {
            Op::SaveChat(row) => self.chats.get(&row.id).map_or(0, |stored| stored.version) != row.version,
            Op::SaveIncoming(row) => {
                let stored = self.incoming.get(&(row.peer.clone(), row.transfer));
                stored.map_or(0, |stored| stored.version) != row.version
            }
            Op::Append { chat, entry } => {
                let entries = self.entries.get(chat).map_or(&[][..], Vec::as_slice);
                entries.iter().any(|stored| stored.seq == entry.seq || stored.id == entry.id)
            }
            Op::SaveContext { .. } => false,
        };
        stored
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::SaveChat(row) => {
                self.chats.insert(row.id, ChatRow { version: row.version + 1, ..row });
            }
            Op::SaveContext { chat, json } => {
                self.contexts.insert(chat, json);
            }
            Op::Append { chat, entry } => self.entries.entry(chat).or_default().push(entry),
            Op::SaveIncoming(row) => {
                let name = (row.peer.clone(), row.transfer);
                self.incoming.insert(name, IncomingRow { version: row.version + 1, ..row });
            }
        }
    }
}

impl MemoryStore {
    fn with<T: Send + 'static>(&self, look: impl FnOnce(&mut Tables) -> T) -> Answer<'static, T> {
        let answer = look(&mut self.tables.lock());
        Box::pin(std::future::ready(Ok(answer)))
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: Batch) -> Result<(), Batch> {
        let mut tables = self.tables.lock();
        let result = if batch.ops.iter().any(|op| tables.conflicts(op)) {
            Err(StoreError::Conflict)
        } else {
            batch.ops.into_iter().for_each(|op| tables.apply(op));
            Ok(())
        };
        // Under the lock, so that the dones run in the order of the batches.
        (batch.done)(result);
        Ok(())
    }

    fn chat(&self, id: ChatId) -> Answer<'_, Option<StoredChat>> {
        self.with(|tables| {
            Some(StoredChat {
                row: tables.chats.get(&id)?.clone(),
                context: tables.contexts.get(&id).cloned(),
                entries: tables.entries.get(&id).cloned().unwrap_or_default(),
            })
        })
    }

    fn chat_by_token(&self, token: SecretDigest) -> Answer<'_, Option<ChatId>> {
        self.with(|tables| tables.chats.values().find(|row| row.token == token).map(|row| row.id))
    }

    fn open_chats(&self) -> Answer<'_, Vec<ChatId>> {
        self.with(|tables| tables.chats.values().filter(|row| row.open).map(|row| row.id).collect())
    }

    fn incoming<'a>(&'a self, peer: &'a str, transfer: TransferId) -> Answer<'a, Option<IncomingRow>> {
        self.with(|tables| tables.incoming.get(&(peer.into(), transfer)).cloned())
    }

    fn incoming_by_wtid(&self, wtid: SecretDigest) -> Answer<'_, Option<IncomingRow>> {
        self.with(|tables| tables.incoming.values().find(|row| row.wtid == wtid).cloned())
    }

    fn open_incoming(&self) -> Answer<'_, Vec<IncomingRow>> {
        self.with(|tables| tables.incoming.values().filter(|row| row.open).cloned().collect())
    }

    fn agents(&self) -> Answer<'_, Vec<AgentRow>> {
        self.with(|tables| tables.agents.values().cloned().collect())
    }

    fn agent<'a>(&'a self, name: &'a str) -> Answer<'a, Option<AgentRow>> {
        self.with(|tables| tables.agents.get(name).cloned())
    }

    fn put_agent(&self, agent: AgentRow) -> Answer<'_, ()> {
        self.with(|tables| {
            tables.agents.insert(agent.name.clone(), agent);
        })
    }

    fn put_agent_token<'a>(
        &'a self,
        token: SecretDigest,
        name: &'a str,
        expires: Timestamp,
    ) -> Answer<'a, ()> {
        self.with(|tables| {
            tables.tokens.insert(token, (name.into(), expires));
        })
    }

    fn agent_by_token(&self, token: SecretDigest, now: Timestamp) -> Answer<'_, Option<String>> {
        self.with(|tables| {
            tables.tokens.get(&token).filter(|(_, expires)| *expires > now).map(|(name, _)| name.clone())
        })
    }

    fn peers(&self) -> Answer<'_, Vec<PeerRow>> {
        self.with(|tables| tables.peers.values().cloned().collect())
    }

    fn put_peer(&self, peer: PeerRow) -> Answer<'_, ()> {
        self.with(|tables| {
            tables.peers.insert(peer.name.clone(), peer);
        })
    }

    fn remove_peer<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        self.with(|tables| tables.peers.remove(name).is_some())
    }

    fn use_once<'a>(&'a self, id: &'a str, expires: Timestamp, now: Timestamp) -> Answer<'a, bool> {
        self.with(|tables| {
            tables.used.retain(|_, expires| *expires > now);
            tables.used.insert(id.into(), expires).is_none()
        })
    }

    fn grant_code<'a>(&'a self, code: SecretDigest, grant: &'a str, expires: Timestamp) -> Answer<'a, ()> {
        self.with(|tables| {
            tables.codes.insert(code, (grant.into(), expires, None));
        })
    }

    fn redeem_code(
        &self,
        code: SecretDigest,
        transfer: TransferId,
        now: Timestamp,
    ) -> Answer<'_, Option<String>> {
        self.with(|tables| {
            tables.codes.retain(|_, (_, expires, _)| *expires > now);
            let (grant, _, user) = tables.codes.get_mut(&code)?;
            (*user.get_or_insert(transfer) == transfer).then(|| grant.clone())
        })
    }
}
