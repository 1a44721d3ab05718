//! The files for browsers that are built in: the widget's and the console's. See `build.rs`.

/// A file for browsers.
#[derive(Debug)]
pub struct Asset {
    /// `miniapp/embed.js`, `console/index.html`, …
    pub path: &'static str,
    /// What `Content-Type` says.
    pub content_type: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
    /// The same, made smaller with brotli, when that is smaller.
    pub brotli: Option<&'static [u8]>,
    /// Changes when the file changes; quoted as `ETag` wants it.
    pub etag: &'static str,
}

// `BUILT_WITH_WEB`, and `ASSETS` in the order of their paths.
include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The file of that path. Only what was built in can be found: no path leads anywhere else.
#[must_use]
pub fn find(path: &str) -> Option<&'static Asset> {
    let at = ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok()?;
    ASSETS.get(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_built_in_is_found() {
        for path in
            ["", "miniapp", "miniapp/", "miniapp/embed.js.br", "miniapp/../miniapp/embed.js", "/etc/passwd"]
        {
            assert!(find(path).is_none(), "{path}");
        }
        assert_eq!(find("miniapp/embed.js").is_some(), BUILT_WITH_WEB);
    }

    #[test]
    fn every_file_is_found_and_described() {
        for asset in ASSETS {
            assert_eq!(find(asset.path).map(|found| found.etag), Some(asset.etag), "{}", asset.path);
            assert!(asset.etag.starts_with('"') && asset.etag.ends_with('"') && asset.etag.len() == 18);
            assert!(asset.brotli.is_none_or(|small| small.len() < asset.bytes.len()), "{}", asset.path);
            assert_ne!(asset.content_type, "application/octet-stream", "{}", asset.path);
        }
    }
}
