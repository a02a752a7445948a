//! A backup that comes from elsewhere, such as a server, and is to be a file here.

use std::fs::File;
use std::path::Path;

use crate::backup::{BackupContents, BackupError, IfThere};

use super::back_up::Place;
use super::draft::Draft;

/// The place of a backup that is on its way. Nothing is there until it is complete and checked; dropped before that, it
/// leaves nothing.
pub struct ArrivingBackup {
    place: Place,
    draft: Draft,
}

impl ArrivingBackup {
    /// Looks whether a backup can be at `target`, and begins it.
    ///
    /// # Errors
    /// [`BackupError::Exists`], [`BackupError::Target`].
    pub fn begin(target: &Path, if_there: IfThere) -> Result<Self, BackupError> {
        let place = Place::find(target, if_there)?;
        let draft = place.draft()?;
        Ok(Self { place, draft })
    }

    /// Where its bytes go, from the first to the last.
    #[must_use]
    pub fn file(&self) -> &File {
        self.draft.copy().as_file()
    }

    /// Checks what has come, and gives it its name.
    ///
    /// # Errors
    /// [`BackupError`]. Whatever it is, what was at the target is as it was.
    pub fn finish(self) -> Result<BackupContents, BackupError> {
        let Self { place, draft } = self;
        let contents = place.check(&draft)?;
        draft.end(|copy| place.publish(copy))?;
        Ok(contents)
    }

    /// Tells that it could not be written, because of this.
    #[must_use]
    pub fn failed(&self, source: std::io::Error) -> BackupError {
        BackupError::Target {
            path: self.place.path().to_owned(),
            source,
        }
    }
}
