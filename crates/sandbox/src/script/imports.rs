//! What the engine calls: the module `lockstep` of its imports (`guest-sdk/js/engine/README.md` has the table).

use std::time::Duration;

use jiff::Timestamp;
use wasmtime::{Caller, Extern, ExternType, Func, Linker, Memory, Module, Store, StoreLimits, Val};

use lockstep_step::LogStream;

use super::state::{ScriptState, Waiting};
use crate::host::MAX_KEYS;

/// The module of the imports, but for the memory.
const MODULE: &str = "lockstep";
/// Random bytes that the engine asks for in one call at most: what `crypto.getRandomValues` gives at most.
const MAX_RANDOM_BYTES: usize = 64 << 10;
/// What of an asked key is read: one byte more than a key has, so that a longer one is seen to be none.
const MAX_KEY_BYTES: u32 = 129;
/// What the engine says of a panic, in bytes.
const MAX_PANIC_BYTES: usize = 1 << 10;
/// The answer of `credential` when there is none to be had.
const MISSING: i32 = -1;
/// The number of the log's other stream.
const STDERR: i32 = 2;
/// Microseconds of a second.
const MICROS: f64 = 1e6;

type Guest<'a> = Caller<'a, ScriptState>;

/// One import of the engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Import {
    Memory,
    Now,
    Monotonic,
    Random,
    Log,
    Credential,
    Missing,
    Keys,
    Context,
    Take,
    Sleep,
    Panic,
}

/// The engine panicked, which it never should.
#[derive(Debug, thiserror::Error)]
#[error("the JavaScript engine panicked: {0}")]
pub(super) struct Panicked(String);

/// A step that is being prepared touched what is outside of it.
#[derive(Debug, thiserror::Error)]
#[error("the top level of the step is not pure")]
pub(super) struct Impure;

/// A pointer or a length lies outside of the memory.
#[derive(Debug, thiserror::Error)]
#[error("the JavaScript engine named memory that it does not have")]
struct OutOfBounds;

// === impl Import ===

impl Import {
    const ALL: [(&'static str, Self); 12] = [
        ("memory", Self::Memory),
        ("now", Self::Now),
        ("monotonic", Self::Monotonic),
        ("random", Self::Random),
        ("log", Self::Log),
        ("credential", Self::Credential),
        ("missing", Self::Missing),
        ("keys", Self::Keys),
        ("context", Self::Context),
        ("take", Self::Take),
        ("sleep", Self::Sleep),
        ("panic", Self::Panic),
    ];

    /// The imports of `engine`, in their order.
    pub(super) fn of(engine: &Module) -> wasmtime::Result<Vec<Self>> {
        let known = |name: &str| Self::ALL.iter().find(|(known, _)| *known == name);
        engine
            .imports()
            .map(|import| match known(import.name()) {
                Some((_, known)) => Ok(*known),
                None => Err(wasmtime::Error::msg(format!(
                    "the engine imports `{}`, which this host does not offer",
                    import.name()
                ))),
            })
            .collect()
    }

    /// What stands behind it in a run.
    pub(super) fn live(
        self,
        linker: &Linker<ScriptState>,
        store: &mut Store<ScriptState>,
        memory: Memory,
    ) -> wasmtime::Result<Extern> {
        match self {
            Self::Memory => Ok(memory.into()),
            _ => linker.get(store, MODULE, self.name()),
        }
    }

    fn name(self) -> &'static str {
        Self::ALL[self as usize].0
    }

    /// What stands behind it while a step is prepared: a step that touches it is not pure.
    pub(super) fn refusing(
        self,
        store: &mut Store<StoreLimits>,
        memory: Memory,
        ty: &ExternType,
    ) -> wasmtime::Result<Extern> {
        let Some(ty) = ty.func() else {
            return Ok(memory.into());
        };
        let refuse =
            move |mut guest: Caller<'_, StoreLimits>, arguments: &[Val], _: &mut [Val]| match (
                self, arguments,
            ) {
                (Self::Panic, [at, length]) => {
                    let (at, length) = (
                        at.unwrap_i32().cast_unsigned(),
                        length.unwrap_i32().cast_unsigned(),
                    );
                    panicked(slice(memory.data_mut(&mut guest), at, length)?)
                }
                _ => Err(wasmtime::Error::from(Impure)),
            };
        Ok(Func::new(store, ty.clone(), refuse).into())
    }
}

