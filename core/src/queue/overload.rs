//! When there are too many (D9), and when an area is closed: rules that begin and end, and who is sent where.
//!
//! **Contract.** Pure decisions, the time passed in. A rule that has begun goes on until its measure has been well
//! below the limit for a while (hysteresis), so that nobody is sent to and fro. Customers are sent to a backup at a
//! limited rate, and to one of several by what they publish of their staffing less what was sent there since, so
//! that a backup is not overrun by everybody at once. Whoever has visited a server is never sent there (threat 25).

use baton_protocol::Timestamp;
use baton_protocol::model::AreaCard;

use super::Staffing;

/// Redirects of one customer because of overload, at most (threat 25).
pub const MAX_REDIRECTS: u8 = 2;

/// Milliseconds for which a backup that refused without saying for how long is not asked again.
const REFUSED_FOR: u64 = 30_000;

/// Milliseconds between two questions to a backup.
const ASK_AGAIN: u64 = 1_000;

/// Milliseconds after which what a backup published says nothing any more.
const STALE: u64 = 30_000;

/// A rule of an area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it looks at.
    pub when: Measure,
    /// Milliseconds for which it must have been so. Default 0.
    pub after: u64,
    /// Milliseconds for which it must not have been so any more. Default 30 s.
    pub calm: u64,
    /// What is done then.
    pub action: Action,
}

/// What a rule looks at: the limit at which it begins, and the one at which it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// No agent is on duty.
    NoAgent,
    /// So few agents are free, or fewer; until there are more than the second number.
    Reserve(u32, u32),
    /// The next customer may wait so many seconds or longer; until it is fewer than the second number.
    Wait(u32, u32),
    /// So many customers wait, or more; until it is fewer than the second number.
    Waiting(u32, u32),
    /// The gateway has so many per cent of its connections, or more; until it is fewer than the second number.
    Load(u32, u32),
    /// The area is closed at this hour.
    Closed,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Waiting customers read this.
    Announce(String),
    /// Waiting customers are offered to leave a message.
    OfferMessage,
    /// Waiting customers are offered to be called back.
    OfferCallBack,
    /// Customers go to this area of the same server.
    Overflow(String),
    /// Customers are sent to another server.
    Backup(Backups),
}

/// Servers that customers are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// The servers, each with an area there or none for its own choice.
    pub servers: Vec<(String, Option<String>)>,
    /// Whether the first that takes anybody gets them; otherwise the one with the most free agents does.
    pub in_order: bool,
    /// Customers a minute, at most. Default 30.
    pub per_minute: u32,
    /// Whether those who wait already are sent as well, the last ones first. Default yes.
    pub waiting: bool,
}

/// What is known of an area now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Its staffing.
    pub staffing: Staffing,
    /// The gateway's connections, in per cent of its limit.
    pub load: u32,
    /// Whether it is open at this hour.
    pub open: bool,
}

impl Now {
    /// The same with one more customer, who waits where nobody is free for them.
    #[must_use]
    pub fn with_one_more(mut self) -> Self {
        let staffing = &mut self.staffing;
        staffing.waiting += u32::from(u64::from(staffing.waiting) >= staffing.room);
        self
    }
}

impl Rule {
    /// Whether a rule that has begun still has to act: below its lower limit it only waits for calm.
    #[must_use]
    pub fn presses(&self, now: &Now) -> bool {
        self.when.is_over(now, true)
    }
}

impl Measure {
    /// Whether the limit is reached: the first one, or, for a rule that has begun, the second.
    fn is_over(self, now: &Now, begun: bool) -> bool {
        let limit = |begins: u32, ends: u32| if begun { ends } else { begins };
        let staffing = &now.staffing;
        match self {
            Self::NoAgent => staffing.agents == 0,
            Self::Reserve(begins, ends) => staffing.free_agents <= limit(begins, ends),
            // Where nobody serves the wait has no end.
            Self::Wait(begins, ends) => staffing.wait.is_none_or(|wait| wait >= limit(begins, ends)),
            Self::Waiting(begins, ends) => staffing.waiting >= limit(begins, ends),
            Self::Load(begins, ends) => now.load >= limit(begins, ends),
            Self::Closed => !now.open,
        }
    }
}

/// A rule at work.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    begun: bool,
    /// Since when the measure has been on the other side.
    turned: Option<Timestamp>,
}

