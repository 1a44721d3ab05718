//! The documents of a transfer: the destination fetches them when it has the chat, in parts if need be.

use anyhow::Context;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use baton_core::effect::Fetched;
use baton_protocol::federation::Denial;
use baton_protocol::model::{DocumentRef, DocumentState};
use baton_protocol::{ErrorCode, TransferId};
use reqwest::StatusCode;

use super::Federation;
use super::inbound::{Answered, authenticate, deny, ours};
use crate::documents::spool::Spool;
use crate::driver::Gateway;
use crate::edge::files;
use crate::edge::http::App;

/// Seconds after which a destination may ask again for what is still to come here.
const RETRY_SECONDS: u32 = 2;

/// `GET /outgoing/{id}/documents/{sha256}`
pub async fn give(
    State(app): State<App>,
    Path((transfer, sha256)): Path<(TransferId, String)>,
    request: Request,
) -> Response<Body> {
    let (request, _) = request.into_parts();
    match find(&app.gateway, transfer, &sha256, &request).await {
        Ok(response) => response,
        Err(denial) => Answered::<()>::denied(denial).into_response(),
    }
}

async fn find(
    gateway: &Gateway,
    transfer: TransferId,
    sha256: &str,
    request: &Parts,
) -> Result<Response<Body>, Denial> {
    let (method, path) = (request.method.as_str(), request.uri.path());
    let peer = authenticate(gateway, &request.headers, method, path, b"").await?;
    let unknown = || deny(ErrorCode::UnknownChat, "");
    // What the chat gives was agreed when it went; what is agreed now may be less.
    if !peer.agreement.fields_out.documents {
        return Err(unknown());
    }
    let chat = gateway.chat_gone_by(transfer).await.map_err(|error| ours(&error))?.ok_or_else(unknown)?;
    let given = gateway.look_at_chat(chat, |chat| chat.gives(&peer.name, transfer, sha256)).flatten();
    let (document, state) = given.ok_or_else(unknown)?;
    if state == DocumentState::Arriving {
        let denial = deny(ErrorCode::Internal, "it is still on its way here");
        return Err(Denial { retry_after: Some(RETRY_SECONDS), ..denial });
    }
    let DocumentRef { sha256, name, media_type, .. } = &document;
    let file = files::File { chat, sha256, name, media_type };
    let answer = files::answer(&gateway.documents, file, &request.headers).await;
    answer.map_err(|error| ours(&error))?.ok_or_else(unknown)
}

impl Federation {
    /// Fetches what is missing of a document into its file. `Here` when nothing more is missing.
    ///
    /// # Errors
    /// Whatever may pass: the peer is out of reach, the connection broke off, the disk is full.
    pub async fn fetch(
        &self,
        peer: &str,
        transfer: TransferId,
        document: &DocumentRef,
        spool: &mut Spool,
    ) -> anyhow::Result<Fetched> {
        let peer = self.peer(peer).await.context("it is not a peer any more")?;
        // The agreement may have changed since it was announced.
        if !peer.agreement.fields_in.documents {
            return Ok(Fetched::Never);
        }
        let url = format!("{}/outgoing/{transfer}/documents/{}", peer.federation, document.sha256);
        let from = spool.size();
        let asked = self.client.get(&self.keys.get(), &self.server, &peer.name, &url, from).await;
        let mut response = asked.map_err(|failed| anyhow::anyhow!(failed.detail))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response, from) => {}
            // It knows no parts.
            StatusCode::OK => spool.restart().await?,
            StatusCode::NOT_FOUND => return Ok(Fetched::Never),
            status => anyhow::bail!("status {status}"),
        }
        while let Some(part) = response.chunk().await? {
            if spool.size() + part.len() as u64 > document.size {
                return Ok(Fetched::Never);
            }
            spool.write(&part).await?;
        }
        anyhow::ensure!(spool.size() == document.size, "{} of {} bytes came", spool.size(), document.size);
        Ok(Fetched::Here)
    }
}

fn begins_at(response: &reqwest::Response, from: u64) -> bool {
    let range = response.headers().get("content-range").and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use baton_protocol::federation::Jwks;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::config;
    use crate::documents::Documents;
    use crate::federation::client::Client;
    use crate::federation::keys::{Keys, Live};
    use crate::store::memory::MemoryStore;
    use crate::store::{Mode, PeerClass, PeerRow, Store};

    const TRANSFER: TransferId = TransferId([7; 16]);
    const BODY: &[u8] = b"Hello, wide world";

    /// A peer that breaks off after five bytes, and the ranges that it was asked for. With `whole` it knows none.
    async fn peer(whole: bool) -> (u16, Arc<Mutex<Vec<String>>>) {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = asked.clone();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 8_192];
                let count = stream.read(&mut request).await.unwrap();
                let request = String::from_utf8_lossy(&request[..count]).to_lowercase();
                let range = request.lines().find_map(|line| line.strip_prefix("range: ")).unwrap().to_owned();
                let from: usize = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap();
                let from = if whole { 0 } else { from };
                let until = if seen.lock().unwrap().is_empty() { 5 } else { BODY.len() };
                seen.lock().unwrap().push(range);
                let status = if whole { "200 OK" } else { "206 Partial Content" };
                let length = BODY.len() - from;
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {length}\r\ncontent-range: bytes {from}-16/17\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                stream.write_all(&BODY[from..until]).await.unwrap();
            }
        });
        (port, asked)
    }

    async fn federation(port: u16, folder: &std::path::Path) -> Federation {
        let store = Arc::new(MemoryStore::default());
        let base = format!("http://acme.localhost:{port}");
        let row = PeerRow {
            name: "acme".into(),
            title: "Acme".into(),
            subject: String::new(),
            base_url: base.clone(),
            federation: base,
            socket: String::new(),
            page: None,
            keys: Jwks::default(),
            revoked: Vec::new(),
            class: PeerClass::Partner,
            areas: None,
            mode: Mode::InPlace,
            agreement: crate::store::Agreement::default(),
        };
        store.put_peer(row).await.unwrap();
        Keys::create(folder).unwrap();
        let keys = Live::open(folder).unwrap();
        Federation::new("globex".into(), keys, Client::new().unwrap(), store)
    }

    #[tokio::test]
    async fn d5_a_document_that_broke_off_goes_on_where_it_was() {
        for whole in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let (port, asked) = peer(whole).await;
            let federation = federation(port, folder.path()).await;
            let limits = config::Documents {
                store: config::Place::Folder(folder.path().join("documents")),
                ..config::Documents::default()
            };
            let documents = Documents::open(&limits, folder.path()).unwrap();
            let mut spool = documents.upload(1).await.unwrap();
            let size = BODY.len() as u64;
            let (name, media_type, sha256) = ("x.txt".into(), "text/plain".into(), "ab".repeat(32));
            let document = DocumentRef { number: 0, name, media_type, size, sha256 };
            federation.fetch("acme", TRANSFER, &document, &mut spool).await.unwrap_err();
            assert_eq!(spool.size(), 5);
            let fetched = federation.fetch("acme", TRANSFER, &document, &mut spool).await.unwrap();
            assert_eq!((fetched, spool.head()), (Fetched::Here, BODY));
            assert_eq!(*asked.lock().unwrap(), ["bytes=0-", "bytes=5-"]);
            let small = DocumentRef { size: 9, ..document };
            spool.restart().await.unwrap();
            let more = federation.fetch("acme", TRANSFER, &small, &mut spool).await.unwrap();
            assert_eq!(more, Fetched::Never, "more than was announced");
        }
    }
}
