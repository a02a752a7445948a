//! The command line, parsed; and what is told of one that cannot be.
//!
//! Clap's own messages repeat what was typed. That may be a value in the wrong place, so only what looks like a word of
//! ours is repeated here.

use std::error::Error;
use std::ffi::OsString;

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::arguments::Call;
use crate::console::{Console, Form, Paint};
use crate::problem::{Exit, Problem};
use crate::value::ValueInArguments;

/// Longer than any word of the command line.
const LONGEST_WORD: usize = 24;

/// A command line that asks for no command.
pub(crate) struct NotParsed {
    error: clap::Error,
    form: Form,
}

/// What is told in place of a command's answer.
pub(crate) enum Answer {
    /// Help, or the version.
    Help(clap::Error),
    /// Why the call was not carried out.
    Problem(Problem),
}

/// Parses the command line.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Call, NotParsed> {
    let arguments: Vec<OsString> = arguments.collect();
    Call::try_parse_from(&arguments).map_err(|error| {
        let json = arguments.iter().any(|argument| argument == "--json");
        let form = if json { Form::Json } else { Form::Text };
        NotParsed { error, form }
    })
}

/// Who reads the answer.
pub(crate) fn form(call: &Result<Call, NotParsed>) -> Form {
    match call {
        Ok(call) if call.json => Form::Json,
        Ok(_) => Form::Text,
        Err(not_parsed) => not_parsed.form,
    }
}

// === impl NotParsed ===

impl NotParsed {
    pub(crate) fn into_answer(self) -> Answer {
        match self.error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Answer::Help(self.error),
            _ => Answer::Problem(problem(&self.error)),
        }
    }
}

// === impl Answer ===

impl Answer {
    pub(crate) fn show(self, console: &Console) -> Exit {
        match self {
            Self::Problem(problem) => {
                console.problem(&problem);
                problem.exit
            }
            Self::Help(help) if help.use_stderr() => {
                console.say(rendered(&help, console.stderr_paint()).as_bytes());
                Exit::Usage
            }
            Self::Help(help) => {
                match console.write(rendered(&help, console.stdout_paint()).as_bytes()) {
                    Ok(()) => Exit::Completed,
                    Err(error) => Self::Problem(error.into()).show(console),
                }
            }
        }
    }
}

fn rendered(help: &clap::Error, paint: Paint) -> String {
    let text = help.render();
    match paint {
        Paint::Coloured => text.ansi().to_string(),
        Paint::Plain => text.to_string(),
    }
}

fn problem(error: &clap::Error) -> Problem {
    if let Some(found) = error
        .source()
        .and_then(|source| source.downcast_ref::<ValueInArguments>())
    {
        return found.problem();
    }
    let argument = texts(error, ContextKind::InvalidArg).join(" ");
    let message = match error.kind() {
        ErrorKind::InvalidSubcommand => match word(texts(error, ContextKind::InvalidSubcommand)) {
            Some(word) => format!("there is no command `{word}`"),
            None => "there is no such command; it is not repeated here, as it may hold a value"
                .to_owned(),
        },
        ErrorKind::UnknownArgument => match word(texts(error, ContextKind::InvalidArg)) {
            Some(word) => format!("there is no argument `{word}` here"),
            None => "there is an argument too many; it is not repeated here, as it may be a value"
                .to_owned(),
        },
        ErrorKind::MissingRequiredArgument => format!("the argument `{argument}` is missing"),
        ErrorKind::MissingSubcommand => "a command is missing".to_owned(),
        ErrorKind::ArgumentConflict => match texts(error, ContextKind::PriorArg).join(" ") {
            prior if prior.is_empty() || prior == argument => {
                format!("`{argument}` is given twice")
            }
            prior => format!("`{argument}` cannot be given together with `{prior}`"),
        },
        // No text, or one that is not among those that can be.
        ErrorKind::InvalidValue => match texts(error, ContextKind::ValidValue) {
            none if none.is_empty() => format!("`{argument}` needs a value"),
            valid => format!("`{argument}` is one of: {}", valid.join(", ")),
        },
        // Our own parsers say what is wrong without repeating what they were given.
        ErrorKind::ValueValidation => match error.source() {
            Some(source) => format!("`{argument}`: {source}"),
            None => format!("`{argument}` is not what it must be"),
        },
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        other => other
            .as_str()
            .unwrap_or("the call is not understood")
            .to_owned(),
    };
    let problem = Problem::usage(message);
    match suggestion(error) {
        Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
        None => problem.hint("`--help` after a command tells its arguments"),
    }
}

