//! `baton embed`: what a website's owner pastes.

use std::path::Path;

use anyhow::Result;
use aws_lc_rs::digest::{SHA384, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Failure, config, database};
use crate::assets;
use crate::edge::embedding;
use crate::store::{Mode, Store};

/// Prints the line of HTML, the hash of this version's loader, and what a site's policy must allow.
pub(super) async fn run(folder: &Path) -> Result<()> {
    let config = config(folder)?;
    let peers = database(folder)?.peers().await?;
    let followed = peers.iter().filter(|peer| peer.mode == Mode::InPlace).map(|peer| peer.socket.clone());
    let sockets: Vec<String> = std::iter::once(config.socket()).chain(followed).collect();
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
         In shadow mode, `data-mode=\"shadow\"` in the line, the chat is an element of the page instead of a frame. The\n\
         page's own policy then says what the chat may reach: the gateway, and the other companies that it may go on at\n\
         without leaving the page (customers whose chat goes to one that is not named here are sent there).\n\n\
         Content-Security-Policy: {}\n\n\
         A link for customers, for letters and other pages: {gateway}/chat/\n",
        policy(gateway),
        shadow_policy(gateway, &sockets)
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

/// The same without a frame. What a chat asks for beside its socket, and the addresses of one customer's own below it.
fn shadow_policy(gateway: &str, sockets: &[String]) -> String {
    let reached: Vec<String> = sockets
        .iter()
        .flat_map(|socket| {
            [socket.clone(), format!("{socket}/")].into_iter().chain(embedding::beside(socket))
        })
        .collect();
    format!(
        "default-src 'none'; script-src 'self' {gateway} 'wasm-unsafe-eval'; connect-src {gateway} {}; style-src 'self'; \
         img-src 'self' blob:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
        reached.join(" ")
    )
}
