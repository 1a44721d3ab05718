//! The destinations of the transfer dialog, as rows: who can take this chat, and why others cannot (A3, A5).

use baton_protocol::Timestamp;
use baton_protocol::frames::PeerOffer;
use baton_protocol::model::{AgentCard, AreaCard, Destination, Permit, Presence, ServerCard, SharePolicy};

use super::dialog::{Choice, Dialog, Tab};
use super::{Console, sentence};
use crate::tongue::{say, t};
use crate::words;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub title: String,
    /// Staffing and expected wait, as they are now.
    pub about: String,
    /// Why it cannot be chosen; nothing when it can be.
    pub why_not: Option<String>,
    /// What choosing it does.
    pub leads: Leads,
}

/// What choosing a row does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// It is a destination.
    To(Choice),
    /// It is a server, which is asked what it offers.
    Into(String),
}

impl Place {
    /// The destination, if it is one.
    #[must_use]
    pub fn choice(&self) -> Option<&Choice> {
        match &self.leads {
            Leads::To(choice) => Some(choice),
            Leads::Into(_) => None,
        }
    }
}

/// The rows that the dialog shows: those of its view, or of all views what the search finds.
#[must_use]
pub fn places(console: &Console, dialog: &Dialog) -> Vec<Place> {
    let query = dialog.query.trim().to_lowercase();
    if query.is_empty() {
        return match dialog.tab {
            Tab::Agents => agents(console, dialog),
            Tab::Lines => lines(console, dialog),
            Tab::Servers => offered(console, dialog),
        };
    }
    let all = agents(console, dialog).into_iter().chain(lines(console, dialog));
    let all = all.chain(offered(console, dialog)).chain(servers(console, dialog));
    let mut found: Vec<Place> = all.filter(|place| place.title.to_lowercase().contains(&query)).collect();
    // Whoever can take the chat first, and then those whose name begins so.
    found.sort_by_key(|place| (place.why_not.is_some(), !place.title.to_lowercase().starts_with(&query)));
    found
}

/// Where this agent has transferred to lately, as far as it is known to be open now.
#[must_use]
pub fn recent(console: &Console, dialog: &Dialog) -> Vec<Place> {
    let live = |choice: &Choice| match &choice.to {
        Destination::Agent(_) => find(agents(console, dialog), &choice.to),
        Destination::Area(_) => find(lines(console, dialog), &choice.to),
        Destination::Server { server, .. } => {
            let known = console.servers.iter().find(|known| known.name == *server)?;
            let share = share_of(dialog, &choice.to, &known.share);
            let choice = Choice { share, ..choice.clone() };
            let (title, about) = (choice.title.clone(), known.subject.clone());
            let why_not = denied(dialog, &choice.to);
            Some(Place { title, about, why_not, leads: Leads::To(choice) })
        }
    };
    console.recent.iter().filter_map(live).filter(|place| place.why_not.is_none()).collect()
}

fn find(places: Vec<Place>, to: &Destination) -> Option<Place> {
    places.into_iter().find(|place| place.choice().is_some_and(|choice| choice.to == *to))
}

fn permit<'a>(dialog: &'a Dialog, to: &Destination) -> Option<&'a Permit> {
    // A server without an area stands for all of them.
    let whole = match to {
        Destination::Server { server, .. } => Destination::Server { server: server.clone(), area: None },
        other => other.clone(),
    };
    dialog.permits.iter().find(|permit| permit.to == whole)
}

/// What may be sent there: this chat's own policy, and until that is known the general one.
pub(super) fn share_of(dialog: &Dialog, to: &Destination, general: &SharePolicy) -> SharePolicy {
    permit(dialog, to).map_or(general, |permit| &permit.share).clone()
}

/// Why this chat may not go there (O2).
pub(super) fn denied(dialog: &Dialog, to: &Destination) -> Option<String> {
    permit(dialog, to).and_then(|permit| permit.denied.clone()).map(|reason| sentence(&reason))
}

