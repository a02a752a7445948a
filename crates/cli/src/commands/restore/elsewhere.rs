//! A backup, put in the place of the database of a server.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lockstep_client::{Client, ClientError, RestoreBegun, RestoreState};
use lockstep_store::{Progress, RestoreError, SqliteStore};
use tokio::time::sleep;

use super::{Answered, KeyState};
use crate::console::Console;
use crate::copying::{show, unless_interrupted};
use crate::problem::{Exit, Problem};
use crate::server::Server;

const WHAT: &str = "sending";

/// How often is asked whether it is in place.
const EVERY: Duration = Duration::from_millis(200);
/// How long is asked. A server waits for runs as long as its `--drain` says.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Sends it, and waits until it is in place.
pub(super) async fn restore(
    file: PathBuf,
    server: &Server,
    force: bool,
    console: &Console,
) -> Result<Exit, Problem> {
    if !force {
        let message = format!("`{}` has a database already", server.address);
        return Err(Problem::new(Exit::Usage, "already_exists", message)
            .hint("`--force` replaces it, and keeps it under another name"));
    }
    let client = server.client()?;
    let checked = check(file.clone());
    let sent = async {
        checked.await?;
        send(&client, &file, console).await
    };
    let begun = unless_interrupted(sent).await?;
    let begun = begun.unwrap_or_else(|| Err(RestoreError::BrokenOff.into()))?;
    console.note("the backup is whole; the server puts it in place when its runs have ended");
    let end = match unless_interrupted(wait(&client, &begun)).await? {
        Some(end) => end?,
        None => return Err(not_waited_for()),
    };
    let key = match (begun.contents.keys.len(), begun.keys_missing.len()) {
        (0, _) => KeyState::NotNeeded,
        (_, 0) => KeyState::Opens,
        _ => KeyState::Locked,
    };
    let locked = begun.keys_missing.first().map(|id| {
        format!("key `{id}` is not on the ring of the server: put it back, from your copy, on the machine of the host")
    });
    console.show(&Answered {
        file,
        data: None,
        server: Some(server.address.to_string()),
        contents: begun.contents.into(),
        replaced: end.replaced.as_deref().map(PathBuf::from),
        key,
        locked,
    })?;
    if let End {
        is_stranger: true, ..
    } = end
    {
        console.warn("the token is none of the restored database, or speaks for the host no more");
        console.hint("the tokens are those of the backup; `lockstep token create` on the machine of the host makes one");
    }
    Ok(Exit::Completed)
}

/// What came of it.
struct End {
    replaced: Option<String>,
    /// The server does not say more to the token that was good before.
    is_stranger: bool,
}

/// What can be seen here is not left to the server.
async fn check(file: PathBuf) -> Result<(), Problem> {
    let checked = tokio::task::spawn_blocking(move || SqliteStore::check_backup(&file)).await;
    Ok(checked.map_err(|error| Problem::host("internal", &error))??)
}

async fn send(client: &Client, file: &Path, console: &Console) -> Result<RestoreBegun, Problem> {
    let unreadable = |source| RestoreError::File {
        path: file.to_owned(),
        source,
    };
    let backup = File::open(file).map_err(unreadable)?;
    let total_bytes = backup.metadata().map_err(unreadable)?.len();
    let console = console.clone();
    let sent = move |done_bytes| {
        let progress = Progress {
            done_bytes,
            total_bytes,
        };
        show(WHAT, &console, progress);
    };
    Ok(client.restore(backup, total_bytes, sent).await?)
}

/// Asks until the server after the restore answers. Between the two nobody does.
async fn wait(client: &Client, begun: &RestoreBegun) -> Result<End, Problem> {
    let until = Instant::now() + PATIENCE;
    loop {
        match client.restore_state().await {
            Ok(state) if state.asked_at != begun.asked_at => return Err(nothing_known()),
            Ok(state) if state.state == "waiting" => {}
            Ok(state) => return ended(state),
            Err(error) => match error.code() {
                Some("nothing_restored") => return Err(nothing_known()),
                // These let a token in before, and are answered by the database that was restored.
                Some("bad_token" | "forbidden" | "not_found") => {
                    return Ok(End {
                        replaced: None,
                        is_stranger: true,
                    });
                }
                _ if Instant::now() > until || !is_passing(&error) => return Err(error.into()),
                _ => {}
            },
        }
        sleep(EVERY).await;
    }
}

/// Whether it may be otherwise a moment later.
fn is_passing(error: &ClientError) -> bool {
    match error {
        ClientError::Connect { .. } | ClientError::Broken { .. } | ClientError::Late { .. } => true,
        ClientError::Refused(problem) => problem.status >= 500 || problem.status == 429,
        ClientError::Address(_)
        | ClientError::Roots(_)
        | ClientError::Token
        | ClientError::Strange { .. } => false,
    }
}

fn ended(state: RestoreState) -> Result<End, Problem> {
    if state.state == "restored" {
        return Ok(End {
            replaced: state.replaced,
            is_stranger: false,
        });
    }
    let code = state.code.unwrap_or_else(|| "internal".to_owned());
    let detail = state.detail.unwrap_or_default();
    let message = format!("the backup is not in place, and the database is as it was: {detail}");
    let exit = if code == "in_use" {
        Exit::Usage
    } else {
        Exit::Host
    };
    Err(Problem::new(exit, code, message).hint("the log of the server tells more"))
}

fn nothing_known() -> Problem {
    let message = "the server was ended before it told whether the backup is in place";
    Problem::new(Exit::Host, "unknown", message)
        .hint("`lockstep audit list --host` tells of the restore if it was done")
}

fn not_waited_for() -> Problem {
    let message = "interrupted: the server puts the backup in place all the same";
    Problem::new(Exit::NotCompleted, "interrupted", message)
        .hint("`lockstep audit list --host` tells of the restore when it is done")
}
