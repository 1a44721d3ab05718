//! The wire bytes, frozen. A difference here is a new protocol version, not a new golden file.
//!
//! `BATON_BLESS=1 cargo test -p baton-protocol --test golden` writes the file for a frame that is new.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use baton_protocol::codes::ErrorCode;
use baton_protocol::frames::{About, Login, Password, PeerOffer, Start};
use baton_protocol::model::*;
use baton_protocol::*;
use proptest::prelude::*;

fn known() -> Known {
    Known { name: "Ada".into(), email: "ada@example.org".into(), subject: "stove".into() }
}
fn chat() -> ChatId {
    ChatId([0xc1; 16])
}
fn message() -> MessageId {
    MessageId([0x3e; 16])
}
fn transfer() -> TransferId {
    TransferId([0x7f; 16])
}
fn page() -> Page {
    Page { url: "https://acme.example/pricing".into(), title: "Pricing".into() }
}
fn customer() -> Customer {
    Customer {
        name: "Ada".into(),
        email: "ada@example.org".into(),
        subject: "Order 7".into(),
        login_at: Timestamp(1_700_000_000_000),
        client_type: "baton-widget/0.1".into(),
    }
}
fn outcome() -> Outcome {
    Outcome { disposition: "Sold".into(), tags: vec!["tent".into(), "return".into()] }
}
fn reply() -> Reply {
    Reply { id: message(), shortcut: "hello".into(), text: "Hello {name}".into(), personal: true }
}
fn area() -> AreaCard {
    AreaCard {
        name: "sales".into(),
        title: "Sales".into(),
        agents: 3,
        free_agents: 1,
        waiting: 2,
        wait: Some(WaitRange { from: 30, to: 90 }),
        share: SharePolicy::AgentsChoice,
    }
}
fn agent() -> AgentCard {
    AgentCard {
        name: "bob".into(),
        title: "Bob".into(),
        supervisor: false,
        areas: vec!["sales".into()],
        chats: 2,
        max_chats: 6,
        online: true,
        presence: Presence::Available,
        share: SharePolicy::All,
        by_hand: true,
    }
}
fn card() -> ChatCard {
    ChatCard {
        chat: chat(),
        area: "sales".into(),
        customer: customer(),
        page: Some(page()),
        online: true,
        state: ChatState::Transferring { transfer: transfer(), stage: Stage::Pushed },
        since: Timestamp(1_700_000_001_000),
    }
}
fn context() -> Context {
    Context {
        origin: "Acme".into(),
        visited: vec!["acme".into()],
        agent: "Bob".into(),
        customer: customer(),
        queue: "sales".into(),
        priority: 3,
        comments: "Knows the product already.".into(),
        transcript: vec![PriorEntry {
            id: message(),
            at: Timestamp(1_700_000_000_500),
            server: "Acme".into(),
            author: Author::Agent("Bob".into()),
            text: "Hello".into(),
            note: false,
        }],
        documents: vec![DocumentRef {
            number: 0,
            name: "invoice.pdf".into(),
            media_type: "application/pdf".into(),
            size: 1024,
            sha256: "ab".repeat(32),
        }],
        incomplete: true,
    }
}
fn document() -> DocumentCard {
    DocumentCard {
        sha256: "ab".repeat(32),
        name: "invoice.pdf".into(),
        media_type: "application/pdf".into(),
        size: 1024,
    }
}
fn brand() -> Brand {
    Brand { name: "Acme".into(), accent: "#0a5".into() }
}

