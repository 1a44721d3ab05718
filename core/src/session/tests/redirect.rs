//! Overload sends a customer on (D9), who keeps the place until they have arrived.

use baton_protocol::Wtid;
use baton_protocol::federation::{Permission, Reservation};
use baton_protocol::ids::AuthorisationCode;

use super::*;

fn target(server: &str) -> Target {
    Target {
        destination: Destination::Server { server: server.into(), area: None },
        title: server.into(),
        class: Class::Partner,
        navigate: false,
        bounds: Bounds::default(),
        denied: None,
        consulted: false,
    }
}

impl Bench {
    fn redirect(&mut self, server: &str) -> Vec<String> {
        self.tell(Input::Redirect(target(server)))
    }

    fn transfer_id(&self) -> TransferId {
        self.chat.record.outgoing.attempt().unwrap().transfer
    }

    /// Up to the offer; the context that was sent.
    fn offered(&mut self) -> Context {
        assert!(self.redirect("globex").contains(&"call globex: permission".to_owned()));
        let code = AuthorisationCode::from_bytes([4; 32]);
        let permission = Answer::Permission(Permission { code, expires_in: 60, areas: None });
        let id = self.transfer_id();
        let effects = self.raw(Input::Answer(id, Ok(permission)));
        let context = effects.into_iter().find_map(|effect| match effect {
            Effect::Call(call) => match call.request {
                CallRequest::Transfer(request) => Some((request.context, request.redirects, request.agent)),
                _ => None,
            },
            _ => None,
        });
        let (context, redirects, agent) = context.unwrap();
        assert_eq!((redirects, agent.as_str()), (self.chat.redirects() + 1, ""));
        let reservation = Reservation {
            wtid: Some(Wtid::from_bytes([2; 32])),
            socket: "wss://globex.example/v1/ws".into(),
            page: None,
            expires_in: 60,
        };
        let lines = self.tell(Input::Answer(id, Ok(Answer::Reservation(reservation))));
        assert!(lines.contains(&"1 < offered".to_owned()), "{lines:?}");
        context
    }
}

#[test]
fn d9_a_waiting_customer_goes_without_an_agent_and_with_nothing_that_policy_keeps() {
    let mut bench = Bench::waiting();
    bench.customer_says(1, "My stove leaks.");
    let context = bench.offered();
    assert!(context.transcript.is_empty() && context.customer.name.is_empty() && context.incomplete);
    assert_eq!(context.visited, ["acme"]);
    let id = bench.transfer_id();
    let request = PeerRequest::Commit(Commit { adopt: false });
    let lines = bench.tell(Input::Peer { peer: "globex".into(), transfer: id, request, reply: ReplyTo(1) });
    assert!(lines.contains(&"queue: moved".to_owned()), "nobody picks up who has gone: {lines:?}");
}

#[test]
fn d9_an_agent_who_takes_them_meanwhile_keeps_them() {
    let mut bench = Bench::waiting();
    bench.offered();
    let lines = bench.assign("ann");
    assert!(lines.contains(&"1 < withdrawn".to_owned()), "{lines:?}");
    assert!(lines.contains(&"call globex: cancel".to_owned()), "{lines:?}");
    assert_eq!(bench.chat.agent_login(), Some("ann"));
    assert!(!bench.chat.may_be_redirected(bench.world.now), "chats in progress go by command only");
}

#[test]
fn d9_a_refusal_leaves_them_at_their_place_and_is_not_repeated_at_once() {
    let mut bench = Bench::waiting();
    let before = bench.chat.record.state.clone();
    bench.redirect("globex");
    let id = bench.transfer_id();
    let lines = bench.tell(Input::Answer(id, denied(ErrorCode::QueueFull)));
    assert!(!lines.iter().any(|line| line.starts_with("queue:")), "the place is as it was: {lines:?}");
    assert_eq!(bench.chat.record.state, before);
    assert!(bench.redirect("globex").is_empty());
    bench.world.now = bench.world.now.plus(60_000);
    assert!(bench.redirect("globex").contains(&"call globex: permission".to_owned()));
}

#[test]
fn d9_nobody_is_sent_where_they_have_been_or_for_a_third_time() {
    let arrived = |redirects: u8| {
        let (came, context) = talk::came_with(Vec::new());
        Bench::arrived(Some((Came { redirects, ..came }, context))).0
    };
    assert!(arrived(0).redirect("globex").is_empty(), "they have come from there");
    assert!(arrived(1).redirect("initech").contains(&"call initech: permission".to_owned()));
    assert!(arrived(2).redirect("initech").is_empty());
}

#[test]
fn d9_policy_may_deny_it_or_send_everything() {
    let mut bench = Bench::waiting();
    bench.customer_says(1, "My stove leaks.");
    bench.world.settings.rules.defaults.partner = SharePolicy::All;
    assert_eq!(bench.offered().transcript.len(), 1);
    let mut bench = Bench::waiting();
    bench.chat.record.outgoing = Outgoing::Owned;
    bench.tell(Input::Redirect(Target { denied: Some("suspended".into()), ..target("globex") }));
    assert!(matches!(bench.chat.record.outgoing, Outgoing::Owned));
}

#[test]
fn d9_an_overflow_moves_whoever_waits_to_another_area() {
    let mut bench = Bench::waiting();
    let lines = bench.tell(Input::Overflow("legal".into()));
    assert!(lines.contains(&"queue: wait since 1000000 in legal".to_owned()), "{lines:?}");
    assert!(bench.tell(Input::Overflow("nowhere".into())).is_empty());
    let mut served = Bench::with_ann();
    assert!(served.tell(Input::Overflow("legal".into())).is_empty());
}

#[test]
fn h1_whoever_waits_says_what_it_is_about_and_keeps_their_time() {
    let mut bench = Bench::waiting();
    bench.world.now = bench.world.now.plus(60_000);
    let choose = |area: &str| Input::Customer(CONN, ClientFrame::ChooseArea { area: area.into() });
    let lines = bench.tell(choose("legal"));
    assert!(lines.contains(&"queue: wait since 1000000 in legal".to_owned()), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("1 < waiting"));
    assert_eq!(bench.chat.record.area, "legal");
    assert!(bench.tell(choose("legal")).is_empty(), "they wait there already");
    bench.check(choose("nowhere"), &["1 < refused UnknownArea"]);
    let mut served = Bench::with_ann();
    assert!(served.tell(choose("legal")).is_empty(), "its agent hands it over");
}

#[test]
fn d9_what_those_who_wait_are_told_is_said_once_and_again_after_a_resume() {
    let mut bench = Bench::waiting();
    let notices = || vec![Notice::Announcement("Everybody is busy".into())];
    assert_eq!(bench.tell(Input::Notices(notices())).len(), 1);
    assert!(bench.tell(Input::Notices(notices())).is_empty());
    let lines = bench.attach(2, 1, 9);
    assert!(lines.iter().any(|line| line.contains("Everybody is busy")), "{lines:?}");
}