impl Watch {
    /// Whether the rule holds now.
    pub fn look(&mut self, now: Timestamp, rule: &Rule, seen: &Now) -> bool {
        if rule.when.is_over(seen, self.begun) == self.begun {
            self.turned = None;
            return self.begun;
        }
        let since = *self.turned.get_or_insert(now);
        let needed = if self.begun { rule.calm } else { rule.after };
        if now.since(since) >= needed {
            self.begun = !self.begun;
            self.turned = None;
        }
        self.begun
    }

    /// Whether it held when it was last looked at.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.begun
    }
}

/// Lets so many through a minute, evenly: a tenth of them at once at most.
#[derive(Clone, Debug, Default)]
pub struct Valve {
    /// Thousandths of a customer.
    room: u64,
    at: Option<Timestamp>,
}

impl Valve {
    /// Whether one more may go now.
    pub fn pass(&mut self, now: Timestamp, per_minute: u32) -> bool {
        let full = u64::from(per_minute.max(10)) * 100;
        let came = match self.at {
            Some(at) => now.since(at).saturating_mul(u64::from(per_minute)) / 60,
            None => full,
        };
        if came > 0 {
            self.at = Some(now);
            self.room = (self.room + came).min(full);
        }
        let passes = self.room >= 1_000;
        self.room -= if passes { 1_000 } else { 0 };
        passes
    }
}

/// What is known of one backup.
#[derive(Clone, Debug, Default)]
pub struct Backup {
    /// Free agents as published, when, and how many were sent there since.
    published: Option<(u32, Timestamp)>,
    sent: u32,
    /// It has refused, and is not to be asked before this.
    not_before: Option<Timestamp>,
    asked_at: Option<Timestamp>,
}

impl Backup {
    /// It has published its areas. Whether it takes nobody now, which was not known.
    pub fn publishes(&mut self, now: Timestamp, areas: Option<&[AreaCard]>, area: Option<&str>) -> bool {
        let known_full = self.published.is_some_and(|(free, _)| free == 0);
        let free = match areas {
            // A general entrance says nothing; it will refuse when it is full.
            None => 1,
            Some(areas) => {
                let ours = areas.iter().filter(|card| area.is_none_or(|area| card.name == area));
                ours.map(|card| card.free_agents).sum()
            }
        };
        self.published = Some((free, now));
        self.sent = 0;
        self.not_before = None;
        free == 0 && !known_full
    }

    /// It takes nobody for now.
    pub fn refuses(&mut self, now: Timestamp, retry_after: Option<u32>) {
        self.published = None;
        self.not_before =
            Some(now.plus(retry_after.map_or(REFUSED_FOR, |seconds| u64::from(seconds) * 1_000)));
    }

    /// It is being asked.
    pub fn asked(&mut self, now: Timestamp) {
        self.asked_at = Some(now);
    }

    /// Somebody is sent there.
    pub fn sends(&mut self) {
        self.sent += 1;
    }

    /// Whether it should be asked what it has.
    #[must_use]
    pub fn is_to_be_asked(&self, now: Timestamp) -> bool {
        let old = |at: Timestamp| now.since(at) >= STALE / 6;
        // Whoever has sent all that there was room for asks sooner.
        let known = self.published.is_some_and(|(free, at)| !old(at) && (free > self.sent || free == 0));
        self.may_be_asked(now) && !known && self.asked_at.is_none_or(|at| now.since(at) >= ASK_AGAIN)
    }

    fn may_be_asked(&self, now: Timestamp) -> bool {
        self.not_before.is_none_or(|until| until <= now)
    }

    /// Free agents there, as far as is known.
    fn free(&self, now: Timestamp) -> u32 {
        let fresh = self.published.filter(|(_, at)| now.since(*at) < STALE);
        let known = fresh.filter(|_| self.may_be_asked(now));
        known.map_or(0, |(free, _)| free.saturating_sub(self.sent))
    }
}

/// The backup for one more customer, by its number among these; each with whether the customer may go there at all.
#[must_use]
pub fn choose(now: Timestamp, in_order: bool, backups: &[(&Backup, bool)]) -> Option<usize> {
    let free = backups.iter().enumerate().filter(|(_, (_, may))| *may);
    let mut free = free.map(|(at, (backup, _))| (at, backup.free(now))).filter(|(_, free)| *free > 0);
    if in_order {
        return free.next().map(|(at, _)| at);
    }
    free.max_by_key(|(at, free)| (*free, usize::MAX - at)).map(|(at, _)| at)
}

