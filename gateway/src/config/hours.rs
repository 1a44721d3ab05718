//! When an area is open: weekly hours in a time zone, and holidays. From them the times of the next weeks are made,
//! which the queue can read without knowing what a time zone is.

use std::ops::Range;

use baton_core::queue::overload::Hours;
use baton_protocol::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use super::mistake::Mistakes;
use super::section::Section;

/// Days ahead for which times are made; made anew each hour.
const AHEAD: i64 = 15;

/// An area's hours as they are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Opening {
    zone: TimeZone,
    weekly: Vec<Weekly>,
    holidays: Vec<Holiday>,
}

/// Days of the week, from and to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Weekly {
    days: Vec<Weekday>,
    from: Time,
    /// On the next day, if it is not after `from`.
    to: Time,
}

/// A day on which an area is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holiday {
    /// None for every year.
    year: Option<i16>,
    month: i8,
    day: i8,
}

pub(super) fn read(section: &mut Section<'_, '_>, mistakes: &Mistakes<'_>) -> Option<Opening> {
    let weekly = section.texts("hours", "hours = [\"Mon-Fri 09:00-17:30\", \"Sat 10:00-14:00\"]", weekly);
    let zone = section.text("time_zone", "time_zone = \"Europe/Berlin\"", zone);
    let holidays = section.texts("holidays", "holidays = [\"12-25\", \"2026-05-01\"]", holiday);
    if weekly.is_empty() {
        let unused: Option<&Range<usize>> =
            zone.as_ref().map(|(_, at)| at).or_else(|| holidays.first().map(|(_, at)| at));
        if let Some(at) = unused {
            mistakes.add(at, "this means nothing without `hours`", "hours = [\"Mon-Fri 09:00-17:30\"]");
        }
        return None;
    }
    Some(Opening {
        zone: zone.map_or(TimeZone::UTC, |(zone, _)| zone),
        weekly: weekly.into_iter().map(|(weekly, _)| weekly).collect(),
        holidays: holidays.into_iter().map(|(holiday, _)| holiday).collect(),
    })
}

impl Opening {
    /// Its time zone, as the IANA list names it.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The times at which the area is open, around now.
    #[must_use]
    pub fn around(&self, now: Timestamp) -> Hours {
        let Ok(now) = jiff::Timestamp::from_millisecond(i64::try_from(now.0).unwrap_or(i64::MAX)) else {
            return Hours::default();
        };
        let today = now.to_zoned(self.zone.clone()).date();
        let mut times: Vec<(Timestamp, Timestamp)> = (-1..=AHEAD)
            .filter_map(|days| today.checked_add(Span::new().days(days)).ok())
            .filter(|date| !self.is_holiday(*date))
            .flat_map(|date| self.times_of(date))
            .collect();
        times.sort_unstable();
        Hours(Some(times))
    }

    fn times_of(&self, date: Date) -> Vec<(Timestamp, Timestamp)> {
        let fitting = self.weekly.iter().filter(|weekly| weekly.days.contains(&date.weekday()));
        let times = fitting.filter_map(|weekly| {
            let until = if weekly.to > weekly.from { date } else { date.checked_add(1.day()).ok()? };
            Some((self.at(date, weekly.from)?, self.at(until, weekly.to)?))
        });
        times.collect()
    }

    /// A time that does not exist, when clocks go forward, is the same while later.
    fn at(&self, date: Date, time: Time) -> Option<Timestamp> {
        let zoned = date.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
        u64::try_from(zoned.timestamp().as_millisecond()).ok().map(Timestamp)
    }

    fn is_holiday(&self, date: Date) -> bool {
        let fits = |holiday: &Holiday| {
            holiday.year.is_none_or(|year| year == date.year())
                && (holiday.month, holiday.day) == (date.month(), date.day())
        };
        self.holidays.iter().any(fits)
    }
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| {
        format!("a time zone is named by continent and city, as in the IANA list, and this is {text:?}")
    })
}

/// `Mon-Fri 09:00-17:30`, `Sat,Sun 10:00-14:00`.
fn weekly(text: &str) -> Result<Weekly, String> {
    let wrong = || format!("hours are days and two times, as in `Mon-Fri 09:00-17:30`, and this is {text:?}");
    let (days, times) = text.split_once(' ').ok_or_else(wrong)?;
    let (from, to) = times.trim().split_once('-').ok_or_else(wrong)?;
    let mut named = Vec::new();
    for part in days.split(',') {
        match part.split_once('-') {
            None => named.push(weekday(part).ok_or_else(wrong)?),
            Some((first, last)) => {
                let (first, last) = (weekday(first).ok_or_else(wrong)?, weekday(last).ok_or_else(wrong)?);
                let length = last.since(first);
                named.extend((0..=length).map(|later| first.wrapping_add(later)));
            }
        }
    }
    Ok(Weekly { days: named, from: time(from).ok_or_else(wrong)?, to: time(to).ok_or_else(wrong)? })
}

