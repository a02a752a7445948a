//! The value of a credential on its way in: from a prompt that shows nothing, from stdin or from a file. Never from the
//! command line, which other users can list and a shell remembers.
//!
//! The bytes are read into one buffer, which becomes the [`Secret`]; there is no second copy.

mod prompt;

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use lockstep_secret::Zeroizing;

use lockstep_secret::Secret;
use lockstep_step::{CredentialKey, MAX_VALUE_BYTES};

use crate::problem::{Exit, Problem};

/// The one line end after the value.
const LONGEST_LINE_END: usize = 2;

/// What is done with the line end after a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LineEnd {
    /// One is taken off: `echo`, editors and here-documents add it.
    Trimmed,
    /// It belongs to the value.
    Kept,
}

/// Somebody gave a value on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a value is not taken from the command line, which other users can list and the shell's history keeps"
)]
pub(crate) struct ValueInArguments;

/// Parses a key on the command line; `KEY=VALUE` is refused without repeating it.
pub(crate) fn key(text: &str) -> Result<CredentialKey, Box<dyn std::error::Error + Send + Sync>> {
    if text.contains('=') {
        return Err(ValueInArguments.into());
    }
    Ok(text.parse()?)
}

/// Parses what stands where a value would, to refuse it.
pub(crate) fn refused(_: &str) -> Result<String, ValueInArguments> {
    Err(ValueInArguments)
}

/// Reads a value from `file`, else from stdin: prompted for if that is a terminal.
pub(crate) fn read(
    key: &CredentialKey,
    file: Option<&Path>,
    line_end: LineEnd,
) -> Result<Secret, Problem> {
    let bytes = match file {
        Some(path) => {
            let name = format!("`{}`", path.display());
            let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
            read_bounded(file, &name, line_end)?
        }
        None if io::stdin().is_terminal() => {
            prompt::hidden(&format!("value of `{key}` (not shown): "))?
        }
        None => read_bounded(unbuffered_stdin()?, "stdin", line_end)?,
    };
    secret(key, bytes)
}

/// Stdin without the buffer of the standard library, which is never wiped.
pub(crate) fn unbuffered_stdin() -> io::Result<File> {
    use std::os::fd::AsFd as _;
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

fn read_bounded(
    source: impl Read,
    name: &str,
    line_end: LineEnd,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut bytes = read_up_to(source, MAX_VALUE_BYTES + LONGEST_LINE_END + 1, name)?;
    if line_end == LineEnd::Trimmed {
        trim_line_end(&mut bytes);
    }
    if bytes.len() > MAX_VALUE_BYTES {
        return Err(too_large(name, MAX_VALUE_BYTES));
    }
    Ok(bytes)
}

/// Reads a file of values as a whole, and refuses more than `limit` bytes.
pub(crate) fn read_file(
    source: impl Read,
    limit: usize,
    name: &str,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let bytes = read_up_to(source, limit + 1, name)?;
    if bytes.len() > limit {
        return Err(too_large(name, limit));
    }
    Ok(bytes)
}

/// Reads to the end or so far, into a buffer that does not grow, as that would leave copies behind.
fn read_up_to(
    mut source: impl Read,
    most: usize,
    name: &str,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut bytes = Zeroizing::new(vec![0; most]);
    let mut length = 0;
    while length < most {
        match source.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(name, &error)),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn trim_line_end(bytes: &mut Vec<u8>) {
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
}

fn secret(key: &CredentialKey, mut bytes: Zeroizing<Vec<u8>>) -> Result<Secret, Problem> {
    Secret::from_utf8(std::mem::take(&mut *bytes))
        .map_err(|error| invalid(format!("credential `{key}` is not set")).because(Some(&error)))
}

fn too_large(name: &str, limit: usize) -> Problem {
    invalid(format!("{name} has more than {limit} bytes, the limit"))
}

pub(crate) fn unreadable(name: &str, error: &io::Error) -> Problem {
    Problem::new(Exit::Usage, "unreadable", format!("cannot read {name}")).because(Some(error))
}

fn invalid(message: String) -> Problem {
    Problem::new(Exit::Usage, "invalid_value", message)
}

// === impl ValueInArguments ===

impl ValueInArguments {
    /// What to tell, with how to pass a value.
    pub(crate) fn problem(self) -> Problem {
        Problem::new(Exit::Usage, "value_in_arguments", self.to_string()).hint(
            "give the key alone and type the value when asked, or pass it on stdin (`… | lockstep credential set KEY`) \
             or with `--from-file PATH`; if what was typed is in use, replace it, as the shell's history may have it",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "a test compares what was read")]
    fn check(input: &[u8], line_end: LineEnd, expected: Result<&[u8], &str>) {
        let read = read_bounded(input, "stdin", line_end)
            .and_then(|bytes| secret(&"KEY".parse().unwrap(), bytes));
        let told = read.as_ref().map(|secret| secret.expose().as_bytes());
        assert_eq!(told.map_err(|problem| problem.message.as_str()), expected);
    }

    #[test]
    fn one_line_end_is_trimmed_and_no_more() {
        check(b"v\n", LineEnd::Trimmed, Ok(b"v"));
        check(b"v\r\n", LineEnd::Trimmed, Ok(b"v"));
        check(b"v\n\n", LineEnd::Trimmed, Ok(b"v\n"));
        check(b" v \r", LineEnd::Trimmed, Ok(b" v \r"));
        check(b"v\n", LineEnd::Kept, Ok(b"v\n"));
    }

    #[test]
    fn the_limit_is_65536_bytes_without_the_line_end() {
        let limit = vec![b'v'; MAX_VALUE_BYTES];
        let over = vec![b'v'; MAX_VALUE_BYTES + 1];
        let refused = Err("stdin has more than 65536 bytes, the limit");
        check(&limit, LineEnd::Trimmed, Ok(&limit));
        check(
            &[&limit[..], b"\r\n"].concat(),
            LineEnd::Trimmed,
            Ok(&limit),
        );
        check(&[&limit[..], b"\n"].concat(), LineEnd::Kept, refused);
        check(&over, LineEnd::Trimmed, refused);
    }

    #[test]
    fn an_endless_input_is_refused_and_not_read_on() {
        let mut read = 0;
        let endless = io::repeat(b'v').take(1 << 30);
        let counted = Counted(endless, &mut read);
        assert!(read_bounded(counted, "stdin", LineEnd::Trimmed).is_err());
        assert!(read <= MAX_VALUE_BYTES + 3, "{read}");
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        check(
            b"v\xff",
            LineEnd::Trimmed,
            Err("credential `KEY` is not set"),
        );
    }

    struct Counted<'a, R>(R, &'a mut usize);

    impl<R: Read> Read for Counted<'_, R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(buffer)?;
            *self.1 += read;
            Ok(read)
        }
    }
}
