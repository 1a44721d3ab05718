//! Too many customers (D9): the areas' rules are looked at every half second, and what they say is done.
//!
//! New customers are sent on before they wait, waiting ones by a transfer that keeps their place until they have
//! arrived elsewhere, and nobody who is with an agent. [`baton_core::queue::overload`] decides; this asks the backups
//! what they publish, and keeps what was found out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use baton_core::effect::{Answer, CallError, CallRequest};
use baton_core::queue::overload::{Action, Backup, Backups, MAX_REDIRECTS, Now, Rule, Valve, Watch, choose};
use baton_core::queue::{self, Staffing};
use baton_core::session::{self, Target};
use baton_protocol::federation::{Denial, PermissionRequest};
use baton_protocol::model::{AreaCard, Destination, Notice};
use baton_protocol::{ChatId, ErrorCode};
use parking_lot::Mutex;

use super::{Gateway, now};
use crate::config::desk::Takes;
use crate::federation::inbound::deny;

/// How often the rules are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Waiting customers who are looked at in one round, the last ones of a line.
const LOOKED_AT: usize = 64;

/// Seconds after which a server that we have no room for may ask again.
const FULL_FOR: u32 = 15;

/// A server and the area there, as a rule names them.
type Place = (String, Option<String>);

/// What is known of overload.
#[derive(Debug, Default)]
pub struct Overload(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Each area's rules at work, in their order.
    watches: HashMap<String, Vec<(Watch, Valve)>>,
    backups: HashMap<Place, Backup>,
    /// What waiting customers of an area were last told.
    told: HashMap<String, Vec<Notice>>,
}

/// What an area's rules say now.
#[derive(Debug, Default)]
struct Verdict {
    notices: Vec<Notice>,
    overflow: Option<String>,
    /// What it was judged by.
    seen: Now,
    /// Rules that send customers to other servers, by number, whose measure is over the lower limit still.
    backups: Vec<usize>,
}

