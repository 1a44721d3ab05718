//! `baton-sim --schedules N --seed S`, `--mutants`, or `--replay SEED [--faults 1,2,…] [--mutant NAME]`: the last
//! line is JSON with the figures.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;

use baton_sim::{Mutant, Report, run_some, shrink, trace};

/// Lines of a trace that are shown with a violation.
const LINES: usize = 60;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |name: &str| {
        let place = words.iter().position(|word| word == name)?;
        words.get(place + 1)
    };
    let number = |name: &str| word(name)?.parse::<u64>().ok();
    let (schedules, seed) = (number("--schedules").unwrap_or(1_000), number("--seed").unwrap_or(1));
    if let Some(seed) = number("--replay") {
        let mutant =
            word("--mutant").and_then(|name| Mutant::ALL.iter().find(|it| format!("{it:?}") == *name));
        let faults = word("--faults").map(|list| list.split(',').filter_map(|it| it.parse().ok()).collect());
        return replay(seed, mutant.copied(), faults);
    }
    if words.iter().any(|word| word == "--mutants") {
        mutants(number("--schedules").unwrap_or(20_000), seed)
    } else {
        simulate(schedules, seed)
    }
}

fn replay(seed: u64, mutant: Option<Mutant>, faults: Option<BTreeSet<u64>>) -> ExitCode {
    let lines = trace(seed, mutant, faults);
    lines.iter().for_each(|line| println!("{line}"));
    let violations = lines.iter().filter(|line| line.contains("!!!")).count();
    println!("{}", serde_json::json!({ "seed": seed, "violations": violations }));
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn simulate(schedules: u64, seed: u64) -> ExitCode {
    let begun = Instant::now();
    let report = in_parallel(schedules, seed);
    let seconds = begun.elapsed().as_secs();
    for (kind, count) in &report.kinds {
        println!("{count:>9} {kind}");
    }
    for (seed, what) in &report.violations {
        println!("seed {seed}: {what}");
    }
    if let Some((seed, _)) = report.violations.first() {
        show(*seed);
    }
    let transfers = &report.transfers;
    let figures = serde_json::json!({
        "schedules": report.schedules,
        "faults": report.faults,
        "violations": report.violations.len(),
        "seconds": seconds,
        "transfers": transfers.asked,
        "arrived": transfers.arrived,
        "adopted": transfers.adopted,
        "reclaimed": transfers.reclaimed,
    });
    println!("{figures}");
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The end of the schedule that went wrong, with as few faults as it takes.
fn show(seed: u64) {
    let faults = shrink(seed, None);
    let list: Vec<String> = faults.iter().map(u64::to_string).collect();
    let lines = trace(seed, None, Some(faults));
    lines.iter().skip(lines.len().saturating_sub(LINES)).for_each(|line| println!("{line}"));
    println!("the same again: cargo xtask sim --replay {seed} --faults {}", list.join(","));
}

fn in_parallel(schedules: u64, seed: u64) -> Report {
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    std::thread::scope(|scope| {
        let part = |first: u64| {
            let numbers = (first..schedules).step_by(usize::try_from(threads).unwrap_or(1));
            scope.spawn(move || run_some(numbers, seed, None))
        };
        let parts: Vec<_> = (0..threads).map(part).collect();
        let reports = parts.into_iter().map(|part| part.join().expect("a schedule panicked"));
        reports.fold(Report::default(), Report::and)
    })
}

fn mutants(schedules: u64, seed: u64) -> ExitCode {
    let (begun, mut caught) = (Instant::now(), 0);
    for mutant in Mutant::ALL {
        let report = run_some(0..schedules, seed, Some(*mutant));
        match report.violations.first() {
            Some((seed, what)) => {
                caught += 1;
                println!("{mutant:?}: caught after {} schedules, seed {seed}: {what}", report.schedules);
            }
            None => println!("{mutant:?}: NOT caught in {} schedules", report.schedules),
        }
    }
    let (mutants, seconds) = (Mutant::ALL.len(), begun.elapsed().as_secs());
    println!("{}", serde_json::json!({ "mutants": mutants, "caught": caught, "seconds": seconds }));
    if caught == mutants { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
