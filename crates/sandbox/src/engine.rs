//! The wasmtime engine: which wasm is taken, how code is compiled, where instances live.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use crate::SandboxConfig;

/// Compilations at the same time. Each uses several cores by itself; the second is there so that one slow step of one
/// share does not hold up the rest.
pub(crate) const CONCURRENT_COMPILATIONS: u32 = 2;

/// Core instances in one component: an encoded module has four (itself, the WASI adapter and two shims); a composed
/// component has a few more.
const CORE_INSTANCES_PER_RUN: u32 = 16;
/// Linear memories in one component, the same reasoning.
const MEMORIES_PER_RUN: u32 = 4;
/// Tables in one component, the same reasoning.
const TABLES_PER_RUN: u32 = 16;
/// Elements of one table: the engines of scripting languages have about 20,000 functions.
const TABLE_ELEMENTS: usize = 100_000;
/// The guest's own stack. Deep recursion ends in a trap well before the host's stack does. JavaScript ends it in an error
/// before either; what the engine takes of this until then was measured (`STACK_BYTES` in `guest-sdk/js/engine`).
const WASM_STACK_BYTES: usize = 3 << 20;
/// The stack on which guest and host functions run.
const HOST_STACK_BYTES: usize = 4 << 20;
/// What stays resident of a slot that is used again, instead of being given back to the kernel.
const MEMORY_KEEP_RESIDENT_BYTES: usize = 4 << 20;
const TABLE_KEEP_RESIDENT_BYTES: usize = 1 << 20;
const STACK_KEEP_RESIDENT_BYTES: usize = 32 << 10;

/// Where the instances of an engine live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Allocation {
    /// In a pool of slots that was made beforehand.
    Pooled,
    /// Each in memory of its own: the machine has no room for the pool.
    OnDemand,
}

/// The engine with a pool of instance slots, or without one where the machine has no room for it.
pub(crate) fn engine(config: &SandboxConfig) -> wasmtime::Result<(Engine, Allocation)> {
    match Engine::new(&settings(pool(config))) {
        Ok(engine) => Ok((engine, Allocation::Pooled)),
        Err(error) => {
            tracing::warn!(
                "no room for a pool of instances, each run allocates its own memory: {error}"
            );
            let engine = Engine::new(&settings(InstanceAllocationStrategy::OnDemand))?;
            Ok((engine, Allocation::OnDemand))
        }
    }
}

/// An engine for making code that those of [`engine`] load. It has no pool: nothing is instantiated in it.
pub(crate) fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(&settings(InstanceAllocationStrategy::OnDemand))
}

fn settings(strategy: InstanceAllocationStrategy) -> Config {
    let mut settings = Config::new();
    settings
        .allocation_strategy(strategy)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(HOST_STACK_BYTES)
        // A stack goes back to the pool as clean as a memory: host functions have had values in their frames.
        .async_stack_zeroing(true)
        // Frames of a guest's stack would be guest text in messages; the trap's own name is enough.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .generate_address_map(false);
    settings
}

fn pool(config: &SandboxConfig) -> InstanceAllocationStrategy {
    // A script is prepared in an instance, too.
    let runs = config
        .concurrent_runs
        .saturating_add(CONCURRENT_COMPILATIONS);
    debug_assert!(runs > 0, "a sandbox runs at least one step at a time");
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(runs)
        .max_core_instances_per_component(CORE_INSTANCES_PER_RUN)
        .max_memories_per_component(MEMORIES_PER_RUN)
        .max_tables_per_component(TABLES_PER_RUN)
        .total_core_instances(runs.saturating_mul(CORE_INSTANCES_PER_RUN))
        .total_memories(runs.saturating_mul(MEMORIES_PER_RUN))
        .total_tables(runs.saturating_mul(TABLES_PER_RUN))
        .total_stacks(runs)
        .max_memories_per_module(MEMORIES_PER_RUN)
        .max_tables_per_module(TABLES_PER_RUN)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(config.max_memory_bytes)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT_BYTES)
        .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES)
        .async_stack_keep_resident(STACK_KEEP_RESIDENT_BYTES)
        // Resets only the pages that a run has touched, where the kernel can tell them (Linux 6.7).
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}
