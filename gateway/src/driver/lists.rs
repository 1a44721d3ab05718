//! Queues, destinations and places, sent when they change (A1, A2, H1).

use std::sync::Arc;
use std::time::{Duration, Instant};

use baton_core::effect::Area;
use baton_core::policy::{Class, Request};
use baton_core::session;
use baton_protocol::limits::MAX_ENTRIES_BYTES;
use baton_protocol::model::{
    AgentCard, AreaHours, Destination, ServerCard, SharePolicy, WaitRange, WaitingCard,
};
use baton_protocol::{ServerFrame, Timestamp};

use super::conn::Conn;
use super::{Gateway, now};

/// Changes within this time are sent as one.
const GATHER: Duration = Duration::from_millis(100);

/// Lists are looked at again this often even when nobody said that they changed: waits grow by themselves, and a
/// notice may be lost.
const AT_LEAST: Duration = Duration::from_secs(10);

/// Customers beyond the first of each line whose ranks are looked at in one round.
const OTHERS: u32 = 512;

/// The time from one round to the next.
const ROUND: Duration = Duration::from_millis(200);

/// Supervisors see the list of all chats no more often than this: it is long.
const OPEN_CHATS: Duration = Duration::from_secs(2);

impl Gateway {
    pub(super) async fn run_lists(self: Arc<Self>) {
        let mut notices = self.bus.listen();
        let (mut told, mut open, mut news) = (Instant::now(), Vec::new(), Vec::new());
        let (mut behind, mut listed) = (0, Instant::now());
        let mut hours = Vec::new();
        loop {
            let wait = if behind > 0 { ROUND } else { AT_LEAST.saturating_sub(listed.elapsed()) };
            let wait = wait.min(until_change(&hours, now()));
            let mut changed = tokio::select! {
                // An error says that notices were missed, which is as good as a notice.
                _ = notices.recv() => true,
                () = self.begun.some.notified() => false,
                () = tokio::time::sleep(wait) => false,
            };
            tokio::time::sleep(GATHER).await;
            while notices.try_recv().is_ok() {
                changed = true;
            }
            if changed || listed.elapsed() >= AT_LEAST {
                listed = Instant::now();
                // Every rank may be another now; those of the first are told at once, the others' in rounds.
                behind = self.with_queue(|queue| queue.length());
                self.send_all_lists();
            }
            behind = behind.saturating_sub(OTHERS);
            self.send_places(&mut news);
            self.send_holding();
            let last = std::mem::replace(&mut hours, self.area_hours());
            if hours != last {
                self.send_all_hours(&hours);
            }
            if told.elapsed() >= OPEN_CHATS {
                told = Instant::now();
                if self.is_supervised() {
                    let chats = self.open_chats();
                    if chats != open {
                        self.tell_supervisors(&chats).await;
                        open = chats;
                    }
                }
            }
        }
    }

    /// Whether a supervisor is here: for nobody else is the list of all chats put together.
    fn is_supervised(&self) -> bool {
        self.agents_here().iter().any(|(profile, _)| profile.supervisor)
    }

    /// The operator has changed the list of peers: from now on it counts, for everybody.
    pub async fn peers_changed(&self) {
        if self.federation.reread().await {
            self.lists_changed();
        }
    }

    fn send_all_lists(&self) {
        let consoles: Vec<(String, Vec<Arc<Conn>>)> =
            self.agents.iter().map(|agent| (agent.key().clone(), agent.value().clone())).collect();
        for (login, conns) in consoles {
            conns.iter().for_each(|conn| self.send_lists(conn, &login));
        }
    }

    fn send_all_hours(&self, areas: &[AreaHours]) {
        let frame = ServerFrame::Hours { areas: areas.to_vec() };
        self.agents.iter().for_each(|agent| agent.value().iter().for_each(|conn| conn.send(&frame)));
    }

