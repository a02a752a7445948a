//! A server that runs as a process, and what it uses.

use std::fs;
use std::net::SocketAddr;
use std::process::Child;
use std::time::Duration;

/// The unit of `/proc/PID/stat`: 100 a second wherever Linux runs.
const TICK: Duration = Duration::from_millis(10);

/// Killed when it is dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// The processors' time that it has used.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name of the program, in parentheses, may have spaces.
        let fields = stat.rsplit_once(')').unwrap().1;
        let times = fields.split_whitespace().skip(11).take(2);
        TICK * times.map(|time| time.parse::<u32>().unwrap()).sum::<u32>()
    }

    /// What it holds, and the most that it has held.
    pub(crate) fn memory_mib(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            let kib = line.split_whitespace().nth(1).unwrap();
            kib.parse::<u64>().unwrap() / 1024
        };
        (of("VmRSS:"), of("VmHWM:"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
