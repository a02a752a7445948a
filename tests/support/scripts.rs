//! The compiled JavaScript engine, shared by the tests: compiling it without optimisation takes seconds, and each test is a
//! process of its own.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use lockstep_sandbox::{Sandbox, SandboxConfig, StepCode, StepFile};

use crate::lockstep_binary;

/// Puts the compiled engine into a cache of compiled code; makes it if no test has done so before.
pub async fn fill_cache(cache: &Path) {
    let shared = lockstep_binary().with_file_name("engine-of-tests");
    private(&shared);
    let lock = File::create(shared.join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    make(&shared).await;
    for folder in folders(&shared) {
        let to = cache.join(folder.file_name().unwrap());
        private(&to);
        for file in fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            let to = to.join(file.file_name());
            if !to.exists() {
                fs::copy(file.path(), to).unwrap();
            }
        }
    }
}

/// Loads a script: the engine is then in the cache, if it was not already.
async fn make(cache: &Path) {
    let mut config = SandboxConfig::for_runs(1);
    config.cache_dir = Some(cache.to_owned());
    let sandbox = Sandbox::new(config).unwrap();
    let file = StepFile::named("warm-up.js", b"return 1".to_vec());
    let digest = file.load_digest();
    let code = async { Ok(StepCode::Source(file)) };
    sandbox.load("tests", digest, code).await.unwrap();
}

fn folders(cache: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

fn private(folder: &Path) {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .unwrap();
}
