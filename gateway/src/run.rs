//! A gateway from start to stop.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpSocket;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::bus::LocalBus;
use crate::config::Config;
use crate::documents::Documents;
use crate::driver::Gateway;
use crate::driver::visitors::Visitors;
use crate::edge::certificate::Certificate;
use crate::edge::http::Surface;
use crate::edge::server::Door;
use crate::edge::workers::Workers;
use crate::edge::{echo, sweep};
use crate::federation::Federation;
use crate::federation::client::Client;
use crate::federation::keys::Live;
use crate::queue_link;
use crate::queue_link::edge::There;
use crate::queue_link::sealed::Secret;
use crate::store::Store;

/// The database's file in the data folder.
pub const DATABASE: &str = "baton.db";

/// Connections that the system has opened and nobody has accepted yet. It cuts this to its own limit.
const BACKLOG: u32 = 4_096;

/// How long connections have to end by themselves when the gateway stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Why a gateway has stopped.
#[derive(Debug)]
pub enum Stopped {
    /// It was told to.
    Told,
    /// It is to start again with these settings.
    ToReload(Box<Config>),
}

/// Runs a gateway until it is told to stop (SIGTERM or SIGINT), or to take on other settings (SIGHUP, or
/// [`Gateway::reload`]), which `read` reads. Settings that it could not start with change nothing.
///
/// # Errors
/// When it cannot start: each says what to do.
pub async fn serve(
    config: Config,
    store: Arc<dyn Store>,
    read: impl Fn() -> Result<Config>,
) -> Result<Stopped> {
    // From here on a SIGHUP is a request, and no end.
    let mut hangup = signal(SignalKind::hangup())?;
    let certificate = config.tls.clone().map(Certificate::load).transpose()?;
    let tls = certificate.clone().map(Certificate::config).transpose()?;
    let listener = listen(config.listen)
        .with_context(|| format!("cannot listen on {}: is another program using it?", config.listen))?;
    if tls.is_none() {
        tracing::warn!("plain HTTP: only this machine, or a proxy on it, can use this gateway");
    }
    let there = there(&config)?;
    tracing::info!(server = %config.name, address = %config.listen, url = %config.url, "listening");
    let gateway = gateway(config, store).await?;
    gateway.documents.sweep()?;
    gateway.restore().await?;
    let admin = match admin::Socket::open(&gateway.config.folder).await {
        Ok(socket) => Some(tokio::spawn(socket.run(gateway.clone()))),
        Err(error) => {
            tracing::warn!("`baton chat` cannot reach this gateway: {error:#}");
            None
        }
    };
    let link = there.map(|there| tokio::spawn(queue_link::edge::run(gateway.clone(), there)));
    let background = tokio::spawn(gateway.clone().run());
    let sweeper = tokio::spawn(sweep::run(gateway.clone()));
    let follower = certificate.map(|certificate| tokio::spawn(certificate.follow()));
    let door = Arc::new(Door {
        tls: tls.map(|tls| TlsAcceptor::from(Arc::new(tls))),
        trusted_proxies: gateway.config.trusted_proxies.clone(),
        per_address: gateway.config.limits.per_address,
        addresses: Arc::default(),
        tasks: TaskTracker::new(),
    });
    let workers = Workers::start(&listener, &door, &Surface::new(gateway.clone()))?;
    let why = until_stopped(&gateway, &mut hangup, read).await?;
    let reload = matches!(why, Stopped::ToReload(_));
    tracing::info!(connections = gateway.connections(), reload, "stopping");
    workers.stop();
    gateway.drain();
    door.tasks.close();
    let _ = tokio::time::timeout(DRAIN, door.tasks.wait()).await;
    workers.end().await;
    background.abort();
    sweeper.abort();
    if let Some(follower) = follower {
        follower.abort();
    }
    if let Some(link) = link {
        link.abort();
        let _ = link.await;
    }
    if let Some(admin) = admin {
        admin.abort();
        let _ = admin.await;
    }
    // The store's thread is joined when the last of its holders is gone: everything handed over is stored.
    let _ = background.await;
    let _ = sweeper.await;
    Ok(why)
}

