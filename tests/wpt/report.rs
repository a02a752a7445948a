//! What all runs came to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::expectations::Expectations;
use crate::run::{Ended, Subtest};

/// The result, folder by folder, and subtest by subtest where one failed or was to fail.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    folders: BTreeMap<&'static str, Count>,
    total: Count,
    notable: Vec<Notable>,
}

#[derive(Default, Serialize)]
struct Count {
    files: usize,
    passed: usize,
    failed: usize,
}

/// A subtest that failed, or that was expected to.
#[derive(Serialize)]
struct Notable {
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
        let mut report = Self::default();
        for Ended { file, subtests } in ended {
            let name = file.name();
            let counted = subtests
                .iter()
                .filter(|subtest| !expectations.leaves_out_of(&name, &subtest.name));
            for count in report.counts(file.folder) {
                count.files += 1;
            }
            for subtest in counted {
                for count in report.counts(file.folder) {
                    count.add(subtest);
                }
                let fails = expectations.fails(&name, &subtest.name);
                if fails || !subtest.has_passed() {
                    report.notable.push(Notable {
                        file: name.clone(),
                        subtest: subtest.name.clone(),
                        status: subtest.status.clone(),
                        message: subtest.message.clone().unwrap_or_default(),
                        expected: fails != subtest.has_passed(),
                    });
                }
            }
        }
        report
    }

    /// That of a folder, and that of all.
    fn counts(&mut self, folder: &'static str) -> [&mut Count; 2] {
        [self.folders.entry(folder).or_default(), &mut self.total]
    }

    /// Whether nothing failed but what is known to, and all of that did; and whether anything was run at all.
    pub(crate) fn is_as_expected(&self) -> bool {
        self.unexpected().count() == 0 && self.total.files > 0
    }

    fn unexpected(&self) -> impl Iterator<Item = &Notable> {
        self.notable.iter().filter(|subtest| !subtest.expected)
    }

    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_else(|error| error.to_string())
    }

    /// A line for each folder; before them what was not expected.
    pub(crate) fn text(&self) -> String {
        let unexpected = self.unexpected().map(Notable::text);
        let folders = self
            .folders
            .iter()
            .map(|(folder, count)| format!("{folder}: {}", count.text()));
        let total = format!(
            "all: {}; {} not as expected",
            self.total.text(),
            self.unexpected().count()
        );
        let lines: Vec<String> = unexpected.chain(folders).chain([total]).collect();
        lines.join("\n")
    }
}

impl Notable {
    fn text(&self) -> String {
        let Self {
            file,
            subtest,
            status,
            message,
            ..
        } = self;
        let mut text = format!("{status}, which was not expected: {file}: {subtest}");
        for line in message.lines().take(SHOWN_LINES) {
            text += "\n    ";
            text.extend(line.chars().take(SHOWN_CHARACTERS));
        }
        text
    }
}

impl Count {
    /// A file counts as a subtest of its own where it fails.
    fn add(&mut self, subtest: &Subtest) {
        if !subtest.has_passed() {
            self.failed += 1;
        } else if !subtest.is_whole() {
            self.passed += 1;
        }
    }

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