fn suggestion(error: &clap::Error) -> Option<String> {
    [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .find_map(|kind| texts(error, kind).pop())
}

/// What was typed, if it can only be a mistyped word of the command line: it is short, and made of lower-case letters.
fn word(typed: Vec<String>) -> Option<String> {
    let typed = typed.into_iter().next()?;
    // Of `--token=value`, the name.
    let word = typed
        .split('=')
        .next()
        .filter(|name| name.starts_with('-') || *name == typed)?;
    let letters = word.trim_start_matches('-');
    let plain = |c: char| c == '-' || c.is_ascii_lowercase();
    (word.len() <= LONGEST_WORD && !letters.is_empty() && letters.chars().all(plain))
        .then(|| word.to_owned())
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &[&str], expected: &str) {
        let arguments = std::iter::once("lockstep").chain(line.iter().copied());
        let answer = parse(arguments.map(OsString::from))
            .err()
            .map(NotParsed::into_answer);
        let Some(Answer::Problem(problem)) = answer else {
            panic!("{line:?} is no wrong call");
        };
        let told = [
            vec![problem.message],
            problem.causes,
            problem.hint.into_iter().collect(),
        ];
        assert_eq!(problem.exit, Exit::Usage);
        let told = told.concat().join(" | ");
        assert!(told.starts_with(expected), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }

    #[test]
    fn a_mistyped_command_or_option_is_named_with_the_nearest() {
        check(
            &["runn", "x"],
            "there is no command `runn` | did you mean `run`?",
        );
        check(
            &["run", "x", "--timeuot", "3s"],
            "there is no argument `--timeuot` here | did you mean `--timeout`?",
        );
    }

    #[test]
    fn a_value_in_the_wrong_place_is_never_repeated() {
        check(
            &["credential", "set", "TOKEN=s3cret"],
            "a value is not taken from the command line",
        );
        check(
            &["credential", "set", "TOKEN", "s3cret"],
            "a value is not taken from the command line",
        );
        check(
            &["credential", "rotate", "TOKEN", "s3cret"],
            "a value is not taken from the command line",
        );
        check(
            &["credential", "delete", "TOKEN=s3cret"],
            "a value is not taken from the command line",
        );
        check(
            &["credential", "set", "TOKEN", "--value=s3cret"],
            "there is no argument `--value` here",
        );
        check(
            &["credential", "set", "TOKEN", "--value", "s3cret"],
            "there is no argument `--value` here",
        );
        check(&["credential", "TOKEN=s3cret"], "there is no such command");
        check(&["credential", "s3cret"], "there is no such command");
        check(&["set", "TOKEN=s3cret"], "there is no command `set`");
        check(
            &["credential", "show", "TOKEN", "S3CRET-s3cret"],
            "there is an argument too many",
        );
        check(
            &["permission", "set", "TOKEN=s3cret"],
            "a value is not taken from the command line",
        );
        check(
            &["credential", "set", "TO-s3cret"],
            "`<KEY>`: character 3 of the name",
        );
    }

    #[test]
    fn a_missing_argument_is_named() {
        check(&["credential", "set"], "the argument `<KEY>` is missing");
        check(&["run"], "the argument `<FILE|STEP>` is missing");
    }
}
