//! Agents, the queue, and transfers within this server.

use baton_protocol::model::{Edits, SharePolicy};

use super::talk::{came_with, prior};
use super::*;
use crate::policy::Rule;

fn area(name: &str) -> Destination {
    Destination::Area(name.into())
}

fn agent(name: &str) -> Destination {
    Destination::Agent(name.into())
}

impl Bench {
    fn placed(&mut self, number: u8, login: Option<&str>) -> Vec<String> {
        let chat = self.chat.record.id;
        let agent = login.map(profile);
        self.tell(Input::Queue(queue::Output::Placed { chat, transfer: transfer(number), agent }))
    }

    fn context(&self) -> &Context {
        self.chat.context.as_ref().unwrap()
    }

    fn context_texts(&self) -> Vec<&str> {
        self.context().transcript.iter().map(|entry| entry.text.as_str()).collect()
    }
}

/// What an agent's console is shown of a chat's entries.
fn shown_to(effects: &[Effect], agent: &str) -> Vec<Seq> {
    let entries = effects.iter().filter_map(|effect| match effect {
        Effect::ToAgent(login, frame) if login == agent => entries_of(frame),
        _ => None,
    });
    entries.flatten().map(|entry| entry.seq).collect()
}

#[test]
fn a2_an_agent_who_picks_up_sees_everything() {
    let (mut bench, _) = Bench::arrived(Some(came_with(vec![prior(7, "known")])));
    bench.customer_says(1, "hello");
    assert_eq!(
        bench.assign("ann"),
        [
            "save",
            "ann < opened, context 1",
            "ann < #1 #2",
            "append #3",
            "1 < #3",
            "ann < #3",
            "1 < with Ann",
            "call globex: progress Answered",
        ]
    );
}

#[test]
fn a2_an_agent_who_comes_too_late_is_freed_again() {
    let mut bench = Bench::with_ann();
    assert_eq!(bench.assign("bob"), ["queue: free bob"]);
    assert_eq!(bench.assign("ann"), [""; 0], "said twice, it is still Ann's");
    assert_eq!(bench.chat.agent_login(), Some("ann"));
}

#[test]
fn a_lost_agents_customer_waits_at_the_old_place() {
    let mut bench = Bench::waiting();
    bench.world.now = bench.world.now.plus(60_000);
    bench.assign("ann");
    let chat = bench.chat.record.id;
    let lost = |login: &str| Input::Queue(queue::Output::AgentLost { chat, login: login.into() });
    bench.check(lost("bob"), &[]);
    bench.check(
        lost("ann"),
        &["save", "1 < waiting", "queue: wait since 1000000 in sales", "append #3", "1 < #3"],
    );
    bench.check(lost("ann"), &[]);
}

#[test]
fn x1_to_an_agent_in_one_step() {
    let mut bench = Bench::with_ann();
    bench.customer_says(1, "hello");
    bench.agent_notes("ann", 2, "careful");
    let lines = bench.transfers(9, agent("bob"), Share::All);
    assert_eq!(lines, ["ann < Requested", "queue: place Agent(\"bob\")"]);
    let lines = bench.placed(9, Some("bob"));
    assert_eq!(
        lines,
        [
            "append #5",
            "1 < #5",
            "ann < #5",
            "save context 2",
            "ann < card Transferred",
            "queue: free ann",
            "ann < Arrived",
            "save",
            "bob < opened, context 2",
            "append #6",
            "1 < #6",
            "bob < #6",
            "1 < with Bob",
            "ann < Answered",
        ]
    );
    assert_eq!(bench.context_texts(), ["hello", "careful"]);
    assert_eq!(
        (bench.context().agent.as_str(), bench.context().comments.as_str()),
        ("Ann", "kettle trouble")
    );
    assert!(bench.context().visited.is_empty(), "the chat has not left this server");
}

#[test]
fn x1_to_a_queue_and_its_agent_reports_back() {
    let mut bench = Bench::with_ann();
    bench.transfers(9, area("legal"), Share::All);
    bench.world.now = bench.world.now.plus(5);
    let lines = bench.placed(9, None);
    assert!(ends_with(
        &lines,
        &["save", "1 < waiting", "ann < Queued", "queue: wait since 1000005 in legal"]
    ));
    assert!(lines.contains(&"queue: free ann".into()));
    assert!(bench.assign("bob").contains(&"ann < Answered".into()));
}

#[test]
fn x1_what_is_said_while_a_place_is_sought_is_not_lost_to_the_next_agent() {
    let mut bench = Bench::with_ann();
    bench.customer_says(1, "before");
    bench.transfers(9, agent("bob"), Share::All);
    bench.customer_says(2, "meanwhile");
    bench.placed(9, Some("bob"));
    assert_eq!(bench.context_texts(), ["before", "meanwhile"]);
}

