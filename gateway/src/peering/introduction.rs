//! What another company's gateway says of itself, and whether that can be believed.

use anyhow::Result;
use baton_core::effect::CallError;
use baton_protocol::federation::{FEDERATION_PATH, WellKnown};

use crate::config::{rules, socket_of};
use crate::failure::Failure;
use crate::federation::client::{Client, Failed};
use crate::federation::keys::is_ed25519;
use crate::federation::renewal::MAX_KEYS;

/// Asks the gateway at `base_url`, an origin, who it is.
pub(crate) async fn introduce(client: &Client, base_url: &str) -> Result<WellKnown> {
    let answer = client.introduce(base_url).await.map_err(|error| failure(&error, base_url))?;
    check(&answer, base_url).map_err(|why| {
        let what = format!("what {base_url} says of itself cannot be used: {why}");
        Failure::error(what, "ask its operator; the address must be the `url` of its settings")
    })?;
    Ok(answer)
}

fn failure(failed: &Failed, base_url: &str) -> anyhow::Error {
    let (what, todo) = match failed.error {
        CallError::Unreachable => ("nobody answers at", "is the address right, and its gateway running?"),
        CallError::NoAnswer => ("there was no answer in time from", "try again; is its gateway overloaded?"),
        CallError::UnknownServer => {
            ("this gateway may not call", "use https, or http on this machine itself")
        }
        CallError::BadAnswer | CallError::NoSuchCall | CallError::Denied(_) => {
            ("what answers is no Baton gateway:", "is the address right, without a path?")
        }
    };
    Failure::error(format!("{what} {base_url} ({})", failed.detail), todo)
}

/// Everything in it is shown to people, put into headers, or called later: it must be what it ought to be, and on
/// the host that the operator named.
fn check(answer: &WellKnown, base_url: &str) -> Result<(), String> {
    rules::name(&answer.name)?;
    rules::label(&answer.title).map_err(|why| format!("its title: {why}"))?;
    rules::subject(&answer.subject).map_err(|why| format!("its subject: {why}"))?;
    if !answer.versions.contains(&baton_protocol::VERSION) {
        let ours = baton_protocol::VERSION;
        return Err(format!(
            "it speaks protocol versions {:?}, and this gateway speaks {ours}",
            answer.versions
        ));
    }
    for (given, expected) in
        [(&answer.federation, format!("{base_url}{FEDERATION_PATH}")), (&answer.socket, socket_of(base_url))]
    {
        if *given != expected {
            return Err(format!("it names the address {given:?} where {expected:?} was expected"));
        }
    }
    let keys = &answer.jwks.keys;
    if keys.is_empty() || keys.len() > MAX_KEYS {
        return Err(format!("it has {} keys, and one to {MAX_KEYS} were expected", keys.len()));
    }
    if !keys.iter().all(is_ed25519) {
        return Err("one of its keys is no Ed25519 key, or is named otherwise than by its thumbprint".into());
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::federation::keys::Keys;

    /// What an honest gateway at `http://globex.localhost:7102` says.
    pub(crate) fn honest() -> WellKnown {
        let folder = tempfile::tempdir().unwrap();
        WellKnown {
            name: "globex".into(),
            title: "Globex".into(),
            subject: String::new(),
            versions: vec![1, 2],
            federation: "http://globex.localhost:7102/federation/v1".into(),
            socket: "ws://globex.localhost:7102/v1/ws".into(),
            jwks: Keys::create(folder.path()).unwrap().jwks(),
            rotations: Vec::new(),
            revoked: Vec::new(),
        }
    }

    #[test]
    fn s1_an_introduction_must_fit_the_address() {
        let base = "http://globex.localhost:7102";
        assert_eq!(check(&honest(), base), Ok(()));
        assert!(check(&honest(), "http://globex.localhost:7103").is_err());
        let wrong = |change: fn(&mut WellKnown)| {
            let mut answer = honest();
            change(&mut answer);
            check(&answer, base).unwrap_err()
        };
        assert!(wrong(|it| it.name = "Globex\u{1b}[2J".into()).contains("a name has lower-case letters"));
        assert!(wrong(|it| it.title = "Glo\nbex".into()).contains("its title"));
        assert!(wrong(|it| it.versions = vec![2]).contains("[2], and this gateway speaks 1"));
        assert!(wrong(|it| it.socket = "wss://evil.example/v1/ws".into()).contains("evil.example"));
        let header = wrong(|it| it.socket += "; script-src *");
        assert!(header.contains("was expected"), "{header}");
        assert!(wrong(|it| it.federation = "https://evil.example/federation/v1".into()).contains("evil"));
        assert!(wrong(|it| it.jwks.keys.clear()).contains("0 keys"));
        assert!(wrong(|it| it.jwks.keys[0].kid = "first".into()).contains("thumbprint"));
        assert!(wrong(|it| it.jwks.keys[0].x = "AAAA".into()).contains("Ed25519"));
    }
}
