//! Login with an OpenID Connect provider: the authorisation code flow with PKCE (RFC 7636).
//!
//! What belongs to one login travels in a cookie of the browser that began it, so that nobody else's code is taken.
//! Who somebody is, is the provider's issuer and subject, never a name: a local agent of the same name is somebody else.
//! What they may do is read from a claim at each login.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use baton_core::audit;
use baton_protocol::ResumeToken;
use baton_protocol::model::Presence;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;
use utoipa::IntoParams;

use super::cookie::{self, SameSite};
use super::problem::{Asked, Problem};
use crate::config::{Config, Oidc, rules};
use crate::driver::{now, random};
use crate::edge::http::App;
use crate::password;
use crate::store::{AgentRow, Change, Role};

/// Where the provider sends the browser back to.
const CALLBACK: &str = "/api/v1/oidc/callback";

/// The cookie of a login that has begun.
const NAME: &str = "baton-oidc";

/// Seconds that somebody has for the provider's own pages.
const AGE: u64 = 600;

/// Each call to the provider.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of an answer of the provider's.
const MOST: usize = 256 * 1024;

/// Seconds by which two clocks may differ.
const LEEWAY: u64 = 60;

/// How providers sign. Neither nothing at all, nor our own secret.
const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];

/// What the provider says of itself (OpenID Connect Discovery 1.0, section 3).
#[derive(Deserialize)]
struct Provider {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

/// What came back from the provider.
#[derive(Deserialize, IntoParams)]
pub struct Back {
    /// The code.
    code: Option<String>,
    /// What was sent along.
    state: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

/// What belongs to one login: three secrets.
struct Began {
    state: String,
    nonce: String,
    verifier: String,
}

type Away = (StatusCode, [(HeaderName, HeaderValue); 2]);

fn secret() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

fn away(to: &str, cookie: Option<HeaderValue>) -> Result<Away> {
    let (to, cookie) = (HeaderValue::from_str(to)?, cookie.context("no cookie")?);
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, to), (header::SET_COOKIE, cookie)]))
}

/// The cookie of a login that begins, or for 0 seconds of one that is over. Lax: the provider's page sends the browser
/// back with it.
fn own_cookie(value: &str, age: u64, config: &Config) -> Option<HeaderValue> {
    cookie::write(NAME, value, SameSite::Lax, age, config)
}

impl Began {
    fn reveal(&self) -> String {
        format!("{}.{}.{}", self.state, self.nonce, self.verifier)
    }

    fn read(headers: &HeaderMap, config: &Config) -> Option<Self> {
        let mut parts = cookie::find(headers, NAME, config)?.split('.').map(str::to_owned);
        let began = Self { state: parts.next()?, nonce: parts.next()?, verifier: parts.next()? };
        (!began.state.is_empty()).then_some(began)
    }
}

/// Begin a login with the provider: the browser goes to its page.
#[utoipa::path(get, path = "/api/v1/oidc/start", tag = "session",
    responses((status = 303, description = "To the provider"),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn start(State(app): State<App>) -> Result<Away, Problem> {
    let config = &app.gateway.config;
    let oidc = config.oidc.as_ref().ok_or_else(|| Problem::absent("no provider is configured"))?;
    let began = Began { state: secret(), nonce: secret(), verifier: secret() };
    let provider = provider(&client()?, oidc).await?;
    let mut url =
        Url::parse(&provider.authorization_endpoint).context("the provider's authorisation endpoint")?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&began.verifier));
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("scope", "openid profile email")
        .append_pair("client_id", &oidc.client_id)
        .append_pair("redirect_uri", &format!("{}{CALLBACK}", config.url))
        .append_pair("state", &began.state)
        .append_pair("nonce", &began.nonce)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    Ok(away(url.as_str(), own_cookie(&began.reveal(), AGE, config))?)
}

