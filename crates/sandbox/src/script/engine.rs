//! The JavaScript engine of a sandbox: its code, compiled once, and its memory when it is ready for a step.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, Linker, Module};

use lockstep_step::Digest;

use super::engine_file::{ENGINE, EngineFile};
use super::image;
use super::imports::{self, Import};
use super::loaded::{Exports, LoadedScript};
use super::preparing::Workshop;
use super::state::ScriptState;
use crate::cache::CodeCache;
use crate::load::LoadError;
use crate::source::Script;

/// First bytes of a snapshot on disk; the number is that of the layout.
const MAGIC: &[u8; 8] = b"LSSNAP\0\x01";

/// What all scripts share.
pub(crate) struct ScriptEngine {
    pub(super) engine: Engine,
    pub(super) code: Module,
    pub(super) imports: Vec<Import>,
    pub(super) linker: Linker<ScriptState>,
    pub(super) exports: Exports,
    base: Module,
    /// Of the engine's file: a snapshot fits no other.
    digest: [u8; 32],
}

impl ScriptEngine {
    /// The engine, from the cache if it is there, else compiled, which takes a second or two.
    ///
    /// What `compiling` gives is dropped when the compilation has ended.
    pub(crate) fn open<T>(
        engine: &Engine,
        cache: Option<&CodeCache>,
        compiling: impl FnOnce() -> T,
    ) -> wasmtime::Result<Self> {
        let digest: [u8; 32] = Sha256::digest(ENGINE).into();
        let file = |part: &str| Digest::of(&[part.as_bytes(), &digest[..]].concat());
        let cached = |part| cache.and_then(|cache| cache.read(&file(part)));
        let (code, base) = (cached("engine code "), cached("engine base "));
        let (code, base) = match (code, base) {
            (Some(code), Some(base)) => (trusted(engine, &code)?, trusted(engine, &base)?),
            _ => {
                let _compiling = compiling();
                let EngineFile { code, memory } = EngineFile::parse(ENGINE)?;
                let code = Module::new(engine, &code)?;
                let base = Workshop::base(engine, &code, &memory)?;
                for (part, module) in [("engine code ", &code), ("engine base ", &base)] {
                    if let Some(cache) = cache
                        && let Err(error) = cache.write(&file(part), &module.serialize()?)
                    {
                        tracing::warn!(
                            "the compiled JavaScript engine is not cached on disk: {error}"
                        );
                    }
                }
                (code, base)
            }
        };
        let mut linker = Linker::new(engine);
        imports::add_to_linker(&mut linker)?;
        Ok(Self {
            engine: engine.clone(),
            linker,
            imports: Import::of(&code)?,
            exports: Exports::of(&code)?,
            code,
            base,
            digest,
        })
    }

    /// Bytes of the engine's wasm.
    pub(crate) fn wasm_bytes() -> usize {
        ENGINE.len()
    }

    /// The snapshot of a step: its source compiled and, where that is pure, its top level evaluated.
    pub(crate) fn prepare(&self, script: &Script) -> Result<Vec<u8>, LoadError> {
        let broken = |error: wasmtime::Error| {
            LoadError::Host(format!("the JavaScript engine failed: {error:#}"))
        };
        let module = Workshop::step(self, &self.base, script).map_err(broken)??;
        let module = module.serialize().map_err(broken)?;
        Ok([&MAGIC[..], &self.digest, &module].concat())
    }

    /// Whether these are the bytes of a snapshot, of whatever engine.
    pub(crate) fn is_snapshot(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// A snapshot, ready to be run. `None` if it was made with another engine.
    pub(crate) fn link(
        self: &Arc<Self>,
        snapshot: &[u8],
    ) -> Option<wasmtime::Result<LoadedScript>> {
        let module = snapshot.strip_prefix(MAGIC)?.strip_prefix(&self.digest)?;
        Some(
            trusted(&self.engine, module)
                .and_then(|memory| LoadedScript::new(Arc::clone(self), &memory)),
        )
    }
}

/// The module of data only that has `memory`, compiled.
pub(super) fn compiled(engine: &Engine, memory: &[u8]) -> wasmtime::Result<Module> {
    Module::new(engine, image::module(memory))
}

fn trusted(engine: &Engine, code: &[u8]) -> wasmtime::Result<Module> {
    #[expect(
        unsafe_code,
        clippy::disallowed_methods,
        reason = "the bytes are ours: we have just made them, or `CodeCache` has checked their SHA-256"
    )]
    // SAFETY: they are what `Module::serialize` made, here or before they were cached.
    unsafe {
        Module::deserialize(engine, code)
    }
}
