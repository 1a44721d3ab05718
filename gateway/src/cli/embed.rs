//! `baton embed`: what a website's owner pastes.

use std::path::Path;

use anyhow::Result;
use aws_lc_rs::digest::{SHA384, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Failure, config};
use crate::assets;

/// Prints the line of HTML, the hash of this version's loader, and what a site's policy must allow.
pub(super) fn run(folder: &Path) -> Result<()> {
    let config = config(folder)?;
    let loader = assets::find("miniapp/embed.js").ok_or_else(|| {
        Failure::error("this build has no widget in it, and so no hash", "build it with `cargo xtask build`")
    })?;
    let hash = STANDARD.encode(digest(&SHA384, loader.bytes));
    let gateway = &config.url;
    let area = config.areas.first().map_or("", |area| area.name.as_str());
    println!(
        "One line, before </body> or anywhere else:\n\n\
         <script async src=\"{gateway}/embed.js\" data-area=\"{area}\"></script>\n\n\
         The same with a hash: the browser takes this version of the loader and no other. Print it again after an\n\
         update of the gateway; until the page has the new hash, it has no chat.\n\n\
         <script async src=\"{gateway}/embed.js\" integrity=\"sha384-{hash}\" crossorigin=\"anonymous\" \
         data-area=\"{area}\"></script>\n\n\
         A site with a strict policy allows the loader and the frame, and nothing else of ours:\n\n\
         Content-Security-Policy: {}\n\n\
         A link for customers, for letters and other pages: {gateway}/chat/\n",
        policy(gateway)
    );
    if config.sites.is_empty() {
        println!("No website may embed the chat yet: name them as `sites` in {}.", crate::config::FILE);
    } else {
        println!("Websites that may: {}", config.sites.join(", "));
    }
    Ok(())
}

/// What the examples and tests run under.
fn policy(gateway: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' {gateway}; frame-src {gateway}; style-src 'self'; img-src 'self'; \
         base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
}