/// The provider has sent the browser back: the session begins, and the browser goes to the console.
#[utoipa::path(get, path = "/api/v1/oidc/callback", tag = "session", params(Back),
    responses((status = 303, description = "To the console"),
        (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn callback(
    State(app): State<App>,
    headers: HeaderMap,
    Asked(back): Asked<Back>,
) -> Result<Away, Problem> {
    let config = &app.gateway.config;
    match finish(&app, &headers, back).await {
        Ok(token) => Ok(away("/console/", cookie::set(Some(&token), config))?),
        Err(why) => {
            tracing::warn!("a login with the provider came to nothing: {why:#}");
            // In the fragment, which no server sees. The page shows a sentence of its own for it.
            Ok(away("/console/#sso", own_cookie("", 0, config))?)
        }
    }
}

async fn finish(app: &App, headers: &HeaderMap, back: Back) -> Result<ResumeToken> {
    let config = &app.gateway.config;
    let oidc = config.oidc.as_ref().context("no provider is configured")?;
    if let Some(error) = back.error {
        bail!("the provider says {:?}", error.chars().take(80).collect::<String>());
    }
    let began = Began::read(headers, config).context("this browser has not begun a login")?;
    ensure!(back.state.as_deref() == Some(began.state.as_str()), "it is the answer to another login");
    let code = back.code.context("there is no code")?;
    let client = client()?;
    let provider = provider(&client, oidc).await?;
    let token = redeem(&client, oidc, &provider, config, &code, &began.verifier).await?;
    let keys: JwkSet = read(client.get(&provider.jwks_uri)).await.context("the provider's keys")?;
    let claims = verify(&token, &keys, oidc, &provider.issuer, &began.nonce, now().0 / 1_000)?;
    let agent = agent(app, oidc, &claims).await?;
    tracing::info!(login = %agent.name, "a session began with the provider");
    Ok(app.gateway.new_login(&agent.name).await?)
}

fn client() -> Result<reqwest::Client> {
    let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build();
    client.context("no HTTP client")
}

async fn provider(client: &reqwest::Client, oidc: &Oidc) -> Result<Provider> {
    let url = format!("{}/.well-known/openid-configuration", oidc.issuer.trim_end_matches('/'));
    let provider: Provider = read(client.get(url)).await.context("the provider does not say who it is")?;
    ensure!(provider.issuer == oidc.issuer, "it says that it is {:?}", provider.issuer);
    for address in [&provider.authorization_endpoint, &provider.token_endpoint, &provider.jwks_uri] {
        rules::issuer(address).map_err(|why| anyhow::anyhow!("one of its addresses: {why}"))?;
    }
    Ok(provider)
}

/// An answer in JSON, of no more than so many bytes.
async fn read<T: for<'d> Deserialize<'d>>(request: reqwest::RequestBuilder) -> Result<T> {
    let mut answer = request.send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await? {
        ensure!(bytes.len() + part.len() <= MOST, "the answer is too long");
        bytes.extend_from_slice(&part);
    }
    Ok(serde_json::from_slice(&bytes)?)
}

/// The code for a token.
async fn redeem(
    client: &reqwest::Client,
    oidc: &Oidc,
    provider: &Provider,
    config: &Config,
    code: &str,
    verifier: &str,
) -> Result<String> {
    #[derive(Deserialize)]
    struct Tokens {
        id_token: String,
    }
    let redirect = format!("{}{CALLBACK}", config.url);
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &redirect)
        .append_pair("client_id", &oidc.client_id)
        .append_pair("code_verifier", verifier)
        .finish();
    let mut request = client.post(&provider.token_endpoint).body(form);
    request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(file) = &oidc.secret {
        let secret =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        request = request.basic_auth(&oidc.client_id, Some(secret.trim()));
    }
    let tokens: Tokens = read(request).await.context("the provider does not take the code")?;
    Ok(tokens.id_token)
}

/// The claims of a token that this provider has signed for us, for this login, and now.
fn verify(token: &str, keys: &JwkSet, oidc: &Oidc, issuer: &str, nonce: &str, now: u64) -> Result<Value> {
    let header = decode_header(token).context("it is no token")?;
    ensure!(ALGORITHMS.contains(&header.alg), "it is signed by {:?}", header.alg);
    let found = match &header.kid {
        Some(kid) => keys.find(kid),
        None => keys.keys.first().filter(|_| keys.keys.len() == 1),
    };
    let key =
        DecodingKey::from_jwk(found.context("it is signed with a key that the provider does not have")?)?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[&oidc.client_id]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    // Against this program's own clock.
    validation.validate_exp = false;
    let claims: Value = decode(token, &key, &validation).context("it is not to be believed")?.claims;
    let expires = claims["exp"].as_u64().context("it does not end")?;
    ensure!(expires.saturating_add(LEEWAY) > now, "it has expired");
    ensure!(claims["nonce"] == nonce, "it is of another login");
    Ok(claims)
}

/// What the claim says that somebody may do.
fn role(oidc: &Oidc, claims: &Value) -> Option<Role> {
    let named = match &claims[&oidc.claim] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |values: &[String]| values.iter().any(|value| named.contains(&value.as_str()));
    [(&oidc.admins, Role::Admin), (&oidc.supervisors, Role::Supervisor), (&oidc.agents, Role::Agent)]
        .into_iter()
        .find_map(|(values, role)| is(values).then_some(role))
}

/// The agent whom the claims are about, as they are now.
async fn agent(app: &App, oidc: &Oidc, claims: &Value) -> Result<AgentRow> {
    let subject = claims["sub"].as_str().context("there is no subject")?;
    let who = format!("{} {subject}", oidc.issuer);
    let role = role(oidc, claims).with_context(|| format!("the claim {:?} permits nothing", oidc.claim))?;
    let agents = app.gateway.store.agents().await?;
    let known = agents.iter().find(|agent| agent.external.as_deref() == Some(who.as_str()));
    let title = ["name", "preferred_username"].iter().filter_map(|claim| claims[*claim].as_str());
    let title = title.filter_map(|title| rules::label(title).ok()).next();
    let row = match known {
        Some(known) => AgentRow { role, title: title.unwrap_or(known.title.clone()), ..known.clone() },
        None => {
            let name = login_name(claims).context("no claim can be a login name")?;
            ensure!(!agents.iter().any(|agent| agent.name == name), "{name} is another agent here");
            let config = &app.gateway.config;
            let every = || config.areas.iter().map(|area| area.name.clone()).collect();
            let areas = if oidc.areas.is_empty() { every() } else { oidc.areas.clone() };
            // No password is right for them.
            let password_hash = password::hash_aside(secret()).await?;
            let (max_chats, external) = (config.limits.max_chats, Some(who));
            let title = title.unwrap_or_else(|| name.clone());
            let (by_hand, presence) = (false, Presence::Available);
            AgentRow { name, title, password_hash, role, areas, max_chats, external, by_hand, presence }
        }
    };
    if known != Some(&row) {
        let what = format!("agent {}", row.name);
        let how = format!("{}, {}, as the provider says", row.role.word(), row.areas.join(" "));
        let record = audit::Record::change(now(), "single sign-on", what, &how);
        app.gateway.store.administer(Change::PutAgent(row.clone()), record).await?;
        app.gateway.agent_changed(&row.name);
    }
    Ok(row)
}

/// A login name from what the provider calls them.
fn login_name(claims: &Value) -> Option<String> {
    let named = ["preferred_username", "email", "sub"].iter().filter_map(|claim| claims[*claim].as_str());
    named
        .filter_map(|name| rules::name(&name.split('@').next()?.to_lowercase().replace('_', "-")).ok())
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn oidc() -> Oidc {
        Oidc {
            title: "Login".into(),
            issuer: "https://login.example".into(),
            client_id: "baton".into(),
            secret: None,
            claim: "groups".into(),
            admins: vec!["admins".into()],
            supervisors: vec!["leads".into()],
            agents: vec!["support".into()],
            areas: Vec::new(),
        }
    }

    #[test]
    fn s2_the_claim_says_what_somebody_may_do_and_nothing_else_does() {
        let role = |claims: Value| role(&oidc(), &claims);
        assert_eq!(role(json!({ "groups": ["support", "leads"] })), Some(Role::Supervisor));
        assert_eq!(role(json!({ "groups": "support" })), Some(Role::Agent));
        assert_eq!(role(json!({ "groups": ["admins"] })), Some(Role::Admin));
        for nothing in [
            json!({}),
            json!({ "groups": [] }),
            json!({ "groups": ["Admins"] }),
            json!({ "groups": { "admins": 1 } }),
            json!({ "role": "admins" }),
        ] {
            assert_eq!(role(nothing.clone()), None, "{nothing}");
        }
    }

    #[test]
    fn a_login_name_is_made_of_what_the_provider_calls_somebody() {
        let name = |claims: Value| login_name(&claims);
        assert_eq!(name(json!({ "preferred_username": "Zoe_B", "email": "z@x" })).as_deref(), Some("zoe-b"));
        assert_eq!(
            name(json!({ "preferred_username": "Zoë", "email": "zoe@acme.example" })).as_deref(),
            Some("zoe")
        );
        assert_eq!(name(json!({ "sub": "!!" })), None);
    }

    #[test]
    fn s2_a_token_that_is_signed_by_nobody_is_not_believed() {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let claims = json!({ "iss": "https://login.example", "aud": "baton", "sub": "1", "exp": 4_000_000_000_u64, "nonce": "n" });
        let keys = JwkSet { keys: Vec::new() };
        for header in [json!({ "alg": "none" }), json!({ "alg": "HS256" }), json!({ "alg": "ES256" })] {
            let token = format!("{}.{}.", part(header), part(claims.clone()));
            assert!(verify(&token, &keys, &oidc(), "https://login.example", "n", 1).is_err());
        }
    }
}
