//! A store that forgets everything with its process: for measurements, and for tests that need no file.
//!
//! It says what the others say, conflicts included.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use baton_core::audit;
use baton_core::erase::{self, Thing};
use baton_core::session;
use baton_protocol::federation::Erased;
use baton_protocol::model::{DocumentCard, Entry, Presence};
use baton_protocol::{ChatId, ErasureId, MessageId, SecretDigest, Timestamp, TransferId};
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::facts::{Facts, Found, searched};
use super::{
    AgentRow, Answer, ApiKey, Batch, Change, ChatRow, IncomingRow, Op, PeerRow, ReplyRow, Store, StoreError,
    StoredChat, UploadLimit, UploadRow, tombstone, tombstones,
};

type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// Asks the store that has the people, if there is another one.
macro_rules! of_people {
    ($store:ident.$call:ident($($with:expr),*)) => {
        if let Some(people) = &$store.people {
            return people.$call($($with),*);
        }
    };
}

/// Records of both stores, in the order of this key.
fn of_both<K: Ord + 'static>(
    mine: Vec<audit::Record>,
    theirs: Option<Answer<'_, Vec<audit::Record>>>,
    most: u32,
    order: fn(&audit::Record) -> K,
) -> Answer<'_, Vec<audit::Record>> {
    Box::pin(async move {
        let mut all = mine;
        if let Some(theirs) = theirs {
            all.extend(theirs.await?);
            all.sort_by_key(order);
            all.truncate(most as usize);
        }
        Ok(all)
    })
}

/// See the module.
pub struct MemoryStore {
    tables: Mutex<Tables>,
    /// Where agents, peers, keys and replies are, if not here.
    people: Option<Arc<dyn Store>>,
    /// Entries that are kept of each chat at least, the newest ones; twice as many at most.
    most: usize,
    /// Who is to be told what, in the order of the batches.
    told: Mutex<VecDeque<(Done, Result<(), StoreError>)>>,
    /// Held by the one thread that is telling.
    telling: Mutex<()>,
}

#[derive(Debug, Default)]
struct Tables {
    chats: BTreeMap<ChatId, ChatRow>,
    by_token: HashMap<SecretDigest, ChatId>,
    contexts: HashMap<ChatId, String>,
    /// In the order of their numbers.
    entries: HashMap<ChatId, Vec<Arc<Entry>>, RandomState>,
    incoming: BTreeMap<(String, TransferId), IncomingRow>,
    by_wtid: HashMap<SecretDigest, (String, TransferId)>,
    agents: BTreeMap<String, AgentRow>,
    tokens: HashMap<SecretDigest, (String, Timestamp)>,
    audit: Vec<audit::Record>,
    peers: BTreeMap<String, PeerRow>,
    used: HashMap<String, Timestamp>,
    uploads: Vec<UploadRow>,
    erasures: HashMap<ErasureId, (bool, erase::Record)>,
    tombstones: HashMap<String, ErasureId>,
    replies: BTreeMap<MessageId, ReplyRow>,
    keys: BTreeMap<String, ApiKey>,
    codes: HashMap<SecretDigest, (String, Timestamp, Option<TransferId>)>,
}

/// Whether the entry follows those that are there; then it is one of them.
fn append(entries: &mut Vec<Arc<Entry>>, entry: Arc<Entry>) -> bool {
    let follows = entries.last().is_none_or(|last| last.seq < entry.seq);
    if follows {
        entries.push(entry);
    }
    follows
}

/// How to take an op back.
enum Undo {
    Chat(ChatId, Option<ChatRow>),
    Context(ChatId, Option<String>),
    /// How many there were.
    Entries(ChatId, usize),
    Incoming((String, TransferId), Option<IncomingRow>),
    Audit,
    Erasure(ErasureId, Option<(bool, erase::Record)>),
}

