//! Two companies, and what tests do with them, frame by frame.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

use baton_protocol::codes::ErrorCode;
use baton_protocol::frames::Start;
use baton_protocol::model::{Body, Context, Destination, Share, Stage};
use baton_protocol::{ChatId, ClientFrame, Encoding, Epoch, ResumeToken, ServerFrame, TransferId, Verifier};

use crate::client::Client;
use crate::company::{ACME, Company, GLOBEX};

/// Two companies that trust each other, running.
pub struct Both {
    /// Acme Outdoor.
    pub acme: Company,
    /// Globex Repairs.
    pub globex: Company,
    _folder: tempfile::TempDir,
}

/// Both, as they are by default.
pub async fn both() -> Both {
    both_with(|_, _| ()).await
}

/// Both, set up a little differently.
pub async fn both_with(change: impl FnOnce(&Company, &Company)) -> Both {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    let mut globex = Company::set_up(GLOBEX, folder.path()).await.unwrap();
    change(&acme, &globex);
    acme.start().await.unwrap();
    globex.start().await.unwrap();
    acme.trust(&globex, "in-place").unwrap();
    globex.trust(&acme, "in-place").unwrap();
    Both { acme, globex, _folder: folder }
}

/// The customer's first secret.
pub fn verifier() -> Verifier {
    Verifier::from_bytes([1; 32])
}

/// A transfer's id.
pub const TRANSFER: TransferId = TransferId([7; 16]);

/// Globex's repairs, for an agent of Acme's.
pub fn to_globex() -> Destination {
    Destination::Server { server: "globex".into(), area: Some("repairs".into()) }
}

/// An agent's Transfer button.
pub async fn transfer(agent: &mut Client, transfer: TransferId, chat: ChatId, to: Destination, share: Share) {
    let comments = "Leaks at the valve.".into();
    agent.send(&ClientFrame::Transfer { transfer, chat, to, comments, share }).await.unwrap();
}

/// The same for the customer of this chat, with everything, to Globex's repairs.
pub async fn hand_over(agent: &mut Client, chat: ChatId) {
    transfer(agent, TRANSFER, chat, to_globex(), Share::All).await;
}

/// Waits until a transfer has come this far. Stages may be skipped, never taken back.
pub async fn stage(agent: &mut Client, wanted: Stage) -> Option<ErrorCode> {
    let reached = |stage: Stage| stage == wanted || (stage > wanted && stage != Stage::Failed);
    let of = |frame: &ServerFrame| match frame {
        ServerFrame::Progress { stage, code, .. } if reached(*stage) => Some(*code),
        _ => None,
    };
    agent.expect(&format!("{wanted:?}"), of).await.unwrap()
}

/// Waits until a client is shown this.
pub async fn reads(client: &mut Client, text: &str) {
    let said = |frame: &ServerFrame| match frame {
        ServerFrame::Entries { entries, .. } => {
            entries.iter().any(|entry| entry.body == Body::Text(text.into())).then_some(())
        }
        _ => None,
    };
    client.expect(text, said).await.unwrap();
}

/// Texts of entries, until this one.
pub async fn texts_until(client: &mut Client, last: &str) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.last().map(String::as_str) != Some(last) {
        let entries = client
            .expect("entries", |frame| match frame {
                ServerFrame::Entries { entries, .. } => Some(entries.clone()),
                _ => None,
            })
            .await
            .unwrap();
        texts.extend(entries.into_iter().filter_map(|entry| match entry.body {
            Body::Text(text) => Some(text),
            _ => None,
        }));
    }
    texts
}

/// The context of the next chat that an agent opens.
pub async fn context(agent: &mut Client) -> Context {
    let opened = |frame: &ServerFrame| match frame {
        ServerFrame::Opened { context, .. } => context.clone(),
        _ => None,
    };
    agent.expect("a chat with context", opened).await.unwrap()
}

/// The welcome that an arrival gets.
pub async fn welcome(client: &mut Client) -> (Epoch, ResumeToken, TransferId) {
    let of = |frame: &ServerFrame| match frame {
        ServerFrame::Welcome { epoch, token: Some(token), transfer: Some(transfer), .. } => {
            Some((*epoch, token.clone(), *transfer))
        }
        _ => None,
    };
    client.expect("welcome", of).await.unwrap()
}

/// A customer of this name, who waits in a company's sales.
pub async fn waits(company: &Company, name: &str, subject: &str) -> Client {
    let mut client = Client::connect(company, Encoding::Binary, None).await.unwrap();
    let (name, subject, challenge) = (name.to_owned(), subject.to_owned(), verifier().challenge());
    let start = Start::New { area: "sales".into(), name, email: String::new(), subject, challenge };
    client.hello(start, 0).await.unwrap();
    let welcome = |frame: &ServerFrame| matches!(frame, ServerFrame::Welcome { .. }).then_some(());
    client.expect("a welcome", welcome).await.unwrap();
    client
}

/// A chat at Acme's, with its agent.
pub async fn chatting(both: &Both) -> (Client, Client, ChatId, ResumeToken) {
    let mut anna = Client::agent(&both.acme, "anna").await.unwrap();
    let (mut carla, chat, token) = Client::customer(&both.acme, &verifier()).await.unwrap();
    carla.say(None, 1, "My stove leaks.").await.unwrap();
    assert_eq!(anna.pick_up().await.unwrap(), chat);
    anna.say(Some(chat), 2, "Our partner can help.").await.unwrap();
    (carla, anna, chat, token)
}
