//! Does what the input says, in that order: lets bytes out in writes of their own, and asks for credentials in between.
//!
//! ```json
//! {"acts": [{"reveal": "TOKEN"}, {"stdout": [80, 97]}, {"stderr": [115]}, {"sleep_ms": 5}], "end": {"output": "text"}}
//! ```
//! `end` is `{"output": …}` or `{"failure": …}`; without it the output is `null`.

use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

use lockstep_step::{Failure, credential};
use serde::Deserialize;

#[derive(Deserialize)]
struct Input {
    acts: Vec<Act>,
    end: Option<End>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    /// Ask for the credential with this key.
    Reveal(String),
    /// Write these bytes, and flush.
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    SleepMs(u64),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum End {
    Output(String),
    Failure(String),
}

#[lockstep_step::step]
fn run(input: Input) -> Result<Option<String>, Failure> {
    for act in input.acts {
        act.carry_out()?;
    }
    match input.end {
        None => Ok(None),
        Some(End::Output(text)) => Ok(Some(text)),
        Some(End::Failure(message)) => Err(Failure::new(message)),
    }
}

impl Act {
    fn carry_out(self) -> Result<(), Failure> {
        match self {
            Self::Reveal(key) => drop(credential(&key)?),
            Self::Stdout(bytes) => write(&mut io::stdout(), &bytes)?,
            Self::Stderr(bytes) => write(&mut io::stderr(), &bytes)?,
            Self::SleepMs(ms) => thread::sleep(Duration::from_millis(ms)),
        }
        Ok(())
    }
}

fn write(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}