impl Tables {
    /// All of the batch, or nothing.
    fn store(&mut self, ops: Vec<Op>, most: usize) -> Result<(), StoreError> {
        let mut undo = Vec::new();
        let mut ops = ops.into_iter().peekable();
        while let Some(op) = ops.next() {
            match self.apply(op, &mut ops) {
                Some(step) => undo.push(step),
                None => {
                    undo.into_iter().rev().for_each(|step| self.revert(step));
                    return Err(StoreError::Conflict);
                }
            }
        }
        for step in undo {
            if let Undo::Entries(chat, _) = step
                && let Some(entries) = self.entries.get_mut(&chat)
                && entries.len() / 2 >= most
            {
                entries.drain(..entries.len() - most);
            }
        }
        Ok(())
    }

    /// Nothing when the op conflicts with what is stored. What else its chat says in a row is taken with it.
    fn apply(&mut self, op: Op, rest: &mut Peekable<IntoIter<Op>>) -> Option<Undo> {
        match op {
            Op::SaveChat(row) => self.save_chat(row),
            Op::SaveContext { chat, json } => {
                self.chats.get(&chat)?;
                Some(Undo::Context(chat, self.contexts.insert(chat, json)))
            }
            Op::Append { chat, entry } => {
                let entries = self.entries.entry(chat).or_default();
                let before = entries.len();
                let same = |op: &Op| matches!(op, Op::Append { chat: next, .. } if *next == chat);
                let mut follows = append(entries, entry);
                while follows && let Some(Op::Append { entry, .. }) = rest.next_if(same) {
                    follows = append(entries, entry);
                }
                if !follows {
                    entries.truncate(before);
                }
                follows.then_some(Undo::Entries(chat, before))
            }
            Op::SaveIncoming(row) => self.save_incoming(row),
            Op::Audit(record) => {
                self.audit.push(*record);
                Some(Undo::Audit)
            }
            Op::SaveErasure(open, record) => {
                let id = record.id;
                Some(Undo::Erasure(id, self.save_erasure(open, *record)))
            }
        }
    }

    /// A tombstone stays, also when its batch is undone: it leads to an erasure that is not there.
    fn save_erasure(&mut self, open: bool, record: erase::Record) -> Option<(bool, erase::Record)> {
        self.tombstones.extend(tombstones(&record).map(|name| (name, record.id)));
        self.erasures.insert(record.id, (open, record))
    }

    fn amount(&self, things: &[Thing]) -> Erased {
        let mut amount = Erased::default();
        for thing in things {
            match thing {
                Thing::Chat(chat) => {
                    amount.chats += u64::from(self.chats.contains_key(chat));
                    amount.contexts += u64::from(self.contexts.contains_key(chat));
                    amount.entries += self.entries.get(chat).map_or(0, |entries| entries.len() as u64);
                }
                Thing::Incoming(peer, transfer) => {
                    amount.contexts += u64::from(self.incoming.contains_key(&(peer.clone(), *transfer)));
                }
            }
        }
        amount
    }

    fn wipe(&mut self, things: &[Thing]) -> Erased {
        let amount = self.amount(things);
        for thing in things {
            match thing {
                Thing::Chat(chat) => {
                    self.chats.remove(chat);
                    self.contexts.remove(chat);
                    self.entries.remove(chat);
                    self.uploads.retain(|upload| upload.chat != *chat);
                }
                Thing::Incoming(peer, transfer) => drop(self.incoming.remove(&(peer.clone(), *transfer))),
            }
        }
        amount
    }

    fn save_chat(&mut self, mut row: ChatRow) -> Option<Undo> {
        if self.chats.get(&row.id).map_or(0, |stored| stored.version) != row.version {
            return None;
        }
        let id = row.id;
        row.json.shrink_to_fit();
        self.by_token.insert(row.token, id);
        let old = self.chats.insert(id, ChatRow { version: row.version + 1, ..row });
        Some(Undo::Chat(id, old))
    }

    fn save_incoming(&mut self, row: IncomingRow) -> Option<Undo> {
        let name = (row.peer.clone(), row.transfer);
        let stored = self.incoming.get(&name).map_or(0, |stored| stored.version);
        // A WTID belongs to one transfer. The index may know one of a batch that was undone.
        let taken = self.by_wtid.get(&row.wtid).filter(|owner| **owner != name);
        let taken =
            taken.and_then(|owner| self.incoming.get(owner)).is_some_and(|other| other.wtid == row.wtid);
        if stored != row.version || taken {
            return None;
        }
        self.by_wtid.insert(row.wtid, name.clone());
        let old = self.incoming.insert(name.clone(), IncomingRow { version: row.version + 1, ..row });
        Some(Undo::Incoming(name, old))
    }

