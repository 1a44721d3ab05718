//! Bytes over TCP from one to the other: what no WebSocket server can be faster than. The first eight bytes of a
//! connection are its room and its side.

use std::rc::Rc;

use baton_bench_peers::{Rooms, enter, serve};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

fn main() {
    let rooms: Rooms<Rc<OwnedWriteHalf>> = Rooms::default();
    serve(move |stream| relay(stream, rooms.clone()));
}

async fn relay(stream: TcpStream, rooms: Rooms<Rc<OwnedWriteHalf>>) {
    let (mut read, write) = stream.into_split();
    let write = Rc::new(write);
    let mut hello = [0; 8];
    if read.read_exact(&mut hello).await.is_err() {
        return;
    }
    let room = u32::from_le_bytes([hello[0], hello[1], hello[2], hello[3]]).to_string();
    let other = enter(&rooms, &room, &write);
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = read.read(&mut buffer).await {
        let Some(other) = other.borrow().clone() else { continue };
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            match other.try_write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if other.writable().await.is_err() {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    }
}
