//! Letters to customers, plain text, by the operator's own mail server.
//!
//! Letters wait in memory, a bounded number of them, and are tried a few times: one that is under way when the gateway
//! stops is lost, and what it says is in the chat. Addresses and texts are never logged (S1).

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, Result};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::sync::mpsc;

use crate::config::{Mail, MailTls};

/// Letters that may wait.
const WAITING: usize = 256;

/// How long the mail server has for one letter.
const ONE: Duration = Duration::from_secs(30);

/// Pauses before another try. A mail server that greylists wants minutes; one that restarts wants seconds.
const AGAIN: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(60), Duration::from_secs(600)];

/// Where letters are posted.
pub struct Mailer {
    from: Mailbox,
    letters: mpsc::Sender<Message>,
    rate: DefaultKeyedRateLimiter<Address>,
}

/// Why a letter is not posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unposted {
    /// The address is none.
    Address,
    /// There were too many to this address, or to all.
    TooMany,
}

impl Mailer {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// When the password's file cannot be read.
    pub fn open(mail: &Mail) -> Result<Self> {
        let builder = match mail.tls {
            MailTls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(&mail.host)?,
            MailTls::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&mail.host)?,
            MailTls::Off => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.host),
        };
        let mut builder = builder.port(mail.port).timeout(Some(ONE));
        if let Some((user, file)) = &mail.login {
            let password = std::fs::read_to_string(file)
                .with_context(|| format!("the mail server's password: cannot read {}", file.display()))?;
            builder = builder.credentials(Credentials::new(user.clone(), password.trim().to_owned()));
        }
        let from = mail.from.parse().context("`from` in [mail] is no e-mail address")?;
        let (letters, waiting) = mpsc::channel(WAITING);
        tokio::spawn(post(builder.build(), waiting));
        let per_hour = NonZeroU32::new(mail.per_hour).unwrap_or(NonZeroU32::MIN);
        Ok(Self { from, letters, rate: RateLimiter::keyed(Quota::per_hour(per_hour)) })
    }

    /// Posts a letter.
    ///
    /// # Errors
    /// When it is not.
    pub fn send(&self, to: &str, subject: &str, text: String) -> Result<(), Unposted> {
        let to: Address = to.trim().parse().map_err(|_| Unposted::Address)?;
        if self.rate.check_key(&to).is_err() {
            return Err(Unposted::TooMany);
        }
        let letter = Message::builder()
            .from(self.from.clone())
            .to(to.into())
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|_| Unposted::Address)?;
        self.letters.try_send(letter).map_err(|_| Unposted::TooMany)
    }

    /// Forgets addresses that were not written to for a while.
    pub fn sweep(&self) {
        self.rate.retain_recent();
    }
}

/// Whether this can be an e-mail address.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

async fn post(server: AsyncSmtpTransport<Tokio1Executor>, mut waiting: mpsc::Receiver<Message>) {
    while let Some(letter) = waiting.recv().await {
        let mut pauses = AGAIN.iter();
        while let Err(error) = server.send(letter.clone()).await {
            // An answer that tells nothing of the letter but what the server's operator must know.
            let pause = pauses.next().filter(|_| !error.is_permanent());
            tracing::warn!(code = ?error.status(), permanent = error.is_permanent(), again = ?pause, "a letter was not taken: {}", kind(&error));
            let Some(pause) = pause else { break };
            tokio::time::sleep(*pause).await;
        }
    }
}

/// What kind of failure: the error's own text may have an address in it.
fn kind(error: &lettre::transport::smtp::Error) -> &'static str {
    match error {
        error if error.is_timeout() => "the mail server does not answer in time",
        error if error.is_tls() => "TLS with the mail server failed: look at `tls` and `host` in [mail]",
        error if error.is_permanent() => {
            "the mail server refuses it: look at `from`, `user` and the password"
        }
        error if error.is_transient() => "the mail server wants another try",
        _ => "the mail server cannot be reached: look at `host` and `port` in [mail]",
    }
}
