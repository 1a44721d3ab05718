//! A short run of `cargo xtask kill-loop`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_killed_in_the_middle_of_transfers_lose_nothing() {
    // The first rounds of this seed kill either gateway, early and late, and none of them for long.
    let tally = baton_e2e::kill::run::rounds(1..=6, 1).await.unwrap();
    assert_eq!((tally.rounds, tally.lost, tally.twice, tally.wrong), (6, 0, 0, 0), "{tally:?}");
}
