//! Documents: who may read and say them, and how those of another server arrive.

use super::leave::{At, initech};
use super::talk::came_with;
use super::*;
use crate::effect::Fetched;
use crate::session::{Reader, Speaker};
use baton_protocol::model::{DocumentCard, DocumentRef, DocumentState, Edits, document_line};

fn card(number: u8) -> DocumentCard {
    let (sha256, name) = (format!("{number:02x}").repeat(32), format!("file{number}.pdf"));
    DocumentCard { sha256, name, media_type: "application/pdf".into(), size: 9 }
}

fn reference(number: u8) -> DocumentRef {
    let DocumentCard { sha256, name, media_type, size } = card(number);
    DocumentRef { number: 0, name, media_type, size, sha256 }
}

impl Bench {
    fn files(&mut self, by: Speaker, id: u8, number: u8, uploaded: bool) -> Vec<String> {
        let card = card(number);
        let sha256 = card.sha256.clone();
        self.tell(Input::SayDocument { by, id: message(id), sha256, card: uploaded.then_some(card) })
    }

    fn fetched(&mut self, number: u8, fetched: Fetched) -> Vec<String> {
        self.tell(Input::Fetched { sha256: card(number).sha256, fetched })
    }

    /// Transfer 2, as far as the customer's way.
    fn offers_to_initech(&mut self) {
        self.transfers(2, initech(), Share::All);
        let general = baton_protocol::federation::Permission {
            code: baton_protocol::ids::AuthorisationCode::from_bytes([1; 32]),
            expires_in: 60,
            areas: None,
        };
        self.tell(Input::Answer(transfer(2), Ok(Answer::Permission(general))));
        self.tell(Input::Answer(transfer(2), super::leave::reservation(60)));
    }

    fn state_for(&self, reader: Reader<'_>, number: u8) -> Option<DocumentState> {
        self.chat.document(reader, &card(number).sha256).map(|(_, state)| state)
    }
}

fn customer_on(conn: ConnId) -> Speaker {
    Speaker::Customer(conn)
}

/// A chat that came with these documents.
fn arrived_with(numbers: &[u8]) -> (Bench, Vec<String>) {
    let (came, context) = came_with(Vec::new());
    let documents = numbers.iter().map(|number| reference(*number)).collect();
    Bench::arrived(Some((came, Context { documents, ..context })))
}

#[test]
fn a_document_is_said_like_a_message_and_stored_once() {
    let mut bench = Bench::with_ann();
    let lines = bench.files(customer_on(CONN), 1, 10, true);
    let place = bench.chat.entries().len();
    assert_eq!(lines.last(), Some(&format!("1 < stored #{place}")));
    assert!(lines.contains(&format!("append #{place}")) && lines.contains(&format!("ann < #{place}")));
    assert_eq!(bench.files(customer_on(CONN), 1, 10, true), [format!("1 < stored #{place}")]);
    bench.files(Speaker::Agent("ann".into()), 2, 11, true);
    assert_eq!(bench.state_for(Reader::Customer, 11), Some(DocumentState::Here));
}

#[test]
fn s2_nobody_says_what_they_have_not_uploaded() {
    let mut bench = Bench::with_ann();
    assert_eq!(bench.files(customer_on(CONN), 1, 10, false), ["1 < refused UnknownDocument"]);
    assert_eq!(bench.files(Speaker::Agent("ann".into()), 1, 10, false), ["ann < refused UnknownDocument"]);
    assert_eq!(bench.files(Speaker::Agent("bob".into()), 1, 10, true), ["bob < refused UnknownChat"]);
    assert!(bench.files(customer_on(ConnId(7)), 1, 10, true).is_empty());
}

#[test]
fn s2_only_the_chats_own_people_read_a_document() {
    let mut bench = Bench::with_ann();
    bench.files(customer_on(CONN), 1, 10, true);
    assert_eq!(bench.state_for(Reader::Agent("ann"), 10), Some(DocumentState::Here));
    assert_eq!(bench.state_for(Reader::Agent("bob"), 10), None);
    assert_eq!(bench.state_for(Reader::Customer, 11), None);
}

