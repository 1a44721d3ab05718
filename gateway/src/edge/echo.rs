//! An echo: every message comes back as it came. The socket code is the gateway's own, with nothing behind it, for a
//! conformance suite and for measurements.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::Response;
use baton_core::effect::ConnId;
use baton_protocol::{CloseCode, Encoding};

use super::socket::{Ear, Inbound, handshake, no_handshake, open, switching};
use super::workers;
use crate::driver::conn::{Conn, Opening};

/// Bytes that a message may have: what the largest cases of conformance suites have.
const MOST: usize = 16 * 1024 * 1024;

/// Every path is an echo.
pub fn router() -> Router {
    Router::new().fallback(upgrade)
}

async fn upgrade(ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: Request) -> Response<Body> {
    let Some(accept) = handshake(request.headers()) else { return no_handshake() };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Some((line, early)) = Box::pin(open(upgrade)).await else { return };
        // What a connection is called, and how it writes frames of Baton's, nobody asks here.
        let opening = Opening {
            id: ConnId(0),
            encoding: Encoding::Binary,
            origin: None,
            ip: peer.ip(),
            at: None,
            session: None,
        };
        let conn = Conn::new(opening, line, workers::flusher());
        let mut inbound = Inbound::new(Echo, MOST, early);
        loop {
            let turn = inbound.turn(&conn).await;
            if inbound.after(turn, &conn).await.is_some() {
                return;
            }
        }
    });
    switching(&accept, None)
}

struct Echo;

impl Ear for Echo {
    fn hear(&mut self, conn: &Arc<Conn>, encoding: Encoding, message: &[u8]) -> Result<(), CloseCode> {
        conn.send_message(encoding, message);
        Ok(())
    }
}
