//! A mail server that keeps what it is given (RFC 5321, as much of it as a client needs).

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Letters that may wait for the test.
const WAITING: usize = 64;

/// A letter.
#[derive(Debug)]
pub struct Letter {
    /// Whom it is for.
    pub to: String,
    /// Its headers and its text.
    pub text: String,
}

/// The server.
pub struct Sink {
    /// Its port on this machine.
    pub port: u16,
    letters: mpsc::Receiver<Letter>,
}

impl Sink {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let (sender, letters) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    // A client that goes away without a word is no concern of a sink's.
                    let _ = talk(stream, &sender).await;
                });
            }
        });
        Ok(Self { port, letters })
    }

    /// What stands in `baton.toml`.
    #[must_use]
    pub fn settings(&self) -> String {
        let port = self.port;
        format!(
            "[mail]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"off\"\nfrom = \"Acme Outdoor <chat@acme.example>\"\n"
        )
    }

    /// The next letter.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn letter(&mut self) -> Result<Letter> {
        let letter = tokio::time::timeout(crate::LIMIT, self.letters.recv()).await;
        letter.context("no letter has come")?.context("the sink is gone")
    }
}

async fn talk(stream: TcpStream, letters: &mpsc::Sender<Letter>) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 sink\r\n").await?;
    let mut to = String::new();
    while let Some(line) = lines.next_line().await? {
        let answer = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "RCPT" => {
                line.split_once(':').map_or("", |(_, to)| to).trim().clone_into(&mut to);
                "250 OK\r\n"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut text = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    text += &(line + "\n");
                }
                letters.send(Letter { to: to.clone(), text }).await?;
                "250 OK\r\n"
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 OK\r\n",
        };
        writer.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
