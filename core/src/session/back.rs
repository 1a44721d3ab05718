//! A customer who comes back to a server that they had left (X3).
//!
//! What this server knows of them does not depend on what the servers in between pass on. That it is the same customer
//! is shown by the secret of the chat that they left with, which the driver has checked: no server in between has it.

use std::collections::{HashMap, HashSet, VecDeque};

use baton_protocol::model::{Context, PriorEntry, Share, document_line};

use super::Chat;
use crate::effect::{Effect, Env};
use crate::policy::Bounds;
use crate::transfer::origin::Outgoing;

/// What is known of a chat whose customer has gone on.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// What its last agent could see of it.
    pub context: Context,
    /// Whether it is marked as confidential (O2).
    pub confidential: bool,
}

impl Earlier {
    /// Leaves out documents that are not to be had, and their lines.
    pub fn without(&mut self, sha256: &str) {
        self.context.documents.retain(|document| document.sha256 != sha256);
        let line = document_line(sha256);
        self.context.transcript.retain(|entry| Some(entry.id) != line);
    }
}

impl Chat {
    /// What another chat of this customer's may know of this one, whose customer has gone on. What came from another
    /// company that confined it to us may go back there alone, and stays here.
    #[must_use]
    pub fn earlier(&self, env: &Env<'_>) -> Option<Earlier> {
        if self.erased || !matches!(self.record.outgoing, Outgoing::Settled(_)) {
            return None;
        }
        let context = self.release(env, "", &Share::All, self.last_seq());
        let own_only = self.record.came.as_ref().is_some_and(|came| came.confined);
        let bounds = Bounds { own_only, ..Bounds::default() };
        let context = bounds.hold(context, &env.settings.brand.name);
        let mut earlier = Earlier { context, confidential: self.record.confidential };
        for awaited in &self.record.documents {
            earlier.without(&awaited.sha256);
        }
        Some(earlier)
    }

    /// Whether a customer who has come back may still show that they were here before.
    #[must_use]
    pub fn may_join(&self) -> bool {
        let came = self.record.came.as_ref().is_some_and(|came| !came.joined);
        let whole = self.record.passed.as_ref().is_none_or(|passed| passed.whole);
        came && whole && self.is_open() && matches!(self.record.outgoing, Outgoing::Owned)
    }

    /// Joins what was said here before to what came along. Where both have an entry, ours is the whole one.
    pub(super) fn join_earlier(&mut self, earlier: Earlier, out: &mut Vec<Effect>) {
        if !self.may_join() {
            return;
        }
        let (Some(came), Some(context)) = (&mut self.record.came, &mut self.context) else { return };
        came.joined = true;
        let Earlier { context: own, confidential } = earlier;
        // What the customer has said again since they are back is an entry of this chat.
        let here: HashSet<_> = self.entries.iter().map(|entry| entry.id).collect();
        let before = own.transcript.into_iter().filter(|entry| !here.contains(&entry.id));
        context.transcript = merged(before.collect(), std::mem::take(&mut context.transcript));
        let files: HashSet<_> = context.documents.iter().map(|document| document.sha256.clone()).collect();
        context.documents.extend(own.documents.into_iter().filter(|own| !files.contains(&own.sha256)));
        for customer in [&mut self.record.customer, &mut context.customer] {
            let known = [
                (&mut customer.name, &own.customer.name),
                (&mut customer.email, &own.customer.email),
                (&mut customer.subject, &own.customer.subject),
            ];
            for (now, before) in known {
                if now.is_empty() {
                    now.clone_from(before);
                }
            }
        }
        self.record.confidential |= confidential;
        out.push(Effect::SaveContext(self.record.id, context.clone()));
        self.save(out);
        self.tell_marks(out);
        self.card_changed(out);
        if let Some(login) = self.agent_login().map(str::to_owned) {
            self.show(&login, out);
        }
    }
}

/// Two transcripts of one conversation, each in its order: what both have is where both have it, and stands there as we
/// know it. What only one has lies between as its time says; that is the order of the conversation where the servers'
/// clocks agree.
pub(super) fn merged(own: Vec<PriorEntry>, came: Vec<PriorEntry>) -> Vec<PriorEntry> {
    let places: HashMap<_, _> = own.iter().enumerate().map(|(place, entry)| (entry.id, place)).collect();
    let mut all = Vec::with_capacity(own.len() + came.len());
    let mut own = own.into_iter().enumerate().peekable();
    let mut only_there = VecDeque::new();
    for entry in came {
        let Some(&place) = places.get(&entry.id) else {
            only_there.push_back(entry);
            continue;
        };
        // Up to what both have, unless the other order has led past it already.
        while let Some((at, entry)) = own.next_if(|(at, _)| *at <= place) {
            while let Some(there) = only_there.pop_front_if(|there| at == place || there.at < entry.at) {
                all.push(there);
            }
            all.push(entry);
        }
    }
    for (_, entry) in own {
        while let Some(there) = only_there.pop_front_if(|there| there.at < entry.at) {
            all.push(there);
        }
        all.push(entry);
    }
    all.extend(only_there);
    all
}
