//! The file, setting by setting.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use baton_core::effect::{Arrival, NeedsAgent, Times};
use baton_core::policy::{Rule, Rules};
use baton_protocol::model::{Holding, SharePolicy};
use toml::de::DeTable;
use url::Url;

use super::desk::Desk;
use super::mistake::{Mistake, Mistakes};
use super::section::{Located, Section};
use super::{Address, Area, Config, Limits, Tls, console, documents, holding, rules, visitors};

/// An area as it is written.
const AREA: &str = "[[area]]\nname = \"sales\"\ntitle = \"Sales\"";

/// A rule as it is written.
const RULE: &str =
    "[[policy.rule]]\narea = \"billing\"\ndestination = \"globex\"\ndeny = \"Bills stay here\"";

/// A whole day, in seconds.
const DAY: u64 = 24 * 60 * 60;

/// Reads a configuration whose paths start at `folder`.
pub(super) fn read(text: &str, folder: &Path) -> Result<Config, Vec<Mistake>> {
    let mistakes = Mistakes::of(text);
    let config = match DeTable::parse(text) {
        Ok(table) => Some(whole(Section::whole(table, &mistakes), folder, &mistakes)),
        Err(error) => {
            let at = error.span().unwrap_or(0..0);
            mistakes.add(&at, format!("this cannot be read: {}", error.message()), "title = \"Acme\"");
            None
        }
    };
    let mistakes = mistakes.into_sorted();
    config.filter(|_| mistakes.is_empty()).ok_or(mistakes)
}

fn whole(mut top: Section<'_, '_>, folder: &Path, mistakes: &Mistakes<'_>) -> Config {
    let title = top.needed("title", "title = \"Acme\"", rules::label);
    let url = top.needed("url", "url = \"https://chat.acme.example\"", rules::base_url);
    let listen = top.needed("listen", "listen = \"127.0.0.1:7101\"", rules::listen);
    let sites = top.texts("sites", "sites = [\"https://www.acme.example\"]", rules::origin);
    let page = top.text("page", "page = \"https://www.acme.example/help\"", rules::page);
    let tls = top.optional("tls").map(|section| tls(section, folder));
    check_transport(listen.as_ref(), url.as_ref(), tls.is_some(), mistakes);
    check_page(page.as_ref(), &sites, mistakes);
    let (mut desk, mut holding) = (Desk::default(), BTreeMap::new());
    let areas = areas(&mut top, &mut desk, &mut holding, mistakes);
    desk.finish(&mut top, folder);
    check_overflows(&desk, &areas, &top, mistakes);
    let ((limits, trusted_proxies), times) = (limits(top.section("limits")), times(&mut top));
    let (general_entrance, address) = arrivals(top.section("arrival"));
    let sites: Vec<String> = sites.into_iter().map(|(site, _)| site).collect();
    let config = Config {
        name: value(top.needed("name", "name = \"acme\"", rules::name)),
        title: value(title),
        subject: value(top.text("subject", "subject = \"Tents, packs and stoves\"", rules::subject)),
        accent: top
            .text("accent", "accent = \"#1f6f50\"", rules::accent)
            .map_or("#1f6f50".into(), |(it, _)| it),
        url: value(url),
        listen: listen.map_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |(it, _)| it),
        tls,
        page: page.map(|(page, _)| page),
        key_wait: key_wait(top.section("federation")),
        rules: policy(top.section("policy"), &areas, mistakes),
        areas,
        desk,
        general_entrance,
        address,
        holding,
        contact: visitors::contact(&mut top, mistakes),
        identities: visitors::identities(&mut top, &sites, folder, mistakes),
        fields: visitors::fields(&mut top, mistakes),
        end: visitors::end(top.section("end")),
        mail: visitors::mail(&mut top, folder, mistakes),
        console: console::console(top.section("console")),
        oidc: console::oidc(&mut top, folder),
        sites,
        documents: documents::read(top.section("documents"), folder),
        limits,
        trusted_proxies,
        times,
        folder: folder.into(),
    };
    top.finish();
    config
}

fn value<T: Default>(read: Option<Located<T>>) -> T {
    read.map(|(value, _)| value).unwrap_or_default()
}

fn tls(mut section: Section<'_, '_>, folder: &Path) -> Tls {
    let mut file = |key, example| value(section.needed(key, example, rules::label));
    let (certificate, key) = (
        file("certificate", "certificate = \"certificate.pem\"   # from the data folder, or a whole path"),
        file("key", "key = \"key.pem\"   # from the data folder, or a whole path"),
    );
    section.finish();
    Tls { certificate: folder.join(certificate), key: folder.join(key) }
}

