//! A backup of the database of a server, written here.

use std::io::{self, Write as _};
use std::path::Path;

use lockstep_client::{Client, IncomingBackup};
use lockstep_store::{ArrivingBackup, BackupContents, BackupError, IfThere, Progress};

use crate::console::Console;
use crate::copying::{show, unless_interrupted};
use crate::problem::Problem;

const WHAT: &str = "backing up";

/// Nothing is at `file` until all has come and is checked.
pub(super) async fn back_up(
    client: &Client,
    file: &Path,
    if_there: IfThere,
    console: &Console,
) -> Result<BackupContents, Problem> {
    let arriving = ArrivingBackup::begin(file, if_there)?;
    let taken = async {
        let mut incoming = client.backup().await?;
        receive(&mut incoming, &arriving, console).await
    };
    match unless_interrupted(taken).await? {
        Some(done) => done?,
        None => return Err(BackupError::BrokenOff.into()),
    }
    Ok(arriving.finish()?)
}

async fn receive(
    incoming: &mut IncomingBackup,
    arriving: &ArrivingBackup,
    console: &Console,
) -> Result<(), Problem> {
    let total_bytes = incoming.total_bytes();
    let failed = |source: io::Error| Problem::from(arriving.failed(source));
    let mut done_bytes = 0;
    while let Some(piece) = incoming.next().await? {
        arriving.file().write_all(&piece).map_err(failed)?;
        done_bytes += piece.len() as u64;
        let progress = Progress {
            done_bytes,
            total_bytes,
        };
        show(WHAT, console, progress);
    }
    Ok(())
}
