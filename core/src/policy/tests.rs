//! What leaves, and what never does.

use baton_protocol::model::{Destination, DocumentCard, DocumentRef, EndReason, Redaction};
use baton_protocol::{ErrorCode, MessageId, Timestamp};
use proptest::prelude::*;

use super::*;

const CLASSES: [Class; 4] = [Class::SameDepartment, Class::SameCompany, Class::Partner, Class::Other];

fn id(number: u8) -> MessageId {
    MessageId([number; 16])
}

fn entry(seq: u64, author: Author, body: Body) -> Arc<Entry> {
    Arc::new(Entry { seq, at: Timestamp(seq), id: id(u8::try_from(seq).unwrap()), author, body })
}

fn said(seq: u64, text: &str) -> Arc<Entry> {
    entry(seq, Author::Customer, Body::Text(text.into()))
}

fn answered(seq: u64, text: &str) -> Arc<Entry> {
    entry(seq, Author::Agent("Ann".into()), Body::Text(text.into()))
}

fn noted(seq: u64, text: &str) -> Arc<Entry> {
    entry(seq, Author::Agent("Ann".into()), Body::Note(text.into()))
}

fn customer() -> Customer {
    Customer {
        name: "Carla Customer".into(),
        email: "carla@example.org".into(),
        subject: "broken kettle".into(),
        login_at: Timestamp(1),
        client_type: "widget".into(),
    }
}

fn release_of(entries: &[Arc<Entry>], prior: Option<&Context>, share: &Share) -> Context {
    let (customer, visited) = (customer(), ["acme".to_owned()]);
    release(Everything { prior, customer: &customer, visited: &visited, ..everything(entries) }, share)
}

fn everything(entries: &[Arc<Entry>]) -> Everything<'_> {
    static NOBODY: Customer = Customer {
        name: String::new(),
        email: String::new(),
        subject: String::new(),
        login_at: Timestamp(1),
        client_type: String::new(),
    };
    Everything {
        origin: "Acme",
        visited: &[],
        agent: "Ann",
        customer: &NOBODY,
        queue: "Sales",
        priority: 3,
        comments: "please help her",
        prior: None,
        entries,
        late: &[],
    }
}

fn part(edits: Edits) -> Share {
    Share::Part(edits)
}

fn texts(context: &Context) -> Vec<&str> {
    context.transcript.iter().map(|entry| entry.text.as_str()).collect()
}

fn request<'a>(agent: &'a str, area: &'a str, to: &'a Destination, class: Class) -> Request<'a> {
    Request { agent, area, to, class, confidential: false }
}

fn to_globex() -> Destination {
    Destination::Server { server: "globex".into(), area: Some("support".into()) }
}

#[test]
fn w2_the_defaults_are_all_choice_choice_nothing() {
    let rules = Rules::default();
    let decided = CLASSES.map(|class| rules.decide(request("ann", "sales", &to_globex(), class)).unwrap());
    let choice = SharePolicy::AgentsChoice;
    assert_eq!(decided, [SharePolicy::All, choice.clone(), choice, SharePolicy::Nothing]);
}

#[test]
fn o2_a_denial_says_why_and_the_first_rule_that_fits_decides() {
    let deny = |agent: Option<&str>, area: Option<&str>, destination: Option<&str>, why: &str| Rule {
        agent: agent.map(Into::into),
        area: area.map(Into::into),
        destination: destination.map(Into::into),
        denied: Some(why.into()),
        ..Rule::default()
    };
    let permit = Rule { agent: Some("bob".into()), share: Some(SharePolicy::Nothing), ..Rule::default() };
    let rules = Rules {
        defaults: Rules::default().defaults,
        exceptions: vec![
            permit,
            deny(Some("ann"), Some("sales"), Some("globex"), "not globex"),
            deny(None, Some("legal"), None, "legal stays"),
        ],
    };
    let decide = |agent, area| rules.decide(request(agent, area, &to_globex(), Class::Partner));
    assert_eq!(decide("ann", "sales"), Err("not globex".into()));
    assert_eq!(decide("ann", "support"), Ok(SharePolicy::AgentsChoice));
    assert_eq!(decide("cat", "legal"), Err("legal stays".into()));
    assert_eq!(decide("bob", "legal"), Ok(SharePolicy::Nothing));
}

