//! What the console knows, and what it asks the gateway for.
//!
//! [`Console::apply`] takes the gateway's word; the other methods are what the agent does. Frames to send gather in
//! an outbox that the driver empties. Time and random identifiers come in as values.

mod alerts;
mod apply;
mod asked;
pub mod chat;
mod consult;
pub mod dialog;
pub mod hours;
mod inbox;
mod intent;
mod kept;
mod link;
pub mod links;
mod pages;
mod palette;
pub mod places;
mod replies;
mod rescue;
pub mod sight;
pub mod suggest;
mod supervise;
#[cfg(test)]
mod tests;
mod within;

use baton_protocol::model::{
    AgentCard, AreaCard, AreaHours, Brand, ChatState, ClosedChat, OpenChat, Presence, Reply, ServerCard,
    WaitingCard,
};
use baton_protocol::{ChatId, ClientFrame, ErrorCode, Timestamp};

use crate::tongue::{say, t};

pub use alerts::Alert;
pub use asked::Asked;
pub use chat::{Attempt, Chat, PaneState, Pending, Role, Upload};
pub use consult::{Side, SideLine};
pub use dialog::{Amount, Candidate, Choice, Dialog, Tab};
pub use inbox::Inbox;
pub use pages::Page;
pub use palette::{Command, Palette};
pub use places::{Leads, Place};
pub use rescue::Rescue;
pub use supervise::tags;
pub use within::Within;

/// Chats beside each other at most: with more, none is wide enough to read in.
const BESIDE: usize = 3;

/// Milliseconds that a notice stays.
const NOTICE_LASTS: u64 = 9_000;

/// The connection, as the agent understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not logged in, with the reason where there is one.
    Out(Option<String>),
    /// Logging in.
    Connecting,
    /// All is well.
    Online,
    /// Lost, and being made again.
    Lost,
}

impl Default for Link {
    fn default() -> Self {
        Self::Out(None)
    }
}

/// Who is logged in, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The agent, as others see them.
    pub card: AgentCard,
    /// This server's name.
    pub server: String,
    /// How the company shows itself.
    pub brand: Brand,
}

/// A sentence for the agent that goes away by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Tells it from others.
    pub number: u32,
    /// The sentence.
    pub text: String,
    until: Timestamp,
}

/// What the console knows.
#[derive(Clone, Debug, Default)]
pub struct Console {
    /// The connection.
    pub link: Link,
    /// Who is logged in.
    pub me: Option<Me>,
    /// Waiting customers, the first one first (A2).
    pub queue: Vec<WaitingCard>,
    /// Customers whose pick-up is under way.
    pub picking: Vec<ChatId>,
    /// Areas of this server (A1).
    pub areas: Vec<AreaCard>,
    /// Which of them are open, of those that have hours.
    pub hours: Vec<AreaHours>,
    /// Agents of this server.
    pub agents: Vec<AgentCard>,
    /// Other servers.
    pub servers: Vec<ServerCard>,
    /// The agent's chats, in the order in which they came.
    pub chats: Vec<Chat>,
    /// The chat in front.
    pub open: Option<ChatId>,
    /// Whether chats are shown beside each other.
    pub side_by_side: bool,
    /// The list that the left column shows below the agent's own chats.
    pub inbox: Inbox,
    /// For supervisors: every chat that is not over.
    pub all: Vec<OpenChat>,
    /// The question to which queue a chat is rescued, while it is open.
    pub rescue: Option<Rescue>,
    /// Chats that were over last, as far as they were asked for.
    pub closed: Vec<ClosedChat>,
    /// Replies for later use.
    pub replies: Vec<Reply>,
    /// Whether a service line of the agent's gives customers out by itself.
    pub automatic: bool,
    /// Whether the agent picks customers up themselves and is given none.
    pub by_hand: bool,
    /// Pages beside the desk that this agent has.
    pub pages: Vec<Page>,
    /// The search in a conversation, while it is open.
    pub within: Option<Within>,
    /// The command palette, while it is open.
    pub palette: Option<Palette>,
    /// Where this agent has transferred to lately, the newest first.
    pub recent: Vec<Choice>,
    /// The transfer dialog, while it is open.
    pub dialog: Option<Dialog>,
    /// Side conversations.
    pub sides: Vec<Side>,
    /// Questions that wait for the agent's answer, the oldest first.
    pub asks: Vec<Asked>,
    /// What the agent is to read.
    pub notices: Vec<Notice>,
    last_notice: u32,
    /// A pick-up under way, whose chat comes to the front.
    expected: Option<ChatId>,
    /// The agent has taken a chat that they were asked about: it comes to the front, too.
    expects_asked: bool,
    outbox: Vec<ClientFrame>,
    wanted: Option<Presence>,
    refusal: Option<ErrorCode>,
    heard: Timestamp,
    ticked: Timestamp,
    pinged: Timestamp,
    nonce: u32,
    /// What was written before the page was loaded again, by chats that have not come yet.
    kept: Vec<kept::Kept>,
    /// Chats in the order in which they were in front, the last one first.
    used: Vec<ChatId>,
    alerts: Vec<Alert>,
    /// The gateway has not shown everything yet that it had before this connection.
    fresh: bool,
    /// The wait before connecting again that the gateway has asked for.
    resume_in: Option<u32>,
}

