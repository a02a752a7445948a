//! Making memories: the engine is run in a memory of its own, which is then kept.
//!
//! It runs on the thread that prepares, with everything that is outside of it refused: what cannot be repeated in each
//! run must not happen once.

use wasmtime::{
    Engine, Global, Instance, Memory, Module, Store, StoreLimits, StoreLimitsBuilder, Trap,
    WasmParams, WasmResults,
};

use super::engine::{ScriptEngine, compiled};
use super::image::{self, MEMORY};
use super::imports::{Import, Impure};
use crate::InvalidStep;
use crate::source::{Form, Script};
use crate::ticker::TICKS_PER_SECOND;

/// How long the source of a step may take to be compiled, in seconds. A megabyte takes a tenth of a second.
const DECLARE_SECONDS: u64 = 10;
/// How long the top level of a step may take and still be kept, in seconds. One that takes longer is left to each run.
const EVALUATE_SECONDS: u64 = 1;
/// How long the engine may take to get ready, in seconds.
const INIT_SECONDS: u64 = 60;
/// What the memory of a step may have while it is prepared, in bytes. A top level that makes more is left to each run.
const MAX_SNAPSHOT_BYTES: usize = 64 << 20;

/// Its one mutable global, which is no part of its memory.
const STACK_POINTER: &str = "__stack_pointer";

/// An instance of the engine that is in no run.
pub(super) struct Workshop {
    store: Store<StoreLimits>,
    instance: Instance,
    memory: Memory,
    stack_pointer: Global,
    stack_base: i32,
}

/// How far a step can be prepared.
enum Prepared {
    /// As far as it was wanted.
    Whole,
    /// The engine refuses the source.
    Refused(String),
    /// Not so far: it is not pure, or throws, or takes too long, or too much memory.
    NotSoFar(wasmtime::Error),
}

impl Workshop {
    /// The memory of an engine that is ready for any step. `data` are those of its file.
    pub(super) fn base(engine: &Engine, code: &Module, data: &[u8]) -> wasmtime::Result<Vec<u8>> {
        let empty = Module::new(engine, image::module(data))?;
        let mut compiling = Self::load(engine, code, &empty)?;
        let platform: i64 = compiling.call("platform", (), INIT_SECONDS)?;
        let platform = super::loaded::slice(compiling.memory.data(&compiling.store), platform)?;

        let mut workshop = Self::load(engine, code, &empty)?;
        let platform = workshop.hand_over(platform)?;
        workshop.call::<_, ()>("init", platform, INIT_SECONDS)?;
        workshop.keep(engine)
    }

    /// The memory of a step, with its top level evaluated if that can be done once for all runs.
    pub(super) fn step(
        engine: &ScriptEngine,
        base: &Module,
        script: &Script,
    ) -> wasmtime::Result<Result<Vec<u8>, InvalidStep>> {
        let mut workshop = Self::open(&engine.engine, &engine.code, base)?;
        match workshop.declare(script)? {
            Prepared::Whole => {}
            Prepared::Refused(message) => return Ok(Err(InvalidStep::new(message))),
            Prepared::NotSoFar(error) => return Ok(Err(too_much(&error))),
        }
        if let Prepared::Whole = workshop.evaluate()?
            && let Prepared::Whole = workshop.settle()?
        {
            return workshop.keep(&engine.engine).map(Ok);
        }
        // It throws, is not pure, or takes too much: it runs in each run, and does there what it does.
        drop(workshop);
        let mut workshop = Self::open(&engine.engine, &engine.code, base)?;
        workshop.declare(script)?;
        match workshop.settle()? {
            Prepared::Whole => workshop.keep(&engine.engine).map(Ok),
            Prepared::Refused(message) => Ok(Err(InvalidStep::new(message))),
            Prepared::NotSoFar(error) => Ok(Err(too_much(&error))),
        }
    }

    /// The engine as its file has it.
    fn load(engine: &Engine, code: &Module, memory: &Module) -> wasmtime::Result<Self> {
        let mut workshop = Self::open(engine, code, memory)?;
        workshop.call::<(), ()>("load", (), INIT_SECONDS)?;
        Ok(workshop)
    }