fn client_samples() -> Vec<ClientFrame> {
    use ClientFrame::*;
    let edits = Edits {
        leave_out: vec![message()],
        redact: vec![Redaction { id: message(), start: 1, end: 4 }],
        excerpt: "As agreed by phone.".into(),
        without_notes: true,
        without_identity: false,
    };
    vec![
        CustomerHello {
            start: Start::New {
                area: "sales".into(),
                name: "Ada".into(),
                email: String::new(),
                subject: String::new(),
                challenge: Verifier::from_bytes([1; 32]).challenge(),
            },
            page: Some(page()),
            client_type: "baton-widget/0.1".into(),
            last_seq: 0,
        },
        CustomerHello {
            start: Start::Resume { token: ResumeToken::from_bytes([2; 32]), epoch: 3 },
            page: None,
            client_type: String::new(),
            last_seq: 300,
        },
        CustomerHello {
            start: Start::Claim {
                wtid: Some(Wtid::from_bytes([4; 32])),
                verifier: Verifier::from_bytes([1; 32]),
                epoch: 1,
                challenge: Verifier::from_bytes([5; 32]).challenge(),
                adopt: false,
            },
            page: None,
            client_type: String::new(),
            last_seq: 0,
        },
        AgentHello {
            login: Login::Password { name: "bob".into(), password: Password("not a secret".into()) },
        },
        AgentHello { login: Login::Token { token: ResumeToken::from_bytes([6; 32]) } },
        AgentHello { login: Login::Session {} },
        Ping { nonce: 70_000 },
        Say { chat: None, id: message(), text: "Grüße 👋".into() },
        Say { chat: Some(chat()), id: message(), text: "Hello".into() },
        Typing { chat: None, on: true },
        Seen { chat: Some(chat()), seq: 251 },
        Browsed { page: page() },
        End { chat: None },
        Following { transfer: transfer() },
        Declined { transfer: transfer() },
        Accept { transfer: transfer() },
        Reclaim { transfer: transfer(), epoch: 3 },
        Attach { chat: None, id: message(), sha256: "ab".repeat(32) },
        Earlier { token: ResumeToken::from_bytes([2; 32]) },
        ChooseArea { area: "billing".into() },
        PickUp { chat: chat() },
        Note { chat: chat(), id: message(), text: "VIP".into() },
        SetPresence { presence: Presence::Away },
        Inspect { chat: chat(), server: "globex".into() },
        Transfer {
            transfer: transfer(),
            chat: chat(),
            to: Destination::Server { server: "globex".into(), area: Some("support".into()) },
            comments: "Please help.".into(),
            share: Share::Part(edits),
        },
        CancelTransfer { chat: chat(), transfer: transfer() },
        Dismiss { chat: chat() },
        SetConfidential { chat: chat(), on: true },
        SetOutcome { chat: chat(), outcome: outcome() },
        Watch { chat: chat(), on: true },
        Whisper { chat: chat(), id: message(), text: "Offer the discount.".into() },
        JoinIn { chat: chat() },
        TakeOver { chat: chat() },
        SetPriority { chat: chat(), priority: 7 },
        TeamMessage { to: Some("sales".into()), text: "Lunch at one.".into() },
        PutReply { reply: reply() },
        RemoveReply { id: message() },
        ListClosed {},
        ReadClosed { chat: chat() },
        SetPresence { presence: Presence::Busy },
        SetByHand { on: true },
        Preview { text: "My stove le".into() },
        Rescue { chat: chat(), to: Some("sales".into()) },
        Correct { known: known() },
        Consult {
            transfer: transfer(),
            chat: chat(),
            to: Destination::Area("sales".into()),
            text: "Free?".into(),
        },
        ConsultSay { transfer: transfer(), id: message(), text: "A stove.".into() },
        ConsultEnd { transfer: transfer() },
        RetryTransfer { chat: chat(), transfer: transfer() },
        AnswerAsk { transfer: transfer(), accept: true },
    ]
}

