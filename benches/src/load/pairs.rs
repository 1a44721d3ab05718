//! Who talks to whom: connections and lanes, on each kind of server.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use baton_protocol::{ChatId, ClientFrame, ErrorCode, ServerFrame};
use clap::{Args, ValueEnum};

use super::engine::{Connection, Lane};
use super::opening::Opening;
use super::scan::Scan;
use super::script::Script;
use super::server::{Server, Speaks};
use super::ws;

/// A gateway gives up whoever says nothing for a minute, and a slow machine takes longer than that for many logins.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a customer may take from their welcome into the queue.
const PICK_UP: Duration = Duration::from_secs(2);

/// What the load looks like.
#[derive(Clone, Debug, Args)]
pub struct Load {
    /// Pairs, or rooms.
    #[arg(long, default_value_t = 100)]
    pub pairs: usize,
    /// Bytes of a message. For Baton, of its text.
    #[arg(long, default_value_t = 64)]
    pub size: usize,
    /// What the server does with a message. Baton relays between the customer and the agent of a chat.
    #[arg(long, default_value = "pair")]
    pub shape: Shape,
    /// Connections of a room, for `broadcast`.
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    pub members: usize,
    /// Text messages instead of binary ones.
    #[arg(long)]
    pub text: bool,
    /// A text message that each connection sends first; {room} and {side} are filled in. Repeat for more.
    #[arg(long, value_name = "TEXT")]
    pub hello: Vec<String>,
    /// Wait after those until the server has said something with this in it.
    #[arg(long, value_name = "TEXT")]
    pub expect: Option<String>,
    /// What each connection sends under load, instead of --size bytes of filler; {room} and {side} are filled in.
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Agents of Baton that share the chats; without it, each chat has one of its own.
    #[arg(long, value_name = "NUMBER")]
    pub chat_agents: Option<usize>,
}

/// What a server does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// It goes to the other one of two.
    Pair,
    /// It comes back.
    Echo,
    /// It goes to everybody else in the room.
    Broadcast,
}

impl Load {
    /// Agents that Baton must have.
    #[must_use]
    pub fn agents(&self) -> usize {
        self.chat_agents.unwrap_or(self.pairs).clamp(1, self.pairs.max(1))
    }

    fn filler(&self, room: usize, side: &str) -> Vec<u8> {
        match &self.message {
            Some(message) => fill(message, room, side).into_bytes(),
            None => vec![b'x'; self.size],
        }
    }
}

fn fill(text: &str, room: usize, side: &str) -> String {
    text.replace("{room}", &room.to_string()).replace("{side}", side)
}

/// Everybody, ready.
#[derive(Default)]
pub struct Crowd {
    /// The connections.
    pub connections: Vec<Connection>,
    /// The lanes.
    pub lanes: Vec<Lane>,
}

impl Crowd {
    /// Opens every connection of the load.
    ///
    /// # Errors
    /// When the server does not take them.
    pub fn gather(server: &Server, load: &Load) -> Result<Self> {
        ensure!(
            load.pairs > 0 && load.size > 0,
            "a load has at least one pair, and messages of at least one byte"
        );
        if let Speaks::Baton { agents, password } = &server.speaks {
            ensure!(load.shape == Shape::Pair, "Baton relays between the two of a chat: --shape pair");
            return Self::chats(server, load, agents, password);
        }
        let mut crowd = Self::default();
        for room in 0..load.pairs {
            match load.shape {
                Shape::Echo => crowd.echo(server, load, room)?,
                Shape::Pair => crowd.room(server, load, room, 2)?,
                Shape::Broadcast => crowd.room(server, load, room, load.members.max(2))?,
            }
        }
        Ok(crowd)
    }

    fn echo(&mut self, server: &Server, load: &Load, room: usize) -> Result<()> {
        let lane = self.lanes.len();
        let (connection, script) = open(server, load, room, 0, "c", lane)?;
        self.connections.push(connection);
        self.lanes.push(Lane::new(lane, script, 1, lane));
        Ok(())
    }

    /// Two who answer each other; or one who sends and many who receive.
    fn room(&mut self, server: &Server, load: &Load, room: usize, members: usize) -> Result<()> {
        let (lane, first) = (self.lanes.len(), self.connections.len());
        let pair = load.shape == Shape::Pair;
        for member in 0..members {
            let side = if member == 0 {
                "c".to_owned()
            } else if pair {
                "a".to_owned()
            } else {
                format!("a{member}")
            };
            // The first one hears the second one, everybody else the first one.
            let hears = if pair && member == 0 { lane + 1 } else { lane };
            let (connection, script) = open(server, load, room, member, &side, hears)?;
            self.connections.push(connection);
            if pair {
                self.lanes.push(Lane::new(first + member, script, 1, lane + 1 - member));
            } else if member == 0 {
                self.lanes.push(Lane::new(first, script, u32::try_from(members - 1)?, lane));
            }
        }
        Ok(())
    }

