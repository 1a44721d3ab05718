//! Chats longer than what stays in memory: nothing that needs the older part is done without it.

use super::*;

/// More than stays.
const LONG: u64 = 1_300;

/// Both say something in turns; the chat, and everything that was stored of it.
fn long() -> (Bench, Vec<Arc<Entry>>) {
    let mut bench = Bench::with_ann();
    let mut stored = bench.chat.entries().to_vec();
    for number in 0..LONG {
        let (id, text) = (MessageId(u128::from(number).to_be_bytes()), format!("m{number}"));
        let chat = bench.chat.record.id;
        let input = if number % 2 == 0 {
            Input::Customer(CONN, ClientFrame::Say { chat: None, id, text })
        } else {
            Input::Agent("ann".into(), ClientFrame::Say { chat: Some(chat), id, text })
        };
        assert!(bench.chat.is_ready_for(&input), "talk never waits for the store");
        let appended = bench.raw(input).into_iter().filter_map(|effect| match effect {
            Effect::Append(entered) => Some(entered.entry),
            _ => None,
        });
        stored.extend(appended);
    }
    (bench, stored)
}

fn attach(last_seq: Seq) -> Input {
    Input::Attach { conn: ConnId(2), epoch: 1, last_seq, page: None }
}

#[test]
fn the_memory_of_a_chat_that_is_talked_in_does_not_grow() {
    let (bench, stored) = long();
    assert!(bench.chat.entries().len() < 128 && !bench.chat.is_whole());
    assert_eq!(bench.chat.entries().last(), stored.last());
}

#[test]
fn a_resume_that_missed_what_is_in_memory_needs_no_store_and_one_that_missed_more_waits() {
    let (mut bench, stored) = long();
    let first = bench.chat.entries()[0].seq;
    assert!(!bench.chat.is_ready_for(&attach(first - 2)) && !bench.chat.has_since(first - 2));
    assert!(bench.chat.is_ready_for(&attach(first - 1)) && bench.chat.has_since(first - 1));
    assert!(bench.chat.recall(stored.clone()));
    assert!(bench.chat.is_whole() && bench.chat.is_ready_for(&attach(0)));
    let missed: Vec<Seq> = bench.raw(attach(5)).into_iter().filter_map(to_customer).flatten().collect();
    assert!(missed.into_iter().eq(6..=stored.last().unwrap().seq));
}

fn to_customer(effect: Effect) -> Option<Vec<Seq>> {
    match effect {
        Effect::ToCustomer(_, frame) => {
            entries_of(&frame).map(|entries| entries.iter().map(|entry| entry.seq).collect())
        }
        _ => None,
    }
}

#[test]
fn w1_a_transfer_waits_for_the_whole_transcript_and_takes_it_along() {
    let (mut bench, stored) = long();
    let input = order(1, Destination::Agent("bob".into()), Share::All);
    assert!(!bench.chat.is_ready_for(&input));
    assert!(bench.chat.recall(stored));
    bench.tell(input);
    let placed = queue::Output::Placed {
        chat: bench.chat.record.id,
        transfer: transfer(1),
        agent: Some(profile("bob")),
    };
    bench.tell(Input::Queue(placed));
    let context = bench.chat.context.as_ref().unwrap();
    let texts = context.transcript.iter().map(|entry| entry.text.clone());
    assert!(texts.eq((0..LONG).map(|number| format!("m{number}"))));
}

#[test]
fn a_message_repeated_from_long_ago_waits_for_the_older_part_and_is_stored_once() {
    let (mut bench, stored) = long();
    let say = |number: u64| {
        let id = MessageId(u128::from(number).to_be_bytes());
        Input::Customer(CONN, ClientFrame::Say { chat: None, id, text: "again".into() })
    };
    assert!(bench.chat.is_ready_for(&say(LONG - 2)), "it is in memory");
    assert!(!bench.chat.is_ready_for(&say(0)));
    assert!(bench.chat.recall(stored.clone()));
    let effects = bench.raw(say(0));
    let seq = stored.iter().find(|entry| entry.id.0 == [0; 16]).unwrap().seq;
    let [Effect::ToCustomer(_, frame)] = &effects[..] else { panic!("{effects:?}") };
    assert!(matches!(**frame, ServerFrame::Stored { seq: again, .. } if again == seq), "{frame:?}");
}

#[test]
fn everything_but_talk_waits_for_the_older_part() {
    let (bench, _) = long();
    let chat = bench.chat.record.id;
    let end = ClientFrame::End { chat: Some(chat) };
    for input in [
        Input::Agent("ann".into(), end),
        Input::Show("ann".into()),
        Input::Queue(queue::Output::AgentLost { chat, login: "ann".into() }),
        Input::Timer(Timer::Away),
    ] {
        assert!(!bench.chat.is_ready_for(&input), "{input:?}");
    }
}

#[test]
fn what_was_read_too_early_is_read_again() {
    let (mut bench, mut stored) = long();
    let first = bench.chat.entries()[0].seq;
    let late: Vec<_> = stored.iter().filter(|entry| entry.seq < first - 1).cloned().collect();
    assert!(!bench.chat.recall(late), "an entry is lacking between");
    assert!(!bench.chat.is_whole());
    stored.truncate(usize::try_from(first).unwrap());
    assert!(bench.chat.recall(stored));
    assert!(bench.chat.entries().iter().map(|entry| entry.seq).eq(1..=bench.chat.last_seq()));
}

#[test]
fn an_idle_chat_takes_no_more_memory_than_what_it_has() {
    // What most chats never have is in boxes; what a session takes altogether, docs/performance.md says.
    assert!(size_of::<Chat>() <= 800, "{}", size_of::<Chat>());
}
