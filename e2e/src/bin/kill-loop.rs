//! `cargo xtask kill-loop`: gateways are killed in the middle of transfers, and nothing may be lost by it; with
//! `--sabotage`, by whose gateways something must be.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use baton_e2e::kill::run::{Tally, rounds};

#[tokio::main]
async fn main() -> Result<()> {
    let sabotaged = std::env::args().any(|word| word == "--sabotage");
    // Forgetting is found where the destination is killed between two certain steps: three times in sixty rounds.
    let usual = if sabotaged { 60 } else { 20 };
    let (many, seed, only) = (number("--rounds", usual)?, number("--seed", 1)?, number("--only", 0)?);
    let start = Instant::now();
    let numbers = if only > 0 { only..=only } else { 1..=many };
    let Tally { rounds, lost, twice, wrong, arrived } = rounds(numbers, seed).await?;
    let (stayed, seconds) = (rounds - arrived, start.elapsed().as_secs());
    println!(
        "{{\"rounds\":{rounds},\"killed\":{rounds},\"lost\":{lost},\"twice\":{twice},\"wrong\":{wrong},\
        \"arrived\":{arrived},\"stayed\":{stayed},\"seed\":{seed},\"seconds\":{seconds}}}"
    );
    match (sabotaged, wrong) {
        (true, 0) => bail!("the deliberate defect was not found"),
        (false, 1..) => bail!("{wrong} promises were broken"),
        _ => Ok(()),
    }
}

/// The number after this word.
fn number(word: &str, default: u64) -> Result<u64> {
    let mut words = std::env::args().skip_while(|argument| argument != word).skip(1);
    words.next().map_or(Ok(default), |text| text.parse().with_context(|| format!("{word} {text}")))
}
