//! The one place that prints. A pipe that was closed takes what is left in silence.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::ops::ControlFlow;

use serde::Serialize;

use crate::config::Environment;
use crate::problem::Problem;

/// Stdout and stderr, and how to write to them.
#[derive(Clone)]
pub(crate) struct Console {
    form: Form,
    stdout: Paint,
    stderr: Paint,
    stderr_is_terminal: bool,
}

/// Who reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// People.
    Text,
    /// Programs.
    Json,
}

/// Whether a stream is coloured. Everything reads the same without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Paint {
    /// With colours.
    Coloured,
    /// Without.
    Plain,
}

/// How a label stands out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mood {
    /// Red.
    Bad,
    /// Yellow.
    Doubtful,
    /// Green.
    Good,
    /// Cyan.
    Helpful,
}

/// What a command answers: one document for programs, or text for people.
pub(crate) trait Answer: Serialize {
    /// The text, each line with its end.
    fn text(&self, out: &mut dyn fmt::Write, paint: Paint) -> fmt::Result;
}

// === impl Console ===

impl Console {
    pub(crate) fn new(form: Form, environment: &Environment) -> Self {
        let paint = |is_terminal: bool| {
            if is_terminal && !environment.no_color {
                Paint::Coloured
            } else {
                Paint::Plain
            }
        };
        Self {
            form,
            stdout: paint(io::stdout().is_terminal()),
            stderr: paint(io::stderr().is_terminal()),
            stderr_is_terminal: io::stderr().is_terminal(),
        }
    }

    /// Who reads.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// Whether stderr is a terminal, where a line can be written over.
    pub(crate) fn stderr_is_terminal(&self) -> bool {
        self.stderr_is_terminal
    }

    /// Whether stderr is coloured.
    pub(crate) fn stderr_paint(&self) -> Paint {
        self.stderr
    }

    /// Whether stdout is coloured.
    pub(crate) fn stdout_paint(&self) -> Paint {
        self.stdout
    }

    /// Shows an answer on stdout.
    pub(crate) fn show(&self, answer: &impl Answer) -> io::Result<()> {
        match self.form {
            Form::Json => self.show_json(answer),
            Form::Text => {
                let mut text = String::new();
                answer
                    .text(&mut text, self.stdout)
                    .map_err(io::Error::other)?;
                self.write(text.as_bytes())
            }
        }
    }

    /// Writes one JSON document to stdout.
    pub(crate) fn show_json(&self, document: &impl Serialize) -> io::Result<()> {
        self.write(&line(document)?)
    }

    /// Writes bytes to stdout as they are. `lockstep … | head -1` is no error: who reads has read enough.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        self.pass_on(bytes).map(|_| ())
    }

    /// As [`Console::write`], for what has no end: breaks off once nobody reads any more.
    pub(crate) fn pass_on(&self, bytes: &[u8]) -> io::Result<ControlFlow<()>> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(error) => Err(error),
        }
    }

    /// Writes bytes to stderr as they are. Where nobody listens, nobody misses them.
    pub(crate) fn say(&self, bytes: &[u8]) {
        drop(io::stderr().lock().write_all(bytes));
    }

    /// Tells something besides the answer.
    pub(crate) fn note(&self, text: &str) {
        self.labelled("note:", Mood::Helpful, text);
    }

    /// Tells something that may be wrong.
    pub(crate) fn warn(&self, text: &str) {
        self.labelled("warning:", Mood::Doubtful, text);
    }

    /// Tells what to do.
    pub(crate) fn hint(&self, text: &str) {
        self.labelled("hint:", Mood::Helpful, text);
    }

    /// Tells what went wrong, for people, whoever else reads.
    pub(crate) fn error(&self, text: &str) {
        self.labelled("error:", Mood::Bad, text);
    }

    /// Tells why the call was not carried out.
    pub(crate) fn problem(&self, problem: &Problem) {
        match self.form {
            Form::Json => {
                let document = serde_json::json!({ "error": {
                    "code": problem.code,
                    "message": problem.message,
                    "causes": problem.causes,
                    "hint": problem.hint,
                }});
                self.say(&line(&document).unwrap_or_default());
            }
            Form::Text => {
                self.error(&problem.message);
                for cause in &problem.causes {
                    self.labelled("  because:", Mood::Bad, cause);
                }
                if let Some(hint) = &problem.hint {
                    self.hint(hint);
                }
            }
        }
    }

    fn labelled(&self, label: &str, mood: Mood, text: &str) {
        self.say(format!("{} {text}\n", self.stderr.label(label, mood)).as_bytes());
    }
}

// === impl Paint ===

impl Paint {
    /// A label, coloured if the stream is.
    pub(crate) fn label(self, label: &str, mood: Mood) -> String {
        match self {
            Self::Plain => label.to_owned(),
            Self::Coloured => format!("\x1b[1;{}m{label}\x1b[0m", mood.colour()),
        }
    }
}

impl Mood {
    /// The number of the colour in ECMA-48.
    fn colour(self) -> u8 {
        match self {
            Self::Bad => 31,
            Self::Good => 32,
            Self::Doubtful => 33,
            Self::Helpful => 36,
        }
    }
}

fn line(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    Ok(line)
}
