//! Registration of any bytes as a step, and of modules and components that wasm-smith makes.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;
use wasm_smith::{Component, Config, Module};
use wasmparser::{Parser, Validator, WasmFeatures};

#[expect(
    dead_code,
    reason = "the sandbox keeps more of an artifact than is checked here"
)]
#[path = "../../../crates/sandbox/src/artifact.rs"]
mod artifact;
#[path = "../../../crates/sandbox/src/bounds.rs"]
mod bounds;
#[path = "../../../crates/sandbox/src/encode.rs"]
mod encode;
#[path = "../../../crates/sandbox/src/imports.rs"]
mod imports;
#[path = "../../../crates/sandbox/src/invalid.rs"]
mod invalid;
#[path = "../../../crates/sandbox/src/nesting.rs"]
mod nesting;
#[path = "../../../crates/sandbox/src/references.rs"]
mod references;
#[path = "../../../crates/sandbox/src/validate.rs"]
mod validate;

use artifact::{Artifact, ArtifactKind, prepare_wasm};
use invalid::InvalidStep;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What preparing may take, in bytes, whatever it is given, and for each byte of it.
const MEMORY_BYTES: usize = 32 << 20;
const MEMORY_BYTES_PER_BYTE: usize = 1 << 10;
const LONGEST_MESSAGE_BYTES: usize = 5 << 10;

/// What follows are not the bytes of a step, but choices for wasm-smith.
const MODULE: &[u8] = b"module:";
const COMPONENT: &[u8] = b"component:";

fuzz_target!(|data: &[u8]| {
    if let Some(choices) = data.strip_prefix(MODULE) {
        let config = MODULES.clone();
        if let Ok(module) = Module::new(config, &mut Unstructured::new(choices)) {
            check(&module.to_bytes());
        }
    } else if let Some(choices) = data.strip_prefix(COMPONENT) {
        if let Ok(component) = Component::new(small(), &mut Unstructured::new(choices)) {
            check(&component.to_bytes());
        }
    } else {
        check(data);
    }
});

fn check(source: &[u8]) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let prepared = prepare_wasm(source);
    let taken = MEMORY.peak_usage() - before;
    let limit = MEMORY_BYTES + MEMORY_BYTES_PER_BYTE * source.len();
    assert!(
        taken <= limit,
        "{} bytes took {taken} bytes of memory",
        source.len()
    );
    match prepared {
        Ok(artifact) => check_artifact(source, &artifact),
        Err(InvalidStep { message }) => {
            let length = message.len();
            assert!(
                length <= LONGEST_MESSAGE_BYTES,
                "the message has {length} bytes"
            );
        }
    }
}

/// What comes out is a valid component, and is registered as it stands.
fn check_artifact(source: &[u8], artifact: &Artifact) {
    let component = &artifact.bytes;
    assert!(Parser::is_component(component));
    let valid = Validator::new_with_features(WasmFeatures::default()).validate_all(component);
    assert!(valid.is_ok(), "{:?}", valid.err());
    match artifact.kind {
        ArtifactKind::Component => assert!(component == source),
        ArtifactKind::Module => assert!(source.starts_with(b"\0asm")),
        ArtifactKind::Text => assert!(std::str::from_utf8(source).is_ok()),
        ArtifactKind::JavaScript | ArtifactKind::TypeScript => panic!("taken for source code"),
    }
    let again =
        prepare_wasm(component).unwrap_or_else(|error| panic!("not registered again: {error}"));
    assert_eq!(again.kind, ArtifactKind::Component);
    assert!(again.bytes == *component);
    assert_eq!(again.keys, artifact.keys);
}

/// Modules that fit the world `command`, so that they are encoded.
static MODULES: LazyLock<Config> = LazyLock::new(|| {
    let parse = |text: &str| wat::parse_str(text).expect("the text is fixed");
    Config {
        exports: Some(parse(EXPORTS)),
        available_imports: Some(parse(IMPORTS)),
        ..small()
    }
});

const EXPORTS: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
const IMPORTS: &str = r#"(module
    (import "lockstep:step/credentials@1.0.0" "credential" (func (param i32 i32 i32)))
    (import "lockstep:step/output@1.0.0" "set-output" (func (param i32 i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
    (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32))))"#;

fn small() -> Config {
    Config {
        max_funcs: 20,
        max_types: 20,
        max_instructions: 200,
        max_memories: 2,
        max_components: 5,
        max_nesting_depth: 8,
        max_type_size: 200,
        ..Config::default()
    }
}
