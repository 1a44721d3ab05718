//! Administration, reports and search in the console, as administrators and supervisors use them, in real browsers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::api::Api;
use baton_e2e::browser::{Browser, Browsers};
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company, GLOBEX, PASSWORD};
use baton_e2e::provider::{self, Provider};
use baton_e2e::{axe, story, until};
use serde_json::json;
use thirtyfour::By;

struct Scene {
    acme: Company,
    browsers: Browsers,
    folder: tempfile::TempDir,
}

async fn scene(settings: &str) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.configure_after("[console]\n", settings).unwrap();
    acme.start().await.unwrap();
    Scene { acme, browsers: Browsers::start().await.unwrap(), folder }
}

async fn look(browser: &Browser, view: &str) {
    browser.pictures(&format!("office-{view}")).await.unwrap();
    axe::check(browser, view).await.unwrap();
}

/// Ada at her administration.
async fn ada(browsers: &Browsers, acme: &Company) -> Browser {
    let ada = story::agent(browsers, acme, "ada").await.unwrap();
    ada.click("office").await.unwrap();
    ada
}

async fn write(browser: &Browser, mark: &str, text: &str) {
    let field = browser.find(mark).await.unwrap();
    field.clear().await.unwrap();
    // The field hears that it has changed when it is left.
    field.send_keys(text.to_owned() + thirtyfour::Key::Tab).await.unwrap();
}

#[tokio::test]
async fn an_administrator_adds_an_agent_who_then_works() {
    let Scene { acme, browsers, folder: _folder } = scene("").await;
    let ada = ada(&browsers, &acme).await;
    ada.click("office-agents").await.unwrap();
    ada.shows("agent", "Anna").await.unwrap();
    look(&ada, "agents").await;
    ada.click("agent-new").await.unwrap();
    write(&ada, "agent-name", "zoe").await;
    write(&ada, "agent-title", "Zoe").await;
    write(&ada, "agent-most", "2").await;
    ada.click("agent-area-sales").await.unwrap();
    write(&ada, "agent-password", "short").await;
    look(&ada, "agent-form").await;
    write(&ada, "agent-password", PASSWORD).await;
    ada.click("agent-save").await.unwrap();
    ada.shows("agent", "zoe").await.unwrap();
    // Whether she picks customers up herself is the administrator's to say, too, and is shown as it is.
    let row = "return [...document.querySelectorAll('[data-test=agent]')].find(row => row.textContent.includes('zoe'))?.textContent.includes('by hand')";
    let api = Api::agent(&acme, "ada").await.unwrap();
    for by_hand in [true, false] {
        ada.css("[aria-label='Edit Zoe']").await.unwrap().click().await.unwrap();
        let choice = ada.find("agent-by-hand").await.unwrap();
        assert_eq!(choice.is_selected().await.unwrap(), !by_hand);
        choice.click().await.unwrap();
        if by_hand {
            look(&ada, "agent-by-hand").await;
        }
        ada.click("agent-save").await.unwrap();
        until("the row to say so", || async {
            let said = ada.script(row).await?;
            anyhow::ensure!(said == json!(by_hand), "{said}");
            Ok(())
        })
        .await
        .unwrap();
        let agents = api.get("agents").await.unwrap();
        let zoe = agents.as_array().unwrap().iter().find(|agent| agent["name"] == "zoe").unwrap();
        assert_eq!(zoe["by_hand"], by_hand);
    }
    let zoe = story::agent(&browsers, &acme, "zoe").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Is the Ridge 2 in stock?").await.unwrap();
    story::pick_up(&zoe).await.unwrap();
    zoe.say("composer", "Zoe here.").await.unwrap();
    customer.shows("message", "Zoe here.").await.unwrap();
    // Whoever is no administrator has none of it.
    zoe.click("office").await.unwrap();
    assert!(zoe.driver.find_all(By::Css("[data-test=office-agents]")).await.unwrap().is_empty());
    ada.click("office-audit").await.unwrap();
    ada.shows("audit-record", "agent zoe").await.unwrap();
    look(&ada, "audit").await;
}

/// Half an hour of the day that is hours away.
fn other_hours() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let hour = (seconds / 3_600 + 3) % 24;
    format!("Mon-Sun {hour:02}:00-{hour:02}:30")
}

