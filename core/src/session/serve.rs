//! The queue, agents, and transfers within this server (X1).

use baton_protocol::frames::About;
use baton_protocol::model::{Context, Destination, Event, Share, Stage};
use baton_protocol::{ErrorCode, ServerFrame, TransferId};

use super::attach::in_frames;
use super::{Chat, Passed, State, Target};
use crate::effect::{Call, CallRequest, Effect, Env};
use crate::policy::{self, Everything, Request};
use crate::queue::{self, Output, Profile, Ticket};
use crate::transfer::origin::Outgoing;

/// A transfer within this server that waits for the queue manager.
#[derive(Debug)]
pub(super) struct Placing {
    transfer: TransferId,
    target: Target,
    context: Context,
}

impl Chat {
    pub(super) fn enqueue(&self, out: &mut Vec<Effect>) {
        let State::Waiting { since, from } = &self.record.state else { return };
        if !self.record.outgoing.serves() {
            return;
        }
        let customer = &self.record.customer;
        out.push(Effect::Queue(queue::Input::Wait(Ticket {
            chat: self.record.id,
            area: self.record.area.clone(),
            name: customer.name.clone(),
            subject: customer.subject.clone(),
            since: *since,
            priority: self.record.priority,
            from: from.clone(),
        })));
    }

    pub(super) fn restore_place(&self, out: &mut Vec<Effect>) {
        match &self.record.state {
            _ if !self.is_open() => {}
            State::Waiting { .. } => self.enqueue(out),
            State::Active { login, .. } => {
                out.push(Effect::Queue(queue::Input::Hold(login.clone(), self.record.id)));
            }
            State::Ended(_) => {}
        }
    }

    pub(super) fn queued(&mut self, env: &mut Env<'_>, output: Output, out: &mut Vec<Effect>) {
        match output {
            Output::Assigned { agent, .. } => self.assigned(env, agent, out),
            Output::AgentLost { login, .. } => self.agent_lost(env, &login, out),
            Output::Placed { transfer, agent, .. } => self.placed(env, transfer, agent, out),
            Output::NotPlaced { transfer, code, .. } => {
                if let Some(placing) = self.placing.take_if(|placing| placing.transfer == transfer) {
                    self.failed_here(env, transfer, &placing.target.title, code, code.to_string(), out);
                }
            }
            Output::Refused { .. } | Output::Changed => {}
        }
    }

    /// An agent has the chat now.
    fn assigned(&mut self, env: &mut Env<'_>, agent: Profile, out: &mut Vec<Effect>) {
        if !matches!(self.record.state, State::Waiting { .. }) || !self.is_open() {
            return out.push(Effect::Queue(queue::Input::Free(agent.login, self.record.id)));
        }
        self.record.state = State::Active { login: agent.login.clone(), title: agent.title.clone() };
        self.save(out);
        self.show(&agent.login, out);
        self.happened(env, Event::Joined { agent: agent.title }, out);
        self.to_customer(ServerFrame::PhaseChanged { chat: self.record.id, phase: self.phase() }, out);
        self.report(Stage::Answered, out);
    }

    fn agent_lost(&mut self, env: &mut Env<'_>, lost: &str, out: &mut Vec<Effect>) {
        let State::Active { login, title } = &self.record.state else { return };
        if login != lost || !self.record.outgoing.serves() {
            return;
        }
        let agent = title.clone();
        if !matches!(self.record.outgoing, Outgoing::Owned) {
            self.abort(env, ErrorCode::AgentUnavailable, String::new(), out);
        }
        // The old place: as long as they have been here.
        self.wait_again(out);
        self.happened(env, Event::AgentLost { agent }, out);
    }

    /// Back to the queue, at the place that the time of arrival gives.
    pub(super) fn wait_again(&mut self, out: &mut Vec<Effect>) {
        self.record.state = State::Waiting { since: self.record.since, from: None };
        self.save(out);
        self.to_customer(ServerFrame::PhaseChanged { chat: self.record.id, phase: self.phase() }, out);
        self.enqueue(out);
    }

