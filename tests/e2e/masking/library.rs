//! Each case through `lockstep_secret::Masker`, in every cut.

use lockstep_e2e::corpus::{self, Case, Event, Registration};
use lockstep_secret::{Masker, MaskerConfig, Registered, Secret};

use super::Failures;
use super::cuts::Cut;

pub(super) fn check_file(file: &str) {
    let mut failures = Failures::default();
    for case in corpus::cases(file) {
        let masker = masker(&case, &mut failures);
        if !case.is_refused() {
            check_cuts(&case, masker, &mut failures);
        }
    }
    failures.none();
}

/// A masker for the case, with its values.
fn masker(case: &Case, failures: &mut Failures) -> Masker {
    let masker = Masker::new(config(case));
    for (index, value) in case.values().into_iter().enumerate() {
        let told = match masker.register(&Secret::new(value)) {
            Ok(Registered::Masked) => Registration::Masked,
            Ok(Registered::TooShort) => Registration::TooShort,
            Ok(Registered::Blank) => Registration::Blank,
            Err(_) => Registration::Refused,
        };
        let expected = format!("{:?}", case.registration(index));
        let told = format!("{told:?}");
        let how = format!("registration of value {}", index + 1);
        failures.note(&case.id, &how, expected.as_bytes(), told.as_bytes());
    }
    masker
}

fn check_cuts(case: &Case, mut masker: Masker, failures: &mut Failures) {
    let happenings = case.happenings();
    let registers_late = happenings
        .iter()
        .any(|event| matches!(event, Event::Register(_)));
    for cut in Cut::all(case.longest_write()) {
        let before = failures.0.len();
        let out = carry_out(case, &happenings, &masker, cut, failures);
        failures.note(&case.id, &format!("{cut:?}"), &case.expected.bytes(), &out);
        if failures.0.len() > before {
            return;
        }
        if registers_late {
            masker = self::masker(case, failures);
        }
    }
}

fn carry_out(
    case: &Case,
    happenings: &[Event],
    masker: &Masker,
    cut: Cut,
    failures: &mut Failures,
) -> Vec<u8> {
    let (mut stream, mut out) = (masker.stream(), Vec::new());
    for (index, event) in happenings.iter().enumerate() {
        match event {
            Event::Write(text) => {
                for piece in cut.pieces(&text.bytes()) {
                    out.extend(stream.write(piece).into_inner());
                }
            }
            Event::Register(value) => {
                masker.register(&Secret::new(value.utf8())).unwrap();
            }
            Event::Shown(text) => {
                let how = format!("{cut:?}, at event {}", index + 1);
                failures.note(&case.id, &how, &text.bytes(), &out);
            }
            Event::Quiet => {
                // Whoever drives a stream asks before it waits.
                if stream.has_weak_hold() {
                    out.extend(stream.release_weak().into_inner());
                }
            }
        }
    }
    out.extend(stream.finish().into_inner());
    out
}

fn config(case: &Case) -> MaskerConfig {
    let usual = MaskerConfig::default();
    let settings = case.settings.clone();
    MaskerConfig {
        replacement: settings.replacement.unwrap_or(usual.replacement),
        token_shapes: settings.token_shapes.unwrap_or(usual.token_shapes),
        max_forms: settings.max_forms.unwrap_or(usual.max_forms),
    }
}
