//! What queueing theory says.
//!
//! A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic telephone
//! exchanges" (1917), for M/M/c; C. Palm (1957), and Mandelbaum and Zeltyn, "The Palm/Erlang-A queue" (2005), for
//! M/M/c+M, where customers give up.

/// What comes of a model in the long run.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The share of customers who wait at all.
    pub delayed: f64,
    /// The mean wait of all, in milliseconds.
    pub wait: f64,
    /// The share who give up.
    pub gave_up: f64,
}

/// M/M/c: arrivals and services in events per millisecond.
#[must_use]
pub fn c(arrivals: f64, service: f64, agents: u32) -> Outcome {
    let offered = arrivals / service;
    // Erlang B by its recursion, which stays within range.
    let blocked = (1..=agents).fold(1.0, |blocked, number| {
        let next = offered * blocked;
        next / (f64::from(number) + next)
    });
    let busy = offered / f64::from(agents);
    let delayed = blocked / (1.0 - busy * (1.0 - blocked));
    let wait = delayed / (f64::from(agents) * service - arrivals);
    Outcome { delayed, wait, gave_up: 0.0 }
}

/// M/M/c+M: each who waits gives up at this rate. The chain of birth and death, summed until nothing is left.
#[must_use]
pub fn a(arrivals: f64, service: f64, agents: u32, giving_up: f64) -> Outcome {
    let (mut weight, mut all, mut delayed, mut waiting) = (1.0_f64, 1.0_f64, 0.0_f64, 0.0_f64);
    let mut number = 0_u32;
    loop {
        number += 1;
        let queued = number.saturating_sub(agents);
        let deaths = f64::from(number.min(agents)) * service + f64::from(queued) * giving_up;
        weight *= arrivals / deaths;
        all += weight;
        if number >= agents {
            delayed += weight;
            waiting += weight * f64::from(queued);
        }
        if number > agents && weight < all * 1e-14 {
            break;
        }
    }
    let waiting = waiting / all;
    Outcome { delayed: delayed / all, wait: waiting / arrivals, gave_up: giving_up * waiting / arrivals }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erlang_c_is_that_of_the_tables() {
        // One agent: delayed is the load, and the wait rho / (mu - lambda).
        let one = c(0.5, 1.0, 1);
        assert!((one.delayed - 0.5).abs() < 1e-12 && (one.wait - 1.0).abs() < 1e-12);
        // Ten agents, eight Erlangs: 0.4092 in the tables.
        assert!((c(8.0, 1.0, 10).delayed - 0.4092).abs() < 1e-4);
    }

    #[test]
    fn erlang_a_comes_near_to_c_when_nobody_gives_up() {
        let (patient, never) = (a(8.0, 1.0, 10, 1e-6), c(8.0, 1.0, 10));
        assert!((patient.delayed - never.delayed).abs() < 1e-4 && (patient.wait - never.wait).abs() < 1e-3);
        assert!(a(12.0, 1.0, 10, 0.5).gave_up > 0.15, "more than can be served");
    }
}
