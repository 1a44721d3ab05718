//! The widget's scripts for shadow mode: the same ones, each made a function of the window that it takes things from.
//!
//! In a frame a script has a window of its own. In shadow mode that is the site's, and `static/shadow.js` makes another
//! one: a script's imports, exports and the names below become that one's, and everything else stays as it is. So there
//! is one widget, and what a function has made is gone with it, which a browser's modules never are.

use std::fmt::Write as _;

use anyhow::Result;

use super::modules::{self, Import};

/// What a frame's window has and `static/shadow.js` gives.
const WORLD: [&str; 15] = [
    "self",
    "document",
    "location",
    "parent",
    "navigator",
    "addEventListener",
    "removeEventListener",
    "dispatchEvent",
    "setTimeout",
    "clearTimeout",
    "fetch",
    "WebSocket",
    "BroadcastChannel",
    "AudioContext",
    "URL",
];

/// The name in shadow mode of a script that becomes a function there. Words, and the scripts that are the page's own, do not.
pub fn name(path: &str) -> Option<String> {
    let script = path.ends_with(".js") && !path.starts_with("words-") && !path.starts_with("later-");
    (script && path != "embed.js" && path != "shadow.js").then(|| format!("shadow-{path}"))
}

/// A module as the function that makes what it exports. Our scripts and wasm-bindgen's have an import or an export on a line
/// of its own; whatever this does not know is a mistake, and not left as it is.
pub fn factory(script: &str) -> Result<String> {
    let mut body = String::new();
    let mut exports = Vec::new();
    for line in script.lines() {
        let line = match line.strip_prefix("import ") {
            Some(import) => imported(import)?,
            None => modules::exported(line, &mut exports)?.replace("import(", "need("),
        };
        body.push_str(&line);
        body.push('\n');
    }
    let world: Vec<&str> = WORLD.into_iter().filter(|name| mentions(&body, name)).collect();
    let exports: Vec<String> =
        exports.iter().map(|(outside, inside)| format!("{outside}: {inside}")).collect();
    let mut whole = String::new();
    writeln!(whole, "export default async ({{ {} }}, need) => {{", world.join(", "))?;
    writeln!(whole, "{body}return {{ {} }};\n}};", exports.join(", "))?;
    Ok(whole)
}

/// `load, { start, begin as first } from './x.js';`
fn imported(line: &str) -> Result<String> {
    let Import { names, from } = modules::imported(line)?;
    let names: Vec<String> = names.iter().map(|(outside, inside)| format!("{outside}: {inside}")).collect();
    Ok(format!("const {{ {} }} = await need('{from}');", names.join(", ")))
}

/// Whether the name stands there as a word of its own, and not as another object's.
fn mentions(text: &str, name: &str) -> bool {
    let part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    text.match_indices(name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        // Three dots before it spread it, one makes it a member.
        let member = before.ends_with('.') && !before.ends_with("...");
        !member && !before.ends_with(part) && !after.starts_with(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_becomes_a_function_of_its_world() {
        let module = "import load, { start, begin as first } from './a.js';\nimport { say } from './b.js';\n\
                      export const find = (id) => document.getElementById(id);\nexport function two() {\n}\n\
                      const more = await import('./c.js');\nthis.location.reload();\nexport default () => {\n};\n\
                      export { find as other, more };\n";
        let made = "export default async ({ document }, need) => {\n\
                    const { default: load, start: start, begin: first } = await need('./a.js');\n\
                    const { say: say } = await need('./b.js');\n\
                    const find = (id) => document.getElementById(id);\nfunction two() {\n}\n\
                    const more = await need('./c.js');\nthis.location.reload();\nconst $default = () => {\n};\n\n\
                    return { find: find, two: two, default: $default, other: find, more: more };\n};\n";
        assert_eq!(factory(module).unwrap(), made);
    }

    #[test]
    fn what_is_not_understood_is_a_mistake() {
        for line in
            ["import './a.js';", "import * as a from './a.js';", "export let a = 1;", "export class A {}"]
        {
            assert!(factory(line).is_err(), "{line}");
        }
    }

    #[test]
    fn words_and_the_pages_own_scripts_stay_as_they_are() {
        assert_eq!(name("widget.js").as_deref(), Some("shadow-widget.js"));
        for path in ["embed.js", "shadow.js", "words-en.js", "later-de.js", "widget.css", "a.wasm"] {
            assert_eq!(name(path), None, "{path}");
        }
    }
}
