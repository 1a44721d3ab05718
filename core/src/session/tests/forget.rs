//! A chat whose customer is erased.

use baton_protocol::CloseCode;

use super::*;
use crate::effect::ReplyTo;

fn answers(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Reply(ReplyTo(5), answer) if matches!(**answer, Ok(Answer::Done)))).count()
}

#[test]
fn threat_22_an_open_chat_ends_and_stores_nothing_after_the_answer() {
    let mut bench = Bench::waiting();
    let effects = bench.raw(Input::Erase(ReplyTo(5)));
    assert_eq!(answers(&effects), 1);
    assert!(matches!(effects.last(), Some(Effect::Reply(..))), "when all before it is stored");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::CloseCustomer(CONN, CloseCode::Ended))));
    assert!(!bench.chat.is_open() && !bench.chat.is_needed());
    let stores = |effects: &[Effect]| {
        let stored = |effect: &Effect| {
            matches!(effect, Effect::Save(_) | Effect::Append(..) | Effect::SaveContext(..) | Effect::Call(_))
        };
        effects.iter().any(stored)
    };
    let say = ClientFrame::Say { chat: None, id: message(1), text: "Too late.".into() };
    let attach = Input::Attach { conn: ConnId(2), epoch: 1, last_seq: 0, page: None };
    let fetched = Input::Fetched { sha256: "ab".repeat(32), fetched: Fetched::Here };
    for input in [Input::Customer(CONN, say), attach, fetched, Input::Restore, Input::Timer(Timer::Away)] {
        assert!(!stores(&bench.raw(input)));
    }
    let attach = Input::Attach { conn: ConnId(3), epoch: 1, last_seq: 0, page: None };
    let effects = bench.raw(attach);
    assert!(matches!(effects[..], [Effect::CloseCustomer(ConnId(3), CloseCode::Unauthenticated)]));
    assert_eq!(answers(&bench.raw(Input::Erase(ReplyTo(5)))), 1, "once more is no other");
}
