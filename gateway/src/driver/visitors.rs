//! Customers from outside their connection: messages that are left, letters, who the site says they are, and chats that
//! end by the clock or by the operator's command (M4).

use std::fmt::Write;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use baton_core::session::{self, Chat, Message};
use baton_protocol::model::{Author, Body, Customer, EndReason, Entry};
use baton_protocol::{ChatId, Timestamp};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use jiff::{Timestamp as Moment, ToSpan};

use super::{Gateway, now};
use crate::config::{Config, End};
use crate::identity::Sites;
use crate::mail::{Mailer, Unposted};

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Messages that one address may leave in an hour: a person leaves one or two.
const MESSAGES: NonZeroU32 = NonZeroU32::new(20).expect("not zero");

/// Tokens that one address may show in a minute: one for each page view.
const TOKENS: NonZeroU32 = NonZeroU32::new(60).expect("not zero");

/// What the gateway needs for it.
pub struct Visitors {
    /// Sites and their keys.
    pub sites: Sites,
    /// E-mail, where there is any.
    pub mailer: Option<Mailer>,
    messages: DefaultKeyedRateLimiter<IpAddr>,
    tokens: DefaultKeyedRateLimiter<IpAddr>,
}

impl Visitors {
    /// Reads keys and passwords.
    ///
    /// # Errors
    /// Which file is missing or wrong.
    pub fn open(config: &Config) -> Result<Self> {
        Ok(Self {
            sites: Sites::open(config)?,
            mailer: config.mail.as_ref().map(Mailer::open).transpose()?,
            messages: RateLimiter::keyed(Quota::per_hour(MESSAGES)),
            tokens: RateLimiter::keyed(Quota::per_minute(TOKENS)),
        })
    }

    /// Counts a message; whether it may be left.
    #[must_use]
    pub fn may_leave(&self, ip: IpAddr) -> bool {
        self.messages.check_key(&ip).is_ok()
    }

    /// Counts a token; whether it is looked at.
    #[must_use]
    pub fn may_show(&self, ip: IpAddr) -> bool {
        self.tokens.check_key(&ip).is_ok()
    }

    pub(super) fn sweep(&self) {
        self.messages.retain_recent();
        self.tokens.retain_recent();
        self.mailer.iter().for_each(Mailer::sweep);
    }
}

impl Gateway {
    /// Puts a message into its area's queue.
    pub fn leave_message(self: &Arc<Self>, message: Message) -> ChatId {
        self.found(|env, effects| Chat::leave_message(env, message, effects))
    }

    /// An agent has answered somebody who is not here.
    pub(super) fn write_to(&self, chat: ChatId, to: &Customer, text: &str) {
        let Some(mailer) = &self.visitors.mailer else { return };
        let brand = &self.settings.brand.name;
        let text =
            format!("{text}\n\n-- \n{brand}\nThis answers the message that you left on our website.\n");
        if let Err(why) = mailer.send(&to.email, &format!("Your message to {brand}"), text) {
            tracing::warn!(%chat, ?why, "an answer could not be posted");
        }
    }

    /// Posts what was said to the customer.
    ///
    /// # Errors
    /// When there is no mail server or no address, or it was asked for too often.
    pub fn post_transcript(&self, chat: ChatId) -> Result<(), Unposted> {
        let mailer = self.visitors.mailer.as_ref().ok_or(Unposted::Address)?;
        let read = |chat: &Chat| (chat.record.customer.clone(), transcript(chat.entries()));
        let (customer, text) = self.look_at_chat(chat, read).ok_or(Unposted::Address)?;
        mailer.send(&customer.email, &format!("Your chat with {}", self.settings.brand.name), text)
    }

    /// Ends chats when their time has come. Ends never itself.
    pub(super) async fn run_ends(self: Arc<Self>) {
        let end = &self.config.end;
        if end.at.is_empty() && end.idle == 0 {
            return std::future::pending().await;
        }
        let mut every = tokio::time::interval(LOOK);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let (now, set) = (now(), last_set_time(end, now()));
            let ids: Vec<ChatId> = self.chats.iter().map(|chat| *chat.key()).collect();
            for id in ids {
                let due = self.look_at_chat(id, |chat| due(chat, now, set, end.idle)).flatten();
                due.into_iter().for_each(|reason| self.tell_chat(id, session::Input::Close(reason)));
            }
        }
    }
}

