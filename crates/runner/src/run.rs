//! One run: recorded before anything happens, permitted, loaded, placed, resolved, run, and recorded in every case.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Level, Span, field};

use lockstep_sandbox::{
    Invocation, LoadError, LoadedStep, LogSink, NoCapacity, Place, StepCode, StepContext, Usage,
};
use lockstep_secret::{Masked, Masker, MaskerConfig};
use lockstep_step::{
    Caller, Denied, Digest, Failure, Idempotency, Outcome, OutcomeKind, Phase, Receipt, RunId,
    WorkspaceName,
};
use lockstep_store::{
    AuditUse, AuditUseKind, NewRun, OpenedRun, RunEnd, RunSource, StepEntry, StoreError,
};
use lockstep_vault::RunPermit;

use crate::attended::{Attended, Panicked, caught};
use crate::error::{HostFault, RunError};
use crate::grants::Granted;
use crate::hang_up::{HangUp, HungUp};
use crate::live::Living;
use crate::meanwhile::meanwhile;
use crate::recorder::Recorder;
use crate::request::{Call, RunReport, RunRequest, StepSource};
use crate::runner::{Parts, Runner};
use crate::start::RunStarted;
use crate::ticket::Ticket;
use crate::uses::{OnDisk, Uses};

/// How often the log of a run that goes on is written to the record.
const LOG_FLUSH: Duration = Duration::from_millis(500);
/// The same while somebody follows it: what is written is seen when it is in the record.
const FOLLOWED_LOG_FLUSH: Duration = Duration::from_millis(100);
/// What the record said of the credentials when it was opened is the present for so long; after a longer wait, for a
/// place or a compilation, it is asked again, because a step sees the values of the moment at which it starts.
const FRESH: Duration = Duration::from_millis(5);

/// A run whose record is open. Whoever holds it closes it, or the next start of the host finds it lost.
#[must_use]
struct OpenRun {
    parts: Arc<Parts>,
    id: RunId,
    workspace: WorkspaceName,
    started_at: Timestamp,
    opened: Instant,
    /// Of what the user handed in.
    digest: Digest,
    state: OpenedRun,
    living: Living,
    uses: Arc<Uses>,
    /// Whether its answer is promised to whoever asks again.
    is_asked_once: bool,
}

/// A run whose record is open, and which may go on.
pub(crate) struct Begun {
    run: OpenRun,
    permit: RunPermit,
    ticket: Option<Ticket>,
}

/// How far a run came, and what it used on the way.
struct Execution {
    outcome: Result<Outcome, HostFault>,
    receipt: Receipt,
    denied: Vec<Denied>,
}

impl Runner {
    /// Runs a step once and records it.
    ///
    /// It goes on while it is polled. If the returned future is dropped the run is cancelled, and recorded as that: its
    /// caller hung up, which is in the audit.
    ///
    /// # Errors
    /// [`RunError`]: the call was wrong, or the host failed. What the guest does is in the report.
    pub async fn run(&self, caller: &Caller, request: RunRequest) -> Result<RunReport, RunError> {
        self.run_as(caller, request, Call::default()).await
    }

    /// [`Runner::run`], for somebody who says more of the call.
    ///
    /// # Errors
    /// [`RunError`]: besides what `run` tells, that the call was made before.
    pub async fn run_as(
        &self,
        caller: &Caller,
        request: RunRequest,
        call: Call,
    ) -> Result<RunReport, RunError> {
        self.check(&request)?;
        let workspace = request.workspace.clone();
        let (cancel, hung_up) = (request.cancel.child_token(), HungUp::default());
        let id = RunId::generate();
        let span = self.span(id, &request);
        let story = story(
            Arc::clone(&self.parts),
            id,
            caller.clone(),
            request,
            call,
            cancel.clone(),
            hung_up.clone(),
        );
        let story = story.instrument(span);
        let story = pin!(Attended::new(self.parts.runs.track_future(story)));
        // Dropped before the story is: what goes on without its caller knows it from the start.
        let _hang_up = HangUp::of(cancel, hung_up);
        let result = story.await.unwrap_or(Err(RunError::Task));
        self.with_nearest(caller, &workspace, result).await
    }

