//! From an artifact to code that can be instantiated: compiled once per digest, however many wait for it.

use std::sync::Arc;
use std::time::Instant;

use moka::future::Cache;
use tokio::task::spawn_blocking;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use lockstep_step::Digest;

use crate::artifact;
use crate::cache::CodeCache;
use crate::compiler::{Compiler, StepCode};
use crate::host::RunState;
use crate::turns::{NoTurn, Turns};
use crate::world::{self, Entry};
use crate::{Artifact, CompileEvent, InvalidStep, SandboxConfig};

/// A compiled step, linked and ready to be instantiated any number of times.
pub struct LoadedStep {
    pub(crate) entry: Entry,
    pub(crate) pre: InstancePre<RunState>,
    code_bytes: u32,
}

/// Why a step could not be loaded.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// The step is at fault.
    #[error(transparent)]
    Invalid(#[from] InvalidStep),
    /// Too much is being compiled.
    #[error("the step cannot be compiled now: {0}")]
    Busy(#[from] NoTurn),
    /// The host is at fault.
    #[error("cannot load the step: {0}")]
    Host(String),
}

/// The compiled steps, in memory and on disk.
pub(crate) struct Loader {
    loaded: Cache<Digest, Arc<LoadedStep>>,
    compiler: Compiler,
    turns: Turns,
    shelf: Arc<Shelf>,
    config: SandboxConfig,
}

/// Where code comes from and goes to.
struct Shelf {
    engine: Engine,
    linker: Linker<RunState>,
    cache: Option<CodeCache>,
}

// === impl Loader ===

impl Loader {
    pub(crate) fn new(engine: Engine, linker: Linker<RunState>, config: SandboxConfig) -> Self {
        let cache =
            config
                .cache_dir
                .as_deref()
                .and_then(|dir| match CodeCache::open(dir, &engine) {
                    Ok(cache) => Some(cache),
                    Err(error) => {
                        tracing::warn!("no cache for compiled code: {error}");
                        None
                    }
                });
        let loaded = Cache::builder()
            .max_capacity(config.code_cache_bytes)
            .weigher(|_, step: &Arc<LoadedStep>| step.code_bytes);
        Self {
            loaded: loaded.build(),
            compiler: Compiler::new(engine.clone(), &config),
            turns: Turns::new(&config),
            shelf: Arc::new(Shelf {
                engine,
                linker,
                cache,
            }),
            config,
        }
    }

    pub(crate) async fn prepare(
        &self,
        share: &str,
        source: Vec<u8>,
    ) -> Result<Artifact, LoadError> {
        let turn = self.turns.turn(share).await?;
        self.compiler.prepare(source, turn).await
    }

    pub(crate) async fn load(
        &self,
        share: &str,
        digest: Digest,
        code: impl Future<Output = Result<StepCode, LoadError>>,
    ) -> Result<Arc<LoadedStep>, LoadError> {
        if let Some(step) = self.loaded.get(&digest).await {
            return Ok(step);
        }
        let load = self.load_cold(share, digest, code);
        self.loaded
            .try_get_with(digest, load)
            .await
            .map_err(|error| LoadError::clone(&error))
    }

    async fn load_cold(
        &self,
        share: &str,
        digest: Digest,
        code: impl Future<Output = Result<StepCode, LoadError>>,
    ) -> Result<Arc<LoadedStep>, LoadError> {
        let shelf = Arc::clone(&self.shelf);
        if let Some(step) = blocking(move || Ok(shelf.cached(&digest))).await? {
            return Ok(step);
        }
        // The turn comes first, so that what waits for one holds no wasm.
        let turn = self.turns.turn(share).await?;
        let code = code.await?;
        let (StepCode::Source(wasm) | StepCode::Component(wasm)) = &code;
        let compiling = Compiling::begin(&self.config, wasm.len());
        let code = self.compiler.compile(code, turn).await;
        drop(compiling);
        let (shelf, code) = (Arc::clone(&self.shelf), code?);
        blocking(move || shelf.keep(&digest, &code)).await
    }
}

/// Tells of a compilation, and of its end when it is dropped.
struct Compiling<'a> {
    config: &'a SandboxConfig,
    began: Instant,
}

impl<'a> Compiling<'a> {
    fn begin(config: &'a SandboxConfig, wasm_bytes: usize) -> Self {
        let compiling = Self {
            config,
            began: Instant::now(),
        };
        compiling.tell(CompileEvent::Began { wasm_bytes });
        compiling
    }

    fn tell(&self, event: CompileEvent) {
        if let Some(told) = &self.config.on_compile {
            told(event);
        }
    }
}

impl Drop for Compiling<'_> {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.tell(CompileEvent::Ended { took });
    }
}

// === impl Shelf ===

impl Shelf {
    fn cached(&self, digest: &Digest) -> Option<Arc<LoadedStep>> {
        let code = self.cache.as_ref()?.read(digest)?;
        match self.link(&code) {
            Ok(step) => Some(step),
            Err(error) => {
                tracing::warn!(%digest, "the compiled code in the cache does not load, compiling again: {error}");
                None
            }
        }
    }

    /// Code that has just been compiled is linked, and kept on disk if it fits its world.
    fn keep(&self, digest: &Digest, code: &[u8]) -> Result<Arc<LoadedStep>, LoadError> {
        let step = self.link(code)?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.write(digest, code)
        {
            tracing::warn!(%digest, "compiled code is not cached on disk: {error}");
        }
        Ok(step)
    }

    fn link(&self, code: &[u8]) -> Result<Arc<LoadedStep>, LoadError> {
        #[expect(
            unsafe_code,
            clippy::disallowed_methods,
            reason = "the bytes are ours: our compiler has just made them, or `CodeCache` has checked their SHA-256"
        )]
        // SAFETY: they are what `Engine::precompile_component` made, here, in our child process, or before it was cached.
        let component = unsafe { Component::deserialize(&self.engine, code) };
        let component = component.map_err(|error| {
            // One that needs more than the pool has is found only now.
            InvalidStep::new(format!("the step does not fit this host: {error:#}"))
        })?;
        let entry = world::entry(&self.engine, &component)?;
        let pre = self.linker.instantiate_pre(&component).map_err(|error| {
            InvalidStep::new(format!(
                "the component does not fit its world: {error:#}; {}",
                artifact::OFFER
            ))
        })?;
        Ok(Arc::new(LoadedStep {
            entry,
            pre,
            code_bytes: u32::try_from(code.len()).unwrap_or(u32::MAX),
        }))
    }
}

/// The one place of this crate where blocking work leaves the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        // What is worked on is the step: it is what the code was not ready for.
        Err(error) if error.is_panic() => {
            tracing::error!("the compiler panicked on a step");
            Err(InvalidStep::new("the step crashes the compiler").into())
        }
        Err(error) => Err(LoadError::Host(format!(
            "the compiling thread ended: {error}"
        ))),
    }
}
