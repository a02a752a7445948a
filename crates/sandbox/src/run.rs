//! One run: a fresh instance, entered once, under limits, and gone.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use wasmtime::component::{ComponentExportIndex, Instance, TypedFunc};
use wasmtime::{Engine, Store, UpdateDeadline};

use lockstep_secret::{Masker, MaskerConfig, Secret, Zeroizing};
use lockstep_step::{
    CredentialUse, Denied, Failure, Limits, Outcome, OutcomeKind, Phase, RequestReceipt,
    TraceContext, WorkflowEgress,
};

use crate::Threshold;
use crate::credentials::Credentials;
use crate::egress::{Egress, Outlet, WayOut};
use crate::ending::{Ending, Meaning, exited_with_failure, meaning};
use crate::host::{CredentialDesk, Guest, GuestFailure, GuestState, RunState};
use crate::load::{LoadedCode, LoadedComponent, LoadedStep};
use crate::log::{LogSink, RunLog, WEAK_HOLD};
use crate::meter::Metered;
use crate::sandbox::SandboxError;
use crate::script::{Answer, LoadedScript, ScriptFailure, ScriptFault, ScriptState};
use crate::wasi_http::names_denial;
use crate::world::Entry;

/// What a failure message may have, in bytes. The log is the place for more.
const MAX_MESSAGE_BYTES: usize = 8 << 10;

/// What a step is run with.
pub struct Invocation<'a> {
    /// JSON text.
    pub input: &'a str,
    /// What the step can read of its run.
    pub context: StepContext,
    /// What the run may use.
    pub limits: Limits,
    /// Whose connections to servers it shares, as for [`Sandbox::load`](crate::Sandbox::load).
    pub share: &'a str,
    /// Where its requests may go, as far as its workflow says.
    pub egress: Arc<WorkflowEgress>,
    /// What is done before its first request leaves.
    pub threshold: Option<Arc<dyn Threshold>>,
    /// Its credentials.
    pub credentials: Arc<dyn Credentials>,
    /// Where its log goes.
    pub log: Arc<dyn LogSink>,
    /// The trace that it is part of: its requests say so.
    pub trace: Option<TraceContext>,
    /// Ends the run with the outcome `cancelled`.
    pub cancel: CancellationToken,
}

/// What a step can read of the run that it is in.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StepContext {
    /// The run, as the record names it.
    pub id: String,
    /// The workflow that it is a step of.
    pub workflow: String,
    /// The name of the step. `None`: it was handed in with the run.
    pub step: Option<String>,
    /// Which try of the step this is, from 1 on.
    pub attempt: u32,
}

/// A run that is over.
#[derive(Debug)]
pub struct Ended {
    /// How the guest ended, or how the host failed.
    pub outcome: Result<Outcome, SandboxError>,
    /// What the run used.
    pub usage: Usage,
}

/// What a run used.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Wall-clock time, from making the instance to having its output.
    pub run: Duration,
    /// CPU time of the guest and of the host functions that it called.
    pub cpu: Duration,
    /// Largest sum of linear memories and tables.
    pub peak_memory_bytes: u64,
    /// What the guest wrote to its log, before masking and cutting.
    pub log_bytes: u64,
    /// What it returned, before masking.
    pub output_bytes: u64,
    /// Requests that left.
    pub requests: u32,
    /// Each request, the first refused ones too.
    pub outbound: Vec<RequestReceipt>,
    /// The credentials that it was given.
    pub credentials: Vec<CredentialUse>,
    /// The credentials that it asked for and was not given.
    pub denied: Vec<Denied>,
}

/// What is at hand while a guest runs.
struct Live {
    masker: Masker,
    log: RunLog,
    limits: Limits,
    began: Instant,
}

/// How the guest's code came back.
enum Returned {
    /// The step returned its output; a command ended well.
    Output(Option<Secret>),
    /// The step reported a failure.
    Failed(GuestFailure),
    /// A command ended with an exit code other than 0.
    ExitedWithFailure,
    /// A script failed.
    ScriptFailed(ScriptFailure),
}

/// Who ended the run.
enum End {
    Guest(wasmtime::Result<Returned>),
    Timeout,
    Cancelled,
}

