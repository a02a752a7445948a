//! The JavaScript engine of a sandbox: its code, compiled once, and its memory when it is ready for a step.

use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::{Engine, Linker, Module, ModuleExport};

use lockstep_step::Digest;

use super::engine_file::{DIGEST, ENGINE, EngineFile};
use super::image;
use super::imports::{self, Import};
use super::loaded::{self, LoadedScript};
use super::preparing::Workshop;
use super::state::ScriptState;
use crate::cache::CodeCache;
use crate::code::{Code, Maker};
use crate::load::LoadError;
use crate::source::Script;

/// What all scripts share.
pub(crate) struct ScriptEngine {
    pub(super) engine: Engine,
    pub(super) code: Module,
    pub(super) imports: Vec<Import>,
    pub(super) linker: Linker<ScriptState>,
    /// Its export that a run calls.
    pub(super) run: ModuleExport,
    parts: Parts,
    /// The memory from which steps are prepared, made or read when the first one is.
    base: Mutex<Option<Module>>,
}

/// The parts of the engine that are kept, and where.
struct Parts {
    cache: Option<Arc<CodeCache>>,
}

const CODE: &str = "engine code";
const BASE: &str = "engine base";

impl ScriptEngine {
    /// The engine, from the cache if it is there, else compiled, which takes a second or two.
    ///
    /// What `compiling` gives is dropped when the compilation has ended.
    pub(crate) fn open<T>(
        engine: &Engine,
        cache: Option<Arc<CodeCache>>,
        compiling: impl FnOnce() -> T,
    ) -> wasmtime::Result<Self> {
        let parts = Parts { cache };
        let code = match parts.read(CODE, engine) {
            Some(code) => code,
            None => {
                let _compiling = compiling();
                let code = engine.precompile_module(&EngineFile::parse(ENGINE)?.code)?;
                let code = Code::made(Maker::Compiler, code);
                parts.write(CODE, &code);
                code.module(engine)?
            }
        };
        let mut linker = Linker::new(engine);
        imports::add_to_linker(&mut linker)?;
        Ok(Self {
            engine: engine.clone(),
            linker,
            imports: Import::of(&code)?,
            run: loaded::export(&code, "run")?,
            code,
            parts,
            base: Mutex::new(None),
        })
    }

    /// Whether the cache has its code.
    pub(crate) fn is_kept(cache: Option<&CodeCache>) -> bool {
        cache.is_some_and(|cache| cache.has(&file(CODE)))
    }

    /// Bytes of the engine's wasm.
    pub(crate) fn wasm_bytes() -> usize {
        ENGINE.len()
    }

    /// The snapshot of a step: its source compiled and, where that is pure, its top level evaluated.
    pub(crate) fn prepare(&self, script: &Script) -> Result<Code, LoadError> {
        let base = self.base().map_err(|error| broken(&error))?;
        let snapshot = Workshop::step(self, &base, script).map_err(|error| broken(&error))??;
        Ok(Code::made(Maker::Engine(DIGEST), snapshot))
    }

    /// Has ready what steps are prepared from.
    pub(crate) fn warm(&self) -> Result<(), LoadError> {
        self.base().map(drop).map_err(|error| broken(&error))
    }

    /// A snapshot, ready to be run. `None` if it was made with another engine.
    pub(crate) fn link(
        self: &Arc<Self>,
        snapshot: &Code,
    ) -> wasmtime::Result<Option<LoadedScript>> {
        if snapshot.maker != Maker::Engine(DIGEST) {
            return Ok(None);
        }
        let memory = snapshot.module(&self.engine)?;
        LoadedScript::new(Arc::clone(self), &memory).map(Some)
    }

    fn base(&self) -> wasmtime::Result<Module> {
        let mut base = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(base) = &*base {
            return Ok(base.clone());
        }
        let module = match self.parts.read(BASE, &self.engine) {
            Some(module) => module,
            None => {
                let data = EngineFile::parse(ENGINE)?.memory;
                let base = Workshop::base(&self.engine, &self.code, &data)?;
                let base = Code::made(Maker::Compiler, base);
                self.parts.write(BASE, &base);
                base.module(&self.engine)?
            }
        };
        Ok(base.insert(module).clone())
    }
}

fn broken(error: &wasmtime::Error) -> LoadError {
    LoadError::Host(format!("the JavaScript engine failed: {error:#}"))
}

// === impl Parts ===

impl Parts {
    fn read(&self, part: &str, engine: &Engine) -> Option<Module> {
        let code = self.cache.as_ref()?.read(&file(part))?;
        let module = code.module(engine);
        let damaged = |error| tracing::warn!("the {part} in the cache does not load: {error:#}");
        module.map_err(damaged).ok()
    }

    fn write(&self, part: &str, code: &Code) {
        if let (Some(cache), Some(bytes)) = (&self.cache, code.in_memory())
            && let Err(error) = cache.write(&file(part), code.maker, bytes)
        {
            tracing::warn!("the {part} is not cached on disk: {error}");
        }
    }
}

/// Where a part of the engine is kept.
fn file(part: &str) -> Digest {
    Digest::of(&[part.as_bytes(), &DIGEST].concat())
}

/// The module of data only that has `memory`, compiled.
pub(super) fn compiled(engine: &Engine, memory: &[u8]) -> wasmtime::Result<Vec<u8>> {
    engine.precompile_module(&image::module(memory))
}
