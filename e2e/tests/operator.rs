//! What the operator does at the command line while the gateway runs: agents, peers, settings.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::api::Api;
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX, PASSWORD};
use baton_e2e::pair::verifier;
use baton_protocol::{ChatId, CloseCode, ServerFrame};
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

/// Takes this customer once they wait.
async fn picks_up(agent: &mut Client, chat: ChatId) {
    assert_eq!(agent.pick_up().await.unwrap(), chat);
    let opened = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { card, .. } => (card.chat == chat).then_some(()),
        _ => None,
    };
    agent.expect("the chat", opened).await.unwrap();
}

#[tokio::test]
async fn s2_whoever_is_removed_is_gone_at_once_and_their_customers_are_served() {
    let Scene { acme, folder: _folder } = scene().await;
    let (mut carla, chat, _) = Client::customer(&acme, &verifier()).await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    picks_up(&mut anna, chat).await;
    let page = Api::agent(&acme, "anna").await.unwrap();
    let ada = Api::agent(&acme, "ada").await.unwrap();
    // By the API.
    ada.change(Method::DELETE, "agents/anna", None).await.unwrap();
    anna.closes(CloseCode::Unauthenticated).await.unwrap();
    assert_eq!(page.status(Method::GET, "session", None).await.unwrap(), 401);
    let mut ben = Client::agent(&acme, "ben").await.unwrap();
    picks_up(&mut ben, chat).await;
    ben.say(Some(chat), 1, "Ben here.").await.unwrap();
    // At the command line.
    let page = Api::agent(&acme, "ben").await.unwrap();
    let said = acme.baton(&["agent", "remove", "ben"], "").unwrap();
    assert!(said.contains("logged out everywhere"), "{said}");
    ben.closes(CloseCode::Unauthenticated).await.unwrap();
    assert_eq!(page.status(Method::GET, "session", None).await.unwrap(), 401);
    let mut alma = Client::agent(&acme, "alma").await.unwrap();
    picks_up(&mut alma, chat).await;
    carla.say(None, 2, "Is somebody there?").await.unwrap();
    // Somebody else by the same name is not logged in where she was.
    let replace =
        ["agent", "add", "alma", "--title", "Alma", "--area", "sales", "--replace", "--password-stdin"];
    acme.baton(&replace, PASSWORD).unwrap();
    alma.closes(CloseCode::Unauthenticated).await.unwrap();
    let mut alma = Client::agent(&acme, "alma").await.unwrap();
    alma.say(Some(chat), 3, "The new Alma.").await.unwrap();
}

#[tokio::test]
async fn what_the_operator_agrees_with_a_peer_is_in_the_audit() {
    let Scene { acme, folder } = scene().await;
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    globex.start().await.unwrap();
    let fingerprint = globex.baton(&["fingerprint"], "").unwrap();
    let fingerprint = fingerprint.trim();
    let url = globex.url();
    for words in [
        vec!["peer", "add", &url, "--class", "partner", "--fingerprint", fingerprint],
        vec!["peer", "set", "globex", "--give", "identity,transcript", "--per-minute", "5"],
        vec!["peer", "suspend", "globex"],
        vec!["peer", "resume", "globex"],
        vec!["peer", "rotate", "globex", "--fingerprint", fingerprint],
        vec!["peer", "remove", "globex"],
    ] {
        acme.baton(&words, "").unwrap();
    }
    let ada = Api::agent(&acme, "ada").await.unwrap();
    let audit = ada.get("audit?changes=true").await.unwrap();
    let of_peers = audit.as_array().unwrap().iter().filter(|record| record["what"] == "peer globex");
    let told: Vec<(&Value, &Value)> = of_peers.map(|record| (&record["who"], &record["detail"])).collect();
    let details = [
        "removed".to_owned(),
        "as it was".into(),
        "goes on".into(),
        "suspended".into(),
        "gives identity transcript, 5 a minute".into(),
        format!("added at {url}, partner, in-place, known by {fingerprint}"),
    ];
    let wanted: Vec<(Value, Value)> =
        details.iter().map(|detail| (json!("operator"), json!(detail))).collect();
    assert_eq!(told, wanted.iter().map(|(who, detail)| (who, detail)).collect::<Vec<_>>());
}

#[tokio::test]
async fn settings_that_are_wrong_change_nothing_and_disconnect_nobody() {
    let Scene { acme, folder: _folder } = scene().await;
    let (mut carla, chat, token) = Client::customer(&acme, &verifier()).await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    picks_up(&mut anna, chat).await;
    let file = acme.folder().join("baton.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let line = good.trim_end().lines().count() + 1;
    // Of this mistake, in the line of the log that says what it means.
    let logged = async |reason: &str, before: usize| {
        baton_e2e::until(reason, || async {
            let log = acme.log();
            let told =
                log.lines().filter(|line| line.contains("nothing is changed, the settings before stay"));
            let told: Vec<&str> = told.skip(before).collect();
            anyhow::ensure!(told.iter().any(|line| line.contains(reason)), "{log}");
            Ok(())
        })
        .await
        .unwrap();
    };
    // No TOML; what no setting is called; and a file that is not there, which only trying finds.
    let missing =
        format!("[[identity]]\nsite = {:?}\nalgorithm = \"HS256\"\nkey = \"not-there\"\n", acme.site());
    let wrong = [
        ("title = ".to_owned(), format!("baton.toml:{line}: ")),
        ("[limitz]\nmax_chats = 3\n".into(), format!("baton.toml:{line}: ")),
        (missing, "not-there".into()),
    ];
    for (number, (lines, reason)) in (0_u8..).zip(&wrong) {
        std::fs::write(&file, format!("{}\n{lines}", good.trim_end())).unwrap();
        acme.hang_up().unwrap();
        logged(reason, usize::from(number)).await;
        let said = acme.baton(&["reload"], "").unwrap_err().to_string();
        assert!(said.contains(reason) && said.contains("nothing is changed"), "{said}");
        carla.say(None, 10 + number, "Still here?").await.unwrap();
        anna.say(Some(chat), 20 + number, "Still here.").await.unwrap();
    }
    let served = async || {
        let url = format!("{}/v1/widget-config", acme.address());
        let config: Value = reqwest::get(url).await?.json().await?;
        anyhow::Ok(config["brand"]["name"].clone())
    };
    assert_eq!(served().await.unwrap(), ACME.title);
    std::fs::write(&file, good.replacen(ACME.title, "Acme Travel", 1)).unwrap();
    acme.hang_up().unwrap();
    carla.closes(CloseCode::Restarting).await.unwrap();
    baton_e2e::until("the new settings", || async {
        anyhow::ensure!(served().await? == "Acme Travel", "not yet");
        Ok(())
    })
    .await
    .unwrap();
    let mut back = Client::resume(&acme, token, 1, 0).await.unwrap();
    back.say(None, 30, "And back.").await.unwrap();
}
