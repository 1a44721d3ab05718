//! `baton chat`

use std::path::Path;

use anyhow::{Result, bail};
use baton_protocol::ChatId;
use baton_protocol::model::{OpenChat, OpenState};
use clap::Subcommand;

use super::audit::utc;
use super::{Failure, table};
use crate::admin::{Answer, Request, ask};
use crate::config::rules;

/// See the command's help.
#[derive(Debug, Subcommand)]
pub(super) enum Chat {
    /// List every chat that is not over.
    List {
        /// A JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Get a chat out of whatever state it is in, to a queue.
    Rescue {
        /// As `baton chat list` shows it.
        id: ChatId,
        /// The area whose queue it goes to; its own without it.
        #[arg(long, value_parser = rules::name, value_name = "NAME")]
        area: Option<String>,
    },
    /// End a chat; its widget goes from the customer's page and leaves nothing there.
    End {
        /// As `baton chat list` shows it.
        id: ChatId,
    },
}

impl Chat {
    /// Asks the running gateway.
    pub(super) async fn run(self, folder: &Path) -> Result<()> {
        let done =
            if matches!(self, Self::End { .. }) { "the chat ends" } else { "the chat is in the queue" };
        let (request, json) = match self {
            Self::List { json } => (Request::Chats, json),
            Self::End { id } => (Request::End { chat: id }, false),
            Self::Rescue { id, area } => (Request::Rescue { chat: id, area }, false),
        };
        let none = || Failure::error("no gateway runs in this folder, as this user", "start it: baton serve");
        match ask(folder, &request).await?.ok_or_else(none)? {
            Answer::WouldErase(_) | Answer::Erased(_) => bail!("the gateway answers something else"),
            Answer::Done => println!("{done}"),
            Answer::Refused(why) => bail!("{why}"),
            Answer::Chats(chats) if json => {
                for chat in &chats {
                    println!("{}", serde_json::to_string(chat)?);
                }
            }
            Answer::Chats(chats) => {
                let rows: Vec<_> = chats.into_iter().map(row).collect();
                println!("{}", table(["chat", "area", "customer", "since", "state"], &rows));
            }
        }
        Ok(())
    }
}

fn row(chat: OpenChat) -> [String; 5] {
    let state = match chat.state {
        OpenState::Waiting => "waiting".into(),
        OpenState::Active { agent } => format!("with {agent}"),
        OpenState::Transferring { agent, to } => format!("with {agent}, on the way to {to}"),
        OpenState::Leaving { to } => format!("given to {to}"),
    };
    let away = if chat.online { "" } else { ", customer away" };
    // A name is the customer's own word: nothing in it may move the cursor.
    let name = chat.name.chars().filter(|letter| !letter.is_control()).collect();
    [chat.chat.to_string(), chat.area, name, utc(chat.since), state + away]
}
