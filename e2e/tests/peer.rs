//! The server in Python (`examples/peer`), killed in the middle of transfers, and left without an answer.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::pair::{TRANSFER, context, texts_until, transfer, verifier, welcome};
use baton_e2e::python::Program;
use baton_protocol::frames::Start;
use baton_protocol::model::{Destination, Share};
use baton_protocol::{
    ChatId, ClientFrame, CloseCode, Encoding, Epoch, ResumeToken, ServerFrame, TransferId, Verifier, Wtid,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Acme, and Soylent, which is of another make.
struct Two {
    acme: Company,
    address: String,
    arguments: Vec<String>,
    soylent: Option<Program>,
    _folder: tempfile::TempDir,
}

impl Two {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
        acme.start().await.unwrap();
        let (address, database) = (Program::free_address().unwrap(), folder.path().join("soylent.db"));
        let known = format!("{}={}", acme.address(), acme.baton(&["fingerprint"], "").unwrap().trim());
        let arguments = ["soylent", &address, database.to_str().unwrap(), &known].map(str::to_owned).into();
        let mut two = Self { acme, address, arguments, soylent: None, _folder: folder };
        let fingerprint = two.start_soylent().await;
        two.acme.trust_server(&two.address, &fingerprint, &[]).unwrap();
        two
    }

    async fn start_soylent(&mut self) -> String {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let mut soylent = Program::start("peer/peer.py", &arguments, &[]).unwrap();
        let fingerprint = soylent.prints("fingerprint").await.unwrap();
        self.soylent = Some(soylent);
        fingerprint
    }

    async fn kill_soylent(&mut self) {
        self.soylent.take().unwrap().kill().await.unwrap();
    }

    async fn restart_soylent(&mut self) {
        self.kill_soylent().await;
        self.start_soylent().await;
    }

    fn socket(&self) -> String {
        format!("ws{}/v1/ws", self.address.strip_prefix("http").unwrap())
    }

    async fn hello(&self, at_acme: bool, start: Start) -> Client {
        let socket = if at_acme { self.acme.socket() } else { self.socket() };
        let mut client = Client::connect_to(&socket, Encoding::Json, None).await.unwrap();
        client.hello(start, 0).await.unwrap();
        client
    }

    /// Acme does not take a customer in any more. While it stores that they have left, it says that their chat is over.
    async fn turns_away(&self, wtid: &Wtid, epoch: Epoch) {
        let claims = || async {
            let mut again = self.hello(true, claim(wtid.clone(), 2, epoch, false)).await;
            again.closes(CloseCode::Unauthenticated).await
        };
        baton_e2e::until("a refusal", claims).await.unwrap();
    }

    /// A customer of Acme's with Anna, and the command that leads them to Soylent.
    async fn offered(&self) -> (Client, Client, ChatId, Wtid) {
        let mut anna = Client::agent(&self.acme, "anna").await.unwrap();
        let (mut carla, ..) = Client::customer(&self.acme, &verifier()).await.unwrap();
        carla.say(None, 1, "My stove leaks.").await.unwrap();
        let chat = anna.pick_up().await.unwrap();
        let to = Destination::Server { server: "soylent".into(), area: None };
        transfer(&mut anna, TRANSFER, chat, to, Share::All).await;
        let (_, wtid) = carla.offer().await.unwrap();
        (anna, carla, chat, wtid)
    }

    /// A customer whom Acme has handed over to Soylent.
    async fn there(&self) -> (Client, Client, ResumeToken) {
        let (anna, mut carla, _, wtid) = self.offered().await;
        let mut there = self.hello(false, claim(wtid, 1, 1, false)).await;
        let (_, token, _) = welcome(&mut there).await;
        there.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
        carla.closes(CloseCode::Moved).await.unwrap();
        (anna, there, token)
    }
}

/// A key from its 32 bytes, before which stands what RFC 8410 wants there.
fn key(seed: &[u8]) -> EncodingKey {
    let prefix = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    EncodingKey::from_ed_der(&[&prefix[..], seed].concat())
}

