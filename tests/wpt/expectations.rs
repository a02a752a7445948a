//! What is known: tests that are left out, and subtests that fail.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::{Deserialize, Serialize};

use crate::run::{Ended, Subtest};

/// `expectations.json`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expectations {
    /// For people: which tests these are about.
    about: String,
    left_out: Vec<LeftOut>,
    fails: Vec<Failing>,
}

/// Files that are not run, or subtests of them that are not counted.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct LeftOut {
    reason: String,
    files: Vec<String>,
    /// All, where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subtests: Vec<String>,
}

/// Subtests that fail. Each that fits fails: one that passes is not as expected.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Failing {
    reason: String,
    file: String,
    subtests: Vec<String>,
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/wpt/expectations.json");

/// The reason of what failed when the file was written and has no other yet. Until a person says why, it is not expected.
const NEW: &str = "new";

impl Expectations {
    pub(crate) fn read() -> Result<Self, String> {
        let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))
    }

    pub(crate) fn write(&self) -> Result<(), String> {
        fs::write(FILE, self.text()?).map_err(|error| format!("{FILE}: {error}"))
    }

    fn text(&self) -> Result<String, String> {
        let text = serde_json::to_string_pretty(self);
        text.map(|text| text + "\n")
            .map_err(|error| error.to_string())
    }

    /// Takes what runs found for what is known: what passed is gone, and what failed and is not known yet is new. Nothing
    /// changes for files that were not run, and nothing is forgotten of one that failed as a whole.
    pub(crate) fn learn(&mut self, ended: &[Ended]) {
        let counted: BTreeMap<String, Vec<&Subtest>> =
            ended.iter().map(|ended| self.counted(ended)).collect();
        let broken: BTreeSet<String> = ended
            .iter()
            .filter(|ended| ended.is_broken())
            .map(|ended| ended.file.name())
            .collect();
        for entry in &mut self.fails {
            if let Some(subtests) = counted.get(&entry.file)
                && !broken.contains(&entry.file)
            {
                let patterns = entry.subtests.iter();
                entry.subtests = patterns
                    .flat_map(|pattern| still_failing(pattern, subtests))
                    .collect();
            }
        }
        self.fails.retain(|entry| !entry.subtests.is_empty());
        for (file, subtests) in counted {
            let unknown = subtests.into_iter().filter(|subtest| {
                !subtest.has_passed() && !self.names_failing(&file, &subtest.name)
            });
            let unknown: BTreeSet<String> = unknown.map(|subtest| subtest.name.clone()).collect();
            if !unknown.is_empty() {
                self.fails.push(Failing {
                    reason: NEW.to_owned(),
                    file,
                    subtests: unknown.into_iter().collect(),
                });
            }
        }
        self.fails.sort_by(|a, b| a.file.cmp(&b.file));
    }

    /// A file, and its subtests but for those that are left out.
    fn counted<'e>(&self, ended: &'e Ended) -> (String, Vec<&'e Subtest>) {
        let file = ended.file.name();
        let all = ended.subtests.iter();
        let counted = all.filter(|subtest| !self.leaves_out_of(&file, &subtest.name));
        let counted = counted.collect();
        (file, counted)
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

    /// Whether a subtest is known to fail, and a person has said why.
    pub(crate) fn fails(&self, file: &str, subtest: &str) -> bool {
        let mut entries = self.fails.iter();
        entries.any(|entry| entry.reason != NEW && entry.names(file, subtest))
    }

    fn names_failing(&self, file: &str, subtest: &str) -> bool {
        self.fails.iter().any(|entry| entry.names(file, subtest))
    }
}

impl Failing {
    fn names(&self, file: &str, subtest: &str) -> bool {
        file == self.file && fits_any(subtest, &self.subtests)
    }
}

