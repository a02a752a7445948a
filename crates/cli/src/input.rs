//! The input of a run, from the command line, a file or stdin.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::str::FromStr;

use crate::problem::{Exit, Problem};

/// Where the input is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Input {
    /// Here.
    Text(String),
    /// `@FILE`.
    File(PathBuf),
    /// `-`.
    Stdin,
}

impl FromStr for Input {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.strip_prefix('@') {
            Some(path) => Self::File(path.into()),
            None if text == "-" => Self::Stdin,
            None => Self::Text(text.to_owned()),
        })
    }
}

impl Input {
    /// The text. Whether it is JSON, and whether it is over its limit, is the run's business and stands in its record;
    /// here no more is read than shows it.
    pub(crate) fn read(self, limit: u64) -> Result<String, Problem> {
        match self {
            Self::Text(text) => Ok(text),
            Self::File(path) => {
                let name = format!("the input `{}`", path.display());
                let file = File::open(&path).map_err(|error| unreadable(&name, &error))?;
                read_bounded(file, limit, &name)
            }
            Self::Stdin => read_bounded(io::stdin().lock(), limit, "the input on stdin"),
        }
    }
}

fn read_bounded(source: impl Read, limit: u64, name: &str) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    source
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > limit {
        // Cut, perhaps within a character.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes)
        .map_err(|error| invalid(format!("{name} is not UTF-8")).because(Some(&error.utf8_error())))
}

fn unreadable(name: &str, error: &io::Error) -> Problem {
    Problem::new(Exit::Usage, "unreadable", format!("cannot read {name}")).because(Some(error))
}

fn invalid(message: String) -> Problem {
    Problem::new(Exit::Usage, "invalid_input", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Input) {
        assert_eq!(text.parse(), Ok(expected));
    }

    #[test]
    fn an_input_is_text_a_file_or_stdin() {
        check("{\"a\": 1}", Input::Text("{\"a\": 1}".to_owned()));
        check("-1", Input::Text("-1".to_owned()));
        check("-", Input::Stdin);
        check("@in put.json", Input::File("in put.json".into()));
    }

    #[test]
    fn of_an_input_over_its_limit_so_much_is_read_that_it_is_seen() {
        assert_eq!(read_bounded(&b"1234"[..], 4, "it").unwrap(), "1234");
        assert_eq!(read_bounded(&b"1234567"[..], 4, "it").unwrap(), "12345");
        assert!(read_bounded("123öö".as_bytes(), 3, "it").unwrap().len() > 3);
    }

    #[test]
    fn an_input_that_is_not_utf8_is_refused() {
        assert_eq!(
            read_bounded(&b"\xff"[..], 4, "it").unwrap_err().message,
            "it is not UTF-8"
        );
    }
}
