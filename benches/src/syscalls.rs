//! System calls of a server, counted by the kernel's own trace points while messages are measured.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};

use anyhow::{Context, Result};
use perf_event::events::Tracepoint;
use perf_event::{Builder, Counter};

/// Where trace points have their numbers, by kernel.
const PLACES: [&str; 2] = ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"];

/// The error of a process or thread that is not there (`ESRCH`).
const GONE: i32 = 3;

/// Any of them.
const ALL: &str = "raw_syscalls/sys_enter";

/// Those by which servers read, write and wait. What a kernel does not know is left out.
const NAMED: [&str; 17] = [
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_ctl",
    "poll",
    "futex",
    "io_uring_enter",
    "clock_nanosleep",
];

/// Counts what a process calls from now on, the threads that it has and those that it starts.
pub struct Count(Vec<(&'static str, Counter)>);

impl Count {
    /// Begins.
    ///
    /// # Errors
    /// Where this user may not trace the kernel.
    pub fn begin(pid: u32) -> Result<Self> {
        Self::of(pid).with_context(|| {
            format!("cannot count the system calls of process {pid}: the kernel's trace points are for root")
        })
    }

    fn of(pid: u32) -> Result<Self> {
        let mut counters = Vec::new();
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let task = task?.file_name().to_string_lossy().parse()?;
            let mut count = |name, path: String| -> Result<()> {
                let point = match point(&path) {
                    Err(error) if error.kind() == ErrorKind::NotFound && name != ALL => return Ok(()),
                    point => point?,
                };
                let mut builder = Builder::new(point);
                let builder = builder.observe_pid(task).inherit(true).include_kernel();
                let mut counter = match builder.build() {
                    // A thread that has ended meanwhile calls nothing any more.
                    Err(error) if error.raw_os_error() == Some(GONE) => return Ok(()),
                    counter => counter?,
                };
                counter.enable()?;
                counters.push((name, counter));
                Ok(())
            };
            count(ALL, ALL.into())?;
            NAMED.iter().try_for_each(|name| count(name, format!("syscalls/sys_enter_{name}")))?;
        }
        Ok(Self(counters))
    }

    /// How many there were for each of so many messages: all of them, and by name those of which there was one in a
    /// hundred messages.
    ///
    /// # Errors
    /// When the counters cannot be read.
    pub fn each(self, messages: f64) -> Result<(f64, BTreeMap<String, f64>)> {
        let mut sums = BTreeMap::new();
        for (name, mut counter) in self.0 {
            counter.disable()?;
            *sums.entry(name).or_insert(0) += counter.read()?;
        }
        let each = |count: u64| super::load::measure::float(count) / messages.max(1.0);
        let all = each(sums.remove(ALL).unwrap_or_default());
        let named = sums.into_iter().map(|(name, count)| (name.to_owned(), each(count)));
        Ok((all, named.filter(|(_, each)| *each >= 0.01).collect()))
    }
}

fn point(path: &str) -> io::Result<Tracepoint> {
    let mut error = io::Error::from(ErrorKind::NotFound);
    for place in PLACES {
        match fs::read_to_string(format!("{place}/{path}/id")) {
            Ok(id) => return id.trim().parse().map(Tracepoint::with_id).map_err(io::Error::other),
            Err(other) => error = other,
        }
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_name_where_the_kernel_can_be_traced() {
        let count = match Count::begin(std::process::id()) {
            Ok(count) => count,
            Err(error) => {
                let cause = error.downcast_ref::<io::Error>().map(io::Error::kind);
                assert!(
                    matches!(cause, Some(ErrorKind::NotFound | ErrorKind::PermissionDenied)),
                    "{error:#}"
                );
                return println!("not counted: {error:#}");
            }
        };
        for _ in 0..100 {
            rustix::io::write(std::fs::File::create("/dev/null").unwrap(), b"x").unwrap();
        }
        let (all, named) = count.each(100.0).unwrap();
        assert!(all >= 2.0 && named["write"] >= 1.0, "{all} {named:?}");
    }
}
