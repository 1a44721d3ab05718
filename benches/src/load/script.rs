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
        // An id that cannot be taken for anything else, to find its place.
        let mark = MessageId([0xab; 16]);
        let mut bytes = Vec::new();
        let said = ClientFrame::Say { chat, id: mark, text: text.into() };
        said.encode(Encoding::Binary, &mut bytes).expect("the text fits a frame");
        let id = bytes.windows(16).position(|window| window == mark.0).expect("the id is in the frame");
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

    #[test]
    fn each_message_of_a_chat_has_an_id_of_its_own() {
        let mut script = Script::chat(Some(ChatId([3; 16])), "hello", 41);
        let mut bytes = Vec::new();
        script.put(2, &mut bytes);
        let half = bytes.len() / 2;
        let ids: Vec<u128> = [&bytes[..half], &bytes[half..]]
            .iter()
            .map(|frame| {
                // Taking the mask off is putting it on again.
                let start = 6;
                let mut plain = frame[start..].to_vec();
                let masked = plain.clone();
                ws::patch(&mut plain, 0, &masked);
                match baton_protocol::decode_client(Encoding::Binary, &plain).unwrap() {
                    ClientFrame::Say { chat: Some(ChatId([3, ..])), id, text } if text == "hello" => {
                        u128::from_be_bytes(id.0)
                    }
                    other => panic!("{other:?}"),
                }
            })
            .collect();
        assert_eq!(ids, [41, 42]);
    }

    #[test]
    fn the_same_message_is_repeated() {
        let mut bytes = Vec::new();
        Script::same(&[7; 10_000]).put(3, &mut bytes);
        assert_eq!(bytes, vec![7; 30_000]);
    }
}
