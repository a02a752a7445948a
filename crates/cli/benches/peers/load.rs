//! How busy the machine was with other things: what the figures are worth depends on it.

use std::fmt;
use std::fs;
use std::thread;
use std::time::Instant;

use serde::Serialize;

/// The unit of `/proc/stat` and `/proc/self/stat`: 100 wherever Linux runs.
const TICKS_A_SECOND: f64 = 100.0;

/// While figures are taken.
pub(crate) struct Watch {
    since: Instant,
    waiting_before: f64,
    busy: f64,
    own: f64,
}

#[derive(Serialize)]
pub(crate) struct Load {
    seconds: f64,
    processors: usize,
    /// How many threads wanted a processor, on average, in the minute before.
    waiting_before: f64,
    /// How many processors worked for others, on average.
    busy_with_others: f64,
}

impl Watch {
    pub(crate) fn start() -> Self {
        Self {
            since: Instant::now(),
            waiting_before: waiting(),
            busy: busy(),
            own: own(),
        }
    }

    /// After all child processes have ended.
    pub(crate) fn end(self) -> Load {
        let seconds = self.since.elapsed().as_secs_f64();
        let others = (busy() - self.busy) - (own() - self.own);
        Load {
            seconds,
            processors: thread::available_parallelism().unwrap().get(),
            waiting_before: self.waiting_before,
            busy_with_others: (others / seconds).max(0.0),
        }
    }
}

fn waiting() -> f64 {
    numbers("/proc/loadavg", 0)[0]
}

/// The processors' time for all processes, in seconds: user, nice, system, and interrupts.
fn busy() -> f64 {
    let all = numbers("/proc/stat", 1);
    (all[0] + all[1] + all[2] + all[5] + all[6]) / TICKS_A_SECOND
}

/// That for this process and the children that it has waited for.
fn own() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program, in parentheses, may have spaces.
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let times = fields[11..15]
        .iter()
        .map(|time| time.parse::<f64>().unwrap());
    times.sum::<f64>() / TICKS_A_SECOND
}

/// Those of the first line, after so many words.
fn numbers(path: &str, words: usize) -> Vec<f64> {
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().next().unwrap();
    let words = line.split_whitespace().skip(words);
    words.map_while(|word| word.parse().ok()).collect()
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seconds,
            processors,
            waiting_before,
            busy_with_others,
        } = self;
        write!(
            f,
            "taken in {seconds:.0} s on {processors} processors, of which {busy_with_others:.2} were busy with other \
             processes meanwhile; load average before: {waiting_before:.2}"
        )
    }
}
