//! `cargo xtask queue-sim`: whether the queue manager keeps its promises, on simulated time.
//!
//! A table of what came out and what should have, pictures, and a last line of JSON. Fails when anything falls short.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};
use baton_bench::queue_sim::{checks, cost, plot};
use clap::Parser;
use serde_json::json;

/// The cost of a decision with 1,000 waiting, in microseconds, at most.
const MOST_MICROS: f64 = 10.0;

/// Ten thousand times the customers: a logarithm grows fivefold, from 3.3 to 16.6, and caches are left behind.
const MOST_GROWTH: f64 = 6.0;

/// Counts allocations.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its nature; this one passes everything on as it is"
)]
// SAFETY: every call goes to the system's allocator with the arguments that it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Holds the queue manager against queueing theory and its own promises.
#[derive(Debug, Parser)]
struct Words {
    /// Customers in each run.
    #[arg(long, default_value_t = 500_000)]
    customers: u64,
    /// Where chance begins.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Where the pictures go.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Words::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &Words) -> Result<bool> {
    let start = Instant::now();
    let found = checks::all(words.customers, words.seed);
    println!("{:<34} {:<44} {:>10} {:>9}  should be", "run", "what", "is", "±");
    for check in &found.checks {
        let mark = if check.holds { " " } else { "  <-- falls short" };
        let checks::Check { run, what, is, give, should, .. } = check;
        println!("{run:<34} {what:<44} {is:>10.4} {give:>9.4}  {should}{mark}");
    }
    let costs: Vec<cost::Cost> = [10, 1_000, 100_000]
        .into_iter()
        .map(|waiting| cost::measure(waiting, &|| ALLOCATIONS.load(Ordering::Relaxed)))
        .collect();
    println!("\n{:>9} waiting, {} agents: a chat ends, the next is assigned, one arrives", "", cost::AGENTS);
    for cost in &costs {
        println!("{:>9} {:>10.2} µs {:>8.1} allocations", cost.waiting, cost.micros, cost.allocations);
    }
    let folder = words.out.clone().unwrap_or_else(|| std::env::temp_dir().join("baton-queue-sim"));
    draw(&found, &costs, &folder)?;
    let growth = costs[2].micros / costs[0].micros;
    let allocates = (costs[2].allocations - costs[0].allocations).abs();
    let quick = costs[1].micros < MOST_MICROS && growth < MOST_GROWTH && allocates < 1.0;
    let short = found.checks.iter().filter(|check| !check.holds).count();
    let figures = json!({
        "checks": found.checks.len(),
        "fall_short": short,
        "decision_us_1000": rounded(costs[1].micros),
        "decision_growth_10_to_100000": rounded(growth),
        "allocations_1000": rounded(costs[1].allocations),
        "allocations_growth": rounded(allocates),
        "pictures": folder,
        "seconds": rounded(start.elapsed().as_secs_f64()),
    });
    println!("{figures}");
    Ok(short == 0 && quick)
}

fn draw(found: &checks::Found, costs: &[cost::Cost], folder: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    for (number, run) in (1..).zip(&found.runs) {
        match run.theory {
            Some(_) => plot::waits(run, &folder.join(format!("waits-{number}.svg")))?,
            None => plot::ranges(run, &folder.join(format!("ranges-{number}.svg")))?,
        }
    }
    plot::costs(costs, &folder.join("cost.svg"))
}

fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
