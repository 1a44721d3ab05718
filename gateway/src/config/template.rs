//! The file that `baton init` writes: what the operator said, and everything else as it is by default.

use std::fmt::Write;
use std::net::SocketAddr;

use super::Area;

/// What the operator said.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    /// See [`Config::name`](super::Config::name).
    pub name: &'a str,
    /// See [`Config::title`](super::Config::title).
    pub title: &'a str,
    /// See [`Config::subject`](super::Config::subject).
    pub subject: &'a str,
    /// See [`Config::accent`](super::Config::accent).
    pub accent: &'a str,
    /// See [`Config::url`](super::Config::url).
    pub url: &'a str,
    /// See [`Config::listen`](super::Config::listen).
    pub listen: SocketAddr,
    /// Paths of certificate and key.
    pub tls: Option<(&'a str, &'a str)>,
    /// See [`Config::sites`](super::Config::sites).
    pub sites: &'a [String],
    /// See [`Config::page`](super::Config::page).
    pub page: Option<&'a str>,
    /// See [`Config::areas`](super::Config::areas).
    pub areas: &'a [Area],
}

/// The file's text.
#[must_use]
pub fn write(start: &Start<'_>) -> String {
    let sites: Vec<String> = start.sites.iter().map(|site| quoted(site)).collect();
    let page = match start.page {
        Some(page) => format!("page = {}", quoted(page)),
        None => "# page = \"https://www.acme.example/help\"".into(),
    };
    let mut text = format!(
        "{HEAD}\nname = {}\n\n# What people read, and the colour they see.\ntitle = {}\nsubject = {}\naccent = {}\n\n\
         {ADDRESS}\nurl = {}\nlisten = \"{}\"\n\n{SITES}\nsites = [{}]\n\n{PAGE}\n{page}\n\n{CONTACT}\n\n{AREAS}\n",
        quoted(start.name),
        quoted(start.title),
        quoted(start.subject),
        quoted(start.accent),
        quoted(start.url),
        start.listen,
        sites.join(", "),
    );
    for Area { name, title, .. } in start.areas {
        text += &format!("[[area]]\nname = {}\ntitle = {}\n\n", quoted(name), quoted(title));
    }
    text += &match start.tls {
        Some((certificate, key)) => {
            format!("[tls]\ncertificate = {}\nkey = {}\n", quoted(certificate), quoted(key))
        }
        None => TLS.into(),
    };
    text + DEFAULTS
}

/// A TOML basic string (TOML 1.0): the quote, the backslash and control characters are escaped.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

const HEAD: &str = "\
# This gateway's settings. `baton check` says what is wrong with them; they are read when the gateway starts.
# A line that starts with # shows what holds when nothing is said.

# The name by which other companies' servers know this one. Once they do, do not change it.";

const ADDRESS: &str = "\
# `url` is where browsers and other companies reach this gateway; `listen` is where it waits for them. They differ
# when a proxy on this machine does TLS. Without TLS only this machine itself can be listened to.";

const SITES: &str =
    "# The websites that may embed the widget, as browsers name them: scheme, host, port, no slash.";

const PAGE: &str = "\
# A page of one of them that starts the widget: customers whose browser another company sends here land there.";

const CONTACT: &str = "\
# How else customers reach you when their browser runs no script: e-mail addresses and telephone numbers.
# contact = [\"help@acme.example\", \"+49 30 1234567\"]";

const AREAS: &str = "\
# What customers can ask for. The first area is the default. How an area takes customers of other servers:
# steps = 1                 # 2: they wait in a holding session, and go on to the agent's by a second transfer
# agent_required = \"no\"     # \"free\": only while an agent is free; \"willing\": only one who, when asked, takes them
# keep_posted = \"yes\"       # whether what was sent is kept for another try when no agent is free
# max_waiting = 1000        # customers who may wait, those on their way included
# How it serves those who wait:
# assign = \"by_hand\"        # or to a free agent by itself: \"longest_idle\", \"least_busy\", \"round_robin\"
# last_agent = \"yes\"        # the agent who had the customer last comes first
# reserve = 0               # free agents who are kept for transferred and urgent customers
# transferred_seconds = 120 # what counts as time of waiting: having been transferred,
# priority_seconds = 60     #   each step of a recommended priority,
# login_percent = 0         #   the time since the login at the first server, in per cent,
# ahead_seconds = 0         #   and being of this area
# relax_seconds = 60        # after this, a customer does without the least important skill that they need
# hours = [\"Mon-Fri 09:00-17:30\"], time_zone = \"Europe/Berlin\", holidays = [\"12-25\"]
# takes_overload = \"while_free\"  # customers whom an overloaded peer sends: or \"all\", \"none\"
# docs/queue.md explains these, [[area.sign]], [[area.overload]] and [[skill]]";

const TLS: &str = "\
# The gateway's own certificate, PEM files, from this folder or with their whole paths. When they change, they are read
# again.
# [tls]
# certificate = \"certificate.pem\"
# key = \"key.pem\"
";

