//! A WebSocket's life: handshake, hello, frames, close (RFC 6455).
//!
//! Its task only reads: all that is there, then it tells the gateway, then it waits for more. What the gateway says is
//! written from [`Conn`]'s outbox. There is no timer: [`sweep`](super::sweep) looks at all connections once a second.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use baton_core::effect::ConnId;
use baton_protocol::limits::{HELLO_SECONDS, MAX_FRAME};
use baton_protocol::{ClientFrame, CloseCode, Encoding, Wtid, codec::FrameError, decode_client};
use hyper::upgrade::OnUpgrade;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::framing::{Assembler, Event, Fault};
use super::limits::{Allowance, Place};
use super::line::Line;
use super::{clock, workers};
use crate::driver::Gateway;
use crate::driver::conn::{Conn, Opening, Standing};

/// Bytes read at once, beside the beginning of a frame that is there already.
const READ: usize = 64 * 1024;

/// Frames taken in one turn; then the other connections have theirs.
const TURN: usize = 256;

/// Frame lists that a thread keeps for its connections.
const POOL: usize = 16;

/// How long a peer has to answer a close.
const GOODBYE: Duration = Duration::from_secs(2);

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static LISTS: RefCell<Vec<VecDeque<ClientFrame>>> = const { RefCell::new(Vec::new()) };
}

/// Answers a request to open a WebSocket.
pub fn upgrade(
    gateway: Arc<Gateway>,
    mut request: Request<impl Send>,
    ip: IpAddr,
    at: Option<Wtid>,
    place: Place,
) -> Response<Body> {
    let headers = request.headers();
    let Some(accept) = handshake(headers) else { return no_handshake() };
    // Without a subprotocol of ours the handshake is completed, so that the client learns why it is closed.
    let encoding = offered(headers).find_map(Encoding::from_subprotocol);
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(Box::from);
    let id = ConnId(gateway.number());
    let shown = encoding.unwrap_or(Encoding::Json);
    let session = crate::api::cookie::session(headers, &gateway.config).map(|token| Box::new(token.digest()));
    let opening = Opening { id, encoding: shown, origin, ip, at: at.map(Box::new), session };
    tokio::spawn(begin(gateway, hyper::upgrade::on(&mut request), opening, encoding.is_some(), place));
    switching(&accept, encoding.map(Encoding::subprotocol))
}

/// The answer to a handshake (RFC 6455 section 4.2.2).
pub(super) fn switching(accept: &str, subprotocol: Option<&'static str>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(subprotocol) = subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    }
    response
}

/// The answer to what is no handshake.
pub(super) fn no_handshake() -> Response<Body> {
    let mut response = Response::new(Body::from("this address speaks WebSocket, version 13\n"));
    *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
    response
}

/// The answer to the client's key, if this is a handshake (RFC 6455 section 4.2.1).
pub(super) fn handshake(headers: &HeaderMap) -> Option<String> {
    let has = |name, wanted: &str| {
        let value: &HeaderValue = headers.get(name)?;
        let mut words = value.to_str().ok()?.split(',').map(str::trim);
        words.any(|word| word.eq_ignore_ascii_case(wanted)).then_some(())
    };
    has(header::CONNECTION, "upgrade")?;
    has(header::UPGRADE, "websocket")?;
    has(header::SEC_WEBSOCKET_VERSION, "13")?;
    Some(derive_accept_key(headers.get(header::SEC_WEBSOCKET_KEY)?.as_bytes()))
}

fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',').map(str::trim))
}

/// Waits for the connection, whose life is a task of its own: a task is as large as its largest moment.
async fn begin(gateway: Arc<Gateway>, upgrade: OnUpgrade, opening: Opening, spoken: bool, place: Place) {
    let Some((line, early)) = open(upgrade).await else { return };
    let conn = Conn::new(opening, line, workers::flusher());
    gateway.connected(conn.clone());
    if !spoken {
        conn.close(CloseCode::Version);
    }
    let allowance = Allowance::new(&gateway.config.limits, clock::seconds());
    let inbound = Inbound::new(Frames::default(), MAX_FRAME, early);
    tokio::spawn(Session { conn, _place: place, inbound, allowance, gateway }.live());
}

