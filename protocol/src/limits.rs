//! The sizes that every part keeps. Each is a protocol constant: a peer may rely on it.

/// Bytes of one WebSocket message, in either subprotocol. 64 KiB holds the longest text several times over,
/// and bounds what a hostile peer can make a gateway hold.
pub const MAX_FRAME: usize = 64 * 1024;

/// Bytes of one chat message, note or comment (UTF-8). Four pages of text; longer ones belong in a document.
pub const MAX_TEXT: usize = 8 * 1024;

/// Bytes of what a customer has typed and not sent, as an agent may see it: its end is enough to follow.
pub const MAX_PREVIEW: usize = 4 * 1024;

/// Bytes of a name, an e-mail address, a subject, a title.
pub const MAX_LABEL: usize = 256;

/// Bytes of a page address that the widget reports (M5).
pub const MAX_URL: usize = 2 * 1024;

/// Entries in one chat on one server. A chat that reaches it must be ended or transferred.
pub const MAX_ENTRIES: usize = 10_000;

/// Bytes of entries in one [`ServerFrame::Entries`](crate::ServerFrame::Entries); a longer history comes in
/// several frames. Half a frame leaves room for JSON, whose escapes are longer than bincode.
pub const MAX_ENTRIES_BYTES: usize = MAX_FRAME / 4;

/// Bytes of one federation request or answer that is not a document. A transcript is cut, oldest first, to fit.
pub const MAX_FEDERATION_BODY: usize = 1024 * 1024;

/// Bytes of transcript and notes in one transferred context. Below [`MAX_FEDERATION_BODY`], JSON escapes included.
pub const MAX_CONTEXT: usize = 256 * 1024;

/// Documents in one transferred context, the newest ones.
pub const MAX_DOCUMENTS: usize = 32;

/// Bytes of a document's name (UTF-8).
pub const MAX_DOCUMENT_NAME: usize = 128;

/// Pages that are remembered of one customer, the newest ones: enough to see what they looked for.
pub const MAX_VISITS: usize = 20;

/// Tags of one chat, each no longer than [`MAX_LABEL`].
pub const MAX_TAGS: usize = 12;

/// Replies for later use that one agent may keep, and that the company may.
pub const MAX_REPLIES: usize = 500;

/// Chats in one [`ServerFrame::ClosedChats`](crate::ServerFrame::ClosedChats).
pub const MAX_CLOSED: usize = 100;

/// Servers that one conversation may visit in a row (threat 25 of the hand-over protocol).
pub const MAX_HOPS: usize = 16;

/// Messages that a client may have said and had no answer to; what is more waits until some are answered.
pub const MAX_UNANSWERED: usize = 200;

/// Seconds between two application heartbeats of a client. A gateway gives a silent connection up after three.
pub const HEARTBEAT_SECONDS: u16 = 20;

/// Seconds in which a new connection must have sent its hello.
pub const HELLO_SECONDS: u64 = 5;
