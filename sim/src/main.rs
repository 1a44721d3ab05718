//! `baton-sim --schedules N --seed S [--mutants] [--trace SEED]`: the last line is JSON with the figures.

use std::process::ExitCode;

use baton_sim::{Mutant, Report, run_some, trace};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let place = words.iter().position(|word| word == name)?;
        words.get(place + 1)?.parse::<u64>().ok()
    };
    let (schedules, seed) = (value("--schedules").unwrap_or(1_000), value("--seed").unwrap_or(1));
    if let Some(seed) = value("--trace") {
        let mutant = words.iter().find_map(|word| Mutant::ALL.iter().find(|it| format!("{it:?}") == *word));
        trace(seed, mutant.copied()).iter().for_each(|line| println!("{line}"));
        return ExitCode::SUCCESS;
    }
    if words.iter().any(|word| word == "--mutants") {
        mutants(schedules, seed)
    } else {
        simulate(schedules, seed)
    }
}

fn simulate(schedules: u64, seed: u64) -> ExitCode {
    let report = in_parallel(schedules, seed);
    for (kind, count) in &report.kinds {
        println!("{count:>9} {kind}");
    }
    println!("{:?}", report.transfers);
    for (seed, what) in &report.violations {
        println!("seed {seed}: {what}");
    }
    if let Some((seed, _)) = report.violations.first() {
        trace(*seed, None).iter().rev().take(60).rev().for_each(|line| println!("{line}"));
        println!("the whole trace: --trace {seed}");
    }
    let figures = serde_json::json!({
        "schedules": report.schedules,
        "faults": report.faults,
        "violations": report.violations.len(),
    });
    println!("{figures}");
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
    let mut caught = 0;
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
    println!("{}", serde_json::json!({ "mutants": Mutant::ALL.len(), "caught": caught }));
    if caught == Mutant::ALL.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
