//! WebSockets to gateways on this machine, by whichever way leads there.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use baton_protocol::{ClientFrame, Encoding};
use futures_util::SinkExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

/// What a WebSocket is made of.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A connection, with TLS or without.
pub type Socket = WebSocketStream<Box<dyn Stream>>;

/// How somebody connects.
#[derive(Clone)]
pub struct Network {
    /// Whom to trust; nobody without TLS.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Which address a gateway has for them, by its WebSocket.
    pub addresses: HashMap<String, SocketAddr>,
}

impl Network {
    /// Opens a WebSocket.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn connect(&self, url: &str) -> Result<Socket> {
        let mut request = url.into_client_request()?;
        let subprotocol = HeaderValue::from_static(Encoding::Binary.subprotocol());
        request.headers_mut().insert("sec-websocket-protocol", subprotocol);
        let host = request.uri().host().context("no host")?.to_owned();
        let stream =
            TcpStream::connect(self.addresses.get(url).context("an address nobody told of")?).await?;
        stream.set_nodelay(true)?;
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(stream),
            Some(tls) => Box::new(TlsConnector::from(tls.clone()).connect(host.try_into()?, stream).await?),
        };
        Ok(client_async(request, stream).await?.0)
    }
}

/// Sends a frame.
///
/// # Errors
/// The socket's.
pub async fn send(socket: &mut Socket, frame: &ClientFrame) -> Result<()> {
    let mut bytes = Vec::new();
    frame.encode(Encoding::Binary, &mut bytes)?;
    Ok(socket.send(Message::Binary(bytes.into())).await?)
}
