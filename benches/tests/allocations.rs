//! What the queue manager allocates for a decision, and in a round of the gateway's, does not grow with the queue.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use baton_bench::queue_sim::cost::Busy;

thread_local! {
    /// Allocations of this thread, and the bytes of them: other tests' threads are none of ours.
    static SEEN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

struct Counting;

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its nature; this one passes everything on as it is"
)]
// SAFETY: every call goes to the system's allocator with the arguments that it came with.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        SEEN.set((SEEN.get().0 + 1, SEEN.get().1 + layout.size() as u64));
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

/// Allocations and bytes of each of many, on average.
fn of_each(busy: &mut Busy, act: impl Fn(&mut Busy)) -> (f64, f64) {
    const TIMES: u32 = 2_000;
    // Whatever grows once and is used again has grown.
    (0..TIMES).for_each(|_| act(busy));
    let before = SEEN.get();
    (0..TIMES).for_each(|_| act(busy));
    let (count, bytes) = SEEN.get();
    let each = |all: u64| all as f64 / f64::from(TIMES);
    (each(count - before.0), each(bytes - before.1))
}

#[test]
fn q1_neither_a_decision_nor_a_round_allocates_more_in_a_longer_queue() {
    let seen = [10, 1_000, 100_000].map(|waiting| {
        let mut busy = Busy::new(waiting);
        let decision = of_each(&mut busy, Busy::step);
        let round = of_each(&mut busy, Busy::round);
        assert_eq!(u64::from(busy.waiting()), waiting, "the queue is as long as it was");
        (waiting, decision, round)
    });
    println!("waiting, (allocations, bytes) of a decision and of a round: {seen:?}");
    let (_, decision, _) = seen[0];
    for (waiting, (count, bytes), (in_rounds, _)) in seen {
        assert!((count - decision.0).abs() < 1.0, "with {waiting} waiting: {count} and {}", decision.0);
        // A node of a map is made now and then, and a little more often in a larger one.
        assert!(bytes < decision.1 + 512.0, "with {waiting} waiting: {bytes} bytes and {}", decision.1);
        assert!(in_rounds < 1.0, "with {waiting} waiting a round allocates {in_rounds} times");
    }
}
