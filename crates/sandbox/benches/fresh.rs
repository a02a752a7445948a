//! What a fresh instance of a trivial step costs, beside the least that a wasmtime host can do for it.
//!
//! The step is `target/guests/credentials.wasm` (the Rust SDK: one credential, one line of log, JSON in and out), which
//! `cargo xtask guests` builds. The bare host has the same engine, pool and WASI; it hands out a constant, takes the log
//! to nowhere, and neither masks, limits nor records. Both take turns, so that what else the machine does meets both.
//!
//! `cargo bench -p lockstep-sandbox --bench fresh`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::fs;
use std::path::Path;

use tokio_util::sync::CancellationToken;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker, Lower,
    ResourceTable, TypedFunc, WasmStr,
};
use wasmtime::{Engine, Store, StoreContextMut};
use wasmtime_wasi::p2::pipe::SinkOutputStream;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use lockstep_sandbox::{Artifact, SandboxConfig, StepFile, prepare};
use lockstep_step::OutcomeKind;

use crate::alone::{Alone, VALUE};
use crate::times::Times;

#[path = "stand/alone.rs"]
mod alone;
#[path = "stand/times.rs"]
mod times;

/// The sandbox's own settings, so that both engines are the same.
#[expect(
    dead_code,
    unreachable_pub,
    reason = "the part of the sandbox that the bare host shares is used whole"
)]
#[path = "../src/engine.rs"]
mod engine;

const PLACES: u32 = 4;
const WARM_UP: usize = 500;
const RUNS: usize = 10_000;
const INPUT: &str = r#"{"keys":["KEY"]}"#;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/credentials.wasm");
    let file = StepFile::wasm(fs::read(path).unwrap());
    let bare = Bare::new(&prepare(&file).unwrap());
    let sandbox = Alone::new(SandboxConfig::for_runs(PLACES));
    let step = runtime.block_on(sandbox.load(file));
    let ours = async || {
        let outcome = sandbox
            .run(&step, INPUT, CancellationToken::new())
            .await
            .outcome
            .unwrap();
        assert_eq!(outcome.kind(), OutcomeKind::Completed);
    };
    let (mut bare_times, mut our_times) = (Times::default(), Times::default());
    for _ in 0..WARM_UP + RUNS {
        bare_times.time(|| runtime.block_on(bare.run()));
        our_times.time(|| runtime.block_on(ours()));
    }
    println!("{RUNS} runs each        p50        p99");
    let bare = told("bare wasmtime", bare_times);
    let ours = told("sandbox", our_times);
    println!("sandbox / bare wasmtime, p50: {:.2}", ours / bare);
}

/// Prints the times, and gives the median in seconds.
fn told(name: &str, times: Times) -> f64 {
    let (p50, p99) = times.p50_p99(WARM_UP);
    println!("{name:<16} {p50:>10.1?} {p99:>10.1?}");
    p50.as_secs_f64()
}

// === The bare host ===

struct Bare {
    engine: Engine,
    pre: InstancePre<State>,
    run: ComponentExportIndex,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct CredentialError {
    code: String,
    key: String,
    message: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
#[expect(dead_code, reason = "the guest's failure is lifted and not looked at")]
struct Failure {
    message: String,
    retryable: bool,
    #[component(name = "missing-credentials")]
    missing_credentials: Vec<String>,
}

impl Bare {
    fn new(artifact: &Artifact) -> Self {
        let (engine, _) = engine::engine(&SandboxConfig::for_runs(PLACES)).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        linker.instance("lockstep:step/failures@1.0.0").unwrap();
        add_credentials(&mut linker).unwrap();
        let component = Component::new(&engine, &artifact.bytes).unwrap();
        Self {
            run: component.get_export_index(None, "run").unwrap(),
            pre: linker.instantiate_pre(&component).unwrap(),
            engine,
        }
    }

    async fn run(&self) {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(SinkOutputStream).stderr(SinkOutputStream);
        let state = State {
            wasi: wasi.build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&self.engine, state);
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = self.pre.instantiate_async(&mut store).await.unwrap();
        let run: TypedFunc<(&str,), (Result<String, Failure>,)> =
            instance.get_typed_func(&mut store, self.run).unwrap();
        let (result,) = run.call_async(&mut store, (INPUT,)).await.unwrap();
        assert!(result.is_ok());
    }
}

fn add_credentials(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut credentials = linker.instance("lockstep:step/credentials@1.0.0")?;
    credentials.func_wrap(
        "credential",
        |_: StoreContextMut<'_, State>, (_key,): (WasmStr,)| Ok((Ok::<_, CredentialError>(VALUE),)),
    )?;
    credentials.func_wrap("keys", |_: StoreContextMut<'_, State>, (): ()| {
        Ok((Vec::<String>::new(),))
    })?;
    credentials.func_wrap(
        "missing",
        |_: StoreContextMut<'_, State>, (_keys,): (Vec<String>,)| Ok((Vec::<String>::new(),)),
    )
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}
