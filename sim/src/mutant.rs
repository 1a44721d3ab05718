//! Deliberate defects, each in the layer between the machines and their world. A simulator that misses one of
//! them would miss the real one.

use baton_core::client::Standing;
use baton_core::effect::{Answer, CallRequest, Timer};
use baton_core::policy::Class;
use baton_core::queue;
use baton_core::session::{Chat, Input, PeerRequest, Target};
use baton_core::transfer::destination::{self, Incoming, State};
use baton_core::transfer::origin::Outgoing;
use baton_protocol::federation::{Commit, Denial};
use baton_protocol::model::{Body, DocumentCard, DocumentRef};
use baton_protocol::{ChatId, ClientFrame, MessageId, ServerFrame, TransferId};

use crate::customer::Customer;
use crate::event::{CustomerId, Key, ServerId};
use crate::server::{Op, socket_of};
use crate::world::World;

macro_rules! mutants { ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
    /// A deliberate defect.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Mutant { $($(#[$doc])* $name,)* }

    impl Mutant {
        /// Every one.
        pub const ALL: &[Self] = &[$(Self::$name,)*];
    }
}}

mutants! {
    /// Whatever a step sends is sent before it is stored.
    AckBeforeCommit,
    /// A destination takes every customer over without asking the origin.
    AdoptWithoutFreeze,
    /// An origin takes every commit for an adopting one.
    CommitAlwaysAdopts,
    /// An origin serves whatever epoch the widget has.
    EpochUnchecked,
    /// A widget believes a welcome that comes when it has gone back.
    StaleWelcome,
    /// A widget does not store that its epoch has risen.
    WidgetEpochNotStored,
    /// An origin goes on serving when it has released the chat.
    ServeAfterRelease,
    /// The release is not stored.
    ReleasedNotStored,
    /// The arrival is not stored.
    ArrivalNotStored,
    /// A chat's context is not stored.
    ContextNotStored,
    /// One entry in five is not stored.
    EntryNotStored,
    /// The release comes without its tail.
    TailDropped,
    /// The late tail is acknowledged and not stored.
    TailNotStored,
    /// A reclaim is not told to the destination.
    FenceNotSent,
    /// A fence is acknowledged and not carried out.
    FenceNotDone,
    /// A settle is not told to the origin.
    SettleNotSent,
    /// No call is repeated.
    RetryForgotten,
    /// A WTID is good for whoever has it.
    VerifierUnchecked,
    /// A WTID is good for ever.
    WtidNotBurnt,
    /// A message that is sent again is another message.
    FreshIds,
    /// A resume brings nothing that was missed.
    NothingMissed,
    /// Policy is asked about the wrong destination.
    PolicyIgnored,
    /// An agent has more places than their profile says.
    MaximumIgnored,
    /// An agent's place is never free again.
    PlaceNotFreed,
    /// The queue manager does not hear of those who wait.
    WaitNotTold,
    /// A chat does not hear that its agent is gone.
    AgentLostIgnored,
    /// What a chat and its incoming transfer tell each other does not wait for the store.
    WordsNotHeldBack,
    /// A peer may speak about a transfer that it has no part in.
    StrangerHeard,
    /// A permission is good for every peer.
    CodeForEverybody,
    /// A peer's question about a chat that is not in memory is not looked up.
    TransferNotLookedUp,
    /// Nobody hears that the store has refused what they said.
    LossNotTold,
    /// After a restart no chat goes back to work.
    ChatsNotRestored,
    /// After a restart no incoming transfer goes back to work.
    IncomingNotRestored,
    /// A document is said to be here that was not kept.
    FileNotKept,
    /// A chat's documents are given to whoever names them.
    FileGivenToAnybody,
    /// Whoever comes back is taken for somebody who was there as well.
    StrangerJoined,
    /// Documents that are left out are announced all the same.
    LeftOutAnnounced,
    /// Documents that were said late are not announced.
    LateDocumentsDropped,
    /// A document that could not be had is not asked for again.
    FetchNotRepeated,
    /// After a restart no document is asked for.
    FetchNotResumed,
    /// A transfer after a side conversation goes to whoever is free.
    ConsultationForgotten,
    /// What is said aside is said in the chat as well.
    ConsultationInTheChat,
    /// What is said aside is shown to others.
    ConsultationHeardByAll,
    /// A chat that a supervisor takes back keeps its place with its agent.
    RescueKeepsPlace,
    /// That a chat is confidential is not stored.
    ConfidenceNotStored,
    /// Policy does not hear that a chat is confidential.
    ConfidenceIgnored,
    /// A receipt is given before anything is removed.
    ReceiptBeforeRemoval,
    /// A receipt is given before it is stored.
    ReceiptBeforeStored,
    /// After a restart nothing is removed.
    RemovalForgotten,
    /// A server that has not answered about an erasure is not asked again.
    ErasureNotAskedAgain,
    /// After a restart nobody is asked about an erasure.
    ErasureNotRestored,
    /// Whoever asked first owes no receipt to whoever asks later.
    EarlierAskerForgotten,
    /// A receipt does not say that others are still to answer.
    PendingForgotten,
}