#[test]
fn a4_what_the_agent_could_not_edit_is_the_customers_own_or_stays() {
    let mut bench = Bench::with_ann();
    let edits = Share::Part(Edits { leave_out: vec![message(1)], ..Edits::default() });
    bench.customer_says(1, "before");
    bench.transfers(9, agent("bob"), edits);
    bench.customer_says(2, "meanwhile");
    bench.agent_notes("ann", 3, "note meanwhile");
    bench.placed(9, Some("bob"));
    assert_eq!(bench.context_texts(), ["meanwhile"]);
    assert!(bench.context().incomplete);
}

#[test]
fn w2_the_next_agent_here_sees_no_more_than_policy_and_choice_let_through() {
    let mut bench = Bench::with_ann();
    bench.customer_says(1, "secret");
    bench.transfers(9, agent("bob"), Share::Nothing);
    let chat = bench.chat.record.id;
    let placed = queue::Output::Placed { chat, transfer: transfer(9), agent: Some(profile("bob")) };
    let effects = bench.raw(Input::Queue(placed));
    let told = |effect: &&Effect| matches!(effect, Effect::ToAgent(login, _) if login == "bob");
    let told = effects.iter().filter(told).map(|effect| format!("{effect:?}")).collect::<String>();
    for word in ["secret", "Carla", "carla@example.org", "kettle"] {
        assert!(!told.contains(word), "{word} in {told}");
    }
    assert_eq!(shown_to(&effects, "bob"), [5], "only what happened since");
    let effects = bench.raw(Input::Show("bob".into()));
    assert_eq!(shown_to(&effects, "bob"), [5]);
    let mut killed = bench;
    killed.killed();
    assert_eq!(shown_to(&killed.raw(Input::Show("bob".into())), "bob"), [5]);
}

#[test]
fn w2_what_was_withheld_from_an_agent_does_not_leave_through_them() {
    let mut bench = Bench::with_ann();
    bench.customer_says(1, "secret");
    bench.transfers(9, agent("bob"), Share::Nothing);
    bench.placed(9, Some("bob"));
    let Input::Transfer { target, comments, share, .. } = order(10, area("legal"), Share::All) else {
        unreachable!()
    };
    let (login, transfer) = ("bob".into(), transfer(10));
    bench.tell(Input::Transfer { login, transfer, target, comments, share });
    bench.placed(10, None);
    let json = serde_json::to_string(bench.context()).unwrap();
    assert!(!json.contains("secret") && !json.contains("Carla") && !json.contains("carla@"), "{json}");
}

#[test]
fn w2_with_nothing_the_queue_does_not_show_the_customer_either() {
    let mut bench = Bench::with_ann();
    bench.transfers(9, area("legal"), Share::Nothing);
    let placed = queue::Output::Placed { chat: bench.chat.record.id, transfer: transfer(9), agent: None };
    let ticket = bench.raw(Input::Queue(placed)).into_iter().find_map(|effect| match effect {
        Effect::Queue(input) => match *input {
            queue::Input::Wait(ticket) => Some(ticket),
            _ => None,
        },
        _ => None,
    });
    let ticket = ticket.unwrap();
    assert_eq!((ticket.name.as_str(), ticket.subject.as_str()), ("", ""));
    assert_eq!(ticket.from.as_deref(), Some("Ann"));
}

#[test]
fn a6_no_place_leaves_the_chat_as_it_was_and_says_why() {
    let mut bench = Bench::with_ann();
    let before = bench.chat.record.clone();
    bench.transfers(9, agent("bob"), Share::All);
    let code = ErrorCode::AgentUnavailable;
    let not = queue::Output::NotPlaced { chat: before.id, transfer: transfer(9), code };
    bench.check(
        Input::Queue(not),
        &["append #3", "ann < #3", "ann < Failed AgentUnavailable", "ann < card Active"],
    );
    assert_eq!(bench.chat.record, before);
    assert_eq!(bench.transfers(10, agent("bob"), Share::All)[0], "ann < Requested", "she may try again");
}

#[test]
fn a6_a_rule_denies_with_its_reason() {
    let mut bench = Bench::with_ann();
    let rule = Rule { denied: Some("never on Sundays".into()), ..Rule::default() };
    bench.world.settings.rules.exceptions.push(rule);
    let before = bench.chat.record.clone();
    let effects = bench.raw(order(9, area("legal"), Share::All));
    assert_eq!(shown(&effects)[2], "ann < Failed NotPermitted");
    assert!(format!("{effects:?}").contains("never on Sundays"));
    assert_eq!(bench.chat.record, before);
}