    /// Ranks and waits that have changed (H1). The vector is used again, so that a round allocates nothing.
    fn send_places(self: &Arc<Self>, news: &mut Vec<(baton_protocol::ChatId, u32, Option<WaitRange>)>) {
        self.queue.lock().news(OTHERS, news);
        for (chat, rank, wait) in news.drain(..) {
            self.tell_chat(chat, session::Input::Place(rank, wait));
        }
    }

    /// The queue and the destinations, to one console.
    pub(super) fn send_lists(&self, conn: &Arc<Conn>, login: &str) {
        let waiting = self.with_queue(|queue| queue.queue_for(login));
        send_queue(conn, waiting);
        conn.send(&self.destinations(login));
    }

    fn destinations(&self, login: &str) -> ServerFrame {
        let share = |to: Destination, class| {
            let request = Request { agent: login, area: "", to: &to, class, confidential: false };
            self.settings.rules.decide(request).unwrap_or(SharePolicy::Nothing)
        };
        let queue = self.queue.lock();
        // The list is the same for all chats of the agent, so near means: an area of theirs. The chat's own area
        // decides when it is handed over.
        let mine = queue.agent_card(login, SharePolicy::All).map(|card| card.areas).unwrap_or_default();
        let near = |same: bool| if same { Class::SameDepartment } else { Class::SameCompany };
        let areas = self.settings.areas.iter().map(|Area { name, title, .. }| {
            let class = near(mine.contains(name));
            queue.area_card(name, title, share(Destination::Area(name.clone()), class))
        });
        let areas = areas.collect();
        let agents: Vec<AgentCard> = queue
            .agent_cards(|profile| {
                let class = near(profile.areas.iter().any(|area| mine.contains(area)));
                share(Destination::Agent(profile.login.clone()), class)
            })
            .filter(|agent| agent.online)
            .collect();
        drop(queue);
        let open = self.federation.known().into_iter().filter(|peer| peer.denies(login).is_none());
        let servers = open.map(|peer| {
            let to = Destination::Server { server: peer.name.clone(), area: None };
            let share = share(to, peer.class());
            ServerCard {
                name: peer.name.clone(),
                title: peer.title.clone(),
                subject: peer.subject.clone(),
                share,
            }
        });
        ServerFrame::Destinations { areas, agents, servers: servers.collect() }
    }
}

/// How long it is until an area opens or closes.
fn until_change(hours: &[AreaHours], now: Timestamp) -> Duration {
    let next = hours.iter().filter_map(|area| area.changes).min();
    next.map_or(Duration::MAX, |next| Duration::from_millis(next.since(now)))
}

/// In as many frames as they need, counted in JSON, the longer of the two encodings.
fn send_queue(conn: &Arc<Conn>, waiting: Vec<WaitingCard>) {
    let (mut part, mut bytes, mut first) = (Vec::new(), 0, true);
    let send = |waiting: Vec<WaitingCard>, first| {
        conn.send(&if first { ServerFrame::Queue { waiting } } else { ServerFrame::QueueMore { waiting } });
    };
    for card in waiting {
        let size = serde_json::to_vec(&card).map_or(MAX_ENTRIES_BYTES, |json| json.len() + 1);
        if bytes + size > MAX_ENTRIES_BYTES && !part.is_empty() {
            send(std::mem::take(&mut part), first);
            (bytes, first) = (0, false);
        }
        bytes += size;
        part.push(card);
    }
    send(part, first);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles_are_told_at_the_hour_and_not_at_the_next_round() {
        let area = |changes: Option<u64>| AreaHours {
            area: "sales".into(),
            open: true,
            changes: changes.map(Timestamp),
            zone: "UTC".into(),
        };
        let until = |changes: &[Option<u64>]| {
            let hours: Vec<AreaHours> = changes.iter().copied().map(area).collect();
            until_change(&hours, Timestamp(1_000))
        };
        assert_eq!(until(&[None, Some(9_000), Some(4_000)]), Duration::from_secs(3));
        assert_eq!(until(&[Some(900)]), Duration::ZERO, "it has passed");
        assert_eq!((until(&[]), until(&[None])), (Duration::MAX, Duration::MAX));
    }
}
