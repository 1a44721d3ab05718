//! What a connection sends, made once and sent often.

use baton_protocol::{ChatId, ClientFrame, Encoding, MessageId};

use super::ws;

/// Bytes of repeated messages that are kept ready, so that a batch is one copy.
const READY: usize = 16 * 1024;

/// What a connection sends.
#[derive(Clone, Debug)]
pub enum Script {
    /// The same message again and again.
    Same {
        /// Bytes of one.
        length: usize,
        /// As many as were put in, one after the other.
        ready: Vec<u8>,
    },
    /// A chat's messages, each with an id of its own.
    Chat {
        /// A whole frame.
        frame: Vec<u8>,
        /// Where the payload is in it.
        payload: usize,
        /// Where the id is in the payload.
        id: usize,
        /// The next id.
        next: u128,
    },
}

impl Script {
    /// The same message again and again.
    #[must_use]
    pub fn same(message: &[u8]) -> Self {
        let times = (READY / message.len().max(1)).max(1);
        Self::Same { length: message.len(), ready: message.repeat(times) }
    }

    /// A chat's messages, with ids from this one on; a customer's connection names no chat.
    ///
    /// # Panics
    /// Never: a text of this length fits a frame, or it would have been refused before.
    #[must_use]
    pub fn chat(chat: Option<ChatId>, text: &str, first: u128) -> Self {
        let said = |id| {
            let mut bytes = Vec::new();
            let said = ClientFrame::Say { chat, id: MessageId([id; 16]), text: text.into() };
            said.encode(Encoding::Binary, &mut bytes).expect("the text fits a frame");
            bytes
        };
        // Where two frames differ that have nothing but the id different. A certain id would not do to find its place:
        // what stands before it is a chat's own, which is random and may end as that id begins.
        let (bytes, other) = (said(0), said(0xff));
        let differ = bytes.iter().zip(&other).position(|(one, other)| one != other);
        let id = differ.expect("the id is in the frame");
        let mut frame = Vec::new();
        ws::put(ws::BINARY, &bytes, &mut frame);
        Self::Chat { payload: frame.len() - bytes.len(), frame, id, next: first }
    }

    /// Appends so many messages.
    pub fn put(&mut self, mut count: usize, to: &mut Vec<u8>) {
        match self {
            Self::Same { length, ready } => {
                let most = ready.len() / *length;
                while count > 0 {
                    let now = count.min(most);
                    to.extend_from_slice(&ready[..now * *length]);
                    count -= now;
                }
            }
            Self::Chat { frame, payload, id, next } => {
                for _ in 0..count {
                    ws::patch(&mut frame[*payload..], *id, &next.to_be_bytes());
                    *next += 1;
                    to.extend_from_slice(frame);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids of the messages that a script sends, each of which must be whole.
    fn ids(chat: ChatId, text: &str, count: usize) -> Vec<u128> {
        let mut bytes = Vec::new();
        Script::chat(Some(chat), text, 41).put(count, &mut bytes);
        let id = |frame: &[u8]| {
            // Taking the mask off is putting it on again.
            let start = 6;
            let mut plain = frame[start..].to_vec();
            ws::patch(&mut plain, 0, &frame[start..]);
            match baton_protocol::decode_client(Encoding::Binary, &plain).unwrap() {
                ClientFrame::Say { chat: to, id, text: said } if (to, &*said) == (Some(chat), text) => {
                    u128::from_be_bytes(id.0)
                }
                other => panic!("{other:?}"),
            }
        };
        bytes.chunks(bytes.len() / count).map(id).collect()
    }

    #[test]
    fn each_message_of_a_chat_has_an_id_of_its_own() {
        assert_eq!(ids(ChatId([3; 16]), "hello", 2), [41, 42]);
    }

    #[test]
    fn whatever_a_chat_is_called_its_messages_are_for_it() {
        for byte in 0..=255 {
            let mut chat = ChatId([3; 16]);
            chat.0[15] = byte;
            assert_eq!(ids(chat, "hello", 1), [41]);
            assert_eq!(ids(ChatId([byte; 16]), "hello", 1), [41]);
        }
    }

    #[test]
    fn the_same_message_is_repeated() {
        let mut bytes = Vec::new();
        Script::same(&[7; 10_000]).put(3, &mut bytes);
        assert_eq!(bytes, vec![7; 30_000]);
    }
}