/// Tests hold these against the real defaults.
pub(super) const DEFAULTS: &str = "
[limits]
# Connections at once: all of them, and from one address.
# connections = 20000
# per_address = 1000
# Behind a proxy all connections have the proxy's address. The address that one of these proxies names counts instead
# (X-Forwarded-For or Forwarded): addresses or networks.
# trusted_proxies = []
# Chats at once of an agent who is added without --max-chats.
# max_chats = 6
# Messages, notes and events of one chat. Whoever reaches it must end or transfer the chat.
# messages = 10000
# Frames that a connection may send: at once, and per second in the long run. More closes it. A load test needs more.
# burst = 200
# per_second = 50

[transfer]
# How long an agent waits for the other company's answer.
# prepare_seconds = 5
# How long the other company keeps a place for a customer.
# offer_seconds = 60
# How long a chat that has moved can still be settled when messages about it were lost.
# linger_seconds = 120
# How long an agent who is asked whether they take a chat has for the answer.
# ask_seconds = 20
# How long what another company has sent is kept for another try when no agent was free.
# keep_seconds = 600

[arrival]
# \"areas\": other companies choose one of the areas; \"general\": they are told of none, there is one entrance.
# entrance = \"areas\"
# What tells who has come: \"general\": the secret that the customer presents; \"specific\": an address of the
# customer's own; \"both\": the one must fit the other.
# address = \"general\"

[presence]
# How long an agent may be gone before their chats go back to the queue.
# agent_grace_seconds = 60
# How long a customer may be gone: while waiting, and while chatting.
# away_waiting_seconds = 120
# away_active_seconds = 1800

[federation]
# How long a new key of this gateway's is published before it signs (`baton key rotate`). Peers look every 20 seconds.
# key_wait_minutes = 60

[documents]
# Bytes that a document may have; documents that one chat may have, and bytes of all of them.
# max_bytes = 10485760
# per_chat = 50
# per_chat_bytes = 104857600
# What is taken, by its content, whatever its name says. A * at the end stands for anything.
# types = [\"image/png\", \"image/jpeg\", \"image/gif\", \"image/webp\", \"image/avif\", \"image/heif\", \"image/bmp\", \"image/tiff\", \"application/pdf\", \"text/plain\", \"application/rtf\", \"application/msword\", \"application/vnd.ms-excel\", \"application/vnd.ms-powerpoint\", \"application/vnd.openxmlformats-officedocument.*\", \"application/vnd.oasis.opendocument.*\", \"application/zip\"]
# Where they are: a folder, or \"s3://bucket/folder\" with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION
# (AWS_ENDPOINT for stores that are not Amazon's) in the environment.
# store = \"documents\"

[end]
# Times of day, such as \"22:00\", at which every chat ends that began before; and whose clock it is.
# at = []
# zone = \"UTC\"
# Minutes without a word from anybody after which a chat ends; 0 for no limit.
# idle_minutes = 0
# Whether customers are asked, once a chat is over, how it was. Whoever may read the chat reads their answer.
# survey = false

[console]
# What may come of a chat: agents choose one of these at its end. Where there are none, they write what they like.
# dispositions = []
# Whether agents see what customers have typed and not sent. Customers do not expect it: the widget tells them while it is so.
# preview = false

[policy]
# What may be sent along with a customer: \"all\", \"agents_choice\" or \"nothing\".
# same_department = \"all\"
# same_company = \"agents_choice\"
# partner = \"agents_choice\"
# other = \"nothing\"

# Exceptions; the first that fits decides. What is left out fits everything, so a rule with nothing but `deny` or
# `share` is for every transfer.
# [[policy.rule]]
# name = \"bills\"               # what the audit calls it; its position otherwise
# class = \"partner\"            # same_department, same_company, partner or other
# destination = \"globex\"       # an area, an agent or a server
# area = \"billing\"             # the area that the chat is in
# agent = \"anna\"
# confidential = true            # chats that an agent or a supervisor has marked
# deny = \"Bills stay here\"     # why the transfer is denied; or
# share = \"nothing\"            # what may be sent at most

# A site that says who its customers are (Baton('identify', token)): its origin, the one algorithm of its key (\"EdDSA\",
# \"ES256\" or \"HS256\"), and the file of its public key in PEM, or for HS256 of the secret that it shares with you.
# [[identity]]
# site = \"https://www.acme.example\"
# algorithm = \"EdDSA\"
# key = \"acme-site.pem\"

# An OpenID Connect provider that agents log in with, beside their passwords. What they may do is read from a claim at
# each login; whoever has none of the values is refused. It sends browsers back to /api/v1/oidc/callback here.
# [oidc]
# issuer = \"https://login.acme.example\"
# client_id = \"baton\"
# secret_file = \"oidc-secret\"
# title = \"Acme login\"        # on the login page
# claim = \"groups\"
# admins = [\"baton-admins\"]
# supervisors = [\"support-leads\"]
# agents = [\"support\"]
# areas = []                     # of whoever comes for the first time; none for all

# The mail server, for answers to messages that were left and for transcripts. Without it there is no e-mail.
# [mail]
# host = \"smtp.acme.example\"
# port = 587
# tls = \"starttls\"            # \"implicit\" on port 465; \"off\" to this machine alone
# user = \"chat@acme.example\"
# password_file = \"smtp-password\"
# from = \"Acme Outdoor <chat@acme.example>\"
# per_hour = 10                # letters to one address

# Questions of your own in the form that begins a chat. The answers are said with the customer's first words.
# [[field]]
# label = \"Order number\"
# required = true
";