#[tokio::test]
async fn a_line_is_changed_and_the_chats_go_on() {
    let Scene { acme, browsers, folder: _folder } = scene("").await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let customer = story::customer(&browsers, &acme, "Hello?").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    let ada = ada(&browsers, &acme).await;
    ada.click("office-areas").await.unwrap();
    write(&ada, "field-hours", "every day").await;
    ada.click("areas-save").await.unwrap();
    ada.shows("refused", "hours").await.unwrap();
    write(&ada, "field-title", "Sales and advice").await;
    write(&ada, "field-hours", &other_hours()).await;
    ada.click("add-faq").await.unwrap();
    write(&ada, "faq-question", "Do you ship abroad?").await;
    write(&ada, "faq-answer", "Within Europe.").await;
    look(&ada, "areas").await;
    ada.click("areas-save").await.unwrap();
    ada.shows("done", "connections come back by themselves").await.unwrap();
    let file = std::fs::read_to_string(acme.folder().join("baton.toml")).unwrap();
    assert!(file.contains("title = \"Sales and advice\"") && file.contains("Within Europe."), "{file}");
    // The gateway has started again with it, and nobody has noticed.
    anna.say("composer", "Still here.").await.unwrap();
    customer.shows("message", "Still here.").await.unwrap();
    // The line is closed now, and everybody sees it and until when.
    anna.shows("closed-lines", "Sales and advice: closed until").await.unwrap();
    look(&anna, "inbox-closed-line").await;
    anna.click("inbox-team").await.unwrap();
    anna.shows("line", "Sales and advice").await.unwrap();
    anna.shows("line", "closed until").await.unwrap();
    look(&anna, "team-closed-line").await;
    anna.click("inbox-waiting").await.unwrap();
    write(&ada, "field-hours", "Mon-Sun 00:00-24:00").await;
    ada.click("areas-save").await.unwrap();
    anna.returns("return document.querySelector('[data-test=closed-lines]').textContent", json!(""))
        .await
        .unwrap();
    ada.click("office-policies").await.unwrap();
    ada.choose("policy-partner", "nothing").await.unwrap();
    ada.click("add-rule").await.unwrap();
    write(&ada, "rule-name", "bills").await;
    write(&ada, "rule-area", "billing").await;
    write(&ada, "rule-deny", "Bills stay here").await;
    look(&ada, "policies").await;
    baton_e2e::until("the policy to be saved", || async {
        ada.click("policy-save").await?;
        ada.shows("done", "Saved.").await
    })
    .await
    .unwrap();
    let file = std::fs::read_to_string(acme.folder().join("baton.toml")).unwrap();
    assert!(file.contains("Bills stay here"), "{file}");
}

#[tokio::test]
async fn keys_and_other_servers_are_administered_in_the_console() {
    let Scene { acme, browsers, folder } = scene("").await;
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    globex.start().await.unwrap();
    let ada = ada(&browsers, &acme).await;
    ada.click("office-keys").await.unwrap();
    write(&ada, "key-title", "wallboard").await;
    ada.click("scope-reports").await.unwrap();
    ada.click("key-make").await.unwrap();
    let secret = ada.find("key-secret").await.unwrap().text().await.unwrap();
    assert!(secret.starts_with("baton_"), "{secret}");
    ada.shows("key", "wallboard").await.unwrap();
    look(&ada, "keys").await;
    let key = baton_e2e::api::Api::program(&acme, &secret);
    key.get("reports?from=1&to=2").await.unwrap();
    ada.click("key-revoke").await.unwrap();
    baton_e2e::until("the key to be revoked", || async {
        anyhow::ensure!(
            key.status(reqwest::Method::GET, "reports?from=1&to=2", None).await? == 401,
            "it opens"
        );
        Ok(())
    })
    .await
    .unwrap();
    ada.click("office-peers").await.unwrap();
    write(&ada, "peer-url", &globex.url()).await;
    ada.click("peer-look").await.unwrap();
    let fingerprint = globex.baton(&["fingerprint"], "").unwrap();
    ada.shows("introduction", fingerprint.trim()).await.unwrap();
    assert!(!ada.find("peer-add").await.unwrap().is_enabled().await.unwrap(), "not before it was compared");
    ada.click("peer-same").await.unwrap();
    look(&ada, "peer-new").await;
    ada.click("peer-add").await.unwrap();
    ada.shows("peer", "Globex Repairs").await.unwrap();
    ada.click("peer-edit").await.unwrap();
    ada.click("peer-agent-anna").await.unwrap();
    ada.click("peer-area-sales").await.unwrap();
    ada.click("peer-gives-notes").await.unwrap();
    ada.click("peer-takes-documents").await.unwrap();
    ada.click("terms-confined").await.unwrap();
    write(&ada, "terms-often", "7").await;
    look(&ada, "peer-terms").await;
    ada.click("terms-save").await.unwrap();
    let listed = async |parts: &[&str]| {
        baton_e2e::until(&format!("{parts:?}"), || async {
            let list = acme.baton(&["peer", "list"], "")?;
            anyhow::ensure!(parts.iter().all(|part| list.contains(part)), "{list}");
            Ok(())
        })
        .await
        .unwrap();
    };
    let gives = "gives identity transcript documents comments";
    listed(&[
        "agents anna",
        gives,
        "takes identity notes transcript comments",
        "must not pass on",
        "7 a minute",
    ])
    .await;
    // Its operator has made a new key without a word of the old one, and says which.
    globex.baton(&["key", "rotate", "--at-once"], "").unwrap();
    globex.baton(&["key", "revoke", fingerprint.trim()], "").unwrap();
    let second = globex.baton(&["fingerprint"], "").unwrap();
    baton_e2e::until("the new key", || async {
        ada.click("peer-keys-look").await?;
        ada.shows("peer-keys-now", second.trim()).await
    })
    .await
    .unwrap();
    ada.click("peer-keys-same").await.unwrap();
    look(&ada, "peer-keys").await;
    ada.click("peer-keys-trust").await.unwrap();
    listed(&[second.trim()]).await;
    ada.click("terms-close").await.unwrap();
    ada.click("peer-suspend").await.unwrap();
    ada.shows("peer", "suspended").await.unwrap();
    look(&ada, "peers").await;
}

