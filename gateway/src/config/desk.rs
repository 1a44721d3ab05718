//! How areas serve those who wait: whose turn it is, who gets them, when they are open, and what happens when there
//! are too many.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use baton_core::queue::overload::{Action, Backups, Measure, Rule};
use baton_core::queue::plan::{Assign, Customs, Plan, Sign, Way, Weights};

use super::hours::{self, Opening};
use super::mistake::Mistakes;
use super::rules;
use super::section::{Located, Section};

/// A sign as it is written.
const SIGN: &str = "[[area.sign]]\nemail = \"@big.example\"\nahead_seconds = 300";

/// A rule as it is written.
const RULE: &str =
    "[[area.overload]]\nwhen = \"waiting\"\nfrom = 10\ndo = \"backup\"\nservers = [\"globex\"]";

/// A skill as it is written.
const SKILL: &str = "[[skill]]\nname = \"german\"\nagents = [\"anna\"]";

/// Seconds that a weight may be worth, at most: a day.
const DAY: u64 = 24 * 60 * 60;

/// How areas serve those who wait.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desk {
    /// For the queue manager.
    pub plan: Plan,
    /// What areas make of what they know of a customer.
    pub customs: BTreeMap<String, Customs>,
    /// What happens when there are too many, by area.
    pub overload: BTreeMap<String, Vec<Rule>>,
    /// When areas are open; one that is not here always is.
    pub hours: BTreeMap<String, Opening>,
    /// Which customers of overloaded peers areas take; one that is not here takes them while an agent is free.
    pub takes: BTreeMap<String, Takes>,
    /// Where the queue manager is, if not in the gateway (Q2).
    pub manager: Option<Manager>,
    /// Seconds within which an agent who will be free counts as free for peers (D8); only now where it is not here.
    pub predicted: BTreeMap<String, u64>,
}

/// A queue manager on another machine (Q2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manager {
    /// Where edges find it.
    pub connect: Option<SocketAddr>,
    /// Where it listens.
    pub listen: Option<SocketAddr>,
    /// The file with the secret that both know.
    pub secret: PathBuf,
}

/// Which customers an area takes whom a peer sends because it has too many (D9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Takes {
    /// As many as agents are free for them.
    #[default]
    WhileFree,
    /// All, until there are too many here as well.
    All,
    /// None.
    None,
}

impl Desk {
    /// Reads what an area's section has of it.
    pub(super) fn read_area(&mut self, section: &mut Section<'_, '_>, mistakes: &Mistakes<'_>) -> Read {
        let way = way(section);
        let takes = section.text("takes_overload", "takes_overload = \"all\"", takes).map(|(takes, _)| takes);
        let predicted = section.number("free_within_seconds", 0..=DAY, 0);
        let hours = hours::read(section, mistakes);
        let customs = customs(section);
        let rules = section.sections("overload", RULE).unwrap_or_default();
        let rules = rules.into_iter().filter_map(|rule| overload(rule, mistakes)).collect();
        Read { way, takes, predicted, hours, customs, rules }
    }

    /// Keeps what was read for the area of this name.
    pub(super) fn keep(&mut self, area: &str, read: Read) {
        let name = || area.to_owned();
        self.plan.areas.insert(name(), read.way);
        self.customs.insert(name(), read.customs);
        self.overload.insert(name(), read.rules);
        self.takes.extend(read.takes.map(|takes| (name(), takes)));
        self.predicted.extend((read.predicted > 0).then(|| (name(), read.predicted)));
        self.hours.extend(read.hours.map(|hours| (name(), hours)));
    }

    /// Reads the skills, and where the queue manager is.
    pub(super) fn finish(&mut self, top: &mut Section<'_, '_>, folder: &Path) {
        self.manager = top.optional("queue_manager").map(|section| manager(section, folder));
        for mut section in top.sections("skill", SKILL).unwrap_or_default() {
            let name = section.needed("name", "name = \"german\"", rules::name);
            let agents = section.texts("agents", "agents = [\"anna\"]", rules::name);
            section.finish();
            let Some((name, _)) = name else { continue };
            for (agent, _) in agents {
                self.plan.skills.entry(agent).or_default().insert(name.clone());
            }
        }
    }

