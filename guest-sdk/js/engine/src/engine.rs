//! The one engine of an instance: QuickJS with its one context, and the step in it.

use std::cell::{OnceCell, RefCell};

use rquickjs::{Context, Ctx, Runtime};

use crate::{
    buffer::Buffer,
    failure, heap, host, native,
    output::Output,
    positions::Positions,
    script::{Form, Script},
    turn,
};

/// How far JavaScript may go down the stack in linear memory before a `RangeError`; 1,400 calls of small functions. The
/// stack has 2 MiB (`build.rs`), as C code goes on for a while between two checks. The host's own stack grows up to 2.9
/// times as fast (a regular expression of nested groups; calls 1.5 times), and has 3 MiB.
const STACK_BYTES: usize = 1024 * 1024;

/// A run that takes no more than this collects no garbage: collecting walks the whole heap, at 1 ms per MB.
const GARBAGE_BYTES: usize = 4 << 20;

/// What a short run finds in the heap, so that it never asks the host for more.
const ROOM_BYTES: usize = 768 * 1024;

/// QuickJS, and a step.
pub(crate) struct Engine {
    pub(crate) natives: native::Natives,
    pub(crate) output: Output,
    runtime: Runtime,
    context: Context,
    pub(crate) script: RefCell<Option<Script>>,
    /// What was in use before there was a step, and the whole memory then.
    used_bytes: usize,
    memory_bytes: usize,
}

thread_local! {
    static ENGINE: OnceCell<Engine> = const { OnceCell::new() };
}

/// The web platform, compiled by an engine that is then thrown away: what compiling leaves behind would be part of all memories.
pub(crate) fn compile_platform() -> Vec<u8> {
    let runtime = runtime().unwrap_or_else(|error| panic!("cannot start: {error}"));
    let context = Context::full(&runtime).unwrap_or_else(|error| panic!("cannot start: {error}"));
    let compiled = context.with(|ctx| {
        native::compile_platform(&ctx).unwrap_or_else(|error| {
            let error = failure::describe(&ctx, &error);
            panic!("cannot compile the web platform: {error}")
        })
    });
    std::mem::forget(context);
    compiled
}

fn runtime() -> rquickjs::Result<Runtime> {
    let runtime = Runtime::new()?;
    runtime.set_max_stack_size(STACK_BYTES);
    // None while a step is prepared, and then as `settle` says.
    runtime.set_gc_threshold(usize::MAX);
    Ok(runtime)
}

/// Makes the engine. `platform` is what [`compile_platform`] gave.
pub(crate) fn start(platform: Buffer) {
    ENGINE.with(|engine| {
        let started =
            Engine::new(&platform).unwrap_or_else(|error| panic!("cannot start: {error}"));
        if engine.set(started).is_err() {
            panic!("started twice");
        }
    });
    host::has_started();
}

/// Calls a function with the engine.
pub(crate) fn get<R>(f: impl FnOnce(&Engine) -> R) -> R {
    ENGINE.with(|engine| f(engine.get().expect("`init` comes first")))
}

/// The same, if the engine is there yet.
pub(crate) fn try_get<R>(f: impl FnOnce(&Engine) -> R) -> Option<R> {
    ENGINE.with(|engine| engine.get().map(f))
}

impl Engine {
    fn new(platform: &[u8]) -> rquickjs::Result<Self> {
        let runtime = runtime()?;
        turn::watch_rejections(&runtime);
        let context = Context::full(&runtime)?;
        let (natives, output) = context.with(|ctx| {
            let natives = native::install(&ctx, platform).unwrap_or_else(|error| {
                panic!(
                    "cannot install what steps find: {}",
                    failure::describe(&ctx, &error)
                )
            });
            Output::install(&ctx).map(|output| (natives, output))
        })?;
        runtime.run_gc();
        let used = usize::try_from(runtime.memory_usage().malloc_size).unwrap_or(0);
        heap::keep_reserve();
        context.with(|ctx| heap::fill_holes(&ctx));
        Ok(Self {
            natives,
            output,
            runtime,
            context,
            script: RefCell::new(None),
            used_bytes: used,
            memory_bytes: heap::size(),
        })
    }

    /// Compiles a step.
    pub(crate) fn declare(
        &self,
        name: &Buffer,
        code: Buffer,
        form: Form,
        map: &Buffer,
    ) -> Result<(), String> {
        native::set_positions(Positions::new(name.as_c_str().to_bytes(), &code, map));
        let script = self.with(|ctx| Script::compile(ctx, name, code, form))?;
        self.script.replace(Some(script));
        Ok(())
    }

    /// Evaluates the top level of the step.
    pub(crate) fn evaluate(&self) -> Result<(), String> {
        self.with(|ctx| match self.script.borrow_mut().as_mut() {
            Some(script) => script.prepare(ctx, &self.natives.platform),
            None => Err("no step was declared".to_owned()),
        })
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&Ctx<'_>) -> R) -> R {
        self.context.with(|ctx| f(&ctx))
    }

    /// Readies the memory for the snapshot from which runs start.
    pub(crate) fn settle(&self) {
        let grown = heap::size() - self.memory_bytes;
        if grown > GARBAGE_BYTES {
            self.runtime.run_gc();
        }
        let end = self.with(heap::fill_holes);
        heap::keep(end);
        // What was set aside before is not given free any more.
        heap::keep_reserve();
        let used = self.used_bytes + grown;
        self.runtime.set_gc_threshold(used + GARBAGE_BYTES);
        heap::reserve(ROOM_BYTES);
    }
}
