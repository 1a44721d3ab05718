//! Administration over HTTP at a real gateway: who may do what, endpoint by endpoint, and that it counts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::api::Api;
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX};
use baton_protocol::model::Outcome;
use baton_protocol::{ClientFrame, CloseCode, ServerFrame};
use reqwest::Method;
use serde_json::{Value, json};

struct Scene {
    acme: Company,
    folder: tempfile::TempDir,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    Scene { acme, folder }
}

/// Calls that the document names, with something in the place of their parameters.
fn calls(document: &Value) -> Vec<(Method, String)> {
    let mut all = Vec::new();
    for (path, calls) in document["paths"].as_object().unwrap() {
        for method in calls.as_object().unwrap().keys() {
            let path = path.strip_prefix("/api/v1/").unwrap();
            let path = path.replace("{name}", "nobody").replace("{id}", &"0".repeat(32));
            let asked = match path.as_str() {
                "reports" => "?from=1&to=2",
                "reports.csv" => "?from=1&to=2&by=days",
                "search" => "?q=word",
                _ => "",
            };
            let path = path + asked;
            all.push((method.to_uppercase().parse().unwrap(), path));
        }
    }
    all
}

/// Calls that everybody makes of themselves.
const OWN: [&str; 3] = ["session", "sessions", "login"];

fn for_supervisors(method: &Method, path: &str) -> bool {
    path.starts_with("replies") || method == Method::GET && (path.starts_with("reports") || for_agents(path))
}

fn for_agents(path: &str) -> bool {
    path.starts_with("search") || path.starts_with("chats")
}

#[tokio::test]
async fn s2_each_call_is_refused_to_whoever_it_is_not_for() {
    let Scene { acme, folder: _folder } = scene().await;
    let nobody = Api::nobody(&acme);
    let document = nobody.get("openapi.json").await.unwrap();
    let calls = calls(&document);
    assert!(calls.len() > 15, "{calls:?}");
    let (anna, alma) = (Api::agent(&acme, "anna").await.unwrap(), Api::agent(&acme, "alma").await.unwrap());
    let ada = Api::agent(&acme, "ada").await.unwrap();
    let reader =
        Api::program(&acme, &acme.baton(&["api-key", "add", "reader", "--scope", "agents"], "").unwrap());
    let key = ["api-key", "add", "settler", "--scope", "settings", "--write"];
    let settler = Api::program(&acme, &acme.baton(&key, "").unwrap());
    let (own, others): (Vec<_>, Vec<_>) =
        calls.iter().partition(|(_, path)| OWN.contains(&path.as_str()) || path.starts_with("oidc/"));
    for (method, path) in
        own.into_iter().filter(|(method, path)| path.starts_with("session") && method != Method::POST)
    {
        assert_eq!(
            nobody.status(method.clone(), path, None).await.unwrap(),
            401,
            "{method} {path} by nobody"
        );
    }
    for (method, path) in others {
        let body = (method != Method::GET && method != Method::DELETE).then(|| body(path));
        let of = async |api: &Api| api.status(method.clone(), path, body.clone()).await.unwrap();
        assert_eq!(of(&nobody).await, 401, "{method} {path} by nobody");
        let (agent, supervisor) = (of(&anna).await, of(&alma).await);
        assert_eq!(
            agent == 403,
            !(method == Method::GET && for_agents(path)),
            "{method} {path} by an agent: {agent}"
        );
        assert_eq!(
            supervisor == 403,
            !for_supervisors(method, path),
            "{method} {path} by a supervisor: {supervisor}"
        );
        let reads = method == Method::GET && path == "agents";
        assert_eq!(of(&reader).await == 403, !reads, "{method} {path} by a reading key");
        assert_eq!(of(&settler).await == 403, path != "settings", "{method} {path} by another key");
        assert!(![401, 403].contains(&of(&ada).await), "{method} {path} by an administrator");
    }
}

/// A body that has all that is needed, so that only the right to it is asked about.
fn body(path: &str) -> Value {
    match path.split('/').next().unwrap() {
        "agents" => {
            json!({ "title": "N", "role": "agent", "areas": ["sales"], "password": "long enough for this" })
        }
        "replies" => json!({ "shortcut": "x", "text": "y" }),
        "keys" => json!({ "title": "k", "scopes": ["agents"] }),
        "peers" => {
            json!({ "url": "http://127.0.0.1:1", "class": "partner", "mode": "in_place", "fingerprints": ["x"] })
        }
        "introductions" => json!({ "url": "http://127.0.0.1:1" }),
        _ => json!({ "version": "", "settings": {} }),
    }
}