/// The bytes below a connection that is being upgraded, with those that have come already.
pub(super) async fn open(upgrade: OnUpgrade) -> Option<(Line, Vec<u8>)> {
    Line::below(tokio::time::timeout(Duration::from_secs(HELLO_SECONDS), upgrade).await.ok()?.ok()?)
}

struct Session {
    gateway: Arc<Gateway>,
    conn: Arc<Conn>,
    inbound: Inbound<Frames>,
    allowance: Allowance,
    _place: Place,
}

impl Session {
    /// Until the connection is over.
    #[expect(clippy::manual_async_fn, reason = "an async fn would keep two places for `self`")]
    fn live(mut self) -> impl Future<Output = ()> {
        async move {
            let code = self.run().await;
            self.gateway.disconnected(&self.conn);
            tracing::debug!(conn = self.conn.id.0, ?code, "connection closed");
        }
    }

    /// Until somebody closes; the reason if it is ours.
    async fn run(&mut self) -> Option<CloseCode> {
        loop {
            let turn = self.inbound.turn(&self.conn).await;
            self.conn.hear();
            let allowed = self.allowance.take(turn, &self.gateway.config.limits, clock::seconds());
            if !allowed {
                self.conn.close(CloseCode::RateLimited);
            }
            if allowed && !self.gateway.talk(&self.conn, &mut self.inbound.ear.0) {
                // In a box: few frames come here, and a connection's task is as large as its largest moment.
                Box::pin(self.tell()).await;
            }
            self.inbound.ear.give_back();
            if let Some(over) = self.inbound.after(turn, &self.conn).await {
                return over.0;
            }
        }
    }

    async fn tell(&mut self) {
        let frames = &mut self.inbound.ear.0;
        if self.conn.is_unknown()
            && let Some(hello) = frames.pop_front()
        {
            self.gateway.hello(&self.conn, hello).await;
        }
        self.gateway.frames(&self.conn, frames).await;
    }
}