fn server_samples() -> Vec<ServerFrame> {
    use ServerFrame::*;
    let entry = |seq, body| Entry {
        seq,
        at: Timestamp(1_700_000_002_000),
        id: message(),
        author: Author::Customer,
        body,
    };
    vec![
        Welcome {
            chat: chat(),
            token: Some(ResumeToken::from_bytes([2; 32])),
            epoch: 1,
            phase: Phase::Active { agent: "Bob".into() },
            last_seq: 4,
            brand: brand(),
            transfer: Some(transfer()),
        },
        AgentWelcome { agent: agent(), token: None, server: "acme".into(), brand: brand() },
        Pong { nonce: 70_000 },
        Stored { chat: chat(), id: message(), seq: 4, at: Timestamp(1_700_000_002_000) },
        Entries {
            chat: chat(),
            entries: vec![
                entry(1, Body::Text("Hi".into())),
                entry(2, Body::Note("VIP".into())),
                entry(3, Body::Event(Event::Joined { agent: "Bob".into() })),
                entry(4, Body::Event(Event::TransferFailed { to: "Globex".into(), code: ErrorCode::Denied })),
                entry(5, Body::Event(Event::Ended(EndReason::Customer))),
            ],
        },
        Typing { chat: chat(), on: false },
        Seen { chat: chat(), seq: 4 },
        PhaseChanged { chat: chat(), phase: Phase::Waiting },
        Place { rank: 2, wait: Some(WaitRange { from: 30, to: 90 }) },
        Offered {
            offer: Offer {
                transfer: transfer(),
                server: "globex".into(),
                title: "Globex".into(),
                wtid: Some(Wtid::from_bytes([4; 32])),
                way: Way::InPlace {
                    socket: "wss://globex.example/v1/ws".into(),
                    page: Some("https://globex.example/help".into()),
                },
                expires_in: 60_000,
            },
        },
        Offered {
            offer: Offer {
                transfer: transfer(),
                server: "globex".into(),
                title: "Globex".into(),
                wtid: Some(Wtid::from_bytes([4; 32])),
                way: Way::Navigate { page: "https://globex.example/help".into() },
                expires_in: 60_000,
            },
        },
        Withdrawn { transfer: transfer() },
        Refused {
            code: ErrorCode::Denied,
            detail: "closed on Sundays".into(),
            about: About::Transfer(transfer()),
        },
        Draining { resume_in: 1_500 },
        Arriving { transfer: transfer() },
        Holding {
            content: model::Holding {
                announcements: vec![Announcement {
                    title: "Closed".into(),
                    text: "Until Monday.".into(),
                    offer: false,
                    url: Some("https://acme.example/".into()),
                }],
                faqs: vec![Faq { question: "Abroad?".into(), answer: "No.".into() }],
                links: vec![Link { title: "Hours".into(), url: "https://acme.example/hours".into() }],
                known: Some(known()),
            },
        },
        Queue {
            waiting: vec![WaitingCard {
                chat: chat(),
                area: "sales".into(),
                name: "Ada".into(),
                subject: "Order 7".into(),
                since: Timestamp(1_700_000_000_000),
                rank: 1,
                from: Some("Globex".into()),
                left: Some(Left::OutOfHours),
            }],
        },
        Hours {
            areas: vec![AreaHours {
                area: "sales".into(),
                open: false,
                changes: Some(Timestamp(1_700_000_000_000)),
                zone: "Europe/Berlin".into(),
            }],
        },
        Destinations {
            areas: vec![area()],
            agents: vec![agent()],
            servers: vec![ServerCard {
                name: "globex".into(),
                title: "Globex".into(),
                subject: "Repairs".into(),
                share: SharePolicy::Nothing,
            }],
        },
        PeerAreas { chat: chat(), server: "globex".into(), offer: PeerOffer::Areas(vec![area()]) },
        PeerAreas { chat: chat(), server: "globex".into(), offer: PeerOffer::GeneralEntrance },
        Opened { card: card(), context: Some(context()) },
        CardChanged { card: card() },
        Progress {
            chat: chat(),
            transfer: transfer(),
            stage: Stage::Failed,
            code: Some(ErrorCode::NotArrived),
            detail: "the customer stayed".into(),
        },
        OpenChats {
            chats: vec![OpenChat {
                chat: chat(),
                area: "sales".into(),
                name: "Ada".into(),
                state: OpenState::Transferring { agent: "bob".into(), to: "Globex".into() },
                online: true,
                since: Timestamp(1_700_000_001_000),
            }],
            first: true,
        },
        Notices {
            notices: vec![
                Notice::Announcement("Everybody is busy".into()),
                Notice::LeaveMessage,
                Notice::CallBack,
            ],
        },
        Watched { card: card(), context: Some(context()), agent: "Bob".into(), joined: true },
        Replies { replies: vec![reply()], first: true },
        TeamSaid { from: "Alma".into(), to: Some("Sales".into()), text: "Lunch at one.".into() },
        ClosedChats {
            chats: vec![ClosedChat {
                chat: chat(),
                area: "sales".into(),
                name: "Ada".into(),
                subject: "Order 7".into(),
                since: Timestamp(1_700_000_001_000),
                state: ChatState::Ended(EndReason::Customer),
                outcome: Some(outcome()),
            }],
        },
        QueueMore { waiting: Vec::new() },
        Assignment { automatic: true, by_hand: true },
        Preview { chat: chat(), text: "My stove le".into() },
        ChatMarks {
            chat: chat(),
            marks: Marks {
                confidential: true,
                priority: 3,
                pages: vec![Visit { page: page(), at: Timestamp(1_700_000_001_000) }],
                outcome: Some(outcome()),
            },
        },
        ChatPolicy {
            chat: chat(),
            permits: vec![Permit {
                to: Destination::Area("sales".into()),
                share: SharePolicy::All,
                denied: Some("sales stays here".into()),
            }],
        },
        Entries {
            chat: chat(),
            entries: vec![
                entry(
                    7,
                    Body::Event(Event::Verified {
                        site: "https://acme.example".into(),
                        subject: "c-7".into(),
                    }),
                ),
                entry(9, Body::Event(Event::Corrected { known: known() })),
                entry(8, Body::Event(Event::LeftMessage { email: "ada@example.org".into() })),
            ],
        },
        Entries {
            chat: chat(),
            entries: vec![entry(6, Body::Event(Event::Confidential { agent: "Bob".into(), on: true }))],
        },
        Asked {
            ask: Ask {
                transfer: transfer(),
                from: "Acme".into(),
                agent: "Anna".into(),
                area: "repairs".into(),
                name: "Ada".into(),
                subject: "Order 7".into(),
                comments: "The stove leaks.".into(),
                expires_in: 30_000,
            },
        },
        AskOver { transfer: transfer() },
        Consulting {
            consultation: Consultation {
                transfer: transfer(),
                chat: Some(chat()),
                with: "Gus".into(),
                at: "Globex".into(),
                agent: None,
                ended: Some(ErrorCode::Cancelled),
            },
        },
        ConsultSaid { transfer: transfer(), id: message(), mine: true, text: "Yes.".into() },
        Entries { chat: chat(), entries: vec![entry(6, Body::Document(document()))] },
        DocumentChanged { chat: chat(), sha256: "ab".repeat(32), state: DocumentState::Missing },
        Refused {
            code: ErrorCode::BadDocument,
            detail: "10 MB at most".into(),
            about: About::Message(message()),
        },
    ]
}

