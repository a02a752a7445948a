//! C, with Debian's clang and C library for WASI, and the bindings that wit-bindgen makes of the contract.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use super::{RESULTS, WIT};
use crate::{
    debian,
    process::{command, output, root, run},
    tools::Program,
};

/// Some two minutes to build, optimised three times as long: it has milliseconds of work to do.
const WIT_BINDGEN: Program = Program {
    package: "wit-bindgen-cli",
    name: "wit-bindgen",
    version: "0.63.0",
    options: &["--debug", "--no-default-features", "--features", "c"],
};

/// A step: its source, its world, and what wit-bindgen makes of that.
struct Step {
    source: &'static str,
    world: &'static str,
    bindings: [&'static str; 2],
}

const STEPS: [Step; 2] = [
    // The world without WASI, whose imports the C library brings itself.
    Step {
        source: "step.c",
        world: "step-core",
        bindings: ["step_core.c", "step_core_component_type.o"],
    },
    Step {
        source: "request.c",
        world: "step-with-http",
        bindings: ["step_with_http.c", "step_with_http_component_type.o"],
    },
];
/// Where the bindings go, below the folder of the results.
const GENERATED: &str = "c";

const TARGET: &str = "--target=wasm32-wasi";
/// Debian's packages: compiler, linker, C library, the compiler's own library, and a JSON parser in one header.
const PACKAGES: [&str; 5] = [
    "clang",
    "lld",
    "wasi-libc",
    "libclang-rt-dev-wasm32",
    "libjsmn-dev",
];
/// Headers of this machine, for the parser's: searched after those of WASI.
const HEADERS: &str = "/usr/include";
const PARSER: &str = "/usr/include/jsmn.h";
const LIBC: &str = "/usr/lib/wasm32-wasi/libc.a";

pub(super) fn build(folder: &str, results: &[PathBuf]) -> Result<()> {
    find_or_install_clang()?;
    let generated = root().join(RESULTS).join(GENERATED);
    fs::create_dir_all(&generated)
        .with_context(|| format!("cannot make {}", generated.display()))?;
    for (step, result) in STEPS.iter().zip(results) {
        run(WIT_BINDGEN
            .find_or_install(folder)?
            .args(["c", WIT, "--world", step.world, "--out-dir"])
            .arg(&generated))?;
        run(command("clang", folder)
            .args([TARGET, "-mexec-model=reactor", "-O2", "-Wl,--strip-debug"])
            .args(["-Wall", "-Wextra", "-Werror", "-idirafter", HEADERS, "-I"])
            .arg(&generated)
            .arg(step.source)
            .args(step.bindings.map(|file| generated.join(file)))
            .arg("-o")
            .arg(result))?;
    }
    Ok(())
}

fn find_or_install_clang() -> Result<()> {
    if has_all() {
        return Ok(());
    }
    let packages = PACKAGES.join(" ");
    let needed = format!(
        "clang with a C library for WASI, and jsmn, are needed: on Debian `apt-get install {packages}`"
    );
    debian::install(&PACKAGES).context(needed.clone())?;
    ensure!(has_all(), "{needed}");
    Ok(())
}

fn has_all() -> bool {
    let own_library =
        output(command("clang", "").args([TARGET, "--print-libgcc-file-name"])).map(PathBuf::from);
    output(command("wasm-ld", "").arg("--version")).is_ok()
        && own_library.is_ok_and(|library| library.is_file())
        && [LIBC, PARSER].iter().all(|file| Path::new(file).is_file())
}