    /// Chats of Baton's: the agents first, then for each customer an agent who picks them up.
    fn chats(server: &Server, load: &Load, agents: &str, password: &str) -> Result<Self> {
        let text = "x".repeat(load.size);
        let mut crowd = Self::default();
        let mut desks: Vec<(Opening, HashMap<_, _>)> = Vec::new();
        let mut beat = Instant::now();
        for number in 0..load.agents() {
            if beat.elapsed() > HEARTBEAT {
                desks.iter_mut().try_for_each(|(desk, _)| desk.beat())?;
                beat = Instant::now();
            }
            let desk = Opening::agent(server.address, &format!("{agents}{number}"), password)
                .with_context(|| format!("agent {agents}{number}"))?;
            desks.push((desk, HashMap::new()));
        }
        for room in 0..load.pairs {
            let at = room % desks.len();
            let (mut customer, chat) = Opening::customer(server.address)?;
            let (desk, chats) = &mut desks[at];
            pick_up(desk, chat)?;
            customer.hear(|frame| matches!(frame, ServerFrame::PhaseChanged { .. }).then_some(()))?;
            let lane = 2 * room;
            chats.insert(chat.0, lane);
            let script = |chat, lane: usize| Script::chat(chat, &text, run() | (lane as u128) << 64);
            crowd.lanes.push(Lane::new(room, script(None, lane), 1, lane + 1));
            crowd.lanes.push(Lane::new(load.pairs + at, script(Some(chat), lane + 1), 1, lane));
            let (stream, rest) = customer.into_parts();
            crowd.connections.push(Connection::new(stream, Scan::Customer(lane + 1), rest)?);
            // What an agent does not read, the gateway would have to keep.
            desks.iter_mut().try_for_each(|(desk, _)| desk.drain())?;
            if beat.elapsed() > HEARTBEAT {
                desks.iter_mut().try_for_each(|(desk, _)| desk.beat())?;
                crowd.connections.iter_mut().try_for_each(Connection::beat)?;
                beat = Instant::now();
            }
        }
        for (desk, chats) in desks {
            let (stream, rest) = desk.into_parts();
            crowd.connections.push(Connection::new(stream, Scan::Agent(chats), rest)?);
        }
        Ok(crowd)
    }
}

/// A customer is in the queue a moment after their welcome, and until then nobody can pick them up.
fn pick_up(desk: &mut Opening, chat: ChatId) -> Result<()> {
    let end = Instant::now() + PICK_UP;
    loop {
        desk.say(&ClientFrame::PickUp { chat })?;
        let picked = desk.hear(|frame| match frame {
            ServerFrame::Opened { card, .. } if card.chat == chat => Some(true),
            ServerFrame::Refused { code: ErrorCode::AlreadyTaken, .. } if Instant::now() < end => Some(false),
            _ => None,
        })?;
        if picked {
            return Ok(());
        }
    }
}

/// Ids of this run: no two runs against one gateway have a message id in common.
fn run() -> u128 {
    let mut bytes = [0; 4];
    // Without random numbers, ids are only unique within the run.
    let _ = getrandom::fill(&mut bytes);
    u128::from(u32::from_be_bytes(bytes)) << 96
}

/// A connection that hears one lane, and what it sends.
fn open(
    server: &Server,
    load: &Load,
    room: usize,
    member: usize,
    side: &str,
    hears: usize,
) -> Result<(Connection, Script)> {
    let address = server.address;
    let mut opening = Opening::connect(address)?;
    let filler = load.filler(room, side);
    let frame = |op, payload: &[u8]| {
        let mut bytes = Vec::new();
        ws::put(op, payload, &mut bytes);
        Script::same(&bytes)
    };
    let (scan, script) = match &server.speaks {
        Speaks::Websocket { path } => {
            opening = opening.upgrade(address, &fill(path, room, side), None)?;
            for hello in &load.hello {
                opening.put(ws::TEXT, fill(hello, room, side).as_bytes())?;
            }
            if let Some(wanted) = &load.expect {
                opening.expect(wanted)?;
            }
            let op = if load.text || load.message.is_some() { ws::TEXT } else { ws::BINARY };
            (Scan::Messages(hears), frame(op, &filler))
        }
        Speaks::Raw => {
            let hello = [u32::try_from(room)?.to_le_bytes(), u32::try_from(member)?.to_le_bytes()];
            opening.write(&hello.concat())?;
            let scan = Scan::Bytes { lane: hears, each: filler.len(), over: 0, framed: false };
            (scan, Script::same(&filler))
        }
        Speaks::SocketIo => {
            let path = format!("/socket.io/?EIO=4&transport=websocket&room={room}&side={side}");
            opening = opening.upgrade(address, &path, None)?;
            opening.expect("0{")?;
            opening.put(ws::TEXT, b"40")?;
            opening.expect("40{")?;
            let message = format!("42[\"m\",\"{}\"]", String::from_utf8_lossy(&filler));
            (Scan::Events(hears), frame(ws::TEXT, message.as_bytes()))
        }
        Speaks::Nats => {
            opening = opening.upgrade(address, "/", None)?;
            opening.expect("INFO")?;
            let hello = format!("CONNECT {{\"verbose\":false}}\r\nSUB r.{room}.{side} 1\r\nPING\r\n");
            opening.put(ws::BINARY, hello.as_bytes())?;
            opening.expect("PONG")?;
            let other = match side {
                "c" => "a",
                "a" => "c",
                _ => bail!("NATS is measured with --shape pair"),
            };
            let size = filler.len();
            let each = format!("MSG r.{room}.{side} 1 {size}\r\n").len() + size + 2;
            let mut message = format!("PUB r.{room}.{other} {size}\r\n").into_bytes();
            message.extend(filler);
            message.extend(b"\r\n");
            (Scan::Bytes { lane: hears, each, over: 0, framed: true }, frame(ws::BINARY, &message))
        }
        Speaks::Baton { .. } => bail!("chats are opened otherwise"),
    };
    let (stream, rest) = opening.into_parts();
    Ok((Connection::new(stream, scan, rest)?, script))
}
