//! `cargo xtask size`: what browsers download, in bytes of brotli, against what they may.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Short, place, web};

/// What a website loads before anybody opens the chat.
const LOADER: u64 = 2_048;
/// The rest of the widget.
const WIDGET: u64 = 46_080;
/// The agents' console.
const CONSOLE: u64 = 716_800;

/// The verb.
pub fn verb() -> Result<()> {
    web::build(&web::ALL, web::Effort::Small)?;
    let folder = place::cache()?.join("web");
    let loader = web::sent_for(&folder.join("miniapp"), "embed.js")?;
    let widget = web::sent(&folder.join("miniapp"))? - loader;
    let console = web::sent(&folder.join("console"))?;
    let parts =
        [("loader_br", loader, LOADER), ("widget_br", widget, WIDGET), ("console_br", console, CONSOLE)];
    let mut figures = serde_json::Map::new();
    let mut over = Vec::new();
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
