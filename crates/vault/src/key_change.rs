//! The ring in a key file, changed: a new file is written beside the old one, read back, and put in its place. Whatever
//! happens meanwhile, the file holds the old ring or the new one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use crate::kek::{Kek, KekId};
use crate::key_file::{KeyFile, check_place, file_error, parent, read, write_draft};
use crate::keyring::{KeyError, Keyring};

impl KeyFile {
    /// Puts a new key before those that are in the file.
    pub(crate) fn rotate(&self) -> Result<Keyring, KeyError> {
        let primary = Kek::generate()?;
        self.change(|ring| ring.led_by(primary))
    }

    /// Takes a key that only opens off the file. One that is not there is no error.
    pub(crate) fn remove(&self, id: KekId) -> Result<Keyring, KeyError> {
        self.change(|ring| ring.without(id))
    }

    /// Of several that change a file at once each gets what the one before made.
    fn change(
        &self,
        change: impl FnOnce(Keyring) -> Result<Keyring, KeyError>,
    ) -> Result<Keyring, KeyError> {
        let failed = file_error(&self.path);
        check_place(&self.path, &self.data)?;
        // A link stays: the file that it leads to is the one that is changed.
        let path = self.path.canonicalize().map_err(&failed)?;
        let locked = lock(&path).map_err(&failed)?;
        let old = read(&self.path, &self.data, &locked)?;
        let before = old.ids();
        let new = change(old)?;
        if new.ids() != before {
            replace(&path, &locked, &new).map_err(&failed)?;
        }
        read(
            &self.path,
            &self.data,
            &File::open(&self.path).map_err(&failed)?,
        )
    }
}

/// The file at `path`, which nobody else changes as long as it is open.
fn lock(path: &Path) -> io::Result<File> {
    loop {
        let file = File::open(path)?;
        file.lock()?;
        // Whoever held it before may have put another file in its place.
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let (held, there) = (file.metadata()?, fs::metadata(path)?);
    Ok(held.dev() == there.dev() && held.ino() == there.ino())
}

/// Puts a file with `ring` in the place of `old`, which is locked.
fn replace(path: &Path, old: &File, ring: &Keyring) -> io::Result<()> {
    let draft = draft_path(path);
    // Only one who was killed leaves it behind.
    remove_if_there(&draft)?;
    let placed = write_draft(&draft, ring)
        .and_then(|file| take_over_owner_and_mode(&file, old))
        .and_then(|()| check_draft(&draft, ring))
        .and_then(|()| fs::rename(&draft, path));
    if placed.is_err() {
        // What failed is told; a draft that stays is removed by the next change.
        drop(fs::remove_file(&draft));
    }
    placed?;
    File::open(parent(path))?.sync_all()
}

/// A service whose key an administrator rotates can read it afterwards.
fn take_over_owner_and_mode(new: &File, old: &File) -> io::Result<()> {
    let (from, to) = (old.metadata()?, new.metadata()?);
    if (from.uid(), from.gid()) != (to.uid(), to.gid()) {
        fchown(new, Some(from.uid()), Some(from.gid()))?;
    }
    new.set_permissions(from.permissions())?;
    new.sync_all()
}

/// Reads back what was written, before the old file is gone.
fn check_draft(draft: &Path, ring: &Keyring) -> io::Result<()> {
    match read(draft, draft, &File::open(draft)?) {
        Ok(written) if written.ids() == ring.ids() => Ok(()),
        Ok(_) | Err(_) => Err(io::Error::other("what was written does not read back")),
    }
}

/// One name, as only one process changes the file at a time: a draft is never left to be forgotten.
fn draft_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
