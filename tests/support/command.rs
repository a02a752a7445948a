//! The binary `lockstep`, run as a process in the directory of a test's host.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use lockstep_sandbox::CompilerCommand;

use crate::guests::repository;
use crate::host::TestHost;

/// A process that ended.
#[derive(Debug)]
pub struct Finished {
    /// Exit code; -1 for a signal.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said besides.
    pub stderr: String,
}

impl TestHost {
    /// Runs `lockstep` with these arguments on the data directory of this host.
    pub fn lockstep<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        self.lockstep_with("", arguments)
    }

    /// Runs `lockstep` with this on stdin.
    pub fn lockstep_with<A: AsRef<OsStr>>(&self, stdin: &str, arguments: &[A]) -> Finished {
        self.finish(Command::new(lockstep_binary()), stdin, arguments)
    }

    /// Runs `lockstep` in this folder.
    pub fn lockstep_in<A: AsRef<OsStr>>(&self, folder: &Path, arguments: &[A]) -> Finished {
        let mut command = Command::new(lockstep_binary());
        command.current_dir(folder);
        self.finish(command, "", arguments)
    }

    /// Runs `lockstep` and has it trace all that it does.
    pub fn lockstep_traced<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        let mut command = Command::new("env");
        command.arg("LOCKSTEP_LOG=trace").arg(lockstep_binary());
        self.finish(command, "", arguments)
    }

    /// Runs `lockstep` with these variables in its environment.
    pub fn lockstep_given<A: AsRef<OsStr>>(
        &self,
        environment: &[(&str, String)],
        arguments: &[A],
    ) -> Finished {
        let mut command = Command::new("env");
        let pairs = environment
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        command.args(pairs).arg(lockstep_binary());
        self.finish(command, "", arguments)
    }

    /// Runs `lockstep` with this text of keys in `LOCKSTEP_KEY`, in place of the key file.
    pub fn lockstep_keyed<A: AsRef<OsStr>>(&self, keys: &str, arguments: &[A]) -> Finished {
        let mut command = Command::new("env");
        command
            .args(["-u", "LOCKSTEP_KEY_FILE"])
            .arg(format!("LOCKSTEP_KEY={keys}"))
            .arg(lockstep_binary());
        self.finish(command, "", arguments)
    }

    /// Starts `lockstep` and leaves it running. What it prints is lost.
    pub fn spawn_lockstep<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Child {
        let mut command = Command::new(lockstep_binary());
        self.places(&mut command).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn finish<A: AsRef<OsStr>>(
        &self,
        mut command: Command,
        stdin: &str,
        arguments: &[A],
    ) -> Finished {
        let finished = finish(self.places(&mut command).args(arguments), stdin);
        self.leaves("stdout of a command", finished.stdout.as_bytes());
        self.leaves("stderr of a command", finished.stderr.as_bytes());
        finished
    }

    pub(crate) fn places<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.scratch())
            .env("LOCKSTEP_DATA", self.data())
            .env("LOCKSTEP_KEY_FILE", self.key_file())
    }
}

impl Finished {
    /// What it printed, as JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}) in {self:?}"))
    }

    /// Fails unless the exit code is this one.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// The compiler of a sandbox: the binary `lockstep`, as it starts itself.
#[must_use]
pub fn compiler() -> CompilerCommand {
    CompilerCommand {
        program: lockstep_binary(),
        arguments: vec!["compile-for-host".into()],
    }
}

/// Runs a command to its end, with this on stdin.
pub fn finish(command: &mut Command, stdin: &str) -> Finished {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A process that refuses its arguments does not read: then there is nobody to write to.
    drop(child.stdin.take().unwrap().write_all(stdin.as_bytes()));
    let output = child.wait_with_output().unwrap();
    Finished {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The binary that was built beside this test, or beside this helper of a test.
#[must_use]
pub fn lockstep_binary() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().expect("a program is in a folder");
    // Tests are in a folder of their own there.
    let profile = if folder.ends_with("deps") {
        folder.parent().expect("`deps` is in target/<profile>")
    } else {
        folder
    };
    let binary = profile.join("lockstep");
    assert!(
        binary.exists(),
        "`{}` is not built: `cargo build -p lockstep-cli` builds it, and `cargo xtask test` does so first",
        binary
            .strip_prefix(repository())
            .unwrap_or(&binary)
            .display()
    );
    binary
}
