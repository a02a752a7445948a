//! Which file of the JavaScript engine is built in, and its digest: the committed one, or that of the variable
//! `LOCKSTEP_ENGINE_FILE`, by which CI tests the engine that it has built itself.
//!
//! The digest is taken here because it would be a tenth of the time of a process that runs one short step.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Names the other file here.
const FILE: &str = "LOCKSTEP_ENGINE_FILE";
/// Name the file, and that with its digest, in the code.
const BUILT_IN: &str = "LOCKSTEP_ENGINE";
const DIGEST: &str = "LOCKSTEP_ENGINE_DIGEST";

#[expect(
    clippy::disallowed_methods,
    reason = "the environment of a build, not of a run"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed={FILE}");
    println!("cargo::rerun-if-changed=build.rs");
    let committed = "../../guest-sdk/js/engine/lockstep-engine.wasm";
    let file = match env::var_os(FILE) {
        Some(file) => file.into(),
        None => Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(committed),
    };
    println!("cargo::rerun-if-changed={}", file.display());
    let digest = Path::new(&env::var("OUT_DIR")?).join("engine.sha256");
    let engine = fs::read(&file)
        .map_err(|error| format!("cannot read the engine `{}`: {error}", file.display()))?;
    fs::write(&digest, Sha256::digest(engine))?;
    println!("cargo::rustc-env={BUILT_IN}={}", file.display());
    println!("cargo::rustc-env={DIGEST}={}", digest.display());
    Ok(())
}
