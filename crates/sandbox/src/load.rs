//! From an artifact to code that can be instantiated: compiled once per digest, however many wait for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use moka::future::Cache;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use tokio::task::spawn_blocking;
use wasmtime::Engine;
use wasmtime::component::{InstancePre, Linker};

use lockstep_step::Digest;

use crate::artifact;
use crate::cache::CodeCache;
use crate::code::{Code, Maker};
use crate::compiler::{Compiler, Job, StepCode};
use crate::host::RunState;
use crate::script::{LoadedScript, ScriptEngine};
use crate::source::Script;
use crate::ticker::Ticker;
use crate::turns::{NoTurn, Turn, Turns};
use crate::world::{self, Entry};
use crate::{Artifact, CompileEvent, InvalidStep, SandboxConfig, SourceKind, StepFile};

/// A step that is ready to be instantiated any number of times.
pub struct LoadedStep {
    pub(crate) code: LoadedCode,
    code_bytes: u32,
}

/// What is instantiated.
pub(crate) enum LoadedCode {
    Component(LoadedComponent),
    Script(LoadedScript),
}

/// A compiled component, linked.
pub(crate) struct LoadedComponent {
    pub(crate) entry: Entry,
    pub(crate) pre: InstancePre<RunState>,
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
}

/// Where code comes from and goes to.
struct Shelf {
    engine: Engine,
    linker: Linker<RunState>,
    cache: Option<Arc<CodeCache>>,
    /// Opened when the first script is loaded.
    script_engine: Mutex<Option<Arc<ScriptEngine>>>,
    ticker: Arc<Ticker>,
    config: SandboxConfig,
    /// How long compilations took.
    compile_seconds: Histogram,
}

// === impl Loader ===

impl Loader {
    pub(crate) fn new(
        engine: Engine,
        linker: Linker<RunState>,
        ticker: Arc<Ticker>,
        config: SandboxConfig,
    ) -> Self {
        let cache =
            config
                .cache_dir
                .as_deref()
                .and_then(|dir| match CodeCache::open(dir, &engine) {
                    Ok(cache) => Some(Arc::new(cache)),
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
                script_engine: Mutex::new(None),
                ticker,
                config,
                // From 1 ms to 9 minutes, which no limit lets one reach.
                compile_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 20)),
            }),
        }
    }

    pub(crate) fn register_metrics(&self, registry: &mut Registry) {
        let seconds = self.shelf.compile_seconds.clone();
        registry.register_with_unit(
            "compilation",
            "Time to compile a step",
            Unit::Seconds,
            seconds,
        );
    }

    pub(crate) async fn prepare(&self, share: &str, file: StepFile) -> Result<Artifact, LoadError> {
        let turn = Arc::new(self.turns.turn(share).await?);
        self.compiler.prepare(file, turn).await
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

    /// Has the JavaScript engine ready, as for the first script.
    pub(crate) async fn warm(&self) -> Result<(), LoadError> {
        let shelf = Arc::clone(&self.shelf);
        blocking(move || {
            let _ticking = shelf.ticker.ticking();
            shelf.script_engine()?.warm()
        })
        .await
    }

    /// Begins to open the JavaScript engine, if the cache has it. Whoever asks for it waits for that, and is told if it fails.
    pub(crate) fn open_engine(&self) {
        if ScriptEngine::is_kept(self.shelf.cache.as_deref()) {
            let shelf = Arc::clone(&self.shelf);
            drop(spawn_blocking(move || shelf.script_engine().map(drop)));
        }
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
        let turn = Arc::new(self.turns.turn(share).await?);
        match code.await? {
            StepCode::Source(file) if file.kind == SourceKind::WebAssembly => {
                self.compile(digest, Job::CompileSource, file.bytes, turn)
                    .await
            }
            StepCode::Source(file) => {
                let artifact = self.compiler.prepare(file, Arc::clone(&turn)).await?;
                self.snapshot(digest, artifact.bytes, turn).await
            }
            StepCode::Artifact(bytes) if Script::is_script(&bytes) => {
                self.snapshot(digest, bytes, turn).await
            }
            StepCode::Artifact(component) => {
                self.compile(digest, Job::CompileComponent, component, turn)
                    .await
            }
        }
    }

    async fn compile(
        &self,
        digest: Digest,
        job: Job,
        wasm: Vec<u8>,
        turn: Arc<Turn>,
    ) -> Result<Arc<LoadedStep>, LoadError> {
        let compiling = Compiling::begin(&self.shelf, wasm.len());
        let code = self.compiler.compile(job, wasm, turn).await;
        drop(compiling);
        let (shelf, code) = (Arc::clone(&self.shelf), Code::made(Maker::Compiler, code?));
        blocking(move || shelf.keep(&digest, &code)).await
    }

    /// Unlike a compilation this is the guest's own code in its sandbox, under limits on its time and memory: it needs no
    /// process of its own.
    async fn snapshot(
        &self,
        digest: Digest,
        script: Vec<u8>,
        turn: Arc<Turn>,
    ) -> Result<Arc<LoadedStep>, LoadError> {
        let shelf = Arc::clone(&self.shelf);
        blocking(move || {
            let _turn = turn;
            let _ticking = shelf.ticker.ticking();
            let script = Script::from_bytes(&script)?;
            let snapshot = shelf.script_engine()?.prepare(&script)?;
            shelf.keep(&digest, &snapshot)
        })
        .await
    }
}