#[test]
fn x1_within_a_server_documents_go_as_the_agent_chose() {
    let mut bench = Bench::with_ann();
    bench.files(customer_on(CONN), 1, 10, true);
    bench.files(customer_on(CONN), 2, 11, true);
    let edits = Edits { leave_out: vec![document_line(&card(10).sha256).unwrap()], ..Edits::default() };
    bench.transfers(9, Destination::Agent("bob".into()), Share::Part(edits));
    let (chat, transfer) = (bench.chat.record.id, transfer(9));
    bench.tell(Input::Queue(queue::Output::Placed { chat, transfer, agent: Some(profile("bob")) }));
    assert_eq!(bench.state_for(Reader::Agent("bob"), 11), Some(DocumentState::Here));
    assert_eq!(bench.state_for(Reader::Agent("bob"), 10), None);
}

#[test]
fn d5_documents_are_fetched_one_by_one_and_told_to_the_agent() {
    let (mut bench, lines) = arrived_with(&[10, 11]);
    assert_eq!(lines.last().unwrap(), "fetch file10.pdf from globex");
    let opened = bench.assign("ann");
    assert!(opened.contains(&"ann < 0a Arriving".into()) && opened.contains(&"ann < 0b Arriving".into()));
    let next = ["save", "ann < 0a Here", "fetch file11.pdf from globex"];
    assert_eq!(bench.fetched(10, Fetched::Here), next);
    assert_eq!(bench.state_for(Reader::Agent("ann"), 10), Some(DocumentState::Here));
    assert_eq!(bench.fetched(11, Fetched::Never), ["save", "ann < 0b Missing"]);
    assert_eq!(bench.state_for(Reader::Agent("ann"), 11), Some(DocumentState::Missing));
}

#[test]
fn d5_what_cannot_be_had_now_is_asked_for_again_also_after_a_restart() {
    let (mut bench, _) = arrived_with(&[10, 11]);
    let waits = bench.fetched(10, Fetched::NotNow);
    assert!(waits.len() == 1 && waits[0].starts_with("Fetch in "), "{waits:?}");
    assert_eq!(bench.tell(Input::Timer(Timer::Fetch)), ["fetch file11.pdf from globex"]);
    assert!(bench.killed().contains(&"fetch file11.pdf from globex".into()));
    bench.world.now = bench.world.now.plus(25 * 60 * 60 * 1_000);
    assert_eq!(bench.fetched(11, Fetched::NotNow), ["save", "fetch file10.pdf from globex"]);
}

#[test]
fn d5_a_chat_that_is_over_still_gets_its_documents() {
    let (mut bench, _) = arrived_with(&[10]);
    bench.tell(Input::Customer(CONN, ClientFrame::End { chat: None }));
    assert!(!bench.chat.is_open() && bench.chat.is_needed());
    assert!(bench.killed().contains(&"fetch file10.pdf from globex".into()));
    bench.fetched(10, Fetched::Here);
    assert!(!bench.chat.is_needed());
}

#[test]
fn d5_an_adopted_chat_asks_for_documents_when_the_tail_is_there() {
    let (came, context) = came_with(Vec::new());
    let came = Came { tail_due: true, ..came };
    let context = Context { documents: vec![reference(10)], ..context };
    let (mut bench, lines) = Bench::arrived(Some((came, context)));
    assert!(!lines.iter().any(|line| line.starts_with("fetch")), "the origin gives nothing yet");
    bench.tell(Input::TailDocuments(vec![reference(10), reference(11)]));
    let lines = bench.tell(Input::Tail(Vec::new()));
    assert!(lines.contains(&"fetch file10.pdf from globex".into()), "{lines:?}");
    assert_eq!(bench.state_for(Reader::Customer, 11), Some(DocumentState::Arriving));
}

#[test]
fn w2_the_destination_gets_what_policy_let_out_once_it_has_the_chat() {
    let mut bench = Bench::with_ann();
    bench.files(customer_on(CONN), 1, 10, true);
    bench.files(customer_on(CONN), 2, 11, true);
    let edits = Edits { leave_out: vec![message(1)], ..Edits::default() };
    bench.go(At::Offered, 1, Share::Part(edits));
    let gives = |bench: &Bench, peer: &str, number: u8| {
        bench.chat.gives(peer, transfer(1), &card(number).sha256).is_some()
    };
    assert!(!gives(&bench, "globex", 11), "the chat is ours still");
    bench.files(customer_on(CONN), 3, 12, true);
    bench.files(Speaker::Agent("ann".into()), 4, 13, true);
    bench.commit(1, false);
    assert_eq!([10, 11, 12, 13].map(|number| gives(&bench, "globex", number)), [false, true, true, false]);
    assert!(!gives(&bench, "initech", 11));
    assert!(bench.chat.gives("globex", transfer(2), &card(11).sha256).is_none());
}