impl World {
    pub(crate) fn twist_chat_input(&self, chat: &mut Chat, input: Input) -> Input {
        match input {
            Input::Attach { conn, epoch, last_seq, page } if self.is(Mutant::EpochUnchecked) => {
                chat.record.epoch = epoch;
                Input::Attach { conn, epoch, last_seq, page }
            }
            Input::Attach { conn, epoch, page, .. } if self.is(Mutant::NothingMissed) => {
                Input::Attach { conn, epoch, last_seq: u64::MAX, page }
            }
            Input::TailDocuments(_) if self.is(Mutant::LateDocumentsDropped) => {
                Input::TailDocuments(Vec::new())
            }
            Input::Tail(_) if self.is(Mutant::TailNotStored) => Input::Tail(Vec::new()),
            other => other,
        }
    }

    pub(crate) fn twist_chat(&self, chat: &mut Chat) {
        if self.is(Mutant::ServeAfterRelease) && matches!(chat.record.outgoing, Outgoing::Released(_)) {
            chat.record.outgoing = Outgoing::Owned;
        }
        if self.is(Mutant::ConfidenceIgnored) {
            chat.record.confidential = false;
        }
    }

    pub(crate) fn twist_incoming(
        &self,
        incoming: &mut Incoming,
        input: destination::Input,
    ) -> destination::Input {
        if let destination::Input::Claim(claim) = &input {
            if self.is(Mutant::VerifierUnchecked) {
                incoming.record.challenge = claim.verifier.challenge();
            }
            if let (true, State::Settled(chat)) = (self.is(Mutant::WtidNotBurnt), &incoming.record.state) {
                incoming.record.state = State::Active { chat: *chat, provisional: false, accepted: false };
            }
        }
        input
    }

    pub(crate) fn twist_frame(&mut self, frame: ClientFrame) -> ClientFrame {
        match frame {
            ClientFrame::Say { chat, text, .. } if self.is(Mutant::FreshIds) => {
                let mut bytes = [0; 16];
                self.rng.fill(&mut bytes);
                ClientFrame::Say { chat, id: MessageId(bytes), text }
            }
            other => other,
        }
    }

    pub(crate) fn twist_target(&self, target: Target) -> Target {
        if self.is(Mutant::PolicyIgnored) {
            Target { class: Class::SameDepartment, ..target }
        } else {
            target
        }
    }

    pub(crate) fn twist_peer_request(&self, request: PeerRequest) -> PeerRequest {
        match request {
            PeerRequest::Commit(_) if self.is(Mutant::CommitAlwaysAdopts) => {
                PeerRequest::Commit(Commit { adopt: true })
            }
            other => other,
        }
    }

    pub(crate) fn twist_peer(
        &self,
        server: ServerId,
        chat: ChatId,
        transfer: TransferId,
        peer: String,
    ) -> String {
        if !self.is(Mutant::StrangerHeard) {
            return peer;
        }
        let record = self.look(&(server, chat)).map(|record| {
            let past = record.past.iter().map(|past| &*past.attempt);
            let mut all = past.chain(record.outgoing.attempt());
            all.find(|attempt| attempt.transfer == transfer).map(|attempt| attempt.peer.clone())
        });
        record.flatten().unwrap_or(peer)
    }

