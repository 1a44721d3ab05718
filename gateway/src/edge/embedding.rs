//! The sites that embed the widget, asking from pages of their own: so it is where the widget has no frame (shadow mode).
//! Only the origins in `sites` may (CORS, Fetch standard); for anybody else nothing here changes.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::IntoResponse;

use super::http::App;

/// Seconds that a browser may rely on the answer to its preflight.
const MAX_AGE: &str = "600";

/// What a widget asks for beside the WebSocket of the gateway that has its chat: documents, and whether it is asked how it was.
pub fn beside(socket: &str) -> Vec<String> {
    let Some(documents) = baton_protocol::documents_beside(socket) else { return Vec::new() };
    let surveys = documents.strip_suffix("documents").map(|start| format!("{start}surveys/"));
    std::iter::once(format!("{documents}/")).chain(surveys).collect()
}

/// The request's origin, if it is one of the sites that embed us.
pub fn site(app: &App, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    app.gateway.config.sites.iter().any(|site| site.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Lets a page of that origin read the answer.
pub fn permit(mut response: Response<Body>, site: Option<HeaderValue>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(site) = site {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, site);
    }
    response
}

/// Around what the widget asks for beside its socket.
pub async fn around(State(app): State<App>, request: Request, next: Next) -> Response<Body> {
    let site = site(&app, request.headers());
    if site.is_none() || request.method() != Method::OPTIONS {
        return permit(next.run(request).await, site);
    }
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    permit((StatusCode::NO_CONTENT, allowed).into_response(), site)
}
