//! Many runs at once, each of which sleeps: what it costs to have them.

use std::path::Path;
use std::time::Instant;

use tokio::task::JoinSet;

use crate::client::Connection;
use crate::host::Host;

const RUNS: usize = 1000;
const SLEEPS: &str =
    "export default () => new Promise((done) => setTimeout(() => done('woken'), 1000))";

pub(crate) async fn measure(lockstep: &Path) {
    let host = Host::start(lockstep, &["--runs", "1000"]).await;
    let sleep = host.add_script("sleep", SLEEPS).await;
    let mut connections = Vec::new();
    for _ in 0..RUNS {
        connections.push(Connection::open(host.process.address).await);
    }
    // One before: what is loaded once is loaded.
    connections[0].time(&sleep).await;
    let before = host.process.memory_mib().0;
    let began = Instant::now();
    let mut asleep = JoinSet::new();
    for mut connection in connections {
        let sleep = sleep.clone();
        asleep.spawn(async move { connection.time(&sleep).await.1 });
    }
    let answers = asleep.join_all().await;
    let took = began.elapsed();
    let right = answers.iter().filter(|is_right| **is_right).count();
    let (_, most) = host.process.memory_mib();
    println!(
        "{right} of {RUNS} runs at once, each asleep for 1 s: {took:.2?}; memory before {before} MiB, at most {most} MiB"
    );
}
