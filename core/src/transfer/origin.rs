//! The origin's side of a hand-over: a struct per state, and a method per permitted transition.
//!
//! | state | serves | on | next | within | what it asks for |
//! |---|---|---|---|---|---|
//! | [`Requested`] | yes | permitted / denied, cancelled, too late | [`Permitted`] / aborted | `prepare`, from the click on | the post |
//! | [`Permitted`] | yes | reserved / refused, cancelled, too late | [`Offered`] / aborted | the rest of `prepare` | the command to the widget |
//! | [`Permitted`] | yes | an agent there is being asked | the same, and asks again | three times `ask` | the same request again |
//! | aborted ([`Past`]), kept there | yes | the agent tries again | [`Permitted`] | `keep`, by the destination's clock | the same request again |
//! | [`Offered`] | yes | commit / declined, cancelled, too late / reclaimed | [`Released`] / aborted / [`Reclaimed`] | `offer`, or what the destination gives | the tail / cancel / cancel |
//! | aborted ([`Past`]) | yes | adopting commit / reclaimed | [`Released`] / [`Reclaimed`] | as long as the chat | the tail / cancel |
//! | [`Released`] | no | settled / reclaimed | [`Settled`] / [`Reclaimed`] | without end; after `linger` its agent is free | the end here / cancel |
//! | [`Reclaimed`] | yes, two epochs on | cancel acknowledged | [`Past`] | until then, from `retry_first` doubling to `retry_most` | cancel, again and again |
//! | [`Settled`] | no, never again | | | | |
//!
//! The time limits are [`Times`](crate::effect::Times), which says what each is by default and why. Every step is stored
//! before what it asks for is sent.
//!
//! "Commit" is the destination's word that the customer has presented the WTID there. Until then the chat is the
//! origin's own (O5); a failed attempt leaves it as it was (A6).

use baton_protocol::model::{Destination, DocumentRef, Offer, Share, Stage};
use baton_protocol::{Epoch, Seq, TransferId, Verifier};
use serde::{Deserialize, Serialize};

use crate::policy::{Bounds, Class};

/// What every state of an attempt knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its id.
    pub transfer: TransferId,
    /// The peer's server name.
    pub peer: String,
    /// The peer's name for people.
    pub title: String,
    /// The area there, if one was chosen.
    pub area: Option<String>,
    /// The agent's login name.
    pub agent: String,
    /// For the next agent.
    pub comments: String,
    /// What is sent, policy applied.
    pub share: Share,
    /// Whether the browser is to go there, page and all.
    pub navigate: bool,
    /// The first entry that the agent could see when choosing what to send.
    #[serde(default)]
    pub from: Seq,
    /// The last one.
    pub seen: Seq,
    /// The customer's epoch at the time. At a later one nothing can come of it any more.
    pub epoch: Epoch,
    /// What the agreement with the peer lets out.
    #[serde(default)]
    pub bounds: Bounds,
    /// The documents of the context that was posted.
    #[serde(default)]
    pub announced: Vec<DocumentRef>,
    /// How near the peer is, for policy to judge again by; nothing where policy was not asked.
    #[serde(default)]
    pub class: Option<Class>,
    /// The secret that the warm transfer page carries in the place of a widget that has no connection (O4). Never
    /// stored: after a restart nothing can be offered any more.
    #[serde(skip)]
    pub page_secret: Option<Verifier>,
    /// Whether it is the second step within this server (D6), of which nobody need be told.
    #[serde(default)]
    pub lead: bool,
    /// Whether no agent has asked for it: there are too many customers here (D9).
    #[serde(default)]
    pub overload: bool,
}

impl Attempt {
    /// Where it goes, as policy and audit name it.
    #[must_use]
    pub fn destination(&self) -> Destination {
        Destination::Server { server: self.peer.clone(), area: self.area.clone() }
    }
}

/// Permission has been asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested(pub Box<Attempt>);

/// The warm transfer information has been posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permitted {
    /// The attempt.
    pub attempt: Box<Attempt>,
    /// The last entry that was posted.
    pub posted: Seq,
    /// Whether an agent there is being asked.
    #[serde(default)]
    pub asking: bool,
}

/// The destination waits for the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The attempt.
    pub attempt: Box<Attempt>,
    /// The last entry that was posted.
    pub posted: Seq,
    /// The command for the widget. Never stored: it holds the WTID. After a restart nothing can be pushed any
    /// more, and the offer lapses unless the customer is already on the way.
    #[serde(skip)]
    pub offer: Option<Box<Offer>>,
    /// Whether the widget has said that it follows.
    pub followed: bool,
}

/// The customer is at the destination, which has the rest of the transcript. The chat is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// The attempt.
    pub attempt: Box<Attempt>,
    /// The last entry that was posted.
    pub posted: Seq,
    /// How the chat fares there already, by the destination's word.
    pub stage: Stage,
}

/// The customer came back; the destination does not know for sure yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reclaimed {
    /// The attempt.
    pub attempt: Box<Attempt>,
    /// The epoch since then.
    pub epoch: Epoch,
    /// Calls made so far to tell the destination.
    pub tries: u32,
}

