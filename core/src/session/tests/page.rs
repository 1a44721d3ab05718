//! A transfer of a customer whose browser has no connection (O4).

use super::leave::{globex, permission};
use super::*;
use baton_protocol::Wtid;
use baton_protocol::federation::Reservation;

fn reservation() -> CallResult {
    Ok(Answer::Reservation(Reservation {
        wtid: Some(Wtid::from_bytes([2; 32])),
        socket: "wss://globex.example/v1/ws".into(),
        page: Some("https://globex.example/help".into()),
        expires_in: 60,
    }))
}

/// A customer with Ann, without a connection, who looks at the page.
fn looking() -> Bench {
    let mut bench = Bench::with_ann();
    bench.tell(Input::Detach(CONN));
    bench.check(Input::Looked, &["Away in 1800000"]);
    bench
}

fn offered() -> Bench {
    let mut bench = looking();
    bench.transfers(1, globex(), Share::All);
    bench.answer(1, permission(1));
    bench.answer(1, reservation());
    bench
}

#[test]
fn o4_a_browser_without_a_connection_gets_the_offer_by_page() {
    let mut bench = looking();
    bench.transfers(1, globex(), Share::All);
    let effects = bench.raw(Input::Answer(transfer(1), permission(1)));
    let posted = effects.into_iter().find_map(|effect| match effect {
        Effect::Call(call) => match call.request {
            CallRequest::Transfer(request) => Some(request.challenge),
            _ => None,
        },
        _ => None,
    });
    bench.answer(1, reservation());
    let offer = bench.chat.page_offer().unwrap();
    assert_eq!((offer.page.as_str(), offer.epoch), ("https://globex.example/help", 1));
    assert!(posted.unwrap().accepts(&offer.verifier), "the page proves what was posted");
    assert!(!serde_json::to_string(&bench.chat.record).unwrap().contains(&offer.verifier.reveal()));
}

#[test]
fn o4_nobody_is_sent_by_page_who_does_not_look_at_it() {
    let mut bench = Bench::with_ann();
    bench.tell(Input::Detach(CONN));
    let offline = |lines: Vec<String>| lines.iter().any(|line| line.contains("CustomerOffline"));
    assert!(offline(bench.transfers(1, globex(), Share::All)));
    bench.tell(Input::Looked);
    bench.world.now = bench.world.now.plus(31_000);
    assert!(offline(bench.transfers(2, globex(), Share::All)));
}

#[test]
fn o4_a_widget_that_is_back_has_no_use_for_the_page() {
    let mut bench = offered();
    let lines = bench.attach(2, 1, 0);
    assert!(bench.chat.page_offer().is_none());
    assert!(lines.contains(&"call globex: cancel".into()), "{lines:?}");
    assert!(matches!(bench.chat.record.outgoing, Outgoing::Owned));
    assert_eq!((bench.chat.record.epoch, bench.chat.agent_login()), (1, Some("ann")));
}

#[test]
fn o4_an_ordinary_offer_is_not_shown_by_page() {
    let mut bench = Bench::with_ann();
    bench.transfers(1, globex(), Share::All);
    bench.answer(1, permission(1));
    bench.answer(1, reservation());
    assert!(bench.chat.page_offer().is_none(), "its proof is the widget's own");
}
