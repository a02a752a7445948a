//! The sandbox: engine, compiled steps and places, put together.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use wasmtime::Engine;
use wasmtime::component::Linker;

use lockstep_step::Digest;

use crate::admission::{Admission, NoCapacity, Occupancy, Place, Ticket};
use crate::artifact::{Artifact, StepFile};
use crate::cache::CodeCache;
use crate::compiler::StepCode;
use crate::egress::{Egress, Explanation, InvalidRoot, Question};
use crate::engine::Allocation;
use crate::load::{LoadError, LoadedStep, Loader};
use crate::run::{Ended, Invocation};
use crate::ticker::Ticker;
use crate::{SandboxConfig, Traces, engine, host, run};

/// Runs steps, each once, in an instance of its own.
pub struct Sandbox {
    engine: Engine,
    loader: Loader,
    egress: Arc<Egress>,
    admission: Admission,
    ticker: Arc<Ticker>,
    max_memory_bytes: u64,
    allocation: Allocation,
    traces: Option<Arc<dyn Traces>>,
}

/// A fault of the host.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine could not be made.
    #[error("cannot start the WebAssembly engine: {0:#}")]
    Engine(wasmtime::Error),
    /// The thread that ends runs in time could not be started.
    #[error("cannot start the epoch ticker")]
    Ticker(#[source] std::io::Error),
    /// The settings for requests cannot be used.
    #[error("cannot set up outbound requests")]
    Egress(#[source] InvalidRoot),
    /// A function of the host failed while a guest called it.
    #[error("a host call failed: {0:#}")]
    HostCall(wasmtime::Error),
}

impl SandboxError {
    /// What failed in the host, if it is of this kind: who brought the function knows what to do about it.
    #[must_use]
    pub fn cause<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Engine(error) | Self::HostCall(error) => {
                error.chain().find_map(|cause| cause.downcast_ref())
            }
            Self::Ticker(_) | Self::Egress(_) => None,
        }
    }
}

impl Sandbox {
    /// Makes the engine and its pool.
    ///
    /// # Errors
    /// [`SandboxError`] if the machine has no room for them.
    pub fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        let (engine, allocation) = engine::engine(&config).map_err(SandboxError::Engine)?;
        let mut linker = Linker::new(&engine);
        host::add_to_linker(&mut linker).map_err(SandboxError::Engine)?;
        let ticker = Arc::new(Ticker::start(&engine).map_err(SandboxError::Ticker)?);
        let admission = Admission::new(&config);
        let traces = config.traces.clone();
        let egress = Egress::new(config.egress.clone(), traces.clone());
        let egress = egress.map_err(SandboxError::Egress)?;
        let max_memory_bytes = config.max_memory_bytes as u64;
        Ok(Self {
            loader: Loader::new(engine.clone(), linker, Arc::clone(&ticker), config),
            engine,
            egress: Arc::new(egress),
            admission,
            ticker,
            max_memory_bytes,
            allocation,
            traces,
        })
    }

    /// Has the registry tell of compilations.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.loader.register_metrics(registry);
    }

    /// How full it is.
    #[must_use]
    pub fn occupancy(&self) -> Occupancy {
        self.admission.occupancy()
    }

    #[cfg(test)]
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The largest memory limit that a run can be given, in bytes.
    #[must_use]
    pub fn max_memory_bytes(&self) -> u64 {
        self.max_memory_bytes
    }

    /// What joins spans to the traces of others.
    #[must_use]
    pub fn traces(&self) -> Option<&dyn Traces> {
        self.traces.as_deref()
    }

    /// Where its instances live.
    #[must_use]
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }

    /// The folder of the cache on disk that holds code for this engine. Others are of other versions of it.
    #[must_use]
    pub fn code_folder(&self) -> String {
        CodeCache::folder(&self.engine)
    }

    /// [`prepare`](crate::prepare), off the async threads and under the limits of a compilation.
    ///
    /// `share` is whose turn it takes: of one share one step is prepared or compiled at a time.
    ///
    /// # Errors
    /// [`LoadError::Invalid`] if it is no step; [`LoadError::Busy`] if the turn does not come soon.
    pub async fn prepare(&self, share: &str, file: StepFile) -> Result<Artifact, LoadError> {
        self.loader.prepare(share, file).await
    }

    /// Has the JavaScript engine ready, so that the first script does not wait for it: compiled, which takes a second or two
    /// unless the cache has it.
    ///
    /// # Errors
    /// [`LoadError::Host`]: the engine does not start.
    pub async fn warm(&self) -> Result<(), LoadError> {
        self.loader.warm().await
    }

    /// Begins to open the JavaScript engine, as the first script would, if the cache has it: for who is about to load one, and
    /// has other things to do first. [`warm`](Self::warm) also compiles it, and has ready what only a new script needs.
    ///
    /// # Panics
    /// If it is called outside of a Tokio runtime.
    pub fn open_engine(&self) {
        self.loader.open_engine();
    }

    /// The compiled step of `digest`: from memory, else from the cache on disk, else compiled from `code`, which is only
    /// polled in that case. However many wait for one digest, it is compiled once, when it is the turn of `share`.
    ///
    /// # Errors
    /// [`LoadError::Invalid`] if the code is no step, fits no world, or does not compile within the limits;
    /// [`LoadError::Busy`] if the turn does not come soon; what `code` returns.
    pub async fn load(
        &self,
        share: &str,
        digest: Digest,
        code: impl Future<Output = Result<StepCode, LoadError>>,
    ) -> Result<Arc<LoadedStep>, LoadError> {
        self.loader.load(share, digest, code).await
    }

    /// Tells what would become of a request, decided as for a run. The host is resolved, and nothing is sent.
    pub async fn explain(&self, question: Question<'_>) -> Explanation {
        self.egress.explain(question).await
    }

    /// The right to wait for a place. Of the shares that wait, the one that has the fewest places gets the next.
    ///
    /// # Errors
    /// [`NoCapacity`] if too many of this share, or of all, wait already.
    pub fn ticket(&self, share: &str) -> Result<Ticket, NoCapacity> {
        self.admission.ticket(share)
    }

    /// Waits for a place to run in.
    ///
    /// # Errors
    /// [`NoCapacity`] if none becomes free in time.
    pub async fn admit(&self, ticket: Ticket) -> Result<Place, NoCapacity> {
        self.admission.admit(ticket, &self.ticker).await
    }

    /// Runs `step` once, in the place that was admitted.
    pub async fn run(&self, place: Place, step: &LoadedStep, invocation: Invocation<'_>) -> Ended {
        let ended = run::run(&self.engine, &self.egress, step, invocation).await;
        drop(place);
        ended
    }
}