impl Gateway {
    pub(super) async fn run_overload(self: Arc<Self>) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if self.with_queue(|queue| queue.next_due()).is_some_and(|due| due <= now()) {
                self.tell_queue(queue::Input::Tick);
            }
            let areas: Vec<String> = self.config.desk.overload.keys().cloned().collect();
            for area in areas {
                self.look_after(&area).await;
            }
        }
    }

    async fn look_after(self: &Arc<Self>, area: &str) {
        let rules = self.config.desk.overload.get(area).map_or(&[][..], Vec::as_slice);
        if rules.is_empty() {
            return;
        }
        let sent = self.last_waiting(area);
        let leaving = sent.iter().filter(|waiting| waiting.leaves).count();
        let verdict = self.judge_area(area, rules, u32::try_from(leaving).unwrap_or(u32::MAX), false);
        self.tell_waiting(area, verdict.notices);
        let mut seen = verdict.seen;
        for number in verdict.backups {
            let Action::Backup(backups) = &rules[number].action else { continue };
            self.ask_backups(backups);
            if !backups.waiting {
                continue;
            }
            for waiting in sent.iter().filter(|waiting| waiting.may_go) {
                if !rules[number].presses(&seen) {
                    break;
                }
                seen.staffing.waiting = seen.staffing.waiting.saturating_sub(1);
                match self.backup_for(area, number, backups, &waiting.visited).await {
                    Some(target) => self.tell_chat(waiting.chat, session::Input::Redirect(target)),
                    None => break,
                }
            }
        }
        if let Some(to) = verdict.overflow {
            let over =
                rules.iter().filter(|rule| matches!(&rule.action, Action::Overflow(other) if *other == to));
            let over: Vec<&Rule> = over.collect();
            for waiting in sent.iter().filter(|waiting| waiting.may_go) {
                if !over.iter().any(|rule| rule.presses(&seen)) {
                    break;
                }
                seen.staffing.waiting = seen.staffing.waiting.saturating_sub(1);
                self.tell_chat(waiting.chat, session::Input::Overflow(to.clone()));
            }
        }
    }

    /// Where a new customer of this area begins: the area that they wait in, and the server that they go to instead.
    pub(super) async fn admit(self: &Arc<Self>, area: String) -> (String, Option<Target>) {
        let rules = self.config.desk.overload.get(&area).map_or(&[][..], Vec::as_slice);
        if rules.is_empty() {
            return (area, None);
        }
        let verdict = self.judge_area(&area, rules, 0, true);
        for number in verdict.backups {
            let Action::Backup(backups) = &rules[number].action else { continue };
            if let Some(target) = self.backup_for(&area, number, backups, &[]).await {
                return (area, Some(target));
            }
        }
        (verdict.overflow.unwrap_or(area), None)
    }

    /// What the rules say, with so many of the waiting already on their way to elsewhere. With somebody who comes, rules
    /// that have begun act as if they waited: else they would be told to wait, and sent on a moment later.
    fn judge_area(&self, area: &str, rules: &[Rule], leaving: u32, comes: bool) -> Verdict {
        let at = now();
        let staffing = self.with_queue(|queue| queue.staffing(area));
        let staffing = Staffing { waiting: staffing.waiting.saturating_sub(leaving), ..staffing };
        let seen = Now { staffing, load: self.load(), open: self.is_open(area) };
        let acts_on = if comes { seen.with_one_more() } else { seen };
        let mut verdict = Verdict { seen, ..Verdict::default() };
        let mut known = self.overload.0.lock();
        let watches = known.watches.entry(area.into()).or_default();
        watches.resize_with(rules.len(), Default::default);
        for (number, (rule, (watch, _))) in rules.iter().zip(watches).enumerate() {
            let before = watch.holds();
            if watch.look(at, rule, &seen) != before {
                let begins = !before;
                tracing::info!(area, when = ?rule.when, begins, staffing = ?seen.staffing, "overload rule");
            }
            if !watch.holds() {
                continue;
            }
            match &rule.action {
                Action::Announce(text) => verdict.notices.push(Notice::Announcement(text.clone())),
                Action::OfferMessage => verdict.notices.push(Notice::LeaveMessage),
                Action::OfferCallBack => verdict.notices.push(Notice::CallBack),
                Action::Overflow(to) if rule.presses(&acts_on) => verdict.overflow = Some(to.clone()),
                Action::Backup(_) if rule.presses(&acts_on) => verdict.backups.push(number),
                Action::Overflow(_) | Action::Backup(_) => {}
            }
        }
        verdict
    }

    /// The backup that takes one more customer, who has visited these servers. It counts as sent.
    async fn backup_for(
        &self,
        area: &str,
        rule: usize,
        backups: &Backups,
        visited: &[String],
    ) -> Option<Target> {
        let at = now();
        let (server, there) = {
            let mut known = self.overload.0.lock();
            let nothing = Backup::default();
            let open: Vec<(&Backup, bool)> = backups
                .servers
                .iter()
                .map(|place| {
                    let may = place.0 != self.settings.server && !visited.contains(&place.0);
                    (known.backups.get(place).unwrap_or(&nothing), may)
                })
                .collect();
            let chosen = choose(at, backups.in_order, &open)?;
            let valve = &mut known.watches.get_mut(area)?.get_mut(rule)?.1;
            if !valve.pass(at, backups.per_minute) {
                return None;
            }
            let place = backups.servers[chosen].clone();
            known.backups.entry(place.clone()).or_default().sends();
            place
        };
        let peer = self.federation.peer(&server).await?;
        let (bounds, denied) = (peer.bounds(), peer.agreement.suspended.then(|| "suspended".to_owned()));
        Some(Target {
            destination: Destination::Server { server, area: there },
            title: peer.title.clone(),
            class: peer.class(),
            navigate: peer.navigates(),
            bounds,
            denied,
            consulted: false,
        })
    }

    /// Asks every backup of which too little is known what it has now.
    fn ask_backups(self: &Arc<Self>, backups: &Backups) {
        let at = now();
        for place in &backups.servers {
            {
                let mut known = self.overload.0.lock();
                let backup = known.backups.entry(place.clone()).or_default();
                if !backup.is_to_be_asked(at) {
                    continue;
                }
                // Until it has answered: no second question meanwhile.
                backup.asked(at);
            }
            let (gateway, place) = (self.clone(), place.clone());
            self.runtime.spawn(async move {
                let visited = vec![gateway.settings.server.clone()];
                let request = PermissionRequest { agent: String::new(), visited, overload: true };
                let answer = gateway.federation.ask(&place.0, None, &CallRequest::Permission(request)).await;
                let mut known = gateway.overload.0.lock();
                let backup = known.backups.entry(place.clone()).or_default();
                match answer {
                    Ok(Answer::Permission(permission)) => {
                        let (areas, area) = (permission.areas.as_deref(), place.1.as_deref());
                        if backup.publishes(now(), areas, area) {
                            drop(known);
                            tracing::warn!(backup = %place.0, area, why = "it has no room", "a backup takes nobody now");
                        }
                    }
                    Ok(_) => backup.refuses(now(), None),
                    Err(error) => {
                        backup.refuses(now(), error.retry_after());
                        drop(known);
                        tracing::warn!(backup = %place.0, why = error.detail(), "a backup takes nobody now");
                    }
                }
            });
        }
    }

    /// A backup has refused a customer who was sent there.
    pub(super) fn backup_refused(&self, server: &str, error: &CallError) {
        tracing::warn!(backup = server, why = error.detail(), "a backup takes nobody now");
        let mut known = self.overload.0.lock();
        for (place, backup) in &mut known.backups {
            if place.0 == server {
                backup.refuses(now(), error.retry_after());
            }
        }
    }

    fn tell_waiting(self: &Arc<Self>, area: &str, notices: Vec<Notice>) {
        let same =
            self.overload.0.lock().told.insert(area.into(), notices.clone()).unwrap_or_default() == notices;
        if notices.is_empty() && same {
            return;
        }
        // Also when it is the same: whoever came since has not been told. Each chat knows what it was told.
        let most = if same { LOOKED_AT } else { usize::MAX };
        let waiting: Vec<ChatId> = self.with_queue(|queue| queue.last_of(area).take(most).collect());
        for chat in waiting {
            self.tell_chat(chat, session::Input::Notices(notices.clone()));
        }
    }

    /// The last ones in an area's line.
    fn last_waiting(&self, area: &str) -> Vec<Last> {
        let chats: Vec<ChatId> = self.with_queue(|queue| queue.last_of(area).take(LOOKED_AT).collect());
        let at = now();
        let look = |id: ChatId| {
            self.look_at_chat(id, |chat| Last {
                chat: id,
                may_go: chat.may_be_redirected(at),
                leaves: chat.is_leaving_for_overload(),
                visited: self.with_env(|env| chat.visited(env)),
            })
        };
        chats.into_iter().filter_map(look).collect()
    }

    /// The gateway's connections, in per cent of its limit.
    fn load(&self) -> u32 {
        let percent = self.connections() * 100 / self.config.limits.connections.max(1);
        u32::try_from(percent).unwrap_or(u32::MAX)
    }

    /// Whether an area has room for one more customer of a peer that has too many. Nobody is taken who would only be
    /// sent on, or back.
    ///
    /// # Errors
    /// When to ask again.
    pub fn takes_overload(&self, area: &str) -> Result<(), Denial> {
        let full = || Denial {
            retry_after: Some(FULL_FOR),
            ..deny(ErrorCode::QueueFull, "there are too many here as well")
        };
        let takes = self.config.desk.takes.get(area).copied().unwrap_or_default();
        let staffing = self.with_queue(|queue| queue.staffing(area));
        let has_room = match takes {
            Takes::None => false,
            Takes::All => staffing.agents > 0,
            Takes::WhileFree => u64::from(staffing.waiting) < staffing.room,
        };
        if has_room && !self.sends_on(area) { Ok(()) } else { Err(full()) }
    }

    /// Whether customers of this area are being sent on.
    fn sends_on(&self, area: &str) -> bool {
        let rules = self.config.desk.overload.get(area).map_or(&[][..], Vec::as_slice);
        let known = self.overload.0.lock();
        let watches = known.watches.get(area).into_iter().flatten();
        let sends = |rule: &Rule| matches!(rule.action, Action::Backup(_) | Action::Overflow(_));
        rules.iter().zip(watches).any(|(rule, (watch, _))| sends(rule) && watch.holds())
    }

    /// An area as a peer that has too many sees it: how many customers it would take.
    #[must_use]
    pub fn overload_card(&self, card: AreaCard) -> AreaCard {
        let staffing = self.with_queue(|queue| queue.staffing(&card.name));
        let all = self.config.desk.takes.get(&card.name) == Some(&Takes::All);
        let left = u32::try_from(staffing.room).unwrap_or(u32::MAX).saturating_sub(staffing.waiting);
        AreaCard { free_agents: if all { left.max(1) } else { left }, ..card }
    }

    /// An area as peers see it (D8): where its operator wants it so, agents count who will be free soon.
    #[must_use]
    pub fn predicted_card(&self, card: AreaCard) -> AreaCard {
        let Some(seconds) = self.config.desk.predicted.get(&card.name) else { return card };
        let soon = self.with_queue(|queue| queue.soon_free(&card.name, seconds * 1_000));
        AreaCard { free_agents: card.free_agents.max(soon.min(card.agents)), ..card }
    }
}

/// Whether a customer has been sent on too often, or been here before (threat 25).
///
/// # Errors
/// The denial.
pub fn goes_round(server: &str, visited: &[String], redirects: u8) -> Result<(), Denial> {
    let round = visited.iter().any(|name| name == server) || redirects > MAX_REDIRECTS;
    if round { Err(deny(ErrorCode::Loop, "")) } else { Ok(()) }
}

/// One of the last ones in a line.
#[derive(Debug)]
struct Last {
    chat: ChatId,
    may_go: bool,
    leaves: bool,
    visited: Vec<String>,
}
