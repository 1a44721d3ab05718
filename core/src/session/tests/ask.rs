//! An agent of this server is asked whether they take a chat.

use super::*;
use crate::effect::NeedsAgent;

fn asking_ben() -> Bench {
    let mut bench = Bench::with_ann();
    bench.world.settings.areas[0].arrival.agent = NeedsAgent::Willing;
    bench.transfers(1, Destination::Agent("ben".into()), Share::All);
    bench
}

fn has_room(bench: &mut Bench) -> Vec<String> {
    let (chat, agent) = (bench.chat.record.id, Some(profile("ben")));
    bench.tell(Input::Queue(queue::Output::Placed { chat, transfer: transfer(1), agent }))
}

#[test]
fn x1_an_agent_who_is_asked_and_takes_it_has_the_chat() {
    let mut bench = asking_ben();
    let lines = has_room(&mut bench);
    assert_eq!(lines[0], "Ask in 20000");
    assert!(lines[1].starts_with("ben < "), "{lines:?}");
    assert_eq!(bench.chat.agent_login(), Some("ann"), "until the answer it is Ann's");
    bench.tell(Input::Decided("ben".into(), transfer(1), true));
    assert_eq!(bench.chat.agent_login(), Some("ben"));
}

#[test]
fn a6_an_agent_who_declines_leaves_the_chat_as_it_was() {
    for answer in [Input::Decided("ben".into(), transfer(1), false), Input::Timer(Timer::Ask)] {
        let mut bench = asking_ben();
        has_room(&mut bench);
        let lines = bench.tell(answer);
        assert!(lines.contains(&"queue: withdraw ben".into()), "{lines:?}");
        assert!(
            lines.iter().any(|line| line.starts_with("ann < ") && line.contains("Declined")),
            "{lines:?}"
        );
        assert_eq!(bench.chat.agent_login(), Some("ann"));
        let late = bench.tell(Input::Decided("ben".into(), transfer(1), true));
        assert_eq!((late.len(), bench.chat.agent_login()), (1, Some("ann")), "too late");
    }
}

#[test]
fn a6_the_question_can_be_taken_back() {
    let mut bench = asking_ben();
    has_room(&mut bench);
    let frame = ClientFrame::CancelTransfer { chat: bench.chat.record.id, transfer: transfer(1) };
    let lines = bench.tell(Input::Agent("ann".into(), frame));
    assert!(lines.contains(&"queue: withdraw ben".into()), "{lines:?}");
    assert_eq!(bench.chat.agent_login(), Some("ann"));
}

#[test]
fn only_the_agent_who_was_asked_answers() {
    let mut bench = asking_ben();
    has_room(&mut bench);
    bench.tell(Input::Decided("gus".into(), transfer(1), true));
    bench.tell(Input::Decided("ben".into(), transfer(2), true));
    assert_eq!(bench.chat.agent_login(), Some("ann"));
}

fn marked_while_asked(rule: crate::policy::Rule) -> (Bench, Vec<String>) {
    let mut bench = asking_ben();
    bench.world.settings.rules.exceptions.push(crate::policy::Rule { confidential: Some(true), ..rule });
    bench.customer_says(5, "a secret");
    has_room(&mut bench);
    let mark = Input::Confidential { login: "ann".into(), title: "Ann".into(), supervisor: false, on: true };
    let lines = bench.tell(mark);
    (bench, lines)
}

#[test]
fn w2_a_mark_takes_back_what_a_colleague_is_asked_where_policy_would_deny_it() {
    let denied = Some("it stays here".into());
    let (mut bench, lines) = marked_while_asked(crate::policy::Rule { denied, ..Default::default() });
    assert!(lines.contains(&"queue: withdraw ben".into()), "{lines:?}");
    assert!(lines.contains(&"ann < Failed NotPermitted".into()), "{lines:?}");
    bench.tell(Input::Decided("ben".into(), transfer(1), true));
    assert_eq!(bench.chat.agent_login(), Some("ann"));
}

#[test]
fn w2_a_mark_holds_for_what_a_colleague_is_asked() {
    let share = Some(baton_protocol::model::SharePolicy::Nothing);
    let (mut bench, _) = marked_while_asked(crate::policy::Rule { share, ..Default::default() });
    bench.tell(Input::Decided("ben".into(), transfer(1), true));
    assert_eq!(bench.chat.agent_login(), Some("ben"));
    let context = bench.chat.context.as_ref().unwrap();
    assert!(context.transcript.is_empty() && context.comments.is_empty(), "{context:?}");
}
