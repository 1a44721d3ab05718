//! Limits on what a stranger may use up.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use dashmap::DashMap;

/// Frames that a connection may send at once.
const BURST: f64 = 200.0;

/// Frames per second that a connection may send in the long run. A person types fewer; a bot that serves several
/// chats stays below.
const PER_SECOND: f64 = 50.0;

/// A connection's allowance of frames.
#[derive(Debug)]
pub struct Allowance {
    left: f64,
    at: Instant,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: BURST, at: Instant::now() }
    }
}

impl Allowance {
    /// Takes one frame; whether there was one left.
    pub fn take(&mut self, now: Instant) -> bool {
        let refill = now.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND;
        self.left = (self.left + refill).min(BURST);
        self.at = now;
        if self.left < 1.0 {
            return false;
        }
        self.left -= 1.0;
        true
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
    use std::time::Duration;

    #[test]
    fn an_allowance_runs_out_and_refills() {
        let mut allowance = Allowance::default();
        let start = allowance.at;
        let taken = (0..1_000).filter(|_| allowance.take(start)).count();
        assert_eq!(taken, 200);
        assert!(!allowance.take(start + Duration::from_millis(10)));
        assert!(allowance.take(start + Duration::from_millis(1_000)));
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
