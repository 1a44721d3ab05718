//! Too many customers (D9): Acme sends them on to Globex, and nobody does anything for it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::axe;
use baton_e2e::browser::Browsers;
use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::pair::{both_with, verifier};
use baton_e2e::{story, until};
use baton_protocol::model::{Body, Event, Notice};
use baton_protocol::{ClientFrame, ServerFrame};

/// Two wait at Acme's, and then everybody goes to Globex until nobody waits.
const SENDS_ON: &str = "[[area.overload]]\nwhen = \"waiting\"\nfrom = 2\nbelow = 1\ncalm_seconds = 1\n\
    do = \"backup\"\nservers = [\"globex/repairs\"]\nper_minute = 600\n\
    [[area.overload]]\nwhen = \"waiting\"\nfrom = 2\nbelow = 1\ndo = \"announce\"\ntext = \"Everybody is busy.\"\n";

/// Globex would send its own on, to Acme.
const SENDS_BACK: &str = "[[area.overload]]\nwhen = \"waiting\"\nfrom = 1\nbelow = 1\n\
    do = \"backup\"\nservers = [\"acme\"]\nper_minute = 600\n";

/// Whoever waits may go, and is answered later.
const OFFERS: &str = "[[area.overload]]\nwhen = \"waiting\"\nfrom = 1\nbelow = 1\ndo = \"offer_message\"\n\
    [[area.overload]]\nwhen = \"waiting\"\nfrom = 1\nbelow = 1\ndo = \"offer_call_back\"\n";

fn rules(company: &Company, area: &str, title: &str, rules: &str) {
    company.configure_after(&format!("name = \"{area}\"\ntitle = \"{title}\"\n"), rules).unwrap();
}

async fn log_says(company: &Company, text: &str) {
    until(text, || async {
        anyhow::ensure!(company.log().contains(text), "not yet:\n{}", company.log());
        Ok(())
    })
    .await
    .unwrap();
}

fn is_offer(frame: &ServerFrame) -> Option<()> {
    matches!(frame, ServerFrame::Offered { .. }).then_some(())
}

#[tokio::test]
async fn d9_a_new_and_a_waiting_customer_go_to_the_backup_without_a_click() {
    let both = both_with(|acme, globex| {
        rules(acme, "sales", "Sales", SENDS_ON);
        rules(globex, "repairs", "Repairs", "assign = \"longest_idle\"\n");
    })
    .await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    let waiting = story::customer(&browsers, &both.acme, "Is anybody there?").await.unwrap();
    waiting.shows("brand", both.acme.plan().title).await.unwrap();
    // The second one who waits is one too many. This client does not want to go, so that somebody waits still.
    let (mut stays, ..) = Client::customer(&both.acme, &verifier()).await.unwrap();
    log_says(&both.acme, "overload rule").await;
    let told = |frame: &ServerFrame| match frame {
        ServerFrame::Notices { notices } => notices.first().cloned(),
        _ => None,
    };
    let notice = stays.expect("an announcement", told).await.unwrap();
    assert_eq!(notice, Notice::Announcement("Everybody is busy.".into()));
    let transfer = stays.whole_offer().await.unwrap().transfer;
    stays.send(&ClientFrame::Declined { transfer }).await.unwrap();
    waiting.shows("brand", both.globex.plan().title).await.unwrap();
    waiting.picture("overload-waiting-customer-at-globex").await.unwrap();
    let new = story::customer(&browsers, &both.acme, "And now?").await.unwrap();
    new.shows("brand", both.globex.plan().title).await.unwrap();
    new.picture("overload-new-customer-at-globex").await.unwrap();
    for browser in [&waiting, &new] {
        browser.shows("state", "Gus").await.unwrap();
    }
}

#[tokio::test]
async fn d9_a_new_customer_is_offered_the_backup_before_being_told_to_wait() {
    let both = both_with(|acme, _| rules(acme, "sales", "Sales", SENDS_ON)).await;
    let _gus = Client::agent(&both.globex, "gus").await.unwrap();
    let (mut first, ..) = Client::customer(&both.acme, &verifier()).await.unwrap();
    let (mut second, ..) = Client::customer(&both.acme, &verifier()).await.unwrap();
    second.expect("an offer for the last one who waits", is_offer).await.unwrap();
    let (mut new, ..) = Client::customer(&both.acme, &verifier()).await.unwrap();
    let first_word = |frame: &ServerFrame| match frame {
        ServerFrame::Offered { .. } => Some("offered"),
        ServerFrame::Entries { entries, .. } => entries
            .iter()
            .any(|entry| matches!(entry.body, Body::Event(Event::Queued { .. })))
            .then_some("queued"),
        _ => None,
    };
    assert_eq!(new.expect("what comes first", first_word).await.unwrap(), "offered");
    let queued = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { .. } => first_word(frame),
        _ => None,
    };
    assert_eq!(first.expect("the wait", queued).await.unwrap(), "queued");
}

