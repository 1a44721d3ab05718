//! Limits on what a stranger may use up.

use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;

use crate::config::Limits;

/// A connection's allowance of frames: a bucket that starts full and is filled once a second.
#[derive(Debug)]
pub struct Allowance {
    left: u32,
    second: u32,
}

impl Allowance {
    /// A full one.
    #[must_use]
    pub fn new(limits: &Limits, second: u32) -> Self {
        Self { left: limits.burst, second }
    }

    /// Takes so many frames; whether there were as many left. `second` is the time, as [`clock`](super::clock) tells it.
    pub fn take(&mut self, frames: usize, limits: &Limits, second: u32) -> bool {
        if second != self.second {
            let refill = limits.per_second.saturating_mul(second.saturating_sub(self.second));
            self.left = self.left.saturating_add(refill).min(limits.burst.max(limits.per_second));
            self.second = second;
        }
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        let enough = frames <= self.left;
        self.left = self.left.saturating_sub(frames);
        enough
    }
}

/// Connections by address.
#[derive(Debug, Default)]
pub struct Addresses {
    open: DashMap<IpAddr, usize>,
}

/// A counted connection. Dropping it gives its place back.
#[derive(Debug)]
pub struct Place {
    addresses: Arc<Addresses>,
    ip: IpAddr,
}

impl Addresses {
    /// Counts a connection from this address, unless it has `most` already.
    pub fn admit(self: &Arc<Self>, ip: IpAddr, most: usize) -> Option<Place> {
        let mut open = self.open.entry(ip).or_insert(0);
        if *open >= most {
            return None;
        }
        *open += 1;
        Some(Place { addresses: self.clone(), ip })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let dashmap::Entry::Occupied(mut open) = self.addresses.open.entry(self.ip) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_runs_out_and_refills() {
        let limits = Limits { burst: 200, per_second: 50, ..Limits::default() };
        let mut allowance = Allowance::new(&limits, 7);
        assert!(allowance.take(150, &limits, 7) && allowance.take(50, &limits, 7));
        assert!(!allowance.take(1, &limits, 7));
        assert!(allowance.take(50, &limits, 8) && !allowance.take(1, &limits, 8));
        assert!(!allowance.take(201, &limits, 1_000), "never more than the burst");
    }

    #[test]
    fn a_place_is_given_back() {
        let addresses = Arc::new(Addresses::default());
        let ip = IpAddr::from([127, 0, 0, 1]);
        let first = addresses.admit(ip, 1);
        assert!(first.is_some() && addresses.admit(ip, 1).is_none());
        drop(first);
        assert!(addresses.admit(ip, 1).is_some());
    }
}
