//! One round: a chat, a transfer, a kill, and what has become of them.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use baton_protocol::model::{Destination, Phase, Share};
use baton_protocol::{ChatId, ClientFrame, TransferId};

use super::judge::{self, Verdict};
use super::{Dice, Field, SETTLE};
use crate::LIMIT;
use crate::widget::Widget;

/// Between two messages of the customer's during the transfer: below the gateway's limit on frames.
const CHATTER: Duration = Duration::from_millis(40);

/// When to kill, from the agent's click on.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// Not at all: how long does a transfer take?
    Never,
    /// After so much time.
    After(Duration),
    /// Right after so many frames.
    Frame(u64),
}

/// What a round is to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Its number.
    pub number: u64,
    /// Where the customer begins: 0 or 1.
    pub origin: usize,
    /// Who is killed: 0 or 1.
    pub victim: usize,
    /// When.
    pub moment: Moment,
    /// For how long.
    pub down: Duration,
}

/// What a transfer without a kill takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measure {
    /// From the click until the origin's agent has heard that the customer arrived.
    pub time: Duration,
    /// Frames in that time.
    pub frames: u64,
}

impl Plan {
    /// Draws a round.
    #[must_use]
    pub fn draw(seed: u64, number: u64, measure: Measure) -> Self {
        let mut dice = Dice::new(seed, number);
        let [origin, victim] = [0, 0].map(|_: u64| usize::from(dice.below(2) == 1));
        let spread = u64::try_from(measure.time.as_micros()).unwrap_or(u64::MAX).max(1_000) * 5 / 4;
        let moment = match dice.below(2) {
            0 => Moment::After(Duration::from_micros(dice.below(spread))),
            _ => Moment::Frame(dice.below(measure.frames.max(8) * 5 / 4)),
        };
        // Rarely so long that the customer gives the destination up, or freezes the origin.
        let down = match dice.below(50) {
            0 => 12_000,
            1 => 17_000,
            _ => dice.below(300),
        };
        Self { number, origin, victim, moment, down: Duration::from_millis(down) }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, origin, victim, moment, down } = self;
        let who = if origin == victim { "origin" } else { "destination" };
        write!(f, "round {number} from {origin}: kill {who} {moment:?}, down {} ms", down.as_millis())
    }
}

/// The parts of a round under way.
pub struct Round<'f> {
    pub(super) field: &'f mut Field,
    pub(super) plan: Plan,
    pub(super) widget: Widget,
    pub(super) chat: ChatId,
}

impl<'f> Round<'f> {
    /// A customer at the origin, with its agent, and a first word each.
    ///
    /// # Errors
    /// When they do not come together.
    pub async fn begin(field: &'f mut Field, plan: Plan) -> Result<Self> {
        // Nobody is handed over to where nobody is: without its agent, the round would be no transfer.
        for side in &mut field.sides {
            side.desk.until("a login", LIMIT, |seen| seen.online).await?;
        }
        let from = &field.sides[plan.origin].company;
        let to = &field.sides[1 - plan.origin].company;
        let gateways = vec![from.own_socket(), to.own_socket()];
        let question = format!("r{}-customer-0", plan.number);
        let mut widget = Widget::start(gateways, None, &question, field.moments.clone());
        let active = |seen: &crate::widget::Seen| matches!(seen.phase, Some(Phase::Active { .. }));
        let seen = widget.until("an agent", LIMIT, |seen| seen.is_settled() && active(seen)).await?;
        let chat = *seen.chats.last().context("a chat")?;
        let round = Self { field, plan, widget, chat };
        round.agent_says(plan.origin, chat, 0).await?;
        Ok(round)
    }

    pub(super) async fn agent_says(&self, side: usize, chat: ChatId, number: usize) -> Result<()> {
        let text = format!("r{}-agent{side}-{number}", self.plan.number);
        self.field.sides[side].desk.say(chat, text).await
    }

