//! A guest that waits: while it does, requests are given up that wait for the guest itself.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll::{Host as _, HostPollable as _};

use crate::egress::Outlet;
use crate::host::RunState;

/// Adds what stands in front of wasmtime's own functions.
pub(super) fn add_to_linker(linker: &mut Linker<RunState>) -> wasmtime::Result<()> {
    let mut io = linker.instance("wasi:io/poll@0.2.12")?;
    io.func_wrap_async(
        "poll",
        |mut store: StoreContextMut<'_, RunState>, (list,): (Vec<Resource<DynPollable>>,)| {
            Box::new(async move {
                let outlet = outlet(store.data());
                let table = store.data_mut().ctx().table;
                Ok((attended(outlet, table.poll(list)).await?,))
            })
        },
    )?;
    io.func_wrap_async(
        "[method]pollable.block",
        |mut store: StoreContextMut<'_, RunState>, (pollable,): (Resource<DynPollable>,)| {
            Box::new(async move {
                let outlet = outlet(store.data());
                let table = store.data_mut().ctx().table;
                attended(outlet, table.block(pollable)).await
            })
        },
    )
}

fn outlet(state: &RunState) -> Option<Outlet> {
    state.requests.as_ref()?.outlet().cloned()
}

async fn attended<T>(outlet: Option<Outlet>, waiting: impl Future<Output = T>) -> T {
    let Some(outlet) = outlet else {
        return waiting.await;
    };
    tokio::select! {
        biased;
        ready = waiting => ready,
        never = outlet.give_up(Outlet::PATIENCE) => match never {},
    }
}
