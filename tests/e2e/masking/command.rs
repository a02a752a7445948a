//! Each case through `lockstep mask`: whole, and in writes that arrive one by one.

use std::fs;
use std::path::Path;

use lockstep_e2e::corpus::{self, Case, Event, Registration};
use lockstep_e2e::{Filter, Filtered};

use super::cuts::Cut;
use super::{ATTEMPTS, Failures, WEAK_HOLD};

/// Each write costs a turn of two processes: a longer input comes in pieces of up to 24 bytes.
const BY_BYTES_UP_TO: usize = 64;
/// And one that is longer still in pieces of up to 6,000.
const SHORT_PIECES_UP_TO: usize = 2_000;
/// A value of a megabyte takes seconds to register in a debug build: one process is enough.
const WHOLE_UP_TO: usize = 512 * 1024;

pub(super) fn check_file(file: &str) {
    let directory = tempfile::tempdir().unwrap();
    let secrets = directory.path().join("secrets.json");
    let mut failures = Failures::default();
    for case in corpus::cases(file) {
        if !case.is_for_the_command() {
            continue;
        }
        fs::write(&secrets, serde_json::to_vec(&case.values()).unwrap()).unwrap();
        if case.is_refused() {
            check_refused(&case, &secrets, &mut failures);
            continue;
        }
        for cut in cuts_of(&case) {
            check_cut(&case, &secrets, cut, &mut failures);
        }
    }
    failures.none();
}

fn cuts_of(case: &Case) -> Vec<Cut> {
    match case.longest_write() {
        ..=BY_BYTES_UP_TO => vec![Cut::Whole, Cut::Bytes],
        length if length <= SHORT_PIECES_UP_TO => vec![Cut::Whole, Cut::Random(7)],
        length if length <= WHOLE_UP_TO => vec![Cut::Whole, Cut::RandomLong(7)],
        _ => vec![Cut::RandomLong(7)],
    }
}

fn check_cut(case: &Case, secrets: &Path, cut: Cut, failures: &mut Failures) {
    let expected = case.expected.bytes();
    for attempt in 1..=ATTEMPTS {
        let filtered = carry_out(case, secrets, cut);
        let was_slow = filtered.took >= WEAK_HOLD;
        if filtered.stdout != expected && was_slow && attempt < ATTEMPTS {
            continue;
        }
        failures.note(&case.id, &format!("{cut:?}"), &expected, &filtered.stdout);
        check_told(case, &filtered, failures);
        return;
    }
}

fn carry_out(case: &Case, secrets: &Path, cut: Cut) -> Filtered {
    let mut filter = Filter::start(secrets);
    for event in case.happenings() {
        match event {
            Event::Write(text) => {
                for piece in cut.pieces(&text.bytes()) {
                    filter.write(piece);
                }
            }
            Event::Shown(text) => {
                let text = text.bytes();
                let shown = filter.shown(text.len());
                // What is shown next may be there already.
                assert!(
                    shown.starts_with(&text),
                    "{}: {} is shown in place of {}",
                    case.id,
                    super::shown(&shown),
                    super::shown(&text)
                );
            }
            // To wait for what is shown is to be quiet.
            Event::Quiet => {}
            Event::Register(_) => unreachable!("cases with late values are not for the command"),
        }
    }
    filter.finish()
}

/// Whether the command ended well, and told which values it does not mask.
fn check_told(case: &Case, filtered: &Filtered, failures: &mut Failures) {
    let mut told = vec![format!("exit code {}", filtered.code)];
    let mut expected = vec!["exit code 0".to_owned()];
    for index in 0..case.secrets.len() {
        let number = index + 1;
        let line = filtered
            .stderr
            .lines()
            .find(|line| line.contains(&format!("value {number} ")));
        told.push(match line {
            None => format!("{number} is masked"),
            Some(line) if line.ends_with("is too short to be masked") => {
                format!("{number} is too short")
            }
            Some(line) if line.ends_with("is blank") => format!("{number} is blank"),
            Some(line) => line.to_owned(),
        });
        expected.push(match case.registration(index) {
            Registration::Masked => format!("{number} is masked"),
            Registration::TooShort => format!("{number} is too short"),
            Registration::Blank => format!("{number} is blank"),
            Registration::Refused => unreachable!("a refused value ends the command"),
        });
    }
    let (expected, told) = (expected.join(", "), told.join(", "));
    failures.note(&case.id, "told", expected.as_bytes(), told.as_bytes());
}

/// A value beyond the limits ends the command before it reads a byte, and is not repeated.
fn check_refused(case: &Case, secrets: &Path, failures: &mut Failures) {
    let mut filter = Filter::start(secrets);
    filter.write(b"text");
    let filtered = filter.finish();
    let told = format!(
        "{} {:?}",
        filtered.code,
        filtered.stdout.escape_ascii().to_string()
    );
    failures.note(&case.id, "refused", b"2 \"\"", told.as_bytes());
    for value in case.values().iter().filter(|value| value.len() > 3) {
        assert!(!filtered.stderr.contains(value), "{} is told", case.id);
    }
}
