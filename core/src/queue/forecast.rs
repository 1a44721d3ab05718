//! How long the customer of a rank is going to wait (D8, H1), and how sure that is.
//!
//! Handling times are decayed estimates, so that they follow the day. With `k` customers to be served before a place
//! is free, agents who end chats at a rate `r` together, and customers who give up at a rate `g` each, the wait is a
//! sum of `k` exponential times of rates `r`, `r + g`, …, `r + (k-1)g`. Its mean and variance are those sums, taken as
//! integrals; what is uncertain about `r` itself is added; the range is that of a gamma distribution with this mean
//! and variance (Wilson and Hilferty, 1931).
//!
//! The range is meant to hold for [`COVERAGE`] of all customers. Where the model is wrong (agents who take breaks,
//! picks by hand, favoured customers) its two ends move with every customer who was served outside of it, until as
//! many are outside as stated (adaptive conformal inference, Gibbs and Candès, 2021).

use baton_protocol::model::WaitRange;

/// The share of customers whose wait lies within the range that they were told.
pub const COVERAGE: f64 = 0.8;

/// Milliseconds that a chat is taken to last until some have been seen.
pub const FIRST_GUESS: f64 = 300_000.0;

/// How much the newest of many handling times weighs: the last fifty or so decide.
const NEWEST: f64 = 0.04;

/// Handling times of others that one agent's own are mixed with, until there are enough of their own.
const OTHERS: f64 = 8.0;

/// How much of a peak is left after each later chat.
const FADING: f64 = 0.99;

/// How much of what is known of patience is left after each customer.
const PATIENCE_FADING: f64 = 0.995;

/// How far an end of the range moves, in standard deviations, for each customer outside of it.
const STEP: f64 = 0.05;

/// The normal score of the ends of a range that covers [`COVERAGE`].
const SCORE: f64 = 1.281_6;

/// Seconds within which a free agent picks somebody up, by hand.
const BY_HAND: u32 = 60;

/// A mean and a variance that forget.
#[derive(Clone, Copy, Debug)]
pub struct Decayed {
    /// The mean.
    pub mean: f64,
    /// The variance.
    pub variance: f64,
    /// How many values it rests on, as far as they are remembered.
    pub count: f64,
}

impl Default for Decayed {
    fn default() -> Self {
        Self { mean: FIRST_GUESS, variance: FIRST_GUESS * FIRST_GUESS, count: 0.0 }
    }
}

impl Decayed {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.count += 1.0;
        // The first ones are averaged, with the guess as one of them.
        let part = (1.0 / (self.count + 1.0)).max(NEWEST);
        let off = value - self.mean;
        self.mean += part * off;
        self.variance = (1.0 - part) * (self.variance + part * off * off);
        self.count = self.count.min(1.0 / NEWEST);
    }
}

/// What is known of an area.
#[derive(Clone, Copy, Debug)]
pub struct Forecast {
    /// Handling times, in milliseconds.
    pub handling: Decayed,
    /// The longest lately, fading.
    pub peak: f64,
    /// Customers who gave up, and milliseconds that customers have waited together, both fading.
    gone: f64,
    waited: f64,
    /// Normal scores of the ends of the range.
    low: f64,
    high: f64,
}

impl Default for Forecast {
    fn default() -> Self {
        Self {
            handling: Decayed::default(),
            peak: FIRST_GUESS,
            gone: 0.0,
            waited: 0.0,
            low: SCORE,
            high: SCORE,
        }
    }
}

/// A range in milliseconds, as it was told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Told {
    /// From.
    pub from: f64,
    /// To.
    pub to: f64,
}

impl Forecast {
    /// A chat is over.
    pub fn handled(&mut self, millis: f64) {
        self.handling.add(millis);
        self.peak = (self.peak * FADING).max(millis);
    }

    /// Somebody waits no more: served, or gone.
    pub fn waited(&mut self, millis: f64, gave_up: bool) {
        self.gone = self.gone * PATIENCE_FADING + f64::from(u8::from(gave_up));
        self.waited = self.waited * PATIENCE_FADING + millis;
    }

    /// Customers who give up, for each that waits, in a millisecond.
    #[must_use]
    pub fn giving_up(&self) -> f64 {
        // One or two say nothing yet.
        if self.gone < 3.0 || self.waited <= 0.0 { 0.0 } else { self.gone / self.waited }
    }

    /// Whoever was told a range has waited so long.
    pub fn learn(&mut self, told: Told, millis: f64) {
        let outside = (1.0 - COVERAGE) / 2.0;
        let moves = |missed: bool| STEP * (f64::from(u8::from(missed)) - outside);
        self.low = (self.low + moves(millis < told.from)).clamp(0.2, 6.0);
        self.high = (self.high + moves(millis > told.to)).clamp(0.2, 6.0);
    }

