//! The queue, agents, and transfers within this server (X1).

use baton_protocol::frames::About;
use baton_protocol::limits::MAX_FRAME;
use baton_protocol::model::{Context, Customer, Destination, Entry, Event, Share, SharePolicy, Stage};
use baton_protocol::{ErrorCode, Seq, ServerFrame, TransferId};

use super::attach::in_frames;
use super::{Chat, Passed, State, Target};
use crate::audit::{Left, Step};
use crate::effect::{Call, CallRequest, Effect, Env};
use crate::policy::{self, Decision, Everything, json_length};
use crate::queue::{self, Output, Profile, Ticket};
use crate::transfer::origin::Outgoing;

/// Bytes of JSON for card and context in one `opened`. What is left of a frame is for the names of its members.
pub(super) const OPENED_BYTES: usize = MAX_FRAME - 1024;

/// A transfer within this server that waits for the queue manager.
#[derive(Debug)]
pub(super) struct Placing {
    pub(super) transfer: TransferId,
    pub(super) target: Target,
    pub(super) comments: String,
    pub(super) share: Share,
    /// The last entry that the agent could see when choosing what to send.
    seen: Seq,
    /// The agent who is being asked whether they take it.
    pub(super) asked: Option<Profile>,
}

impl Chat {
    pub(super) fn enqueue(&self, env: &Env<'_>, out: &mut Vec<Effect>) {
        let State::Waiting { since, from } = &self.record.state else { return };
        if !self.record.outgoing.serves() {
            return;
        }
        let customer = self.known_customer();
        let customs = env.settings.customs.get(&self.record.area);
        let facts = self.facts(from.as_ref());
        out.push(Effect::Queue(Box::new(queue::Input::Wait(Ticket {
            chat: self.record.id,
            area: self.record.area.clone(),
            name: customer.name.clone(),
            subject: customer.subject.clone(),
            since: *since,
            login_at: customer.login_at,
            priority: self.record.priority,
            bonus: customs.map_or(0, |customs| customs.bonus(&facts)),
            needs: customs.map(|customs| customs.needs(&facts)).unwrap_or_default(),
            from: from.clone(),
            last_agent: self.record.last_agent.clone(),
            seat: self.record.came.as_ref().map(|came| Box::new((came.peer.clone(), came.transfer))),
            left: self.record.visitor.left(),
        }))));
    }

    pub(super) fn restore_place(&self, env: &Env<'_>, out: &mut Vec<Effect>) {
        match &self.record.state {
            _ if !self.is_open() => {}
            State::Waiting { .. } => self.enqueue(env, out),
            State::Active { login, .. } => self.restore_agent(login, out),
            State::Ended(_) => {}
        }
    }

    /// A customer has one place with the agent, also while they are led from the one session to the other (D6).
    fn restore_agent(&self, login: &str, out: &mut Vec<Effect>) {
        let (login, chat) = (login.to_owned(), self.record.id);
        match self.record.outgoing.attempt().filter(|_| self.is_led()) {
            // The other session has it.
            Some(_) if !self.record.outgoing.serves() => {}
            Some(attempt) => {
                let seat = (attempt.peer.clone(), attempt.transfer);
                out.push(Effect::Queue(Box::new(queue::Input::HoldUnlessKept(login, chat, seat))));
            }
            None => out.push(Effect::Queue(Box::new(queue::Input::Hold(login, chat)))),
        }
    }

    pub(super) fn queued(&mut self, env: &mut Env<'_>, output: Output, out: &mut Vec<Effect>) {
        match output {
            Output::Assigned { agent, .. } => self.assigned(env, agent, out),
            Output::AgentLost { login, .. } => self.agent_lost(env, &login, out),
            Output::Placed { transfer, agent, .. } => self.placed(env, transfer, agent, out),
            Output::NotPlaced { transfer, code, .. } => {
                if let Some(placing) = self.placing.take_if(|placing| placing.transfer == transfer) {
                    self.audit_placing(env, &placing, Step::Failed { code }, out);
                    self.failed_here(env, transfer, &placing.target.title, code, code.to_string(), out);
                }
            }
            Output::Refused { .. } | Output::Reserved { .. } | Output::Changed => {}
        }
    }

