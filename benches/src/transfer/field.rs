//! Two gateways that trust each other, an agent at each, and the lines between everybody.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use baton_protocol::ChatId;

use super::desk::Desk;
use super::proxy::Proxy;
use super::socket::Network;
use crate::gateway::{Gateway, Plan, free_ports};
use crate::tls::Authority;

/// How long anything that is going to happen may take on a slow machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Round-trip times of the lines.
#[derive(Clone, Copy, Debug)]
pub struct Delay {
    /// Between the customer and either gateway.
    pub customer: Duration,
    /// Between the gateways.
    pub servers: Duration,
}

/// Proxies on the lines, when there are any.
pub struct Lines {
    /// From the customer to the destination.
    pub arrival: Proxy,
    /// From the customer to the origin.
    pub origin: Proxy,
    /// From one gateway to the other, both ways.
    pub servers: [Proxy; 2],
}

/// Everything but the customer.
pub struct Field {
    /// The origin's agent.
    pub anna: Desk,
    /// The destination's agent.
    pub gus: Desk,
    /// The customer's way to either gateway.
    pub network: Network,
    /// The sockets of both, the origin's first.
    pub sockets: [String; 2],
    /// The origin's last chat.
    pub last: Option<ChatId>,
    /// What stands between.
    pub lines: Option<Lines>,
    _gateways: [Gateway; 2],
    _authority: Authority,
}

impl Field {
    /// Starts everything.
    ///
    /// # Errors
    /// When something does not start.
    pub async fn set_up(baton: &Path, delay: Option<Delay>) -> Result<Self> {
        let authority = Authority::new()?;
        let ports = free_ports::<4>()?;
        let plan = |name, port: u16, other: u16| {
            // Behind a proxy it listens elsewhere.
            let listen = if delay.is_some() { other } else { port };
            Plan { name, port, listen, memory: false, settings: String::new() }
        };
        let mut acme = Gateway::set_up(baton, plan("acme", ports[0], ports[1]), Some(&authority))?;
        let mut globex = Gateway::set_up(baton, plan("globex", ports[2], ports[3]), Some(&authority))?;
        acme.add_agent("anna")?;
        globex.add_agent("gus")?;
        acme.start()?;
        globex.start()?;
        let lines = match delay {
            None => None,
            Some(delay) => Some(Lines {
                arrival: Proxy::start(0, globex.listens(), delay.customer).await?,
                origin: Proxy::start(0, acme.listens(), delay.customer).await?,
                servers: [
                    Proxy::start(ports[0], acme.listens(), delay.servers).await?,
                    Proxy::start(ports[2], globex.listens(), delay.servers).await?,
                ],
            }),
        };
        acme.trust(&globex)?;
        globex.trust(&acme)?;
        let sockets = [acme.socket(), globex.socket()];
        let network = |addresses| -> Result<Network> {
            Ok(Network {
                tls: Some(authority.client()?),
                addresses: sockets.iter().cloned().zip(addresses).collect::<HashMap<_, _>>(),
            })
        };
        let agents = network([acme.listens(), globex.listens()])?;
        let customer = match &lines {
            None => agents.clone(),
            Some(lines) => network([lines.origin.address(), lines.arrival.address()])?,
        };
        let mut anna = Desk::start(sockets[0].clone(), "anna", agents.clone());
        let mut gus = Desk::start(sockets[1].clone(), "gus", agents);
        anna.until("the gateway to let her in", LIMIT, |seen| seen.online).await?;
        gus.until("the gateway to let him in", LIMIT, |seen| seen.online).await?;
        Ok(Self {
            anna,
            gus,
            network: customer,
            sockets,
            last: None,
            lines,
            _gateways: [acme, globex],
            _authority: authority,
        })
    }
}
