//! What Linux knows of processes and of this machine: cores, processor time, memory.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_setaffinity};

/// Lets this thread, and whatever it starts from now on, run on this core alone.
///
/// # Errors
/// When there is no such core.
pub fn pin(core: usize) -> Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).with_context(|| format!("cannot run on core {core}: is there one?"))
}

/// Processor time of a process at some moment, by thread, in nanoseconds. `schedstat` counts what really ran, where `stat`
/// samples.
#[derive(Clone, Debug, Default)]
pub struct Cpu(BTreeMap<String, u64>);

impl Cpu {
    /// Until now.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: u32) -> Result<Self> {
        let tasks = fs::read_dir(format!("/proc/{pid}/task"));
        let tasks = tasks.with_context(|| format!("there is no process {pid}"))?;
        let of = |task: fs::DirEntry| {
            let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
            let nanos = text.split_whitespace().next()?.parse().ok()?;
            Some((task.file_name().to_string_lossy().into_owned(), nanos))
        };
        Ok(Self(tasks.filter_map(Result::ok).filter_map(of).collect()))
    }

    /// What was used since an earlier moment. Of a thread that has ended meanwhile nothing is known, so that nothing of it
    /// counts: those that check passwords end when they have had nothing to do for a while.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> u64 {
        let of =
            |(task, nanos): (&String, &u64)| nanos - earlier.0.get(task).copied().unwrap_or(0).min(*nanos);
        self.0.iter().map(of).sum()
    }
}

/// Resident memory of a process, in bytes (`VmRSS`). What the kernel holds for its sockets is no part of it.
///
/// # Errors
/// When there is no such process.
pub fn memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("there is no process {pid}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}

/// Time that all cores were at work since the start of the machine, in nanoseconds, and that the hypervisor took away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine {
    /// At work for anybody.
    pub busy: u64,
    /// Taken away.
    pub stolen: u64,
}

/// Nanoseconds of a tick in `/proc/stat` (`USER_HZ` is 100 on Linux).
const TICK: u64 = 10_000_000;

impl Machine {
    /// As it is now.
    ///
    /// # Errors
    /// When this is no Linux.
    pub fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("this needs Linux")?;
        Self::parse(&text).context("/proc/stat says something else")
    }

    fn parse(text: &str) -> Option<Self> {
        let ticks: Vec<u64> = text
            .lines()
            .next()?
            .strip_prefix("cpu")?
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        // user, nice, system, idle, iowait, irq, softirq, steal.
        let [user, nice, system, _idle, _wait, irq, soft, stolen, ..] = ticks[..] else { return None };
        Some(Self { busy: (user + nice + system + irq + soft) * TICK, stolen: stolen * TICK })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_time_and_memory() {
        let pid = std::process::id();
        let before = Cpu::of(pid).unwrap();
        let mut sum = 0_u64;
        while Cpu::of(pid).unwrap().since(&before) < 1_000_000 {
            sum = sum.wrapping_mul(31).wrapping_add(7);
        }
        assert!(memory(pid).unwrap() > 100_000, "{sum}");
        assert!(Cpu::of(u32::MAX).is_err());
    }

    #[test]
    fn a_thread_that_has_ended_takes_nothing_from_the_others() {
        let at = |threads: &[(&str, u64)]| {
            Cpu(threads.iter().map(|(name, nanos)| ((*name).into(), *nanos)).collect())
        };
        assert_eq!(at(&[("1", 30), ("3", 5)]).since(&at(&[("1", 10), ("2", 1_000)])), 25);
    }

    #[test]
    fn the_machine_is_read() {
        let machine = Machine::parse("cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1 1 1 1 1 1 1 1\n").unwrap();
        assert_eq!((machine.busy, machine.stolen), (19 * TICK, 8 * TICK));
        assert!(Machine::parse("cpu 1 2").is_none());
    }
}
