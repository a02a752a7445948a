//! Files of values to take out of a text: a JSON array of strings.

use lockstep_secret::Secret;

/// A text is no such file. What the parser says of it may repeat a value, so only the place is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a JSON array of strings: line {line}, column {column}")]
pub(crate) struct NotStrings {
    line: usize,
    column: usize,
}

/// The values of a file, in their order.
#[expect(
    clippy::disallowed_methods,
    reason = "the file of values is parsed into values, which are wiped"
)]
pub(crate) fn parse(text: &Secret) -> Result<Vec<Secret>, NotStrings> {
    let values: Vec<String> = serde_json::from_str(text.expose()).map_err(|error| NotStrings {
        line: error.line(),
        column: error.column(),
    })?;
    Ok(values.into_iter().map(Secret::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Secret>, NotStrings> {
        super::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn the_values_keep_their_order() {
        let lengths: Vec<usize> = parse(r#"["four", "ab\nc5", ""]"#)
            .unwrap()
            .iter()
            .map(Secret::len)
            .collect();
        assert_eq!(lengths, [4, 5, 0]);
    }

    #[test]
    fn an_error_tells_the_place_and_no_value() {
        for (text, place) in [
            ("", "line 1, column 0"),
            ("{\"a\": \"s3cret\"}", "line 1, column 0"),
            ("[\"one\",\n 5]", "line 2, column 2"),
            ("[\"s3cret", "line 1, column 8"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("not a JSON array of strings: {place}")
            );
        }
    }
}