    /// The transfer, with everybody talking; answers what it took where nobody was killed.
    ///
    /// # Errors
    /// When a gateway does not start again, or nothing settles.
    pub async fn transfer(&mut self) -> Result<Measure> {
        let (first, start) = (self.field.moments.count(), Instant::now());
        let Plan { number, origin, victim, moment, down } = self.plan;
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        let transfer = TransferId(id);
        let (to, chat) = (1 - origin, self.chat);
        let area = Some(self.field.sides[to].area.into());
        let to = Destination::Server { server: self.field.sides[to].company.plan().name.into(), area };
        let frame = ClientFrame::Transfer { transfer, chat, to, comments: String::new(), share: Share::All };
        self.field.sides[origin].desk.order(frame).await?;
        let moments = self.field.moments.clone();
        let strike = async {
            match moment {
                Moment::Never => std::future::pending().await,
                // waits: for the moment that was drawn for the kill.
                Moment::After(time) => tokio::time::sleep(time).await,
                Moment::Frame(frames) => {
                    // A moment that does not come would be no kill: this is the end of the transfer.
                    let end = Duration::from_millis(1_500);
                    let _ = tokio::time::timeout(end, moments.reach(first + frames)).await;
                }
            }
        };
        tokio::pin!(strike);
        let mut said = 1;
        loop {
            tokio::select! {
                () = &mut strike => break,
                // waits: for the next word of people who type without a pause.
                () = tokio::time::sleep(CHATTER) => {
                    self.widget.say(format!("r{number}-customer-{said}")).await?;
                    self.agent_says(origin, chat, said).await?;
                    said += 1;
                    if matches!(moment, Moment::Never) {
                        if self.widget.seen().chats.len() > 1 { break }
                        ensure!(start.elapsed() < LIMIT, "a transfer that nobody disturbs does not happen");
                    }
                }
            }
        }
        if matches!(moment, Moment::Never) {
            let time = self.widget.seen().welcomed.unwrap_or(start).saturating_duration_since(start);
            return Ok(Measure { time, frames: self.field.moments.count() - first });
        }
        let company = &mut self.field.sides[victim].company;
        company.kill()?;
        self.widget.say(format!("r{number}-customer-{said}")).await?;
        // waits: as long as the gateway was drawn to be down.
        tokio::time::sleep(down).await;
        company.start().await?;
        Ok(Measure::default())
    }

    /// Waits until the customer chats somewhere, lets both say a last word, and looks at every transcript.
    ///
    /// # Errors
    /// When nothing settles in time.
    pub async fn settle(&mut self) -> Result<Verdict> {
        let active = |seen: &crate::widget::Seen| matches!(seen.phase, Some(Phase::Active { .. }));
        // The customer may go on between two looks: what counts is that they and their agent hear each other.
        let deadline = Instant::now() + SETTLE;
        let mut tries = 1_000;
        let (side, chat) = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let seen = self
                .widget
                .until("a chat that goes on", left, |seen| seen.is_settled() && active(seen))
                .await?;
            let chat = *seen.chats.last().context("a chat")?;
            let side = self.side_of(&seen).context("a server that is neither")?;
            self.agent_says(side, chat, tries).await?;
            let word = format!("r{}-agent{side}-{tries}", self.plan.number);
            let heard =
                |seen: &crate::widget::Seen| judge::own_view(seen).iter().any(|(_, text)| *text == word);
            if self.widget.until("the agent's word", Duration::from_secs(5), heard).await.is_ok() {
                break (side, chat);
            }
            tries += 1;
        };
        let last = format!("r{}-customer-{tries}", self.plan.number);
        self.widget.say(last.clone()).await?;
        let heard = |seen: &crate::desk::Seen| {
            seen.chats.get(&chat).is_some_and(|shown| shown.said().iter().any(|(_, text)| *text == last))
        };
        self.field.sides[side].desk.until("the customer's last word", SETTLE, heard).await?;
        self.widget.until("its acknowledgement", SETTLE, crate::widget::Seen::is_settled).await?;
        for side in &mut self.field.sides {
            side.desk.until("acknowledgements", SETTLE, |seen| seen.outbox.is_empty()).await?;
        }
        let verdict = judge::judge(self, side, chat).await?;
        self.field.sides[side].desk.order(ClientFrame::End { chat: Some(chat) }).await?;
        Ok(verdict)
    }

    /// Where the customer is.
    fn side_of(&self, seen: &crate::widget::Seen) -> Option<usize> {
        let socket = &seen.record.as_ref()?.socket;
        self.field.sides.iter().position(|side| side.company.own_socket() == *socket)
    }
}
