//! Files of `KEY=value` lines, as `.env` files are written.
//!
//! - Blank lines and lines that begin with `#` are skipped; `export ` before a key is, too.
//! - Without quotes, a value goes to the end of the line or to a blank and a `#`; blanks around it are dropped.
//! - In single quotes, everything stands for itself. In double quotes, `\n \r \t \\ \" \' \$` and `` \` `` are escapes,
//!   and any other is an error. Quoted values may have several lines.
//! - `$` stands for itself everywhere: nothing is put in from elsewhere.
//!
//! Errors name lines and keys, and never repeat what may be a value.

use std::collections::HashMap;

use lockstep_secret::Zeroizing;

use lockstep_secret::Secret;
use lockstep_step::{CredentialKey, InvalidName};

/// One `KEY=value`.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: CredentialKey,
    /// The value.
    pub(crate) value: Secret,
}

/// Why a text is no such file. Lines are counted from 1.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum EnvFileError {
    /// A line is no entry.
    #[error("line {line} has no `=` after a key")]
    NoEquals {
        /// Which.
        line: usize,
    },
    /// What stands before the `=` is no key.
    #[error("line {line} does not begin with a key: {source}")]
    Key {
        /// Which.
        line: usize,
        /// Why not.
        source: InvalidName,
    },
    /// The file ends within quotes.
    #[error("the quotes that line {line} opens are never closed")]
    Unclosed {
        /// Which.
        line: usize,
    },
    /// A backslash before a character that needs none.
    #[error(
        "line {line} has an unknown escape in double quotes: write `\\\\` for a backslash, or use single quotes"
    )]
    Escape {
        /// Which.
        line: usize,
    },
    /// Text after the closing quotes.
    #[error("line {line} goes on after the closing quotes")]
    AfterQuotes {
        /// Which.
        line: usize,
    },
    /// There is no value.
    #[error("line {line} gives `{key}` no value")]
    Empty {
        /// Which.
        line: usize,
        /// Whose value is missing.
        key: CredentialKey,
    },
    /// A key for the second time.
    #[error("line {line} gives `{key}` again, after line {first}")]
    Duplicate {
        /// Which.
        line: usize,
        /// The line with the same key.
        first: usize,
        /// The key.
        key: CredentialKey,
    },
}

/// The entries of a file, in their order.
pub(crate) fn parse(text: &str) -> Result<Vec<Entry>, EnvFileError> {
    let mut reader = Reader {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        line: 1,
    };
    let mut entries = Vec::new();
    let mut lines = HashMap::new();
    while reader.next_entry() {
        let line = reader.line;
        let key = reader.key()?;
        let value = reader.value()?;
        if value.is_empty() {
            return Err(EnvFileError::Empty { line, key });
        }
        if let Some(first) = lines.insert(key.clone(), line) {
            return Err(EnvFileError::Duplicate { line, first, key });
        }
        entries.push(Entry { key, value });
    }
    Ok(entries)
}

/// What is still to be read, and the line in which it begins.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    /// Goes to the next line that is not blank and no comment; `false` at the end of the file.
    fn next_entry(&mut self) -> bool {
        while !self.rest.is_empty() {
            let line = self.rest_of_line().trim();
            if !line.is_empty() && !line.starts_with('#') {
                return true;
            }
            self.skip_line();
        }
        false
    }

    /// Takes the key and the `=`.
    fn key(&mut self) -> Result<CredentialKey, EnvFileError> {
        let line = self.line;
        let (before, _) = self
            .rest_of_line()
            .split_once('=')
            .ok_or(EnvFileError::NoEquals { line })?;
        self.rest = &self.rest[before.len() + 1..];
        let key = before.trim();
        let key = match key.strip_prefix("export") {
            Some(exported) if exported.starts_with([' ', '\t']) => exported.trim(),
            Some(_) | None => key,
        };
        key.parse()
            .map_err(|source| EnvFileError::Key { line, source })
    }

    /// Takes the value and the end of its line.
    fn value(&mut self) -> Result<Secret, EnvFileError> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                self.rest = &self.rest[1..];
                let value = self.quoted(quote)?;
                self.end_of_line()?;
                Ok(value)
            }
            Some(_) | None => {
                let value = without_comment(self.rest_of_line()).trim();
                self.skip_line();
                Ok(Secret::new(value.to_owned()))
            }
        }
    }

    /// Takes the text up to the closing quote, and the quote.
    fn quoted(&mut self, quote: char) -> Result<Secret, EnvFileError> {
        let opened = self.line;
        // No value is longer than what is left, so the text never grows, which would leave copies behind.
        let longest = self.rest.len();
        let mut value = Zeroizing::new(String::with_capacity(longest));
        let mut characters = self.rest.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                _ if character == quote => {
                    self.rest = &self.rest[at + 1..];
                    // As long as it is, and no longer: it is kept, and files have many.
                    return Ok(Secret::new(value.as_str().to_owned()));
                }
                '\\' if quote == '"' => {
                    let escaped = characters
                        .next()
                        .and_then(|(_, escaped)| unescaped(escaped));
                    value.push(escaped.ok_or(EnvFileError::Escape { line: self.line })?);
                }
                // Line ends of the file, not of the value.
                '\r' if characters.peek().is_some_and(|(_, next)| *next == '\n') => {}
                '\n' => {
                    self.line += 1;
                    value.push('\n');
                }
                _ => value.push(character),
            }
        }
        Err(EnvFileError::Unclosed { line: opened })
    }

    /// Takes what may stand after a quoted value.
    fn end_of_line(&mut self) -> Result<(), EnvFileError> {
        let line = self.line;
        let rest = self.rest_of_line();
        if !without_comment(rest).trim().is_empty() {
            return Err(EnvFileError::AfterQuotes { line });
        }
        self.skip_line();
        Ok(())
    }

    fn rest_of_line(&self) -> &'a str {
        self.rest.split('\n').next().unwrap_or_default()
    }

    fn skip_line(&mut self) {
        self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        self.line += 1;
    }
}