/// Nothing leaves this machine in the clear (S1).
fn check_transport(
    listen: Option<&Located<SocketAddr>>,
    url: Option<&Located<String>>,
    tls: bool,
    mistakes: &Mistakes<'_>,
) {
    if let Some((address, at)) = listen
        && !tls
        && !address.ip().is_loopback()
    {
        let what = format!(
            "`listen`: {address} can be reached from other machines, and without TLS everybody on the way can read \
             and change what is said. Give a certificate, or listen on this machine alone and let a proxy on it do TLS"
        );
        let port = address.port();
        let example = format!(
            "listen = \"127.0.0.1:{port}\"\nor\n[tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\""
        );
        mistakes.add(at, what, example);
    }
    if let Some((url, at)) = url
        && tls
        && let Some(rest) = url.strip_prefix("http://")
    {
        let what = "`url`: with `[tls]` this gateway answers over https, and nothing else";
        mistakes.add(at, what, format!("url = \"https://{rest}\""));
    }
}

/// A page on a site that may not embed the widget would show customers nothing.
fn check_page(page: Option<&Located<String>>, sites: &[Located<String>], mistakes: &Mistakes<'_>) {
    let Some((page, at)) = page else { return };
    let Ok(origin) = Url::parse(page).map(|url| rules::origin_of(&url)) else { return };
    if !sites.iter().any(|(site, _)| *site == origin) {
        let what =
            format!("`page` is on {origin}, which is not one of the `sites` that may embed the widget");
        mistakes.add(at, what, format!("sites = [\"{origin}\"]"));
    }
}

/// An area that customers are sent to has to exist, and not be the one that has too many.
fn check_overflows(desk: &Desk, areas: &[Area], top: &Section<'_, '_>, mistakes: &Mistakes<'_>) {
    for (area, to) in desk.overflows() {
        if area == to || !areas.iter().any(|known| known.name == to) {
            let what = format!("`overflow` of `{area}`: {to:?} is not another area here");
            let other = areas.iter().find(|known| known.name != area).map_or("billing", |known| &known.name);
            mistakes.add(&top.at(), what, format!("area = \"{other}\""));
        }
    }
}

fn areas(
    top: &mut Section<'_, '_>,
    desk: &mut Desk,
    holding: &mut BTreeMap<String, Holding>,
    mistakes: &Mistakes<'_>,
) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    let sections = top.sections("area", AREA);
    let none = sections.as_ref().is_some_and(Vec::is_empty);
    for mut section in sections.unwrap_or_default() {
        let name = section.needed("name", "name = \"sales\"", rules::name);
        let title = value(section.needed("title", "title = \"Sales\"", rules::label));
        let arrival = arrival(&mut section, mistakes);
        let read = desk.read_area(&mut section, mistakes);
        let content = holding::read(&mut section, mistakes);
        section.finish();
        let Some((name, at)) = name else { continue };
        if areas.iter().any(|area| area.name == name) {
            let what = format!("there is an area `{name}` already: the name of each area is its own");
            mistakes.add(&at, what, format!("name = \"{name}-2\""));
        }
        desk.keep(&name, read);
        holding.insert(name.clone(), content);
        areas.push(Area { name, title, arrival });
    }
    if none {
        let what =
            "there is no area: customers are served in areas, and the first is where they go by default";
        mistakes.add(&top.at(), what, AREA);
    }
    areas
}

/// How an area takes customers of other servers.
fn arrival(section: &mut Section<'_, '_>, mistakes: &Mistakes<'_>) -> Arrival {
    let usual = Arrival::default();
    let steps = section.number("steps", 1..=2, 1);
    let agent = section.text("agent_required", "agent_required = \"free\"", rules::needs_agent);
    let keeps = section.text("keep_posted", "keep_posted = \"no\"", rules::yes_or_no);
    let most = section.number("max_waiting", 1..=1_000_000, usual.max_waiting.into());
    if let (2, Some((NeedsAgent::Free | NeedsAgent::Willing, at))) = (steps, &agent) {
        let what = "`agent_required` leads customers straight to the agent, so that there is no second step";
        mistakes.add(at, what, "steps = 1");
    }
    Arrival {
        two_steps: steps == 2,
        agent: agent.map_or(usual.agent, |(agent, _)| agent),
        keeps: keeps.map_or(usual.keeps, |(keeps, _)| keeps),
        max_waiting: u32::try_from(most).unwrap_or(u32::MAX),
    }
}

/// How customers of other servers come in.
fn arrivals(mut section: Section<'_, '_>) -> (bool, Address) {
    let entrance = section.text("entrance", "entrance = \"general\"", rules::entrance);
    let address = section.text("address", "address = \"both\"", rules::address);
    section.finish();
    (entrance.is_some_and(|(general, _)| general), address.map(|(address, _)| address).unwrap_or_default())
}

