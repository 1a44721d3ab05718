//! When areas are open: asked for each new customer, and told to the consoles when it changes.

use std::collections::HashMap;

use baton_core::queue::overload::Hours;
use baton_protocol::Timestamp;
use baton_protocol::model::AreaHours;
use parking_lot::Mutex;

use super::{Gateway, now};

/// How often the times at which areas are open are made anew, in milliseconds.
const ANEW: u64 = 3_600_000;

/// The times of the next weeks, of each area that has hours.
#[derive(Debug, Default)]
pub struct Calendar(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    hours: HashMap<String, Hours>,
    made: Option<Timestamp>,
}

impl Gateway {
    fn hours_at<T>(&self, at: Timestamp, look: impl FnOnce(&HashMap<String, Hours>) -> T) -> T {
        let mut known = self.calendar.0.lock();
        if known.made.is_none_or(|made| at.since(made) >= ANEW) {
            let hours = self.config.desk.hours.iter();
            known.hours = hours.map(|(area, opening)| (area.clone(), opening.around(at))).collect();
            known.made = Some(at);
        }
        look(&known.hours)
    }

    /// Whether an area is open at this hour.
    #[must_use]
    pub fn is_open(&self, area: &str) -> bool {
        let at = now();
        self.hours_at(at, |hours| hours.get(area).is_none_or(|hours| hours.are_open(at)))
    }

    /// Which areas are open, of those that have hours, in the order in which they are set up.
    pub(super) fn area_hours(&self) -> Vec<AreaHours> {
        let at = now();
        self.hours_at(at, |hours| {
            let card = |area: &String| {
                let (hours, opening) = (hours.get(area)?, self.config.desk.hours.get(area)?);
                let (open, changes) = (hours.are_open(at), hours.change_next(at));
                Some(AreaHours { area: area.clone(), open, changes, zone: opening.zone().into() })
            };
            self.settings.areas.iter().filter_map(|area| card(&area.name)).collect()
        })
    }
}