fn agents(console: &Console, dialog: &Dialog) -> Vec<Place> {
    let me = console.me.as_ref().map_or("", |me| me.card.name.as_str());
    let row = |agent: &AgentCard| {
        let to = Destination::Agent(agent.name.clone());
        let why_not = agent_unfit(agent, me).map(str::to_owned).or_else(|| denied(dialog, &to));
        let about = say("$1 of $2 chats", &[&agent.chats, &agent.max_chats]);
        let about = if agent.supervisor { say("Supervisor, $1", &[&about]) } else { about };
        let share = share_of(dialog, &to, &agent.share);
        let title = agent.title.clone();
        Place { about, why_not, leads: Leads::To(Choice { to, title: title.clone(), share }), title }
    };
    console.agents.iter().map(row).collect()
}

fn lines(console: &Console, dialog: &Dialog) -> Vec<Place> {
    let row = |area: &AreaCard| {
        let to = Destination::Area(area.name.clone());
        let why_not = area_unfit(area).map(str::to_owned).or_else(|| denied(dialog, &to));
        let share = share_of(dialog, &to, &area.share);
        let title = area.title.clone();
        let choice = Choice { to, title: title.clone(), share };
        let about = line_text(console, area, console.ticked);
        Place { title, about, why_not, leads: Leads::To(choice) }
    };
    console.areas.iter().map(row).collect()
}

fn servers(console: &Console, dialog: &Dialog) -> Vec<Place> {
    let row = |server: &ServerCard| {
        let to = Destination::Server { server: server.name.clone(), area: None };
        let leads = Leads::Into(server.name.clone());
        let (title, about) = (server.title.clone(), server.subject.clone());
        Place { title, about, why_not: denied(dialog, &to), leads }
    };
    console.servers.iter().map(row).collect()
}

/// What the chosen server offers.
fn offered(console: &Console, dialog: &Dialog) -> Vec<Place> {
    let Some(server) = console.servers.iter().find(|server| server.name == dialog.server) else {
        return Vec::new();
    };
    match &dialog.offer {
        Some(PeerOffer::GeneralEntrance) => {
            let choice = console.entrance(&server.name);
            let place = choice.map(|choice| Place {
                title: choice.title.clone(),
                about: t("Takes every chat at one entrance").into(),
                why_not: None,
                leads: Leads::To(choice),
            });
            place.into_iter().collect()
        }
        Some(PeerOffer::Areas(areas)) => {
            let row = |area: &AreaCard| {
                let to = Destination::Server { server: server.name.clone(), area: Some(area.name.clone()) };
                let title = format!("{}, {}", area.title, server.title);
                let choice = Choice { to, title, share: area.share.clone() };
                let why_not = area_unfit(area).map(str::to_owned);
                Place { title: area.title.clone(), about: area_text(area), why_not, leads: Leads::To(choice) }
            };
            areas.iter().map(row).collect()
        }
        _ => Vec::new(),
    }
}

/// Who serves a line of this server, who waits, and whether it is open.
#[must_use]
pub fn line_text(console: &Console, area: &AreaCard, now: Timestamp) -> String {
    let standing = console.standing(&area.name, now).map(|standing| words::standing(&standing));
    let parts = [Some(area_text(area)), standing];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn area_text(area: &AreaCard) -> String {
    let wait = area.wait.as_ref().map(|wait| format!(", {}", words::wait(wait))).unwrap_or_default();
    let agents = say("$1 agent|$1 agents", &[&area.agents]);
    say("$1, $2 free, $3 waiting$4", &[&agents, &area.free_agents, &area.waiting, &wait])
}

/// Why an agent cannot be chosen (A3, A5); nothing when they can be.
#[must_use]
pub fn agent_unfit(agent: &AgentCard, me: &str) -> Option<&'static str> {
    if agent.name == me {
        Some(t("This is you"))
    } else if !agent.online {
        Some(t("Not logged in"))
    } else if agent.presence == Presence::Away {
        Some(t("Away"))
    } else if agent.presence == Presence::Busy {
        Some(t("Busy"))
    } else if agent.chats >= agent.max_chats {
        Some(t("At their maximum"))
    } else {
        None
    }
}

/// Why an area cannot be chosen (A5); nothing when it can be.
#[must_use]
pub fn area_unfit(area: &AreaCard) -> Option<&'static str> {
    (area.agents == 0).then_some(t("Nobody serves this line now"))
}
