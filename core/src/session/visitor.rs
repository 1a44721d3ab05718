//! What a site, a clock or an operator says of a customer from outside their connection: who they are, that the chat is
//! over (M4), and a message that somebody left instead of waiting.

use baton_protocol::limits::{MAX_LABEL, MAX_TEXT};
use baton_protocol::model::{Author, Body, Customer, EndReason, Event, Known, Left, Page};
use baton_protocol::{Challenge, ChatId, MessageId, ResumeToken};
use serde::{Deserialize, Serialize};

use super::{Chat, Record, State};
use crate::effect::{Effect, Env};
use crate::transfer::origin::Outgoing;

/// What is known of a customer beyond their own word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// Who the site says they are; its signature has been checked.
    pub verified: Option<Box<Identity>>,
    /// Whether they left a message and are not here: they wait for as long as it takes, and are answered by e-mail.
    pub left_message: bool,
    /// Whether the area was closed then.
    #[serde(default)]
    pub out_of_hours: bool,
    /// How it was, once it is over.
    #[serde(default)]
    pub survey: Option<Box<Survey>>,
}

impl Visitor {
    /// When they left a message, if they did.
    #[must_use]
    pub fn left(&self) -> Option<Left> {
        let when = if self.out_of_hours { Left::OutOfHours } else { Left::InHours };
        self.left_message.then_some(when)
    }
}

/// How a chat was, in its customer's own word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// From 1, very bad, to 5, very good.
    pub score: u8,
    /// What they want to add, or empty.
    pub text: String,
}

impl Survey {
    /// The worst and the best score.
    pub const SCORES: std::ops::RangeInclusive<u8> = 1..=5;
}

/// A customer as the site that they have logged on to knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The site.
    pub site: String,
    /// Its own name for the customer: two of them are two people.
    pub subject: String,
    /// Empty when the site does not say it.
    pub name: String,
    /// Empty when the site does not say it.
    pub email: String,
}

/// A message that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The area's name.
    pub area: String,
    /// Who left it.
    pub customer: Customer,
    /// Where.
    pub page: Option<Page>,
    /// What it says. May be empty where the customer wants to be called.
    pub text: String,
    /// The number at which they want to be called back, or empty.
    pub phone: String,
    /// Whether the area is closed now.
    pub out_of_hours: bool,
}

impl Chat {
    /// A chat without a connection: a message that waits in the area's queue until an agent takes it.
    pub fn leave_message(env: &mut Env<'_>, message: Message, out: &mut Vec<Effect>) -> ChatId {
        let Message { area, mut customer, page, text, phone, out_of_hours } = message;
        let email = customer.email.clone();
        if !phone.is_empty() {
            // As the subject it is in the queue already, and goes along wherever the chat is handed over to.
            customer.subject = format!("Call back: {phone}");
        }
        let record = Record {
            id: ChatId(env.bytes()),
            area,
            customer,
            page,
            since: env.now,
            epoch: 1,
            // Nobody learns the secret: there is no widget to come back.
            token: ResumeToken::from_bytes(env.bytes()).digest(),
            challenge: Challenge(ResumeToken::from_bytes(env.bytes()).digest()),
            origins: Vec::new(),
            priority: 0,
            state: State::Waiting { since: env.now, from: None },
            outgoing: Outgoing::Owned,
            past: Vec::new(),
            came: None,
            passed: None,
            confidential: false,
            last_agent: None,
            view_from: 1,
            documents: Vec::new(),
            pages: Vec::new(),
            outcome: None,
            served: Vec::new(),
            visitor: Visitor { left_message: true, out_of_hours, ..Visitor::default() },
        };
        let mut chat = Self::load(record, None, Vec::new());
        let id = chat.record.id;
        let mut effects = Vec::new();
        chat.save(&mut effects);
        chat.happened(env, Event::LeftMessage { email }, &mut effects);
        if !phone.is_empty() {
            let (id, note) = (MessageId(env.bytes()), format!("Wants to be called back: {phone}"));
            chat.append(env, id, Author::System, Body::Note(note), None, &mut effects);
        }
        if !text.trim().is_empty() {
            let id = MessageId(env.bytes());
            chat.append(env, id, Author::Customer, Body::Text(text), None, &mut effects);
        }
        chat.enqueue(env, &mut effects);
        out.push(Effect::Found(Box::new(chat)));
        out.append(&mut effects);
        id
    }

    /// The site says who the customer is. Somebody else than before has logged on: the chat was not theirs (M4).
    pub(super) fn identified(&mut self, env: &mut Env<'_>, identity: Identity, out: &mut Vec<Effect>) {
        let before = self.record.visitor.verified.as_ref();
        if !self.is_open()
            || !self.record.outgoing.serves()
            || before.is_some_and(|before| **before == identity)
        {
            return;
        }
        if before.is_some_and(|before| (&before.site, &before.subject) != (&identity.site, &identity.subject))
        {
            return self.end(env, EndReason::Customer, out);
        }
        let customer = &mut self.record.customer;
        for (to, from) in [(&mut customer.name, &identity.name), (&mut customer.email, &identity.email)] {
            if !from.is_empty() {
                to.clone_from(from);
            }
        }
        let event = Event::Verified { site: identity.site.clone(), subject: identity.subject.clone() };
        self.record.visitor.verified = Some(Box::new(identity));
        self.save(out);
        self.happened(env, event, out);
        self.card_changed(out);
    }

    /// What another server has sent along about the customer, for themselves to look at.
    #[must_use]
    pub fn known(&self) -> Option<Known> {
        let Customer { name, email, subject, .. } = self.record.customer.clone();
        self.record.came.as_ref().map(|_| Known { name, email, subject })
    }

    /// The customer's own word about themselves. What a site vouches for stays as it is.
    pub(super) fn correct(&mut self, env: &mut Env<'_>, known: Known, out: &mut Vec<Effect>) {
        let line = |text: &String| text.len() <= MAX_LABEL && !text.chars().any(char::is_control);
        let fits = [&known.name, &known.email, &known.subject].into_iter().all(line);
        let waits = matches!(self.record.state, State::Waiting { .. }) && self.record.outgoing.serves();
        if !fits || !waits || self.record.visitor.verified.is_some() || self.known().as_ref() == Some(&known)
        {
            return;
        }
        let Known { name, email, subject } = known.clone();
        let customer = &mut self.record.customer;
        (customer.name, customer.email, customer.subject) = (name, email, subject);
        self.save(out);
        self.happened(env, Event::Corrected { known }, out);
    }

    /// The customer says how it was, once and when it is over. Whoever reads the chat later reads it as a note.
    pub(super) fn surveyed(&mut self, env: &mut Env<'_>, survey: Survey, out: &mut Vec<Effect>) {
        let fits = Survey::SCORES.contains(&survey.score) && survey.text.len() <= MAX_TEXT;
        if self.is_open() || self.record.visitor.survey.is_some() || !fits {
            return;
        }
        let Survey { score, text } = &survey;
        let note = format!("Survey: {score} of {}. {text}", Survey::SCORES.end());
        self.record.visitor.survey = Some(Box::new(survey));
        self.save(out);
        let id = MessageId(env.bytes());
        self.append(env, id, Author::System, Body::Note(note.trim_end().into()), None, out);
    }

    /// What an agent has said to somebody who is not here goes by e-mail, once it is stored.
    pub(super) fn mail(&self, text: &str, out: &mut Vec<Effect>) {
        if self.record.visitor.left_message && !self.record.customer.email.is_empty() {
            out.push(Effect::Mail {
                chat: self.record.id,
                to: self.record.customer.clone(),
                text: text.into(),
            });
        }
    }
}
