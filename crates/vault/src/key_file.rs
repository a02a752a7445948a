//! The key file: read with suspicion, and made once.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use lockstep_secret::Zeroizing;

use lockstep_secret::Secret;

use crate::kek::Kek;
use crate::keyring::{self, KeyError, Keyring};

/// Hundreds of keys fit; a file that was named by mistake is not read into memory.
const MAX_KEY_FILE_BYTES: u64 = 64 * 1024;

const HEADER: &str = "# The key-encryption keys of Lockstep; the first wraps, all open. Who reads them can open the credentials;\n\
                      # without them nobody can. Keep a copy in a safe place, away from the database.\n";

/// A key file that was read, to tell whether it is still the same.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile {
    pub(crate) path: PathBuf,
    pub(crate) data: PathBuf,
    stamp: Stamp,
}

/// Which file it is, and when it was written last. A ring that is changed is a new file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

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
    let failed = file_error(path);
    check_place(path, data)?;
    match File::open(path) {
        Ok(file) => read(path, data, &file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match if_absent {
            IfAbsent::Refuse => Err(KeyError::NoKeyFile {
                path: path.to_owned(),
            }),
            IfAbsent::Create => {
                match create(path, &Keyring::new(Kek::generate()?)) {
                    // Another process made it at the same time: what is there now counts.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                    made => made.map_err(&failed)?,
                }
                read(path, data, &File::open(path).map_err(&failed)?)
            }
        },
        Err(error) => Err(failed(error)),
    }
}

/// Makes a key file with the keys of `ring`.
///
/// # Errors
/// [`KeyError::Exists`] if something is there, [`KeyError::NextToDatabase`], [`KeyError::File`].
pub(crate) fn create_key_file(
    path: &Path,
    data: &Path,
    ring: &Keyring,
) -> Result<Keyring, KeyError> {
    check_place(path, data)?;
    match create(path, ring) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(KeyError::Exists {
            path: path.to_owned(),
        }),
        made => {
            made.map_err(file_error(path))?;
            open_key_file(path, data, IfAbsent::Refuse)
        }
    }
}

/// Refuses a key file in the data directory.
pub(crate) fn check_place(path: &Path, data: &Path) -> Result<(), KeyError> {
    if is_within(path, data).map_err(file_error(path))? {
        return Err(KeyError::NextToDatabase {
            path: path.to_owned(),
            data: data.to_owned(),
        });
    }
    Ok(())
}

/// Reads an open key file. Of the open file, not of the path: nobody can put another file there in between.
pub(crate) fn read(path: &Path, data: &Path, file: &File) -> Result<Keyring, KeyError> {
    let metadata = check_mode(path, file)?;
    let text = read_text(path, file, metadata.len())?;
    Ok(Keyring::parse(&text)?.read_from(KeyFile {
        path: path.to_owned(),
        data: data.to_owned(),
        stamp: Stamp::of(&metadata),
    }))
}

fn check_mode(path: &Path, file: &File) -> Result<Metadata, KeyError> {
    let failed = file_error(path);
    let metadata = file.metadata().map_err(&failed)?;
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
    Ok(metadata)
}

fn read_text(path: &Path, file: &File, length: u64) -> Result<Secret, KeyError> {
    let failed = file_error(path);
    // One byte more than the file has, so that the end is seen without growing, which would leave a copy behind.
    let capacity = usize::try_from(length).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(length).read_to_end(&mut bytes).map_err(&failed)?;
    Secret::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| {
        failed(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file is not text",
        ))
    })
}

/// Makes the file whole or not at all: written beside its place, synced, then linked to its name, which fails with
/// `AlreadyExists` if the name is taken. A crash leaves no half key, and a key that is there is never written over.
fn create(path: &Path, ring: &Keyring) -> io::Result<()> {
    let directory = parent(path);
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let draft = draft_path(path)?;
    let made = write_draft(&draft, ring).and_then(|_| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    made.and(removed)?;
    File::open(directory)?.sync_all()
}

/// Writes a ring to a new file, for its owner alone, down to the disk.
#[expect(
    clippy::disallowed_methods,
    reason = "the text of the keys is written into the key file"
)]
pub(crate) fn write_draft(draft: &Path, ring: &Keyring) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    file.write_all(HEADER.as_bytes())?;
    for kek in ring.keys() {
        file.write_all(keyring::line(kek).expose().as_bytes())?;
    }
    file.sync_all()?;
    Ok(file)
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

/// The directory that a file is in.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    }
}

pub(crate) fn file_error(path: &Path) -> impl Fn(io::Error) -> KeyError {
    move |source| KeyError::File {
        path: path.to_owned(),
        source,
    }
}

// === impl KeyFile ===

impl KeyFile {
    /// Whether there is another file by now. One that is gone is no news.
    pub(crate) fn has_changed(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| Stamp::of(&metadata) != self.stamp)
    }

    /// The ring that is there now.
    pub(crate) fn open_again(&self) -> Result<Keyring, KeyError> {
        open_key_file(&self.path, &self.data, IfAbsent::Refuse)
    }
}

// === impl Stamp ===

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}
