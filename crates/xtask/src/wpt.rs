//! `cargo xtask wpt`: the Web Platform Tests of a checkout, run in steps by the program `wpt` of the package of tests.

use std::path;

use anyhow::{Context, Result};

use crate::process::{cargo, run};

/// The option whose value is a directory, which may be relative to where the person is.
const TESTS: &str = "--tests";

/// Hands all words on.
pub(crate) fn test(words: &[String]) -> Result<()> {
    let program = ["run", "--package", "lockstep-e2e", "--bin", "wpt", "--"];
    run(cargo("").args(program).args(absolute(words)?))
}

fn absolute(words: &[String]) -> Result<Vec<String>> {
    let mut words = words.to_vec();
    let at = words.iter().position(|word| word == TESTS);
    if let Some(directory) = at.and_then(|at| words.get_mut(at + 1)) {
        let full = path::absolute(&*directory)
            .with_context(|| format!("`{TESTS} {directory}` is no directory"))?;
        *directory = full.to_string_lossy().into_owned();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_where_the_person_is() {
        let words = ["--json", TESTS, "wpt", "url/"].map(str::to_owned);
        let here = path::absolute("wpt").unwrap();
        let there = absolute(&words).unwrap();
        assert_eq!(there[2], here.to_string_lossy());
        assert_eq!(
            [&there[..2], &there[3..]].concat(),
            ["--json", TESTS, "url/"]
        );
    }
}
