//! The scripts that the chat waits for, as one: each of them would be a request, a script to compile and a few tasks of the
//! page's main thread of its own. What is loaded later imports from the one what it would have from its parts.

use std::fmt::Write as _;
use std::str;

use anyhow::{Context, Result, bail};

use super::Files;
use super::modules;

/// The script that all begins with, whose name the whole has.
const FIRST: &str = "widget.js";

/// Puts the first script and all that it imports one after the other. Names at their tops must differ: where two are the
/// same the browser, and terser before it, refuses the whole.
pub fn bundle(scripts: &mut Files) -> Result<()> {
    if !scripts.contains_key(FIRST) {
        return Ok(());
    }
    let mut whole = Whole::default();
    whole.add(scripts, FIRST)?;
    for path in &whole.parts {
        scripts.remove(path);
    }
    for (path, text) in scripts.iter_mut().filter(|(path, _)| path.ends_with(".js")) {
        *text = elsewhere(str::from_utf8(text).with_context(|| path.clone())?, &whole.parts).into_bytes();
    }
    scripts.insert(FIRST.into(), whole.finish()?.into_bytes());
    Ok(())
}

#[derive(Default)]
struct Whole {
    body: String,
    parts: Vec<String>,
    exports: Vec<(String, String)>,
}

impl Whole {
    /// Adds a script, and before it what it imports.
    fn add(&mut self, scripts: &Files, path: &str) -> Result<Vec<(String, String)>> {
        let text = str::from_utf8(scripts.get(path).with_context(|| format!("there is no {path}"))?)?;
        let mut body = String::new();
        let mut exports = Vec::new();
        for line in text.lines() {
            match line.strip_prefix("import ") {
                Some(import) => body += &self.import(scripts, import)?,
                None => writeln!(body, "{}", modules::exported(line, &mut exports)?)?,
            }
        }
        self.body += &body;
        self.parts.push(path.to_owned());
        self.exports.extend(exports.iter().filter(|(outside, _)| outside != "default").cloned());
        Ok(exports)
    }

    /// What the line imports is there already, and only what has another name here needs to be said.
    fn import(&mut self, scripts: &Files, line: &str) -> Result<String> {
        let import = modules::imported(line)?;
        let path = import.from.trim_start_matches("./");
        let known = if self.parts.iter().any(|part| part == path) {
            self.exports.clone()
        } else {
            self.add(scripts, path)?
        };
        let mut aliases = String::new();
        for (outside, inside) in &import.names {
            let Some((_, there)) = known.iter().find(|(name, _)| name == outside) else {
                bail!("{path} exports no {outside}");
            };
            if there != inside {
                writeln!(aliases, "const {inside} = {there};")?;
            }
        }
        Ok(aliases)
    }

    fn finish(self) -> Result<String> {
        let names: Vec<String> =
            self.exports.iter().map(|(outside, inside)| named(inside, outside)).collect();
        let mut body = self.body;
        writeln!(body, "export {{ {} }};", names.join(", "))?;
        Ok(body)
    }
}

fn named(inside: &str, outside: &str) -> String {
    if inside == outside { inside.to_owned() } else { format!("{inside} as {outside}") }
}

/// A later script, which takes from the whole what it took from its parts.
fn elsewhere(script: &str, parts: &[String]) -> String {
    let mut text = String::new();
    for line in script.lines() {
        let from = parts.iter().map(|part| format!("from './{part}'")).find(|from| line.contains(from));
        match from.filter(|_| line.starts_with("import ")) {
            Some(from) => text.push_str(&line.replace(&from, &format!("from './{FIRST}'"))),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn what_the_first_script_imports_is_one_script_with_it() {
        let mut scripts = files(&[
            (
                "widget.js",
                "import load, { start } from './glue.js';\nimport { say } from './words.js';\nload(say, start);\n",
            ),
            (
                "glue.js",
                "import { say as tell } from './words.js';\nfunction init() {\n}\nexport function start() {\n}\nexport { init as default };\n",
            ),
            ("words.js", "export const say = 1;\n"),
            ("later.js", "import { say } from './words.js';\nimport { x } from './other.js';\n"),
            ("other.js", "export const x = 1;\n"),
        ]);
        bundle(&mut scripts).unwrap();
        let text = |path: &str| str::from_utf8(&scripts[path]).unwrap();
        assert_eq!(
            text("widget.js"),
            "const say = 1;\nconst tell = say;\nfunction init() {\n}\nfunction start() {\n}\n\nconst load = init;\n\
             load(say, start);\nexport { say, start };\n"
        );
        assert_eq!(text("later.js"), "import { say } from './widget.js';\nimport { x } from './other.js';\n");
        assert_eq!(scripts.keys().collect::<Vec<_>>(), ["later.js", "other.js", "widget.js"]);
    }

    #[test]
    fn what_nobody_exports_is_a_mistake() {
        let mut scripts =
            files(&[("widget.js", "import { a } from './b.js';\n"), ("b.js", "const a = 1;\n")]);
        assert!(bundle(&mut scripts).is_err());
    }
}