#[tokio::test]
async fn a_session_is_out_of_scripts_reach_and_ends_in_every_browser() {
    let Scene { acme, browsers, folder: _folder } = scene("").await;
    let (one, other) = (
        story::agent(&browsers, &acme, "anna").await.unwrap(),
        story::agent(&browsers, &acme, "anna").await.unwrap(),
    );
    let seen = one
        .script("return document.cookie + JSON.stringify({...localStorage, ...sessionStorage})")
        .await
        .unwrap();
    assert_eq!(seen, "{}");
    one.driver.refresh().await.unwrap();
    one.find("presence").await.unwrap();
    one.click("preferences").await.unwrap();
    one.click("log-out-everywhere").await.unwrap();
    one.find("login-submit").await.unwrap();
    other.find("login-submit").await.unwrap();
    other.driver.refresh().await.unwrap();
    other.find("login-submit").await.unwrap();
}

const IDENTITY: &str = "\
[[identity]]
site = \"http://www.acme.localhost\"
algorithm = \"HS256\"
key = \"site.secret\"
";

#[tokio::test]
async fn reports_search_and_what_came_of_a_chat() {
    let Scene { acme, browsers, folder: _folder } = scene("dispositions = [\"Sold\", \"Repair\"]").await;
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    let _customer = story::customer(&browsers, &acme, "My Ember stove weeps.").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    anna.say("composer", "Send it in.").await.unwrap();
    anna.choose("disposition", "Repair").await.unwrap();
    baton_e2e::until("the outcome to be kept", || async {
        anna.click("end").await?;
        Ok(())
    })
    .await
    .unwrap();
    anna.click("dismiss").await.unwrap();
    anna.click("inbox-closed").await.unwrap();
    anna.shows("closed-chat", "Repair").await.unwrap();
    anna.click("office").await.unwrap();
    baton_e2e::until("the chat to be findable", || async {
        write(&anna, "search-words", "ember").await;
        anna.click("search-submit").await?;
        anyhow::ensure!(anna.texts("found").await?.iter().any(|text| text.contains("Ember")), "not yet");
        Ok(())
    })
    .await
    .unwrap();
    look(&anna, "search").await;
    anna.css("[data-test=found] button").await.unwrap().click().await.unwrap();
    anna.shows("message", "My Ember stove weeps.").await.unwrap();
    let alma = story::agent(&browsers, &acme, "alma").await.unwrap();
    alma.click("office").await.unwrap();
    alma.click("office-reports").await.unwrap();
    alma.shows("report-agents", "Anna").await.unwrap();
    alma.shows("report-outcomes", "Repair").await.unwrap();
    look(&alma, "reports").await;
}

