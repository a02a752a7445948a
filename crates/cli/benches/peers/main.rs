//! Lockstep beside its peers, in one run: other sandboxes for JavaScript, and other programs that run it.
//!
//! What is compared takes turns, so that what else the machine does meets all of it; how much that was is told. The peers
//! are npm packages (`package.json`), a newer Node.js than that of the machine may be among them. `cargo xtask peers` sets
//! them up and runs this.
//!
//! `cargo xtask peers [--json]`
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints figures, or stops"
)]

use std::env;
use std::path::{Path, PathBuf};

use crate::figures::Figures;
use crate::load::Watch;

#[path = "../../../sandbox/benches/stand/alone.rs"]
mod alone;
#[path = "../../../runner/benches/stand/disk.rs"]
mod disk;
#[path = "../../../sandbox/benches/stand/mappings.rs"]
mod mappings;
#[path = "../../../sandbox/benches/stand/parking.rs"]
mod parking;
#[path = "../../../runner/benches/stand/recorded.rs"]
mod recorded;
#[path = "../../../sandbox/benches/stand/times.rs"]
mod times;

mod figures;
mod fresh;
mod heavy;
mod load;
mod node;
mod parked;
mod versions;
mod whole;

fn main() {
    let asked = |argument: &str| env::args().any(|given| given == argument);
    if asked(parked::ALONE) {
        parked::tell();
        return;
    }
    let watch = Watch::start();
    let mut figures = Figures::default();
    fresh::measure(&mut figures);
    heavy::measure(&mut figures);
    whole::measure(&mut figures);
    parked::measure(&mut figures);
    let load = watch.end();
    let versions = versions::all();
    if asked("--json") {
        let all = serde_json::json!({ "figures": figures, "versions": versions, "load": load });
        println!("{all:#}");
    } else {
        println!("{figures}");
        for (name, version) in versions {
            println!("{name} {version}");
        }
        println!("{load}");
    }
}

/// A file of this folder.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches/peers")
        .join(name)
}
