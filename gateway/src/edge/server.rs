//! Accepting connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use futures_util::future::{Either, ready};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::http::Surface;
use super::limits::{Addresses, Place};
use crate::config::rules::Network;

/// A request's headers must be there within this time (threat 16).
const HEADERS: Duration = Duration::from_secs(5);

/// Bytes that a request's headers may have (threat 16). A signed request of a peer's has one or two thousand.
const HEADER_BYTES: usize = 8 * 1024;

/// Where connections come in.
pub struct Door {
    /// The certificate, when no proxy before this server ends TLS.
    pub tls: Option<TlsAcceptor>,
    /// Whoever comes from one of these comes from somewhere else.
    pub trusted_proxies: Vec<Network>,
    /// Connections at once from one address, before anything was said.
    pub per_address: usize,
    /// Connections by address.
    pub addresses: Arc<Addresses>,
    /// Everything that a connection does.
    pub tasks: TaskTracker,
}

/// Accepts connections until the future `stop` completes.
pub async fn accept(
    listener: TcpListener,
    door: &Arc<Door>,
    surface: Surface,
    stop: impl Future<Output = ()>,
) {
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(door, stream, peer, &surface),
            Err(error) => {
                // Out of descriptors, mostly: trying again at once would only spin.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn admit(door: &Arc<Door>, stream: TcpStream, peer: SocketAddr, surface: &Surface) {
    let ip = peer.ip().to_canonical();
    let place = if door.trusted_proxies.iter().any(|network| network.contains(ip)) {
        None
    } else {
        let Some(place) = door.addresses.admit(ip, door.per_address) else { return };
        Some(place)
    };
    let _ = stream.set_nodelay(true);
    let (door, surface) = (door.clone(), surface.clone());
    let tasks = door.tasks.clone();
    tasks.spawn(async move {
        match &door.tls {
            None => serve(stream, peer, surface, place).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(HEADERS, tls.accept(stream)).await {
                    serve(stream, peer, surface, place).await;
                }
            }
        }
    });
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    surface: Surface,
    place: Option<Place>,
) {
    let router = surface.router.clone().map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(axum::body::Body::new)
    });
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| match surface.socket(peer, request) {
        Ok(response) => Either::Left(ready(Ok(response))),
        Err(request) => Either::Right(router.call(request)),
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection ended");
    }
    drop(place);
}
