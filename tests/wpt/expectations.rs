//! What is known: tests that are left out, and subtests that fail.

use serde::Deserialize;

/// `expectations.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectations {
    /// For people: which tests these are about.
    #[serde(rename = "about")]
    _about: String,
    left_out: Vec<LeftOut>,
    fails: Vec<Failing>,
}

/// Files that are not run, or subtests of them that are not counted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeftOut {
    #[serde(rename = "reason")]
    _reason: String,
    files: Vec<String>,
    /// All, where there are none.
    #[serde(default)]
    subtests: Vec<String>,
}

/// Subtests that fail. Each that fits fails: one that passes is not as expected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failing {
    #[serde(rename = "reason")]
    _reason: String,
    file: String,
    subtests: Vec<String>,
}

impl Expectations {
    pub(crate) fn committed() -> Result<Self, String> {
        serde_json::from_str(include_str!("expectations.json"))
            .map_err(|error| format!("expectations.json: {error}"))
    }

    /// Whether a file is not run.
    pub(crate) fn leaves_out(&self, file: &str) -> bool {
        let mut entries = self.left_out.iter();
        entries.any(|entry| entry.subtests.is_empty() && fits_any(file, &entry.files))
    }

    /// Whether a subtest is not counted.
    pub(crate) fn leaves_out_of(&self, file: &str, subtest: &str) -> bool {
        let mut entries = self.left_out.iter();
        entries.any(|entry| fits_any(file, &entry.files) && fits_any(subtest, &entry.subtests))
    }

    /// Whether a subtest is known to fail.
    pub(crate) fn fails(&self, file: &str, subtest: &str) -> bool {
        let mut entries = self.fails.iter();
        entries.any(|entry| file == entry.file && fits_any(subtest, &entry.subtests))
    }
}

fn fits_any(text: &str, patterns: &[String]) -> bool {
    patterns.iter().any(|pattern| fits(text, pattern))
}

/// Whether a text is what a pattern says, where `*` stands for anything.
fn fits(text: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return text == pattern;
    };
    let Some(mut left) = text.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for pattern in ["a b c", "*", "a*", "*c", "a*c", "a**c", "* b *"] {
            assert!(fits("a b c", pattern), "{pattern}");
        }
        for pattern in ["", "a", "a*b", "b*", "a b c*c", "*d*"] {
            assert!(!fits("a b c", pattern), "{pattern}");
        }
    }

    #[test]
    fn what_is_committed_can_be_read() {
        Expectations::committed().unwrap();
    }
}
