//! Each crate depends on what DESIGN.md and ARCHITECTURE.md let it depend on, and on nothing else.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use lockstep_e2e::repository;

/// What of ours a crate may use.
const OURS: [(&str, &[&str]); 12] = [
    ("secret", &[]),
    ("step", &["secret"]),
    ("vault", &["secret", "step"]),
    ("store", &["secret", "step", "vault"]),
    ("sandbox", &["secret", "step"]),
    ("runner", &["sandbox", "secret", "step", "store", "vault"]),
    ("server", &["runner", "secret", "step"]),
    ("client", &["secret", "step"]),
    (
        "cli",
        &[
            "client", "runner", "sandbox", "secret", "server", "step", "store", "vault",
        ],
    ),
    ("xtask", &[]),
    // Tests of the whole see everything but the binary.
    (
        "e2e",
        &[
            "runner", "sandbox", "secret", "step", "store", "upstream", "vault",
        ],
    ),
    // What stands for the world knows nothing of us.
    ("upstream", &[]),
];

/// Crates of others that only these may use. A name with `*` at its end stands for all that begin so.
const THEIRS: [(&str, &[&str]); 31] = [
    ("zeroize", &["secret"]),
    ("fearless_simd", &["secret"]),
    ("aho-corasick", &["secret"]),
    ("psl", &["step"]),
    ("aes-gcm", &["vault"]),
    ("hkdf", &["vault"]),
    ("hmac", &["sandbox", "upstream"]),
    ("ring", &["sandbox"]),
    ("rusqlite", &["store"]),
    ("wasmtime*", &["sandbox"]),
    ("wit-*", &["sandbox"]),
    ("wasm-encoder", &["sandbox"]),
    ("wasmparser", &["sandbox"]),
    ("oxc_*", &["sandbox"]),
    ("clap*", &["cli", "xtask"]),
    ("anyhow", &["cli", "xtask", "sandbox"]),
    ("axum", &["server"]),
    ("opentelemetry*", &["cli", "e2e"]),
    ("tracing-opentelemetry", &["cli"]),
    ("ureq", &["cli"]),
    ("utoipa", &["server"]),
    // `upstream` is no client: it is what tests send requests to. `client` speaks to a server of ours, never for a step.
    ("hyper*", &["client", "sandbox", "server", "upstream"]),
    ("http*", &["client", "sandbox", "upstream"]),
    ("rustls*", &["client", "sandbox"]),
    ("tokio-rustls", &["client", "sandbox", "server", "upstream"]),
    ("form_urlencoded", &["client"]),
    ("ipnet", &["sandbox"]),
    ("url", &["sandbox", "upstream"]),
    (
        "prometheus-client",
        &["runner", "sandbox", "server", "store"],
    ),
    ("async-compression", &["sandbox"]),
    ("rcgen", &["upstream"]),
];

struct Package {
    name: String,
    dependencies: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(repository())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    let package = |package: &Value| Package {
        name: short(package["name"].as_str().unwrap()).to_owned(),
        dependencies: package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect(),
    };
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(package)
        .collect()
}

fn short(name: &str) -> &str {
    name.strip_prefix("lockstep-").unwrap_or(name)
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |prefix| name.starts_with(prefix))
}

#[test]
fn our_crates_use_each_other_as_the_table_says() {
    for package in packages() {
        let (_, may) = OURS
            .iter()
            .find(|(name, _)| *name == package.name)
            .unwrap_or_else(|| {
                panic!(
                    "`{}` is not in the table: add it here and in ARCHITECTURE.md",
                    package.name
                )
            });
        let ours = package
            .dependencies
            .iter()
            .filter(|name| name.starts_with("lockstep-"));
        for dependency in ours.map(|name| short(name)) {
            assert!(
                may.contains(&dependency),
                "`{}` may not depend on `{dependency}`",
                package.name
            );
        }
    }
}

#[test]
fn each_outside_thing_has_one_owner() {
    for package in packages() {
        for (pattern, owners) in THEIRS {
            let found = package
                .dependencies
                .iter()
                .find(|name| matches(pattern, name));
            if let Some(found) = found {
                assert!(
                    owners.contains(&package.name.as_str()),
                    "`{}` may not depend on `{found}`",
                    package.name
                );
            }
        }
    }
}

#[test]
fn the_table_is_not_empty_of_facts() {
    let packages = packages();
    let uses = |package: &str, name: &str| {
        packages
            .iter()
            .any(|found| found.name == package && found.dependencies.contains(name))
    };
    assert!(uses("store", "rusqlite") && uses("sandbox", "wasmtime") && uses("vault", "aes-gcm"));
    assert!(uses("sandbox", "hyper") && uses("sandbox", "tokio-rustls"));
    assert!(uses("server", "axum") && uses("server", "utoipa"));
}
