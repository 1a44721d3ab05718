//! What our scripts import and export, line by line. Each import and each export stands on a line of its own; whatever this
//! does not know is a mistake, and not left as it is.

use anyhow::{Context, Result, bail};

/// What a script takes from another one.
#[derive(Debug, PartialEq)]
pub struct Import {
    /// Each by its name there and its name here.
    pub names: Vec<(String, String)>,
    /// `./x.js`
    pub from: String,
}

/// Reads what follows `import `: `load, { start, begin as first } from './x.js';`
pub fn imported(line: &str) -> Result<Import> {
    let wrong = || format!("not an import that is understood: {line}");
    let (names, from) = line.split_once(" from ").with_context(wrong)?;
    let (first, rest) = match names.split_once('{') {
        Some((first, rest)) => {
            (first.trim_end_matches([' ', ',']), rest.strip_suffix('}').with_context(wrong)?)
        }
        None => (names, ""),
    };
    if names.contains('*') {
        bail!(wrong());
    }
    let first = (!first.is_empty()).then(|| ("default".to_owned(), first.to_owned()));
    let rest = rest.split(',').map(str::trim).filter(|one| !one.is_empty());
    let rest = rest.map(|one| one.split_once(" as ").unwrap_or((one, one)));
    let rest = rest.map(|(outside, inside)| (outside.to_owned(), inside.to_owned()));
    let from = from.trim_end_matches(';').trim_matches(['\'', '"']).to_owned();
    Ok(Import { names: first.into_iter().chain(rest).collect(), from })
}

/// `export const x = …`, `export function x…`, `export default …`, `export { x, y as default };`: the line without the
/// export, which is noted by its name outside and its name inside.
pub fn exported(line: &str, exports: &mut Vec<(String, String)>) -> Result<String> {
    let Some(rest) = line.strip_prefix("export ") else { return Ok(line.to_owned()) };
    let until = |text: &str| {
        let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    if let Some(value) = rest.strip_prefix("default ") {
        exports.push(("default".into(), "$default".into()));
        return Ok(format!("const $default = {value}"));
    }
    if let Some(list) = rest.strip_prefix('{') {
        let list = list.trim_end_matches([';', ' ', '}']);
        for one in list.split(',').map(str::trim) {
            let (inside, outside) = one.split_once(" as ").unwrap_or((one, one));
            exports.push((outside.into(), inside.into()));
        }
        return Ok(String::new());
    }
    let Some(name) = ["const ", "function "].iter().find_map(|kind| rest.strip_prefix(kind)).map(until)
    else {
        bail!("not an export that is understood: {line}");
    };
    exports.push((name.clone(), name));
    Ok(rest.to_owned())
}
