//! Which file of the JavaScript engine is built in: the committed one, or that of the variable `LOCKSTEP_ENGINE_FILE`, by which
//! CI tests the engine that it has built itself.

use std::env;

/// Names the other file here, and in the code.
const FILE: &str = "LOCKSTEP_ENGINE_FILE";

fn main() {
    println!("cargo::rerun-if-env-changed={FILE}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(engine_elsewhere)");
    #[expect(
        clippy::disallowed_methods,
        reason = "the environment of a build, not of a run"
    )]
    if let Ok(file) = env::var(FILE) {
        println!("cargo::rustc-cfg=engine_elsewhere");
        println!("cargo::rustc-env={FILE}={file}");
    }
}
