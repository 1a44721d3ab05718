//! What the operator says about the agents' console: `[console]`, and `[oidc]`, the provider that agents log in with.

use std::path::{Path, PathBuf};

use super::rules;
use super::section::Section;

/// Bytes of a claim's value, or of a name that the provider gives.
const MAX_CLAIM: usize = 253;

/// The agents' console.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Console {
    /// What may come of a chat; anything, when there is none.
    pub dispositions: Vec<String>,
    /// Whether agents see what customers have typed and not sent. Default no.
    pub preview: bool,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// What the button on the login page is called.
    pub title: String,
    /// Its issuer, from which everything else is found.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// The file with our secret there; none for a public client.
    pub secret: Option<PathBuf>,
    /// The claim that says what somebody may do.
    pub claim: String,
    /// Its values that make an administrator.
    pub admins: Vec<String>,
    /// Its values that make a supervisor.
    pub supervisors: Vec<String>,
    /// Its values that make an agent.
    pub agents: Vec<String>,
    /// Areas of whoever logs in for the first time; none means every area.
    pub areas: Vec<String>,
}

/// Reads what the console is like.
pub(super) fn console(mut section: Section<'_, '_>) -> Console {
    let dispositions = section.texts("dispositions", "dispositions = [\"Solved\", \"Sold\"]", rules::label);
    let preview = section.truth("preview", "preview = true").unwrap_or_default();
    section.finish();
    Console { dispositions: dispositions.into_iter().map(|(word, _)| word).collect(), preview }
}

/// Reads the provider; none where the section is not there.
pub(super) fn oidc(top: &mut Section<'_, '_>, folder: &Path) -> Option<Oidc> {
    let mut section = top.optional("oidc")?;
    let title = section.text("title", "title = \"Acme login\"", rules::label);
    let issuer = section.needed("issuer", "issuer = \"https://login.acme.example\"", rules::issuer);
    let client_id = section.needed("client_id", "client_id = \"baton\"", rules::label);
    let secret = section.text("secret_file", "secret_file = \"oidc-secret\"", rules::label);
    let named = section.text("claim", "claim = \"groups\"", claim);
    let mut values = |key, example| {
        let read = section.texts(key, example, claim);
        read.into_iter().map(|(value, _)| value).collect::<Vec<_>>()
    };
    let admins = values("admins", "admins = [\"baton-admins\"]");
    let supervisors = values("supervisors", "supervisors = [\"support-leads\"]");
    let agents = values("agents", "agents = [\"support\"]");
    let areas = section.texts("areas", "areas = [\"sales\"]", rules::name);
    section.finish();
    Some(Oidc {
        title: title.map_or("Single sign-on".into(), |(title, _)| title),
        issuer: issuer?.0,
        client_id: client_id?.0,
        secret: secret.map(|(file, _)| folder.join(file)),
        claim: named.map_or("groups".into(), |(claim, _)| claim),
        admins,
        supervisors,
        agents,
        areas: areas.into_iter().map(|(area, _)| area).collect(),
    })
}

fn claim(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > MAX_CLAIM {
        return Err(format!("it has between one and {MAX_CLAIM} bytes"));
    }
    Ok(text.into())
}
