//! A backup that a caller has sent, put in the place of the database between two servers of this process.

use std::error::Error as _;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use lockstep_runner::{PutError, ReadyBackup, RestoreError, Restored};
use lockstep_server::RestoreFailure;

use crate::console::Console;

/// What the last server has read or written may take so long to let go of the database.
const LETTING_GO: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(20);

/// Tells the name of the database that was replaced. What fails leaves it as it was.
pub(super) async fn put_in_place(
    backup: ReadyBackup,
    console: &Console,
) -> Result<Option<String>, RestoreFailure> {
    let until = Instant::now() + LETTING_GO;
    let ReadyBackup {
        mut staged,
        turn: _turn,
        ..
    } = backup;
    let failure = loop {
        let putting = spawn_blocking(move || staged.put_in_place(Timestamp::now())).await;
        match putting {
            Ok(Ok(restored)) => return Ok(told(&restored, console)),
            Ok(Err(PutError::InUse(again))) if Instant::now() < until => staged = *again,
            Ok(Err(PutError::InUse(_))) => break in_use(),
            Ok(Err(PutError::Failed(error))) => break failed(&error),
            Err(error) => break internal(&error),
        }
        sleep(AGAIN).await;
    };
    console.warn(&format!("no backup was restored: {}", failure.detail));
    Err(failure)
}

fn told(restored: &Restored, console: &Console) -> Option<String> {
    let replaced = restored.replaced.as_ref()?;
    let path = replaced.display();
    console.note(&format!(
        "a backup was restored; the database that was there is kept as `{path}`"
    ));
    let name = replaced.file_name()?;
    Some(name.to_string_lossy().into_owned())
}

fn in_use() -> RestoreFailure {
    RestoreFailure {
        code: "in_use",
        detail: "another process has the database open".to_owned(),
    }
}

/// What names files of this machine stands in the log alone.
fn failed(error: &RestoreError) -> RestoreFailure {
    tracing::error!(
        cause = error.source().map(tracing::field::display),
        "a backup cannot be put in place: {error}"
    );
    RestoreFailure {
        code: "internal",
        detail: "the host failed".to_owned(),
    }
}

fn internal(error: &tokio::task::JoinError) -> RestoreFailure {
    tracing::error!("a backup cannot be put in place: {error}");
    RestoreFailure {
        code: "internal",
        detail: "the host failed".to_owned(),
    }
}
