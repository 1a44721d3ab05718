//! What the queue manager promises, held against what comes out.

use baton_core::queue::forecast::COVERAGE;
use baton_core::queue::plan::{Assign, Way};
use serde::Serialize;

use super::erlang::{self, Outcome};
use super::model::{Model, Seen, run};

/// Mean duration of a chat, in milliseconds.
const SERVICE: f64 = 180_000.0;

/// Customers at the beginning who are not counted: the queue is not yet what it becomes.
const WARM_UP: f64 = 0.05;

/// Parts that a run is cut into: means of long parts are independent, and normal (batch means).
const BATCHES: usize = 25;

/// Student's t for 24 degrees of freedom, so that twelve intervals hold theory together with 99 % (two-sided, Bonferroni).
/// Each by itself at 99 %, one seed of nine would fall short by chance.
const T_ALL: f64 = 3.818;

/// One thing that was held against what it should be.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Of which run.
    pub run: String,
    /// What.
    pub what: &'static str,
    /// What came out.
    pub is: f64,
    /// How far the truth may lie from that, by chance.
    pub give: f64,
    /// What it should be.
    pub should: String,
    /// Whether it is.
    pub holds: bool,
}

/// A run, its customers and what was found.
pub struct Run {
    /// Its name.
    pub name: String,
    /// Everybody.
    pub seen: Vec<Seen>,
    /// What theory says, if it says anything.
    pub theory: Option<Outcome>,
}

/// What all the runs come to.
#[derive(Default)]
pub struct Found {
    /// The checks.
    pub checks: Vec<Check>,
    /// The runs, for the plots.
    pub runs: Vec<Run>,
}

fn basic(load: f64, customers: u64, seed: u64) -> Model {
    let agents = 10;
    Model {
        arrivals: load * f64::from(agents) / SERVICE,
        swing: 0.0,
        service: SERVICE,
        variation: 1.0,
        patience: None,
        agents,
        urgent: 0.0,
        transferred: 0.0,
        way: Way { assign: Assign::LongestIdle, ..Way::default() },
        customers,
        seed,
    }
}

/// All runs, each with so many customers.
#[must_use]
pub fn all(customers: u64, seed: u64) -> Found {
    let mut found = Found::default();
    for load in [0.6, 0.8, 0.9] {
        let model = basic(load, customers, seed);
        let theory = erlang::c(model.arrivals, 1.0 / SERVICE, model.agents);
        found.against(&format!("M/M/10, load {load}"), model, theory);
    }
    for (load, patience) in [(0.9, 120_000.0), (1.2, 300_000.0)] {
        let model = Model { patience: Some(patience), ..basic(load, customers, seed) };
        let theory = erlang::a(model.arrivals, 1.0 / SERVICE, model.agents, 1.0 / patience);
        found.against(&format!("M/M/10+M, load {load}"), model, theory);
    }
    found.coverage("M/M/10, load 0.95", basic(0.95, customers, seed));
    let spread = Model { variation: 1.5, ..basic(0.9, customers, seed) };
    found.coverage("lognormal chats, variation 1.5", spread);
    let even = Model { variation: 0.5, ..basic(0.95, customers, seed) };
    found.coverage("lognormal chats, variation 0.5", even);
    let swings = Model { swing: 0.5, patience: Some(600_000.0), ..basic(0.95, customers, seed) };
    found.coverage("swinging arrivals, some give up", swings);
    let favours = Model { urgent: 0.2, transferred: 0.1, ..basic(0.93, customers, seed) };
    found.coverage("urgent and transferred customers", favours.clone());
    found.priorities(favours);
    found.reserve(Model { transferred: 0.2, ..basic(0.75, customers, seed) });
    found
}

impl Found {
    fn add(&mut self, run: &str, what: &'static str, is: f64, give: f64, should: String, holds: bool) {
        self.checks.push(Check { run: run.into(), what, is, give, should, holds });
    }

    fn keep(&mut self, name: &str, model: Model, theory: Option<Outcome>) -> Vec<Seen> {
        let seen = run(model);
        let warm = share_of(seen.len(), WARM_UP);
        let kept = seen[warm..].to_vec();
        self.runs.push(Run { name: name.into(), seen: kept.clone(), theory });
        kept
    }

    fn against(&mut self, name: &str, model: Model, theory: Outcome) {
        let patient = model.patience.is_none();
        let seen = self.keep(name, model, Some(theory));
        self.within(name, "share who wait", &seen, |one| flag(one.waited > 0), theory.delayed);
        self.within(name, "mean wait, s", &seen, |one| one.waited as f64 / 1_000.0, theory.wait / 1_000.0);
        if !patient {
            self.within(name, "share who give up", &seen, |one| flag(one.gave_up), theory.gave_up);
        }
    }

