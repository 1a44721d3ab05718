//! An OpenID Connect provider for tests: whoever comes is who the test says, and everything else is as the standard
//! wants it: a code for one use, PKCE, a client's secret, a signed token.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Signs this provider's tokens, in tests alone.
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUU01S9UYQ7BmTh2a
WtlokKjzHL29ZBCNWVCjsln7pCWhRANCAAQV7qR1IeyL+tuh14jkPp81L+TOIxSP
XNM8YtI6GITlnQwPdeWvoUO3Oc0nwsKCN1b2O/UEzVGzKy7YoS4m6BnV
-----END PRIVATE KEY-----
";

/// The public half of it.
const X: &str = "Fe6kdSHsi_rbodeI5D6fNS_kziMUj1zTPGLSOhiE5Z0";
const Y: &str = "DA915a-hQ7c5zSfCwoI3VvY79QTNUbMrLtihLiboGdU";

/// The client's name and secret.
pub const CLIENT: (&str, &str) = ("baton", "a secret of this test");

/// A provider that runs.
#[derive(Clone)]
pub struct Provider {
    /// Its issuer.
    pub issuer: String,
    state: Arc<Mutex<Memory>>,
}

#[derive(Default)]
struct Memory {
    /// Who comes next.
    claims: Value,
    /// Codes that were given and not used: challenge and nonce.
    codes: HashMap<String, (String, String)>,
    given: u32,
}

impl Provider {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let issuer = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        let provider = Self { issuer, state: Arc::default() };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discover))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(provider)
    }

    /// Who comes next, in the claims of their token.
    pub fn next(&self, claims: Value) {
        self.memory().claims = claims;
    }

    /// What the gateway's settings need to say.
    #[must_use]
    pub fn settings(&self) -> String {
        let (issuer, client) = (&self.issuer, CLIENT.0);
        format!(
            "[oidc]\nissuer = \"{issuer}\"\nclient_id = \"{client}\"\nsecret_file = \"oidc-secret\"\ntitle = \"Acme login\"\n\
             admins = [\"bosses\"]\nsupervisors = [\"leads\"]\nagents = [\"support\"]\nareas = [\"sales\"]\n"
        )
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn sign(&self, nonce: &str) -> Result<String> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
        let mut claims =
            json!({ "iss": self.issuer, "aud": CLIENT.0, "exp": now + 300, "iat": now, "nonce": nonce });
        let more = self.memory().claims.clone();
        for (name, value) in more.as_object().context("the claims are no object")? {
            claims[name] = value.clone();
        }
        let header = Header { kid: Some("test".into()), ..Header::new(Algorithm::ES256) };
        Ok(encode(&header, &claims, &EncodingKey::from_ec_pem(KEY.as_bytes())?)?)
    }
}

async fn discover(State(provider): State<Provider>) -> Json<Value> {
    let at = |path: &str| format!("{}/{path}", provider.issuer);
    Json(
        json!({ "issuer": provider.issuer, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "jwks_uri": at("keys"), "response_types_supported": ["code"] }),
    )
}

async fn keys() -> Json<Value> {
    Json(
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "test", "x": X, "y": Y }] }),
    )
}

/// Somebody has logged in on the provider's page already: the browser goes back at once.
async fn authorize(
    State(provider): State<Provider>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let get = |name: &str| asked.get(name).cloned().unwrap_or_default();
    if get("client_id") != CLIENT.0
        || get("code_challenge_method") != "S256"
        || get("response_type") != "code"
    {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let mut memory = provider.memory();
    memory.given += 1;
    let code = format!("code-{}", memory.given);
    memory.codes.insert(code.clone(), (get("code_challenge"), get("nonce")));
    let to = format!("{}?code={code}&state={}", get("redirect_uri"), get("state"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

async fn token(State(provider): State<Provider>, headers: HeaderMap, body: String) -> Response {
    let form: HashMap<&str, &str> = body.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let get = |name: &str| form.get(name).copied().unwrap_or_default();
    let wanted = format!("Basic {}", STANDARD.encode(format!("{}:{}", CLIENT.0, CLIENT.1)));
    if headers.get(header::AUTHORIZATION).is_none_or(|shown| shown.as_bytes() != wanted.as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    // A code is honoured once.
    let Some((challenge, nonce)) = provider.memory().codes.remove(get("code")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier"))) != challenge {
        return StatusCode::BAD_REQUEST.into_response();
    }
    match provider.sign(&nonce) {
        Ok(token) => {
            Json(json!({ "id_token": token, "access_token": "none", "token_type": "Bearer" })).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
