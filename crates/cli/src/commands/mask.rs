//! `lockstep mask`: a filter from stdin to stdout that takes secrets out, each write as it comes.

use std::fs;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use clap::Args;

use lockstep_secret::{Masker, MaskerConfig, Registered, Secret};

use crate::console::Console;
use crate::problem::{Exit, Problem};
use crate::secrets_file;

/// How long text that only might become a value is held without input (MASKING.md, M5).
const WEAK_HOLD: Duration = Duration::from_millis(200);
const READ_BYTES: usize = 64 << 10;
/// Reads that may wait for the masker.
const PENDING_READS: usize = 4;

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tail -f step.log | lockstep mask --secrets secrets.json")]
pub(crate) struct MaskArguments {
    /// A JSON array of strings: the values to take out.
    #[arg(long, value_name = "FILE")]
    secrets: PathBuf,
}

/// Masks stdin into stdout. Which of the values cannot be masked is told by their place in the array.
pub(crate) fn carry_out(arguments: &MaskArguments, console: &Console) -> Result<Exit, Problem> {
    let masker = masker(&arguments.secrets, console)?;
    let (sender, receiver) = sync_channel(PENDING_READS);
    let reader = thread::spawn(move || read(io::stdin().lock(), &sender));
    if filter(&masker, &receiver, console)?.is_break() {
        // Nobody reads stdout any more. The reader may wait for stdin, and ends with the process.
        return Ok(Exit::Completed);
    }
    match reader.join() {
        Ok(result) => result?,
        Err(_) => return Err(io::Error::other("the thread that reads stdin ended").into()),
    }
    Ok(Exit::Completed)
}

fn masker(path: &Path, console: &Console) -> Result<Masker, Problem> {
    let name = path.display();
    let not_read = || Problem::usage(format!("cannot read `{name}`"));
    let bytes = fs::read(path).map_err(|error| not_read().because(Some(&error)))?;
    let text = Secret::from_utf8(bytes).map_err(|error| not_read().because(Some(&error)))?;
    let masker = Masker::new(MaskerConfig::default());
    let values = secrets_file::parse(&text)
        .map_err(|error| Problem::usage(format!("`{name}` is {error}")))?;
    for (index, value) in values.into_iter().enumerate() {
        let number = index + 1;
        match masker.register(&value) {
            Ok(Registered::Masked) => {}
            Ok(Registered::TooShort) => {
                console.warn(&format!(
                    "value {number} of `{name}` is too short to be masked"
                ));
            }
            Ok(Registered::Blank) => console.warn(&format!("value {number} of `{name}` is blank")),
            Err(error) => {
                let problem = Problem::usage(format!("cannot mask value {number} of `{name}`"));
                return Err(problem.because(Some(&error)));
            }
        }
    }
    Ok(masker)
}

fn read(mut input: impl Read, sender: &SyncSender<Vec<u8>>) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn filter(
    masker: &Masker,
    receiver: &Receiver<Vec<u8>>,
    console: &Console,
) -> io::Result<ControlFlow<()>> {
    let mut stream = masker.stream();
    loop {
        let next = if stream.has_weak_hold() {
            receiver.recv_timeout(WEAK_HOLD)
        } else {
            receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        let masked = match next {
            Ok(bytes) => stream.write(&bytes),
            Err(RecvTimeoutError::Timeout) => stream.release_weak(),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if console.pass_on(masked.as_bytes())?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    console.pass_on(stream.finish().as_bytes())
}
