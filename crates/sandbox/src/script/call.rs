//! What the engine calls the host for, by number: the import `call` (`guest-sdk/js/engine/README.md` has the table).
//!
//! One import and not one each: a run takes as long to be given an import that it does not use as one that it does.

use std::time::Duration;

use jiff::Timestamp;
use lockstep_step::LogStream;

use super::signing;
use super::state::{ScriptState, Waiting};
use crate::host::MAX_KEYS;

/// Random bytes that the engine asks for in one call at most: what `crypto.getRandomValues` gives at most.
const MAX_RANDOM_BYTES: usize = 64 << 10;
/// What of an asked key is read: one byte more than a key has, so that a longer one is seen to be none.
const MAX_KEY_BYTES: usize = 129;
/// What the engine says of a panic, in bytes.
const MAX_PANIC_BYTES: usize = 1 << 10;
/// The answer to a key of which there is no credential to be had.
const MISSING: i64 = -1;
/// It is there, and its workspace requires that it is sealed, which it is not.
const SEALING_REQUIRED: i64 = -2;
/// The answer where there is nothing to say.
const DONE: i64 = 0;

/// One of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Call {
    Now,
    Monotonic,
    Random,
    Stdout,
    Stderr,
    Credential,
    Missing,
    Context,
    Take,
    Panic,
    Sign,
}

/// The engine panicked, which it never should.
#[derive(Debug, thiserror::Error)]
#[error("the JavaScript engine panicked: {0}")]
pub(super) struct Panicked(String);

/// A pointer or a length lies outside of the memory, or more is asked for than may be.
#[derive(Debug, thiserror::Error)]
#[error("the JavaScript engine named memory that it does not have")]
pub(super) struct OutOfBounds;

/// The number of a call is that of none.
#[derive(Debug, thiserror::Error)]
#[error("the JavaScript engine makes the call {0}, which this host does not know")]
pub(super) struct UnknownCall(i32);

// === impl Call ===

impl Call {
    /// In the order of their numbers, which `guest-sdk/js/engine/src/host.rs` has too.
    const ALL: [Self; 11] = [
        Self::Now,
        Self::Monotonic,
        Self::Random,
        Self::Stdout,
        Self::Stderr,
        Self::Credential,
        Self::Missing,
        Self::Context,
        Self::Take,
        Self::Panic,
        Self::Sign,
    ];

    pub(super) fn numbered(number: i32) -> Result<Self, UnknownCall> {
        usize::try_from(number)
            .ok()
            .and_then(|index| Self::ALL.get(index))
            .copied()
            .ok_or(UnknownCall(number))
    }
}

// === impl ScriptState ===

impl ScriptState {
    /// Answers a call. It is about `length` bytes of `memory`, or nothing.
    pub(super) fn call(
        &mut self,
        call: Call,
        memory: &mut [u8],
        at: u32,
        length: u32,
    ) -> wasmtime::Result<i64> {
        let bytes = slice(memory, at, length)?;
        match call {
            Call::Now => Ok(i64::try_from(Timestamp::now().as_nanosecond())?),
            Call::Monotonic => Ok(i64::try_from(self.began.elapsed().as_nanos())?),
            Call::Random => random(bytes),
            Call::Stdout => Ok(self.log(LogStream::Stdout, bytes)),
            Call::Stderr => Ok(self.log(LogStream::Stderr, bytes)),
            Call::Credential => self.credential(bytes),
            Call::Missing => self.missing(&String::from_utf8_lossy(bytes)),
            Call::Context => {
                let context = serde_json::to_string(&self.context())?;
                Ok(self.wait(Waiting::Text(context))?.into())
            }
            Call::Take => take(&std::mem::take(&mut self.waiting), bytes),
            Call::Panic => Err(panicked(bytes).into()),
            Call::Sign => self.sign(bytes),
        }
    }

    fn sign(&mut self, call: &[u8]) -> wasmtime::Result<i64> {
        let answer = signing::sign(&mut self.guest.desk, call)?;
        Ok(self.wait(Waiting::Text(answer))?.into())
    }

    fn log(&mut self, stream: LogStream, bytes: &[u8]) -> i64 {
        self.log.write(stream, bytes);
        DONE
    }

    fn credential(&mut self, asked: &[u8]) -> wasmtime::Result<i64> {
        let asked = String::from_utf8_lossy(&asked[..asked.len().min(MAX_KEY_BYTES)]);
        match self.guest.desk.credential(&asked)? {
            Ok(value) => Ok(self.wait(Waiting::Value(value))?.into()),
            Err(error) if error.is_sealing_required() => Ok(SEALING_REQUIRED),
            Err(_) => Ok(MISSING),
        }
    }

    fn missing(&mut self, asked: &str) -> wasmtime::Result<i64> {
        // One more than may be: the desk then refuses them, and of a million line feeds no million texts are made.
        let asked = asked.split('\n').take(MAX_KEYS + 1);
        let asked = asked.map(str::to_owned).collect();
        let missing = self.guest.desk.missing(asked)?;
        Ok(self.wait(Waiting::Text(missing.join("\n")))?.into())
    }

    /// Waits for news of the requests, or until the time is over. What it returns is `kind << 56 | id << 32 | length`.
    pub(super) async fn wait_for_news(&mut self, time: Duration) -> wasmtime::Result<i64> {
        let outlet = self.guest.way_out.outlet();
        let Some(news) = self.network.news(time, outlet).await? else {
            return Ok(0);
        };
        let (head, payload) = news.into_parts();
        let length = self.wait(Waiting::Bytes(payload))?;
        Ok(head | i64::from(length))
    }

    /// Keeps a text until the guest takes it, and tells how long it is.
    pub(super) fn wait(&mut self, text: Waiting) -> wasmtime::Result<i32> {
        let length = i32::try_from(text.bytes().len())?;
        self.waiting = text;
        Ok(length)
    }
}

/// Bytes of a guest's memory that are only read.
pub(super) fn part(memory: &[u8], at: u32, length: u32) -> Result<&[u8], OutOfBounds> {
    let (at, length) = (at as usize, length as usize);
    memory
        .get(at..)
        .and_then(|rest| rest.get(..length))
        .ok_or(OutOfBounds)
}

/// Bytes of a guest's memory.
pub(super) fn slice(memory: &mut [u8], at: u32, length: u32) -> Result<&mut [u8], OutOfBounds> {
    let (at, length) = (at as usize, length as usize);
    memory
        .get_mut(at..)
        .and_then(|rest| rest.get_mut(..length))
        .ok_or(OutOfBounds)
}

pub(super) fn panicked(message: &[u8]) -> Panicked {
    let message = &message[..message.len().min(MAX_PANIC_BYTES)];
    Panicked(String::from_utf8_lossy(message).into_owned())
}

/// The guest has been told how long the text is that waits, and has as much room.
fn take(waiting: &Waiting, room: &mut [u8]) -> wasmtime::Result<i64> {
    let text = waiting.bytes();
    room.get_mut(..text.len())
        .ok_or(OutOfBounds)?
        .copy_from_slice(text);
    Ok(DONE)
}

fn random(bytes: &mut [u8]) -> wasmtime::Result<i64> {
    if bytes.len() > MAX_RANDOM_BYTES {
        return Err(OutOfBounds.into());
    }
    getrandom::fill(bytes)
        .map_err(|error| wasmtime::Error::msg(format!("no randomness: {error}")))?;
    Ok(DONE)
}
