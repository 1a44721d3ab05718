//! The kill loop: real gateways, a real transfer, and a SIGKILL at a moment that a seed has drawn.
//!
//! A killed process leaves the page cache behind, so this says nothing of a machine that loses its power.

pub mod judge;
pub mod round;
pub mod run;

use std::time::Duration;

use anyhow::Result;

use crate::company::{ACME, Company, GLOBEX};
use crate::desk::Desk;
use crate::widget::Moments;

/// How long a round may take to settle: above the two minutes after which a frozen customer gives a destination up.
pub const SETTLE: Duration = Duration::from_secs(150);

/// A company with its agent.
pub struct Side {
    /// The company.
    pub company: Company,
    /// Its one agent.
    pub desk: Desk,
    /// The area that the agent serves.
    pub area: &'static str,
}

/// Two companies that trust each other, with an agent each.
pub struct Field {
    /// Acme, then Globex.
    pub sides: [Side; 2],
    /// Every frame that anybody got, and every step of the customer's.
    pub moments: Moments,
    _folder: tempfile::TempDir,
}

impl Field {
    /// Starts all of it.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut acme = Company::set_up(ACME, folder.path()).await?;
        let mut globex = Company::set_up(GLOBEX, folder.path()).await?;
        acme.start().await?;
        globex.start().await?;
        acme.trust(&globex, "in-place")?;
        globex.trust(&acme, "in-place")?;
        for company in [&acme, &globex] {
            let name = if company.plan().name == "acme" { "globex" } else { "acme" };
            let agreement = ["peer", "set", name, "--per-minute", "1000", "--reservations", "1000"];
            company.baton(&agreement, "")?;
        }
        let moments = Moments::default();
        let side = |company: Company, login, area| {
            let desk = Desk::start(company.socket(), login, None, moments.clone());
            Side { company, desk, area }
        };
        let sides = [side(acme, "anna", "sales"), side(globex, "gus", "repairs")];
        Ok(Self { sides, moments, _folder: folder })
    }
}

/// A number that looks random and is the same for the same seed everywhere (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// From a seed and a round's number.
    #[must_use]
    pub fn new(seed: u64, round: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ round.wrapping_mul(0xbf58_476d_1ce4_e5b9))
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