fn limits(mut section: Section<'_, '_>) -> (Limits, Vec<rules::Network>) {
    let usual = Limits::default();
    let proxies = section.texts("trusted_proxies", "trusted_proxies = [\"127.0.0.1\"]", rules::network);
    let mut number = |key, most: u64, usual: u64| section.number(key, 1..=most, usual);
    let small = |number| u32::try_from(number).unwrap_or(u32::MAX);
    let limits = Limits {
        connections: size(number("connections", 10_000_000, usual.connections as u64)),
        per_address: size(number("per_address", 10_000_000, usual.per_address as u64)),
        max_chats: small(number("max_chats", 1_000, usual.max_chats.into())),
        messages: number("messages", 1_000_000_000_000, usual.messages),
        burst: small(number("burst", 1_000_000_000, usual.burst.into())),
        per_second: small(number("per_second", 1_000_000_000, usual.per_second.into())),
    };
    section.finish();
    (limits, proxies.into_iter().map(|(network, _)| network).collect())
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn times(top: &mut Section<'_, '_>) -> Times {
    let usual = Times::default();
    let mut transfer = top.section("transfer");
    let mut presence = top.section("presence");
    let times = Times {
        // An agent waits while it runs.
        prepare: seconds(&mut transfer, "prepare_seconds", 60, usual.prepare),
        // A place is kept free while it runs.
        offer: seconds(&mut transfer, "offer_seconds", 600, usual.offer),
        linger: seconds(&mut transfer, "linger_seconds", DAY, usual.linger),
        ask: seconds(&mut transfer, "ask_seconds", 120, usual.ask),
        keep: seconds(&mut transfer, "keep_seconds", DAY, usual.keep),
        agent_grace: seconds(&mut presence, "agent_grace_seconds", DAY, usual.agent_grace),
        away_waiting: seconds(&mut presence, "away_waiting_seconds", DAY, usual.away_waiting),
        away_active: seconds(&mut presence, "away_active_seconds", 30 * DAY, usual.away_active),
        ..usual
    };
    transfer.finish();
    presence.finish();
    times
}

/// A time in the file is in seconds, in the machines in milliseconds.
fn seconds(section: &mut Section<'_, '_>, key: &'static str, most: u64, usual: u64) -> u64 {
    section.number(key, 1..=most, usual / 1_000) * 1_000
}

/// Long enough for every peer to have read the new key, and short enough to be remembered.
fn key_wait(mut section: Section<'_, '_>) -> u64 {
    let minutes = section.number("key_wait_minutes", 1..=30 * DAY / 60, 60);
    section.finish();
    minutes * 60_000
}

fn policy(mut section: Section<'_, '_>, areas: &[Area], mistakes: &Mistakes<'_>) -> Rules {
    let mut defaults = Rules::default().defaults;
    let mut read = |key: &'static str, to: &mut SharePolicy| {
        let example = format!("{key} = \"agents_choice\"");
        if let Some((share, _)) = section.text(key, &example, rules::share) {
            *to = share;
        }
    };
    read("same_department", &mut defaults.same_department);
    read("same_company", &mut defaults.same_company);
    read("partner", &mut defaults.partner);
    read("other", &mut defaults.other);
    let exceptions = section.sections("rule", RULE).unwrap_or_default().into_iter();
    let exceptions = exceptions.map(|rule| exception(rule, areas, mistakes)).collect();
    section.finish();
    Rules { defaults, exceptions }
}

fn exception(mut section: Section<'_, '_>, areas: &[Area], mistakes: &Mistakes<'_>) -> Rule {
    let name = section.text("name", "name = \"bills stay\"", rules::label);
    let class = section.text("class", "class = \"partner\"", rules::class);
    let confidential = section.truth("confidential", "confidential = true");
    let agent = section.text("agent", "agent = \"anna\"", rules::name);
    let area = section.text("area", "area = \"sales\"", rules::name);
    let destination = section.text("destination", "destination = \"globex\"", rules::name);
    let deny = section.text("deny", "deny = \"Bills stay here\"", rules::label);
    let share = section.text("share", "share = \"nothing\"", rules::share);
    if let Some((name, at)) = &area
        && !areas.iter().any(|area| area.name == *name)
    {
        // A rule that never fits would let out what it was meant to keep in.
        let known: Vec<&str> = areas.iter().map(|area| area.name.as_str()).collect();
        let what = format!("`area`: there is no area {name:?} here; there are {}", known.join(", "));
        mistakes.add(at, what, format!("area = \"{}\"", known.first().unwrap_or(&"sales")));
    }
    if let (Some((_, at)), Some(_)) = (&share, &deny) {
        let what = "a rule that denies a transfer sends nothing, so that it cannot `share`";
        mistakes.add(at, what, "share = \"nothing\"   # without `deny`");
    }
    section.finish();
    let text = |read: Option<Located<String>>| read.map(|(text, _)| text);
    Rule {
        name: text(name),
        class: class.map(|(class, _)| class),
        confidential,
        agent: text(agent),
        area: text(area),
        destination: text(destination),
        denied: text(deny),
        share: share.map(|(share, _)| share),
    }
}