    /// What is wrong with a request whoever asks.
    pub(crate) fn check(&self, request: &RunRequest) -> Result<(), RunError> {
        let (asked, limit) = (
            request.limits.memory_bytes,
            self.parts.sandbox.max_memory_bytes(),
        );
        if asked > limit {
            return Err(RunError::MemoryLimit { asked, limit });
        }
        Ok(())
    }

    /// Says what there is instead of something that is not there.
    pub(crate) async fn with_nearest<T>(
        &self,
        caller: &Caller,
        workspace: &WorkspaceName,
        result: Result<T, RunError>,
    ) -> Result<T, RunError> {
        match result {
            Err(RunError::NotFound { what, .. }) => {
                let nearest = self.nearest_to(caller, workspace, &what).await;
                Err(RunError::NotFound { what, nearest })
            }
            result => result,
        }
    }
}

impl Runner {
    /// The span of a run, in which all that any part traces of it is. It has no text of the guest's.
    fn span(&self, id: RunId, request: &RunRequest) -> Span {
        let span = tracing::info_span!(
            "run",
            %id,
            workspace = request.workspace.as_str(),
            workflow = request.workflow.as_str(),
            step = field::Empty,
            outcome = field::Empty,
            otel.status_code = field::Empty,
        );
        if let StepSource::Registered(name) = &request.step {
            span.record("step", name.as_str());
        }
        if let (Some(traces), Some(parent)) = (self.parts.sandbox.traces(), &request.trace) {
            traces.adopt(&span, parent);
        }
        span
    }
}

async fn story(
    parts: Arc<Parts>,
    id: RunId,
    caller: Caller,
    request: RunRequest,
    call: Call,
    cancel: CancellationToken,
    hung_up: HungUp,
) -> Result<RunReport, RunError> {
    let begun = Begun::begin(parts, id, &caller, &request, call, &cancel).await?;
    begun.go_on(request, cancel, &hung_up).await
}

// === impl Begun ===

impl Begun {
    pub(crate) async fn begin(
        parts: Arc<Parts>,
        id: RunId,
        caller: &Caller,
        request: &RunRequest,
        call: Call,
        cancel: &CancellationToken,
    ) -> Result<Self, RunError> {
        let Call {
            ticket,
            idempotency,
        } = call;
        let run = OpenRun::open(parts, id, caller, request, idempotency, cancel).await?;
        match RunPermit::check(caller, &request.workspace, &request.workflow) {
            Ok(permit) => Ok(Self {
                run,
                permit,
                ticket,
            }),
            Err(forbidden) => run.forbid(forbidden).await,
        }
    }

    pub(crate) fn started(&self) -> RunStarted {
        RunStarted {
            run: self.run.id,
            digest: self.run.digest,
            started_at: self.run.started_at,
        }
    }

    pub(crate) async fn go_on(
        self,
        request: RunRequest,
        cancel: CancellationToken,
        hung_up: &HungUp,
    ) -> Result<RunReport, RunError> {
        let Self {
            run,
            permit,
            ticket,
        } = self;
        // What it was asked with is held until it is over.
        let (ticket, _bytes) = ticket.map(|Ticket { place, bytes }| (place, bytes)).unzip();
        let uses = Arc::clone(&run.uses);
        let recorder = Arc::new(Recorder::new(request.listener.clone(), Arc::clone(&uses)));
        let input_bytes = request.input.len() as u64;
        let log = Arc::clone(&recorder) as Arc<dyn LogSink>;
        // A panic ends the run and not its record: a listener is code of whoever embeds this.
        // It is by far the largest part, and would be in each layer around it, twice.
        let executing = caught(Box::pin(run.execute(permit, ticket, request, log, cancel)));
        let (every, news) = (|| run.log_flush(), || uses.news());
        let attended = async {
            let executed = meanwhile(executing, every, news, || run.write_down(&recorder)).await;
            if recorder.holds() {
                run.write_down(&recorder).await;
            }
            executed
        };
        let execution = caught(attended).await.flatten().unwrap_or_else(|Panicked| {
            Execution::begun(input_bytes).ended(Err(HostFault::Panicked))
        });
        run.close(execution, &recorder, hung_up).await
    }
}

// === impl OpenRun ===

