//! The guests that `cargo xtask guests` built, and those in the text format.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are a folder of the repository")
        .to_owned()
}

/// The guest that was built as `target/guests/<name>.wasm`.
#[must_use]
pub fn guest(name: &str) -> Vec<u8> {
    built(name, "wasm")
}

/// The bundle that was built as `target/guests/<name>.js`.
#[must_use]
pub fn bundle(name: &str) -> String {
    String::from_utf8(built(name, "js")).unwrap()
}

/// The file of the step that another tool than ours built, as `target/foreign/<name>.wasm`.
#[must_use]
pub fn foreign_guest(name: &str) -> PathBuf {
    let path = repository()
        .join("target/foreign")
        .join(name)
        .with_added_extension("wasm");
    assert!(
        path.is_file(),
        "there is no guest `{}`; `cargo xtask test foreign` builds it",
        path.display()
    );
    path
}

/// The guest of `tests/guests/<name>.wat`.
#[must_use]
pub fn wat(name: &str) -> Vec<u8> {
    let path = repository()
        .join("tests/guests")
        .join(name)
        .with_added_extension("wat");
    fs::read(&path)
        .unwrap_or_else(|error| panic!("cannot read guest `{}`: {error}", path.display()))
}

fn built(name: &str, extension: &str) -> Vec<u8> {
    let path = repository()
        .join("target/guests")
        .join(name)
        .with_added_extension(extension);
    fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "cannot read guest `{}`: {error}; `cargo xtask guests` builds it",
            path.display()
        )
    })
}