    /// Areas that rules name, each with the area whose rule it is.
    pub(super) fn overflows(&self) -> impl Iterator<Item = (&str, &str)> {
        let rules = self.overload.iter().flat_map(|(area, rules)| rules.iter().map(move |rule| (area, rule)));
        rules.filter_map(|(area, rule)| match &rule.action {
            Action::Overflow(to) => Some((area.as_str(), to.as_str())),
            _ => None,
        })
    }
}

/// What an area's section said.
pub(super) struct Read {
    way: Way,
    takes: Option<Takes>,
    predicted: u64,
    hours: Option<Opening>,
    customs: Customs,
    rules: Vec<Rule>,
}

fn manager(mut section: Section<'_, '_>, folder: &Path) -> Manager {
    let connect = section.text("connect", "connect = \"10.0.0.5:7300\"", rules::listen);
    let listen = section.text("listen", "listen = \"10.0.0.5:7300\"", rules::listen);
    let secret = section.text("secret", "secret = \"queue.secret\"", rules::label);
    section.finish();
    let secret = folder.join(secret.map_or_else(|| "queue.secret".to_owned(), |(secret, _)| secret));
    let address = |read: Option<Located<SocketAddr>>| read.map(|(address, _)| address);
    Manager { connect: address(connect), listen: address(listen), secret }
}

fn way(section: &mut Section<'_, '_>) -> Way {
    let usual = Way::default();
    let mut seconds = |key, usual: u64| section.number(key, 0..=DAY, usual / 1_000) * 1_000;
    let weights = Weights {
        priority_step: seconds("priority_seconds", usual.weights.priority_step),
        transferred: seconds("transferred_seconds", usual.weights.transferred),
        area: seconds("ahead_seconds", usual.weights.area),
        login_percent: 0,
    };
    let relax_after = seconds("relax_seconds", usual.relax_after);
    let percent = section.number("login_percent", 0..=100, 0);
    let reserve = section.number("reserve", 0..=100_000, usual.reserve.into());
    let assign = section.text("assign", "assign = \"longest_idle\"", assign).map(|(assign, _)| assign);
    let last_agent = section.text("last_agent", "last_agent = \"no\"", rules::yes_or_no).map(|(yes, _)| yes);
    Way {
        assign: assign.unwrap_or(usual.assign),
        last_agent: last_agent.unwrap_or(usual.last_agent),
        relax_after,
        reserve: small(reserve),
        weights: Weights { login_percent: small(percent), ..weights },
    }
}

fn customs(section: &mut Section<'_, '_>) -> Customs {
    let mut customs = Customs::default();
    for mut sign in section.sections("sign", SIGN).unwrap_or_default() {
        let mut text = |key, example| sign.text(key, example, rules::label).map(|(text, _)| text);
        let is = Sign {
            email: text("email", "email = \"@big.example\""),
            subject: text("subject", "subject = \"invoice\""),
            page: text("page", "page = \"/de/\""),
            from: text("from", "from = \"Globex Repairs\""),
            language: text("language", "language = \"de\""),
        };
        let ahead = sign.number("ahead_seconds", 0..=DAY, 0);
        let skill = sign.text("skill", "skill = \"german\"", rules::name);
        sign.finish();
        customs.worth.extend((ahead > 0).then(|| (is.clone(), ahead * 1_000)));
        customs.needs.extend(skill.map(|(skill, _)| (is, skill)));
    }
    customs
}

fn overload(mut section: Section<'_, '_>, mistakes: &Mistakes<'_>) -> Option<Rule> {
    let when = section.needed("when", "when = \"waiting\"", known_measure);
    let from = section.number("from", 0..=1_000_000, 0);
    let below = section.number("below", 0..=1_000_000, 0);
    let rule = Rule {
        when: measure(when.as_ref().map_or("closed", |(when, _)| when.as_str()), small(from), small(below)),
        after: section.number("after_seconds", 0..=DAY, 0) * 1_000,
        calm: section.number("calm_seconds", 0..=DAY, 30) * 1_000,
        action: Action::OfferMessage,
    };
    if let Some((name, at)) = &when
        && matches!(name.as_str(), "wait" | "waiting" | "load")
        && from == 0
    {
        let what = format!("`{name}` needs the limit `from` which it begins, and that is not 0");
        mistakes.add(at, what, "from = 10");
    }
    if let (Some((name, at)), true) = (&when, from > 0 && below > from) {
        let what = format!("`{name}` begins at {from} and could never end, since that is below {below}");
        if name != "reserve" {
            mistakes.add(at, what, format!("below = {}", from / 2));
        }
    }
    let kind = section.needed("do", "do = \"backup\"", known_action);
    let action = action(&mut section, kind, mistakes);
    section.finish();
    Some(Rule { action: action?, ..rule })
}