/// Tells of a compilation, and of its end when it is dropped.
struct Compiling<'a> {
    shelf: &'a Shelf,
    began: Instant,
}

impl<'a> Compiling<'a> {
    fn begin(shelf: &'a Shelf, wasm_bytes: usize) -> Self {
        let compiling = Self {
            shelf,
            began: Instant::now(),
        };
        compiling.tell(CompileEvent::Began { wasm_bytes });
        compiling
    }

    fn tell(&self, event: CompileEvent) {
        if let Some(told) = &self.shelf.config.on_compile {
            told(event);
        }
    }
}

impl Drop for Compiling<'_> {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.shelf.compile_seconds.observe(took.as_secs_f64());
        self.tell(CompileEvent::Ended { took });
    }
}

// === impl Shelf ===

impl Shelf {
    fn cached(&self, digest: &Digest) -> Option<Arc<LoadedStep>> {
        let code = self.cache.as_ref()?.read(digest)?;
        match self.link(&code) {
            Ok(step) => step,
            Err(error) => {
                tracing::warn!(%digest, "the compiled code in the cache does not load, compiling again: {error}");
                None
            }
        }
    }

    /// Code that has just been made is linked, and kept on disk if it fits its world.
    fn keep(&self, digest: &Digest, code: &Code) -> Result<Arc<LoadedStep>, LoadError> {
        let step = self.link(code)?.ok_or_else(|| {
            LoadError::Host("the JavaScript engine makes snapshots of another one".to_owned())
        })?;
        if let (Some(cache), Some(bytes)) = (&self.cache, code.in_memory())
            && let Err(error) = cache.write(digest, code.maker, bytes)
        {
            tracing::warn!(%digest, "compiled code is not cached on disk: {error}");
        }
        Ok(step)
    }

    /// Code, ready to be instantiated. `None` if it is a snapshot of another JavaScript engine.
    fn link(&self, code: &Code) -> Result<Option<Arc<LoadedStep>>, LoadError> {
        let loaded = match code.maker {
            Maker::Compiler => LoadedCode::Component(self.link_component(code)?),
            Maker::Engine(_) => match self.script_engine()?.link(code) {
                Ok(Some(script)) => LoadedCode::Script(script),
                Ok(None) => return Ok(None),
                Err(error) => {
                    let message = format!("the step does not fit this host: {error:#}");
                    return Err(InvalidStep::new(message).into());
                }
            },
        };
        Ok(Some(Arc::new(LoadedStep {
            code: loaded,
            code_bytes: u32::try_from(code.bytes).unwrap_or(u32::MAX),
        })))
    }

    fn link_component(&self, code: &Code) -> Result<LoadedComponent, LoadError> {
        let component = code.component(&self.engine);
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
        Ok(LoadedComponent { entry, pre })
    }

    /// The JavaScript engine. Whoever asks first makes it, the others wait.
    fn script_engine(&self) -> Result<Arc<ScriptEngine>, LoadError> {
        let mut engine = self
            .script_engine
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = &*engine {
            return Ok(Arc::clone(engine));
        }
        let _ticking = self.ticker.ticking();
        let compiling = || Compiling::begin(self, ScriptEngine::wasm_bytes());
        let opened = ScriptEngine::open(&self.engine, self.cache.clone(), compiling);
        let opened = opened.map_err(|error| {
            LoadError::Host(format!("the JavaScript engine does not start: {error:#}"))
        })?;
        Ok(Arc::clone(engine.insert(Arc::new(opened))))
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