    pub(crate) fn twist_answer(&self, answer: Result<Answer, Denial>) -> Result<Answer, Denial> {
        match answer {
            Ok(Answer::Release(mut release)) if self.is(Mutant::TailDropped) => {
                release.tail.clear();
                Ok(Answer::Release(release))
            }
            Ok(Answer::Release(mut release)) if self.is(Mutant::LateDocumentsDropped) => {
                release.documents.clear();
                Ok(Answer::Release(release))
            }
            other => other,
        }
    }

    /// A frame has come on a connection that its widget has given up.
    pub(crate) fn late_frame(&mut self, customer: CustomerId, server: ServerId, frame: &ServerFrame) {
        let ServerFrame::Welcome { chat, token: Some(token), epoch, .. } = frame else { return };
        let Some(mut record) = self.customers[customer].record().cloned() else { return };
        if self.is(Mutant::StaleWelcome) && record.epoch == *epoch + 1 {
            record.standing = Standing::Session { chat: *chat, token: token.clone() };
            (record.epoch, record.socket, record.hop) = (*epoch, socket_of(server), None);
            let Customer { site, life, storage, .. } = &mut self.customers[customer];
            storage.insert(*site, record);
            let life = *life;
            self.reload(customer, life);
        }
    }

    /// A request as it leaves.
    pub(crate) fn twist_request(&self, key: &Key, from: ServerId, request: CallRequest) -> CallRequest {
        let (Key::Chat(chat), true) = (key, self.is(Mutant::LeftOutAnnounced)) else { return request };
        let stored = self.servers[from].store.chats.get(chat);
        match (request, stored) {
            (CallRequest::Transfer(mut request), Some(stored)) => {
                let here = stored.entries.iter().filter_map(|entry| match &entry.body {
                    Body::Document(card) => Some(card.clone()),
                    _ => None,
                });
                request.context.documents = here
                    .map(|DocumentCard { sha256, name, media_type, size }| DocumentRef {
                        number: 0,
                        name,
                        media_type,
                        size,
                        sha256,
                    })
                    .collect();
                CallRequest::Transfer(request)
            }
            (request, _) => request,
        }
    }

    /// A record as it is stored.
    pub(crate) fn twist_op(&self, op: &mut Op) {
        if let Op::Chat(record) = op
            && self.is(Mutant::ConfidenceNotStored)
        {
            record.confidential = false;
        }
    }

    pub(crate) fn loses_op(&mut self, op: &Op) -> bool {
        match op {
            Op::Chat(record) => {
                self.is(Mutant::ReleasedNotStored) && matches!(record.outgoing, Outgoing::Released(_))
            }
            Op::Incoming(record) => {
                self.is(Mutant::ArrivalNotStored) && matches!(record.state, State::Active { .. })
            }
            Op::Context(..) => self.is(Mutant::ContextNotStored),
            Op::Append(..) => self.is(Mutant::EntryNotStored) && self.rng.chance(200),
        }
    }

    pub(crate) fn loses_timer(&self, _: &Key, timer: Timer) -> bool {
        match timer {
            Timer::Retry => self.is(Mutant::RetryForgotten),
            Timer::Fetch => self.is(Mutant::FetchNotRepeated),
            _ => false,
        }
    }

    pub(crate) fn loses_queue_input(&self, input: &queue::Input) -> bool {
        match input {
            queue::Input::Free(..) => self.is(Mutant::PlaceNotFreed),
            queue::Input::Wait(_) => self.is(Mutant::WaitNotTold),
            _ => false,
        }
    }

    /// An incoming transfer tells its chat something.
    pub(crate) fn tell_chat_of_transfer(&mut self, server: ServerId, chat: ChatId, input: Input) {
        if matches!(input, Input::Fence) && self.is(Mutant::FenceNotDone) {
            let memory = self.servers[server].memory.as_ref();
            let came =
                memory.and_then(|memory| memory.chats.get(&chat)).and_then(|chat| chat.record.came.clone());
            if let Some(came) = came {
                self.step_incoming(server, &(came.peer, came.transfer), destination::Input::Fenced);
            }
            return;
        }
        self.step_chat(server, chat, input);
    }
}