/// One line a frame: its number, its bytes, its JSON.
fn render() -> String {
    let mut out = String::new();
    let mut line = |number: u16, binary: Vec<u8>, json: Vec<u8>| {
        let hex: String = binary.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "{number} {hex} {}", String::from_utf8(json).unwrap()).unwrap();
    };
    for frame in client_samples() {
        line(frame.number(), client_bytes(&frame, Encoding::Binary), client_bytes(&frame, Encoding::Json));
    }
    for frame in server_samples() {
        line(frame.number(), server_bytes(&frame, Encoding::Binary), server_bytes(&frame, Encoding::Json));
    }
    out
}

fn client_bytes(frame: &ClientFrame, encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(encoding, &mut bytes).unwrap();
    bytes
}

fn server_bytes(frame: &ServerFrame, encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(encoding, &mut bytes).unwrap();
    bytes
}

#[test]
fn the_wire_bytes_are_the_golden_ones() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/frames.txt");
    if std::env::var_os("BATON_BLESS").is_some() {
        std::fs::write(path, render()).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap();
    for (now, then) in render().lines().zip(golden.lines()) {
        assert_eq!(now, then);
    }
    assert_eq!(render().lines().count(), golden.lines().count());
}

#[test]
fn every_frame_type_has_a_sample() {
    let has = |numbers: &[u16], seen: Vec<u16>| numbers.iter().all(|number| seen.contains(number));
    assert!(has(ClientFrame::NUMBERS, client_samples().iter().map(ClientFrame::number).collect()));
    assert!(has(ServerFrame::NUMBERS, server_samples().iter().map(ServerFrame::number).collect()));
}

#[test]
fn every_frame_survives_both_encodings() {
    for encoding in Encoding::ALL {
        for frame in client_samples() {
            assert_eq!(decode_client(encoding, &client_bytes(&frame, encoding)), Ok(frame));
        }
        for frame in server_samples() {
            assert_eq!(decode_server(encoding, &server_bytes(&frame, encoding)), Ok(frame));
        }
    }
}