#[test]
fn w2_the_server_enforces_the_policy_whatever_the_console_sends() {
    let mut bench = Bench::with_ann();
    bench.customer_says(1, "hello");
    let rule = Rule { share: Some(SharePolicy::Nothing), ..Rule::default() };
    bench.world.settings.rules.exceptions.push(rule);
    bench.transfers(9, agent("bob"), Share::All);
    bench.placed(9, Some("bob"));
    assert!(bench.context().transcript.is_empty() && bench.context().comments.is_empty());
}

#[test]
fn w2_never_more_leaves_than_the_agent_agreed_to() {
    for less in [Share::Nothing, Share::Part(Edits::default())] {
        let mut bench = Bench::with_ann();
        let rule = Rule { share: Some(SharePolicy::All), ..Rule::default() };
        bench.world.settings.rules.exceptions.push(rule);
        let before = bench.chat.record.clone();
        let effects = bench.raw(order(9, agent("bob"), less));
        assert_eq!(shown(&effects)[2], "ann < Failed NotPermitted");
        assert_eq!(bench.chat.record, before);
    }
}

#[test]
fn the_same_transfer_again_is_harmless() {
    let mut bench = Bench::with_ann();
    bench.transfers(9, agent("bob"), Share::All);
    assert_eq!(bench.transfers(9, agent("bob"), Share::All), [""; 0]);
    assert_eq!(bench.transfers(10, agent("cat"), Share::All), ["ann < refused TransferUnderWay"]);
    bench.placed(9, Some("bob"));
    assert_eq!(bench.transfers(9, agent("bob"), Share::All), [""; 0], "it has succeeded long ago");
}

#[test]
fn a_comment_that_is_too_long_is_refused() {
    let mut bench = Bench::with_ann();
    let Input::Transfer { login, transfer, target, share, .. } = order(9, area("legal"), Share::All) else {
        unreachable!()
    };
    let comments = "x".repeat(baton_protocol::limits::MAX_TEXT + 1);
    bench.check(Input::Transfer { login, transfer, target, comments, share }, &["ann < refused BadText"]);
}

#[test]
fn a_place_that_comes_too_late_is_given_back() {
    let mut bench = Bench::with_ann();
    bench.transfers(9, agent("bob"), Share::All);
    bench.tell(Input::Customer(CONN, ClientFrame::End { chat: None }));
    assert_eq!(bench.placed(9, Some("bob")), ["queue: free bob"]);
    let mut bench = Bench::with_ann();
    bench.transfers(9, agent("bob"), Share::All);
    bench.killed();
    assert_eq!(bench.placed(9, Some("bob")), ["queue: free bob"], "the gateway forgot whom it was for");
    assert_eq!(bench.placed(9, Some("ann")), [""; 0], "whoever serves the chat keeps the place");
}

#[test]
fn a_lost_agents_transfer_is_not_carried_out_for_the_next_one() {
    let mut bench = Bench::with_ann();
    bench.transfers(9, agent("bob"), Share::All);
    let chat = bench.chat.record.id;
    bench.tell(Input::Queue(queue::Output::AgentLost { chat, login: "ann".into() }));
    bench.assign("cat");
    assert_eq!(bench.placed(9, Some("bob")), ["queue: free bob"]);
    assert_eq!(bench.chat.agent_login(), Some("cat"));
}

#[test]
fn a2_a_console_that_comes_back_is_shown_its_chats() {
    let mut bench = Bench::with_ann();
    bench.check(Input::Show("ann".into()), &["ann < opened", "ann < #1 #2"]);
}

#[test]
fn a8_a_long_context_can_be_sent_to_a_console() {
    let long = (0..200).map(|n| prior(n, &"x".repeat(1_200))).collect();
    let (mut bench, _) = Bench::arrived(Some(came_with(long)));
    let chat = bench.chat.record.id;
    let assigned = queue::Output::Assigned { chat, agent: profile("ann") };
    for effect in bench.raw(Input::Queue(assigned)) {
        if let Effect::ToAgent(_, frame) = effect {
            frame.encode(baton_protocol::Encoding::Binary, &mut Vec::new()).unwrap();
        }
    }
}

/// The audit's records of a step: chat's, transfer's and agent's names aside.
fn audited(effects: &[Effect]) -> Vec<(String, crate::audit::Step)> {
    let record = |effect: &Effect| match effect {
        Effect::Audit(record) => Some((record.to.clone(), record.step.clone())),
        _ => None,
    };
    effects.iter().filter_map(record).collect()
}