/// Lets everything go out, the close frame last, and waits for the peer's (RFC 6455 section 7.1.1).
async fn goodbye(conn: &Arc<Conn>) {
    let goodbye = async {
        std::future::poll_fn(|cx| conn.poll_written(cx)).await;
        let mut nothing = vec![0; 1024];
        let read = |cx: &mut Context<'_>| conn.line().poll_read(cx, &mut nothing);
        let mut read = read;
        while let Ok(1..) = std::future::poll_fn(&mut read).await {}
    };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

/// Whom a connection's messages are for.
pub(super) trait Ear {
    /// Takes a message; or says why the connection is to be closed instead.
    fn hear(&mut self, conn: &Arc<Conn>, encoding: Encoding, message: &[u8]) -> Result<(), CloseCode>;
}

/// The frames of Baton's that have come, until the gateway is told of them.
#[derive(Default)]
struct Frames(VecDeque<ClientFrame>);

impl Ear for Frames {
    fn hear(&mut self, conn: &Arc<Conn>, encoding: Encoding, message: &[u8]) -> Result<(), CloseCode> {
        if encoding != conn.encoding {
            return Err(CloseCode::Malformed);
        }
        if self.0.capacity() == 0 {
            self.0 = LISTS.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        self.0.push_back(decode_client(encoding, message).map_err(|error| refusal(conn, &error))?);
        Ok(())
    }
}

impl Frames {
    /// Forgets them, and gives their list to the thread's next connection.
    fn give_back(&mut self) {
        let mut list = std::mem::take(&mut self.0);
        list.clear();
        if (1..=TURN).contains(&list.capacity()) {
            LISTS.with_borrow_mut(|lists| {
                if lists.len() < POOL {
                    lists.push(list);
                }
            });
        }
    }
}

/// What a connection has read, and whom it tells.
pub(super) struct Inbound<E> {
    /// The beginning of a frame; no buffer where there is none.
    partial: Vec<u8>,
    assembler: Assembler,
    ear: E,
    /// Bytes that a message may have.
    most: usize,
    end: Option<End>,
}

/// A connection is over; the reason if it is ours.
pub(super) struct Over(Option<CloseCode>);

/// Why no more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The peer has closed, or its line is broken.
    Gone,
    /// We have closed.
    Closing(CloseCode),
    /// The peer has said what it must not.
    Fault(CloseCode),
}

impl<E: Ear> Inbound<E> {
    pub(super) fn new(ear: E, most: usize, early: Vec<u8>) -> Self {
        Self { partial: early, assembler: Assembler::default(), ear, most, end: None }
    }

    /// Reads all that is there, and tells it; how many frames that was.
    pub(super) async fn turn(&mut self, conn: &Arc<Conn>) -> usize {
        std::future::poll_fn(|cx| self.poll(cx, conn)).await
    }

    /// What follows from a turn: nothing, as long as the connection goes on.
    pub(super) async fn after(&mut self, turn: usize, conn: &Arc<Conn>) -> Option<Over> {
        match self.end.take() {
            Some(End::Gone) => return Some(Over(None)),
            Some(End::Closing(code)) => {
                Box::pin(goodbye(conn)).await;
                return Some(Over(Some(code)));
            }
            Some(End::Fault(code)) => conn.close(code),
            None => {}
        }
        if turn >= TURN {
            tokio::task::yield_now().await;
        }
        None
    }

    /// Reads all that is there; ready with the number of frames, those of the WebSocket's own included, or with an end.
    fn poll(&mut self, cx: &mut Context<'_>, conn: &Arc<Conn>) -> Poll<usize> {
        self.end = match conn.poll_standing(cx) {
            Standing::Open => None,
            Standing::Closing(code) => Some(End::Closing(code)),
            Standing::Gone => Some(End::Gone),
        };
        if self.end.is_some() {
            return Poll::Ready(0);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut count = 0;
            loop {
                let kept = self.partial.len();
                if scratch.len() < kept + READ {
                    scratch.resize(kept + READ, 0);
                }
                scratch[..kept].copy_from_slice(&self.partial);
                match conn.line().poll_read(cx, &mut scratch[kept..kept + READ]) {
                    Poll::Pending if count == 0 => return Poll::Pending,
                    Poll::Pending => break,
                    Poll::Ready(Ok(read @ 1..)) => count += self.take(conn, &mut scratch[..kept + read]),
                    Poll::Ready(_) => self.end = Some(End::Gone),
                }
                if self.end.is_some() || count >= TURN {
                    break;
                }
            }
            Poll::Ready(count)
        })
    }

    /// Takes the whole frames; the beginning of the next one is kept.
    fn take(&mut self, conn: &Arc<Conn>, bytes: &mut [u8]) -> usize {
        let (mut count, mut refused, mut closed) = (0, None, None);
        let ear = &mut self.ear;
        let taken = self.assembler.take(bytes, self.most, |event| {
            count += 1;
            match event {
                Event::Binary(_) | Event::Text(_) if refused.is_some() => {}
                Event::Binary(bytes) => refused = ear.hear(conn, Encoding::Binary, bytes).err(),
                Event::Text(text) => refused = ear.hear(conn, Encoding::Json, text.as_bytes()).err(),
                Event::Ping(payload) => conn.pong(payload),
                Event::Pong => {}
                Event::Close(code) => closed = Some(code),
            }
        });
        match taken {
            Ok(taken) if taken == bytes.len() => self.partial = Vec::new(),
            Ok(taken) => self.partial = bytes[taken..].to_vec(),
            Err(fault) => refused = refused.or(Some(close_code(fault))),
        }
        if let Some(code) = closed {
            conn.answer_close(code);
            self.end = Some(End::Gone);
        } else {
            self.end = refused.map(End::Fault);
        }
        count
    }
}

fn refusal(conn: &Conn, error: &FrameError) -> CloseCode {
    tracing::debug!(conn = conn.id.0, %error, "frame refused");
    if let FrameError::TooLarge(_) = error { CloseCode::TooLarge } else { CloseCode::Malformed }
}

/// RFC 6455 section 7.4.1.
fn close_code(fault: Fault) -> CloseCode {
    match fault {
        Fault::Protocol => CloseCode::Protocol,
        Fault::NotText => CloseCode::NotText,
        Fault::TooLarge => CloseCode::TooLarge,
    }
}