#[test]
fn the_widgets_own_codec_has_the_same_bytes() {
    for frame in client_samples() {
        // What scripts write is none of the module's.
        use ClientFrame::{ChooseArea, Correct, Preview};
        let elsewhere = matches!(frame, Correct { .. } | ChooseArea { .. } | Preview { .. });
        let for_customers =
            frame.number() < 32 && !elsewhere && !matches!(frame, ClientFrame::AgentHello { .. });
        let expected = for_customers.then(|| client_bytes(&frame, Encoding::Binary));
        assert_eq!(lean::encode(&frame), expected, "{frame:?}");
    }
    for frame in server_samples() {
        let number = frame.number();
        let for_customers =
            number < 32 && !matches!(frame, ServerFrame::AgentWelcome { .. } | ServerFrame::Holding { .. });
        let bytes = server_bytes(&frame, Encoding::Binary);
        assert_eq!(lean::decode(&bytes), for_customers.then_some(frame));
    }
}

#[test]
fn bad_bytes_say_what_is_wrong() {
    use codec::FrameError;
    let decode = |bytes: &[u8]| decode_client(Encoding::Binary, bytes).unwrap_err();
    let ping = client_bytes(&ClientFrame::Ping { nonce: 1 }, Encoding::Binary);
    assert_eq!(decode(&[]), FrameError::Truncated);
    assert_eq!(decode(&[9, 3, 0, 0, 1]), FrameError::Version(9));
    assert_eq!(decode(&[1, 3, 0, 8, 1]), FrameError::Flags(8));
    assert_eq!(decode(&[1, 255, 255, 0]), FrameError::UnknownType(65_535));
    assert_eq!(decode(&ping[..4]), FrameError::Body);
    assert_eq!(decode(&[ping.as_slice(), &[0]].concat()), FrameError::Trailing(1));
    assert_eq!(decode(&vec![1; limits::MAX_FRAME + 1]), FrameError::TooLarge(limits::MAX_FRAME + 1));
    // Threat 19: a length of four billion in nine bytes must not be believed.
    assert_eq!(decode(&[1, 4, 0, 0, 0, 0xfd, 255, 255, 255, 255, 255, 255, 255, 127]), FrameError::Body);
    let json = decode_client(Encoding::Json, br#"{"type":"ping"}"#).unwrap_err();
    assert_eq!(json.to_string(), "not the JSON of a frame: missing field `nonce`");
}

#[test]
fn a_frame_that_is_too_long_is_not_encoded() {
    let long = ClientFrame::Say { chat: None, id: message(), text: "x".repeat(limits::MAX_FRAME) };
    let mut bytes = vec![7];
    assert!(matches!(long.encode(Encoding::Binary, &mut bytes), Err(codec::FrameError::TooLarge(_))));
    assert_eq!(bytes, [7]);
}

proptest! {
    #[test]
    fn any_bytes_decode_or_fail_and_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        for encoding in Encoding::ALL {
            let _ = decode_client(encoding, &bytes);
            let _ = decode_server(encoding, &bytes);
        }
    }

    /// A frame with some bytes changed is refused, or is another frame that survives its own encoding.
    #[test]
    fn the_widgets_own_codec_takes_what_the_other_takes(bytes in proptest::collection::vec(any::<u8>(), 0..512), number in 1..15_u16) {
        let bytes = [&[VERSION], &number.to_le_bytes()[..], &[0], &bytes].concat();
        let other = decode_server(Encoding::Binary, &bytes).ok().filter(|frame| frame.number() != 2);
        prop_assert_eq!(lean::decode(&bytes), other);
    }

    #[test]
    fn a_damaged_frame_is_refused_or_whole(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let samples = server_samples();
        let mut bytes = server_bytes(&samples[pick.index(samples.len())], Encoding::Binary);
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(frame) = decode_server(Encoding::Binary, &bytes) {
            let again = server_bytes(&frame, Encoding::Binary);
            prop_assert_eq!(decode_server(Encoding::Binary, &again), Ok(frame));
        }
    }

    #[test]
    fn any_text_survives(text in any::<String>(), seed in any::<[u8; 16]>()) {
        let frame = ClientFrame::Say { chat: Some(ChatId(seed)), id: MessageId(seed), text };
        for encoding in Encoding::ALL {
            prop_assert_eq!(decode_client(encoding, &client_bytes(&frame, encoding)), Ok(frame.clone()));
        }
    }
}
