//! A pair relay on tokio-websockets: messages go into the other one's queue, and all that is in it is written at once.

use baton_bench_peers::{Rooms, enter, room, serve};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_websockets::{Config, Limits, Message, ServerBuilder};

fn main() {
    let rooms: Rooms<UnboundedSender<Message>> = Rooms::default();
    serve(move |stream| {
        let rooms = rooms.clone();
        async move {
            let _ = relay(stream, rooms).await;
        }
    });
}

async fn relay(stream: TcpStream, rooms: Rooms<UnboundedSender<Message>>) -> Option<()> {
    let builder = ServerBuilder::new()
        .config(Config::default().flush_threshold(64 * 1024))
        .limits(Limits::default().max_payload_len(Some(1024 * 1024)));
    let (request, mut socket) = builder.accept(stream).await.ok()?;
    let (queue, mut queued) = unbounded_channel();
    let other = enter(&rooms, &room(request.uri().path()), &queue);
    loop {
        tokio::select! {
            message = socket.next() => {
                let mut next = Some(message);
                while let Some(message) = next {
                    let message = message?.ok()?;
                    if message.is_close() { return None }
                    if (message.is_text() || message.is_binary()) && let Some(other) = &*other.borrow() {
                        let _ = other.send(message);
                    }
                    next = socket.next().now_or_never();
                }
            }
            message = queued.recv() => {
                let mut next = message;
                while let Some(message) = next {
                    socket.feed(message).await.ok()?;
                    next = queued.try_recv().ok();
                }
                socket.flush().await.ok()?;
            }
        }
    }
}
