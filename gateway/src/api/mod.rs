//! Administration, reports and search over HTTP, for the console and for programs.
//!
//! **Contract.** Every request is made by somebody ([`caller`]): an agent with a session, or a program with a key.
//! What they may do is decided here, whatever a console shows. Every change is stored together with its record in the
//! audit. What goes wrong is answered as a problem (RFC 9457). The document at `/api/v1/openapi.json` is made from the
//! same lines as the routes, so that neither has anything that the other has not.

mod agents;
mod audit;
pub mod caller;
mod chats;
pub mod cookie;
pub mod keys;
mod oidc;
mod peers;
pub mod problem;
mod replies;
mod reports;
mod session;
mod settings;

use axum::extract::DefaultBodyLimit;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::edge::http::App;

/// Bytes of a request: settings with every text that waiting customers read.
const MAX_BODY: usize = 512 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(title = "Baton", description = "Administration, reports and search of one gateway. Changes are kept in the audit."),
    modifiers(&Schemes)
)]
struct Head;

/// How callers say who they are.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut Document) {
        let parts = document.components.get_or_insert_default();
        let key = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A key, from `baton api-key add` or from the console."))
            .build();
        let session = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
            cookie::NAME,
            "A session of the console's. Changes need the header `baton-csrf` and this gateway's own origin, too.",
        )));
        parts.add_security_scheme("key", SecurityScheme::Http(key));
        parts.add_security_scheme("session", session);
    }
}

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(session::begin, session::look, session::end))
        .routes(routes!(session::end_all))
        .routes(routes!(session::ways))
        .routes(routes!(oidc::start))
        .routes(routes!(oidc::callback))
        .routes(routes!(agents::list))
        .routes(routes!(agents::put, agents::remove))
        .routes(routes!(agents::log_out))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::revoke))
        .routes(routes!(replies::list))
        .routes(routes!(replies::put, replies::remove))
        .routes(routes!(settings::read, settings::write))
        .routes(routes!(peers::list))
        .routes(routes!(peers::look))
        .routes(routes!(peers::put, peers::change, peers::remove))
        .routes(routes!(peers::rotate))
        .routes(routes!(audit::list))
        .routes(routes!(reports::report))
        .routes(routes!(reports::table))
        .routes(routes!(chats::search))
        .routes(routes!(chats::customer))
}

/// The document that describes every call.
#[must_use]
pub fn document() -> Document {
    routes().split_for_parts().1
}

/// Every route of the API.
pub fn router() -> Router<App> {
    let (router, document) = routes().split_for_parts();
    router
        .route("/api/v1/openapi.json", get(move || async move { Json(document) }))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference leads somewhere, and every call says who may make it and what it answers.
    #[test]
    fn the_document_is_whole() {
        let json = serde_json::to_value(document()).unwrap();
        assert!(json["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut references = Vec::new();
        collect(&json, &mut references);
        assert!(!references.is_empty());
        for reference in references {
            let place = reference.strip_prefix('#').unwrap();
            assert!(json.pointer(place).is_some(), "{reference} leads nowhere");
        }
        for (path, calls) in json["paths"].as_object().unwrap() {
            assert!(path.starts_with("/api/v1/"), "{path}");
            for (method, call) in calls.as_object().unwrap() {
                let open = path == "/api/v1/login"
                    || path.starts_with("/api/v1/oidc/")
                    || path == "/api/v1/session" && method == "post";
                assert_eq!(call["security"].is_array(), !open, "{method} {path}");
                assert!(!call["summary"].as_str().unwrap_or_default().is_empty(), "{method} {path}");
                let answers = call["responses"].as_object().unwrap();
                assert!(answers.keys().any(|code| code.starts_with(['2', '3'])), "{method} {path}");
                let refused = &call["responses"]["default"]["content"]["application/problem+json"];
                assert!(refused.is_object(), "{method} {path} does not say how it is refused");
            }
        }
    }

    fn collect(value: &serde_json::Value, to: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(members) => {
                for (name, member) in members {
                    match (name.as_str(), member.as_str()) {
                        ("$ref", Some(reference)) => to.push(reference.into()),
                        _ => collect(member, to),
                    }
                }
            }
            serde_json::Value::Array(members) => members.iter().for_each(|member| collect(member, to)),
            _ => {}
        }
    }
}
