//! The queue manager in a process of its own (Q2), killed and started again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use baton_e2e::client::Client;
use baton_e2e::company::{ACME, Company};
use baton_e2e::pair::verifier;
use baton_e2e::until;
use baton_protocol::{ChatId, ClientFrame, ServerFrame};

/// A company whose queue manager is a process of its own; both are running.
async fn apart(rules: &str) -> (Company, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Company::set_up(ACME, folder.path()).await.unwrap();
    acme.configure_after("name = \"sales\"\ntitle = \"Sales\"\n", rules).unwrap();
    acme.queue_apart().unwrap();
    acme.start_queue().unwrap();
    acme.start().await.unwrap();
    linked(&acme, 1).await;
    (acme, folder)
}

/// Waits until the edge has said everything to the queue manager for the so manieth time.
async fn linked(acme: &Company, times: usize) {
    until("the edge to be at the queue manager", || async {
        let log = acme.queue_log();
        anyhow::ensure!(log.matches("an edge has said everything").count() >= times, "{log}\n{}", acme.log());
        Ok(())
    })
    .await
    .unwrap();
}

async fn rank(client: &mut Client, wanted: u32) {
    let is = |frame: &ServerFrame| match frame {
        ServerFrame::Place { rank, .. } if *rank == wanted => Some(()),
        _ => None,
    };
    client.expect(&format!("rank {wanted}"), is).await.unwrap();
}

fn waiting(frame: &ServerFrame) -> Option<Vec<ChatId>> {
    match frame {
        ServerFrame::Queue { waiting } if !waiting.is_empty() => {
            Some(waiting.iter().map(|card| card.chat).collect())
        }
        _ => None,
    }
}

fn opened(frame: &ServerFrame) -> Option<ChatId> {
    match frame {
        ServerFrame::Opened { card, .. } => Some(card.chat),
        _ => None,
    }
}

#[tokio::test]
async fn q2_no_place_is_lost_when_either_side_is_killed() {
    let (mut acme, _folder) = apart("").await;
    let (mut one, first, _) = Client::customer(&acme, &verifier()).await.unwrap();
    rank(&mut one, 1).await;
    let (mut two, second, token) = Client::customer(&acme, &verifier()).await.unwrap();
    rank(&mut two, 2).await;

    acme.kill_queue().unwrap();
    acme.start_queue().unwrap();
    linked(&acme, 1).await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    assert_eq!(anna.expect("the queue as it was", waiting).await.unwrap(), [first, second]);
    assert_eq!(anna.pick_up().await.unwrap(), first);
    assert_eq!(anna.expect("the first chat", opened).await.unwrap(), first);
    rank(&mut two, 1).await;
    let (mut three, third, later) = Client::customer(&acme, &verifier()).await.unwrap();
    rank(&mut three, 2).await;

    acme.kill().unwrap();
    acme.start().await.unwrap();
    linked(&acme, 2).await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    assert_eq!(anna.expect("her chat", opened).await.unwrap(), first);
    assert_eq!(anna.expect("the queue as it was", waiting).await.unwrap(), [second, third]);
    let mut two = Client::resume(&acme, token, 1, 0).await.unwrap();
    let mut three = Client::resume(&acme, later, 1, 0).await.unwrap();
    rank(&mut two, 1).await;
    rank(&mut three, 2).await;
}

#[tokio::test]
async fn q2_nobody_is_assigned_twice_when_the_queue_manager_is_killed() {
    let (mut acme, _folder) = apart("assign = \"round_robin\"\n").await;
    let mut anna = Client::agent(&acme, "anna").await.unwrap();
    let mut ben = Client::agent(&acme, "ben").await.unwrap();
    let (_one, first, _) = Client::customer(&acme, &verifier()).await.unwrap();
    assert_eq!(anna.expect("the first chat", opened).await.unwrap(), first);
    acme.kill_queue().unwrap();
    // While nobody decides, customers come all the same.
    let (mut two, second, _) = Client::customer(&acme, &verifier()).await.unwrap();
    anna.send(&ClientFrame::PickUp { chat: second }).await.unwrap();
    let refused = |frame: &ServerFrame| matches!(frame, ServerFrame::Refused { .. }).then_some(());
    anna.expect("a refusal, not silence", refused).await.unwrap();
    acme.start_queue().unwrap();
    linked(&acme, 1).await;
    let active = |frame: &ServerFrame| matches!(frame, ServerFrame::PhaseChanged { .. }).then_some(());
    two.expect("an agent", active).await.unwrap();
    // Each console has what is its agent's, and nobody has what is another's.
    anna.say(Some(first), 1, "I am still here.").await.unwrap();
    let of_ben = ben.expect("a chat of his", opened);
    let of_anna = anna.expect("another chat of hers", opened);
    let chat = tokio::select! { chat = of_ben => chat, chat = of_anna => chat }.unwrap();
    assert_eq!(chat, second);
}
