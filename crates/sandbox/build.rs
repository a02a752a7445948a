//! Which file of the JavaScript engine is built in: the committed one, or that of the variable `LOCKSTEP_ENGINE_FILE`, by which
//! CI tests the engine that it has built itself.

use std::env;

/// Names the file here, and in the code.
const FILE: &str = "LOCKSTEP_ENGINE_FILE";

fn main() {
    println!("cargo::rerun-if-env-changed={FILE}");
    println!("cargo::rerun-if-changed=build.rs");
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment of a build, not of a run"
    )]
    let file = env::var(FILE).unwrap_or_else(|_| {
        let here = env!("CARGO_MANIFEST_DIR");
        format!("{here}/../../guest-sdk/js/engine/lockstep-engine.wasm")
    });
    println!("cargo::rustc-env={FILE}={file}");
}
