//! Who is a peer, and what is agreed with it: the same whether it is said on the command line or over HTTP.

pub(crate) mod difference;
pub(crate) mod introduction;
pub mod parts;

use anyhow::Result;
use baton_protocol::federation::{Jwks, WellKnown};
use clap::ValueEnum;

use crate::config::Config;
use crate::failure::Failure;
use crate::federation::keys::fingerprint;
use crate::store::PeerRow;

/// Transfers in a minute that can be agreed, at most.
pub(crate) const MOST_PER_MINUTE: u32 = 60_000;

/// Customers on their way at once that can be agreed, at most.
pub(crate) const MOST_RESERVATIONS: u32 = 100_000;

/// Exactly the keys with these fingerprints; each must be there.
pub(crate) fn pinned(peer: &WellKnown, fingerprints: &[String]) -> Result<Jwks> {
    let has = |wanted: &String| peer.jwks.keys.iter().any(|key| fingerprint(key) == *wanted);
    if let Some(wanted) = fingerprints.iter().find(|wanted| !has(wanted)) {
        let found: Vec<String> = peer.jwks.keys.iter().map(fingerprint).collect();
        let what = format!("{} has no key {wanted}; it has {}", peer.name, found.join(", "));
        let todo = "compare with its operator again. If they see what you gave, somebody else answers at this address";
        return Err(Failure::error(what, todo));
    }
    let keys = peer.jwks.keys.iter().filter(|key| fingerprints.contains(&fingerprint(key)));
    Ok(Jwks { keys: keys.cloned().collect() })
}

/// Nobody takes our name, or another peer's.
pub(crate) fn check_name(name: &str, base_url: &str, config: &Config, peers: &[PeerRow]) -> Result<()> {
    if name == config.name {
        let todo = "name the other gateway's address; if it has the same name, one of the two must change it";
        return Err(Failure::error(
            format!("what answers at {base_url} is called {name}, as this gateway is"),
            todo,
        ));
    }
    if let Some(other) = peers.iter().find(|peer| peer.name == name && peer.base_url != base_url) {
        let what = format!("there is a peer {name} already, at {}", other.base_url);
        let todo = format!("if it has moved, first `baton peer remove {name}`");
        return Err(Failure::error(what, todo));
    }
    Ok(())
}

/// As the command line has it.
pub(crate) fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::introduction::tests::honest;
    use super::*;
    use crate::store::{Agreement, Mode, PeerClass};

    /// A peer as it is added.
    pub(crate) fn globex() -> PeerRow {
        PeerRow {
            name: "globex".into(),
            title: "Globex".into(),
            subject: String::new(),
            base_url: "http://globex.localhost:7102".into(),
            federation: String::new(),
            socket: String::new(),
            page: None,
            keys: Jwks::default(),
            class: PeerClass::Partner,
            areas: None,
            mode: Mode::InPlace,
            agreement: Agreement::default(),
            revoked: Vec::new(),
        }
    }

    #[test]
    fn s1_exactly_the_keys_that_were_compared_are_pinned() {
        let mut peer = honest();
        peer.jwks.keys.extend(honest().jwks.keys);
        let prints: Vec<String> = peer.jwks.keys.iter().map(fingerprint).collect();
        assert_eq!(pinned(&peer, &prints[1..]).unwrap().keys, peer.jwks.keys[1..]);
        assert_eq!(pinned(&peer, &prints).unwrap(), peer.jwks);
        let wrong = ["SHA256:nonsense".to_owned(), prints[0].clone()];
        assert!(pinned(&peer, &wrong).unwrap_err().to_string().contains("no key SHA256:nonsense"));
    }

    #[test]
    fn s1_nobody_takes_another_servers_name() {
        let text = "name = \"acme\"\ntitle = \"A\"\nurl = \"https://a.example\"\nlisten = \"[::1]:1\"\n\
                    [[area]]\nname = \"a\"\ntitle = \"A\"";
        let config = Config::parse(text, std::path::Path::new("baton.toml")).unwrap();
        let peers = [globex()];
        let check = |name, url| check_name(name, url, &config, &peers).is_ok();
        assert!(check("initech", "https://initech.example"));
        assert!(check("globex", "http://globex.localhost:7102"), "a peer may be read anew");
        assert!(!check("globex", "https://evil.example"));
        assert!(!check("acme", "https://evil.example"));
    }
}
