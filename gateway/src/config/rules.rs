//! What single values must be like. Each answers a sentence that says what is wrong; the command line uses them
//! for its options too.

use std::net::{IpAddr, SocketAddr};

use baton_core::effect::NeedsAgent;
use baton_core::policy::Class;
use baton_protocol::limits::MAX_LABEL;
use baton_protocol::model::SharePolicy;
use url::{Host, Url};

use super::Address;

/// Letters of a name. A domain name fits (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// The name of a server, an area or an agent.
///
/// # Errors
/// What is wrong with it.
pub fn name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    let first = text.bytes().next().ok_or("a name must not be empty")?;
    if !text.bytes().all(allowed) {
        return Err(format!(
            "a name has lower-case letters a-z, digits, `-` and `.` only, and this is {text:?}"
        ));
    }
    if !first.is_ascii_alphanumeric() {
        return Err(format!("a name starts with a letter or a digit, and this is {text:?}"));
    }
    if text.len() > MAX_NAME {
        return Err(format!("a name has {MAX_NAME} characters at most, and this has {}", text.len()));
    }
    Ok(text.into())
}

/// Something that people read: a title, a reason.
///
/// # Errors
/// What is wrong with it.
pub fn label(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("people read this, so it must not be empty".into());
    }
    subject(text)
}

/// A subject: a label that may be empty.
///
/// # Errors
/// What is wrong with it.
pub fn subject(text: &str) -> Result<String, String> {
    if text.len() > MAX_LABEL {
        return Err(format!("it has {MAX_LABEL} bytes at most, and this has {}", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err("it is one line, without tabs and other control characters".into());
    }
    Ok(text.into())
}

/// A colour, `#rrggbb`. Nothing else: it goes into style sheets.
///
/// # Errors
/// What is wrong with it.
pub fn accent(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("a colour is `#` and six hexadecimal digits, and this is {text:?}"))
}

/// A gateway's address: scheme, host and perhaps port. The answer has no slash at the end.
///
/// # Errors
/// What is wrong with it.
pub fn base_url(text: &str) -> Result<String, String> {
    let url = secure_url(text)?;
    if url.path() != "/" || text.contains(['?', '#']) {
        return Err(format!("it is scheme, host and port only, without a path: write {}", origin_of(&url)));
    }
    Ok(origin_of(&url))
}

/// A website's origin, exactly as browsers send it (RFC 6454 section 6.1): it is compared letter by letter.
///
/// # Errors
/// What is wrong with it.
pub fn origin(text: &str) -> Result<String, String> {
    let url = secure_url(text)?;
    let exact = origin_of(&url);
    if exact == text {
        return Ok(exact);
    }
    Err(format!("an origin is what browsers send, scheme, host and port without a slash: write {exact}"))
}

/// A page of a website. Nothing may follow its path: a transfer puts its own fragment there.
///
/// # Errors
/// What is wrong with it.
pub fn page(text: &str) -> Result<String, String> {
    let url = secure_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("a page has no `?` and no `#`, and this is {text:?}"));
    }
    if url.as_str() != text {
        return Err(format!("browsers would write this page as {url}: write it so"));
    }
    Ok(text.into())
}

/// An address to listen on.
///
/// # Errors
/// What is wrong with it.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("it is an IP address and a port, not a host name, and this is {text:?}"))
}

/// What may be sent to a class of destinations.
///
/// # Errors
/// What is wrong with it.
pub fn share(text: &str) -> Result<SharePolicy, String> {
    match text {
        "all" => Ok(SharePolicy::All),
        "agents_choice" => Ok(SharePolicy::AgentsChoice),
        "nothing" => Ok(SharePolicy::Nothing),
        other => Err(format!("it is \"all\", \"agents_choice\" or \"nothing\", and this is {other:?}")),
    }
}

/// How near a destination is.
///
/// # Errors
/// What is wrong with it.
pub fn class(text: &str) -> Result<Class, String> {
    let all = [Class::SameDepartment, Class::SameCompany, Class::Partner, Class::Other];
    all.into_iter().find(|class| class.name() == text).ok_or_else(|| {
        let names = all.map(|class| format!("{:?}", class.name())).join(", ");
        format!("it is one of {names}, and this is {text:?}")
    })
}

/// Which agent there must be when a transfer is accepted (D7).
///
/// # Errors
/// What is wrong with it.
pub fn needs_agent(text: &str) -> Result<NeedsAgent, String> {
    match text {
        "no" => Ok(NeedsAgent::No),
        "free" => Ok(NeedsAgent::Free),
        "willing" => Ok(NeedsAgent::Willing),
        other => Err(format!("it is \"no\", \"free\" or \"willing\", and this is {other:?}")),
    }
}

/// A choice.
///
/// # Errors
/// What is wrong with it.
pub fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        other => Err(format!("it is \"yes\" or \"no\", and this is {other:?}")),
    }
}

/// Whether there is one general entrance (D2).
///
/// # Errors
/// What is wrong with it.
pub fn entrance(text: &str) -> Result<bool, String> {
    match text {
        "areas" => Ok(false),
        "general" => Ok(true),
        other => Err(format!("it is \"areas\" or \"general\", and this is {other:?}")),
    }
}

/// What tells who has come (D4).
///
/// # Errors
/// What is wrong with it.
pub fn address(text: &str) -> Result<Address, String> {
    match text {
        "general" => Ok(Address::General),
        "specific" => Ok(Address::Specific),
        "both" => Ok(Address::Both),
        other => Err(format!("it is \"general\", \"specific\" or \"both\", and this is {other:?}")),
    }
}

/// Addresses that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    ip: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether this address is one of them.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.ip, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                own.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// An address, or a network: 10.0.0.0/8.
///
/// # Errors
/// What is wrong with it.
pub fn network(text: &str) -> Result<Network, String> {
    let wrong = || format!("it is an IP address, perhaps with / and a number of bits, and this is {text:?}");
    let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
    let ip: IpAddr = ip.parse().map_err(|_| wrong())?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
    if bits > most { Err(wrong()) } else { Ok(Network { ip, bits }) }
}

/// The origin of an address that a rule here has let through.
#[must_use]
pub fn origin_of(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Whether an address means this machine itself, whatever a resolver says (RFC 6761 section 6.3).
#[must_use]
pub fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// An address of a login provider's, kept as it is written: an issuer is compared letter by letter.
///
/// # Errors
/// What is wrong with it.
pub fn issuer(text: &str) -> Result<String, String> {
    let url = secure_url(text)?;
    if url.fragment().is_some() {
        return Err(format!("it has nothing after a #, and this is {text:?}"));
    }
    Ok(text.into())
}

/// HTTPS, or plain HTTP on this machine itself (S1).
fn secure_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|why| format!("it is not a web address ({why}): {text:?}"))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(format!("it must start with https://, and this is {text:?}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a web address has no user name and no password in it".into());
    }
    if url.scheme() == "http" && !is_here(&url) {
        return Err(format!(
            "plain http can be read on its way; it is for this machine alone (localhost, *.localhost, 127.0.0.1, \
             [::1]): write https, not {text:?}"
        ));
    }
    Ok(url)
}
