//! What another server, or this one for a second step (D6), asks of the machines of a hand-over. Who asks has been
//! checked.

use std::sync::Arc;
use std::time::Duration;

use baton_core::effect::{Answer, CallError, CallRequest, CallResult, ReplyTo};
use baton_core::erase::Thing;
use baton_core::session::{self, PeerRequest};
use baton_core::transfer::destination::{self, Posting};
use baton_protocol::federation::{Cancel, CancelAnswer, Denial, Reservation, TransferRequest};
use baton_protocol::{ChatId, ErrorCode, TransferId};
use tokio::sync::oneshot;

use super::Gateway;
use crate::config::Address;
use crate::federation::inbound::{RETRY_SECONDS, deny, ours, too_many};

/// The time that a machine has for its answer: a stored step, nothing more.
const ANSWER: Duration = Duration::from_secs(4);

/// Who hands a customer over.
#[derive(Debug)]
pub enum Sender {
    /// A peer, who may have so many reservations at once.
    Peer {
        /// How many.
        most: usize,
    },
    /// This server: the second step of an arrival (D6).
    OurselvesFor {
        /// The agent who has picked the customer up.
        agent: String,
        /// The holding session.
        chat: ChatId,
    },
}

impl Gateway {
    /// Takes warm transfer information in (D3).
    ///
    /// # Errors
    /// Why there is no place for the customer, and when to ask again.
    pub async fn take_in(
        self: &Arc<Self>,
        peer: &str,
        area: String,
        request: TransferRequest,
        sender: Sender,
    ) -> Result<Reservation, Denial> {
        let name = (peer.to_owned(), request.transfer);
        if self.incoming(&name).await.map_err(|error| ours(&error))? {
            // The same request again: the first answer was lost.
            return self.ask_again(&name).await;
        }
        let thing = Thing::Incoming(peer.to_owned(), request.transfer);
        let erased = self.store.erasure_of(&thing).await.map_err(|error| ours(&error.into()))?;
        let (reply, receiver) = self.expect_reply();
        let (wtid, own) = (self.federation.wtid(peer, name.1), self.federation.address(peer, name.1));
        let (key, at) = match self.config.address {
            Address::General => (wtid.digest(), None),
            Address::Specific => (own.digest(), None),
            Address::Both => (wtid.digest(), Some(own.digest())),
        };
        let reservation = self.reservation(&name);
        let peer = name.0;
        let (lead, most) = match sender {
            Sender::Peer { most } => (None, most),
            Sender::OurselvesFor { agent, chat } => (Some((agent, chat)), usize::MAX),
        };
        {
            // One after the other, so that two requests cannot both have the last place.
            let _reserving = self.federation.quotas.reserving.lock();
            let refusal = if erased.is_some() || self.is_erased(&thing) {
                // The origin's word that the customer is to be forgotten was faster than this.
                Some(deny(ErrorCode::Cancelled, ""))
            } else {
                (self.reserved_by(&peer) >= most).then(|| too_many(RETRY_SECONDS))
            };
            if let Some(refusal) = refusal {
                self.forget_reply(reply);
                return Err(refusal);
            }
            let consulted = self.was_consulted(&(peer.clone(), request.transfer));
            self.post(Posting { peer, area, request, reservation, key, at, lead, consulted, reply });
        }
        self.reserved(reply, receiver).await
    }

    /// Asks again for a reservation that was not given, or not heard of.
    ///
    /// # Errors
    /// As of [`Gateway::take_in`].
    pub async fn ask_again(self: &Arc<Self>, name: &(String, TransferId)) -> Result<Reservation, Denial> {
        let (reply, receiver) = self.expect_reply();
        self.tell_incoming(name, destination::Input::Again(self.reservation(name), reply));
        self.reserved(reply, receiver).await
    }

    async fn reserved(
        &self,
        reply: ReplyTo,
        receiver: oneshot::Receiver<Result<Answer, Denial>>,
    ) -> Result<Reservation, Denial> {
        match self.answer(reply, receiver).await? {
            Answer::Reservation(reservation) => Ok(reservation),
            _ => Err(deny(ErrorCode::Internal, "")),
        }
    }