/// The chat is the destination's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The attempt.
    pub attempt: Box<Attempt>,
    /// The last entry that was posted.
    pub posted: Seq,
    /// How the chat fares there.
    pub stage: Stage,
}

/// An attempt that came to nothing, kept to answer what its destination may still ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The attempt.
    pub attempt: Box<Attempt>,
    /// The last entry that was posted, if any was.
    pub posted: Option<Seq>,
    /// The epoch that the customer reclaimed, if they had gone.
    pub reclaimed: Option<Epoch>,
    /// Whether the destination keeps what was posted for another try (D7).
    #[serde(default)]
    pub kept: bool,
    /// Whether its destination, which has adopted the customer, was given the rest after the chat had ended here.
    #[serde(default)]
    pub answered: bool,
}

/// Where a chat's hand-over stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outgoing {
    /// No attempt is under way.
    #[default]
    Owned,
    /// See [`Requested`].
    Requested(Requested),
    /// See [`Permitted`].
    Permitted(Permitted),
    /// See [`Offered`].
    Offered(Offered),
    /// See [`Released`].
    Released(Released),
    /// See [`Reclaimed`].
    Reclaimed(Reclaimed),
    /// See [`Settled`].
    Settled(Settled),
}

impl Outgoing {
    /// The attempt, while the chat is this server's and something of it may still leave.
    pub fn attempt_here(&mut self) -> Option<&mut Attempt> {
        match self {
            Self::Requested(Requested(attempt))
            | Self::Permitted(Permitted { attempt, .. })
            | Self::Offered(Offered { attempt, .. }) => Some(attempt),
            Self::Owned | Self::Released(_) | Self::Reclaimed(_) | Self::Settled(_) => None,
        }
    }

    /// The attempt, if there is one.
    #[must_use]
    pub fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Owned => None,
            Self::Requested(Requested(attempt))
            | Self::Permitted(Permitted { attempt, .. })
            | Self::Offered(Offered { attempt, .. })
            | Self::Released(Released { attempt, .. })
            | Self::Reclaimed(Reclaimed { attempt, .. })
            | Self::Settled(Settled { attempt, .. }) => Some(attempt),
        }
    }

    /// Whether this server may say and accept anything in the chat.
    #[must_use]
    pub fn serves(&self) -> bool {
        !matches!(self, Self::Released(_) | Self::Settled(_))
    }

    /// How far it is, for the agent.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        match self {
            Self::Owned | Self::Reclaimed(_) => None,
            Self::Requested(_) => Some(Stage::Requested),
            Self::Permitted(_) => Some(Stage::Permitted),
            Self::Offered(offered) if !offered.followed => Some(Stage::Accepted),
            Self::Offered(_) | Self::Released(_) => Some(Stage::Pushed),
            Self::Settled(settled) => Some(settled.stage),
        }
    }
}

impl Requested {
    /// The destination permits it; everything up to `posted` is being sent, with these documents.
    #[must_use]
    pub fn permitted(mut self, posted: Seq, announced: Vec<DocumentRef>) -> Permitted {
        self.0.announced = announced;
        Permitted { attempt: self.0, posted, asking: false }
    }
}

impl Permitted {
    /// The destination waits for the customer.
    #[must_use]
    pub fn accepted(self, offer: Offer) -> Offered {
        Offered { attempt: self.attempt, posted: self.posted, offer: Some(Box::new(offer)), followed: false }
    }
}

impl Offered {
    /// The customer has presented the WTID.
    #[must_use]
    pub fn release(self) -> Released {
        Released { attempt: self.attempt, posted: self.posted, stage: Stage::Arrived }
    }

    /// The customer is back, or never went.
    #[must_use]
    pub fn reclaim(self, epoch: Epoch) -> Reclaimed {
        Reclaimed { attempt: self.attempt, epoch, tries: 0 }
    }
}

impl Released {
    /// The customer has stored the destination's epoch.
    #[must_use]
    pub fn settle(self) -> Settled {
        Settled { attempt: self.attempt, posted: self.posted, stage: self.stage }
    }

    /// The customer is back.
    #[must_use]
    pub fn reclaim(self, epoch: Epoch) -> Reclaimed {
        Reclaimed { attempt: self.attempt, epoch, tries: 0 }
    }
}

impl Past {
    /// Another try of a transfer that was refused for now (D7).
    #[must_use]
    pub fn again(self) -> Option<Permitted> {
        let posted = self.posted.filter(|_| self.kept)?;
        Some(Permitted { attempt: self.attempt, posted, asking: false })
    }

    /// Whether the customer may have gone, at this epoch of theirs, in spite of the abort.
    #[must_use]
    pub fn is_open(&self, epoch: Epoch) -> bool {
        self.posted.is_some() && self.reclaimed.is_none() && self.attempt.epoch == epoch
    }

    /// The customer could not reach us, froze us, and was taken over by the destination they had an offer for.
    #[must_use]
    pub fn adopted(self) -> Option<Released> {
        let posted = self.posted?;
        Some(Released { attempt: self.attempt, posted, stage: Stage::Arrived })
    }

    /// The customer had gone, and is back.
    #[must_use]
    pub fn reclaim(self, epoch: Epoch) -> Reclaimed {
        Reclaimed { attempt: self.attempt, epoch, tries: 0 }
    }
}
