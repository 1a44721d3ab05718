//! A WebSocket's life: handshake, hello, frames, close (RFC 6455).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use baton_core::effect::ConnId;
use baton_protocol::limits::{HEARTBEAT_SECONDS, HELLO_SECONDS, MAX_FRAME};
use baton_protocol::{CloseCode, Encoding, Wtid, codec::FrameError, decode_client};
use futures_util::{FutureExt, SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, error::CapacityError};

use super::limits::{Allowance, Place};
use crate::driver::Gateway;
use crate::driver::conn::{Bound, Conn};

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// A silent connection is given up after this long: three heartbeats.
const SILENCE: Duration = Duration::from_secs(3 * HEARTBEAT_SECONDS as u64);

/// A peer that takes nothing for this long is given up.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// Bytes read at once. The library's default of 128 KiB is made resident for every connection; a chat frame fits
/// in this, and an idle connection costs little.
const READ_BUFFER: usize = 1024;

/// Bytes gathered before a write. Frames of one wake-up go out in one.
const WRITE_BUFFER: usize = 16 * 1024;

/// The library's defaults are 64 MiB a message and no limit on what waits to be written.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(4 * MAX_FRAME + WRITE_BUFFER)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
}

/// Answers a request to open a WebSocket.
pub fn upgrade(
    gateway: Arc<Gateway>,
    mut request: Request<Body>,
    ip: IpAddr,
    at: Option<Wtid>,
    place: Place,
) -> Response<Body> {
    let headers = request.headers();
    let Some(accept) = handshake(headers) else {
        return plain(StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket, version 13\n");
    };
    // Without a subprotocol of ours the handshake is completed, so that the client learns why it is closed.
    let encoding = offered(headers).find_map(Encoding::from_subprotocol);
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let _place = place;
        let Ok(Ok(upgraded)) = tokio::time::timeout(Duration::from_secs(HELLO_SECONDS), upgrade).await else {
            return;
        };
        let socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config())).await;
        let Some(encoding) = encoding else { return close(socket, CloseCode::Version).await };
        let id = ConnId(gateway.number());
        let conn = Arc::new(Conn::new(id, encoding, origin, ip, at));
        gateway.connected(conn.clone());
        let code =
            Session { gateway: &gateway, conn: &conn, socket, allowance: Allowance::default() }.run().await;
        gateway.disconnected(&conn);
        tracing::debug!(conn = id.0, ?code, "connection closed");
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(encoding) = encoding {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(encoding.subprotocol()));
    }
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
}

/// The answer to the client's key, if this is a handshake (RFC 6455 section 4.2.1).
fn handshake(headers: &HeaderMap) -> Option<String> {
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

async fn close(mut socket: Socket, code: CloseCode) {
    let frame = CloseFrame { code: (code as u16).into(), reason: format!("{code:?}").into() };
    let goodbye = async {
        let _ = socket.close(Some(frame)).await;
        // The peer's answer, so that the close is clean (RFC 6455 section 7.1.1).
        while let Some(Ok(_)) = socket.next().await {}
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), goodbye).await;
}

struct Session<'a> {
    gateway: &'a Arc<Gateway>,
    conn: &'a Arc<Conn>,
    socket: Socket,
    allowance: Allowance,
}

impl Session<'_> {
    async fn run(mut self) -> Option<CloseCode> {
        let hello = Duration::from_secs(HELLO_SECONDS);
        let code = match tokio::time::timeout(hello, self.socket.next()).await {
            Ok(message) => self.message(message).await,
            Err(_) => Err(Some(CloseCode::TimedOut)),
        };
        let code = match code {
            Ok(()) => self.talk().await,
            Err(code) => code,
        };
        if let Some(code) = code {
            // What was put in before the close still goes out.
            let _ = self.flush().await;
            close(self.socket, code).await;
        }
        code
    }

    /// Reads all that is there, then writes all that waits, until somebody closes.
    async fn talk(&mut self) -> Option<CloseCode> {
        // What we write must not count: to a peer that is gone we may write for a long time.
        let mut heard = tokio::time::Instant::now();
        loop {
            if let Err(code) = self.flush().await {
                return code;
            }
            let woken = tokio::select! {
                () = self.conn.woken() => None,
                message = tokio::time::timeout_at(heard + SILENCE, self.socket.next()) => Some(message),
            };
            let read = match woken {
                None => Ok(()),
                Some(Ok(message)) => {
                    heard = tokio::time::Instant::now();
                    self.all(message).await
                }
                Some(Err(_)) => Err(Some(CloseCode::TimedOut)),
            };
            if let Err(code) = read {
                return code;
            }
        }
    }

    /// This message, and those that have arrived with it.
    async fn all(&mut self, first: Option<Result<Message, Error>>) -> Result<(), Option<CloseCode>> {
        self.message(first).await?;
        while let Some(next) = self.socket.next().now_or_never() {
            self.message(next).await?;
        }
        Ok(())
    }

    /// `Err(None)` when the peer has closed or is gone.
    async fn message(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Option<CloseCode>> {
        let bytes = match message {
            Some(Ok(Message::Binary(bytes))) if self.conn.encoding == Encoding::Binary => bytes,
            Some(Ok(Message::Text(text))) if self.conn.encoding == Encoding::Json => text.into(),
            Some(Ok(Message::Binary(_) | Message::Text(_))) => return Err(Some(CloseCode::Malformed)),
            Some(Ok(Message::Close(_))) | None => return Err(None),
            Some(Ok(_)) => return Ok(()),
            Some(Err(Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                return Err(Some(CloseCode::TooLarge));
            }
            Some(Err(Error::Protocol(_) | Error::Utf8(_))) => return Err(Some(CloseCode::Malformed)),
            Some(Err(_)) => return Err(None),
        };
        if !self.allowance.take(Instant::now()) {
            return Err(Some(CloseCode::RateLimited));
        }
        let frame = decode_client(self.conn.encoding, &bytes).map_err(|error| {
            tracing::debug!(conn = self.conn.id.0, %error, "frame refused");
            Some(if let FrameError::TooLarge(_) = error { CloseCode::TooLarge } else { CloseCode::Malformed })
        })?;
        if self.conn.bound() == Bound::Nobody {
            self.gateway.hello(self.conn, frame).await;
        } else {
            self.gateway.frame(self.conn, frame).await;
        }
        Ok(())
    }

    /// Writes what waits, in one go.
    async fn flush(&mut self) -> Result<(), Option<CloseCode>> {
        let outbox = self.conn.take();
        let (socket, encoding) = (&mut self.socket, self.conn.encoding);
        let write = async {
            for bytes in outbox.frames {
                socket.feed(message(encoding, bytes)).await?;
            }
            socket.flush().await
        };
        match tokio::time::timeout(WRITE_LIMIT, write).await {
            Ok(Ok(())) => outbox.close.map_or(Ok(()), |code| Err(Some(code))),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(CloseCode::TooSlow)),
        }
    }
}

fn message(encoding: Encoding, bytes: Vec<u8>) -> Message {
    match encoding {
        Encoding::Binary => Message::Binary(bytes.into()),
        // The encoder wrote JSON, which is UTF-8; anything else would be sent as the empty object, never panic.
        Encoding::Json => Message::Text(String::from_utf8(bytes).unwrap_or_else(|_| "{}".into()).into()),
    }
}
