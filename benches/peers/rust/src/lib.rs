//! Who is paired with whom: the first two of a room, as soon as both are there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::rc::Rc;

use tokio::net::{TcpListener, TcpStream};

/// What the other one of a room is reached by.
pub type Other<T> = Rc<RefCell<Option<T>>>;

/// Rooms of which one half waits.
pub type Rooms<T> = Rc<RefCell<HashMap<String, (T, Other<T>)>>>;

/// Enters a room; where the other one will be found. A room `idle` pairs nobody.
pub fn enter<T: Clone>(rooms: &Rooms<T>, room: &str, own: &T) -> Other<T> {
    let found: Other<T> = Rc::default();
    if room == "idle" {
        return found;
    }
    let mut waiting = rooms.borrow_mut();
    match waiting.remove(room) {
        Some((other, its)) => {
            *its.borrow_mut() = Some(own.clone());
            *found.borrow_mut() = Some(other);
        }
        None => drop(waiting.insert(room.to_owned(), (own.clone(), found.clone()))),
    }
    found
}

/// The room in `/room/ROOM/SIDE`.
pub fn room(path: &str) -> String {
    path.split('/').nth(2).unwrap_or_default().to_owned()
}

/// Serves connections on the port that the command line names, all on one thread.
pub fn serve<F: Future<Output = ()> + 'static>(mut each: impl FnMut(TcpStream) -> F) {
    let port: u16 = std::env::args().nth(1).and_then(|port| port.parse().ok()).expect("a port");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            tokio::task::spawn_local(each(stream));
        }
    });
}
