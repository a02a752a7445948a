//! What the engine answers to `run`: an output, or how the step failed.
//!
//! `guest-sdk/js/engine/README.md` has the format. A step may say a credential's value in any text of it, so each is copied
//! once, into memory that is wiped, and nothing that reads it keeps a scratch copy.

use lockstep_secret::{Secret, Zeroizing};

use crate::host::MAX_KEYS;

/// The first byte of an answer.
const OUTPUT: u8 = b'o';
const FAILURE: u8 = b'f';

/// What came back from a step.
pub(crate) enum Answer {
    /// JSON text.
    Output(Secret),
    Failed(ScriptFailure),
}

/// How a step failed.
pub(crate) struct ScriptFailure {
    pub(crate) kind: ScriptFault,
    /// For people: name, message, stack and causes.
    pub(crate) message: Zeroizing<String>,
    /// The keys of the credentials that were missing.
    pub(crate) keys: Vec<Zeroizing<String>>,
    pub(crate) retryable: bool,
}

/// What a failure is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ScriptFault {
    /// The step threw.
    Failed,
    /// It threw that a credential is missing.
    MissingCredential,
    /// Its output is not JSON.
    Output,
    /// It ran out of memory.
    Memory,
    /// It threw that a request was denied.
    Denied,
}

/// The engine's answer is none: the fault is ours, not that of the step. What it says is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("the JavaScript engine's answer is malformed: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

// === impl Answer ===

impl Answer {
    /// Reads an answer, which must be all of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        match bytes.split_first() {
            Some((&OUTPUT, json)) => text(json).map(|json| Self::Output(Secret::new(json))),
            Some((&FAILURE, failure)) => ScriptFailure::read(failure).map(Self::Failed),
            Some(_) => Err(Malformed("it begins with another byte than `o` or `f`")),
            None => Err(Malformed("it is empty")),
        }
    }
}

// === impl ScriptFailure ===

impl ScriptFailure {
    fn read(mut bytes: &[u8]) -> Result<Self, Malformed> {
        let [kind, retryable, 0, 0] = array(&mut bytes)? else {
            return Err(Malformed("its header is not that of a failure"));
        };
        let kind = ScriptFault::numbered(kind)?;
        let retryable = match retryable {
            0 => false,
            1 => true,
            _ => return Err(Malformed("it is neither retryable nor not")),
        };
        let count = number(&mut bytes)?;
        // The engine tells no more, and each costs the host more than it costs the guest.
        if count > MAX_KEYS {
            return Err(Malformed("it has too many keys"));
        }
        let message = part(&mut bytes)?;
        let keys = (0..count)
            .map(|_| part(&mut bytes))
            .collect::<Result<_, _>>()?;
        if !bytes.is_empty() {
            return Err(Malformed("something follows it"));
        }
        Ok(Self {
            kind,
            message,
            keys,
            retryable,
        })
    }
}

// === impl ScriptFault ===

impl ScriptFault {
    fn numbered(number: u8) -> Result<Self, Malformed> {
        match number {
            0 => Ok(Self::Failed),
            1 => Ok(Self::MissingCredential),
            2 => Ok(Self::Output),
            3 => Ok(Self::Memory),
            4 => Ok(Self::Denied),
            _ => Err(Malformed("it is a failure of no kind")),
        }
    }
}

/// A text with its length before it.
fn part(bytes: &mut &[u8]) -> Result<Zeroizing<String>, Malformed> {
    let length = number(bytes)?;
    text(take(bytes, length)?).map(Zeroizing::new)
}

fn number(bytes: &mut &[u8]) -> Result<usize, Malformed> {
    let number = u32::from_le_bytes(array(bytes)?);
    usize::try_from(number).map_err(|_| ENDS_EARLY)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (first, rest) = bytes.split_first_chunk().ok_or(ENDS_EARLY)?;
    *bytes = rest;
    Ok(*first)
}

fn take<'b>(bytes: &mut &'b [u8], length: usize) -> Result<&'b [u8], Malformed> {
    let (first, rest) = bytes.split_at_checked(length).ok_or(ENDS_EARLY)?;
    *bytes = rest;
    Ok(first)
}

