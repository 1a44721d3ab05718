//! A pair relay on fastwebsockets: each message is written straight into the other one's socket.

use std::rc::Rc;

use baton_bench_peers::{Rooms, enter, room, serve};
use base64::Engine;
use fastwebsockets::{FragmentCollectorRead, Frame, OpCode, Role, WebSocket, WebSocketError, WebSocketWrite};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Mutex;

type Writer = Rc<Mutex<WebSocketWrite<OwnedWriteHalf>>>;

fn main() {
    let rooms: Rooms<Writer> = Rooms::default();
    serve(move |stream| {
        let rooms = rooms.clone();
        async move {
            let _ = relay(stream, rooms).await;
        }
    });
}

async fn relay(mut stream: TcpStream, rooms: Rooms<Writer>) -> Option<()> {
    let path = handshake(&mut stream).await?;
    let (read, write) = stream.into_split();
    let mut socket = WebSocket::after_handshake(tokio::io::join(read, write), Role::Server);
    socket.set_auto_close(false);
    socket.set_auto_pong(false);
    socket.set_max_message_size(1024 * 1024);
    socket.set_writev(true);
    let (read, write) = socket.split(|both| both.into_inner());
    let mut read = FragmentCollectorRead::new(read);
    let write = Rc::new(Mutex::new(write));
    let other = enter(&rooms, &room(&path), &write);
    let mut nothing = |_: Frame<'_>| async { Ok::<_, WebSocketError>(()) };
    while let Ok(frame) = read.read_frame(&mut nothing).await {
        match frame.opcode {
            OpCode::Text | OpCode::Binary => {
                let other = other.borrow().clone();
                if let Some(other) = other {
                    other.lock().await.write_frame(frame).await.ok()?;
                }
            }
            OpCode::Close => return None,
            _ => {}
        }
    }
    None
}

/// Reads a request and accepts it; its path.
async fn handshake(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut bytes).await.ok()? == 0 || bytes.len() > 8 * 1024 {
            return None;
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    let path = text.split(' ').nth(1)?.to_owned();
    let key = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(key.as_bytes());
    sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = base64::engine::general_purpose::STANDARD.encode(sha1.digest().bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
    Some(path)
}