/// Runs `step` once. The instance, its memory and the credentials in it are gone when this returns.
pub(crate) async fn run(
    engine: &Engine,
    egress: &Arc<Egress>,
    step: &LoadedStep,
    invocation: Invocation<'_>,
) -> Ended {
    if let Err(ending) = check_input(invocation.input, &invocation.limits) {
        let outcome = fail(ending, &Masker::new(MaskerConfig::default()));
        return Ended {
            outcome: Ok(outcome),
            usage: Usage::default(),
        };
    }
    let way_out = WayOut::new(
        egress,
        invocation.share,
        Arc::clone(&invocation.egress),
        &invocation.limits,
    );
    let way_out = way_out
        .behind(invocation.threshold.clone())
        .within(invocation.trace.clone());
    match &step.code {
        LoadedCode::Component(component) => {
            run_component(engine, component, way_out, invocation).await
        }
        LoadedCode::Script(script) => run_script(engine, script, way_out, invocation).await,
    }
}

async fn run_component(
    engine: &Engine,
    component: &LoadedComponent,
    way_out: WayOut,
    invocation: Invocation<'_>,
) -> Ended {
    let (run, input, limits) = (Live::new(&invocation), invocation.input, invocation.limits);
    let desk = CredentialDesk::new(invocation.credentials, run.masker.clone());
    let guest = Guest::new(desk, way_out, limits.memory_bytes);
    let stdin = matches!(component.entry, Entry::Command(_)).then_some(input);
    let state = RunState::new(guest, &run.log, stdin, limits.output_bytes);
    let mut store = store(engine, state, (run.began, &limits));
    let entered = Box::pin(enter(&mut store, component, input));
    let (mut end, cpu) = run.drive(entered, &invocation.cancel).await;
    let mut denial = None;
    if let Some(requests) = &store.data().requests {
        denial = requests.end();
        if let Err(stop) = requests.check() {
            end = End::Guest(Err(stop.into()));
        }
    }
    let RunState {
        mut guest, output, ..
    } = store.into_data();
    guest.denial = denial;
    run.conclude((end, cpu), guest, output.json.as_ref())
}

async fn run_script(
    engine: &Engine,
    script: &LoadedScript,
    way_out: WayOut,
    invocation: Invocation<'_>,
) -> Ended {
    let run = Live::new(&invocation);
    let (input, limits) = (invocation.input, &invocation.limits);
    let desk = CredentialDesk::new(invocation.credentials, run.masker.clone());
    let guest = Guest::new(desk, way_out, limits.memory_bytes);
    let state = ScriptState::new(guest, invocation.context, &run.log, (run.began, limits));
    let mut store = store(engine, state, (run.began, limits));
    let entered = Box::pin(async {
        Ok(match script.enter(&mut store, input).await? {
            Answer::Output(output) => Returned::Output(Some(output)),
            Answer::Failed(failure) => Returned::ScriptFailed(failure),
        })
    });
    let end = run.drive(entered, &invocation.cancel).await;
    script.leave(&mut store);
    // What follows no longer needs the instance: its memory is given back before anything else is done.
    let guest = store.into_data().into_guest();
    run.conclude(end, guest, None)
}

fn check_input(input: &str, limits: &Limits) -> Result<(), Ending> {
    let invalid = |message| {
        Err(Ending::new(
            OutcomeKind::InvalidInput,
            Phase::Admit,
            message,
        ))
    };
    if input.len() as u64 > limits.input_bytes {
        let (length, limit) = (input.len(), limits.input_bytes);
        return invalid(format!(
            "the input has {length} bytes, over the limit of {limit} bytes"
        ));
    }
    match serde_json::from_str::<IgnoredAny>(input) {
        Ok(_) => Ok(()),
        Err(error) => invalid(format!("the input is not JSON: {error}")),
    }
}

/// A store for one run that began at this time, under its limits.
pub(crate) fn store<T: GuestState>(
    engine: &Engine,
    state: T,
    (began, limits): (Instant, &Limits),
) -> Store<T> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.guest().limiter);
    // A list may name one text again and again: what it comes to in the host is no more than a guest's whole memory.
    store.set_hostcall_fuel(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX));
    // At each tick the guest lets others run, and is ended if its time is over: a runtime that is too busy to fire the
    // timer of `drive` does not give a guest more time.
    let deadline = began + limits.timeout;
    store.epoch_deadline_callback(move |_| {
        Ok(if Instant::now() >= deadline {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::Yield(1)
        })
    });
    store.set_epoch_deadline(1);
    store
}

/// Makes the instance and calls its entry.
async fn enter(
    store: &mut Store<RunState>,
    component: &LoadedComponent,
    input: &str,
) -> wasmtime::Result<Returned> {
    let instance = component.pre.instantiate_async(&mut *store).await?;
    store.data_mut().guest.phase = Phase::Run;
    match component.entry {
        Entry::Step(run) => call_step(store, &instance, run, input).await,
        Entry::Command(run) => call_command(store, &instance, run).await,
    }
}

