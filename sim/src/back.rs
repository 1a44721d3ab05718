//! Customers who come back to a server that they had left, and show that they were there (X3).

use std::collections::BTreeMap;

use baton_core::effect::Env;
use baton_core::session::{Chat, Earlier, Input};
use baton_core::transfer::origin::Outgoing;
use baton_protocol::{ChatId, MessageId, SecretDigest, Timestamp};

use crate::event::ServerId;
use crate::mutant::Mutant;
use crate::world::World;

impl World {
    /// What the gateway's driver does with the secret of an earlier chat.
    pub fn was_here_before(&mut self, server: ServerId, chat: ChatId, token: SecretDigest) {
        let may_join = self.load_chat(server, chat)
            && self.memory(server).and_then(|memory| memory.chats.get(&chat)).is_some_and(Chat::may_join);
        if !may_join {
            return;
        }
        let before = match self.is(Mutant::StrangerJoined) {
            true => self.stranger(server, chat),
            false => self.chat_by_token(server, token),
        };
        let Some(before) = before.filter(|before| self.load_chat(server, *before)) else { return };
        let Some(mut earlier) = self.earlier(server, before) else { return };
        let (here, there) = ((server, chat), (server, before));
        let whose = |at| self.ghost.chats.get(at).map(|known| known.customer);
        if whose(&here) != whose(&there) {
            self.violated(format!("S5: s{server} joins what another customer has said"));
        }
        self.ghost.joins.insert(here, there);
        for document in earlier.context.documents.clone() {
            if self.servers[server].store.files.contains(&(before, document.sha256.clone())) {
                self.ghost_keeps(here, &document.sha256);
                self.servers[server].store.files.insert((chat, document.sha256));
            } else {
                earlier.without(&document.sha256);
            }
        }
        if self.boundary(server) {
            return;
        }
        let came = self.transcript(server, chat);
        let own: Vec<MessageId> = earlier.context.transcript.iter().map(|entry| entry.id).collect();
        let mut there = gaps(&came, &own);
        for (place, mut here) in gaps(&own, &came) {
            // Between two lines that both have there are lines of both: nobody knows their order.
            if let Some(there) = there.get_mut(&place) {
                self.ghost.undecided.extend(here.drain(..).chain(there.drain(..)));
            }
        }
        self.step_chat(server, chat, Input::Join(Box::new(earlier)));
        let all = self.transcript(server, chat);
        let in_order = |side: &[MessageId]| {
            all.iter()
                .filter(|id| side.contains(id))
                .is_sorted_by_key(|id| side.iter().position(|other| other == id))
        };
        let agree = came.iter().filter_map(|id| own.iter().position(|other| other == id)).is_sorted();
        if !in_order(&own) || agree && !in_order(&came) {
            self.violated(format!("S4: s{server} joins {own:?} and {came:?} as {all:?}"));
        }
    }

    fn transcript(&self, server: ServerId, chat: ChatId) -> Vec<MessageId> {
        let chat = self.servers[server].memory.as_ref().and_then(|memory| memory.chats.get(&chat));
        let context = chat.and_then(|chat| chat.context.as_ref());
        context.into_iter().flat_map(|context| &context.transcript).map(|entry| entry.id).collect()
    }

    fn earlier(&mut self, server: ServerId, before: ChatId) -> Option<Earlier> {
        let now = Timestamp(self.servers[server].clock(self.now));
        let before = self.servers[server].memory.as_ref()?.chats.get(&before)?;
        let settings = &self.servers[server].settings;
        let mut random = |bytes: &mut [u8]| bytes.fill(0);
        before.earlier(&Env { now, settings, random: &mut random })
    }

    /// The chat of another customer who has gone on from here.
    fn stranger(&self, server: ServerId, chat: ChatId) -> Option<ChatId> {
        let whose = |chat| self.ghost.chats.get(&(server, chat)).map(|known| known.customer);
        let memory = self.servers[server].memory.as_ref()?;
        let gone =
            memory.chats.iter().filter(|(_, chat)| matches!(chat.record.outgoing, Outgoing::Settled(_)));
        gone.map(|(id, _)| *id).find(|id| whose(*id) != whose(chat))
    }
}

/// The lines that only this side has, by how many that both have stand before them.
fn gaps(side: &[MessageId], other: &[MessageId]) -> BTreeMap<usize, Vec<MessageId>> {
    let (mut gaps, mut common) = (BTreeMap::<usize, Vec<MessageId>>::new(), 0);
    for id in side {
        if other.contains(id) {
            common += 1;
        } else {
            gaps.entry(common).or_default().push(*id);
        }
    }
    gaps
}