/// The text up to a `#` that stands at its begin or after a blank.
fn without_comment(text: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| *at == 0 || text[..*at].ends_with([' ', '\t']);
    match text.match_indices('#').find(begins) {
        Some((at, _)) => &text[..at],
        None => text,
    }
}

fn unescaped(escaped: char) -> Option<char> {
    match escaped {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '\\' | '"' | '\'' | '$' | '`' => Some(escaped),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "a test compares what was read")]
    fn check(text: &str, expected: Result<&[(&str, &str)], &str>) {
        let parsed = parse(text).map_err(|error| error.to_string());
        let parsed = parsed.as_ref().map(|entries| {
            let pairs = entries
                .iter()
                .map(|entry| (entry.key.as_str(), entry.value.expose()));
            pairs.collect::<Vec<_>>()
        });
        let parsed = parsed
            .as_ref()
            .map(Vec::as_slice)
            .map_err(|error| error.as_str());
        assert_eq!(parsed, expected);
    }

    #[test]
    fn keys_and_values_stand_around_an_equals_sign() {
        check(
            "A=1\nB = two words \n\n  export C=x=y\nexported=1",
            Ok(&[
                ("A", "1"),
                ("B", "two words"),
                ("C", "x=y"),
                ("exported", "1"),
            ]),
        );
        check("A", Err("line 1 has no `=` after a key"));
        check("\nA: b", Err("line 2 has no `=` after a key"));
        check("", Ok(&[]));
    }

    #[test]
    fn a_comment_begins_a_line_or_follows_a_blank() {
        check(
            "# A=1\n  # B=2\nC=a#b # c\nD='#' # d\nE=\"#\"\t# e",
            Ok(&[("C", "a#b"), ("D", "#"), ("E", "#")]),
        );
    }

    #[test]
    fn single_quotes_take_everything_literally() {
        check(r#"A='a\nb "$C" \'"#, Ok(&[("A", r#"a\nb "$C" \"#)]));
        check("A=''", Err("line 1 gives `A` no value"));
        check("A=' '", Ok(&[("A", " ")]));
    }

    #[test]
    fn double_quotes_have_escapes() {
        check(r#"A="a\nb\t\"\\\$\`""#, Ok(&[("A", "a\nb\t\"\\$`")]));
        check(
            "\nA=\"a\\sb\"",
            Err(
                "line 2 has an unknown escape in double quotes: write `\\\\` for a backslash, or use single quotes",
            ),
        );
    }

    #[test]
    fn nothing_is_put_in_for_a_dollar_sign() {
        check(
            "A=$HOME/x\nB=\"${A}\"",
            Ok(&[("A", "$HOME/x"), ("B", "${A}")]),
        );
    }

    #[test]
    fn quoted_values_may_have_several_lines() {
        check(
            "A=\"one\ntwo\"\nB='three\n\nfour'\nC",
            Err("line 6 has no `=` after a key"),
        );
        check(
            "A=\"one\ntwo\"\nB='three\n\nfour'",
            Ok(&[("A", "one\ntwo"), ("B", "three\n\nfour")]),
        );
        check(
            "A=1\nB=\"one\ntwo",
            Err("the quotes that line 2 opens are never closed"),
        );
    }

    #[test]
    fn line_ends_may_be_those_of_windows() {
        check(
            "A=1\r\nB='x'\r\nC=\"y\r\nz\"\r\n\r\n",
            Ok(&[("A", "1"), ("B", "x"), ("C", "y\nz")]),
        );
    }

    #[test]
    fn what_follows_closing_quotes_is_refused() {
        check(
            "A='s3cret's",
            Err("line 1 goes on after the closing quotes"),
        );
        check("A='s3cret'#s", Ok(&[("A", "s3cret")]));
    }

    #[test]
    fn a_key_stands_once() {
        check("A=1\nB=2\nA=3", Err("line 3 gives `A` again, after line 1"));
        check("A=1\na=2", Ok(&[("A", "1"), ("a", "2")]));
    }

    #[test]
    fn errors_do_not_repeat_what_may_be_a_value() {
        check(
            "A-s3cret=1",
            Err(
                "line 1 does not begin with a key: character 2 of the name is not allowed: a key has ASCII letters, digits \
             and `_`, and does not start with a digit",
            ),
        );
        check(
            "=s3cret",
            Err("line 1 does not begin with a key: a name cannot be empty"),
        );
        check("A=", Err("line 1 gives `A` no value"));
        check("A= # none", Err("line 1 gives `A` no value"));
    }
}
