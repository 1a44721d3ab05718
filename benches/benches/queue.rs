//! The queue manager's decision, with 10, 1,000 and 100,000 waiting and 1,000 agents: a chat ends, its agent is given
//! the next customer, and another customer comes.

use baton_bench::queue_sim::cost::Busy;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue decision");
    for waiting in [10, 1_000, 100_000] {
        let mut busy = Busy::new(waiting);
        group.bench_function(BenchmarkId::from_parameter(waiting), |bencher| bencher.iter(|| busy.step()));
        assert_eq!(u64::from(busy.waiting()), waiting, "the queue is as long as it was");
    }
    group.finish();
}

criterion_group!(benches, decision);
criterion_main!(benches);
