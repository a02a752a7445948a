//! The command line.

use std::path::PathBuf;

/// What is asked for.
pub(crate) struct Arguments {
    /// The checkout.
    pub(crate) tests: PathBuf,
    /// What the paths of the tests that are wanted begin with; all when there are none.
    pub(crate) filters: Vec<String>,
    pub(crate) form: Form,
}

/// How the result is told.
pub(crate) enum Form {
    /// A line for each folder, and what was not expected.
    Text,
    /// Every subtest that failed or was to fail.
    Json,
    /// As text, after `expectations.json` was written anew.
    Written,
}

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut tests, mut filters, mut form) = (None, Vec::new(), Form::Text);
        let mut words = words;
        while let Some(word) = words.next() {
            match word.as_str() {
                "--tests" => tests = words.next().map(PathBuf::from),
                "--json" => form = Form::Json,
                "--write" => form = Form::Written,
                option if option.starts_with('-') => {
                    return Err(format!("there is no option `{option}`"));
                }
                _ => filters.push(word),
            }
        }
        let tests = tests.ok_or("`--tests DIRECTORY` says where the Web Platform Tests are")?;
        Ok(Self {
            tests,
            filters,
            form,
        })
    }
}
