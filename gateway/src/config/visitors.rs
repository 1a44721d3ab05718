//! What the operator says about customers outside the chat itself: `[[identity]]`, who vouches for them; `[end]`, when
//! chats end by themselves (M4); `[mail]`, how they are written to.

use std::path::{Path, PathBuf};

use jiff::civil::Time;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::mistake::Mistakes;
use super::rules;
use super::section::Section;

/// A site as it is written.
const IDENTITY: &str =
    "[[identity]]\nsite = \"https://www.acme.example\"\nalgorithm = \"EdDSA\"\nkey = \"acme-site.pem\"";

/// A site that says who its customers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its origin, which is its tokens' issuer.
    pub site: String,
    /// The one algorithm of its key.
    pub algorithm: Algorithm,
    /// The key's file: a public key in PEM, or for HS256 the secret itself.
    pub key: PathBuf,
}

/// How a site signs. A key has one algorithm, whatever a token says (threat 23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256.
    Es256,
    /// HMAC with a secret that the site and this gateway share.
    Hs256,
}

/// A way to the company beside the chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// An e-mail address.
    Email(String),
    /// A telephone number, as people write it.
    Phone(String),
}

/// Ways to the company, at most.
const CONTACTS: usize = 4;

/// When chats end by themselves (M4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Times of day.
    pub at: Vec<Time>,
    /// Whose. Default UTC.
    pub zone: TimeZone,
    /// Milliseconds without a word from anybody; 0 for no limit. Default no limit.
    pub idle: u64,
    /// Whether customers are asked how it was. Default no.
    pub survey: bool,
}

impl Default for End {
    fn default() -> Self {
        Self { at: Vec::new(), zone: TimeZone::UTC, idle: 0, survey: false }
    }
}

/// A question of the company's own in the form that begins a chat. The answer is said with the customer's first words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// What is asked.
    pub label: String,
    /// Whether there is no chat without an answer. Default no.
    pub required: bool,
    /// What may be answered; anything where it is empty.
    pub options: Vec<String>,
}

/// The server that takes e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// Login and the file with its password.
    pub login: Option<(String, PathBuf)>,
    /// Whom letters are from.
    pub from: String,
    /// Letters to one address in an hour. Default 10.
    pub per_hour: u32,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte, as on port 465.
    Implicit,
    /// By STARTTLS, and not without, as on port 587.
    StartTls,
    /// Not at all: to this machine alone.
    Off,
}

/// Reads the ways to the company.
pub(super) fn contact(top: &mut Section<'_, '_>, mistakes: &Mistakes<'_>) -> Vec<Contact> {
    const EXAMPLE: &str = "contact = [\"help@acme.example\", \"+49 30 1234567\"]";
    let all = top.texts("contact", EXAMPLE, one_contact);
    if let Some((_, at)) = all.get(CONTACTS) {
        mistakes.add(at, format!("`contact` has {CONTACTS} ways at most"), EXAMPLE);
    }
    all.into_iter().map(|(contact, _)| contact).collect()
}

