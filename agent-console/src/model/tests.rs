//! The model's promises, without a browser.

use baton_protocol::frames::{About, PeerOffer};
use baton_protocol::model::*;
use baton_protocol::{
    ChatId, ClientFrame, CloseCode, ErrorCode, MessageId, Seq, ServerFrame, Timestamp, TransferId,
};

use super::Link;
use super::dialog::candidates;
use super::places::{agent_unfit, area_unfit};
use super::*;

pub(super) const CHAT: ChatId = ChatId([1; 16]);
pub(super) const OTHER: ChatId = ChatId([2; 16]);
pub(super) const NOW: Timestamp = Timestamp(1_000_000);
pub(super) const MOVE: TransferId = TransferId([7; 16]);

fn agent(name: &str) -> AgentCard {
    AgentCard {
        name: name.into(),
        title: name.to_uppercase(),
        supervisor: false,
        areas: vec!["sales".into()],
        chats: 0,
        max_chats: 2,
        online: true,
        presence: Presence::Available,
        share: SharePolicy::All,
        by_hand: false,
    }
}

fn area(name: &str, agents: u32) -> AreaCard {
    AreaCard {
        name: name.into(),
        title: name.to_uppercase(),
        agents,
        free_agents: agents,
        waiting: 0,
        wait: None,
        share: SharePolicy::AgentsChoice,
    }
}

pub(super) fn card(chat: ChatId, state: ChatState) -> ChatCard {
    let customer = Customer {
        name: "Carla".into(),
        email: "carla@example.com".into(),
        subject: String::new(),
        login_at: NOW,
        client_type: String::new(),
    };
    ChatCard { chat, area: "sales".into(), customer, page: None, online: true, state, since: NOW }
}

fn waiting(chat: ChatId) -> WaitingCard {
    WaitingCard {
        chat,
        area: "sales".into(),
        name: "Carla".into(),
        subject: String::new(),
        since: NOW,
        rank: 1,
        from: None,
        left: None,
    }
}

pub(super) fn id(number: u8) -> MessageId {
    MessageId([number; 16])
}

fn entry(seq: Seq, number: u8, author: Author, body: Body) -> Entry {
    Entry { seq, at: NOW, id: id(number), author, body }
}

pub(super) fn text(seq: Seq, text: &str) -> Entry {
    entry(seq, u8::try_from(seq).unwrap(), Author::Customer, Body::Text(text.into()))
}

fn welcome(console: &mut Console) {
    let brand = Brand { name: "Acme".into(), accent: "#123456".into() };
    let frame = ServerFrame::AgentWelcome { agent: agent("anna"), token: None, server: "acme".into(), brand };
    console.apply(frame, NOW);
    let servers = [("globex", SharePolicy::AgentsChoice), ("rival", SharePolicy::Nothing)];
    let servers = servers.map(|(name, share)| ServerCard {
        name: name.into(),
        title: name.to_uppercase(),
        subject: String::new(),
        share,
    });
    let (areas, agents) = (vec![area("sales", 2), area("night", 0)], vec![agent("anna"), agent("ben")]);
    console.apply(ServerFrame::Destinations { areas, agents, servers: servers.into() }, NOW);
}

fn desk() -> Console {
    let mut console = Console::default();
    welcome(&mut console);
    console.take_outbox();
    console
}

pub(super) fn with_chat() -> Console {
    let mut console = desk();
    console.apply(ServerFrame::Opened { card: card(CHAT, ChatState::Active), context: None }, NOW);
    console.apply(ServerFrame::Entries { chat: CHAT, entries: vec![text(1, "Hello")] }, NOW);
    console.take_outbox();
    console
}

fn changed(console: &mut Console, state: ChatState) {
    console.apply(ServerFrame::CardChanged { card: card(CHAT, state) }, NOW);
}

fn progress(console: &mut Console, stage: Stage, code: Option<ErrorCode>) {
    let detail = "no room".into();
    console.apply(ServerFrame::Progress { chat: CHAT, transfer: MOVE, stage, code, detail }, NOW);
}

pub(super) fn to_ben() -> Choice {
    Choice { to: Destination::Agent("ben".into()), title: "Ben".into(), share: SharePolicy::AgentsChoice }
}

/// The dialog is open, and what it asks for by itself has been asked for.
pub(super) fn in_dialog() -> Console {
    let mut console = with_chat();
    console.begin_transfer(CHAT);
    console.take_outbox();
    console
}

fn transferring() -> Console {
    let mut console = in_dialog();
    console.choose(to_ben());
    console.transfer(MOVE);
    console.take_outbox();
    console
}

