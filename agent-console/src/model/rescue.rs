//! Every chat of this server, for supervisors, and getting one out of whatever state it is in (S2).

use baton_protocol::model::{OpenChat, OpenState};
use baton_protocol::{ChatId, ClientFrame, Timestamp};

use super::{Console, Link, sentence};
use crate::tongue::say;

/// The question to which queue a chat goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescue {
    /// The chat as it was when the question was opened.
    pub chat: OpenChat,
    /// The area's name.
    pub to: String,
    /// The gateway has been asked.
    pub busy: bool,
    /// Why it did not happen.
    pub wrong: Option<String>,
}

impl Console {
    /// Whether this agent is a supervisor, as the gateway says.
    #[must_use]
    pub fn is_supervisor(&self) -> bool {
        self.me.as_ref().is_some_and(|me| me.card.supervisor)
    }

    /// The list in parts: the first begins it anew.
    pub(super) fn open_chats(&mut self, chats: Vec<OpenChat>, first: bool, now: Timestamp) {
        if first {
            self.all.clear();
        }
        self.all.extend(chats);
        let done = self.rescue.as_ref().filter(|rescue| rescue.busy).and_then(|rescue| {
            let chat = self.all.iter().find(|chat| chat.chat == rescue.chat.chat)?;
            (chat.state == OpenState::Waiting && chat.area == rescue.to).then(|| chat.clone())
        });
        if let Some(chat) = done {
            self.rescue = None;
            let (name, area) = (crate::words::customer(&chat.name), self.area_title(&chat.area));
            self.notice(say("$1 waits in $2 now", &[&name, &area]), now);
        }
    }

    /// Opens the question.
    pub fn begin_rescue(&mut self, chat: ChatId) {
        let Some(chat) = self.all.iter().find(|open| open.chat == chat).cloned() else { return };
        self.rescue = Some(Rescue { to: chat.area.clone(), chat, busy: false, wrong: None });
    }

    /// Another queue.
    pub fn rescue_to(&mut self, area: String) {
        if let Some(rescue) = &mut self.rescue {
            (rescue.to, rescue.wrong) = (area, None);
        }
    }

    /// Asks the gateway.
    pub fn rescue(&mut self) {
        let online = self.link == Link::Online;
        let Some(rescue) = self.rescue.as_mut().filter(|rescue| online && !rescue.busy) else { return };
        (rescue.busy, rescue.wrong) = (true, None);
        let to = Some(rescue.to.clone());
        self.outbox.push(ClientFrame::Rescue { chat: rescue.chat.chat, to });
    }

    /// Whether the refusal was about a rescue, which then says where the customer is.
    pub(super) fn rescue_refused(&mut self, chat: ChatId, reason: &str) -> bool {
        match self.rescue.as_mut().filter(|rescue| rescue.busy && rescue.chat.chat == chat) {
            Some(rescue) => {
                (rescue.busy, rescue.wrong) = (false, Some(format!("{}.", sentence(reason))));
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::ServerFrame;
    use baton_protocol::codes::ErrorCode;
    use baton_protocol::frames::About;

    use super::super::tests::{CHAT, NOW, with_chat};
    use super::*;

    fn told(console: &mut Console, state: OpenState, area: &str) {
        let open =
            OpenChat { chat: CHAT, area: area.into(), name: "Carla".into(), state, online: true, since: NOW };
        console.apply(ServerFrame::OpenChats { chats: vec![open], first: true }, NOW);
    }

    #[test]
    fn s2_a_rescue_is_asked_for_once_and_is_over_when_the_chat_waits() {
        let mut console = with_chat();
        told(&mut console, OpenState::Active { agent: "anna".into() }, "sales");
        console.begin_rescue(CHAT);
        console.rescue_to("night".into());
        console.rescue();
        console.rescue();
        assert_eq!(console.take_outbox(), [ClientFrame::Rescue { chat: CHAT, to: Some("night".into()) }]);
        told(&mut console, OpenState::Waiting, "night");
        assert!(console.rescue.is_none());
        assert!(console.notices[0].text.contains("NIGHT"), "{:?}", console.notices);
    }

    #[test]
    fn s2_a_rescue_that_cannot_be_says_where_the_customer_is() {
        let mut console = with_chat();
        told(&mut console, OpenState::Leaving { to: "Globex".into() }, "sales");
        console.begin_rescue(CHAT);
        console.rescue();
        let (code, detail) = (ErrorCode::TransferUnderWay, "the customer was given to Globex".into());
        console.apply(ServerFrame::Refused { code, detail, about: About::Chat(CHAT) }, NOW);
        let rescue = console.rescue.clone().unwrap();
        assert_eq!(rescue.wrong.as_deref(), Some("The customer was given to Globex."));
        assert!(!rescue.busy && console.notices.is_empty());
    }
}