impl OpenRun {
    async fn open(
        parts: Arc<Parts>,
        id: RunId,
        caller: &Caller,
        request: &RunRequest,
        idempotency: Option<Idempotency>,
        cancel: &CancellationToken,
    ) -> Result<Self, RunError> {
        let source = match &request.step {
            StepSource::Registered(name) => RunSource::Step(name.clone()),
            StepSource::Inline(file) => RunSource::File {
                label: file.name.clone(),
                digest: Digest::of(&file.bytes),
            },
        };
        let inline = if let RunSource::File { digest, .. } = &source {
            Some(*digest)
        } else {
            None
        };
        let started_at = Timestamp::now();
        let is_asked_once = idempotency.is_some();
        let new = NewRun {
            id,
            workspace: request.workspace.clone(),
            workflow: request.workflow.clone(),
            source,
            caller: caller.name.clone(),
            started_at,
            idempotency,
        };
        let state = parts
            .store
            .open_run(new)
            .await
            .map_err(|error| match error {
                StoreError::NotFound(what) => RunError::NotFound {
                    what,
                    nearest: None,
                },
                StoreError::AlreadyAsked(run) => RunError::AlreadyAsked(run),
                StoreError::IdempotencyReused(run) => RunError::IdempotencyReused(run),
                other => RunError::Record(other),
            })?;
        // The store pins a version exactly when it was asked for a registered step.
        let digest = inline
            .or(state.step.as_ref().map(|step| step.digest))
            .ok_or_else(|| {
                RunError::Record(StoreError::Corrupt {
                    what: format!("run `{id}` pins no step"),
                })
            })?;
        let workspace = request.workspace.clone();
        let living = parts.live.add(
            id,
            workspace.clone(),
            request.workflow.clone(),
            cancel.clone(),
        );
        Ok(Self {
            parts,
            id,
            workspace,
            started_at,
            opened: Instant::now(),
            digest,
            state,
            living,
            uses: Arc::default(),
            is_asked_once,
        })
    }

    async fn forbid(self, forbidden: lockstep_vault::Forbidden) -> Result<Begun, RunError> {
        self.parts
            .store
            .forbid_run(&self.id, Timestamp::now())
            .await
            .map_err(RunError::Record)?;
        Err(RunError::Forbidden(forbidden))
    }

    /// Writes what there is so far: the uses of credentials to the audit, and then the log, which may tell of them.
    async fn write_down(&self, recorder: &Recorder) {
        let store = self.parts.store.as_ref();
        if let Err(error) = self.uses.write(store, &self.id).await {
            // As with the log; and nothing leaves the run until it is there.
            tracing::warn!(run = %self.id, "the use of a credential is not in the audit yet: {error}");
            return;
        }
        recorder.release();
        self.append_log(recorder).await;
    }

    /// Writes what there is of the log to the record.
    async fn append_log(&self, recorder: &Recorder) {
        let chunks = recorder.take();
        if chunks.is_empty() {
            return;
        }
        match self.parts.store.append_log(&self.id, chunks.clone()).await {
            Ok(()) => self.living.tell(),
            Err(error) => {
                // It is tried again, at the latest when the run is closed, which then fails as a whole.
                recorder.put_back(chunks);
                tracing::warn!(run = %self.id, "a part of the log is not recorded yet: {error}");
            }
        }
    }

    fn log_flush(&self) -> Duration {
        if self.living.is_followed() {
            FOLLOWED_LOG_FLUSH
        } else {
            LOG_FLUSH
        }
    }

    async fn execute(
        &self,
        permit: RunPermit,
        ticket: Option<lockstep_sandbox::Ticket>,
        request: RunRequest,
        log: Arc<dyn LogSink>,
        cancel: CancellationToken,
    ) -> Execution {
        let mut execution = Execution::begun(request.input.len() as u64);
        let context = self.context(&request);
        let loading = Instant::now();
        let loaded = tokio::select! {
            biased;
            () = cancel.cancelled() => return execution,
            loaded = self.load(request.step).instrument(tracing::info_span!("load")) => loaded,
        };
        execution.receipt.load_us = Receipt::micros(loading.elapsed());
        let step = match loaded {
            Ok(step) => step,
            Err(error) => return execution.ended(not_loaded(error)),
        };
        let place = tokio::select! {
            biased;
            () = cancel.cancelled() => return execution.ended(Ok(cancelled(Phase::Admit))),
            place = self.place(ticket).instrument(tracing::info_span!("queue")) => place,
        };
        let place = match place {
            Ok(place) => place,
            Err(no_capacity) => return execution.ended(Ok(no_place(no_capacity))),
        };
        execution.receipt.queue_us = Receipt::micros(place.queued);
        let resolving = self.resolve(permit);
        let credentials = match resolving.instrument(tracing::info_span!("resolve")).await {
            Ok(granted) => Arc::new(granted),
            Err(fault) => return execution.ended(Err(fault)),
        };
        if cancel.is_cancelled() {
            return execution.ended(Ok(cancelled(Phase::Admit)));
        }
        let invocation = Invocation {
            input: &request.input,
            context,
            limits: request.limits,
            share: self.workspace.as_str(),
            egress: Arc::clone(credentials.grants.egress()),
            trace: request.trace,
            threshold: Some(Arc::new(OnDisk {
                parts: Arc::clone(&self.parts),
                run: self.id,
                uses: Arc::clone(&self.uses),
            })),
            credentials,
            log,
            cancel,
        };
        let running = self.parts.sandbox.run(place, &step, invocation);
        let ended = running.instrument(tracing::info_span!("guest")).await;
        execution.used(ended.usage);
        execution.ended(ended.outcome.map_err(HostFault::Sandbox))
    }