#[test]
fn a2_a_customer_who_is_picked_up_comes_to_the_front() {
    let mut console = with_chat();
    console.apply(ServerFrame::Queue { waiting: vec![waiting(OTHER)] }, NOW);
    console.pick_up_next();
    console.pick_up_next();
    assert_eq!(console.take_outbox(), [ClientFrame::PickUp { chat: OTHER }], "once");
    console.apply(ServerFrame::Opened { card: card(OTHER, ChatState::Active), context: None }, NOW);
    assert_eq!(console.open, Some(OTHER));
}

#[test]
fn a2_a_chat_that_somebody_passes_on_does_not_push_itself_to_the_front() {
    let mut console = with_chat();
    console.apply(ServerFrame::Opened { card: card(OTHER, ChatState::Active), context: None }, NOW);
    assert_eq!(console.open, Some(CHAT));
}

#[test]
fn a5_nobody_is_picked_up_at_the_maximum() {
    let mut console = with_chat();
    console.apply(ServerFrame::Opened { card: card(OTHER, ChatState::Active), context: None }, NOW);
    console.apply(ServerFrame::Queue { waiting: vec![waiting(ChatId([3; 16]))] }, NOW);
    assert!(console.pick_up_unfit().is_some());
    console.pick_up_next();
    assert!(console.take_outbox().is_empty());
}

#[test]
fn a2_all_who_wait_in_the_agents_areas_are_counted_and_a_cut_list_says_so() {
    let mut console = desk();
    console.apply(ServerFrame::Queue { waiting: vec![waiting(OTHER)] }, NOW);
    assert_eq!(console.waiting(), 1, "the areas come after the queue");
    let areas = [("sales", 1_000), ("night", 7)];
    let areas = areas.map(|(name, waiting)| AreaCard { waiting, ..area(name, 2) }).into();
    let agents = vec![agent("anna")];
    console.apply(ServerFrame::Destinations { areas, agents, servers: Vec::new() }, NOW);
    assert_eq!(console.waiting(), 1_000, "the night is others'");
    let cut = crate::words::cut(console.queue.len(), console.waiting());
    assert_eq!(cut.unwrap(), "1000 are waiting: these are the next 1");
    assert_eq!(crate::words::cut(3, 3), None);
    console.me.as_mut().unwrap().card.supervisor = true;
    assert_eq!(console.waiting(), 1_007);
}

#[test]
fn a_refused_pick_up_frees_the_place_and_says_why() {
    let mut console = desk();
    console.pick_up(CHAT);
    let (code, about) = (ErrorCode::AlreadyTaken, About::Chat(CHAT));
    console.apply(ServerFrame::Refused { code, detail: code.to_string(), about }, NOW);
    assert_eq!(console.places_taken(), 0);
    assert!(console.notices[0].text.contains("Somebody else took this customer"));
}

#[test]
fn an_unacknowledged_message_is_sent_again_with_its_id_and_shown_once() {
    let mut console = with_chat();
    console.edit_draft(CHAT, "On my way ".into(), NOW);
    console.send(CHAT, id(9));
    console.disconnected();
    assert_eq!(console.link, Link::Lost);
    welcome(&mut console);
    console.take_outbox();
    console.apply(ServerFrame::Opened { card: card(CHAT, ChatState::Active), context: None }, NOW);
    let again = ClientFrame::Say { chat: Some(CHAT), id: id(9), text: "On my way".into() };
    assert_eq!(console.take_outbox(), [again]);
    let said = entry(2, 9, Author::Agent("Anna".into()), Body::Text("On my way".into()));
    console.apply(ServerFrame::Entries { chat: CHAT, entries: vec![text(1, "Hello"), said] }, NOW);
    console.apply(ServerFrame::Stored { chat: CHAT, id: id(9), seq: 2, at: NOW }, NOW);
    let chat = console.chat(CHAT).unwrap();
    assert!(chat.pending.is_empty());
    assert_eq!(chat.lines.len(), 2);
}

#[test]
fn what_is_written_without_a_connection_waits_for_one() {
    let mut console = with_chat();
    console.disconnected();
    console.edit_draft(CHAT, "During".into(), NOW);
    console.send(CHAT, id(9));
    assert!(console.take_outbox().is_empty());
    assert_eq!(console.chat(CHAT).unwrap().pending.len(), 1);
}

