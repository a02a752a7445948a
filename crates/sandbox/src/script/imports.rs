//! What the engine imports: its memory, and two functions of the host (`guest-sdk/js/engine/README.md` has the table).

use std::time::Duration;

use wasmtime::{Caller, Extern, ExternType, Func, Linker, Memory, Module, Store, StoreLimits, Val};

use super::call::{Call, OutOfBounds, panicked, part, slice};
use super::network::Operation;
use super::state::ScriptState;

/// The module of the functions.
const MODULE: &str = "lockstep";
const CALL: &str = "call";
const WAIT: &str = "wait";
const NETWORK: &str = "network";
/// Microseconds of a second.
const MICROS: f64 = 1e6;

/// One import of the engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Import {
    Memory,
    /// What is done at once.
    Call,
    /// What the guest waits for.
    Wait,
    /// What is done with requests.
    Network,
}

/// A step that is being prepared touched what is outside of it.
#[derive(Debug, thiserror::Error)]
#[error("the top level of the step is not pure")]
pub(super) struct Impure;

// === impl Import ===

impl Import {
    /// The imports of `engine`, in their order.
    pub(super) fn of(engine: &Module) -> wasmtime::Result<Vec<Self>> {
        engine
            .imports()
            .map(|import| match import.name() {
                "memory" => Ok(Self::Memory),
                CALL => Ok(Self::Call),
                WAIT => Ok(Self::Wait),
                NETWORK => Ok(Self::Network),
                other => Err(wasmtime::Error::msg(format!(
                    "the engine imports `{other}`, which this host does not offer"
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
            Self::Call => linker.get(store, MODULE, CALL),
            Self::Wait => linker.get(store, MODULE, WAIT),
            Self::Network => linker.get(store, MODULE, NETWORK),
        }
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
        let refuse = move |mut guest: Caller<'_, StoreLimits>, arguments: &[Val], _: &mut [Val]| {
            let (Self::Call, [number, at, length]) = (self, arguments) else {
                return Err(wasmtime::Error::from(Impure));
            };
            if Call::numbered(number.unwrap_i32())? != Call::Panic {
                return Err(Impure.into());
            }
            let [at, length] = [at, length].map(|value| value.unwrap_i32().cast_unsigned());
            Err(panicked(slice(memory.data_mut(&mut guest), at, length)?).into())
        };
        Ok(Func::new(store, ty.clone(), refuse).into())
    }
}

/// Adds what stands behind the imports in a run to a linker. The memory is the run's own, and so is not among them.
pub(super) fn add_to_linker(linker: &mut Linker<ScriptState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        MODULE,
        CALL,
        |mut guest: Caller<'_, ScriptState>, number: i32, at: u32, length: u32| {
            let memory = guest.data().memory.ok_or(OutOfBounds)?;
            let (memory, state) = memory.data_and_store_mut(&mut guest);
            state.call(Call::numbered(number)?, memory, at, length)
        },
    )?;
    linker.func_wrap_async(
        MODULE,
        WAIT,
        |mut guest: Caller<'_, ScriptState>, (micros,): (f64,)| {
            Box::new(async move { guest.data_mut().wait_for_news(duration(micros)).await })
        },
    )?;
    linker.func_wrap(
        MODULE,
        NETWORK,
        |mut guest: Caller<'_, ScriptState>,
         number: i32,
         id: i32,
         at: u32,
         length: u32,
         body_at: u32,
         body_length: u32| {
            let memory = guest.data().memory.ok_or(OutOfBounds)?;
            let (memory, state) = memory.data_and_store_mut(&mut guest);
            let asked = Operation {
                number,
                id,
                bytes: part(memory, at, length)?,
                body: part(memory, body_at, body_length)?,
            };
            state.network.operate(&mut state.guest, asked)
        },
    )?;
    Ok(())
}

fn duration(micros: f64) -> Duration {
    Duration::try_from_secs_f64((micros / MICROS).max(0.0)).unwrap_or(Duration::MAX)
}