    async fn place(&self, ticket: Option<lockstep_sandbox::Ticket>) -> Result<Place, NoCapacity> {
        let sandbox = &self.parts.sandbox;
        let ticket = match ticket {
            Some(ticket) => ticket,
            None => sandbox.ticket(self.workspace.as_str())?,
        };
        sandbox.admit(ticket).await
    }

    /// What the step can read of its run.
    fn context(&self, request: &RunRequest) -> StepContext {
        let step = match &request.step {
            StepSource::Registered(name) => Some(name.to_string()),
            StepSource::Inline(_) => None,
        };
        StepContext {
            id: self.id.to_string(),
            workflow: request.workflow.to_string(),
            step,
            attempt: request.attempt,
        }
    }

    async fn load(&self, source: StepSource) -> Result<Arc<LoadedStep>, LoadError> {
        let sandbox = &self.parts.sandbox;
        let share = self.workspace.as_str();
        match (source, &self.state.step) {
            (StepSource::Inline(file), _) => {
                let digest = file.load_digest();
                sandbox
                    .load(share, digest, async { Ok(StepCode::Source(file)) })
                    .await
            }
            (StepSource::Registered(_), Some(step)) => {
                let code = async { Ok(StepCode::Artifact(self.artifact(step).await?)) };
                sandbox.load(share, step.artifact, code).await
            }
            (StepSource::Registered(name), None) => {
                Err(LoadError::Host(format!("step `{name}` was not pinned")))
            }
        }
    }

    async fn artifact(&self, step: &StepEntry) -> Result<Vec<u8>, LoadError> {
        let artifact = self
            .parts
            .store
            .artifact(&self.workspace, &step.artifact)
            .await;
        artifact.map_err(|error| LoadError::Host(error.to_string()))
    }

    /// What the workflow may use, now.
    async fn resolve(&self, permit: RunPermit) -> Result<Granted, HostFault> {
        let store = self.parts.store.as_ref();
        let mark = if self.opened.elapsed() < FRESH {
            self.state.mark
        } else {
            store.mark(&self.workspace).await?
        };
        let snapshot = self
            .parts
            .snapshots
            .at(store, &self.workspace, mark)
            .await?;
        Ok(Granted {
            grants: self
                .parts
                .vault
                .resolve(permit, snapshot, Timestamp::now())?,
            uses: Arc::clone(&self.uses),
        })
    }