/// What is left of a pattern: itself where all that fits it fails, and those that fail where some do.
fn still_failing(pattern: &str, subtests: &[&Subtest]) -> Vec<String> {
    let fitting = || subtests.iter().filter(|it| fits(&it.name, pattern));
    let failing: BTreeSet<&String> = fitting()
        .filter(|it| !it.has_passed())
        .map(|it| &it.name)
        .collect();
    if !failing.is_empty() && fitting().all(|it| !it.has_passed()) {
        return vec![pattern.to_owned()];
    }
    failing.into_iter().cloned().collect()
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
    use serde_json::json;

    use super::*;
    use crate::checkout::File;
    use crate::run::Told;

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
    fn what_is_committed_has_reasons_and_is_as_it_would_be_written() {
        let expectations = Expectations::read().unwrap();
        assert!(expectations.fails.iter().all(|entry| entry.reason != NEW));
        assert_eq!(
            expectations.text().unwrap(),
            fs::read_to_string(FILE).unwrap()
        );
    }

    /// What a file of tests came to, by the names of its subtests; those that begin with `-` failed.
    fn ended(path: &str, error: Option<&str>, subtests: &[&str]) -> Ended {
        let subtests = subtests.iter().map(|name| Subtest {
            name: name.trim_start_matches('-').to_owned(),
            status: if name.starts_with('-') {
                "fail"
            } else {
                "pass"
            }
            .to_owned(),
            message: None,
        });
        let file = File {
            path: path.to_owned(),
            search: String::new(),
            folder: "url",
        };
        let told = Told {
            error: error.map(str::to_owned),
            subtests: subtests.collect(),
        };
        Ended::new(file, Ok(told))
    }

    /// What is known to fail after some runs, as (reason, file, subtests).
    #[track_caller]
    fn check_learned(ended: &[Ended], expected: &serde_json::Value) {
        let mut expectations: Expectations = serde_json::from_value(json!({
            "about": "",
            "left_out": [{ "reason": "c", "files": ["b.js"], "subtests": ["out*"] }],
            "fails": [
                { "reason": "r", "file": "b.js", "subtests": ["one", "more*"] },
                { "reason": "s", "file": "c.js", "subtests": ["*"] },
            ],
        }))
        .unwrap();
        expectations.learn(ended);
        let fails = expectations.fails.iter();
        let learned: Vec<_> = fails
            .map(|entry| json!([entry.reason, entry.file, entry.subtests]))
            .collect();
        assert_eq!(json!(learned), *expected);
    }

    #[test]
    fn what_still_fails_keeps_its_reason_and_what_passes_is_gone() {
        let c = json!(["s", "c.js", ["*"]]);
        let all = ["-one", "-more 1", "-more 2", "two", "-out 1"];
        check_learned(
            &[ended("b.js", None, &all)],
            &json!([["r", "b.js", ["one", "more*"]], c]),
        );
        let some = ["one", "more 1", "-more 2", "-more 3"];
        check_learned(
            &[ended("b.js", None, &some)],
            &json!([["r", "b.js", ["more 2", "more 3"]], c]),
        );
        check_learned(&[ended("b.js", None, &["one", "more 1"])], &json!([c]));
        check_learned(&[], &json!([["r", "b.js", ["one", "more*"]], c]));
    }

    #[test]
    fn what_fails_for_the_first_time_is_new() {
        let b = json!(["r", "b.js", ["one", "more*"]]);
        let c = json!(["s", "c.js", ["*"]]);
        check_learned(
            &[
                ended("b.js", None, &["-one", "-more", "-two", "-two", "-a"]),
                ended("a.js", None, &["-one", "two"]),
            ],
            &json!([
                ["new", "a.js", ["one"]],
                b,
                ["new", "b.js", ["a", "two"]],
                c
            ]),
        );
    }

    #[test]
    fn of_a_file_that_fails_as_a_whole_nothing_is_forgotten() {
        check_learned(
            &[ended("b.js", Some("too late"), &["one"])],
            &json!([
                ["r", "b.js", ["one", "more*"]],
                ["new", "b.js", ["(the whole file)"]],
                ["s", "c.js", ["*"]],
            ]),
        );
    }

    #[test]
    fn what_is_new_is_not_expected() {
        let mut expectations = Expectations::read().unwrap();
        let ended = [ended("new.any.js", None, &["-one"])];
        expectations.learn(&ended);
        assert!(!expectations.fails("new.any.js", "one"));
        expectations.fails.iter_mut().for_each(|entry| {
            if entry.reason == NEW {
                "It is so.".clone_into(&mut entry.reason);
            }
        });
        assert!(expectations.fails("new.any.js", "one"));
        assert!(!expectations.fails("new.any.js", "two"));
    }
}
