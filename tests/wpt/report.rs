//! What all runs came to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::expectations::{Expectations, WHOLE};
use crate::run::{Ended, Subtest};

/// The result, folder by folder and subtest by subtest.
#[derive(Serialize)]
pub(crate) struct Report {
    folders: BTreeMap<&'static str, Count>,
    total: Count,
    unexpected: Vec<Unexpected>,
    failures: Vec<Failure>,
}

#[derive(Default, Serialize)]
struct Count {
    files: usize,
    passed: usize,
    failed: usize,
}

/// A subtest that did not end as it was expected to.
#[derive(Serialize)]
struct Unexpected {
    file: String,
    subtest: String,
    what: &'static str,
    message: String,
}

/// A subtest that failed, expected or not.
#[derive(Serialize)]
struct Failure {
    file: String,
    subtest: String,
    status: String,
    message: String,
    expected: bool,
}

/// Of a message, in the text.
const SHOWN_LINES: usize = 5;
/// Of each of these lines.
const SHOWN_CHARACTERS: usize = 300;

impl Report {
    pub(crate) fn of(ended: &[Ended], expectations: &Expectations) -> Self {
        let mut report = Self {
            folders: BTreeMap::new(),
            total: Count::default(),
            unexpected: Vec::new(),
            failures: Vec::new(),
        };
        for ended in ended {
            report.add(ended, expectations);
        }
        report
    }

    fn add(&mut self, ended: &Ended, expectations: &Expectations) {
        let file = ended.file.name();
        let folder = self.folders.entry(ended.file.folder).or_default();
        folder.files += 1;
        self.total.files += 1;
        let mut whole = Subtest {
            name: WHOLE.to_owned(),
            status: "pass".to_owned(),
            message: None,
        };
        if ended.error.is_some() || ended.subtests.is_empty() {
            "fail".clone_into(&mut whole.status);
            let message = ended.error.as_deref().unwrap_or("it has no subtests");
            whole.message = Some(message.to_owned());
        }
        for subtest in ended.subtests.iter().chain([&whole]) {
            self.add_subtest(ended.file.folder, &file, subtest, expectations);
        }
    }

    fn add_subtest(
        &mut self,
        folder: &'static str,
        file: &str,
        subtest: &Subtest,
        expectations: &Expectations,
    ) {
        if expectations.leaves_out_of(file, &subtest.name) {
            return;
        }
        let passed = subtest.status == "pass";
        let expected = passed != expectations.fails(file, &subtest.name);
        let message = subtest.message.clone().unwrap_or_default();
        if !expected {
            self.unexpected.push(Unexpected {
                file: file.to_owned(),
                subtest: subtest.name.clone(),
                what: if passed { "passed" } else { "failed" },
                message: message.clone(),
            });
        }
        if passed && subtest.name == WHOLE {
            return; // It is no subtest of its own unless it fails.
        }
        let folder = self.folders.entry(folder).or_default();
        if passed {
            folder.passed += 1;
            self.total.passed += 1;
            return;
        }
        folder.failed += 1;
        self.total.failed += 1;
        self.failures.push(Failure {
            file: file.to_owned(),
            subtest: subtest.name.clone(),
            status: subtest.status.clone(),
            message,
            expected,
        });
    }

    /// Whether nothing failed but what is known to, and all of that did; and whether anything was run at all.
    pub(crate) fn is_as_expected(&self) -> bool {
        self.unexpected.is_empty() && self.total.files > 0
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_else(|error| error.to_string())
    }

    /// A line for each folder; before them what was not expected.
    pub(crate) fn text(&self) -> String {
        let unexpected = self.unexpected.iter().map(Unexpected::text);
        let folders = self
            .folders
            .iter()
            .map(|(folder, count)| format!("{folder}: {}", count.text()));
        let total = format!(
            "all: {}; {} not as expected",
            self.total.text(),
            self.unexpected.len()
        );
        let lines: Vec<String> = unexpected.chain(folders).chain([total]).collect();
        lines.join("\n")
    }
}

impl Unexpected {
    fn text(&self) -> String {
        let Self {
            file,
            subtest,
            what,
            message,
        } = self;
        let mut text = format!("{what}, which was not expected: {file}: {subtest}");
        for line in message.lines().take(SHOWN_LINES) {
            text += "\n    ";
            text.extend(line.chars().take(SHOWN_CHARACTERS));
        }
        text
    }
}

impl Count {
    fn text(&self) -> String {
        let Self {
            files,
            passed,
            failed,
        } = self;
        format!(
            "{passed} passed, {failed} failed of {} subtests in {files} files",
            passed + failed
        )
    }
}