/// Calls to Soylent that are signed with Acme's key, which Soylent has pinned, and may be wrong all the same.
struct Caller {
    key: EncodingKey,
    header: Header,
    address: String,
}

impl Caller {
    fn new(two: &Two) -> Self {
        let file = std::fs::read_to_string(two.acme.folder().join("keys.json")).unwrap();
        let keys: Value = serde_json::from_str(&file).unwrap();
        let seed = URL_SAFE_NO_PAD.decode(keys["keys"][0]["private"].as_str().unwrap()).unwrap();
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("baton-federation+jwt".into());
        header.kid = Some("acme".into());
        Self { key: key(&seed), header, address: two.address.clone() }
    }

    fn claims(path: &str, body: &Value) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(body.to_string()));
        let mut jti = [0; 16];
        getrandom::fill(&mut jti).unwrap();
        json!({ "iss": "acme", "aud": "soylent", "htm": "POST", "htu": format!("/federation/v1{path}"),
            "body": digest, "iat": now, "exp": now + 60, "jti": URL_SAFE_NO_PAD.encode(jti) })
    }

    async fn send(&self, path: &str, body: &Value, claims: &Value) -> (u16, Value) {
        let token = jsonwebtoken::encode(&self.header, claims, &self.key).unwrap();
        let url = format!("{}/federation/v1{path}", self.address);
        let request = reqwest::Client::new().post(url).bearer_auth(token).body(body.to_string());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    async fn call(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(path, &body, &Self::claims(path, &body)).await
    }

    async fn permission(&self) -> Value {
        self.call("/permission", json!({ "agent": "anna", "visited": ["acme"] })).await.1["code"].clone()
    }

    async fn post(&self, transfer: &str, code: &Value, agent: &str) -> u16 {
        let body = json!({ "transfer": transfer.repeat(32), "code": code, "area": null, "agent": agent, "epoch": 1,
            "challenge": "-", "origins": [], "context": { "transcript": [], "visited": ["acme"] } });
        self.call("/transfers", body).await.0
    }
}

/// The claim of the customer's verifier of this number, with the next number's challenge.
fn claim(wtid: Wtid, verifier: u8, epoch: Epoch, adopt: bool) -> Start {
    let (verifier, next) = (Verifier::from_bytes([verifier; 32]), Verifier::from_bytes([verifier + 1; 32]));
    Start::Claim { wtid: Some(wtid), verifier, epoch, challenge: next.challenge(), adopt }
}

async fn welcomed_at(client: &mut Client, wanted: Epoch) {
    let of = |frame: &ServerFrame| match frame {
        ServerFrame::Welcome { epoch, .. } => (*epoch == wanted).then_some(()),
        _ => None,
    };
    client.expect("a welcome", of).await.unwrap();
}

/// The customer asks to go back, and gets the command.
async fn back(there: &mut Client) -> (TransferId, Wtid) {
    there.say(None, 5, "back").await.unwrap();
    let offer = there.offer().await.unwrap();
    there.say(None, 6, "Thank you.").await.unwrap();
    offer
}

#[tokio::test]
async fn x2_a_peer_killed_at_every_step_of_a_transfer_in_goes_on() {
    let mut two = Two::start().await;
    let (_anna, mut carla, _, wtid) = two.offered().await;
    two.restart_soylent().await;
    let mut there = two.hello(false, claim(wtid, 1, 1, false)).await;
    let (epoch, token, _) = welcome(&mut there).await;
    assert_eq!(epoch, 2);
    // Killed before it has heard that the customer has stored the welcome: resuming at that epoch says so.
    two.restart_soylent().await;
    let mut there = two.hello(false, Start::Resume { token: token.clone(), epoch: 2 }).await;
    welcomed_at(&mut there, 2).await;
    carla.closes(CloseCode::Moved).await.unwrap();
    there.say(None, 4, "Can I have a receipt?").await.unwrap();
    two.restart_soylent().await;
    let mut there = two.hello(false, Start::Resume { token, epoch: 2 }).await;
    // The acknowledgement may have been lost: the same message again is stored once.
    there.say(None, 4, "Can I have a receipt?").await.unwrap();
    there.say(None, 5, "Yes?").await.unwrap();
    let texts = texts_until(&mut there, "You said: Yes?").await;
    assert_eq!(texts.iter().filter(|text| *text == "Can I have a receipt?").count(), 1, "{texts:?}");
}

