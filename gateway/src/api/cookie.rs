//! Cookies: that of a session, out of every script's reach and sent by no page of another site; and others as safe.

use axum::http::{HeaderMap, HeaderValue, header};
use baton_protocol::ResumeToken;

use crate::config::Config;
use crate::driver::login::TOKEN_LIFE;

/// The name of a session's.
pub const NAME: &str = "baton";

/// Before every name where there is TLS: browsers keep such a cookie to this very host, and send it encrypted only
/// (RFC 6265bis, section 4.1.3.2). Without TLS the gateway is on this machine alone.
const HOST: &str = "__Host-";

/// Which requests from other sites have the cookie.
#[derive(Clone, Copy, Debug)]
pub enum SameSite {
    /// None.
    Strict,
    /// A link or redirect that leads here.
    Lax,
}

fn is_secure(config: &Config) -> bool {
    config.url.starts_with("https:")
}

/// The session that a request has.
#[must_use]
pub fn session(headers: &HeaderMap, config: &Config) -> Option<ResumeToken> {
    find(headers, NAME, config)?.parse().ok()
}

/// A cookie of a request's.
pub fn find<'h>(headers: &'h HeaderMap, name: &str, config: &Config) -> Option<&'h str> {
    let host = if is_secure(config) { HOST } else { "" };
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(known, value)| (known.strip_prefix(host) == Some(name)).then_some(value))
}

/// What begins a session in the browser; without a token, what ends it.
#[must_use]
pub fn set(token: Option<&ResumeToken>, config: &Config) -> Option<HeaderValue> {
    let (value, age) = token.map_or((String::new(), 0), |token| (token.reveal(), TOKEN_LIFE / 1_000));
    write(NAME, &value, SameSite::Strict, age, config)
}

/// What sets a cookie for so many seconds; for 0, what removes it.
#[must_use]
pub fn write(name: &str, value: &str, site: SameSite, age: u64, config: &Config) -> Option<HeaderValue> {
    let (host, secure) = if is_secure(config) { (HOST, "; Secure") } else { ("", "") };
    let cookie = format!("{host}{name}={value}; Path=/; HttpOnly; SameSite={site:?}; Max-Age={age}{secure}");
    let mut value = HeaderValue::from_str(&cookie).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn config(url: &str) -> Config {
        let text = format!(
            "name = \"a\"\ntitle = \"A\"\nurl = \"{url}\"\nlisten = \"[::1]:1\"\n[[area]]\nname = \"a\"\ntitle = \"A\""
        );
        Config::parse(&text, Path::new("baton.toml")).unwrap()
    }

    #[test]
    fn s2_a_session_is_out_of_scripts_reach_and_kept_to_this_site() {
        let token = ResumeToken::from_bytes([7; 32]);
        let cookie = set(Some(&token), &config("https://a.example")).unwrap();
        let text = cookie.to_str().unwrap();
        for part in ["__Host-baton=", "HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
            assert!(text.contains(part), "{part} is missing");
        }
        assert!(!format!("{cookie:?}").contains(&token.reveal()), "it shows in debug output");
    }

    #[test]
    fn the_right_one_of_several_cookies_is_read() {
        let (config, token) = (config("http://a.localhost:7"), ResumeToken::from_bytes([7; 32]));
        let mut headers = HeaderMap::new();
        let line = format!("other=1; baton={}; xbaton=2", token.reveal());
        headers.insert(header::COOKIE, line.parse().unwrap());
        assert_eq!(session(&headers, &config).map(|found| found.reveal()), Some(token.reveal()));
        headers.insert(header::COOKIE, "baton=nonsense".parse().unwrap());
        assert!(session(&headers, &config).is_none());
    }
}
