//! Who a site says its customer is: a JSON Web Token (RFC 7519) that the site signs with a key of its own.
//!
//! The key decides the algorithm, not the token. What is wrong with a token is said in a sentence, which the site's
//! developer reads in the browser's console; it tells nothing that the token's holder does not have.

use anyhow::{Context, Result};
use baton_core::session;
use baton_protocol::limits::MAX_LABEL;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use crate::config::{self, Config};

/// Bytes of a token.
pub const MAX_TOKEN: usize = 4 * 1024;

/// Clocks may differ by so many seconds.
const LEEWAY: u64 = 60;

/// A token may be valid for so many seconds from its making or from now: a working day. A page that stays open longer
/// asks its site for another.
const LIFE: u64 = 12 * 60 * 60;

/// Bytes of a shared secret, at least: those of the hash (RFC 7518 section 3.2).
const MIN_SECRET: usize = 32;

/// Every site's key.
#[derive(Default)]
pub struct Sites {
    audience: String,
    sites: Vec<(String, Algorithm, DecodingKey)>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: u64,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
}

impl Sites {
    /// Reads the keys.
    ///
    /// # Errors
    /// Which file is not what it should be.
    pub fn open(config: &Config) -> Result<Self> {
        let mut sites = Vec::new();
        for identity in &config.identities {
            let file = identity.key.display();
            let bytes = std::fs::read(&identity.key)
                .with_context(|| format!("the key of {}: cannot read {file}", identity.site))?;
            let wrong = || {
                format!("the key of {}: {file} is not a public key in PEM for its algorithm", identity.site)
            };
            let (algorithm, key) = match identity.algorithm {
                config::Algorithm::EdDsa => {
                    (Algorithm::EdDSA, DecodingKey::from_ed_pem(&bytes).with_context(wrong)?)
                }
                config::Algorithm::Es256 => {
                    (Algorithm::ES256, DecodingKey::from_ec_pem(&bytes).with_context(wrong)?)
                }
                config::Algorithm::Hs256 => {
                    let secret = bytes.trim_ascii();
                    anyhow::ensure!(
                        secret.len() >= MIN_SECRET && !secret.starts_with(b"-----"),
                        "the secret of {}: {file} must hold {MIN_SECRET} random bytes or more, as text, and no PEM",
                        identity.site
                    );
                    (Algorithm::HS256, DecodingKey::from_secret(secret))
                }
            };
            sites.push((identity.site.clone(), algorithm, key));
        }
        Ok(Self { audience: config.url.clone(), sites })
    }

    /// Who the token is about.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn check(&self, token: &str, now: u64) -> Result<session::Identity, String> {
        if self.sites.is_empty() {
            return Err("the gateway has no [[identity]] in its settings: it believes nobody's tokens".into());
        }
        if token.len() > MAX_TOKEN {
            return Err(format!("the token is longer than {MAX_TOKEN} bytes"));
        }
        let header = decode_header(token).map_err(|_| "this is not a JSON Web Token".to_owned())?;
        let site = issuer(token).ok_or("the token has no issuer: `iss` is the site's origin")?;
        let known = self.sites.iter().find(|(name, ..)| *name == site);
        let (site, algorithm, key) =
            known.ok_or_else(|| format!("the gateway has no key of the issuer {site:?}"))?;
        if header.alg != *algorithm {
            return Err(format!("{site} signs with {algorithm:?}, and this token says {:?}", header.alg));
        }
        let mut validation = Validation::new(*algorithm);
        validation.set_audience(&[&self.audience]);
        validation.set_issuer(&[site]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // Against this program's own clock, below.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, key, &validation).map_err(|error| self.explain(&error))?.claims;
        if claims.exp.saturating_add(LEEWAY) < now {
            return Err(format!(
                "the token expired {} seconds ago: sign one for each page view",
                now - claims.exp
            ));
        }
        if claims.exp > now.saturating_add(LIFE) {
            return Err(format!(
                "the token is valid for longer than {} hours: `exp` is too late",
                LIFE / 3_600
            ));
        }
        let Claims { iss: site, sub: subject, name, email, .. } = claims;
        if subject.is_empty() || [&subject, &name, &email].iter().any(|text| !fits(text)) {
            return Err(format!(
                "`sub`, `name` and `email` are one line of up to {MAX_LABEL} bytes, `sub` not empty"
            ));
        }
        Ok(session::Identity { site, subject, name, email })
    }

