//! Servers to measure: found at an address, or started here.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Deserialize;

use crate::gateway::{self, Gateway, PASSWORD, Plan};
use crate::process::{self, Cpu};

/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);

/// The file in the folder of peers that says how each is started.
const MANIFEST: &str = "peers.json";

/// How a server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaks {
    /// Any WebSocket server; `{room}` and `{side}` in its path say who is paired with whom.
    Websocket {
        /// The path.
        path: String,
    },
    /// Bytes over TCP; the first eight of a connection are its room and its side, four each, little endian.
    Raw,
    /// Socket.IO: event `m`, in the room and of the side that the query names.
    SocketIo,
    /// NATS over WebSocket.
    Nats,
    /// A Baton gateway, whose agents have these names with a number behind.
    Baton {
        /// What stands before the number.
        agents: String,
        /// Their password.
        password: String,
    },
}

/// Where servers come from.
#[derive(Debug, Args)]
pub struct Source {
    /// The gateway's program, for `baton-memory` and `baton-sqlite`. Without it, the `baton` beside this one.
    #[arg(long, value_name = "FILE")]
    pub baton: Option<PathBuf>,
    /// The folder with other servers, as `cargo xtask bench` makes it.
    #[arg(long, value_name = "FOLDER")]
    pub peers: Option<PathBuf>,
    /// The core that servers started here run on; this program takes the next one.
    #[arg(long, default_value_t = 0, value_name = "CORE")]
    pub core: usize,
    /// Agents of a gateway that runs already have this name with a number behind: a0, a1, …
    #[arg(long, default_value = "a", value_name = "NAME")]
    pub agents: String,
    /// The password of all of them.
    #[arg(long, default_value = PASSWORD, value_name = "PASSWORD", hide_default_value = true)]
    pub password: String,
    /// The process of a server that runs already, for its processor time and memory.
    #[arg(long, value_name = "PID")]
    pub pid: Option<u32>,
    #[arg(skip)]
    template: RefCell<Option<(usize, Rc<Gateway>)>>,
}

/// A server; stopped when dropped, if it was started here.
pub struct Server {
    /// As the user called it.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// How it is spoken to.
    pub speaks: Speaks,
    /// Its process, if it is known.
    pub pid: Option<u32>,
    process: Process,
}

enum Process {
    Elsewhere,
    Gateway(Gateway),
    Peer(Child, PathBuf),
}

/// How a peer is started.
#[derive(Clone, Debug, Deserialize)]
struct Peer {
    /// Program and arguments; `{folder}` and `{port}` are filled in.
    command: Vec<String>,
    speaks: Speaks,
}

impl Source {
    /// A server that runs already, by its address, or one that is started, by its name.
    ///
    /// # Errors
    /// When there is no such server, or it does not start.
    pub fn server(&self, name: &str, agents: usize) -> Result<Server> {
        match name.split_once("://") {
            Some((scheme, rest)) => self.elsewhere(name, scheme, rest),
            None => {
                // What is started inherits the core.
                process::pin(self.core)?;
                let server = match name {
                    "baton-memory" => self.gateway(name, true, agents),
                    "baton-sqlite" => self.gateway(name, false, agents),
                    _ => self.peer(name),
                };
                process::pin(self.core + 1)?;
                server
            }
        }
    }

    fn elsewhere(&self, name: &str, scheme: &str, rest: &str) -> Result<Server> {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let speaks = match scheme {
            "ws" => Speaks::Websocket { path: format!("/{path}") },
            "tcp" => Speaks::Raw,
            "socket.io" => Speaks::SocketIo,
            "nats" => Speaks::Nats,
            "baton" => Speaks::Baton { agents: self.agents.clone(), password: self.password.clone() },
            _ => bail!("{name} is no server: use ws://, tcp://, socket.io://, nats:// or baton://"),
        };
        let address = host.to_socket_addrs().with_context(|| format!("{host} is no HOST:PORT"))?.next();
        let address = address.with_context(|| format!("{host} has no address"))?;
        process::pin(self.core + 1)?;
        Ok(Server { name: name.into(), address, speaks, pid: self.pid, process: Process::Elsewhere })
    }

    fn gateway(&self, name: &str, memory: bool, agents: usize) -> Result<Server> {
        let mut gateway = self.template(agents)?.copy(memory)?;
        gateway.start()?;
        Ok(Server {
            name: name.into(),
            address: gateway.listens(),
            speaks: Speaks::Baton { agents: "a".into(), password: PASSWORD.into() },
            pid: Some(gateway.pid()?),
            process: Process::Gateway(gateway),
        })
    }

