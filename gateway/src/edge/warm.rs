//! The warm transfer page (O4): for a browser that has no WebSocket, and needs no script for it. While nothing is
//! offered it loads itself again; then its refresh command leads to the destination, which needs no click.
//!
//! Its address is the customer's own and is worth what it leads to: nobody stores it or writes it to a log, and no
//! page learns it from a referrer.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::{Html, IntoResponse};
use baton_core::client::Claim;
use baton_core::session::{self, PageOffer};
use baton_protocol::SecretDigest;
use baton_protocol::model::Phase;

use super::http::App;
use super::proxy;

/// Seconds until the page loads itself again.
const AGAIN: u32 = 4;

/// `GET /v1/warm/{page}`
pub async fn page(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(page): Path<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let gateway = &app.gateway;
    let ip = proxy::client(peer.ip(), &headers, &gateway.config.trusted_proxies);
    let chat = page.parse::<SecretDigest>().ok().and_then(|page| gateway.chat_by_page(page));
    let Some(chat) = chat else {
        let status =
            if gateway.may_guess(ip) { StatusCode::NOT_FOUND } else { StatusCode::TOO_MANY_REQUESTS };
        let text = "<p>This conversation is not here any more. Go back to the page where you began it.</p>";
        return (status, document("", "Chat", text)).into_response();
    };
    gateway.tell_chat(chat, session::Input::Looked);
    let company = gateway.settings.brand.name.as_str();
    let seen = gateway.look_at_chat(chat, |chat| (chat.page_offer(), chat.phase()));
    let (offer, phase) = seen.unwrap_or((None, Phase::Moved));
    match offer {
        Some(offer) => lead(company, &offer),
        None => stay(company, &phase),
    }
    .into_response()
}

fn lead(company: &str, offer: &PageOffer) -> Response<Body> {
    let (page, at) = baton_core::client::split_address(&offer.page);
    let claim = Claim {
        wtid: offer.wtid.clone(),
        verifier: offer.verifier.clone(),
        epoch: offer.epoch,
        at: at.map(str::to_owned),
    };
    let (to, title) = (escaped(&claim.on_page(page)), escaped(&offer.title));
    let refresh = format!("<meta http-equiv=\"refresh\" content=\"0; url={to}\">");
    let text = format!("<p>You are on your way to {title}.</p><p><a href=\"{to}\">Go on</a></p>");
    document(&refresh, company, &text)
}

fn stay(company: &str, phase: &Phase) -> Response<Body> {
    let again = format!("<meta http-equiv=\"refresh\" content=\"{AGAIN}\">");
    match phase {
        Phase::Waiting => {
            document(&again, company, "<p>You are in the queue. Somebody will be with you soon.</p>")
        }
        Phase::Active { agent } => {
            let text = format!("<p>{} has your conversation.</p>", escaped(agent));
            document(&again, company, &text)
        }
        Phase::Moved | Phase::Ended(_) => document("", company, "<p>This conversation is over here.</p>"),
    }
}

fn document(head: &str, title: &str, text: &str) -> Response<Body> {
    let title = escaped(title);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">{head}<meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title></head><body><main><h1>{title}</h1>{text}</main></body>\
         </html>"
    );
    let mut response = Html(page).into_response();
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Text in HTML, also in an attribute between double quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_text_and_never_html() {
        assert_eq!(escaped("<b a=\"x\">'&"), "&lt;b a=&quot;x&quot;&gt;&#39;&amp;");
    }
}
