//! A one-line step with one credential, JSON in and out, each time in something fresh.

use std::path::Path;

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use lockstep_sandbox::{SandboxConfig, StepFile};

use crate::alone::Alone;
use crate::disk::Disk;
use crate::figures::Figures;
use crate::node::Node;
use crate::recorded::Recorded;
use crate::times::Times;

const STEP: &str = include_str!("steps/one-line.js");
const INPUT: &str = r#"{"n":1}"#;
const OUTPUT: &str = r#"{"n":2,"s":33}"#;
const REACH: Option<&str> = Some("25 us; isolated-vm 50 times that, node:vm 10 times");
const PEERS: [(&str, &str); 3] = [
    ("isolated-vm", "isolated-vm, a new isolate"),
    ("node:vm", "node:vm, a new context"),
    ("quickjs-emscripten", "quickjs-emscripten, a new context"),
];

/// Where a sync does nothing.
const IN_MEMORY: &str = "/dev/shm";
const PLACES: u32 = 4;
const ROUNDS: usize = 110;
const WARM_UP_ROUNDS: usize = 10;
/// In each round.
const RUNS: usize = 100;
const RECORDED_RUNS: usize = 20;
/// Fewer, as each takes longer.
const PEER_RUNS: usize = 10;

pub(crate) fn measure(figures: &mut Figures) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = StepFile::named("one-line.js", STEP.into());
    let sandbox = Alone::new(SandboxConfig::for_runs(PLACES));
    let step = runtime.block_on(sandbox.load(file.clone()));
    let recorded =
        |directory: &Path| runtime.block_on(Recorded::new(directory, PLACES, file.clone()));
    let memory = tempfile::tempdir_in(IN_MEMORY).unwrap();
    let (recorded, recorded_in_memory) = (recorded(directory.path()), recorded(memory.path()));
    let run = || {
        runtime
            .block_on(sandbox.run(&step, INPUT, CancellationToken::new()))
            .outcome
            .unwrap()
    };
    assert_eq!(run().output().unwrap().as_str(), OUTPUT);

    let mut node = Node::start();
    let mut disk = Disk::new(directory.path());
    let [mut ours, mut on_disk, mut in_memory, mut syncs] = [(); 4].map(|()| Times::default());
    let mut theirs = PEERS.map(|_| Times::default());
    for _ in 0..ROUNDS {
        for _ in 0..RUNS {
            ours.time(run);
        }
        for _ in 0..RECORDED_RUNS {
            on_disk.time(|| runtime.block_on(recorded.run(INPUT)));
        }
        for _ in 0..RECORDED_RUNS {
            in_memory.time(|| runtime.block_on(recorded_in_memory.run(INPUT)));
        }
        for _ in 0..RECORDED_RUNS {
            syncs.time(|| disk.sync());
        }
        for ((peer, _), times) in PEERS.iter().zip(&mut theirs) {
            let output = node.run(peer, STEP, INPUT, PEER_RUNS, times);
            assert_eq!(output, OUTPUT, "{peer}");
        }
    }

    let group = figures.group(
        "one line, one credential, something fresh for each run",
        REACH,
    );
    group.times("lockstep, the sandbox", ours, WARM_UP_ROUNDS * RUNS);
    for ((_, who), times) in PEERS.into_iter().zip(theirs) {
        group.times(who, times, WARM_UP_ROUNDS * PEER_RUNS);
    }
    let group = figures.group("the same with its record", Some("150 us"));
    let warm_up = WARM_UP_ROUNDS * RECORDED_RUNS;
    group.times("lockstep, Runner::run", on_disk, warm_up);
    group.times("lockstep, a disk that takes no time", in_memory, warm_up);
    group.times("one fdatasync of 4 KiB", syncs, warm_up);
}
