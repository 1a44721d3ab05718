//! Gateways to measure: set up in a folder of their own and started from the `baton` binary.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::tls::Authority;

/// The password of every agent: these gateways live for one measurement, on this machine alone.
pub const PASSWORD: &str = "correct horse battery";

/// The area of every gateway.
pub const AREA: &str = "desk";

/// How long a gateway may take to start.
const START: Duration = Duration::from_secs(30);

/// What a gateway is like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Server name, and host name before `.localhost`.
    pub name: &'static str,
    /// The port in its own address.
    pub port: u16,
    /// The port that it listens on: another one where something stands before it.
    pub listen: u16,
    /// Whether it keeps everything in memory alone.
    pub memory: bool,
    /// Lines for the end of its settings.
    pub settings: String,
}

/// A gateway; killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    plan: Plan,
    baton: PathBuf,
    authority: Option<PathBuf>,
    folder: TempDir,
    child: Option<Child>,
}

impl Gateway {
    /// Sets a gateway up, with TLS when there is an authority that signs its certificate.
    ///
    /// # Errors
    /// Whatever `baton` says.
    pub fn set_up(baton: &Path, plan: Plan, authority: Option<&Authority>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("baton-bench-").tempdir()?;
        let data = folder.path().join("data");
        let mut gateway = Self { plan, baton: baton.to_owned(), authority: None, folder, child: None };
        let (url, listen) = (gateway.url(authority.is_some()), format!("127.0.0.1:{}", gateway.plan.listen));
        let area = format!("{AREA}=Desk");
        let mut words =
            vec!["init", "--name", gateway.plan.name, "--title", gateway.plan.name, "--url", &url];
        words.extend(["--listen", &listen, "--area", &area]);
        let files;
        if let Some(authority) = authority {
            let host = format!("{}.localhost", gateway.plan.name);
            files = authority.issue(&host, gateway.folder.path())?;
            words.extend(["--certificate", &files.0, "--key", &files.1]);
            gateway.authority = Some(authority.file());
        }
        gateway.baton(&words, "")?;
        let file = data.join("baton.toml");
        let text = std::fs::read_to_string(&file)?;
        // The sections stand in the file with everything in them commented out.
        let text = gateway.plan.settings.split("\n\n").fold(text, |text, section| {
            let (heading, lines) = section.split_once('\n').unwrap_or((section, ""));
            text.replacen(&format!("{heading}\n"), &format!("{heading}\n{lines}\n"), 1)
        });
        std::fs::write(file, text)?;
        Ok(gateway)
    }

    /// Another one like this, in a folder of its own, for when this one is not running.
    ///
    /// # Errors
    /// When its folder cannot be copied.
    pub fn copy(&self, memory: bool) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("baton-bench-").tempdir()?;
        std::fs::create_dir(folder.path().join("data"))?;
        for file in std::fs::read_dir(self.folder())? {
            let file = file?;
            if file.file_type()?.is_file() {
                std::fs::copy(file.path(), folder.path().join("data").join(file.file_name()))?;
            }
        }
        let plan = Plan { memory, ..self.plan.clone() };
        Ok(Self { plan, baton: self.baton.clone(), authority: self.authority.clone(), folder, child: None })
    }

    fn url(&self, tls: bool) -> String {
        format!("http{}://{}.localhost:{}", if tls { "s" } else { "" }, self.plan.name, self.plan.port)
    }

    /// Its address, as it names itself.
    #[must_use]
    pub fn own_url(&self) -> String {
        self.url(self.authority.is_some())
    }

    /// Its WebSocket, as it names itself.
    #[must_use]
    pub fn socket(&self) -> String {
        format!("{}{}", self.own_url().replacen("http", "ws", 1), baton_protocol::SOCKET_PATH)
    }

    /// Where it listens.
    #[must_use]
    pub fn listens(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.plan.listen).into()
    }

    /// Its data folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs `baton` on its folder.
    ///
    /// # Errors
    /// What it printed, when it failed.
    pub fn baton(&self, words: &[&str], input: &str) -> Result<String> {
        use std::io::Write;
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.baton.display()))?;
        child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "baton {}: {errors}", words.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.baton);
        command.args(words).arg("--dir").arg(self.folder());
        if let Some(file) = &self.authority {
            // What it trusts when it calls the other gateway.
            command.env("SSL_CERT_FILE", file);
        }
        command
    }

    /// Adds an agent of every area.
    ///
    /// # Errors
    /// Whatever `baton` says.
    pub fn add_agent(&self, login: &str) -> Result<()> {
        let words = ["agent", "add", login, "--title", login, "--area", AREA, "--password-stdin"];
        self.baton(&words, PASSWORD).map(drop)
    }

    /// Makes another gateway, which is running, a peer that may send as many customers as it likes.
    ///
    /// # Errors
    /// Whatever `baton` says.
    pub fn trust(&self, other: &Self) -> Result<()> {
        let fingerprint = other.baton(&["fingerprint"], "")?;
        let url = other.own_url();
        let mut words = vec!["peer", "add", &url, "--class", "partner", "--fingerprint", fingerprint.trim()];
        words.extend(["--per-minute", "60000", "--reservations", "100000"]);
        self.baton(&words, "").map(drop)
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(&mut self) -> Result<()> {
        let log = self.folder.path().join("log");
        let file = std::fs::File::create(&log)?;
        let mut command = self.command(&["serve"]);
        if self.plan.memory {
            command.args(["--store", "memory"]);
        }
        command.env("RUST_LOG", "warn").stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let mut child = command.spawn()?;
        let start = Instant::now();
        while TcpStream::connect(self.listens()).is_err() {
            let over = child.try_wait()?.is_some();
            if over || start.elapsed() > START {
                let _ = child.kill();
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                bail!("{} did not start:\n{log}", self.plan.name);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child = Some(child);
        Ok(())
    }

    /// The number of its process.
    ///
    /// # Errors
    /// When it is not running.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("the gateway is not running")?.id())
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// So many ports that are free now. All are held until all are known, so that they differ.
///
/// # Errors
/// When there are none.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut held = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// The `baton` to measure: the one that was named, or else the one beside this program.
///
/// # Errors
/// When there is none.
pub fn binary(named: Option<&Path>) -> Result<PathBuf> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => std::env::current_exe()?.with_file_name("baton"),
    };
    ensure!(
        path.is_file(),
        "there is no {}: build it with `cargo build --release -p baton-gateway`, or name one with --baton",
        path.display()
    );
    Ok(path)
}
