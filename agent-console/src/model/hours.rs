//! Whether service lines are open, and until when. The gateway says it anew when it changes; the hour itself is not waited
//! for.

use baton_protocol::Timestamp;
use baton_protocol::model::AreaHours;

use super::Console;

/// How a line with hours stands at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether it is open.
    pub open: bool,
    /// Until when, as far as that is known.
    pub until: Option<Timestamp>,
    /// The time zone of its hours.
    pub zone: String,
}

impl Console {
    /// How a line stands; nothing where it has no hours.
    #[must_use]
    pub fn standing(&self, area: &str, now: Timestamp) -> Option<Standing> {
        let AreaHours { open, changes, zone, .. } = self.hours.iter().find(|hours| hours.area == area)?;
        // What comes after the hour is the gateway's to say.
        let passed = changes.is_some_and(|changes| changes <= now);
        Some(Standing { open: *open != passed, until: changes.filter(|_| !passed), zone: zone.clone() })
    }

    /// The lines that are closed, of those whose customers this agent sees: their titles, and how they stand.
    #[must_use]
    pub fn closed_lines(&self, now: Timestamp) -> Vec<(String, Standing)> {
        let mine = self.me.as_ref().map_or(&[][..], |me| &me.card.areas[..]);
        let seen = self.areas.iter().filter(|area| self.is_supervisor() || mine.contains(&area.name));
        let closed = seen.filter_map(|area| {
            let standing = self.standing(&area.name, now).filter(|standing| !standing.open)?;
            Some((area.title.clone(), standing))
        });
        closed.collect()
    }
}

#[cfg(test)]
mod tests {
    use baton_protocol::ServerFrame;

    use super::super::tests::{NOW, with_chat};
    use super::*;

    fn told(console: &mut Console, hours: &[(&str, bool, Option<u64>)]) {
        let areas = hours.iter().map(|(area, open, changes)| AreaHours {
            area: (*area).into(),
            open: *open,
            changes: changes.map(|later| NOW.plus(later)),
            zone: "Europe/Berlin".into(),
        });
        console.apply(ServerFrame::Hours { areas: areas.collect() }, NOW);
    }

    #[test]
    fn a2_a_line_closes_and_opens_at_its_hour_whether_the_gateway_has_said_it_yet_or_not() {
        let mut console = with_chat();
        assert_eq!(console.standing("sales", NOW), None, "it has no hours");
        told(&mut console, &[("sales", true, Some(5_000))]);
        let standing = |console: &Console, later| console.standing("sales", NOW.plus(later)).unwrap();
        assert_eq!(standing(&console, 4_999).until, Some(NOW.plus(5_000)));
        assert!(standing(&console, 4_999).open && !standing(&console, 5_000).open);
        assert_eq!(standing(&console, 5_000).until, None, "until when is not known yet");
        told(&mut console, &[("sales", false, Some(9_000))]);
        assert_eq!(standing(&console, 5_000).until, Some(NOW.plus(9_000)));
        assert!(!standing(&console, 8_999).open && standing(&console, 9_000).open);
        // An administrator has taken its hours away.
        told(&mut console, &[]);
        assert_eq!(console.standing("sales", NOW), None);
    }

    #[test]
    fn a2_the_inbox_names_the_agents_own_lines_that_are_closed_and_all_to_a_supervisor() {
        let mut console = with_chat();
        told(&mut console, &[("sales", false, None), ("night", false, Some(5))]);
        let titles = |console: &Console| {
            console.closed_lines(NOW).into_iter().map(|(title, _)| title).collect::<Vec<_>>()
        };
        assert_eq!(titles(&console), ["SALES"]);
        console.me.as_mut().unwrap().card.supervisor = true;
        assert_eq!(titles(&console), ["SALES", "NIGHT"]);
        told(&mut console, &[("sales", true, None), ("night", false, Some(5))]);
        assert_eq!(titles(&console), ["NIGHT"]);
    }
}
