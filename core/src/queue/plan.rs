//! How an area's queue works, as its operator wants it: whose turn it is (Q1), and who gets them.

use std::collections::{BTreeMap, BTreeSet};

use super::Ticket;

/// Load of one chat, in hundredths of a place.
pub const CHAT: u32 = 100;

/// The most that a customer's earlier time with other servers counts, whatever those servers say: a day.
const MOST_EARLIER: u64 = 24 * 60 * 60 * 1_000;

/// Everything that the queue manager has to know of the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Areas by name. One that is not here works as by default.
    pub areas: BTreeMap<String, Way>,
    /// Agents by login name: the skills that they have, languages included.
    pub skills: BTreeMap<String, BTreeSet<String>>,
}

/// How one area works.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    /// Who gets the next customer. Default: whoever picks them up.
    pub assign: Assign,
    /// Whether the agent who had the customer last comes first. Default yes.
    pub last_agent: bool,
    /// Milliseconds after which a customer who needs a skill does without the least important one; 0 for never.
    /// Default a minute.
    pub relax_after: u64,
    /// Free agents that are kept for customers who were transferred or are urgent. Default none.
    pub reserve: u32,
    /// What counts beside the time of waiting.
    pub weights: Weights,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            assign: Assign::ByHand,
            last_agent: true,
            relax_after: 60_000,
            reserve: 0,
            weights: Weights::default(),
        }
    }
}

/// Who gets the next customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assign {
    /// Whoever picks them up.
    #[default]
    ByHand,
    /// The free agent who has waited longest for a customer.
    LongestIdle,
    /// The free agent who has the smallest part of their places taken.
    LeastBusy,
    /// The free agents in turn.
    RoundRobin,
}

/// What counts as time of waiting, in milliseconds. Everybody's waiting counts alike, so that whoever has waited
/// longer than all of these together can be overtaken by nobody who comes later: no one starves (Q1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// For each step of the recommended priority. Default a minute.
    pub priority_step: u64,
    /// For having been transferred: such a customer has waited before. Default two minutes.
    pub transferred: u64,
    /// How much of the time between the login at the first server and the arrival here counts, in per cent. Default 0.
    pub login_percent: u32,
    /// For everybody of this area, against other areas that the same agents serve. Default 0.
    pub area: u64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { priority_step: 60_000, transferred: 120_000, login_percent: 0, area: 0 }
    }
}

impl Weights {
    /// What a customer has ahead of one who has nothing but their time of waiting.
    #[must_use]
    pub fn bonus(&self, ticket: &Ticket) -> u64 {
        let earlier = ticket.since.since(ticket.login_at).min(MOST_EARLIER);
        let earlier = earlier * u64::from(self.login_percent.min(100)) / 100;
        u64::from(ticket.priority.min(9)) * self.priority_step
            + if ticket.from.is_some() { self.transferred } else { 0 }
            + earlier
            + self.area
            + ticket.bonus
    }
}

/// Something that customers are told apart by. What is not said fits everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sign {
    /// The e-mail address ends with this.
    pub email: Option<String>,
    /// The subject contains this, in whatever case.
    pub subject: Option<String>,
    /// The address of the page they are on contains this.
    pub page: Option<String>,
    /// The server that they were transferred from has this name for people.
    pub from: Option<String>,
    /// The language that they read begins with this, such as `de`.
    pub language: Option<String>,
}

/// What is known of a customer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// E-mail address.
    pub email: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// The address of the page they are on.
    pub page: &'a str,
    /// Where they were transferred from.
    pub from: &'a str,
    /// Language.
    pub language: &'a str,
}

impl Sign {
    /// Whether it is on this customer.
    #[must_use]
    pub fn fits(&self, facts: &Facts<'_>) -> bool {
        let ends = |wanted: &Option<String>, is: &str| {
            wanted.as_ref().is_none_or(|wanted| is.to_lowercase().ends_with(&wanted.to_lowercase()))
        };
        let has = |wanted: &Option<String>, is: &str| {
            wanted.as_ref().is_none_or(|wanted| is.to_lowercase().contains(&wanted.to_lowercase()))
        };
        let begins = |wanted: &Option<String>, is: &str| {
            wanted.as_ref().is_none_or(|wanted| is.to_lowercase().starts_with(&wanted.to_lowercase()))
        };
        ends(&self.email, facts.email)
            && has(&self.subject, facts.subject)
            && has(&self.page, facts.page)
            && self.from.as_ref().is_none_or(|from| from == facts.from)
            && begins(&self.language, facts.language)
    }
}

/// What an area makes of what it knows of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customs {
    /// Milliseconds of waiting that a sign is worth; those of all that fit are added.
    pub worth: Vec<(Sign, u64)>,
    /// Skills that a customer with the sign needs, the most important first.
    pub needs: Vec<(Sign, String)>,
}

impl Customs {
    /// What the customer's signs are worth together.
    #[must_use]
    pub fn bonus(&self, facts: &Facts<'_>) -> u64 {
        self.worth.iter().filter(|(sign, _)| sign.fits(facts)).map(|(_, worth)| worth).sum()
    }

    /// What the customer needs.
    #[must_use]
    pub fn needs(&self, facts: &Facts<'_>) -> Vec<String> {
        let mut needs: Vec<String> = Vec::new();
        for (_, skill) in self.needs.iter().filter(|(sign, _)| sign.fits(facts)) {
            if !needs.contains(skill) {
                needs.push(skill.clone());
            }
        }
        needs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q1_signs_fit_by_every_part_and_are_added() {
        let big = Sign { email: Some("@big.example".into()), ..Sign::default() };
        let german = Sign { language: Some("de".into()), page: Some("/de/".into()), ..Sign::default() };
        let customs = Customs {
            worth: vec![(big, 1_000), (Sign::default(), 5)],
            needs: vec![(german.clone(), "german".into()), (german, "german".into())],
        };
        let facts =
            Facts { email: "Eva@BIG.example", language: "de-AT", page: "/de/zelt", ..Facts::default() };
        assert_eq!((customs.bonus(&facts), customs.needs(&facts)), (1_005, vec!["german".to_owned()]));
        let other = Facts { language: "fr", page: "/de/zelt", ..Facts::default() };
        assert_eq!((customs.bonus(&other), customs.needs(&other)), (5, vec![]));
    }
}
