//! WebSockets to gateways on this machine, whatever the resolver knows of names below `localhost`.

use std::sync::Arc;

use anyhow::{Context, Result};
use baton_protocol::Encoding;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// Whom to trust with TLS.
pub type Tls = Arc<rustls::ClientConfig>;

/// A connection.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects, as a program would, or as a page of this web origin would.
///
/// # Errors
/// When the gateway does not answer.
pub async fn connect(
    url: &str,
    encoding: Encoding,
    origin: Option<&str>,
    tls: Option<Tls>,
) -> Result<Socket> {
    let mut request = url.into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_static(encoding.subprotocol()));
    if let Some(origin) = origin {
        headers.insert("origin", HeaderValue::from_str(origin)?);
    }
    let host = request.uri().host().context("no host")?;
    let port = request.uri().port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    // These names are this machine (RFC 6761 section 6.3); not every resolver knows.
    let host = if host.ends_with("localhost") { "127.0.0.1" } else { host };
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    let connector = tls.map_or(Connector::Plain, Connector::Rustls);
    let (socket, _) = client_async_tls_with_config(request, stream, None, Some(connector)).await?;
    Ok(socket)
}