#[test]
fn a_refused_message_can_be_taken_back() {
    let mut console = with_chat();
    console.edit_draft(CHAT, "Hm".into(), NOW);
    console.send(CHAT, id(9));
    let (code, about) = (ErrorCode::ChatFull, About::Message(id(9)));
    console.apply(ServerFrame::Refused { code, detail: String::new(), about }, NOW);
    console.take_back(CHAT, id(9));
    let chat = console.chat(CHAT).unwrap();
    assert_eq!((chat.draft.as_str(), chat.pending.len()), ("Hm", 0));
}

#[test]
fn a_note_is_a_note_and_typing_one_tells_the_customer_nothing() {
    let mut console = with_chat();
    console.set_noting(CHAT, true, NOW);
    console.edit_draft(CHAT, "Angry".into(), NOW);
    console.send(CHAT, id(9));
    assert_eq!(console.take_outbox(), [ClientFrame::Note { chat: CHAT, id: id(9), text: "Angry".into() }]);
    assert!(!console.chat(CHAT).unwrap().noting, "the next one is a message again");
}

#[test]
fn typing_is_said_now_and_then_and_stops_by_itself() {
    let mut console = with_chat();
    for (after, draft) in [(0, "a"), (500, "ab"), (3_500, "abc")] {
        console.edit_draft(CHAT, draft.into(), NOW.plus(after));
    }
    let on = ClientFrame::Typing { chat: Some(CHAT), on: true };
    assert_eq!(console.take_outbox(), [on.clone(), on]);
    console.tick(NOW.plus(8_000));
    assert_eq!(console.take_outbox(), [ClientFrame::Typing { chat: Some(CHAT), on: false }]);
}

#[test]
fn each_chat_has_its_own_draft() {
    let mut console = with_chat();
    console.apply(ServerFrame::Opened { card: card(OTHER, ChatState::Active), context: None }, NOW);
    console.edit_draft(CHAT, "one".into(), NOW);
    console.edit_draft(OTHER, "two".into(), NOW);
    assert_eq!((console.chats[0].draft.as_str(), console.chats[1].draft.as_str()), ("one", "two"));
}

#[test]
fn the_end_can_be_undone_for_a_moment() {
    let mut console = with_chat();
    console.end(CHAT, NOW);
    console.keep(CHAT);
    console.tick(NOW.plus(10_000));
    assert!(console.take_outbox().is_empty());
    console.end(CHAT, NOW);
    console.tick(NOW.plus(10_000));
    assert_eq!(console.take_outbox(), [ClientFrame::End { chat: Some(CHAT) }]);
}

#[test]
fn unread_counts_what_the_customer_said_until_it_is_shown() {
    let mut console = with_chat();
    assert_eq!(console.chat(CHAT).unwrap().unread(), 1);
    console.read_shown();
    console.read_shown();
    assert_eq!(console.take_outbox(), [ClientFrame::Seen { chat: Some(CHAT), seq: 1 }], "once");
    assert_eq!(console.chat(CHAT).unwrap().unread(), 0);
}

#[test]
fn after_a_reconnect_a_chat_that_is_not_shown_again_is_somebody_elses() {
    let mut console = with_chat();
    console.disconnected();
    welcome(&mut console);
    console.apply(ServerFrame::Pong { nonce: 1 }, NOW);
    assert_eq!(console.chat(CHAT).unwrap().state(), PaneState::Ended);
    assert_eq!(console.places_taken(), 0);
}

#[test]
fn a_heartbeat_is_kept_and_its_absence_noticed() {
    let mut console = desk();
    let later = NOW.plus(20_000);
    console.tick(later);
    assert!(matches!(console.take_outbox()[..], [ClientFrame::Ping { .. }]));
    assert!(!console.is_silent(later) && console.is_silent(NOW.plus(51_000)));
}

#[test]
fn a_wrong_password_is_said_on_the_login_page() {
    let mut console = Console::default();
    let (code, about) = (ErrorCode::WrongPassword, About::Connection);
    console.apply(ServerFrame::Refused { code, detail: code.to_string(), about }, NOW);
    console.logged_out(Some(CloseCode::Unauthenticated));
    let Link::Out(Some(reason)) = console.link else { panic!("{:?}", console.link) };
    assert_eq!(reason, "The name or the password is wrong. Check the name and the password.");
}

#[test]
fn a3_who_cannot_take_the_chat_is_faded_with_the_reason() {
    let away = AgentCard { presence: Presence::Away, ..agent("ben") };
    let full = AgentCard { chats: 2, ..agent("ben") };
    let gone = AgentCard { online: false, ..agent("ben") };
    assert_eq!(agent_unfit(&agent("ben"), "anna"), None);
    assert_eq!(agent_unfit(&agent("anna"), "anna"), Some("This is you"));
    for unfit in [away, full, gone] {
        assert!(agent_unfit(&unfit, "anna").is_some(), "{unfit:?}");
    }
    assert!(area_unfit(&area("night", 0)).is_some() && area_unfit(&area("sales", 1)).is_none());
}

