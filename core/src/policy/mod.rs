//! What may leave a server, and to whom (O2, W2).
//!
//! **Contract.** The conversation's context leaves through [`release`] and [`release_tail`], and through nothing
//! else: every hand-over, on this server or to another company, sends what these two return. They never let more
//! out than the rules allow, whatever a console asked for.

use baton_protocol::MessageId;
use baton_protocol::limits::MAX_CONTEXT;
use baton_protocol::model::{
    Author, Body, Context, Customer, Destination, Edits, Entry, Event, PriorEntry, Share, SharePolicy,
};
use serde::{Deserialize, Serialize};

/// How near a destination is (W2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The same area of this server.
    SameDepartment,
    /// Another area of this server, or another server of the same company.
    SameCompany,
    /// Another company with which there is an agreement.
    Partner,
    /// Any other company.
    Other,
}

/// A server's rules: a default by class, then rules of which the first that fits decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What may be sent by default.
    pub defaults: Defaults,
    /// Exceptions, the first that fits decides.
    pub exceptions: Vec<Rule>,
}

/// What may be sent to each class when no rule says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Default all.
    pub same_department: SharePolicy,
    /// Default the agent's choice.
    pub same_company: SharePolicy,
    /// Default the agent's choice.
    pub partner: SharePolicy,
    /// Default nothing.
    pub other: SharePolicy,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            defaults: Defaults {
                same_department: SharePolicy::All,
                same_company: SharePolicy::AgentsChoice,
                partner: SharePolicy::AgentsChoice,
                other: SharePolicy::Nothing,
            },
            exceptions: Vec::new(),
        }
    }
}

/// An exception. A member that is not given fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The transferring agent's login name.
    pub agent: Option<String>,
    /// The area that the chat is in.
    pub area: Option<String>,
    /// The destination: an area's, an agent's or a server's name.
    pub destination: Option<String>,
    /// Why it is denied; a rule without it permits.
    pub denied: Option<String>,
    /// What may be sent; the class's default where it is not given.
    pub share: Option<SharePolicy>,
}

/// Who asks for a transfer, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The agent's login name.
    pub agent: &'a str,
    /// The area that the chat is in.
    pub area: &'a str,
    /// Where to.
    pub to: &'a Destination,
    /// How near that is.
    pub class: Class,
}

impl Rules {
    /// What may be sent, or why the transfer is denied.
    ///
    /// # Errors
    /// The reason, as the rule's author wrote it.
    pub fn decide(&self, request: Request<'_>) -> Result<SharePolicy, String> {
        let fits = |rule: &&Rule| {
            let is =
                |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|name| name == value);
            is(&rule.agent, request.agent)
                && is(&rule.area, request.area)
                && is(&rule.destination, destination_name(request.to))
        };
        let rule = self.exceptions.iter().find(fits);
        if let Some(reason) = rule.and_then(|rule| rule.denied.clone()) {
            return Err(reason);
        }
        Ok(rule.and_then(|rule| rule.share.clone()).unwrap_or_else(|| self.default_for(request.class)))
    }

    fn default_for(&self, class: Class) -> SharePolicy {
        let by_class = &self.defaults;
        match class {
            Class::SameDepartment => &by_class.same_department,
            Class::SameCompany => &by_class.same_company,
            Class::Partner => &by_class.partner,
            Class::Other => &by_class.other,
        }
        .clone()
    }
}

fn destination_name(to: &Destination) -> &str {
    match to {
        Destination::Agent(name) | Destination::Area(name) | Destination::Server { server: name, .. } => name,
    }
}

/// The agent's choice held against the policy: what is really sent.
#[must_use]
pub fn settle(policy: &SharePolicy, choice: Share) -> Share {
    match policy {
        SharePolicy::All => Share::All,
        SharePolicy::Nothing => Share::Nothing,
        SharePolicy::AgentsChoice => choice,
    }
}

/// Everything that a server knows of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Everything<'a> {
    /// This server's name for people.
    pub origin: &'a str,
    /// Servers visited, this one included.
    pub visited: &'a [String],
    /// The transferring agent, as customers see them.
    pub agent: &'a str,
    /// The customer.
    pub customer: &'a Customer,
    /// The area that the chat leaves.
    pub queue: &'a str,
    /// Recommended priority.
    pub priority: u8,
    /// For the next agent.
    pub comments: &'a str,
    /// What came with the chat when it was transferred here.
    pub prior: Option<&'a Context>,
    /// What happened here, as far as the agent could see and edit it.
    pub entries: &'a [Entry],
    /// What happened since.
    pub late: &'a [Entry],
}

