//! Small disks, that can be filled up and made read-only.
//!
//! A test that mounts runs once more in a mount namespace of its own: its mounts are seen by nobody else, and end with
//! it. Who is not root gets a user namespace, too. Where neither can be had the test fails, and says so.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Says that a test runs in its own mount namespace.
const INSIDE: &str = "LOCKSTEP_TEST_OWN_MOUNTS";
const FILLER: &str = "filler";

/// A file system in memory of a fixed size.
pub struct SmallDisk {
    path: PathBuf,
}

/// Runs `body` where it may mount. `test` is the full name of the test that calls this.
pub fn in_own_mounts(test: &str, body: impl FnOnce()) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test tells itself that it runs for the second time"
    )]
    if std::env::var(INSIDE).is_ok() {
        return body();
    }
    let namespaces: &[&str] = if is_root() {
        &["--mount"]
    } else {
        &["--mount", "--user", "--map-root-user"]
    };
    let status = Command::new("unshare")
        .args(namespaces)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status();
    let status = status.unwrap_or_else(|error| panic!("`unshare` of util-linux: {error}"));
    assert!(
        status.success(),
        "`{test}` failed in its own mount namespace, or there was none to be had: this test needs root, or user \
         namespaces (`unshare -rm true` tells)"
    );
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

impl SmallDisk {
    /// Mounts a disk of so many bytes at `path`.
    #[must_use]
    pub fn mount(path: &Path, bytes: u64) -> Self {
        fs::create_dir_all(path).unwrap();
        let options = format!("size={bytes},mode=0700");
        run("mount", &["-t", "tmpfs", "-o", &options, "tmpfs"], path);
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
        Self {
            path: path.to_owned(),
        }
    }

    /// Fills it up, but for about so many bytes.
    pub fn fill(&self, leaving: u64) {
        let path = self.path.join(FILLER);
        let mut file = File::create(&path).unwrap();
        let page = [1; 4096];
        let mut length = 0;
        loop {
            match file.write(&page) {
                Ok(written) => length += written as u64,
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => panic!("cannot fill `{}`: {error}", path.display()),
            }
        }
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(length.saturating_sub(leaving)).unwrap();
    }

    /// Makes room again.
    pub fn free(&self) {
        fs::remove_file(self.path.join(FILLER)).unwrap();
    }

    /// Makes it read-only.
    pub fn forbid_writing(&self) {
        // Of the mount, not of the file system: that a user namespace may do, too.
        run("mount", &["-o", "remount,bind,ro"], &self.path);
    }

    /// Lets it be written to again.
    pub fn allow_writing(&self) {
        run("mount", &["-o", "remount,bind,rw"], &self.path);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        run("umount", &["--lazy"], &self.path);
        // The folders that could not be removed while this was mounted in them.
        drop(fs::remove_dir(&self.path));
        drop(self.path.parent().map(fs::remove_dir));
    }
}

fn run(program: &str, arguments: &[&str], path: &Path) {
    let output = Command::new(program)
        .args(arguments)
        .arg(path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{program} {arguments:?}`: {told}");
}
