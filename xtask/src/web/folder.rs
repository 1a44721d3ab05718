//! Folders of files for browsers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::{Effort, Files};

/// Every file of a folder, by its path in it; a folder that does not exist has none.
pub fn read(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    for path in list(folder, "")? {
        let bytes = fs::read(folder.join(&path))?;
        files.insert(path, bytes);
    }
    Ok(files)
}

/// How many bytes a browser downloads that fetches everything.
pub fn sent(folder: &Path) -> Result<u64> {
    let paths = list(folder, "")?;
    let sizes = paths.iter().filter(|path| !path.ends_with(".br")).map(|path| sent_for(folder, path));
    sizes.sum()
}

/// The same for the files whose names start so.
pub fn sent_starting(folder: &Path, start: &str) -> Result<u64> {
    let paths = list(folder, "")?;
    let paths = paths.iter().filter(|path| path.starts_with(start) && !path.ends_with(".br"));
    paths.map(|path| sent_for(folder, path)).sum()
}

/// How many bytes a browser downloads for one file.
pub fn sent_for(folder: &Path, path: &str) -> Result<u64> {
    let small = folder.join(format!("{path}.br"));
    let file = if small.is_file() { small } else { folder.join(path) };
    Ok(fs::metadata(&file).with_context(|| format!("there is no {}", file.display()))?.len())
}

/// Makes the folder hold these files, each with its brotli beside it when they are to be small, and no others.
///
/// What has not changed is not touched: its time of change says to cargo that nothing happened.
pub fn publish(folder: &Path, files: &Files, effort: Effort) -> Result<()> {
    let mut wanted = BTreeSet::new();
    for (path, bytes) in files {
        let file = folder.join(path);
        let small = folder.join(format!("{path}.br"));
        if !fs::read(&file).is_ok_and(|last| last == *bytes) {
            // First of all, so that an old one never stands beside a new file.
            let _ = fs::remove_file(&small);
            write(&file, bytes)?;
        }
        if effort == Effort::Small && !small.is_file() && worth(path) {
            let packed = brotli(bytes)?;
            if packed.len() < bytes.len() {
                write(&small, &packed)?;
            }
        }
        wanted.insert(path.clone());
        if effort == Effort::Small {
            wanted.insert(format!("{path}.br"));
        }
    }
    for path in list(folder, "")?.into_iter().filter(|path| !wanted.contains(path)) {
        fs::remove_file(folder.join(path))?;
    }
    Ok(())
}

/// Pictures and fonts are packed already.
fn worth(path: &str) -> bool {
    !["png", "webp", "avif", "jpg", "woff2"].iter().any(|kind| path.ends_with(&format!(".{kind}")))
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut packed, &parameters)?;
    Ok(packed)
}

/// Whole or not at all: a build of the gateway may be reading.
fn write(file: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = file.with_added_extension("part");
    fs::write(&part, bytes).with_context(|| format!("cannot write {}", part.display()))?;
    Ok(fs::rename(part, file)?)
}

fn list(folder: &Path, prefix: &str) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    if !folder.is_dir() {
        return Ok(paths);
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a file's name is not Unicode")?;
        // Editors and file managers leave hidden files behind.
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            paths.extend(list(&entry.path(), &format!("{path}/"))?);
        } else {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn publishing_changes_only_what_differs() {
        let folder = std::env::temp_dir().join(format!("baton-folder-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let long = "the same words again and again ".repeat(40);
        publish(&folder, &files(&[("a.js", &long), ("deep/b.css", "x"), ("c.png", &long)]), Effort::Small)
            .unwrap();
        // `b.css` gets no smaller by brotli, and pictures are not tried.
        assert_eq!(list(&folder, "").unwrap(), ["a.js", "a.js.br", "c.png", "deep/b.css"]);
        assert!(sent_for(&folder, "a.js").unwrap() < 100);
        assert_eq!(sent_for(&folder, "deep/b.css").unwrap(), 1);

        let before = fs::metadata(folder.join("a.js.br")).unwrap().modified().unwrap();
        publish(&folder, &files(&[("a.js", &long)]), Effort::Small).unwrap();
        assert_eq!(list(&folder, "").unwrap(), ["a.js", "a.js.br"]);
        assert_eq!(fs::metadata(folder.join("a.js.br")).unwrap().modified().unwrap(), before);

        publish(&folder, &files(&[("a.js", &long)]), Effort::Quick).unwrap();
        assert_eq!(list(&folder, "").unwrap(), ["a.js"]);

        publish(&folder, &files(&[("a.js", "new")]), Effort::Small).unwrap();
        assert_eq!(list(&folder, "").unwrap(), ["a.js"]);
        assert_eq!(sent(&folder).unwrap(), 3);
        fs::remove_dir_all(&folder).unwrap();
    }
}