#[test]
fn o2_a_rule_fits_by_class_and_confidence_and_one_without_members_fits_all() {
    let confidential = Rule {
        confidential: Some(true),
        class: Some(Class::Partner),
        denied: Some("confidential".into()),
        ..Rule::default()
    };
    let all = Rule { name: Some("closed".into()), share: Some(SharePolicy::Nothing), ..Rule::default() };
    let rules = Rules { exceptions: vec![confidential, all], ..Rules::default() };
    let to = to_globex();
    let judge =
        |class, confidential| rules.judge(Request { confidential, ..request("ann", "sales", &to, class) });
    let denied = Decision { rule: "rule 1".into(), verdict: Err("confidential".into()) };
    let closed = Decision { rule: "rule 2, closed".into(), verdict: Ok(SharePolicy::Nothing) };
    assert_eq!(judge(Class::Partner, true), denied);
    assert_eq!(judge(Class::Partner, false), closed);
    assert_eq!(judge(Class::SameDepartment, true), closed);
    let none = Rules::default().judge(request("ann", "sales", &to, Class::Other));
    assert_eq!(none.rule, "default for other");
}

#[test]
fn w2_an_agreement_takes_away_what_may_not_travel() {
    let entries = [said(1, "hello"), noted(2, "VIP")];
    let whole = release_of(&entries, None, &Share::All);
    let fields = Fields { identity: false, notes: false, comments: false, ..Fields::default() };
    let bounds = Bounds { fields, ..Bounds::default() };
    let held = bounds.hold(whole.clone(), "Acme");
    assert_eq!(texts(&held), ["hello"]);
    assert!(held.customer.name.is_empty() && held.comments.is_empty() && held.incomplete);
    assert_eq!(Bounds::default().hold(whole.clone(), "Acme"), whole, "no bounds take nothing away");
}

#[test]
fn w2_what_a_peer_forbids_to_pass_on_stays() {
    let prior = release_of(&[said(1, "told Globex")], None, &Share::All);
    let mut prior = prior;
    prior.transcript[0].server = "Globex".into();
    let whole = release_of(&[said(2, "told Acme")], Some(&prior), &Share::All);
    assert_eq!(texts(&whole), ["told Globex", "told Acme"]);
    let held = Bounds { own_only: true, ..Bounds::default() }.hold(whole, "Acme");
    assert_eq!(texts(&held), ["told Acme"]);
    assert!(held.customer.name.is_empty() && held.customer.email.is_empty() && held.incomplete);
}

#[test]
fn w2_a_destination_is_named_by_area_agent_or_server() {
    for to in [Destination::Agent("globex".into()), Destination::Area("globex".into()), to_globex()] {
        let denied =
            Rule { destination: Some("globex".into()), denied: Some("no".into()), ..Rule::default() };
        let rules = Rules { exceptions: vec![denied], ..Rules::default() };
        assert!(rules.decide(request("ann", "sales", &to, Class::Partner)).is_err());
    }
}

#[test]
fn w2_the_console_is_never_believed() {
    let edited = part(Edits { without_notes: true, ..Edits::default() });
    for choice in [Share::All, edited, Share::Nothing] {
        assert_eq!(settle(&SharePolicy::All, choice.clone()), Share::All);
        assert_eq!(settle(&SharePolicy::Nothing, choice.clone()), Share::Nothing);
        assert_eq!(settle(&SharePolicy::AgentsChoice, choice.clone()), choice);
    }
}

