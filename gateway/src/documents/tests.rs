//! The store of files.
