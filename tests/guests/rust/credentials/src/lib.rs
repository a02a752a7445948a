//! Reads credentials and lets them out, in the ways that the input asks for. The output is the length of each value.
//!
//! ```json
//! {"keys": ["TOKEN"], "spellings": ["raw", "base64"], "to": "stdout", "cut": 3}
//! ```
//! `spellings` is `["raw"]`, `to` is `stdout`, and nothing is cut, unless the input says otherwise.

mod spelling;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use lockstep_step::{Failure, credential};
use serde::{Deserialize, Serialize};

use spelling::Spelling;

#[derive(Deserialize)]
struct Input {
    keys: Vec<String>,
    #[serde(default = "raw")]
    spellings: Vec<Spelling>,
    #[serde(default)]
    to: Channel,
    /// Each write is of so many bytes, in place of a whole line.
    cut: Option<usize>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Channel {
    #[default]
    Stdout,
    Stderr,
    Output,
    Failure,
    Panic,
}

#[derive(Serialize)]
struct Output {
    lengths: BTreeMap<String, usize>,
    /// What went to the channel `output`.
    said: String,
}

#[lockstep_step::step]
fn run(input: Input) -> Result<Output, Failure> {
    let mut output = Output {
        lengths: BTreeMap::new(),
        said: String::new(),
    };
    for key in input.keys {
        let value = credential(&key)?;
        for spelling in &input.spellings {
            let mut line = spelling.of(&value);
            line.push(b'\n');
            say(&line, input.to, input.cut, &mut output.said)?;
        }
        output.lengths.insert(key, value.len());
    }
    Ok(output)
}

fn raw() -> Vec<Spelling> {
    vec![Spelling::Raw]
}

fn say(line: &[u8], to: Channel, cut: Option<usize>, output: &mut String) -> Result<(), Failure> {
    let text = || String::from_utf8_lossy(line);
    match to {
        Channel::Stdout => write(&mut io::stdout(), line, cut)?,
        Channel::Stderr => write(&mut io::stderr(), line, cut)?,
        Channel::Output => output.push_str(&text()),
        Channel::Failure => return Err(Failure::new(text())),
        Channel::Panic => panic!("{}", text()),
    }
    Ok(())
}

fn write(to: &mut impl Write, line: &[u8], cut: Option<usize>) -> io::Result<()> {
    for piece in line.chunks(cut.unwrap_or(line.len()).max(1)) {
        to.write_all(piece)?;
        to.flush()?;
    }
    Ok(())
}