#[tokio::test]
async fn the_panel_shows_who_a_site_says_it_is_and_what_they_asked_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let site = acme.site();
    acme.configure(&IDENTITY.replace("http://www.acme.localhost", &site)).unwrap();
    std::fs::write(acme.folder().join("site.secret"), SECRET).unwrap();
    acme.start().await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let token = signed(&acme);
    for number in 0..2 {
        let (mut carla, chat, key) = Client::customer(&acme, &baton_e2e::pair::verifier()).await.unwrap();
        let http = reqwest::Client::new();
        let url = format!("{}/v1/identify/{chat}", acme.address());
        let body = serde_json::json!({ "token": token });
        let answer = http.post(url).bearer_auth(key.reveal()).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        if number == 0 {
            anna.pick_up().await.unwrap();
            carla.say(None, 1, "Is it open on Sundays?").await.unwrap();
            let outcome = baton_protocol::model::Outcome { disposition: "Answered".into(), tags: Vec::new() };
            anna.send(&baton_protocol::ClientFrame::SetOutcome { chat, outcome }).await.unwrap();
            anna.send(&baton_protocol::ClientFrame::End { chat: Some(chat) }).await.unwrap();
        }
    }
    // Not she who had the first one: whoever has the customer now may read what they asked before.
    let ben = story::agent(&browsers, &acme, "ben").await.unwrap();
    story::pick_up(&ben).await.unwrap();
    ben.shows("verified", "Verified by www.acme.localhost").await.unwrap();
    ben.shows("earlier", "Answered").await.unwrap();
    look(&ben, "panel").await;
    ben.click("earlier").await.unwrap();
    ben.shows("message", "Is it open on Sundays?").await.unwrap();
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What the site says of Carla.
fn signed(acme: &Company) -> String {
    use jsonwebtoken::{EncodingKey, Header, encode};
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = serde_json::json!({ "iss": acme.site(), "sub": "c-7", "aud": acme.url(), "exp": now + 300, "name": "Carla" });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    encode(&Header::new(jsonwebtoken::Algorithm::HS256), &claims, &key).unwrap()
}

#[tokio::test]
async fn s2_agents_log_in_with_the_companys_own_provider_and_are_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start().await.unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.configure(&provider.settings()).unwrap();
    std::fs::write(acme.folder().join("oidc-secret"), provider::CLIENT.1).unwrap();
    acme.start().await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    let log_in = async |claims: serde_json::Value| {
        provider.next(claims);
        let browser = browsers.open(1280, 860).await.unwrap();
        browser.go(&acme.console()).await.unwrap();
        browser.shows("login-provider", "Acme login").await.unwrap();
        browser.click("login-provider").await.unwrap();
        browser
    };
    let zoe = |groups: &[&str]| json!({ "sub": "z-1", "preferred_username": "zoe", "name": "Zoe", "groups": groups });
    let agent = log_in(zoe(&["support"])).await;
    agent.find("presence").await.unwrap();
    let _customer = story::customer(&browsers, &acme, "Is the Ridge 2 in stock?").await.unwrap();
    story::pick_up(&agent).await.unwrap();
    // The role is read again at each login.
    let boss = log_in(zoe(&["support", "bosses"])).await;
    boss.click("office").await.unwrap();
    boss.find("office-agents").await.unwrap();
    // Who has no role is refused, and so is a stranger who calls themselves as an agent here is called.
    let refused = log_in(json!({ "sub": "x-1", "preferred_username": "xena", "groups": ["guests"] })).await;
    refused.css(".wrong").await.unwrap();
    look(&refused, "login-provider").await;
    let impostor = log_in(json!({ "sub": "i-1", "preferred_username": "ada", "groups": ["support"] })).await;
    impostor.css(".wrong").await.unwrap();
    assert!(acme.log().contains("ada is another agent here"));
    // A token of another login's, and an answer that this browser has not asked for.
    let replayed = log_in(
        json!({ "sub": "z-1", "preferred_username": "zoe", "groups": ["bosses"], "nonce": "another" }),
    )
    .await;
    replayed.css(".wrong").await.unwrap();
    let stranger = browsers.open(1280, 860).await.unwrap();
    stranger.go(&format!("{}/api/v1/oidc/callback?code=code-1&state=x", acme.url())).await.unwrap();
    stranger.css(".wrong").await.unwrap();
    let api = baton_e2e::api::Api::agent(&acme, "ada").await.unwrap();
    let audit = api.get("audit?changes=true").await.unwrap().to_string();
    assert!(audit.contains("single sign-on") && audit.contains("as the provider says"), "{audit}");
}