#[tokio::test]
async fn s2_a_session_changes_nothing_without_its_own_page_and_ends_everywhere() {
    let Scene { acme, folder: _folder } = scene().await;
    let reply = || Some(json!({ "shortcut": "hi", "text": "Hello" }));
    let path = format!("replies/{}", "1".repeat(32));
    let ada = Api::agent(&acme, "ada").await.unwrap();
    let status = async |api: &Api| api.status(Method::PUT, &path, reply()).await.unwrap();
    let with = |change: fn(&mut Api)| {
        let mut other = Api::nobody(&acme);
        (other.cookie, other.csrf) = (ada.cookie.clone(), ada.csrf.clone());
        change(&mut other);
        other
    };
    assert_eq!(status(&with(|_| {})).await, 204);
    assert_eq!(status(&with(|api| api.csrf = "0".repeat(64))).await, 403);
    assert_eq!(status(&with(|api| api.csrf.clear())).await, 403);
    assert_eq!(status(&with(|api| api.origin = "https://evil.example".into())).await, 403);
    assert_eq!(status(&with(|api| api.cookie = Some("baton=nonsense".into()))).await, 401);
    let mut stranger = Api::nobody(&acme);
    stranger.origin = "https://evil.example".into();
    let credentials = json!({ "name": "ada", "password": baton_e2e::company::PASSWORD });
    assert_eq!(stranger.status(Method::POST, "session", Some(credentials)).await.unwrap(), 403);
    let again = Api::agent(&acme, "ada").await.unwrap();
    again.change(Method::DELETE, "sessions", None).await.unwrap();
    assert_eq!(ada.status(Method::GET, "session", None).await.unwrap(), 401);
}

#[tokio::test]
async fn s2_passwords_are_not_tried_without_end() {
    let Scene { acme, folder: _folder } = scene().await;
    let nobody = Api::nobody(&acme);
    let mut seen = Vec::new();
    for _ in 0..12 {
        let wrong = json!({ "name": "anna", "password": "not the password" });
        seen.push(nobody.status(Method::POST, "session", Some(wrong)).await.unwrap());
    }
    assert_eq!(seen[0], 403);
    assert!(seen.contains(&429), "{seen:?}");
}

#[tokio::test]
async fn agents_are_added_changed_and_removed_and_the_audit_says_by_whom() {
    let Scene { acme, folder: _folder } = scene().await;
    let ada = Api::agent(&acme, "ada").await.unwrap();
    let new = |password: Option<&str>| json!({ "title": "Zoe", "role": "agent", "areas": ["billing"], "max_chats": 2, "password": password });
    let refused = async |path: &str, body: Value| ada.status(Method::PUT, path, Some(body)).await.unwrap();
    assert_eq!(refused("agents/zoe", new(None)).await, 422, "without a password");
    assert_eq!(refused("agents/zoe", new(Some("short"))).await, 422);
    assert_eq!(refused("agents/Zo%20e", new(Some("long enough for this"))).await, 422);
    assert_eq!(
        refused(
            "agents/zoe",
            json!({ "title": "Zoe", "role": "agent", "areas": ["no"], "password": "long enough for this" })
        )
        .await,
        422
    );
    ada.change(Method::PUT, "agents/zoe", Some(new(Some(baton_e2e::company::PASSWORD)))).await.unwrap();
    let zoe = Api::agent(&acme, "zoe").await.unwrap();
    let mut console = Client::agent(&acme, "zoe").await.unwrap();
    // What is changed reaches a console at once: it is sent away and comes back as what it is now.
    let supervisor = json!({ "title": "Zoe", "role": "supervisor", "areas": ["billing"] });
    ada.change(Method::PUT, "agents/zoe", Some(supervisor)).await.unwrap();
    console.closes(CloseCode::Restarting).await.unwrap();
    assert_eq!(
        zoe.get("session").await.unwrap()["role"],
        "supervisor",
        "with the same password the session goes on"
    );
    ada.change(Method::PUT, "agents/zoe", Some(new(Some("another long password")))).await.unwrap();
    assert_eq!(zoe.status(Method::GET, "session", None).await.unwrap(), 401, "another password ends it");
    ada.change(Method::DELETE, "agents/zoe", None).await.unwrap();
    assert_eq!(ada.status(Method::DELETE, "agents/zoe", None).await.unwrap(), 404);
    // The last administrator stays one.
    assert_eq!(ada.status(Method::DELETE, "agents/ada", None).await.unwrap(), 409);
    let audit = ada.get("audit?changes=true").await.unwrap();
    let first = &audit[0];
    assert_eq!(
        (&first["who"], &first["what"], &first["detail"]),
        (&json!("ada"), &json!("agent zoe"), &json!("removed"))
    );
    let text = audit.to_string();
    assert!(text.contains("another password") && !text.contains("another long password"));
    assert!(text.contains("operator"), "what the operator did at the command line is there, too");
}

