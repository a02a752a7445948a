//! Compiled code on disk, by the digest of the step and the version of the engine.
//!
//! Compiled code is trusted when it is loaded, so the directory must be ours alone: that is what keeps others from putting
//! code there. Each file ends with a checksum over itself and the step that it belongs to, against what a disk or a crash
//! may do: whoever could forge the code could forge any checksum, so a fast one (XXH3) is as good as a slow one. A file that
//! does not check out is taken for absent. What has not been used for longest goes first when there is too much, the code
//! of other engine versions included.

use std::fs::{self, DirBuilder, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};
use tempfile::NamedTempFile;
use twox_hash::xxhash3_128::Hasher;
use wasmtime::Engine;

use lockstep_step::Digest;

use crate::code::{Code, Maker};

/// Last bytes of a cache file; the number is that of the layout. The code comes first, so that it can be mapped.
const MAGIC: &[u8; 8] = b"LSCODE\0\x02";
const SUM_BYTES: usize = 16;
/// Who made the code, the checksum, the magic.
const TRAILER_BYTES: usize = Maker::BYTES + SUM_BYTES + MAGIC.len();
/// From this size on a file is mapped. A loaded step then holds it open: smaller ones would be more than a process may have
/// open files, and are copied in no time.
const MAPPED_BYTES: u64 = 2 << 20;
/// What is read of a file at once while it is checked.
const PIECE_BYTES: usize = 256 << 10;
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

    /// Whether there is compiled code of the step, whole or not.
    pub(crate) fn has(&self, digest: &Digest) -> bool {
        self.path(digest).exists()
    }

    /// The compiled code of the step, if it is there and whole.
    pub(crate) fn read(&self, digest: &Digest) -> Option<Code> {
        let mut file = File::open(self.path(digest)).ok()?;
        let bytes = file
            .metadata()
            .ok()?
            .len()
            .checked_sub(TRAILER_BYTES as u64)?;
        let mut small = Vec::new();
        let sum = if bytes < MAPPED_BYTES {
            (&mut file).take(bytes).read_to_end(&mut small).ok()?;
            sum(digest, &mut &*small).ok()?
        } else {
            sum(digest, &mut (&mut file).take(bytes)).ok()?
        };
        let mut found = [0; TRAILER_BYTES];
        file.read_exact(&mut found).ok()?;
        let (maker, _) = found.split_first_chunk()?;
        let maker = Maker::from_bytes(*maker);
        if found != trailer(sum, maker) {
            tracing::warn!(%digest, "the compiled code in the cache is damaged; compiling again");
            return None;
        }
        // It was used now. That this cannot be noted is no reason not to use it.
        drop(used_now(&file));
        Some(if bytes < MAPPED_BYTES {
            Code::made(maker, small)
        } else {
            Code::kept(maker, bytes, file)
        })
    }

    /// Keeps compiled code. The file appears whole or not at all.
    pub(crate) fn write(&self, digest: &Digest, maker: Maker, code: &[u8]) -> io::Result<()> {
        let mut file = NamedTempFile::new_in(&self.dir)?;
        file.write_all(code)?;
        file.write_all(&trailer(sum(digest, &mut &*code)?, maker))?;
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

fn sum(digest: &Digest, code: &mut impl Read) -> io::Result<u128> {
    let mut hasher = Hasher::new();
    hasher.write(digest.as_bytes());
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match code.read(&mut piece)? {
            0 => return Ok(hasher.finish_128()),
            length => hasher.write(&piece[..length]),
        }
    }
}

fn trailer(sum: u128, maker: Maker) -> [u8; TRAILER_BYTES] {
    // Who made it is part of what is checked.
    let maker = maker.to_bytes();
    let mut hasher = Hasher::new();
    hasher.write(&sum.to_le_bytes());
    hasher.write(&maker);
    let mut trailer = [0; TRAILER_BYTES];
    let (first, rest) = trailer.split_at_mut(Maker::BYTES);
    let (second, third) = rest.split_at_mut(SUM_BYTES);
    first.copy_from_slice(&maker);
    second.copy_from_slice(&hasher.finish_128().to_le_bytes());
    third.copy_from_slice(MAGIC);
    trailer
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
        let maker = Maker::Engine([7; Maker::BYTES]);
        cache.write(&Digest::of(b"a"), maker, b"code").unwrap();
        let code = cache.read(&Digest::of(b"a")).unwrap();
        assert_eq!((code.maker, code.bytes), (maker, 4));
        assert!(cache.has(&Digest::of(b"a")) && !cache.has(&Digest::of(b"b")));
        assert!(cache.read(&Digest::of(b"b")).is_none());
        fs::rename(cache.path(&Digest::of(b"a")), cache.path(&Digest::of(b"b"))).unwrap();
        assert!(cache.read(&Digest::of(b"b")).is_none());
    }

    #[test]
    fn a_damaged_file_is_absent_wherever_it_is_damaged() {
        let (_dir, cache) = cache();
        let digest = Digest::of(b"a");
        cache.write(&digest, Maker::Compiler, b"code").unwrap();
        let whole = fs::read(cache.path(&digest)).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(cache.path(&digest), &damaged).unwrap();
            assert!(cache.read(&digest).is_none(), "byte {at}");
            fs::write(cache.path(&digest), &whole[..at]).unwrap();
            assert!(cache.read(&digest).is_none(), "cut at {at}");
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
        let code = [7; 1000 - TRAILER_BYTES];
        let digests = [b"a", b"b", b"c"].map(|name| Digest::of(name));
        for (second, digest) in (1..).zip(&digests) {
            cache.write(digest, Maker::Compiler, &code).unwrap();
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