    fn explain(&self, error: &jsonwebtoken::errors::Error) -> String {
        match error.kind() {
            ErrorKind::InvalidSignature => "the signature is not by the key in the gateway's settings".into(),
            ErrorKind::InvalidAudience => {
                format!("the token is for somebody else: `aud` must be {:?}", self.audience)
            }
            ErrorKind::MissingRequiredClaim(name) => format!("the token has no `{name}`"),
            ErrorKind::Json(_) => {
                "its claims are not as they should be: `iss`, `sub`, `aud`, `exp` are needed".into()
            }
            other => format!("the token is not valid: {other:?}"),
        }
    }
}

fn fits(text: &str) -> bool {
    text.len() <= MAX_LABEL && !text.chars().any(char::is_control)
}

/// Who claims to have signed it: only to find the key that must have.
fn issuer(token: &str) -> Option<String> {
    use base64::Engine;
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let payload = token.split('.').nth(1)?;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice::<Issuer>(&bytes).ok().map(|issuer| issuer.iss)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::{Value, json};

    const NOW: u64 = 1_800_000_000;
    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn sites() -> Sites {
        let site = ("https://www.acme.example".into(), Algorithm::HS256, DecodingKey::from_secret(SECRET));
        Sites { audience: "https://chat.acme.example".into(), sites: vec![site] }
    }

    fn claims() -> Value {
        json!({ "iss": "https://www.acme.example", "sub": "c-7", "aud": "https://chat.acme.example",
            "exp": NOW + 300, "name": "Carla", "email": "carla@example.org" })
    }

    fn signed(claims: &Value, algorithm: Algorithm, secret: &[u8]) -> String {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    #[test]
    fn s2_a_token_of_the_site_says_who_the_customer_is() {
        let found = sites().check(&signed(&claims(), Algorithm::HS256, SECRET), NOW).unwrap();
        assert_eq!((found.subject.as_str(), found.email.as_str()), ("c-7", "carla@example.org"));
    }

    #[test]
    fn s2_every_claim_is_needed_and_what_is_wrong_is_said() {
        let wrong = |name: &str, value: Value, said: &str| {
            let mut claims = claims();
            match value {
                Value::Null => _ = claims.as_object_mut().unwrap().remove(name),
                value => claims[name] = value,
            }
            let why = sites().check(&signed(&claims, Algorithm::HS256, SECRET), NOW).unwrap_err();
            assert!(why.contains(said), "{name}: {why}");
        };
        for name in ["aud", "exp", "sub"] {
            wrong(name, Value::Null, "`");
        }
        wrong("iss", Value::Null, "no issuer");
        wrong("iss", json!("https://www.evil.example"), "no key of the issuer");
        wrong("aud", json!("https://chat.globex.example"), "somebody else");
        wrong("exp", json!(NOW - 61), "expired");
        wrong("exp", json!(NOW + LIFE + 1), "longer than");
        wrong("exp", json!("tomorrow"), "claims");
        wrong("sub", json!(""), "not empty");
        wrong("name", json!("Carla\nX: y"), "one line");
    }

    #[test]
    fn s2_neither_another_key_nor_another_algorithm_nor_nonsense_is_believed() {
        let refused = |token: &str, said: &str| {
            let why = sites().check(token, NOW).unwrap_err();
            assert!(why.contains(said), "{why}");
        };
        refused(&signed(&claims(), Algorithm::HS256, b"another secret of thirty-two bytes!"), "signature");
        refused(&signed(&claims(), Algorithm::HS384, SECRET), "HS384");
        for nonsense in ["", "a.b.c", "null", "eyJhbGciOiJub25lIn0.e30."] {
            refused(nonsense, "");
        }
        refused(&"x".repeat(MAX_TOKEN + 1), "longer");
        assert!(Sites::default().check("x", NOW).unwrap_err().contains("[[identity]]"));
    }
}
