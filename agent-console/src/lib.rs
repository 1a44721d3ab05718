//! Stub.
use wasm_bindgen::prelude::*;

/// Starts the app.
#[wasm_bindgen(start)]
pub fn start() {}