/// `09:00`; `24:00` is midnight at the end of the day.
fn time(text: &str) -> Option<Time> {
    if text == "24:00" {
        return Some(Time::midnight());
    }
    let (hour, minute) = text.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "Mon" => Weekday::Monday,
        "Tue" => Weekday::Tuesday,
        "Wed" => Weekday::Wednesday,
        "Thu" => Weekday::Thursday,
        "Fri" => Weekday::Friday,
        "Sat" => Weekday::Saturday,
        "Sun" => Weekday::Sunday,
        _ => return None,
    })
}

/// `2026-12-24` once, `12-25` every year.
fn holiday(text: &str) -> Result<Holiday, String> {
    let wrong = || {
        format!(
            "a holiday is a date, as in `2026-05-01`, or a day of every year, as in `12-25`, and this is {text:?}"
        )
    };
    let numbers: Option<Vec<i16>> = text.split('-').map(|number| number.parse().ok()).collect();
    let small = |number: i16| i8::try_from(number).map_err(|_| wrong());
    let (year, month, day) = match numbers.as_deref() {
        Some([month, day]) => (None, small(*month)?, small(*day)?),
        Some([year, month, day]) => (Some(*year), small(*month)?, small(*day)?),
        _ => return Err(wrong()),
    };
    // 2024 had a 29 February.
    Date::new(year.unwrap_or(2024), month, day).map_err(|_| wrong())?;
    Ok(Holiday { year, month, day })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening(name: &str, hours: &[&str], holidays: &[&str]) -> Opening {
        Opening {
            zone: zone(name).unwrap(),
            weekly: hours.iter().map(|text| weekly(text).unwrap()).collect(),
            holidays: holidays.iter().map(|text| holiday(text).unwrap()).collect(),
        }
    }

    fn at(text: &str) -> Timestamp {
        let stamp: jiff::Timestamp = text.parse().unwrap();
        Timestamp(u64::try_from(stamp.as_millisecond()).unwrap())
    }

    fn is_open(opening: &Opening, text: &str) -> bool {
        opening.around(at(text)).are_open(at(text))
    }

    #[test]
    fn d9_hours_follow_the_time_zone_through_summer_and_winter() {
        let shop = opening("Europe/Berlin", &["Mon-Fri 09:00-17:30"], &[]);
        // Winter: an hour ahead of UTC; 27 November 2026 is a Friday.
        assert!(!is_open(&shop, "2026-11-27T07:59:00Z") && is_open(&shop, "2026-11-27T08:00:00Z"));
        assert!(is_open(&shop, "2026-11-27T16:29:00Z") && !is_open(&shop, "2026-11-27T16:30:00Z"));
        // Summer: two hours.
        assert!(is_open(&shop, "2026-07-03T07:00:00Z") && !is_open(&shop, "2026-07-03T15:30:00Z"));
        assert!(!is_open(&shop, "2026-11-28T10:00:00Z"), "a Saturday");
        let next = shop.around(at("2026-11-28T10:00:00Z")).open_next(at("2026-11-28T10:00:00Z"));
        assert_eq!(next, Some(at("2026-11-30T08:00:00Z")));
    }

    #[test]
    fn d9_holidays_are_of_one_year_or_of_all() {
        let shop = opening("UTC", &["Mon-Sun 00:00-24:00"], &["12-25", "2026-05-01"]);
        assert!(!is_open(&shop, "2026-12-25T12:00:00Z") && !is_open(&shop, "2031-12-25T12:00:00Z"));
        assert!(!is_open(&shop, "2026-05-01T12:00:00Z") && is_open(&shop, "2027-05-01T12:00:00Z"));
        assert!(is_open(&shop, "2026-12-24T23:59:00Z"));
    }

    #[test]
    fn d9_a_night_belongs_to_the_day_on_which_it_begins() {
        let night = opening("UTC", &["Fri,Sat 22:00-02:00"], &[]);
        assert!(is_open(&night, "2026-11-28T01:00:00Z"), "Friday's night");
        assert!(is_open(&night, "2026-11-29T01:59:00Z") && !is_open(&night, "2026-11-27T01:00:00Z"));
    }

    #[test]
    fn what_is_no_hour_is_said() {
        for wrong in
            ["Mon", "Monday 09:00-17:00", "Mon 9-17", "Mon 09:00", "Mon 25:00-26:00", "Mon-Xyz 09:00-17:00"]
        {
            assert!(weekly(wrong).is_err(), "{wrong}");
        }
        for wrong in ["13-01", "2026-02-30", "Christmas", "25"] {
            assert!(holiday(wrong).is_err(), "{wrong}");
        }
        assert!(holiday("02-29").is_ok() && zone("Mars/Olympus").is_err());
    }
}
