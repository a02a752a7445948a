//! A directory in which only the binary runs: nothing of it is open between two commands.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use tempfile::TempDir;

use crate::command::{Finished, finish, lockstep_binary};
use crate::spellings::spelling_in;

/// A home with a data directory and a key file. When it is dropped, what left it is searched for the values.
pub struct Machine {
    /// The data directory. Not there until the first command makes it.
    pub data: PathBuf,
    /// The key file.
    pub key_file: PathBuf,
    values: Mutex<Vec<String>>,
    left: Mutex<Vec<u8>>,
    home: TempDir,
}

impl Machine {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self {
            data: home.path().join("data"),
            key_file: home.path().join("config/key"),
            values: Mutex::default(),
            left: Mutex::default(),
            home,
        }
    }

    /// Where a test may put files.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The binary, with its places.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(lockstep_binary());
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("LOCKSTEP_DATA", &self.data)
            .env("LOCKSTEP_KEY_FILE", &self.key_file);
        command
    }

    /// Runs `lockstep` with these arguments.
    pub fn lockstep<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Finished {
        self.lockstep_with("", arguments)
    }

    /// Runs `lockstep` with this on stdin.
    pub fn lockstep_with<A: AsRef<OsStr>>(&self, stdin: &str, arguments: &[A]) -> Finished {
        let mut command = self.command();
        let finished = finish(command.args(arguments), stdin);
        let mut left = self.left.lock().unwrap();
        left.extend(finished.stdout.as_bytes());
        left.extend(finished.stderr.as_bytes());
        finished
    }

    /// Sets a credential, whose value may be nowhere from then on.
    pub fn set(&self, key: &str, value: &str) -> Finished {
        self.values.lock().unwrap().push(value.to_owned());
        self.lockstep_with(value, &["credential", "set", key])
    }

    /// Starts `lockstep credential set` with this value, and leaves it running.
    pub fn start_to_set(&self, key: &str, value: &str) -> Child {
        use std::io::Write as _;
        self.values.lock().unwrap().push(value.to_owned());
        let mut child = self
            .command()
            .args(["credential", "set", key])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdin.take().unwrap().write_all(value.as_bytes()));
        child
    }

    fn leaks(&self) -> Vec<String> {
        let mut folders = vec![self.home.path().to_owned()];
        let mut searched = vec![(
            "what was printed".to_owned(),
            self.left.lock().unwrap().clone(),
        )];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(bytes) = fs::read(&path) {
                    searched.push((path.display().to_string(), bytes));
                }
            }
        }
        let values = self.values.lock().unwrap();
        let mut leaks = Vec::new();
        for (what, bytes) in &searched {
            let found = values.iter().find_map(|value| spelling_in(bytes, value));
            leaks.extend(found.map(|spelling| format!("a value is in {what}, as {spelling}")));
        }
        leaks
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let leaks = self.leaks();
            assert!(leaks.is_empty(), "plaintext got out:\n{}", leaks.join("\n"));
        }
    }
}