fn action(
    section: &mut Section<'_, '_>,
    kind: Option<Located<String>>,
    mistakes: &Mistakes<'_>,
) -> Option<Action> {
    let (kind, at) = kind?;
    Some(match kind.as_str() {
        "announce" => {
            Action::Announce(section.needed("text", "text = \"Everybody is busy\"", rules::label)?.0)
        }
        "offer_message" => Action::OfferMessage,
        "offer_call_back" => Action::OfferCallBack,
        "overflow" => Action::Overflow(section.needed("area", "area = \"billing\"", rules::name)?.0),
        _ => {
            let servers = section.texts("servers", "servers = [\"globex\", \"initech/help\"]", backup);
            let choose = section.text("choose", "choose = \"staffing\"", choose);
            let per_minute = section.number("per_minute", 1..=60_000, 30);
            let waiting = section.text("waiting", "waiting = \"no\"", rules::yes_or_no);
            if servers.is_empty() {
                let what = "`servers` says to whom customers are sent, and there is none";
                mistakes.add(&at, what, "servers = [\"globex\"]");
            }
            Action::Backup(Backups {
                servers: servers.into_iter().map(|(server, _)| server).collect(),
                in_order: choose.is_none_or(|(in_order, _)| in_order),
                per_minute: small(per_minute),
                waiting: waiting.is_none_or(|(yes, _)| yes),
            })
        }
    })
}

/// Where it does not say when it ends: halfway back, or one more free agent.
fn measure(name: &str, from: u32, below: u32) -> Measure {
    let half = if below == 0 { from.div_ceil(2) } else { below };
    match name {
        "no_agent" => Measure::NoAgent,
        "reserve" => Measure::Reserve(from, below.max(from + 1) - 1),
        "wait" => Measure::Wait(from, half),
        "waiting" => Measure::Waiting(from, half),
        "load" => Measure::Load(from, half),
        _ => Measure::Closed,
    }
}

fn known_measure(text: &str) -> Result<String, String> {
    one_of(text, &["no_agent", "reserve", "wait", "waiting", "load", "closed"])
}

fn known_action(text: &str) -> Result<String, String> {
    one_of(text, &["announce", "offer_message", "offer_call_back", "overflow", "backup"])
}

fn one_of(text: &str, known: &[&str]) -> Result<String, String> {
    if known.contains(&text) {
        return Ok(text.into());
    }
    Err(format!("it is one of {}, and this is {text:?}", known.join(", ")))
}

fn choose(text: &str) -> Result<bool, String> {
    one_of(text, &["in_order", "staffing"]).map(|text| text == "in_order")
}

fn assign(text: &str) -> Result<Assign, String> {
    one_of(text, &["by_hand", "longest_idle", "least_busy", "round_robin"]).map(|text| match text.as_str() {
        "longest_idle" => Assign::LongestIdle,
        "least_busy" => Assign::LeastBusy,
        "round_robin" => Assign::RoundRobin,
        _ => Assign::ByHand,
    })
}

fn takes(text: &str) -> Result<Takes, String> {
    one_of(text, &["while_free", "all", "none"]).map(|text| match text.as_str() {
        "all" => Takes::All,
        "none" => Takes::None,
        _ => Takes::WhileFree,
    })
}

/// A server, or one of its areas: `globex`, `globex/repairs`.
fn backup(text: &str) -> Result<(String, Option<String>), String> {
    match text.split_once('/') {
        None => Ok((rules::name(text)?, None)),
        Some((server, area)) => Ok((rules::name(server)?, Some(rules::name(area)?))),
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
