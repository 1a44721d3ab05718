//! Measurements. [`queue_sim`] is the queue manager on simulated time.

pub mod queue_sim;
