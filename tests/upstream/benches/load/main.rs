//! The host as a service under load, beside axum that answers a constant and `wasmtime serve`: all as processes, over
//! connections of 127.0.0.1, from one client on the same processors.
//!
//! `cargo xtask load [--seconds N] [--wasmtime PATH]`, which builds what this starts. The data directory is in `target/tmp`, so that it is
//! on a disk.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::client::{Ask, Client};
use crate::figures::Figures;
use crate::host::Host;
use crate::load::Watch;
use crate::process::Process;

mod asleep;
mod client;
mod constant;
mod figures;
mod first;
mod host;
#[path = "../../../../crates/cli/benches/peers/load.rs"]
mod load;
mod process;
mod wasmtime;

/// What is compared takes turns, so that what else the machine does meets all of it.
const ROUNDS: u32 = 3;
/// Before the clock starts.
const WARM_UP: Duration = Duration::from_secs(1);
const CONNECTIONS: usize = 32;
const CONNECTIONS_OF_AN_ADMIN: usize = 8;

fn main() {
    if env::args().any(|argument| argument == constant::ALONE) {
        constant::serve();
        return;
    }
    let seconds = value_of("--seconds").map_or(5, |text| text.parse().unwrap());
    let lockstep = PathBuf::from(value_of("--lockstep").unwrap());
    let watch = Watch::start();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let wasmtime = value_of("--wasmtime").map(PathBuf::from);
    let time = Duration::from_secs(seconds);
    runtime.block_on(measure(&lockstep, wasmtime.as_deref(), time));
    drop(runtime);
    println!("{}", watch.end());
}

fn value_of(name: &str) -> Option<String> {
    env::args().skip_while(|given| given != name).nth(1)
}

async fn measure(lockstep: &Path, wasmtime: Option<&Path>, time: Duration) {
    let constant = constant::start();
    let host = Host::start(lockstep, &["--runs", "32"]).await;
    let script = host
        .add_script("echo", "export default (input) => input")
        .await;
    let component = host.add_component("echo-component", "echo.wasm").await;
    let peer = wasmtime.map(wasmtime::start);
    let asks_of_peer = peer.as_ref().map(|peer| {
        let asks = vec![wasmtime::ask(); CONNECTIONS];
        ("wasmtime serve", peer, asks)
    });
    let ours = [
        (
            "axum, a constant",
            &constant,
            vec![constant::ask(); CONNECTIONS],
        ),
        (
            "a run of a script",
            &host.process,
            vec![script; CONNECTIONS],
        ),
        (
            "a run of a component",
            &host.process,
            vec![component; CONNECTIONS],
        ),
        (
            "a credential is set",
            &host.process,
            host.set_credentials(CONNECTIONS_OF_AN_ADMIN),
        ),
    ];
    let cases: Vec<_> = ours.into_iter().chain(asks_of_peer).collect();
    let mut all = vec![Figures::default(); cases.len()];
    for round in 0..ROUNDS {
        for ((_, process, asks), figures) in cases.iter().zip(&mut all) {
            let time = time / ROUNDS;
            figures.add(loaded(process, asks, time, round == 0).await);
        }
    }
    println!("{}", Figures::HEAD);
    for ((name, process, asks), figures) in cases.iter().zip(all) {
        figures.tell(name, asks.len(), process);
    }
    drop(cases);
    drop((host, peer));
    asleep::measure(lockstep).await;
    first::measure(lockstep).await;
}

/// Asks over as many connections as there are questions, each again and again.
async fn loaded(process: &Process, asks: &[Ask], time: Duration, is_cold: bool) -> Figures {
    let mut client = Client::connect(process.address, asks).await;
    if is_cold {
        client.ask_for(WARM_UP).await;
    }
    let before = process.cpu();
    let mut figures = client.ask_for(time).await;
    figures.cpu = process.cpu() - before;
    figures
}
