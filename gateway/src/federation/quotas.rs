//! How much a peer may ask of us, so that one peer cannot use up what is there for all (threat 9).

use std::collections::HashMap;
use std::time::Instant;

use parking_lot::Mutex;

use super::Peer;

/// Permissions for each transfer that a peer may ask for: its agents look before they choose.
const LOOKS: u32 = 10;

/// Calls about erasures that every peer may make in a minute: each has an operator's decision behind it.
const ERASURES: u32 = 60;

/// What every peer has left.
#[derive(Debug, Default)]
pub struct Quotas {
    transfers: Mutex<HashMap<String, Bucket>>,
    permissions: Mutex<HashMap<String, Bucket>>,
    erasures: Mutex<HashMap<String, Bucket>>,
    /// Held while a reservation is counted and made.
    pub(crate) reserving: Mutex<()>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Quotas {
    /// Counts a transfer.
    ///
    /// # Errors
    /// Seconds after which there is room again.
    pub fn transfer(&self, peer: &Peer, now: Instant) -> Result<(), u32> {
        take(&self.transfers, &peer.name, peer.agreement.per_minute, now)
    }

    /// Counts a permission; one that no transfer could follow is refused.
    ///
    /// # Errors
    /// Seconds after which there is room again.
    pub fn permission(&self, peer: &Peer, now: Instant) -> Result<(), u32> {
        let per_minute = peer.agreement.per_minute;
        take(&self.permissions, &peer.name, per_minute.saturating_mul(LOOKS), now)?;
        let mut transfers = self.transfers.lock();
        let bucket = filled(&mut transfers, &peer.name, per_minute, now);
        if bucket.left < 1.0 { Err(wait(bucket, per_minute)) } else { Ok(()) }
    }

    /// Counts a call about an erasure: also from a peer whose transfers are not taken now.
    ///
    /// # Errors
    /// Seconds after which there is room again.
    pub fn erasure(&self, peer: &Peer, now: Instant) -> Result<(), u32> {
        let per_minute = peer.agreement.per_minute.saturating_mul(LOOKS).max(ERASURES);
        take(&self.erasures, &peer.name, per_minute, now)
    }
}

fn take(
    buckets: &Mutex<HashMap<String, Bucket>>,
    peer: &str,
    per_minute: u32,
    now: Instant,
) -> Result<(), u32> {
    let mut buckets = buckets.lock();
    let bucket = filled(&mut buckets, peer, per_minute, now);
    if bucket.left < 1.0 {
        return Err(wait(bucket, per_minute));
    }
    bucket.left -= 1.0;
    Ok(())
}

/// Peers are configured, so that the map does not grow by strangers' names.
fn filled<'b>(
    buckets: &'b mut HashMap<String, Bucket>,
    peer: &str,
    per_minute: u32,
    now: Instant,
) -> &'b mut Bucket {
    let most = f64::from(per_minute);
    let bucket = buckets.entry(peer.to_owned()).or_insert(Bucket { left: most, at: now });
    let minutes = now.saturating_duration_since(bucket.at).as_secs_f64() / 60.0;
    bucket.left = (bucket.left + minutes * most).min(most);
    bucket.at = now;
    bucket
}

fn wait(bucket: &Bucket, per_minute: u32) -> u32 {
    let seconds = (1.0 - bucket.left) * 60.0 / f64::from(per_minute.max(1));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a minute at most")]
    let whole = seconds.ceil().clamp(1.0, 60.0) as u32;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn d1_a_minutes_transfers_and_no_more_and_it_says_when_to_try_again() {
        let (buckets, start) = (Mutex::default(), Instant::now());
        assert_eq!((0..100).filter(|_| take(&buckets, "globex", 60, start).is_ok()).count(), 60);
        assert_eq!(take(&buckets, "globex", 60, start), Err(1));
        assert_eq!(take(&buckets, "initech", 2, start), Ok(()), "one peer does not use up the others'");
        assert_eq!(take(&buckets, "initech", 2, start), Ok(()));
        assert_eq!(take(&buckets, "initech", 2, start), Err(30));
        assert_eq!(take(&buckets, "initech", 2, start + Duration::from_secs(31)), Ok(()));
        assert_eq!(take(&buckets, "hooli", 0, start), Err(60), "none at all");
    }
}
