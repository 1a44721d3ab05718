//! Calls to peers.

use std::sync::Arc;

use baton_core::effect::{Call, CallRequest};
use baton_core::erase;
use baton_core::session;
use baton_core::transfer::destination;

use super::{Gateway, Key};

impl Gateway {
    /// Makes a call and tells the machine what came of it.
    pub(super) fn call(self: &Arc<Self>, key: Key, call: Call) {
        let gateway = self.clone();
        self.runtime.spawn(async move {
            let Call { peer, transfer, request } = call;
            let progress = matches!(request, CallRequest::Progress(_));
            let overload = matches!(&request, CallRequest::Permission(request) if request.overload)
                || matches!(&request, CallRequest::Transfer(request) if request.agent.is_empty());
            let result = if peer == gateway.settings.server {
                gateway.ask_itself(transfer, request).await
            } else {
                gateway.federation.ask(&peer, Some(transfer), &request).await
            };
            if let Err(error) = &result {
                tracing::warn!(%peer, %transfer, code = ?error.code(), "a call to a peer failed");
                if overload {
                    gateway.backup_refused(&peer, error);
                }
            }
            if progress {
                return;
            }
            match key {
                Key::Chat(chat) => gateway.tell_chat(chat, session::Input::Answer(transfer, result)),
                Key::Incoming(peer, transfer) => {
                    gateway.tell_incoming(&(peer, transfer), destination::Input::Answer(result));
                }
                Key::Erasure(id) => gateway.tell_erasure(id, erase::Input::Answer { peer, transfer, result }),
            }
        });
    }
}