/// Why a chat is to end now. What somebody left as a message waits for as long as it takes.
fn due(chat: &Chat, now: Timestamp, set: Option<Timestamp>, idle: u64) -> Option<EndReason> {
    if !chat.is_open() || !chat.record.outgoing.serves() || chat.record.visitor.left_message {
        return None;
    }
    if set.is_some_and(|set| chat.record.since < set) {
        return Some(EndReason::SetTime);
    }
    let said = chat.entries().last().map_or(chat.record.since, |entry| entry.at);
    (idle > 0 && now.0.saturating_sub(said.0) >= idle).then_some(EndReason::Elapsed)
}

/// The last time of day that has passed. Where a day has no such time, because clocks go forward, the next one counts.
fn last_set_time(end: &End, now: Timestamp) -> Option<Timestamp> {
    let now = Moment::from_millisecond(i64::try_from(now.0).ok()?).ok()?.to_zoned(end.zone.clone());
    let days = [now.date(), now.date().checked_sub(1.day()).ok()?];
    let times = days.iter().flat_map(|day| end.at.iter().map(|time| day.to_datetime(*time)));
    let moments = times.filter_map(|time| time.to_zoned(end.zone.clone()).ok());
    let last = moments.filter(|moment| *moment <= now).max()?;
    u64::try_from(last.timestamp().as_millisecond()).ok().map(Timestamp)
}

/// What a customer may read, a line for each message.
fn transcript(entries: &[Arc<Entry>]) -> String {
    let mut text = String::new();
    for entry in entries.iter().filter(|entry| entry.body.is_public()) {
        let said = match &entry.body {
            Body::Text(said) => said.as_str(),
            Body::Document(card) => card.name.as_str(),
            Body::Note(_) | Body::Event(_) => continue,
        };
        let who = match &entry.author {
            Author::Customer => "You",
            Author::Agent(name) => name,
            Author::System => continue,
        };
        let at = i64::try_from(entry.at.0).ok().and_then(|at| Moment::from_millisecond(at).ok());
        let at = at.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string()).unwrap_or_default();
        // Writing to a text does not fail.
        let _ = writeln!(text, "{at}  {who}: {said}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_protocol::MessageId;
    use jiff::tz::TimeZone;

    fn at(text: &str) -> Timestamp {
        Timestamp(u64::try_from(text.parse::<Moment>().unwrap().as_millisecond()).unwrap())
    }

    fn last(times: &[&str], zone: &str, now: &str) -> Option<Timestamp> {
        let times = times.iter().map(|time| time.parse().unwrap()).collect();
        last_set_time(&End { at: times, zone: TimeZone::get(zone).unwrap(), ..End::default() }, at(now))
    }

    #[test]
    fn m4_a_set_time_is_one_of_the_operators_own_clock() {
        let berlin = "Europe/Berlin";
        assert_eq!(last(&["22:00"], berlin, "2026-07-01T20:00:00Z"), Some(at("2026-07-01T20:00:00Z")));
        assert_eq!(last(&["22:00"], berlin, "2026-07-01T19:59:59Z"), Some(at("2026-06-30T20:00:00Z")));
        assert_eq!(last(&["22:00"], berlin, "2026-12-01T21:30:00Z"), Some(at("2026-12-01T21:00:00Z")));
        assert_eq!(
            last(&["08:00", "12:30"], "UTC", "2026-12-01T12:00:00Z"),
            Some(at("2026-12-01T08:00:00Z"))
        );
        // The clocks go from two to three.
        assert_eq!(last(&["02:30"], berlin, "2026-03-29T12:00:00Z"), Some(at("2026-03-29T01:30:00Z")));
        assert_eq!(last(&[], "UTC", "2026-12-01T12:00:00Z"), None);
    }

    #[test]
    fn a_transcript_has_what_its_customer_has_read_and_no_notes() {
        let entry = |author, body| {
            Arc::new(Entry { seq: 1, at: at("2026-11-27T00:30:00Z"), id: MessageId([1; 16]), author, body })
        };
        let entries = [
            entry(Author::Customer, Body::Text("It leaks.".into())),
            entry(Author::Agent("Anna".into()), Body::Note("Again!".into())),
            entry(Author::Agent("Anna".into()), Body::Text("Send it in.".into())),
        ];
        let text = "2026-11-27 00:30 UTC  You: It leaks.\n2026-11-27 00:30 UTC  Anna: Send it in.\n";
        assert_eq!(transcript(&entries), text);
    }
}