#[test]
fn d5_a_chat_that_has_ended_gives_its_documents_to_whoever_adopted_its_customer() {
    let mut bench = Bench::with_ann();
    bench.files(customer_on(CONN), 1, 10, true);
    for number in [1, 2] {
        bench.go(At::Offered, number, Share::All);
        bench.tell(Input::Timer(Timer::Offer));
    }
    bench.tell(Input::Detach(CONN));
    bench.tell(Input::Timer(Timer::Away));
    assert!(!bench.chat.is_open());
    let gives =
        |bench: &Bench, number| bench.chat.gives("globex", transfer(number), &card(10).sha256).is_some();
    assert_eq!([1, 2].map(|number| gives(&bench, number)), [false, false], "nobody has arrived there");
    bench.commit(2, true);
    assert_eq!([1, 2].map(|number| gives(&bench, number)), [false, true]);
    bench.killed();
    assert_eq!([1, 2].map(|number| gives(&bench, number)), [false, true]);
}

#[test]
fn w2_what_is_said_late_names_no_document_that_the_agreement_keeps_here() {
    let mut bench = Bench::with_ann();
    let mut order = order(1, super::leave::globex(), Share::All);
    if let Input::Transfer { target, .. } = &mut order {
        target.bounds.fields.documents = false;
    }
    bench.tell(order);
    bench.answer(1, super::leave::permission(1));
    bench.answer(1, super::leave::reservation(60));
    bench.files(customer_on(CONN), 1, 10, true);
    bench.customer_says(2, "hello");
    let commit = PeerRequest::Commit(Commit { adopt: false });
    let (peer, transfer) = ("globex".into(), transfer(1));
    let effects = bench.raw(Input::Peer { peer, transfer, request: commit, reply: ReplyTo(1) });
    let release = effects.into_iter().find_map(|effect| match effect {
        Effect::Reply(_, answer) => match *answer {
            Ok(Answer::Release(release)) => Some(release),
            _ => None,
        },
        _ => None,
    });
    let release = release.unwrap();
    let texts: Vec<&str> = release.tail.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!((texts, release.documents), (vec!["hello"], Vec::new()), "a file's name is of the file");
}

#[test]
fn x3_in_a_chain_a_document_that_is_still_to_come_is_promised() {
    let (mut bench, _) = arrived_with(&[10]);
    bench.assign("ann");
    bench.offers_to_initech();
    bench.peer(2, "initech", PeerRequest::Commit(Commit { adopt: false }));
    let state = |bench: &Bench| bench.chat.gives("initech", transfer(2), &card(10).sha256).unwrap().1;
    assert_eq!(state(&bench), DocumentState::Arriving);
    bench.fetched(10, Fetched::Here);
    assert_eq!(state(&bench), DocumentState::Here);
}

#[test]
fn x3_what_was_announced_is_given_though_the_chat_was_passed_on_here_with_less_since() {
    let (mut bench, _) = arrived_with(&[10, 11]);
    bench.assign("ann");
    bench.fetched(10, Fetched::Here);
    bench.offers_to_initech();
    bench.tell(Input::Timer(Timer::Offer));
    bench.transfers(9, Destination::Agent("bob".into()), Share::Nothing);
    let (chat, placed) = (bench.chat.record.id, transfer(9));
    bench.tell(Input::Queue(queue::Output::Placed { chat, transfer: placed, agent: Some(profile("bob")) }));
    assert_eq!(bench.state_for(Reader::Agent("bob"), 10), None);
    bench.fetched(11, Fetched::NotNow);
    bench.tell(Input::Timer(Timer::Fetch));
    let commit = PeerRequest::Commit(Commit { adopt: true });
    bench.peer(2, "initech", commit);
    let state = |bench: &Bench, number| {
        let given = bench.chat.gives("initech", transfer(2), &card(number).sha256);
        given.map(|(_, state)| state)
    };
    let promised = [Some(DocumentState::Here), Some(DocumentState::Missing), None];
    assert_eq!([10, 11, 12].map(|number| state(&bench, number)), promised);
    bench.killed();
    assert_eq!([10, 11, 12].map(|number| state(&bench, number)), promised);
}
