//! Many rounds, side by side, and what they have come to.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::Field;
use super::judge::Verdict;
use super::round::{Measure, Moment, Plan, Round};

/// Transfers without a kill, to learn how long one takes: the last one counts, when everything is warm.
const WARM: u64 = 3;

/// Pairs of companies side by side: a round mostly waits for time limits.
const FIELDS: usize = 6;

/// What all rounds have come to.
#[derive(Debug, Default)]
pub struct Tally {
    /// Rounds, each with a kill.
    pub rounds: u64,
    /// Acknowledged messages that somebody lacks.
    pub lost: usize,
    /// Messages that somebody has twice.
    pub twice: usize,
    /// Promises broken, these and all others.
    pub wrong: usize,
    /// Customers who ended up at the destination.
    pub arrived: u64,
}

/// Plays these rounds of a seed.
///
/// # Errors
/// When the companies do not start.
pub async fn rounds(numbers: RangeInclusive<u64>, seed: u64) -> Result<Tally> {
    let mut field = Field::start().await?;
    let measure = warm_up(&mut field).await?;
    println!("seed {seed}; a transfer takes {:?} and {} frames", measure.time, measure.frames);
    let fields = FIELDS.min(numbers.clone().count());
    let numbers = Arc::new(Mutex::new(numbers));
    let mut workers = JoinSet::new();
    workers.spawn(play(field, seed, measure, numbers.clone()));
    for _ in 1..fields {
        workers.spawn(play(Field::start().await?, seed, measure, numbers.clone()));
    }
    let mut all = Tally::default();
    while let Some(done) = workers.join_next().await {
        let tally = done??;
        (all.rounds, all.arrived) = (all.rounds + tally.rounds, all.arrived + tally.arrived);
        (all.lost, all.twice, all.wrong) =
            (all.lost + tally.lost, all.twice + tally.twice, all.wrong + tally.wrong);
    }
    Ok(all)
}

async fn warm_up(field: &mut Field) -> Result<Measure> {
    let mut measure = Measure::default();
    for warm in 0..WARM {
        let plan = plain(1_000_000 + warm);
        let mut round = Round::begin(field, plan).await?;
        measure = round.transfer().await?;
        report(&plan, &round.settle().await?, Instant::now());
    }
    Ok(measure)
}

/// Plays the rounds that nobody else plays.
async fn play(
    mut field: Field,
    seed: u64,
    measure: Measure,
    numbers: Arc<Mutex<RangeInclusive<u64>>>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    loop {
        let next = numbers.lock().ok().and_then(|mut numbers| numbers.next());
        let Some(number) = next else { return Ok(tally) };
        let (plan, start) = (Plan::draw(seed, number, measure), Instant::now());
        let played = async {
            let mut round = Round::begin(&mut field, plan).await?;
            round.transfer().await?;
            round.settle().await
        };
        // One that does not settle at all breaks a promise like any other.
        let verdict = played
            .await
            .unwrap_or_else(|error| Verdict { wrong: vec![format!("{error:#}")], ..Verdict::default() });
        report(&plan, &verdict, start);
        tally.rounds += 1;
        tally.arrived += u64::from(verdict.arrived);
        (tally.lost, tally.twice, tally.wrong) =
            (tally.lost + verdict.lost, tally.twice + verdict.twice, tally.wrong + verdict.wrong.len());
    }
}

fn plain(number: u64) -> Plan {
    Plan { number, origin: 0, victim: 0, moment: Moment::Never, down: Duration::ZERO }
}

fn report(plan: &Plan, verdict: &Verdict, start: Instant) {
    let end = if verdict.arrived { "arrived" } else { "stayed" };
    println!("{plan}: {end} after {:.1} s", start.elapsed().as_secs_f64());
    verdict.wrong.iter().for_each(|wrong| println!("  WRONG {wrong}"));
}
