//! Which processes are alive: each open store holds a lock on a file of its own, and the operating system lets go of
//! it when the process ends, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::open::{OpenStoreError, directory_error, make_directory};

/// The folder of the files in the data directory.
pub(super) const OWNERS: &str = "owners";

/// The life of one open store: its runs are lost when this is gone.
#[derive(Debug)]
pub(super) struct Owner {
    id: String,
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

impl Owner {
    /// Begins a life. The caller holds the lock of opening, so that nobody finds the file before it is locked.
    pub(super) fn begin(directory: &Path) -> Result<Self, OpenStoreError> {
        let owners = directory.join(OWNERS);
        make_directory(&owners)?;
        let id = Uuid::now_v7().to_string();
        let path = owners.join(&id);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(directory_error(&path))?;
        file.lock().map_err(directory_error(&path))?;
        Ok(Self {
            id,
            path,
            _file: file,
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Who finds the file finds it unlocked, which says the same.
        drop(fs::remove_file(&self.path));
    }
}

/// Whether the store of this owner is open somewhere. The caller holds the lock of opening.
pub(super) fn is_alive(directory: &Path, id: &str) -> io::Result<bool> {
    // Opened for reading, as a lock needs no more, and so that a directory in its place is no error.
    let file = match File::open(directory.join(OWNERS).join(id)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether any store on this directory is open somewhere, but for the store `own`. The caller holds the lock of opening.
pub(super) fn is_any_alive(directory: &Path, own: Option<&str>) -> io::Result<bool> {
    let entries = match fs::read_dir(directory.join(OWNERS)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        if let Some(id) = name.to_str()
            && own != Some(id)
            && is_alive(directory, id)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes the files of stores that are gone, and tells whether there was one: its process was ended from outside. The
/// caller holds the lock of opening.
pub(super) fn remove_dead(directory: &Path) -> io::Result<bool> {
    let mut found = false;
    for entry in fs::read_dir(directory.join(OWNERS))? {
        let name = entry?.file_name();
        let Some(id) = name.to_str() else { continue };
        if is_alive(directory, id)? {
            continue;
        }
        found = true;
        match fs::remove_file(directory.join(OWNERS).join(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(found)
}