/// When an area is open: times from and to, in order, without overlap; `None` is always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours(pub Option<Vec<(Timestamp, Timestamp)>>);

impl Hours {
    /// Whether it is open.
    #[must_use]
    pub fn are_open(&self, now: Timestamp) -> bool {
        self.0.as_ref().is_none_or(|times| times.iter().any(|(from, to)| *from <= now && now < *to))
    }

    /// When it opens next, if it is closed and that is known.
    #[must_use]
    pub fn open_next(&self, now: Timestamp) -> Option<Timestamp> {
        let times = self.0.as_ref().filter(|_| !self.are_open(now))?;
        times.iter().map(|(from, _)| *from).find(|from| *from > now)
    }

    /// When it closes next, if it is open and that is known: what is known of its times may end before it does.
    #[must_use]
    pub fn closes_next(&self, now: Timestamp) -> Option<Timestamp> {
        let times = self.0.as_ref().filter(|_| self.are_open(now))?;
        let last = times.iter().map(|(_, until)| *until).max()?;
        // Times that follow each other without a gap, or overlap, are one.
        let until =
            times.iter().fold(now, |open, (from, until)| if *from <= open { open.max(*until) } else { open });
        (until < last).then_some(until)
    }

    /// When it is otherwise than now, if that is known.
    #[must_use]
    pub fn change_next(&self, now: Timestamp) -> Option<Timestamp> {
        self.closes_next(now).or_else(|| self.open_next(now))
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::model::SharePolicy;

    use super::*;

    const NOON: Timestamp = Timestamp(10_000_000);

    fn waiting(waiting: u32) -> Now {
        Now { staffing: Staffing { waiting, ..Staffing::default() }, ..Now::default() }
    }

    fn card(name: &str, free_agents: u32) -> AreaCard {
        let share = SharePolicy::All;
        AreaCard {
            name: name.into(),
            title: name.into(),
            agents: 9,
            free_agents,
            waiting: 0,
            wait: None,
            share,
        }
    }

    #[test]
    fn d9_a_rule_begins_at_one_limit_and_ends_below_another_after_a_while() {
        let rule =
            Rule { when: Measure::Waiting(10, 5), after: 0, calm: 30_000, action: Action::OfferMessage };
        let mut watch = Watch::default();
        let mut at =
            |seconds: u64, count: u32| watch.look(NOON.plus(seconds * 1_000), &rule, &waiting(count));
        assert!(!at(0, 9));
        assert!(at(1, 10));
        assert!(at(2, 6), "between the limits it goes on");
        assert!(at(3, 4));
        assert!(at(20, 5), "it was not calm for long enough");
        assert!(at(21, 4));
        assert!(at(50, 4));
        assert!(!at(51, 4));
        assert!(!at(52, 9), "and begins again at the first limit only");
    }

    #[test]
    fn d9_every_measure_has_its_limit() {
        let staffing = Staffing { agents: 3, free_agents: 2, room: 2, waiting: 4, wait: Some(60) };
        let now = Now { staffing, load: 50, open: true };
        let over = |when: Measure| when.is_over(&now, false);
        assert!(!over(Measure::NoAgent) && !over(Measure::Closed));
        assert!(over(Measure::Reserve(2, 3)) && !over(Measure::Reserve(1, 2)));
        assert!(over(Measure::Wait(60, 30)) && !over(Measure::Wait(61, 30)));
        assert!(over(Measure::Waiting(4, 2)) && !over(Measure::Waiting(5, 2)));
        assert!(over(Measure::Load(50, 40)) && !over(Measure::Load(51, 40)));
        let nobody = Now::default();
        assert!(Measure::Wait(60, 30).is_over(&nobody, false), "where nobody serves the wait has no end");
        assert!(Measure::NoAgent.is_over(&nobody, false) && Measure::Closed.is_over(&nobody, false));
    }

    #[test]
    fn d9_whoever_comes_counts_where_nobody_is_free_for_them() {
        let rule =
            Rule { when: Measure::Waiting(2, 2), after: 0, calm: 30_000, action: Action::OfferMessage };
        let presses = |now: Now| (rule.presses(&now), rule.presses(&now.with_one_more()));
        assert_eq!(presses(waiting(1)), (false, true), "they would be the second one");
        let room =
            |room| Now { staffing: Staffing { waiting: 1, room, ..Staffing::default() }, ..Now::default() };
        assert_eq!(presses(room(1)), (false, true), "the one place is for who waits already");
        assert_eq!(presses(room(2)), (false, false));
    }

    #[test]
    fn d9_no_more_go_to_a_backup_than_permitted() {
        let mut valve = Valve::default();
        let mut passed =
            |from: u64, to: u64| (from..to).filter(|tenth| valve.pass(NOON.plus(tenth * 100), 30)).count();
        let first = passed(0, 600);
        assert!((30..=33).contains(&first), "{first}");
        let second = passed(600, 1_200);
        assert!((29..=31).contains(&second), "{second}");
        let mut burst = Valve::default();
        let at_once = (0..100).filter(|_| burst.pass(NOON, 30)).count();
        assert_eq!(at_once, 3, "a tenth of them at once");
    }

    #[test]
    fn d9_backups_are_chosen_in_order_or_by_what_they_publish() {
        let (mut first, mut second) = (Backup::default(), Backup::default());
        let choose_of = |first: &Backup, second: &Backup, order: bool, now: Timestamp| {
            choose(now, order, &[(first, true), (second, true)])
        };
        assert_eq!(choose_of(&first, &second, true, NOON), None, "nothing is known of either");
        first.publishes(NOON, Some(&[card("sales", 1), card("other", 9)]), Some("sales"));
        second.publishes(NOON, Some(&[card("help", 3)]), None);
        assert_eq!(choose_of(&first, &second, true, NOON), Some(0));
        assert_eq!(choose_of(&first, &second, false, NOON), Some(1));
        assert_eq!(
            choose(NOON, false, &[(&first, true), (&second, false)]),
            Some(0),
            "visited servers are none"
        );
        first.sends();
        assert_eq!(choose_of(&first, &second, true, NOON), Some(1), "its one agent has somebody");
        (0..3).for_each(|_| second.sends());
        assert_eq!(choose_of(&first, &second, false, NOON), None, "nobody is sent to a full backup");
        second.publishes(NOON, Some(&[card("help", 3)]), None);
        assert!(second.publishes(NOON, Some(&[card("help", 0)]), None), "to be told once");
        assert!(!second.publishes(NOON, Some(&[card("help", 0)]), None));
        second.refuses(NOON, Some(5));
        assert_eq!(choose_of(&first, &second, false, NOON.plus(4_000)), None);
        assert!(!second.is_to_be_asked(NOON.plus(4_000)) && second.is_to_be_asked(NOON.plus(5_000)));
        first.publishes(NOON, None, None);
        assert_eq!(choose_of(&first, &second, false, NOON.plus(STALE)), None, "what is old says nothing");
    }

    #[test]
    fn d9_hours_are_open_from_and_until() {
        let hours = Hours(Some(vec![(NOON, NOON.plus(10)), (NOON.plus(20), NOON.plus(30))]));
        let open = |later: u64| hours.are_open(NOON.plus(later));
        assert!(open(0) && open(9) && !open(10) && open(20) && !open(30));
        assert_eq!(hours.open_next(NOON.plus(10)), Some(NOON.plus(20)));
        assert_eq!((hours.open_next(NOON), hours.open_next(NOON.plus(30))), (None, None));
        assert!(Hours::default().are_open(NOON));
        assert_eq!((hours.closes_next(NOON), hours.closes_next(NOON.plus(10))), (Some(NOON.plus(10)), None));
        assert_eq!(hours.change_next(NOON.plus(10)), Some(NOON.plus(20)));
        assert_eq!(hours.closes_next(NOON.plus(20)), None, "nothing is known of what comes after the last");
        assert_eq!(Hours::default().change_next(NOON), None);
    }

    #[test]
    fn d9_hours_that_follow_each_other_are_one() {
        let hours = [(0, 10), (10, 20), (15, 30), (40, 50)];
        let hours = Hours(Some(hours.map(|(from, until)| (NOON.plus(from), NOON.plus(until))).into()));
        for later in [0, 9, 10, 16, 29] {
            assert_eq!(hours.change_next(NOON.plus(later)), Some(NOON.plus(30)), "{later}");
        }
        assert_eq!(hours.change_next(NOON.plus(30)), Some(NOON.plus(40)));
    }
}
