//! The keys of the credentials that a step's code names.
//!
//! The guest SDKs record each key that stands literally in `credential("KEY")` in a custom section: UTF-8 keys, each
//! ended by a line feed. A key that is computed at run time is not found this way.

use std::collections::BTreeSet;

use wasmparser::{Parser, Payload};

use lockstep_step::CredentialKey;

use crate::InvalidStep;

/// The custom section in which the guest SDKs record keys.
const SECTION: &str = "lockstep:credential-keys";

/// The keys recorded in `wasm` and in the modules that it holds, sorted.
pub(crate) fn of(wasm: &[u8]) -> Result<Vec<CredentialKey>, InvalidStep> {
    let mut keys = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload
            .map_err(|error| InvalidStep::new(format!("the WebAssembly is not valid: {error}")))?;
        if let Payload::CustomSection(section) = payload
            && section.name() == SECTION
        {
            for line in section
                .data()
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                keys.insert(key(line)?);
            }
        }
    }
    Ok(keys.into_iter().collect())
}

fn key(line: &[u8]) -> Result<CredentialKey, InvalidStep> {
    let text = std::str::from_utf8(line).ok();
    let key = text.and_then(|text| text.parse().ok());
    key.ok_or_else(|| {
        InvalidStep::new(format!(
            "the custom section `{SECTION}` holds a line that is no credential key"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(section: &str) -> Result<Vec<String>, InvalidStep> {
        let wasm =
            wat::parse_str(format!(r#"(module (@custom "{SECTION}" "{section}"))"#)).unwrap();
        Ok(of(&wasm)?.into_iter().map(String::from).collect())
    }

    #[test]
    fn keys_are_sorted_and_told_once() {
        assert_eq!(keys("B\\nA\\nB\\n").unwrap(), ["A", "B"]);
        assert!(keys("").unwrap().is_empty());
    }

    #[test]
    fn a_line_that_is_no_key_is_refused() {
        assert!(keys("not a key\\n").is_err());
        assert!(keys("\\ff\\n").is_err());
    }
}