/// Adds what stands behind the imports in a run to a linker. The memory is the run's own, and so is not among them.
pub(super) fn add_to_linker(linker: &mut Linker<ScriptState>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "now", now)?;
    linker.func_wrap(MODULE, "monotonic", |guest: Guest<'_>| {
        guest.data().began.elapsed().as_secs_f64() * MICROS
    })?;
    linker.func_wrap(MODULE, "random", |mut guest: Guest<'_>, at, length| {
        random(slice(parts(&mut guest)?.0, at, length)?)
    })?;
    linker.func_wrap(
        MODULE,
        "log",
        |mut guest: Guest<'_>, stream: i32, at, length| {
            let (memory, state) = parts(&mut guest)?;
            state
                .log
                .write(log_stream(stream), slice(memory, at, length)?);
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap(
        MODULE,
        "credential",
        |mut guest: Guest<'_>, at, length: u32| {
            let (memory, state) = parts(&mut guest)?;
            let key = slice(memory, at, length.min(MAX_KEY_BYTES))?;
            state.credential(&String::from_utf8_lossy(key))
        },
    )?;
    linker.func_wrap(MODULE, "missing", |mut guest: Guest<'_>, at, length| {
        let (memory, state) = parts(&mut guest)?;
        state.missing(&String::from_utf8_lossy(slice(memory, at, length)?))
    })?;
    linker.func_wrap(MODULE, "keys", |mut guest: Guest<'_>| {
        guest.data_mut().keys()
    })?;
    linker.func_wrap(MODULE, "context", |mut guest: Guest<'_>| {
        guest.data_mut().context()
    })?;
    linker.func_wrap(MODULE, "take", |mut guest: Guest<'_>, at| {
        let (memory, state) = parts(&mut guest)?;
        take(&std::mem::take(&mut state.waiting), memory, at)
    })?;
    linker.func_wrap_async(MODULE, "sleep", |_: Guest<'_>, (micros,): (f64,)| {
        Box::new(tokio::time::sleep(duration(micros)))
    })?;
    linker.func_wrap(MODULE, "panic", |mut guest: Guest<'_>, at, length| {
        panicked(slice(parts(&mut guest)?.0, at, length)?)
    })?;
    Ok(())
}

/// The memory of the guest, and what the host keeps.
fn parts<'a>(guest: &'a mut Guest<'_>) -> Result<(&'a mut [u8], &'a mut ScriptState), OutOfBounds> {
    let memory = guest.data().memory.ok_or(OutOfBounds)?;
    Ok(memory.data_and_store_mut(guest))
}

// === impl ScriptState ===

impl ScriptState {
    fn credential(&mut self, asked: &str) -> wasmtime::Result<i32> {
        match self.guest.desk.credential(asked)? {
            Ok(value) => self.wait(Waiting::Value(value)),
            Err(_) => Ok(MISSING),
        }
    }

    fn missing(&mut self, asked: &str) -> wasmtime::Result<i32> {
        // One more than may be: the desk then refuses them, and of a million line feeds no million texts are made.
        let asked = asked.split('\n').take(MAX_KEYS + 1);
        let asked = asked.map(str::to_owned).collect();
        let missing = self.guest.desk.missing(asked)?;
        self.wait(Waiting::Text(missing.join("\n")))
    }

    fn keys(&mut self) -> wasmtime::Result<i32> {
        let keys = self.guest.desk.keys();
        self.wait(Waiting::Text(keys.join("\n")))
    }

    fn context(&mut self) -> wasmtime::Result<i32> {
        let context = serde_json::to_string(&self.context)?;
        self.wait(Waiting::Text(context))
    }

    /// Keeps a text until the guest takes it, and tells how long it is.
    pub(super) fn wait(&mut self, text: Waiting) -> wasmtime::Result<i32> {
        let length = i32::try_from(text.text().len())?;
        self.waiting = text;
        Ok(length)
    }
}

fn take(waiting: &Waiting, memory: &mut [u8], at: u32) -> wasmtime::Result<()> {
    let text = waiting.text().as_bytes();
    slice(memory, at, u32::try_from(text.len())?)?.copy_from_slice(text);
    Ok(())
}

fn slice(memory: &mut [u8], at: u32, length: u32) -> Result<&mut [u8], OutOfBounds> {
    let (at, length) = (at as usize, length as usize);
    memory
        .get_mut(at..)
        .and_then(|rest| rest.get_mut(..length))
        .ok_or(OutOfBounds)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds since 1970 are exact in a double until the year 2255"
)]
fn now() -> f64 {
    Timestamp::now().as_microsecond() as f64
}

fn random(bytes: &mut [u8]) -> wasmtime::Result<()> {
    if bytes.len() > MAX_RANDOM_BYTES {
        return Err(OutOfBounds.into());
    }
    getrandom::fill(bytes).map_err(|error| wasmtime::Error::msg(format!("no randomness: {error}")))
}

fn log_stream(number: i32) -> LogStream {
    if number == STDERR {
        LogStream::Stderr
    } else {
        LogStream::Stdout
    }
}

fn duration(micros: f64) -> Duration {
    Duration::try_from_secs_f64((micros / MICROS).max(0.0)).unwrap_or(Duration::MAX)
}

fn panicked(message: &[u8]) -> wasmtime::Result<()> {
    let message = &message[..message.len().min(MAX_PANIC_BYTES)];
    Err(Panicked(String::from_utf8_lossy(message).into_owned()).into())
}