    /// An agent has the chat now.
    fn assigned(&mut self, env: &mut Env<'_>, agent: Profile, out: &mut Vec<Effect>) {
        if self.agent_login() == Some(&agent.login) {
            return;
        }
        let waits = matches!(self.record.state, State::Waiting { .. });
        if !waits || !self.is_open() || !self.record.outgoing.serves() {
            return out.push(Effect::Queue(Box::new(queue::Input::Free(agent.login, self.record.id))));
        }
        self.stays(env, out);
        self.record.last_agent = Some(agent.login.clone());
        self.record.state = State::Active { login: agent.login.clone(), title: agent.title.clone() };
        self.served_by(&agent.login);
        if self.needs_second_step(env) {
            return self.lead(env, &agent.login, out);
        }
        self.save(out);
        self.joined(env, &agent.login, agent.title, out);
    }

    /// The agent and the customer see each other.
    pub(super) fn joined(&mut self, env: &mut Env<'_>, login: &str, title: String, out: &mut Vec<Effect>) {
        self.show(login, out);
        self.happened(env, Event::Joined { agent: title }, out);
        self.to_customer(ServerFrame::PhaseChanged { chat: self.record.id, phase: self.phase() }, out);
        self.report(Stage::Answered, out);
    }

    fn agent_lost(&mut self, env: &mut Env<'_>, lost: &str, out: &mut Vec<Effect>) {
        let asked = self.placing.as_ref().and_then(|placing| placing.asked.as_ref());
        if asked.is_some_and(|agent| agent.login == lost) {
            return self.not_taken(env, ErrorCode::AgentUnavailable, out);
        }
        let State::Active { login, title } = &self.record.state else { return };
        if login != lost {
            return;
        }
        match &self.record.outgoing {
            Outgoing::Settled(_) => return,
            // Frozen: should the customer come back, they wait for somebody else.
            Outgoing::Released(_) => return self.let_go(out),
            _ => {}
        }
        let agent = title.clone();
        self.drop_placing(env, ErrorCode::AgentUnavailable, out);
        if self.is_led() {
            // Nobody has told the customer of that agent yet.
            self.withdraw(false, out);
            return self.wait_again(env, out);
        }
        if !matches!(self.record.outgoing, Outgoing::Owned) {
            self.abort(env, ErrorCode::AgentUnavailable, String::new(), out);
        }
        // The old place: as long as they have been here.
        self.wait_again(env, out);
        self.happened(env, Event::AgentLost { agent }, out);
    }

    /// Back to the queue, at the place that the time of arrival gives.
    pub(super) fn wait_again(&mut self, env: &Env<'_>, out: &mut Vec<Effect>) {
        self.record.state = State::Waiting { since: self.record.since, from: None };
        self.save(out);
        self.to_customer(ServerFrame::PhaseChanged { chat: self.record.id, phase: self.phase() }, out);
        self.enqueue(env, out);
    }

    /// The chat for its agent's console: card, context, entries (A8).
    pub(super) fn show(&self, login: &str, out: &mut Vec<Effect>) {
        if self.agent_login() != Some(login) || !self.is_open() {
            return;
        }
        let card = self.card();
        let context = self
            .context
            .as_ref()
            .map(|context| policy::newest_part(context, OPENED_BYTES.saturating_sub(json_length(&card))));
        out.push(Effect::ToAgent(login.into(), Box::new(ServerFrame::Opened { card, context })));
        out.push(Effect::ToAgent(login.into(), Box::new(self.marks_frame())));
        self.show_documents(out);
        let visible = self.entries.iter().filter(|entry| entry.seq >= self.record.view_from);
        for frame in in_frames(self.record.id, visible.map(|entry| Entry::clone(entry))) {
            out.push(Effect::ToAgent(login.into(), Box::new(frame)));
        }
    }

    /// The customer, as far as the present agent may know: the last transfer here may have withheld who it is.
    pub(super) fn known_customer(&self) -> &Customer {
        match (&self.context, &self.record.passed) {
            (Some(context), Some(_)) => &context.customer,
            _ => &self.record.customer,
        }
    }