    async fn close(
        self,
        execution: Execution,
        recorder: &Recorder,
        hung_up: &HungUp,
    ) -> Result<RunReport, RunError> {
        let Execution {
            outcome,
            receipt,
            denied,
        } = execution;
        let (outcome, fault) = match outcome {
            Ok(outcome) => (outcome, None),
            Err(fault) => {
                tracing::error!(run = %self.id, "the run failed in the host: {fault}");
                let message = Masked::host_text("the host failed; its log says how");
                (
                    refused(OutcomeKind::Internal, Phase::Run, message),
                    Some(fault),
                )
            }
        };
        tell(outcome.kind(), &receipt);
        let at = Timestamp::now();
        let mut uses = self.uses.unwritten();
        let count = uses.len();
        if outcome.kind() == OutcomeKind::Cancelled && hung_up.is_true() {
            let what = AuditUseKind::HungUp;
            uses.push(AuditUse { at, what });
        }
        let end = RunEnd {
            at,
            outcome: outcome.clone(),
            receipt: receipt.clone(),
            denied: denied.clone(),
            log: recorder.take(),
            uses,
            // Of a run that only computed, all that there can be is its answer.
            waits_for_disk: self.is_asked_once || receipt.requests > 0 || fault.is_some(),
        };
        self.parts
            .store
            .close_run(&self.id, end)
            .await
            .map_err(RunError::Record)?;
        self.parts.metrics.ended(outcome.kind(), &receipt);
        self.uses.written(count);
        recorder.release();
        match fault {
            Some(source) => Err(RunError::Host {
                run: self.id,
                source,
            }),
            None => Ok(RunReport {
                run: self.id,
                digest: self.digest,
                started_at: self.started_at,
                outcome,
                receipt,
                denied,
            }),
        }
    }
}

/// Tells those who trace and count how a run ended.
fn tell(outcome: OutcomeKind, receipt: &Receipt) {
    let span = Span::current();
    span.record("outcome", outcome.as_str());
    if outcome != OutcomeKind::Completed {
        span.record("otel.status_code", "ERROR");
    }
    let seconds = |micros: u64| Duration::from_micros(micros).as_secs_f64();
    tracing::event!(
        target: "lockstep::metrics",
        Level::INFO,
        monotonic_counter.lockstep.runs = 1_u64,
        histogram.lockstep.run.duration = seconds(receipt.run_us),
        histogram.lockstep.run.queue = seconds(receipt.queue_us),
        outcome = outcome.as_str(),
        "a run ended"
    );
}

// === impl Execution ===

impl Execution {
    /// Nothing was done so far.
    fn begun(input_bytes: u64) -> Self {
        let receipt = Receipt {
            input_bytes,
            ..Receipt::default()
        };
        Self {
            outcome: Ok(cancelled(Phase::Load)),
            receipt,
            denied: Vec::new(),
        }
    }

    fn ended(mut self, outcome: Result<Outcome, HostFault>) -> Self {
        self.outcome = outcome;
        self
    }

    fn used(&mut self, usage: Usage) {
        let receipt = &mut self.receipt;
        receipt.run_us = Receipt::micros(usage.run);
        receipt.cpu_us = Receipt::micros(usage.cpu);
        receipt.peak_memory_bytes = usage.peak_memory_bytes;
        receipt.log_bytes = usage.log_bytes;
        receipt.output_bytes = usage.output_bytes;
        receipt.requests = usage.requests;
        receipt.outbound = usage.outbound;
        receipt.credentials = usage.credentials;
        self.denied = usage.denied;
    }
}

fn cancelled(phase: Phase) -> Outcome {
    refused(
        OutcomeKind::Cancelled,
        phase,
        Masked::host_text("the run was cancelled before it started"),
    )
}

fn not_loaded(error: LoadError) -> Result<Outcome, HostFault> {
    match error {
        LoadError::Invalid(invalid) => {
            // No credential has been opened: there is nothing to mask but the shapes of tokens.
            let message = Masker::new(MaskerConfig::default()).mask(&invalid.message);
            Ok(refused(OutcomeKind::InvalidStep, Phase::Load, message))
        }
        LoadError::Busy(_) => Ok(turned_away(
            Phase::Load,
            "the host has too many steps to compile; this one can be tried again",
        )),
        LoadError::Host(_) => Err(error.into()),
    }
}

fn no_place(no_capacity: NoCapacity) -> Outcome {
    let message = match no_capacity {
        NoCapacity::QueueFull { .. } => "the host has no place for the run, and its queue is full",
        NoCapacity::Waited { .. } => {
            "the host had no place for the run within the time that a run may queue"
        }
    };
    turned_away(Phase::Admit, message)
}

fn turned_away(phase: Phase, message: &'static str) -> Outcome {
    Failure {
        kind: OutcomeKind::Capacity,
        message: Masked::host_text(message),
        phase,
        started: false,
        requests_sent: 0,
        retryable: true,
    }
    .into()
}

/// A run that ended before its guest started.
fn refused(kind: OutcomeKind, phase: Phase, message: Masked<String>) -> Outcome {
    Failure {
        kind,
        message,
        phase,
        started: false,
        requests_sent: 0,
        retryable: false,
    }
    .into()
}