/// Until it is told to stop, or has settings that it can start again with.
async fn until_stopped(
    gateway: &Gateway,
    hangup: &mut Signal,
    read: impl Fn() -> Result<Config>,
) -> Result<Stopped> {
    let stopped = stopped()?;
    tokio::pin!(stopped);
    loop {
        let asked = tokio::select! {
            () = &mut stopped => return Ok(Stopped::Told),
            _ = hangup.recv() => None,
            asked = gateway.to_reload() => Some(asked),
        };
        let next = read().and_then(|next| rehearse(&next, &gateway.config).map(|()| next));
        let told = next.as_ref().map(drop).map_err(|error| format!("{error:#}"));
        if let Err(error) = &told {
            tracing::error!("nothing is changed, the settings before stay in force: {error}");
        }
        // Whoever has asked and gone does not need to know.
        let _ = asked.map(|asked| asked.send(told));
        if let Ok(next) = next {
            return Ok(Stopped::ToReload(Box::new(next)));
        }
    }
}

/// Whether a gateway could start with these settings, as far as that can be tried while it runs.
fn rehearse(next: &Config, now: &Config) -> Result<()> {
    if let Some(tls) = next.tls.clone() {
        Certificate::load(tls)?.config()?;
    }
    there(next)?;
    Visitors::open(next)?;
    if next.listen != now.listen {
        // Its own port is in use by itself, whatever the address.
        let port = if next.listen.port() == now.listen.port() { 0 } else { next.listen.port() };
        listen(SocketAddr::new(next.listen.ip(), port))
            .with_context(|| format!("cannot listen on {}", next.listen))?;
    }
    // Last, since it makes the folder that it does not find.
    Documents::open(&next.documents, &next.folder).map(drop)
}

/// Echoes WebSocket messages until it is told to stop (SIGTERM or SIGINT).
///
/// # Errors
/// When it cannot listen.
pub async fn serve_echo(address: SocketAddr) -> Result<()> {
    let listener = listen(address).with_context(|| format!("cannot listen on {address}"))?;
    println!("echoing on ws://{}", listener.local_addr()?);
    let door = Arc::new(Door {
        tls: None,
        trusted_proxies: Vec::new(),
        per_address: usize::MAX,
        addresses: Arc::default(),
        tasks: TaskTracker::new(),
    });
    let stopped = stopped()?;
    let workers = Workers::start(&listener, &door, &echo::router().into())?;
    stopped.await;
    workers.stop();
    workers.end().await;
    Ok(())
}

/// A gateway with everything that it needs and nothing in memory yet.
///
/// # Errors
/// When keys, database or documents cannot be used.
pub async fn gateway(config: Config, store: Arc<dyn Store>) -> Result<Arc<Gateway>> {
    let keys = Live::open(&config.folder)?;
    let settings = config.settings();
    let federation = Federation::new(settings.server.clone(), keys, Client::new()?, store.clone());
    federation.refresh().await;
    let documents = Documents::open(&config.documents, &config.folder)?;
    let visitors = Visitors::open(&config)?;
    let bus = Arc::new(LocalBus::default());
    Ok(Gateway::new(config, settings, store, bus, federation, documents, visitors))
}

/// A listener that never blocks.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart need not wait for the connections of the last run.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Where the queue manager is, if it is on another machine.
fn there(config: &Config) -> Result<Option<There>> {
    let manager = config.desk.manager.as_ref();
    let Some((address, manager)) = manager.and_then(|manager| Some((manager.connect?, manager))) else {
        return Ok(None);
    };
    Ok(Some(There { address, secret: Secret::read(&manager.secret)? }))
}

/// Runs the queue manager for edges until it is told to stop (Q2).
///
/// # Errors
/// When it cannot start: each says what to do.
pub async fn serve_queue(config: Config) -> Result<()> {
    let manager = config.desk.manager.as_ref().context("the settings have no [queue_manager]")?;
    let listen = manager.listen.context("[queue_manager] has no `listen`")?;
    let secret = Secret::read(&manager.secret)?;
    queue_link::server::serve(listen, secret, config.desk.plan.clone(), stopped()?).await
}

fn stopped() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