    fn change(&mut self, change: Change) -> bool {
        match change {
            Change::PutAgent(agent) => {
                let old = self.agents.get(&agent.name);
                if old.is_none_or(|old| old.password_hash != agent.password_hash) {
                    self.forget_tokens(&agent.name, None);
                }
                self.agents.insert(agent.name.clone(), agent);
                true
            }
            Change::RemoveAgent(name) => {
                self.forget_tokens(&name, None);
                self.agents.remove(&name).is_some()
            }
            Change::PutPeer(peer) => {
                self.peers.insert(peer.name.clone(), peer);
                true
            }
            Change::RemovePeer(name) => self.peers.remove(&name).is_some(),
            Change::PutReply(row, most) => self.put_reply(row, most),
            Change::SetByHand(name, on) => match self.agents.get_mut(&name) {
                Some(agent) if agent.by_hand != on => {
                    agent.by_hand = on;
                    true
                }
                _ => false,
            },
            Change::RemoveReply(id) => self.replies.remove(&id).is_some(),
            Change::PutKey(key) => self.keys.insert(key.id.clone(), key).is_none(),
            Change::RemoveKey(id) => self.keys.remove(&id).is_some(),
            Change::Elsewhere => true,
        }
    }

    fn records(&self) -> impl Iterator<Item = (session::Record, &ChatRow)> {
        self.chats.values().filter_map(|row| Some((serde_json::from_str(&row.json).ok()?, row)))
    }

    fn put_reply(&mut self, reply: ReplyRow, most: usize) -> bool {
        let count = self.replies.values().filter(|row| row.owner == reply.owner).count();
        let fits = count < most || self.replies.contains_key(&reply.reply.id);
        if fits {
            self.replies.insert(reply.reply.id, reply);
        }
        fits
    }

    fn forget_tokens(&mut self, name: &str, one: Option<SecretDigest>) {
        let these = |token: &SecretDigest| one.is_none_or(|one| one == *token);
        self.tokens.retain(|token, (owner, _)| owner != name || !these(token));
    }

    fn revert(&mut self, step: Undo) {
        match step {
            Undo::Chat(id, old) => restore(&mut self.chats, id, old),
            Undo::Context(chat, Some(old)) => drop(self.contexts.insert(chat, old)),
            Undo::Context(chat, None) => drop(self.contexts.remove(&chat)),
            Undo::Entries(chat, before) => {
                if let Some(entries) = self.entries.get_mut(&chat) {
                    entries.truncate(before);
                }
            }
            Undo::Incoming(name, old) => restore(&mut self.incoming, name, old),
            Undo::Audit => drop(self.audit.pop()),
            Undo::Erasure(id, Some(old)) => drop(self.erasures.insert(id, old)),
            Undo::Erasure(id, None) => drop(self.erasures.remove(&id)),
        }
    }
}

fn restore<K: Ord, V>(table: &mut BTreeMap<K, V>, key: K, old: Option<V>) {
    match old {
        Some(old) => drop(table.insert(key, old)),
        None => drop(table.remove(&key)),
    }
}

impl Default for MemoryStore {
    /// One that keeps everything.
    fn default() -> Self {
        Self::bounded(usize::MAX)
    }
}

impl MemoryStore {
    /// One that keeps so many entries of each chat, the newest ones, or up to twice as many: its memory does not grow
    /// with what is said.
    #[must_use]
    pub fn bounded(most: usize) -> Self {
        let (tables, told, telling) = Default::default();
        Self { tables, people: None, most, told, telling }
    }

    /// Agents, peers, keys and replies stay in another store: the operator need not say them again, and what is changed at
    /// the command line counts.
    #[must_use]
    pub fn with_people(self, people: Arc<dyn Store>) -> Self {
        Self { people: Some(people), ..self }
    }

