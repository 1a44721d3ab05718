//! Calls to peers, over HTTPS.

mod detail;

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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

pub use detail::Failed;
use detail::{sober, sort};

use super::keys::Keys;
use super::token::{Request, sign};
use crate::driver::now;

/// From the first packet to a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// From the request to the whole answer.
const TOTAL: Duration = Duration::from_secs(5);

/// From the request to the end of a file, or of as much of it as comes in this time; the rest is asked for again.
const FILE: Duration = Duration::from_secs(60);

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
    pub async fn introduce(&self, base_url: &str) -> Result<WellKnown, Failed> {
        let url = format!("{}/.well-known/baton", base_url.trim_end_matches('/'));
        if !may_be_called(&url) {
            return Err(Failed::new(CallError::UnknownServer, "this address may not be called"));
        }
        let response = self.http.get(url).send().await.map_err(sort)?;
        let status = response.status();
        let body = read(response, MAX_INTRODUCTION).await?;
        if status != StatusCode::OK {
            return Err(Failed::new(CallError::BadAnswer, format!("status {status}")));
        }
        serde_json::from_slice(&body).map_err(nonsense)
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
        let called = self.post(keys, issuer, audience, url, body).await;
        called.map_err(|Failed { error, detail }| {
            // The machine that called learns the kind; only here is known what lies behind it.
            tracing::info!(peer = audience, code = ?error.code(), detail, "a call was not answered as hoped");
            error
        })
    }

    /// Asks for a file, from this byte on. Its answer is for the caller to read, whatever its status.
    ///
    /// # Errors
    /// When the peer cannot be reached.
    pub async fn get(
        &self,
        keys: &Keys,
        issuer: &str,
        audience: &str,
        url: &str,
        from: u64,
    ) -> Result<Response, Failed> {
        let address = Url::parse(url).ok().filter(|_| may_be_called(url));
        let unusable = || Failed::new(CallError::UnknownServer, "this address may not be called");
        let address = address.ok_or_else(unusable)?;
        let request = Request { method: "GET", path: address.path(), body: b"" };
        let token = sign(keys, issuer, audience, request, now())
            .map_err(|error| Failed::new(CallError::BadAnswer, format!("not sent: {error}")))?;
        let call =
            self.http.get(address).bearer_auth(token).timeout(FILE).header("range", format!("bytes={from}-"));
        call.send().await.map_err(sort)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        keys: &Keys,
        issuer: &str,
        audience: &str,
        url: &str,
        body: &impl Serialize,
    ) -> Result<T, Failed> {
        let address = Url::parse(url).ok().filter(|_| may_be_called(url));
        let unusable = || Failed::new(CallError::UnknownServer, "this address may not be called");
        let address = address.ok_or_else(unusable)?;
        let ours = |error: &dyn Error| Failed::new(CallError::BadAnswer, format!("not sent: {error}"));
        let body = serde_json::to_vec(body).map_err(|error| ours(&error))?;
        let request = Request { method: "POST", path: address.path(), body: &body };
        let token = sign(keys, issuer, audience, request, now()).map_err(|error| ours(&error))?;
        let call =
            self.http.post(address).bearer_auth(token).header("content-type", "application/json").body(body);
        let response = call.send().await.map_err(sort)?;
        let status = response.status();
        let body = read(response, MAX_FEDERATION_BODY).await?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&body).map_err(nonsense);
        }
        let denial: Option<Denial> = serde_json::from_slice(&body).ok();
        // A fault of the peer's own may pass; a denial is its word.
        Err(match denial {
            _ if status.is_server_error() => Failed::new(CallError::NoAnswer, format!("status {status}")),
            Some(denial) => Failed::new(CallError::Denied(sober(denial)), format!("status {status}")),
            None if status == StatusCode::NOT_FOUND => {
                Failed::new(CallError::NoSuchCall, format!("status {status}"))
            }
            None => Failed::new(CallError::BadAnswer, format!("status {status} without a reason")),
        })
    }
}

/// An answer that is not what was asked for. Where, not what: it may quote a secret.
#[expect(clippy::needless_pass_by_value, reason = "a parameter of map_err")]
fn nonsense(error: serde_json::Error) -> Failed {
    let (line, column) = (error.line(), error.column());
    Failed::new(CallError::BadAnswer, format!("not the expected JSON from line {line} column {column}"))
}

/// The whole body, unless it is longer than `most`.
async fn read(mut response: Response, most: usize) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(sort)? {
        if body.len() + part.len() > most {
            return Err(Failed::new(CallError::BadAnswer, format!("more than {most} bytes")));
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
    let reachable = match url.host() {
        Some(Host::Ipv4(ip)) => here || is_elsewhere(ip.into()),
        Some(Host::Ipv6(ip)) => here || is_elsewhere(ip.into()),
        _ => true,
    };
    let plain = url.username().is_empty() && url.password().is_none();
    plain && reachable && (url.scheme() == "https" || (url.scheme() == "http" && here))
}

/// Metadata services that are not at a link-local address: one cloud's, and another's over IPv6.
const CLOUD_METADATA_V4: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
const CLOUD_METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether a peer can be at this address: not this machine, and nothing that only this machine's link has, such as
/// a cloud's metadata service. Whoever answers for a peer's name in the DNS could lead us there (threat 10).
/// Private networks are allowed: servers of one company talk to each other there, and TLS says who answers.
fn is_elsewhere(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, ..] = ip.octets();
            let special = ip.is_loopback() || ip.is_link_local() || ip.is_multicast() || ip.is_broadcast();
            first != 0 && !special && ip != CLOUD_METADATA_V4
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_elsewhere(ip.into()),
            // An IPv4 address behind a translator (RFC 6052 section 2.1).
            None if ip.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => {
                let [.., a, b, c, d] = ip.octets();
                is_elsewhere(Ipv4Addr::new(a, b, c, d).into())
            }
            None if ip == CLOUD_METADATA_V6 => false,
            None => {
                !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local())
            }
        },
    }
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
            let found = tokio::net::lookup_host((name, 0)).await?;
            let elsewhere: Vec<SocketAddr> = found.filter(|address| is_elsewhere(address.ip())).collect();
            if elsewhere.is_empty() {
                return Err("the name leads to this machine or its own link, which it may not".into());
            }
            let elsewhere: Addrs = Box::new(elsewhere.into_iter());
            Ok(elsewhere)
        })
    }
}

#[cfg(test)]
mod tests;