    /// The range for somebody before whom so many chats have to end. `rate` is how many end in a millisecond.
    #[must_use]
    pub fn range(&self, before: f64, rate: f64) -> Told {
        let leaving = self.giving_up();
        // Half a step lower at either end: the integral that is nearest to the sum.
        let (first, last) = (rate - leaving / 2.0, rate + leaving * (before - 0.5));
        let (mean, spread) = if leaving > 0.0 && first > 0.0 {
            ((last / first).ln() / leaving, (1.0 / first - 1.0 / last) / leaving)
        } else {
            (before / rate, before / (rate * rate))
        };
        let Decayed { mean: handling, variance, count } = self.handling;
        let unsure = variance / (handling * handling) / (count + 1.0);
        let shape = mean * mean / (spread + mean * mean * unsure);
        let end = |score: f64| {
            let root = 1.0 - 1.0 / (9.0 * shape) + score / (3.0 * shape.sqrt());
            mean * root.max(0.0).powi(3)
        };
        Told { from: end(-self.low), to: end(self.high) }
    }

    /// How long one chat of an agent takes, whose own times count the more the more there are.
    #[must_use]
    pub fn of_agent(&self, own: &Decayed) -> f64 {
        let mean = (own.count * own.mean + OTHERS * self.handling.mean) / (own.count + OTHERS);
        mean.max(1.0)
    }
}

impl From<WaitRange> for Told {
    fn from(range: WaitRange) -> Self {
        Self { from: f64::from(range.from) * 1_000.0, to: f64::from(range.to) * 1_000.0 }
    }
}

impl Told {
    /// For a customer whom a free agent could take at once.
    #[must_use]
    pub fn at_once(by_hand: bool) -> WaitRange {
        WaitRange { from: 0, to: if by_hand { BY_HAND } else { 10 } }
    }

    /// In seconds, rounded outwards: to tens below two minutes, to minutes above.
    #[must_use]
    pub fn seconds(self) -> WaitRange {
        let step = |millis: f64| if millis < 120_000.0 { 10_000.0 } else { 60_000.0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturating where it is lavish"
        )]
        let whole = |steps: f64, step: f64| (steps * step / 1_000.0) as u32;
        let (low, high) = (step(self.from), step(self.to));
        WaitRange {
            from: whole((self.from / low).floor(), low),
            to: whole((self.to / high).ceil().max(1.0), high),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d8_estimates_follow_what_is_seen() {
        let mut forecast = Forecast::default();
        (0..200).for_each(|_| forecast.handled(60_000.0));
        assert!((forecast.handling.mean - 60_000.0).abs() < 500.0, "{:?}", forecast.handling);
        assert!(forecast.peak < 60_001.0, "the first guess has faded: {}", forecast.peak);
        forecast.handled(240_000.0);
        assert!(forecast.peak > 239_999.0);
    }

    #[test]
    fn d8_the_range_is_that_of_the_model() {
        let mut forecast = Forecast::default();
        (0..500).for_each(|_| forecast.handled(60_000.0));
        // Ten chats to end at one a minute: Gamma(10, 1 min) has its tenth at 6.22 and its nine tenths at 14.2 min.
        let told = forecast.range(10.0, 1.0 / 60_000.0);
        assert!((told.from / 60_000.0 - 6.22).abs() < 0.15, "{told:?}");
        assert!((told.to / 60_000.0 - 14.2).abs() < 0.25, "{told:?}");
    }

    #[test]
    fn d8_those_who_give_up_make_the_wait_shorter() {
        let mut patient = Forecast::default();
        let mut hasty = patient;
        (0..100).for_each(|_| patient.waited(60_000.0, false));
        (0..100).for_each(|_| hasty.waited(60_000.0, true));
        assert!((hasty.giving_up() - 1.0 / 60_000.0).abs() < 1e-9);
        let (long, short) = (patient.range(50.0, 0.001), hasty.range(50.0, 0.001));
        assert!(short.to < long.to && short.from < long.from, "{short:?} {long:?}");
    }

    #[test]
    fn d8_the_range_widens_until_as_many_are_outside_as_stated() {
        let mut forecast = Forecast::default();
        let (mut inside, rounds) = (0, 4_000_u32);
        for round in 0..rounds {
            let told = forecast.range(3.0, 1.0 / 60_000.0);
            // Waits that are spread far wider than the model has it.
            let wait = 600_000.0 * f64::from(round % 97) / 97.0;
            forecast.learn(told, wait);
            inside += u32::from(round >= rounds / 2 && told.from <= wait && wait <= told.to);
        }
        let share = f64::from(inside) / f64::from(rounds / 2);
        assert!((share - COVERAGE).abs() < 0.03, "{share}");
    }

    #[test]
    fn h1_a_range_is_rounded_outwards() {
        let range = Told { from: 19_000.0, to: 121_000.0 }.seconds();
        assert_eq!(range, WaitRange { from: 10, to: 180 });
        assert_eq!(Told { from: 0.0, to: 0.0 }.seconds(), WaitRange { from: 0, to: 10 });
    }
}
