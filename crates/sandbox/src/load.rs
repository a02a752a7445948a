//! From an artifact to code that can be instantiated: compiled once per digest, however many wait for it.

use std::sync::Arc;
use std::time::Instant;

use moka::future::Cache;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};

use lockstep_step::Digest;

use crate::cache::CodeCache;
use crate::host::RunState;
use crate::world::{self, Entry};
use crate::{CompileEvent, InvalidStep, SandboxConfig};

/// Compilations at the same time. Each uses all cores by itself.
const CONCURRENT_COMPILATIONS: usize = 1;

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
    /// The host is at fault.
    #[error("cannot load the step: {0}")]
    Host(String),
}

/// The compiled steps, in memory and on disk.
pub(crate) struct Loader {
    loaded: Cache<Digest, Arc<LoadedStep>>,
    compiler: Arc<Compiler>,
    compilations: Arc<Semaphore>,
}

/// What a compilation needs, on whichever thread it runs.
struct Compiler {
    engine: Engine,
    linker: Linker<RunState>,
    cache: Option<CodeCache>,
    config: SandboxConfig,
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
            compiler: Arc::new(Compiler {
                engine,
                linker,
                cache,
                config,
            }),
            compilations: Arc::new(Semaphore::new(CONCURRENT_COMPILATIONS)),
        }
    }

    pub(crate) async fn load(
        &self,
        digest: Digest,
        component: impl Future<Output = Result<Vec<u8>, LoadError>>,
    ) -> Result<Arc<LoadedStep>, LoadError> {
        if let Some(step) = self.loaded.get(&digest).await {
            return Ok(step);
        }
        let load = self.load_cold(digest, component);
        self.loaded
            .try_get_with(digest, load)
            .await
            .map_err(|error| LoadError::clone(&error))
    }

    async fn load_cold(
        &self,
        digest: Digest,
        component: impl Future<Output = Result<Vec<u8>, LoadError>>,
    ) -> Result<Arc<LoadedStep>, LoadError> {
        let compiler = Arc::clone(&self.compiler);
        if let Some(step) = blocking(move || Ok(compiler.cached(&digest))).await? {
            return Ok(step);
        }
        let component = component.await?;
        let place = Arc::clone(&self.compilations).acquire_owned().await;
        let compiler = Arc::clone(&self.compiler);
        blocking(move || {
            let _place = place;
            compiler.compile(&digest, &component)
        })
        .await
    }
}

// === impl Compiler ===

impl Compiler {
    fn cached(&self, digest: &Digest) -> Option<Arc<LoadedStep>> {
        let code = self.cache.as_ref()?.read(digest)?;
        #[expect(
            unsafe_code,
            clippy::disallowed_methods,
            reason = "the bytes are ours: the directory is private, and the file's SHA-256 was checked"
        )]
        // SAFETY: `CodeCache` only returns what `CodeCache::write` wrote, which is what `Component::serialize` made.
        let component = unsafe { Component::deserialize(&self.engine, &code) };
        match component
            .map_err(|error| error.to_string())
            .and_then(|component| {
                self.link(&component, code.len())
                    .map_err(|error| error.to_string())
            }) {
            Ok(step) => Some(step),
            Err(error) => {
                tracing::warn!(%digest, "the compiled code in the cache does not load, compiling again: {error}");
                None
            }
        }
    }

    fn compile(&self, digest: &Digest, wasm: &[u8]) -> Result<Arc<LoadedStep>, LoadError> {
        self.tell(CompileEvent::Began {
            wasm_bytes: wasm.len(),
        });
        let began = Instant::now();
        let component = Component::new(&self.engine, wasm);
        self.tell(CompileEvent::Ended {
            took: began.elapsed(),
        });
        let component = component.map_err(|error| InvalidStep {
            message: format!("the step does not compile: {error:#}"),
        })?;
        let code = component
            .serialize()
            .map_err(|error| LoadError::Host(format!("{error:#}")))?;
        let step = self.link(&component, code.len())?;
        if let Some(cache) = &self.cache
            && let Err(error) = cache.write(digest, &code)
        {
            tracing::warn!(%digest, "compiled code is not cached on disk: {error}");
        }
        Ok(step)
    }

    fn link(
        &self,
        component: &Component,
        code_bytes: usize,
    ) -> Result<Arc<LoadedStep>, InvalidStep> {
        let entry = world::entry(&self.engine, component)?;
        let pre = self
            .linker
            .instantiate_pre(component)
            .map_err(|error| InvalidStep {
                message: format!(
                    "the component does not fit its world: {error:#}; {}",
                    world::OFFER
                ),
            })?;
        Ok(Arc::new(LoadedStep {
            entry,
            pre,
            code_bytes: u32::try_from(code_bytes).unwrap_or(u32::MAX),
        }))
    }

    fn tell(&self, event: CompileEvent) {
        if let Some(told) = &self.config.on_compile {
            told(event);
        }
    }
}

/// The one place of this crate where blocking work leaves the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(LoadError::Host(format!(
            "the compiling thread ended: {error}"
        ))),
    }
}
