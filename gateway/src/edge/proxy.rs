//! Whose connection it is when a proxy stands before this gateway: what a trusted proxy says, and nobody else.

use std::net::IpAddr;

use axum::http::HeaderMap;

use crate::config::rules::Network;

/// The address that limits count: the nearest one that is no trusted proxy. Whatever stands before it in the header is
/// that client's own word, and is not looked at.
#[must_use]
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted.iter().any(|network| network.contains(ip));
    let mut nearest = peer.to_canonical();
    if !is_trusted(nearest) {
        return nearest;
    }
    for hop in hops(headers).iter().rev() {
        let Some(ip) = hop else { break };
        nearest = *ip;
        if !is_trusted(nearest) {
            break;
        }
    }
    nearest
}

/// The addresses that proxies have added, the last one's at the end; nothing for one that is none. `Forwarded`
/// (RFC 7239) where there is no `X-Forwarded-For`.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let words = |name| {
        let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).map(str::trim).collect::<Vec<_>>()
    };
    let plain = words("x-forwarded-for");
    if !plain.is_empty() {
        return plain.into_iter().map(address).collect();
    }
    let of = |element: &str| {
        let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"))?;
        address(value.trim().trim_matches('"'))
    };
    words("forwarded").into_iter().map(of).collect()
}

/// An address as proxies write it: alone, with a port, an IPv6 one in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(ip, _)| ip);
    let ip = text.parse().ok();
    let ip = ip.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()));
    ip.or_else(|| bare()?.parse().ok()).map(|ip: IpAddr| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::rules::network;
    use axum::http::HeaderValue;

    fn seen(peer: &str, name: &'static str, lines: &[&'static str]) -> String {
        let trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"].map(|text| network(text).unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, HeaderValue::from_static(line));
        }
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn s2_only_a_trusted_proxy_says_whose_connection_it_is() {
        let name = "x-forwarded-for";
        assert_eq!(seen("203.0.113.9", name, &["198.51.100.1"]), "203.0.113.9", "a stranger's word");
        assert_eq!(seen("127.0.0.1", name, &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("::ffff:127.0.0.1", name, &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", name, &["1.1.1.1, 198.51.100.1", "10.2.3.4"]), "198.51.100.1");
        assert_eq!(seen("127.0.0.1", name, &["1.1.1.1, nonsense, 10.2.3.4"]), "10.2.3.4");
        assert_eq!(seen("127.0.0.1", name, &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(seen("127.0.0.1", name, &[]), "127.0.0.1");
        let forwarded = r#"for=1.1.1.1, for="[2001:db8::7]:80";proto=https, For=10.0.0.9"#;
        assert_eq!(seen("127.0.0.1", "forwarded", &[forwarded]), "2001:db8::7");
    }
}