async fn call_step(
    store: &mut Store<RunState>,
    instance: &Instance,
    run: ComponentExportIndex,
    input: &str,
) -> wasmtime::Result<Returned> {
    let run: TypedFunc<(&str,), (Result<String, GuestFailure>,)> =
        instance.get_typed_func(&mut *store, run)?;
    let (result,) = run.call_async(&mut *store, (input,)).await?;
    Ok(match result {
        Ok(output) => Returned::Output(Some(Secret::new(output))),
        Err(failure) => Returned::Failed(failure),
    })
}

async fn call_command(
    store: &mut Store<RunState>,
    instance: &Instance,
    run: ComponentExportIndex,
) -> wasmtime::Result<Returned> {
    let run: TypedFunc<(), (Result<(), ()>,)> = instance.get_typed_func(&mut *store, run)?;
    let (result,) = run.call_async(&mut *store, ()).await?;
    Ok(match result {
        Ok(()) => Returned::Output(store.data_mut().output.json.take()),
        Err(()) => Returned::ExitedWithFailure,
    })
}

/// When it is seen to what is weakly held.
fn weak_holds() -> Interval {
    let mut holds = interval(WEAK_HOLD);
    holds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    holds
}

// === impl Live ===

impl Live {
    fn new(invocation: &Invocation<'_>) -> Self {
        let began = Instant::now();
        let masker = Masker::new(MaskerConfig::default());
        let log = RunLog::new(
            &masker,
            Arc::clone(&invocation.log),
            began,
            invocation.limits.log_bytes,
        );
        Self {
            masker,
            log,
            limits: invocation.limits,
            began,
        }
    }

    /// Polls the guest until it ends, its time is over, or somebody cancels; lets weakly held log text go meanwhile. Tells
    /// how it ended, and how much CPU time it took.
    async fn drive(
        &self,
        guest: impl Future<Output = wasmtime::Result<Returned>> + Unpin,
        cancel: &CancellationToken,
    ) -> (End, Duration) {
        let mut guest = Metered::new(guest);
        let mut timeout = pin!(sleep(self.limits.timeout));
        let mut cancelled = pin!(cancel.cancelled());
        // Nothing is made for a log that holds nothing back, as most do not.
        let mut holds = None;
        let end = loop {
            tokio::select! {
                biased;
                returned = &mut guest => break End::Guest(returned),
                () = &mut cancelled => break End::Cancelled,
                () = &mut timeout => break End::Timeout,
                _ = poll_fn(|context| if self.log.holds_weakly() {
                    holds.get_or_insert_with(weak_holds).poll_tick(context)
                } else {
                    Poll::Pending
                }) => self.log.release_weak(),
            }
        };
        (end, guest.cpu())
    }

    /// `guest` is what is left of it; `output` what a command has set.
    fn conclude(
        self,
        (end, cpu): (End, Duration),
        mut guest: Guest,
        output: Option<&Secret>,
    ) -> Ended {
        let mut usage = Usage {
            run: self.began.elapsed(),
            cpu,
            peak_memory_bytes: guest.limiter.peak_bytes(),
            log_bytes: self.log.finish(),
            ..Usage::default()
        };
        if let Some(outlet) = guest.way_out.outlet() {
            usage.requests = outlet.requests();
            usage.outbound = outlet.receipts(&self.masker);
        }
        let mut outcome = self.outcome(end, &guest, output, &mut usage);
        if let Ok(Outcome::Failed(failure) | Outcome::Stopped(failure)) = &mut outcome {
            failure.requests_sent = usage.requests;
        }
        usage.credentials = guest.desk.take_uses();
        usage.denied = guest.desk.denied;
        Ended { outcome, usage }
    }

    fn outcome(
        &self,
        end: End,
        guest: &Guest,
        output: Option<&Secret>,
        usage: &mut Usage,
    ) -> Result<Outcome, SandboxError> {
        let (limits, masker) = (&self.limits, &self.masker);
        let ended = |ending| Ok(fail(ending, masker));
        match end {
            End::Timeout => ended(timed_out(limits, guest.phase)),
            End::Cancelled => ended(Ending::new(
                OutcomeKind::Cancelled,
                guest.phase,
                "the run was cancelled",
            )),
            End::Guest(Ok(Returned::Output(output))) => {
                Ok(complete(output.as_ref(), limits, masker, usage))
            }
            End::Guest(Ok(Returned::Failed(failure))) => ended(reported(failure, guest)),
            End::Guest(Ok(Returned::ScriptFailed(failure))) => ended(thrown(failure, guest)),
            End::Guest(Ok(Returned::ExitedWithFailure)) => ended(exited_with_failure(guest)),
            End::Guest(Err(error)) => match meaning(error, guest) {
                Meaning::Exited => Ok(complete(output, limits, masker, usage)),
                Meaning::TimedOut => ended(timed_out(limits, guest.phase)),
                Meaning::Ended(ending) => ended(ending),
                Meaning::HostFault(error) => Err(SandboxError::HostCall(error)),
            },
        }
    }
}

