//! A step that is ready, and one run of it.

use std::sync::Arc;

use wasmtime::{Extern, Instance, InstancePre, Linker, Module, ModuleExport, Store, TypedFunc};

use super::answer::{Answer, Malformed};
use super::bridges::Bridges;
use super::engine::ScriptEngine;
use super::image::MEMORY;
use super::state::{ScriptState, Waiting};
use lockstep_step::Phase;

/// The snapshot of a step, mapped afresh in each run.
pub(crate) struct LoadedScript {
    engine: Arc<ScriptEngine>,
    memory: InstancePre<ScriptState>,
    memory_export: ModuleExport,
    bridges: Bridges,
}

pub(super) fn export(module: &Module, name: &str) -> wasmtime::Result<ModuleExport> {
    module.get_export_index(name).ok_or_else(|| lacks(name))
}

fn lacks(what: &str) -> wasmtime::Error {
    wasmtime::Error::msg(format!("the JavaScript engine has no `{what}`"))
}

// === impl LoadedScript ===

impl LoadedScript {
    pub(super) fn new(engine: Arc<ScriptEngine>, memory: &Module) -> wasmtime::Result<Self> {
        let memory_export = export(memory, MEMORY)?;
        let memory = Linker::new(&engine.engine).instantiate_pre(memory)?;
        Ok(Self {
            bridges: Bridges::new(&engine.engine),
            engine,
            memory,
            memory_export,
        })
    }

    /// Makes the instance and runs the step in it. `input` is JSON text.
    pub(crate) async fn enter(
        &self,
        store: &mut Store<ScriptState>,
        input: &str,
    ) -> wasmtime::Result<Answer> {
        // Neither has code that is run when it is instantiated.
        let owner = self.memory.instantiate(&mut *store)?;
        let memory = owner
            .get_module_export(&mut *store, &self.memory_export)
            .and_then(Extern::into_memory)
            .ok_or_else(|| lacks(MEMORY))?;
        let engine = &self.engine;
        store.data_mut().memory = Some(memory);
        let imports = engine
            .imports
            .iter()
            .map(|import| import.live(&engine.linker, store, memory))
            .collect::<wasmtime::Result<Vec<_>>>()?;
        let instance = Instance::new(&mut *store, &engine.code, &imports)?;
        store.data_mut().guest.phase = Phase::Run;

        let run: TypedFunc<i32, i64> = function(store, &instance, &engine.run)?;
        let length = store.data_mut().wait(Waiting::Text(input.to_owned()))?;
        let answer = run.call_async(&mut *store, length).await?;
        let answer = slice(memory.data(&*store), answer)?;
        Ok(Answer::read(answer)?)
    }

    #[cfg(test)]
    pub(super) fn bridges(&self) -> &Bridges {
        &self.bridges
    }

    /// Readies the memory of a run that is over for the next one.
    pub(crate) fn leave(&self, store: &mut Store<ScriptState>) {
        if let Some(memory) = store.data().memory {
            self.bridges.build(memory.data_mut(store));
        }
    }
}

fn function<P: wasmtime::WasmParams, R: wasmtime::WasmResults>(
    store: &mut Store<ScriptState>,
    instance: &Instance,
    export: &ModuleExport,
) -> wasmtime::Result<TypedFunc<P, R>> {
    instance
        .get_module_export(&mut *store, export)
        .and_then(Extern::into_func)
        .ok_or_else(|| lacks("function"))?
        .typed(&*store)
}

/// The bytes at a place that the engine names: where they are in the upper half, how many in the lower.
pub(super) fn slice(memory: &[u8], place: i64) -> Result<&[u8], Malformed> {
    let place = place.cast_unsigned();
    let half = |half: u64| usize::try_from(half & u64::from(u32::MAX)).ok();
    half(place >> 32)
        .and_then(|at| memory.get(at..))
        .zip(half(place))
        .and_then(|(rest, length)| rest.get(..length))
        .ok_or(Malformed("it is not in the memory"))
}