#[tokio::test]
async fn s2_a_key_is_shown_once_opens_what_it_says_and_can_be_revoked() {
    let Scene { acme, folder } = scene().await;
    let ada = Api::agent(&acme, "ada").await.unwrap();
    let wanted = json!({ "title": "wallboard", "scopes": ["agents"], "writes": true });
    let made = ada.change(Method::POST, "keys", Some(wanted)).await.unwrap();
    let secret = made["secret"].as_str().unwrap();
    let key = Api::program(&acme, secret);
    assert_eq!(key.get("agents").await.unwrap().as_array().unwrap().len(), ACME.agents.len());
    let admin = json!({ "title": "Eve", "role": "admin", "areas": [], "password": "long enough for this" });
    assert_eq!(
        key.status(Method::PUT, "agents/eve", Some(admin)).await.unwrap(),
        403,
        "no key makes administrators"
    );
    assert_eq!(key.status(Method::DELETE, "agents/ada", None).await.unwrap(), 403);
    assert!(!ada.get("keys").await.unwrap().to_string().contains(secret));
    let raw = secret.strip_prefix("baton_").unwrap();
    for file in std::fs::read_dir(folder.path().join("acme")).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        assert!(
            !bytes.windows(raw.len()).any(|part| part == raw.as_bytes()),
            "{:?} has the secret",
            file.path()
        );
    }
    assert!(!acme.log().contains(raw));
    let id = made["key"]["id"].as_str().unwrap();
    ada.change(Method::DELETE, &format!("keys/{id}"), None).await.unwrap();
    assert_eq!(key.status(Method::GET, "agents", None).await.unwrap(), 401);
    let short = json!({ "title": "short", "scopes": ["agents"], "ends_in": 1 });
    let made = ada.change(Method::POST, "keys", Some(short)).await.unwrap();
    let ended = Api::program(&acme, made["secret"].as_str().unwrap());
    baton_e2e::until("the key to end", || async {
        anyhow::ensure!(ended.status(Method::GET, "agents", None).await? == 401, "it opens still");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn settings_are_changed_in_the_operators_file_and_count_after_a_moment() {
    let Scene { acme, folder: _folder } = scene().await;
    let ada = Api::agent(&acme, "ada").await.unwrap();
    let (mut carla, _, token) = Client::customer(&acme, &baton_e2e::pair::verifier()).await.unwrap();
    let before = ada.get("settings").await.unwrap();
    let wrong = json!({ "version": before["version"], "settings": { "area": [{ "name": "sales" }] } });
    let answer = ada.send(Method::PUT, "settings", Some(wrong)).await.unwrap();
    assert_eq!(answer.status(), 422);
    let problem: Value = answer.json().await.unwrap();
    assert!(problem["mistakes"][0]["what"].as_str().unwrap().contains("title"), "{problem}");
    let machine = json!({ "version": before["version"], "settings": { "listen": "0.0.0.0:1" } });
    assert_eq!(ada.status(Method::PUT, "settings", Some(machine)).await.unwrap(), 422);
    let mut areas = before["settings"]["area"].as_array().unwrap().clone();
    areas.push(json!({ "name": "tours", "title": "Tours", "hours": ["Mon-Sun 00:00-24:00"], "time_zone": "Europe/Berlin" }));
    let new = json!({ "version": before["version"], "settings": { "area": areas, "title": "Acme Travel" } });
    ada.change(Method::PUT, "settings", Some(new.clone())).await.unwrap();
    assert_eq!(ada.status(Method::PUT, "settings", Some(new)).await.unwrap(), 409, "of an older version");
    carla.closes(CloseCode::Restarting).await.unwrap();
    baton_e2e::until("the gateway to have the new settings", || async {
        let config: Value =
            reqwest::get(format!("{}/v1/widget-config", acme.address())).await?.json().await?;
        anyhow::ensure!(config["areas"][2]["name"] == "tours", "{config}");
        anyhow::ensure!(config["brand"]["name"] == "Acme Travel", "{config}");
        Ok(())
    })
    .await
    .unwrap();
    // The session outlives it, and so does the chat.
    ada.get("session").await.unwrap();
    let mut back = Client::resume(&acme, token, 1, 0).await.unwrap();
    let welcome = |frame: &ServerFrame| matches!(frame, ServerFrame::Welcome { .. }).then_some(());
    back.expect("a welcome", welcome).await.unwrap();
    let file = std::fs::read_to_string(acme.folder().join("baton.toml")).unwrap();
    assert!(file.contains("# What customers can ask for"), "the operator's words are gone:\n{file}");
    assert!(acme.folder().join("baton.toml.before").is_file());
}

#[tokio::test]
async fn a_peer_is_met_compared_added_suspended_and_removed() {
    let Scene { acme, folder } = scene().await;
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    globex.start().await.unwrap();
    let fingerprint = globex.baton(&["fingerprint"], "").unwrap();
    let ada = Api::agent(&acme, "ada").await.unwrap();
    let met = ada.change(Method::POST, "introductions", Some(json!({ "url": globex.url() }))).await.unwrap();
    assert_eq!(met["fingerprints"][0], fingerprint.trim());
    let peer = |fingerprint: &str| {
        Some(
            json!({ "url": globex.url(), "class": "partner", "mode": "in_place", "fingerprints": [fingerprint] }),
        )
    };
    assert_eq!(ada.status(Method::PUT, "peers/globex", peer("SHA256:nonsense")).await.unwrap(), 422);
    assert_eq!(ada.status(Method::PUT, "peers/other", peer(fingerprint.trim())).await.unwrap(), 422);
    ada.change(Method::PUT, "peers/globex", peer(fingerprint.trim())).await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let servers = |count: usize| {
        move |frame: &ServerFrame| match frame {
            ServerFrame::Destinations { servers, .. } => (servers.len() == count).then_some(()),
            _ => None,
        }
    };
    anna.expect("the new peer", servers(1)).await.unwrap();
    ada.change(Method::PATCH, "peers/globex", Some(json!({ "suspended": true }))).await.unwrap();
    anna.expect("nothing while it is suspended", servers(0)).await.unwrap();
    assert_eq!(ada.get("peers").await.unwrap()[0]["suspended"], true);
    // Everything that `baton peer set` and `baton peer rotate` can do.
    let patch = async |terms: Value| ada.status(Method::PATCH, "peers/globex", Some(terms)).await.unwrap();
    for wrong in [
        json!({ "agents": ["nobody"] }),
        json!({ "areas": ["nowhere"] }),
        json!({ "gives": ["everything"] }),
        json!({ "per_minute": 60_001 }),
        json!({ "mode": "navigate" }),
    ] {
        assert_eq!(patch(wrong.clone()).await, 422, "{wrong}");
    }
    let terms = json!({ "suspended": false, "agents": ["ben"], "gives": ["identity", "transcript"], "takes": [],
        "mode": "navigate", "page": "https://globex.example/", "reservations": 7 });
    let agreed = ada.change(Method::PATCH, "peers/globex", Some(terms.clone())).await.unwrap();
    for (name, wanted) in terms.as_object().unwrap() {
        assert_eq!(&agreed[name], wanted, "{name}");
    }
    let mut ben = Client::agent(&acme, "ben").await.unwrap();
    ben.expect("the peer, for him", servers(1)).await.unwrap();
    let keys = |fingerprint: &str| Some(json!({ "fingerprints": [fingerprint] }));
    let rotate = async |name: &str, print: &str| {
        ada.status(Method::PUT, &format!("peers/{name}/keys"), keys(print)).await.unwrap()
    };
    assert_eq!(rotate("initech", fingerprint.trim()).await, 404);
    assert_eq!(rotate("globex", "SHA256:nonsense").await, 422);
    globex.baton(&["key", "rotate", "--at-once"], "").unwrap();
    let new = globex.baton(&["fingerprint"], "").unwrap();
    baton_e2e::until("the new key, alone", || async {
        let made = ada.change(Method::PUT, "peers/globex/keys", keys(new.trim())).await?;
        anyhow::ensure!(made["fingerprints"] == json!([new.trim()]), "{made}");
        anyhow::ensure!(made["gives"] == json!(["identity", "transcript"]), "what was agreed stays: {made}");
        Ok(())
    })
    .await
    .unwrap();
    let audit = ada.get("audit?changes=true").await.unwrap().to_string();
    for told in
        ["agents ben, gives identity transcript, takes nothing, 7 at once, goes on", "known by SHA256:"]
    {
        assert!(audit.contains(told), "{told}: {audit}");
    }
    ada.change(Method::DELETE, "peers/globex", None).await.unwrap();
    assert_eq!(ada.get("peers").await.unwrap(), json!([]));
}

#[tokio::test]
async fn reports_count_what_has_happened_and_search_finds_what_one_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.configure_after("[end]\n", "survey = true").unwrap();
    acme.start().await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let (mut carla, chat, token) = Client::customer(&acme, &baton_e2e::pair::verifier()).await.unwrap();
    anna.pick_up().await.unwrap();
    carla.say(None, 1, "The valve of my Ember stove weeps.").await.unwrap();
    anna.say(Some(chat), 2, "Send it in, please.").await.unwrap();
    let outcome = Outcome { disposition: "Repair".into(), tags: Vec::new() };
    anna.send(&ClientFrame::SetOutcome { chat, outcome }).await.unwrap();
    anna.send(&ClientFrame::End { chat: Some(chat) }).await.unwrap();
    // Somebody who leaves before anybody came.
    let (mut other, ..) = Client::customer(&acme, &baton_e2e::pair::verifier()).await.unwrap();
    other.send(&ClientFrame::End { chat: None }).await.unwrap();
    let alma = Api::agent(&acme, "alma").await.unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let span = format!("from={}&to={}&zone=Europe/Berlin", now - 3_600_000, now + 3_600_000);
    let report = baton_e2e::until("the report", || async {
        let report = alma.get(&format!("reports?{span}")).await?;
        anyhow::ensure!(report["total"]["abandoned"] == 1, "{report}");
        anyhow::ensure!(report["total"]["handling"].is_number(), "{report}");
        Ok(report)
    })
    .await
    .unwrap();
    assert_eq!(report["total"]["chats"], 2);
    assert_eq!(report["agents"][0]["name"], "Anna");
    assert_eq!(report["areas"][0]["name"], "Sales");
    assert_eq!(report["outcomes"][0]["name"], "Repair");
    assert!(report["total"]["first_response"].is_number());
    // How it was, said once it was over.
    assert_eq!(report["total"]["score"], Value::Null);
    let answer = json!({ "score": 4, "text": "Quick." });
    let survey = format!("{}/v1/surveys/{chat}", acme.address());
    let told =
        reqwest::Client::new().post(survey).bearer_auth(token.reveal()).json(&answer).send().await.unwrap();
    assert_eq!(told.status(), 202);
    let report = baton_e2e::until("the answer", || async {
        let report = alma.get(&format!("reports?{span}")).await?;
        anyhow::ensure!(report["total"]["answers"] == 1, "{report}");
        Ok(report)
    })
    .await
    .unwrap();
    for line in [&report["total"], &report["days"][0], &report["areas"][0], &report["agents"][0]] {
        assert_eq!((&line["score"], &line["scores"]), (&json!(4.0), &json!([0, 0, 0, 1, 0])), "{line}");
    }
    let csv = alma.send(Method::GET, &format!("reports.csv?{span}&by=agents"), None).await.unwrap();
    assert!(csv.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    let csv = csv.text().await.unwrap();
    assert!(csv.contains("\"Anna\",1,0,0,") && csv.trim_end().ends_with(",1,4,0,0,0,1,0"), "{csv}");
    assert_eq!(alma.status(Method::GET, "reports?from=2&to=1", None).await.unwrap(), 422);
    assert_eq!(alma.status(Method::GET, "reports?from=0&to=99999999999999", None).await.unwrap(), 422);
    assert_eq!(
        alma.status(Method::GET, &format!("reports?{span}&zone=Mars/Base"), None).await.unwrap() / 100,
        4
    );
    // A few of each word's letters are enough, and an operator of the search engine's is a word like any other.
    let hers = baton_e2e::until("the chat to be findable", || async {
        let found = alma.get("search?q=valv%20EMBER").await?;
        anyhow::ensure!(found[0]["chat"]["id"] == chat.to_string(), "{found}");
        Ok(found)
    })
    .await
    .unwrap();
    assert!(
        hers[0]["excerpt"]
            .as_array()
            .unwrap()
            .iter()
            .any(|part| part["found"] == true && part["text"] == "valve")
    );
    for strange in ["valve%20NOT%20stove", "%22", "*", "text%3Avalve", "(", "AND"] {
        let found = alma.get(&format!("search?q={strange}")).await.unwrap();
        assert_eq!(found, json!([]), "{strange}");
    }
    let (anna, ben) = (Api::agent(&acme, "anna").await.unwrap(), Api::agent(&acme, "ben").await.unwrap());
    assert_eq!(anna.get("search?q=valve").await.unwrap().as_array().unwrap().len(), 1, "it was hers");
    assert_eq!(ben.get("search?q=valve").await.unwrap(), json!([]), "it was not his");
    assert_eq!(ben.status(Method::GET, &format!("chats/{chat}/customer"), None).await.unwrap(), 404);
}
