//! What was measured, to the version.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::Deserialize;

use crate::file;

/// The part of `package.json` that tells the versions, each exact.
#[derive(Deserialize)]
struct Package {
    dependencies: BTreeMap<String, String>,
}

pub(crate) fn all() -> BTreeMap<String, String> {
    let package = fs::read(file("package.json")).unwrap();
    let package: Package = serde_json::from_slice(&package).unwrap();
    let mut versions = package.dependencies;
    versions.insert("lockstep".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    versions.insert("node of the machine".to_owned(), machines_node());
    versions
}

fn machines_node() -> String {
    let output = Command::new("node").arg("--version").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    version.trim_start_matches('v').trim_end().to_owned()
}
