//! The memory of a script that waits for a timer, 1,000 of them at once.

use std::env;
use std::process::Command;

use tokio::runtime::Runtime;

use lockstep_sandbox::StepFile;

use crate::figures::Figures;
use crate::parking::{RUNS, park};

/// What this program is told in order to measure that, in a process that has done nothing else.
pub(crate) const ALONE: &str = "parked-alone";

const STEP: &str = "await new Promise(done => setTimeout(done, 3600000))";
const KIB_IN_MIB: f64 = 1024.0;

pub(crate) fn measure(figures: &mut Figures) {
    let this = env::current_exe().unwrap();
    let ended = Command::new(this).arg(ALONE).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let told: [f64; 2] = serde_json::from_slice(&ended.stdout).unwrap();
    let [proportional, resident] = told.map(|kib| kib / f64::from(RUNS) / KIB_IN_MIB);
    let runs = usize::try_from(RUNS).unwrap();
    let group = figures.group("memory of a run that waits", Some("0.7 MiB"));
    group.mebibytes("lockstep, 1,000 at once", runs, proportional);
    // What all of them map of the engine and the step is there once.
    group.mebibytes("the same, shared pages once for each", runs, resident);
}

/// Prints KiB of memory for all runs, proportional and resident.
pub(crate) fn tell() {
    let file = StepFile::named("parked.js", STEP.into());
    let growth = Runtime::new().unwrap().block_on(park(file, "null"));
    println!("[{}, {}]", growth.total.proportional, growth.total.resident);
}
