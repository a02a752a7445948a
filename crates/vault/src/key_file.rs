//! The key file: read with suspicion, and made once.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use lockstep_secret::Zeroizing;

use lockstep_secret::Secret;

use crate::kek::Kek;
use crate::keyring::{self, KeyError, Keyring};

/// Hundreds of keys fit; a file that was named by mistake is not read into memory.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

const HEADER: &str = "# The key-encryption key of Lockstep. Who reads it can open the credentials; without it nobody can.\n\
                      # Keep a copy in a safe place, away from the database.\n";

/// What to do if there is no key file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IfAbsent {
    /// Make one with a new key. Only for a store that holds nothing sealed: a new key opens no old record.
    Create,
    /// Fail with [`KeyError::NoKeyFile`].
    Refuse,
}

/// Opens the key file at `path`. `data` is the directory of the database, which it must not be in.
///
/// # Errors
/// [`KeyError`].
pub fn open_key_file(path: &Path, data: &Path, if_absent: IfAbsent) -> Result<Keyring, KeyError> {
    let failed = |source| KeyError::File {
        path: path.to_owned(),
        source,
    };
    if is_within(path, data).map_err(failed)? {
        return Err(KeyError::NextToDatabase {
            path: path.to_owned(),
            data: data.to_owned(),
        });
    }
    match File::open(path) {
        Ok(file) => read(path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match if_absent {
            IfAbsent::Refuse => Err(KeyError::NoKeyFile {
                path: path.to_owned(),
            }),
            IfAbsent::Create => {
                create(path, &Kek::generate()?).map_err(failed)?;
                // What is there now, which may be what another process made at the same time.
                read(path, File::open(path).map_err(failed)?)
            }
        },
        Err(error) => Err(failed(error)),
    }
}

fn read(path: &Path, file: File) -> Result<Keyring, KeyError> {
    // Of the open file, not of the path: nobody can put another file there in between.
    let text = check_mode(path, &file).and_then(|length| read_text(path, file, length))?;
    Keyring::parse(&text)
}

fn check_mode(path: &Path, file: &File) -> Result<u64, KeyError> {
    let failed = |source| KeyError::File {
        path: path.to_owned(),
        source,
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() || metadata.len() > MAX_KEY_FILE_BYTES {
        return Err(failed(io::Error::new(
            io::ErrorKind::InvalidData,
            "not a file of a key's size",
        )));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::LooseMode {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(metadata.len())
}

fn read_text(path: &Path, file: File, length: u64) -> Result<Secret, KeyError> {
    let failed = |source| KeyError::File {
        path: path.to_owned(),
        source,
    };
    // One byte more than the file has, so that the end is seen without growing, which would leave a copy behind.
    let capacity = usize::try_from(length).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    Secret::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| {
        failed(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file is not text",
        ))
    })
}

/// Makes the file whole or not at all: written beside its place, synced, then linked to its name, which fails if the
/// name is taken. A crash leaves no half key, and a key that is there is never written over.
#[expect(
    clippy::disallowed_methods,
    reason = "the text of the key is written into the key file"
)]
fn create(path: &Path, kek: &Kek) -> io::Result<()> {
    let directory = parent(path);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let draft = draft_path(path)?;
    let made = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(HEADER.as_bytes())?;
        file.write_all(keyring::line(kek).expose().as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    })();
    let removed = fs::remove_file(&draft);
    made.and(removed)?;
    File::open(directory)?.sync_all()
}

fn draft_path(path: &Path) -> io::Result<PathBuf> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| io::Error::other("no random bytes"))?;
    let mut name = path
        .file_name()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"))?
        .to_owned();
    name.push(format!(".{:016x}", u64::from_be_bytes(random)));
    Ok(path.with_file_name(name))
}

/// Whether `path` is in the directory `data`, once links are followed.
fn is_within(path: &Path, data: &Path) -> io::Result<bool> {
    let data = nearest_real(data)?;
    // The link that the path is, and where it leads: neither may be in there.
    Ok(nearest_real(parent(path))?.starts_with(&data) || nearest_real(path)?.starts_with(&data))
}

/// The path with links followed, as far as it exists.
fn nearest_real(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            let missing = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
            return Ok(real.join(missing));
        }
    }
    Ok(path)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    }
}