    /// A gateway with so many agents, which is only copied: hashing a password takes long on purpose.
    fn template(&self, agents: usize) -> Result<Rc<Gateway>> {
        let mut kept = self.template.borrow_mut();
        if let Some((_, template)) = kept.as_ref().filter(|(has, _)| *has >= agents) {
            return Ok(template.clone());
        }
        let baton = gateway::binary(self.baton.as_deref())?;
        let [port] = gateway::free_ports()?;
        let settings = "[limits]\nconnections = 100000\nper_address = 100000\nmax_chats = 1000\n\
            burst = 1000000000\nper_second = 1000000000\nmessages = 1000000000";
        let plan = Plan { name: "bench", port, listen: port, memory: false, settings: settings.into() };
        let template = Rc::new(Gateway::set_up(&baton, plan, None)?);
        for number in 0..agents {
            template.add_agent(&format!("a{number}"))?;
        }
        *kept = Some((agents, template.clone()));
        Ok(template)
    }

    fn peer(&self, name: &str) -> Result<Server> {
        let unknown = || {
            format!(
                "there is no server {name}: name an address, baton-memory, baton-sqlite, or a peer and the folder with --peers"
            )
        };
        let folder = self.peers.as_deref().with_context(unknown)?;
        let peer = peers(folder)?.remove(name).with_context(unknown)?;
        let [port] = gateway::free_ports()?;
        let fill = |word: &String| {
            word.replace("{folder}", &folder.to_string_lossy()).replace("{port}", &port.to_string())
        };
        let words: Vec<String> = peer.command.iter().map(fill).collect();
        let (program, arguments) = words.split_first().context("a command without a program")?;
        let log = std::env::temp_dir().join(format!("baton-bench-{name}-{port}.log"));
        let file = std::fs::File::create(&log)?;
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            let over = child.try_wait()?.is_some();
            if over || start.elapsed() > START {
                let _ = (child.kill(), child.wait());
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("{name} did not start: {}", said.lines().last().unwrap_or("it does not say why"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let pid = Some(child.id());
        Ok(Server {
            name: name.into(),
            address,
            speaks: peer.speaks,
            pid,
            process: Process::Peer(child, log),
        })
    }
}

/// The names of the peers in a folder.
///
/// # Errors
/// When it has no manifest, or one that makes no sense.
pub fn peer_names(folder: &Path) -> Result<Vec<String>> {
    Ok(peers(folder)?.into_keys().collect())
}

fn peers(folder: &Path) -> Result<BTreeMap<String, Peer>> {
    let file = folder.join(MANIFEST);
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} makes no sense", file.display()))
}

impl Server {
    /// What the server has said on its standard error, for whoever wonders why it failed.
    #[must_use]
    pub fn log(&self) -> String {
        match &self.process {
            Process::Elsewhere => String::new(),
            Process::Gateway(gateway) => gateway.log(),
            Process::Peer(_, log) => std::fs::read_to_string(log).unwrap_or_default(),
        }
    }

    /// Its processor time, none where its process is not known.
    ///
    /// # Errors
    /// When it is gone.
    pub fn cpu(&self) -> Result<Cpu> {
        self.pid.map_or_else(|| Ok(Cpu::default()), Cpu::of)
    }

    /// Its memory in bytes.
    ///
    /// # Errors
    /// When its process is not known, or gone.
    pub fn memory(&self) -> Result<u64> {
        process::memory(self.pid.context("which process it is, says --pid")?)
    }

    /// Whether it is a gateway of ours.
    #[must_use]
    pub fn is_baton(&self) -> bool {
        matches!(self.speaks, Speaks::Baton { .. })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Self::Peer(child, log) = self {
            let _ = (child.kill(), child.wait());
            let _ = std::fs::remove_file(log);
        }
    }
}

/// Lets this process, and what it starts, have as many connections as the machine allows.
///
/// # Errors
/// When that is fewer than wanted.
pub fn raise_limit(wanted: u64) -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    ensure!(
        limit.maximum.is_none_or(|most| most >= wanted),
        "this machine allows {} open files: use fewer connections, or raise `ulimit -n`",
        limit.maximum.unwrap_or_default()
    );
    Ok(())
}