/// The context as it leaves. `share` is what [`settle`] made of the agent's choice.
#[must_use]
pub fn release(all: Everything<'_>, share: &Share) -> Context {
    let nothing = Context {
        origin: all.origin.into(),
        visited: all.visited.to_vec(),
        agent: all.agent.into(),
        customer: Customer {
            name: String::new(),
            email: String::new(),
            subject: String::new(),
            login_at: all.customer.login_at,
            client_type: all.customer.client_type.clone(),
        },
        queue: all.queue.into(),
        priority: all.priority,
        comments: String::new(),
        transcript: Vec::new(),
        documents: Vec::new(),
        incomplete: true,
    };
    let edits = match share {
        Share::Nothing => return nothing,
        Share::All => &Edits::default(),
        Share::Part(edits) => edits,
    };
    let mut whole = all.prior.map(|prior| prior.transcript.clone()).unwrap_or_default();
    whole.extend(all.entries.iter().filter_map(|entry| prior_entry(all.origin, entry)));
    let count = whole.len();
    let edited: Vec<PriorEntry> = whole.into_iter().filter_map(|entry| edit(entry, edits)).collect();
    let late = release_tail(all.origin, all.late, share);
    let mut incomplete = edited.len() < count
        || late.len() < release_tail(all.origin, all.late, &Share::All).len()
        || !edits.redact.is_empty()
        || edits.without_identity
        || all.prior.is_some_and(|prior| prior.incomplete);
    let excerpt = (!edits.excerpt.is_empty()).then(|| excerpt(&all, &edits.excerpt)).flatten();
    let whole = edited.into_iter().chain(excerpt).chain(late).collect();
    let (transcript, cut) = newest_within(whole, MAX_CONTEXT);
    incomplete |= cut;
    let customer = if edits.without_identity {
        Customer { subject: all.customer.subject.clone(), ..nothing.customer }
    } else {
        all.customer.clone()
    };
    Context { customer, comments: all.comments.into(), transcript, incomplete, ..nothing }
}

/// What is sent of entries that were stored after the context was posted. An agent who edited the context could
/// not edit these: then only the customer's own words go.
#[must_use]
pub fn release_tail(origin: &str, entries: &[Entry], share: &Share) -> Vec<PriorEntry> {
    let wanted = |entry: PriorEntry| match share {
        Share::All => Some(entry),
        Share::Part(edits) if entry.author == Author::Customer => edit(entry, edits),
        Share::Part(_) | Share::Nothing => None,
    };
    entries.iter().filter_map(|entry| prior_entry(origin, entry)).filter_map(wanted).collect()
}

fn prior_entry(server: &str, entry: &Entry) -> Option<PriorEntry> {
    let (text, note) = match &entry.body {
        Body::Text(text) => (text.clone(), false),
        Body::Note(text) => (text.clone(), true),
        Body::Event(Event::Queued { .. } | Event::Joined { .. } | Event::AgentLost { .. })
        | Body::Event(Event::Transferred { .. } | Event::TransferFailed { .. } | Event::Ended(_)) => {
            return None;
        }
    };
    Some(PriorEntry {
        id: entry.id,
        at: entry.at,
        server: server.into(),
        author: entry.author.clone(),
        text,
        note,
    })
}

fn edit(mut entry: PriorEntry, edits: &Edits) -> Option<PriorEntry> {
    if edits.leave_out.contains(&entry.id) || (entry.note && edits.without_notes) {
        return None;
    }
    for redaction in edits.redact.iter().filter(|redaction| redaction.id == entry.id) {
        entry.text = blacken(&entry.text, redaction.start, redaction.end);
    }
    Some(entry)
}

fn blacken(text: &str, start: u32, end: u32) -> String {
    let hidden = |at: usize| (start as usize..end as usize).contains(&at);
    text.chars().enumerate().map(|(at, letter)| if hidden(at) { '█' } else { letter }).collect()
}

/// Its id is made from the last entry's, and differs from it: by its id an entry is recognised as known.
fn excerpt(all: &Everything<'_>, text: &str) -> Option<PriorEntry> {
    let last = all.entries.last()?;
    Some(PriorEntry {
        id: MessageId(last.id.0.map(|byte| !byte)),
        at: last.at,
        server: all.origin.into(),
        author: Author::Agent(all.agent.into()),
        text: text.into(),
        note: true,
    })
}

/// The newest entries that fit, and whether older ones had to go. Counted as they travel, in JSON, whose escapes
/// make a text up to six times as long.
fn newest_within(mut entries: Vec<PriorEntry>, bytes: usize) -> (Vec<PriorEntry>, bool) {
    let mut left = bytes;
    let fits = entries.iter().rev().take_while(|entry| {
        let size = json_length(entry).saturating_add(1);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    });
    let from = entries.len() - fits.count();
    entries.drain(..from);
    (entries, from > 0)
}

/// Bytes of a value's JSON.
pub(crate) fn json_length<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |json| json.len())
}

/// As much of a context as fits so many bytes of JSON, the newest entries first. It says that it is incomplete.
pub(crate) fn newest_part(context: &Context, bytes: usize) -> Context {
    let frame = Context { transcript: Vec::new(), ..context.clone() };
    let left = bytes.saturating_sub(json_length(&frame));
    let (transcript, cut) = newest_within(context.transcript.clone(), left);
    Context { transcript, incomplete: context.incomplete || cut, ..frame }
}

#[cfg(test)]
mod tests;
