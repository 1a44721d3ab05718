//! A company: a gateway, its agents, and its website.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

/// What a company is like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Server name, and the host name before `.localhost`.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// The subject that it handles.
    pub subject: &'static str,
    /// Accent colour.
    pub accent: &'static str,
    /// Areas, name and title.
    pub areas: &'static [(&'static str, &'static str)],
    /// Agents: login, title, areas, role.
    pub agents: &'static [(&'static str, &'static str, &'static [&'static str], &'static str)],
    /// Port of the gateway; 0 for any.
    pub port: u16,
    /// Port of the website; 0 for any.
    pub site_port: u16,
}

/// The password of every agent of the demo and of the tests, which run on this machine alone.
pub const PASSWORD: &str = "correct horse battery";

/// Acme Outdoor, which sells.
pub const ACME: Plan = Plan {
    name: "acme",
    title: "Acme Outdoor",
    subject: "Tents, packs and stoves",
    accent: "#1f6f50",
    areas: &[("sales", "Sales"), ("billing", "Billing")],
    agents: &[
        ("anna", "Anna", &["sales"], "agent"),
        ("ben", "Ben", &["sales", "billing"], "agent"),
        ("alma", "Alma", &["sales", "billing"], "supervisor"),
        ("ada", "Ada", &["sales"], "admin"),
    ],
    port: 0,
    site_port: 0,
};

/// Globex Repairs, which repairs.
pub const GLOBEX: Plan = Plan {
    name: "globex",
    title: "Globex Repairs",
    subject: "Repairs of all kinds",
    accent: "#8a3b12",
    areas: &[("repairs", "Repairs"), ("spares", "Spare parts")],
    agents: &[("gus", "Gus", &["repairs", "spares"], "agent"), ("gina", "Gina", &["repairs"], "supervisor")],
    port: 0,
    site_port: 0,
};

/// Initech, whom Globex asks in turn.
pub const INITECH: Plan = Plan {
    name: "initech",
    title: "Initech",
    subject: "Everything else",
    accent: "#333366",
    areas: &[("help", "Help")],
    agents: &[("ina", "Ina", &["help"], "agent")],
    port: 0,
    site_port: 0,
};

/// A company that is set up.
pub struct Company {
    plan: Plan,
    folder: PathBuf,
    port: u16,
    site_port: u16,
    gateway: Option<Child>,
    /// The queue manager, where it is a process of its own (Q2), and its arguments for the gateway.
    queue: Option<Child>,
    role: &'static [&'static str],
    variables: Vec<(String, String)>,
    log: PathBuf,
}

impl Company {
    /// Sets a company up in a folder of its own and serves its website. The gateway is not started yet.
    ///
    /// # Errors
    /// Whatever `baton` says.
    pub async fn set_up(plan: Plan, folder: &Path) -> Result<Self> {
        let folder = folder.join(plan.name);
        let (port, site_port) = free_pair(plan.port, plan.site_port)?;
        let log = folder.with_extension("log");
        let company = Self {
            plan,
            folder,
            port,
            site_port,
            gateway: None,
            queue: None,
            role: &[],
            variables: Vec::new(),
            log,
        };
        company.initialise()?;
        company.serve_site().await?;
        Ok(company)
    }

    fn initialise(&self) -> Result<()> {
        let Plan { name, title, subject, accent, areas, agents, .. } = self.plan;
        let mut init = vec!["init".to_owned()];
        let mut option = |name: &str, value: String| init.extend([format!("--{name}"), value]);
        option("name", name.into());
        option("title", title.into());
        option("subject", subject.into());
        option("accent", accent.into());
        option("url", self.url());
        option("listen", format!("127.0.0.1:{}", self.port));
        option("site", self.site());
        option("page", format!("{}/", self.site()));
        for (area, title) in areas {
            option("area", format!("{area}={title}"));
        }
        self.baton(&init, "")?;
        for (login, title, areas, role) in agents {
            let mut add: Vec<String> =
                ["agent", "add", login, "--title", title, "--role", role, "--password-stdin"]
                    .map(Into::into)
                    .into();
            areas.iter().for_each(|area| add.extend(["--area".into(), (*area).into()]));
            self.baton(&add, PASSWORD)?;
        }
        Ok(())
    }