#[tokio::test]
async fn x2_a_peer_killed_at_every_step_of_a_transfer_out_goes_on() {
    let mut two = Two::start().await;
    let (mut anna, mut there, token) = two.there().await;
    let (second, wtid) = back(&mut there).await;
    two.restart_soylent().await;
    let mut home = two.hello(true, claim(wtid, 2, 2, false)).await;
    let (epoch, _, arrived) = welcome(&mut home).await;
    assert_eq!((epoch, arrived), (3, second));
    two.kill_soylent().await;
    home.send(&ClientFrame::Accept { transfer: second }).await.unwrap();
    two.start_soylent().await;
    // Acme settles again and again until it is answered.
    loop {
        let mut old = two.hello(false, Start::Resume { token: token.clone(), epoch: 2 }).await;
        if old.closes(CloseCode::Moved).await.is_ok() {
            break;
        }
    }
    anna.pick_up().await.unwrap();
    let texts: Vec<String> =
        context(&mut anna).await.transcript.into_iter().map(|entry| entry.text).collect();
    assert!(texts.contains(&"My stove leaks.".into()) && texts.contains(&"Thank you.".into()), "{texts:?}");
}

#[tokio::test]
async fn x2_a_customer_comes_back_to_a_peer_from_where_it_had_sent_them() {
    let mut two = Two::start().await;
    let (_anna, mut there, _) = two.there().await;
    let (second, wtid) = back(&mut there).await;
    let mut home = two.hello(true, claim(wtid.clone(), 2, 2, false)).await;
    welcome(&mut home).await;
    // As if the welcome had never come.
    there.send(&ClientFrame::Reclaim { transfer: second, epoch: 4 }).await.unwrap();
    welcomed_at(&mut there, 4).await;
    home.closes(CloseCode::Moved).await.unwrap();
    there.say(None, 7, "Still here.").await.unwrap();
    texts_until(&mut there, "You said: Still here.").await;
    two.turns_away(&wtid, 2).await;
    // And from there, where a kill comes between, it is told all the same.
    let (third, wtid) = {
        there.say(None, 8, "back").await.unwrap();
        there.offer().await.unwrap()
    };
    two.acme.kill().unwrap();
    there.send(&ClientFrame::Reclaim { transfer: third, epoch: 6 }).await.unwrap();
    welcomed_at(&mut there, 6).await;
    two.kill_soylent().await;
    two.acme.start().await.unwrap();
    two.start_soylent().await;
    two.turns_away(&wtid, 4).await;
}

#[tokio::test]
async fn x2_a_customer_comes_back_from_a_peer() {
    let two = Two::start().await;
    let (mut anna, mut carla, chat, wtid) = two.offered().await;
    let mut there = two.hello(false, claim(wtid.clone(), 1, 1, false)).await;
    welcome(&mut there).await;
    carla.send(&ClientFrame::Reclaim { transfer: TRANSFER, epoch: 3 }).await.unwrap();
    welcomed_at(&mut carla, 3).await;
    there.closes(CloseCode::Moved).await.unwrap();
    let mut again = two.hello(false, claim(wtid, 1, 1, false)).await;
    again.closes(CloseCode::Unauthenticated).await.unwrap();
    anna.say(Some(chat), 9, "There you are.").await.unwrap();
    texts_until(&mut carla, "There you are.").await;
}