    /// The agent's Transfer button (A4, O2).
    #[expect(clippy::too_many_arguments, reason = "the members of one input")]
    pub(super) fn transfer(
        &mut self,
        env: &mut Env<'_>,
        login: &str,
        transfer: TransferId,
        target: Target,
        comments: String,
        share: Share,
        out: &mut Vec<Effect>,
    ) {
        if self.is_known(transfer) {
            return;
        }
        if self.agent_login() != Some(login) {
            return self.refuse_agent(login, ErrorCode::UnknownChat, About::Transfer(transfer), out);
        }
        let away = matches!(target.destination, Destination::Server { .. });
        let tail_due = away && self.record.came.as_ref().is_some_and(|came| came.tail_due);
        if tail_due || self.placing.is_some() || !matches!(self.record.outgoing, Outgoing::Owned) {
            return self.refuse_agent(login, ErrorCode::TransferUnderWay, About::Transfer(transfer), out);
        }
        if comments.len() > baton_protocol::limits::MAX_TEXT {
            return self.refuse_agent(login, ErrorCode::BadText, About::Transfer(transfer), out);
        }
        let Decision { rule, verdict } = self.judge(env, login, &target);
        let audited = (transfer, login, &target.destination);
        let share = match verdict {
            // Never more than the agent agreed to: who wanted less reads that this destination gets everything.
            Ok(SharePolicy::All) if share != Share::All => {
                let detail = "everything goes along to this destination: choose All".to_owned();
                let code = ErrorCode::NotPermitted;
                self.audit(env, audited, Step::Denied { rule, reason: detail.clone() }, out);
                return self.failed_here(env, transfer, &target.title, code, detail, out);
            }
            Ok(policy) => {
                self.audit(env, audited, Step::Permitted { rule, share: policy.clone() }, out);
                policy::settle(&policy, share)
            }
            Err(reason) => {
                self.audit(env, audited, Step::Denied { rule, reason: reason.clone() }, out);
                let code = ErrorCode::NotPermitted;
                return self.failed_here(env, transfer, &target.title, code, reason, out);
            }
        };
        match target.destination.clone() {
            Destination::Server { server, area } => {
                self.request(env, transfer, target, (server, area), comments, share, out);
            }
            Destination::Agent(name) => {
                self.place(transfer, target, queue::Target::Agent(name), comments, share, out);
            }
            Destination::Area(name) => {
                self.place(transfer, target, queue::Target::Area(name), comments, share, out);
            }
        }
    }

    /// Whether this transfer is under way or over: said again, it is no other.
    fn is_known(&self, transfer: TransferId) -> bool {
        let placing = self.placing.as_ref().map(|placing| placing.transfer);
        let passed = self.record.passed.as_ref().map(|passed| passed.transfer);
        let current = self.record.outgoing.attempt().map(|attempt| attempt.transfer);
        let past = self.record.past.iter().map(|past| past.attempt.transfer);
        past.chain(placing).chain(passed).chain(current).any(|known| known == transfer)
    }

    /// Keeps a step of a transfer within this server.
    pub(super) fn audit_placing(&self, env: &Env<'_>, placing: &Placing, step: Step, out: &mut Vec<Effect>) {
        let agent = self.agent_login().unwrap_or_default();
        self.audit(env, (placing.transfer, agent, &placing.target.destination), step, out);
    }

    pub(super) fn place(
        &mut self,
        transfer: TransferId,
        target: Target,
        place: queue::Target,
        comments: String,
        share: Share,
        out: &mut Vec<Effect>,
    ) {
        self.placing =
            Some(Box::new(Placing { transfer, target, comments, share, seen: self.last_seq(), asked: None }));
        self.tell_progress(transfer, Stage::Requested, None, String::new(), out);
        let chat = self.record.id;
        out.push(Effect::Queue(Box::new(queue::Input::Place { chat, transfer, target: place })));
    }

    /// The context as policy lets it out. `seen` is the last entry that the agent could see when choosing: what
    /// was stored since follows by the rule for tails.
    pub(super) fn release(&self, env: &Env<'_>, comments: &str, share: &Share, seen: Seq) -> Context {
        let agent = match &self.record.state {
            State::Active { title, .. } => title.as_str(),
            _ => "",
        };
        let area = env.settings.area_title(&self.record.area).unwrap_or(&self.record.area);
        let place = |seq: Seq| self.entries.partition_point(|entry| entry.seq < seq);
        let (from, until) = (place(self.record.view_from), place(seen + 1));
        policy::release(
            Everything {
                origin: &env.settings.brand.name,
                visited: &self.visited(env),
                agent,
                customer: self.known_customer(),
                queue: area,
                priority: self.record.priority,
                comments,
                prior: self.context.as_deref(),
                entries: &self.entries[from.min(until)..until],
                late: &self.entries[until.max(from)..],
            },
            share,
        )
    }

