//! Compiled code on disk, by the digest of the step and the version of the engine.
//!
//! Compiled code is trusted when it is loaded, so the directory must be ours alone, and each file carries a SHA-256 over
//! itself and the step that it belongs to. A file that does not check out is taken for absent. What has not been used for
//! longest goes first when there is too much, the code of other engine versions included.

use std::fs::{self, DirBuilder, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use wasmtime::Engine;

use lockstep_step::Digest;

/// First bytes of a cache file; the number is that of the layout.
const MAGIC: &[u8; 8] = b"LSCODE\0\x01";
const HEADER_BYTES: usize = MAGIC.len() + 32;
/// What the files of all engine versions may hold together. Some hundred engines of scripting languages, or a hundred
/// thousand small steps.
const MAX_CACHE_BYTES: u64 = 2 << 30;

/// The files of one engine version, among those of others.
pub(crate) struct CodeCache {
    root: PathBuf,
    dir: PathBuf,
}

impl CodeCache {
    /// The cache below `root`, which is made if need be and is refused if others can write to it.
    pub(crate) fn open(root: &Path, engine: &Engine) -> io::Result<Self> {
        let dir = root.join(Self::folder(engine));
        DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        check_private(root)?;
        check_private(&dir)?;
        let root = root.to_owned();
        Ok(Self { root, dir })
    }

    /// The folder of the files that this engine can load.
    pub(crate) fn folder(engine: &Engine) -> String {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        format!("engine-{:016x}", hasher.finish())
    }

    /// The compiled code of the step, if it is there and whole.
    pub(crate) fn read(&self, digest: &Digest) -> Option<Vec<u8>> {
        let mut file = File::open(self.path(digest)).ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let (header, code) = bytes.split_at_checked(HEADER_BYTES)?;
        if header != self::header(digest, code) {
            tracing::warn!(%digest, "the compiled code in the cache is damaged; compiling again");
            return None;
        }
        // It was used now. That this cannot be noted is no reason not to use it.
        drop(used_now(&file));
        Some(code.to_vec())
    }

    /// Keeps compiled code. The file appears whole or not at all.
    pub(crate) fn write(&self, digest: &Digest, code: &[u8]) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.dir)?;
        file.write_all(&header(digest, code))?;
        file.write_all(code)?;
        file.as_file()
            .set_permissions(Permissions::from_mode(0o600))?;
        file.persist(self.path(digest))
            .map_err(|error| error.error)?;
        self.prune(MAX_CACHE_BYTES)
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.dir.join(format!("{}.code", digest.hex()))
    }

    /// Removes what was not used for longest, until the rest has so many bytes at most.
    fn prune(&self, max_bytes: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for dir in fs::read_dir(&self.root)?.flatten() {
            // What is no directory is not ours, and one that another process removes meanwhile takes no room.
            let Ok(entries) = fs::read_dir(dir.path()) else {
                continue;
            };
            for entry in entries.flatten() {
                if let Ok(metadata) = entry.metadata() {
                    let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    files.push((used, metadata.len(), entry.path()));
                }
            }
        }
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        files.sort();
        for (_, bytes, path) in files {
            if total <= max_bytes {
                break;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => total -= bytes,
            }
        }
        Ok(())
    }
}

fn used_now(file: &File) -> io::Result<()> {
    let at = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let times = Timestamps {
        last_access: at(UTIME_OMIT),
        last_modification: at(UTIME_NOW),
    };
    Ok(futimens(file, &times)?)
}

fn header(digest: &Digest, code: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (magic, sum) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    sum.copy_from_slice(
        &Sha256::new()
            .chain_update(digest.as_bytes())
            .chain_update(code)
            .finalize(),
    );
    header
}

fn check_private(dir: &Path) -> io::Result<()> {
    let metadata = File::open(dir)?.metadata()?;
    let writable_by_others = metadata.permissions().mode() & 0o022 != 0;
    if writable_by_others || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "others can write to `{}`: run `chmod 700` on it, or remove it",
                dir.display()
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, CodeCache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(dir.path(), &Engine::default()).unwrap();
        (dir, cache)
    }

    #[test]
    fn code_is_read_back_under_its_digest_only() {
        let (_dir, cache) = cache();
        cache.write(&Digest::of(b"a"), b"code").unwrap();
        assert_eq!(cache.read(&Digest::of(b"a")).as_deref(), Some(&b"code"[..]));
        assert_eq!(cache.read(&Digest::of(b"b")), None);
        fs::rename(cache.path(&Digest::of(b"a")), cache.path(&Digest::of(b"b"))).unwrap();
        assert_eq!(cache.read(&Digest::of(b"b")), None);
    }

    #[test]
    fn a_damaged_file_is_absent_wherever_it_is_damaged() {
        let (_dir, cache) = cache();
        let digest = Digest::of(b"a");
        cache.write(&digest, b"code").unwrap();
        let whole = fs::read(cache.path(&digest)).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(cache.path(&digest), &damaged).unwrap();
            assert_eq!(cache.read(&digest), None, "byte {at}");
            fs::write(cache.path(&digest), &whole[..at]).unwrap();
            assert_eq!(cache.read(&digest), None, "cut at {at}");
        }
    }

    fn used_at(path: &Path, seconds: i64) {
        let at = Timespec {
            tv_sec: seconds,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: at,
            last_modification: at,
        };
        futimens(File::open(path).unwrap(), &times).unwrap();
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first_whatever_engine_made_it() {
        let (root, cache) = cache();
        let code = [7; 1000 - HEADER_BYTES];
        let digests = [b"a", b"b", b"c"].map(|name| Digest::of(name));
        for (second, digest) in (1..).zip(&digests) {
            cache.write(digest, &code).unwrap();
            used_at(&cache.path(digest), second);
        }
        let other = root.path().join("engine-other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("x.code"), [7; 1000]).unwrap();
        used_at(&other.join("x.code"), 0);

        cache.prune(4000).unwrap();
        assert!(other.join("x.code").exists());
        cache.prune(3999).unwrap();
        assert!(!other.join("x.code").exists());
        // Reading is using.
        assert!(cache.read(&digests[0]).is_some());
        cache.prune(2000).unwrap();
        assert!(cache.read(&digests[0]).is_some());
        assert!(cache.read(&digests[1]).is_none());
        assert!(cache.read(&digests[2]).is_some());
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o777)).unwrap();
        let error = CodeCache::open(dir.path(), &Engine::default())
            .err()
            .unwrap();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(CodeCache::open(dir.path(), &Engine::default()).is_ok());
    }
}