    /// Adds lines to the settings, before the gateway is started.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, lines: &str) -> Result<()> {
        let file = self.folder.join("baton.toml");
        let text = std::fs::read_to_string(&file)?;
        Ok(std::fs::write(file, format!("{text}\n{lines}"))?)
    }

    /// Adds lines to the settings of an area, before the gateway is started.
    ///
    /// # Errors
    /// When the file cannot be written, or there is no such area.
    pub fn configure_area(&self, area: &str, lines: &str) -> Result<()> {
        self.configure_after(&format!("[[area]]\nname = \"{area}\"\n"), lines)
    }

    /// Adds lines after what stands in the settings, such as a heading, before the gateway is started.
    ///
    /// # Errors
    /// When the file cannot be written, or that does not stand there.
    pub fn configure_after(&self, place: &str, lines: &str) -> Result<()> {
        let file = self.folder.join("baton.toml");
        let text = std::fs::read_to_string(&file)?;
        ensure!(text.contains(place), "the settings have no {place:?}");
        Ok(std::fs::write(file, text.replacen(place, &format!("{place}{lines}\n"), 1))?)
    }

    /// Sets environment variables for every later `baton` of this company.
    pub fn set_variables(&mut self, variables: &[(&str, &str)]) {
        self.variables.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    }

    /// Its data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs `baton` on this company's folder.
    ///
    /// # Errors
    /// What it printed, when it failed.
    pub fn baton(&self, arguments: &[impl AsRef<str>], input: &str) -> Result<String> {
        use std::io::Write;
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let mut child = Command::new(binary()?)
            .args(&arguments)
            .arg("--dir")
            .arg(&self.folder)
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "baton {}: {errors}", arguments.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Makes the other company a peer; its gateway must be running.
    ///
    /// # Errors
    /// Whatever `baton` says.
    pub fn trust(&self, other: &Self, mode: &str) -> Result<()> {
        let fingerprint = other.baton(&["fingerprint"], "")?;
        let page = format!("{}/", other.site());
        self.trust_server(&other.url(), fingerprint.trim(), &["--mode", mode, "--page", &page])
    }

    /// Makes any server a peer; it must be running.
    ///
    /// # Errors
    /// Whatever `baton` says.
    pub fn trust_server(&self, url: &str, fingerprint: &str, more: &[&str]) -> Result<()> {
        let mut arguments = vec!["peer", "add", url, "--class", "partner", "--fingerprint", fingerprint];
        arguments.extend(more);
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        self.baton(&arguments, "").map(drop)
    }

    /// Starts the gateway and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn start(&mut self) -> Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new(binary()?)
            .arg("serve")
            .args(self.role)
            .arg("--dir")
            .arg(&self.folder)
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info".into()))
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.gateway = Some(child);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let answers = crate::until("the gateway to answer", || async move {
            tokio::net::TcpStream::connect(address).await?;
            Ok(())
        });
        answers.await.with_context(|| format!("{} did not start:\n{}", self.plan.name, self.log()))
    }

    /// Has its queue manager in a process of its own from now on, before the gateway is started.
    ///
    /// # Errors
    /// When the settings cannot be written.
    pub fn queue_apart(&mut self) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let port = free(0)?;
        let address = format!("127.0.0.1:{port}");
        self.configure(&format!("[queue_manager]\nconnect = \"{address}\"\nlisten = \"{address}\"\n"))?;
        let secret = self.folder.join("queue.secret");
        std::fs::write(&secret, "only for this test, and long enough")?;
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600))?;
        self.role = &["--role", "edge"];
        Ok(())
    }

    /// Starts the queue manager.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn start_queue(&mut self) -> Result<()> {
        let log = std::fs::File::create(self.folder.with_extension("queue.log"))?;
        let mut command = Command::new(binary()?);
        command.args(["serve", "--role", "queue", "--dir"]).arg(&self.folder);
        command.env("RUST_LOG", "info").stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.queue = Some(command.spawn()?);
        Ok(())
    }

    /// Kills the queue manager.
    ///
    /// # Errors
    /// When it was not running.
    pub fn kill_queue(&mut self) -> Result<()> {
        let mut child = self.queue.take().context("the queue manager is not running")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// What the queue manager has logged since it was started.
    #[must_use]
    pub fn queue_log(&self) -> String {
        std::fs::read_to_string(self.folder.with_extension("queue.log")).unwrap_or_default()
    }

    /// Kills the gateway, as a failing machine would.
    ///
    /// # Errors
    /// When it was not running.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.gateway.take().context("the gateway is not running")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Asks the gateway to stop and waits for it.
    ///
    /// # Errors
    /// When it does not stop within ten seconds.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.gateway.take() else { return Ok(()) };
        ensure!(terminate(&mut child), "{} did not stop within ten seconds", self.plan.name);
        Ok(())
    }

    /// Tells the gateway to read its settings again, by SIGHUP.
    ///
    /// # Errors
    /// When it is not running.
    pub fn hang_up(&self) -> Result<()> {
        let child = self.gateway.as_ref().context("the gateway is not running")?;
        signal(i32::try_from(child.id())?, libc::SIGHUP);
        Ok(())
    }

    /// What the gateway has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The gateway's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}.localhost:{}", self.plan.name, self.port)
    }

    /// The gateway's address by number, for programs whose resolver does not know names below `localhost`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The gateway's WebSocket, by address rather than by name.
    #[must_use]
    pub fn socket(&self) -> String {
        format!("ws://127.0.0.1:{}/v1/ws", self.port)
    }

    /// The gateway's WebSocket, as it names itself.
    #[must_use]
    pub fn own_socket(&self) -> String {
        format!("ws://{}.localhost:{}/v1/ws", self.plan.name, self.port)
    }

    /// The agents' console.
    #[must_use]
    pub fn console(&self) -> String {
        format!("{}/console/", self.url())
    }

    /// The website.
    #[must_use]
    pub fn site(&self) -> String {
        format!("http://www.{}.localhost:{}", self.plan.name, self.site_port)
    }

    /// What it is like.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    async fn serve_site(&self) -> Result<()> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/two-companies");
        let mut router = Router::new();
        let css = std::fs::read_to_string(format!("{folder}/style.css"))?;
        router =
            router.route("/style.css", get(move || async { ([(header::CONTENT_TYPE, "text/css")], css) }));
        let pages = std::fs::read_dir(format!("{folder}/{}", self.plan.name));
        // A company without a website of its own is served its gateway's pages alone.
        for file in pages.into_iter().flatten() {
            let file = file?;
            let html = std::fs::read_to_string(file.path())?.replace("{gateway}", &self.url());
            let name = file.file_name().to_string_lossy().into_owned();
            let page = move || async { axum::response::Html(html).into_response() };
            router = router.route(&format!("/{name}"), get(page.clone()));
            if name == "index.html" {
                router = router.route("/", get(page));
            }
        }
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, self.site_port)).await?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(())
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        for mut child in self.gateway.take().into_iter().chain(self.queue.take()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Asks a process to stop, and kills it after ten seconds. Whether it stopped by itself.
pub(crate) fn terminate(child: &mut Child) -> bool {
    // Not yet waited for: the number is still its own.
    if let Ok(pid) = i32::try_from(child.id()) {
        signal(pid, libc::SIGTERM);
    }
    for _ in 0..200 {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return true;
        }
        // waits: between two looks at whether the process has ended.
        std::thread::sleep(Duration::from_millis(50));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// Kills what is left of the group that a process has led.
pub(crate) fn kill_group(leader: &Child) {
    // Where nothing is left of it, no other group has its number yet, since the numbers go round.
    kill_group_of(leader.id());
}

/// The same, by the number of a leader that has not been waited for.
pub(crate) fn kill_group_of(leader: u32) {
    if let Ok(pid) = i32::try_from(leader) {
        signal(-pid, libc::SIGKILL);
    }
}

/// Sends a signal to a process, or to a group by its number below zero.
fn signal(to: i32, signal: i32) {
    // SAFETY: kill(2) touches no memory of ours.
    #[expect(unsafe_code, reason = "the standard library sends no signal but SIGKILL, and none to a group")]
    unsafe {
        libc::kill(to, signal);
    }
}

/// A port that is free now: the wanted one, or any for 0.
pub(crate) fn free(port: u16) -> Result<u16> {
    Ok(hold(port)?.local_addr()?.port())
}

/// Two ports that are free now. Both are held until both are known, so that they differ.
fn free_pair(port: u16, site_port: u16) -> Result<(u16, u16)> {
    let (gateway, site) = (hold(port)?, hold(site_port)?);
    Ok((gateway.local_addr()?.port(), site.local_addr()?.port()))
}

fn hold(port: u16) -> Result<TcpListener> {
    let bind = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    if port > 0 {
        return bind(port).with_context(|| format!("port {port} is taken: stop what uses it"));
    }
    let mut any =
        (0..PORTS).filter_map(|_| bind(FIRST_PORT + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS).ok());
    any.next().context("no port is free")
}

/// Ports below those that systems give to outgoing connections, from a place of this process's own on, each once: the
/// port of a gateway that is down for a while is nobody else's meanwhile.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 22_000;
static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
    let place = std::process::id().wrapping_mul(211) % u32::from(PORTS);
    AtomicU16::new(u16::try_from(place).unwrap_or_default())
});

/// The built `baton`.
fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("BATON_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let folder = test.ancestors().find(|folder| folder.join("baton").is_file());
    folder
        .map(|folder| folder.join("baton"))
        .context("there is no `baton` yet: `cargo build -p baton-gateway`")
}