const ENDS_EARLY: Malformed = Malformed("it ends early");

/// A copy of what is UTF-8. It is looked at before it is copied: a copy that is refused would be in the error.
fn text(bytes: &[u8]) -> Result<String, Malformed> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed("it is not UTF-8"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(bytes: &[u8]) -> Result<ScriptFailure, String> {
        match Answer::read(bytes) {
            Ok(Answer::Failed(failure)) => Ok(failure),
            Ok(Answer::Output(_)) => panic!("{bytes:?} is an output"),
            Err(malformed) => Err(malformed.to_string()),
        }
    }

    /// A failure that lacks two credentials.
    fn whole() -> Vec<u8> {
        let mut bytes = b"f\x01\x01\0\0\x02\0\0\0".to_vec();
        for text in ["Fehler: \"é\"\n", "A", "B_2"] {
            bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes
    }

    #[track_caller]
    fn check_malformed(bytes: &[u8], why: &str) {
        let message = Answer::read(bytes).err().unwrap().to_string();
        assert!(message.ends_with(why), "{bytes:?}: {message}");
    }

    #[test]
    fn an_output_is_what_follows_its_mark() {
        let Ok(Answer::Output(output)) = Answer::read("o{\"a\":\"é\"}".as_bytes()) else {
            panic!("no output");
        };
        assert_eq!(output.len(), "{\"a\":\"é\"}".len());
    }

    #[test]
    fn a_failure_has_a_kind_a_message_and_keys() {
        let failure = failure(&whole()).unwrap();
        assert_eq!(failure.kind, ScriptFault::MissingCredential);
        assert!(failure.retryable);
        assert_eq!(*failure.message, "Fehler: \"é\"\n");
        assert_eq!(*failure.keys[0], "A");
        assert_eq!(*failure.keys[1], "B_2");
        assert_eq!(failure.keys.len(), 2);
    }

    #[test]
    fn an_answer_that_ends_early_or_late_is_malformed() {
        let whole = whole();
        for length in 1..whole.len() {
            check_malformed(&whole[..length], "it ends early");
        }
        check_malformed(b"", "it is empty");
        check_malformed(&[&whole[..], b"\0"].concat(), "something follows it");
    }

    #[test]
    fn each_byte_that_says_what_an_answer_is_is_looked_at() {
        let with = |at: usize, byte: u8| {
            let mut bytes = whole();
            bytes[at] = byte;
            bytes
        };
        check_malformed(
            &with(0, b'x'),
            "it begins with another byte than `o` or `f`",
        );
        check_malformed(&with(1, 5), "it is a failure of no kind");
        check_malformed(&with(2, 2), "it is neither retryable nor not");
        check_malformed(&with(3, 1), "its header is not that of a failure");
        check_malformed(&with(4, 1), "its header is not that of a failure");
    }

    #[test]
    fn lengths_and_counts_beyond_the_answer_are_malformed() {
        let with = |at: usize, number: u32| {
            let mut bytes = whole();
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
            bytes
        };
        check_malformed(&with(5, u32::MAX), "it has too many keys");
        check_malformed(&with(5, 10_001), "it has too many keys");
        check_malformed(&with(5, 10_000), "it ends early");
        check_malformed(&with(5, 1), "something follows it");
        check_malformed(&with(9, u32::MAX), "it ends early");
    }

    #[test]
    fn as_many_keys_as_may_be_are_read() {
        let mut bytes = b"f\0\0\0\0\x10\x27\0\0\0\0\0\0".to_vec();
        bytes.extend([0; 4 * MAX_KEYS]);
        assert_eq!(failure(&bytes).unwrap().keys.len(), MAX_KEYS);
    }

    #[test]
    fn text_that_is_not_utf_8_is_malformed_and_not_repeated() {
        check_malformed(b"o\"canary\xff\"", "it is not UTF-8");
        let mut bytes = whole();
        bytes[13] = 0xff;
        check_malformed(&bytes, "it is not UTF-8");
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let whole = whole();
        for at in 0..whole.len() {
            for byte in 0..=u8::MAX {
                let mut bytes = whole.clone();
                bytes[at] = byte;
                drop(Answer::read(&bytes));
            }
        }
    }
}
