//! What the origin's agents said last: the customer may not have read it there.

use super::*;

fn agents(number: u8, note: bool) -> PriorEntry {
    PriorEntry { author: Author::Agent("Ann".into()), note, ..prior(number, "they know more") }
}

/// Numbers of the entries that were sent after the welcome.
fn late(lines: &[String]) -> Vec<&str> {
    let welcome = lines.iter().position(|line| line.starts_with("1 < welcome")).unwrap();
    let entries = lines[welcome..].iter().filter_map(|line| line.strip_prefix("1 < #"));
    entries.filter(|numbers| numbers.starts_with('0')).collect()
}

#[test]
fn m2_what_agents_said_last_at_the_origin_is_sent_here_to_whoever_has_read_nothing_yet() {
    let mut door = Door::at(At::Claimed);
    let tail = vec![prior(2, "own words"), agents(3, false), agents(4, true)];
    assert_eq!(late(&door.tell(released(tail))), ["0"], "no note, and not what the customer wrote");
    let chat = door.chats.last_mut().unwrap();
    let resume = |last_seq| session::Input::Attach { conn: ConnId(1), epoch: 5, last_seq, page: None };
    let mut lines = |input| shown(&door.world.step(|env, out| chat.handle(env, input, out)).1);
    assert_eq!(late(&lines(resume(0))), ["0"], "the first time may have been lost");
    assert_eq!(late(&lines(resume(1))), [""; 0]);
}

#[test]
fn m2_what_agents_said_last_comes_with_the_tail_where_the_origin_was_out_of_reach() {
    let mut door = Door::at(At::Provisional);
    let chat = door.chats.last_mut().unwrap();
    let tail = session::Input::Tail(vec![agents(3, false)]);
    let lines = shown(&door.world.step(|env, out| chat.handle(env, tail, out)).1);
    assert!(lines.contains(&"1 < #0".into()), "{lines:?}");
}
