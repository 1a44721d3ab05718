//! `baton init`

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use baton_core::effect::Arrival;
use clap::Args;

use super::Failure;
use crate::config::{self, Area, Config, rules, template};
use crate::federation::keys::{self, Keys};
use crate::run::DATABASE;
use crate::store::sqlite::SqliteStore;

/// See the command's help.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// Server name, by which other companies' servers know this one: a-z, 0-9, `-` and `.`.
    #[arg(long, value_parser = rules::name)]
    name: String,
    /// The company's name, for people.
    #[arg(long, value_parser = rules::label)]
    title: String,
    /// What it helps with, for the agents of other companies.
    #[arg(long, value_parser = rules::subject, default_value = "")]
    subject: String,
    /// Its colour.
    #[arg(long, value_parser = rules::accent, default_value = "#1f6f50", value_name = "#RRGGBB")]
    accent: String,
    /// Where browsers and other companies reach this gateway.
    #[arg(long, value_parser = rules::base_url)]
    url: String,
    /// Where it waits for them. Without a certificate only this machine itself: 127.0.0.1:PORT.
    #[arg(long, value_parser = rules::listen, value_name = "IP:PORT")]
    listen: SocketAddr,
    /// Its certificate, a PEM file; from the data folder, or with its whole path.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<String>,
    /// The certificate's key, a PEM file.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<String>,
    /// A website that may embed the widget, as browsers name it: https://www.acme.example. Repeat for more.
    #[arg(long = "site", value_parser = rules::origin, value_name = "ORIGIN")]
    sites: Vec<String>,
    /// A page of such a website that starts the widget, for customers whom another company sends.
    #[arg(long, value_parser = rules::page, value_name = "URL")]
    page: Option<String>,
    /// What customers can ask for: sales=Sales. The first one is the default. Repeat for more.
    #[arg(long = "area", value_parser = area, value_name = "NAME=TITLE", required = true)]
    areas: Vec<Area>,
}

impl Init {
    /// Sets the gateway up.
    pub(super) fn run(&self, folder: &Path) -> Result<()> {
        let text = template::write(&self.start());
        // Mistakes that no option has alone.
        if let Err(error) = Config::parse(&text, Path::new(config::FILE)) {
            bail!("these options make settings that do not fit together\n{error}");
        }
        for file in [config::FILE, keys::FILE, DATABASE] {
            let path = folder.join(file);
            if path.exists() {
                let what = format!("{} is there already, and nothing is overwritten", path.display());
                return Err(Failure::error(
                    what,
                    "change the settings in baton.toml, or choose another --dir",
                ));
            }
        }
        // Transcripts and keys are for the gateway's own user.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
        write_new(&folder.join(config::FILE), &text)?;
        let keys = Keys::create(folder)?;
        create_database(&folder.join(DATABASE))?;
        println!("{} is set up in {}", self.name, folder.display());
        println!("fingerprint  {}", keys.fingerprint());
        println!("next         baton agent add NAME --title TITLE --area {}", self.areas[0].name);
        println!("             baton serve");
        Ok(())
    }

    fn start(&self) -> template::Start<'_> {
        template::Start {
            name: &self.name,
            title: &self.title,
            subject: &self.subject,
            accent: &self.accent,
            url: &self.url,
            listen: self.listen,
            tls: self.certificate.as_deref().zip(self.key.as_deref()),
            sites: &self.sites,
            page: self.page.as_deref(),
            areas: &self.areas,
        }
    }
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn create_database(path: &Path) -> Result<()> {
    let cannot = || format!("cannot create {}", path.display());
    OpenOptions::new().write(true).create_new(true).open(path).with_context(cannot)?;
    // Before anything is in it; SQLite gives its other files the same permissions.
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).with_context(cannot)?;
    SqliteStore::open(path).with_context(cannot)?;
    Ok(())
}

fn area(text: &str) -> Result<Area, String> {
    let (name, title) = text.split_once('=').ok_or("write NAME=TITLE, for example sales=Sales")?;
    Ok(Area { name: rules::name(name)?, title: rules::label(title)?, arrival: Arrival::default() })
}
