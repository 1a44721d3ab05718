//! Threats 1 and 23: whatever is dropped, altered or swapped, the request is refused.

use baton_protocol::federation::Jwks;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::{Mode, PeerClass};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const REQUEST: Request<'static> =
    Request { method: "POST", path: "/federation/v1/transfers", body: br#"{"transfer":"1"}"# };

struct Setting {
    keys: Keys,
    row: Arc<PeerRow>,
    verifier: TokenVerifier,
    _folder: tempfile::TempDir,
}

struct Row(Arc<PeerRow>);
impl AsRef<PeerRow> for Row {
    fn as_ref(&self) -> &PeerRow {
        &self.0
    }
}

fn setting() -> Setting {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::create(folder.path()).unwrap();
    let row = PeerRow {
        name: "acme".into(),
        title: "Acme".into(),
        subject: String::new(),
        base_url: "https://acme.example".into(),
        federation: "https://acme.example/federation/v1".into(),
        socket: "wss://acme.example/v1/ws".into(),
        page: None,
        keys: keys.jwks(),
        class: PeerClass::Partner,
        areas: None,
        mode: Mode::InPlace,
        agreement: crate::store::Agreement::default(),
        revoked: Vec::new(),
    };
    let verifier = TokenVerifier::new("globex".into(), Arc::new(MemoryStore::default()));
    Setting { keys, row: Arc::new(row), verifier, _folder: folder }
}

impl Setting {
    async fn verify(&self, token: &str, request: Request<'_>, now: Timestamp) -> Result<(), Why> {
        let find = async |name: &str| (name == "acme").then(|| Row(self.row.clone()));
        self.verifier.verify(token, request, now, find).await.map(drop).map_err(|refused| refused.why)
    }

    fn token(&self) -> String {
        sign(&self.keys, "acme", "globex", REQUEST, NOW).unwrap()
    }

    /// The genuine token's claims, changed and signed again with the genuine key.
    fn with(&self, change: impl FnOnce(&mut Value)) -> String {
        self.header_with(|_| {}, change)
    }

    fn header_with(&self, header: impl FnOnce(&mut Header), change: impl FnOnce(&mut Value)) -> String {
        let (kid, key) = self.keys.signing();
        let mut head = Header::new(Algorithm::EdDSA);
        head.typ = Some(JWT_TYPE.into());
        head.kid = Some(kid.into());
        header(&mut head);
        let payload = self.token().split('.').nth(1).unwrap().to_owned();
        let mut claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        change(&mut claims);
        encode(&head, &claims, key).unwrap()
    }
}

#[tokio::test]
async fn d1_a_genuine_request_is_accepted_once() {
    let setting = setting();
    let token = setting.token();
    assert!(setting.verify(&token, REQUEST, NOW).await.is_ok());
    assert!(matches!(setting.verify(&token, REQUEST, NOW).await, Err(Why::Replay)));
    assert!(setting.verify(&setting.token(), REQUEST, NOW).await.is_ok());
}

#[tokio::test]
async fn d1_another_request_than_the_signed_one_is_refused() {
    let setting = setting();
    for request in [
        Request { method: "PUT", ..REQUEST },
        Request { path: "/federation/v1/permission", ..REQUEST },
        Request { body: br#"{"transfer":"2"}"#, ..REQUEST },
        Request { body: b"", ..REQUEST },
    ] {
        assert!(matches!(setting.verify(&setting.token(), request, NOW).await, Err(Why::Request)));
    }
}

#[tokio::test]
async fn d1_every_claim_is_needed_and_none_may_be_another() {
    let setting = setting();
    for claim in ["iss", "aud", "htm", "htu", "body", "iat", "exp", "jti"] {
        let dropped = setting.with(|claims| drop(claims.as_object_mut().unwrap().remove(claim)));
        assert!(setting.verify(&dropped, REQUEST, NOW).await.is_err(), "{claim} dropped");
        let altered = setting.with(|claims| claims[claim] = json!("another"));
        // Any unique id will do.
        assert_eq!(setting.verify(&altered, REQUEST, NOW).await.is_ok(), claim == "jti", "{claim} altered");
    }
    let text = setting.with(|claims| claims["exp"] = json!(claims["exp"].to_string()));
    assert!(setting.verify(&text, REQUEST, NOW).await.is_err(), "exp as a string");
}

#[tokio::test]
async fn d1_a_request_has_its_time() {
    let setting = setting();
    let at = |seconds: i64| Timestamp(NOW.0.saturating_add_signed(seconds * 1_000));
    for (seconds, accepted) in
        [(-300, false), (-61, false), (-59, true), (0, true), (119, true), (121, false)]
    {
        let verified = setting.verify(&setting.token(), REQUEST, at(seconds)).await;
        assert_eq!(verified.is_ok(), accepted, "{seconds} s");
    }
    let long = setting.with(|claims| claims["exp"] = json!(NOW.0 / 1_000 + 3_600));
    assert!(matches!(setting.verify(&long, REQUEST, NOW).await, Err(Why::Time { .. })));
}

#[tokio::test]
async fn d1_type_and_algorithm_are_fixed() {
    let setting = setting();
    let swapped = setting.header_with(|header| header.typ = Some("JWT".into()), |_| {});
    assert!(matches!(setting.verify(&swapped, REQUEST, NOW).await, Err(Why::Form)));
    let token = setting.token();
    let (payload, signature) = token.split_once('.').unwrap().1.split_once('.').unwrap();
    let header = |alg: &str| {
        let kid = setting.keys.signing().0;
        URL_SAFE_NO_PAD.encode(json!({"typ": JWT_TYPE, "alg": alg, "kid": kid}).to_string())
    };
    let none = format!("{}.{payload}.", header("none"));
    assert!(setting.verify(&none, REQUEST, NOW).await.is_err());
    let relabelled = format!("{}.{payload}.{signature}", header("HS256"));
    assert!(setting.verify(&relabelled, REQUEST, NOW).await.is_err());
    let mut hs256 = Header::new(Algorithm::HS256);
    hs256.typ = Some(JWT_TYPE.into());
    hs256.kid = Some(setting.keys.signing().0.into());
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    let public = URL_SAFE_NO_PAD.decode(&setting.row.keys.keys[0].x).unwrap();
    let confused = encode(&hs256, &claims, &EncodingKey::from_secret(&public)).unwrap();
    assert!(matches!(setting.verify(&confused, REQUEST, NOW).await, Err(Why::Form)));
}

#[tokio::test]
async fn d1_strangers_and_strange_keys_are_refused() {
    let setting = setting();
    let stranger = sign(&setting.keys, "initech", "globex", REQUEST, NOW).unwrap();
    assert!(matches!(setting.verify(&stranger, REQUEST, NOW).await, Err(Why::UnknownPeer)));
    let folder = tempfile::tempdir().unwrap();
    let others = Keys::create(folder.path()).unwrap();
    let forged = sign(&others, "acme", "globex", REQUEST, NOW).unwrap();
    assert!(matches!(setting.verify(&forged, REQUEST, NOW).await, Err(Why::UnknownKey)));
    let kid = setting.keys.signing().0.to_owned();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(forged.split('.').nth(1).unwrap()).unwrap()).unwrap();
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(JWT_TYPE.into());
    header.kid = Some(kid);
    let named = encode(&header, &claims, others.signing().1).unwrap();
    assert!(matches!(setting.verify(&named, REQUEST, NOW).await, Err(Why::Signature)));
    let none = PeerRow { keys: Jwks::default(), ..(*setting.row).clone() };
    let revoked = Setting { row: Arc::new(none), ..setting };
    assert!(matches!(revoked.verify(&revoked.token(), REQUEST, NOW).await, Err(Why::UnknownKey)));
    for nonsense in ["", ".", "..", "a.b.c", &"x".repeat(10_000)] {
        assert!(matches!(revoked.verify(nonsense, REQUEST, NOW).await, Err(Why::Form)));
    }
}

#[tokio::test]
async fn s2_a_replay_is_refused_until_the_very_end() {
    let setting = setting();
    let token = setting.token();
    assert!(setting.verify(&token, REQUEST, NOW).await.is_ok());
    for millis in [1, 60_000, 119_999, 120_000, 120_500, 120_999] {
        let again = setting.verify(&token, REQUEST, NOW.plus(millis)).await;
        assert!(matches!(again, Err(Why::Replay)), "{millis} ms: {again:?}");
    }
    assert!(matches!(setting.verify(&token, REQUEST, NOW.plus(121_000)).await, Err(Why::Time { .. })));
}

#[tokio::test]
async fn d1_times_beyond_reason_are_refused() {
    let setting = setting();
    let now = NOW.0 / 1_000;
    for (iat, exp) in
        [(u64::MAX, u64::MAX), (now, u64::MAX), (0, u64::MAX), (u64::MAX, 0), (now, now - 1), (0, 0)]
    {
        let token = setting.with(|claims| {
            claims["iat"] = json!(iat);
            claims["exp"] = json!(exp);
        });
        assert!(matches!(setting.verify(&token, REQUEST, NOW).await, Err(Why::Time { .. })), "{iat} {exp}");
    }
}

#[tokio::test]
async fn d1_what_must_be_understood_and_is_not_is_refused() {
    let setting = setting();
    let critical = setting.header_with(|header| header.crit = Some(vec!["b64".into()]), |_| {});
    assert!(matches!(setting.verify(&critical, REQUEST, NOW).await, Err(Why::Form)));
    for id in [String::new(), "x".repeat(MAX_JTI + 1)] {
        let token = setting.with(|claims| claims["jti"] = json!(id));
        assert!(matches!(setting.verify(&token, REQUEST, NOW).await, Err(Why::Form)));
    }
    let list = setting.with(|claims| claims["aud"] = json!(["globex"]));
    assert!(matches!(setting.verify(&list, REQUEST, NOW).await, Err(Why::Form)));
}

#[tokio::test]
async fn s1_the_log_says_who_and_cannot_be_forged() {
    let setting = setting();
    let find = async |_: &str| None::<Row>;
    for (issuer, says) in
        [("initech", "from initech: "), ("x\nroot logged in", "from somebody without a name: ")]
    {
        let token = sign(&setting.keys, issuer, "globex", REQUEST, NOW).unwrap();
        let refused = setting.verifier.verify(&token, REQUEST, NOW, find).await.err().unwrap().to_string();
        assert_eq!(refused, format!("{says}not one of our peers"));
    }
}