fn timed_out(limits: &Limits, phase: Phase) -> Ending {
    let limit = limits.timeout.as_secs_f64();
    let message = format!("the step ran for longer than its limit of {limit} s");
    let mut ending = Ending::new(OutcomeKind::Timeout, phase, message);
    ending.retryable = true;
    ending
}

/// A failure that the step reported itself.
fn reported(mut failure: GuestFailure, guest: &Guest) -> Ending {
    let keys = failure.missing_credentials.iter().map(String::as_str);
    let mut kind = failed_kind(keys, guest);
    let was_denied = guest.denial.is_some() && names_denial(&failure.message);
    if kind == OutcomeKind::StepFailed && was_denied {
        kind = OutcomeKind::EgressDenied;
    }
    let message = std::mem::take(&mut failure.message);
    let mut ending = Ending::new(kind, Phase::Run, message).with_denial(guest);
    ending.retryable = failure.retryable;
    ending
}

/// A failure that came out of a script.
fn thrown(mut failure: ScriptFailure, guest: &Guest) -> Ending {
    let (kind, phase) = match failure.kind {
        ScriptFault::Failed => (OutcomeKind::StepFailed, Phase::Run),
        ScriptFault::MissingCredential => {
            let keys = failure.keys.iter().map(|key| key.as_str());
            (failed_kind(keys, guest), Phase::Run)
        }
        ScriptFault::Denied => (denied_kind(guest), Phase::Run),
        ScriptFault::Output => (OutcomeKind::StepFailed, Phase::Output),
        ScriptFault::Memory if guest.limiter.refused() => (OutcomeKind::MemoryExceeded, Phase::Run),
        ScriptFault::Memory => (OutcomeKind::StepFailed, Phase::Run),
    };
    let message = std::mem::take(&mut *failure.message);
    let mut ending = Ending::new(kind, phase, message);
    ending.retryable = failure.retryable;
    ending
}

/// What a failure is that says which credentials were missing: they count only if the host did refuse one of them.
fn failed_kind<'a>(mut missing: impl Iterator<Item = &'a str>, guest: &Guest) -> OutcomeKind {
    if missing.any(|key| guest.desk.was_denied(key)) {
        OutcomeKind::MissingCredential
    } else {
        OutcomeKind::StepFailed
    }
}

/// What a failure is that says that a request was denied: it counts only if the host did deny one.
fn denied_kind(guest: &Guest) -> OutcomeKind {
    let outlet = guest.way_out.outlet();
    if outlet.is_some_and(Outlet::has_denied) {
        OutcomeKind::EgressDenied
    } else {
        OutcomeKind::StepFailed
    }
}

/// The output of a step that ended well, checked and masked. A command that set none has the output `null`.
fn complete(
    output: Option<&Secret>,
    limits: &Limits,
    masker: &Masker,
    usage: &mut Usage,
) -> Outcome {
    #[expect(
        clippy::disallowed_methods,
        reason = "the guest's own text, on its way into the masker"
    )]
    let output = output.map_or("null", Secret::expose);
    usage.output_bytes = output.len() as u64;
    if usage.output_bytes > limits.output_bytes {
        let (length, limit) = (usage.output_bytes, limits.output_bytes);
        let message = format!("the output has {length} bytes, over the limit of {limit} bytes");
        return fail(
            Ending::new(OutcomeKind::OutputTooLarge, Phase::Output, message),
            masker,
        );
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(output) {
        let message = format!("the output is not JSON: {error}");
        return fail(
            Ending::new(OutcomeKind::StepFailed, Phase::Output, message),
            masker,
        );
    }
    Outcome::Completed(masker.mask_json(output))
}

fn fail(ending: Ending, masker: &Masker) -> Outcome {
    let Ending {
        kind,
        message,
        phase,
        started,
        retryable,
    } = ending;
    // A guest may say a value in it.
    let message = Zeroizing::new(message);
    // Masked whole, then cut: a value across the cut would otherwise show its first half.
    let message = masker.mask(&message).truncated(MAX_MESSAGE_BYTES);
    Outcome::from(Failure {
        kind,
        message,
        phase,
        started,
        requests_sent: 0,
        retryable,
    })
}