    /// Where the customer goes, and what tells there who they are (D4).
    fn reservation(&self, name: &(String, TransferId)) -> Reservation {
        let (socket, page) = (self.config.socket(), self.config.page.clone());
        let own = self.federation.address(&name.0, name.1).reveal();
        let wtid = self.federation.wtid(&name.0, name.1);
        let (socket, page) = match self.config.address {
            Address::General => (socket, page),
            Address::Specific | Address::Both => {
                (format!("{socket}/{own}"), page.map(|page| format!("{page}#at={own}")))
            }
        };
        Reservation {
            wtid: (self.config.address != Address::Specific).then_some(wtid),
            socket,
            page,
            expires_in: u32::try_from(self.settings.times.offer / 1_000).unwrap_or(60),
        }
    }

    /// Takes a reservation back.
    ///
    /// # Errors
    /// When the machine cannot answer now.
    pub async fn take_back(
        self: &Arc<Self>,
        peer: &str,
        transfer: TransferId,
        request: Cancel,
    ) -> Result<CancelAnswer, Denial> {
        let name = (peer.to_owned(), transfer);
        if !self.incoming(&name).await.map_err(|error| ours(&error))? {
            return Ok(CancelAnswer::Cancelled);
        }
        let (reply, receiver) = self.expect_reply();
        self.tell_incoming(&name, destination::Input::Cancel(request, reply));
        match self.answer(reply, receiver).await? {
            Answer::Cancel(answer) => Ok(answer),
            _ => Err(deny(ErrorCode::Internal, "")),
        }
    }

    /// Hears the destination of a transfer of ours.
    ///
    /// # Errors
    /// The chat's denial.
    pub async fn hear(
        self: &Arc<Self>,
        peer: &str,
        transfer: TransferId,
        request: PeerRequest,
    ) -> Result<Answer, Denial> {
        let thing = Thing::Incoming(peer.to_owned(), transfer);
        if self.is_erased(&thing)
            || self.store.erasure_of(&thing).await.map_err(|error| ours(&error.into()))?.is_some()
        {
            return Err(deny(ErrorCode::Cancelled, "the customer was erased"));
        }
        let chat = self.chat_by_transfer(transfer).ok_or_else(|| deny(ErrorCode::UnknownChat, ""))?;
        let (reply, receiver) = self.expect_reply();
        self.tell_chat(chat, session::Input::Peer { peer: peer.to_owned(), transfer, request, reply });
        self.answer(reply, receiver).await
    }

    /// A call of this server's to itself: the second step of an arrival (D6).
    pub(super) async fn ask_itself(
        self: &Arc<Self>,
        transfer: TransferId,
        request: CallRequest,
    ) -> CallResult {
        let own = self.settings.server.clone();
        let asked = match request {
            CallRequest::Transfer(request) => {
                let chat = self.chat_by_transfer(transfer).ok_or(CallError::UnknownServer)?;
                let area = request.area.clone().unwrap_or_default();
                let sender = Sender::OurselvesFor { agent: request.agent.clone(), chat };
                self.take_in(&own, area, *request, sender).await.map(Answer::Reservation)
            }
            CallRequest::Again(_) => self.ask_again(&(own, transfer)).await.map(Answer::Reservation),
            CallRequest::Cancel(body) => self.take_back(&own, transfer, body).await.map(Answer::Cancel),
            CallRequest::Commit(body) => self.hear(&own, transfer, PeerRequest::Commit(body)).await,
            CallRequest::Settle(body) => self.hear(&own, transfer, PeerRequest::Settle(body)).await,
            CallRequest::Progress(body) => self.hear(&own, transfer, PeerRequest::Progress(body)).await,
            CallRequest::Permission(_) | CallRequest::Erase(_) => return Err(CallError::UnknownServer),
        };
        asked.map_err(|denial| match denial.code {
            ErrorCode::Internal => CallError::NoAnswer,
            _ => CallError::Denied(denial),
        })
    }

    /// Waits for a machine's answer, but not for ever.
    async fn answer(
        &self,
        reply: ReplyTo,
        receiver: oneshot::Receiver<Result<Answer, Denial>>,
    ) -> Result<Answer, Denial> {
        match tokio::time::timeout(ANSWER, receiver).await {
            Ok(Ok(answer)) => answer,
            _ => {
                self.forget_reply(reply);
                Err(deny(ErrorCode::Internal, "no answer in time"))
            }
        }
    }
}
