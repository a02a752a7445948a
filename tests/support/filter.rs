//! `lockstep mask` as a process that is written to piece by piece, and watched while it runs.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionread;

use crate::command::lockstep_binary;

/// A process that says nothing for so long is stuck. Only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `lockstep mask`.
pub struct Filter {
    child: Child,
    stdin: Option<ChildStdin>,
    shown: Arc<Shown>,
    readers: Vec<JoinHandle<()>>,
    stderr: Arc<Shown>,
    started: Instant,
}

/// What a filter did, once it has ended.
pub struct Filtered {
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it said besides.
    pub stderr: String,
    /// From its first byte to its end.
    pub took: Duration,
}

#[derive(Default)]
struct Shown {
    bytes: Mutex<Vec<u8>>,
    grown: Condvar,
}

// === impl Filter ===

impl Filter {
    /// Starts `lockstep mask --secrets FILE`.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(secrets: &Path) -> Self {
        let mut command = Command::new(lockstep_binary());
        command
            .env_clear()
            .args(["mask", "--secrets"])
            .arg(secrets)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (shown, stderr) = (Arc::<Shown>::default(), Arc::<Shown>::default());
        let readers = vec![
            collect(child.stdout.take().unwrap(), &shown),
            collect(child.stderr.take().unwrap(), &stderr),
        ];
        Self {
            stdin: child.stdin.take(),
            child,
            shown,
            readers,
            stderr,
            started: Instant::now(),
        }
    }

    /// Writes `bytes`, and returns when the process has read them: what is written next is another read of it.
    ///
    /// # Panics
    /// If it does not read.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        // A process that refuses its secrets does not read: then there is nobody to write to.
        if stdin.write_all(bytes).is_err() {
            return;
        }
        let start = Instant::now();
        while ioctl_fionread(&*stdin).unwrap() > 0 {
            assert!(start.elapsed() < PATIENCE, "the process does not read");
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            thread::yield_now();
        }
    }

    /// Waits until at least so many bytes are printed, and gives all that are.
    ///
    /// # Panics
    /// If they do not come.
    #[must_use]
    pub fn shown(&self, at_least: usize) -> Vec<u8> {
        let bytes = self.shown.bytes.lock().unwrap();
        let (bytes, waited) = self
            .shown
            .grown
            .wait_timeout_while(bytes, PATIENCE, |bytes| bytes.len() < at_least)
            .unwrap();
        let bytes = bytes.clone();
        assert!(
            !waited.timed_out(),
            "only this came: {}",
            bytes.escape_ascii()
        );
        bytes
    }

    /// Ends its input, and waits for its end.
    ///
    /// # Panics
    /// If it printed what is no text on stderr.
    #[must_use]
    pub fn finish(mut self) -> Filtered {
        drop(self.stdin.take());
        let status = self.child.wait().unwrap();
        let took = self.started.elapsed();
        for reader in self.readers {
            reader.join().unwrap();
        }
        let taken = |shown: &Shown| std::mem::take(&mut *shown.bytes.lock().unwrap());
        Filtered {
            code: status.code().unwrap_or(-1),
            stdout: taken(&self.shown),
            stderr: String::from_utf8(taken(&self.stderr)).unwrap(),
            took,
        }
    }
}

fn collect(mut from: impl Read + Send + 'static, into: &Arc<Shown>) -> JoinHandle<()> {
    let into = Arc::clone(into);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            into.bytes
                .lock()
                .unwrap()
                .extend_from_slice(&buffer[..length]);
            into.grown.notify_all();
        }
    })
}