    /// The queue manager has room: the chat changes hands in one step.
    pub(super) fn placed(
        &mut self,
        env: &mut Env<'_>,
        transfer: TransferId,
        agent: Option<Profile>,
        out: &mut Vec<Effect>,
    ) {
        let chat = self.record.id;
        if let Some(agent) = agent.as_ref().filter(|agent| self.must_be_asked(env, transfer, agent)) {
            return self.ask(env, agent.clone(), out);
        }
        let placing = self.placing.take_if(|placing| placing.transfer == transfer);
        let (Some(placing), State::Active { login, title }) = (placing, self.record.state.clone()) else {
            let vain = agent.filter(|agent| self.agent_login() != Some(&agent.login));
            out.extend(vain.map(|agent| Effect::Queue(Box::new(queue::Input::Free(agent.login, chat)))));
            return;
        };
        let to = placing.target.title.clone();
        let gone = self.gone_card(to.clone());
        let mut context = self.release(env, &placing.comments, &placing.share, placing.seen);
        self.audit_placing(env, &placing, Step::Sent(Left::of(&context)), out);
        self.audit_placing(env, &placing, Step::Arrived, out);
        self.happened(env, Event::Transferred { from: title.clone(), to }, out);
        self.record.view_from = self.last_seq() + 1;
        // On this server the list of servers does not grow.
        context.visited.pop();
        out.push(Effect::SaveContext(chat, Box::new(context.clone())));
        self.context = Some(Box::new(context));
        let whole =
            placing.share == Share::All && self.record.passed.as_ref().is_none_or(|passed| passed.whole);
        self.record.passed = Some(Box::new(Passed { login: login.clone(), transfer, whole }));
        if let Destination::Area(area) = placing.target.destination {
            self.record.area = area;
        }
        // Whoever passes a customer on does not get them back.
        self.record.last_agent = None;
        self.record.state = State::Waiting { since: env.now, from: Some(title) };
        out.push(Effect::ToAgent(login.clone(), Box::new(gone)));
        out.push(Effect::Queue(Box::new(queue::Input::Free(login.clone(), chat))));
        match agent {
            Some(agent) => {
                self.tell_progress_to(&login, transfer, Stage::Arrived, out);
                self.assigned(env, agent, out);
            }
            None => {
                self.save(out);
                let phase = self.phase();
                self.to_customer(ServerFrame::PhaseChanged { chat, phase }, out);
                self.tell_progress_to(&login, transfer, Stage::Queued, out);
                self.enqueue(env, out);
            }
        }
    }

    /// Tells whoever transferred the chat how it fares: an agent of ours, or the server that it came from.
    pub(super) fn report(&mut self, stage: Stage, out: &mut Vec<Effect>) {
        if let Some(passed) = self.record.passed.clone() {
            self.tell_progress_to(&passed.login, passed.transfer, stage, out);
        } else if let Some(came) = self.record.came.clone() {
            let report = baton_protocol::federation::ProgressReport { stage, code: None };
            let request = CallRequest::Progress(report);
            out.push(Effect::Call(Box::new(Call { peer: came.peer, transfer: came.transfer, request })));
        }
    }

    fn tell_progress_to(&self, login: &str, transfer: TransferId, stage: Stage, out: &mut Vec<Effect>) {
        let chat = self.record.id;
        let frame = ServerFrame::Progress { chat, transfer, stage, code: None, detail: String::new() };
        out.push(Effect::ToAgent(login.into(), Box::new(frame)));
    }

    /// Tells the agent of the chat.
    pub(super) fn tell_progress(
        &self,
        transfer: TransferId,
        stage: Stage,
        code: Option<ErrorCode>,
        detail: String,
        out: &mut Vec<Effect>,
    ) {
        self.to_agent(ServerFrame::Progress { chat: self.record.id, transfer, stage, code, detail }, out);
    }

    /// The attempt came to nothing; the chat is as it was and its agent reads why (A6).
    pub(super) fn failed_here(
        &mut self,
        env: &mut Env<'_>,
        transfer: TransferId,
        to: &str,
        code: ErrorCode,
        detail: String,
        out: &mut Vec<Effect>,
    ) {
        self.happened(env, Event::TransferFailed { to: to.into(), code }, out);
        self.tell_progress(transfer, Stage::Failed, Some(code), detail, out);
        self.card_changed(out);
    }
}
