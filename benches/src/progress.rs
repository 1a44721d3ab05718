//! The bar that shows how far a measurement is.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error, where there is a terminal.
#[must_use]
pub fn bar(name: &str, length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:>16} {wide_bar} {pos}/{len} {eta}");
    let bar = ProgressBar::new(length).with_prefix(name.to_owned());
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
