//! How the engine is linked: the host gives it its memory, and reads where its stack is. And the web platform, which
//! `cargo xtask engine` has built.

use std::{
    env, fs,
    io::{self, Write as _},
    path::Path,
};

use flate2::{Compression, write::ZlibEncoder};

/// Room for C and Rust on the stack in linear memory; JavaScript is stopped well before (`engine.rs`, `STACK_BYTES`).
/// 2 MiB, and a little more: with what lies first in the memory a run then touches nothing, and where the host asks the
/// kernel which pages a run has written to, a stretch of 2 MiB that has no pages is passed over at once.
const STACK_BYTES: u32 = (2 << 20) + (64 << 10);

fn main() -> io::Result<()> {
    link();
    embed_platform()
}

fn link() {
    for argument in [
        "--import-memory",
        "--export=__stack_pointer",
        // An overflow then leaves the memory and traps, instead of writing over data.
        "--stack-first",
        "-z",
        &format!("stack-size={STACK_BYTES}"),
        // Those of `heap.rs` come first.
        "--wrap=free",
        "--wrap=realloc",
    ] {
        println!("cargo:rustc-link-arg-cdylib={argument}");
    }
}

fn embed_platform() -> io::Result<()> {
    println!("cargo:rerun-if-changed=platform");
    let script = if Path::new("platform/package.json").exists() {
        fs::read("platform/dist/platform.js")?
    } else {
        Vec::new()
    };
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    let mut deflated = ZlibEncoder::new(Vec::new(), Compression::best());
    deflated.write_all(&script)?;
    fs::write(Path::new(&out).join("platform.zlib"), deflated.finish()?)
}