fn one_contact(text: &str) -> Result<Contact, String> {
    if text.parse::<lettre::Address>().is_ok() {
        return Ok(Contact::Email(text.into()));
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if (3..=20).contains(&digits)
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-()/. ".contains(&byte))
    {
        return Ok(Contact::Phone(text.into()));
    }
    Err(format!("it is an e-mail address or a telephone number, and this is {text:?}"))
}

/// Reads the sites.
pub(super) fn identities(
    top: &mut Section<'_, '_>,
    sites: &[String],
    folder: &Path,
    mistakes: &Mistakes<'_>,
) -> Vec<Identity> {
    let mut all: Vec<Identity> = Vec::new();
    for mut section in top.sections("identity", IDENTITY).unwrap_or_default() {
        let site = section.needed("site", "site = \"https://www.acme.example\"", rules::origin);
        let algorithm = section.needed("algorithm", "algorithm = \"EdDSA\"", algorithm);
        let key =
            section.needed("key", "key = \"acme-site.pem\"   # a file in the data folder", rules::label);
        section.finish();
        let (Some((site, at)), Some((algorithm, _)), Some((key, _))) = (site, algorithm, key) else {
            continue;
        };
        if !sites.contains(&site) {
            let what = format!("`site`: {site} is not one of the `sites` that may embed the widget");
            mistakes.add(&at, what, format!("sites = [\"{site}\"]"));
        }
        if all.iter().any(|other| other.site == site) {
            mistakes.add(&at, format!("`site`: {site} has a key already, and a site has one"), IDENTITY);
        }
        all.push(Identity { site, algorithm, key: folder.join(key) });
    }
    all
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    match text {
        "EdDSA" => Ok(Algorithm::EdDsa),
        "ES256" => Ok(Algorithm::Es256),
        "HS256" => Ok(Algorithm::Hs256),
        other => Err(format!("it is \"EdDSA\", \"ES256\" or \"HS256\", and this is {other:?}")),
    }
}

/// Questions in a form: nobody fills in more before they may ask for help.
const FIELDS: usize = 8;

/// Answers to choose from.
const OPTIONS: usize = 20;

const FIELD: &str = "[[field]]\nlabel = \"Order number\"\nrequired = true";

/// Reads the form's own questions.
pub(super) fn fields(top: &mut Section<'_, '_>, mistakes: &Mistakes<'_>) -> Vec<Field> {
    let mut all: Vec<Field> = Vec::new();
    for mut section in top.sections("field", FIELD).unwrap_or_default() {
        let label = section.needed("label", "label = \"Order number\"", rules::label);
        let required = section.truth("required", "required = true").unwrap_or_default();
        let options = section.texts("options", "options = [\"Tents\", \"Stoves\"]", rules::label);
        let at = section.at();
        section.finish();
        let Some((label, _)) = label else { continue };
        if all.len() == FIELDS || options.len() > OPTIONS {
            let what =
                format!("a form has {FIELDS} questions at most, each with {OPTIONS} answers to choose from");
            mistakes.add(&at, what, FIELD);
        }
        let options = options.into_iter().map(|(option, _)| option).collect();
        all.push(Field { label, required, options });
    }
    all
}

/// Reads the ends.
pub(super) fn end(mut section: Section<'_, '_>) -> End {
    let at = section.texts("at", "at = [\"22:00\"]", time_of_day);
    let zone = section.text("zone", "zone = \"Europe/Berlin\"", zone);
    let idle = section.number("idle_minutes", 0..=43_200, 0) * 60_000;
    let survey = section.truth("survey", "survey = true").unwrap_or_default();
    section.finish();
    End {
        at: at.into_iter().map(|(time, _)| time).collect(),
        zone: zone.map_or(TimeZone::UTC, |(zone, _)| zone),
        idle,
        survey,
    }
}

fn time_of_day(text: &str) -> Result<Time, String> {
    let time = (text.len() >= 5).then(|| text.parse().ok()).flatten();
    time.ok_or_else(|| format!("a time of day is hours and minutes, such as \"22:00\", and this is {text:?}"))
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| {
        format!("a time zone has a name such as \"Europe/Berlin\" or \"UTC\", and this is {text:?}")
    })
}

/// Reads the mail server; none where the section is not there.
pub(super) fn mail(top: &mut Section<'_, '_>, folder: &Path, mistakes: &Mistakes<'_>) -> Option<Mail> {
    let mut section = top.optional("mail")?;
    let host = section.needed("host", "host = \"smtp.acme.example\"", rules::label);
    let tls = section.text("tls", "tls = \"starttls\"", mail_tls);
    let from = section.needed("from", "from = \"Acme Outdoor <chat@acme.example>\"", mailbox);
    let user = section.text("user", "user = \"chat@acme.example\"", rules::label);
    let password = section.text("password_file", "password_file = \"smtp-password\"", rules::label);
    let per_hour = section.number("per_hour", 1..=10_000, 10);
    let usual = match tls {
        Some((MailTls::Implicit, _)) => 465,
        Some((MailTls::Off, _)) => 25,
        Some((MailTls::StartTls, _)) | None => 587,
    };
    let port = u16::try_from(section.number("port", 1..=65_535, usual)).unwrap_or(587);
    if let (Some((MailTls::Off, at)), Some((host, _))) = (&tls, &host)
        && !["localhost", "127.0.0.1", "::1"].contains(&host.as_str())
    {
        let what = "`tls`: letters to customers leave this machine encrypted, or not at all";
        mistakes.add(at, what, "tls = \"starttls\"");
    }
    if let (Some((_, at)), None) | (None, Some((_, at))) = (&user, &password) {
        let what = "`user` and `password_file` belong together";
        mistakes.add(at, what, "user = \"chat@acme.example\"\npassword_file = \"smtp-password\"");
    }
    section.finish();
    Some(Mail {
        host: host?.0,
        port,
        tls: tls.map_or(MailTls::StartTls, |(tls, _)| tls),
        login: user.zip(password).map(|((user, _), (file, _))| (user, folder.join(file))),
        from: from?.0,
        per_hour: u32::try_from(per_hour).unwrap_or(10),
    })
}

fn mail_tls(text: &str) -> Result<MailTls, String> {
    match text {
        "implicit" => Ok(MailTls::Implicit),
        "starttls" => Ok(MailTls::StartTls),
        "off" => Ok(MailTls::Off),
        other => Err(format!("it is \"starttls\", \"implicit\" or \"off\", and this is {other:?}")),
    }
}

fn mailbox(text: &str) -> Result<String, String> {
    match text.parse::<lettre::message::Mailbox>() {
        Ok(_) => Ok(text.into()),
        Err(_) => {
            Err(format!("it is an e-mail address, with a name before it if you like, and this is {text:?}"))
        }
    }
}