#[test]
fn a5_a_destination_that_closes_is_not_chosen_any_more() {
    let mut console = in_dialog();
    console.choose(to_ben());
    let agents = vec![agent("anna"), AgentCard { presence: Presence::Away, ..agent("ben") }];
    console.apply(ServerFrame::Destinations { areas: vec![], agents, servers: vec![] }, NOW);
    assert_eq!(console.dialog.as_ref().unwrap().choice, None);
    console.transfer(MOVE);
    assert!(console.take_outbox().is_empty(), "nothing is sent without a destination (A4)");
}

#[test]
fn a3_a_server_is_asked_and_only_its_own_answer_counts() {
    let mut console = in_dialog();
    console.show_tab(Tab::Servers);
    console.choose_server("globex".into());
    assert_eq!(console.take_outbox(), [ClientFrame::Inspect { chat: CHAT, server: "globex".into() }]);
    let late =
        ServerFrame::PeerAreas { chat: CHAT, server: "rival".into(), offer: PeerOffer::GeneralEntrance };
    console.apply(late, NOW);
    assert_eq!(console.dialog.as_ref().unwrap().offer, None);
    let own =
        ServerFrame::PeerAreas { chat: CHAT, server: "globex".into(), offer: PeerOffer::GeneralEntrance };
    console.apply(own, NOW);
    let chosen = console.dialog.as_ref().unwrap().choice.clone().map(|choice| choice.to);
    assert_eq!(chosen, Some(Destination::Server { server: "globex".into(), area: None }));
}

#[test]
fn w2_policy_overrules_the_agent_and_nothing_means_no_comments() {
    let mut console = in_dialog();
    console.choose(Choice { share: SharePolicy::Nothing, ..to_ben() });
    console.dialog.as_mut().unwrap().comments = "secret".into();
    console.transfer(MOVE);
    let [ClientFrame::Transfer { comments, share, .. }] = &console.take_outbox()[..] else { panic!() };
    assert_eq!((comments.as_str(), share), ("", &Share::Nothing));
}