    /// The chat for its agent's console: card, context, entries (A8).
    pub(super) fn show(&self, login: &str, out: &mut Vec<Effect>) {
        if self.agent_login() != Some(login) || !self.is_open() {
            return;
        }
        let opened = ServerFrame::Opened { card: self.card(), context: self.context.clone() };
        out.push(Effect::ToAgent(login.into(), opened));
        let visible = self.entries.iter().filter(|entry| entry.seq >= self.record.view_from);
        for frame in in_frames(self.record.id, visible.cloned()) {
            out.push(Effect::ToAgent(login.into(), frame));
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
        let known = self.record.outgoing.attempt().is_some_and(|attempt| attempt.transfer == transfer);
        if known || self.record.past.iter().any(|past| past.attempt.transfer == transfer) {
            return;
        }
        if self.agent_login() != Some(login) {
            return self.refuse_agent(login, ErrorCode::UnknownChat, About::Transfer(transfer), out);
        }
        if self.placing.is_some() || !matches!(self.record.outgoing, Outgoing::Owned) {
            return self.refuse_agent(login, ErrorCode::TransferUnderWay, About::Transfer(transfer), out);
        }
        if comments.len() > baton_protocol::limits::MAX_TEXT {
            return self.refuse_agent(login, ErrorCode::BadText, About::Transfer(transfer), out);
        }
        let request =
            Request { agent: login, area: &self.record.area, to: &target.destination, class: target.class };
        let share = match env.settings.rules.decide(request) {
            Ok(policy) => policy::settle(&policy, share),
            Err(reason) => {
                let code = ErrorCode::NotPermitted;
                return self.failed_here(env, transfer, &target.title, code, reason, out);
            }
        };
        match target.destination.clone() {
            Destination::Server { server, area } => {
                self.request(env, transfer, target, (server, area), comments, share, out);
            }
            Destination::Agent(name) => {
                self.place(env, transfer, target, queue::Target::Agent(name), &comments, &share, out);
            }
            Destination::Area(name) => {
                self.place(env, transfer, target, queue::Target::Area(name), &comments, &share, out);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the members of one input")]
    fn place(
        &mut self,
        env: &mut Env<'_>,
        transfer: TransferId,
        target: Target,
        place: queue::Target,
        comments: &str,
        share: &Share,
        out: &mut Vec<Effect>,
    ) {
        let context = self.release(env, comments, share);
        self.placing = Some(Placing { transfer, target, context });
        self.tell_progress(transfer, Stage::Requested, None, String::new(), out);
        let chat = self.record.id;
        out.push(Effect::Queue(queue::Input::Place { chat, transfer, target: place }));
    }

    /// The context as policy lets it out.
    pub(super) fn release(&self, env: &Env<'_>, comments: &str, share: &Share) -> Context {
        let agent = match &self.record.state {
            State::Active { title, .. } => title.as_str(),
            _ => "",
        };
        let area = env.settings.area_title(&self.record.area).unwrap_or(&self.record.area);
        let entries = self.entries.iter().position(|entry| entry.seq >= self.record.view_from);
        policy::release(
            Everything {
                origin: &env.settings.brand.name,
                visited: &self.visited(env),
                agent,
                customer: &self.record.customer,
                queue: area,
                priority: self.record.priority,
                comments,
                prior: self.context.as_ref(),
                entries: entries.map_or(&[], |from| &self.entries[from..]),
            },
            share,
        )
    }

    /// The queue manager has room: the chat changes hands in one step.
    fn placed(
        &mut self,
        env: &mut Env<'_>,
        transfer: TransferId,
        agent: Option<Profile>,
        out: &mut Vec<Effect>,
    ) {
        let chat = self.record.id;
        let placing = self.placing.take_if(|placing| placing.transfer == transfer);
        let (Some(placing), State::Active { login, title }) = (placing, self.record.state.clone()) else {
            out.extend(agent.map(|agent| Effect::Queue(queue::Input::Free(agent.login, chat))));
            return;
        };
        let to = placing.target.title.clone();
        let gone = ServerFrame::CardChanged {
            card: baton_protocol::model::ChatCard {
                state: baton_protocol::model::ChatState::Transferred { to: to.clone() },
                ..self.card()
            },
        };
        self.happened(env, Event::Transferred { from: title.clone(), to }, out);
        self.record.view_from = self.last_seq() + 1;
        let mut context = placing.context;
        // On this server the list of servers does not grow.
        context.visited.pop();
        out.push(Effect::SaveContext(chat, Box::new(context.clone())));
        self.context = Some(context);
        self.record.passed = Some(Passed { login: login.clone(), transfer });
        if let Destination::Area(area) = placing.target.destination {
            self.record.area = area;
        }
        self.record.state = State::Waiting { since: env.now, from: Some(title) };
        out.push(Effect::ToAgent(login.clone(), gone));
        out.push(Effect::Queue(queue::Input::Free(login.clone(), chat)));
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
                self.enqueue(out);
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
            out.push(Effect::Call(Call { peer: came.peer, transfer: came.transfer, request }));
        }
    }

    fn tell_progress_to(&self, login: &str, transfer: TransferId, stage: Stage, out: &mut Vec<Effect>) {
        let chat = self.record.id;
        let frame = ServerFrame::Progress { chat, transfer, stage, code: None, detail: String::new() };
        out.push(Effect::ToAgent(login.into(), frame));
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
