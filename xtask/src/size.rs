//! `cargo xtask size`: what browsers download, in bytes of brotli, against what they may.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Short, place, web};

/// What a website loads before anybody opens the chat.
const LOADER: u64 = 2_048;
/// The rest of the widget until the chat is usable.
const WIDGET: u64 = 46_080;
/// What it loads until then; everything else is loaded afterwards, or on demand.
const USABLE: [&str; 5] = ["widget.html", "widget.css", "widget.js", "words-en.js", "baton_miniapp_bg.wasm"];
/// In shadow mode: the loader, and everything that is loaded until the chat is usable.
const SHADOW: u64 = 50_176;
/// What that is beside the loader.
const USABLE_SHADOW: [&str; 6] =
    ["shadow.js", "shadow-widget.js", "widget.html", "widget.css", "words-en.js", "baton_miniapp_bg.wasm"];
/// The agents' console.
const CONSOLE: u64 = 716_800;

/// The verb.
pub fn verb() -> Result<()> {
    web::build(&web::ALL, web::Effort::Small)?;
    check()
}

/// Measures what has been built.
pub fn check() -> Result<()> {
    let folder = place::cache()?.join("web");
    let miniapp = folder.join("miniapp");
    let loader = web::sent_for(&miniapp, "embed.js")?;
    let widget = USABLE.iter().map(|name| web::sent_for(&miniapp, name)).sum::<Result<u64>>()?;
    let shadow = USABLE_SHADOW.iter().map(|name| web::sent_for(&miniapp, name)).sum::<Result<u64>>()?;
    let alone = web::sent_starting(&miniapp, "shadow")?;
    let later = web::sent(&miniapp)? - loader - widget - alone;
    let console = web::sent(&folder.join("console"))?;
    let parts = [
        ("loader_br", loader, LOADER),
        ("widget_br", widget, WIDGET),
        ("shadow_br", loader + shadow, SHADOW),
        ("console_br", console, CONSOLE),
    ];
    let mut figures = serde_json::Map::new();
    let mut over = Vec::new();
    println!("later      {later:>7} afterwards or on demand");
    figures.insert("widget_later_br".into(), json!(later));
    for (name, bytes, budget) in parts {
        println!("{name:<10} {bytes:>7} of {budget}");
        figures.insert(name.into(), json!(bytes));
        if bytes > budget {
            over.push(name);
        }
    }
    if !over.is_empty() {
        println!("over budget: {}", over.join(", "));
    }
    println!("{}", Value::from(figures));
    if over.is_empty() { Ok(()) } else { Err(Short.into()) }
}