#[test]
fn a4_edits_leave_out_blacken_and_keep_notes_here() {
    let prior = PriorEntry {
        id: id(50),
        at: NOW,
        server: "Globex".into(),
        author: Author::Customer,
        text: "before".into(),
        note: false,
    };
    let note = entry(2, 2, Author::Agent("Anna".into()), Body::Note("rude".into()));
    let lines = [text(1, "card 🂡4711 ok"), note];
    let mut dialog = Dialog::new(CHAT);
    // The playing card takes two UTF-16 units, the passage starts in the middle of it.
    dialog.redact(id(1), "card 🂡4711 ok", 6, 11);
    dialog.leave_out(id(50), true);
    dialog.edits.without_notes = true;
    let all = candidates(&[prior], &[], lines.iter(), &dialog.edits);
    assert_eq!(all.iter().map(|line| line.left_out).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(all[1].text, "card █████ ok");
    assert_eq!(dialog.edits.redact, [Redaction { id: id(1), start: 5, end: 10 }]);
    dialog.unredact(id(1));
    dialog.redact(id(1), "card", 2, 2);
    assert!(dialog.edits.redact.is_empty(), "an empty passage is none");
}

#[test]
fn a6_a_failure_leaves_the_chat_as_it_was_and_says_why() {
    let mut console = transferring();
    assert_eq!(console.chat(CHAT).unwrap().state(), PaneState::Transferring);
    progress(&mut console, Stage::Requested, None);
    changed(&mut console, ChatState::Transferring { transfer: MOVE, stage: Stage::Requested });
    progress(&mut console, Stage::Failed, Some(ErrorCode::Denied));
    changed(&mut console, ChatState::Active);
    let chat = console.chat(CHAT).unwrap();
    assert_eq!(chat.state(), PaneState::Active);
    let failure = chat.attempt.as_ref().unwrap().failure.clone();
    assert_eq!(failure, Some((Some(ErrorCode::Denied), "no room".into())));
    console.try_again(CHAT);
    assert!(console.dialog.is_some() && console.chat(CHAT).unwrap().attempt.is_none());
}

#[test]
fn a6_a_refused_transfer_is_explained_in_the_pane() {
    let mut console = transferring();
    let (code, about) = (ErrorCode::NotPermitted, About::Transfer(MOVE));
    console.apply(ServerFrame::Refused { code, detail: "not on Sundays".into(), about }, NOW);
    let chat = console.chat(CHAT).unwrap();
    assert_eq!(chat.state(), PaneState::Active);
    assert!(chat.attempt.as_ref().unwrap().failure.is_some());
}

#[test]
fn d7_what_the_destination_has_kept_is_tried_again_without_being_sent_again() {
    let mut console = transferring();
    progress(&mut console, Stage::Permitted, None);
    changed(&mut console, ChatState::Transferring { transfer: MOVE, stage: Stage::Permitted });
    progress(&mut console, Stage::Failed, Some(ErrorCode::Kept));
    changed(&mut console, ChatState::Active);
    assert!(console.chat(CHAT).unwrap().attempt.as_ref().unwrap().is_kept());
    console.retry(CHAT);
    console.retry(CHAT);
    assert_eq!(console.take_outbox(), [ClientFrame::RetryTransfer { chat: CHAT, transfer: MOVE }], "once");
    assert_eq!(console.chat(CHAT).unwrap().state(), PaneState::Transferring);
    progress(&mut console, Stage::Permitted, Some(ErrorCode::Asking));
    let attempt = console.chat(CHAT).unwrap().attempt.clone().unwrap();
    assert!(attempt.asking && attempt.stage == Some(Stage::Permitted), "{attempt:?}");
    console.cancel_transfer(CHAT);
    assert_eq!(console.take_outbox(), [ClientFrame::CancelTransfer { chat: CHAT, transfer: MOVE }]);
    progress(&mut console, Stage::Accepted, None);
    assert!(!console.chat(CHAT).unwrap().attempt.as_ref().unwrap().asking);
}

#[test]
fn d7_another_try_that_also_fails_can_be_tried_again() {
    let mut console = transferring();
    for _ in 0..2 {
        progress(&mut console, Stage::Failed, Some(ErrorCode::Kept));
        console.retry(CHAT);
        assert_eq!(console.take_outbox().len(), 1);
    }
    progress(&mut console, Stage::Failed, Some(ErrorCode::NoAgentFree));
    console.retry(CHAT);
    assert!(console.take_outbox().is_empty(), "nothing is kept there any more");
}

fn ask() -> Ask {
    Ask {
        transfer: MOVE,
        from: "Globex".into(),
        agent: "Gus".into(),
        area: "Sales".into(),
        name: "Carla".into(),
        subject: String::new(),
        comments: String::new(),
        expires_in: 20_000,
    }
}

#[test]
fn d7_an_agent_who_is_asked_answers_once_and_the_chat_comes_to_the_front() {
    let mut console = with_chat();
    console.apply(ServerFrame::Asked { ask: ask() }, NOW);
    console.apply(ServerFrame::Asked { ask: ask() }, NOW);
    assert_eq!(console.asks.len(), 1, "asked again after a moment is one question");
    console.answer(MOVE, true);
    console.answer(MOVE, false);
    assert_eq!(console.take_outbox(), [ClientFrame::AnswerAsk { transfer: MOVE, accept: true }]);
    console.apply(ServerFrame::AskOver { transfer: MOVE }, NOW);
    assert!(console.asks.is_empty());
    console.apply(ServerFrame::Opened { card: card(OTHER, ChatState::Active), context: None }, NOW);
    assert_eq!(console.open, Some(OTHER));
}

#[test]
fn d7_a_question_goes_with_its_time_its_answer_or_the_connection() {
    let mut console = with_chat();
    let asked = |console: &mut Console| console.apply(ServerFrame::Asked { ask: ask() }, NOW);
    asked(&mut console);
    console.tick(NOW.plus(19_999));
    assert_eq!(console.asks.len(), 1);
    console.tick(NOW.plus(20_000));
    assert!(console.asks.is_empty());
    asked(&mut console);
    console.answer(MOVE, false);
    assert!(console.asks.is_empty());
    asked(&mut console);
    console.disconnected();
    assert!(console.asks.is_empty());
}

#[test]
fn a6_cancel_is_possible_until_the_customer_has_arrived() {
    let mut console = transferring();
    progress(&mut console, Stage::Pushed, None);
    console.cancel_transfer(CHAT);
    assert_eq!(console.take_outbox(), [ClientFrame::CancelTransfer { chat: CHAT, transfer: MOVE }]);
    progress(&mut console, Stage::Arrived, None);
    console.cancel_transfer(CHAT);
    assert!(console.take_outbox().is_empty());
}

#[test]
fn a_transfer_without_an_answer_is_sent_again_after_a_reconnect() {
    let mut console = transferring();
    console.disconnected();
    welcome(&mut console);
    console.take_outbox();
    console.apply(ServerFrame::Opened { card: card(CHAT, ChatState::Active), context: None }, NOW);
    let frames = console.take_outbox();
    assert!(matches!(frames[..], [ClientFrame::Transfer { transfer: MOVE, .. }]), "{frames:?}");
}

#[test]
fn a7_a_transferred_chat_frees_its_place_and_can_be_dismissed() {
    let mut console = transferring();
    changed(&mut console, ChatState::Transferred { to: "Ben".into() });
    progress(&mut console, Stage::Queued, None);
    progress(&mut console, Stage::Arrived, None);
    let chat = console.chat(CHAT).unwrap();
    assert_eq!((chat.state(), console.places_taken()), (PaneState::Transferred, 0));
    assert_eq!(chat.attempt.as_ref().unwrap().stage, Some(Stage::Queued), "stages only advance");
    console.edit_draft(CHAT, "too late".into(), NOW);
    console.send(CHAT, id(9));
    console.take_outbox();
    console.dismiss(CHAT);
    assert_eq!(console.take_outbox(), [ClientFrame::Dismiss { chat: CHAT }]);
    assert!(console.chats.is_empty() && console.open.is_none());
}

#[test]
fn a8_what_came_along_is_shown_without_what_is_told_again_here() {
    let mut console = transferring();
    changed(&mut console, ChatState::Transferred { to: "Ben".into() });
    // And back: the earlier pane makes way for it.
    let prior = |number: u8| PriorEntry {
        id: id(number),
        at: NOW,
        server: "Acme".into(),
        author: Author::Customer,
        text: "Hello".into(),
        note: false,
    };
    let context = Context {
        origin: "Acme".into(),
        visited: vec!["acme".into()],
        agent: "Ben".into(),
        customer: card(CHAT, ChatState::Active).customer,
        queue: "Sales".into(),
        priority: 0,
        comments: "yours after all".into(),
        transcript: vec![prior(1), prior(3)],
        documents: vec![],
        incomplete: false,
    };
    console.apply(ServerFrame::Opened { card: card(CHAT, ChatState::Active), context: Some(context) }, NOW);
    console.apply(ServerFrame::Entries { chat: CHAT, entries: vec![text(3, "Hello")] }, NOW);
    let chat = console.chat(CHAT).unwrap();
    assert_eq!(chat.state(), PaneState::Active);
    assert_eq!(chat.earlier().iter().map(|entry| entry.id).collect::<Vec<_>>(), [id(1)]);
    assert_eq!(chat.lines.len(), 1, "the old pane's lines are gone");
}

#[test]
fn a4_each_document_has_a_line_of_its_own_to_leave_it_out() {
    let hash = |number: u8| format!("{number:02x}").repeat(32);
    let line = |number: u8| document_line(&hash(number)).unwrap();
    let reference = |number: u8| DocumentRef {
        number: 0,
        name: format!("file{number}.pdf"),
        media_type: "application/pdf".into(),
        size: 9,
        sha256: hash(number),
    };
    let file = DocumentCard { sha256: hash(2), name: "file2.pdf".into(), media_type: String::new(), size: 9 };
    let said = |seq: u64| Entry {
        seq,
        at: Timestamp(seq),
        id: id(u8::try_from(seq).unwrap()),
        author: Author::Customer,
        body: Body::Document(file.clone()),
    };
    let lines = [said(1), said(2)];
    let mut dialog = super::Dialog::new(CHAT);
    dialog.leave_out(line(2), true);
    let all = candidates(&[], &[reference(1)], lines.iter(), &dialog.edits);
    let shown: Vec<_> = all.iter().map(|line| (line.id, line.document, line.left_out)).collect();
    assert_eq!(shown, [(line(1), true, false), (line(2), true, true)], "each file once");
}

#[test]
fn a8_documents_that_are_arriving_are_shown_as_such_and_then_as_here() {
    let (mut console, hash) = (with_chat(), "ab".repeat(32));
    for state in [DocumentState::Arriving, DocumentState::Here] {
        console.apply(ServerFrame::DocumentChanged { chat: CHAT, sha256: hash.clone(), state }, Timestamp(1));
        assert_eq!(console.chat(CHAT).unwrap().document_state(&hash), state);
    }
    assert_eq!(console.chat(CHAT).unwrap().document_state("other"), DocumentState::Here);
}

#[test]
fn a_file_is_said_once_it_is_uploaded_and_a_refused_one_says_why() {
    let mut console = with_chat();
    console.take_outbox();
    console.uploading(CHAT, 1, "a.pdf".into());
    console.uploading(CHAT, 2, "b.exe".into());
    console.uploaded(CHAT, 2, id(8), Err("not taken".into()));
    assert!(console.take_outbox().is_empty());
    let card =
        DocumentCard { sha256: "ab".repeat(32), name: "a.pdf".into(), media_type: String::new(), size: 1 };
    console.uploaded(CHAT, 1, id(9), Ok(card));
    let frame = ClientFrame::Attach { chat: Some(CHAT), id: id(9), sha256: "ab".repeat(32) };
    assert_eq!(console.take_outbox(), [frame]);
    let refused = |console: &Console| console.chat(CHAT).unwrap().uploads.clone();
    assert_eq!(
        refused(&console).iter().map(|it| it.refused.as_deref()).collect::<Vec<_>>(),
        [Some("not taken")]
    );
    console.forget_upload(CHAT, 2);
    assert!(refused(&console).is_empty());
}

#[test]
fn a6_cancelled_without_a_connection_is_said_when_there_is_one() {
    let mut console = transferring();
    changed(&mut console, ChatState::Transferring { transfer: MOVE, stage: Stage::Permitted });
    console.disconnected();
    console.cancel_transfer(CHAT);
    assert!(console.take_outbox().is_empty());
    welcome(&mut console);
    console.take_outbox();
    let state = ChatState::Transferring { transfer: MOVE, stage: Stage::Pushed };
    console.apply(ServerFrame::Opened { card: card(CHAT, state), context: None }, NOW);
    assert_eq!(console.take_outbox(), [ClientFrame::CancelTransfer { chat: CHAT, transfer: MOVE }]);
}

#[test]
fn a3_a_server_that_does_not_say_what_it_offers_is_silent_after_a_while() {
    let mut console = with_chat();
    console.tick(NOW);
    console.begin_transfer(CHAT);
    console.show_tab(Tab::Servers);
    console.choose_server("globex".into());
    console.tick(NOW.plus(10_000));
    assert_eq!(console.dialog.as_ref().unwrap().offer, None);
    console.tick(NOW.plus(10_001));
    let offer = console.dialog.as_ref().unwrap().offer.clone();
    assert!(matches!(offer, Some(PeerOffer::Refused { code: ErrorCode::NoAnswer, .. })), "{offer:?}");
}

#[test]
fn a4_edits_longer_than_a_message_are_explained_and_the_dialog_stays() {
    let mut console = with_chat();
    console.begin_transfer(CHAT);
    console.choose(to_ben());
    let dialog = console.dialog.as_mut().unwrap();
    (dialog.amount, dialog.edits.excerpt) = (Amount::Part, "x".repeat(70_000));
    console.take_outbox();
    console.transfer(MOVE);
    assert!(console.take_outbox().is_empty());
    assert!(console.dialog.as_ref().unwrap().wrong.as_ref().unwrap().contains("64 KB"));
    assert_eq!(console.chat(CHAT).unwrap().state(), PaneState::Active);
}

#[test]
fn drafts_and_unsent_messages_survive_a_reload_of_the_page() {
    let mut console = with_chat();
    console.disconnected();
    console.edit_draft(CHAT, "On my way".into(), NOW);
    console.send(CHAT, id(9));
    console.edit_draft(CHAT, "And then,\na new line".into(), NOW);
    let kept = console.kept();
    let mut console = Console::default();
    console.take_kept(&kept);
    assert_eq!(console.kept(), kept, "also when it is loaded again before the chats have come");
    welcome(&mut console);
    console.take_outbox();
    console.apply(ServerFrame::Opened { card: card(CHAT, ChatState::Active), context: None }, NOW);
    let said = ClientFrame::Say { chat: Some(CHAT), id: id(9), text: "On my way".into() };
    assert_eq!(console.take_outbox(), [said]);
    assert_eq!(console.chat(CHAT).unwrap().draft, "And then,\na new line");
    console.apply(ServerFrame::Pong { nonce: 1 }, NOW);
    assert!(console.notices.is_empty(), "{:?}", console.notices);
}

#[test]
fn what_was_written_in_a_chat_that_did_not_come_back_is_shown() {
    let mut console = with_chat();
    console.edit_draft(CHAT, "On my way".into(), NOW);
    let kept = console.kept();
    let mut console = Console::default();
    console.take_kept(&kept);
    welcome(&mut console);
    console.apply(ServerFrame::Pong { nonce: 1 }, NOW);
    assert!(console.notices[0].text.contains("Not sent: On my way"), "{:?}", console.notices);
    assert_eq!(console.kept(), "");
}

#[test]
fn a3_nothing_is_transferred_without_a_connection() {
    let mut console = with_chat();
    console.disconnected();
    console.begin_transfer(CHAT);
    assert!(console.dialog.is_none());
}

#[test]
fn a_restart_is_waited_for_as_long_as_the_server_asks() {
    let mut console = desk();
    console.apply(ServerFrame::Draining { resume_in: 1_700 }, NOW);
    assert_eq!((console.take_resume_in(), console.take_resume_in()), (Some(1_700), None));
}

#[test]
fn a2_beside_each_other_are_the_last_three_that_were_in_front() {
    let mut console = with_chat();
    for number in 2..=5 {
        let opened = card(ChatId([number; 16]), ChatState::Active);
        console.apply(ServerFrame::Opened { card: opened, context: None }, NOW);
    }
    console.side_by_side = true;
    [1, 5, 3].into_iter().for_each(|number| console.open(ChatId([number; 16])));
    assert_eq!(console.shown(), [1, 3, 5].map(|number| ChatId([number; 16])));
    console.open(ChatId([4; 16]));
    assert_eq!(console.shown(), [3, 4, 5].map(|number| ChatId([number; 16])));
}

fn permits(share: SharePolicy, denied: Option<&str>) -> ServerFrame {
    let permit = Permit { to: Destination::Agent("ben".into()), share, denied: denied.map(str::to_owned) };
    ServerFrame::ChatPolicy { chat: CHAT, permits: vec![permit] }
}

#[test]
fn o2_the_chats_own_policy_overrules_the_general_one_and_says_why_not() {
    let mut console = with_chat();
    console.begin_transfer(CHAT);
    let inspect = ClientFrame::Inspect { chat: CHAT, server: "acme".into() };
    assert_eq!(console.take_outbox(), [inspect], "it is asked for when the dialog opens");
    console.choose(to_ben());
    console.apply(permits(SharePolicy::Nothing, None), NOW);
    assert_eq!(console.dialog.as_ref().unwrap().policy(), Some(SharePolicy::Nothing));
    console.apply(permits(SharePolicy::Nothing, Some("bills stay here")), NOW);
    let dialog = console.dialog.clone().unwrap();
    assert_eq!(dialog.choice, None);
    let rows = places::places(&console, &dialog);
    let ben = rows.iter().find(|row| row.title == "BEN").unwrap();
    assert_eq!(ben.why_not.as_deref(), Some("Bills stay here"));
}

#[test]
fn a3_a_few_letters_and_enter_choose_a_destination() {
    let mut console = with_chat();
    console.begin_transfer(CHAT);
    console.search_places("be".into());
    console.take_row();
    let choice = |console: &Console| console.dialog.as_ref().unwrap().choice.clone().map(|choice| choice.to);
    assert_eq!(choice(&console), Some(Destination::Agent("ben".into())));
    console.search_places("an".into());
    console.take_row();
    assert_eq!(choice(&console), Some(Destination::Agent("ben".into())), "oneself cannot be chosen");
    console.take_outbox();
    console.search_places("glob".into());
    console.take_row();
    assert_eq!(console.take_outbox(), [ClientFrame::Inspect { chat: CHAT, server: "globex".into() }]);
    let offer = PeerOffer::Areas(vec![area("repairs", 1)]);
    console.apply(ServerFrame::PeerAreas { chat: CHAT, server: "globex".into(), offer }, NOW);
    console.move_row(true);
    console.take_row();
    let repairs = Destination::Server { server: "globex".into(), area: Some("repairs".into()) };
    assert_eq!(choice(&console), Some(repairs.clone()));
    console.transfer(MOVE);
    console.try_again(CHAT);
    progress(&mut console, Stage::Failed, Some(ErrorCode::Denied));
    console.try_again(CHAT);
    let place = places::recent(&console, console.dialog.as_ref().unwrap()).remove(0);
    console.take_place(&place);
    let offer = PeerOffer::Areas(vec![area("repairs", 1)]);
    console.apply(ServerFrame::PeerAreas { chat: CHAT, server: "globex".into(), offer }, NOW);
    assert_eq!(choice(&console), Some(repairs), "a recent one is chosen once its server has answered");
}