impl Console {
    /// The chat of that id.
    #[must_use]
    pub fn chat(&self, id: ChatId) -> Option<&Chat> {
        self.chats.iter().find(|chat| chat.id() == id)
    }

    fn chat_mut(&mut self, id: ChatId) -> Option<&mut Chat> {
        self.chats.iter_mut().find(|chat| chat.id() == id)
    }

    /// The chat in front.
    #[must_use]
    pub fn front(&self) -> Option<&Chat> {
        self.open.and_then(|id| self.chat(id))
    }

    /// The chats that are shown: the one in front, or the last few that were, in their order.
    #[must_use]
    pub fn shown(&self) -> Vec<ChatId> {
        if self.side_by_side {
            let last: Vec<ChatId> = self.used.iter().copied().take(BESIDE).collect();
            let more = self.chats.iter().map(Chat::id).filter(|id| !last.contains(id));
            let shown: Vec<ChatId> = last.iter().copied().chain(more).take(BESIDE).collect();
            self.chats.iter().map(Chat::id).filter(|id| shown.contains(id)).collect()
        } else {
            self.open.into_iter().collect()
        }
    }

    /// Brings a chat to the front.
    fn bring_forward(&mut self, id: ChatId) {
        self.open = Some(id);
        self.used.retain(|used| *used != id);
        self.used.insert(0, id);
    }

    /// The wait before connecting again that the gateway has asked for, in milliseconds; told once.
    pub fn take_resume_in(&mut self) -> Option<u32> {
        self.resume_in.take()
    }

    /// Whether the agent takes chats, as they last wanted it.
    #[must_use]
    pub fn presence(&self) -> Presence {
        let told = self.me.as_ref().map_or(Presence::Away, |me| me.card.presence);
        self.wanted.unwrap_or(told)
    }

    /// Chats that take a place, pick-ups under way included.
    #[must_use]
    pub fn places_taken(&self) -> u32 {
        let mine = self.chats.iter().filter(|chat| chat.is_mine()).count();
        u32::try_from(mine + self.picking.len()).unwrap_or(u32::MAX)
    }

    /// Why nobody can be picked up now (A2, A5); nothing when somebody can.
    #[must_use]
    pub fn pick_up_unfit(&self) -> Option<String> {
        let most = self.me.as_ref().map_or(0, |me| me.card.max_chats);
        if self.link != Link::Online {
            Some(t("No connection to the server").into())
        } else if self.places_taken() >= most {
            Some(say("You have $1 of $1 chats: finish or transfer one first", &[&most]))
        } else {
            None
        }
    }

    /// How many wait in the agent's areas. Of a long queue the list has the next ones alone.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let mine = self.me.as_ref().map_or(&[][..], |me| &me.card.areas[..]);
        let seen = |area: &&AreaCard| self.is_supervisor() || mine.contains(&area.name);
        let all: u32 = self.areas.iter().filter(seen).map(|area| area.waiting).sum();
        // The list and the areas come in two frames, one after the other.
        self.queue.len().max(usize::try_from(all).unwrap_or(usize::MAX))
    }

    /// An area's name for people.
    #[must_use]
    pub fn area_title(&self, name: &str) -> String {
        let area = self.areas.iter().find(|area| area.name == name);
        area.map_or(name, |area| area.title.as_str()).to_owned()
    }

    /// Frames to be sent, in order.
    pub fn take_outbox(&mut self) -> Vec<ClientFrame> {
        std::mem::take(&mut self.outbox)
    }

    /// Says something to the agent.
    pub fn notice(&mut self, text: String, now: Timestamp) {
        self.notice_until(text, now.plus(NOTICE_LASTS));
    }

    fn notice_until(&mut self, text: String, until: Timestamp) {
        self.last_notice += 1;
        self.notices.retain(|notice| notice.text != text);
        self.notices.push(Notice { number: self.last_notice, text, until });
    }

    /// Takes a notice away.
    pub fn hush(&mut self, number: u32) {
        self.notices.retain(|notice| notice.number != number);
    }

    /// Whether the gateway has said that the chat is no longer the agent's.
    fn is_over(&self, id: ChatId) -> bool {
        let over =
            |chat: &Chat| matches!(chat.card.state, ChatState::Transferred { .. } | ChatState::Ended(_));
        self.chat(id).is_some_and(over)
    }
}

/// What the server says, with a capital letter; in the agent's language where it is known.
pub fn sentence(text: &str) -> String {
    let said = crate::tongue::heard(text);
    let mut letters = said.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