#[test]
fn o2_every_transfer_leaves_a_record_of_its_rule_and_its_outcome() {
    use crate::audit::{Left, Step};
    use crate::policy::Rule;
    let mut bench = Bench::with_ann();
    let deny = Rule { confidential: Some(true), denied: Some("confidential".into()), ..Rule::default() };
    bench.world.settings.rules.exceptions.push(deny);
    bench.customer_says(1, "hello");
    let to = || Destination::Area("legal".into());
    let asked = bench.raw(order(1, to(), Share::All));
    let rule = "default for same_company".into();
    let permitted = Step::Permitted { rule, share: baton_protocol::model::SharePolicy::AgentsChoice };
    assert_eq!(audited(&asked), [("area legal".into(), permitted)]);
    let chat = bench.chat.record.id;
    let code = ErrorCode::Unstaffed;
    let not = queue::Output::NotPlaced { chat, transfer: transfer(1), code };
    assert_eq!(audited(&bench.raw(Input::Queue(not))), [("area legal".into(), Step::Failed { code })]);
    bench.tell(Input::Confidential { login: "ann".into(), title: "Ann".into(), supervisor: false, on: true });
    let denied = Step::Denied { rule: "rule 1".into(), reason: "confidential".into() };
    assert_eq!(audited(&bench.raw(order(2, to(), Share::All))), [("area legal".into(), denied)]);
    bench.tell(Input::Confidential { login: "eve".into(), title: "Eve".into(), supervisor: true, on: false });
    bench.raw(order(3, to(), Share::All));
    let placed = queue::Output::Placed { chat, transfer: transfer(3), agent: None };
    let left = audited(&bench.raw(Input::Queue(placed)));
    let [(_, Step::Sent(Left { messages: 1, notes: 0, identity: true, comments: true, .. })), (_, arrived)] =
        left.as_slice()
    else {
        panic!("{left:?}")
    };
    assert_eq!(*arrived, Step::Arrived);
}

#[test]
fn s2_only_its_agent_or_a_supervisor_marks_a_chat() {
    let mut bench = Bench::with_ann();
    let mark = |login: &str, supervisor| Input::Confidential {
        login: login.into(),
        title: login.into(),
        supervisor,
        on: true,
    };
    bench.check(mark("eve", false), &["eve < refused UnknownChat"]);
    assert!(!bench.chat.record.confidential);
    bench.check(mark("ann", false), &["save", "append #3", "ann < #3"]);
    assert!(bench.chat.record.confidential, "and the customer reads nothing of it");
}

fn rescue(to: Option<&str>) -> Input {
    Input::Rescue { to: to.map(Into::into), reply: ReplyTo(1) }
}

#[test]
fn a_supervisor_gets_a_chat_out_of_every_state_that_is_ours() {
    use super::leave::At;
    let mut waiting = Bench::waiting();
    let lines = waiting.tell(rescue(Some("legal")));
    assert!(ends_with(&lines, &["save", "queue: wait since 1000000 in legal", "reply: done"]), "{lines:?}");
    for at in [At::Requested, At::Permitted, At::Offered] {
        let mut bench = Bench::at(at);
        let lines = bench.tell(rescue(None));
        assert!(lines.contains(&"ann < Failed Cancelled".into()), "{at:?} {lines:?}");
        assert!(lines.contains(&"queue: free ann".into()), "{at:?} {lines:?}");
        assert!(matches!(bench.chat.record.state, State::Waiting { .. }), "{at:?}");
        assert!(matches!(bench.chat.record.outgoing, Outgoing::Owned), "{at:?}");
    }
    let mut placing = Bench::with_ann();
    placing.transfers(1, Destination::Area("legal".into()), Share::All);
    let lines = placing.tell(rescue(None));
    assert!(lines.contains(&"ann < Failed Cancelled".into()), "{lines:?}");
    let chat = placing.chat.record.id;
    let late = queue::Output::Placed { chat, transfer: transfer(1), agent: Some(profile("bob")) };
    assert_eq!(
        placing.tell(Input::Queue(late)),
        ["queue: free bob"],
        "a place that comes too late is free again"
    );
}

#[test]
fn a_rescue_says_where_the_customer_is_when_the_chat_is_not_ours() {
    use super::leave::At;
    let mut released = Bench::at(At::Released);
    let lines = released.tell(rescue(Some("legal")));
    assert!(lines.contains(&"reply: denied TransferUnderWay".into()), "{lines:?}");
    assert!(
        matches!(released.chat.record.outgoing, Outgoing::Released(_)),
        "only the customer can come back"
    );
    assert_eq!(released.chat.record.area, "legal", "and then waits there");
    let mut settled = Bench::at(At::Settled);
    assert_eq!(settled.tell(rescue(None)), ["reply: denied ChatOver"]);
    let mut lost = Bench::with_ann();
    let lines = lost.tell(rescue(Some("nowhere")));
    assert_eq!(lines, ["reply: denied UnknownArea"]);
}