    fn open(engine: &Engine, code: &Module, memory: &Module) -> wasmtime::Result<Self> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(MAX_SNAPSHOT_BYTES)
            .build();
        let mut store = Store::new(engine, limits);
        store.limiter(|limits| limits);
        store.set_epoch_deadline(TICKS_PER_SECOND);
        let owner = Instance::new(&mut store, memory, &[])?;
        let lacks = |what| move || wasmtime::Error::msg(format!("the engine has no {what}"));
        let memory = owner
            .get_memory(&mut store, MEMORY)
            .ok_or_else(lacks(MEMORY))?;
        let imports = code
            .imports()
            .zip(Import::of(code)?)
            .map(|(ty, import)| import.refusing(&mut store, memory, &ty.ty()))
            .collect::<wasmtime::Result<Vec<_>>>()?;
        let instance = Instance::new(&mut store, code, &imports)?;
        let stack_pointer = instance
            .get_global(&mut store, STACK_POINTER)
            .ok_or_else(lacks(STACK_POINTER))?;
        let stack_base = stack_pointer.get(&mut store).unwrap_i32();
        Ok(Self {
            store,
            instance,
            memory,
            stack_pointer,
            stack_base,
        })
    }

    fn declare(&mut self, script: &Script) -> wasmtime::Result<Prepared> {
        let Script {
            name,
            form,
            code,
            map,
            ..
        } = script;
        let name = self.hand_over(name.as_bytes())?;
        let code = self.hand_over(code.as_bytes())?;
        let map = self.hand_over(map)?;
        let form = match form {
            Form::Module => 0,
            Form::Plain => 1,
        };
        let (name, code, map): ((i32, i32), (i32, i32), (i32, i32)) = (name, code, map);
        let done = self.call(
            "declare",
            (name.0, name.1, code.0, code.1, form, map.0, map.1),
            DECLARE_SECONDS,
        );
        self.prepared(done)
    }

    fn evaluate(&mut self) -> wasmtime::Result<Prepared> {
        let done = self.call("evaluate", (), EVALUATE_SECONDS);
        self.prepared(done)
    }

    fn prepared(&mut self, done: wasmtime::Result<i32>) -> wasmtime::Result<Prepared> {
        match done {
            Ok(0) => Ok(Prepared::Whole),
            Ok(_) => self.message().map(Prepared::Refused),
            // An impure step, or one over a limit; the engine itself must not be the reason.
            Err(error) if error.is::<Impure>() || error.is::<Trap>() => {
                Ok(Prepared::NotSoFar(error))
            }
            Err(error) => Err(error),
        }
    }

    /// What the engine says of its last refusal.
    fn message(&mut self) -> wasmtime::Result<String> {
        let place: i64 = self.call("message", (), 1)?;
        let bytes = super::loaded::slice(self.memory.data(&self.store), place)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// Copies bytes into the engine; where they are, and how many.
    fn hand_over(&mut self, bytes: &[u8]) -> wasmtime::Result<(i32, i32)> {
        let length = i32::try_from(bytes.len())?;
        let at: i32 = self.call("alloc", length, DECLARE_SECONDS)?;
        let start = at.cast_unsigned() as usize;
        self.memory.write(&mut self.store, start, bytes)?;
        Ok((at, length))
    }

    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        export: &str,
        arguments: P,
        seconds: u64,
    ) -> wasmtime::Result<R> {
        self.store.set_epoch_deadline(seconds * TICKS_PER_SECOND);
        let function = self
            .instance
            .get_typed_func::<P, R>(&mut self.store, export)?;
        function.call(&mut self.store, arguments)
    }

    /// Readies the memory for runs to start from. How long that takes is up to what the step has made.
    fn settle(&mut self) -> wasmtime::Result<Prepared> {
        let done = self.call("settle", (), DECLARE_SECONDS);
        self.prepared(done.map(|()| 0))
    }

    fn keep(mut self, engine: &Engine) -> wasmtime::Result<Vec<u8>> {
        let stack = self.stack_pointer.get(&mut self.store).unwrap_i32();
        if stack != self.stack_base {
            return Err(wasmtime::Error::msg(
                "the engine left something on its stack",
            ));
        }
        // The stack lies first in the memory, and nothing on it is in use.
        let memory = self.memory.data_mut(&mut self.store);
        memory[..stack.cast_unsigned() as usize].fill(0);
        compiled(engine, memory)
    }
}

fn too_much(error: &wasmtime::Error) -> InvalidStep {
    let reason = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => format!("takes longer than {DECLARE_SECONDS} s"),
        _ => format!(
            "does not fit into {} MiB, or is nested too deeply",
            MAX_SNAPSHOT_BYTES >> 20
        ),
    };
    InvalidStep::new(format!("compiling the source {reason}"))
}