    fn with<T: Send + 'static>(&self, look: impl FnOnce(&mut Tables) -> T) -> Answer<'static, T> {
        let answer = look(&mut self.tables.lock());
        Box::pin(std::future::ready(Ok(answer)))
    }

    /// Tells everybody who waits, one after the other. Whoever finds somebody telling leaves it to them: they look
    /// again after they have let go.
    fn tell(&self) {
        while !self.told.lock().is_empty() {
            let Some(_turn) = self.telling.try_lock() else { return };
            loop {
                // The lock must not be held while somebody is told: they may commit.
                let next = self.told.lock().pop_front();
                let Some((done, result)) = next else { break };
                done(result);
            }
        }
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: Batch) -> Result<(), Batch> {
        let mut tables = self.tables.lock();
        let result = tables.store(batch.ops, self.most);
        // Under the tables' lock, so that the order is that of the batches.
        self.told.lock().push_back((batch.done, result));
        drop(tables);
        self.tell();
        Ok(())
    }

    fn chat(&self, id: ChatId) -> Answer<'_, Option<StoredChat>> {
        self.with(|tables| {
            let entries = tables.entries.get(&id).cloned();
            Some(StoredChat {
                row: tables.chats.get(&id)?.clone(),
                context: tables.contexts.get(&id).cloned(),
                entries: entries.unwrap_or_default(),
            })
        })
    }

    fn chat_by_token(&self, token: SecretDigest) -> Answer<'_, Option<ChatId>> {
        self.with(|tables| {
            // An earlier token of the chat's stays in the index.
            let id = tables.by_token.get(&token)?;
            tables.chats.get(id).filter(|row| row.token == token).map(|row| row.id)
        })
    }

    fn chat_by_transfer(&self, transfer: TransferId) -> Answer<'_, Option<ChatId>> {
        self.with(|tables| {
            let gone = |row: &&ChatRow| {
                let record: Option<serde_json::Value> = serde_json::from_str(&row.json).ok();
                let settled = |record: &serde_json::Value| {
                    record
                        .pointer("/outgoing/Settled/attempt/transfer")
                        .and_then(|it| it.as_str()?.parse().ok())
                };
                record.as_ref().and_then(settled) == Some(transfer)
            };
            tables.chats.values().find(gone).map(|row| row.id)
        })
    }

    fn put_upload(&self, upload: UploadRow, most: UploadLimit) -> Answer<'_, bool> {
        self.with(|tables| {
            let mut of_chat = tables.uploads.iter_mut().filter(|row| row.chat == upload.chat);
            // The same bytes again, perhaps by another name.
            let same = |row: &&mut UploadRow| row.by == upload.by && row.card.sha256 == upload.card.sha256;
            if let Some(row) = of_chat.find(same) {
                row.card = upload.card;
                return true;
            }
            let of_chat = tables.uploads.iter().filter(|row| row.chat == upload.chat);
            let (count, bytes) =
                of_chat.fold((0, 0), |(count, bytes), row| (count + 1, bytes + row.card.size));
            let fits = count < most.count && bytes + upload.card.size <= most.bytes;
            if fits {
                tables.uploads.push(upload);
            }
            fits
        })
    }

    fn upload<'a>(
        &'a self,
        chat: ChatId,
        by: Option<&'a str>,
        sha256: &'a str,
    ) -> Answer<'a, Option<DocumentCard>> {
        self.with(|tables| {
            let mut of_chat = tables.uploads.iter().filter(|row| row.chat == chat);
            let found = of_chat.find(|row| row.by.as_deref() == by && row.card.sha256 == sha256);
            found.map(|row| row.card.clone())
        })
    }

    fn replies(&self) -> Answer<'_, Vec<ReplyRow>> {
        of_people!(self.replies());
        self.with(|tables| {
            let mut all: Vec<ReplyRow> = tables.replies.values().cloned().collect();
            all.sort_by_key(|row| (row.reply.shortcut.clone(), row.reply.id));
            all
        })
    }

    fn put_reply(&self, reply: ReplyRow, most: usize) -> Answer<'_, bool> {
        of_people!(self.put_reply(reply, most));
        self.with(|tables| tables.put_reply(reply, most))
    }

    fn remove_reply(&self, id: MessageId) -> Answer<'_, bool> {
        of_people!(self.remove_reply(id));
        self.with(|tables| tables.replies.remove(&id).is_some())
    }

    fn closed_chats<'a>(&'a self, served: Option<&'a str>, most: u32) -> Answer<'a, Vec<String>> {
        self.with(|tables| {
            let record =
                |row: &ChatRow| serde_json::from_str::<serde_json::Value>(&row.json).unwrap_or_default();
            let over =
                tables.chats.values().filter(|row| !row.open).map(|row| (record(row), row.json.clone()));
            let had = |record: &serde_json::Value| {
                let all = record["served"].as_array().map(Vec::as_slice).unwrap_or_default();
                served.is_none_or(|login| all.iter().any(|one| one == login))
            };
            let mut found: Vec<_> = over.filter(|(record, _)| had(record)).collect();
            found.sort_by_key(|(record, _)| std::cmp::Reverse(record["since"].as_u64()));
            found.into_iter().take(most as usize).map(|(_, json)| json).collect()
        })
    }

    fn open_chats(&self) -> Answer<'_, Vec<ChatId>> {
        self.with(|tables| tables.chats.values().filter(|row| row.open).map(|row| row.id).collect())
    }

    fn incoming<'a>(&'a self, peer: &'a str, transfer: TransferId) -> Answer<'a, Option<IncomingRow>> {
        self.with(|tables| tables.incoming.get(&(peer.into(), transfer)).cloned())
    }

    fn incoming_by_wtid(&self, wtid: SecretDigest) -> Answer<'_, Option<IncomingRow>> {
        self.with(|tables| {
            let row = tables.incoming.get(tables.by_wtid.get(&wtid)?)?;
            (row.wtid == wtid).then(|| row.clone())
        })
    }

    fn open_incoming(&self) -> Answer<'_, Vec<IncomingRow>> {
        self.with(|tables| tables.incoming.values().filter(|row| row.open).cloned().collect())
    }

    fn agents(&self) -> Answer<'_, Vec<AgentRow>> {
        of_people!(self.agents());
        self.with(|tables| tables.agents.values().cloned().collect())
    }

    fn agent<'a>(&'a self, name: &'a str) -> Answer<'a, Option<AgentRow>> {
        of_people!(self.agent(name));
        self.with(|tables| tables.agents.get(name).cloned())
    }

    fn put_agent(&self, agent: AgentRow) -> Answer<'_, ()> {
        of_people!(self.put_agent(agent));
        self.with(|tables| {
            tables.tokens.retain(|_, (name, _)| *name != agent.name);
            tables.agents.insert(agent.name.clone(), agent);
        })
    }

    fn put_agent_token<'a>(
        &'a self,
        token: SecretDigest,
        name: &'a str,
        expires: Timestamp,
    ) -> Answer<'a, ()> {
        of_people!(self.put_agent_token(token, name, expires));
        self.with(|tables| {
            tables.tokens.insert(token, (name.into(), expires));
        })
    }

    fn remove_agent_tokens<'a>(&'a self, name: &'a str, one: Option<SecretDigest>) -> Answer<'a, ()> {
        of_people!(self.remove_agent_tokens(name, one));
        self.with(|tables| tables.forget_tokens(name, one))
    }

    fn set_presence<'a>(&'a self, name: &'a str, presence: Presence) -> Answer<'a, ()> {
        of_people!(self.set_presence(name, presence));
        self.with(|tables| {
            if let Some(agent) = tables.agents.get_mut(name) {
                agent.presence = presence;
            }
        })
    }

    fn administer(&self, change: Change, record: audit::Record) -> Answer<'_, bool> {
        of_people!(self.administer(change, record));
        self.with(|tables| {
            let made = tables.change(change);
            tables.audit.extend(made.then_some(record));
            made
        })
    }

    fn api_keys(&self) -> Answer<'_, Vec<ApiKey>> {
        of_people!(self.api_keys());
        self.with(|tables| tables.keys.values().cloned().collect())
    }

    fn agent_by_token(&self, token: SecretDigest, now: Timestamp) -> Answer<'_, Option<String>> {
        of_people!(self.agent_by_token(token, now));
        self.with(|tables| {
            tables.tokens.get(&token).filter(|(_, expires)| *expires > now).map(|(name, _)| name.clone())
        })
    }

    fn peers(&self) -> Answer<'_, Vec<PeerRow>> {
        of_people!(self.peers());
        self.with(|tables| tables.peers.values().cloned().collect())
    }

    fn put_peer(&self, peer: PeerRow) -> Answer<'_, ()> {
        of_people!(self.put_peer(peer));
        self.with(|tables| {
            tables.peers.insert(peer.name.clone(), peer);
        })
    }

    fn remove_peer<'a>(&'a self, name: &'a str) -> Answer<'a, bool> {
        of_people!(self.remove_peer(name));
        self.with(|tables| tables.peers.remove(name).is_some())
    }

    fn audit(&self, since: Timestamp, most: u32) -> Answer<'_, Vec<audit::Record>> {
        let theirs = self.people.as_ref().map(|people| people.audit(since, most));
        let tables = self.tables.lock();
        let mine = tables.audit.iter().filter(|record| record.at >= since).take(most as usize);
        of_both(mine.cloned().collect(), theirs, most, |record| record.at)
    }

    fn audit_before(&self, before: Timestamp, most: u32, changes: bool) -> Answer<'_, Vec<audit::Record>> {
        let theirs = self.people.as_ref().map(|people| people.audit_before(before, most, changes));
        let wanted = |record: &&audit::Record| {
            record.at < before && (!changes || matches!(record.step, audit::Step::Changed { .. }))
        };
        let tables = self.tables.lock();
        let mine = tables.audit.iter().rev().filter(wanted).take(most as usize);
        of_both(mine.cloned().collect(), theirs, most, |record| Reverse(record.at))
    }

    fn things_of<'a>(&'a self, email: &'a str) -> Answer<'a, Vec<Thing>> {
        let email = email.to_lowercase();
        self.with(|tables| {
            let theirs = |json: &str, place: &str| {
                let record: Option<serde_json::Value> = serde_json::from_str(json).ok();
                let found = record.as_ref().and_then(|record| record.pointer(place)?.as_str());
                found.is_some_and(|found| found.to_lowercase() == email)
            };
            let of_chat = |row: &&ChatRow| {
                let context = tables.contexts.get(&row.id);
                theirs(&row.json, "/customer/email")
                    || context.is_some_and(|json| theirs(json, "/customer/email"))
            };
            let chats = tables.chats.values().filter(of_chat).map(|row| Thing::Chat(row.id));
            let incoming =
                tables.incoming.values().filter(|row| theirs(&row.json, "/context/customer/email"));
            chats.chain(incoming.map(|row| Thing::Incoming(row.peer.clone(), row.transfer))).collect()
        })
    }

    fn chats_about<'a>(&'a self, peer: &'a str, transfer: TransferId) -> Answer<'a, Vec<ChatId>> {
        self.with(|tables| {
            let about = |record: &&audit::Record| {
                record.transfer == Some(transfer) && record.peer.as_deref() == Some(peer)
            };
            let mut chats: Vec<ChatId> =
                tables.audit.iter().filter(about).filter_map(|record| record.chat).collect();
            chats.dedup();
            chats
        })
    }

    fn sent(&self, chat: ChatId) -> Answer<'_, Vec<(String, TransferId)>> {
        self.with(|tables| {
            let sent = tables.audit.iter().filter(|record| record.chat == Some(chat));
            let sent = sent.filter(|record| matches!(record.step, audit::Step::Sent(_)));
            let mut links: Vec<_> =
                sent.filter_map(|record| Some((record.peer.clone()?, record.transfer?))).collect();
            links.dedup();
            links
        })
    }

    fn amount(&self, things: Vec<Thing>) -> Answer<'_, Erased> {
        self.with(|tables| tables.amount(&things))
    }

    fn wipe(&self, things: Vec<Thing>) -> Answer<'_, Erased> {
        self.with(|tables| tables.wipe(&things))
    }

    fn save_erasure(&self, open: bool, record: erase::Record) -> Answer<'_, ()> {
        self.with(|tables| drop(tables.save_erasure(open, record)))
    }

    fn erasure(&self, id: ErasureId) -> Answer<'_, Option<erase::Record>> {
        self.with(|tables| tables.erasures.get(&id).map(|(_, record)| record.clone()))
    }

    fn erasures(&self) -> Answer<'_, Vec<erase::Record>> {
        self.with(|tables| tables.erasures.values().map(|(_, record)| record.clone()).collect())
    }

    fn open_erasures(&self) -> Answer<'_, Vec<erase::Record>> {
        self.with(|tables| {
            let open = tables.erasures.values().filter(|(open, _)| *open);
            open.map(|(_, record)| record.clone()).collect()
        })
    }

    fn erasure_of<'a>(&'a self, thing: &'a Thing) -> Answer<'a, Option<ErasureId>> {
        self.with(|tables| tables.tombstones.get(&tombstone(thing)).copied())
    }

    fn facts(&self, from: Timestamp, to: Timestamp, most: u32) -> Answer<'_, Vec<Facts>> {
        self.with(|tables| {
            let records = tables.records().filter(|(record, _)| record.since >= from && record.since < to);
            let facts = |(record, row): (session::Record, &ChatRow)| {
                let mut facts = Facts::of(&record, !row.open);
                let entries = tables.entries.get(&record.id).into_iter().flatten();
                entries.for_each(|entry| facts.entry(entry));
                facts
            };
            let mut all: Vec<Facts> = records.map(facts).collect();
            all.sort_by_key(|facts| facts.since);
            all.truncate(most as usize);
            all
        })
    }

    fn index_some(&self, _most: u32) -> Answer<'_, bool> {
        self.with(|_| false)
    }

    fn search<'a>(&'a self, words: &'a str, served: Option<&'a str>, most: u32) -> Answer<'a, Vec<Found>> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        self.with(|tables| {
            let may = |record: &session::Record| {
                served.is_none_or(|served| record.served.iter().any(|login| login == served))
            };
            let over = tables.records().filter(|(record, row)| !row.open && may(record));
            let hits = over.flat_map(|(record, row)| {
                let entries = tables.entries.get(&record.id).into_iter().flatten();
                let fits = |text: &str| words.iter().all(|word| text.to_lowercase().contains(word));
                let hits = entries.filter(|entry| searched(&entry.body).is_some_and(fits));
                let found = |entry: &Arc<Entry>| Found {
                    record: row.json.clone(),
                    chat: row.id,
                    seq: entry.seq,
                    excerpt: searched(&entry.body).unwrap_or_default().into(),
                };
                hits.map(found).collect::<Vec<_>>()
            });
            hits.take(most as usize).collect()
        })
    }

    fn chats_of_visitor<'a>(&'a self, site: &'a str, subject: &'a str, most: u32) -> Answer<'a, Vec<String>> {
        self.with(|tables| {
            let theirs = |record: &session::Record| {
                let known = record.visitor.verified.as_ref();
                known.is_some_and(|known| known.site == site && known.subject == subject)
            };
            let mut found: Vec<(Timestamp, String)> = tables
                .records()
                .filter(|(record, _)| theirs(record))
                .map(|(record, row)| (record.since, row.json.clone()))
                .collect();
            found.sort_by(|one, other| other.cmp(one));
            found.into_iter().take(most as usize).map(|(_, json)| json).collect()
        })
    }

    fn use_once<'a>(&'a self, id: &'a str, expires: Timestamp, now: Timestamp) -> Answer<'a, bool> {
        self.with(|tables| {
            tables.used.retain(|_, expires| *expires > now);
            // The first one's expiry stands.
            match tables.used.entry(id.into()) {
                std::collections::hash_map::Entry::Occupied(_) => false,
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(expires);
                    true
                }
            }
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
