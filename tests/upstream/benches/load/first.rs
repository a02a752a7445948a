//! From the start of the process to the answer of the first run, with what was compiled before on disk.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::host::{self, Host};

const STARTS: usize = 5;

pub(crate) async fn measure(lockstep: &Path) {
    let host = Host::start(lockstep, &[]).await;
    let run = host
        .add_script("echo", "export default (input) => input")
        .await;
    let Host {
        process,
        directory,
        token: _,
    } = host;
    drop(process);
    let mut times: Vec<(Duration, Duration)> = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let (process, _) = host::start(lockstep, &directory, &[]);
        let listening = began.elapsed();
        let (_, is_right) = Connection::open(process.address).await.time(&run).await;
        assert!(is_right);
        times.push((began.elapsed(), listening));
    }
    times.sort_unstable();
    let (first, listening) = times[STARTS / 2];
    println!(
        "from the start of `lockstep serve` to the first answer of a run: {first:.1?} (median of {STARTS}), to listening: {listening:.1?}"
    );
}
