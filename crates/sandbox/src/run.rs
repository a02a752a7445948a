//! One run: a fresh instance, entered once, under limits, and gone.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::IgnoredAny;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use wasmtime::component::{ComponentExportIndex, Instance, TypedFunc};
use wasmtime::{Engine, Store, UpdateDeadline};

use lockstep_secret::{Masker, MaskerConfig, Secret, Zeroizing};
use lockstep_step::{CredentialUse, Denied, Failure, Limits, Outcome, OutcomeKind, Phase};

use crate::credentials::Credentials;
use crate::ending::{Ending, Meaning, exited_with_failure, meaning};
use crate::host::{CredentialDesk, GuestFailure, RunState};
use crate::load::LoadedStep;
use crate::log::{LogSink, RunLog, WEAK_HOLD};
use crate::meter::Metered;
use crate::sandbox::SandboxError;
use crate::world::Entry;

/// What a failure message may have, in bytes. The log is the place for more.
const MAX_MESSAGE_BYTES: usize = 8 << 10;

/// What a step is run with.
pub struct Invocation<'a> {
    /// JSON text.
    pub input: &'a str,
    /// What the run may use.
    pub limits: Limits,
    /// Its credentials.
    pub credentials: Box<dyn Credentials>,
    /// Where its log goes.
    pub log: Arc<dyn LogSink>,
    /// Ends the run with the outcome `cancelled`.
    pub cancel: CancellationToken,
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
    /// The credentials that it was given.
    pub credentials: Vec<CredentialUse>,
    /// The credentials that it asked for and was not given.
    pub denied: Vec<Denied>,
}

/// How the guest's code came back.
enum Returned {
    /// The step returned its output; a command ended well.
    Output(Option<Secret>),
    /// The step reported a failure.
    Failed(GuestFailure),
    /// A command ended with an exit code other than 0.
    ExitedWithFailure,
}

/// Who ended the run.
enum End {
    Guest(wasmtime::Result<Returned>),
    Timeout,
    Cancelled,
}

/// Runs `step` once. The instance, its memory and the credentials in it are gone when this returns.
pub(crate) async fn run(engine: &Engine, step: &LoadedStep, invocation: Invocation<'_>) -> Ended {
    let Invocation {
        input,
        limits,
        credentials,
        log,
        cancel,
    } = invocation;
    if let Err(ending) = check_input(input, &limits) {
        let outcome = fail(ending, &Masker::new(MaskerConfig::default()));
        return Ended {
            outcome: Ok(outcome),
            usage: Usage::default(),
        };
    }
    let masker = Masker::new(MaskerConfig::default());
    let log = RunLog::new(&masker, log, limits.log_bytes);
    let desk = CredentialDesk::new(credentials, masker.clone());
    let stdin = matches!(step.entry, Entry::Command(_)).then_some(input);
    let state = RunState::new(desk, &log, stdin, limits.memory_bytes, limits.output_bytes);
    let mut store = store(engine, state, &limits);

    let began = Instant::now();
    let mut guest = Metered::new(Box::pin(enter(&mut store, step, input)));
    let end = drive(&mut guest, &log, limits.timeout, &cancel).await;
    let cpu = guest.cpu();
    drop(guest);

    // What follows no longer needs the instance: its memory is given back before anything else is done.
    let state = store.into_data();
    let mut usage = Usage {
        run: began.elapsed(),
        cpu,
        peak_memory_bytes: state.limiter.peak_bytes(),
        log_bytes: log.finish(),
        ..Usage::default()
    };
    let outcome = conclude(end, &state, &limits, &masker, &mut usage);
    usage.credentials = state.desk.uses;
    usage.denied = state.desk.denied;
    Ended { outcome, usage }
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

fn store(engine: &Engine, state: RunState, limits: &Limits) -> Store<RunState> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    // A list may name one text again and again: what it comes to in the host is no more than a guest's whole memory.
    store.set_hostcall_fuel(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX));
    // At each tick the guest lets others run, and is ended if its time is over: a runtime that is too busy to fire the
    // timer of `drive` does not give a guest more time.
    let deadline = Instant::now() + limits.timeout;
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
    step: &LoadedStep,
    input: &str,
) -> wasmtime::Result<Returned> {
    let instance = step.pre.instantiate_async(&mut *store).await?;
    store.data_mut().phase = Phase::Run;
    match step.entry {
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

/// Polls the guest until it ends, its time is over, or somebody cancels; lets weakly held log text go meanwhile.
async fn drive(
    mut guest: impl Future<Output = wasmtime::Result<Returned>> + Unpin,
    log: &RunLog,
    timeout: Duration,
    cancel: &CancellationToken,
) -> End {
    let mut timeout = pin!(sleep(timeout));
    let mut cancelled = pin!(cancel.cancelled());
    let mut holds = interval(WEAK_HOLD);
    holds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            returned = &mut guest => return End::Guest(returned),
            () = &mut cancelled => return End::Cancelled,
            () = &mut timeout => return End::Timeout,
            _ = holds.tick() => log.release_weak(),
        }
    }
}

fn conclude(
    end: End,
    state: &RunState,
    limits: &Limits,
    masker: &Masker,
    usage: &mut Usage,
) -> Result<Outcome, SandboxError> {
    let ended = |ending| Ok(fail(ending, masker));
    match end {
        End::Timeout => ended(timed_out(limits, state.phase)),
        End::Cancelled => ended(Ending::new(
            OutcomeKind::Cancelled,
            state.phase,
            "the run was cancelled",
        )),
        End::Guest(Ok(Returned::Output(output))) => {
            Ok(complete(output.as_ref(), limits, masker, usage))
        }
        End::Guest(Ok(Returned::Failed(failure))) => ended(reported(failure, state)),
        End::Guest(Ok(Returned::ExitedWithFailure)) => ended(exited_with_failure()),
        End::Guest(Err(error)) => match meaning(error, state) {
            Meaning::Exited => Ok(complete(state.output.json.as_ref(), limits, masker, usage)),
            Meaning::TimedOut => ended(timed_out(limits, state.phase)),
            Meaning::Ended(ending) => ended(ending),
            Meaning::HostFault(error) => Err(SandboxError::HostCall(error)),
        },
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
fn reported(mut failure: GuestFailure, state: &RunState) -> Ending {
    let missing: Vec<_> = failure
        .missing_credentials
        .iter()
        .filter(|key| state.desk.was_denied(key))
        .collect();
    let kind = if missing.is_empty() {
        OutcomeKind::StepFailed
    } else {
        OutcomeKind::MissingCredential
    };
    let message = std::mem::take(&mut failure.message);
    let mut ending = Ending::new(kind, Phase::Run, message);
    ending.retryable = failure.retryable;
    ending
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