#[tokio::test]
async fn d9_a_full_backup_refuses_and_sends_nobody_back() {
    let both = both_with(|acme, globex| {
        rules(acme, "sales", "Sales", SENDS_ON);
        rules(globex, "repairs", "Repairs", SENDS_BACK);
    })
    .await;
    let mut gus = Client::agent(&both.globex, "gus").await.unwrap();
    // Whoever is not there at the moment waits still, and cannot be sent anywhere: Acme stays full.
    drop(Client::customer(&both.acme, &verifier()).await.unwrap());
    let (mut second, ..) = Client::customer(&both.acme, &verifier()).await.unwrap();
    let offered = |frame: &ServerFrame| match frame {
        ServerFrame::Offered { offer } => Some(offer.clone()),
        _ => None,
    };
    let offer = second.expect("an offer", offered).await.unwrap();
    let mut there = Client::follow(&offer, verifier(), 1).await.unwrap();
    baton_e2e::pair::welcome(&mut there).await;
    // Now somebody waits at Globex's, which has too many by its own rule.
    log_says(&both.globex, "overload rule").await;
    let (mut third, chat, _) = Client::customer(&both.acme, &verifier()).await.unwrap();
    log_says(&both.acme, "a backup takes nobody now").await;
    let queued = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { chat: of, entries } if *of == chat => {
            entries.iter().any(|entry| matches!(entry.body, Body::Event(Event::Queued { .. }))).then_some(())
        }
        _ => None,
    };
    third.expect("the wait at Acme's", queued).await.unwrap();
    // Whoever came from Acme is served where they are.
    gus.pick_up().await.unwrap();
    let served = |frame: &ServerFrame| match frame {
        ServerFrame::Offered { .. } => Some("sent back"),
        ServerFrame::PhaseChanged { .. } => Some("served"),
        _ => None,
    };
    assert_eq!(there.expect("an agent", served).await.unwrap(), "served");
}

#[tokio::test]
async fn d9_whoever_waits_leaves_a_number_and_its_agent_reads_it_as_a_call_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    rules(&acme, "sales", "Sales", OFFERS);
    acme.start().await.unwrap();
    let browsers = Browsers::start().await.unwrap();
    let customer = story::customer(&browsers, &acme, "My stove leaks.").await.unwrap();
    customer.shows("call-back", "we call you back").await.unwrap();
    customer.shows("instead", "leave a message").await.unwrap();
    customer.click("call-back").await.unwrap();
    // What nobody can dial does not leave.
    customer.type_into("call-back-phone", "soon").await.unwrap();
    customer.click("call-back-send").await.unwrap();
    let phone = customer.find("call-back-phone").await.unwrap();
    phone.clear().await.unwrap();
    phone.send_keys("+49 (30) 123456").await.unwrap();
    axe::check(&customer, "a call-back").await.unwrap();
    customer.picture("overload-call-back").await.unwrap();
    customer.click("call-back-send").await.unwrap();
    customer.shows("left", "We will call you").await.unwrap();
    customer.picture("overload-call-back-left").await.unwrap();
    let anna = story::agent(&browsers, &acme, "anna").await.unwrap();
    anna.shows("queue-row", "Call back: +49 (30) 123456").await.unwrap();
    anna.picture("overload-call-back-in-the-queue").await.unwrap();
    story::pick_up(&anna).await.unwrap();
    anna.shows("message", "Wants to be called back: +49 (30) 123456").await.unwrap();
    anna.shows("message", "My stove leaks.").await.unwrap();
    anna.picture("overload-call-back-picked-up").await.unwrap();
    // Whoever waited is gone from the queue: one of the two was enough.
    anna.shows("inbox-waiting", "0").await.unwrap();
    assert!(!acme.log().contains("123456"), "a number is nobody's business");
}

#[tokio::test]
async fn d9_a_message_or_a_number_is_looked_at_before_it_waits() {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.start().await.unwrap();
    let left = |body: serde_json::Value| {
        let request = reqwest::Client::new().post(format!("{}/v1/messages", acme.address())).json(&body);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    for wrong in [
        serde_json::json!({ "text": "Hello" }),
        serde_json::json!({ "email": "carla@example.org" }),
        serde_json::json!({ "email": "carla", "text": "Hello" }),
        serde_json::json!({ "phone": "112" }),
        serde_json::json!({ "phone": "+49 30 123456 <b>" }),
        serde_json::json!({ "phone": "+49 30 123456", "email": "carla" }),
        serde_json::json!({ "phone": "123456\n7" }),
    ] {
        assert_eq!(left(wrong.clone()).await, 422, "{wrong}");
    }
    assert_eq!(left(serde_json::json!({ "phone": " ٠٣٠ ١٢٣٤٥٦ " })).await, 202);
    assert_eq!(left(serde_json::json!({ "email": "carla@example.org", "text": "Hello" })).await, 202);
}

#[tokio::test]
async fn q1_a_free_agent_is_given_the_customer_without_picking_them_up() {
    let both = both_with(|acme, _| rules(acme, "sales", "Sales", "assign = \"longest_idle\"\n")).await;
    let (mut carla, chat, _) = Client::customer(&both.acme, &verifier()).await.unwrap();
    let mut anna = Client::agent(&both.acme, "anna").await.unwrap();
    let opened = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { card, .. } => Some(card.chat),
        _ => None,
    };
    assert_eq!(anna.expect("the customer", opened).await.unwrap(), chat);
    let active = |frame: &ServerFrame| matches!(frame, ServerFrame::PhaseChanged { .. }).then_some(());
    carla.expect("Anna", active).await.unwrap();
}
