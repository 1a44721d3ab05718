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
        let url = format!("{}/outgoing/{transfer}/documents/{}", peer.federation, document.sha256);
        let from = spool.size();
        let asked = self.client.get(&self.keys, &self.server, &peer.name, &url, from).await;
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