#[test]
fn w1_all_sends_everything_but_what_merely_happened() {
    let joined = entry(2, Author::System, Body::Event(Event::Joined { agent: "Ann".into() }));
    let ended = entry(5, Author::System, Body::Event(Event::Ended(EndReason::Agent)));
    let failed = Event::TransferFailed { to: "x".into(), code: ErrorCode::Denied };
    let failed = entry(6, Author::System, Body::Event(failed));
    let entries = [said(1, "hello"), joined, answered(3, "yes?"), noted(4, "a note"), ended, failed];
    let context = release_of(&entries, None, &Share::All);
    assert_eq!(texts(&context), ["hello", "yes?", "a note"]);
    assert_eq!(context.transcript.iter().map(|entry| entry.note).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!((context.customer.clone(), context.comments.as_str()), (customer(), "please help her"));
    assert_eq!(
        (context.origin.as_str(), context.agent.as_str(), context.queue.as_str()),
        ("Acme", "Ann", "Sales")
    );
    assert!(!context.incomplete && context.priority == 3 && context.visited == ["acme"]);
}

#[test]
fn w2_nothing_sends_no_word_of_the_conversation() {
    let context = release_of(&[said(1, "hello"), noted(2, "a note")], None, &Share::Nothing);
    assert!(context.transcript.is_empty() && context.comments.is_empty() && context.incomplete);
    assert_eq!((context.customer.name, context.customer.email, context.customer.subject), Default::default());
}

#[test]
fn a4_an_entry_is_left_out_and_notes_and_identity_are() {
    let entries = [said(1, "hello"), answered(2, "my password is"), noted(3, "a note")];
    let edits = Edits { leave_out: vec![id(2)], ..Edits::default() };
    let context = release_of(&entries, None, &part(edits));
    assert_eq!(texts(&context), ["hello", "a note"]);
    assert!(context.incomplete && context.customer == customer());
    let context = release_of(&entries, None, &part(Edits { without_notes: true, ..Edits::default() }));
    assert_eq!(texts(&context), ["hello", "my password is"]);
    assert!(context.incomplete);
    let context = release_of(&entries, None, &part(Edits { without_identity: true, ..Edits::default() }));
    assert_eq!((context.customer.name.as_str(), context.customer.email.as_str()), ("", ""));
    assert!(context.incomplete && context.customer.subject == "broken kettle");
}

#[test]
fn a4_redaction_counts_unicode_scalar_values() {
    let redact = |text: &str, start, end| {
        let edits = Edits { redact: vec![Redaction { id: id(1), start, end }], ..Edits::default() };
        let context = release_of(&[said(1, text)], None, &part(edits));
        assert!(context.incomplete);
        context.transcript[0].text.clone()
    };
    assert_eq!(redact("PIN 1234!", 4, 8), "PIN ████!");
    assert_eq!(redact("é日本🫖x", 1, 4), "é███x");
    // A letter and its combining accent are two.
    assert_eq!(redact("e\u{301}x", 1, 2), "e█x");
    assert_eq!(redact("short", 3, u32::MAX), "sho██");
    assert_eq!(redact("short", 7, 9), "short");
    assert_eq!(redact("short", 3, 1), "short");
}

#[test]
fn a4_overlapping_redactions_blacken_their_union() {
    let redact = vec![Redaction { id: id(1), start: 0, end: 3 }, Redaction { id: id(1), start: 2, end: 5 }];
    let context = release_of(
        &[said(1, "abcdefg"), said(2, "abcdefg")],
        None,
        &part(Edits { redact, ..Edits::default() }),
    );
    assert_eq!(texts(&context), ["█████fg", "abcdefg"]);
}

#[test]
fn a4_an_excerpt_is_a_note_of_the_agents_with_an_id_of_its_own() {
    let entries = [said(1, "long story"), said(2, "the secret part")];
    let edits =
        Edits { leave_out: vec![id(1), id(2)], excerpt: "kettle, 2 litres".into(), ..Edits::default() };
    let context = release_of(&entries, None, &part(edits));
    assert_eq!(texts(&context), ["kettle, 2 litres"]);
    let excerpt = &context.transcript[0];
    assert!(excerpt.note && excerpt.author == Author::Agent("Ann".into()));
    // Otherwise the next server takes the entry that was left out for one that it has, and an edit there of
    // one of the two hits both.
    assert!(entries.iter().all(|entry| entry.id != excerpt.id));
}

#[test]
fn x3_the_context_of_earlier_hops_goes_on_under_this_hops_policy() {
    let first = release_of(&[said(1, "told the first company")], None, &Share::All);
    let second = release_of(&[said(2, "told the second")], Some(&first), &Share::All);
    assert_eq!(texts(&second), ["told the first company", "told the second"]);
    assert_eq!(second.transcript[0].server, "Acme");
    let edits = Edits { leave_out: vec![id(1)], ..Edits::default() };
    assert_eq!(texts(&release_of(&[said(2, "new")], Some(&first), &part(edits))), ["new"]);
    assert!(release_of(&[said(2, "new")], Some(&first), &Share::Nothing).transcript.is_empty());
    let withheld = release_of(&[said(1, "x")], None, &Share::Nothing);
    assert!(release_of(&[said(2, "new")], Some(&withheld), &Share::All).incomplete);
}

#[test]
fn w1_a_long_transcript_is_cut_oldest_first_and_fits_one_request() {
    for text in ["x".repeat(8 * 1024), "\u{1}".repeat(8 * 1024)] {
        let entries: Vec<Arc<Entry>> = (1..200).map(|seq| said(seq, &text)).collect();
        let context = release_of(&entries, None, &Share::All);
        assert!(context.incomplete && context.transcript.last().unwrap().id == id(199));
        let bytes = serde_json::to_vec(&context).unwrap().len();
        assert!(bytes < baton_protocol::limits::MAX_FEDERATION_BODY * 3 / 4, "{bytes} bytes");
        assert!(bytes > MAX_CONTEXT / 2, "{bytes} bytes");
    }
}

#[test]
fn w2_the_tail_sends_no_more_than_the_context_could() {
    let entries = [said(1, "mine"), answered(2, "theirs"), noted(3, "a note")];
    let tail =
        |share: &Share| release_tail("Acme", &entries, share).into_iter().map(|e| e.text).collect::<Vec<_>>();
    assert_eq!(tail(&Share::All), ["mine", "theirs", "a note"]);
    assert_eq!(tail(&part(Edits::default())), ["mine"]);
    assert!(tail(&Share::Nothing).is_empty());
}

#[test]
fn a4_what_was_left_out_or_blackened_stays_so_in_the_tail() {
    let entries = [said(1, "mine"), said(2, "PIN 1234")];
    let redact = vec![Redaction { id: id(2), start: 4, end: 8 }];
    let edits = Edits { leave_out: vec![id(1)], redact, ..Edits::default() };
    let tail = release_tail("Acme", &entries, &part(edits));
    assert_eq!(tail.into_iter().map(|entry| entry.text).collect::<Vec<_>>(), ["PIN ████"]);
}

/// Words that appear nowhere else in a context, so that finding one is a leak. So long that no two are the same, or one a
/// part of another, by chance: with twelve letters that was every thousandth conversation.
fn secret() -> impl Strategy<Value = String> {
    "[QXZ]{30,40}"
}

fn any_entry(seq: u64) -> impl Strategy<Value = Arc<Entry>> {
    (secret(), 0..4u8).prop_map(move |(text, kind)| match kind {
        0 => said(seq, &text),
        1 => answered(seq, &text),
        2 => noted(seq, &text),
        _ => entry(seq, Author::System, Body::Text(text)),
    })
}

fn any_conversation() -> impl Strategy<Value = Vec<Arc<Entry>>> {
    (1..12u64).prop_flat_map(|count| (1..=count).map(any_entry).collect::<Vec<_>>())
}

fn text_of(entry: &Arc<Entry>) -> &str {
    match &entry.body {
        Body::Text(text) | Body::Note(text) => text,
        Body::Document(card) => &card.name,
        Body::Event(_) => "",
    }
}

/// A file of these contents, more or less.
pub(crate) fn card(number: u8) -> DocumentCard {
    let (sha256, name) = (format!("{number:02x}").repeat(32), format!("file{number}.pdf"));
    DocumentCard { sha256, name, media_type: "application/pdf".into(), size: 9 }
}

fn filed(seq: u64, number: u8) -> Arc<Entry> {
    entry(seq, Author::Customer, Body::Document(card(number)))
}

fn names(documents: &[DocumentRef]) -> Vec<&str> {
    documents.iter().map(|document| document.name.as_str()).collect()
}

#[test]
fn w1_documents_go_along_once_with_a_line_each() {
    let entries = [filed(1, 10), said(2, "see that"), filed(3, 10), filed(4, 11)];
    let context = release_of(&entries, None, &Share::All);
    assert_eq!(texts(&context), ["file10.pdf", "see that", "file11.pdf"]);
    assert_eq!(names(&context.documents), ["file10.pdf", "file11.pdf"]);
    assert_eq!(document_line(&context.documents[1].sha256), Some(context.transcript[2].id));
    assert_eq!(context.documents.iter().map(|document| document.number).collect::<Vec<_>>(), [0, 1]);
    assert!(!context.incomplete);
    assert!(release_of(&entries, None, &Share::Nothing).documents.is_empty());
}

#[test]
fn a4_a_document_whose_line_is_left_out_stays_here_however_it_is_named() {
    let entries = [filed(1, 10), said(2, "see that"), filed(3, 10)];
    for left_out in [id(1), id(3), document_line(&card(10).sha256).unwrap()] {
        let edits = Edits { leave_out: vec![left_out], ..Edits::default() };
        let context = release_of(&entries, None, &part(edits.clone()));
        assert!(context.documents.is_empty() && texts(&context) == ["see that"] && context.incomplete);
        let again = [said(2, "see that"), filed(4, 10)];
        let context = Everything { late: &again, ..everything(&entries) };
        assert!(
            release(context, &part(edits)).documents.is_empty(),
            "said again, it stays here all the same"
        );
    }
    let redact = vec![Redaction { id: id(1), start: 0, end: 4 }];
    let context = release_of(&entries, None, &part(Edits { redact, ..Edits::default() }));
    assert_eq!(names(&context.documents), ["████10.pdf"], "its name is what its line shows");
}

#[test]
fn x3_documents_of_earlier_servers_go_on_as_the_edits_say() {
    let first = release_of(&[filed(1, 10), filed(2, 11)], None, &Share::All);
    let edits = Edits { leave_out: vec![document_line(&card(10).sha256).unwrap()], ..Edits::default() };
    let second = release_of(&[filed(3, 12)], Some(&first), &part(edits));
    assert_eq!(names(&second.documents), ["file11.pdf", "file12.pdf"]);
    assert!(second.incomplete);
    let unmentioned = Context { transcript: Vec::new(), ..first };
    let edits = Edits { leave_out: vec![document_line(&card(11).sha256).unwrap()], ..Edits::default() };
    assert_eq!(names(&release_of(&[], Some(&unmentioned), &part(edits)).documents), ["file10.pdf"]);
}

#[test]
fn w2_of_what_was_said_late_only_the_customers_documents_follow_edits() {
    let by_ann = entry(2, Author::Agent("Ann".into()), Body::Document(card(11)));
    let late = [filed(1, 10), by_ann];
    assert_eq!(names(&release_tail_documents(&late, &Share::All)), ["file10.pdf", "file11.pdf"]);
    assert_eq!(names(&release_tail_documents(&late, &part(Edits::default()))), ["file10.pdf"]);
    assert!(release_tail_documents(&late, &Share::Nothing).is_empty());
}

#[test]
fn w1_a_context_has_so_many_documents_the_newest() {
    let entries: Vec<Arc<Entry>> = (1..=40).map(|seq| filed(seq, u8::try_from(seq).unwrap())).collect();
    let context = release_of(&entries, None, &Share::All);
    assert_eq!((context.documents.len(), context.documents[0].name.as_str()), (32, "file9.pdf"));
    assert!(context.incomplete);
}

proptest! {
    #[test]
    fn w2_with_nothing_no_word_leaves(before in any_conversation(), entries in any_conversation(), name in secret(), email in secret(), subject in secret()) {
        let customer = Customer { name: name.clone(), email: email.clone(), subject: subject.clone(), ..customer() };
        let prior = release_of(&before, None, &Share::All);
        let everything = Everything {
            origin: "Acme", visited: &[], agent: "Ann", customer: &customer, queue: "Sales", priority: 0,
            comments: &subject, prior: Some(&prior), entries: &entries, late: &entries,
        };
        let json = serde_json::to_string(&release(everything, &Share::Nothing)).unwrap();
        let words = before.iter().chain(&entries).map(text_of).chain([name.as_str(), &email, &subject]);
        for word in words {
            prop_assert!(!json.contains(word), "{word} in {json}");
        }
        prop_assert!(release_tail("Acme", &entries, &Share::Nothing).is_empty());
    }

    #[test]
    fn w2_with_part_nothing_left_out_or_blackened_leaves(
        before in any_conversation(),
        entries in any_conversation(),
        left_out in proptest::collection::vec(1..12u8, 0..6),
        blackened in proptest::collection::vec((1..12u8, 0..8u32, 8..30u32), 0..6),
        without_notes: bool,
        without_identity: bool,
    ) {
        let prior = release_of(&before, None, &Share::All);
        let redact = blackened.iter().map(|(n, start, end)| Redaction { id: id(*n), start: *start, end: *end });
        let edits = Edits {
            leave_out: left_out.iter().map(|number| id(*number)).collect(),
            redact: redact.collect(),
            without_notes,
            without_identity,
            ..Edits::default()
        };
        let context = release_of(&entries, Some(&prior), &part(edits.clone()));
        let json = serde_json::to_string(&context).unwrap();
        for entry in before.iter().chain(&entries) {
            let gone = edits.leave_out.contains(&entry.id)
                || (without_notes && matches!(entry.body, Body::Note(_)))
                || edits.redact.iter().any(|redaction| redaction.id == entry.id);
            prop_assert!(!gone || !json.contains(text_of(entry)));
            prop_assert!(gone || json.contains(text_of(entry)), "an untouched entry is sent");
        }
        prop_assert!(!without_identity || !json.contains("carla@example.org") && !json.contains("Carla"));
        for entry in release_tail("Acme", &entries, &part(edits.clone())) {
            prop_assert!(!edits.leave_out.contains(&entry.id) && entry.author == Author::Customer);
        }
    }

    #[test]
    fn a4_blackening_keeps_the_length_and_hides_exactly_the_range(text in "\\PC{0,30}", start in 0..40u32, end in 0..40u32) {
        let black = blacken(&text, start, end);
        prop_assert_eq!(black.chars().count(), text.chars().count());
        for (at, (old, new)) in text.chars().zip(black.chars()).enumerate() {
            let hidden = at >= start as usize && at < end as usize;
            prop_assert_eq!(new, if hidden { '█' } else { old });
        }
    }
}

#[test]
fn a4_a_subject_that_repeats_a_line_leaves_as_that_line_does() {
    let entries = [said(1, "broken kettle 4711, please mend"), answered(2, "yes?")];
    let subject = |edits: Edits| release_of(&entries, None, &part(edits)).customer.subject;
    let redact = vec![Redaction { id: id(1), start: 0, end: 6 }];
    assert_eq!(subject(Edits { redact, ..Edits::default() }), "██████ kettle");
    assert_eq!(subject(Edits { leave_out: vec![id(1)], ..Edits::default() }), "");
    assert_eq!(subject(Edits { leave_out: vec![id(2)], ..Edits::default() }), "broken kettle");
}