    /// Whether what theory says lies within the confidence interval.
    fn within(
        &mut self,
        run: &str,
        what: &'static str,
        seen: &[Seen],
        of: impl Fn(&Seen) -> f64,
        should: f64,
    ) {
        let (mean, give) = interval(seen, of);
        let holds = (mean - should).abs() <= give;
        self.add(run, what, mean, give, format!("{should:.4}"), holds);
    }

    fn coverage(&mut self, name: &str, model: Model) {
        let seen = self.keep(name, model, None);
        let told: Vec<Seen> = seen.into_iter().filter(|one| one.told.is_some() && !one.gave_up).collect();
        let inside = |one: &Seen| {
            let waited = one.waited as f64 / 1_000.0;
            let range = one.told.as_ref();
            flag(range.is_some_and(|range| f64::from(range.from) <= waited && waited <= f64::from(range.to)))
        };
        let (share, give) = interval(&told, inside);
        let holds = share + give >= COVERAGE && share <= COVERAGE + 0.12;
        self.add(
            name,
            "waits within the range told",
            share,
            give,
            format!("{COVERAGE:.2} to {:.2}", COVERAGE + 0.12),
            holds,
        );
    }

    /// Urgent customers wait less, and nobody is overtaken by anybody who came later by more than that is worth.
    fn priorities(&mut self, model: Model) {
        let weights = model.way.weights;
        let (name, seen) = ("urgent and transferred customers", run(model));
        let mean = |fits: &dyn Fn(&Seen) -> bool| {
            let waits: Vec<f64> =
                seen.iter().filter(|one| fits(one)).map(|one| one.waited as f64 / 1_000.0).collect();
            waits.iter().sum::<f64>() / waits.len().max(1) as f64
        };
        let ordinary = mean(&|one| !one.urgent && !one.transferred);
        let urgent = mean(&|one| one.urgent);
        let transferred = mean(&|one| one.transferred && !one.urgent);
        self.add(
            name,
            "mean wait of the urgent, s",
            urgent,
            0.0,
            format!("below half of {ordinary:.1}"),
            urgent < ordinary / 2.0,
        );
        self.add(
            name,
            "mean wait of the transferred, s",
            transferred,
            0.0,
            format!("below {ordinary:.1}"),
            transferred < ordinary,
        );
        let bonus = |one: &Seen| {
            let urgent = if one.urgent { 5 * weights.priority_step } else { 0 };
            urgent + if one.transferred { weights.transferred } else { 0 }
        };
        // In the order of service the scores of those who waited rise wherever both were there at once.
        let (mut latest, mut worst) = (0_u64, 0_u64);
        for one in seen.iter().filter(|one| one.waited > 0) {
            latest = latest.max(one.came.saturating_sub(bonus(one)));
            worst = worst.max(latest.saturating_sub(one.came));
        }
        self.add(
            name,
            "overtaken by later ones beyond their bonus, ms",
            worst as f64,
            0.0,
            "0".into(),
            worst == 0,
        );
    }

    /// Ordinary customers leave the reserve alone, and transferred ones wait less often for it.
    fn reserve(&mut self, model: Model) {
        let without = run(model.clone());
        let kept = 2;
        let way = Way { reserve: kept, ..model.way.clone() };
        let with = run(Model { way, ..model });
        let broken = with.iter().filter(|one| !one.transferred && !one.urgent && one.free <= kept).count();
        self.add(
            "a reserve of 2",
            "ordinary customers given the reserve",
            broken as f64,
            0.0,
            "0".into(),
            broken == 0,
        );
        let delayed = |seen: &[Seen]| {
            let all: Vec<Seen> = seen.iter().filter(|one| one.transferred).cloned().collect();
            interval(&all, |one| flag(one.waited > 0))
        };
        let ((before, _), (after, give)) = (delayed(&without), delayed(&with));
        let holds = after + give < before / 2.0;
        self.add(
            "a reserve of 2",
            "transferred customers who wait",
            after,
            give,
            format!("below half of {before:.3}"),
            holds,
        );
    }
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn share_of(count: usize, share: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded down, positive")]
    let part = (count as f64 * share) as usize;
    part
}

/// A mean, and how far the truth may be from it, by batch means.
fn interval(seen: &[Seen], of: impl Fn(&Seen) -> f64) -> (f64, f64) {
    let size = (seen.len() / BATCHES).max(1);
    let means: Vec<f64> =
        seen.chunks_exact(size).map(|batch| batch.iter().map(&of).sum::<f64>() / size as f64).collect();
    let count = means.len().max(2) as f64;
    let mean = means.iter().sum::<f64>() / count;
    let variance = means.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, T_ALL * (variance / count).sqrt())
}
