//! `baton-bench idle` and `baton-bench accept`: what connections cost.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use crate::load::measure::{Now, float};
use crate::load::ramp::{Ramp, Until};
use crate::load::server::{Server, Source, Speaks, raise_limit};

/// Memory of idle connections, by the server's resident memory before and after.
///
/// Bare: after the WebSocket handshake. Of Baton also logged in: a customer with a new chat, who waits in the queue,
/// and can resume.
#[derive(Debug, Args)]
pub struct Idle {
    /// Which server, as for `relay`.
    server: String,
    /// How many.
    #[arg(long, default_value_t = 5_000)]
    connections: usize,
    #[command(flatten)]
    source: Source,
}

/// Connections accepted per second, a few at a time; for Baton with the login: every customer has a new chat, stored.
#[derive(Debug, Args)]
pub struct Accept {
    /// Which server, as for `relay`.
    server: String,
    /// How many.
    #[arg(long, default_value_t = 5_000)]
    connections: usize,
    /// Of Baton, the WebSocket handshake alone.
    #[arg(long)]
    bare: bool,
    #[command(flatten)]
    source: Source,
}

/// Connections that are opened first and not counted: a server makes room when it first needs it.
const FIRST: usize = 200;

/// After the last connection, until the server has done what it still had to do.
const SETTLE: Duration = Duration::from_secs(1);

/// Figures by name.
pub type Values = BTreeMap<String, f64>;

impl Idle {
    /// Measures and prints.
    ///
    /// # Errors
    /// When the server does not start, or does not take the connections.
    pub fn run(&self) -> Result<()> {
        let values = idle_of(&self.source, &self.server, self.connections)?;
        for (name, value) in &values {
            println!("{name:>16} {value:>12.0}");
        }
        println!("{}", json!({ "server": self.server, "connections": self.connections, "figures": values }));
        Ok(())
    }
}

impl Accept {
    /// Measures and prints.
    ///
    /// # Errors
    /// When the server does not start, or does not take the connections.
    pub fn run(&self) -> Result<()> {
        let server = self.source.server(&self.server, 1)?;
        let until = if self.bare { Until::Upgraded } else { furthest(&server) };
        let values = accept(&server, self.connections, until)?;
        for (name, value) in &values {
            println!("{name:>16} {value:>12.2}");
        }
        println!("{}", json!({ "server": server.name, "connections": self.connections, "figures": values }));
        Ok(())
    }
}

/// Bytes of a bare connection, and of Baton's also of one that is logged in, each of a server of its own.
///
/// # Errors
/// When the server does not start, or does not take the connections.
pub fn idle_of(source: &Source, name: &str, connections: usize) -> Result<Values> {
    let mut values = idle(&source.server(name, 1)?, connections, Until::Upgraded)?;
    if name.starts_with("baton") {
        values.extend(idle(&source.server(name, 1)?, connections, Until::Welcomed)?);
    }
    Ok(values)
}

/// Bytes of a connection that has gone so far. Of each server only once: a server keeps what it once had.
///
/// # Errors
/// When the server does not take the connections.
pub fn idle(server: &Server, connections: usize, until: Until) -> Result<Values> {
    if server.speaks == Speaks::Raw {
        bail!("{} has no WebSocket handshake", server.name);
    }
    raise_limit(u64::try_from(connections)? + 1_000)?;
    let base = server.memory()?;
    let _first = Ramp::up(server, FIRST, until)?;
    let before = server.memory()?;
    let ramp = Ramp::up(server, connections, until)?;
    // A gateway gives up who does not say hello within five seconds, so that nobody waits with those.
    let name = if until == Until::Welcomed {
        std::thread::sleep(SETTLE);
        "session_bytes"
    } else {
        "bare_bytes"
    };
    let bytes = float(server.memory()?.saturating_sub(before)) / float(connections.max(1) as u64);
    drop(ramp);
    Ok(Values::from([("base_bytes".into(), float(base)), (name.into(), bytes)]))
}

/// What an accepted connection is on this server.
#[must_use]
pub fn furthest(server: &Server) -> Until {
    if server.is_baton() { Until::Welcomed } else { Until::Upgraded }
}

/// Connections a second, and what each costs the server's processor.
///
/// # Errors
/// When the server does not take the connections.
pub fn accept(server: &Server, connections: usize, until: Until) -> Result<Values> {
    raise_limit(u64::try_from(connections)? + 1_000)?;
    let _first = Ramp::up(server, FIRST, until)?;
    let before = Now::look(server)?;
    let ramp = Ramp::up(server, connections, until)?;
    let after = Now::look(server)?;
    let figures = before.until(&after, u64::try_from(connections)?);
    Ok(Values::from([
        ("per_second".into(), float(connections as u64) / ramp.took.as_secs_f64()),
        ("cpu_us".into(), figures.cpu_us),
        ("server_busy".into(), figures.server_busy),
        ("client_busy".into(), figures.client_busy),
        ("others_busy".into(), figures.others_busy),
    ]))
}