#[tokio::test]
async fn x2_a_peer_takes_over_from_a_server_that_is_out_of_reach_and_is_taken_over_from() {
    let mut two = Two::start().await;
    let (_anna, mut carla, _, wtid) = two.offered().await;
    carla.say(None, 3, "It is an Ember.").await.unwrap();
    two.acme.kill().unwrap();
    let mut there = two.hello(false, claim(wtid, 1, 1, true)).await;
    two.acme.start().await.unwrap();
    let (epoch, ..) = welcome(&mut there).await;
    assert_eq!(epoch, 2);
    there.send(&ClientFrame::Accept { transfer: TRANSFER }).await.unwrap();
    // What was said after the post is here as well.
    texts_until(&mut there, "Soylent here, and I know 2 lines of yours.").await;

    let mut anna = Client::agent(&two.acme, "anna").await.unwrap();
    let (second, wtid) = back(&mut there).await;
    two.kill_soylent().await;
    let mut home = two.hello(true, claim(wtid, 2, 2, true)).await;
    let (epoch, _, arrived) = welcome(&mut home).await;
    assert_eq!((epoch, arrived), (3, second), "Acme serves before Soylent is back");
    home.send(&ClientFrame::Accept { transfer: second }).await.unwrap();
    anna.pick_up().await.unwrap();
    home.say(None, 10, "Here I am again.").await.unwrap();
    two.start_soylent().await;
    // The chat is shown again when the rest of the transcript has come.
    loop {
        let texts: Vec<String> =
            context(&mut anna).await.transcript.into_iter().map(|entry| entry.text).collect();
        if texts.contains(&"Thank you.".into()) {
            break;
        }
    }
}

#[tokio::test]
async fn s2_a_peer_takes_a_signature_once_and_for_nothing_else_and_a_code_once() {
    let mut two = Two::start().await;
    let mut acme = Caller::new(&two);
    let (path, body) = ("/permission", json!({ "agent": "anna", "visited": ["acme"] }));
    let good = Caller::claims(path, &body);
    assert_eq!(acme.send(path, &body, &good).await.0, 200);
    assert_eq!(acme.send(path, &body, &good).await.0, 401, "a replay");
    let now = good["iat"].as_u64().unwrap();
    for (claim, wrong) in [
        ("iss", json!("globex")),
        ("aud", json!("globex")),
        ("aud", json!(["soylent"])),
        ("htm", json!("GET")),
        ("htu", json!("/federation/v1/transfers")),
        ("body", json!("-")),
        ("iat", json!(now - 10)),
        ("exp", json!(now - 70)),
        ("jti", json!("x".repeat(129))),
        ("jti", json!(null)),
    ] {
        let mut claims = Caller::claims(path, &body);
        claims[claim] = wrong;
        assert_eq!(acme.send(path, &body, &claims).await.0, 401, "{claim}");
    }
    acme.header.typ = Some("JWT".into());
    assert_eq!(acme.call(path, body.clone()).await.0, 401, "another type");
    let mut acme = Caller::new(&two);
    let large = json!({ "agent": "x".repeat(1 << 20), "visited": [] });
    assert_eq!(acme.call(path, large).await.0, 413);

    let code = acme.permission().await;
    assert_eq!(acme.post("1", &code, "anna").await, 200);
    assert_eq!(acme.post("2", &code, "anna").await, 409, "the code is used");
    assert_eq!(acme.post("3", &acme.permission().await, "ben").await, 409, "the code is Anna's");
    assert_eq!(acme.post("1", &acme.permission().await, "anna").await, 409, "the transfer is there");

    two.restart_soylent().await;
    assert_eq!(acme.send(path, &body, &good).await.0, 401, "a replay after a restart");
    acme.key = key(&[9; 32]);
    assert_eq!(acme.call(path, body).await.0, 401, "another key");
}

#[tokio::test]
async fn threat_22_a_peer_without_the_call_has_to_be_asked_in_person() {
    let two = Two::start().await;
    two.there().await;
    let erase = |words: &[&str]| {
        let words: Vec<String> = ["erase"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        two.acme.baton(&words, "").unwrap()
    };
    erase(&["carla@example.org", "--yes"]);
    let look = || async {
        let status: serde_json::Value =
            serde_json::from_str(erase(&["--status", "--json"]).lines().last().unwrap_or_default())?;
        let server = &status["servers"][0];
        anyhow::ensure!(server["server"] == "soylent" && status["complete"] == true, "{status}");
        Ok(server["state"].as_str().unwrap_or_default().to_owned())
    };
    let state = baton_e2e::until("the answer to be known", look).await.unwrap();
    assert_eq!(state, "NOT ERASED: it does not know the call; ask its operator");
}
