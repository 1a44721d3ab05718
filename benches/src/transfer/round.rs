//! One transfer, with a customer who writes all the time, and what has become of what they wrote.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use baton_protocol::model::{Destination, Share, Stage};
use baton_protocol::{ClientFrame, TransferId};

use super::field::{Field, LIMIT};
use super::widget::{Seen, Widget};
use crate::gateway::AREA;

/// Messages before the agent's click, for the line's own round-trip time.
const BEFORE: usize = 10;

/// Messages after the arrival, so that a gap behind it is seen as well.
const AFTER: usize = 20;

/// What one transfer was like.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// From the agent's click until the destination's welcome is stored.
    pub total: Duration,
    /// Of that, until the customer has the command.
    pub command: Duration,
    /// An acknowledgement at the origin: a round trip on the customer's line, and a commit.
    pub line: Duration,
    /// Round trips of the customer's, from the command to the welcome; 0 where nobody counted.
    pub customer_trips: u64,
    /// Round trips between the gateways, from the click to the welcome; 0 where nobody counted.
    pub server_trips: u64,
    /// Messages that the customer wrote. Every one of them is at the destination once.
    pub said: usize,
    /// The longest time between two acknowledgements.
    pub gap: Duration,
    /// The longest time from a message to its acknowledgement.
    pub slowest: Duration,
}

impl Round {
    /// Does one transfer.
    ///
    /// # Errors
    /// When it fails, or a message is lost or there twice.
    pub async fn run(field: &mut Field, every: Duration) -> Result<Self> {
        let mut widget = Widget::start(field.sockets.to_vec(), field.network.clone());
        widget.until("an agent", LIMIT, |seen| seen.active && seen.settled).await?;
        let last = field.last;
        let seen = field.anna.until("a chat", LIMIT, |seen| seen.chat.is_some() && seen.chat != last).await?;
        let chat = seen.chat.context("a chat")?;
        field.last = Some(chat);
        let mut said = 0;
        for _ in 0..BEFORE {
            say(&widget, &mut said, every).await?;
        }
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        let transfer = TransferId(id);
        let to = Destination::Server { server: "globex".into(), area: Some(AREA.into()) };
        let before = trips(field);
        let click = Instant::now();
        let frame = ClientFrame::Transfer { transfer, chat, to, comments: String::new(), share: Share::All };
        field.anna.order(frame).await?;
        let mut arrived = None;
        while arrived.is_none() {
            say(&widget, &mut said, every).await?;
            let seen = widget.until("what is there", LIMIT, |_| true).await?;
            arrived = seen.arrived.map(|at| (at, trips(field)));
            let failed = |seen: &super::desk::Seen| matches!(seen.transfer, Some((id, Stage::Failed, _)) if id == transfer);
            let desk = field.anna.until("what is there", LIMIT, |_| true).await?;
            if failed(&desk) {
                bail!("the transfer failed: {:?}", desk.transfer);
            }
            ensure!(click.elapsed() < LIMIT, "the customer has not arrived within {} s", LIMIT.as_secs());
        }
        let (at, after) = arrived.context("an arrival")?;
        for _ in 0..AFTER {
            say(&widget, &mut said, every).await?;
        }
        let seen =
            widget.until("acknowledgements", LIMIT, |seen| seen.settled && seen.said.len() == said).await?;
        verify(field, &seen).await?;
        let round = Self::of(&seen, click, at, [after[0] - before[0], after[1] - before[1]])?;
        widget.end().await?;
        // The destination's agent has a place again.
        widget.until("the end of the chat", LIMIT, |seen| seen.over).await?;
        Ok(round)
    }

    fn of(seen: &Seen, click: Instant, arrived: Instant, trips: [u64; 2]) -> Result<Self> {
        let command = seen.offered.context("no command was seen")?.duration_since(click);
        let mut acknowledged: HashMap<_, Instant> = HashMap::new();
        for (id, at) in &seen.acknowledged {
            acknowledged.entry(*id).or_insert(*at);
        }
        let took = |(id, at): &(_, Instant)| {
            acknowledged.get(id).map(|acknowledged| acknowledged.duration_since(*at))
        };
        let mut line: Vec<Duration> = seen.said.iter().take(BEFORE).filter_map(took).collect();
        line.sort_unstable();
        let gaps = seen.acknowledged.windows(2).map(|pair| pair[1].1.duration_since(pair[0].1));
        Ok(Self {
            total: arrived.duration_since(click),
            command,
            line: *line.get(line.len() / 2).context("nothing was acknowledged")?,
            customer_trips: trips[0],
            server_trips: trips[1],
            said: seen.said.len(),
            gap: gaps.max().unwrap_or_default(),
            slowest: seen.said.iter().filter_map(took).max().unwrap_or_default(),
        })
    }
}

async fn say(widget: &Widget, said: &mut usize, every: Duration) -> Result<()> {
    *said += 1;
    widget.say(format!("message {said}")).await?;
    tokio::time::sleep(every).await;
    Ok(())
}

/// Round trips so far: the customer's to the destination, and those between the gateways.
fn trips(field: &Field) -> [u64; 2] {
    let lines = field.lines.as_ref();
    lines.map_or([0; 2], |lines| {
        [lines.arrival.trips(), lines.servers.iter().map(super::proxy::Proxy::trips).sum()]
    })
}

/// Every message is shown to the destination's agent, once.
async fn verify(field: &mut Field, seen: &Seen) -> Result<()> {
    let all = |shown: &super::desk::Seen| seen.said.iter().all(|(id, _)| shown.shown.contains_key(id));
    let shown = field.gus.until("every message of the customer's", LIMIT, all).await;
    let shown = match shown {
        Ok(shown) => shown,
        Err(error) => {
            let there = field.gus.until("what is there", LIMIT, |_| true).await?;
            let lost = seen.said.iter().filter(|(id, _)| !there.shown.contains_key(id)).count();
            return Err(error.context(format!("of {} messages {lost} are not there", seen.said.len())));
        }
    };
    let twice = seen.said.iter().filter(|(id, _)| shown.shown[id] > 1).count();
    ensure!(twice == 0, "{twice} messages are there twice");
    Ok(())
}
