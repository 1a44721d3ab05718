//! Calls to peers, over HTTPS.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use baton_core::effect::CallError;
use baton_protocol::federation::{Denial, WellKnown};
use baton_protocol::limits::MAX_FEDERATION_BODY;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Response, StatusCode, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::keys::Keys;
use super::token::{Request, sign};
use crate::driver::now;

/// From the first packet to a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// From the request to the whole answer.
const TOTAL: Duration = Duration::from_secs(5);

/// Bytes of an introduction.
const MAX_INTRODUCTION: usize = 64 * 1024;

/// Makes calls. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new() -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            // A peer is what the operator named, not what that place points to.
            .redirect(redirect::Policy::none())
            .dns_resolver(Arc::new(LocalhostIsHere))
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("baton/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .build()?;
        Ok(Self { http })
    }

    /// Asks a server who it is (RFC 8615).
    ///
    /// # Errors
    /// When it cannot be reached or its answer makes no sense.
    pub async fn introduce(&self, base_url: &str) -> Result<WellKnown, CallError> {
        let url = format!("{}/.well-known/baton", base_url.trim_end_matches('/'));
        if !may_be_called(&url) {
            return Err(CallError::UnknownServer);
        }
        let response = self.http.get(url).send().await.map_err(|error| sort(&error))?;
        let body = read(response, MAX_INTRODUCTION).await?;
        serde_json::from_slice(&body).map_err(|_| CallError::BadAnswer)
    }

    /// Makes a signed call. `url` is the whole address.
    ///
    /// # Errors
    /// A denial of the peer's, or whatever kept it from answering.
    pub async fn call<T: DeserializeOwned>(
        &self,
        keys: &Keys,
        issuer: &str,
        audience: &str,
        url: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let address = Url::parse(url).map_err(|_| CallError::UnknownServer)?;
        if !may_be_called(url) {
            return Err(CallError::UnknownServer);
        }
        let body = serde_json::to_vec(body).map_err(|_| CallError::BadAnswer)?;
        let request = Request { method: "POST", path: address.path(), body: &body };
        let token = sign(keys, issuer, audience, request, now()).map_err(|_| CallError::BadAnswer)?;
        let call =
            self.http.post(address).bearer_auth(token).header("content-type", "application/json").body(body);
        let response = call.send().await.map_err(|error| sort(&error))?;
        let status = response.status();
        let body = read(response, MAX_FEDERATION_BODY).await?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(|_| CallError::BadAnswer);
        }
        let denial: Option<Denial> = serde_json::from_slice(&body).ok();
        // A fault of the peer's own may pass; a denial is its word.
        match denial {
            Some(denial) if !status.is_server_error() => Err(CallError::Denied(denial)),
            _ if status.is_server_error() => Err(CallError::NoAnswer),
            _ => Err(CallError::BadAnswer),
        }
    }
}

fn sort(error: &reqwest::Error) -> CallError {
    if error.is_connect() {
        CallError::Unreachable
    } else if error.is_timeout() {
        CallError::NoAnswer
    } else {
        CallError::BadAnswer
    }
}

/// The whole body, unless it is longer than `most`.
async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| sort(&error))? {
        if body.len() + part.len() > most {
            return Err(CallError::BadAnswer);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// HTTPS, or plain HTTP to this machine itself.
fn may_be_called(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let here = match url.host() {
        Some(Host::Domain(name)) => is_localhost(name),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => return false,
    };
    let plain = url.username().is_empty() && url.password().is_none();
    plain && (url.scheme() == "https" || (url.scheme() == "http" && here))
}

/// `localhost` and every name below it are this machine (RFC 6761 section 6.3), whatever the resolver says.
fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

struct LocalhostIsHere;

impl Resolve for LocalhostIsHere {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            if is_localhost(&name) {
                let here: Addrs = Box::new(std::iter::once(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
                return Ok(here);
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_nothing_leaves_this_machine_in_the_clear() {
        let may = [
            "https://globex.example/x",
            "http://localhost:1/x",
            "http://globex.localhost:1/x",
            "http://[::1]/",
        ];
        let may_not = [
            "http://globex.example/",
            "http://localhost.example/",
            "http://127.0.0.1.example/",
            "https://user@globex.example/",
            "ftp://localhost/",
            "http://10.0.0.1/",
            "nonsense",
        ];
        assert!(may.into_iter().all(may_be_called));
        assert!(!may_not.into_iter().any(may_be_called));
    }
}
